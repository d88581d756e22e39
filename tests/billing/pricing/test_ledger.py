"""Facts to statements: whatever arrives, late, twice, shuffled, corrected or void, closed months only change by adjustments."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.pricing.aggregation import AGGREGATIONS
from services.billing.pricing.cards import Card, CardLine
from services.billing.pricing.exact import decimal
from services.billing.pricing.explanation import total
from services.billing.pricing.ledger import Book, Contract, Fact, Outcome, rate_period
from services.billing.pricing.models import read_price, steps_of
from services.billing.pricing.rating import Terms, due
from services.billing.pricing.refusal import PricingRefused
from services.billing.pricing.rounding import FEN, rounded
from tests.billing.pricing.a_price import MODEL_DATA, a_card_line, per_unit, prices, quick, terms, thorough, tiered

F = Fraction
SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 5, 3, tzinfo=UTC)
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


TO_THE_FEN = Terms(rounding=FEN)


def contract(price=None, agreed=TO_THE_FEN, aggregation="sum", zone=SHANGHAI):
    return Contract(zone, (Card(1, lines={"": a_card_line(price or per_unit(), agreed, aggregation)}),))


def fact(name, at, quantity, **more):
    return Fact(
        "dispatch",
        name,
        at if isinstance(at, datetime) else datetime.fromisoformat(at).astimezone(UTC),
        F(quantity),
        **more,
    )


def booked(book, period):
    return sum((F(each.amount) for each in book.adjustments if each.for_period == period), F(0))


# Histories.

moments = st.integers(0, 119 * 24 * 60).map(lambda minutes: NEW_YEAR + timedelta(minutes=minutes))
names = st.integers(0, 12).map(str)
amounts = st.integers(0, 400).map(lambda tenths: F(tenths, 10))
operations = st.lists(
    st.one_of(
        st.tuples(st.just("ingest"), names, moments, amounts),
        st.tuples(st.just("ingest"), names, moments, amounts),
        st.tuples(st.just("again"), names),
        st.tuples(st.just("void"), names),
        st.tuples(st.just("correct"), names, amounts),
        st.tuples(st.just("move"), names, moments),
        st.tuples(st.just("close"), st.sampled_from(MONTHS)),
    ),
    max_size=30,
)


def play(book, history, meter=""):
    """Run a drawn history; operations on facts that never came are left out, as the caller's inbox would."""
    for name, *rest in history:
        if name == "close":
            book.close(rest[0])
        elif name == "ingest":
            book.ingest(fact(*rest, meter=meter, identity=rest[0][-1]), LATER)
        elif (key := ("dispatch", rest[0])) in book.delivered:
            if name == "again":
                assert book.ingest(book.delivered[key], LATER) is Outcome.DUPLICATE
            elif name == "void":
                book.void(key, LATER)
            elif name == "correct":
                book.correct(key, LATER, quantity=rest[1])
            else:
                book.correct(key, LATER, at=rest[1])


def assert_adds_up(book):
    for period, statement in book.statements.items():
        fresh = rate_period(book.contract, period, book.live())
        assert F(statement.total) + booked(book, period) == F(fresh.total) == F(book.final()[period])
    assert all(each.amount for each in book.adjustments)


@thorough
@given(prices(), terms, operations)
def test_statement_plus_adjustments_is_a_fresh_rating_for_every_model_and_every_term(price, agreed, history):
    book = Book(contract(price, replace(agreed, rounding=agreed.rounding or FEN)))
    play(book, history)
    assert_adds_up(book)


@quick
@given(prices(), operations)
def test_without_rounding_the_books_still_add_up_as_far_as_decimals_reach(price, history):
    book = Book(contract(price, Terms()))
    play(book, history)
    assert_adds_up(book)


@thorough
@given(st.sampled_from(sorted(AGGREGATIONS.keys() - {"prorated_sum"})), prices(), operations)
def test_statement_plus_adjustments_is_a_fresh_rating_for_every_aggregation(aggregation, price, history):
    book = Book(contract(price, aggregation=aggregation))
    play(book, history)
    assert_adds_up(book)


two_cards = st.builds(
    lambda day, old, new, agreed, rounding_from: Contract(
        SHANGHAI,
        (
            Card(
                1,
                None,
                day,
                {
                    "m": a_card_line(old, replace(agreed, rounding=FEN)),
                    "sum": CardLine(read_price({"model": "flat", "amount": "310"}), rounding_from),
                },
            ),
            Card(
                2,
                day,
                None,
                {
                    "m": CardLine(new, Terms(rounding=FEN)),
                    "sum": CardLine(read_price({"model": "flat", "amount": "620"}), rounding_from),
                },
            ),
        ),
    ),
    st.dates(date(2026, 1, 1), date(2026, 4, 30)),
    prices(),
    prices(),
    terms,
    st.just(TO_THE_FEN),
)


