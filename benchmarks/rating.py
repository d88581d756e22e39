"""Figures of rating: one quantity under each price model, a month of facts, late facts in a closed month, the command.

    python -m benchmarks.rating                    some seconds
    python -m benchmarks.rating --rounds 9 --facts 100000

Rates are per second of processor time of one core, medians of ``--rounds``; the command runs once.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from services.billing.pricing.cards import Card, CardLine
from services.billing.pricing.ledger import Book, Contract, Fact, rate_period
from services.billing.pricing.models import read_price
from services.billing.pricing.rating import Terms, net, rate
from services.billing.pricing.rounding import FEN

if TYPE_CHECKING:
    from collections.abc import Callable

TIERS = [
    {"up_to": "100", "unit_price": "0.80", "flat_fee": "0"},
    {"up_to": "1000", "unit_price": "0.65", "flat_fee": "5"},
    {"up_to": None, "unit_price": "0.5125", "flat_fee": "9.9"},
]
BLOCKS = [
    {"block_size": "10", "max_blocks": "5", "block_price": "9"},
    {"block_size": "25", "max_blocks": None, "block_price": "19.5"},
]
PRICES = {
    "flat": {"amount": "900"},
    "per_unit": {"unit_price": "1.2"},
    "multiplier": {"multiplier": "1.08"},
    "package": {"size": "4", "price": "90", "free_units": "2"},
    "graduated": {"tiers": TIERS},
    "volume": {"tiers": TIERS},
    "graduated_percentage": {"tiers": [{"up_to": "100", "rate_pct": "1"}, {"up_to": None, "rate_pct": "0.6"}]},
    "graduated_blocks": {"tiers": BLOCKS},
    "volume_blocks": {"tiers": BLOCKS},
}
TERMS = Terms(free_quantity=10, minimum=200, maximum=5000, discount_pct=5, rounding=FEN)


def per_second(action: Callable[[], object], count: int, rounds: int) -> float:
    """How many a second of processor time, when ``action`` does ``count`` of them; median of ``rounds``."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        taken.append(time.process_time() - start)
    return count / statistics.median(taken)


def models(rounds: int, count: int = 2000) -> None:
    chance = random.Random(1)
    quantities = [Fraction(chance.randrange(300_000), 100) for _ in range(count)]
    print(f"{'model':<22}{'amount only':>14}{'with ladder':>14}   ratings a second, five terms agreed")
    for name, data in PRICES.items():
        price = read_price({"model": name, **data})
        bare = per_second(lambda price=price: [net(price, quantity, TERMS) for quantity in quantities], count, rounds)
        told = per_second(lambda price=price: [rate(price, quantity, TERMS) for quantity in quantities], count, rounds)
        print(f"{name:<22}{bare:>14,.0f}{told:>14,.0f}")


def some_facts(count: int) -> list[Fact]:
    chance = random.Random(2)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    return [
        Fact(
            "dispatch",
            str(number),
            start + timedelta(minutes=chance.randrange(40_000)),
            Fraction(chance.randrange(900), 100),
        )
        for number in range(count)
    ]


def months(rounds: int, count: int) -> None:
    price = read_price({"model": "graduated", "tiers": TIERS})
    contract = Contract(ZoneInfo("Asia/Shanghai"), (Card(1, lines={"": CardLine(price, Terms(rounding=FEN))}),))
    facts = some_facts(count)

    def ingested() -> Book:
        book = Book(contract)
        for fact in facts:
            book.ingest(fact)
        return book

    def corrected() -> None:
        for fact in facts[:late]:
            closed.correct(fact.key, now, quantity=fact.quantity + 1)
            closed.correct(fact.key, now, quantity=fact.quantity)

    print(f"\nfacts taken into a book        {per_second(ingested, count, rounds):>12,.0f} a second")
    fresh = per_second(lambda: rate_period(contract, "2026-03", facts), count, rounds)
    print(f"facts rated from scratch       {fresh:>12,.0f} a second ({count / fresh:.2f} s for a month of {count:,})")
    closed, late, now = ingested(), min(count, 2000), datetime(2026, 5, 1, tzinfo=UTC)
    closed.close("2026-03")
    print(
        f"corrections of a closed month  {per_second(corrected, 2 * late, rounds):>12,.0f} a second, each with its adjustment"
    )


def command(count: int) -> None:
    case = {
        "kind": "rate",
        "params": {"price": {"model": "graduated", "tiers": TIERS}, "free_quantity": "10", "minimum": "200"},
        "input": {"quantity": "180"},
        "rounding": {"mode": "half_up", "digits": 2},
    }
    lines = "".join(json.dumps({"id": number, **case}) + "\n" for number in range(count)).encode()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "services.billing", "rate"], input=lines, stdout=subprocess.DEVNULL, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(
        f"lines answered by the command  {count / taken:>12,.0f} a second, start and reading the price each time included"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--facts", type=int, default=20_000)
    parser.add_argument("--lines", type=int, default=5_000)
    asked = parser.parse_args()
    models(asked.rounds)
    months(asked.rounds, asked.facts)
    command(asked.lines)


if __name__ == "__main__":
    main()
