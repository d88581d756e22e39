"""The rules that tie the pricing core to contracts: which card prices a fact, what a month comes to, how the feed is chained."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from services.billing.pricing.aggregation import ON_CARDS
from services.billing.pricing.cards import Card, CardLine, card_faults, scaled, share_of_month
from services.billing.pricing.exact import decimal, fraction, read_number
from services.billing.pricing.ledger import Contract, Tally, rate_line, tally
from services.billing.pricing.models import MODELS, read_price
from services.billing.pricing.periods import month_days, month_of, read_zone
from services.billing.pricing.rating import Terms, rate
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN, Rounding
from services.billing.purses import line_of
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from services.billing.pricing.explanation import Steps
    from services.billing.pricing.ledger import Fact, Line

FIRST_HEAD = sha256(b"").hexdigest()
SIGNATORIES = ("contract_manager", "finance")  # both must be among those who sign


@dataclass(frozen=True)
class ContractTerms:
    """What was agreed beside the prices.

    Attributes:
        rounding: of money, on each line.
        signatures: how many different people sign a statement.
        third_above: from this total on one more signature is needed; None = never.
        term_days: days from acceptance in which is paid (Decree 802: 30, at most 60).
        daily_rate: late interest a day (Decree 802: 0.05 % where the contract is silent).
        contest_days: days in which a proposed deduction can be contested.
        retention_pct: of each statement's charges, held back (质保金).
        fixed_days_in_month: 30 where every month counts as 30 days.
        tax_pct: value-added tax.
        tax_mode: ``included``: prices contain it; ``added``: it is a line of its own on each statement.
        commitment: yuan a year that the contract binds of its budget line.
        bond: performance bond, yuan.
        scheme: deduction and score rules as data; see ``services.billing.scheme``.
    """

    rounding: Rounding = FEN
    signatures: int = 2
    third_above: Fraction | None = None
    term_days: int = 30
    daily_rate: Fraction = Fraction(5, 10_000)
    contest_days: int = 5
    retention_pct: Fraction = Fraction(0)
    fixed_days_in_month: int | None = None
    tax_pct: Fraction = Fraction(6)
    tax_mode: str = "included"
    commitment: Fraction = Fraction(0)
    bond: Fraction = Fraction(0)
    bond_until: str = ""
    scheme: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ContractTerms:
        """The terms from their stored form.

        Raises:
            PricingRefused: one of them cannot be; the field is named.
        """
        known = {
            "rounding", "signatures", "third_above", "term_days", "daily_rate", "contest_days", "retention_pct",
            "fixed_days_in_month", "tax_pct", "tax_mode", "commitment", "bond", "bond_until", "scheme",
        }  # fmt: skip
        for name in data:
            if name not in known:
                raise PricingRefused("unknown_field", f"there is no term {name!r}", f"terms.{name}")
        given: dict[str, Any] = {}
        for name in ("third_above", "daily_rate", "retention_pct", "tax_pct", "commitment", "bond"):
            if data.get(name) is not None:
                given[name] = read_number(data[name], f"terms.{name}")
                if given[name] < 0:
                    raise PricingRefused("negative", "must not be negative", f"terms.{name}")
                if name in {"retention_pct", "tax_pct"} and given[name] > 100:
                    raise PricingRefused("too_large", "more than the whole", f"terms.{name}")
        for name, least, most in (("signatures", 2, 3), ("term_days", 1, 60), ("contest_days", 0, 90)):
            if name in data:
                given[name] = int(data[name])
                if not least <= given[name] <= most:
                    raise PricingRefused("out_of_range", f"lies between {least} and {most}", f"terms.{name}")
        if data.get("fixed_days_in_month"):
            given["fixed_days_in_month"] = int(data["fixed_days_in_month"])
        if "rounding" in data:
            given["rounding"] = Rounding(data["rounding"]["mode"], int(data["rounding"]["digits"]))
        if data.get("tax_mode", "included") not in {"included", "added"}:
            raise PricingRefused("unknown_mode", "tax is included or added", "terms.tax_mode")
        for name in ("bond_until", "scheme", "tax_mode"):
            if name in data:
                given[name] = data[name]
        return cls(**given)


@dataclass(frozen=True)
class Place:
    """Where a fact is priced: a line of a month. ``meter`` is item and meter, ``repair/hours``."""

    period: str
    meter: str
    version: int

    @property
    def item(self) -> str:
        return self.meter.partition("/")[0]

    @property
    def name(self) -> str:
        return self.meter.partition("/")[2]


@dataclass(frozen=True)
class Agreement:
    """A contract as rating needs it.

    Attributes:
        budget_lines: by year, the lines of the series that ``budget_line`` is one of.
        full: with every term; what a closed month is rated by.
        running: without minimums, which are made up when a month is closed; what an open month is rated by.
    """

    ref: str
    supplier: str
    budget_line: str
    starts_on: date
    ends_on: date
    terms: ContractTerms
    full: Contract
    running: Contract
    budget_lines: Mapping[int, str] = field(default_factory=dict)

    def paid_from(self, period: str) -> str:
        """The budget line that pays for what was done in that month; empty where its year has none yet."""
        return line_of(self.budget_lines, period)

    def place(self, item: str, meter: str, at: datetime) -> tuple[Place | None, int]:
        """Where a fact of that moment is priced (None: nowhere), and the version of the card that holds then (0: none)."""
        day = self.full.service_day(at)
        if not self.starts_on <= day < self.ends_on:
            return None, 0
        card = next((card for card in self.full.cards if card.holds_on(day)), None)
        if card is None:
            return None, 0
        key = f"{item}/{meter}"
        if key not in card.lines:
            return None, card.version
        return Place(month_of(at, self.full.zone), key, card.version), card.version

    def card(self, version: int, *, final: bool = True) -> Card:
        """The card of that version."""
        return next(card for card in (self.full if final else self.running).cards if card.version == version)

    def line(self, place: Place, *, final: bool = True) -> CardLine:
        """The price and terms of a line, scaled to the days on which its card holds in the month."""
        card = self.card(place.version, final=final)
        return scaled(card.lines[place.meter], share_of_month(card, place.period, self.terms.fixed_days_in_month))

    def quantity(self, place: Place, facts: Iterable[Fact]) -> Tally:
        """What the facts of a line come to, aggregated as its card says."""
        card = self.card(place.version)
        return tally(self.full, place.period, card, card.lines[place.meter], facts)

    def rated(self, place: Place, counted: Tally, *, final: bool) -> Line:
        """A line of a month, afresh."""
        contract = self.full if final else self.running
        return rate_line(contract, place.period, self.card(place.version, final=final), place.meter, counted)

    def change(
        self, place: Place, *, before: Decimal, after: Tally, billed: Decimal, final: bool
    ) -> tuple[Decimal, Steps]:
        """What a line's amount changes by when its quantity goes from ``before`` to ``after``, and why.

        Whatever the order of changes, ``billed`` plus all of them is the line rated afresh.
        """
        if not after.facts and not final:
            return -billed, ()
        line = self.line(place, final=final)
        found = rate(
            line.price, after.quantity - Fraction(before), line.terms, prior_quantity=before, prior_billed=billed,
            final=final, events=after.events,
        )  # fmt: skip
        return decimal(found.amount, 2), found.steps


def agreement_of(
    *, ref: str, supplier: str, budget_line: str, starts_on: date, ends_on: date, zone: str, terms: Mapping[str, Any],
    cards: Sequence[tuple[date, int, list[dict[str, Any]]]], budget_lines: Mapping[int, str] | None = None,
) -> Agreement:  # fmt: skip
    """A contract with its cards, each holding from its day until the next one's.

    Raises:
        PricingRefused: a price or term is unsound, there is no such zone, or the first card leaves a gap.
    """
    found = ContractTerms.of(terms)
    ordered = sorted(cards, key=lambda card: card[0])
    made = []
    for index, (since, version, lines) in enumerate(ordered):
        until = ordered[index + 1][0] if index + 1 < len(ordered) else ends_on
        made.append(Card(version, since, min(until, ends_on), lines_of(lines, found.rounding)))
    clock = read_zone(zone)
    full = Contract(clock, tuple(made), found.fixed_days_in_month)
    running = replace(full, cards=tuple(replace(card, lines=_without_minimum(card.lines)) for card in made))
    return Agreement(ref, supplier, budget_line, starts_on, ends_on, found, full, running, budget_lines or {})


def gaps(agreement: Agreement) -> list[str]:
    """Every gap and overlap of the cards within the term, in words."""
    return [fault.message for fault in card_faults(agreement.full.cards, agreement.starts_on, agreement.ends_on)]


def _without_minimum(lines: Mapping[str, CardLine]) -> dict[str, CardLine]:
    return {key: replace(line, terms=replace(line.terms, minimum=None)) for key, line in lines.items()}


LINE_FIELDS = {"item", "meter", "price", "free_quantity", "minimum", "maximum", "discount_pct", "aggregation"}


def lines_of(data: Sequence[Mapping[str, Any]], rounding: Rounding) -> dict[str, CardLine]:
    """The lines of a card from its stored form.

    Raises:
        PricingRefused: a line is unsound; the field begins with its number from 0, ``lines[2].price.unit_price``.
    """
    found: dict[str, CardLine] = {}
    for number, each in enumerate(data):
        path = f"lines[{number}]"
        for name in each:
            if name not in LINE_FIELDS:
                raise PricingRefused("unknown_field", f"there is no field {name!r} here", f"{path}.{name}")
        for name in ("item", "meter"):
            if not isinstance(each.get(name), str) or not each[name] or "/" in each[name]:
                raise PricingRefused("missing", f"{name} is missing", f"{path}.{name}")
        key = f"{each['item']}/{each['meter']}"
        if key in found:
            raise PricingRefused("overlap", f"{each['item']} {each['meter']} is priced twice", path)
        price = read_price(each.get("price"), f"{path}.price")
        aggregation = each.get("aggregation") or MODELS[price.model].aggregation
        if aggregation not in ON_CARDS:
            raise PricingRefused(
                "unknown_aggregation", f"there is no aggregation {aggregation!r}", f"{path}.aggregation"
            )
        try:
            terms = Terms(
                free_quantity=_number(each, "free_quantity", path) or 0,
                minimum=_number(each, "minimum", path),
                maximum=_number(each, "maximum", path),
                discount_pct=_number(each, "discount_pct", path) or 0,
                rounding=rounding,
            )
            found[key] = CardLine(price, terms, aggregation)
        except PricingRefused as fault:
            inner = fault.field if fault.field.startswith(path) else f"{path}.{fault.field}"
            raise PricingRefused(fault.code, fault.message, inner) from fault
    return found


def _number(each: Mapping[str, Any], name: str, path: str) -> Fraction | None:
    value = each.get(name)
    return None if value in (None, "") else fraction(read_number(value, f"{path}.{name}"))


def service_day(moment: datetime) -> date:
    """The day at the site on which something was done."""
    return moment.astimezone(SITE_ZONE).date()


def period_of(moment: datetime) -> str:
    """The month at the site to which something belongs, ``2026-11``."""
    return f"{service_day(moment):%Y-%m}"


def is_over(period: str, now: datetime, agreement: Agreement) -> bool:
    """Whether a month has ended on the contract's wall clock."""
    return month_days(period)[1] <= now.astimezone(agreement.full.zone).date()


def statement_ref(contract: str, period: str) -> str:
    """``S-202610-HY-2026-01``."""
    return f"S-{period.replace('-', '')}-{contract}"


def chained(previous: str, body: str) -> str:
    """The feed's head after ``body``: SHA-256 over the head before, a line feed and the body, hexadecimal."""
    return sha256(f"{previous}\n{body}".encode()).hexdigest()


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def feed_body(**entry: Any) -> str:
    """The canonical text of a feed entry: what is chained and what finance receives."""
    return _CANONICAL(entry)


def digest_of(body: Mapping[str, Any]) -> str:
    """SHA-256 of a canonical body, hexadecimal."""
    return sha256(_CANONICAL(body).encode()).hexdigest()
