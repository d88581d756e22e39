"""JSON routes: contracts, usage facts, budget, and the feed that finance pulls."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal as Number
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields

from services.billing import store
from services.billing.explaining import ladder
from services.billing.handlers import feeding
from services.billing.handlers.feeding import MOST
from shared.clock import from_text, to_text
from shared.errors import Absent, Conflict
from shared.web.answers import Answer, answer, file, nothing
from shared.web.routes import PUBLIC, Access, Route, Scoped
from shared.web.schemas import Decimal as Money
from shared.web.schemas import Key, Text, Whole, validate
from shared.web.sheets import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from shared.web.context import Context

MONEY = Access.to(
    finance="all", contract_manager="all", supervisor="all", auditor="all", administrator="all", supplier="supplier"
)
PURSE = Access.to(finance="all", contract_manager="all", supervisor="all", auditor="all", administrator="all")
FEED = Access.to(finance="all", auditor="all")
TAKES = Access.to(finance="all")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Slice(Schema):
    """Which part of a list."""

    contract = Text(60, load_default="")
    order = Text(60, load_default="")
    cursor = Text(400, load_default="")
    limit = Whole(1, 200, load_default=50)


class FactForm(Schema):
    """One usage fact."""

    fact_id = fields.String()
    order_id = fields.String()
    order_reference = fields.String()
    request_id = fields.String()
    contract = fields.String()
    supplier = fields.String()
    department = fields.String()
    item = fields.String()
    meter = fields.String()
    quantity = fields.String()
    unit = fields.String()
    service_at = fields.String()
    recorded_at = fields.String()
    period = fields.String()
    state = fields.String()
    amount = fields.String(allow_none=True, metadata={"description": "yuan"})
    card_version = fields.Integer()
    budget_line = fields.String()
    event_id = fields.String(metadata={"description": "the sealed event behind it"})
    steps = fields.Raw(
        metadata={
            "description": "how the amount came about; in lists, of a fact that came in a batch, what its line had come to before it"
        }
    )


def form_of(row: Row[Any]) -> dict[str, Any]:
    """A fact as JSON."""
    found = dict(row._mapping)  # noqa: SLF001  SQLAlchemy's documented name
    found["quantity"] = format(row.quantity, "f")
    found["amount"] = None if row.amount is None else format(row.amount, "f")
    found["service_at"], found["recorded_at"] = to_text(row.service_at), to_text(row.recorded_at)
    found["steps"] = json.loads(row.steps)
    return {name: found[name] for name in FactForm().fields}


class FactsForm(Schema):
    """Usage facts, newest first."""

    facts = fields.List(fields.Nested(FactForm))
    next = fields.String(allow_none=True)


def own_supplier(context: Context) -> str:
    """The supplier to whom this reader is bound; empty for those who see all."""
    return "" if "all" in context.scopes else context.principal.supplier or "-"


def list_facts(context: Context, asked: dict[str, Any]) -> tuple[list[Row[Any]], str | None]:
    """A part of the facts that this reader may see, and the cursor of the next part."""
    key = context.application.cursors.read("facts", asked["cursor"])
    before = (from_text(key[0]), key[1]) if key else None
    with context.read() as connection:
        found = store.facts(
            connection, supplier=own_supplier(context), contract=asked["contract"], order_id=asked.get("order", ""),
            before=before, limit=asked["limit"] + 1,
        )  # fmt: skip
    more = len(found) > asked["limit"]
    found = found[: asked["limit"]]
    last = found[-1] if more else None
    return found, last and context.application.cursors.write("facts", to_text(last.recorded_at), last.fact_id)


def usage(context: Context) -> Answer:
    """Usage facts, newest first."""
    found, following = list_facts(context, context.query())
    return answer({"facts": [form_of(row) for row in found], "next": following})


def one_fact(context: Context, fact_id: str) -> Answer:
    """One fact with the steps that give its amount."""
    with context.read() as connection:
        found = store.fact(connection, fact_id)
        context.check(None if found is None else Scoped(supplier=found.supplier))
        assert found is not None
        rungs = ladder(connection, found)
    return answer(form_of(found) | {"steps": rungs})


class CardForm(Schema):
    """One version of a contract's prices."""

    version = fields.Integer()
    starts_on = fields.String()
    lines = fields.Raw()


