"""Rules that build days and periods from others: the first week of Jan, three days after Friday, 节前两天."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.requests.chat.times import rules_dates
from services.requests.chat.times.cascade import Pass
from services.requests.chat.times.days import Beside, CalendarDay, Days, Holiday, Offset, Shifted, Weekday
from services.requests.chat.times.expression import Grain, Recurrence
from services.requests.chat.times.lengths import Length, length_unit
from services.requests.chat.times.periods import (
    CALENDAR_UNITS,
    Around,
    Break,
    Edge,
    InYear,
    Nth,
    Portion,
    Rolling,
    Unit,
    Year,
)
from services.requests.chat.times.points import NO_TIME, Instant, Repeated, together
from services.requests.chat.times.rules_atoms import unit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.requests.chat.times.tokens import Modifier, Token

    Tokens = Sequence[Token]
    Pair = tuple[str, Any]

IN_YEARS = Pass()
COMPOSED = Pass()
WEEKDAYS = Pass()
SHIFTED = Pass()
LEFT_WEEKDAYS = Pass()


def _pair(days: Days) -> Pair:
    """The days with the letter they go by: D for one day, R for a stretch."""
    return ("D" if days.grain <= Grain.DAY and not isinstance(days, Portion | Rolling) else "R"), days


# --- a year or month said beside ---------------------------------------------------------------------------------------


@IN_YEARS.rule("", "R[li5]*[RD]", "D[,li]*R(?!tR)")
def in_period(tokens: Tokens) -> Pair | None:
    """明年三月, 下个月3号, "q1 of 2017", "the fourth of July, 1995"."""
    both = together(tokens[0].value, tokens[-1].value)
    return None if both is None else _pair(both)


# --- parts of periods ----------------------------------------------------------------------------------------------------


def _nth(which: int, mark: Token, of: Days, count: int = 1) -> Pair | None:
    if mark.letter == "W":
        return _pair(Nth(which, "weekday", of, weekday=mark.value))
    name = "month" if mark.letter == "M" else unit_of(mark)
    if name == "quarter" and which > 0:
        year = together(of, InYear(3 * which - 2, 3)) if which <= 4 else None
        return None if year is None else _pair(year)
    if name not in CALENDAR_UNITS | {"workday"} or (name == "workday" and count > 1):
        return None
    return _pair(Nth(which, name, of, count))


@COMPOSED.rule("Q", "vO[uW]l*R", "[Or][uW]l*Q", "Ol*Q", "vOl*R")
def every_nth(tokens: Tokens) -> Repeated | None:
    """ "every first Monday of the month", "the last Friday of every month"."""
    last = tokens[-1]
    monthly = last.value.recurrence.unit == "month" if last.letter == "Q" else last.value.grain is Grain.MONTH
    first = next(token for token in tokens if token.letter in "Or")
    which = first.value if first.letter == "O" else first.value.offset
    mark = next((token for token in tokens if token.letter in "uW"), None)
    if not monthly or which not in range(-1, 32):
        return None
    days = CalendarDay(which) if mark is None else _nth(which, mark, Unit("month"))
    if days is None:
        return None
    return Repeated(days[1] if isinstance(days, tuple) else days, Recurrence("month"))


@COMPOSED.rule("", "[Or][uWMk][li]+R", "OWR", "O[uMk]R")
def nth_of(tokens: Tokens) -> Pair | None:
    """ "first week of Jan", "the last Friday of next month"."""
    which = tokens[0].value
    if tokens[0].letter == "r":
        if tokens[0].value.offset != -1:
            return None
        which = -1
    return _nth(which, tokens[1], tokens[-1].value)


@COMPOSED.rule("D", "Ol+R")
def day_of_month(tokens: Tokens) -> CalendarDay | None:
    """ "the fourth of next month"."""
    month = tokens[-1].value
    fits = isinstance(month, Unit | InYear) and month.grain is Grain.MONTH and 1 <= tokens[0].value <= 31
    return CalendarDay(tokens[0].value, of=month) if fits else None


@COMPOSED.rule("", "R[l5]*O[uWMk]")
def nth_in(tokens: Tokens) -> Pair | None:
    """十月的第一周, 下个月最后一个工作日."""
    return _nth(tokens[-2].value, tokens[-1], tokens[0].value)


@COMPOSED.rule("R", "[Or]L[li]+R", "R[l5]*[OB]L")
def several_of(tokens: Tokens) -> Nth | None:
    """ "the last four months of 2021", 去年的前10天."""
    mark = next(token for token in tokens if token.letter in "OrB")
    name, count = length_unit(next(token.value for token in tokens if token.letter == "L"))
    of = next(token.value for token in tokens if token.letter == "R")
    which = {"B": 1, "r": -1}.get(mark.letter) or mark.value
    if mark.letter == "B" and isinstance(of, Break):
        return None  # 放假前一天 lies before it
    if (mark.letter == "r" and mark.value.offset != -1) or which not in {1, -1} or name not in CALENDAR_UNITS:
        return None
    return Nth(which, name, of, count)


@COMPOSED.rule("R", "O[uk](?![sS])")
def ordinal_unit(tokens: Tokens) -> InYear | Nth | None:
    """第一季度, 第31周."""
    which, name = tokens[0].value, unit_of(tokens[1])
    if name == "quarter" and 1 <= which <= 4:
        return InYear(3 * which - 2, 3)
    if name == "week" and which > 0 and tokens[0].text.startswith("第"):
        return Nth(which, "week", Unit("year"))
    return None


@COMPOSED.rule("R", "l?uN(?:l*R)?")
def week_number(tokens: Tokens) -> Nth | None:
    """ "week 31", "week 3 of 2027"."""
    mark = next(token for token in tokens if token.letter == "u")
    number = next(token.value for token in tokens if token.letter == "N")
    of = tokens[-1].value if tokens[-1].letter == "R" else Unit("year")
    return Nth(number.whole, "week", of) if mark.text == "week" and 1 <= number.whole <= 53 else None


@COMPOSED.rule("R", "l?uR")
def year_by_name(tokens: Tokens) -> Year | None:
    """ "the calendar year 2008"."""
    year = tokens[-1].value
    return year if isinstance(year, Year) and tokens[-2].value == "year" else None


@COMPOSED.rule("R", "l?ul+[DR]", "DuR?(?!s)")
def around(tokens: Tokens) -> Around | None:
    """ "the week of April 10th", "halloween weekend"."""
    mark = next(token for token in tokens if token.letter == "u")
    name = unit_of(mark)
    days: Days = tokens[0].value if tokens[0].letter == "D" else tokens[-1].value
    if tokens[0].letter == "D" and tokens[-1].letter == "R":
        days = together(days, tokens[-1].value) or days
    if name not in {"week", "weekend"} or (tokens[0].letter == "D" and not isinstance(days, Holiday)):
        return None
    return Around(name, days) if days.grain <= Grain.DAY else None


# --- edges ---------------------------------------------------------------------------------------------------------------


@COMPOSED.rule("", "RE")
def edge(tokens: Tokens) -> Pair | None:
    """月底, 年初, 12月中旬."""
    return _edge(tokens[0].value, tokens[1].value)


@COMPOSED.rule("", "e[lit]*R", "el*[uk](?![lN])", "Sl*R")
def edge_of(tokens: Tokens) -> Pair | None:
    """ "end of March", "early next week", "later this year"."""
    last = tokens[-1]
    if tokens[0].letter == "S":
        return _edge(last.value, "later") if tokens[0].text == "later" else None
    if tokens[0].text in {"start", "end", "beginning"} and tokens[1].text.startswith("in"):
        return None  # "should start in the next decade"
    if last.letter == "R":
        return _edge(last.value, tokens[0].value)
    name = unit_of(last)
    return _edge(Unit(name), tokens[0].value) if name in CALENDAR_UNITS - {"day"} else None


def _edge(period: Days, which: str) -> Pair | None:
    if which == "break":
        return None
    if which in {"start", "middle", "end"}:
        return "D", Edge(period, which)
    if which in {"0", "1", "2"} and period.grain is not Grain.MONTH:
        return None
    return "R", Portion(period, which)


@COMPOSED.rule("D", "[eS]l*D")
def edge_of_day(tokens: Tokens) -> Days | None:
    """ "later today" is today; "early Monday" is Monday."""
    days: Days = tokens[-1].value
    return days if tokens[0].value not in {"end", "start", "middle"} and tokens[0].text != "from now" else None


@COMPOSED.rule("", "r[uYMk]", "rL", "u")
def left_over(tokens: Tokens) -> Pair | None:
    """What no period followed: "last week", 周末."""
    if tokens[0].letter == "u":
        return ("R", Unit("weekend")) if tokens[0].value == "weekend" else None
    days = rules_dates.rolling(tokens) if tokens[1].letter == "L" else rules_dates.unit(tokens)
    return None if days is None else ("R", days)


# --- weekdays ------------------------------------------------------------------------------------------------------------


@WEEKDAYS.rule("D", "Wl*N(?![aKMJYuqFhHkL#tC]|,N)", "W,?l*O(?![uWkMq#])")
def numbered_weekday(tokens: Tokens) -> CalendarDay | None:
    """ "Monday 21", "Fri the 13th"."""
    last = tokens[-1]
    value = last.value if last.letter == "O" else last.value.whole
    if last.letter == "N" and (last.value.digits != 2 or value < 13 or not tokens[0].text.isascii()):
        return None
    return CalendarDay(value, weekday=tokens[0].value) if 1 <= value <= 31 else None


@WEEKDAYS.rule("D", "WN(?=[tpf,@_]|$)")
def weekday_with_point(tokens: Tokens) -> CalendarDay | None:
    """ "Friday 7.6", said with points like a date."""
    number = tokens[1].value
    if not number.fraction or not (1 <= int(number.value) <= 12 and 1 <= int(number.fraction) <= 31):
        return None
    return CalendarDay(int(number.fraction), int(number.value))


@WEEKDAYS.rule("D", "Wu(?=$|[_,2CpP@;])")
def weekday_week(tokens: Tokens) -> Shifted | None:
    """ "Tuesday week": a week after the next Tuesday."""
    return Shifted(Weekday(tokens[0].value), Length(days=7), 1) if tokens[1].text == "week" else None


@WEEKDAYS.rule("D", "r?WtD")
def weekday_and_date(tokens: Tokens) -> CalendarDay | None:
    """ "Friday-Jun-15", written without blanks."""
    date = tokens[-1]
    glued = tokens[-2].text == "-" and tokens[-2].start == tokens[-3].end and tokens[-2].end == date.start
    return date.value if glued and isinstance(date.value, CalendarDay) and date.value.month else None


@WEEKDAYS.rule("D", "rW", "Wsr", "Wl*r(?=[_,@C]|$)")
def weekday_of_week(tokens: Tokens) -> Weekday | None:
    """下下周一, "next Friday", "Monday after next"."""
    if tokens[0].letter == "W":
        offset = tokens[-1].value.offset
        return Weekday(tokens[0].value, week=2 if tokens[1].letter == "s" and offset == 1 else offset)
    modifier: Modifier = tokens[0].value
    weekday = tokens[1].value
    if modifier.rolling:
        return None
    if modifier.nearest:
        return Weekday(weekday, past=modifier.offset < 0)
    return Weekday(weekday, week=modifier.offset)


@WEEKDAYS.rule("R", "W[,&]?W")
def both_weekend_days(tokens: Tokens) -> Unit | None:
    """周六周日."""
    return Unit("weekend") if (tokens[0].value, tokens[-1].value) == (5, 6) else None


@WEEKDAYS.rule("Q", "(?<![OLN])u(?=[l5]*[pC])")
def on_workdays(tokens: Tokens) -> Repeated | None:
    """工作日早上8点."""
    first = Beside(Offset(-1), "workday", 1, 1)
    return Repeated(first, Recurrence("workday")) if tokens[0].value == "workday" else None


@WEEKDAYS.rule("D", "(?<![OSB5])W(?![sb])")
@LEFT_WEEKDAYS.rule("D", "W")
def weekday(tokens: Tokens) -> Weekday:
    return Weekday(tokens[0].value)


# --- so long before or after -----------------------------------------------------------------------------------------------


def _from_now(length: Length, sign: int) -> Pair:
    return ("T", Instant(length, sign)) if length.timed else ("D", Shifted(Offset(0), length, sign))


@SHIFTED.rule("", "iL", "LI", "iLI")
def within(tokens: Tokens) -> Pair:
    """ "in 45 minutes", "within 5 minutes", 三天内, 还剩5分钟."""
    length = next(token.value for token in tokens if token.letter == "L")
    if tokens[0].letter == "i" and tokens[0].value == "in" and tokens[-1].letter == "L":
        return _from_now(length, 1)
    return "T", Instant(length, 1, through=True)


@SHIFTED.rule("", "(?<![DRCp])gL(?:S|I)?", "L[SG]")
def from_now(tokens: Tokens) -> Pair | None:
    """两个半小时后, "two weeks later", "an hour ago", 过两天."""
    length = next(token.value for token in tokens if token.letter == "L")
    if tokens[0].letter == "g" and tokens[0].text != "过":
        return None
    return _from_now(length, -1 if tokens[-1].letter == "G" else 1)


@SHIFTED.rule("D", "(?<!o)Ll*[sbf]l*[DR]", "(?<=i)Ll*[sbf]l*[DR]")
def shifted(tokens: Tokens) -> Shifted | None:
    """ "three weeks from tomorrow", "2 weeks before Christmas"."""
    length, mark, anchor = tokens[0].value, next(t for t in tokens if t.letter in "sbf"), tokens[-1].value
    if length.timed or mark.text not in {"after", "from", "before", "since"}:
        return None
    return Shifted(anchor, length, -1 if mark.letter == "b" else 1)


@SHIFTED.rule("D", "[DR][SB][l5]?L(?!S)")
def shifted_behind(tokens: Tokens) -> Days | None:
    """国庆后三天, 周五前两天, 节后第一周."""
    length = tokens[-1].value
    if length.timed:
        return None
    sign = -1 if tokens[1].letter == "B" else 1
    anchor: Days = tokens[0].value
    if tokens[0].letter == "R":
        anchor = Edge(anchor, "end" if sign > 0 else "start")
    return Shifted(anchor, length, sign)


@SHIFTED.rule("D", "[DR][SB]C?[l5]*O[uW]", "[DR][SB]5?W", "O[uW][sb]l*[DR]", "u[sb]l*[DR]", "W[sb]l*[DR]")
def beside(tokens: Tokens) -> Beside | None:
    """国庆节后第一个工作日, "the first Monday after Christmas", "the day after the holiday"."""
    mark = next(token for token in tokens if token.letter in "uW")
    sign = 1 if any(token.letter in "sS" for token in tokens) else -1
    if any(token.letter == "b" and token.text != "before" for token in tokens):
        return None
    nth = next((token.value for token in tokens if token.letter == "O"), 1)
    anchor = next(token.value for token in tokens if token.letter in "DR")
    if mark.letter == "W":
        return Beside(anchor, "weekday", nth, sign, mark.value)
    if mark.value == "day" and any(token.letter == "C" for token in tokens):
        return Beside(anchor, "workday", nth, sign)  # 节后上班第一天
    return Beside(anchor, str(mark.value), nth, sign) if mark.value in {"day", "workday"} else None


@SHIFTED.rule("R", "(?<![DRCp_])[BS]L")
def rolling(tokens: Tokens) -> Rolling:
    """前1周, 后三天."""
    return Rolling(tokens[1].value, -1 if tokens[0].letter == "B" else 1)


@SHIFTED.rule("D", "(?<![DRCp])LB")
def ago(tokens: Tokens) -> Shifted | None:
    """三天前."""
    length = tokens[0].value
    return None if length.timed else Shifted(Offset(0), length, -1)


@SHIFTED.rule("T", "LB")
def moment_ago(tokens: Tokens) -> Instant | None:
    return Instant(tokens[0].value, -1) if tokens[0].value.timed else None


@SHIFTED.rule("T", "z")
def now(tokens: Tokens) -> Instant:
    return Instant(NO_TIME)


def run(tokens: list[Token]) -> list[Token]:
    """Days and periods composed, weekdays made days, then shifts."""
    for each in (IN_YEARS, COMPOSED, WEEKDAYS, SHIFTED, LEFT_WEEKDAYS):
        tokens = each.run(tokens)
    return tokens
