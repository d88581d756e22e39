"""What a form offers by name where a code or an id is wanted: (value, words) pairs in the reader's language."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, union

from services.dispatch import store, tables, work_tables
from services.dispatch.roster import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from services.dispatch.roster import Roster, Team
    from shared.language import Language

Options = list[tuple[str, str]]

DEPARTMENT = "department:"  # before a department's code where an account would do as well


def crew_name(team: Team, lang: Language) -> str:
    """The crew alone, without its leader."""
    return lang.named(team.name, team.name_en)


def crews(roster: Roster, lang: Language) -> Options:
    """All crews."""
    return [(team.code, crew_name(team, lang)) for team in roster.teams.values()]


def members(connection: Connection, teams: Iterable[Team], lang: Language) -> Options:
    """The people of crews, as ``crew:number``."""
    names = {team.code: crew_name(team, lang) for team in teams}
    return [
        (f"{each.crew}:{each.number}", f"{each.name} · {names[each.crew]}")
        for each in store.members(connection, list(names))
    ]


def departments(connection: Connection, lang: Language) -> Options:
    """The departments that have accounts."""
    D = tables.department.c  # noqa: N806
    rows = connection.execute(select(tables.department).order_by(D.code))
    return [(row.code, lang.named(row.name, row.name_en)) for row in rows]


def parties(connection: Connection, roster: Roster, lang: Language, own: str | None = None) -> Options:
    """Who can bear a cost: departments, then suppliers; of suppliers only ``own`` where one asks itself."""
    return [*departments(connection, lang), *(each for each in suppliers(roster, lang) if own in {None, each[0]})]


def suppliers(roster: Roster, lang: Language) -> Options:
    """All suppliers."""
    return [(code, lang.named(*names)) for code, names in sorted(roster.suppliers.items())]


def accounts(connection: Connection, lang: Language) -> Options:
    """Everybody who has an account, with their department."""
    A = tables.crew_account.c  # noqa: N806
    known = dict(departments(connection, lang))
    rows = connection.execute(select(tables.crew_account).order_by(A.department, A.name, A.account))
    return [
        (row.account, " · ".join(filter(None, (row.name, known.get(row.department, row.department))))) for row in rows
    ]


def interests(connection: Connection, lang: Language) -> Options:
    """Whom a crew may have an interest in: a whole department, or one person."""
    whole = [(f"{DEPARTMENT}{code}", words) for code, words in departments(connection, lang)]
    return [*whole, *accounts(connection, lang)]


def unused_accounts(connection: Connection, teams: Iterable[Team], lang: Language) -> Options:
    """Accounts of these crews that are nobody's in the roster yet."""
    names = {team.code: crew_name(team, lang) for team in teams}
    A, P = tables.crew_account.c, work_tables.person.c  # noqa: N806
    taken = select(P.account).where(P.account != "")
    query = select(tables.crew_account).where(A.crew.in_(names), A.account.not_in(taken)).order_by(A.crew, A.name)
    return [(row.account, f"{row.name} · {names[row.crew]}") for row in connection.execute(query)]


def contracts(roster: Roster, lang: Language) -> Options:
    """Contracts that crews work under, with their suppliers."""
    return [
        (each.contract, lang.named(*roster.suppliers[each.supplier]))
        for each in roster.covers
        if each.supplier in roster.suppliers
    ]


def assets(connection: Connection, lang: Language) -> Options:
    """The assets in the register."""
    rows = connection.execute(select(tables.asset).order_by(tables.asset.c.kind, tables.asset.c.code))
    return [(row.code, lang.named(row.name, row.name_en)) for row in rows]


def place_name(code: str, lang: Language) -> str:
    """A place by its name, or as it is written where it has none."""
    return lang(f"dispatch.place.{code}") if lang.has(f"dispatch.place.{code}") else code


def places(connection: Connection, lang: Language) -> Options:
    """Places of assets and plans."""
    rows = connection.execute(union(select(tables.asset.c.place), select(tables.plan.c.place)))
    return [(code, place_name(code, lang)) for (code,) in sorted(map(tuple, rows)) if code]


def bases(lang: Language) -> Options:
    """Buildings that a crew may set out from."""
    return [(code, lang("dispatch.where.building", building=code)) for code in PLACES if code.isdecimal()]
