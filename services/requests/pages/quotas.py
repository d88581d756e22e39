"""Pages and routes of quotas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields, validate

from services.requests import access, model, quotas
from services.requests.requester import oneself
from shared.errors import Invalid, Refused
from shared.web.answers import Answer, Said, answer, nothing, page, see_other
from shared.web.routes import Route
from shared.web.schemas import Key, Whole

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


class RuleOut(Schema):
    """A quota: of whom (empty = of each), how much in which period, in the item's unit."""

    id = fields.String()
    item = fields.String()
    per = fields.String()
    holder = fields.String()
    period = fields.String()
    most = fields.Integer()


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


def _save(context: Context, form: dict[str, Any]) -> None:
    desk: Desk = context.own
    with context.work() as work:
        wrong: dict[str, list[str]] = {}
        if desk.catalogue.get(form["item"]) is None:
            wrong["item"] = ["requests.field.item"]
        if form["holder"] and (form["per"] != "department" or form["holder"] not in desk.departments(work.connection)):
            wrong["holder"] = ["field.choice"]
        if any(each.item == form["item"] and each.per != form["per"] for each in quotas.all_quotas(work.connection)):
            wrong["per"] = ["quota.field.other_kind"]  # only one of the two would count
        if wrong:
            raise Invalid(fields=wrong)
        quotas.save(work, form["item"], form["per"], form["holder"], form["period"], form["most"])
    desk.forget()


def save_rule(context: Context) -> Answer:
    """The quota holds from now on."""
    try:
        _save(context, context.form())
    except Invalid as error:
        return _rules(context, error)
    return see_other(context.url("admin_quotas"), said=Said("quota.said.saved"))


def drop_rule(context: Context, quota_id: str) -> Answer:
    """The quota holds no longer."""
    context.form()
    _drop(context, quota_id)
    return see_other(context.url("admin_quotas"))


def _drop(context: Context, quota_id: str) -> None:
    with context.work() as work:
        quotas.drop(work, quota_id)
    context.own.forget()


def list_rules(context: Context) -> Answer:
    """All quotas with their ids."""
    with context.read() as connection:
        found = quotas.all_quotas(connection)
    return answer({"items": [RuleOut().dump(vars(each)) for each in found], "next": ""})


def put_rule(context: Context) -> Answer:
    """The quota holds from now on; one of the same item and holder is replaced."""
    _save(context, context.json())
    return nothing()


def delete_rule(context: Context, quota_id: str) -> Answer:
    """The quota holds no longer."""
    _drop(context, quota_id)
    return nothing()


ROUTES = (
    Route("GET", "/api/quotas", "api_quotas", mine, allow=access.ASK, kind="api", accepts=ItemQuery, summary="Own quotas and what is left."),
    Route("GET", "/api/quotas/rules", "api_quota_rules", list_rules, allow=access.ADMINISTER, kind="api", answers=(RuleOut,), summary="All quotas."),
    Route("PUT", "/api/quotas/rules", "api_put_quota", put_rule, noted="change", allow=access.ADMINISTER, kind="api", accepts=QuotaForm, status=204,
          summary="Set a quota."),
    Route("DELETE", "/api/quotas/rules/<quota_id>", "api_drop_quota", delete_rule, noted="change", allow=access.ADMINISTER, kind="api", status=204,
          summary="Drop a quota."),
    Route("GET", "/admin/quotas", "admin_quotas", rules, allow=access.ADMINISTER, summary="Quotas.", sample={}),
    Route("POST", "/admin/quotas", "admin_save_quota", save_rule, noted="change", allow=access.ADMINISTER, accepts=QuotaForm, summary="Set a quota."),
    Route("POST", "/admin/quotas/<quota_id>/drop", "admin_drop_quota", drop_rule, noted="change", allow=access.ADMINISTER, accepts=Bare,
          summary="Drop a quota."),
)  # fmt: skip
