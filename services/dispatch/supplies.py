"""Parts in store: issued to orders, counted, bought. Nothing is issued that is not there, and nobody approves what they asked for."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from services.dispatch import model, store, views, work_tables
from services.dispatch.access import WORK, scoped
from services.dispatch.acts import both
from services.dispatch.costs import issued, worth
from shared.clock import to_text
from shared.errors import Absent, Conflict, Forbidden, Invalid
from shared.web.answers import Answer, answer, page
from shared.web.routes import Access, Route
from shared.web.schemas import Decimal as Number
from shared.web.schemas import Key, Schema, Text, fields, validate

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from services.dispatch.model import Order
    from shared.web.context import Context
    from shared.work import Work

S, V, B = work_tables.stock.c, work_tables.stock_move.c, work_tables.purchase.c
CENT = Decimal("0.01")
STATES = ("asked", "approved", "refused", "received")
SEE = Access.to(dispatcher="all", finance="all", supervisor="all", auditor="all", administrator="all")
EDIT = Access.to(dispatcher="all", administrator="all")
DECIDE = Access.to(finance="all", administrator="all")


class Short(Conflict):
    """There is less in store than is wanted."""

    key = "supplies.field.short"


class Decided(Conflict):
    """The purchase stands at another step."""

    key = "supplies.field.decided"


def keep(
    work: Work, *, code: str, name: str, name_en: str, unit: str, place: str, least: Decimal, price: Decimal | None
) -> str:
    """The part is known under its code; the same code again changes its names, place and limits, not how much there is."""
    values = {"name": name, "name_en": name_en or name, "unit": unit, "place": place, "least": format(least, "f"),
              "price": format(price, "f") if price is not None else ""}  # fmt: skip
    changed = work.connection.execute(update(work_tables.stock).where(S.code == code).values(**values))
    if changed.rowcount == 0:
        work.connection.execute(insert(work_tables.stock).values(code=code, quantity="0", **values))
    return code


def _locked(work: Work, code: str, field: str = "code") -> Row[Any]:
    row = work.connection.execute(select(work_tables.stock).where(S.code == code).with_for_update()).first()
    if row is None:
        raise Invalid(fields={field: ["supplies.field.part"]})
    return row


def move(work: Work, code: str, quantity: Decimal, kind: str, who: str, reference: str = "") -> str:
    """``quantity`` more of the part is there (less, where negative); the move's id.

    Raises:
        Invalid: no such part. Short: less is there.
    """
    row = _locked(work, code)
    left = Decimal(row.quantity) + quantity
    if left < 0:
        raise Short(n=format(Decimal(row.quantity), "f"), unit=row.unit)
    ident = work.new_id()
    work.connection.execute(update(work_tables.stock).where(S.code == code).values(quantity=format(left, "f")))
    work.connection.execute(insert(work_tables.stock_move).values(
        move_id=ident, code=code, quantity=format(quantity, "f"), kind=kind, reference=reference, at=work.now, who=who))  # fmt: skip
    return ident


def issue(work: Work, order: Order, code: str, quantity: Decimal, who: str) -> str:
    """The part goes into the order's work; a negative quantity comes back, at most what had gone.

    Raises:
        Invalid: nobody has the order, no such part, nothing or more than had gone out. Short: less is there.
    """
    if order.state not in model.HELD:
        raise Invalid(fields={"quantity": ["supplies.field.held"]})
    if not quantity:
        raise Invalid(fields={"quantity": ["field.range"]})
    out = sum(
        (-Decimal(row.quantity) for row in issued(work.connection, order.reference) if row.code == code), Decimal(0)
    )
    if quantity < 0 and out + quantity < 0:
        raise Invalid(fields={"quantity": ["supplies.field.back"]})
    return move(work, code, -quantity, "issued" if quantity > 0 else "returned", who, order.reference)


def ask(
    work: Work, *, code: str, quantity: Decimal, estimate: Decimal, reference: str, words: str, who: str, account: str
) -> str:
    """Somebody asks that the part be bought, for an order or for the store; the request's id.

    Raises:
        Invalid: no such part or order.
    """
    _locked(work, code)
    if reference and store.order(work.connection, reference) is None:
        raise Invalid(fields={"reference": ["dispatch.field.order"]})
    ident = work.new_id()
    work.connection.execute(insert(work_tables.purchase).values(
        purchase_id=ident, code=code, quantity=format(quantity, "f"), estimate=format(estimate, "f"), reference=reference,
        words=words, state="asked", asked_at=work.now, asked_by=who, asked_account=account, decided_by=""))  # fmt: skip
    return ident


def _purchase(work: Work, ident: str, state: str) -> Row[Any]:
    row = work.connection.execute(select(work_tables.purchase).where(B.purchase_id == ident).with_for_update()).first()
    if row is None:
        raise Absent
    if row.state != state:
        raise Decided
    return row


def decide(work: Work, ident: str, *, approve: bool, who: str, account: str) -> None:
    """The purchase may be made, or not.

    Raises:
        Absent: there is none. Decided: somebody had. Forbidden: it is one's own request.
    """
    row = _purchase(work, ident, "asked")
    if row.asked_account == account:
        raise Forbidden("supplies.field.own")
    values = {"state": "approved" if approve else "refused", "decided_at": work.now, "decided_by": who}
    work.connection.execute(update(work_tables.purchase).where(B.purchase_id == ident).values(**values))


def receive(work: Work, ident: str, paid: Decimal, who: str) -> None:
    """What was approved is in store, at what it cost in all.

    Raises:
        Absent: there is none. Decided: it was not approved, or has come already.
    """
    row = _purchase(work, ident, "approved")
    quantity = Decimal(row.quantity)
    move(work, row.code, quantity, "received", who, ident)
    each = (paid / quantity).quantize(CENT, ROUND_HALF_UP)
    work.connection.execute(update(work_tables.stock).where(S.code == row.code).values(price=format(each, "f")))
    change = update(work_tables.purchase).where(B.purchase_id == ident)
    work.connection.execute(change.values(state="received", received_at=work.now, estimate=format(paid, "f")))


# ---- routes


class Part(Schema):
    """A part that is kept in store."""

    code = Key(required=True)
    name = Text(40, required=True)
    name_en = Text(60, load_default="")
    unit = Text(10, required=True)
    place = Text(40, load_default="")
    least = Number(2, least="0", most="1000000", load_default=Decimal(0))
    price = Number(2, least="0", most="1000000", load_default=None, allow_none=True)


class Count(Schema):
    """How much more there is than was thought (negative: less)."""

    code = Key(required=True)
    quantity = Number(2, least="-1000000", most="1000000", required=True)


class Issue(Schema):
    """What goes into an order; negative comes back."""

    code = Key(required=True)
    quantity = Number(2, least="-10000", most="10000", required=True)


class Wanted(Schema):
    """What is to be bought."""

    code = Key(required=True)
    quantity = Number(2, least="0.01", most="1000000", required=True)
    estimate = Number(2, least="0", most="10000000", required=True)
    reference = Key(load_default="")
    words = Text(200, load_default="")


class Decision(Schema):
    """Whether it may be bought."""

    approve = fields.String(required=True, validate=validate.OneOf(("yes", "no")))


class Paid(Schema):
    """What it cost in all, yuan."""

    paid = Number(2, least="0", most="10000000", required=True)


class PartForm(Schema):
    """A part and how much of it there is."""

    code = fields.String()
    name = fields.String()
    name_en = fields.String()
    unit = fields.String()
    place = fields.String()
    quantity = fields.String()
    least = fields.String()
    price = fields.String()


class StockForm(Schema):
    """The store."""

    parts = fields.List(fields.Nested(PartForm))


class PurchaseForm(Schema):
    """A purchase and how it stands."""

    purchase_id = fields.String()
    code = fields.String()
    quantity = fields.String()
    estimate = fields.String()
    reference = fields.String()
    words = fields.String()
    state = fields.String()
    asked_at = fields.String()
    asked_by = fields.String()
    decided_by = fields.String()


class PurchasesForm(Schema):
    """Purchases, newest first."""

    purchases = fields.List(fields.Nested(PurchaseForm))


def _read(context: Context) -> tuple[list[Any], list[Any]]:
    with context.read() as connection:
        parts = list(connection.execute(select(work_tables.stock).order_by(S.code).limit(2000)))
        bought = list(connection.execute(
            select(work_tables.purchase).order_by(B.asked_at.desc(), B.purchase_id).limit(100)))  # fmt: skip
    return parts, bought


def stock_page(
    context: Context, *, problem: str = "", errors: dict[str, Any] | None = None, status: int = 200, **_: str
) -> Answer:
    """What is in store, what runs short, and purchases with their steps."""
    lang = context.language
    parts, bought = _read(context)
    names = {row.code: lang.named(row.name, row.name_en) for row in parts}
    rows = [
        {"code": row.code, "name": names[row.code], "place": row.place, "quantity": f"{lang.number(Decimal(row.quantity))} {row.unit}",
         "least": lang.number(Decimal(row.least)), "price": lang.number(Decimal(row.price)) if row.price else "–",
         "short": Decimal(row.quantity) < Decimal(row.least)}
        for row in parts
    ]  # fmt: skip
    purchases = [
        {"id": row.purchase_id, "name": names.get(row.code, row.code), "quantity": lang.number(Decimal(row.quantity)),
         "estimate": lang.number(Decimal(row.estimate)), "words": row.words, "state": row.state, "by": row.asked_by,
         "ref": views.short(row.reference) if row.reference else "", "href": context.url("order", ref=row.reference) if row.reference else "",
         "at": row.asked_at, "decided": row.decided_by, "own": row.asked_account == context.principal.account}
        for row in bought
    ]  # fmt: skip
    return page("dispatch/stock.html", status=status, rows=rows, purchases=purchases, problem=problem, errors=errors or {},
                given=context.posted if problem else {}, parts=[(row["code"], row["name"]) for row in rows])  # fmt: skip


def api_stock(context: Context) -> Answer:
    """The store."""
    parts, _ = _read(context)
    return answer({"parts": [{name: getattr(row, name) for name in PartForm().fields} for row in parts]})


def api_purchases(context: Context) -> Answer:
    """Purchases, newest first."""
    _, bought = _read(context)
    names = [name for name in PurchaseForm().fields if name != "asked_at"]
    return answer(
        {
            "purchases": [
                {**{name: getattr(row, name) for name in names}, "asked_at": to_text(row.asked_at)} for row in bought
            ]
        }
    )


def _keep(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        return keep(work, **given)


def _count(context: Context, given: dict[str, Any]) -> str:
    with context.work() as work:
        return move(work, given["code"], given["quantity"], "counted", context.principal.name)


def _ask(context: Context, given: dict[str, Any]) -> str:
    given["reference"] = views.full(given["reference"], context.now) if given["reference"] else ""
    with context.work() as work:
        return ask(work, **given, who=context.principal.name, account=context.principal.account)


def _decide(context: Context, given: dict[str, Any], purchase_id: str) -> None:
    with context.work() as work:
        decide(
            work,
            purchase_id,
            approve=given["approve"] == "yes",
            who=context.principal.name,
            account=context.principal.account,
        )


def _receive(context: Context, given: dict[str, Any], purchase_id: str) -> None:
    with context.work() as work:
        receive(work, purchase_id, given["paid"], context.principal.name)


def _issue(context: Context, given: dict[str, Any], ref: str) -> str:
    with context.work() as work:
        order = store.order(work.connection, views.full(ref, context.now), lock=True)
        context.check(scoped(order))
        assert order is not None
        return issue(work, order, given["code"], given["quantity"], context.principal.name)


def _back(context: Context, **_: str) -> str:
    return context.url("stock")


def _order_again(context: Context, ref: str, **more: Any) -> Answer:
    from services.dispatch.pages import order_page

    return order_page(context, ref, problem=more["problem"], status=more["status"])


def on_order(connection: Connection, order: Order, lang: Any) -> dict[str, Any]:
    """What the order's page shows of parts: those issued, their worth, and what may be issued."""
    rows = issued(connection, order.reference)
    held = order.state in model.HELD
    parts = list(connection.execute(select(work_tables.stock).order_by(S.code).limit(500))) if held else []
    return {
        "issued": [
            f"{lang.named(row.name, row.name_en)} {lang.number(-Decimal(row.quantity))} {row.unit}" for row in rows
        ],
        "worth": format(worth(rows), "f") if rows else "",
        "stock": [
            (row.code, f"{lang.named(row.name, row.name_en)} ({lang.number(Decimal(row.quantity))} {row.unit})")
            for row in parts
        ],
    }


