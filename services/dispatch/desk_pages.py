"""The dispatcher's desk: modes, saved views, hand-over between shifts, the map."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import desk, store, views
from services.dispatch.access import DISPATCH, KEEP, QUEUE
from services.dispatch.standards import items
from shared.clock import to_text
from shared.errors import Invalid, Refused
from shared.web.answers import Answer, Said, answer, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Schema, Text, fields, validate

if TYPE_CHECKING:
    from shared.web.context import Context

MOST_LISTED = 20  # orders of one view on the page between shifts


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


class Note(Schema):
    """What the next shift should know."""

    words = Text(500, required=True, lines=True)
    reference = Key(load_default="")


class About(Schema):
    """Which order a note would be about."""

    about = Key(load_default="")


class NoteForm(Schema):
    """A note from shift to shift."""

    note_id = fields.String()
    at = fields.String()
    who = fields.String()
    words = fields.String()
    reference = fields.String()
    done_at = fields.String(allow_none=True)
    done_by = fields.String()


class ShiftForm(Schema):
    """A shift that signed that it took over, with what stood open then."""

    at = fields.String()
    who = fields.String()
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    notes = fields.Integer()


class NotesForm(Schema):
    """Notes, and who took over lately."""

    notes = fields.List(fields.Nested(NoteForm))
    shifts = fields.List(fields.Nested(ShiftForm))


class NoteIdForm(Schema):
    """Which note."""

    note_id = fields.String()


class TakenForm(Schema):
    """The signature."""

    change_id = fields.String()


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


# ---- modes and views through the API


class ModesForm(Schema):
    """How the orders of each item find their crew."""

    modes = fields.List(fields.Nested(Mode))


class ViewsForm(Schema):
    """The reader's saved views, by name."""

    views = fields.List(fields.Nested(View))


def api_modes(context: Context) -> Answer:
    """How the orders of each item find their crew."""
    with context.read() as connection:
        known = store.roster(connection).modes
    return answer({"modes": [{"item": code, "mode": known.get(code, "automatic")} for code in items()]})


def api_set_mode(context: Context) -> Answer:
    """The item's orders find their crew this way from now on."""
    given = context.json()
    with context.work() as work:
        desk.set_mode(work, given["item"], given["mode"])
    return answer(given)


def api_views(context: Context) -> Answer:
    """The reader's own saved views."""
    with context.read() as connection:
        found = desk.views_of(connection, context.principal.account)
    return answer({"views": [{"name": name, **query} for name, query in found]})


def api_save_view(context: Context) -> Answer:
    """The view is kept under its name; the same name again replaces it."""
    given = context.json()
    query = {name: value for name, value in given.items() if name != "name"}
    with context.work() as work:
        desk.save_view(work, context.principal.account, given["name"], query)
    return answer(given)


def api_drop_view(context: Context) -> Answer:
    """The view is gone; one that is not there stays so."""
    given = context.json()
    with context.work() as work:
        desk.drop_view(work, context.principal.account, given["name"])
    return answer(given)


# ---- hand-over


