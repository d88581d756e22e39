"""Last rules: clock ranges, then whole phrases, ranges of phrases, and what bounds them."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from services.requests.chat.times import lexicon_zh as zh
from services.requests.chat.times import rules_atoms, rules_dates, rules_periods
from services.requests.chat.times.cascade import Pass
from services.requests.chat.times.clocks import DAY_ENDS, Clock
from services.requests.chat.times.conventions import DAY_PARTS, PLAUSIBLE_YEARS
from services.requests.chat.times.days import CalendarDay, Days, Weekday
from services.requests.chat.times.expression import Bound, Grain
from services.requests.chat.times.periods import leans
from services.requests.chat.times.points import Clocks, Point, absorb, rolls
from services.requests.chat.times.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.requests.chat.times.lengths import Length

    Tokens = Sequence[Token]

CLOCK_RANGES = Pass()
RANGES = Pass()
BOUNDS = Pass()

_UNTIL = frozenset({"until", "till", "til", "up to", "up until", "untill"})
_MOVES = re.compile(
    "(?:改|换|挪|调|移|延|推|推迟|延后|延期|提前|顺延|变更|调整|更改)$"
    r"|\b(?:mov|reschedul|chang|push|shift|postpon|bring|brought|swap)[a-z]*\b"
)

# --- from one clock time to another ------------------------------------------------------------------------------------

_END = "[@l]{0,2}p?"
_NOT_A_CLOCK = "(?![uYMJkHhL/#qm])"


def _clock(token: Token) -> Clock | None:
    if token.letter == "C":
        value: Clock = token.value
        return value
    said = rules_atoms.bare_clock(token.value)
    return said if said is not None and said.hour <= 24 else None


def _clocks(tokens: Tokens) -> Clocks | None:
    """The two clock times among the tokens, with the half days said before them; both must be possible."""
    ends = [index for index, token in enumerate(tokens) if token.letter in "CN"]
    start, end = (_clock(tokens[index]) for index in ends)
    if start is None or end is None:
        return None
    middle = next(index for index, token in enumerate(tokens) if token.letter in "t&" and index > ends[0])
    first = next((DAY_PARTS[token.value] for token in tokens[:middle] if token.letter == "p"), None)
    last = next((DAY_PARTS[token.value] for token in tokens[middle:] if token.letter == "p"), None)
    return Clocks(start, end, first, last)


@CLOCK_RANGES.rule(
    "2",
    f"f?p?@?C(?:lp)?Z?,?t{_END}C3?",
    f"f[@l]?p?@?C(?:lp)?&{_END}C",
    f"@?C(?:lp)?&{_END}Cn",
    f"f?p?@?Nt{_END}C",
    f"f[@l]?p?N&{_END}C",
    f"f?p?@?Ct{_END}N{_NOT_A_CLOCK}",
    f"f[@l]?p?@?C&{_END}N{_NOT_A_CLOCK}",
)
def clock_range(tokens: Tokens) -> Clocks | None:
    """下午两点半到五点, "2-3:30pm", "between 9 and 11:30"."""
    numbers = [token for token in tokens if token.letter == "N"]
    if numbers and tokens[-1].letter == "N" and tokens[-1].value.digits == 4 and numbers[0].value.whole < 100:
        return None
    return _clocks(tokens)


@CLOCK_RANGES.rule("2", f"(?:f[@l]?|@|p@?)N[t&]{_END}N{_NOT_A_CLOCK}", f"NtN{_NOT_A_CLOCK}")
def number_range(tokens: Tokens) -> Clocks | None:
    """ "from 9 to 11", "5 to seven in the morning"; years and large numbers are not meant."""
    numbers = [token.value for token in tokens if token.letter == "N"]
    mark = next(token for token in tokens if token.letter in "t&")
    if mark.letter == "&" and tokens[0].letter != "f":
        return None
    if len(tokens) == 3 and tokens[0].letter == "N" and mark.text not in {"until", "till", "til"}:
        return None
    if all(number.digits == 4 and number.whole in PLAUSIBLE_YEARS for number in numbers):
        return None
    return _clocks(tokens)


@CLOCK_RANGES.rule("2", "pNpN(?![a-zA-Z#])")
def office_hours(tokens: Tokens) -> Clocks | None:
    """早九晚五."""
    start, end = _clock(tokens[1]), _clock(tokens[3])
    if start is None or end is None or tokens[2].text != "晚":
        return None
    return Clocks(start, end, DAY_PARTS[tokens[0].value], DAY_PARTS[tokens[2].value])


@CLOCK_RANGES.rule("=", f"NtN{_NOT_A_CLOCK}")
def weak_range(tokens: Tokens) -> Clocks | None:
    """ "12-4": clock times only beside a day."""
    numbers = [token.value for token in tokens if token.letter == "N"]
    if all(number.digits == 4 and number.whole in PLAUSIBLE_YEARS for number in numbers):
        return None
    both_four = all(number.digits == 4 for number in numbers)
    clocks = _clocks(tokens)
    return clocks if both_four or all(number.digits <= 2 for number in numbers) else None


@CLOCK_RANGES.rule("2", "f?[CN]oL", "f[CN]L", "CZ?L(?![SBGI])", "o?L,?f[CN]")
def clock_and_length(tokens: Tokens) -> Clocks | None:
    """ "2pm for 2 hours", 两点开始两个小时, "for 2.5 hours from 9"."""
    start = _clock(next(token for token in tokens if token.letter in "CN"))
    length: Length = next(token.value for token in tokens if token.letter == "L")
    if start is None or not length.timed:
        return None
    return Clocks(start, None, length=length)


# --- phrases -----------------------------------------------------------------------------------------------------------

_PARTS_OF_PHRASE = frozenset("DRQpC2=%")
_GLUE = frozenset("l5,@oi/xfZ")


def phrases(tokens: list[Token]) -> list[Token]:
    """Runs of days, half days and clock times, in any order, become one phrase each; ``P`` holds a :class:`Point`."""
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.letter in _PARTS_OF_PHRASE:
            phrase, at = _phrase(tokens, at)
            out.append(phrase)
        elif token.letter in "LT":
            point = Point(length=token.value) if token.letter == "L" else Point(instant=token.value)
            out.append(Token("P" if token.letter == "T" else "L", point, token.start, token.end, token.text))
            at += 1
        else:
            out.append(token)
            at += 1
    return out


def _phrase(tokens: list[Token], first: int) -> tuple[Token, int]:
    """The phrase that starts at ``first`` and where the next token is; ``_`` when it says no time after all."""
    token = tokens[first]
    point = Point(clocks=token.value) if token.letter == "=" else absorb(Point(), token.letter, token.value)
    weak = token.letter == "="  # "12-4" alone is no time
    last = first
    shorter = point, last
    while point is not None:
        following = last + 1
        while following < len(tokens) and following - last < 4 and tokens[following].letter in _GLUE:
            following += 1
        more = _continuation(tokens, last, following)
        longer = absorb(point, more.letter, more.value) if more is not None else None
        if more is None or longer is None:
            if more is not None and more.start == tokens[last].start:
                point, last = shorter  # a word of several tokens, such as 今夜, is taken whole or not at all
            break
        about = any(each.letter == "x" for each in tokens[last + 1 : following])
        shorter = point, last
        point, last = replace(longer, approximate=longer.approximate or about), following
        weak = weak and more.letter not in "DRQp"
    # 早 and 晚 alone are "early" and "late" rather than half days.
    bare = last == first and tokens[first].letter == "p" and tokens[first].text in {"早", "晚"}
    if point is None or weak or bare:
        return Token("_", None, tokens[first].start, tokens[last].end, ""), last + 1
    return Token("P", point, tokens[first].start, tokens[last].end, tokens[first].text), last + 1


def _continuation(tokens: list[Token], last: int, following: int) -> Token | None:
    """The token at ``following`` if it may go on the phrase that so far ends at ``last``."""
    if following >= len(tokens):
        return None
    token = tokens[following]
    if token.letter == "N" and _is_hour_behind_part(tokens, following):
        return Token("C", _clock(token), token.start, token.end, token.text)
    between = {each.letter for each in tokens[last + 1 : following]}
    if ("f" in between and token.letter not in "C2=") or ("Z" in between and token.letter != "Q"):
        return None
    if token.letter == "=":
        return Token("2", token.value, token.start, token.end, token.text)
    return token if token.letter in _PARTS_OF_PHRASE else None


def _is_hour_behind_part(tokens: list[Token], at: int) -> bool:
    """ "tonight 8": a small number right behind a half day, with nothing that it could count."""
    number = tokens[at].value
    before = tokens[at - 1] if tokens[at - 1].letter != "," else tokens[at - 2]
    if before.letter != "p" and not (before.letter == "D" and number.fraction):
        return False
    if len(number.fraction) not in {0, 2} or not 1 <= number.value < 13 or number.digits > 2:
        return False
    return at + 1 == len(tokens) or tokens[at + 1].letter in ",lfo"


# --- ranges of phrases -------------------------------------------------------------------------------------------------


@RANGES.rule("P", "f?l*P[lZ]?t[l@]*Pn?", "fl*P&[l@]*Pn?", "P&Pn", "f?l*Pt[NO](?![aKuYMkHhLq#,])")
def phrase_range(tokens: Tokens) -> Point | None:
    """ "from Monday to Friday", 明天9点到后天下午5点, "between 2:00 tomorrow and 4:00"."""
    first: Point = next(token.value for token in tokens if token.letter == "P")
    tail = tokens[-2] if tokens[-1].letter == "n" else tokens[-1]
    if tail.letter in "NO":
        return _open_ended(first, tail)
    last: Point = tail.value
    if first.end or last.end or first.clocks or (first.instant and first.instant.through):
        return None
    if last.clocks and (first.days is None or first.timed):
        return None
    if first.days is None and not first.timed and first.instant is None:
        return None
    first = replace(first, days=_shared(first.days, last.days))
    return replace(first, end=last, recurrence=first.recurrence or last.recurrence)


def _both(tokens: Tokens) -> tuple[Point, Point]:
    """The two phrases among the tokens."""
    first, last = (token.value for token in tokens if token.letter == "P")
    return first, last


def _shared(first: Days | None, last: Days | None) -> Days | None:
    """The first day with the week or month that only the last was said with: "Monday to Wednesday next week"."""
    if isinstance(first, Weekday) and isinstance(last, Weekday) and leans(first) and first.weekday <= last.weekday:
        return replace(first, week=last.week)
    if isinstance(first, CalendarDay) and isinstance(last, CalendarDay) and leans(first) and first.day < last.day:
        return replace(first, month=last.month, year=last.year, of=last.of)
    return first


def _open_ended(first: Point, token: Token) -> Point | None:
    """ "November 3rd - 5": a number that names the last day, or 2014-2018."""
    value = token.value if token.letter == "O" else token.value.whole
    if first.timed or first.end is not None:
        return None
    if isinstance(first.days, CalendarDay) and 1 <= value <= 31:
        return replace(first, end=Point(days=CalendarDay(value)))
    return None


@RANGES.rule("P", "tN(?=$|[_,PD@])")
def until_hour(tokens: Tokens) -> Point | None:
    """ "till 6"; "to 6" may be anything."""
    said = _clock(tokens[1]) if tokens[0].text in _UNTIL and tokens[1].value.digits <= 2 else None
    return None if said is None else Point(clock=said, bound=Bound.BEFORE, inclusive=True)


@RANGES.rule("P", "P[_l5#]+(?:,[_l5#]*)?t[l@]*P3?")
def range_around_words(tokens: Tokens) -> Point | None:
    """12月3日两点半要用会议室,到四点; not of what is moved (3点的会改到5点)."""
    first, last = _both(tokens)
    gap = next((token.text for token in reversed(tokens) if token.letter == "_"), "")
    mark = next(token.text for token in tokens if token.letter == "t")
    if _MOVES.search(gap) or mark not in {"到", "至", "to"} | _UNTIL or len(gap) > 40:
        return None
    if first.clock is None or first.end or last.clock is None or last.days or last.end or last.length:
        return None
    return replace(first, end=last)


@RANGES.rule("P", "PZ?_?,?P3", "PZ?tP3")
def said_to_end(tokens: Tokens) -> Point | None:
    """九点开会,十一点散会."""
    first, last = _both(tokens)
    if first.end or first.clock is None or last.clock is None or last.days is not None:
        return None
    return replace(first, end=last)


@RANGES.rule("P", "el*P")
def end_of_day(tokens: Tokens) -> Point | None:
    """ "end of tomorrow" is its last second."""
    point: Point = tokens[-1].value
    if (
        not tokens[0].text.endswith("of")
        or tokens[0].value != "end"
        or point.timed
        or point.days is None
        or point.days.grain > Grain.DAY
    ):
        return None
    return replace(point, clock=DAY_ENDS)


@RANGES.rule("P", "fPL", "PZ[@lo_]?L", "o?L,?fl*P", "PoL", "L,?el*P")
def phrase_and_length(tokens: Tokens) -> Point | None:
    """12月3日起一周, "for 3 days from today", "2 weeks starting May 20th"."""
    point: Point = next(token.value for token in tokens if token.letter == "P")
    length: Point = next(token.value for token in tokens if token.letter == "L")
    if point.end or point.timed or point.days is None or point.length or length.length is None or length.length.timed:
        return None
    return replace(point, length=length.length)


# --- bounds ------------------------------------------------------------------------------------------------------------


@BOUNDS.rule("P", "b[l@x]*P(?:X?B)?", "PX?[nl]?B", "Pb(?![lx@]*P)")
def before(tokens: Tokens) -> Point | None:
    """周五前, "by Friday noon", 最晚三点."""
    point: Point = next(token.value for token in tokens if token.letter == "P")
    if point.bound is not Bound.AT or rolls(point.days):
        return None
    strict = any(token.letter == "B" or token.text in {"before", "prior to", "ahead of"} for token in tokens)
    return replace(point, bound=Bound.BEFORE, inclusive=not strict)


@BOUNDS.rule("P", "PI")
def inside(tokens: Tokens) -> Point | None:
    """今天之内, 本周内."""
    point: Point = tokens[0].value
    if point.timed or point.days is None or point.bound is not Bound.AT:
        return None
    return replace(point, bound=Bound.BEFORE, inclusive=True, through=True)


@BOUNDS.rule("P", "s[l@]*P", "P[SZ]", "f[l@]*PZ?")
def after(tokens: Tokens) -> Point | None:
    """三点以后, "after 3 pm"; 周一起 and "from Monday" only start there."""
    point: Point = next(token.value for token in tokens if token.letter == "P")
    if point.end or point.length or point.clocks or point.bound is not Bound.AT:
        return None
    return replace(
        point, bound=Bound.AFTER, inclusive=not any(token.letter in "sS" and token.text != "since" for token in tokens)
    )


@BOUNDS.rule("P", "t[l@]*P")
def until(tokens: Tokens) -> Point | None:
    """ "until Friday"; 到 and "to" may as well lead to a new start, so they bound nothing."""
    point: Point = tokens[-1].value
    if tokens[0].text not in _UNTIL | zh.LASTING:
        return None
    return replace(point, bound=Bound.BEFORE, inclusive=True)


@BOUNDS.rule("P", "x[l@]*P", "PX", "x?PX")
def about(tokens: Tokens) -> Point:
    point: Point = next(token.value for token in tokens if token.letter == "P")
    return replace(point, approximate=True)


def parse(tokens: list[Token]) -> list[Token]:
    """The sentence with its time expressions as ``P`` (a :class:`Point`) and ``L`` (a length alone)."""
    tokens = rules_atoms.run(tokens)
    tokens = rules_dates.NAMED.run(tokens)
    tokens = rules_periods.run(tokens)
    tokens = phrases(CLOCK_RANGES.run(tokens))
    _part_moves(tokens)
    tokens = BOUNDS.run(BOUNDS.run(RANGES.run(tokens)))
    _share_weeks(tokens)
    _only_new(tokens)
    return tokens


def _part_moves(tokens: list[Token]) -> None:
    """The "to" of "move the 2pm meeting to 4pm" makes no range; it becomes an ordinary word."""
    moving = False
    for before, token in itertools.pairwise(tokens):
        moving = moving or (before.letter == "_" and _MOVES.search(before.text) is not None)
        if moving and token.letter == "t" and before.letter != "P":
            token.letter, token.value = "_", None


def _only_new(tokens: list[Token]) -> None:
    """ "moved from Monday to Tuesday" is no range: its time is the new one."""
    for gap, phrase in itertools.pairwise(tokens):
        range_said = phrase.letter == "P" and phrase.value.end is not None and phrase.text == "from"
        if range_said and gap.letter == "_" and _MOVES.search(gap.text):
            phrase.value = phrase.value.end


def _share_weeks(tokens: list[Token]) -> None:
    """下周二或周三: a weekday listed behind one of a named week is of that week."""
    for first, mark, second in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if first.letter == "P" and mark.letter in ",&|" and second.letter == "P":
            one, other = first.value.days, second.value.days
            if isinstance(one, Weekday) and isinstance(other, Weekday) and leans(other) and not one.past:
                second.value = replace(second.value, days=replace(other, week=one.week))
