"""One request: how it stands, what happened, and what its requester may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, api, approvals, model, pictures, quotas, store
from services.requests.handlers import escalating, following, joining
from services.requests.pages.rows import promise_of, row_of
from services.requests.standing import excesses
from shared.clock import from_text
from shared.errors import Invalid
from shared.web.answers import Answer, Said, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Text, Whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.requests.approvals import Approval
    from services.requests.catalogue import Field, Item
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.store import Happening, KnownOrder, Request
    from shared.errors import Refused
    from shared.web.context import Context


class ConfirmForm(Schema):
    """Stars, words and tags."""

    stars = Whole(0, 5, load_default=0)
    tags = fields.List(fields.String(validate=validate.OneOf(model.TAGS)), load_default=list)
    words = Text(500, lines=True, load_default="")


class ReopenForm(Schema):
    """Why it has to be done again, and what is still wrong."""

    reason = fields.String(load_default="not_mended", validate=validate.OneOf(model.REOPENING_REASONS))
    words = Text(500, lines=True, load_default="")


class WithdrawForm(Schema):
    """Why it is not wanted."""

    reason = fields.String(load_default="not_needed", validate=validate.OneOf(model.WITHDRAWAL_REASONS))


class Bare(Schema):
    """A form of one button."""


class RequestQuery(Schema):
    """Whether it has just been filed."""

    filed = fields.String(load_default="", validate=validate.OneOf(["", "1"]))


def one(context: Context, reference: str) -> Answer:
    """One request: how it stands, what happened, what may be done."""
    return _one_page(context, reference, filed=bool(context.query()["filed"]))


def _one_page(context: Context, reference: str, *, filed: bool = False, error: Refused | None = None) -> Answer:
    desk: Desk = context.own
    place = desk.hub.place()
    with context.read() as connection:
        request = api.wanted(context, connection, reference)
        places = desk.places(connection)
        departments = desk.departments(connection)
        timeline = store.happenings(connection, request.id)
        orders = store.orders(connection, request.id)
        usage = store.usage_of(connection, request.id)
        asked = approvals.of(connection, request.id) if request.state == "awaiting_approval" else None
        relation, acts = joining.acts(connection, request, context.principal.account)
        said = joining.confirmations(connection, request.id) if request.joined > 1 else []
        whole = relation != "joined" or api.sees_words(context, request)
        photos = pictures.of_request(connection, request.id) if whole else []
    code = context.language.code
    mine_ = relation == "own"
    order = max(
        (each for each in orders.values() if (each.round or request.round) == request.round),
        key=lambda each: (each.sequence, each.order_id), default=None,
    )  # fmt: skip
    department = departments.get(request.department)
    return page(
        "requests/request.html",
        status=error.status if error else 200,
        place=place,
        row=row_of(context, request, places),
        request=request,
        item=desk.item_of(request),
        order=order,
        mine=mine_,
        follows=bool(relation),
        acts=acts,
        facts=[
            *facts_of(context, request, places, department.name.in_(code) if department else "", whole=whole),
            *(_awaited(context, asked) if whole else []),
        ],
        whole=whole,
        photos=photos,
        said=said,
        may_answer=bool(request.escalated)
        and request.answered_at is None
        and context.may("answer_escalation", access.where(request)),
        reopening_reasons=model.REOPENING_REASONS,
        timeline=[_line(context, each, request) for each in timeline],
        promises=standing(request, order, context.now),
        chain=chain_of(context, request, order, usage),
        code=model.tracking_code(desk.secret, request.id) if mine_ else "",
        filed=filed and mine_,
        problem=context.language(error.key, **error.parameters) if error else "",
        errors=context.errors(error) if error else {},
        tags=model.TAGS,
        reasons=model.WITHDRAWAL_REASONS,
        short=model.short(request.reference),
    )


def _awaited(context: Context, asked: Approval | None) -> list[tuple[str, str]]:
    """Why a request awaits approval, which step it is at, and by when it is decided."""
    if asked is None:
        return []
    words = context.language
    causes = words.listed([words(f"approval.because.{each}") for each in asked.causes])
    until = words("quota.until", time=words.when(asked.due_at, context.now))
    step = words("approval.at_step", n=asked.step + 1, of=len(asked.steps))
    found = [(words("approval.awaited"), causes), (step, until)]
    return [*found, (words("approval.exception"), asked.why)] if asked.why else found


def facts_of(
    context: Context, request: Request, places: dict[str, Place], department: str, *, whole: bool = True
) -> list[tuple[str, str]]:
    """What was asked for, as label and words, in the order of the form; not ``whole``: what made it somebody else's too."""
    words, code = context.language, context.language.code
    item = context.own.item_of(request)
    place = places.get(request.place)
    found = [(words("requests.form.place"), place.name.in_(code) if place else request.place)]
    if item:
        above = {each.field for each in excesses(request, item)} if whole else set()
        mark = {name: words("approval.above_in_brackets") for name in above}
        level = item.level(request.level)
        if level:
            found.append((words("requests.form.level"), level.name.in_(code) + mark.get("level", "")))
        found += [
            (each.label.in_(code), text + mark.get(each.name, ""))
            for each in item.fields
            if (whole or each.name in item.alike) and (text := _answer(context, item, each, request))
        ]
    if request.asset:
        found.append((words("following.form.asset"), request.asset))
    found.append((words("requests.form.priority"), words(f"requests.priority.{request.priority}")))
    if not whole:
        return found
    mine_ = context.principal.account in {request.requester, request.filed_by}
    cost = item.estimate(request.level, quotas.amount_asked(request.quantity, request.answers)) if item else None
    if cost is not None:
        found.append((words("charge.cost"), words("charge.estimate", amount=words.money(cost))))
    if request.contact:
        found.append((words("requests.form.contact"), request.contact if mine_ else api.masked(request.contact)))
    found.append(
        (
            words("requests.page.by"),
            request.requester_name if words.chinese else request.requester_name_en or request.requester_name,
        )
    )
    if department:
        found.append((words("requests.page.department"), department))
    return found


