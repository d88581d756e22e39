"""HTML routes: the queue console, one order, the crew's phone, the supplier's orders, the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import api, desk, handlers, model, photos, store, views
from services.dispatch import orders as work_orders
from services.dispatch.access import CREW, DISPATCH, ORDER, QUEUE, SUPPLIER, scoped
from services.dispatch.promises import KINDS
from services.dispatch.roster import NOTHING, midnight, suggestion, why_unable
from services.dispatch.standards import item as item_of
from shared.errors import Absent, Conflict, Invalid, Refused
from shared.web.answers import Answer, Said, events, page, see_other
from shared.web.intake import load
from shared.web.routes import Route
from shared.web.schemas import Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from services.dispatch.model import Order
    from services.dispatch.roster import Roster
    from shared.language import Language
    from shared.web.context import Context
    from shared.web.live import Hub

PAGE = 60  # rows of the queue that are rendered at once
LANES = 4
METERS = ("hours", "room_hours", "m2", "km", "pages", "meals", "visits", "materials", "orders")


@dataclass(frozen=True)
class Own:
    """What this service's views need beside the database."""

    hub: Hub
    alarm_secret: str = ""


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


class PartForm(StepForm):
    """What is to be done apart."""

    crew = Key(load_default="")
    words = Text(200, required=True)


class RedoForm(StepForm):
    """What a check found."""

    reason = fields.String(required=True, validate=validate.OneOf(model.REDOS, error="dispatch.field.reason"))


class PhotoForm(Schema):
    """What the photo shows, and when the phone says it was taken; the file itself is ``photo``."""

    kind = fields.String(load_default="other", validate=validate.OneOf(("before", "after", "other")))
    taken_at = fields.AwareDateTime(load_default=None, allow_none=True)


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
        chosen = chosen or (found[0] if found else None)
        today = store.on_day(connection, midnight(now), midnight(now) + timedelta(days=1))
        panel = panel_of(context, connection, chosen, roster) if chosen else None
        kept = desk.views_of(connection, context.principal.account)
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
        advised = suggestion(order, roster, loads, now)[0].crew if waits(order) else ""
        return views.row(order, roster, now, lang, href, selected=here, suggested=advised)

    if asked["view"] == "ended":
        groups = [("ended", [make(order) for order in found])] if found else []
    else:
        groups = views.grouped(found, now, make)
    lanes, now_at = views.lanes(
        roster, today, loads, now, lang, lambda order: context.url("order", ref=order.reference),
        codes=views.busiest(roster, loads, today, LANES),
    )  # fmt: skip
    shown = [view for view in store.VIEWS if view != "all"]
    return page(
        "dispatch/queue.html", place=place, asked=asked, groups=groups, counts=counts, views=shown, panel=panel,
        lanes=lanes, now_at=now_at, total=counts.get(asked["view"], len(found)), items=views.item_options(lang),
        following=following, filtered=bool(asked["item"] or asked["words"] or asked["building"]),
        around=_around(shown, asked["view"]), saved=saved,
    )  # fmt: skip


def _around(shown: list[str], view: str) -> tuple[str, str]:
    """The views before and after this one."""
    at = shown.index(view) if view in shown else 0
    return shown[at - 1], shown[(at + 1) % len(shown)]


def one_row(context: Context, ref: str) -> Answer:
    """One row of the queue, for a page that is told it changed; absent once the order has ended."""
    with context.read() as connection:
        order, roster, loads = store.order(connection, ref), store.roster(connection), store.loads(connection)
    if order is None or not order.open:
        raise Absent
    context.check(scoped(order))
    advised = suggestion(order, roster, loads, context.now)[0].crew if order.state in model.WAITING else ""
    href = context.url("order", ref=order.reference)
    made = views.row(order, roster, context.now, context.language, href, suggested=advised)
    return page("dispatch/row.html", row=made)


