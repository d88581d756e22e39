"""HTML routes: the queue console, one order with every act on it, the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import (
    api,
    desk,
    handlers,
    model,
    schedule,
    schedule_pages,
    store,
    views,
)
from services.dispatch.access import DISPATCH, ORDER, QUEUE, scoped
from services.dispatch.away import away
from services.dispatch.panel import panel_of
from services.dispatch.roster import midnight, suggestion
from shared.clock import SITE_ZONE
from shared.errors import Absent, Conflict, Invalid, Refused
from shared.web import noting
from shared.web.answers import Answer, Said, events, page, see_other
from shared.web.intake import load
from shared.web.routes import Route
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.dispatch.model import Order
    from shared.web.context import Context
    from shared.web.live import Hub

PAGE = 60  # rows of the queue that are rendered at once
LANES = 40  # of the crews' day below the queue; four are seen until it is enlarged
METERS = ("hours", "room_hours", "m2", "km", "pages", "meals", "visits", "materials", "orders")


@dataclass(frozen=True)
class Own:
    """What this service's views need beside the database."""

    hub: Hub
    alarm_secret: str = ""
    performance_share: int = 20
    overhead: int = 30


class Looking(Schema):
    """What of the queue is shown, and which order beside it."""

    view = fields.String(load_default="open", validate=validate.OneOf(store.VIEWS))
    item = Key(load_default="")
    words = Text(60, load_default="")
    building = Key(load_default="")
    order = Key(load_default="")
    cursor = Text(400, load_default="")
    last = Text(20, load_default="")


class Listening(Schema):
    """Where a stream goes on."""

    last = Text(20, load_default="")


class StepForm(Schema):
    """An act on an order as it was shown."""

    version = Whole(1, load_default=None, allow_none=True)


class AssignForm(StepForm):
    """To whom."""

    crew = Key(required=True)


class RefuseForm(StepForm):
    """Why not."""

    reason = fields.String(required=True, validate=validate.OneOf(model.REFUSALS, error="dispatch.field.reason"))


class PauseForm(StepForm):
    """Why the clock stands."""

    reason = fields.String(required=True, validate=validate.OneOf(model.PAUSES, error="dispatch.field.reason"))


class CancelForm(StepForm):
    """Why nobody will do it."""

    reason = fields.String(required=True, validate=validate.OneOf(model.CANCELS, error="dispatch.field.reason"))


class TransferForm(AssignForm):
    """To which crew, and why."""

    reason = fields.String(required=True, validate=validate.OneOf(model.TRANSFERS, error="dispatch.field.reason"))


class HourForm(StepForm):
    """Which crew is to begin when; nothing leaves the hour to the plan."""

    crew = Key(load_default="")
    at = fields.AwareDateTime(load_default=None, allow_none=True, default_timezone=SITE_ZONE)


class PartForm(StepForm):
    """What is to be done apart."""

    crew = Key(load_default="")
    words = Text(200, required=True)


class RedoForm(StepForm):
    """What a check found."""

    reason = fields.String(required=True, validate=validate.OneOf(model.REDOS, error="dispatch.field.reason"))


class EscalateForm(StepForm):
    """Who is told, and what about it."""

    role = fields.String(required=True, validate=validate.OneOf(model.RUNGS, error="dispatch.field.rung"))
    words = Text(200, load_default="")


class AskForm(StepForm):
    """What the requester is asked."""

    words = Text(200, required=True)


FinishForm: type[Schema] = StepForm.from_dict(
    {
        "version": Whole(1, load_default=None, allow_none=True),
        "checks": fields.List(Whole(0, 99), load_default=list),
        "signed_by": Text(40, load_default=""),
        **{f"usage_{meter}": Text(30, load_default="") for meter in METERS},
    },
    name="FinishForm",
)


# ---- the console