class ContractForm(Schema):
    """A contract."""

    ref = fields.String()
    supplier = fields.String()
    supplier_name = fields.String()
    supplier_name_en = fields.String()
    title = fields.String()
    title_en = fields.String()
    items = fields.List(fields.String())
    starts_on = fields.String()
    ends_on = fields.String()
    budget_line = fields.String()
    cards = fields.List(fields.Nested(CardForm))


class ContractsForm(Schema):
    """Contracts."""

    contracts = fields.List(fields.Nested(ContractForm))


def contract_form(row: Row[Any], cards: list[tuple[Any, list[dict[str, Any]]]]) -> dict[str, Any]:
    """A contract with its cards as JSON."""
    return {
        "ref": row.ref, "supplier": row.supplier, "supplier_name": row.name, "supplier_name_en": row.name_en,
        "title": row.title, "title_en": row.title_en, "items": json.loads(row.items),
        "starts_on": row.starts_on.isoformat(), "ends_on": row.ends_on.isoformat(), "budget_line": row.budget_line,
        "cards": [{"version": card.version, "starts_on": card.starts_on.isoformat(), "lines": lines} for card, lines in cards],
    }  # fmt: skip


def contracts(context: Context) -> Answer:
    """Contracts with their cards."""
    with context.read() as connection:
        rows = store.contracts(connection, own_supplier(context))
        cards = store.all_cards(connection, [row.ref for row in rows])
    return answer({"contracts": [contract_form(row, cards[row.ref]) for row in rows]})


class BudgetForm(Schema):
    """Budget lines."""

    lines = fields.List(fields.Dict())


def budget(context: Context) -> Answer:
    """Each budget line with what has accrued and what is left, in yuan."""
    with context.read() as connection:
        lines = store.budget(connection)
    return answer(
        {
            "lines": [
                {"code": each.code, "year": each.year, "name": each.name, "name_en": each.name_en,
                 "amount": format(each.amount, "f"), "accrued": format(each.accrued, "f"),
                 "left": format(each.amount - each.accrued, "f")}
                for each in lines
            ]
        }
    )  # fmt: skip


class Pull(Schema):
    """From where on the feed is read."""

    cursor = Text(400, load_default="", metadata={"description": "`next` of the page before; none from the beginning"})
    limit = Whole(1, 1000, load_default=500)


class FeedForm(Schema):
    """A part of a contract's feed."""

    contract = fields.String()
    entries = fields.List(
        fields.Dict(), metadata={"description": "each with number, body (canonical JSON text) and head"}
    )
    next = fields.String(metadata={"description": "pass as `cursor`"})
    last = fields.Integer(metadata={"description": "number of the newest entry"})
    head = fields.String(metadata={"description": "chain head after the newest entry"})
    signed = fields.Dict(
        metadata={
            "description": "number and head of the last entry of this page, with key and signature (Ed25519, base64)"
        }
    )