ROUTES: tuple[Route, ...] = (
    Route("GET", "/stock", "stock", stock_page, allow=SEE, sample={}, summary="The store and purchases."),
    Route("GET", "/api/stock", "api_stock", api_stock, allow=SEE, kind="api", answers=StockForm, summary="The store."),
    Route("GET", "/api/purchases", "api_purchases", api_purchases, allow=SEE, kind="api", answers=PurchasesForm, summary="Purchases."),
    *both("/stock", "keep_part", _keep, Part, EDIT, "Keep a part in store, or change its limits.", again=stock_page, back=_back,
          said="supplies.said.kept"),
    *both("/stock/count", "count_part", _count, Count, EDIT, "Correct how much there is.", again=stock_page, back=_back,
          said="supplies.said.counted"),
    *both("/purchases", "ask_purchase", _ask, Wanted, EDIT, "Ask that something be bought.", again=stock_page, back=_back,
          said="supplies.said.asked"),
    *both("/purchases/<purchase_id>/decide", "decide_purchase", _decide, Decision, DECIDE, "Approve or refuse a purchase.",
          again=stock_page, back=_back, said="supplies.said.decided"),
    *both("/purchases/<purchase_id>/receive", "receive_purchase", _receive, Paid, EDIT, "What was bought is in store.",
          again=stock_page, back=_back, said="supplies.said.received"),
    *both("/orders/<ref>/parts", "issue_part", _issue, Issue, WORK, "A part goes into the order's work, or comes back.",
          again=_order_again, back=lambda context, ref: context.url("order", ref=ref), said="supplies.said.issued"),
)  # fmt: skip

STOCK = (
    ("led-18w", "LED灯管 18W", "LED tube 18 W", "支", "6号楼库房", 40, 10, "16.50"),
    ("filter-fc", "风机盘管滤网", "Fan coil filter", "片", "6号楼库房", 24, 8, "22.00"),
    ("valve-15", "角阀 DN15", "Angle valve DN15", "个", "6号楼库房", 6, 10, "18.00"),
    ("lock-core", "门锁芯", "Lock core", "个", "6号楼库房", 12, 4, "35.00"),
)


def demonstrate(work: Work) -> None:
    """A few parts of the demonstration's store."""
    for code, name, name_en, unit, place, quantity, least, price in STOCK:
        keep(
            work,
            code=code,
            name=name,
            name_en=name_en,
            unit=unit,
            place=place,
            least=Decimal(least),
            price=Decimal(price),
        )
        move(work, code, Decimal(quantity), "counted", "")