def queue(context: Context) -> Answer:
    """The queue, the order that is looked at, and the crews' day."""
    asked = context.query()
    place = context.own.hub.place()
    lang, now = context.language, context.now
    asked_for = {"crew": "", "priority": 0, "limit": PAGE, **asked}
    found, following = api.list_orders(context, asked_for)
    with context.read() as connection:
        roster, loads = store.roster(connection), store.loads(connection)
        counts = store.counts(connection, now)
        chosen = store.order(connection, views.full(asked["order"], now)) if asked["order"] else None
        # Further rows that the page fetches as one moves on need neither the panel nor the crews' day.
        further = bool(asked["cursor"] and context.request.header("HTTP_X_FRAGMENT"))
        chosen = None if further else chosen or (found[0] if found else None)
        today = [] if further else store.on_day(connection, midnight(now), midnight(now) + timedelta(days=1))
        panel = panel_of(context, connection, chosen, roster) if chosen else None
        kept = desk.views_of(connection, context.principal.account)
        slots = schedule.slots_of(connection, found)
        planned, proposed = schedule.slots_of(connection, today), schedule.proposals(connection)
        planning = schedule_pages.note(connection, lang, now)
        gone = {order.order_id: away(connection, order) for order in found if order.state in model.WAITING}
    here = {name: asked[name] for name in ("view", "item", "building", "words")}
    saved = [
        {
            "name": name,
            "here": query == here,
            "href": context.url(
                "queue", **{key: value for key, value in query.items() if value and (key, value) != ("view", "open")}
            ),
        }
        for name, query in kept
    ]

    def waits(order: Order) -> bool:
        return order.state in model.WAITING and roster.modes.get(order.item) != "manual"

    def make(order: Order) -> dict[str, Any]:
        href = context.url("order", ref=order.reference)
        here = chosen is not None and order.order_id == chosen.order_id
        slot = slots.get(order.order_id)
        proposed = slot.crew if slot is not None and slot.act == "propose" else ""
        advised = proposed or (
            suggestion(order, roster, loads, now, away=gone[order.order_id])[0].crew if waits(order) else ""
        )
        return views.row(order, roster, now, lang, href, selected=here, suggested=advised, proposed=bool(proposed))

    if asked["view"] == "ended":
        groups = [("ended", [make(order) for order in found])] if found else []
    else:
        groups = views.grouped(found, now, make)
    lanes, now_at = views.lanes(
        roster, today, loads, now, lang, lambda order: context.url("order", ref=order.reference),
        codes=views.busiest(roster, loads, today, LANES), slots=planned, proposed=proposed,
    )  # fmt: skip
    shown = [view for view in store.VIEWS if view != "all"]
    return page(
        "dispatch/queue.html", place=place, asked=asked, groups=groups, counts=counts, views=shown, panel=panel,
        lanes=lanes, now_at=now_at, day_from=midnight(now) + timedelta(hours=views.FIRST_HOUR), total=counts.get(asked["view"], len(found)), items=views.item_options(lang),
        following=following, filtered=bool(asked["item"] or asked["words"] or asked["building"]),
        around=_around(shown, asked["view"]), saved=saved, planning=planning,
        crews=[(team.code, team.name_in(lang.code)) for team in roster.teams.values() if team.active],
    )  # fmt: skip


def _around(shown: list[str], view: str) -> tuple[str, str]:
    """The views before and after this one."""
    at = shown.index(view) if view in shown else 0
    return shown[at - 1], shown[(at + 1) % len(shown)]


