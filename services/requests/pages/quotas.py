"""Pages and routes of quotas and of what awaits approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, api, model, quotas, store
from services.requests.bookings import store as booking_store
from services.requests.requester import oneself
from shared.errors import Absent, Invalid, Refused
from shared.web.answers import Answer, Said, answer, nothing, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Text, Whole

if TYPE_CHECKING:
    from services.requests.desk import Desk
    from shared.web.context import Context


class QuotaForm(Schema):
    """How much of an item a department, or each person, may use in a period."""

    item = Key(required=True)
    per = fields.String(required=True, validate=validate.OneOf(quotas.HOLDERS))
    holder = Key(load_default="")
    period = fields.String(required=True, validate=validate.OneOf(quotas.PERIODS))
    most = Whole(1, 100_000_000, required=True)


class DecisionForm(Schema):
    """May it be filed?"""

    granted = fields.String(required=True, validate=validate.OneOf(["yes", "no"]))
    reason = Text(200, load_default="")


class Decision(Schema):
    """Whether the request may be filed, and why not."""

    granted = fields.Boolean(required=True)
    reason = Text(200, load_default="")


class Bare(Schema):
    """A form of one button."""


class ItemQuery(Schema):
    """Which item; empty = all that have a quota."""

    item = Key(load_default="")


class StandingOut(Schema):
    """A quota and how much of it is left for the caller, in the item's unit."""

    item = fields.String()
    per = fields.String()
    period = fields.String()
    most = fields.Integer()
    used = fields.Integer()
    left = fields.Integer()


class ApprovalOut(Schema):
    """A request that awaits approval."""

    reference = fields.String()
    reason = fields.String()
    summary = fields.String()
    department = fields.String()


def mine(context: Context) -> Answer:
    """The caller's quotas and what is left of each."""
    wanted = context.query()["item"]
    desk: Desk = context.own
    person = oneself(context.principal)
    with context.read() as connection:
        rules = [
            rule for item in desk.catalogue if wanted in {"", item.code} and (rule := quotas.of_item(desk, connection, item.code, person))
        ]  # fmt: skip
        found = [quotas.standing(connection, rule, person, context.now) for rule in rules]
    return answer({
        "items": [
            StandingOut().dump({"item": each.quota.item, "per": each.quota.per, "period": each.period, "most": each.quota.most,
                                "used": each.used, "left": each.left})
            for each in found
        ]
    })  # fmt: skip


def _waiting(context: Context, connection: Any) -> list[tuple[quotas.Approval, store.Request]]:
    found = []
    for each in quotas.open_approvals(connection, context.principal.organisation):
        request = store.request_by_id(connection, each.request_id)
        if request is not None:
            found.append((each, request))
    return found


def list_approvals(context: Context) -> Answer:
    """What awaits approval, the most urgent first."""
    with context.read() as connection:
        found = _waiting(context, connection)
    return answer({
        "items": [
            {"reference": request.reference, "reason": each.reason, "summary": "" if request.restricted else request.summary, "department": request.department}
            for each, request in found
        ],
        "next": "",
    })  # fmt: skip


def _decide(context: Context, reference: str, *, granted: bool, words: str) -> None:
    with context.work() as work:
        full = model.full_reference(reference, model.day_of(context.now))
        request = store.request_by_reference(work.connection, full)
        found = quotas.approval_of(work.connection, request.id) if request else None
        # A restricted request has no organisation in its scope: whoever approves sees its quota, not its content.
        if request is None or found is None or not _below(context, found.organisation):
            raise Absent
        if not granted and not words:
            raise Invalid(fields={"reason": ["field.required"]})
        quotas.decide(work, request.id, api.who(context), context.principal.account, granted=granted, words=words)


def _below(context: Context, organisation: str) -> bool:
    own = context.principal.organisation
    return bool(own) and (organisation == own or organisation.startswith(own + "/"))


def api_decide(context: Context, reference: str) -> Answer:
    """The request is filed after all, or refused with a reason."""
    body = context.json()
    _decide(context, reference, granted=body["granted"], words=body["reason"])
    return nothing()


def approvals(context: Context) -> Answer:
    """What awaits approval: requests over their quota, bookings of chosen rooms."""
    return _approvals(context)


