"""Handing in the letters that are due, and what became of each."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from services.requests.letters import boxes, queue
from shared import observe
from shared.mail.smtp import Outcome, Unreachable, hand_in, session

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.requests.letters.office import Office
    from services.requests.letters.queue import Letter
    from shared.mail.smtp import Server
    from shared.service import Running

log = logging.getLogger("houqin.requests.letters")
BATCH = 20  # letters handed in by one turn of the timer


def send_due(
    running: Running, office: Office, opened: Callable[[Server], Any] = session, limit: int = BATCH
) -> dict[str, int]:
    """Letters that are due were handed in, put off or parked; how many of each. No transaction is open meanwhile."""
    done: dict[str, int] = {}
    if office.smtp is None:
        return done
    with running.database.read() as connection:
        waiting = queue.due(connection, running.clock.now(), limit)
    if not waiting:
        return done
    try:
        with opened(office.smtp) as client:
            for one in waiting:
                if not _claimed(running, one):
                    continue
                outcome = hand_in(client, office.sender, one.address, one.message)
                _note(running, one, outcome)
                done[outcome.verdict] = done.get(outcome.verdict, 0) + 1
                if outcome.verdict == "gone":
                    break
    except Unreachable as error:
        log.warning("letters wait: the mail server cannot be used: %s", error)
        for one in waiting:  # none of them was handed in; they are looked at again in a minute
            if _claimed(running, one):
                with running.database.write() as connection:
                    queue.later(connection, one, running.clock.now(), str(error), counted=False)
                done["unreachable"] = done.get("unreachable", 0) + 1
    return done


def measure(running: Running) -> None:
    """The gauges of letters are up to date."""
    with running.database.read() as connection:
        for state, count in queue.open_figures(connection).items():
            observe.LETTERS.labels(state).set(count)


def _claimed(running: Running, one: Letter) -> bool:
    with running.database.write() as connection:
        return queue.claim(connection, one, running.clock.now())


def _note(running: Running, one: Letter, outcome: Outcome) -> None:
    now = running.clock.now()
    with running.database.write() as connection:
        match outcome.verdict:
            case "sent":
                queue.sent(connection, one, now)
            case "refused":
                queue.park(connection, one, now, outcome.why)
                boxes.refuse(connection, one.account, one.address, now, outcome.why)
            case "poison":
                queue.park(connection, one, now, outcome.why)
            case _:
                parked = queue.later(connection, one, now, outcome.why)
                if parked:
                    log.error("letter %s is given up: %s", one.id, outcome.why)
    if outcome.verdict in {"refused", "poison"}:
        log.warning("letter %s of %s is not taken: %s", one.id, one.kind, outcome.why)
