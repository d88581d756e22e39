"""``start`` and ``end`` of a frame from the time expressions of its sentence."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from services.requests.chat.times import Grain, Kind, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.requests.chat.text import Sentence
    from services.requests.chat.times import TimeExpression

# A half day that went by: 一上午了, all morning.
_LASTED = re.compile(r"(?:一|整|整个|大半个?)\s*$|\ball (?:the |this )?$")
# Before a clock time these make it the end: 到四点, until 4.
_UNTIL = re.compile(
    r"(?:到|至|直到|截至|结束于?|开到|用到|返回|回来|回)\s*$"
    r"|\b(?:till?|until|to|end(?:s|ing)?(?: at| by)?|finish(?:es|ing)?(?: at| by)?|back(?: at| by)?|return(?:s|ing)?(?: at| by)?|through)\s*(?:at\s*)?$"
)
# After a time these make it the end: 五点回.
_ENDS = re.compile(
    "\\s*(?:左右)?(?:就|再|前)?(?:返回|回来|回(?!复)|返程|结束|散会|收工)|\\s*(?:return|back|finish)\\w*\\b(?!\\s*(?:at |by )?\\d)"
)
Span = tuple[int, int]
_SHORT_UNITS = frozenset({"minute", "hour", "second"})
_INSTEAD_OF = re.compile(r"\b(?:rather than|instead of|not)\s+(?:on |at )?$|不是$|而不是$")
# A repair or a cleaning is wanted before this, not at this time: 下午要交材料, meeting at three.
_REASON_AFTER = re.compile(
    "\\s*(?:里|间|的时候)?(?:走路|走着|看不|危险|害怕|没法|不方便|上厕所|容易)|\\s*(?:就|还|又)?(?:要|得|有|开)(?:交|用|开|汇报|上课|考试|来|个会|会|接待|检查|办|活动|培训|客)"
)
_SINCE = re.compile(r"(?:从|自|打)\s*$|\bsince\s*$")
# After a time these tell that it is past: 昨天报的, 早上就坏了.
_TOLD = re.compile(
    "\\s*(?:就|才|刚|已经|开始|一直|报修|报(?:的|了)|坏|申请的|提交的|说|约的|订的|修(?:的|过|了)|来过|停|打(?:的|过)电话|被|丢)"
)
# The hour that has passed with nothing done: hasn't been emptied in two days.
_UNDONE = re.compile(r"(?:n't|not|never|nobody|no one)\b[^,.;]{0,30}\b(?:in|for)\s*$|没[^,。;]{0,6}$")
_NOW = re.compile("现在|这会儿|此刻|眼下|now|this minute|目前|at the moment|currently")
_STATE_BEFORE = re.compile(
    r"\b(?:for (?:\w+ )?\w+s|a while|ages|long|(?:is|are|'s|was) (?:\w+ )?(?:empty|vacant|done|over|finished|closed|open|gone|fine|ok))\s*$|(?:已经|都|空|走|搬)(?:了|完|出)?$"
)
# 现在 that tells a state and asks for nothing at this moment.
_STATE_AFTER = re.compile(
    "\\s*(?:的|还|都|已|就已|又|到|什么|怎|进|没|坏|不(?!是)|一直|是|在(?!就)|很|特别|全|有(?!空|号|位|人吗|时间)|会议室|空调|电脑|打印机|灯|厕所|和|that|it's|and|on\\b)"
)
_COUNTED = re.compile(
    r"\s*(?:of us|of them|people|persons?|pax|ppl|guests|attendees|participants|copies|seats?|seater|passengers)\b"
)
_STUCK_AT = re.compile(
    r"\b(?:stuck|jammed|stopped|halted|frozen) (?:at )?$|\b(?:stuck|jammed|stopped) at "
)  # a lift at a floor
_HABIT = re.compile("(?:dai|week|month|year|quarter|fortnight)ly|annual(?:ly)?|每[天日周月年]")  # a monthly review
_NAMED_AFTER = re.compile(r"\d|[一二三四五六七八九十]+[月号日]|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)")
_GREETING = re.compile(r"^(?:good )?(?:morning|afternoon|evening)\s*[!,.]", re.IGNORECASE)
_CORRECTION = re.compile(
    "不对|不是|哦不|啊不|说错|改成|改到|更正|应该是|sorry|actually|no wait|i mean|make that|correction|scratch that|rather|wait|oops"
)
_MOVED_TO = re.compile(r"(?:到|至|成|为|在|是|约|换|去)\s*$|\b(?:to|for|until|till|on|at|now|is|be)\s*(?:the\s*)?$")
_SHIFTS = re.compile(r"(?:later|earlier|sooner)$|^(?:晚|早|推迟|提前|延后|往后)")
_LONGER = re.compile(
    "延长|延到[^,。]{0,8}(?:结束|散)|延迟结束|开到|结束时间|extend|finish|end(?:ing)? (?:at|time)|run (?:until|till|to)"
)
_FROM_TO = re.compile(
    r"(?:mov|chang|push|shift|switch|postpon|bring|brought|put|delay|reschedul)\w*\b[^,.;]{0,40}\bfrom\b\s*$|(?:会|时间|预约|改|挪|调|从|由)\s*(?:从|由)?\s*$"
)
_RELATIVE = re.compile("[今明后昨]|today|tomorrow|tmr|day after|周|星期|礼拜|day\\b")
_GIVEN_UP = re.compile(r"(?:从|由)\s*$|\bfrom (?:the |at )?$|(?:不是|而不是|instead of|rather than)\s*$")
_MOVING = re.compile("[换改挪调推移延提]|shift|change|move|push")
_FROM = re.compile("(?:from|从|由)?")
_ROUGHLY = re.compile("[上下]班|after work|first thing|end of day|close of")  # a clock time said beside it is meant
_HALVES = {Part.MORNING: (0, 12), Part.MIDDAY: (11, 14), Part.AFTERNOON: (12, 18), Part.EVENING: (17, 24)}


def is_time(sentence: Sentence, one: TimeExpression) -> bool:
    """False for what only looks like a time here: about 8 of us, the greeting Morning."""
    after = sentence.low[one.span[1] : one.span[1] + 16]
    if one.kind is Kind.TIME and one.part is None and _COUNTED.match(after):
        return False
    if one.kind is Kind.TIME and _STUCK_AT.search(sentence.low[max(0, one.span[0] - 12) : one.span[0] + 3]):
        return False
    greeting = _GREETING.match(sentence.text)
    return not (greeting and one.span[0] < greeting.end())


_BESIDE = re.compile(r"[\s,]*(?:at )?$")
_HOUR_ENDS = re.compile(r"\s*(?:$|[,.;!?](?!\d)|(?:sharp|please|pls|thanks|if|ok|possible|or so|ish)\b)")


def hour_beside(
    sentence: Sentence, one: TimeExpression, hours: Sequence[tuple[int, Span]], free: Sequence[Span]
) -> datetime | None:
    """The moment that a bare hour beside the English name of a day makes of it: haircut tomorrow eleven, 9 tomorrow."""
    if one.start is None or (one.end is not None and one.part is None) or one.grain < Grain.PART or not one.dated:
        return None
    for hour, (start, end) in hours:
        if not (1 <= hour <= 12 and any(low <= start and end <= high for low, high in free)):
            continue
        before = (
            end <= one.span[0]
            and not sentence.low[end : one.span[0]].strip()
            and not _HOUR_COUNTS.search(sentence.low[:start])
        )
        after = (
            one.span[1] <= start
            and _BESIDE.fullmatch(sentence.low[one.span[1] : start]) is not None
            and _HOUR_ENDS.match(sentence.low[end:]) is not None
        )
        if before or after:
            at = datetime.combine(one.start.date(), datetime.min.time()).replace(hour=hour % 24)
            if one.part is not None:
                return _within(one.part, at)
            return at + timedelta(hours=12) if hour in range(1, 7) else at
    return None


_HOUR_COUNTS = re.compile(
    r"\b(?:book|order|need|want|for|get|of|us|only|just|about|around|another|extra|all|room|building|floor|block|level|add|send|bring|print|make|reserve|want|them|are|is|be|we're|unit|no)\s*$"
)


def names_request(sentence: Sentence, one: TimeExpression) -> bool:
    """True when the time tells which request is asked about (明天下午的会议室), not when something is to come."""
    before, after = sentence.low[max(0, one.span[0] - 6) : one.span[0]], sentence.low[one.span[1] :]
    return (
        after.startswith(("的", "那", "订", "约", "用", "开", "会"))
        or one.text.lower().endswith("'s")
        or bool(re.search(r"\b(?:for|on|at)\s+(?:the\s+)?$", before))
    )


def is_reason(sentence: Sentence, one: TimeExpression) -> bool:
    """True when the time tells what something is needed for."""
    general = one.text.lower() in ("at night", "in the dark", "at noon", "in the evening") and not one.dated
    return general or bool(_REASON_AFTER.match(sentence.low[one.span[1] : one.span[1] + 8]))


def is_near(one: TimeExpression, reference: datetime) -> bool:
    """True when the time is a moment away: 十分钟后就要开会 tells how urgent a repair is."""
    return (
        one.start is not None and one.grain < Grain.PART and timedelta(0) <= one.start - reference <= timedelta(hours=1)
    )


def times_said(
    sentence: Sentence, expressions: Sequence[TimeExpression], reference: datetime, start: int, end: int
) -> list[TimeExpression]:
    """The expressions in ``[start, end)`` that tell when something is wanted, not when something happened."""
    kept = []
    for one in expressions:
        if not (start <= one.span[0] and one.span[1] <= end):
            continue
        before, after = (
            sentence.low[max(0, one.span[0] - 16) : one.span[0]],
            sentence.low[one.span[1] : one.span[1] + 8],
        )
        latest = one.start if one.part is not None and one.start is not None else one.end or one.start
        if one.recurrence is not None and (one.recurrence.unit in _SHORT_UNITS or _HABIT.fullmatch(one.text.lower())):
            continue
        if _INSTEAD_OF.search(before) or (
            one.text.lower().startswith(("in ", "for ")) and _UNDONE.search(sentence.low[: one.span[0] + 3])
        ):
            continue
        if one.part is not None and not one.dated and _LASTED.search(before):
            continue
        if _SINCE.search(before) and not (one.end and not one.deadline):
            continue
        if latest is not None and latest.date() < reference.date():
            continue
        if _NOW.search(one.text.lower()) and (_STATE_AFTER.match(after) or _STATE_BEFORE.search(before)):
            continue
        if (
            _TOLD.match(after)
            and one.start is not None
            and one.start.date() == reference.date()
            and one.grain >= Grain.PART
        ):
            continue
        kept.append(_today(one, reference))
    return kept


def _today(one: TimeExpression, reference: datetime) -> TimeExpression:
    """A half day that is not over is meant, even when it has begun: 下午 at four o'clock."""
    if one.part is None or one.dated or one.start is None or one.deadline or one.start.date() == reference.date():
        return one
    if one.start.date() == reference.date() + timedelta(days=1) and reference.hour < _HALVES[one.part][1]:
        return replace(one, start=one.start - timedelta(days=1), end=one.end - timedelta(days=1) if one.end else None)
    return one


