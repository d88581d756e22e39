"""Contracts are written and changed here: parts, terms, prices of a new one; a second person puts them in force."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import store, tables, wording
from services.billing.handlers import agreeing, terms
from services.billing.model import service_day
from services.billing.pages import price_form, reading
from services.billing.pages.acting import Bare, Done, Optional, OptionalDate, pair
from services.billing.pages.entries import Entry, changed, divided, labels, loaded, shown
from services.billing.pages.price_form import PLAN, Lines
from services.billing.pricing.rounding import MODES, Rounding
from shared.errors import Absent, Invalid, Refused
from shared.web.answers import Answer, answer, page
from shared.web.intake import Said
from shared.web.routes import Access, Route
from shared.web.schemas import Key, Text, Whole, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Row

    from shared.web.context import Context
    from shared.work import Work

WRITES = Access.to(contract_manager="all")
DECIDES = Access.to(contract_manager="all", finance="all")
SEES = Access.to(contract_manager="all", finance="all", supervisor="all", auditor="all")
ZONES = ("Asia/Shanghai", "Asia/Urumqi", "UTC")
PARTS = ("content", "standards", "liabilities", "payment")
NUMBERS = ("third_above", "retention_pct", "tax_pct", "commitment", "bond")


class TermsForm(Schema):
    """A contract as it is to be: what is bought, by which standards, for how long, at which terms."""

    supplier = Key(required=True)
    budget_line = Key(required=True)
    title = Text(120, required=True)
    title_en = Text(160, required=True)
    items = fields.List(Key(), load_default=[], validate=validate.Length(max=40))
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True, metadata={"description": "the first day on which it no longer holds"})
    zone = Text(64, load_default="Asia/Shanghai")
    content = Text(4000, lines=True, load_default="")
    standards = Text(2000, lines=True, load_default="")
    liabilities = Text(4000, lines=True, load_default="")
    payment = Text(400, load_default="")
    schedule = Text(4000, lines=True, load_default="", metadata={"description": "a line each: day | yuan | words"})
    rounding_mode = fields.String(load_default="half_up", validate=validate.OneOf(sorted(MODES)))
    rounding_digits = Whole(-2, 2, load_default=2)
    signatures = Whole(2, 3, load_default=2)
    third_above = Optional(2, least="0", load_default=None, allow_none=True)
    term_days = Whole(1, 60, load_default=30)
    daily_rate_pct = Optional(
        6,
        least="0",
        most="1",
        load_default=Decimal("0.05"),
        allow_none=True,
        metadata={"description": "per cent a day"},
    )
    contest_days = Whole(0, 90, load_default=5)
    retention_pct = Optional(4, least="0", most="100", load_default=None, allow_none=True)
    fixed_days_in_month = fields.String(load_default="", validate=validate.OneOf(["", "30"]))
    tax_pct = Optional(4, least="0", most="100", load_default=Decimal(6), allow_none=True)
    tax_mode = fields.String(load_default="included", validate=validate.OneOf(["included", "added"]))
    commitment = Optional(2, least="0", load_default=None, allow_none=True)
    bond = Optional(2, least="0", load_default=None, allow_none=True)
    bond_until = OptionalDate(load_default=None, allow_none=True)
    do = fields.String(load_default="propose", validate=validate.OneOf(["preview", "propose"]))


class ContractForm(TermsForm):
    """A contract that is not there yet, with its first prices."""

    ref = Key(required=True)
    lines = Lines(required=True)


def body_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The contract in the form in which it is proposed.

    Raises:
        Invalid: a line of the payment schedule cannot be read.
    """
    rate = asked["daily_rate_pct"] if asked["daily_rate_pct"] is not None else Decimal("0.05")
    held: dict[str, Any] = {
        "rounding": {"mode": asked["rounding_mode"], "digits": asked["rounding_digits"]},
        "signatures": asked["signatures"], "term_days": asked["term_days"], "contest_days": asked["contest_days"],
        "daily_rate": plain(rate / 100), "tax_mode": asked["tax_mode"],
    }  # fmt: skip
    held |= {name: plain(asked[name]) for name in NUMBERS if asked[name] is not None}
    if asked["fixed_days_in_month"]:
        held["fixed_days_in_month"] = int(asked["fixed_days_in_month"])
    if asked["bond_until"]:
        held["bond_until"] = asked["bond_until"].isoformat()
    parts: dict[str, Any] = {name: asked[name] for name in PARTS if asked[name]}
    schedule = read_schedule(asked["schedule"])
    if schedule:
        parts["schedule"] = schedule
    body: dict[str, Any] = {name: asked[name] for name in ("supplier", "budget_line", "title", "title_en", "zone")}
    body |= {
        "items": sorted(set(asked["items"])), "starts_on": asked["starts_on"].isoformat(),
        "ends_on": asked["ends_on"].isoformat(), "terms": held, "parts": parts,
    }  # fmt: skip
    return body | ({"lines": asked["lines"]} if "lines" in asked else {})


