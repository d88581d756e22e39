"""Suppliers' files, joint reviews, bonds, risks, and whether to renew."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, fields
from sqlalchemy import select

from services.billing import office_tables, store, tables, wording
from services.billing.handlers import outlook
from services.billing.handlers import suppliers as acts
from services.billing.handlers.terms import bond_balance
from services.billing.model import service_day
from services.billing.pages import reading
from services.billing.pages.acting import Bare, Done, Optional, OptionalDate, pair
from shared.errors import Forbidden, Invalid
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Money
from shared.web.schemas import Key, Text, validate

if TYPE_CHECKING:
    from shared.language import Language
    from shared.web.context import Context
    from shared.web.principal import Principal

SEES = Access.to(contract_manager="all", finance="all", supervisor="all", auditor="all")
WRITES = Access.to(contract_manager="all")
NOTES = Access.to(contract_manager="all", supervisor="all")
SITS = Access.to(contract_manager="all", finance="all", supervisor="all")
FINANCE = Access.to(finance="all")
# Who may give which seat's verdict. The legal seat is held by the office's own supervision, or by its legal department.
SEAT_ROLES = {"logistics": "contract_manager", "legal": "supervisor", "finance": "finance"}
LEGAL_DEPARTMENT = "legal"


class SupplierForm(Schema):
    """A supplier as it is registered."""

    name = Text(120, required=True)
    name_en = Text(160, required=True)
    short = Text(20, required=True)
    credit_code = Text(18, load_default="", metadata={"description": "uniform social credit code, 18 characters"})
    capital = Optional(2, least="0", load_default=None, allow_none=True)
    capability = Text(2000, lines=True, load_default="")


class NewSupplierForm(SupplierForm):
    """A supplier that is not there yet."""

    code = Key(required=True)


class LicenceForm(Schema):
    """A paper for the file."""

    kind = fields.String(required=True, validate=validate.OneOf(acts.LICENCES))
    number = Text(60, required=True)
    issuer = Text(120, required=True)
    issued_on = fields.Date(required=True)
    expires_on = fields.Date(required=True, metadata={"description": "the first day on which it is no longer good"})


class RecordForm(Schema):
    """A bad record."""

    grave = fields.Boolean(load_default=False)
    happened_on = fields.Date(required=True)
    counts_until = fields.Date(required=True)
    words = Text(400, required=True)
    source = Text(200, required=True)


class WordsForm(Schema):
    """Why."""

    words = Text(400, required=True)


class BarForm(Schema):
    """Why nothing more is agreed with it; empty lifts that."""

    words = Text(400, load_default="")


class ReviewForm(Schema):
    """The marks with which a review begins, 0 to 100 each."""

    papers = Money(1, least="0", most="100", required=True)
    credit = Money(1, least="0", most="100", required=True)
    capability = Money(1, least="0", most="100", required=True)
    experience = Money(1, least="0", most="100", required=True)
    words = Text(1000, lines=True, required=True)


class SeatForm(Schema):
    """One seat's verdict."""

    seat = fields.String(required=True, validate=validate.OneOf(acts.SEATS))
    verdict = fields.String(required=True, validate=validate.OneOf(["agreed", "rejected"]))
    words = Text(400, required=True)


class BondForm(Schema):
    """Money of a bond."""

    move = fields.String(required=True, validate=validate.OneOf(["received", "returned", "claimed"]))
    amount = Money(2, least="0.01", required=True)
    on_day = fields.Date(required=True)
    reference = Text(60, required=True)
    words = Text(400, load_default="")


class RiskForm(Schema):
    """A risk, or what is done about one that the figures show (its key)."""

    key = Text(200, load_default="")
    about = Text(64, load_default="")
    words = Text(400, load_default="")
    level = fields.String(load_default="middle", validate=validate.OneOf(outlook.LEVELS))
    measure = Text(400, required=True)
    owner = Text(60, required=True)
    review_on = OptionalDate(load_default=None, allow_none=True)
    state = fields.String(load_default="open", validate=validate.OneOf(["open", "closed"]))


# ---- suppliers


def suppliers(context: Context) -> Answer:
    """All suppliers: whether something may be agreed with each."""
    return _suppliers(context)