@quick
@given(two_cards, two_cards, operations, operations)
def test_a_retroactive_card_is_booked_as_an_adjustment_and_the_books_still_add_up(before, after, history, afterwards):
    book = Book(before)
    play(book, history, meter="m")
    announced = book.preview(after.cards, LATER)
    assert_adds_up(book)
    assert book.change_cards(after.cards, LATER) == announced
    assert_adds_up(book)
    play(book, afterwards, meter="m")
    assert_adds_up(book)


@quick
@given(prices(), st.sampled_from(sorted(AGGREGATIONS.keys() - {"prorated_sum"})), operations, st.randoms())
def test_the_order_and_number_of_deliveries_does_not_show(price, aggregation, history, chance):
    bodies = {rest[0]: fact(*rest, identity=rest[0]) for name, *rest in history if name == "ingest"}
    straight, shuffled = Book(contract(price, aggregation=aggregation)), Book(contract(price, aggregation=aggregation))
    for each in bodies.values():
        straight.ingest(each)
    deliveries = [each for each in bodies.values() for _ in range(chance.randint(1, 5))]
    chance.shuffle(deliveries)
    outcomes = [shuffled.ingest(each) for each in deliveries]
    assert outcomes.count(Outcome.ACCEPTED) == len(bodies)
    assert outcomes.count(Outcome.CONFLICT) == 0
    for month in MONTHS:
        assert straight.close(month) == shuffled.close(month)


# A percentage is taken of each event, not of their sum: the property after this one is its own.
of_sums = st.sampled_from(sorted(MODEL_DATA.keys() - {"percentage"})).flatmap(prices)


@quick
@given(of_sums, terms, st.lists(st.tuples(moments, amounts), max_size=12))
def test_a_month_costs_what_its_summed_quantity_costs(price, agreed, uses):
    agreed = replace(agreed, rounding=FEN)
    book = Book(contract(price, agreed))
    for number, (at, quantity) in enumerate(uses):
        book.ingest(fact(str(number), at, quantity))
    for month in MONTHS:
        quantity = sum((used for at, used in uses if at.astimezone(SHANGHAI).strftime("%Y-%m") == month), F(0))
        assert F(book.close(month).total) == due(price, quantity, agreed)


@quick
@given(prices("percentage"), st.lists(st.tuples(moments, amounts), max_size=12), st.randoms())
def test_a_month_of_a_percentage_costs_what_its_events_cost_in_the_order_of_service(price, uses, chance):
    book = Book(contract(price))
    facts = [fact(f"{number:02}", at, quantity) for number, (at, quantity) in enumerate(uses)]
    for each in chance.sample(facts, len(facts)):
        book.ingest(each)
    for month in MONTHS:
        served = sorted(
            (each for each in facts if each.time.astimezone(SHANGHAI).strftime("%Y-%m") == month),
            key=lambda each: (each.time, each.id),
        )
        events = [each.quantity for each in served]
        wanted = rounded(total(steps_of(price, sum(events, F(0)), events)), FEN)
        assert F(book.close(month).total) == wanted


@quick
@given(two_cards, operations)
def test_every_line_is_the_sum_of_its_steps(agreed, history):
    book = Book(agreed)
    play(book, history, meter="m")
    for month in MONTHS:
        for line in book.close(month).lines:
            assert line.amount == decimal(total(line.steps))
            assert [step.key for step in line.steps if step.key in {"facts", "card"}] == ["facts", "card"]


def test_a_long_history_of_redeliveries_ends_in_the_same_statement_to_the_fen():
    chance = random.Random(7)
    price = tiered("volume", ("900", "1.375", "12"), ("2000", "1.125", "30"), (None, "0.995", "0"))
    facts = [
        fact(str(n), NEW_YEAR + timedelta(minutes=chance.randrange(119 * 1440)), F(chance.randrange(1, 900), 100))
        for n in range(800)
    ]
    plain, stormy = Book(contract(price)), Book(contract(price))
    for each in facts:
        plain.ingest(each)
    deliveries = [each for each in facts for _ in range(chance.randint(1, 5))]
    chance.shuffle(deliveries)
    for position, each in enumerate(deliveries):
        stormy.ingest(each, LATER)
        if position % 500 == 250:
            stormy.close(chance.choice(MONTHS))
    for month in MONTHS:
        assert F(plain.close(month).total) == F(stormy.close(month).total) + booked(stormy, month)


