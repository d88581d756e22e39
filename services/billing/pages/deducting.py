"""Assessment: scores of a month, and deductions from proposal to decision."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import store, tables, wording
from services.billing.api import own_supplier
from services.billing.handlers import deductions as acts
from services.billing.model import service_day
from services.billing.pages import reading
from services.billing.pages.settling import Optional, last_month
from shared.errors import Refused
from shared.web.answers import Answer, Said, page, see_other
from shared.web.routes import Access, Route, Scoped
from shared.web.schemas import Key, Text, validate

if TYPE_CHECKING:
    from shared.web.context import Context

SEES = Access.to(finance="all", contract_manager="all", supervisor="all", auditor="all", supplier="supplier")
DECIDES = Access.to(contract_manager="all", finance="all")
PROPOSES = Access.to(contract_manager="all", supervisor="all")
SUPPLIER = Access.to(supplier="supplier")
ZERO = Decimal("0.00")


class Month(Schema):
    """Which month is shown; empty is the one before this."""

    period = Key(load_default="")


class ProposalForm(Schema):
    """A finding and the rule it falls under."""

    contract = Key(required=True)
    period = Key(required=True)
    rule = Key(required=True)
    item = Key(required=True)
    number = Optional(4, least="0", load_default=Decimal(1), allow_none=True)
    bonus = Optional(2, least="0", load_default=ZERO, allow_none=True)
    evidence = Text(400, required=True)
    words = Text(400, required=True)


class ContestForm(Schema):
    """Why the supplier does not agree."""

    words = Text(400, required=True)


class DecisionForm(Schema):
    """What becomes of it."""

    decision = fields.String(required=True, validate=validate.OneOf(["upheld", "reduced", "dropped"]))
    amount = Optional(2, load_default=None, allow_none=True)
    words = Text(400, required=True)


class ScoreForm(Schema):
    """Whose score of which month is confirmed."""

    scored = Key(required=True)
    period = Key(required=True)


def overview(context: Context) -> Answer:
    """Scores of a month and all deductions that this reader may see."""
    return _overview(context, context.query()["period"])


def _overview(context: Context, period: str, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language = context.language
    period = period or last_month(service_day(context.now))
    reading.first_day(period)
    with context.read() as connection:
        contracts = store.contracts(connection, own_supplier(context))
        refs = [row.ref for row in contracts]
        table = tables.deduction
        found = connection.execute(
            select(table).where(table.c.contract.in_(refs)).order_by(table.c.proposed_at.desc()).limit(100)
        ).all()
        jobs = tables.job_record.c
        crews = [] if own_supplier(context) else list(
            connection.execute(select(jobs.scored).where(jobs.period == period, jobs.supplier == "").distinct()).scalars()
        )  # fmt: skip
        confirmed = {
            row.scored: row for row in connection.execute(select(tables.score).where(tables.score.c.period == period))
        }
        scores = []
        for scored, words, scheme in [
            *((row.ref, reading.title_of(context, row), json.loads(row.terms).get("scheme", {})) for row in contracts),
            *((crew, crew, {}) for crew in sorted(crews)),
        ]:
            value = acts.scored_of(connection, scored, period, scheme)
            measured = acts.measures(connection, scored, period)
            kept = confirmed.get(scored)
            points = kept.score if kept else acts.decimal(value[0], 1) if value else None
            scores.append(
                {
                    "scored": scored, "words": words,
                    "score": "" if points is None else language.number(wording.plain(points)),
                    "confirmed": kept is not None,
                    "consequence": kept.consequence if kept else (acts.consequence(value[0]) if value else "none"),
                    "measures": [
                        "–" if each is None else language.number(wording.plain(acts.decimal(each).quantize(Decimal("0.1"))))
                        for each in measured.values()
                    ],
                }
            )  # fmt: skip
    rules = sorted({rule for row in contracts for rule in json.loads(row.terms).get("scheme", {}).get("rules", {})})
    return page(
        "billing/deductions.html", period=period, month=reading.month_name(language, period), scores=scores,
        rows=[
            {"href": context.url("deduction", deduction_id=row.deduction_id), "contract": row.contract, "month": reading.month_name(language, row.period),
             "rule": rule_name(language, row.rule), "amount": row.amount, "state": row.state, "words": row.words}
            for row in found
        ],
        contracts=[(row.ref, f"{row.ref} {reading.title_of(context, row)}") for row in contracts],
        items=sorted({item for row in contracts for item in json.loads(row.items)}),
        item_names={item: wording.item_name(language, item) for row in contracts for item in json.loads(row.items)},
        rules=[(rule, rule_name(language, rule)) for rule in [*rules, "bonus"]],
        may_propose=context.may("deduction_propose"), may_score=context.may("score_confirm"),
        posted=context.posted if problem or errors else {}, problem=problem, errors=errors or {}, status=422 if problem or errors else 200,
    )  # fmt: skip


def rule_name(language: Any, rule: str) -> str:
    """What a rule is called; its code where the language files have no word."""
    return wording.named(language, "billing.rule", rule)


def propose(context: Context) -> Answer:
    """A deduction or bonus is proposed."""
    try:
        asked = context.form()
        with context.work() as work:
            made = acts.propose_deduction(
                work, contract=asked["contract"], period=asked["period"], rule=asked["rule"], item=asked["item"],
                number=asked["number"] if asked["number"] is not None else Decimal(1),
                evidence=[each.strip() for each in asked["evidence"].replace("，", ",").split(",") if each.strip()],
                words=asked["words"], name=context.principal.name,
                bonus=(asked["bonus"] or ZERO) if asked["rule"] == "bonus" else ZERO,
            )  # fmt: skip
    except Refused as fault:
        if fault.status in {401, 404}:
            raise
        return _overview(
            context,
            "",
            context.language(fault.key, **fault.parameters) if not fault.fields else "",
            context.errors(fault),
        )
    return see_other(context.url("deduction", deduction_id=made), said=Said("billing.deduct.proposed"))


def _wanted(context: Context, deduction_id: str) -> tuple[Any, Any]:
    with context.read() as connection:
        table = tables.deduction
        found = connection.execute(select(table).where(table.c.deduction_id == deduction_id)).first()
        row = store.contract(connection, found.contract) if found else None
    context.check(None if row is None else Scoped(supplier=row.supplier))
    return found, row


def one(context: Context, deduction_id: str) -> Answer:
    """One deduction: evidence, arithmetic, what the supplier says, what was decided."""
    return _one(context, deduction_id)


def _one(
    context: Context,
    deduction_id: str,
    problem: str = "",
    errors: dict[str, list[str]] | None = None,
    status: int = 200,
) -> Answer:
    found, row = _wanted(context, deduction_id)
    language = context.language
    here = Scoped(supplier=row.supplier)
    return page(
        "billing/deduction.html", status=status, found=found, contract=row, title=reading.title_of(context, row),
        rule=rule_name(language, found.rule), month=reading.month_name(language, found.period),
        item=wording.item_name(language, found.item), evidence=json.loads(found.evidence),
        steps=[{"words": wording.step_words(language, each), "number": reading.number_of(each.get("amount"), language)} for each in json.loads(found.steps)]
        + [{"words": language("billing.explain.result"), "number": language.amount(found.amount)}],
        may_contest=found.state == "proposed" and context.now <= found.contest_until and context.may("deduction_contest", here),
        may_decide=found.state in {"proposed", "contested"} and context.may("deduction_decide", here) and found.proposed_by != context.principal.actor,
        own=found.proposed_by == context.principal.actor, sees_log=reading.sees_log(context), problem=problem, errors=errors or {},
    )  # fmt: skip


def _acted(context: Context, deduction_id: str, said: str, do: Any) -> Answer:
    _wanted(context, deduction_id)
    try:
        asked = context.form()
        with context.work() as work:
            do(work, asked)
    except Refused as fault:
        if fault.status in {401, 404}:
            raise
        return _one(
            context, deduction_id, context.language(fault.key, **fault.parameters), context.errors(fault), fault.status
        )
    return see_other(context.url("deduction", deduction_id=deduction_id), said=Said(said))


def contest(context: Context, deduction_id: str) -> Answer:
    """The supplier contests it."""
    return _acted(
        context,
        deduction_id,
        "billing.deduct.contested",
        lambda work, asked: acts.contest(work, deduction_id, asked["words"]),
    )


def decide(context: Context, deduction_id: str) -> Answer:
    """Another person decides; what is left is booked."""
    return _acted(
        context, deduction_id, "billing.deduct.decided",
        lambda work, asked: acts.decide(work, deduction_id, asked["decision"], asked["words"], context.principal.name, asked["amount"]),
    )  # fmt: skip


def confirm(context: Context) -> Answer:
    """A score is confirmed."""
    asked = context.form()
    reading.first_day(asked["period"])
    try:
        with context.work() as work:
            acts.confirm_score(work, asked["scored"], asked["period"], context.principal.name)
    except Refused as fault:
        return _overview(context, asked["period"], context.language(fault.key, **fault.parameters))
    return see_other(context.url("deductions", period=asked["period"]), said=Said("billing.score.confirmed"))


ROUTES = (
    Route("GET", "/deductions", "deductions", overview, allow=SEES, accepts=Month, summary="Scores and deductions.", sample={}),
    Route("POST", "/deductions", "deduction_propose", propose, allow=PROPOSES, accepts=ProposalForm, summary="Propose a deduction."),
    Route("GET", "/deductions/<deduction_id>", "deduction", one, allow=SEES, summary="One deduction."),
    Route("POST", "/deductions/<deduction_id>/contest", "deduction_contest", contest, allow=SUPPLIER, accepts=ContestForm, summary="Contest a deduction."),
    Route("POST", "/deductions/<deduction_id>/decide", "deduction_decide", decide, allow=DECIDES, accepts=DecisionForm, fresh=True,
          summary="Decide a deduction."),
    Route("POST", "/scores", "score_confirm", confirm, allow=Access.to(contract_manager="all"), accepts=ScoreForm, summary="Confirm a score."),
)  # fmt: skip