def feed(context: Context, contract: str) -> Answer:
    """A contract's feed after a cursor: gapless, chained, the same for ever.

    A cursor stays good for ever, for it holds what it stands after; one of a feed that went another way is refused with
    409. The head after entry n is SHA-256(head before, line feed, body), hexadecimal; the first head is SHA-256 of nothing.
    """
    asked = context.query()
    with context.read() as connection:
        _known(context, connection, contract)
        last, head = store.feed_head(connection, contract)
        number, at = feeding.read_place(contract, asked["cursor"])
        if number > last:
            raise Conflict("billing.feed.beyond", number=last)
        if at != store.feed_head_at(connection, contract, number):
            raise Conflict("billing.feed.other_head", number=number)
        rows = store.feed(connection, contract, number, asked["limit"])
    entries = [
        {"number": row.number, "fact_id": row.fact_id, "at": to_text(row.at), "body": row.body, "head": row.head}
        for row in rows
    ]
    stands = (rows[-1].number, rows[-1].head) if rows else (last, head)
    given = answer(
        {
            "contract": contract,
            "entries": entries,
            "next": feeding.write_place(contract, *stands),
            "last": last,
            "head": head,
            "signed": context.own.feed.sign(contract, *stands),
        }
    )
    given.rows = len(entries)
    return given


class KeyForm(Schema):
    """The key that feeds are signed with."""

    key = fields.String()
    public = fields.String(metadata={"description": "PEM"})
    signs = fields.String(metadata={"description": "what the signature is over"})


def feed_key(context: Context) -> Answer:
    """The public key of the feeds' signatures."""
    signer = context.own.feed
    return answer(
        {"key": signer.id, "public": signer.public, "signs": "houqin-feed/v1\\n<contract>\\n<number>\\n<head>\\n"}
    )


class TotalsForm(Schema):
    """Control totals by the month in which entries are booked."""

    months = fields.List(fields.Dict())


def feed_totals(context: Context, contract: str) -> Answer:
    """How many entries each month has, their sum, and the head after the last."""
    with context.read() as connection:
        _known(context, connection, contract)
        found = feeding.totals(connection, contract)
    return answer({"months": [each.data() for each in found]})


class AckForm(Schema):
    """How far finance has the feed."""

    number = Whole(1, MOST, required=True)
    head = Key(required=True)


def feed_ack(context: Context, contract: str) -> Answer:
    """Finance has everything up to this entry."""
    asked = context.json()
    with context.work() as work:
        _known(context, work.connection, contract)
        feeding.acknowledge(work, contract, asked["number"], asked["head"])
    return nothing()


class TheirEntry(Schema):
    """One entry as finance has it."""

    number = Whole(1, MOST, required=True)
    amount = Money(2, required=True)
    head = Key(load_default="")


class CompareForm(Schema):
    """What finance has of a month."""

    period = Key(required=True)
    count = Whole(0, MOST, required=True)
    sum = Money(2, required=True)
    head = Key(load_default="")
    entries = fields.List(fields.Nested(TheirEntry), load_default=[], validate=validate.Length(max=10_000))


class ComparedForm(Schema):
    """Equal, or the entries that differ."""

    equal = fields.Boolean()
    ours = fields.Dict()
    differing = fields.List(fields.Dict())


def feed_compare(context: Context, contract: str) -> Answer:
    """Whether a month of the feed is the same on both sides; where not, which entries differ."""
    asked = context.json()
    with context.work() as work:
        _known(context, work.connection, contract)
        found = feeding.compare(
            work, contract, asked["period"], count=asked["count"], total=asked["sum"], head=asked["head"],
            entries=asked["entries"],
        )  # fmt: skip
    return answer(found)


COLUMNS = ("number", "kind", "period", "booked_in", "order", "item", "meter", "quantity", "unit", "amount", "currency",
           "service_at", "card_version", "facts", "budget_line", "cause", "corrects", "statement", "fact", "event", "head")  # fmt: skip


def _bodies(connection: Any, contract: str) -> Iterator[dict[str, Any]]:
    """Every entry of a feed, oldest first, under the names of ``COLUMNS``; absent ones are empty."""
    after = 0
    while rows := store.feed(connection, contract, after, 1000):
        for row in rows:
            body = json.loads(row.body)
            yield {"kind": row.kind, "booked_in": row.booked_in, "period": row.period} | body | {"head": row.head}
        after = rows[-1].number


