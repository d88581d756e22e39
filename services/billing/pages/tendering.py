"""Tenders on pages: notices, sealed bids, the opening, marks, the award."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import store, tables, wording
from services.billing import tendering as rules
from services.billing.handlers import agreeing
from services.billing.handlers import tenders as acts
from services.billing.handlers.suppliers import LICENCES
from services.billing.pages import contracting, reading
from services.billing.pages.acting import Done, Optional, pair
from services.billing.pricing.exact import decimal
from shared.clock import SITE_ZONE, from_text, to_text
from shared.errors import Absent, Forbidden, Invalid
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route, Scoped
from shared.web.schemas import Decimal as Money
from shared.web.schemas import Key, Text, Whole, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from shared.web.context import Context

SEES = Access.to(contract_manager="all", finance="all", supervisor="all", auditor="all", supplier="supplier")
WRITES = Access.to(contract_manager="all")
BIDS = Access.to(contract_manager="all", supplier="supplier")
OPENS = Access.to(contract_manager="all", finance="all")
MARKS = Access.to(contract_manager="all", finance="all", supervisor="all")


class TenderForm(Schema):
    """A notice as it is to be published."""

    ref = Key(required=True)
    method = fields.String(required=True, validate=validate.OneOf(rules.METHODS))
    title = Text(120, required=True)
    title_en = Text(160, required=True)
    items = fields.List(Key(), required=True, validate=validate.Length(min=1, max=40))
    content = Text(4000, lines=True, required=True)
    standards = Text(2000, lines=True, required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)
    closes_at = Text(
        40, required=True, metadata={"description": "until when bids are taken, at the site: 2026-12-20T17:00"}
    )
    invited = fields.List(Key(), load_default=[], validate=validate.Length(max=40))
    capital = Optional(2, least="0", load_default=None, allow_none=True)
    licences = fields.List(fields.String(validate=validate.OneOf(LICENCES)), load_default=["business"])
    references = Whole(0, 50, load_default=0)
    most = Optional(
        2, least="0.01", load_default=None, allow_none=True, metadata={"description": "highest price, yuan a year"}
    )
    quality = Whole(0, 100, load_default=40)
    experience = Whole(0, 100, load_default=30)
    price = Whole(0, 100, load_default=30)


class BidForm(Schema):
    """A bid."""

    supplier = Key(load_default="", metadata={"description": "only where the office enters a bid that came on paper"})
    amount = Money(2, least="0.01", required=True)
    references = Whole(0, 999, load_default=0)
    words = Text(2000, lines=True, required=True)


class MarkForm(Schema):
    """One person's marks of a bid."""

    supplier = Key(required=True)
    quality = Money(1, least="0", most="100", required=True)
    experience = Money(1, least="0", most="100", required=True)
    words = Text(400, required=True)


class AwardForm(Schema):
    """To whom it is awarded, and why."""

    supplier = Key(required=True)
    words = Text(400, required=True)


class FailForm(Schema):
    """Why it ends without an award."""

    words = Text(400, required=True)


class Bare(Schema):
    """A form of one button."""


class From(Schema):
    """Whose contract the notice is made from."""

    contract = Key(load_default="")


def _own(context: Context) -> str:
    return "" if "all" in context.scopes else context.principal.supplier or "-"


def _visible(context: Context, row: Row[Any]) -> bool:
    supplier = _own(context)
    return not supplier or acts.may_bid(row, supplier)


def overview(context: Context) -> Answer:
    """Tenders that this reader may see, and notices that wait for a second person."""
    language = context.language
    with context.read() as connection:
        rows = [row for row in acts.tenders(connection) if _visible(context, row)]
        waiting = agreeing.waiting(connection, None, "tender") if not _own(context) else []
    return page(
        "billing/tenders.html", may_write=context.may("tender_new"),
        rows=[_row(context, row) for row in rows],
        waiting=[{"href": context.url("proposal", proposal_id=each.proposal_id), "name": each.proposed_name, "at": each.proposed_at,
                  "what": f"{language('contracting.what.tender')} {each.about}"} for each in waiting] if context.may("proposal") else [],
    )  # fmt: skip


def _row(context: Context, row: Row[Any]) -> dict[str, Any]:
    body, language = json.loads(row.body), context.language
    return {
        "href": context.url("tender", ref=row.ref), "ref": row.ref, "title": language.named(body["title"], body["title_en"]), "state": row.state,
        "method": language(f"tendering.method.{row.method}"), "closes_at": row.closes_at,
        "items": language.listed([wording.item_name(language, item) for item in body["items"]]),
    }  # fmt: skip


