"""Work that nobody files: preventive plans, patrol rounds with readings, alarms of devices."""

from __future__ import annotations

import base64
import hashlib
import hmac
import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dateutil.rrule import rrulestr
from sqlalchemy import delete, insert, select, update

from services.dispatch import model, orders, store, tables
from services.dispatch.standards import items
from shared.clock import SITE_ZONE
from shared.database import Sql
from shared.errors import Absent, Conflict, Forbidden, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from shared.work import Work

FILE = Path(__file__).parent / "data" / "upkeep.toml"
MOST_RULE = 200  # characters
LEAST_APART = timedelta(minutes=15)  # between two occurrences: a rule for each second would never end
MOST_STEPS = 3000  # occurrences looked through for the next one
SEVERITIES = {"critical": 1, "major": 2, "minor": 3, "warning": 4}  # to priorities of orders
AGE = timedelta(minutes=10)  # of a webhook's time stamp, either way
KNOWN = timedelta(days=1)  # how long a delivery is known again; a broker may send again hours later

_FIRST = Sql(
    """INSERT INTO alarm (source, key, severity, words, place, asset, first_at, last_at, times, round, order_id)
       VALUES (:source, :key, '', '', '', '', :at, :at, 0, 0, '') ON CONFLICT DO NOTHING"""
)
_COUNTED = Sql("INSERT INTO alarm_message (message, at) VALUES (:message, :at) ON CONFLICT DO NOTHING")


@lru_cache(maxsize=1)
def known() -> dict[str, Any]:
    """The demonstration's assets, plans and emergency plans."""
    return tomllib.loads(FILE.read_text("utf-8"))


def demonstrate(work: Work) -> None:
    """The demonstration's assets, plans and checkpoints are there; nothing happens where there are assets."""
    if work.connection.execute(select(tables.asset.c.code).limit(1)).first() is not None:
        return
    for row in known()["assets"]:
        work.connection.execute(insert(tables.asset).values(
            code=row["code"], name=row["name"]["zh"], name_en=row["name"]["en"], kind=row["kind"], place=row["place"],
            contract=row.get("contract", ""), since=row["since"]))  # fmt: skip
    for row in known()["plan"]:
        hour, minute = (int(part) for part in row["at"].split(":"))
        today = work.now.astimezone(SITE_ZONE).replace(hour=hour, minute=minute, second=0, microsecond=0)
        put_plan(work, code=row["code"], name=row["name"]["zh"], name_en=row["name"]["en"], item=row["item"],
                 place=row["place"], skills=row["skills"], minutes=row["minutes"], rule=row["rule"], starts_at=today,
                 asset=row.get("asset", ""))  # fmt: skip
        for position, point in enumerate(row.get("points", ()), 1):
            work.connection.execute(insert(tables.checkpoint).values(
                code=point["code"], plan=row["code"], position=position, name=point["name"]["zh"],
                name_en=point["name"]["en"], unit=point["unit"], low=point["low"], high=point["high"],
                asset=point["asset"]))  # fmt: skip


# ---- plans


def next_after(rule: str, starts_at: datetime, after: datetime) -> datetime | None:
    """The first occurrence of an RFC 5545 rule after an instant, in the site's wall clock; None when it has ended.

    Raises:
        Invalid: it is no such rule, has occurrences less than a quarter of an hour apart, or cannot be counted through.
    """
    wrong = Invalid(fields={"rule": ["dispatch.field.rule"]})
    if len(rule) > MOST_RULE or "\n" in rule or "SECONDLY" in rule.upper():
        raise wrong
    begin = starts_at.astimezone(SITE_ZONE).replace(tzinfo=None)
    wanted = after.astimezone(SITE_ZONE).replace(tzinfo=None)
    try:
        found = rrulestr(rule, dtstart=begin)
        before: datetime | None = None
        for count, each in enumerate(found):
            if before is not None and each - before < LEAST_APART:
                raise wrong
            if each > wanted:
                return each.replace(tzinfo=SITE_ZONE).astimezone(UTC)
            if count > MOST_STEPS:
                raise wrong
            before = each
    except (ValueError, TypeError, OverflowError, AttributeError, KeyError) as error:
        raise wrong from error
    return None


