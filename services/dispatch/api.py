"""JSON routes: the queue, one order, every act on it, crews, and the board as one snapshot."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from services.dispatch import handlers, model, schedule, store
from services.dispatch import orders as work_orders
from services.dispatch.access import CREW, CREWS, DISPATCH, ORDER, QUEUE, SUPPLIER, WORK, scoped, scoped_crew
from services.dispatch.away import suggestion
from services.dispatch.roster import midnight
from services.dispatch.standards import items
from shared.clock import SITE_ZONE, from_text, to_text
from shared.web import noting
from shared.web.answers import Answer, answer
from shared.web.limits import Limit
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal, Key, Schema, Text, Whole, fields, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from services.dispatch.model import Order
    from services.dispatch.roster import Load, Roster, Team
    from shared.web.context import Context
    from shared.work import Work

MOST_EVIDENCE = 20
WORKING = Limit(per_minute=240, burst=120)


class Slice(Schema):
    """Which part of the queue."""

    view = fields.String(load_default="open", validate=validate.OneOf(store.VIEWS))
    item = Key(load_default="")
    crew = Key(load_default="")
    building = Key(load_default="")
    priority = Whole(0, 4, load_default=0)
    words = Text(60, load_default="")
    cursor = Text(400, load_default="")
    limit = Whole(1, 200, load_default=60)


class Step(Schema):
    """An act on an order as the caller last saw it; without a version it is done on whatever the order is now."""

    version = Whole(1, load_default=None, allow_none=True)
    claimed_at = fields.AwareDateTime(
        load_default=None, allow_none=True,
        metadata={"description": "when the device says it was done; kept as a claim, never counted by a promise"},
    )  # fmt: skip


class Assignment(Step):
    """To whom the order is given."""

    crew = Key(required=True)


class Refusal(Step):
    """Why the crew does not do it."""

    reason = fields.String(required=True, validate=validate.OneOf(model.REFUSALS))


class Pause(Step):
    """Why the clock stands."""

    reason = fields.String(required=True, validate=validate.OneOf(model.PAUSES))


class Cancellation(Step):
    """Why nobody will do it."""

    reason = fields.String(load_default="not_needed", validate=validate.OneOf(model.CANCELS))


class UsedForm(Schema):
    """One counted quantity; which meters there are depends on the item."""

    meter = Key(required=True)
    quantity = Decimal(2, required=True)
    unit = Key(load_default="", metadata={"description": "of the meter; ignored when given"})


class Finish(Step):
    """What was used. Hours may be left out: they are then those measured from start to finish."""

    usage = fields.List(fields.Nested(UsedForm), load_default=list, validate=validate.Length(max=10))
    evidence = fields.List(
        fields.String(validate=validate.Regexp(r"^[0-9a-f]{64}\Z")),
        load_default=list,
        validate=validate.Length(max=MOST_EVIDENCE),
        metadata={
            "description": "SHA-256 of each photo, hexadecimal; those sent to the order count without being named"
        },
    )
    checks = fields.List(
        Whole(0, 99), load_default=list, validate=validate.Length(max=40),
        metadata={"description": "places of the standard's checklist that were done, from 0"},
    )  # fmt: skip
    signed_by = Text(40, load_default="")


class Transfer(Assignment):
    """To which crew of the same employer, and why."""

    reason = fields.String(required=True, validate=validate.OneOf(model.TRANSFERS))


class Part(Step):
    """What is to be done apart, and by whom; without a crew assignment chooses."""

    crew = Key(load_default="")
    words = Text(200, required=True)


class Redo(Step):
    """What a check found."""

    reason = fields.String(required=True, validate=validate.OneOf(model.REDOS))


class Hour(Step):
    """The hour at which a crew is to begin; without a crew the one that has it, without an hour the plan's again."""

    crew = Key(load_default="")
    at = fields.AwareDateTime(
        load_default=None, allow_none=True, default_timezone=SITE_ZONE,
        metadata={"description": "with its zone; without one it is the site's wall clock"},
    )  # fmt: skip


