"""Where one need of a sentence ends and the next begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.requests.chat.evidence import NEED, codes_of, evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.requests.chat.lexicon import Match
    from services.requests.chat.places import Place
    from services.requests.chat.text import Sentence

Span = tuple[int, int]
_CUT = re.compile(r"[,;!?。；!\n]+|\.(?=\s|$)|(?<!\d):")
_EVENT_USE = re.compile(
    "(?:开会|会议|会上|培训|面试|座谈|评审|会|活动)(?:要用|用的|用|使用|时|期间|之前|以前|前|之后|后|结束|完)|(?:要|就)(?:开会)了?|(?:再|还)(?:要|得)开会|"
    r"\b(?:before|after|for|during|we start|we're starting|ahead of|in time for|from|left over)\s+(?:the|our|a|my|today's|tomorrow's|this|\w+day's|\d\S*)?\s*(?:[\w:']+\s+){0,3}?(?:meeting|training|conference|session|event|interview|seminar|briefing|start)"
)
_TRAVEL_FOR_EVENT = re.compile(
    "(?:去|到|赴|往)[^,。]{1,12}?(?:开会|参会|培训|座谈|面试|参加|评审|会议|学习|交流|复查|看病|体检|就医)"
)
_VISIT = re.compile(r"[看找约]|医|药|挂号|门诊|\b(?:doctor|clinic|see|pill|medicine|appointment|nurse|dentist)")
_LISTS = frozenset({"and", "plus", "as well as", "以及", "并", "并且", "加上", "外加"})  # no new need by themselves
_CLEANING_WORK = re.compile(
    "打扫|清扫|清洁|清理|清洗|保洁|扫|拖|擦|收拾|消毒|吸尘|倒|搞卫生|clean|mop|sweep|vacuum|hoover|wipe|tidy|empty|disinfect|polish|bin|rubbish|sticky|filthy|dirty|脏"
)


@dataclass(slots=True)
class Need:
    """One thing wanted, and the stretch of the sentence that tells of it."""

    item: str | None
    start: int
    end: int

    def within(self, start: int, end: int) -> bool:
        return self.start <= start and end <= self.end


def needs(
    sentence: Sentence,
    matches: Sequence[Match],
    places: Sequence[Place],
    protected: Sequence[Span],
    served: Callable[[int, int], bool],
) -> list[Need]:
    """Every need of ``sentence`` in order; together they cover it. At least one, whose item may be None.

    ``protected`` are spans, such as times, inside which nothing is cut; ``served`` tells whether a stretch says for how
    many people something is.
    """
    site = _site(matches)
    found: list[Need] = []
    waiting: int | None = None  # where clauses begin that belong to a need still to come
    for start, end in _clauses(sentence, matches, protected):
        item = _item(sentence, matches, start, end, site)
        begun = start if waiting is None else waiting
        if item is None and not found and _room_for_people(places, served, start if waiting is None else waiting, end):
            item = "meeting"  # 302, tomorrow at nine, for twelve: what else would it be
        if item is None:
            opener = any(match.kind == "new_need" and start <= match.start < min(start + 3, end) for match in matches)
            if not found or waiting is not None or opener:
                waiting = begun
            else:
                found[-1].end = end
            continue
        waiting = None
        if not found:
            found.append(Need(item, begun, end))
        elif _belongs(sentence, matches, places, served, found[-1], item, begun, end):
            found[-1].end = end
        elif found[-1].item == "meeting" and _belongs(
            sentence, matches, places, served, Need(item, begun, end), found[-1].item, found[-1].start, found[-1].end
        ):
            found[-1].item, found[-1].end = item, end
        else:
            found.append(Need(item, begun, end))
    if not found:
        return [Need(None, 0, len(sentence.text))]
    found[0].start, found[-1].end = 0, len(sentence.text)
    return found


def _room_for_people(places: Sequence[Place], served: Callable[[int, int], bool], start: int, end: int) -> bool:
    return served(start, end) and any(
        place.slot == "room" and not place.named and start <= place.start < end for place in places
    )


def _clauses(sentence: Sentence, matches: Sequence[Match], protected: Sequence[Span]) -> list[Span]:
    """``sentence`` cut at punctuation and before words that start another need."""
    cuts = {match.end() for match in _CUT.finditer(sentence.text)}
    openers = [match.start for match in matches if match.kind == "new_need"]
    # What is only a time before 再, and so on, tells when the new need is.
    cuts |= {
        at
        for at in openers
        if not any(
            _only_time(sentence, max((cut for cut in cuts if cut <= at), default=0), at, one) for one in protected
        )
    }
    cuts = {cut for cut in cuts if not any(start < cut < end for start, end in protected)}
    edges = sorted({0, len(sentence.text), *cuts})
    return [
        (start, end) for start, end in zip(edges, edges[1:], strict=False) if sentence.text[start:end].strip(" ,;!?。.")
    ]


def _only_time(sentence: Sentence, start: int, end: int, said: Span) -> bool:
    """True when a clause begins with nothing but the time ``said`` before ``end``."""
    return start <= said[0] < said[1] <= end and not (
        sentence.text[start : said[0]] + sentence.text[said[1] : end]
    ).strip(" ,;")


def _site(matches: Sequence[Match]) -> str | None:
    """The place that decides the item of whatever happens there: the leaders' residence or People's Square."""
    for item in ("residence", "square"):
        if any(match.kind == "item" and match.name == item and match.weight == 5 for match in matches):
            return item
    return None


_OF_SITE = {
    "residence": {"repair", "cleaning", "residence", "landscaping"},
    "square": {"repair", "cleaning", "landscaping", "security", "square", "meeting"},
}


def _item(sentence: Sentence, matches: Sequence[Match], start: int, end: int, site: str | None) -> str | None:
    """The item the clause asks for; None when it asks for none by itself."""
    inside = [match for match in matches if start <= match.start and match.end <= end]
    scores = evidence(inside)
    text = sentence.low[start:end]
    if _TRAVEL_FOR_EVENT.search(text):
        for purpose in ("meeting", "clinic"):
            scores.pop(purpose, None)
        scores["vehicle"] = scores.get("vehicle", 0.0) + 3.0
    if _EVENT_USE.search(text) and scores.get("meeting", 0.0) < 5.0:
        scores.pop("meeting", None)
    if not any(match.kind == "item" and match.name == "residence" and match.weight > 2 for match in inside):
        lived = scores.pop("residence", 0.0) if site != "residence" else 0.0
        if lived and any(match.kind == "fault" for match in inside):  # a water heater of the office
            scores["repair"] = max(scores.get("repair", 0.0), NEED)
    if not scores:
        return None
    item = max(scores, key=lambda name: scores[name])
    if scores[item] < (NEED if item != "meeting" else 3.0):
        return None
    if site and item in _OF_SITE[site]:
        return site
    return item


def _belongs(
    sentence: Sentence,
    matches: Sequence[Match],
    places: Sequence[Place],
    served: Callable[[int, int], bool],
    need: Need,
    item: str | None,
    start: int,
    end: int,
) -> bool:
    """True when the clause, though it names ``item``, only tells more about ``need``."""
    clause = [match for match in matches if start <= match.start and match.end <= end]
    text = sentence.low[start:end]
    if item == need.item:
        return not (item == "repair" and _another_fault(matches, places, need, clause, start, end))
    openers = [match for match in clause if match.kind == "new_need"]
    opened = bool(openers)
    listed = all(sentence.low[match.start : match.end] in _LISTS for match in openers)
    if need.item in ("meeting", "canteen") and listed and _only_equipment(clause, item, need.item):
        return True  # 座签25个 in a booking is part of it, and so is the private room of a lunch
    if item == "meeting":
        # An event with nothing of its own to arrange is the reason for the other need.
        own = any(match.kind == "thing" and match.name in codes_of("meeting") - codes_of("repair") for match in clause)
        booked = any(match.kind == "item" and match.name == "meeting" and match.weight == 5 for match in clause)
        return not (booked or own or opened or served(start, end))
    if need.item == "vehicle":
        opened = opened or sentence.text[start - 1 : start] == ";"
        return not opened and not any(match.kind in ("request", "fault") for match in clause)
    if {need.item, item} == {"cleaning", "clinic"} and not opened:
        return True  # somebody was ill there: the reason, not a need
    if (need.item, item) == ("repair", "clinic") and not opened:
        return not _VISIT.search(text)  # the flicker makes one dizzy
    if {need.item, item} == {"landscaping", "cleaning"} and not opened:
        return not any(start <= place.start < end for place in places)  # leaves to be swept
    if {need.item, item} == {"repair", "cleaning"} and not opened:
        return item == "cleaning" and not _CLEANING_WORK.search(text)
    return False


def _only_equipment(clause: Sequence[Match], item: str | None, whole: str) -> bool:
    """True when nothing but things that a frame of ``whole`` may have speaks for ``item``."""
    things = [match for match in clause if match.kind == "thing" and match.name in codes_of(whole)]
    words = [match for match in clause if match.kind == "item" and match.name == item]
    return bool(things) and all(
        any(word.start < thing.end and thing.start < word.end for thing in things) for word in words
    )


def _another_fault(
    matches: Sequence[Match], places: Sequence[Place], need: Need, clause: Sequence[Match], start: int, end: int
) -> bool:
    """True when the clause tells of another thing broken in another room."""
    rooms = {place.value for place in places if place.slot == "room" and need.within(place.start, place.end)}
    others = {place.value for place in places if place.slot == "room" and start <= place.start and place.end <= end}
    faulty = codes_of("repair")
    broken = any(match.kind == "thing" and match.name in faulty for match in clause)
    before = any(
        match.kind == "thing" and match.name in faulty and need.within(match.start, match.end) for match in matches
    )
    return broken and before and bool(rooms) and bool(others) and not rooms & others
