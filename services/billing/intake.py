"""Facts from outside: over the API in batches with an answer for each item, and from files with a report for each row."""

from __future__ import annotations

import csv
import io
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from marshmallow import Schema, ValidationError, fields
from sqlalchemy import exc, select

from services.billing import store, tables
from services.billing.handlers.facts import Outcome, Report, record
from shared.clock import SITE_ZONE
from shared.errors import Invalid, Refused
from shared.loading import Reader
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Quantity
from shared.web.schemas import Instant, Key, Text, message_of, validate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shared.web.context import Context

REPORTS = Access.to(finance="all", contract_manager="all")
NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # a void has the time of what it voids
OURS = ("dispatch",)  # sources that nobody else may speak for
MOST = 500  # facts in one request
MOST_ROWS = 20_000
MOST_BYTES = 8_000_000
MOST_UNPACKED = 64_000_000
MOST_PARTS = 1_000
MOST_ELEMENTS = 1_000_000  # of XML: each cell of the most rows has up to three
UNITS = {
    "hours": {"hours"}, "km": {"km"}, "pages": {"pages"}, "m2": {"m2"}, "room_hours": {"hours"}, "people": {"people"},
    "materials": {"yuan"}, "orders": {"orders"},
}  # fmt: skip


class FactForm(Schema):
    """One fact. ``void`` needs ``corrects`` alone; ``correct`` what changes."""

    id = Text(120, required=True)
    kind = fields.String(load_default="fact", validate=validate.OneOf(["fact", "void", "correct"]))
    corrects = Text(120, load_default="")
    of = Key(load_default="")
    contract = Key(load_default="", metadata={"description": "empty: work of our own crews"})
    crew = Key(load_default="")
    item = Key(load_default="")
    meter = Key(load_default="")
    quantity = Quantity(6, load_default=None, allow_none=True)
    unit = Text(20, load_default="")
    service_at = Instant(load_default=None, allow_none=True)
    counted = Text(80, load_default="")
    department = Key(load_default="")
    order = Text(60, load_default="")


ONE = Reader(FactForm())


class BatchForm(Schema):
    """Facts of one source; each is answered by itself."""

    source = Key(required=True, validate=validate.NoneOf(OURS, error="billing.intake.ours"))
    facts = fields.List(fields.Raw(), required=True, validate=validate.Length(min=1, max=MOST))


class ItemForm(Schema):
    """What became of one fact."""

    id = fields.String()
    status = fields.Integer(
        metadata={
            "description": "201 recorded, 200 taken before with the same body, 409 with another body, 422 refused"
        }
    )
    fact_id = fields.String()
    errors = fields.Dict()


class BatchAnswer(Schema):
    """One answer for each fact, in their order."""

    results = fields.List(fields.Nested(ItemForm))


STATUS = {"recorded": 201, "known": 200, "conflict": 409, "refused": 422}


@dataclass(frozen=True)
class Row:
    """One fact as it came: a report, or what is wrong with it by field."""

    number: int
    id: str
    report: Report | None
    errors: dict[str, list[Any]]


def read(source: str, each: Any, number: int, known: dict[str, Any], now: datetime) -> Row:
    """One fact from its JSON form."""
    if not isinstance(each, dict):
        return Row(number, "", None, {"": ["field.kind"]})
    name = each.get("id")
    name = name if isinstance(name, str) else ""
    try:
        data = ONE.load(each)
    except ValidationError as fault:
        found = fault.messages if isinstance(fault.messages, dict) else {"": fault.messages}
        return Row(number, name, None, {str(key): list(value) for key, value in found.items()})
    errors = _wrong(data, known, now)
    if errors:
        return Row(number, name, None, errors)
    at = data["service_at"] or now
    return Row(
        number, name,
        Report(
            source=source, id=data["id"], kind=data["kind"], corrects=data["corrects"], of=data["of"], contract=data["contract"],
            item=data["item"], meter=data["meter"], quantity=data["quantity"] or Decimal(0), unit=data["unit"], service_at=at,
            counted=data["counted"], department=data["department"], order_reference=data["order"], crew=data["crew"],
            supplier=known[data["contract"]] if data["contract"] else "",
        ),
        {},
    )  # fmt: skip


def _wrong(data: dict[str, Any], known: dict[str, Any], now: datetime) -> dict[str, list[Any]]:
    errors: dict[str, list[Any]] = {}
    if data["contract"] and data["contract"] not in known:
        errors["contract"] = ["billing.intake.no_contract"]
    if data["kind"] != "fact" and not data["corrects"]:
        errors["corrects"] = ["field.required"]
    if data["kind"] == "fact" and data["corrects"]:
        errors["corrects"] = ["billing.intake.corrects_nothing"]
    if data["kind"] == "void":
        if data["service_at"] is None:
            data["service_at"] = NEVER
        return errors
    needed = (
        ("service_at", "quantity", "item", "meter", "unit") if data["kind"] == "fact" else ("service_at", "quantity")
    )
    for name in needed:
        if data[name] in (None, ""):
            errors[name] = ["field.required"]
    if data["meter"] in UNITS and data["unit"] and data["unit"] not in UNITS[data["meter"]]:
        errors["unit"] = ["billing.intake.unit"]
    if data["quantity"] is not None and data["quantity"] < 0:
        errors["quantity"] = ["billing.intake.negative"]
    if data["service_at"] is not None and data["service_at"] > now:
        errors["service_at"] = ["billing.intake.future"]
    return errors