def moved(sentence: Sentence, said: Sequence[TimeExpression], reference: datetime) -> dict[str, str]:
    """The new ``start`` and ``end`` that a change of an earlier request names."""
    fresh: list[TimeExpression] = []
    for one in said:
        before = sentence.low[max(0, one.span[0] - 60) : one.span[0]]
        if _NOW.search(one.text.lower()) or (one.kind is Kind.DURATION and not _LONGER.search(sentence.low)):
            continue
        if (
            one.start
            and one.end
            and not one.deadline
            and (
                one.end <= one.start
                or _MOVING.search(one.text.lower())
                or _FROM_TO.search(before + cast("re.Match[str]", _FROM.match(one.text.lower())).group())
            )
        ):
            # "tomorrow's meeting … to 5pm today" was read as a range; its end is the new time.
            one = replace(
                one,
                start=one.end if one.end_named is None else datetime.combine(one.end_named, one.end.time()),
                end=None,
                end_named=None,
                kind=Kind.DATETIME,
            )
        fresh.append(one)
    if len(fresh) > 1:  # an hour later, five o'clock: the clock time counts
        fresh = [one for one in fresh if not _SHIFTS.search(one.text.lower())] or fresh
    if len(fresh) > 1:  # the time that is given up: 从三点换到四点半
        kept = [one for one in fresh if not _GIVEN_UP.search(sentence.low[max(0, one.span[0] - 12) : one.span[0]])]
        fresh = kept or fresh
    if len(fresh) > 1 and all(one.dated for one in fresh):
        aimed = [one for one in fresh if _MOVED_TO.search(sentence.low[max(0, one.span[0] - 6) : one.span[0]])]
        instead = [one for one in fresh if sentence.low[one.span[1] :].lstrip().startswith(("instead", "再", "吧"))]
        fresh = (aimed or instead or fresh)[-1:]
    elif len(fresh) > 1:
        targets = [
            number
            for number, one in enumerate(fresh)
            if _MOVED_TO.search(sentence.low[max(0, one.span[0] - 6) : one.span[0]])
        ]
        if targets and targets[-1] and fresh[targets[-1]].dated:
            fresh = fresh[targets[-1] :]
    found = wanted(sentence, fresh, reference)
    if _LONGER.search(sentence.low) and "start" in found and "end" not in found:
        return {"end": found["start"]}
    return found


