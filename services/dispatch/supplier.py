"""The supplier's manager: own orders and people, and how promises are kept, by promise, crew and item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from services.dispatch import api, pages, store, tables, views
from services.dispatch.access import SUPPLIER
from services.dispatch.acts import table_file
from services.dispatch.promises import KINDS
from services.dispatch.roster import NOTHING
from services.dispatch.store import T, order_of
from services.dispatch.workforce_pages import FiguresForm, Month, crew_words, month_of, months_around
from shared.errors import Absent
from shared.web import chart
from shared.web.answers import Answer, answer, page
from shared.web.routes import Route

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from services.dispatch.model import Order
    from services.dispatch.roster import Roster
    from shared.language import Language
    from shared.web.context import Context


@dataclass
class Kept:
    """Promises of one kind, crew or item that were due, and how many were kept."""

    name: str
    due: int = 0
    kept: int = 0

    @property
    def percent(self) -> str:
        """Per cent kept, one decimal; a dash where nothing was due."""
        return f"{100 * self.kept / self.due:.1f}%" if self.due else "–"


@dataclass(frozen=True)
class Figures:
    """A month of one supplier: promises kept by kind, crew and item; offers lapsed or refused; orders done and redone."""

    kinds: list[Kept]
    crews: list[Kept]
    items: list[Kept]
    finished: int
    refused: int
    redone: int


def figures(connection: Connection, supplier: str, since: datetime, until: datetime) -> Figures:
    """What the supplier held and finished in a period, judged by the clock of each promise."""
    kinds = {kind: Kept(kind) for kind in KINDS}
    crews: dict[str, Kept] = {}
    items: dict[str, Kept] = {}
    orders = [order_of(row) for row in connection.execute(
        select(T).where(T.c.supplier == supplier, T.c.finished_at >= since, T.c.finished_at < until)
        .order_by(T.c.finished_at).limit(20000))]  # fmt: skip
    for order in orders:
        for kind in KINDS:
            if order.due()[kind] is None:
                continue
            good = order.judged(kind) is not False
            for line in (
                kinds[kind],
                crews.setdefault(order.crew, Kept(order.crew)),
                items.setdefault(order.item, Kept(order.item)),
            ):
                line.due += 1
                line.kept += good
    own = [row.code for row in connection.execute(select(tables.crew.c.code).where(tables.crew.c.supplier == supplier))]
    H = tables.happening.c  # noqa: N806
    refused = connection.execute(
        select(func.count()).where(H.kind == "refused", H.crew.in_(own), H.at >= since, H.at < until)
    ).scalar_one()
    redone = connection.execute(
        select(func.count()).where(
            T.c.origin == "redo", T.c.supplier == supplier, T.c.opened_at >= since, T.c.opened_at < until
        )
    ).scalar_one()
    return Figures(
        list(kinds.values()), sorted(crews.values(), key=lambda line: line.name), sorted(items.values(), key=lambda line: line.name),
        len(orders), int(refused), int(redone),
    )  # fmt: skip


def _read(context: Context) -> tuple[Figures, Roster, str, datetime]:
    since, until, text = month_of(context)
    with context.read() as connection:
        found = figures(connection, context.principal.supplier or "-", since, until)
        return found, store.read_roster(connection), text, until


def _tables(found: Figures, roster: Roster, lang: Language) -> dict[str, list[list[Any]]]:
    return {
        "kinds": [[lang(f"dispatch.promise.{line.name}"), line.due, line.kept, line.percent] for line in found.kinds],
        "crews": [[crew_words(line.name, roster, lang), line.due, line.kept, line.percent] for line in found.crews],
        "items": [[views.item_name(line.name, lang), line.due, line.kept, line.percent] for line in found.items],
    }


def promises(context: Context) -> Answer:
    """How the reader's supplier kept its promises in a month."""
    lang = context.language
    found, roster, text, until = _read(context)
    before, after = months_around(text, until, context.now)
    shown = _tables(found, roster, lang)
    drawn = []
    if any(line.due for line in found.kinds):
        worst = min((line for line in found.kinds if line.due), key=lambda line: line.kept / line.due)
        title = lang("supplier.title", what=lang(f"dispatch.promise.{worst.name}"), percent=worst.percent)
        values = [
            (row[0], round(100 * line.kept / line.due, 1))
            for row, line in zip(shown["kinds"], found.kinds, strict=True)
            if line.due
        ]
        drawn.append(chart.bars(title, values, head=(lang("supplier.kinds"), lang("supplier.percent")), unit="%"))
    return page(
        "dispatch/supplier_promises.html", found=found, shown={name: [[str(cell) for cell in row] for row in rows] for name, rows in shown.items()},
        figures=drawn, month=text, before=before, after=after, name=roster.supplier_name(context.principal.supplier or "-", lang.code),
    )  # fmt: skip