def feed_csv(context: Context, contract: str) -> Answer:
    """The whole feed of a contract as CSV, UTF-8 with a byte order mark, amounts as numbers."""
    with context.read() as connection:
        _known(context, connection, contract)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        numbers = {"quantity", "amount"}
        for body in _bodies(connection, contract):
            writer.writerow(
                [body.get(name, "") if name in numbers else safe_text(body.get(name, "")) for name in COLUMNS]
            )
    return file(out.getvalue().encode("utf-8-sig"), "text/csv; charset=utf-8", name=f"{contract}.csv")


def feed_xlsx(context: Context, contract: str) -> Answer:
    """The whole feed of a contract as a workbook: amounts are numbers, words are text."""
    from openpyxl import Workbook  # 16 MiB, read where it is first needed
    from openpyxl.cell import WriteOnlyCell

    with context.read() as connection:
        _known(context, connection, contract)
        book = Workbook(write_only=True)
        sheet = book.create_sheet(contract[:31])
        sheet.append(COLUMNS)
        count = 0
        for body in _bodies(connection, contract):
            count += 1
            cells = []
            for name in COLUMNS:
                value = body.get(name, "")
                number = name in {"quantity", "amount"} and value != ""
                cell: Any = WriteOnlyCell(sheet)
                cell.value = Number(value) if number else value
                if isinstance(value, str) and not number:
                    cell.data_type = "s"  # text that begins with "=" would be made a formula
                cells.append(cell)
            sheet.append(cells)
        out = io.BytesIO()
        book.save(out)
    return file(out.getvalue(), XLSX, name=f"{contract}.xlsx", rows=count)


def _known(context: Context, connection: Any, ref: str) -> None:
    row = store.contract(connection, ref)
    if row is None:
        raise Absent
    context.check(Scoped(supplier=row.supplier))


CONTRACT = {"contract": "HY-2026-01"}
ROUTES = (
    Route("GET", "/api/usage", "api_usage", usage, allow=MONEY, kind="api", accepts=Slice, answers=FactsForm,
          summary="Usage facts, newest first."),
    Route("GET", "/api/usage/<fact_id>", "api_fact", one_fact, allow=MONEY, kind="api", answers=FactForm, summary="One usage fact."),
    Route("GET", "/api/contracts", "api_contracts", contracts, allow=MONEY, kind="api", answers=ContractsForm,
          summary="Contracts with their cards."),
    Route("GET", "/api/budget", "api_budget", budget, allow=PURSE, kind="api", answers=BudgetForm, summary="Budget lines."),
    Route("GET", "/api/feed/<contract>", "api_feed", feed, allow=FEED, kind="api", noted="export", accepts=Pull, answers=FeedForm,
          summary="A contract's feed.", sample=CONTRACT),
    Route("GET", "/api/feed-key", "api_feed_key", feed_key, allow=PUBLIC, kind="api", answers=KeyForm, summary="The key that feeds are signed with."),
    Route("GET", "/api/feed/<contract>/totals", "api_feed_totals", feed_totals, allow=FEED, kind="api", answers=TotalsForm,
          summary="Control totals of a feed by month.", sample=CONTRACT),
    Route("POST", "/api/feed/<contract>/ack", "api_feed_ack", feed_ack, allow=TAKES, kind="api", accepts=AckForm, status=204,
          summary="Acknowledge a feed up to an entry."),
    Route("POST", "/api/feed/<contract>/compare", "api_feed_compare", feed_compare, allow=TAKES, kind="api", accepts=CompareForm,
          answers=ComparedForm, summary="Compare a month of a feed."),
    Route("GET", "/feed/<contract>.xlsx", "feed_xlsx", feed_xlsx, allow=FEED, kind="file", summary="A contract's feed as XLSX.", sample=CONTRACT),
    Route("GET", "/feed/<contract>.csv", "feed_csv", feed_csv, allow=FEED, kind="file", summary="A contract's feed as CSV.",
          sample=CONTRACT),
)  # fmt: skip