class Escalation(Step):
    """Who is to be told that the order needs them, and what about it."""

    role = fields.String(load_default="supervisor", validate=validate.OneOf(model.RUNGS))
    words = Text(200, load_default="")


class Question(Step):
    """What the requester is asked."""

    words = Text(200, required=True)


class PromiseForm(Schema):
    """One promise: when it is due and whether it was kept (null while open)."""

    kind = fields.String()
    due_at = fields.String()
    kept = fields.Boolean(allow_none=True)


class OrderForm(Schema):
    """A work order."""

    reference = fields.String()
    order_id = fields.String()
    request_id = fields.String()
    request_reference = fields.String()
    round = fields.Integer()
    version = fields.Integer(metadata={"description": "send it back with an act to be told when somebody was faster"})
    item = fields.String()
    level = fields.String()
    priority = fields.Integer()
    state = fields.String()
    place = fields.String()
    building = fields.String()
    floor = fields.String()
    room = fields.String()
    department = fields.String()
    summary = fields.String()
    answers = fields.List(fields.List(fields.String()))
    contact = fields.String()
    filed_at = fields.String()
    starts_at = fields.String(allow_none=True)
    ends_at = fields.String(allow_none=True)
    crew = fields.String()
    crew_name = fields.String()
    supplier = fields.String()
    contract = fields.String()
    assigned_by = fields.String()
    reasons = fields.Raw(metadata={"description": "[key, parameters] of each reason of the choice"})
    next_crews = fields.Raw(metadata={"description": "the next best crews and what is worse about them"})
    urged = fields.Integer()
    promises = fields.List(fields.Nested(PromiseForm))
    opened_at = fields.String()
    assigned_at = fields.String(allow_none=True)
    planned_at = fields.String(allow_none=True, metadata={"description": "when its crew is expected to begin"})
    pinned_at = fields.String(allow_none=True, metadata={"description": "the hour a dispatcher set"})
    accepted_at = fields.String(allow_none=True)
    arrived_at = fields.String(allow_none=True)
    started_at = fields.String(allow_none=True)
    paused_at = fields.String(allow_none=True)
    pause_reason = fields.String()
    finished_at = fields.String(allow_none=True)
    cancelled_at = fields.String(allow_none=True)
    usage = fields.List(fields.Nested(UsedForm))
    evidence = fields.List(fields.String())
    acts = fields.List(fields.String(), metadata={"description": "what is possible now, for somebody who may"})


class HappeningForm(Schema):
    """One thing that happened to an order."""

    sequence = fields.Integer()
    kind = fields.String()
    at = fields.String()
    who = fields.String()
    crew = fields.String()
    detail = fields.String()
    claimed_at = fields.String(allow_none=True)


class OneForm(OrderForm):
    """A work order with what happened to it."""

    history = fields.List(fields.Nested(HappeningForm))


class CrewForm(Schema):
    """A crew and what it has in hand."""

    code = fields.String()
    name = fields.String()
    name_en = fields.String()
    leader = fields.String()
    supplier = fields.String()
    size = fields.Integer()
    skills = fields.Dict(keys=fields.String(), values=fields.Integer())
    shift = fields.List(fields.Integer(), metadata={"description": "minutes since midnight at the site"})
    days = fields.String()
    orders = fields.Integer()
    minutes = fields.Integer()
    running = fields.Integer()


class CrewsForm(Schema):
    """All crews."""

    crews = fields.List(fields.Nested(CrewForm))


class BoardForm(Schema):
    """The board at one instant."""

    at = fields.String()
    counts = fields.Dict(keys=fields.String(), values=fields.Integer())
    orders = fields.List(fields.Nested(OrderForm))
    crews = fields.List(fields.Nested(CrewForm))


class ChoiceForm(Schema):
    """One crew that could do it."""

    crew = fields.String()
    difference = fields.Float(metadata={"description": "yuan-equivalents above the best; ranks, is never billed"})
    arrive_at = fields.String()
    reasons = fields.Raw()


class SuggestionForm(Schema):
    """Whom to send, why, who comes next, and why the others cannot."""

    choices = fields.List(fields.Nested(ChoiceForm))
    refusal = fields.Raw(allow_none=True)
    excluded = fields.Dict(keys=fields.String(), values=fields.Raw())


