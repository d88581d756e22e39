"""Budget lines (切块经费) as encumbrances: what is committed, accrued, stated and paid of a year's sum, and what will be.

Money moves one way, from commitment to payment, and is counted in one stage at a time: committed -> accrued (work was
done) -> stated (on a statement) -> paid. Within one obligation (a contract, an order) what a later stage takes comes out of
the stage before it as far as that reaches; the rest is new. Nothing is refused here: a fact over budget is recorded all the
same, and flagged.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from services.billing.pricing.exact import ZERO, Exact, fraction
from services.billing.pricing.refusal import PricingRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class BudgetLine:
    """One envelope of one year, such as 空调机组维护费 120,000.

    Attributes:
        ceiling: the year's sum.
        warn_pct: from this share of use on, people are warned.
        hard: whether new commitments stop at the ceiling unless somebody overrides it.
    """

    code: str
    year: int
    ceiling: Exact
    warn_pct: Exact = 90
    hard: bool = False


class Stage(Enum):
    """Where money stands; in this order."""

    COMMITTED = "committed"
    ACCRUED = "accrued"
    STATED = "stated"
    PAID = "paid"


STAGES = tuple(Stage)


@dataclass(frozen=True)
class Movement:
    """Money entering a stage; negative amounts undo (a void, a released commitment, a refund).

    Attributes:
        obligation: contract or order that it belongs to; one obligation's money never pays for another.
        on: booking date; decides the year-to-date of forecasts.
    """

    stage: Stage
    amount: Exact
    on: date
    obligation: str = ""


@dataclass(frozen=True)
class Position:
    """What a line comes to. Each yuan is counted in one stage only.

    Attributes:
        committed: agreed, nothing done yet.
        accrued: done, not yet stated.
        stated: on a statement, not yet paid.
    """

    ceiling: Fraction
    committed: Fraction = ZERO
    accrued: Fraction = ZERO
    stated: Fraction = ZERO
    paid: Fraction = ZERO

    @property
    def spent(self) -> Fraction:
        """What was done, paid for or not."""
        return self.accrued + self.stated + self.paid

    @property
    def used(self) -> Fraction:
        return self.committed + self.spent

    @property
    def available(self) -> Fraction:
        """What is left to commit; negative when the line is over its ceiling."""
        return self.ceiling - self.used


def position(line: BudgetLine, movements: Iterable[Movement]) -> Position:
    """The line after ``movements``, in whatever order they are given.

    Each stage of an obligation holds what entered it less what went on to the next; where more went on than had entered,
    the difference is new money, so the stage is then empty, never negative.
    """
    entered: dict[str, dict[Stage, Fraction]] = defaultdict(lambda: dict.fromkeys(STAGES, ZERO))
    for each in movements:
        entered[each.obligation][each.stage] += fraction(each.amount)
    held = dict.fromkeys(STAGES, ZERO)
    for stages in entered.values():
        beyond = stages[Stage.PAID]
        held[Stage.PAID] += beyond
        for stage in reversed(STAGES[:-1]):
            reached = max(stages[stage], beyond)
            held[stage] += reached - beyond
            beyond = reached
    return Position(fraction(line.ceiling), *(held[stage] for stage in STAGES))


class Verdict(Enum):
    """What a budget line says to a further sum."""

    WITHIN = "within"
    WARNING = "warning"
    OVER = "over"  # recorded and flagged
    STOPPED = "stopped"  # a commitment over a hard ceiling: needs an override


@dataclass(frozen=True)
class Check:
    """A verdict with its figures.

    Attributes:
        after: what the line would come to.
        over_by: how far above the ceiling that is; zero if it is not.
    """

    verdict: Verdict
    after: Position
    over_by: Fraction


def check(line: BudgetLine, movements: Iterable[Movement], more: Movement, *, override: bool = False) -> Check:
    """What would come of one movement more. Only a commitment can be stopped: work that was done is recorded."""
    after = position(line, [*movements, more])
    over_by = max(ZERO, -after.available)
    if over_by:
        stopped = line.hard and more.stage is Stage.COMMITTED and more.amount > 0 and not override
        return Check(Verdict.STOPPED if stopped else Verdict.OVER, after, over_by)
    warned = after.used * 100 >= after.ceiling * fraction(line.warn_pct) and after.used > 0
    return Check(Verdict.WARNING if warned else Verdict.WITHIN, after, over_by)


@dataclass(frozen=True)
class Forecast:
    """Where the year is heading.

    Attributes:
        year_end: what will have been spent by the end of the year.
        gap: what is missing then (经费缺口); negative is a surplus.
        exhausted_on: first day on which the ceiling is reached at this pace; None if it is not within the year.
    """

    year_end: Fraction
    gap: Fraction
    exhausted_on: date | None


def forecast(
    line: BudgetLine, movements: Sequence[Movement], today: date, shares: Mapping[int, Exact] | None = None
) -> Forecast:
    """The year's end at today's pace, ``today`` included.

    ``shares`` says which part of a year's cost each month (1 to 12) usually takes, in any unit: heating is not dear in May.
    Without it every day weighs the same. What is committed and not yet done is spent at the least.

    Raises:
        PricingRefused: ``today`` is not in the line's year, or ``shares`` give no weight to the days so far.
    """
    if today.year != line.year:
        raise PricingRefused("out_of_range", f"{today} is not in {line.year}", "today")
    now = position(line, (each for each in movements if each.on <= today))
    first, end = date(line.year, 1, 1), date(line.year + 1, 1, 1)
    weights = [_weight(first + timedelta(days=day), shares) for day in range((end - first).days)]
    whole = sum(weights, ZERO)
    elapsed = sum(weights[: (today - first).days + 1], ZERO)
    if not elapsed:
        raise PricingRefused("zero", "no weight falls on the days so far", "shares")
    pace = now.spent / elapsed
    year_end = max(pace * whole, now.used)
    return Forecast(year_end, year_end - now.ceiling, _exhausted(now, pace, weights, today, first))


def _weight(day: date, shares: Mapping[int, Exact] | None) -> Fraction:
    if shares is None:
        return Fraction(1)
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    days = (following - day.replace(day=1)).days
    return fraction(shares.get(day.month, 0)) / days


def _exhausted(now: Position, pace: Fraction, weights: list[Fraction], today: date, first: date) -> date | None:
    if now.spent >= now.ceiling:
        return today
    spent = now.spent
    for day in range((today - first).days + 1, len(weights)):
        spent += pace * weights[day]
        if spent >= now.ceiling:
            return first + timedelta(days=day)
    return None


def used_pct(now: Position) -> Fraction | None:
    """Share of the ceiling in use, in per cent; None for a line without a ceiling."""
    return now.used * 100 / now.ceiling if now.ceiling else None