def plain(value: Decimal) -> str:
    """A number as text, without zeros behind it."""
    return format(wording.plain(value), "f")


def read_schedule(text: str) -> list[dict[str, str]]:
    """The payment schedule as it was typed: a line each, day | yuan | words.

    Raises:
        Invalid: a line is something else; it is named.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.replace("｜", "|").split("|")]
        try:
            day, amount, words = cells
            found.append({"on": date.fromisoformat(day).isoformat(), "amount": _yuan(amount), "words": words})
        except (ValueError, ArithmeticError) as fault:
            raise Invalid(fields={"schedule": [Said("contracting.terms.schedule_line", n=number)]}) from fault
    return sorted(found, key=lambda each: each["on"])


def _yuan(text: str) -> str:
    value = Decimal(text.replace(",", ""))
    if not value.is_finite() or not Decimal("0.01") <= value < Decimal(10) ** 12 or value != round(value, 2):
        raise ValueError(text)
    return format(value.quantize(Decimal("0.01")), "f")


def filled(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of the form for a contract as it is."""
    held, parts = body["terms"], body["parts"]
    rounding = held.get("rounding", {"mode": "half_up", "digits": 2})
    rate = Decimal(str(held.get("daily_rate", "0.0005"))) * 100
    shown = {name: body[name] for name in terms.HEAD}
    shown |= {name: parts.get(name, "") for name in PARTS}
    shown |= {name: held.get(name, "") for name in (*NUMBERS, "bond_until", "fixed_days_in_month")}
    return shown | {
        "schedule": "\n".join(f"{each['on']} | {each['amount']} | {each['words']}" for each in parts.get("schedule", [])),
        "rounding_mode": rounding["mode"], "rounding_digits": rounding["digits"], "signatures": held.get("signatures", 2),
        "term_days": held.get("term_days", 30), "daily_rate_pct": plain(rate), "contest_days": held.get("contest_days", 5),
        "tax_mode": held.get("tax_mode", "included"), "tax_pct": held.get("tax_pct", "6"),
    }  # fmt: skip


EMPTY: dict[str, Any] = {"supplier": "", "budget_line": "", "title": "", "title_en": "", "items": [], "starts_on": "", "ends_on": "",
                         "zone": "Asia/Shanghai", "terms": {}, "parts": {}}  # fmt: skip


def new(context: Context) -> Answer:
    """The form of a contract that is not there yet."""
    return _form(context, "")


def edit(context: Context, ref: str) -> Answer:
    """The form of a contract's parts and terms, as they are."""
    return _form(context, ref)


def _form(
    context: Context, ref: str = "", *, problem: str = "", errors: dict[str, list[str]] | None = None,
    typed: dict[str, Any] | None = None, entries: list[Entry] | None = None,
) -> Answer:  # fmt: skip
    language = context.language
    with context.read() as connection:
        old = terms.before(connection, ref) if ref else None
        if ref and old is None:
            raise Absent
        suppliers = connection.execute(select(tables.supplier).order_by(tables.supplier.c.code)).all()
        lines = store.budget(connection)
        waiting = agreeing.waiting(connection, ref, "contract")
    values = typed or ((filled(old.body()) if old else filled(EMPTY)) | {"ref": ""})
    chosen = values.get("items", [])
    prices = entries or [Entry("per_unit")]
    return page(
        "billing/terms.html", ref=ref, typed=values, problem=problem, errors=errors or {}, status=422 if problem or errors else 200,
        title=reading.title_of(context, old.row) if old else "", begun=bool(old and old.begun),
        suppliers=[(row.code, f"{row.code} {language.named(row.name, row.name_en)}") for row in suppliers],
        lines=[(each.code, f"{language.named(each.name, each.name_en)} {each.year}") for each in lines],
        items=[(code, wording.item_name(language, code)) for code in wording.items(language)],
        prices=[] if ref else shown(language, PLAN, prices, errors or {}, price_form.choices(language)), labels=labels(language, PLAN, prices),
        chosen=chosen if isinstance(chosen, list) else [chosen], zones=[(each, each) for each in ZONES],
        modes=[(each, language(f"contracting.mode.{each}")) for each in ("half_up", "half_even", "floor", "ceiling")],
        waiting=[{"href": context.url("proposal", proposal_id=each.proposal_id), "name": each.proposed_name, "at": each.proposed_at} for each in waiting],
    )  # fmt: skip