def text_of(at: datetime | None) -> str | None:
    return to_text(at) if at is not None else None


_TIMES = ("filed_at", "starts_at", "ends_at", "opened_at", "assigned_at", "planned_at", "pinned_at", "accepted_at", "arrived_at", "started_at",
          "paused_at", "finished_at", "cancelled_at")  # fmt: skip
_SAME = ("reference", "order_id", "request_id", "request_reference", "round", "version", "item", "level", "priority",
         "state", "place", "building", "floor", "room", "department", "summary", "answers", "contact", "crew", "supplier",
         "contract", "assigned_by", "reasons", "next_crews", "urged", "pause_reason", "evidence")  # fmt: skip


def form_of(order: Order, roster: Roster, *, working: bool = True, asked: bool = True) -> dict[str, Any]:
    """An order as JSON: why it was given to whom for those who dispatch or do it (``working``), the words of the
    request also for who asked.
    """
    found: dict[str, Any] = {name: getattr(order, name) for name in _SAME}
    found |= {name: text_of(getattr(order, name)) for name in _TIMES}
    found["crew_name"] = roster.crew_name(order.crew, "zh-Hans") if order.crew else ""
    found["promises"] = [
        {"kind": kind, "due_at": to_text(at), "kept": order.judged(kind)} for kind, at in order.due().items() if at
    ]
    found["usage"] = [{"meter": meter, "quantity": quantity, "unit": unit} for meter, quantity, unit in order.usage]
    found["acts"] = [act for act in model.ACTS if model.may(act, order.state)]
    if not working:
        found |= {"reasons": [], "next_crews": []}
    if not working and not asked:
        found |= {"contact": "", "answers": []}
    return found


def crew_form(team: Team, load: Load) -> dict[str, Any]:
    """A crew as JSON."""
    return {
        "code": team.code, "name": team.name, "name_en": team.name_en, "leader": team.leader,
        "supplier": team.supplier, "size": team.size, "skills": dict(team.skills), "shift": list(team.shift),
        "days": team.days, "orders": load.orders, "minutes": load.minutes, "running": load.running,
    }  # fmt: skip


def own_supplier(context: Context) -> str | None:
    """The supplier to whom this reader is bound; None for those who see all."""
    return None if "all" in context.scopes else context.principal.supplier or "-"


def list_orders(
    context: Context, asked: dict[str, Any], *, supplier: str | None = None
) -> tuple[list[Order], str | None]:
    """A part of the queue that this reader may see, and the cursor of the next part."""
    purpose = f"orders {asked['view'] == 'ended'}"
    key = context.application.cursors.read(purpose, asked["cursor"])
    with context.read() as connection:
        found = store.listed(
            connection, view=asked["view"], item=asked["item"], crew=asked["crew"], supplier=supplier,
            building=asked["building"], priority=asked["priority"], words=asked["words"], now=context.now,
            after=(from_text(key[0]), key[1]) if key else None, limit=asked["limit"] + 1,
        )  # fmt: skip
    more = len(found) > asked["limit"]
    found = found[: asked["limit"]]
    if not more:
        return found, None
    last = found[-1]
    at = last.changed_at if asked["view"] == "ended" else last.urgency_at
    return found, context.application.cursors.write(purpose, to_text(at), last.order_id)


def orders(context: Context) -> Answer:
    """The queue, most urgent first; ``view=ended`` newest first."""
    found, following = list_orders(context, context.query(), supplier=own_supplier(context))
    with context.read() as connection:
        roster = store.roster(connection)
    return answer({"items": forms_of(context, found, roster), "next": following})


def forms_of(context: Context, found: Sequence[Order], roster: Roster) -> list[dict[str, Any]]:
    """Orders as JSON for who reads them; that they are given people's contacts is an entry of the log."""
    shown = [form_of(order, roster, working=works_on(context, order), asked=False) for order in found]
    note_contacts(context, zip(found, shown, strict=True))
    return shown