def _answer(context: Context, item: Item, each: Field, request: Request) -> str:
    parts = {"starts_at", "ends_at", "headcount", "quantity"}
    if each.name == "quantity" and not each.required and request.quantity == 1:
        return ""  # one is what stands there when nothing was said
    return answer_words(
        context, item, each, getattr(request, each.name) if each.name in parts else request.answers.get(each.name)
    )


def answer_words(context: Context, item: Item, each: Field, value: Any) -> str:
    """One answer as a person reads it; instants in the site's zone."""
    if each.type == "moment":
        if not value:
            return ""
        try:
            moment = from_text(value) if isinstance(value, str) else value
        except ValueError:
            return str(value).replace("T", " ")  # as a form holds it: the site's wall clock
        return str(context.language.when(moment, context.now))
    return item.said(each, value or "", context.language.code)


def _line(context: Context, each: Happening, request: Request) -> dict[str, Any]:
    words = context.language
    who = each.who if words.chinese else each.who_en or each.who
    key = f"requests.happened.{each.what}"
    text = words(f"{key}_by", who=who) if who and words.has(f"{key}_by") else words(key)
    note = ""
    if each.what == "confirmed" and each.detail:
        note = "★" * int(each.detail)
    elif each.what == "reopened":
        reason, _, said = each.detail.partition(" ")
        why = words(f"following.reopening.{reason}") if reason in model.REOPENING_REASONS else reason
        note = words.listed([each_ for each_ in (why, said) if each_])
    elif each.what == "amended":
        note = words.listed([_label(context, request, name) for name in each.detail.split()])
    elif each.what == "escalated":
        note = words(f"following.escalated.{each.detail}")
    elif each.what in {"answered", "asked", "approved", "not_approved"}:
        note = each.detail
    elif each.what == "breached":
        note = words(f"requests.promise.{each.detail}") if words.has(f"requests.promise.{each.detail}") else ""
    elif each.detail and words.has(f"requests.reason.{each.detail}"):
        note = words(f"requests.reason.{each.detail}")
    return {"at": each.at, "words": text, "note": note, "id": "", "seal": None}


def _label(context: Context, request: Request, name: str) -> str:
    item: Item | None = context.own.catalogue.get(request.item)
    each = item.field(name) if item else None
    if each is not None:
        return each.label.in_(context.language.code)
    for area in ("requests.form", "following.form"):
        if context.language.has(f"{area}.{name}"):
            return context.language(f"{area}.{name}")
    return name


def standing(request: Request, order: KnownOrder | None, now: datetime) -> list[dict[str, Any]]:
    """The promises of the current order and how each stands."""
    if order is None:
        return []
    broken = order.breached.split()
    found = []
    for name, due, kept_at in (
        ("response", order.response_due_at, order.responded_at),
        ("arrival", order.arrival_due_at, order.arrived_at),
        ("finish", order.finish_due_at, order.finished_at),
    ):
        if due is None:
            continue
        started = order.opened_at or request.filed_at
        if kept_at is not None:
            key = "breached" if kept_at > due or name in broken else "kept"
        elif request.state in {"withdrawn", "refused"} or request.state == "paused":
            key = "stopped"
        else:
            key = promise_of(due, started, now)
        found.append({"name": name, "key": key, "due": due, "started": started, "kept_at": kept_at})
    return found