def one_row(context: Context, ref: str) -> Answer:
    """One row of the queue, for a page that is told it changed; absent once the order has ended."""
    with context.read() as connection:
        order, roster, loads = store.order(connection, ref), store.roster(connection), store.loads(connection)
        slot = schedule.slot_of(connection, order) if order is not None and order.open else None
        gone = away(connection, order) if order is not None and order.state in model.WAITING else frozenset()
    if order is None or not order.open:
        raise Absent
    context.check(scoped(order))
    proposed = slot.crew if slot is not None and slot.act == "propose" else ""
    waits = order.state in model.WAITING and roster.modes.get(order.item) != "manual"
    advised = proposed or (suggestion(order, roster, loads, context.now, away=gone)[0].crew if waits else "")
    href = context.url("order", ref=order.reference)
    made = views.row(order, roster, context.now, context.language, href, suggested=advised, proposed=bool(proposed))
    return page("dispatch/row.html", row=made)


def lanes_part(context: Context, day: str) -> Answer:
    """The crews' day below the queue, for a page that is told something changed; absent once that day is over."""
    lang, now = context.language, context.now
    if day != midnight(now).date().isoformat():
        raise Absent
    with context.read() as connection:
        roster, loads = store.roster(connection), store.loads(connection)
        today = store.on_day(connection, midnight(now), midnight(now) + timedelta(days=1))
        planned, proposed = schedule.slots_of(connection, today), schedule.proposals(connection)
    lanes, now_at = views.lanes(
        roster, today, loads, now, lang, lambda order: context.url("order", ref=order.reference),
        codes=views.busiest(roster, loads, today, LANES), slots=planned, proposed=proposed,
    )  # fmt: skip
    return page(
        "dispatch/lanes.html", lanes=lanes, now_at=now_at, day_from=midnight(now) + timedelta(hours=views.FIRST_HOUR)
    )


def order_page(
    context: Context, ref: str, *, problem: str = "", status: int = 200, wrong: dict[str, Any] | None = None
) -> Answer:
    """One order: its promises, its crew and why, what may be done, what happened."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    with context.read() as connection:
        order = store.order(connection, views.full(ref, now))
        context.check(scoped(order))
        assert order is not None
        roster = store.roster(connection)
        panel = panel_of(context, connection, order, roster)
        rounds = store.orders_of_request(connection, order.request_id)
    facts = [(lang("dispatch.fact.item"), panel["item"]), (lang("dispatch.fact.place"), panel["place"])]
    if order.starts_at:
        wanted = lang.span(order.starts_at, order.ends_at, now) if order.ends_at else lang.when(order.starts_at, now)
        facts.append((lang("dispatch.fact.wanted"), wanted))
    facts.append((lang("dispatch.fact.filed"), lang.when(order.filed_at, now)))
    if panel["working"] or order.requester == context.principal.account:
        facts += [(name, value) for name, value in order.answers]
        if order.contact:
            facts.append((lang("dispatch.fact.contact"), order.contact))
            if order.requester != context.principal.account:
                noting.note_each(context, "contact", [order.reference])
    if order.contract:
        facts.append((lang("dispatch.fact.contract"), order.contract))
    others = [
        (views.short(each.reference), context.url("order", ref=each.reference), each.state)
        for each in rounds.values()
        if each.order_id != order.order_id
        and scoped(each) is not None
        and (panel["working"] or not context.principal.supplier)
    ]
    return page(
        "dispatch/order.html", status=status, panel=panel, facts=facts, problem=problem, wrong=wrong or {}, place=place,
        chain=_chain(order, panel["item"]), others=others, queue_href=context.url("queue") if context.may("queue") else "",
    )  # fmt: skip


def _chain(order: Order, item: str) -> list[dict[str, Any]]:
    """Where the order sits between what was asked and what is paid."""
    done = order.state in {model.FINISHED, model.CHECKED}
    return [
        {"key": "standard", "value": item, "step": "sealed"},
        {"key": "request", "value": views.short(order.request_reference), "step": "sealed",
         "href": f"/requests/{views.short(order.request_reference)}"},
        {"key": "order", "value": views.short(order.reference), "step": "here"},
        {"key": "evidence", "value": str(len(order.evidence)) if order.evidence else "", "step": "sealed" if order.evidence else "ahead"},
        {"key": "usage", "value": " ".join(f"{quantity}" for _, quantity, _ in order.usage), "step": "sealed" if done else "ahead",
         "href": f"/billing/usage?order={order.order_id}" if done else ""},
        {"key": "statement", "value": "", "step": "ahead"},
        {"key": "payment", "value": "", "step": "ahead"},
    ]  # fmt: skip


# ---- acts by form


FORMS: dict[str, type[Schema]] = {
    "assign": AssignForm, "recall": StepForm, "accept": StepForm, "refuse": RefuseForm, "set_off": StepForm,
    "arrive": StepForm, "start": StepForm, "pause": PauseForm, "resume": StepForm, "finish": FinishForm,
    "cancel": CancelForm, "transfer": TransferForm, "no_show": StepForm, "split": PartForm, "redo": RedoForm,
    "pin": HourForm, "follow": StepForm, "escalate": EscalateForm, "ask": AskForm,
}  # fmt: skip


def _given(context: Context, name: str) -> dict[str, Any]:
    """The form as the API's schema of the same act has it."""
    given = context.form()
    if name != "finish":
        return given
    usage = [{"meter": meter, "quantity": text} for meter in METERS if (text := given[f"usage_{meter}"])]
    try:
        rest = {name: given[name] for name in ("version", "checks", "signed_by")}
        return {**load(api.Finish, {"usage": usage, **rest}), "demanded": api.demanded(context)}
    except Invalid as error:
        raise Invalid(fields=_by_meter(error.fields, usage)) from error


