"""From a sentence to its time expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from services.requests.chat.times.conventions import LONGEST_TEXT
from services.requests.chat.times.days import Offset
from services.requests.chat.times.expression import Bound, Grain, TimeExpression
from services.requests.chat.times.lexer import lex
from services.requests.chat.times.normalise import Normal, normalise
from services.requests.chat.times.periods import Span
from services.requests.chat.times.points import Clocks, Point, absorb
from services.requests.chat.times.resolve import resolve
from services.requests.chat.times.rules_phrases import parse

if TYPE_CHECKING:
    from datetime import datetime

# Behind these a time is the new one of something that is moved.
_MOVED = re.compile(
    r"(?:[改换挪调移延推]|推迟|延后|提前|顺延)(?:到|成|为|至|在)了?\s*$"
    r"|\b(?:mov|reschedul|chang|push|shift|postpon|bring|brought)\w*\b[^.;]*\b(?:to|for|till)\s*$"
)
_CHINESE = re.compile("[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What was said, and where in the normalised text."""

    point: Point
    start: int
    end: int


def expressions(text: str, reference: datetime, lang: str | None = None) -> list[TimeExpression]:
    """Every time expression in ``text``, in order of appearance, none overlapping.

    ``lang`` ("zh" or "en") settles only what the writing leaves open, such as the order of 1/2/2026; by default the
    text itself tells. Any text is accepted; only its first 2,000 characters are read.
    """
    normal = normalise(text[:LONGEST_TEXT])
    return [one for _, one in _resolved(_phrases(text, normal, lang), text, normal, reference)]


def main_expression(text: str, reference: datetime, lang: str | None = None) -> TimeExpression | None:
    """The time a request is about, None when there is none.

    A day and a clock time said apart ("12月4日在三楼开会,上午9点") are taken together, as are a start and a length. Of
    several the fullest is meant, but of something that is moved the new time.
    """
    normal = normalise(text[:LONGEST_TEXT])
    phrases = _phrases(text, normal, lang)
    found = _resolved(_together(phrases), text, normal, reference) or _resolved(phrases, text, normal, reference)
    if not found:
        return None
    moved = (one for phrase, one in found if _MOVED.search(normal.text, max(0, phrase.start - 60), phrase.start))
    return next(moved, None) or max(found, key=lambda pair: _weight(*pair))[1]


def _phrases(text: str, normal: Normal, lang: str | None) -> list[Phrase]:
    language = lang or ("zh" if _CHINESE.search(normal.text) else "en")
    tokens = parse(lex(normal.text, normal.as_written(text), language))
    return [Phrase(token.value, token.start, token.end) for token in tokens if isinstance(token.value, Point)]


def _resolved(
    phrases: list[Phrase], text: str, normal: Normal, reference: datetime
) -> list[tuple[Phrase, TimeExpression]]:
    """The phrases that the calendar has, with what they mean."""
    now = reference.replace(tzinfo=None, fold=0)
    found = []
    reached = 0
    for phrase in phrases:
        one = _expression(phrase, text, normal, now)
        if one is None or one.span[1] <= reached:
            continue
        if one.span[0] < reached:  # normalised letters of both stand in one word of the text
            one = replace(one, span=(reached, one.span[1]), text=text[reached : one.span[1]])
        reached = one.span[1]
        found.append((phrase, one))
    return found


def _expression(phrase: Phrase, text: str, normal: Normal, now: datetime) -> TimeExpression | None:
    point = phrase.point
    try:
        meant = resolve(point, now)
    except (ValueError, OverflowError):
        return None
    if meant.start is not None and meant.end is not None and meant.end <= meant.start:
        return None
    start, end = normal.original(phrase.start, phrase.end)
    return TimeExpression(
        text=text[start:end],
        span=(start, end),
        kind=meant.kind,
        start=meant.start,
        end=meant.end,
        end_named=meant.end_named,
        length=meant.length,
        grain=meant.grain,
        part=meant.part,
        bound=Bound.BEFORE if point.instant is not None and point.instant.through else point.bound,
        recurrence=point.recurrence,
        approximate=point.approximate or any(each.approximate for each in (point.clock, point.length) if each),
        assumed=meant.assumed,
        dated=meant.dated,
    )


# --- said apart ------------------------------------------------------------------------------------------------------------


def _together(phrases: list[Phrase]) -> list[Phrase]:
    """The phrases with a day and its clock time joined wherever they stand, and a length with its start."""
    out: list[Phrase] = []
    for phrase in phrases:
        joined = _joined(out[-1].point, phrase.point) if out else None
        if joined is not None:
            out[-1] = Phrase(joined, out[-1].start, phrase.end)
        else:
            out.append(phrase)
    return out


def _joined(one: Point, other: Point) -> Point | None:
    if one.end and one.days and one.end.days and not (one.timed or one.end.timed):
        one = replace(one, days=Span(one.days, one.end.days), end=None)
    if one.end or other.end or one.bound is not Bound.AT or other.instant or one.instant:
        return None
    if other.length is not None and not other.days and not other.timed:
        if one.clock is not None and other.length.timed and one.length is None:
            return replace(one, clock=None, clocks=Clocks(one.clock, None, length=other.length))
        return None
    if (one.days is None and other.days is None) or (one.length and not one.timed):
        return None
    if (
        other.recurrence is not None
        and (other.clock or other.clocks)
        and other.days == Offset(0)
        and one.days
        and not one.timed
        and not one.recurrence
    ):
        return replace(other, days=one.days)  # 12月5日至7日培训,每天8:30-17:30
    if (one.days is not None and other.days is not None) or (one.timed and other.timed and not one.part):
        return None
    point: Point | None = replace(one, bound=other.bound, inclusive=other.inclusive)
    for letter, value in (
        ("D", other.days),
        ("p", other.part.name if other.part else None),
        ("C", other.clock),
        ("2", other.clocks),
    ):
        if value is not None and point is not None:
            point = absorb(point, letter, value)
    return point


def _weight(phrase: Phrase, one: TimeExpression) -> tuple[int, int, int]:
    """How surely it is the time meant: a day with a clock time before a day before a length; then the first."""
    point = phrase.point
    fullness = (2 if one.dated else 0) + (2 if one.grain < Grain.PART else 1 if one.part else 0)
    if point.length is not None and one.start is None and one.end is None:
        fullness = 0
    elif point.instant is not None and not point.instant.length.total():
        fullness = 1  # 现在 tells of a time only when nothing else does
    return fullness, one.span[1] - one.span[0] if fullness else 0, -one.span[0]