def _suppliers(context: Context, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language, today = context.language, service_day(context.now)
    with context.read() as connection:
        rows = connection.execute(select(tables.supplier).order_by(tables.supplier.c.code)).all()
        stand = acts.hindrances_of(connection, [row.code for row in rows], today)
        contracts: dict[str, list[str]] = {}
        for each in store.contracts(connection):
            if each.ends_on > today:
                contracts.setdefault(each.supplier, []).append(each.ref)
    return page(
        "billing/suppliers.html", problem=problem, errors=errors or {}, status=422 if problem or errors else 200,
        typed=context.posted if errors else {}, may_write=context.may("supplier_new"),
        rows=[
            {"href": context.url("supplier", code=row.code), "name": language.named(row.name, row.name_en), "code": row.code,
             "contracts": ", ".join(contracts.get(row.code, [])), "eligible": not stand[row.code],
             "why": [_why(language, each) for each in stand[row.code]]}
            for row in rows
        ],
    )  # fmt: skip


def _why(language: Language, each: acts.Hindrance) -> str:
    return language(each.key, **each.parameters)


def one(context: Context, code: str) -> Answer:
    """A supplier's file."""
    return _one(context, code)


def _one(
    context: Context, code: str, *, problem: str = "", errors: dict[str, list[str]] | None = None, **_: str
) -> Answer:
    language, today = context.language, service_day(context.now)
    with context.read() as connection:
        found = acts.the_file(connection, code)
        stand = acts.hindrances(connection, code, today)
        contracts = store.contracts(connection, code)
    row = found.row
    return page(
        "billing/supplier.html", row=row, name=language.named(row.name, row.name_en), problem=problem, errors=errors or {},
        posted=context.posted if errors else {}, why=[_why(language, each) for each in stand], today=today,
        contracts=[{"href": context.url("contract", ref=each.ref), "words": f"{each.ref} {reading.title_of(context, each)}"} for each in contracts],
        licences=[
            {"id": each.licence_id, "kind": language(f"supplying.paper.{each.kind}"), "number": each.number, "issuer": each.issuer,
             "issued_on": each.issued_on, "expires_on": each.expires_on, "ended": each.ended_at is not None,
             "state": "ended" if each.ended_at else ("expired" if each.expires_on <= today else ("soon" if each.expires_on <= today + timedelta(days=outlook.PAPER_DAYS) else "good"))}
            for each in found.licences
        ],
        records=[{"id": each.record_id, "row": each, "counts": each.lifted_at is None and each.counts_until > today, "own": each.by == context.principal.actor} for each in found.records],
        reviews=[_review(context, each, found.seats.get(each.qualification_id, [])) for each in found.reviews],
        papers=[(kind, language(f"supplying.paper.{kind}")) for kind in acts.LICENCES],
        criteria=[(name, language(f"supplying.criterion.{name}"), weight) for name, weight in acts.CRITERIA.items()],
        may={name: context.may(name) for name in ("supplier_change", "licence_add", "record_note", "record_lift", "review_open", "seat_take", "supplier_bar")},
    )  # fmt: skip


def _review(context: Context, row: Any, taken: list[Any]) -> dict[str, Any]:
    language = context.language
    by_seat = {each.seat: each for each in taken}
    mine = any(each.account == context.principal.account for each in taken)
    free = (
        [seat for seat in seats_of(context.principal) if seat not in by_seat]
        if row.state == "open" and not mine
        else []
    )
    return {
        "id": row.qualification_id, "row": row, "score": wording.plain(row.score),
        "marks": [(language(f"supplying.criterion.{name}"), mark) for name, mark in json.loads(row.marks).items()],
        "seats": [(language(f"supplying.seat.{seat}"), by_seat.get(seat)) for seat in acts.SEATS],
        "free": [(seat, language(f"supplying.seat.{seat}")) for seat in free],
    }  # fmt: skip


def seats_of(person: Principal) -> list[str]:
    """The seats that this person may hold in a review."""
    held = [seat for seat in acts.SEATS if SEAT_ROLES[seat] in person.roles]
    if person.department == LEGAL_DEPARTMENT and "legal" not in held:
        held.append("legal")
    return held


def register(context: Context, asked: dict[str, Any], code: str = "") -> Done:
    """A supplier is registered, or what is kept of it changed."""
    given = {name: value for name, value in asked.items() if name != "code"}
    given["credit_code"] = given["credit_code"].upper()
    about = code or asked["code"]
    with context.work() as work:
        if code:
            acts.supplier(work.connection, code)
        elif work.connection.execute(select(tables.supplier.c.code).where(tables.supplier.c.code == about)).first():
            raise Invalid(fields={"code": ["supplying.taken"]})
        acts.register(work, about, given)
    return Done(context.url("supplier", code=about), "supplying.registered", about)


def add_licence(context: Context, asked: dict[str, Any], code: str) -> Done:
    """A paper is put into the file."""
    with context.work() as work:
        acts.add_licence(work, code, asked)
    return Done(context.url("supplier", code=code), "supplying.licence_added")


def end_licence(context: Context, _asked: dict[str, Any], code: str, licence_id: str) -> Done:
    """A paper no longer counts."""
    with context.work() as work:
        acts.end_licence(work, code, licence_id)
    return Done(context.url("supplier", code=code), "supplying.licence_ended")


def note_record(context: Context, asked: dict[str, Any], code: str) -> Done:
    """A bad record is entered."""
    with context.work() as work:
        acts.note_record(work, code, asked, context.principal.name)
    return Done(context.url("supplier", code=code), "supplying.record_noted")


def lift_record(context: Context, asked: dict[str, Any], code: str, record_id: str) -> Done:
    """A bad record no longer counts."""
    with context.work() as work:
        acts.lift_record(work, code, record_id, asked["words"])
    return Done(context.url("supplier", code=code), "supplying.record_lifted")


def bar(context: Context, asked: dict[str, Any], code: str) -> Done:
    """Nothing more is agreed with a supplier, or it may be again."""
    with context.work() as work:
        acts.bar(work, code, asked["words"])
    return Done(context.url("supplier", code=code), "supplying.barred" if asked["words"] else "supplying.unbarred")


def open_review(context: Context, asked: dict[str, Any], code: str) -> Done:
    """A joint review is begun."""
    marks = {name: asked[name] for name in acts.CRITERIA}
    with context.work() as work:
        made = acts.open_review(work, code, marks, asked["words"], context.principal.name)
    return Done(context.url("supplier", code=code), "supplying.review_opened", made, "open")


def take_seat(context: Context, asked: dict[str, Any], code: str, review_id: str) -> Done:
    """One seat gives its verdict."""
    person = context.principal
    if asked["seat"] not in seats_of(person):
        raise Forbidden("supplying.not_your_seat")
    with context.work() as work:
        acts.supplier(work.connection, code)
        state = acts.take_seat(
            work, review_id, asked["seat"], asked["verdict"], asked["words"], account=person.account, name=person.name
        )
    return Done(context.url("supplier", code=code), "supplying.seat_taken_done", review_id, state)


class FilesForm(Schema):
    """Suppliers with what stands against each."""

    suppliers = fields.List(fields.Dict())


def api_suppliers(context: Context) -> Answer:
    """Every supplier with its papers, records and reviews, and whether something may be agreed with it today."""
    today = service_day(context.now)
    with context.read() as connection:
        rows = connection.execute(select(tables.supplier).order_by(tables.supplier.c.code)).all()
        stand = acts.hindrances_of(connection, [row.code for row in rows], today)
        papers = _by_supplier(connection, office_tables.licence)
        records = _by_supplier(connection, office_tables.bad_record)
        reviews = _by_supplier(connection, office_tables.qualification)
    found = [
        {
            "code": row.code, "name": row.name, "name_en": row.name_en, "credit_code": row.credit_code,
            "capital": None if row.capital is None else format(row.capital, "f"), "capability": row.capability,
            "barred": row.barred, "eligible": not stand[row.code], "hindrances": [each.key.rpartition(".")[2] for each in stand[row.code]],
            "licences": [{"id": p.licence_id, "kind": p.kind, "number": p.number, "issuer": p.issuer, "issued_on": p.issued_on.isoformat(),
                          "expires_on": p.expires_on.isoformat(), "ended": p.ended_at is not None} for p in papers.get(row.code, [])],
            "records": [{"id": r.record_id, "grave": bool(r.grave), "happened_on": r.happened_on.isoformat(), "counts_until": r.counts_until.isoformat(),
                         "words": r.words, "lifted": r.lifted_at is not None} for r in records.get(row.code, [])],
            "reviews": [{"id": q.qualification_id, "state": q.state, "score": format(q.score, "f"),
                         "good_until": q.good_until and q.good_until.isoformat()} for q in reviews.get(row.code, [])],
        }
        for row in rows
    ]  # fmt: skip
    return answer({"suppliers": found})


def _by_supplier(connection: Any, table: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for row in connection.execute(select(table)):
        found.setdefault(row.supplier, []).append(row)
    return found


# ---- bonds, renewal


def standing(context: Context, ref: str) -> Answer:
    """How a contract stands: bond, scores of its months, whether to renew it."""
    return _standing(context, ref)


def _standing(context: Context, ref: str, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language = context.language
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        moves = outlook.bond_moves(connection, ref)
        advice = outlook.renewal(connection, ref)
        score = tables.score.c
        scores = connection.execute(
            select(tables.score).where(score.scored == ref).order_by(score.period.desc()).limit(outlook.MONTHS)
        ).all()
    held = json.loads(row.terms)
    return page(
        "billing/standing.html", contract=row, title=reading.title_of(context, row), problem=problem, errors=errors or {}, posted=context.posted if errors else {},
        bond=Decimal(str(held.get("bond") or 0)), bond_until=held.get("bond_until", ""), balance=bond_balance(moves), moves=moves,
        advice=language(f"supplying.renewal.{advice.advice}"), tone={"renew": "", "too_early": ""}.get(advice.advice, "soon"),
        reasons=[_reason(language, key, parameters) for key, parameters in advice.reasons],
        scores=[{"month": reading.month_name(language, each.period), "score": wording.plain(each.score), "consequence": language(f"billing.consequence.{each.consequence}"), "by": each.by} for each in scores],
        figure=_figure(language, list(scores)[::-1]), may_move=context.may("bond_move"), today=service_day(context.now),
    )  # fmt: skip


def _figure(language: Language, rows: list[Any]) -> Any:
    from shared.web.chart import Series, lines

    if len(rows) < 2:
        return None
    title = language("supplying.standing.chart", score=language.number(wording.plain(rows[-1].score)), before=language.number(wording.plain(rows[0].score)))  # fmt: skip
    return lines(title, [each.period for each in rows], [Series(language("billing.score.score"), [float(each.score) for each in rows])],
                 head=language("billing.period"), source=language("supplying.standing.source"))  # fmt: skip


def _reason(language: Language, key: str, parameters: dict[str, Any]) -> str:
    shown = dict(parameters)
    for name in ("amount",):
        if name in shown:
            shown[name] = language.money(shown[name])
    if "period" in shown:
        shown["period"] = reading.month_name(language, shown["period"])
    if "day" in shown:
        shown["day"] = language.date(shown["day"])
    if "item" in shown:
        shown["item"] = wording.item_name(language, shown["item"])
    if "paper" in shown:
        shown["paper"] = language(f"supplying.paper.{shown['paper']}")
    return language(key, **shown)


def move_bond(context: Context, asked: dict[str, Any], ref: str) -> Done:
    """Money of a bond comes in, goes back or is claimed."""
    with context.work() as work:
        made = outlook.move_bond(work, ref, asked, context.principal.name)
    return Done(context.url("standing", ref=ref), "supplying.bond.moved", made)


class StandingForm(Schema):
    """How a contract stands."""

    contract = fields.String()
    advice = fields.String(metadata={"description": "renew, with_conditions, not_again, too_early"})
    months = fields.Integer()
    mean = fields.String(allow_none=True)
    lowest = fields.String(allow_none=True)
    trend = fields.String(allow_none=True)
    bond = fields.String()
    bond_held = fields.String()


def api_standing(context: Context, ref: str) -> Answer:
    """Whether to renew a contract, and its bond."""
    with context.read() as connection:
        row = reading.wanted(context, connection, ref)
        advice = outlook.renewal(connection, ref)
        balance = bond_balance(outlook.bond_moves(connection, ref))

    def text(value: Decimal | None) -> str | None:
        return None if value is None else format(value, "f")

    return answer(
        {"contract": ref, "advice": advice.advice, "months": advice.months, "mean": text(advice.mean), "lowest": text(advice.lowest),
         "trend": text(advice.trend), "bond": str(json.loads(row.terms).get("bond") or "0"), "bond_held": format(balance, "f")}
    )  # fmt: skip


# ---- risks


def risks(context: Context) -> Answer:
    """The register of risks."""
    return _risks(context)


def _risks(context: Context, *, problem: str = "", errors: dict[str, list[str]] | None = None) -> Answer:
    language, today = context.language, service_day(context.now)
    with context.read() as connection:
        found = outlook.risks(connection, today)
    return page(
        "billing/risks.html", problem=problem, errors=errors or {}, posted=context.posted if errors else {}, may_write=context.may("risk_write"),
        levels=[(each, language(f"supplying.level.{each}")) for each in outlook.LEVELS], today=today,
        rows=[
            {"key": each.key, "words": _reason(language, each.kind, each.parameters) if each.kind else each.words, "level": each.level,
             "level_words": language(f"supplying.level.{each.level}"), "about": each.about, "treated": each.treated, "own": not each.kind,
             "overdue": bool(each.treated and each.treated.review_on and each.treated.review_on < today)}
            for each in found
        ],
    )  # fmt: skip


def write_risk(context: Context, asked: dict[str, Any]) -> Done:
    """A risk is written down, or what is done about one."""
    if not asked["key"] and not asked["words"]:
        raise Invalid(fields={"words": ["field.required"]})
    key = asked.pop("key")
    with context.work() as work:
        made = outlook.write_risk(work, key, asked)
    return Done(context.url("risks"), "supplying.risk.written", made)


class RisksForm(Schema):
    """Open risks."""

    risks = fields.List(fields.Dict())


def api_risks(context: Context) -> Answer:
    """Open risks, the gravest first."""
    with context.read() as connection:
        found = outlook.risks(connection, service_day(context.now))
    return answer(
        {
            "risks": [
                {"key": each.key, "what": each.kind.rpartition(".")[2] or "noted", "level": each.level, "about": each.about,
                 "words": _reason(context.language, each.kind, each.parameters) if each.kind else each.words,
                 "measure": each.treated.measure if each.treated else "", "owner": each.treated.owner if each.treated else ""}
                for each in found
            ]
        }
    )  # fmt: skip


ONE = {"code": "HY"}
REF = {"ref": "HY-2026-01"}
ROUTES = (
    Route("GET", "/suppliers", "suppliers", suppliers, allow=SEES, summary="Suppliers and whether each is eligible.", sample={}),
    Route("GET", "/api/suppliers", "api_suppliers", api_suppliers, allow=SEES, kind="api", answers=FilesForm, summary="Suppliers' files."),
    *pair("/suppliers", "supplier_new", NewSupplierForm, register, _suppliers, allow=WRITES, creates=True, summary="Register a supplier."),
    Route("GET", "/suppliers/<code>", "supplier", one, allow=SEES, summary="A supplier's file.", sample=ONE),
    *pair("/suppliers/<code>", "supplier_change", SupplierForm, register, _one, allow=WRITES, summary="Change what is kept of a supplier."),
    *pair("/suppliers/<code>/licences", "licence_add", LicenceForm, add_licence, _one, allow=WRITES, creates=True, summary="Put a paper into a file."),
    *pair("/suppliers/<code>/licences/<licence_id>/end", "licence_end", Bare, end_licence, _one, allow=WRITES, summary="A paper no longer counts."),
    *pair("/suppliers/<code>/records", "record_note", RecordForm, note_record, _one, allow=NOTES, creates=True, summary="Enter a bad record."),
    *pair("/suppliers/<code>/records/<record_id>/lift", "record_lift", WordsForm, lift_record, _one, allow=NOTES, summary="Lift a bad record."),
    *pair("/suppliers/<code>/bar", "supplier_bar", BarForm, bar, _one, allow=WRITES, summary="Bar a supplier, or lift that."),
    *pair("/suppliers/<code>/reviews", "review_open", ReviewForm, open_review, _one, allow=WRITES, creates=True, summary="Begin a joint review."),
    *pair("/suppliers/<code>/reviews/<review_id>/seat", "seat_take", SeatForm, take_seat, _one, allow=SITS, fresh=True,
          summary="Give a seat's verdict in a review."),
    Route("GET", "/contracts/<ref>/standing", "standing", standing, allow=SEES, summary="Bond, scores and renewal of a contract.", sample=REF),
    Route("GET", "/api/contracts/<ref>/standing", "api_standing", api_standing, allow=SEES, kind="api", answers=StandingForm,
          summary="Bond, scores and renewal of a contract.", sample=REF),
    *pair("/contracts/<ref>/bond", "bond_move", BondForm, move_bond, _standing, allow=FINANCE, creates=True, fresh=True, summary="Move money of a bond."),
    Route("GET", "/risks", "risks", risks, allow=SEES, summary="The register of risks.", sample={}),
    Route("GET", "/api/risks", "api_risks", api_risks, allow=SEES, kind="api", answers=RisksForm, summary="Open risks."),
    *pair("/risks", "risk_write", RiskForm, write_risk, _risks, allow=NOTES, creates=True, summary="Write down a risk, or what is done about one."),
)  # fmt: skip