def note_contacts(context: Context, shown: Iterable[tuple[Order, dict[str, Any]]]) -> None:
    """Whose contact somebody else is given stands in the log."""
    me = context.principal.account
    noting.note_each(
        context, "contact", [order.reference for order, form in shown if form["contact"] and order.requester != me]
    )


def one(context: Context, ref: str) -> Answer:
    """One order with what happened to it."""
    with context.read() as connection:
        order = store.order(connection, ref)
        context.check(scoped(order))
        assert order is not None
        history = store.happenings(connection, order.order_id)
        roster = store.roster(connection)
    asked = order.requester == context.principal.account
    found = form_of(order, roster, working=works_on(context, order), asked=asked)
    note_contacts(context, [(order, found)])
    found["history"] = [
        {
            "sequence": row.sequence,
            "kind": row.kind,
            "at": to_text(row.at),
            "who": row.who,
            "crew": row.crew,
            "detail": row.detail,
            "claimed_at": text_of(row.claimed_at),
        }
        for row in history
    ]
    return answer(found)


def works_on(context: Context, order: Order) -> bool:
    """Whether the reader dispatches the order or does it."""
    person = context.principal
    return (
        "dispatcher" in person.roles
        or bool(person.crew and person.crew == order.crew)
        or bool(person.supplier and person.supplier == order.supplier)
    )


def suggested(context: Context, ref: str) -> Answer:
    """Whom to send now, with reasons, as computed at this instant."""
    with context.read() as connection:
        order = store.order(connection, ref)
        context.check(scoped(order))
        assert order is not None
        found, start = suggestion(connection, order, store.roster(connection), store.loads(connection), context.now)
    choices = [each for each in (found.best, *found.next_two) if each is not None]
    return answer(
        {
            "choices": [handlers.advice(each, start) for each in choices],
            "refusal": handlers.keyed(found.refusal) if found.refusal else None,
            "excluded": {crew: handlers.keyed(why) for crew, why in (found.excluded or {}).items()},
        }
    )


# ---- acts: one function for the API and the pages


def act(
    context: Context, ref: str, do: Callable[[Work, Order, str], None], claimed: tuple[str, datetime] | None = None
) -> Order:
    """Do something to an order this person may work on; the order afterwards. ``claimed``: which step, and when their
    device says it was done.

    Raises:
        Absent: there is none, or it is not theirs. What ``do`` raises.
    """
    with context.work() as work:
        order = store.order(work.connection, ref, lock=True)
        context.check(scoped(order))
        assert order is not None
        before = order.version
        do(work, order, context.principal.name)
        if claimed is not None:
            work_orders.claim(work, order, before + 1, *claimed)
    return order


