"""What every service does by itself: fold its inbox, try again what waits, notice gaps and ask for what is missing."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import inbox, observe, outbox, personal
from shared.bus.base import Subscription
from shared.contracts.base import REGISTRY, SERVICES, Undecodable
from shared.database import Sql
from shared.service import Timer
from shared.web.upkeep import forget as forget_web

if TYPE_CHECKING:
    from shared.contracts.base import Envelope
    from shared.service import Running
    from shared.work import Work

log = logging.getLogger(__name__)

ASK_AFTER = timedelta(minutes=5)  # a hole younger than this may still be on its way
ASK_AGAIN = timedelta(minutes=5)
FORGET = 1000  # events in one transaction

_suspects: set[tuple[str, str]] = set()  # (handler, source) whose last announcement was below what was seen

_ASKED = Sql(
    """UPDATE watermark SET asked_at = :now WHERE handler = :handler AND source = :source AND type = :type
       AND epoch = :epoch AND (asked_at IS NULL OR asked_at < :before)"""
)
_STATES = Sql("SELECT state, count(*) FROM waiting GROUP BY state")


def fold(running: Running) -> None:
    """Move the watermarks over what has closed up."""
    running.consumer.fold()


def retry(running: Running) -> None:
    """Try again what has waited long enough."""
    running.consumer.retry(running.subscriptions)


def measure(running: Running) -> None:
    """Bring the gauges up to date."""
    with running.database.read() as connection:
        states = {str(state): int(count) for state, count in _STATES.run(connection)}
        gaps = inbox.gaps(connection, limit=1)
        observe.OUTBOX_WAITING.labels(running.name).set(outbox.unnumbered(connection))
        if not running.database.is_sqlite:  # which has no clock but this host's
            asked = running.clock.now()
            there = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            halfway = asked + (running.clock.now() - asked) / 2
            observe.CLOCK_OFFSET.labels(running.name).set((halfway - there).total_seconds())
    for state in ("waiting", "parked", "dead"):
        observe.WAITING.labels(running.name, state).set(states.get(state, 0))
    now = running.clock.now()
    observe.GAP_SECONDS.labels(running.name).set(max((now - gap.since).total_seconds() for gap in gaps) if gaps else 0)


def ask(running: Running) -> None:
    """Ask the sources for numbers that have been missing for long."""
    now = running.clock.now()
    with running.database.read() as connection:
        gaps = [gap for gap in inbox.gaps(connection) if now - gap.since >= ASK_AFTER]
    wanted: Any = REGISTRY[f"{running.name}.resend_wanted.v1"]
    for gap in gaps:
        place: dict[str, Any] = {"handler": gap.handler, "source": gap.source, "type": gap.type, "epoch": gap.epoch}
        with running.work() as work:
            if _ASKED.run(work.connection, **place, now=now, before=now - ASK_AGAIN).rowcount:
                log.warning("%s misses %d events of %s %s", gap.handler, len(gap.missing), gap.source, gap.type)
                work.say(wanted(source=gap.source, epoch=gap.epoch, type=gap.type, numbers=gap.missing))


def forget_sent(running: Running) -> None:
    """Events that were sent long ago are no more where they were said."""
    before = running.clock.now() - timedelta(days=running.settings["HOUQIN_OUTBOX_DAYS"])
    while True:
        with running.database.write() as connection:
            if outbox.forget(connection, before, FORGET) < FORGET:
                return


UPKEEP = (
    Timer("second_fold", 1.0, fold),
    Timer("second_retry", 1.0, retry),
    Timer("ten_seconds_measure", 10.0, measure),
    Timer("half_minute_ask", 30.0, ask),
    Timer("hour_forget_web", 3600.0, forget_web),
    Timer("hour_personal", 3600.0, personal.expire),
    Timer("hour_outbox", 3600.0, forget_sent),
)


def note_resend(work: Work, event: Any, _envelope: Envelope) -> None:
    """Have the relay send again what another service misses of ours."""
    if event.source == work.service:
        outbox.WANT.run(work.connection, epoch=event.epoch, type=event.type, numbers=json.dumps(event.numbers[:1000]))


def floor_subscriptions(service: str) -> tuple[Subscription, ...]:
    """What every service listens to: others that miss something of it."""
    events = tuple(REGISTRY[f"{other}.resend_wanted.v1"] for other in SERVICES if other != service)
    return (Subscription(name=f"{service}.note_resend", handler=note_resend, events=events),)


def note_heads(running: Running, subscription: Subscription, body: bytes) -> None:
    """Learn the last numbers of a source, so that a lost tail is seen.

    Raises:
        Undecodable: it is no announcement.
    """
    try:
        said = json.loads(body)
        source, epoch, heads = str(said["source"]), int(said["epoch"]), dict(said["heads"])
        heads = {str(type_): int(number) for type_, number in heads.items()}
    except (ValueError, KeyError, TypeError) as error:
        raise Undecodable(f"heads: {error}") from error
    types = {event.TYPE for event in subscription.events if event.TYPE.startswith(f"{source}.")} or {"*"}
    mine = {type_: heads.get(type_, 0) for type_ in types}
    with running.database.write() as connection:
        seen = inbox.announce(connection, subscription.name, source, epoch, mine, running.clock.now())
    fallen = any(seen[type_] > number for type_, number in mine.items())
    observe.SOURCE_FELL_BACK.labels(subscription.name, source).set(fallen)
    if not fallen:
        _suspects.discard((subscription.name, source))
    elif (subscription.name, source) not in _suspects:
        _suspects.add((subscription.name, source))  # an old announcement may have come late
    else:
        # Whoever restores a database raises its epoch. Without that it gives numbers again, and they are taken as seen.
        log.critical("%s has seen more of %s than it says it gave: it was restored without raising its epoch",
                     subscription.name, source)  # fmt: skip
