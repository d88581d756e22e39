"""HTML routes of the dispatcher's desk: modes, saved views, bulk acceptance, hand-over, map, day's report."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import api, desk, handlers, store, views
from services.dispatch.access import DISPATCH, QUEUE
from services.dispatch.model import WAITING
from services.dispatch.roster import midnight, suggestion
from services.dispatch.standards import items
from shared.clock import SITE_ZONE
from shared.errors import Absent, Conflict, Invalid, Refused
from shared.web import chart
from shared.web.answers import Answer, Said, file, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Schema, Text, fields, validate

if TYPE_CHECKING:
    from shared.web.context import Context

MOST_AT_ONCE = 50


class Mode(Schema):
    """How an item's orders find their crew."""

    item = Key(required=True)
    mode = fields.String(required=True, validate=validate.OneOf(desk.MODES, error="dispatch.field.mode"))


class View(Schema):
    """A view of the queue under a name of one's own."""

    name = Text(30, required=True)
    view = fields.String(load_default="open", validate=validate.OneOf(store.VIEWS))
    item = Key(load_default="")
    building = Key(load_default="")
    words = Text(60, load_default="")


class Named(Schema):
    """Which view."""

    name = Text(30, required=True)


class Chosen(Schema):
    """Orders marked in the queue, each as ``reference@version``."""

    order = fields.List(
        fields.String(validate=validate.Regexp(r"^[0-9A-Za-z.-]{1,40}@[0-9]{1,9}\Z")),
        required=True, validate=validate.Length(min=1, max=MOST_AT_ONCE, error="dispatch.field.marked"),
    )  # fmt: skip


class Note(Schema):
    """What the next shift should know."""

    words = Text(500, required=True, lines=True)
    reference = Key(load_default="")


# ---- modes


def modes(context: Context, *, problem: str = "", status: int = 200) -> Answer:
    """How the orders of each item find their crew."""
    lang = context.language
    with context.read() as connection:
        roster = store.roster(connection)
    rows = [(code, views.item_name(code, lang), roster.modes.get(code, "automatic")) for code in items()]
    choices = [(mode, lang(f"dispatch.mode.{mode}")) for mode in desk.MODES]
    return page("dispatch/modes.html", status=status, rows=rows, choices=choices, problem=problem)


def set_mode(context: Context) -> Answer:
    """The item's orders find their crew this way from now on."""
    try:
        given = context.form()
        with context.work() as work:
            desk.set_mode(work, given["item"], given["mode"])
    except Invalid as error:
        return modes(context, problem=_words(context, error), status=error.status)
    said = Said("dispatch.said.mode", {"item": views.item_name(given["item"], context.language),
                                       "mode": context.language(f"dispatch.mode.{given['mode']}")})  # fmt: skip
    return see_other(context.url("modes"), said=said)


# ---- saved views


def save_view(context: Context) -> Answer:
    """The view stands in the rail under its name."""
    try:
        given = context.form()
        name = given.pop("name")
        with context.work() as work:
            desk.save_view(work, context.principal.account, name, given)
    except Invalid:
        return see_other(context.url("queue"), said=Said("dispatch.said.view_not"))
    return see_other(_address(context, given), said=Said("dispatch.said.view", {"name": name}))


def _address(context: Context, query: dict[str, str]) -> str:
    given = {name: value for name, value in query.items() if value and (name, value) != ("view", "open")}
    return context.url("queue", **given)


def drop_view(context: Context) -> Answer:
    """The view no longer stands in the rail."""
    name = context.form()["name"]
    with context.work() as work:
        desk.drop_view(work, context.principal.account, name)
    return see_other(context.url("queue"), said=Said("dispatch.said.view_gone", {"name": name}))


# ---- many at once