ACTS: dict[str, tuple[type[Schema], Access, Callable[..., Any]]] = {
    "assign": (Assignment, DISPATCH, lambda w, o, who, g: handlers.assign(w, o, g["crew"], who, g["version"])),
    "recall": (Step, DISPATCH, lambda w, o, who, g: handlers.recall(w, o, who, g["version"])),
    "accept": (Step, WORK, lambda w, o, who, g: handlers.accept(w, o, who, g["version"])),
    "refuse": (Refusal, WORK, lambda w, o, who, g: handlers.refuse(w, o, who, g["reason"], g["version"])),
    "set_off": (Step, WORK, lambda w, o, who, g: handlers.set_off(w, o, who, g["version"])),
    "arrive": (Step, WORK, lambda w, o, who, g: handlers.arrive(w, o, who, g["version"])),
    "start": (Step, WORK, lambda w, o, who, g: handlers.start(w, o, who, g["version"])),
    "pause": (Pause, WORK, lambda w, o, who, g: handlers.pause(w, o, who, g["reason"], g["version"])),
    "resume": (Step, WORK, lambda w, o, who, g: handlers.resume(w, o, who, g["version"])),
    "finish": (
        Finish,
        WORK,
        lambda w, o, who, g: work_orders.finish_shown(
            w,
            o,
            who,
            [(each["meter"], each["quantity"]) for each in g["usage"]],
            evidence=g["evidence"],
            checks=g["checks"],
            signed_by=g["signed_by"],
            version=g["version"],
            demanded=g.get("demanded", True),
        ),
    ),
    "cancel": (Cancellation, DISPATCH, lambda w, o, who, g: handlers.cancel(w, o, g["reason"], who, g["version"])),
    "transfer": (
        Transfer,
        WORK,
        lambda w, o, who, g: work_orders.transfer(w, o, g["crew"], who, g["reason"], g["version"]),
    ),
    "no_show": (Step, DISPATCH, lambda w, o, who, g: work_orders.no_show(w, o, who, g["version"])),
    "split": (Part, DISPATCH, lambda w, o, who, g: work_orders.split(w, o, g["crew"], who, g["words"], g["version"])),
    "pin": (Hour, DISPATCH, lambda w, o, who, g: schedule.pin(w, o, g["crew"], g["at"], who, g["version"])),
    "follow": (Step, DISPATCH, lambda w, o, who, g: schedule.follow(w, o, who, g["version"])),
    "escalate": (
        Escalation,
        DISPATCH,
        lambda w, o, who, g: work_orders.escalate(w, o, who, g["role"], g["words"], g["version"]),
    ),
    "ask": (Question, DISPATCH, lambda w, o, who, g: work_orders.ask(w, o, who, g["words"], g["version"])),
    "redo": (Redo, DISPATCH, lambda w, o, who, g: work_orders.redo(w, o, who, g["reason"], g["version"])),
}
SUMMARIES = {
    "assign": "Offer the order to a crew; its promises stay.",
    "recall": "Take the order back from its crew.",
    "accept": "The crew will do it.",
    "refuse": "The crew will not; the next crew is asked at once.",
    "set_off": "The crew is on its way.",
    "arrive": "The crew is on site.",
    "start": "Work begins.",
    "pause": "The clock stands, for a reason of the list.",
    "resume": "The clock runs again.",
    "finish": "The work is done; with what was used.",
    "cancel": "Nobody will do it.",
    "transfer": "Another crew of the same employer takes it over, for a reason of the list.",
    "no_show": "The crew did not come; the next crew is asked at once.",
    "split": "A part of it is an order of its own, for another crew.",
    "redo": "A check failed: it is done again.",
    "pin": "Set the hour at which a crew is to begin; the plan keeps to both.",
    "escalate": "Tell the crew's leader or the supervisor that the order needs them now.",
    "ask": "Ask the requester something; the answer comes as a change of the request.",
    "follow": "Give it as the plan of the whole area proposes.",
}


def demanded(context: Context) -> bool:
    """Whether the evidence of the standard is demanded of this person; for dispatchers the history says what is missing."""
    return "dispatcher" not in context.principal.roles


def _view(name: str) -> Callable[..., Answer]:
    do = ACTS[name][2]

    def view(context: Context, ref: str) -> Answer:
        given = {**context.json(), "demanded": demanded(context)}
        claimed = (name, given["claimed_at"]) if given["claimed_at"] else None
        order = act(context, ref, lambda work, order, who: do(work, order, who, given), claimed)
        with context.work() as work:
            roster = store.roster(work.connection)
        return answer(form_of(order, roster))

    view.__name__ = f"{name}_by_api"
    view.__doc__ = SUMMARIES[name]
    return view


# ---- crews


def crews(context: Context) -> Answer:
    """Crews and what they have in hand; a supplier sees its own."""
    supplier = own_supplier(context)
    with context.read() as connection:
        roster, loads = store.roster(connection), store.loads(connection)
    shown = [team for team in roster.teams.values() if supplier is None or team.supplier == supplier]
    return answer({"crews": [crew_form(team, loads.get(team.code, handlers.NOTHING)) for team in shown]})


def crew_list(context: Context, code: str) -> Answer:
    """A crew's orders: what it has in hand, and what it ended today."""
    with context.read() as connection:
        roster = store.roster(connection)
        context.check(scoped_crew(roster.teams.get(code)))
        found = store.of_crew(connection, code, midnight(context.now))
    shown = [form_of(order, roster) for order in found]
    note_contacts(context, zip(found, shown, strict=True))
    return answer({"items": shown, "next": None})