def panel_of(context: Context, connection: Connection, order: Order, roster: Roster) -> dict[str, Any]:
    """Everything the side panel shows of an order, for this reader."""
    lang, now = context.language, context.now
    dispatching = "dispatcher" in context.principal.roles
    rows = store.happenings(connection, order.order_id)
    found: dict[str, Any] = {
        "order": order,
        "short": views.short(order.reference),
        "summary": views.summary_words(order, lang),
        "place": views.place_words(order, lang),
        "item": views.item_name(order.item, lang),
        "mark": views.item_mark(order.item, lang),
        "promises": [views.promise_view(order, kind, now, lang) for kind in KINDS if order.due()[kind]],
        "timeline": views.timeline(
            rows, store.heard(connection, order.request_id), store.breaches_of(connection, order.order_id), roster, lang
        ),
        "working": api.works_on(context, order),
        "acts": _acts(context, order),
        "best": None,
        "next": [],
        "because": "",
        "crews": [],
        "usage": views.usage_words(order, lang),
        "meters": [],
        **_reasons(lang),
    }
    if dispatching and order.state in model.WAITING and roster.modes.get(order.item) != "manual":
        fresh, start = suggestion(order, roster, store.loads(connection), now)
        found |= views.suggestion_view(fresh, roster, lang, handlers.keyed, handlers.advice, start)
    elif order.crew:
        found["best"] = views.best_view(order.crew, order.reasons, roster, lang)
        found["next"] = views.next_view(order.next_crews, roster, lang) if dispatching else []
    if not found["working"]:
        found["next"] = []
        if found["best"]:
            found["best"]["reasons"] = []
    if dispatching and order.open:
        found["crews"] = views.crew_options(order, roster, store.loads(connection), now, lang)
    found["photos"] = [
        {
            "href": context.url("photo", ref=order.reference, sha256=row.sha256),
            "words": lang(f"dispatch.photo.{row.kind}"),
            "at": row.received_at,
            "also": [views.short(each) for each in store.orders_with_photo(connection, row.sha256, order.order_id)]
            if dispatching
            else [],
        }
        for row in store.photos(connection, order.order_id)
    ]
    found["checks"] = views.must_do(order, lang)
    found["signature"] = item_of(order.item).signature
    found["wanted"] = [
        (kind, lang(f"dispatch.photo.{kind}")) for kind in ("before", "after") if item_of(order.item).photos.get(kind)
    ]
    found["parts"] = [
        (each.reference, context.url("order", ref=each.reference), views.summary_words(each, lang), each.state)
        for each in store.parts(connection, order.order_id)
    ]
    found["peers"] = [
        (team.code, team.name_in(lang.code))
        for team in roster.teams.values()
        if "transfer" in found["acts"]
        and team.supplier == order.supplier
        and team.code != order.crew
        and why_unable(order, team, roster, now) is None
    ]
    found["answer_by"] = order.answer_by if order.state == model.OFFERED else None
    found["told"] = [
        {"at": row.told_at, "words": lang(f"dispatch.alert.{row.role}", what=lang(f"dispatch.promise.{row.promise}"))}
        for row in store.alerts_of(connection, order.order_id)
    ]
    if "finish" in found["acts"]:
        measured = model.hours_worked(store.heard_by_clock(rows), now)
        found["meters"] = views.meters(order, lang, str(measured))
    return found


def _reasons(lang: Language) -> dict[str, list[tuple[str, str]]]:
    """The reasons a form offers, in words."""
    return {
        "pauses": [(code, lang(f"dispatch.pause.{code}")) for code in model.PAUSES],
        "refusals": [(code, lang(f"dispatch.refusal.{code}")) for code in model.REFUSALS],
        "cancels": [(code, lang(f"dispatch.cancel.{code}")) for code in model.CANCELS if code != "withdrawn"],
        "transfers": [(code, lang(f"dispatch.transfer.{code}")) for code in model.TRANSFERS],
        "redos": [(code, lang(f"dispatch.redo.{code}")) for code in model.REDOS],
    }


def _acts(context: Context, order: Order) -> list[str]:
    """What this reader may do to the order now."""
    thing = scoped(order)
    return [act for act in api.ACTS if model.may(act, order.state) and context.may(f"do_{act}", thing)]


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
        "pause": context.url("do_resume", ref=order.reference),
    }.get(name, "")


