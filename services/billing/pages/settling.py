"""What people do with a statement: close the month, look, dispute, decide, accept, sign, pay."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.billing import store, wording
from services.billing.api import MONEY
from services.billing.handlers import statements as acts
from services.billing.model import service_day
from services.billing.pages import reading
from services.billing.postings import Unmapped, postings, read_mapping
from services.billing.purses import line_of, series
from shared.errors import Conflict, Refused
from shared.web.answers import Answer, Said, file, page, see_other
from shared.web.routes import Access, Route, Scoped
from shared.web.schemas import Decimal as Money
from shared.web.schemas import Key, Text, validate
from shared.web.sheets import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row

    from shared.web.context import Context

OFFICE = Access.to(finance="all", contract_manager="all")
MANAGER = Access.to(contract_manager="all")
FINANCE = Access.to(finance="all")
SUPPLIER = Access.to(supplier="supplier")
ZERO = Decimal("0.00")


class Optional(Money):
    """A sum that may be left empty in a form."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        return None if value == "" else super()._deserialize(value, attr, data, **kwargs)


class Bare(Schema):
    """A form of one button."""


class CloseForm(Schema):
    """Which month of which contract is closed."""

    contract = Key(required=True)
    period = Key(required=True)


class DisputeForm(Schema):
    """Why the supplier does not agree with a line."""

    words = Text(400, required=True)


class DecisionForm(Schema):
    """What becomes of a disputed line."""

    decision = fields.String(required=True, validate=validate.OneOf(["upheld", "conceded"]))
    words = Text(400, required=True)
    difference = Optional(2, load_default=ZERO, allow_none=True)


class PaymentForm(Schema):
    """One payment."""

    amount = Money(2, least="0.01", required=True)
    paid_on = fields.Date(required=True)
    reference = Text(60, required=True)


class ReleaseForm(Schema):
    """How much retention money is released."""

    amount = Money(2, least="0.01", required=True)