def _by_meter(wrong: dict[str, Any], usage: list[dict[str, str]]) -> dict[str, Any]:
    """Messages about ``usage.<n>.quantity`` under the name of the field that was filled."""
    found: dict[str, Any] = {}
    for name, value in wrong.items():
        if name == "usage" and isinstance(value, dict):
            for place, inner in value.items():
                found[f"usage_{usage[int(place)]['meter']}"] = (
                    inner.get("quantity", inner) if isinstance(inner, dict) else inner
                )
            continue
        parts = name.split(".")
        if parts[0] == "usage" and len(parts) > 1 and parts[1].isdigit():
            found[f"usage_{usage[int(parts[1])]['meter']}"] = value
        elif name == "usage":
            found["usage"] = value
        else:
            found[name] = value
    return found


def _undo(context: Context, name: str, order: Order) -> str:
    return {
        "assign": context.url("undo_assign", ref=order.reference),
        "follow": context.url("undo_assign", ref=order.reference),
        "recall": context.url("undo_assign", ref=order.reference),
        "transfer": context.url("undo_assign", ref=order.reference),
        "pin": context.url("undo_pin" if order.changed_what == "scheduled" else "undo_assign", ref=order.reference),
        "pause": context.url("do_resume", ref=order.reference),
    }.get(name, "")


def acting(name: str, phone: Callable[..., Answer] | None = None) -> Callable[..., Answer]:
    """The view of an act by form; ``phone`` shows the job again where the crew does it."""
    do = api.ACTS[name][2]
    again, on_phone = phone or order_page, phone is not None

    def view(context: Context, ref: str) -> Answer:
        try:
            given = _given(context, name)
            order = api.act(context, views.full(ref, context.now), lambda work, order, who: do(work, order, who, given))
        except (Conflict, Invalid) as error:
            return again(
                context, ref, problem=problem_words(context, error), status=error.status, wrong=context.errors(error)
            )
        with context.read() as connection:
            team = store.roster(connection).teams.get(order.crew)
        crew = (team.shown, team.shown_en) if team else ("–", "–")
        said = Said(
            f"dispatch.said.{name}",
            {"crew": crew, "ref": views.short(order.reference)},
            undo="" if on_phone else _undo(context, name, order),
        )
        if on_phone:
            kept = order.crew == context.principal.crew and order.open
            return see_other(context.url("crew_job", ref=order.reference) if kept else context.url("crew"), said=said)
        if context.principal.supplier and order.supplier != context.principal.supplier:
            return see_other(context.url("supplier"), said=said)
        return see_other(context.url("order", ref=order.reference), said=said)

    view.__name__ = f"{name}_by_{'phone' if on_phone else 'form'}"
    view.__doc__ = api.SUMMARIES[name]
    return view