def wanted(
    sentence: Sentence, said: Sequence[TimeExpression], reference: datetime, day: datetime | None = None, half: str = ""
) -> dict[str, str]:
    """``start`` and ``end`` as the chat labels write them, taken together from ``said``.

    ``day`` is the day of an earlier need, for clock times that name none; ``half`` the code of its half day, for clock
    times whose half was not said.
    """
    start: TimeExpression | None = None
    end: str | None = None
    moment: datetime | None = None  # start, where it has a clock time
    length: timedelta | None = None
    label: str | None = None
    for one in said:
        before, after = (
            sentence.low[max(0, one.span[0] - 10) : one.span[0]],
            sentence.low[one.span[1] : one.span[1] + 16],
        )
        point = one.end is None and one.part is None and one.grain < Grain.DAY
        if one.kind is Kind.DURATION:
            length = one.length
        elif one.deadline:
            end = one.end_label
            if (
                start is not None
                and start.part is not None
                and start.start is not None
                and not one.dated
                and one.end is not None
                and one.part is None
            ):
                end = _within(start.part, datetime.combine(start.start.date(), one.end.time())).isoformat(
                    timespec="minutes"
                )
        elif (
            start is not None
            and one.part is not None
            and start.start is not None
            and (_UNTIL.search(before) or _ENDS.match(after))
        ):
            end = f"{(one.start if one.dated and one.start else start.start).date()}T{one.part.value}"
        elif (
            start is not None
            and start.end is not None
            and start.grain >= Grain.DAY
            and one.part is not None
            and not one.dated
        ):
            continue  # 周一至周三每天中午 keeps its days
        elif start is not None and point and (_UNTIL.search(before) or _ENDS.match(after)):
            close = _onto(one, start, moment)
            end = close.isoformat(timespec="minutes") if close else end
        elif start is None or (one.dated and start.dated and _replaces(sentence, start, one)):
            if start is not None and end == start.end_label:
                end = None  # the end of what is replaced
            start, label = one, one.start_label
            moment = one.start if point or (one.grain < Grain.PART and one.part is None) else None
            end = one.end_label or end
        elif not one.dated or not start.dated or (moment is None and one.grain < Grain.DAY):
            if (
                not one.dated
                and moment is not None
                and not _ROUGHLY.search(start.text.lower())
                and not _CORRECTION.search(sentence.low[start.span[1] : one.span[0]])
            ):
                continue  # a second clock time is told about something else
            start, moment, label, close_label = _joined(start, one, moment)
            end = close_label or end
    if start is not None and not start.dated and day is not None and moment is not None:
        moment = datetime.combine(day.date(), moment.time())
        if half and start.assumed:
            moment = _within(Part(half), moment)
        label = moment.isoformat(timespec="minutes")
        if start.end is not None and start.start is not None and not start.deadline:
            end = (moment + (start.end - start.start)).isoformat(timespec="minutes")
    elif start is not None and not start.dated and day is not None and start.part is not None:
        label = f"{day.date()}T{start.part.value}"
    if length is not None and moment is not None and end is None and length < timedelta(days=1):
        end = (moment + length).isoformat(timespec="minutes")
    return {slot: value for slot, value in (("start", label), ("end", end)) if value}


