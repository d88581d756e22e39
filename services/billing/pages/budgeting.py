"""Budget lines: one line's money, its contracts and flagged facts; changes and overrides by two people."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import purses, store, tables, wording
from services.billing.api import PURSE
from services.billing.handlers import agreeing
from services.billing.handlers import budgeting as acts
from services.billing.model import service_day
from services.billing.pages import contracting, reading
from services.billing.pages.acting import Done, pair
from services.billing.pricing.exact import decimal
from services.billing.pricing.rounding import FEN, rounded
from shared.clock import to_text
from shared.errors import Absent, Invalid
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Money
from shared.web.schemas import Key, Text, Whole

if TYPE_CHECKING:
    from fractions import Fraction

    from sqlalchemy import Connection

    from shared.web.context import Context

WRITES = Access.to(finance="all", contract_manager="all")


class LineForm(Schema):
    """A budget line as it is to be."""

    name = Text(60, required=True)
    name_en = Text(80, required=True)
    year = Whole(2000, 2199, required=True)
    amount = Money(2, least="0.01", required=True)
    hard = fields.Boolean(load_default=False, metadata={"description": "commitments stop at the sum"})
    warn_pct = Money(1, least="1", most="100", load_default=Decimal(90))


class NewLineForm(LineForm):
    """A budget line that is not there yet."""

    code = Key(required=True)
    follows = Key(load_default="", metadata={"description": "the line of a year before that it continues"})


class OverrideForm(Schema):
    """How far above its sum a line may be committed, and why."""

    amount = Money(2, least="0.01", required=True)
    words = Text(400, required=True, metadata={"description": "why"})


def new(context: Context) -> Answer:
    """The form of a budget line that is not there yet."""
    return _new(context)


def _new(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    year = service_day(context.now).year
    blank = {
        "code": "",
        "name": "",
        "name_en": "",
        "year": year,
        "amount": "",
        "warn_pct": "90",
        "hard": "",
        "follows": "",
    }
    typed = blank | (context.posted if errors or problem else {})
    with context.read() as connection:
        lines = store.budget(connection)
        followed = {each.follows for each in connection.execute(select(acts.L.follows))}
    return page(
        "billing/budget_new.html", typed=typed, problem=problem, errors=errors or {}, status=422 if problem or errors else 200,
        lines=[(each.code, _called(context, each)) for each in lines if each.code not in followed],
    )  # fmt: skip


def _called(context: Context, line: Any) -> str:
    return f"{line.code} {context.language.named(line.name, line.name_en)} {line.year}"


def one(context: Context, code: str) -> Answer:
    """One budget line: its money, its hard stop and overrides, its contracts, and what was recorded beyond it."""
    return _one(context, code)


def _one(context: Context, code: str, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language, today = context.language, service_day(context.now)
    with context.read() as connection:
        row = acts.line(connection, code)
        now, ahead = store.positions(connection, today)[code]
        over = acts.overrides(connection, code)
        count, facts = acts.flagged(connection, code)
        paid_from, years = acts.paid_from(connection, code), purses.series(connection)[code]
        other = {
            each.code: each for each in store.budget(connection) if each.code in years.values() and each.code != code
        }
        without = acts.unfunded(connection, code)
        waiting = [each for kind in ("budget", "override") for each in agreeing.waiting(connection, code, kind)]
    typed: dict[str, Any] = acts.body_of(row) | {"words": "", "override": ""}
    if errors or problem:
        posted = dict(context.posted)
        if "words" in posted:
            posted["override"] = posted.pop("amount", "")
        typed |= posted
    used = _yuan(now.used * 100 / now.ceiling) if now.ceiling else None
    return page(
        "billing/budget_line.html", row=row, name=language.named(row.name, row.name_en), problem=problem, errors=errors or {}, typed=typed,
        status=422 if problem or errors else 200,
        figures=[(language(f"billing.budget.{key}"), language.money(_yuan(value))) for key, value in (
            ("amount", now.ceiling), ("committed", now.committed), ("accrued", now.accrued), ("stated", now.stated), ("paid", now.paid), ("available", now.available))],
        gap=_yuan(ahead.gap) if ahead else None, used=used, near=used is not None and used >= row.warn_pct,
        overrides=[{"row": each, "words": each.words} for each in over], room=_yuan(now.available) + sum((each.amount for each in over), Decimal(0)),
        contracts=[{"href": context.url("contract", ref=each.ref), "words": f"{each.ref} {reading.title_of(context, each)}",
                    "commitment": purses.bound_in(Decimal(str(json.loads(each.terms).get("commitment") or 0)), each.starts_on, each.ends_on, row.year)}
                   for each in paid_from],
        series=[{"href": context.url("budget_line", code=each.code), "words": _called(context, each)} for each in other.values()],
        without=[{"year": year, "amount": amount} for year, amount in without.items()],
        count=count, facts=[{"href": context.url("explain", fact_id=each.fact_id), "amount": each.amount, "at": each.recorded_at,
                             "words": f"{wording.item_name(language, each.item)} {wording.meter_name(language, each.meter)}", "contract": each.contract} for each in facts],
        waiting=[{"href": context.url("proposal", proposal_id=each.proposal_id), "name": each.proposed_name, "at": each.proposed_at,
                  "what": language(f"contracting.what.{each.kind}")} for each in waiting],
        may_write=context.may("budget_change"),
    )  # fmt: skip


def _yuan(value: Fraction) -> Decimal:
    return decimal(rounded(value, FEN), 2)


def write(context: Context, asked: dict[str, Any], code: str = "") -> Done:
    """A line, new or changed, is written down for a second person.

    Raises:
        Invalid: the code is taken, nothing is another, or the year of a line that contracts are paid from.
    """
    about = code or asked["code"]
    body = {
        "name": asked["name"], "name_en": asked["name_en"], "year": asked["year"], "amount": format(asked["amount"], ".2f"),
        "hard": asked["hard"], "warn_pct": format(asked["warn_pct"], "f"), "follows": asked.get("follows", ""),
    }  # fmt: skip
    with context.work() as work:
        there = work.connection.execute(select(tables.budget_line).where(acts.L.code == about)).first()
        if there is not None:
            body["follows"] = there.follows
        elif body["follows"] and (why := acts.cannot_follow(work.connection, body["follows"], body["year"])):
            raise Invalid(fields={"follows": [why]})
        if code and there is None:
            raise Absent
        if not code and there is not None:
            raise Invalid(fields={"code": ["budgeting.taken"]})
        before = acts.body_of(there)
        if there is not None and there.year != body["year"] and acts.bound(work.connection, about):
            raise Invalid(fields={"year": ["budgeting.year_stays"]})
        if _same(before, body):
            raise Invalid("contracting.terms.nothing")
        base = agreeing.latest(work.connection, "budget", about)
        made = agreeing.propose(work, "budget", about, body, context.principal.name, base=base)
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


def _same(before: dict[str, Any], body: dict[str, Any]) -> bool:
    def plain(each: dict[str, Any]) -> dict[str, Any]:
        return {name: Decimal(value) if name in {"amount", "warn_pct"} else value for name, value in each.items()}

    return plain(before) == plain(body)


def override(context: Context, asked: dict[str, Any], code: str) -> Done:
    """Somebody asks that a line may be committed beyond its sum, and says why; another person decides."""
    body = {"amount": format(asked["amount"], ".2f"), "words": asked["words"]}
    with context.work() as work:
        row = acts.line(work.connection, code)
        if not row.hard:
            raise Invalid("budgeting.not_hard")
        base = agreeing.latest(work.connection, "override", code)
        made = agreeing.propose(work, "override", code, body, context.principal.name, base=base)
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


def _changes(connection: Connection, row: Any) -> list[tuple[str, Any, Any]]:
    there = connection.execute(select(tables.budget_line).where(acts.L.code == row.about)).first()
    before, body = acts.body_of(there), json.loads(row.body)
    return [
        (name, _told(before.get(name)), _told(body[name]))
        for name in acts.FIELDS
        if before.get(name, "") != body.get(name, "")
    ]


def _told(value: Any) -> Any:
    return ("✓" if value else "–") if isinstance(value, bool) else value


contracting.APPLIES["budget"] = acts.apply_line
contracting.SHOWS["budget"] = _changes
contracting.APPLIES["override"] = agreeing.keep_version
contracting.SHOWS["override"] = lambda _connection, row: [
    (name, None, value) for name, value in sorted(json.loads(row.body).items())
]


class LineAnswer(Schema):
    """A budget line with its hard stop."""

    code = fields.String()
    year = fields.Integer()
    follows = fields.String(metadata={"description": "the line of a year before that it continues"})
    amount = fields.String(metadata={"description": "yuan"})
    hard = fields.Boolean()
    warn_pct = fields.String()
    committed = fields.String()
    available = fields.String()
    overrides = fields.List(fields.Dict())
    over_budget = fields.Integer(metadata={"description": "facts recorded with the line over its sum"})


def api_line(context: Context, code: str) -> Answer:
    """A budget line, its hard stop and overrides, and how many facts were recorded beyond it."""
    with context.read() as connection:
        row = acts.line(connection, code)
        now, _ = store.positions(connection, service_day(context.now))[code]
        over, (count, _facts) = acts.overrides(connection, code), acts.flagged(connection, code, 1)
    return answer(
        {"code": code, "year": row.year, "follows": row.follows, "amount": format(row.amount, "f"), "hard": bool(row.hard), "warn_pct": format(row.warn_pct, "f"),
         "committed": format(_yuan(now.committed), "f"), "available": format(_yuan(now.available), "f"), "over_budget": count,
         "overrides": [{"version": each.version, "amount": format(each.amount, "f"), "words": each.words, "by": each.by,
                        "approved_by": each.approved_by, "at": to_text(each.at)} for each in over]}
    )  # fmt: skip


ROUTES = (
    Route("GET", "/budget/new", "budget_new", new, allow=WRITES, summary="The form of a new budget line.", sample={}),
    *pair("/budget/new", "budget_make", NewLineForm, write, _new, allow=WRITES, creates=True, summary="Propose a budget line."),
    Route("GET", "/budget/<code>", "budget_line", one, allow=PURSE, summary="A budget line, its hard stop and what is beyond it.", sample={"code": "FIRE"}),
    *pair("/budget/<code>", "budget_change", LineForm, write, _one, allow=WRITES, creates=True, summary="Propose to change a budget line."),
    *pair("/budget/<code>/overrides", "budget_override", OverrideForm, override, _one, allow=WRITES, creates=True, fresh=True,
          summary="Ask that a line may be committed beyond its sum."),
    Route("GET", "/api/budget/<code>", "api_budget_line", api_line, allow=PURSE, kind="api", answers=LineAnswer, summary="A budget line and its overrides.",
          sample={"code": "FIRE"}),
)  # fmt: skip
