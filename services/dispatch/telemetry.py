"""Readings that devices send by themselves: kept a while beside those of the rounds, and an alarm when one breaks a limit.

A reading belongs to a checkpoint, which knows its unit, limits and asset; so a device and a person read the same thing.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from services.dispatch import tables, upkeep
from shared.database import Sql
from shared.errors import Invalid
from shared.web.answers import Answer, answer
from shared.web.intake import load, read_json
from shared.web.limits import Limit
from shared.web.routes import PUBLIC, Route
from shared.web.schemas import Instant, Key, Schema, Text, fields, validate

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row

    from shared.web.context import Context
    from shared.work import Work

D, C, P = tables.device_reading.c, tables.checkpoint.c, tables.plan.c
KEPT = timedelta(days=30)
MOST = 100  # readings of one delivery
_KEEP = Sql(
    """INSERT INTO device_reading (checkpoint, at, reading, outside) VALUES (:checkpoint, :at, :reading, :outside)
       ON CONFLICT (checkpoint, at) DO UPDATE SET reading = excluded.reading, outside = excluded.outside"""
)
LOUD = Limit(per_minute=1200, burst=600)


class Reading(Schema):
    """What one meter shows."""

    point = Key(required=True)
    reading = Text(20, required=True)


class Readings(Schema):
    """What several meters show at one time: ``at``, by the device's clock; now, where it does not say."""

    at = Instant(load_default=None, allow_none=True)
    readings = fields.List(fields.Nested(Reading), required=True, validate=validate.Length(min=1, max=MOST))


class TakenForm(Schema):
    """How many were taken, and the checkpoints whose limits were broken."""

    taken = fields.Integer()
    outside = fields.List(fields.String())


def take(work: Work, readings: list[dict[str, Any]], at: datetime | None = None) -> list[str]:
    """The readings are kept; the checkpoints of those outside their limits, for each of which an alarm sounds.

    Of one checkpoint that is named twice for one time the last counts. Readings older than thirty days are forgotten.

    Raises:
        Invalid: no such checkpoint, one where nothing is read, no number, or a time that is long past or still to come;
            then none is kept.
    """
    at = at or work.now
    if not work.now - KEPT < at <= work.now + upkeep.AGE:
        raise Invalid(fields={"at": ["field.range"]})
    given = {each["point"]: each["reading"] for each in readings}
    query = select(tables.checkpoint, P.place).join(tables.plan, P.code == C.plan).where(C.code.in_(given))
    points = {row.code: row for row in work.connection.execute(query)}
    values = {code: _number(points.get(code), text) for code, text in given.items()}
    wrong = sorted(code for code, value in values.items() if value is None)
    if wrong:
        raise Invalid(fields={"readings": ["dispatch.field.readings"]})
    work.connection.execute(delete(tables.device_reading).where(D.checkpoint.in_(given), D.at < work.now - KEPT))
    broken = []
    for code in sorted(given):
        point, value = points[code], values[code]
        assert value is not None
        outside = upkeep.outside(point, value)
        _KEEP.run(work.connection, checkpoint=code, at=at, reading=given[code], outside=int(outside))
        if outside:
            broken.append(code)
            upkeep.sound_alarm(
                work, source="device", key=code, severity="major", words=f"{point.name}：{given[code]}{point.unit}",
                place=point.place, asset=point.asset,
            )  # fmt: skip
    return broken


def _number(point: Row[Any] | None, text: str) -> Decimal | None:
    if point is None or not point.unit:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def readings(context: Context) -> Answer:
    """What devices read, signed as alarms are; the same delivery twice counts once."""
    body = context.request.get_data(cache=True)
    headers = {name.lower(): value for name, value in context.request.headers.items()}
    ident = upkeep.signed(context.own.alarm_secret, headers, body, context.now)
    given = load(Readings, read_json(body))
    with context.work() as work:
        first = upkeep.first_time(work, ident)
        broken = take(work, **given) if first else []
    return answer({"taken": len(given["readings"]) if first else 0, "outside": broken})


ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/readings", "api_readings", readings, allow=PUBLIC, kind="api", accepts=Readings, answers=TakenForm,
          limit=LOUD, max_body=20_000, summary="Readings of devices, signed."),
)  # fmt: skip