def chain_of(
    context: Context, request: Request, order: KnownOrder | None, usage: Sequence[store.Usage] = ()
) -> list[dict[str, str]]:
    """Where the request stands in the chain; steps of other services link there."""
    words = context.language
    done = request.state in {"to_confirm", "closed"}
    standard = words("requests.page.version", n=request.item_version)
    measured = words.listed(
        [
            f"{fact.quantity} {words(f'requests.meter.{fact.meter}')}"
            if words.has(f"requests.meter.{fact.meter}")
            else f"{fact.quantity} {fact.unit}"
            for fact in usage
        ]
    )
    steps = (
        (
            "standard",
            standard,
            True,
            context.url("form", code=request.item) if context.own.catalogue.get(request.item) else "",
        ),
        ("request", model.short(request.reference), True, ""),
        ("order", model.short(order.reference) if order else "", order is not None, ""),
        ("evidence", words("requests.page.finished") if done else "", done, ""),
        ("usage", measured, bool(usage), ""),
        ("statement", "", False, ""),
    )
    return [
        {
            "key": key,
            "value": value,
            "step": "here" if key == "request" else "sealed" if there else "ahead",
            "href": href,
        }
        for key, value, there, href in steps
    ]


# ---- what the requester does


def withdraw(context: Context, reference: str) -> Answer:
    """The request is withdrawn."""
    reason = context.form()["reason"]
    return _acted(
        context,
        reference,
        lambda work, request: following.withdraw(work, request, api.who(context), reason),
        joiners=False,
    )


def confirm(context: Context, reference: str) -> Answer:
    """The work is accepted, perhaps with stars."""
    form = context.form()
    return _acted(
        context, reference,
        lambda work, request: following.confirm(
            work, request, api.who(context), form["stars"], tuple(dict.fromkeys(form["tags"])), form["words"],
            account=context.principal.account,
        ),
    )  # fmt: skip


def reopen(context: Context, reference: str) -> Answer:
    """The work starts again."""
    form = context.form()
    return _acted(
        context, reference,
        lambda work, request: following.reopen(work, request, api.who(context), form["words"], form["reason"]),
    )  # fmt: skip


def urge(context: Context, reference: str) -> Answer:
    """The crew hears that it is waited for."""
    context.form()
    return _acted(context, reference, lambda work, request: following.urge(work, request, api.who(context)))


def leave(context: Context, reference: str) -> Answer:
    """The reader follows it no longer."""
    context.form()
    with context.work() as work:
        request = api.wanted(context, work.connection, reference, lock=True)
        joining.leave(work, request, context.principal.account, api.who(context))
    return see_other(context.url("mine"), said=Said("following.said.left"))


def _acted(context: Context, reference: str, act: Any, *, joiners: bool = True) -> Answer:
    try:
        with context.work() as work:
            act(work, api.wanted(context, work.connection, reference, lock=True, joiners=joiners))
    except (model.NotInThisState, model.UrgedJustNow, escalating.AnsweredAlready) as error:
        return _one_page(context, reference, error=error)
    return see_other(context.url("request", reference=reference))


# ---- those above the crew


class AnswerForm(Schema):
    """What was done about it."""

    words = Text(500, lines=True, required=True)


def escalations(context: Context) -> Answer:
    """What was escalated and nobody has answered, the oldest first."""
    desk: Desk = context.own
    with context.read() as connection:
        places = desk.places(connection)
        departments = desk.departments(connection)
        found = escalating.unanswered(connection, context.principal.organisation)
    code = context.language.code
    return page(
        "requests/escalations.html",
        rows=[row_of(context, each, places) for each in found],
        departments={each.code: each.name.in_(code) for each in departments.values()},
    )


def answer_escalation(context: Context, reference: str) -> Answer:
    """What was done is said to the requester; the request leaves the list."""
    try:
        words = context.form()["words"]
    except Invalid as error:
        return _one_page(context, reference, error=error)
    return _acted(
        context,
        reference,
        lambda work, request: escalating.answer(work, request, api.who(context), words),
        joiners=False,
    )


ROUTES = (
    Route("GET", "/<reference>", "request", one, allow=access.READ, accepts=RequestQuery, summary="One request."),
    Route("POST", "/<reference>/withdraw", "withdraw", withdraw, allow=access.ACT, accepts=WithdrawForm, summary="Withdraw."),
    Route("POST", "/<reference>/confirm", "confirm", confirm, allow=access.ACT, accepts=ConfirmForm, summary="Accept and rate."),
    Route("POST", "/<reference>/reopen", "reopen", reopen, allow=access.ACT, accepts=ReopenForm, summary="Not mended."),
    Route("POST", "/<reference>/urge", "urge", urge, allow=access.ACT, accepts=Bare, summary="Ask for haste."),
    Route("POST", "/<reference>/leave", "leave_request", leave, allow=access.ACT, accepts=Bare, summary="Follow a request no longer."),
    Route("GET", "/escalations", "escalations", escalations, allow=access.ESCALATED, summary="What was escalated.", sample={}),
    Route("POST", "/<reference>/escalation", "answer_escalation", answer_escalation, allow=access.DECIDE, accepts=AnswerForm,
          summary="Say what was done about it."),
)  # fmt: skip