def _approvals(context: Context, error: Refused | None = None) -> Answer:
    code = context.language.code
    with context.read() as connection:
        found = _waiting(context, connection)
        departments = context.own.departments(connection)
        bookings = booking_store.pending(connection, context.principal.organisation)
        names = {each.number: each.name.in_(code) for each in booking_store.resources(connection)}
    rows = []
    for each, request in found:
        item = context.own.catalogue.get(request.item)
        department = departments.get(request.department)
        rows.append({
            "short": model.short(request.reference), "due": each.due_at, "reason": each.reason,
            "mark": item.mark.in_(code) if item else "·", "title": item.name.in_(code) if item and request.restricted else request.summary,
            "who": request.requester_name if context.language.chinese else request.requester_name_en,
            "department": department.name.in_(code) if department else request.department,
        })  # fmt: skip
    return page(
        "requests/approvals.html",
        status=error.status if error else 200,
        rows=rows,
        bookings=[(each, names[each.resource]) for each in bookings],
        problem=context.language(error.key, **error.parameters) if error and not error.fields else "",
        errors=context.errors(error) if error else {},
    )


def decide(context: Context, reference: str) -> Answer:
    """The request is filed after all, or refused with a reason."""
    try:
        form = context.form()
        _decide(context, reference, granted=form["granted"] == "yes", words=form["reason"])
    except (Invalid, quotas.Decided) as error:
        context.held.close()
        return _approvals(context, error)
    return see_other(context.url("approvals"), said=Said("quota.said.decided"))


# ---- the administrator's rules


def rules(context: Context) -> Answer:
    """Quotas, what is used of each, and a form for one more."""
    return _rules(context)


def _rules(context: Context, error: Refused | None = None) -> Answer:
    desk: Desk = context.own
    code = context.language.code
    today = model.day_of(context.now)
    with context.read() as connection:
        found = quotas.all_quotas(connection)
        departments = desk.departments(connection)
        used = {each.item: quotas.used_by(connection, each.item, today) for each in found}

    def name(holder: str) -> str:
        return departments[holder].name.in_(code) if holder in departments else holder[:8]

    return page(
        "requests/admin_quotas.html",
        status=error.status if error else 200,
        quotas=[
            {
                "id": each.id, "item": item.name.in_(code) if (item := desk.catalogue.get(each.item)) else each.item, "quota": each,
                "holder": name(each.holder) if each.holder else "",
                "used": [(name(holder), count) for holder, period, count in used[each.item] if count and period == quotas.period_of(each.period, today)][:5],
            }
            for each in found
        ],
        items=[(item.code, item.name.in_(code)) for item in desk.catalogue],
        departments=sorted((each.code, each.name.in_(code)) for each in departments.values()),
        given=context.posted if error else {},
        errors=context.errors(error) if error else {},
        periods=quotas.PERIODS, holders=quotas.HOLDERS,
    )  # fmt: skip


def save_rule(context: Context) -> Answer:
    """The quota holds from now on."""
    desk: Desk = context.own
    try:
        form = context.form()
        with context.work() as work:
            wrong: dict[str, list[str]] = {}
            if desk.catalogue.get(form["item"]) is None:
                wrong["item"] = ["requests.field.item"]
            if form["holder"] and (
                form["per"] != "department" or form["holder"] not in desk.departments(work.connection)
            ):
                wrong["holder"] = ["field.choice"]
            if wrong:
                raise Invalid(fields=wrong)
            quotas.save(work, form["item"], form["per"], form["holder"], form["period"], form["most"])
    except Invalid as error:
        return _rules(context, error)
    desk.forget()
    return see_other(context.url("admin_quotas"), said=Said("quota.said.saved"))


def drop_rule(context: Context, quota_id: str) -> Answer:
    """The quota holds no longer."""
    context.form()
    with context.work() as work:
        quotas.drop(work, quota_id)
    context.own.forget()
    return see_other(context.url("admin_quotas"))


ROUTES = (
    Route("GET", "/api/quotas", "api_quotas", mine, allow=access.ASK, kind="api", accepts=ItemQuery, summary="Own quotas and what is left."),
    Route("GET", "/api/approvals", "api_approvals", list_approvals, allow=access.DECIDE, kind="api", answers=(ApprovalOut,),
          summary="What awaits approval."),
    Route("POST", "/api/requests/<reference>/decision", "api_decide", api_decide, allow=access.DECIDE, kind="api", accepts=Decision,
          creates=True, status=204, summary="Approve or refuse a request."),
    Route("GET", "/approvals", "approvals", approvals, allow=access.DECIDE, summary="What awaits approval.", sample={}),
    Route("POST", "/approvals/<reference>", "decide", decide, allow=access.DECIDE, accepts=DecisionForm, summary="Approve or refuse."),
    Route("GET", "/admin/quotas", "admin_quotas", rules, allow=access.ADMINISTER, summary="Quotas.", sample={}),
    Route("POST", "/admin/quotas", "admin_save_quota", save_rule, allow=access.ADMINISTER, accepts=QuotaForm, summary="Set a quota."),
    Route("POST", "/admin/quotas/<quota_id>/drop", "admin_drop_quota", drop_rule, allow=access.ADMINISTER, accepts=Bare,
          summary="Drop a quota."),
)  # fmt: skip
