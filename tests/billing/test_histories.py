"""Statement + adjustments = a fresh rating, to the fen, for every model, whatever comes late, twice, void, corrected or repriced."""

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from services.billing import tables
from services.billing.handlers import cards, statements
from services.billing.handlers.contracts import agreements, put_contract_in_force
from services.billing.handlers.facts import Report, live_facts, record
from services.billing.handlers.settling import fresh, month_facts, totals_of
from services.billing.pricing.ledger import rate_period
from tests.billing.conftest import a_running

MONTHS = ("2026-08", "2026-09", "2026-10", "2026-11")
TIERS = [
    {"up_to": "10", "unit_price": "8.5", "flat_fee": "3"},
    {"up_to": "25", "unit_price": "5.333"},
    {"up_to": None, "unit_price": "7.1", "flat_fee": "0.5"},
]
BLOCKS = [
    {"block_size": "4", "max_blocks": "2", "block_price": "11"},
    {"block_size": "10", "max_blocks": None, "block_price": "17.77"},
]
PRICES = {
    "flat": {"model": "flat", "amount": "1234.56"},
    "per_unit": {"model": "per_unit", "unit_price": "0.333"},
    "multiplier": {"model": "multiplier", "multiplier": "1.085"},
    "package": {"model": "package", "size": "5", "price": "19.9", "free_units": "2"},
    "graduated": {"model": "graduated", "tiers": TIERS},
    "volume": {"model": "volume", "tiers": TIERS},
    "graduated_percentage": {"model": "graduated_percentage", "tiers": [{"up_to": "20", "rate_pct": "12.5"}, {"up_to": None, "rate_pct": "3.3"}]},
    "graduated_blocks": {"model": "graduated_blocks", "tiers": BLOCKS},
    "volume_blocks": {"model": "volume_blocks", "tiers": BLOCKS},
    "capacity": {"model": "capacity", "tiers": [{"up_to": "6", "price": "90.5"}, {"up_to": "12.5", "price": "140"}, {"up_to": None, "price": "133.33"}]},
    "percentage": {"model": "percentage", "rate_pct": "7.3", "fixed_fee": "0.45", "free_events": "2", "free_amount": "11"},
    "percentage_walked": {"model": "percentage", "rate_pct": "7.3", "free_amount": "11", "event_min": "0.3", "event_max": "0.8"},
}  # fmt: skip
AGGREGATIONS = ("sum", "sum", "sum", "count", "max", "min", "latest", "unique", "time_weighted")


def a_line(chance, model, meter):
    line = {"item": "repair", "meter": meter, "price": PRICES[model], "aggregation": chance.choice(AGGREGATIONS)}
    by_event = model.startswith("percentage")
    if by_event:
        line["aggregation"] = "sum"
    for name, values in (
        ("free_quantity", "0 0 2.5"),
        ("minimum", "0 40.01 300"),
        ("maximum", "0 90 500.55"),
        ("discount_pct", "0 7.5"),
    ):
        value = chance.choice(values.split())
        if value != "0" and not (by_event and name == "free_quantity"):
            line[name] = value
    if "minimum" in line and "maximum" in line:
        del line["minimum"]
    return line