def new(context: Context) -> Answer:
    """The form of a notice; made from the parts of a contract where one is named."""
    ref = context.query()["contract"]
    filled: dict[str, Any] = {}
    if ref:
        with context.read() as connection:
            row = reading.wanted(context, connection, ref)
        parts = json.loads(row.parts)
        filled = {"title": row.title, "title_en": row.title_en, "items": json.loads(row.items), "content": parts.get("content", ""),
                  "standards": parts.get("standards", ""), "starts_on": row.ends_on.isoformat()}  # fmt: skip
    return _new(context, filled=filled)


def _new(
    context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None, filled: dict[str, Any] | None = None
) -> Answer:  # fmt: skip
    language = context.language
    blank: dict[str, Any] = dict.fromkeys(TenderForm().fields, "") | {
        "method": "open", "licences": ["business"], "quality": "40", "experience": "30", "price": "30", "references": "0", "items": [], "invited": [],
    }  # fmt: skip
    typed = blank | (filled or {}) | (context.posted if errors or problem else {})
    with context.read() as connection:
        suppliers = connection.execute(select(tables.supplier).order_by(tables.supplier.c.code)).all()
        contracts = store.contracts(connection)
    return page(
        "billing/tender_new.html", typed=typed, problem=problem, errors=errors or {}, status=422 if problem or errors else 200,
        chosen={name: _many(typed[name]) for name in ("items", "invited", "licences")},
        items=[{"value": code, "words": wording.item_name(language, code)} for code in wording.items(language)],
        suppliers=[{"value": row.code, "words": language.named(row.name, row.name_en)} for row in suppliers],
        papers=[{"value": kind, "words": language(f"supplying.paper.{kind}")} for kind in LICENCES],
        contracts=[(row.ref, f"{row.ref} {reading.title_of(context, row)}") for row in contracts],
        methods=[(each, language(f"tendering.method.{each}")) for each in rules.METHODS],
    )  # fmt: skip


