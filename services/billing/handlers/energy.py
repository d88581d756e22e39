"""Readings of energy and water, and what was saved against the year before."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from services.billing import procurement_tables as own
from services.billing.model import period_of
from services.billing.pricing.exact import fraction
from shared.contracts.billing import ResourceRead
from shared.errors import Invalid

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from shared.work import Work

R = own.reading.c
RESOURCES = {"electricity": "kWh", "water": "m³", "gas": "m³", "heat": "GJ"}


def read(work: Work, given: dict[str, Any], name: str) -> str:
    """What a month used is written down; an earlier reading of the same month no longer counts. Its id.

    Raises:
        Invalid: a month in the future.
    """
    if given["period"] > period_of(work.now):
        raise Invalid(fields={"period": ["energy.future"]})
    reading_id = work.new_id()
    work.connection.execute(
        insert(own.reading), {**given, "reading_id": reading_id, "by": work.actor, "name": name, "at": work.now}
    )
    work.say(
        ResourceRead(
            reading_id=reading_id, resource=given["resource"], scored=given["scored"], period=given["period"],
            quantity=given["quantity"], cost=given["cost"],
        ),
        sequence=1,
    )  # fmt: skip
    return reading_id


Key = tuple[str, str, str]  # resource, whose, month


def readings(connection: Connection, first: str, last: str) -> dict[Key, Row[Any]]:
    """The reading that counts of each resource, whose it is and month, of the months named and all between."""
    query = select(own.reading).where(R.period >= first, R.period <= last).order_by(R.at, R.reading_id)
    return {(row.resource, row.scored, row.period): row for row in connection.execute(query)}


def year_before(period: str) -> str:
    """The same month of the year before."""
    return f"{int(period[:4]) - 1}-{period[5:]}"


def saving(connection: Connection, scored: str, period: str) -> Fraction | None:
    """By how many per cent less than a year before was used of what somebody is answerable for: the mean over resources.

    None where nothing can be compared.
    """
    now, before = readings(connection, period, period), readings(connection, year_before(period), year_before(period))
    found = []
    for (resource, whose, _), row in now.items():
        old = before.get((resource, whose, year_before(period)))
        if whose == scored and old is not None and old.quantity:
            found.append(100 * (fraction(old.quantity) - fraction(row.quantity)) / fraction(old.quantity))
    return sum(found, Fraction(0)) / len(found) if found else None
