"""Facts to statements, and closed months that stay closed.

A fact belongs to the month of its service time on the contract's wall clock and to the card that holds on that day. Facts
are never changed: a void or a correction is an operation of its own. Once a month is closed its statement is frozen; what
changes it later is booked as an adjustment, so that statement + adjustments = a fresh rating of what is now known.

``Book`` keeps all of it in memory, for checking and previews; a service with a database uses the same functions:
``rate_period`` for a month, ``adjust`` for the difference.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from services.billing.pricing.aggregation import Use, Window, aggregate
from services.billing.pricing.cards import Card, CardLine, card_on, scaled, share_of_month
from services.billing.pricing.exact import ZERO, decimal
from services.billing.pricing.explanation import Step, Steps
from services.billing.pricing.models import by_event
from services.billing.pricing.periods import month_days, month_of, seconds
from services.billing.pricing.rating import rate
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, tzinfo

Key = tuple[str, str]  # source, id: for ever
LineKey = tuple[str, int]  # meter, card version


@dataclass(frozen=True)
class Contract:
    """What the ledger needs to know of a contract.

    Attributes:
        zone: whose wall clock the months and service dates are read from.
        cards: versions without gap or overlap over the term.
        fixed_days_in_month: 30 where the contract counts every month as 30 days.
    """

    zone: tzinfo
    cards: tuple[Card, ...]
    fixed_days_in_month: int | None = None

    def service_day(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """The moment at which that day begins on the contract's wall clock, UTC."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


@dataclass(frozen=True)
class Fact:
    """Something that was used, as its source reported it.

    Attributes:
        time: of the service, UTC.
        identity: who or what was counted, for ``unique``.
    """

    source: str
    id: str
    time: datetime
    quantity: Fraction
    meter: str = ""
    identity: str = ""

    @property
    def key(self) -> Key:
        return self.source, self.id

    def same_body(self, other: Fact) -> bool:
        """Whether a redelivery says the same; numbers and moments compare by value."""
        return self == other


@dataclass(frozen=True)
class Line:
    """One meter under one card version in one month.

    Attributes:
        steps: the ladder; its amounts add up to ``amount``.
    """

    meter: str
    version: int
    facts: int
    quantity: Decimal
    amount: Decimal
    steps: Steps = field(compare=False)

    @property
    def key(self) -> LineKey:
        return self.meter, self.version


@dataclass(frozen=True)
class Statement:
    """A month's lines, in the order of meter and version."""

    period: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        return decimal(sum((Fraction(line.amount) for line in self.lines), ZERO), _places(self.lines))


@dataclass(frozen=True)
class Adjustment:
    """A later change of a closed month, and what caused it.

    Attributes:
        booked_in: month in which it is stated.
        for_period: the closed month that it corrects.
        cause: operation and fact (or card) that made it, such as ``void dispatch/b``.
    """

    booked_in: str
    for_period: str
    meter: str
    version: int
    amount: Decimal
    cause: str = ""