def put_plan(
    work: Work, *, code: str, name: str, name_en: str, item: str, place: str, skills: list[str], minutes: int, rule: str,
    starts_at: datetime, asset: str = "",
) -> None:  # fmt: skip
    """The plan is there; the same code again replaces it.

    Raises:
        Invalid: no such item, or the rule is none.
    """
    import json

    if item not in items():
        raise Invalid(fields={"item": ["dispatch.field.item"]})
    following = next_after(rule, starts_at, work.now - timedelta(microseconds=1))
    work.connection.execute(delete(tables.plan).where(tables.plan.c.code == code))
    work.connection.execute(insert(tables.plan).values(
        code=code, name=name, name_en=name_en, item=item, place=place, skills=json.dumps(skills), minutes=minutes,
        rule=rule, starts_at=starts_at.astimezone(UTC), asset=asset, active=1, next_at=following))  # fmt: skip


def run_plans(work: Work, limit: int = 100) -> int:
    """Each plan that is due has its order, once for each occurrence; after a stop only the latest missed one is made up."""
    import json

    P = tables.plan.c  # noqa: N806
    query = select(tables.plan).where(P.next_at <= work.now, P.active == 1).order_by(P.next_at, P.code).limit(limit)
    due = list(work.connection.execute(query.with_for_update(skip_locked=True)))
    for row in due:
        latest = following = row.next_at
        while following is not None and following <= work.now:
            latest, following = following, next_after(row.rule, row.starts_at, following)
        local = latest.astimezone(SITE_ZONE)
        orders.open_own(
            work, ident=model.own_id("plan", f"{row.code}/{latest.isoformat()}"),
            reference=f"{local:%Y-%m%d}-{row.code}", origin="plan", item=row.item, place=row.place, priority=4,
            summary=row.name, skills=json.loads(row.skills), minutes=row.minutes, asset=row.asset,
        )  # fmt: skip
        work.connection.execute(update(tables.plan).where(P.code == row.code).values(next_at=following))
    return len(due)


# ---- rounds


def round_of(connection: Connection, checkpoint: str) -> tuple[Row[Any], model.Order | None]:
    """The checkpoint and the open order of its round, if one is open.

    Raises:
        Absent: there is no such checkpoint.
    """
    C, T = tables.checkpoint.c, tables.work_order.c  # noqa: N806
    point = connection.execute(select(tables.checkpoint).where(C.code == checkpoint)).first()
    if point is None:
        raise Absent
    query = select(tables.work_order).where(
        T.open == 1, T.origin == "plan", T.reference.like(f"____-____-{point.plan.replace('_', '!_')}", escape="!")
    )
    row = connection.execute(query.order_by(T.opened_at.desc())).first()
    return point, store.order_of(row) if row else None


def points_of(connection: Connection, order: model.Order) -> list[tuple[Row[Any], Row[Any] | None]]:
    """The checkpoints of an order's round, each with its passing."""
    if order.origin != "plan":
        return []
    plan = order.reference.split("-", 2)[2]
    C, P = tables.checkpoint.c, tables.passing.c  # noqa: N806
    passed = {
        row.checkpoint: row for row in connection.execute(select(tables.passing).where(P.order_id == order.order_id))
    }
    rows = connection.execute(select(tables.checkpoint).where(C.plan == plan).order_by(C.position))
    return [(row, passed.get(row.code)) for row in rows]