def _acting(name: str, *, on_phone: bool = False) -> Callable[..., Answer]:
    do = api.ACTS[name][2]
    again = crew_job if on_phone else order_page

    def view(context: Context, ref: str) -> Answer:
        try:
            given = _given(context, name)
            order = api.act(context, views.full(ref, context.now), lambda work, order, who: do(work, order, who, given))
        except (Conflict, Invalid) as error:
            return again(
                context, ref, problem=_problem(context, error), status=error.status, wrong=context.errors(error)
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


def _problem(context: Context, error: Refused) -> str:
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
        return order_page(context, ref, problem=_problem(context, error), status=error.status)
    return see_other(
        context.url("queue", order=order.reference),
        said=Said("dispatch.said.undone", {"ref": views.short(order.reference)}),
    )


# ---- the crew's phone


def crew_home(context: Context, only: str = "") -> Answer:
    """The crew's orders today: what is at hand first."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    code = context.principal.crew
    with context.read() as connection:
        roster = store.roster(connection)
        orders = store.of_crew(connection, code, midnight(now)) if code else []
        people = store.members(connection, [code])
    if only:
        orders = [order for order in orders if order.state == only]
    return page(
        "dispatch/crew.html", place=place, jobs=[_job(context, order, roster) for order in orders], only=only,
        done=sum(1 for order in orders if not order.open), team=roster.crew_name(code, lang.code) if code else "",
        people=[member.name for member in people], refusals=_reasons(lang)["refusals"],
    )  # fmt: skip


def crew_offers(context: Context) -> Answer:
    """What the crew has been offered and not answered."""
    return crew_home(context, model.OFFERED)


def crew_messages(context: Context) -> Answer:
    """What the crew should know: who urges, what was taken back, what ran late."""
    lang, now = context.language, context.now
    code = context.principal.crew
    with context.read() as connection:
        roster = store.roster(connection)
        orders = store.of_crew(connection, code, midnight(now)) if code else []
        rows = store.told_crew(connection, code, now - timedelta(days=2)) if code else []
    found = [
        {
            "at": at,
            "words": lang(f"dispatch.told.{kind}", ref=views.short(reference)),
            "place": views.summary_words_of(item, summary, lang),
            "href": context.url("crew_job", ref=reference)
            if any(each.reference == reference for each in orders)
            else "",
        }
        for kind, at, reference, item, summary in rows
    ]
    return page("dispatch/messages.html", messages=found, team=roster.crew_name(code, lang.code) if code else "")


def _job(context: Context, order: Order, roster: Roster) -> dict[str, Any]:
    lang, now = context.language, context.now
    return {
        "order": order,
        "href": context.url("crew_job", ref=order.reference),
        "summary": views.summary_words(order, lang),
        "place": views.place_words(order, lang),
        "promise": views.next_promise_view(order, now, lang),
        "at": order.started_at or order.planned_at or order.assigned_at or order.opened_at,
        "mark": views.item_mark(order.item, lang),
    }


def crew_job(
    context: Context, ref: str, *, problem: str = "", status: int = 200, wrong: dict[str, Any] | None = None
) -> Answer:
    """One job on the phone: where, what, by when, and one big button for the next step."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    with context.read() as connection:
        order = store.order(connection, views.full(ref, now))
        context.check(scoped(order))
        assert order is not None
        roster = store.roster(connection)
        jobs = store.of_crew(connection, context.principal.crew, midnight(now))
        panel = panel_of(context, connection, order, roster)
    at = next((number for number, each in enumerate(jobs, 1) if each.order_id == order.order_id), 0)
    big, small = views.where_big(order, lang)
    return page(
        "dispatch/job.html", status=status, panel=panel, order=order, jobs=[_job(context, each, roster) for each in jobs],
        at=at, where=big, room=small, steps=views.steps(order, lang), step=model.STEPS.get(order.state, ""),
        problem=problem, wrong=wrong or {}, place=place,
        promise=views.next_promise_view(order, now, lang), must=views.must_do(order, lang),
        done=sum(1 for each in jobs if not each.open),
    )  # fmt: skip


def send_photo(context: Context, ref: str) -> Answer:
    """A photo is evidence of the order; back to where it was sent from."""
    given = context.form()
    sent = context.request.files.get("photo")
    body = sent.read(photos.MOST_BYTES + 1) if sent else b""
    on_phone = bool(context.principal.crew)
    try:
        with context.work() as work:
            order = store.order(work.connection, views.full(ref, context.now), lock=True)
            context.check(scoped(order))
            assert order is not None
            _, others = work_orders.keep_photo(
                work, order, context.principal.name, given["kind"], body, given["taken_at"]
            )
    except (Conflict, Invalid) as error:
        again = crew_job if on_phone else order_page
        return again(context, ref, problem=_problem(context, error), status=error.status)
    said = Said("dispatch.said.photo_known" if others else "dispatch.said.photo", {"ref": views.short(order.reference)})
    return see_other(context.url("crew_job" if on_phone else "order", ref=order.reference), said=said)


# ---- the supplier's manager


def supplier_home(context: Context) -> Answer:
    """The orders that the supplier holds, and no others."""
    asked = context.query()
    place = context.own.hub.place()
    lang, now = context.language, context.now
    supplier = context.principal.supplier or "-"
    found, following = api.list_orders(context, {"crew": "", "priority": 0, "limit": PAGE, **asked}, supplier=supplier)
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


# ---- the day


def day(context: Context) -> Answer:
    """All crews' day side by side, and what nobody has."""
    lang, now = context.language, context.now
    place = context.own.hub.place()
    with context.read() as connection:
        roster, loads = store.roster(connection), store.loads(connection)
        today = store.on_day(connection, midnight(now), midnight(now) + timedelta(days=1))
        waiting = store.listed(connection, view="to_assign", limit=PAGE)
    lanes, now_at = views.lanes(
        roster, today, loads, now, lang, lambda order: context.url("order", ref=order.reference)
    )
    rows = [
        views.row(
            order, roster, now, lang, context.url("order", ref=order.reference),
            suggested=suggestion(order, roster, loads, now)[0].crew,
        )
        for order in waiting
    ]  # fmt: skip
    return page("dispatch/day.html", place=place, lanes=lanes, now_at=now_at, rows=rows, day=lang.day(now))


# ---- live streams


def _stream(channels: Callable[[Context], list[str]]) -> Callable[..., Answer]:
    def view(context: Context) -> Answer:
        context.query()
        found: Iterator[str] = context.own.hub.stream(context, channels(context))
        return events(found)

    return view


def _crew_channel(context: Context) -> list[str]:
    if not context.principal.crew:
        raise Absent
    return [f"crew:{context.principal.crew}"]


def _supplier_channel(context: Context) -> list[str]:
    if not context.principal.supplier:
        raise Absent
    return [f"supplier:{context.principal.supplier}"]


ON_PHONE = ("accept", "refuse", "set_off", "arrive", "start", "pause", "resume", "finish", "transfer")

ROUTES: tuple[Route, ...] = (
    Route("GET", "/", "queue", queue, allow=QUEUE, accepts=Looking, sample={}, summary="The queue console."),
    Route("GET", "/rows/<ref>", "row", one_row, allow=QUEUE, summary="One row of the queue."),
    Route("GET", "/live", "live", _stream(lambda _: ["queue"]), allow=QUEUE, kind="events", accepts=Listening,
          summary="What changes in the queue."),
    Route("GET", "/day", "day", day, allow=QUEUE, sample={}, summary="All crews' day."),
    Route("GET", "/orders/<ref>", "order", order_page, allow=ORDER, summary="One order."),
    *(
        Route("POST", f"/orders/<ref>/{name}", f"do_{name}", _acting(name), allow=api.ACTS[name][1], accepts=FORMS[name],
              limit=api.WORKING, summary=api.SUMMARIES[name])
        for name in api.ACTS
    ),
    Route("POST", "/orders/<ref>/photos", "send_photo", send_photo, allow=api.WORK, accepts=PhotoForm, limit=api.WORKING,
          max_body=photos.MOST_BYTES + 100_000, summary="Add a photo as evidence."),
    Route("POST", "/orders/<ref>/undo", "undo_assign", undo_assign, allow=DISPATCH, summary="Undo an assignment."),
    Route("GET", "/crew/", "crew", crew_home, allow=CREW, sample={}, summary="My crew's day."),
    Route("GET", "/crew/offers", "offers", crew_offers, allow=CREW, sample={}, summary="What my crew is offered."),
    Route("GET", "/crew/messages", "messages", crew_messages, allow=CREW, sample={}, summary="What my crew should know."),
    Route("GET", "/crew/live", "crew_live", _stream(_crew_channel), allow=CREW, kind="events", accepts=Listening,
          summary="What changes for my crew."),
    Route("GET", "/crew/<ref>", "crew_job", crew_job, allow=CREW, summary="One job on the phone."),
    *(
        Route("POST", f"/crew/<ref>/{name}", f"phone_{name}", _acting(name, on_phone=True), allow=CREW, accepts=FORMS[name],
              limit=api.WORKING, summary=api.SUMMARIES[name])
        for name in ON_PHONE
    ),
    Route("GET", "/supplier/", "supplier", supplier_home, allow=SUPPLIER, accepts=Looking, sample={},
          summary="My supplier's orders."),
    Route("GET", "/supplier/people", "supplier_people", supplier_people, allow=SUPPLIER, sample={},
          summary="My supplier's crews."),
    Route("GET", "/supplier/live", "supplier_live", _stream(_supplier_channel), allow=SUPPLIER, kind="events",
          accepts=Listening, summary="What changes for my supplier."),
)  # fmt: skip