def problem_words(context: Context, error: Refused) -> str:
    """What is wrong, in one sentence."""
    if not error.fields:
        return context.language(error.key, **error.parameters)
    messages = [each for found in context.errors(error).values() for each in found]
    return ("；" if context.language.chinese else "; ").join(messages)


def undo_assign(context: Context, ref: str) -> Answer:
    """The order is where it was before it was assigned: with the crew before, or waiting for a dispatcher."""
    try:
        order = api.act(context, views.full(ref, context.now), handlers.undo_assign)
    except (Conflict, Invalid) as error:
        return order_page(context, ref, problem=problem_words(context, error), status=error.status)
    return see_other(
        context.url("queue", order=order.reference),
        said=Said("dispatch.said.undone", {"ref": views.short(order.reference)}),
    )


# ---- the day


def day(context: Context) -> Answer:
    """All crews' day side by side, and what nobody has."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    with context.read() as connection:
        roster, loads = store.roster(connection), store.loads(connection)
        today = store.on_day(connection, midnight(now), midnight(now) + timedelta(days=1))
        waiting = store.listed(connection, view="to_assign", limit=PAGE)
        gone = {order.order_id: away(connection, order) for order in waiting}
        planned, proposed = schedule.slots_of(connection, today), schedule.proposals(connection)
    lanes, now_at = views.lanes(
        roster,
        today,
        loads,
        now,
        lang,
        lambda order: context.url("order", ref=order.reference),
        slots=planned,
        proposed=proposed,
    )
    rows = [
        views.row(
            order, roster, now, lang, context.url("order", ref=order.reference),
            suggested=suggestion(order, roster, loads, now, away=gone[order.order_id])[0].crew,
        )
        for order in waiting
    ]  # fmt: skip
    return page(
        "dispatch/day.html", place=place, lanes=lanes, now_at=now_at, rows=rows, day=lang.day(now),
        day_from=midnight(now) + timedelta(hours=views.FIRST_HOUR),
    )  # fmt: skip


# ---- live streams


def stream(channels: Callable[[Context], list[str]]) -> Callable[..., Answer]:
    def view(context: Context) -> Answer:
        context.query()
        found: Iterator[str] = context.own.hub.stream(context, channels(context))
        return events(found)

    return view


ROUTES: tuple[Route, ...] = (
    Route("GET", "/", "queue", queue, allow=QUEUE, accepts=Looking, sample={}, summary="The queue console."),
    Route("GET", "/rows/<ref>", "row", one_row, allow=QUEUE, summary="One row of the queue."),
    Route("GET", "/lanes/<day>", "lanes", lanes_part, allow=QUEUE, summary="The crews' day, for the queue that shows it."),
    Route("GET", "/live", "live", stream(lambda _: ["queue"]), allow=QUEUE, kind="events", accepts=Listening,
          summary="What changes in the queue."),
    Route("GET", "/day", "day", day, allow=QUEUE, sample={}, summary="All crews' day."),
    Route("GET", "/orders/<ref>", "order", order_page, allow=ORDER, summary="One order."),
    *(
        Route("POST", f"/orders/<ref>/{name}", f"do_{name}", acting(name), allow=api.ACTS[name][1], accepts=FORMS[name],
              limit=api.WORKING, summary=api.SUMMARIES[name])
        for name in api.ACTS
    ),
    Route("POST", "/orders/<ref>/undo", "undo_assign", undo_assign, allow=DISPATCH, summary="Undo an assignment."),
)  # fmt: skip