def pass_point(work: Work, order: model.Order, point: Row[Any], who: str, reading: str) -> bool:
    """The round has passed the checkpoint; whether the reading broke a limit, which opens an order of its own.

    Raises:
        Conflict: it has been passed already. Invalid: a reading is missing or no number.
    """
    broken = False
    if point.unit:
        try:
            value = Decimal(reading)
        except InvalidOperation as error:
            raise Invalid(fields={"reading": ["dispatch.field.reading"]}) from error
        if not value.is_finite() or len(reading) > 20:
            raise Invalid(fields={"reading": ["dispatch.field.reading"]})
        broken = outside(point, value)
    P = tables.passing.c  # noqa: N806
    key = (P.order_id == order.order_id, P.checkpoint == point.code)
    if work.connection.execute(select(P.at).where(*key)).first() is not None:
        raise Conflict("dispatch.field.passed")
    work.connection.execute(insert(tables.passing).values(
        order_id=order.order_id, checkpoint=point.code, at=work.now, who=who, reading=reading if point.unit else "",
        outside=int(broken)))  # fmt: skip
    if broken:
        words = f"{point.name}：{reading}{point.unit}"
        sound_alarm(
            work, source="round", key=point.code, severity="major", words=words, place=order.place, asset=point.asset
        )
    return broken


def outside(point: Row[Any], value: Decimal) -> bool:
    """Whether a reading breaks a limit of its checkpoint."""
    return bool(point.low and value < Decimal(point.low)) or bool(point.high and value > Decimal(point.high))


# ---- alarms


def sound_alarm(work: Work, *, source: str, key: str, severity: str, words: str, place: str, asset: str) -> str:
    """The alarm counts, and one order is open for it however often it sounds; the order's id.

    Once that order has ended, the next alarm opens another. A worse severity does not open a second order.

    Raises:
        Invalid: no such severity.
    """
    if severity not in SEVERITIES:
        raise Invalid(fields={"severity": ["dispatch.field.severity"]})
    A = tables.alarm.c  # noqa: N806
    where = (A.source == source, A.key == key)
    _FIRST.run(
        work.connection, source=source, key=key, at=work.now
    )  # of two at once the second waits for the first here
    row = work.connection.execute(select(tables.alarm).where(*where).with_for_update()).one()
    order = store.order_by_id(work.connection, row.order_id) if row.order_id else None
    if order is not None and order.open:
        change = update(tables.alarm).where(*where).values(last_at=work.now, times=A.times + 1, words=words)
        work.connection.execute(change)
        return str(row.order_id)
    round_ = row.round + 1
    ident = model.own_id("alarm", f"{source}/{key}/{round_}")
    local = work.now.astimezone(SITE_ZONE)
    orders.open_own(
        work, ident=ident, reference=f"{local:%Y-%m%d}-A{hashlib.sha256(ident.encode()).hexdigest()[:6]}", origin="alarm",
        item="repair", place=place, priority=SEVERITIES[severity], summary=words[:200], asset=asset,
    )  # fmt: skip
    work.connection.execute(update(tables.alarm).where(*where).values(
        severity=severity, words=words, place=place, asset=asset, last_at=work.now, round=round_, order_id=ident,
        times=A.times + 1))  # fmt: skip
    return ident


def signed(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a delivery whose Standard Webhooks signature is ours, checked over the bytes as they came.

    Raises:
        Forbidden: no secret is set, the signature is missing or another's, or the time is more than ten minutes away.
    """
    ident, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not secret or not ident or len(ident) > 100 or not stamp.isdecimal() or len(stamp) > 12:
        raise Forbidden("dispatch.field.unsigned")
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > AGE:
        raise Forbidden("dispatch.field.unsigned")
    right = hmac.new(secret.encode(), f"{ident}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(right).decode()}".encode()
    given = headers.get("webhook-signature", "").split(" ")
    if not any(hmac.compare_digest(wanted, each.encode()) for each in given):
        raise Forbidden("dispatch.field.unsigned")
    return ident


def first_time(work: Work, ident: str) -> bool:
    """Whether a delivery of this id is counted now; kept for a day, in the same commit as its effect."""
    return _COUNTED.run(work.connection, message=ident, at=work.now).rowcount == 1


def forget(work: Work) -> None:
    """Ids of deliveries of longer ago than a day are forgotten."""
    M = tables.alarm_message.c  # noqa: N806
    work.connection.execute(delete(tables.alarm_message).where(M.at < work.now - KNOWN))