def accept_many(context: Context) -> Answer:
    """Each marked order that waits is given to its suggested crew, each in a transaction of its own; the rest is said."""
    try:
        chosen = context.form()["order"]
    except Invalid:
        return see_other(context.url("queue"), said=Said("dispatch.said.many_none"))
    done, late, nobody = 0, 0, 0
    for each in chosen:
        ref, _, version = each.partition("@")

        def adopt(work: Any, order: Any, who: str, version: int = int(version)) -> None:
            handlers.need(work, "assign", order, version)
            if order.state not in WAITING:
                raise Conflict
            found, _ = suggestion(order, store.roster(work.connection), store.loads(work.connection), work.now)
            if found.best is None:
                raise Absent
            handlers.assign(work, order, found.crew, who, version)

        try:
            api.act(context, views.full(ref, context.now), adopt)
            done += 1
        except Conflict:
            late += 1
        except (Absent, Invalid):
            nobody += 1
    said = Said("dispatch.said.many", {"n": done, "late": late, "nobody": nobody})
    return see_other(context.url("queue", view="to_assign"), said=said)


# ---- hand-over


def handover(
    context: Context, *, given: dict[str, Any] | None = None, errors: dict[str, Any] | None = None, status: int = 200
) -> Answer:
    """Notes from shift to shift, and what is late or waits now."""
    with context.read() as connection:
        notes = desk.notes(connection, context.now - timedelta(days=2))
        counts = store.counts(connection, context.now)
        references = {row.reference for row in notes if row.reference}
        known = {ref: context.url("order", ref=ref) for ref in references}
    return page(
        "dispatch/handover.html", status=status, notes=notes, counts=counts, known=known, short=views.short,
        given=given or {}, errors=errors or {},
    )  # fmt: skip


def hand_over(context: Context) -> Answer:
    """The note stands for the next shift."""
    try:
        given = context.form()
        reference = views.full(given["reference"], context.now) if given["reference"] else ""
        with context.work() as work:
            desk.hand_over(work, context.principal.name, given["words"], reference)
    except Invalid as error:
        return handover(context, given=context.posted, errors=context.errors(error), status=error.status)
    return see_other(context.url("handover"), said=Said("dispatch.said.note"))


def settle_note(context: Context, note_id: str) -> Answer:
    """The note has been seen to."""
    with context.work() as work:
        desk.settle_note(work, note_id, context.principal.name)
    return see_other(context.url("handover"), said=Said("dispatch.said.note_done"))


# ---- the map


def map_page(context: Context) -> Answer:
    """Open work by building and floor, the top floor first."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    with context.read() as connection:
        found = desk.by_place(connection)
        roster = store.roster(connection)
    buildings = []
    for building in sorted(found, key=lambda code: (code == "", code.zfill(4))):
        floors = []
        for floor in sorted(found[building], key=lambda code: code.zfill(4), reverse=True):
            rows = [views.row(order, roster, now, lang, context.url("order", ref=order.reference))
                    for order in found[building][floor]]  # fmt: skip
            floors.append({"name": lang("dispatch.map.floor", floor=floor) if floor else "", "rows": rows,
                           "late": sum(row["promise"]["key"] == "breached" for row in rows)})  # fmt: skip
        name = lang("dispatch.where.building", building=building) if building else lang("dispatch.map.outside")
        buildings.append({"name": name, "floors": floors, "code": building,
                          "count": sum(len(each["rows"]) for each in floors)})  # fmt: skip
    return page("dispatch/map.html", place=place, buildings=buildings)


# ---- the day's report


def report_today(context: Context) -> Answer:
    """Today's report."""
    return report(context, midnight(context.now).date().isoformat())


def _day(text: str) -> tuple[datetime, datetime]:
    try:
        day = date.fromisoformat(text)
        since = datetime(day.year, day.month, day.day, tzinfo=SITE_ZONE)
        return since, since + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise Absent from error