def my_orders(context: Context) -> Answer:
    """The orders of the reader's own crew; none for somebody in no crew."""
    if not context.principal.crew:
        return answer({"items": [], "next": None})
    return crew_list(context, context.principal.crew)


def supplier_orders(context: Context) -> Answer:
    """The orders that the reader's supplier holds."""
    found, following = list_orders(context, context.query(), supplier=context.principal.supplier or "-")
    with context.read() as connection:
        roster = store.roster(connection)
    shown = [form_of(order, roster) for order in found]
    note_contacts(context, zip(found, shown, strict=True))
    return answer({"items": shown, "next": following})


def board(context: Context) -> Answer:
    """Counts, the first part of the queue and all crews, as one picture."""
    with context.read() as connection:
        roster, loads = store.roster(connection), store.loads(connection)
        counts = store.counts(connection, context.now)
        found = store.listed(connection, view="open", limit=200)
    return answer(
        {
            "at": to_text(context.now),
            "counts": counts,
            "orders": forms_of(context, found, roster),
            "crews": [crew_form(team, loads.get(team.code, handlers.NOTHING)) for team in roster.teams.values()],
        }
    )


class ItemForm(Schema):
    """What is counted when an order of the item is finished."""

    code = fields.String()
    name = fields.String()
    meters = fields.List(fields.Dict())


class ItemsForm(Schema):
    """The items and their meters."""

    items = fields.List(fields.Nested(ItemForm))
    refusals = fields.List(fields.String())
    pauses = fields.List(fields.String())
    transfers = fields.List(fields.String())
    redos = fields.List(fields.String())


def words(_context: Context) -> Answer:
    """Codes that acts take: meters by item with their bounds, reasons to refuse and to pause."""
    return answer(
        {
            "items": [
                {
                    "code": item.code,
                    "name": item.name,
                    "meters": [
                        {
                            "code": m.code,
                            "unit": m.unit,
                            "least": str(m.least),
                            "most": str(m.most),
                            "step": str(m.step),
                        }
                        for m in item.meters
                    ],
                }
                for item in items().values()
            ],
            "refusals": list(model.REFUSALS),
            "pauses": list(model.PAUSES),
            "transfers": list(model.TRANSFERS),
            "redos": list(model.REDOS),
        }
    )


_ORDER_SAMPLE = {"ref": "2026-1124-001-1"}
RECENT = timedelta(days=1)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/orders", "api_orders", orders, allow=QUEUE, kind="api", accepts=Slice, answers=(OrderForm,),
          summary="The queue."),
    Route("GET", "/api/orders/<ref>", "api_order", one, allow=ORDER, kind="api", answers=OneForm, summary="One order."),
    Route("GET", "/api/orders/<ref>/suggestion", "api_suggestion", suggested, allow=DISPATCH, kind="api",
          answers=SuggestionForm, summary="Whom to send now, and why."),
    *(
        Route("POST", f"/api/orders/<ref>/{name}", f"api_{name}", _view(name), allow=allow, kind="api", accepts=accepts,
              answers=OrderForm, creates=True, limit=WORKING, summary=SUMMARIES[name])
        for name, (accepts, allow, _) in ACTS.items()
    ),
    Route("GET", "/api/crews", "api_crews", crews, allow=CREWS, kind="api", answers=CrewsForm, summary="All crews."),
    Route("GET", "/api/crews/<code>/orders", "api_crew", crew_list, allow=Access.to(dispatcher="all", crew="own", supplier="supplier"),
          kind="api", answers=(OrderForm,), summary="A crew's orders today."),
    Route("GET", "/api/mine", "api_mine", my_orders, allow=CREW, kind="api", answers=(OrderForm,),
          summary="My crew's orders today."),
    Route("GET", "/api/supplier", "api_supplier", supplier_orders, allow=SUPPLIER, kind="api", accepts=Slice,
          answers=(OrderForm,), summary="My supplier's orders."),
    Route("GET", "/api/board", "api_board", board, allow=QUEUE, kind="api", answers=BoardForm, summary="The board."),
    Route("GET", "/api/words", "api_words", words, allow=WORK, kind="api", answers=ItemsForm, summary="Codes that acts take."),
)  # fmt: skip
