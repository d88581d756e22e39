"""The rules of the first chain: which card prices a fact, and how the feed is chained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from services.billing.pricing.models import read_price
from services.billing.pricing.rating import Terms
from services.billing.pricing.rounding import Rounding
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from services.billing.pricing.models import Price

FEN = Rounding("half_up", 2)
FIRST_HEAD = sha256(b"").hexdigest()


@dataclass(frozen=True)
class Line:
    """What one meter of one item costs under a card version."""

    price: Price
    terms: Terms


@dataclass(frozen=True)
class Agreement:
    """A contract as rating needs it.

    Attributes:
        cards: (first day, version, lines by (item, meter)), by day; each holds until the next.
    """

    ref: str
    supplier: str
    budget_line: str
    starts_on: date
    ends_on: date
    cards: tuple[tuple[date, int, dict[tuple[str, str], Line]], ...]

    def card_on(self, day: date) -> tuple[int, dict[tuple[str, str], Line]] | None:
        """(version, lines) of the card that holds on a service date; None outside the term."""
        if not self.starts_on <= day < self.ends_on:
            return None
        held = [(version, lines) for since, version, lines in self.cards if since <= day]
        return held[-1] if held else None


def service_day(moment: datetime) -> date:
    """The day at the site on which something was done."""
    return moment.astimezone(SITE_ZONE).date()


def period_of(moment: datetime) -> str:
    """The month at the site to which something belongs, ``2026-11``."""
    return f"{service_day(moment):%Y-%m}"


def lines_of(data: list[dict[str, Any]]) -> dict[tuple[str, str], Line]:
    """The lines of a card from its stored form.

    Raises:
        PricingRefused: a price is unsound.
    """
    return {
        (each["item"], each["meter"]): Line(
            read_price(each["price"]),
            Terms(
                free_quantity=_fraction(each.get("free_quantity", "0")),
                maximum=_fraction(each["maximum"]) if each.get("maximum") else None,
                discount_pct=_fraction(each.get("discount_pct", "0")),
                rounding=FEN,
            ),
        )
        for each in data
    }


def _fraction(text: str) -> Decimal:
    from decimal import Decimal

    return Decimal(text)


def chained(previous: str, body: str) -> str:
    """The feed's head after ``body``: SHA-256 over the head before, a line feed and the body, hexadecimal."""
    return sha256(f"{previous}\n{body}".encode()).hexdigest()


def feed_body(**entry: str | int) -> str:
    """The canonical text of a feed entry: what is chained and what finance receives."""
    return json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
