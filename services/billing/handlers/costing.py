"""Full cost of what our own crews did in a month, beside what a contractor would have charged; and who used it.

Hours and materials come from the facts that work orders reported; the cost of an hour, assets and overheads from the bases
of cost that two people agreed for the month.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from services.billing import tables
from services.billing.full_cost import Asset, InHouse, Labour, Material, Overhead, full_cost
from services.billing.handlers import agreeing
from services.billing.handlers.contracts import agreements
from services.billing.model import Place
from services.billing.pricing.exact import ZERO, decimal, read_number
from services.billing.pricing.ledger import Tally
from services.billing.pricing.periods import month_days
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN, rounded
from services.billing.pricing.shares import allocate

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.billing.full_cost import FullCost

F = tables.fact.c
KINDS = ("labour", "material", "assets", "overhead")


@dataclass
class Done:
    """What our own crews did of one item in a month.

    Attributes:
        hours: by crew. materials: yuan. meters: quantity by meter. departments: hours (or, without hours, facts) by department.
    """

    hours: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    materials: Fraction = ZERO
    meters: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    departments: dict[str, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    facts: int = 0


@dataclass(frozen=True)
class Cost:
    """The full cost of an item, and the price of the same work under a contract.

    Attributes:
        contract: whose card was used; empty where none covers the item.
        price: None where no card prices any of it.
    """

    item: str
    done: Done
    cost: FullCost
    contract: str
    price: Decimal | None

    @property
    def amount(self) -> Decimal:
        return fen(self.cost.amount)

    @property
    def difference(self) -> Decimal | None:
        """In house less contractor: above zero the contractor is cheaper."""
        return None if self.price is None else self.amount - self.price

    @property
    def avoidable(self) -> Decimal | None:
        """The same without overheads, which stay when the service goes."""
        return None if self.price is None else self.amount - fen(self.cost.by_kind["overhead"]) - self.price


def fen(value: Fraction) -> Decimal:
    """An amount to the fen."""
    return decimal(rounded(value, FEN), 2)


def done_in_house(connection: Connection, period: str) -> dict[str, Done]:
    """What our own crews did in a month, by item; what was voided or corrected counts as it now is."""
    corrected = select(F.corrects).where(F.contract == "", F.corrects != "", F.period >= period)
    gone = set(connection.execute(corrected).scalars())
    query = select(F.fact_id, F.item, F.meter, F.quantity, F.crew, F.department).where(
        F.contract == "", F.period == period, F.kind != "void", F.item != ""
    )
    found: dict[str, Done] = defaultdict(Done)
    counted: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for row in connection.execute(query):
        if row.fact_id in gone:
            continue
        mine, quantity = found[row.item], Fraction(row.quantity)
        mine.facts += 1
        mine.meters[row.meter] += quantity
        counted[row.item][row.department] += 1
        if row.meter == "hours":
            mine.hours[row.crew] += quantity
            mine.departments[row.department] += quantity
        elif row.meter == "materials":
            mine.materials += quantity
    for item, mine in found.items():
        if not any(mine.departments.values()):
            mine.departments = counted[item]
    return dict(found)


def check_basis(body: dict[str, Any]) -> None:
    """Return if the bases of cost are sound.

    Raises:
        PricingRefused: with the field that is not.
    """
    for crew, hourly in body["hourly"].items():
        if read_number(hourly, f"hourly.{crew}") < 0:
            raise PricingRefused("negative", "must not be negative", f"hourly.{crew}")
    for each in body["assets"]:
        _asset(each)
    for each in body["overheads"]:
        if read_number(each["amount"], "overheads") < 0:
            raise PricingRefused("negative", "must not be negative", "overheads")


def _asset(each: dict[str, Any]) -> Asset:
    name = each["name"]
    numbers = {
        key: read_number(each[key], f"assets.{name}") for key in ("cost", "residual", "life_months", "share_pct")
    }
    if any(value < 0 for value in numbers.values()):
        raise PricingRefused("negative", "must not be negative", f"assets.{name}")
    if not numbers["life_months"] or numbers["life_months"].denominator != 1:
        raise PricingRefused("not_whole", "a life is whole months above zero", f"assets.{name}")
    if numbers["residual"] > numbers["cost"] or numbers["share_pct"] > 100:
        raise PricingRefused("too_large", "more than the whole", f"assets.{name}")
    return Asset(name, numbers["cost"], numbers["residual"], int(numbers["life_months"]), 1, numbers["share_pct"])


def costs(connection: Connection, period: str) -> tuple[int, list[Cost]]:
    """(version of the bases of cost, the cost of each item that our own crews did in a month); version 0: none agreed."""
    agreed = agreeing.agreed_in(connection, "cost", "", period)
    done = done_in_house(connection, period)
    if agreed is None or not done:
        return (agreed[0] if agreed else 0), []
    version, basis = agreed
    hours = {item: sum(mine.hours.values(), ZERO) for item, mine in done.items()}
    overheads = []
    for each in basis["overheads"]:
        key = {item: read_number(part, "overheads") for item, part in each.get("key", {}).items()} or hours
        if any(key.values()):
            overheads.append(Overhead(each["name"], read_number(each["amount"], "overheads"), key))
    prices = _prices(connection, period, done)
    hourly = basis["hourly"]
    found = []
    for item, mine in sorted(done.items()):
        work = InHouse(
            item, hours[item],
            [Labour(crew, count, read_number(hourly.get(crew, hourly.get("default", "0")), "hourly")) for crew, count in sorted(mine.hours.items())],
            [Material("materials", mine.materials, 1)] if mine.materials else [],
            [_asset(each) for each in basis["assets"] if each["item"] == item],
        )  # fmt: skip
        contract, price = prices.get(item, ("", None))
        found.append(Cost(item, mine, full_cost(work, overheads), contract, price))
    return version, found


def _prices(connection: Connection, period: str, done: dict[str, Done]) -> dict[str, tuple[str, Decimal | None]]:
    """What the same work comes to under the first contract whose card prices any of it in the month."""
    first, after = month_days(period)
    table = tables.contract.c
    refs = connection.execute(
        select(table.ref).where(table.starts_on < after, table.ends_on > first).order_by(table.ref)
    ).scalars()
    found: dict[str, tuple[str, Decimal | None]] = {}
    for ref, agreement in sorted(agreements(connection, list(refs)).items()):
        held = [card for card in agreement.full.cards if card.days_in(period) is not None]
        for item, mine in done.items():
            if item in found or not held:
                continue
            total, priced = Decimal("0.00"), False
            for meter, quantity in sorted(mine.meters.items()):
                key = f"{item}/{meter}"
                # What is counted otherwise than by its sum cannot be told from a month's sum of our own work.
                if key in held[-1].lines and held[-1].lines[key].is_plain_sum and quantity >= 0:
                    place = Place(period, key, held[-1].version)
                    amount, _ = agreement.change(
                        place, before=Decimal(0), after=Tally(mine.facts, quantity), billed=Decimal("0.00"), final=True
                    )
                    total, priced = total + amount, True
            if priced:
                found[item] = (ref, total)
    return found


def in_house_by_department(found: list[Cost]) -> list[tuple[str, str, int, Decimal]]:
    """(department, item, 0, amount): each item's full cost split by who used it, whole to the fen."""
    split = []
    for each in found:
        weights = sorted((name, part) for name, part in each.done.departments.items() if part > 0)
        if not weights or not each.amount:
            continue
        shares, _ = allocate(each.amount, weights, 2, "key")
        split += [(name, each.item, 0, decimal(part, 2)) for name, part in shares.items()]
    return split
