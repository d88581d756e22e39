"""Closing a log and beginning the next: each year by itself where that is set, or on command.

The final checkpoint of the closed log is signed in the transaction that closes it, and the first thing that is said
afterwards, an entry of the next log, names that checkpoint. The next log has a name and keys of its own, which are made
beforehand, so that supervisors can put them into their policies in time.
"""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from services.audit import logs, signing, store
from services.audit.log.errors import LogError, Malformed
from services.audit.log.sequencer import Head
from services.audit.log.signer import FileMemory, replace_file
from services.audit.logs import Closed
from shared.clock import SITE_ZONE
from shared.contracts.audit import LogOpened

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.audit.log.note import SigningKey
    from shared.service import Running

log = logging.getLogger(__name__)

AHEAD = timedelta(days=30)  # before the new year the keys of its log are made


def name_of_next(connection: Connection, running: Running, year: int) -> str:
    """The name of the log that follows the current one: the first log's, with the year, and a count within it."""
    names = {each.next_origin for each in logs.closed(connection)}
    base = f"{running.settings['AUDIT_ORIGIN']}/{year}"
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in names)


def prepare(running: Running, origin: str) -> list[SigningKey]:
    """The keys of the log that will be called ``origin``, made and added to the key file where it has none.

    Raises:
        OSError: the key file cannot be written by this process.
    """
    found = signing.keys(running.settings, origin)
    if found:
        return found
    made = signing.new_keys(origin)
    text = "".join(each.secret() + "\n" for each in (*signing.keys(running.settings), *made)).encode()
    replace_file(signing.key_file(running.settings), text, sync=True, mode=0o400)
    return made


def close(running: Running, year: int = 0) -> Closed:
    """Close the current log with a signed final checkpoint; entries go to the next one from now on.

    Raises:
        Malformed: the log is empty. LogError: the log may not be signed. OSError: the keys cannot be made.
        TwoSequencers: another process closed it in between.
    """
    year = year or running.clock.now().astimezone(SITE_ZONE).year
    with running.database.read() as connection:
        wanted = logs.current(connection)
        origin = name_of_next(connection, running, year)
    prepare(running, origin)
    if not signing.may_begin(running):
        raise LogError("the log may not be signed now, so it cannot be closed; see what the service said of it")
    with running.work() as work:
        of, head = store.lock_head(work.connection)
        if of != wanted:
            raise store.TwoSequencers
        if not head.size:
            raise Malformed("the log has no entries yet; there is nothing to close")
        point = store.checkpoint(work.connection, of)
        if point is None or point[0] != head.size:
            signing.sign_head(running, work.connection, of, head)
        name = logs.origin_of(work.connection, running.settings, of)
        found = Closed(of, name, head.size, head.root, origin, work.now)
        logs.keep_closed(work.connection, found)
        after = store.begin_next(work.connection, of, head)
        work.say(
            LogOpened(
                origin=origin, number=after.number, first=after.first, before=name, before_size=head.size,
                before_root=base64.b64encode(head.root).decode(), opened_at=work.now,
            )
        )  # fmt: skip
    # From here on a database that was restored to the time before the closing signs nothing.
    FileMemory(signing.memory_file(running.settings, after.number)).remember(Head())
    return found


def yearly(running: Running) -> None:
    """Where that is set, close last year's log, and make the keys of next year's in time; replicas do no harm."""
    if str(running.settings["AUDIT_NEW_LOG"]) != "yearly":
        return
    now = running.clock.now().astimezone(SITE_ZONE)
    with running.database.read() as connection:
        of, head = store.current(connection)
        begun = _begun(connection, of)
    try:
        if head.size and begun is not None and begun.astimezone(SITE_ZONE).year < now.year:
            found = close(running)
            log.warning("the log %s is closed with %d entries; %s follows", found.origin, found.size, found.next_origin)
        elif (now + AHEAD).year > now.year:
            with running.database.read() as connection:
                prepare(running, name_of_next(connection, running, now.year + 1))
    except store.TwoSequencers:
        log.info("another process closed the log")
    except (LogError, OSError) as error:
        log.critical("the log of the new year could not be begun: %s", error)


def _begun(connection: Connection, of: logs.Log) -> datetime | None:
    first = store.entry(connection, of.first)
    return None if first is None else first.received_at