def _replaces(sentence: Sentence, first: TimeExpression, second: TimeExpression) -> bool:
    """True when ``second`` corrects ``first``, or says the same more finely."""
    between = sentence.low[first.span[1] : second.span[0]]
    if (
        not _NAMED_AFTER.search(first.text.lower())
        and _NAMED_AFTER.search(second.text.lower())
        and second.dated
        and first.grain >= Grain.DAY
        and not (first.end is None and first.part is None and _RELATIVE.search(first.text.lower()))
    ):
        return True  # 元旦晚会12月31日: the event is named for one day and held on another
    if _ROUGHLY.search(first.text.lower()) and not second.dated and second.grain < Grain.PART and second.start:
        return True
    return bool(_CORRECTION.search(between)) or (
        second.grain < Grain.DAY <= first.grain
        and first.start is not None
        and second.start is not None
        and first.start <= second.start < (first.end or first.start + timedelta(days=1))
    )


def _onto(clock: TimeExpression, start: TimeExpression, moment: datetime | None) -> datetime | None:
    """``clock`` on the day of ``start`` and after it."""
    if clock.start is None or start.start is None:
        return None
    if clock.dated:
        return clock.start
    close = datetime.combine(start.start.date(), clock.start.time())
    if moment is not None and close <= moment < close + timedelta(hours=12) and clock.assumed:
        close += timedelta(hours=12)
    elif start.part is Part.EVENING and close.hour in (0, 12) and clock.assumed:
        close = datetime.combine(start.start.date() + timedelta(days=1), datetime.min.time())
    return close


def _joined(
    first: TimeExpression, second: TimeExpression, moment: datetime | None
) -> tuple[TimeExpression, datetime | None, str | None, str | None]:
    """A day and a clock time said apart, taken together: which leads, the moment, its label, the label of an end."""
    day, clock = (first, second) if first.dated or not second.dated else (second, first)
    if day.start is None or clock.start is None:
        return first, moment, first.start_label, None
    if clock.part is not None and clock.grain >= Grain.PART:
        if moment is not None:
            return day, moment, moment.isoformat(timespec="minutes"), None
        return day, None, f"{day.start.date()}T{clock.part.value}", None
    at = datetime.combine(day.start.date(), clock.start.time())
    if day.part is not None and clock.assumed:
        at = _within(day.part, at)
    close = None
    if clock.end is not None and not clock.deadline:
        close = (at + (clock.end - clock.start)).isoformat(timespec="minutes")
    return day, at, at.isoformat(timespec="minutes"), close


def _within(part: Part, at: datetime) -> datetime:
    """``at`` moved by half a day where only that brings it into ``part``."""
    low, high = _HALVES[part]
    for hours in (12, -12):
        if not low <= at.hour < high and low <= at.hour + hours < high:
            return at + timedelta(hours=hours)
    return at