def report(context: Context, day: str) -> Answer:
    """What came in and was done on a day, what was late, how long each item waited, and the crews side by side."""
    lang = context.language
    since, until = _day(day)
    with context.read() as connection:
        found = desk.report(connection, since, until)
        roster = store.roster(connection)
    shown = [row for row in found.hours if row[1] or row[2]]
    span = range(min((row[0] for row in shown), default=8), max((row[0] for row in shown), default=18) + 1)
    busiest = max(found.hours, key=lambda row: row[1])
    figures = [
        chart.lines(
            lang("dispatch.report.busiest", hour=busiest[0], n=busiest[1]) if busiest[1] else lang("dispatch.report.quiet"),
            [f"{hour}:00" for hour in span],
            [chart.Series(lang("dispatch.report.opened"), [found.hours[hour][1] for hour in span]),
             chart.Series(lang("dispatch.report.finished"), [found.hours[hour][2] for hour in span])],
            head=lang("dispatch.report.hour"),
        )
    ]  # fmt: skip
    waits = sorted(((line.wait, line.name) for line in found.items if line.wait is not None), reverse=True)
    if waits:
        named = [(views.item_name(name, lang), round(wait, 1)) for wait, name in waits if wait is not None]
        title = lang("dispatch.report.waited", item=named[0][0], n=named[0][1])
        figures.append(chart.bars(title, named, head=(lang("dispatch.report.item"), lang("dispatch.report.wait"))))
    return page(
        "dispatch/report.html", found=found, figures=figures, day=lang.day(since), code=day,
        before=context.url("report", day=(since - timedelta(days=1)).date().isoformat()),
        after=context.url("report", day=until.date().isoformat()) if until <= context.now else "",
        items=[_line(line, views.item_name(line.name, lang), lang) for line in found.items],
        crews=[_line(line, roster.crew_name(line.name, lang.code), lang) for line in found.crews],
    )  # fmt: skip


def _line(line: desk.Line, name: str, lang: Any) -> list[str]:
    wait = "–" if line.wait is None else lang("dispatch.report.minutes", n=round(line.wait))
    return [
        name,
        str(line.opened),
        str(line.finished),
        str(line.breaches),
        str(line.refused),
        wait,
        f"{line.worked:.1f}",
    ]


def report_csv(context: Context, day: str) -> Answer:
    """The same figures as a file, UTF-8 with a mark so that spreadsheets read Chinese."""
    lang = context.language
    since, until = _day(day)
    with context.read() as connection:
        found = desk.report(connection, since, until)
        roster = store.roster(connection)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([lang(f"dispatch.report.{name}") for name in
                    ("kind", "name", "opened", "finished", "breaches", "refused", "wait", "worked")])  # fmt: skip
    for kind, lines in (("item", found.items), ("crew", found.crews)):
        for line in lines:
            name = views.item_name(line.name, lang) if kind == "item" else roster.crew_name(line.name, lang.code)
            wait = "" if line.wait is None else f"{line.wait:.1f}"
            cells = [lang(f"dispatch.report.{kind}"), _plain(name), line.opened, line.finished, line.breaches, line.refused,
                     wait, f"{line.worked:.2f}"]  # fmt: skip
            table.writerow(cells)
    return file(("\ufeff" + out.getvalue()).encode(), "text/csv; charset=utf-8", f"dispatch-{day}.csv")


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t"} else text


def _words(context: Context, error: Refused) -> str:
    if not error.fields:
        return context.language(error.key, **error.parameters)
    return "; ".join(each for found in context.errors(error).values() for each in found)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/modes", "modes", modes, allow=QUEUE, sample={}, summary="How items' orders find their crews."),
    Route("POST", "/modes", "set_mode", set_mode, allow=DISPATCH, accepts=Mode, summary="Change an item's mode."),
    Route("POST", "/views", "save_view", save_view, allow=DISPATCH, accepts=View, summary="Save a view of the queue."),
    Route("POST", "/views/drop", "drop_view", drop_view, allow=DISPATCH, accepts=Named, summary="Forget a saved view."),
    Route("POST", "/accept-many", "accept_many", accept_many, allow=DISPATCH, accepts=Chosen, limit=api.WORKING,
          summary="Give all marked orders to their suggested crews."),
    Route("GET", "/handover", "handover", handover, allow=QUEUE, sample={}, summary="Notes between shifts."),
    Route("POST", "/handover", "hand_over", hand_over, allow=DISPATCH, accepts=Note, creates=True, summary="Leave a note."),
    Route("POST", "/handover/<note_id>/done", "settle_note", settle_note, allow=DISPATCH, summary="A note is seen to."),
    Route("GET", "/map", "map", map_page, allow=QUEUE, sample={}, summary="Open work by building and floor."),
    Route("GET", "/report", "report_today", report_today, allow=QUEUE, sample={}, summary="Today's report."),
    Route("GET", "/report/<day>", "report", report, allow=QUEUE, sample={"day": "2026-11-24"}, summary="A day's report."),
    Route("GET", "/report/<day>.csv", "report_csv", report_csv, allow=QUEUE, kind="file", summary="A day's report as CSV."),
)  # fmt: skip