# Single rules.


def test_the_contracts_clock_decides_the_month():
    book = Book(contract())
    book.ingest(fact("a", "2026-03-31T15:59:59Z", 1))
    book.ingest(fact("b", "2026-03-31T16:00:00Z", 2))
    assert book.open_periods() == {"2026-03": Decimal(2), "2026-04": Decimal(4)}


def test_the_same_body_in_another_spelling_is_a_duplicate():
    book = Book(contract())
    book.ingest(fact("a", "2026-03-31T15:00:00Z", "5.0"))
    assert book.ingest(fact("a", "2026-03-31T23:00:00+08:00", 5)) is Outcome.DUPLICATE


def test_another_body_is_a_conflict_and_changes_nothing_even_after_void_or_correction():
    book = Book(contract())
    first = fact("a", "2026-03-02T00:00:00Z", 5)
    book.ingest(first)
    book.correct(first.key, quantity=F(4))
    # The body that counts is the one first delivered: the corrected quantity was never delivered.
    assert book.ingest(fact("a", "2026-03-02T00:00:00Z", 4)) is Outcome.CONFLICT
    assert book.ingest(first) is Outcome.DUPLICATE
    book.void(first.key)
    assert book.ingest(first) is Outcome.DUPLICATE
    assert book.ingest(fact("a", "2026-03-02T00:00:00Z", 9)) is Outcome.CONFLICT
    assert book.live() == []


def test_a_void_fact_stays_void_when_corrected_and_can_be_voided_again():
    book = Book(contract())
    book.ingest(fact("a", "2026-03-02T00:00:00Z", 5))
    book.close("2026-03")
    for _ in range(2):
        book.void(("dispatch", "a"), LATER)
    book.correct(("dispatch", "a"), LATER, quantity=F(50))
    assert [each.amount for each in book.adjustments] == [Decimal("-10.00")]


def test_a_correction_of_the_time_moves_the_fact_out_of_one_closed_month_into_another():
    book = Book(contract())
    book.ingest(fact("a", "2026-02-02T00:00:00Z", 5))
    book.close("2026-02")
    book.close("2026-03")
    book.correct(("dispatch", "a"), LATER, at=datetime(2026, 3, 2, tzinfo=UTC))
    assert [(each.for_period, each.amount, each.booked_in) for each in book.adjustments] == [
        ("2026-02", Decimal("-10.00"), "2026-05"),
        ("2026-03", Decimal("10.00"), "2026-05"),
    ]
    assert book.adjustments[0].cause == "correct dispatch/a"


def test_closing_again_gives_the_frozen_statement():
    book = Book(contract())
    book.ingest(fact("a", "2026-03-02T00:00:00Z", 5))
    stated = book.close("2026-03")
    book.ingest(fact("b", "2026-03-02T00:00:00Z", 5), LATER)
    assert book.close("2026-03") is stated
    assert (stated.total, book.final()) == (Decimal("10.00"), {"2026-03": Decimal("20.00")})


def test_a_change_that_rounds_away_gives_no_line():
    book = Book(contract(per_unit("0.001")))
    book.ingest(fact("a", "2026-03-02T00:00:00Z", 5))
    book.close("2026-03")
    book.correct(("dispatch", "a"), LATER, quantity=F(6))
    assert book.adjustments == []


def test_a_month_closed_without_facts_states_what_is_due_all_the_same():
    assert Book(contract(tiered("volume", (None, "1", "7")))).close("2026-03").total == 7
    assert Book(contract(agreed=Terms(minimum=50))).close("2026-03").total == 50
    assert Book(contract()).close("2026-03").lines == ()


def test_an_open_month_of_which_every_fact_is_void_still_shows_what_is_left():
    book = Book(contract())
    book.ingest(fact("a", "2026-03-02T00:00:00Z", 5))
    book.void(("dispatch", "a"))
    assert book.open_periods() == {"2026-03": 0}


@pytest.mark.parametrize("change", ["void", "correct"])
def test_a_fact_that_never_came_cannot_be_changed(change):
    with pytest.raises(PricingRefused) as refused:
        getattr(Book(contract()), change)(("dispatch", "x"), LATER)
    assert refused.value.code == "unknown_fact"