class History:
    """Random months of one contract on a running service."""

    def __init__(self, running, seed):
        self.running, self.chance, self.ref = running, random.Random(seed), f"P-{seed}"
        models = list(PRICES)
        self.models = [models[seed % len(models)], self.chance.choice(models)]
        self.known = []
        self.number = 0
        zone = self.chance.choice(["Asia/Shanghai", "Asia/Shanghai", "UTC", "America/New_York"])
        running.clock.set(datetime(2026, 8, 1, tzinfo=UTC))
        with running.work() as work:
            put_contract_in_force(
                work,
                {"ref": self.ref, "supplier": "HY", "budget_line": "AIRCON", "title": "t", "title_en": "t", "items": ["repair"],
                 "starts_on": date(2026, 8, 1), "ends_on": date(2027, 1, 1), "zone": zone,
                 "terms": {"fixed_days_in_month": self.chance.choice([None, 30])}},
                [{"version": 1, "starts_on": date(2026, 8, 1), "lines": self.lines()}],
            )  # fmt: skip

    def lines(self):
        return [a_line(self.chance, model, f"m{index}") for index, model in enumerate(self.models)]

    def report(self, **kind):
        self.number += 1
        now = self.running.clock.now()
        first = datetime(2026, 8, 1, 5, tzinfo=UTC)
        at = first + timedelta(minutes=self.chance.randint(0, max(1, int((now - first).total_seconds() // 60))))
        return Report(
            source="test", id=f"{self.ref}-{self.number}", contract=self.ref, service_at=at, item="repair",
            meter=self.chance.choice(["m0", "m1"]), unit="hours", quantity=Decimal(self.chance.randint(0, 1500)) / 100,
            counted=self.chance.choice(["a", "b", "c"]), **kind,
        )  # fmt: skip

    def step(self):
        self.running.clock.set(self.running.clock.now() + timedelta(hours=self.chance.randint(1, 90)))
        what = self.chance.choice(["facts", "facts", "facts", "void", "correct", "again", "close", "card"])
        if what == "facts":
            new = [self.report() for _ in range(self.chance.randint(1, 6))]
            self.take(new, together=self.chance.random() < 0.5)
            self.known += new
        elif what in {"void", "correct"} and self.known:
            self.take([self.report(kind=what, corrects=self.chance.choice(self.known).id)])
        elif what == "again" and self.known:
            assert [each.status for each in self.take([self.chance.choice(self.known)])] == ["known"]
        elif what == "close":
            self.close()
        elif what == "card" and self.chance.random() < 0.5:
            self.change_card()

    def take(self, reports, together=False):
        with self.running.work() as work:
            return record(work, reports, together=together)

    def close(self):
        month = self.chance.choice(MONTHS[:3])
        if f"{self.running.clock.now() + timedelta(hours=-14):%Y-%m}" > month:
            with self.running.work() as work:
                statements.draw(work, self.ref, month)

    def change_card(self):
        day = date(2026, 8, 1) + timedelta(days=self.chance.randint(0, 100))
        lines = self.lines()
        with self.running.database.read() as connection:
            promised = cards.preview(connection, self.ref, day, lines)
        with self.running.work(actor="account:one") as work:
            draft = cards.propose_card(work, self.ref, day, lines, "one")
        with self.running.work(actor="account:two") as work:
            booked = cards.put_card_in_force(work, self.ref, draft)
        assert booked == sum((each.amount for each in promised), Decimal(0))

    def check(self):
        with self.running.database.read() as connection:
            agreement = agreements(connection, [self.ref])[self.ref]
            drawn = {
                row.period: row
                for row in connection.execute(select(tables.statement).where(tables.statement.c.contract == self.ref))
            }
            booked, stated = defaultdict(Decimal), defaultdict(Decimal)
            for row in connection.execute(select(tables.feed_entry).where(tables.feed_entry.c.contract == self.ref)):
                booked[row.period] += row.amount
                stated[row.booked_in] += row.amount
            facts = live_facts(connection, agreement)
            for period in (*MONTHS, "2026-12"):
                rated = fresh(agreement, period, month_facts(connection, agreement, period), final=period in drawn)
                assert booked[period] == sum((line.amount for line in rated.values()), Decimal(0)), (self.ref, period)
                kept = totals_of(connection, self.ref, period)
                for place, line in rated.items():
                    assert (kept[place].billed, kept[place].facts) == (line.amount, line.facts)
                    assert abs(kept[place].quantity - line.quantity) < Decimal("1e-11")  # what a numeric column holds
                if period in drawn:
                    assert booked[period] == rate_period(agreement.full, period, facts).total
                    assert drawn[period].total == stated[period]
                    lines = tables.statement_line
                    mine = connection.execute(
                        select(lines.c.amount).where(lines.c.statement == drawn[period].ref)
                    ).scalars()
                    assert sum(mine, Decimal(0)) == drawn[period].total
        return len(drawn)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("histories")
    running = a_running(folder, f"sqlite:///{folder / 'billing.db'}")
    yield running
    running.database.close()


@pytest.mark.parametrize("seed", range(36))
def test_a_history_comes_to_its_fresh_rating(house, seed):
    history = History(house, seed)
    for _ in range(22):
        history.step()
    history.check()
    house.clock.set(datetime(2026, 12, 2, tzinfo=UTC))
    with house.work() as work:
        for month in MONTHS:
            statements.draw(work, history.ref, month)
    assert history.check() == 4


def test_a_history_on_postgres(running):
    for seed in (1001, 1004, 1018, 1019):
        history = History(running, seed)
        for _ in range(20):
            history.step()
        history.check()