def contracts_of(context: Context) -> dict[str, str]:
    """Every contract's supplier."""
    with context.read() as connection:
        return {row.ref: row.supplier for row in store.contracts(connection)}


def take(context: Context, rows: list[Row], *, whole: bool) -> list[Outcome | None]:
    """Record what can be recorded; None for rows that are wrong. ``whole``: all or nothing.

    Raises:
        _Undone: ``whole``, and a row was refused; nothing is kept.
    """
    reports = [row.report for row in rows if row.report is not None]
    for attempt in (1, 2, 3):
        try:
            with context.work() as work:
                found = iter(record(work, reports, together=len(reports) > 1)) if reports else iter(())
                outcomes = [None if row.report is None else next(found) for row in rows]
                if whole and any(each is not None and each.status in {"conflict", "refused"} for each in outcomes):
                    raise _Undone(outcomes)
                return outcomes
        except exc.IntegrityError:  # another process took one of them in between: it is known now
            if attempt == 3:
                raise
    raise AssertionError


class _Undone(Exception):
    """A row of a file was refused: the transaction is rolled back."""

    def __init__(self, outcomes: list[Outcome | None]) -> None:
        self.outcomes = outcomes


def words(context: Context, errors: dict[str, list[Any]]) -> dict[str, list[str]]:
    """The messages in the reader's language."""
    found: dict[str, list[str]] = {}
    for name, messages in errors.items():
        found[name] = []
        for each in messages:
            key, parameters = message_of(each)
            found[name].append(context.language(key, **parameters))
    return found


def post_facts(context: Context) -> Answer:
    """Facts in a batch: each is recorded once for ever, and answered by itself."""
    asked = context.json()
    known = contracts_of(context)
    rows = [read(asked["source"], each, number, known, context.now) for number, each in enumerate(asked["facts"])]
    results = []
    for row, outcome in zip(rows, take(context, rows, whole=False), strict=True):
        if outcome is None:
            results.append({"id": row.id, "status": 422, "errors": words(context, row.errors)})
            continue
        result: dict[str, Any] = {"id": row.id, "status": STATUS[outcome.status]}
        if outcome.fact_id:
            result["fact_id"] = outcome.fact_id
        if outcome.reason:
            result["errors"] = {"": [context.language(outcome.reason, **outcome.parameters)]}
        results.append(result)
    return answer({"results": results})


# ---- files

COLUMNS = (
    "id",
    "kind",
    "corrects",
    "of",
    "contract",
    "crew",
    "item",
    "meter",
    "quantity",
    "unit",
    "service_at",
    "counted",
    "department",
    "order",
)


def rows_of_csv(body: bytes) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by column.

    Raises:
        Invalid: it is not UTF-8, has other columns, a quote that never ends, or too many rows.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Invalid(fields={"file": ["billing.intake.utf8"]}) from fault
    csv.field_size_limit(4_000)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        _columns(reader.fieldnames or ())
        for number, row in enumerate(reader, 1):
            if number > MOST_ROWS:
                raise Invalid(fields={"file": ["billing.intake.rows"]})
            if None in row or any(value is None for value in row.values()):
                yield {"": "billing.intake.cells"}
                continue
            yield {name: value for name, value in row.items() if value != ""}
    except csv.Error as fault:
        raise Invalid(fields={"file": ["billing.intake.csv"]}) from fault


def rows_of_xlsx(body: bytes) -> Iterator[dict[str, str]]:
    """The rows of the first sheet of a workbook; a formula is refused where it stands.

    Raises:
        Invalid: it is no workbook, unpacks to too much, or has other columns or too many rows.
    """
    _check_parts(body)
    cells = _cells(body)
    head = [str(cell.value or "").strip() for cell in next(cells, ())]
    while head and not head[-1]:
        head.pop()
    _columns(head)
    for number, row in enumerate(cells, 1):
        if number > MOST_ROWS:
            raise Invalid(fields={"file": ["billing.intake.rows"]})
        found: dict[str, str] = {}
        for name, cell in zip(head, row, strict=False):
            if cell.value is None:
                continue
            if cell.data_type == "f":
                found = {"": "billing.intake.formula"}
                break
            found[name] = _plain(cell.value)
        if found:
            yield found