def shown_again(
    context: Context, ref: str = "", *, problem: str = "", errors: dict[str, list[str]] | None = None
) -> Answer:
    """The form as it was typed, with what is wrong."""
    return _form(context, ref, problem=problem, errors=errors, typed=_typed(context), entries=_entries(context))


def _entries(context: Context) -> list[Entry]:
    """The prices as they were typed; none where they cannot be read."""
    try:
        return divided(context, PLAN)[1]
    except Refused:
        return []


def read_contract(context: Context) -> dict[str, Any] | Answer:
    """The posted form of a new contract with its prices, or the form again where a button of it was pressed."""
    rest, entries, change = divided(context, PLAN)
    if change:
        fresh = Entry("per_unit", {"item": entries[-1].values.get("item", "") if entries else ""})
        return _form(context, typed=_typed(context), entries=changed(PLAN, entries, change, fresh))
    if entries:
        rest["lines"] = price_form.lines_from(entries)
    return loaded(context, rest)


def _typed(context: Context) -> dict[str, Any]:
    names = [*TermsForm().fields, "ref", "lines"]
    return dict.fromkeys(names, "") | {name: value for name, value in context.posted.items() if name in names}


def write(context: Context, asked: dict[str, Any], ref: str = "") -> Done:
    """A contract, new or changed, is written down for a second person.

    Raises:
        Absent, Invalid, PricingRefused: as :func:`terms.checked`; or nothing is another.
    """
    about = ref or asked["ref"]
    body = body_of(asked)
    if "lines" in body:
        held = body["terms"]["rounding"]
        faults = price_form.faults(body["lines"], Rounding(held["mode"], held["digits"]))
        if faults:
            raise price_form.unsound(context, faults)
    with context.work() as work:
        old = terms.before(work.connection, about)
        if ref and old is None:
            raise Absent
        if not ref and old is not None:
            raise Invalid(fields={"ref": ["contracting.terms.taken"]})
        terms.checked(work.connection, about, body, service_day(context.now))
        if old is not None and not terms.differences(old.body(), body):
            raise Invalid("contracting.terms.nothing")
        made = agreeing.propose(
            work, "contract", about, body, context.principal.name, base=old.row.version if old else 0
        )
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


# ---- what waits for a second person, of whatever kind


def _apply_contract(work: Work, row: Row[Any], body: Any) -> tuple[int, list[str]]:
    return terms.apply_contract(work, row, body)


APPLIES: dict[str, Callable[[Work, Row[Any], Any], tuple[int, list[str]]]] = {"contract": _apply_contract}
# How a kind of proposal shows what it changes: (name, before, after) of a connection and the proposal.
SHOWS: dict[str, Callable[[Connection, Row[Any]], list[tuple[str, Any, Any]]]] = {}


def _contract_changes(connection: Connection, row: Row[Any]) -> list[tuple[str, Any, Any]]:
    old = terms.before(connection, row.about)
    return terms.differences(old.body() if old else {"terms": {}, "parts": {}}, json.loads(row.body))


def _version_changes(connection: Connection, row: Row[Any]) -> list[tuple[str, Any, Any]]:
    kept = agreeing.agreed_in(connection, row.kind, row.about, row.starts_in)
    old, body = kept[1] if kept else {}, json.loads(row.body)
    return [(name, old.get(name), body.get(name)) for name in sorted(body.keys() | old.keys()) if old.get(name) != body.get(name)]  # fmt: skip


SHOWS["contract"] = _contract_changes


def proposals(context: Context) -> Answer:
    """Everything that waits for a second person."""
    with context.read() as connection:
        rows = agreeing.waiting(connection)
    language = context.language
    return page(
        "billing/proposals.html",
        rows=[
            {"href": context.url("proposal", proposal_id=row.proposal_id), "what": language(f"contracting.what.{row.kind}"),
             "about": row.about or language("contracting.agree.office"), "name": row.proposed_name, "at": row.proposed_at,
             "own": row.proposed_by == context.principal.actor}
            for row in rows
        ],
        may_write=context.may("contract_new"),
    )  # fmt: skip


def proposal(context: Context, proposal_id: str) -> Answer:
    """One proposal: what would be another, and who may put it in force."""
    return _proposal(context, proposal_id)