def test_what_is_refused_leaves_no_trace():
    book = Book(contract())
    book.close("2026-03")
    for wrong, now in ((fact("a", "2026-03-02T00:00:00Z", -5), LATER), (fact("a", "2026-03-02T00:00:00Z", 5), None)):
        with pytest.raises(PricingRefused):
            book.ingest(wrong, now)
    assert (book.delivered, book.live(), book.adjustments) == ({}, [], [])
    assert book.ingest(fact("a", "2026-03-02T00:00:00Z", 5), LATER) is Outcome.ACCEPTED


def test_a_fact_on_a_day_without_a_card_or_of_an_unpriced_meter_is_refused():
    only_march = Contract(SHANGHAI, (Card(1, date(2026, 3, 1), date(2026, 4, 1), {"km": CardLine(per_unit())}),))
    with pytest.raises(PricingRefused) as refused:
        Book(only_march).ingest(fact("a", "2026-04-01T00:00:00Z", 5, meter="km"))
    assert refused.value.code == "gap"
    with pytest.raises(PricingRefused) as refused:
        Book(only_march).ingest(fact("a", "2026-03-02T00:00:00Z", 5, meter="pages"))
    assert refused.value.code == "unknown_meter"


def test_facts_are_rated_by_the_card_of_their_service_date():
    cards = (
        Card(1, None, date(2026, 3, 16), {"km": CardLine(per_unit("1"), Terms(rounding=FEN))}),
        Card(2, date(2026, 3, 16), None, {"km": CardLine(per_unit("10"), Terms(rounding=FEN))}),
    )
    book = Book(Contract(SHANGHAI, cards))
    book.ingest(fact("a", "2026-03-15T15:59:00Z", 1, meter="km"))
    book.ingest(fact("b", "2026-03-15T16:00:00Z", 1, meter="km"))
    statement = book.close("2026-03")
    assert [(line.meter, line.version, line.amount) for line in statement.lines] == [
        ("km", 1, Decimal("1.00")),
        ("km", 2, Decimal("10.00")),
    ]


def test_a_monthly_sum_counts_by_days_when_the_card_changes_within_the_month():
    lump = {
        version: {"cleaning": CardLine(read_price({"model": "flat", "amount": amount}), Terms(rounding=FEN))}
        for version, amount in ((1, "310"), (2, "620"))
    }
    cards = (Card(1, None, date(2026, 3, 11), lump[1]), Card(2, date(2026, 3, 11), None, lump[2]))
    assert [line.amount for line in Book(Contract(SHANGHAI, cards)).close("2026-03").lines] == [
        Decimal("100.00"),
        Decimal("420.00"),
    ]
    thirty = Contract(SHANGHAI, (Card(1, date(2026, 2, 15), None, lump[1]),), fixed_days_in_month=30)
    # 15 February to 1 March in months of 30 days: 14 - (28 - 30) = 16 of 30.
    assert Book(thirty).close("2026-02").total == Decimal("165.33")


def test_a_level_is_carried_over_the_month_end():
    book = Book(contract(per_unit("300"), aggregation="time_weighted", zone=ZoneInfo("UTC")))
    book.ingest(fact("two guards come", "2026-03-16T12:00:00Z", 2))
    book.ingest(fact("one goes", "2026-04-16T00:00:00Z", -1))
    # March: 2 for half of the month; April: 2 for half of it, then 1.
    assert [book.close(month).total for month in ("2026-03", "2026-04", "2026-05")] == [
        Decimal("300.00"),
        Decimal("450.00"),
        Decimal("300.00"),
    ]


def test_a_late_change_of_level_adjusts_every_later_closed_month():
    book = Book(contract(per_unit("300"), aggregation="time_weighted", zone=ZoneInfo("UTC")))
    for month in ("2026-03", "2026-04"):
        book.close(month)
    book.ingest(fact("one guard came", "2026-03-01T00:00:00Z", 1), LATER)
    assert [(each.for_period, each.amount) for each in book.adjustments] == [
        ("2026-03", Decimal("300.00")),
        ("2026-04", Decimal("300.00")),
    ]


def test_lines_name_what_they_are_made_of():
    book = Book(contract(tiered("graduated", ("3", "2", "0"), (None, "1", "0.5"))))
    book.ingest(fact("a", "2026-03-02T00:00:00Z", 5))
    (line,) = book.close("2026-03").lines
    assert (line.facts, line.quantity, line.amount) == (1, 5, Decimal("8.50"))
    assert [step.key for step in line.steps] == [
        "facts",
        "aggregate",
        "card",
        "quantity",
        "tier",
        "tier",
        "tier_fee",
        "rounded",
        "amount",
    ]