def _many(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if value else []


def write(context: Context, asked: dict[str, Any]) -> Done:
    """A notice is written down; another person publishes it.

    Raises:
        Invalid: weights that are not 100, days that are backwards, nobody invited, or a reference that is taken.
    """
    closes_at = acts.closes(asked["closes_at"])
    errors: dict[str, list[Any]] = {}
    if closes_at <= context.now:
        errors["closes_at"] = ["tendering.closes_past"]
    if asked["starts_on"] >= asked["ends_on"]:
        errors["ends_on"] = ["contracting.terms.backwards"]
    if sum(asked[name] for name in rules.WEIGHTS) != 100:
        errors["price"] = ["tendering.weights"]
    if asked["method"] == "invited" and len(set(asked["invited"])) < rules.LEAST_BIDS:
        errors["invited"] = ["tendering.invite_more"]
    body: dict[str, Any] = {name: asked[name] for name in ("method", "title", "title_en", "content", "standards")}
    body |= {
        "items": sorted(set(asked["items"])), "starts_on": asked["starts_on"].isoformat(), "ends_on": asked["ends_on"].isoformat(),
        "closes_at": to_text(closes_at), "invited": sorted(set(asked["invited"])) if asked["method"] == "invited" else [],
        "weights": {name: asked[name] for name in rules.WEIGHTS},
        "criteria": {"licences": sorted(set(asked["licences"])), "references": asked["references"],
                     **{name: format(asked[name], "f") for name in ("capital", "most") if asked[name] is not None}},
    }  # fmt: skip
    with context.work() as work:
        if any(row.ref == asked["ref"] for row in acts.tenders(work.connection)):
            errors["ref"] = ["tendering.taken"]
        if errors:
            raise Invalid(fields=errors)
        made = agreeing.propose(work, "tender", asked["ref"], body, context.principal.name)
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


def _wanted(context: Context, connection: Connection, ref: str) -> Row[Any]:
    row = acts.tender(connection, ref)
    if not _visible(context, row):
        raise Absent
    context.check(Scoped(supplier=_own(context)))
    return row


def one(context: Context, ref: str) -> Answer:
    """One tender: the notice; one's own bid; after the opening all bids and how they compare."""
    return _one(context, ref)


def _one(context: Context, ref: str, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language, mine = context.language, _own(context)
    with context.read() as connection:
        row = _wanted(context, connection, ref)
        found = acts.standing(connection, row)
        names = {
            each.code: language.named(each.name, each.name_en) for each in connection.execute(select(tables.supplier))
        }
        waiting = agreeing.waiting(connection, ref, "award") if not mine else []
    body = json.loads(row.body)
    opened = row.state != "published" and row.opened_at is not None
    bids = [each for each in found.bids if not mine or each.supplier == mine]
    shows = (opened and not mine) or (mine and row.state == "awarded")
    places = [each for each in found.places if not mine or each.supplier in {mine, row.awarded_to}] if shows else []
    closed = context.now >= row.closes_at
    return page(
        "billing/tender.html", row=row, body=body, title=language.named(body["title"], body["title_en"]), problem=problem, errors=errors or {},
        posted=context.posted if errors or problem else {}, mine=mine, opened=opened, closed=closed, count=len(found.bids),
        items=[wording.item_name(language, item) for item in body["items"]], term=(date.fromisoformat(body["starts_on"]), date.fromisoformat(body["ends_on"])),
        criteria=_criteria(context, body), weights=[(language(f"tendering.weight.{name}"), f"{body['weights'][name]}%") for name in rules.WEIGHTS],
        bids=[{"supplier": names.get(each.supplier, each.supplier), "number": each.number, "at": each.at, "by": each.name,
               "amount": each.amount if opened or mine else None, "references": each.references if opened or mine else None, "words": each.words if opened or mine else "",
               "faults": [_fault(context, fault) for fault in json.loads(each.faults)]} for each in bids],
        standings=[{"code": each.supplier, "supplier": names.get(each.supplier, each.supplier), "won": each.supplier == row.awarded_to, "marks": found.marks.get(each.supplier, 0),
                 **{name: None if getattr(each, name) is None else decimal(getattr(each, name), 2) for name in ("quality", "experience", "price", "total")}} for each in places],
        awarded_to=names.get(row.awarded_to, row.awarded_to), complete=found.complete, least=rules.LEAST_MARKS,
        suppliers=[(code, name) for code, name in names.items() if acts.may_bid(row, code)],
        admitted=[(each.supplier, names.get(each.supplier, each.supplier)) for each in found.places],
        waiting=[{"href": context.url("proposal", proposal_id=each.proposal_id), "name": each.proposed_name, "at": each.proposed_at} for each in waiting],
        may={name: context.may(name) for name in ("tender_bid", "tender_open", "tender_mark", "tender_award", "tender_fail", "contract_new")},
    )  # fmt: skip


def _criteria(context: Context, body: dict[str, Any]) -> list[tuple[str, str]]:
    language, criteria = context.language, body["criteria"]
    found = []
    if criteria.get("capital"):
        found.append((language("tendering.capital"), language.money(Decimal(criteria["capital"]))))
    found.append(
        (
            language("tendering.licences"),
            language.listed([language(f"supplying.paper.{kind}") for kind in criteria["licences"]]) or "–",
        )
    )
    found.append((language("tendering.references"), str(criteria["references"])))
    if criteria.get("most"):
        found.append((language("tendering.most"), language.money(Decimal(criteria["most"]))))
    return found


def _fault(context: Context, fault: str) -> str:
    kind, _, paper = fault.partition("_")
    return context.language(
        f"tendering.fault.{kind}", paper=context.language(f"supplying.paper.{paper}") if paper else ""
    )


def bid(context: Context, asked: dict[str, Any], ref: str) -> Done:
    """A bid is handed in, by the supplier or, for one that came on paper, by the office."""
    mine = _own(context)
    supplier = mine or asked["supplier"]
    if mine and asked["supplier"] not in {"", mine}:
        raise Forbidden
    if not supplier:
        raise Invalid(fields={"supplier": ["field.required"]})
    with context.work() as work:
        _wanted(context, work.connection, ref)
        number = acts.receive(
            work, ref, supplier, asked["amount"], asked["references"], asked["words"], context.principal.name
        )
    return Done(context.url("tender", ref=ref), "tendering.bid_taken", f"{supplier}-{number}", "received")


def open_bids(context: Context, _asked: dict[str, Any], ref: str) -> Done:
    """The bids are opened."""
    with context.work() as work:
        acts.open_bids(work, ref)
    return Done(context.url("tender", ref=ref), "tendering.opened_done", ref, "opened")


def mark(context: Context, asked: dict[str, Any], ref: str) -> Done:
    """One person's marks of a bid."""
    with context.work() as work:
        acts.give_marks(
            work, ref, asked["supplier"], asked["quality"], asked["experience"], asked["words"], account=context.principal.account, name=context.principal.name
        )  # fmt: skip
    return Done(context.url("tender", ref=ref), "tendering.marked", asked["supplier"], "marked")


def award(context: Context, asked: dict[str, Any], ref: str) -> Done:
    """The award is written down; another person puts it in force."""
    with context.work() as work:
        row = acts.locked(work, ref)
        acts.check_award(work.connection, ref, asked["supplier"])
        made = agreeing.propose(
            work,
            "award",
            ref,
            {"supplier": asked["supplier"], "words": asked["words"]},
            context.principal.name,
            base=row.version,
        )
    return Done(context.url("proposal", proposal_id=made), "contracting.agree.proposed", made, "proposed")


def fail(context: Context, asked: dict[str, Any], ref: str) -> Done:
    """The tender ends without an award."""
    with context.work() as work:
        acts.fail(work, ref, asked["words"])
    return Done(context.url("tender", ref=ref), "tendering.failed_done", ref, "failed")


def _shown(_connection: Connection, row: Row[Any]) -> Sequence[tuple[str, Any, Any]]:
    body = json.loads(row.body)
    flat = {name: value for name, value in body.items() if not isinstance(value, dict)}
    for inner in ("criteria", "weights"):
        flat |= body.get(inner, {})
    if "closes_at" in flat:
        flat["closes_at"] = f"{from_text(flat['closes_at']).astimezone(SITE_ZONE):%Y-%m-%d %H:%M}"
    return [(name, None, value) for name, value in flat.items() if value not in ("", [], None)]


contracting.APPLIES["tender"] = acts.publish
contracting.APPLIES["award"] = acts.award
contracting.SHOWS["tender"] = contracting.SHOWS["award"] = lambda connection, row: list(_shown(connection, row))


class TendersForm(Schema):
    """Tenders, the newest first."""

    tenders = fields.List(fields.Dict())


def api_tenders(context: Context) -> Answer:
    """Tenders that this reader may see; bids of others only after the opening, and only for the office."""
    mine = _own(context)
    found = []
    with context.read() as connection:
        for row in acts.tenders(connection):
            if not _visible(context, row):
                continue
            standing = acts.standing(connection, row)
            opened = row.opened_at is not None
            found.append({
                "ref": row.ref, "state": row.state, "notice": json.loads(row.body), "closes_at": to_text(row.closes_at), "bids": len(standing.bids),
                "awarded_to": row.awarded_to,
                "places": [{"supplier": each.supplier, "price": format(decimal(each.price, 2), "f"), "total": None if each.total is None else format(decimal(each.total, 2), "f")}
                           for each in standing.places] if opened and not mine else [],
            })  # fmt: skip
    return answer({"tenders": found})


ROUTES = (
    Route("GET", "/tenders", "tenders", overview, allow=SEES, summary="Tenders.", sample={}),
    Route("GET", "/api/tenders", "api_tenders", api_tenders, allow=SEES, kind="api", answers=TendersForm, summary="Tenders."),
    Route("GET", "/tenders/new", "tender_new", new, allow=WRITES, accepts=From, summary="The form of a notice.", sample={}),
    *pair("/tenders/new", "tender_write", TenderForm, write, _new, allow=WRITES, creates=True, summary="Propose a notice."),
    Route("GET", "/tenders/<ref>", "tender", one, allow=SEES, summary="One tender."),
    *pair("/tenders/<ref>/bids", "tender_bid", BidForm, bid, _one, allow=BIDS, creates=True, summary="Hand in a bid."),
    *pair("/tenders/<ref>/open", "tender_open", Bare, open_bids, _one, allow=OPENS, fresh=True, summary="Open the bids."),
    *pair("/tenders/<ref>/marks", "tender_mark", MarkForm, mark, _one, allow=MARKS, creates=True, summary="Mark a bid."),
    *pair("/tenders/<ref>/award", "tender_award", AwardForm, award, _one, allow=WRITES, creates=True, fresh=True, summary="Propose an award."),
    *pair("/tenders/<ref>/fail", "tender_fail", FailForm, fail, _one, allow=WRITES, fresh=True, summary="End a tender without an award."),
)  # fmt: skip
