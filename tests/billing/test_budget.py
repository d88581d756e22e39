"""Budget lines: where each yuan stands, what may still be committed, and where the year is heading."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.budget import (
    STAGES,
    BudgetLine,
    Movement,
    Position,
    Stage,
    Verdict,
    check,
    forecast,
    position,
    used_pct,
)
from services.billing.pricing.refusal import PricingRefused
from tests.billing.pricing.a_price import thorough

F = Fraction
AIR = BudgetLine("air-conditioning", 2026, 120_000)
COMMITTED, ACCRUED, STATED, PAID = STAGES


def moved(stage, amount, on=date(2026, 3, 1), obligation="contract"):
    return Movement(stage, amount, on, obligation)


def test_money_moves_from_commitment_to_payment_and_counts_once():
    movements = [moved(COMMITTED, 60_000), moved(ACCRUED, 10_000), moved(STATED, 8_000), moved(PAID, 5_000)]
    now = position(AIR, movements)
    assert (now.committed, now.accrued, now.stated, now.paid) == (50_000, 2_000, 3_000, 5_000)
    assert (now.spent, now.used, now.available) == (10_000, 60_000, 60_000)
    assert used_pct(now) == 50


def test_work_beyond_its_commitment_is_new_money():
    now = position(AIR, [moved(COMMITTED, 1_000), moved(ACCRUED, 1_500)])
    assert (now.committed, now.accrued, now.used) == (0, 1_500, 1_500)


def test_a_release_or_a_void_gives_the_money_back():
    now = position(
        AIR, [moved(COMMITTED, 5_000), moved(COMMITTED, -2_000), moved(ACCRUED, 1_000), moved(ACCRUED, -1_000)]
    )
    assert (now.committed, now.accrued, now.available) == (3_000, 0, 117_000)


def test_one_obligation_does_not_pay_for_another():
    now = position(AIR, [moved(COMMITTED, 1_000, obligation="a"), moved(ACCRUED, 400, obligation="b")])
    assert (now.committed, now.accrued) == (1_000, 400)


movements = st.lists(
    st.builds(
        moved,
        st.sampled_from(STAGES),
        st.integers(-500, 9_000),
        st.dates(date(2026, 1, 1), date(2026, 6, 30)),
        st.sampled_from("ab"),
    ),
    max_size=12,
)


@thorough
@given(movements, st.randoms())
def test_no_stage_before_payment_is_negative_and_the_order_of_booking_does_not_matter(drawn, chance):
    now = position(AIR, drawn)
    assert min(now.committed, now.accrued, now.stated) >= 0
    assert now.paid == sum(each.amount for each in drawn if each.stage is PAID)
    used = 0
    for obligation in "ab":
        entered = [
            sum(each.amount for each in drawn if each.stage is stage and each.obligation == obligation)
            for stage in STAGES
        ]
        used += max(entered)
    assert now.used == used
    chance.shuffle(drawn)
    assert position(AIR, drawn) == now


@thorough
@given(movements, st.sampled_from(STAGES), st.integers(0, 150_000), st.booleans())
def test_a_check_foretells_the_position(drawn, stage, amount, hard):
    line = BudgetLine("air-conditioning", 2026, 120_000, hard=hard)
    told = check(line, drawn, moved(stage, amount))
    after = position(line, [*drawn, moved(stage, amount)])
    assert (told.after, told.over_by) == (after, max(F(0), -after.available))
    assert (told.verdict in {Verdict.OVER, Verdict.STOPPED}) == (after.used > 120_000)
    if told.verdict is Verdict.STOPPED:
        assert hard
        assert stage is COMMITTED


@pytest.mark.parametrize(
    ("amount", "hard", "stage", "override", "verdict", "over_by"),
    [
        (10_000, False, COMMITTED, False, Verdict.WITHIN, 0),
        (48_000, False, COMMITTED, False, Verdict.WARNING, 0),
        (60_000, False, COMMITTED, False, Verdict.WARNING, 0),
        (60_001, False, COMMITTED, False, Verdict.OVER, 1),
        (60_001, True, COMMITTED, False, Verdict.STOPPED, 1),
        (60_001, True, COMMITTED, True, Verdict.OVER, 1),
        # Work that was done is recorded whatever the ceiling says, and flagged.
        (120_001, True, ACCRUED, False, Verdict.OVER, 1),
        (60_000, True, ACCRUED, False, Verdict.WITHIN, 0),
    ],
)
def test_verdicts_on_a_further_sum(amount, hard, stage, override, verdict, over_by):
    line = BudgetLine("air-conditioning", 2026, 120_000, hard=hard)
    told = check(line, [moved(COMMITTED, 60_000)], moved(stage, amount), override=override)
    assert (told.verdict, told.over_by) == (verdict, over_by)


def test_a_line_without_a_ceiling_is_over_at_once():
    nothing = BudgetLine("new", 2026, 0)
    assert check(nothing, [], moved(ACCRUED, 5)).verdict is Verdict.OVER
    assert check(nothing, [], moved(ACCRUED, 0)).verdict is Verdict.WITHIN
    assert used_pct(Position(F(0))) is None


def test_giving_money_back_is_never_stopped():
    hard = BudgetLine("x", 2026, 100, hard=True)
    assert check(hard, [moved(ACCRUED, 500)], moved(COMMITTED, -1)).verdict is Verdict.OVER


def test_a_year_heads_for_what_it_spends_each_day():
    # 73 of 365 days, 30,000 of 120,000 spent: 150,000 by the year's end.
    told = forecast(AIR, [moved(ACCRUED, 30_000)], date(2026, 3, 14))
    assert (told.year_end, told.gap) == (150_000, 30_000)
    # 120,000 / (30,000 / 73) = 292 days: the ceiling is reached on day 292.
    assert told.exhausted_on == date(2026, 10, 19)


def test_a_season_is_not_a_pace():
    heating = {1: 3, 2: 3, 3: 2, 11: 1, 12: 3}
    told = forecast(AIR, [moved(PAID, 60_000, date(2026, 2, 1))], date(2026, 2, 28), heating)
    assert (told.year_end, told.gap, told.exhausted_on) == (120_000, 0, date(2026, 12, 31))
    with pytest.raises(PricingRefused):
        forecast(AIR, [], date(2026, 2, 28), {7: 1})


def test_what_is_committed_is_spent_at_the_least():
    told = forecast(AIR, [moved(COMMITTED, 130_000), moved(ACCRUED, 1_000)], date(2026, 12, 31))
    assert (told.year_end, told.gap, told.exhausted_on) == (130_000, 10_000, None)


def test_later_movements_do_not_count_yet_and_another_year_is_refused():
    told = forecast(AIR, [moved(ACCRUED, 10_000), moved(ACCRUED, 99_000, date(2026, 9, 1))], date(2026, 3, 14))
    assert told.year_end == 50_000
    assert told.gap == -70_000
    assert told.exhausted_on is None
    with pytest.raises(PricingRefused):
        forecast(AIR, [], date(2027, 1, 1))


def test_an_exhausted_line_is_exhausted_today():
    assert forecast(AIR, [moved(ACCRUED, 120_000)], date(2026, 3, 14)).exhausted_on == date(2026, 3, 14)


def test_leap_years_have_366_days():
    told = forecast(BudgetLine("x", 2028, 100), [Movement(Stage.PAID, 1, date(2028, 1, 1))], date(2028, 1, 1))
    assert told.year_end == 366