def _proposal(
    context: Context, proposal_id: str, *, problem: str = "", errors: dict[str, list[str]] | None = None, **_: str
) -> Answer:
    language = context.language
    with context.read() as connection:
        row = agreeing.proposal(connection, proposal_id)
        if row is None:
            raise Absent
        changes = SHOWS.get(row.kind, _version_changes)(connection, row) if row.state == "proposed" else []
    return page(
        "billing/proposal.html", row=row, what=language(f"contracting.what.{row.kind}"), problem=problem, errors=errors or {},
        month=reading.month_name(language, row.starts_in) if row.starts_in else "",
        changes=[{"name": wording.named(language, "contracting.name", name.replace(".", "_")), "before": told(language, before), "after": told(language, after)}
                 for name, before, after in changes],
        may_decide=row.state == "proposed" and context.may("proposal_in_force") and row.proposed_by != context.principal.actor,
        may_drop=row.state == "proposed" and context.may("proposal_drop"), own=row.proposed_by == context.principal.actor,
        back=_place(context, row),
    )  # fmt: skip


def _place(context: Context, row: Row[Any]) -> str:
    """The page of what a proposal is about."""
    if row.kind == "contract" and row.base:
        return context.url("contract", ref=row.about)
    if row.kind == "override" or (row.kind == "budget" and row.state == "in_force"):
        return context.url("budget_line", code=row.about)
    return context.url("proposals")


def told(language: Any, value: Any) -> list[str]:
    """A value of a proposal as lines of text; "–" where there is none."""
    if value in (None, "", [], {}):
        return ["–"]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [language.listed([f"{inner}" for inner in each.values() if inner not in (None, "")]) for each in value]
    if isinstance(value, list):
        return [wording.item_name(language, str(each)) for each in value]
    if isinstance(value, dict):
        return [
            f"{wording.named(language, 'contracting.name', name)} {' '.join(told(language, inner))}"
            for name, inner in value.items()
        ]
    return str(value).splitlines()


def in_force(context: Context, _asked: dict[str, Any], proposal_id: str) -> Done:
    """A second person puts it in force."""
    with context.work() as work:
        row = agreeing.proposal(work.connection, proposal_id)
        if row is None:
            raise Absent
        agreeing.put_in_force(work, proposal_id, context.principal.name, APPLIES[row.kind])
    location = _place(context, row) if row.kind != "contract" else context.url("contract", ref=row.about)
    return Done(location, "contracting.agree.done_in_force", proposal_id, "in_force")


def drop(context: Context, _asked: dict[str, Any], proposal_id: str) -> Done:
    """It is dropped."""
    with context.work() as work:
        agreeing.drop(work, proposal_id, context.principal.name)
    return Done(context.url("proposals"), "contracting.agree.done_drop", proposal_id, "dropped")


class ProposalsForm(Schema):
    """What waits for a second person."""

    proposals = fields.List(fields.Dict())


def api_proposals(context: Context) -> Answer:
    """What waits for a second person, with the whole text."""
    with context.read() as connection:
        rows = agreeing.waiting(connection)
    return answer(
        {
            "proposals": [
                {"id": row.proposal_id, "kind": row.kind, "about": row.about, "starts_in": row.starts_in, "base": row.base,
                 "body": json.loads(row.body), "proposed_by": row.proposed_by, "proposed_at": row.proposed_at.isoformat()}
                for row in rows
            ]
        }
    )  # fmt: skip


REF = {"ref": "HY-2026-01"}
ROUTES = (
    Route("GET", "/contracts/new", "contract_new", new, allow=WRITES, summary="The form of a new contract.", sample={}),
    *pair("/contracts/new", "contract_write", ContractForm, write, shown_again, allow=WRITES, creates=True, read=read_contract,
          summary="Propose a contract."),
    Route("GET", "/contracts/<ref>/terms", "terms_edit", edit, allow=WRITES, summary="A contract's parts and terms.", sample=REF),
    *pair("/contracts/<ref>/terms", "terms_write", TermsForm, write, shown_again, allow=WRITES, creates=True, summary="Propose other terms."),
    Route("GET", "/proposals", "proposals", proposals, allow=SEES, summary="What waits for a second person.", sample={}),
    Route("GET", "/api/proposals", "api_proposals", api_proposals, allow=SEES, kind="api", answers=ProposalsForm,
          summary="What waits for a second person."),
    Route("GET", "/proposals/<proposal_id>", "proposal", proposal, allow=SEES, summary="One proposal."),
    *pair("/proposals/<proposal_id>/in_force", "proposal_in_force", Bare, in_force, _proposal, allow=DECIDES, fresh=True,
          summary="Put a proposal in force."),
    *pair("/proposals/<proposal_id>/drop", "proposal_drop", Bare, drop, _proposal, allow=DECIDES, summary="Drop a proposal."),
)  # fmt: skip
