"""A change of prices: written, previewed to the fen, put in force by a second person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import store, tables, wording
from services.billing.handlers import cards as acts
from services.billing.pages import reading
from services.billing.pricing.refusal import PricingRefused
from shared.errors import Absent, Malformed, Refused
from shared.web.answers import Answer, Said, page, see_other
from shared.web.intake import read_json
from shared.web.routes import Access, Route
from shared.web.schemas import Text

if TYPE_CHECKING:
    from datetime import date

    from shared.web.context import Context

EDITS = Access.to(contract_manager="all")
APPROVES = Access.to(contract_manager="all", finance="all")


class CardForm(Schema):
    """A card as it is written: its first day, and its lines as data."""

    starts_on = fields.Date(required=True)
    lines = Text(20_000, lines=True, required=True)
    do = fields.String(load_default="preview")


class Bare(Schema):
    """A form of one button."""


def edit(context: Context, ref: str) -> Answer:
    """The form of a new card, filled with the newest one; and cards that wait for a second person."""
    return _form(context, ref)


def _form(context: Context, ref: str, *, typed: dict[str, str] | None = None, problem: str = "", field: str = "", found: dict[str, Any] | None = None,
          errors: dict[str, list[str]] | None = None) -> Answer:  # fmt: skip
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
    lines = json.dumps(newest[1], ensure_ascii=False, indent=1)
    return page(
        "billing/card.html", may_write=context.may("card_write"), status=422 if problem or errors else 200, contract=row, title=reading.title_of(context, row),
        typed=typed or {"starts_on": "", "lines": lines}, problem=problem, where=field, found=found, errors=errors or {},
        waiting=[
            {"id": each.draft_id, "starts_on": each.starts_on, "name": each.proposed_name, "own": each.proposed_by == context.principal.actor,
             "changes": previews[each.draft_id],
             "lines": [{"words": f"{wording.item_name(context.language, line['item'])} {wording.meter_name(context.language, line['meter'])}",
                        "rates": wording.rates(context.language, line)} for line in json.loads(each.lines)]}
            for each in waiting
        ],
    )  # fmt: skip


def _changes(context: Context, changes: list[acts.Change]) -> list[dict[str, Any]]:
    language = context.language
    return [
        {"month": reading.month_name(language, each.period), "closed": each.closed, "amount": each.amount, "version": each.version,
         "words": f"{wording.item_name(language, each.meter.partition('/')[0])} {wording.meter_name(language, each.meter.partition('/')[2])}"}
        for each in changes
    ]  # fmt: skip


def write(context: Context, ref: str) -> Answer:
    """Preview what a card would change, or write it down for a second person."""
    try:
        asked = context.form()
    except Refused as fault:
        return _form(
            context,
            ref,
            typed={name: str(context.posted.get(name, "")) for name in ("starts_on", "lines")},
            errors=context.errors(fault),
        )
    typed = {"starts_on": asked["starts_on"].isoformat(), "lines": asked["lines"]}
    try:
        lines = read_lines(asked["lines"])
        if asked["do"] == "propose":
            with context.work() as work:
                acts.propose_card(work, ref, asked["starts_on"], lines, context.principal.name)
            return see_other(context.url("card_edit", ref=ref), said=Said("billing.cards.proposed"))
        found = _preview(context, ref, asked["starts_on"], lines)
    except PricingRefused as fault:
        return _form(context, ref, typed=typed, problem=fault.message, field=fault.field)
    return _form(context, ref, typed=typed, found=found)


def read_lines(text: str) -> list[dict[str, Any]]:
    """The lines of a card as they were typed.

    Raises:
        PricingRefused: no list of objects in JSON.
    """
    try:
        found = read_json(text.encode())
    except Malformed as fault:
        raise PricingRefused("not_json", "the lines are no JSON", "lines") from fault
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise PricingRefused("not_a_list", "the lines are no list of objects", "lines")
    return found


def _preview(context: Context, ref: str, starts_on: date, lines: list[dict[str, Any]]) -> dict[str, Any]:
    with context.read() as connection:
        changes = acts.preview(connection, ref, starts_on, lines)
    return {
        "changes": _changes(context, changes),
        "warnings": [(number + 1, problem.message, problem.field) for number, problem in acts.warnings(lines)],
        "total": sum((each.amount for each in changes), reading.ZERO),
    }


def decide(context: Context, ref: str, draft_id: str, do: str) -> Answer:
    """A second person puts a card in force, or it is dropped."""
    if do not in {"in_force", "drop"}:
        raise Absent
    try:
        with context.work() as work:
            if do == "drop":
                acts.drop_card(work, draft_id)
            else:
                acts.put_card_in_force(work, draft_id)
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
)  # fmt: skip