def show(
    context: Context, row: Row[Any], found: Row[Any], *, problem: str = "", errors: dict[str, list[str]] | None = None
) -> Answer:
    """The statement of a closed month: its lines, where it stands, and what the reader may do now."""
    language = context.language
    with context.read() as connection:
        lines = store.statement_lines(connection, found.ref)
        signed = store.signatures(connection, found.ref)
        payments = store.payments(connection, found.ref)
        cards = {
            card.version: {(line["item"], line["meter"]): line for line in lines_}
            for card, lines_ in store.every_card(connection, row.ref)
        }
        undisputed = acts.undisputed(connection, found.ref)
        retained = acts.retained(connection, row.ref)
    first = reading.first_day(found.period)
    today = service_day(context.now)
    overdue = found.state == "stated" and found.due_on is not None and found.due_on < today and found.paid < undisputed
    here = Scoped(supplier=row.supplier)
    shown = [_line(context, row, found, line, cards) for line in lines]
    return page(
        "billing/settlement.html",
        status=200 if not (problem or errors) else 422,
        contract=row, title=reading.title_of(context, row), supplier=reading.name_of(context, row),
        month=reading.month_name(language, found.period), span=(first, date(first.year + first.month // 12, first.month % 12 + 1, 1)),
        found=found, rows=shown, shown_state="overdue" if overdue else ("disputed" if any(line.dispute == "disputed" for line in lines) and found.state == "with_supplier" else found.state),
        signed=signed, payments=payments, undisputed=undisputed, retained=retained, left=found.total - found.paid,
        seats=[*signed, *[None] * max(0, found.signatures - len(signed))],
        may={name: context.may(f"statement_{name}", here) for name in ("send", "agree", "dispute", "decide", "accept", "sign", "pay", "release", "postings")},
        has_signed=any(each.account == context.principal.account for each in signed),
        drew=found.drawn_by == context.principal.actor, today=today, problem=problem, errors=errors or {},
        sees_log=reading.sees_log(context),
    )  # fmt: skip


def _line(context: Context, row: Row[Any], found: Row[Any], line: Row[Any], cards: dict[int, Any]) -> dict[str, Any]:
    language = context.language
    words = (
        f"{wording.item_name(language, line.item)} {wording.meter_name(language, line.meter)}"
        if line.item
        else language(f"billing.kind.{line.kind}")
    )
    if line.kind == "adjustment":
        note = language(
            "billing.settle.corrects", month=reading.month_name(language, line.for_period), statement=line.corrects
        )
    elif line.item and line.kind == "charge":
        note = language("billing.statements.note", count=line.facts, version=line.card_version)
    else:
        note = language(f"billing.kind.{line.kind}")
    return {
        "number": line.number, "words": words, "note": note, "kind": line.kind,
        "href": context.url("statement_line", ref=row.ref, period=found.period, number=line.number),
        "quantity": wording.quantity(language, line.quantity, line.unit) if line.item else "",
        "rate": wording.rate_shown(language, cards.get(line.card_version, {}).get((line.item, line.meter))) if line.kind == "charge" else "",
        "amount": line.amount, "dispute": line.dispute, "dispute_words": line.dispute_words,
        "decided_words": line.decided_words, "difference": line.difference,
        "seal": {"key": "received" if not line.said else "sealed", "entry": None,
                 "href": f"/audit/about/{found.ref}" if reading.sees_log(context) else ""},
    }  # fmt: skip


def one_line(context: Context, ref: str, period: str, number: int) -> Answer:
    """Where the amount of a stated line comes from: facts, quantity, card, tiers, rounding; or what an adjustment corrects."""
    language = context.language
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        found = store.statement(connection, ref, period)
        line = (
            next((each for each in store.statement_lines(connection, found.ref) if each.number == number), None)
            if found
            else None
        )
        context.check(None if line is None else Scoped(supplier=row.supplier))
        assert found is not None
        assert line is not None
        entries = store.entries_of_line(connection, ref, period, line)
    cards: dict[int, Any] = {}
    shown = _line(context, row, found, line, cards)
    steps = [
        {"words": wording.step_words(language, step), "number": reading.number_of(step.get("amount"), language)}
        for step in json.loads(line.steps)
    ]
    steps.append({"words": language("billing.explain.result"), "number": language.amount(line.amount)})
    return page(
        "billing/settlement_line.html",
        contract=row, found=found, line=shown, steps=steps, month=reading.month_name(language, period),
        entries=[
            {
                "number": each.number, "amount": each.amount, "at": each.at, "fact_id": each.fact_id,
                "words": language(f"billing.kind.{each.kind}"),
                "cause": language(f"billing.cause.{each.cause}") if each.cause else "",
                "month": reading.month_name(language, each.period), "order": json.loads(each.body).get("order", ""),
                "facts": each.facts, "said": each.said,
            }
            for each in entries
        ],
        sees_log=reading.sees_log(context), sees_feed=context.may("feed"),
    )  # fmt: skip


def close(context: Context) -> Answer:
    """Close a month of a contract: its statement is drawn."""
    asked = context.form()
    try:
        with context.work() as work:
            acts.draw(work, asked["contract"], asked["period"])
    except Refused as fault:
        return reading.statements_page(
            context, problem=context.language(fault.key, **fault.parameters), errors=context.errors(fault)
        )
    return see_other(
        context.url("statement", ref=asked["contract"], period=asked["period"]), said=Said("billing.settle.drawn")
    )


def _act(name: str, do: Callable[[Any, str, dict[str, Any], Context], Any]) -> Callable[..., Answer]:
    """A posted act on a statement: done, or shown again with the reason why not."""

    def view(context: Context, ref: str, period: str, **more: Any) -> Answer:
        with context.read() as connection:
            row = reading.wanted(context, connection, ref)
            found = store.statement(connection, ref, period)
        context.check(None if found is None else Scoped(supplier=row.supplier))
        assert found is not None
        try:
            asked = context.form()
            with context.work() as work:
                do(work, found.ref, asked | more, context)
        except Refused as fault:
            if fault.status in {401, 404, 412, 429}:
                raise
            with context.read() as connection:
                found = store.statement(connection, ref, period)
            assert found is not None
            answer = show(
                context, row, found, problem=context.language(fault.key, **fault.parameters), errors=context.errors(fault)
            )  # fmt: skip
            answer.status = fault.status
            return answer
        return see_other(context.url("statement", ref=ref, period=period), said=Said(f"billing.settle.done_{name}"))

    return view


def _sign(work: Any, ref: str, _asked: dict[str, Any], context: Context) -> None:
    person = context.principal
    role = "contract_manager" if "contract_manager" in person.roles else "finance"
    acts.sign(work, ref, account=person.account, name=person.name, role=role)


def _release(work: Any, ref: str, asked: dict[str, Any], _context: Context) -> None:
    acts.release_retention(work, acts.locked(work, ref).contract, asked["amount"])


ACTS: dict[str, tuple[str, Access, type[Schema], Callable[[Any, str, dict[str, Any], Context], Any], str]] = {
    "send": ("/send", MANAGER, Bare, lambda work, ref, _asked, _context: acts.send(work, ref), "Send a statement to the supplier."),
    "agree": ("/agree", SUPPLIER, Bare, lambda work, ref, _asked, _context: acts.agree(work, ref), "The supplier has looked at it."),
    "dispute": ("/lines/<int:number>/dispute", SUPPLIER, DisputeForm,
                lambda work, ref, asked, _context: acts.dispute(work, ref, asked["number"], asked["words"]), "Dispute a line."),
    "decide": ("/lines/<int:number>/decide", MANAGER, DecisionForm,
               lambda work, ref, asked, _context: acts.decide(work, ref, asked["number"], asked["decision"], asked["words"], asked["difference"] or ZERO),
               "Decide a disputed line."),
    "accept": ("/accept", MANAGER, Bare, lambda work, ref, _asked, _context: acts.accept(work, ref), "Accept the month's work."),
    "sign": ("/sign", OFFICE, Bare, _sign, "Sign a statement."),
    "pay": ("/pay", FINANCE, PaymentForm,
            lambda work, ref, asked, _context: acts.pay(work, ref, amount=asked["amount"], paid_on=asked["paid_on"], reference=asked["reference"]),
            "Note a payment."),
    "release": ("/release", FINANCE, ReleaseForm, _release, "Release retention money."),
}  # fmt: skip


def printed(kind: str) -> Callable[..., Answer]:
    """A statement as a file that is printed and stamped, or opened by a spreadsheet; in the reader's language."""

    def view(context: Context, ref: str, period: str) -> Answer:
        with context.read() as connection:
            row = reading.wanted(context, connection, ref)
            found = store.statement(connection, ref, period)
            context.check(None if found is None else Scoped(supplier=row.supplier))
            assert found is not None
            lines = store.statement_lines(connection, found.ref)
            signed = store.signatures(connection, found.ref)
            cards = {
                card.version: {(line["item"], line["meter"]): line for line in lines_}
                for card, lines_ in store.every_card(connection, ref)
            }
        sheet = {
            "title": context.language("billing.settle.doc", title=reading.title_of(context, row)),
            "ref": found.ref, "contract": ref, "supplier": reading.name_of(context, row),
            "buyer": context.language("billing.statements.buyer_name"), "month": reading.month_name(context.language, period),
            "total": found.total, "digest": found.digest, "due_on": found.due_on,
            "state": context.language.state("statement", found.state),
            "rows": [_line(context, row, found, line, cards) | {"quantity_number": line.quantity} for line in lines],
            "signed": [(each.name, each.at) for each in signed],
        }  # fmt: skip
        # The libraries of paper and of spreadsheets take 25 MiB: a process that prints nothing does without them.
        from services.billing.printed import pdf, xlsx

        if kind == "pdf":
            return file(pdf(context.language, sheet), "application/pdf", name=f"{found.ref}.pdf", rows=len(lines))
        return file(
            xlsx(context.language, sheet),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            name=f"{found.ref}.xlsx",
            rows=len(lines),
        )

    return view


def posted(context: Context, ref: str, period: str) -> Answer:
    """The double-entry lines of a statement as CSV; a line without a rule blocks the whole export and is named."""
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        found = store.statement(connection, ref, period)
        context.check(None if found is None else Scoped(supplier=row.supplier))
        assert found is not None
        lines = store.statement_lines(connection, found.ref)
        project = line_of(series(connection)[row.budget_line], period) or row.budget_line
    try:
        rows = postings(
            read_mapping(context.own.running.settings["BILLING_POSTINGS"]), lines, service_day(found.drawn_at),
            cost_centre=row.supplier, project=project,
        )  # fmt: skip
    except Unmapped as fault:
        named = ", ".join(f"{number} ({item or kind})" for number, kind, item in fault.lines)
        raise Conflict("billing.postings.unmapped", lines=named) from fault
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(
        ("statement", "line", "account", "debit", "credit", "cost_centre", "project", "economic_class", "mapping")
    )
    for each in rows:
        words = (each.account, each.cost_centre, each.project, each.economic_class)
        account, centre, project, economic = (safe_text(word) for word in words)
        writer.writerow(
            (found.ref, each.line, account, each.debit, each.credit, centre, project, economic, each.mapping)
        )
    return file(out.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8", name=f"{found.ref}-postings.csv")


def last_month(today: date) -> str:
    """The month before that day's."""
    return f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"


PATH = "/statements/<ref>/<period>"
ROUTES = (
    Route("POST", "/statements/close", "statement_close", close, allow=OFFICE, accepts=CloseForm, summary="Close a month."),
    Route("GET", f"{PATH}/lines/<int:number>", "statement_line", one_line, allow=MONEY, summary="Where a stated amount comes from."),
    Route("GET", f"{PATH}.pdf", "statement_pdf", printed("pdf"), allow=MONEY, kind="file", summary="A statement to print."),
    Route("GET", f"{PATH}.xlsx", "statement_xlsx", printed("xlsx"), allow=MONEY, kind="file", summary="A statement as a spreadsheet."),
    Route("GET", f"{PATH}/postings.csv", "statement_postings", posted, allow=FINANCE, kind="file",
          summary="A statement's double-entry lines."),
    *(
        Route("POST", f"{PATH}{path}", f"statement_{name}", _act(name, do), allow=allow, accepts=accepts, summary=summary,
              fresh=name in {"sign", "pay", "release"})
        for name, (path, allow, accepts, do, summary) in ACTS.items()
    ),
)  # fmt: skip