def _check_parts(body: bytes) -> None:
    """Return when the parts of the workbook are few enough to be read, and nothing in them expands.

    Raises:
        Invalid: it is no archive, has too many parts, too large ones or too many elements, or one with a document type.
    """
    elements = 0

    def count(*_: object) -> None:
        nonlocal elements
        elements += 1
        if elements > MOST_ELEMENTS:
            raise Invalid(fields={"file": ["billing.intake.unpacked"]})

    def refuse(*_: object) -> None:
        raise Invalid(fields={"file": ["billing.intake.xlsx"]})

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            # No part gives more than the size that stands before it: zipfile stops there.
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(each.file_size for each in parts) > MOST_UNPACKED:
                raise Invalid(fields={"file": ["billing.intake.unpacked"]})
            for each in parts:
                parser = expat.ParserCreate()
                parser.StartDoctypeDeclHandler, parser.StartElementHandler = refuse, count
                with archive.open(each) as part, suppress(expat.ExpatError):  # a picture: openpyxl parses what it needs
                    parser.ParseFile(part)
    except Refused:
        raise
    except Exception as fault:
        raise Invalid(fields={"file": ["billing.intake.xlsx"]}) from fault


def _cells(body: bytes) -> Iterator[Any]:
    """The cells of the first sheet, row by row, one row more than may be.

    Raises:
        Invalid: they cannot be read to the end.
    """
    from openpyxl import load_workbook  # 16 MiB, read where it is first needed

    try:
        sheet = load_workbook(io.BytesIO(body), read_only=True, data_only=False).worksheets[0]
        yield from sheet.iter_rows(max_col=len(COLUMNS) + 4, max_row=MOST_ROWS + 2)
    except Exception as fault:
        raise Invalid(fields={"file": ["billing.intake.xlsx"]}) from fault


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=SITE_ZONE)).isoformat()
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value).strip()


def _columns(found: Iterable[str]) -> None:
    names = list(found)
    if len(set(names)) != len(names) or not {"id", "contract"} <= set(names) <= set(COLUMNS):
        raise Invalid(fields={"file": ["billing.intake.columns"]})


class ImportForm(Schema):
    """Whose facts the file holds."""

    source = Key(required=True, validate=validate.NoneOf(OURS, error="billing.intake.ours"))


def import_form(context: Context) -> Answer:
    """Where a file of facts is handed in."""
    return _import_page(context, {"source": "import"})


def _import_page(context: Context, typed: dict[str, Any], **shown: Any) -> Answer:
    with context.read() as connection:
        fact = tables.fact.c
        sources = list(connection.execute(select(fact.source).distinct().order_by(fact.source).limit(20)).scalars())
    return page(
        "billing/import.html",
        typed=typed,
        columns=COLUMNS,
        sources=sources,
        **{"report": None, "errors": {}, "taken": None, **shown},
    )


def import_file(context: Context) -> Answer:
    """All rows of a file are taken, or none, with a report row by row."""
    typed = {"source": str(context.posted.get("source", ""))}
    try:
        source = context.form()["source"]
        upload = context.request.files.get("file")
        body = upload.read(MOST_BYTES + 1) if upload else b""
        if not body:
            raise Invalid(fields={"file": ["field.required"]})
        if len(body) > MOST_BYTES:
            raise Invalid(fields={"file": ["billing.intake.size"]})
        known = contracts_of(context)
        raw = rows_of_xlsx(body) if body[:2] == b"PK" else rows_of_csv(body)
        rows = [
            Row(number, "", None, {"": [each[""]]}) if "" in each else read(source, each, number, known, context.now)
            for number, each in enumerate(raw, 2)
        ]
        if not rows:
            raise Invalid(fields={"file": ["billing.intake.empty"]})
    except Refused as fault:
        if fault.status in {401, 404, 413}:
            raise
        return _import_page(context, typed, errors=context.errors(fault), status=fault.status)
    wrong = [(row.number, row.id, words(context, row.errors)) for row in rows if row.report is None]
    if not wrong:
        try:
            outcomes = take(context, rows, whole=True)
        except _Undone as undone:
            wrong = [
                (row.number, row.id, {"": [context.language(each.reason, **each.parameters)]})
                for row, each in zip(rows, undone.outcomes, strict=True)
                if each is not None and each.reason
            ]
        else:
            counts = {
                name: sum(1 for each in outcomes if each and each.status == name) for name in ("recorded", "known")
            }
            return _import_page(context, typed, taken=counts)
    return _import_page(context, typed, report=wrong[:200], wrong=len(wrong), rows=len(rows), status=422)


ROUTES = (
    Route("POST", "/api/facts", "api_post_facts", post_facts, allow=REPORTS, kind="api", accepts=BatchForm, answers=BatchAnswer,
          summary="Facts in a batch, each answered by itself."),
    Route("GET", "/import", "import_form", import_form, allow=REPORTS, summary="Hand in a file of facts.", sample={}),
    Route("POST", "/import", "import_file", import_file, allow=REPORTS, accepts=ImportForm, max_body=MOST_BYTES + 100_000,
          summary="Take a file of facts, whole or not at all."),
)  # fmt: skip
