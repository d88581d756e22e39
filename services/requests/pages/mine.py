"""My requests: a list that follows them live."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, lists, model, store
from services.requests.pages.rows import Row, row_of
from shared.clock import from_text, to_text
from shared.web import sheets
from shared.web.answers import Answer, events, file, page
from shared.web.limits import Limit
from shared.web.routes import Route
from shared.web.schemas import Text

if TYPE_CHECKING:
    from datetime import datetime

    from services.requests.desk import Desk
    from shared.web.context import Context

PAGE = 40
VIEWS: dict[str, tuple[str, ...]] = {
    "all": (),
    "waiting": ("to_confirm",),
    "open": model.OPEN_STATES,
    "ended": model.ENDED_STATES,
}


class MineQuery(Schema):
    """Which of my requests."""

    view = fields.String(load_default="all", validate=validate.OneOf(list(VIEWS)))
    cursor = fields.String(load_default="", validate=validate.Length(max=400))


class Listening(Schema):
    """Where a stream goes on."""

    last = Text(20, load_default="")


def mine(context: Context) -> Answer:
    """My requests: what waits for me, what is under way, what is done by month."""
    asked = context.query()
    desk: Desk = context.own
    cursors = context.application.cursors
    key = cursors.read("mine", asked["cursor"])
    place = desk.hub.place()
    who = store.Seen(account=context.principal.account)
    with context.read() as connection:
        places = desk.places(connection)
        counts = lists.count_own(connection, context.principal.account, VIEWS)
        found = lists.list_requests(
            connection,
            who,
            states=VIEWS[asked["view"]],
            limit=PAGE + 1,
            after=(from_text(key[0]), key[1]) if key else None,
        )
    shown = found[:PAGE]
    rows = [row_of(context, request, places) for request in shown]
    last = shown[-1] if len(found) > PAGE else None
    totals = {view: lists.counted(count) for view, count in counts.items()}
    return page(
        "requests/mine.html",
        view=asked["view"],
        place=place,
        totals=totals,
        groups=_groups(rows),
        shown=len(shown),
        onward=context.url("mine", view=asked["view"], cursor=cursors.write("mine", to_text(last.filed_at), last.id))
        if last
        else "",
        first=context.url("mine", view=asked["view"]) if key else "",
    )


EXPORTED = 10_000  # rows of one file


def export(context: Context) -> Answer:
    """My requests as a table for a spreadsheet, newest first, the last ten thousand."""
    asked = context.query()
    desk: Desk = context.own
    words = context.language
    who = store.Seen(account=context.principal.account)
    head = ("reference", "item", "what", "place", "state", "filed", "starts", "finished", "crew", "stars")
    lines: list[list[object]] = [[words(f"following.export.{name}") for name in head]]
    after: tuple[datetime, str] | None = None
    with context.read() as connection:
        places = desk.places(connection)
        while len(lines) <= EXPORTED:
            found = lists.list_requests(connection, who, states=VIEWS[asked["view"]], limit=500, after=after)
            for request in found:
                row, item = row_of(context, request, places), desk.catalogue.get(request.item)
                lines.append([
                    request.reference, item.name.in_(words.code) if item else request.item, row.title, row.place,
                    words.state("request", request.state), words.stamp(request.filed_at),
                    words.stamp(request.starts_at) if request.starts_at else "",
                    words.stamp(request.finished_at) if request.finished_at else "", row.crew, request.stars or "",
                ])  # fmt: skip
            if len(found) < 500:
                break
            after = (found[-1].filed_at, found[-1].id)
    name = f"{words('following.export.file')}-{model.day_of(context.now):%Y%m%d}.csv"
    return file(sheets.csv_bytes(lines), "text/csv; charset=utf-8", name)


def follow(context: Context) -> Answer:
    """What changes on requests of mine, as it happens."""
    context.query()
    desk: Desk = context.own
    return events(desk.hub.stream(context, [f"account:{context.principal.account}"]))


def _groups(rows: list[Row]) -> list[dict[str, Any]]:
    """Waiting for me, under way, and what has ended by month."""
    waiting = [row for row in rows if row.request.state == "to_confirm"]
    under_way = [row for row in rows if row.request.state in model.OPEN_STATES]
    ended = [row for row in rows if row.request.state in model.ENDED_STATES]
    found: list[dict[str, Any]] = []
    if waiting:
        found.append({"key": "waiting", "rows": waiting, "month": None})
    if under_way:
        found.append({"key": "open", "rows": under_way, "month": None})
    for month, inside in groupby(ended, key=lambda row: model.day_of(row.request.filed_at).strftime("%Y-%m")):
        year, number = month.split("-")
        found.append({"key": "ended", "rows": list(inside), "month": (int(year), int(number))})
    return found


ROUTES = (
    Route("GET", "/live", "live", follow, allow=access.ASK, kind="events", accepts=Listening, summary="What changes on my requests."),
    Route("GET", "/mine", "mine", mine, allow=access.ASK, accepts=MineQuery, summary="My requests.", sample={}),
    Route("GET", "/mine.csv", "mine_csv", export, allow=access.ASK, kind="file", accepts=MineQuery,
          limit=Limit(per_minute=6, burst=6), summary="My requests as CSV."),
)  # fmt: skip