def promises_file(context: Context) -> Answer:
    """The same as CSV."""
    lang = context.language
    found, roster, text, _ = _read(context)
    rows = [[lang(f"supplier.{name}"), *row] for name, some in _tables(found, roster, lang).items() for row in some]
    head = [lang(f"supplier.{name}") for name in ("kind", "name", "due", "kept", "percent")]
    return table_file(f"promises-{text}.csv", head, rows)


def api_promises(context: Context) -> Answer:
    """The same as JSON."""
    found, _, _, _ = _read(context)
    lines = {"kinds": found.kinds, "crews": found.crews, "items": found.items}
    tables_ = {
        name: [{"name": line.name, "due": line.due, "kept": line.kept} for line in some] for name, some in lines.items()
    }
    return answer(
        {
            "tables": {
                **tables_,
                "orders": {"finished": found.finished, "refused": found.refused, "redone": found.redone},
            }
        }
    )


# ---- its orders and people


def supplier_home(context: Context) -> Answer:
    """The orders that the supplier holds, and no others."""
    asked = context.query()
    place = context.own.hub.place()
    lang, now = context.language, context.now
    supplier = context.principal.supplier or "-"
    found, following = api.list_orders(
        context, {"crew": "", "priority": 0, "limit": pages.PAGE, **asked}, supplier=supplier
    )
    with context.read() as connection:
        roster = store.roster(connection)
        counts = store.counts(connection, now, supplier)

    def make(order: Order) -> dict[str, Any]:
        return views.row(order, roster, now, lang, context.url("order", ref=order.reference))

    ended = asked["view"] == "ended"
    groups = (
        ([("ended", [make(order) for order in found])] if found else []) if ended else views.grouped(found, now, make)
    )
    return page(
        "dispatch/supplier.html", place=place, asked=asked, groups=groups, counts=counts, following=following,
        tab_items=[
            {"words": lang("dispatch.supplier.open" if view == "open" else f"dispatch.view.{view}"), "href": context.url("supplier", view=view), "here": view == asked["view"]}
            | ({"count": counts[view]} if view in counts else {})
            for view in ("open", "late", "offered", "under_way", "paused", "ended")
        ],
        name=roster.supplier_name(supplier, lang.code),
        total=counts.get(asked["view"], len(found)),
    )  # fmt: skip


def supplier_people(context: Context) -> Answer:
    """The supplier's crews, who is in them and what they have in hand."""
    lang = context.language
    supplier = context.principal.supplier or "-"
    with context.read() as connection:
        roster, loads = store.roster(connection), store.loads(connection)
        teams = [team for team in roster.teams.values() if team.supplier == supplier]
        people = store.members(connection, [team.code for team in teams])
    return page(
        "dispatch/people.html", name=roster.supplier_name(supplier, lang.code),
        teams=[
            {
                "name": lang.named(team.name, team.name_en),
                "leader": lang.named(team.leader, team.leader_en),
                "people": [each.name for each in people if each.crew == team.code],
                "skills": lang.listed([views.skill_words(skill, lang) for skill in team.skills]),
                "shift": f"{team.shift[0] // 60:02}:{team.shift[0] % 60:02}–{team.shift[1] // 60:02}:{team.shift[1] % 60:02}",
                "days": lang(f"dispatch.days.{team.days}"),
                "load": loads.get(team.code, NOTHING),
            }
            for team in teams
        ],
    )  # fmt: skip


def _supplier_channel(context: Context) -> list[str]:
    if not context.principal.supplier:
        raise Absent
    return [f"supplier:{context.principal.supplier}"]


ROUTES: tuple[Route, ...] = (
    Route("GET", "/supplier/", "supplier", supplier_home, allow=SUPPLIER, accepts=pages.Looking, sample={},
          summary="My supplier's orders."),
    Route("GET", "/supplier/people", "supplier_people", supplier_people, allow=SUPPLIER, sample={},
          summary="My supplier's crews."),
    Route("GET", "/supplier/live", "supplier_live", pages.stream(_supplier_channel), allow=SUPPLIER, kind="events",
          accepts=pages.Listening, summary="What changes for my supplier."),
    Route("GET", "/supplier/promises", "supplier_promises", promises, allow=SUPPLIER, accepts=Month, sample={},
          summary="How my supplier keeps its promises."),
    Route("GET", "/supplier/promises.csv", "supplier_promises_file", promises_file, allow=SUPPLIER, kind="file", accepts=Month,
          summary="The same as CSV."),
    Route("GET", "/api/supplier/promises", "api_supplier_promises", api_promises, allow=SUPPLIER, kind="api", accepts=Month,
          answers=FiguresForm, summary="How my supplier keeps its promises."),
)  # fmt: skip