class Outcome(Enum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


def rate_period(contract: Contract, period: str, facts: Iterable[Fact]) -> Statement:
    """The statement of ``period`` from facts that are in force.

    Facts of other months are ignored, except that ``time_weighted`` meters take their opening level from earlier ones.
    A line without facts appears where something is due all the same: a lump sum, a minimum, a flat fee.
    """
    by_meter: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        by_meter[fact.meter].append(fact)
    lines: list[Line] = []
    for card in contract.cards:
        if card.days_in(period) is None:
            continue
        for meter, line in card.lines.items():
            found = rate_line(
                contract, period, card, meter, tally(contract, period, card, line, by_meter.get(meter, ()))
            )
            if found.facts or found.amount:
                lines.append(found)
    return Statement(period, tuple(sorted(lines, key=lambda line: line.key)))


@dataclass(frozen=True)
class Tally:
    """A month's quantity of one meter under one card, before pricing.

    Attributes:
        events: the single quantities in the order of service, where the price looks at each.
    """

    facts: int
    quantity: Fraction
    steps: Steps = ()
    events: tuple[Fraction, ...] | None = None


def tally(contract: Contract, period: str, card: Card, line: CardLine, facts: Iterable[Fact]) -> Tally:
    """The quantity that one meter comes to in the part of ``period`` in which ``card`` holds."""
    days = card.days_in(period)
    if days is None:
        return Tally(0, ZERO)
    known = list(facts)
    window = Window(contract.start_of(days[0]), contract.start_of(days[1]))
    inside = [fact for fact in known if window.since <= fact.time < window.until]
    # Ties at one moment are settled by identity, so that the order of arrival never shows.
    inside.sort(key=lambda fact: (fact.time, fact.source, fact.id))
    uses = [Use(fact.quantity, fact.time, fact.identity or str(fact.quantity)) for fact in inside]
    if line.aggregation != "time_weighted":
        quantity, steps = aggregate(line.aggregation, uses)
        events = tuple(use.value for use in uses) if by_event(line.price) else None
        return Tally(len(inside), quantity, steps, events)
    opening = sum((fact.quantity for fact in known if fact.time < window.since), ZERO)
    quantity, steps = aggregate("time_weighted", uses, replace(window, opening=opening))
    first, last = month_days(period)
    part = seconds(window.until - window.since) / seconds(contract.start_of(last) - contract.start_of(first))
    # A level below zero is a departure that arrived before its arrival: nothing to bill until that is known.
    return Tally(len(inside), max(ZERO, quantity * part), steps)


def rate_line(contract: Contract, period: str, card: Card, meter: str, counted: Tally) -> Line:
    """One line: the quantity priced by its card, and why."""
    line = scaled(card.lines[meter], share_of_month(card, period, contract.fixed_days_in_month))
    priced = rate(line.price, counted.quantity, line.terms, events=counted.events)
    since = card.since.isoformat() if card.since else "–"
    told = (Step("facts", {"count": counted.facts}), *_silent(counted.steps))
    steps = (*told, Step("card", {"version": card.version, "since": since}), *priced.steps)
    return Line(meter, card.version, counted.facts, decimal(counted.quantity), priced.amount, steps)


def _silent(steps: Steps) -> Steps:
    """Rungs about a quantity, without amounts: those of a line's ladder add up to money."""
    return tuple(replace(step, amount=None) for step in steps)


def adjust(
    stated: Mapping[LineKey, Decimal], fresh: Iterable[Line], *, booked_in: str, for_period: str, cause: str = ""
) -> list[Adjustment]:
    """What must be booked so that what is stated (adjustments included) becomes the fresh rating; no zero entries."""
    now = {line.key: line.amount for line in fresh}
    found = []
    for key in sorted(stated.keys() | now.keys()):
        # Through fractions: a decimal subtraction would round at the context's precision.
        change = Fraction(now.get(key, Decimal(0))) - Fraction(stated.get(key, Decimal(0)))
        if change:
            amount = decimal(change, _places_of(now.get(key), stated.get(key)))
            found.append(Adjustment(booked_in, for_period, *key, amount, cause))
    return found


def _places(lines: Sequence[Line]) -> int:
    return _places_of(*(line.amount for line in lines))


def _places_of(*amounts: Decimal | None) -> int:
    return max((-int(amount.as_tuple().exponent) for amount in amounts if amount is not None), default=0)


class Book:
    """One contract's facts, statements and adjustments, in memory.

    Every operation either happens whole or raises ``PricingRefused`` and changes nothing.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self.delivered: dict[Key, Fact] = {}  # as first delivered: what redeliveries are compared with, for ever
        self.statements: dict[str, Statement] = {}
        self.adjustments: list[Adjustment] = []
        self._live: dict[Key, Fact] = {}  # in force: corrected, not void
        self._void: dict[Key, Fact] = {}  # as they were when they were voided
        self._by_group: dict[tuple[str, LineKey], dict[Key, Fact]] = defaultdict(dict)
        self._sums: dict[tuple[str, LineKey], Fraction] = defaultdict(Fraction)
        self._stated: dict[str, dict[LineKey, Decimal]] = {}  # statement + adjustments so far

    # What comes in.

    def ingest(self, fact: Fact, now: datetime | None = None) -> Outcome:
        """Take a delivery; the same body again changes nothing, another body under the same key is not taken.

        Raises:
            PricingRefused: a negative quantity, a day without a card, a meter that the card does not price, or no
                ``now`` for a closed month.
        """
        known = self.delivered.get(fact.key)
        if known is not None:
            return Outcome.DUPLICATE if known.same_body(fact) else Outcome.CONFLICT
        self._change(None, fact, now, f"ingest {fact.source}/{fact.id}")
        self.delivered[fact.key] = fact
        return Outcome.ACCEPTED

    def void(self, key: Key, now: datetime | None = None) -> None:
        """The fact no longer counts; voiding it again changes nothing.

        Raises:
            PricingRefused: no such fact.
        """
        self._known(key)
        live = self._live.get(key)
        if live is not None:
            self._change(live, None, now, f"void {key[0]}/{key[1]}")
            self._void[key] = live

    def correct(
        self, key: Key, now: datetime | None = None, *, quantity: Fraction | None = None, at: datetime | None = None
    ) -> None:
        """The fact counts with another quantity or service time; a void fact stays void.

        Raises:
            PricingRefused: no such fact, or a new body that would not have been accepted.
        """
        self._known(key)
        live = self._live.get(key)
        if live is not None:
            to = replace(
                live, quantity=live.quantity if quantity is None else quantity, time=live.time if at is None else at
            )
            self._change(live, to, now, f"correct {key[0]}/{key[1]}")

    def close(self, period: str) -> Statement:
        """Freeze the month's statement; closing it again gives the same one."""
        if period not in self.statements:
            statement = rate_period(self.contract, period, self._live.values())
            self.statements[period] = statement
            self._stated[period] = {line.key: line.amount for line in statement.lines}
        return self.statements[period]

    def change_cards(self, cards: tuple[Card, ...], now: datetime) -> list[Adjustment]:
        """Rate with other cards from now on; closed months that they change get adjustments, which are returned."""
        contract = replace(self.contract, cards=cards)
        found = self.preview(cards, now)
        self.contract = contract
        self._by_group.clear()
        self._sums.clear()
        for fact in self._live.values():
            self._enter(fact, self._group(fact))
        self._book(found)
        return found

    def preview(self, cards: tuple[Card, ...], now: datetime) -> list[Adjustment]:
        """The adjustments that changing to these cards would book; nothing is changed.

        Raises:
            PricingRefused: a fact in force would lie on a day without a card, or under a card without its meter.
        """
        contract = replace(self.contract, cards=cards)
        for fact in self._live.values():
            _line_of(contract, fact)
        booked_in = month_of(now, contract.zone)
        found: list[Adjustment] = []
        for period in sorted(self._stated):
            fresh = rate_period(contract, period, self._live.values())
            stated = self._stated[period]
            found += adjust(stated, fresh.lines, booked_in=booked_in, for_period=period, cause="cards")
        return found

    # What it comes to.

    def live(self) -> list[Fact]:
        """The facts in force."""
        return list(self._live.values())

    def open_periods(self) -> dict[str, Decimal]:
        """The rated amounts so far of the months that have facts (void ones too: such a month shows what is left) and are
        not closed.
        """
        known = [*self._live.values(), *self._void.values()]
        periods = {month_of(fact.time, self.contract.zone) for fact in known} - self.statements.keys()
        return {period: self.rated(period).total for period in sorted(periods)}

    def rated(self, period: str) -> Statement:
        """A fresh rating of what is now known of that month."""
        return rate_period(self.contract, period, self._live.values())

    def final(self) -> dict[str, Decimal]:
        """Statement + adjustments of every closed month."""
        return {
            period: decimal(sum((Fraction(amount) for amount in lines.values()), ZERO), _places_of(*lines.values()))
            for period, lines in sorted(self._stated.items())
        }

    # How it is kept.

    def _known(self, key: Key) -> None:
        if key not in self.delivered:
            raise PricingRefused("unknown_fact", f"there is no fact {key[0]}/{key[1]}", "id")

    def _group(self, fact: Fact) -> tuple[str, LineKey]:
        card, _ = _line_of(self.contract, fact)
        return month_of(fact.time, self.contract.zone), (fact.meter, card.version)

    def _change(self, old: Fact | None, new: Fact | None, now: datetime | None, cause: str) -> None:
        """Replace ``old`` by ``new`` (either may be none) and book what that changes in closed months."""
        left = self._group(old) if old is not None else None
        entered = self._group(new) if new is not None else None
        touched = self._touched(old, left) | self._touched(new, entered)
        if touched and now is None:
            raise PricingRefused("missing", "now is missing: the change touches a closed month", "now")
        if old is not None and left is not None:
            del self._by_group[left][old.key]
            self._sums[left] -= old.quantity
            del self._live[old.key]
        if new is not None and entered is not None:
            self._enter(new, entered)
        if now is not None:
            booked_in = month_of(now, self.contract.zone)
            for period, key in sorted(touched):
                lines = self._stated[period]
                stated = {key: lines[key]} if key in lines else {}
                fresh = self._rate_group(period, key)
                self._book(adjust(stated, [fresh], booked_in=booked_in, for_period=period, cause=cause))

    def _touched(self, fact: Fact | None, group: tuple[str, LineKey] | None) -> set[tuple[str, LineKey]]:
        """The lines of closed months that depend on the fact: its own, and with a carried level all later ones."""
        if fact is None or group is None:
            return set()
        found = {group}
        for card in self.contract.cards:
            line = card.lines.get(fact.meter)
            if line is not None and line.aggregation == "time_weighted":
                found |= {
                    (period, (fact.meter, card.version))
                    for period in self._stated
                    if period >= group[0] and card.days_in(period) is not None
                }
        return {(period, key) for period, key in found if period in self._stated}

    def _enter(self, fact: Fact, group: tuple[str, LineKey]) -> None:
        self._live[fact.key] = fact
        self._by_group[group][fact.key] = fact
        self._sums[group] += fact.quantity

    def _rate_group(self, period: str, key: LineKey) -> Line:
        meter, version = key
        card = next(card for card in self.contract.cards if card.version == version)
        line = card.lines[meter]
        facts = self._by_group[period, key]
        if line.is_plain_sum:  # the sum is kept, so that a late fact costs the same however long the month is
            return rate_line(self.contract, period, card, meter, Tally(len(facts), self._sums[period, key]))
        known: Iterable[Fact] = facts.values()
        if line.aggregation == "time_weighted":
            known = (fact for fact in self._live.values() if fact.meter == meter)
        return rate_line(self.contract, period, card, meter, tally(self.contract, period, card, line, known))

    def _book(self, adjustments: list[Adjustment]) -> None:
        for each in adjustments:
            lines = self._stated[each.for_period]
            key = (each.meter, each.version)
            lines[key] = decimal(Fraction(lines.get(key, Decimal(0))) + Fraction(each.amount), _places_of(each.amount))
        self.adjustments += adjustments


def _line_of(contract: Contract, fact: Fact) -> tuple[Card, CardLine]:
    """The card and the line that price a fact.

    Raises:
        PricingRefused: ``gap``, ``overlap``, ``unknown_meter`` or ``negative`` (a change of a level may be).
    """
    card = card_on(contract.cards, contract.service_day(fact.time))
    line = card.lines.get(fact.meter)
    if line is None:
        raise PricingRefused(
            "unknown_meter", f"card v{card.version} has no price for the meter {fact.meter!r}", "meter"
        )
    if fact.quantity < 0 and line.aggregation != "time_weighted":
        raise PricingRefused(
            "negative", "a quantity must not be negative; void or correct the fact instead", "quantity"
        )
    return card, line
