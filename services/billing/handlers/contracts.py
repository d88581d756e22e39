"""Contracts and their cards: written down, priced by, changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from services.billing import purses, tables
from services.billing.model import agreement_of, feed_body, gaps
from services.billing.pricing.refusal import PricingRefused
from shared.contracts.billing import CardInForce, CardLineInForce, ContractInForce

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from services.billing.model import Agreement
    from shared.work import Work


def agreements(connection: Connection, refs: Iterable[str]) -> dict[str, Agreement]:
    """The contracts named, with all their cards."""
    refs = list(refs)
    cards: dict[str, list[Any]] = {ref: [] for ref in refs}
    for row in connection.execute(
        select(tables.card).where(tables.card.c.contract.in_(refs)).order_by(tables.card.c.starts_on)
    ):
        cards[row.contract].append((row.starts_on, row.version, json.loads(row.lines)))
    return {
        row.ref: agreement_of(
            ref=row.ref, supplier=row.supplier, budget_line=row.budget_line, starts_on=row.starts_on, ends_on=row.ends_on,
            zone=row.zone, terms=json.loads(row.terms), cards=cards[row.ref], budget_lines=purses.read(row.lines)[row.budget_line],
        )
        for row in connection.execute(
            select(tables.contract, purses.beside(connection).label("lines")).where(tables.contract.c.ref.in_(refs))
        )
    }  # fmt: skip


def put_contract_in_force(work: Work, contract: dict[str, Any], cards: list[dict[str, Any]]) -> None:
    """Write down a contract with its cards and tell of it; a contract that is there stays as it is.

    Raises:
        PricingRefused: a price or term is unsound, or the cards leave a gap in the term.
    """
    there = work.connection.execute(
        select(tables.contract.c.ref).where(tables.contract.c.ref == contract["ref"])
    ).first()
    if there is not None:
        return
    terms = contract.get("terms", {})
    agreement = agreement_of(
        ref=contract["ref"], supplier=contract["supplier"], budget_line=contract["budget_line"],
        starts_on=contract["starts_on"], ends_on=contract["ends_on"], zone=contract.get("zone", "Asia/Shanghai"), terms=terms,
        cards=[(each["starts_on"], each["version"], each["lines"]) for each in cards],
    )  # fmt: skip
    for fault in gaps(agreement):
        raise PricingRefused("gap", fault, "cards")
    work.connection.execute(
        insert(tables.contract),
        {"zone": "Asia/Shanghai", **contract, "version": 1, "items": json.dumps(contract["items"]),
         "terms": json.dumps(terms, ensure_ascii=False)},
    )  # fmt: skip
    for each in cards:
        said = say_card(work, contract["ref"], each)
        lines = json.dumps(each["lines"], ensure_ascii=False)
        work.connection.execute(
            insert(tables.card), {**each, "contract": contract["ref"], "lines": lines, "said": said}
        )
    supplier = work.connection.execute(
        select(tables.supplier).where(tables.supplier.c.code == contract["supplier"])
    ).one()
    work.say(
        ContractInForce(
            contract=contract["ref"], supplier=supplier.code, supplier_name=supplier.name,
            supplier_name_en=supplier.name_en, items=tuple(contract["items"]), starts_on=contract["starts_on"],
            ends_on=contract["ends_on"], card_version=cards[-1]["version"], **counting(agreement),
        ),
        sequence=1,
    )  # fmt: skip


def counting(agreement: Agreement) -> dict[str, Any]:
    """How a contract counts months and rounds money, as its event says it: what anybody needs to compute its amounts."""
    return {
        "zone": str(agreement.full.zone), "fixed_days_in_month": agreement.terms.fixed_days_in_month or 0,
        "rounding_mode": agreement.terms.rounding.mode, "rounding_digits": agreement.terms.rounding.digits,
    }  # fmt: skip


def say_card(
    work: Work, contract: str, card: dict[str, Any], *, replaces: int = 0, by: str = "", approved_by: str = ""
) -> str:
    """Seal a card; the event's id."""
    return work.say(
        CardInForce(
            contract=contract, card_version=card["version"], starts_on=card["starts_on"],
            lines=tuple(
                CardLineInForce(
                    item=line["item"], meter=line["meter"],
                    terms=feed_body(**{name: value for name, value in line.items() if name not in {"item", "meter"}}),
                )
                for line in card["lines"]
            ),
            replaces=replaces, by=by, approved_by=approved_by,
        )
    )  # fmt: skip
