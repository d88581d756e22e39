"""Statements for programs: the same acts as on their page, and the statement itself with every step behind its lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.billing import store
from services.billing.api import MONEY, own_supplier
from services.billing.handlers import statements as acts
from services.billing.pages import reading
from services.billing.pages.settling import ACTS, OFFICE, PATH, CloseForm
from shared.clock import to_text
from shared.web.answers import Answer, answer
from shared.web.routes import Route, Scoped
from shared.web.schemas import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from shared.web.context import Context


class StatementForm(Schema):
    """A statement with its lines."""

    ref = fields.String()
    contract = fields.String()
    period = fields.String()
    state = fields.String()
    total = fields.String(metadata={"description": "yuan"})
    undisputed = fields.String(metadata={"description": "yuan; what falls due on due_on"})
    paid = fields.String()
    accepted_on = fields.String(allow_none=True)
    due_on = fields.String(allow_none=True)
    digest = fields.String(metadata={"description": "SHA-256 of `document`, which is what is signed"})
    document = fields.String(metadata={"description": "the canonical text"})
    feed_number = fields.Integer()
    feed_head = fields.String()
    drawn_event = fields.String()
    line_events = fields.List(fields.String())
    lines = fields.List(fields.Dict())
    signatures = fields.List(fields.Dict())
    payments = fields.List(fields.Dict())


class StatementsForm(Schema):
    """Statements, newest month first."""

    statements = fields.List(fields.Dict())


class Asked(Schema):
    """Of which contract; empty is all that this reader may see."""

    contract = Key(load_default="")


def listed(context: Context) -> Answer:
    """The statements that this reader may see, newest month first."""
    asked = context.query()["contract"]
    with context.read() as connection:
        refs = [row.ref for row in store.contracts(connection, own_supplier(context)) if asked in {"", row.ref}]
        rows = store.statements_of(connection, refs)
    return answer(
        {
            "statements": [
                {"ref": row.ref, "contract": row.contract, "period": row.period, "state": row.state, "total": format(row.total, "f"),
                 "paid": format(row.paid, "f"), "due_on": row.due_on and row.due_on.isoformat(), "digest": row.digest}
                for row in rows
            ]
        }
    )  # fmt: skip


def one(context: Context, ref: str, period: str) -> Answer:
    """A statement with its lines: facts, quantity, card version, steps, and the sealed events behind each."""
    _wanted(context, ref, period)
    return _shown(context, ref, period)


def _wanted(context: Context, ref: str, period: str) -> Row[Any]:
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        found = store.statement(connection, ref, period)
    context.check(None if found is None else Scoped(supplier=row.supplier))
    assert found is not None
    return found


def _shown(context: Context, ref: str, period: str) -> Answer:
    with context.read() as connection:
        found = store.statement(connection, ref, period)
        assert found is not None
        lines = store.statement_lines(connection, found.ref)
        signed = store.signatures(connection, found.ref)
        paid = store.payments(connection, found.ref)
        undisputed = acts.undisputed(connection, found.ref)
    return answer(
        {
            "ref": found.ref, "contract": ref, "period": period, "state": found.state, "total": format(found.total, "f"),
            "undisputed": format(undisputed, "f"), "paid": format(found.paid, "f"), "digest": found.digest, "document": found.document,
            "accepted_on": found.accepted_on and found.accepted_on.isoformat(), "due_on": found.due_on and found.due_on.isoformat(),
            "feed_number": found.feed_number, "feed_head": found.feed_head, "drawn_event": found.drawn_event,
            "line_events": json.loads(found.line_events),
            "lines": [
                {"number": line.number, "kind": line.kind, "item": line.item, "meter": line.meter, "card_version": line.card_version,
                 "for_period": line.for_period, "facts": line.facts, "quantity": format(line.quantity, "f"), "unit": line.unit,
                 "amount": format(line.amount, "f"), "corrects": line.corrects, "steps": json.loads(line.steps), "event": line.said,
                 "dispute": line.dispute, "difference": None if line.difference is None else format(line.difference, "f")}
                for line in lines
            ],
            "signatures": [{"role": each.role, "at": to_text(each.at), "event": each.said} for each in signed],
            "payments": [{"amount": format(each.amount, "f"), "paid_on": each.paid_on.isoformat(), "reference": each.reference,
                          "interest": format(each.interest, "f")} for each in paid],
        }
    )  # fmt: skip


def close(context: Context) -> Answer:
    """Close a month of a contract; closing it again gives the same statement."""
    asked = context.json()
    with context.work() as work:
        acts.draw(work, asked["contract"], asked["period"])
    return _shown(context, asked["contract"], asked["period"])


def _act(do: Callable[[Any, str, dict[str, Any], Context], Any]) -> Callable[..., Answer]:
    def view(context: Context, ref: str, period: str, **more: Any) -> Answer:
        found = _wanted(context, ref, period)
        asked = context.json()
        with context.work() as work:
            do(work, found.ref, asked | more, context)
        return _shown(context, ref, period)

    return view


ROUTES = (
    Route("GET", "/api/statements", "api_statements", listed, allow=MONEY, kind="api", accepts=Asked, answers=StatementsForm, summary="Statements."),
    Route("GET", f"/api{PATH}", "api_statement", one, allow=MONEY, kind="api", answers=StatementForm, summary="A statement with its lines."),
    Route("POST", "/api/statements/close", "api_statement_close", close, allow=OFFICE, kind="api", accepts=CloseForm, answers=StatementForm,
          summary="Close a month."),
    *(
        Route("POST", f"/api{PATH}{path}", f"api_statement_{name}", _act(do), allow=allow, kind="api", accepts=accepts, answers=StatementForm,
              summary=summary, fresh=name in {"sign", "pay", "release"})
        for name, (path, allow, accepts, do, summary) in ACTS.items()
    ),
)  # fmt: skip
