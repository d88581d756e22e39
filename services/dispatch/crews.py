"""The crews themselves: what they are called and can do, when they work, what suppliers' contracts cover. Each change is a version
that stays to be read, and an event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from services.dispatch import store, tables, work_tables
from services.dispatch.roster import Cover
from services.dispatch.standards import items
from services.dispatch.store import forget_roster
from shared.contracts import dispatch
from shared.errors import Absent, Conflict, Invalid, Stale

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy import Connection, Row

    from shared.work import Work

W, V = tables.crew.c, work_tables.crew_version.c
DAYS = ("worked", "all")
KEPT = ("name", "name_en", "leader", "leader_en", "supplier", "seats", "skills", "shift_from", "shift_until", "days", "base",
        "hourly", "retired")  # fmt: skip


class ChangedMeanwhile(Stale):
    """Somebody else has changed the crew since it was read."""

    key = "crews.field.stale"


class Busy(Conflict):
    """The crew holds orders: they go to others first."""

    key = "crews.field.busy"


class ToldByBilling(Conflict):
    """The contract is kept by contract management; what it covers is changed there."""

    key = "crews.field.told"


def skills_known(connection: Connection) -> list[str]:
    """Every skill that an item asks for or a crew has."""
    teams = store.read_roster(connection).teams.values()
    return sorted(
        {skill for team in teams for skill in team.skills}
        | {skill for each in items().values() for skill in each.skills}
    )


def crew_row(connection: Connection, code: str) -> Row[Any]:
    """A crew as it is kept.

    Raises:
        Absent: there is none.
    """
    row = connection.execute(select(tables.crew).where(W.code == code)).first()
    if row is None:
        raise Absent
    return row


def versions(connection: Connection, code: str) -> list[Row[Any]]:
    """What was changed of a crew, newest first: the version, who, when, and what differs from the one before."""
    query = select(work_tables.crew_version).where(V.crew == code).order_by(V.version.desc()).limit(100)
    return list(connection.execute(query))


def version_of(connection: Connection, code: str) -> int:
    """The crew's newest version; 0 for one that nobody has changed."""
    found = connection.execute(select(func.max(V.version)).where(V.crew == code)).scalar_one()
    return int(found or 0)


def put_crew(
    work: Work, code: str, given: Mapping[str, Any], who: str, *, new: bool = False, version: int | None = None
) -> int:
    """The crew is like this from now on; its version, the old one where nothing differs.

    Who belongs to it is a matter of people (``workforce``); its employer stays what it was made with.

    Raises:
        Invalid: it is there already (``new``), no such supplier, a shift that ends before it begins. Absent: there is none.
        Busy: it is to be retired and holds orders. ChangedMeanwhile: ``version`` is given and is not the newest.
    """
    row = work.connection.execute(select(tables.crew).where(W.code == code).with_for_update()).first()
    if row is None and not new:
        raise Absent
    values = {**given, "skills": json.dumps(dict(given["skills"]), sort_keys=True), "retired": int(given["retired"]),
              "name_en": given["name_en"] or given["name"], "leader_en": given["leader_en"] or given["leader"]}  # fmt: skip
    wrong: dict[str, list[str]] = {}
    if row is not None and new:
        wrong["code"] = ["crews.field.code"]
    if given["shift_from"] >= given["shift_until"]:
        wrong["shift_until"] = ["crews.field.shift"]
    if row is None and given["supplier"] and given["supplier"] not in store.read_roster(work.connection).suppliers:
        wrong["supplier"] = ["crews.field.supplier"]
    if wrong:
        raise Invalid(fields=wrong)
    before = version_of(work.connection, code)
    if version is not None and version != before:
        raise ChangedMeanwhile
    if row is not None:
        values["supplier"] = row.supplier
        if values["retired"] and not row.retired and _holds(work.connection, code):
            raise Busy
        old = {name: getattr(row, name) for name in KEPT}
        old["skills"] = json.dumps(json.loads(row.skills), sort_keys=True)
        if all(old[name] == values[name] for name in KEPT):
            return before
    else:
        old = {}
    changed = {name: [old.get(name), values[name]] for name in KEPT if old.get(name) != values[name]}
    people = work.connection.execute(select(func.count()).where(tables.member.c.crew == code)).scalar_one()
    row_values = {name: values[name] for name in KEPT} | {"active": int(people > 0 and not values["retired"])}
    if row is None:
        work.connection.execute(insert(tables.crew).values(code=code, account="", size=1, **row_values))
    else:
        work.connection.execute(update(tables.crew).where(W.code == code).values(**row_values))
    work.connection.execute(insert(work_tables.crew_version).values(
        crew=code, version=before + 1, at=work.now, who=who, changed=json.dumps(changed, ensure_ascii=False)))  # fmt: skip
    work.say(dispatch.CrewChanged(
        crew=code, version=before + 1, name=values["name"], supplier=values["supplier"], skills=tuple(sorted(given["skills"])),
        retired=bool(values["retired"]), changed=tuple(sorted(changed)), at=work.now), sequence=before + 1)  # fmt: skip
    forget_roster()
    return before + 1


def _holds(connection: Connection, code: str) -> bool:
    T = tables.work_order.c  # noqa: N806
    query = select(T.order_id).where(T.crew == code, T.open == 1).limit(1)
    return connection.execute(query).first() is not None


def covers(connection: Connection) -> list[Row[Any]]:
    """What each contract covers, and who said so last: ``sequence`` 0 is a person here, else contract management."""
    C = tables.cover.c  # noqa: N806
    return list(connection.execute(select(tables.cover).order_by(C.supplier, C.starts_on, C.contract)))


def put_cover(work: Work, contract: str, supplier: str, covered: list[str], starts_on: date, ends_on: date) -> None:
    """The contract covers these items on these days, until contract management says what it covers.

    Raises:
        Invalid: no such supplier or item, none at all, or days the wrong way round. ToldByBilling: it has said so.
    """
    wrong: dict[str, list[str]] = {}
    if supplier not in store.read_roster(work.connection).suppliers:
        wrong["supplier"] = ["crews.field.supplier"]
    if not covered or not set(covered) <= set(items()):
        wrong["items"] = ["crews.field.items"]
    if ends_on <= starts_on:
        wrong["ends_on"] = ["dispatch.field.backwards"]
    if wrong:
        raise Invalid(fields=wrong)
    C = tables.cover.c  # noqa: N806
    row = work.connection.execute(select(tables.cover).where(C.contract == contract).with_for_update()).first()
    if row is not None and row.sequence > 0:
        raise ToldByBilling
    if row is not None:
        work.connection.execute(update(tables.cover).where(C.contract == contract).values(
            supplier=supplier, items=json.dumps(sorted(covered)), starts_on=starts_on, ends_on=ends_on))  # fmt: skip
        forget_roster()
    else:
        store.put_cover(work.connection, Cover(contract, supplier, frozenset(covered), starts_on, ends_on), 0)
