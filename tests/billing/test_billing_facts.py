"""Finished work becomes facts, amounts and a feed, each exactly once, whatever comes twice or in disorder."""

import json
import random
import tempfile
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.billing import store
from services.billing.handlers.contracts import agreements
from services.billing.handlers.costing import done_in_house
from services.billing.pricing.rating import rate
from services.billing.service import SERVICE
from shared.bus.base import Delivery
from shared.contracts.base import Envelope, numbered, seal, unseal
from shared.contracts.dispatch import CostMeasured
from tests.billing.conftest import a_running, facts, finished, hours, tell
from tests.people import NOON

QUANTITIES = st.decimals(min_value="0.01", max_value="130", places=2)
METERS = st.sampled_from(
    [
        ("HY-2026-01", "repair", "hours"),
        ("HY-2026-01", "repair", "materials"),
        ("JJ-2026-01", "cleaning", "m2"),
        ("", "repair", "hours"),
    ]
)
ORDERS = st.lists(st.tuples(METERS, QUANTITIES), min_size=1, max_size=8)


def deliveries_of(orders):
    return [
        finished(number, (meter, str(quantity), "hours"), contract=contract, item=item)
        for number, ((contract, item, meter), quantity) in enumerate(orders, 1)
    ]


def told_in_disorder(running, deliveries, seed):
    """Every delivery one to three times, shuffled, in batches of unequal size."""
    chance = random.Random(seed)
    many = [each for each in deliveries for _ in range(chance.randint(1, 3))]
    chance.shuffle(many)
    while many:
        size = chance.randint(1, 5)
        tell(running, many[:size])
        many = many[size:]


def check_money_of(running, ref):
    """Facts, feed, totals and one rating of the whole agree, also where batches share entries."""
    mine = [each for each in facts(running) if each.contract == ref]
    with running.database.read() as connection:
        feed, totals = store.feed(connection, ref, 0, 1000), store.totals(connection, ref)
        lines = agreements(connection, [ref])[ref].full.cards[0].lines
    assert sum(each.amount for each in mine) == sum(each.amount for each in feed) == sum(each.billed for each in totals)
    for each in totals:
        line = lines[f"{each.item}/{each.meter}"]
        assert rate(line.price, each.quantity, line.terms).amount == each.billed


def check_money(running):
    """Sum of facts = sum of the feed = period totals = one rating of the whole, to the fen; the feed is whole."""
    rows = facts(running)
    with running.database.read() as connection:
        budget = {each.code: each.accrued for each in store.budget(connection)}
        for row in store.contracts(connection):
            mine = [each for each in rows if each.contract == row.ref and each.amount is not None]
            feed = store.feed(connection, row.ref, 0, 1000)
            totals = store.totals(connection, row.ref)
            assert (
                sum(each.amount for each in mine)
                == sum(each.amount for each in feed)
                == sum(each.billed for each in totals)
            )
            assert sum(each.facts for each in totals) == len(mine) == len(feed)
            assert [each.number for each in feed] == list(range(1, len(mine) + 1))
            head = sha256(b"").hexdigest()
            for each in feed:
                head = sha256(f"{head}\n{each.body}".encode()).hexdigest()
                assert each.head == head
                assert Decimal(json.loads(each.body)["amount"]) == each.amount
            assert store.feed_head(connection, row.ref) == (len(feed), head)
            lines = agreements(connection, [row.ref])[row.ref].full.cards[0].lines
            for each in totals:
                line = lines[f"{each.item}/{each.meter}"]
                assert rate(line.price, each.quantity, line.terms).amount == each.billed
            assert budget[row.budget_line] == sum(each.amount for each in mine)


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(orders=ORDERS, seed=st.integers(0, 2**16))
def test_every_finished_order_becomes_its_facts_once_and_the_sums_agree(orders, seed):
    with tempfile.TemporaryDirectory() as folder:
        running = a_running(Path(folder), f"sqlite:///{folder}/billing.db")
        told_in_disorder(running, deliveries_of(orders), seed)
        assert len(facts(running)) == len(orders)
        check_money(running)
        running.database.close()


def test_duplicates_and_disorder_on_each_database(running):
    orders = [(("HY-2026-01", "repair", "hours"), Decimal(n) + Decimal("0.37")) for n in range(1, 25)]
    told_in_disorder(running, deliveries_of(orders), 7)
    assert len(facts(running)) == 24
    check_money(running)


def test_the_same_order_under_another_number_records_nothing(running):
    tell(running, [hours(1, "3")])
    before = facts(running)
    again = finished(1, ("hours", "3", "hours"))
    body = (
        again.body.replace(b'"typenumber":1', b'"typenumber":2')
        .replace(b'"sourcenumber":1', b'"sourcenumber":2')
        .replace(b'"id":"e1"', b'"id":"e2"')
    )
    from shared.bus.base import Delivery
    from shared.contracts.base import unseal

    tell(running, [Delivery(unseal(body), body)])
    assert facts(running) == before
    check_money(running)


def test_what_no_card_covers_is_recorded_without_an_amount_and_is_in_no_feed(running):
    tell(running, [finished(1, ("lifts", "2", "orders")), finished(2, ("hours", "1", "hours"), contract="ZZ-2026-09")])
    assert [(row.state, row.amount) for row in facts(running)] == [("unpriced", None)] * 2
    with running.database.read() as connection:
        assert store.unpriced(connection) == 2
        assert store.feed(connection, "HY-2026-01", 0, 10) == []


def test_our_own_crews_are_measured_and_not_priced(running):
    tell(running, [finished(1, ("hours", "2", "hours"), contract="")])
    [row] = facts(running)
    assert (row.state, row.amount, row.contract) == ("recorded", None, "")


def test_the_fact_that_exceeds_the_budget_is_marked_and_still_counts(running):
    tell(running, [finished(1, ("materials", "111111", "yuan")), finished(2, ("materials", "1", "yuan"))])
    assert sorted((row.order_reference, row.state, row.amount) for row in facts(running)) == [
        ("2026-1125-001-1", "recorded", Decimal("119999.88")),
        ("2026-1125-002-1", "over_budget", Decimal("1.08")),
    ]
    check_money(running)


def test_what_our_store_and_pool_gave_is_a_fact_of_no_contract_once(running):
    """Parts are materials of the item's full cost; what is of no item is listed and is no item's cost."""
    parts = CostMeasured(cost_id="parts/o1", kind="parts", meter="materials", yuan=Decimal("33.00"), item="repair",
                         department="docs", crew="in-elec-1", order_id="o1", at=NOON)  # fmt: skip
    share = CostMeasured(
        cost_id="shared/b1/0", kind="shared", meter="shared", yuan=Decimal("42.00"), department="机关事务局", at=NOON
    )
    wanted = next(each for each in SERVICE.subscriptions if each.name == "billing.record_cost")
    for number, event in enumerate((parts, share, parts), 1):
        sealed = seal(
            Envelope(
                id=f"c{number}", source="dispatch", type=event.TYPE, subject=event.cost_id, time=NOON, data=event.data()
            )
        )
        body = numbered(sealed, 1, number, number)
        running.consumer.deliver(wanted, [Delivery(unseal(body), body)])
    found = {row.source_id: row for row in facts(running)}
    assert set(found) == {"parts/o1", "shared/b1/0"}
    assert {(row.contract, row.unit, row.state) for row in found.values()} == {("", "yuan", "recorded")}
    with running.database.read() as connection:
        done = done_in_house(connection, "2026-11")
    assert list(done) == ["repair"]
    assert done["repair"].materials == 33