def handover(
    context: Context, *, given: dict[str, Any] | None = None, errors: dict[str, Any] | None = None, status: int = 200
) -> Answer:
    """Notes from shift to shift, and what is late or waits now."""
    with context.read() as connection:
        notes = desk.notes(connection, context.now - timedelta(days=2))
        counts = store.counts(connection, context.now)
        roster = store.roster(connection)
        shifts = desk.shifts(connection)
        found = {
            view: store.listed(connection, view=view, now=context.now, limit=MOST_LISTED)
            for view in ("late", "to_assign", "paused")
        }
    references = {row.reference for row in notes if row.reference}
    known = {ref: context.url("order", ref=ref) for ref in references}
    lang = context.language
    rows = {
        view: [
            views.row(order, roster, context.now, lang, context.url("order", ref=order.reference)) for order in orders
        ]
        for view, orders in found.items()
    }
    asked = {"reference": context.query()["about"]} if given is None else given
    return page(
        "dispatch/handover.html", status=status, notes=notes, counts=counts, known=known, short=views.short,
        given=asked, errors=errors or {}, rows=rows, shifts=[(row, json.loads(row.counts)) for row in shifts],
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
    said = Said("dispatch.said.note_done", undo=context.url("open_note", note_id=note_id))
    return see_other(context.url("handover"), said=said)


def open_note(context: Context, note_id: str) -> Answer:
    """The note has not been seen to after all."""
    with context.work() as work:
        desk.open_note(work, note_id)
    return see_other(context.url("handover"), said=Said("handover.again"))


def take_over(context: Context) -> Answer:
    """I have the desk from now on."""
    with context.work() as work:
        desk.take_over(work, context.principal.name, store.counts(work.connection, context.now))
    return see_other(context.url("handover"), said=Said("handover.taken"))


MOST_WALKED = 500  # lines of one sheet


def walk(context: Context) -> Answer:
    """A sheet to print and walk with, or to hand over by: open work by building, what was noted, two signatures."""
    lang, now = context.language, context.now
    with context.read() as connection:
        found = desk.by_place(connection)
        roster = store.roster(connection)
        counts = store.counts(connection, now)
        notes = [row for row in desk.notes(connection, now) if not row.done_by]
    buildings, left = [], MOST_WALKED
    for code in sorted(found, key=lambda each: (each == "", each.zfill(4))):
        orders = [
            order for floor in sorted(found[code], key=lambda each: each.zfill(4)) for order in found[code][floor]
        ]
        rows = [
            {"short": views.short(order.reference), "summary": views.summary_words(order, lang), "place": views.place_words(order, lang),
             "crew": roster.crew_name(order.crew, lang.code) if order.crew else "–", "state": lang(f"state.order.{order.state}"),
             "due": lang.when(due, now) if (due := order.next_promise()[1]) else "–"}
            for order in orders[:left]
        ]  # fmt: skip
        left -= len(rows)
        if rows:
            name = lang("dispatch.where.building", building=code) if code else lang("dispatch.map.outside")
            buildings.append({"name": name, "rows": rows})
    shown = MOST_WALKED - left
    return page("dispatch/walk.html", buildings=buildings, counts=counts, notes=notes, short=views.short,
                left=max(0, counts["open"] - shown))  # fmt: skip


# ---- the same through the API


def api_notes(context: Context) -> Answer:
    """Notes between shifts, and who took the desk over lately."""
    with context.read() as connection:
        notes = desk.notes(connection, context.now - timedelta(days=2))
        shifts = desk.shifts(connection)
    return answer({
        "notes": [
            {"note_id": row.note_id, "at": to_text(row.at), "who": row.who, "words": row.words, "reference": row.reference,
             "done_at": to_text(row.done_at) if row.done_at else None, "done_by": row.done_by}
            for row in notes
        ],
        "shifts": [
            {"at": to_text(row.at), "who": row.who, "counts": json.loads(row.counts), "notes": row.notes} for row in shifts
        ],
    })  # fmt: skip


def api_hand_over(context: Context) -> Answer:
    """A note for the next shift."""
    given = context.json()
    reference = views.full(given["reference"], context.now) if given["reference"] else ""
    with context.work() as work:
        return answer({"note_id": desk.hand_over(work, context.principal.name, given["words"], reference)})


def api_settle(context: Context, note_id: str) -> Answer:
    """The note has been seen to."""
    context.json()
    with context.work() as work:
        desk.settle_note(work, note_id, context.principal.name)
    return answer({"note_id": note_id})


def api_take_over(context: Context) -> Answer:
    """I have the desk from now on."""
    context.json()
    with context.work() as work:
        counts = store.counts(work.connection, context.now)
        return answer({"change_id": desk.take_over(work, context.principal.name, counts)})


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


def _words(context: Context, error: Refused) -> str:
    if not error.fields:
        return context.language(error.key, **error.parameters)
    return "; ".join(each for found in context.errors(error).values() for each in found)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/modes", "modes", modes, allow=QUEUE, sample={}, summary="How items' orders find their crews."),
    Route("POST", "/modes", "set_mode", set_mode, allow=KEEP, noted="change", accepts=Mode, summary="Change an item's mode."),
    Route("GET", "/api/modes", "api_modes", api_modes, allow=QUEUE, kind="api", answers=ModesForm, summary="How items' orders find their crews."),
    Route("POST", "/api/modes", "api_set_mode", api_set_mode, allow=KEEP, noted="change", kind="api", accepts=Mode, answers=Mode, creates=True,
          summary="Change an item's mode."),
    Route("GET", "/api/views", "api_views", api_views, allow=DISPATCH, kind="api", answers=ViewsForm, summary="My saved views."),
    Route("POST", "/api/views", "api_save_view", api_save_view, allow=DISPATCH, kind="api", accepts=View, answers=View, creates=True,
          summary="Save a view of the queue."),
    Route("POST", "/api/views/drop", "api_drop_view", api_drop_view, allow=DISPATCH, kind="api", accepts=Named, answers=Named, creates=True,
          summary="Forget a saved view."),
    Route("POST", "/views", "save_view", save_view, allow=DISPATCH, accepts=View, summary="Save a view of the queue."),
    Route("POST", "/views/drop", "drop_view", drop_view, allow=DISPATCH, accepts=Named, summary="Forget a saved view."),
    Route("GET", "/handover", "handover", handover, allow=QUEUE, accepts=About, sample={}, summary="Notes between shifts."),
    Route("GET", "/walk", "walk", walk, allow=QUEUE, sample={}, summary="A sheet of open work to print."),
    Route("POST", "/handover/taken", "take_over", take_over, allow=DISPATCH, creates=True, summary="Sign for the shift."),
    Route("POST", "/handover/<note_id>/open", "open_note", open_note, allow=DISPATCH, summary="A note is not seen to after all."),
    Route("GET", "/api/handover", "api_handover", api_notes, allow=QUEUE, kind="api", answers=NotesForm,
          summary="Notes between shifts, and who took over."),
    Route("POST", "/api/handover", "api_hand_over", api_hand_over, allow=DISPATCH, kind="api", accepts=Note, answers=NoteIdForm,
          creates=True, summary="Leave a note."),
    Route("POST", "/api/handover/taken", "api_take_over", api_take_over, allow=DISPATCH, kind="api", accepts=Schema,
          answers=TakenForm, creates=True, summary="Sign for the shift."),
    Route("POST", "/api/handover/<note_id>/done", "api_settle_note", api_settle, allow=DISPATCH, kind="api", accepts=Schema,
          answers=NoteIdForm, creates=True, summary="A note is seen to."),
    Route("POST", "/handover", "hand_over", hand_over, allow=DISPATCH, accepts=Note, creates=True, summary="Leave a note."),
    Route("POST", "/handover/<note_id>/done", "settle_note", settle_note, allow=DISPATCH, summary="A note is seen to."),
    Route("GET", "/map", "map", map_page, allow=QUEUE, sample={}, summary="Open work by building and floor."),
)  # fmt: skip
