"""A change of prices: written, previewed to the fen, put in force by a second person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import store, tables, wording
from services.billing.handlers import cards as acts
from services.billing.model import ContractTerms
from services.billing.pages import price_form, reading
from services.billing.pages.acting import DoneForm
from services.billing.pages.entries import Entry, changed, divided, labels, loaded, shown
from services.billing.pages.price_form import PLAN, Lines
from services.billing.pricing.refusal import PricingRefused
from shared.errors import Absent, Refused
from shared.web.answers import Answer, Said, answer, page, see_other
from shared.web.routes import Access, Route
from shared.web.schemas import validate

if TYPE_CHECKING:
    from datetime import date

    from shared.language import Language
    from shared.web.context import Context

EDITS = Access.to(contract_manager="all")
APPROVES = Access.to(contract_manager="all", finance="all")


class CardForm(Schema):
    """A card as it is written: its first day, and its lines. In a form the lines are fields of their own."""

    starts_on = fields.Date(required=True)
    lines = Lines(required=True)
    do = fields.String(load_default="preview", validate=validate.OneOf(["preview", "propose"]))


class WrittenForm(DoneForm):
    """What came of a card that was written: its draft, or what it would change."""

    total = fields.String(metadata={"description": "yuan that it would book"})
    changes = fields.List(fields.Dict())
    warnings = fields.List(fields.Dict())


class Bare(Schema):
    """A form of one button."""


def edit(context: Context, ref: str) -> Answer:
    """The form of a new card, filled with the newest one; and cards that wait for a second person."""
    return _form(context, ref)


def _form(
    context: Context, ref: str, *, starts_on: str = "", entries: list[Entry] | None = None, problem: str = "",
    found: dict[str, Any] | None = None, errors: dict[str, list[str]] | None = None,
) -> Answer:  # fmt: skip
    language = context.language
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        newest = store.cards(connection, ref)[-1]
        table = tables.card_draft
        waiting = connection.execute(
            select(table).where(table.c.contract == ref, table.c.state == "proposed").order_by(table.c.proposed_at)
        ).all()
        previews = {
            each.draft_id: _changes(context, acts.preview(connection, ref, each.starts_on, json.loads(each.lines)))
            for each in waiting
        }
    entries = price_form.entries_from(newest[1]) if entries is None else entries
    choices = price_form.choices(language, json.loads(row.items))
    return page(
        "billing/card.html", may_write=context.may("card_write"), status=422 if problem or errors else 200, contract=row, title=reading.title_of(context, row),
        starts_on=starts_on, problem=problem, found=found, errors=errors or {}, labels=labels(language, PLAN, entries),
        lines=shown(language, PLAN, entries, errors or {}, choices), terms_words=terms_words(language, json.loads(row.terms)),
        may_edit=context.may("terms_edit"),
        waiting=[
            {"id": each.draft_id, "starts_on": each.starts_on, "name": each.proposed_name, "own": each.proposed_by == context.principal.actor,
             "changes": previews[each.draft_id], "warnings": price_form.warnings(language, json.loads(each.lines)),
             "lines": [reading.priced(language, line) for line in json.loads(each.lines)]}
            for each in waiting
        ],
    )  # fmt: skip


def terms_words(language: Language, held: dict[str, Any]) -> str:
    """Which terms of the contract an amount is rounded and taxed by."""
    rounding = held.get("rounding", {"mode": "half_up", "digits": 2})
    kind = language(f"contracting.tax.{held.get('tax_mode', 'included')}")
    return language(
        "pricing.terms", rounding=language(f"contracting.mode.{rounding['mode']}"), places=rounding["digits"],
        tax=f"{kind} {wording.number(language, held.get('tax_pct') or '6')}%",
    )  # fmt: skip


def _changes(context: Context, changes: list[acts.Change]) -> list[dict[str, Any]]:
    language = context.language
    return [
        {"month": reading.month_name(language, each.period), "closed": each.closed, "amount": each.amount, "version": each.version,
         "words": f"{wording.item_name(language, each.meter.partition('/')[0])} {wording.meter_name(language, each.meter.partition('/')[2])}"}
        for each in changes
    ]  # fmt: skip


def write(context: Context, ref: str) -> Answer:
    """Preview what a card would change, write it down for a second person, or change the form."""
    entries: list[Entry] | None = None
    try:
        rest, entries, change = divided(context, PLAN)
        starts_on = str(rest.get("starts_on", ""))
        if change:
            fresh = Entry("per_unit", {"item": entries[-1].values.get("item", "") if entries else ""})
            return _form(context, ref, starts_on=starts_on, entries=changed(PLAN, entries, change, fresh))
        if entries:
            rest["lines"] = price_form.lines_from(entries)
        asked = loaded(context, rest)
        lines = asked["lines"]
        entries = entries or price_form.entries_from(lines)
        _sound(context, ref, lines)
        if asked["do"] == "propose":
            with context.work() as work:
                acts.propose_card(work, ref, asked["starts_on"], lines, context.principal.name)
            return see_other(context.url("card_edit", ref=ref), said=Said("billing.cards.proposed"))
        found = _preview(context, ref, asked["starts_on"], lines)
    except (Refused, PricingRefused) as refusal:
        fault = price_form.unsound(context, [refusal]) if isinstance(refusal, PricingRefused) else refusal
        if not fault.fields:
            raise
        return _form(
            context, ref, starts_on=str(context.posted.get("starts_on", "")), entries=entries, errors=context.errors(fault)
        )  # fmt: skip
    return _form(context, ref, starts_on=starts_on, entries=entries, found=found)


def _sound(context: Context, ref: str, lines: list[dict[str, Any]]) -> None:
    """Return if the lines can be a card of the contract.

    Raises:
        Invalid: everything that is wrong with them.
    """
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
    faults = price_form.faults(lines, ContractTerms.of(json.loads(row.terms)).rounding)
    if faults:
        raise price_form.unsound(context, faults)


def api_write(context: Context, ref: str) -> Answer:
    """Preview what a card would change (``do`` = ``preview``), or propose it."""
    asked = context.json()
    _sound(context, ref, asked["lines"])
    try:
        if asked["do"] == "preview":
            found = _preview(context, ref, asked["starts_on"], asked["lines"])
            return answer(
                {"id": "", "state": "previewed", "total": format(found["total"], "f"),
                 "changes": [{"period": each.period, "meter": each.meter, "card_version": each.version, "closed": each.closed,
                              "amount": format(each.amount, "f")} for each in found["raw"]],
                 "warnings": [{"line": number, "words": words} for number, words in found["warnings"]]}
            )  # fmt: skip
        with context.work() as work:
            made = acts.propose_card(work, ref, asked["starts_on"], asked["lines"], context.principal.name)
    except PricingRefused as fault:
        raise price_form.unsound(context, [fault]) from fault
    return answer({"id": made, "state": "proposed"}, 201)


def _preview(context: Context, ref: str, starts_on: date, lines: list[dict[str, Any]]) -> dict[str, Any]:
    with context.read() as connection:
        changes = acts.preview(connection, ref, starts_on, lines)
    return {
        "changes": _changes(context, changes), "raw": changes, "warnings": price_form.warnings(context.language, lines),
        "total": sum((each.amount for each in changes), reading.ZERO),
    }  # fmt: skip


def _decided(context: Context, ref: str, draft_id: str, do: str) -> None:
    if do not in {"in_force", "drop"}:
        raise Absent
    with context.work() as work:
        if do == "drop":
            acts.drop_card(work, ref, draft_id)
        else:
            acts.put_card_in_force(work, ref, draft_id)


def api_decide(context: Context, ref: str, draft_id: str, do: str) -> Answer:
    """A second person puts a card in force, or it is dropped."""
    context.json()
    _decided(context, ref, draft_id, do)
    return answer({"id": draft_id, "state": "in_force" if do == "in_force" else "dropped"})


def decide(context: Context, ref: str, draft_id: str, do: str) -> Answer:
    """A second person puts a card in force, or it is dropped."""
    try:
        _decided(context, ref, draft_id, do)
    except Refused as fault:
        if fault.status in {401, 404}:
            raise
        answer = _form(context, ref, problem=context.language(fault.key, **fault.parameters))
        answer.status = fault.status
        return answer
    return see_other(context.url("contract", ref=ref), said=Said(f"billing.cards.done_{do}"))


REF = {"ref": "HY-2026-01"}
ROUTES = (
    Route("GET", "/contracts/<ref>/cards", "card_edit", edit, allow=APPROVES, summary="A new card, and what it would change.", sample=REF),
    Route("POST", "/contracts/<ref>/cards", "card_write", write, allow=EDITS, accepts=CardForm, summary="Preview or propose a card."),
    Route("POST", "/contracts/<ref>/cards/<draft_id>/<do>", "card_decide", decide, allow=APPROVES, accepts=Bare, fresh=True,
          summary="Put a card in force, or drop it."),
    Route("POST", "/api/contracts/<ref>/cards", "api_card_write", api_write, allow=EDITS, kind="api", accepts=CardForm, answers=WrittenForm,
          creates=True, summary="Preview or propose a card."),
    Route("POST", "/api/contracts/<ref>/cards/<draft_id>/<do>", "api_card_decide", api_decide, allow=APPROVES, kind="api", accepts=Bare,
          answers=DoneForm, fresh=True, summary="Put a card in force, or drop it."),
)  # fmt: skip
