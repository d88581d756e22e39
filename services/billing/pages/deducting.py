"""Assessment: scores of a month, and deductions from proposal to decision."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import store, tables, wording
from services.billing.api import own_supplier
from services.billing.handlers import assessing
from services.billing.handlers import deductions as acts
from services.billing.model import service_day
from services.billing.pages import reading
from services.billing.pages.acting import Done, Optional, pair
from services.billing.pages.settling import last_month
from services.billing.pricing.rounding import Rounding, rounded
from services.billing.scheme import CODES
from shared.clock import to_text
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route, Scoped
from shared.web.schemas import Key, Text, Whole, validate

if TYPE_CHECKING:
    from fractions import Fraction

    from sqlalchemy import Connection, Row

    from shared.web.context import Context

SEES = Access.to(finance="all", contract_manager="all", supervisor="all", auditor="all", supplier="supplier")
DECIDES = Access.to(contract_manager="all", finance="all")
PROPOSES = Access.to(contract_manager="all", supervisor="all")
SUPPLIER = Access.to(supplier="supplier")
ZERO = Decimal("0.00")
TENTH = Rounding("half_up", 1)
PERIOD = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Month(Schema):
    """Which month is shown; empty is the one before this."""

    period = Key(load_default="")
    contract = Key(load_default="")
    rule = Key(load_default="")
    number = Text(20, load_default="")


class ProposalForm(Schema):
    """A finding and the rule it falls under."""

    contract = Key(required=True)
    period = Key(required=True)
    rule = Key(required=True)
    item = Key(required=True)
    number = Optional(4, least="0", load_default=Decimal(1), allow_none=True)
    area = Optional(
        2, least="0", load_default=None, allow_none=True, metadata={"description": "m2 without the agreed condition"}
    )
    hours = Optional(2, least="0", load_default=None, allow_none=True)
    used = fields.Boolean(load_default=False, metadata={"description": "it was used all the same"})
    pool_pct = Optional(4, least="0", most="100", load_default=None, allow_none=True)
    credit_pct = Optional(4, least="0", most="100", load_default=None, allow_none=True)
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
    asked = context.query()
    return _overview(
        context, asked["period"], typed={name: asked[name] for name in ("contract", "rule", "number") if asked[name]}
    )


def shown_again(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    """The page with what was typed and what is wrong with it."""
    return _overview(context, "", problem=problem, errors=errors, typed=context.posted)


def _overview(
    context: Context, period: str, *, problem: str = "", errors: dict[str, list[str]] | None = None, typed: dict[str, Any] | None = None
) -> Answer:  # fmt: skip
    language, typed = context.language, typed or {}
    period = period or last_month(service_day(context.now))
    reading.first_day(period)
    with context.read() as connection:
        contracts = store.contracts(connection, own_supplier(context))
        refs = [row.ref for row in contracts]
        table = tables.deduction
        found = connection.execute(
            select(table)
            .where(table.c.contract.in_(refs))
            .order_by(table.c.proposed_at.desc(), table.c.deduction_id)
            .limit(100)
        ).all()
        crews = [] if own_supplier(context) else assessing.crews(connection, period)
        schemes = {scored: assessing.scheme_in(connection, scored, period)[1] for scored in (*refs, *crews)}
        confirmed = {
            row.scored: row for row in connection.execute(select(tables.score).where(tables.score.c.period == period))
        }
        scores = [
            _score(context, connection, scored, words, period, schemes[scored], confirmed.get(scored))
            for scored, words in [
                *((row.ref, reading.title_of(context, row)) for row in contracts),
                *((crew, crew) for crew in crews),
            ]
        ]
    rules = sorted({rule for ref in refs for rule in schemes[ref].get("rules", {})})
    return page(
        "billing/deductions.html", period=period, month=reading.month_name(language, period), scores=scores, codes=CODES,
        rows=[
            {"href": context.url("deduction", deduction_id=row.deduction_id), "contract": row.contract, "month": reading.month_name(language, row.period),
             "rule": rule_name(language, row.rule), "amount": row.amount, "state": row.state, "words": row.words}
            for row in found
        ],
        contracts=[(row.ref, f"{row.ref} {reading.title_of(context, row)}") for row in contracts],
        items=sorted({item for row in contracts for item in json.loads(row.items)}),
        item_names={item: wording.item_name(language, item) for row in contracts for item in json.loads(row.items)},
        rules=[(rule, rule_name(language, rule)) for rule in [*rules, "bonus"]],
        may_propose=context.may("deduction_propose"), may_score=context.may("score_confirm"), sees_scheme=context.may("scheme_office"),
        posted=typed, problem=problem, errors=errors or {}, status=422 if problem or errors else 200,
    )  # fmt: skip


def _score(
    context: Context, connection: Connection, scored: str, words: str, period: str, scheme: dict[str, Any], kept: Row[Any] | None
) -> dict[str, Any]:  # fmt: skip
    """One line of the table of scores: the measures, the score (as confirmed where it is), what it leads to."""
    language = context.language
    value = assessing.scored_of(connection, scored, period, scheme)
    measured = assessing.measures(connection, scored, period)
    points = kept.score if kept else acts.decimal(value[0], 1) if value else None
    steps: list[dict[str, Any]] = (
        json.loads(kept.steps) if kept else [step.data() for step in value[1]] if value else []
    )
    pays = next((rule for rule, each in scheme.get("rules", {}).items() if each.get("kind") in {"linear", "bands"}), "")
    low = points is not None and any(
        each.get("kind") in {"linear", "bands"} for each in scheme.get("rules", {}).values()
    )
    return {
        "scored": scored, "words": words, "score": "" if points is None else language.number(wording.plain(points)),
        "confirmed": kept is not None, "consequence": kept.consequence if kept else (acts.consequence(value[0], scheme) if value else "none"),
        "measures": [_measure(language, measured[code]) for code in CODES],
        "steps": [{"words": wording.step_words(language, step), "number": reading.number_of(step.get("amount"), language)} for step in steps],
        "propose": context.url("deductions", period=period, contract=scored, rule=pays, number=str(points)) + "#new" if kept and low else "",
    }  # fmt: skip


def _measure(language: Any, measure: Fraction | None) -> str:
    return "–" if measure is None else str(language.number(wording.plain(acts.decimal(rounded(measure, TENTH), 1))))


def rule_name(language: Any, rule: str) -> str:
    """What a rule is called; its code where the language files have no word."""
    return wording.named(language, "billing.rule", rule)


def propose(context: Context, asked: dict[str, Any]) -> Done:
    """A deduction or bonus is proposed."""
    one = asked["number"] if asked["number"] is not None else Decimal(1)
    numbers = {"count": one, "points": one, "score": one}
    numbers |= {name: asked[name] for name in ("area", "hours", "pool_pct", "credit_pct") if asked[name] is not None}
    with context.work() as work:
        made = acts.propose_deduction(
            work, contract=asked["contract"], period=asked["period"], rule=asked["rule"], item=asked["item"], numbers=numbers,
            evidence=[each.strip() for each in asked["evidence"].replace("，", ",").split(",") if each.strip()],
            words=asked["words"], name=context.principal.name, bonus=(asked["bonus"] or ZERO) if asked["rule"] == "bonus" else ZERO,
            used=asked["used"],
        )  # fmt: skip
    return Done(context.url("deduction", deduction_id=made), "billing.deduct.proposed", made, "proposed")


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
    context: Context, deduction_id: str, *, problem: str = "", errors: dict[str, list[str]] | None = None
) -> Answer:
    found, row = _wanted(context, deduction_id)
    language = context.language
    here = Scoped(supplier=row.supplier)
    return page(
        "billing/deduction.html", found=found, contract=row, title=reading.title_of(context, row),
        rule=rule_name(language, found.rule), month=reading.month_name(language, found.period),
        item=wording.item_name(language, found.item), evidence=json.loads(found.evidence),
        steps=[{"words": wording.step_words(language, each), "number": reading.number_of(each.get("amount"), language)} for each in json.loads(found.steps)]
        + [{"words": language("billing.explain.result"), "number": language.amount(found.amount)}],
        may_contest=found.state == "proposed" and context.now <= found.contest_until and context.may("deduction_contest", here),
        may_decide=found.state in {"proposed", "contested"} and context.may("deduction_decide", here) and found.proposed_by != context.principal.actor,
        own=found.proposed_by == context.principal.actor, sees_log=reading.sees_log(context), problem=problem, errors=errors or {},
    )  # fmt: skip


def contest(context: Context, asked: dict[str, Any], deduction_id: str) -> Done:
    """The supplier contests it."""
    _wanted(context, deduction_id)
    with context.work() as work:
        acts.contest(work, deduction_id, asked["words"])
    return Done(
        context.url("deduction", deduction_id=deduction_id), "billing.deduct.contested", deduction_id, "contested"
    )


def decide(context: Context, asked: dict[str, Any], deduction_id: str) -> Done:
    """Another person decides; what is left is booked."""
    _wanted(context, deduction_id)
    with context.work() as work:
        state = acts.decide(
            work, deduction_id, asked["decision"], asked["words"], context.principal.name, asked["amount"]
        )
    return Done(context.url("deduction", deduction_id=deduction_id), "billing.deduct.decided", deduction_id, state)


def confirm(context: Context, asked: dict[str, Any]) -> Done:
    """A score is confirmed."""
    reading.first_day(asked["period"])
    with context.work() as work:
        acts.confirm_score(work, asked["scored"], asked["period"], context.principal.name)
    return Done(
        context.url("deductions", period=asked["period"]), "billing.score.confirmed", asked["scored"], "confirmed"
    )


def score_again(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    """The scores of the month, with why one could not be confirmed."""
    period = str(context.posted.get("period", ""))
    return _overview(context, period if PERIOD.fullmatch(period) else "", problem=problem, errors=errors)


class ListForm(Schema):
    """Which part of a list."""

    period = Key(load_default="")
    contract = Key(load_default="")
    limit = Whole(1, 200, load_default=100)


class DeductionsForm(Schema):
    """Deductions and bonuses, newest first."""

    deductions = fields.List(fields.Dict())


class ScoresForm(Schema):
    """Scores of a month."""

    scores = fields.List(fields.Dict())


def api_deductions(context: Context) -> Answer:
    """Deductions and bonuses that this reader may see, newest first."""
    asked, table = context.query(), tables.deduction
    with context.read() as connection:
        refs = [row.ref for row in store.contracts(connection, own_supplier(context))]
        query = (
            select(table).where(table.c.contract.in_(refs)).order_by(table.c.proposed_at.desc(), table.c.deduction_id)
        )
        for name in ("period", "contract"):
            query = query.where(table.c[name] == asked[name]) if asked[name] else query
        rows = connection.execute(query.limit(asked["limit"])).all()
    return answer(
        {
            "deductions": [
                {"id": row.deduction_id, "contract": row.contract, "period": row.period, "rule": row.rule, "item": row.item,
                 "amount": format(row.amount, "f"), "state": row.state, "words": row.words, "evidence": json.loads(row.evidence),
                 "numbers": json.loads(row.numbers), "steps": json.loads(row.steps), "contest_until": to_text(row.contest_until),
                 "decided_amount": None if row.decided_amount is None else format(row.decided_amount, "f"), "entry": row.posted_number}
                for row in rows
            ]
        }
    )  # fmt: skip


def api_scores(context: Context) -> Answer:
    """Measures and scores of a month: of contracts and, for the office, of crews of our own."""
    period = context.query()["period"] or last_month(service_day(context.now))
    reading.first_day(period)
    found = []
    with context.read() as connection:
        refs = [row.ref for row in store.contracts(connection, own_supplier(context))]
        mine = [*refs, *([] if own_supplier(context) else assessing.crews(connection, period))]
        kept = {
            row.scored: row for row in connection.execute(select(tables.score).where(tables.score.c.period == period))
        }
        for scored in mine:
            version, scheme = assessing.scheme_in(connection, scored, period)
            value = assessing.scored_of(connection, scored, period, scheme)
            row = kept.get(scored)
            score = row.score if row else acts.decimal(value[0], 1) if value else None
            measured = assessing.measures(connection, scored, period)
            found.append(
                {"scored": scored, "period": period, "scheme_version": version, "confirmed": row is not None,
                 "score": None if score is None else format(score, "f"),
                 "consequence": row.consequence if row else acts.consequence(value[0], scheme) if value else "none",
                 "measures": {code: None if each is None else format(acts.decimal(rounded(each, TENTH), 1), "f") for code, each in measured.items()}}
            )  # fmt: skip
    return answer({"scores": found})


ROUTES = (
    Route("GET", "/deductions", "deductions", overview, allow=SEES, accepts=Month, summary="Scores and deductions.", sample={}),
    Route("GET", "/api/deductions", "api_deductions", api_deductions, allow=SEES, kind="api", accepts=ListForm, answers=DeductionsForm,
          summary="Deductions and bonuses."),
    Route("GET", "/api/scores", "api_scores", api_scores, allow=SEES, kind="api", accepts=ListForm, answers=ScoresForm, summary="Scores of a month."),
    *pair("/deductions", "deduction_propose", ProposalForm, propose, shown_again, allow=PROPOSES, creates=True, summary="Propose a deduction."),
    Route("GET", "/deductions/<deduction_id>", "deduction", one, allow=SEES, summary="One deduction."),
    *pair("/deductions/<deduction_id>/contest", "deduction_contest", ContestForm, contest, _one, allow=SUPPLIER, summary="Contest a deduction."),
    *pair("/deductions/<deduction_id>/decide", "deduction_decide", DecisionForm, decide, _one, allow=DECIDES, fresh=True, summary="Decide a deduction."),
    *pair("/scores", "score_confirm", ScoreForm, confirm, score_again, allow=Access.to(contract_manager="all"), summary="Confirm a score."),
)  # fmt: skip
