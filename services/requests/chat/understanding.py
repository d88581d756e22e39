"""From a sentence to an intent and one frame for each need in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.requests.chat import guard, journeys, moments, slots, tickets
from services.requests.chat.emergencies import emergency
from services.requests.chat.evidence import NEED, evidence
from services.requests.chat.intents import Details, features
from services.requests.chat.items import likely
from services.requests.chat.lexicon import Match, lexicon
from services.requests.chat.linear import models, probability
from services.requests.chat.needs import Need, needs
from services.requests.chat.numbers import Number, numbers
from services.requests.chat.places import Place, places
from services.requests.chat.times import TimeExpression, expressions
from services.requests.chat.typos import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.requests.chat.text import Sentence

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """One need: an item of the catalogue, None where none was named, and what is known of it.

    The names and forms of slots are those of the chat labels; ``equipment`` is a sorted list of codes.
    """

    item: str | None
    slots: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a sentence means.

    Attributes:
        confidence: 0 to 1; below one half a person or a question should decide.
    """

    intent: str
    frames: tuple[Frame, ...]
    confidence: float
    lang: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence with everything the grammars found in it."""

    sentence: Sentence
    matches: list[Match]
    times: list[TimeExpression]
    numbers: list[Number]
    places: list[Place]
    ticket: tuple[str, Span] | None

    @property
    def busy(self) -> list[Span]:
        """Spans whose numbers are spoken for."""
        spans = [one.span for one in self.times] + [(place.start, place.end) for place in self.places]
        return [*spans, self.ticket[1]] if self.ticket else spans


def hear(sentence: Sentence, reference: datetime, lang: str | None = None) -> Heard:
    """Everything the grammars find in ``sentence``."""
    matches = lexicon().matches(sentence)
    counted = numbers(sentence)
    reference_said = tickets.ticket(sentence)
    said = [
        one
        for one in expressions(sentence.text, reference, lang or sentence.lang)
        if moments.is_time(sentence, one) and not (reference_said and _overlap(one.span, reference_said[1]))
    ]
    taken = [one.span for one in said] + ([reference_said[1]] if reference_said else [])
    found = places(sentence, matches, counted, taken)
    addresses = [place for place in found if place.slot != "room" and not place.named]
    matches = [  # the block of "block A" is not blocked
        match
        for match in matches
        if match.kind == "place"
        or not any(
            one.start < match.end and match.start < one.end
            for one in addresses
            if not (match.start < one.start and one.end < match.end)
        )
    ]
    return Heard(sentence, matches, said, counted, found, reference_said)


def details_of(heard: Heard) -> Details:
    """How much of a request ``heard`` tells."""
    return Details(len(heard.times), len(heard.numbers), len(heard.places), heard.ticket is not None)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def understand(text: str, reference: datetime, lang: str | None = None) -> Understanding:
    """What ``text``, said at ``reference`` (local, without offset), means.

    Raises:
        Unreadable: ``text`` is no sentence (see :mod:`services.requests.chat.text`).
    """
    sentence = read(text)
    heard = hear(sentence, reference, lang)
    if guard.is_wordless(sentence) or guard.is_injection(sentence, heard.matches):
        return Understanding("other", (), 1.0, sentence.lang)
    danger = emergency(sentence, heard.matches)
    if danger:
        return Understanding("file_request", (_emergency_frame(heard, *danger),), 1.0, sentence.lang)
    removed = slots.without(sentence, heard.matches)
    items = evidence([match for match in heard.matches if not slots.covered(match, removed)])
    if max(items.values(), default=0.0) < 3.0 and heard.ticket is None and _travels(heard):
        items["vehicle"] = items.get("vehicle", 0.0) + NEED
    scores = models()["intent"].scores(features(sentence, heard.matches, evidence(heard.matches), details_of(heard)))
    if guard.is_abuse(heard.matches) and max(items.values(), default=0.0) < NEED:
        return Understanding("other", (), 1.0, sentence.lang)
    intent = max(scores, key=lambda name: scores[name])
    confidence = round(probability(scores, intent), 3)
    if intent == "other":
        return Understanding("other", (), confidence, sentence.lang)
    kept = slots.left(heard.matches, removed)
    wanted = needs(
        sentence,
        kept if intent == "file_request" else heard.matches,
        heard.places,
        [one.span for one in heard.times],
        lambda start, end: _served(heard, start, end),
    )
    if intent != "file_request":
        judged = evidence(heard.matches, judged=intent in ("complain", "rate", "help"))
        named = _main(wanted, judged or items, _LEAST)
        if len(wanted) < 2:
            named, _ = _weighed(sentence, heard.matches, named, _EARLIER)
        whole = Need(named, 0, len(sentence.text))
        return Understanding(intent, (_frame(heard, whole, reference, intent),), confidence, sentence.lang)
    if len(wanted) == 1:
        wanted[0].item, sure = _weighed(sentence, kept, wanted[0].item)
        confidence = round(confidence * sure, 3)
    return Understanding(intent, _frames(heard, wanted, items, reference), confidence, sentence.lang)


def _travels(heard: Heard) -> bool:
    """明天去上海: a time, a destination, and nothing that is done there by us."""
    said = [one.span for one in heard.times]
    return bool(said) and slots.journey_slots(heard.sentence, 0, len(heard.sentence.text), said) != {}


def _served(heard: Heard, start: int, end: int) -> bool:
    return slots.people(heard.sentence, heard.numbers, _free(Need(None, start, end), heard.busy)) is not None


def _main(wanted: Sequence[Need], items: dict[str, float], least: float) -> str | None:
    """The one item a sentence about an earlier request is about; None when no word speaks for one by ``least``."""
    named = [need.item for need in wanted if need.item and items.get(need.item, least) >= least]
    if len(named) == 1:
        return named[0]
    best = max(items, key=lambda item: items[item], default=None)
    return best if best and items[best] >= least else None


_SURE = 0.3  # from which the sentence as a whole may name the item of a request
_SURER = 0.5  # the same against the words of the lexicon
_EARLIER = 0.4  # the same for a request that was made before
_SUREST = 0.6  # the same for the residence without its name: a water heater may be an office's


def _weighed(
    sentence: Sentence, matches: Sequence[Match], named: str | None, least: float = _SURE
) -> tuple[str | None, float]:
    """The item of the one need of ``sentence``, ``named`` by its words unless the whole says another; how likely the whole finds the likeliest."""
    item, sure = likely(sentence, matches)
    if item == "residence" and not any(match.kind == "item" and match.name == item for match in matches):
        least = _SUREST
    return (item if item and sure >= max(least, _SURER if named else 0) else named), sure


def _frames(heard: Heard, wanted: Sequence[Need], items: dict[str, float], reference: datetime) -> tuple[Frame, ...]:
    frames: list[Frame] = []
    for need in wanted:
        if need.item is None:
            need.item = max(items, key=lambda item: items[item]) if items else None
        earlier = frames[0] if frames else None
        frames.append(_frame(heard, need, reference, "file_request", earlier))
    return tuple(frames)


def _emergency_frame(heard: Heard, item: str, about: frozenset[str]) -> Frame:
    inside = slots.place_slots(item, heard.places)
    said = slots.equipment(item, heard.sentence, 0, len(heard.sentence.text), heard.matches, ())
    codes = [code for code in said if code in about]
    if codes:
        inside["equipment"] = codes
    inside["urgency"] = "emergency"
    return Frame(item, inside)


_LEAST = 2.0  # of evidence, for the item of an earlier request
_TARGET = re.compile("目的地|终点|destination")
_COUNTED = frozenset({"file_request", "cancel", "reschedule", "query_status"})
_TIMED = frozenset({"file_request", "cancel", "reschedule", "query_status"})
_BY_THE_CLOCK = frozenset({"meeting", "vehicle", "barber", "clinic"})
_INHERIT_PLACE = frozenset({"repair", "cleaning", "landscaping"})
_INHERIT_DAY = frozenset({"meeting", "vehicle", "canteen", "barber", "clinic"})


def _frame(heard: Heard, need: Need, reference: datetime, intent: str, earlier: Frame | None = None) -> Frame:
    sentence = heard.sentence
    inside = [match for match in heard.matches if need.within(match.start, match.end)]
    said = [place for place in heard.places if need.within(place.start, place.end)]
    filled: dict[str, Any] = (
        {}
        if intent == "help"
        else dict(slots.place_slots(need.item, said, brought=slots.brought(sentence, need.start, need.end)))
    )
    if intent in _TIMED:
        filled |= _times(heard, need, reference, intent, earlier)
    if intent in _COUNTED:
        filled |= slots.count_slots(need.item, sentence, heard.numbers, _free(need, heard.busy))
    if (need.item == "vehicle" and intent in _TIMED) or (
        need.item is None and heard.ticket and _TARGET.search(sentence.low)
    ):
        filled |= slots.journey_slots(sentence, need.start, need.end, [one.span for one in heard.times])
        if (
            "destination" not in filled
            and intent == "file_request"
            and any(match.kind in ("item", "thing") for match in inside)
        ):
            explained = (
                heard.busy
                + [(match.start, match.end) for match in inside]
                + [(one.start, one.end) for one in heard.numbers]
            )
            name = journeys.bare_name(sentence, need.start, need.end, explained)
            filled |= {"destination": name} if name else {}
    filled |= _put_right(heard, need, intent)
    removed = slots.without(sentence, heard.matches) if intent == "file_request" else []
    if intent == "reschedule":
        inside = slots.after_change(sentence, inside)
    codes = slots.equipment(need.item, sentence, need.start, need.end, inside, removed) if intent != "help" else []
    if codes:
        filled["equipment"] = codes
    if heard.ticket:
        filled["ticket"] = heard.ticket[0]
    if intent == "rate":
        stars = tickets.rating(sentence, heard.busy)
        if stars is not None:
            filled["rating"] = stars
    if intent == "file_request":
        level = slots.urgency(need.item, sentence, inside, filled)
        if level != "normal":
            filled["urgency"] = level
    if earlier:
        filled = _inherited(need.item, filled, earlier)
    return Frame(need.item, filled)


def _put_right(heard: Heard, need: Need, intent: str) -> dict[str, Any]:
    """The places, counts and destination that the speaker names instead of earlier ones."""
    turn = slots.correction(heard.sentence, need.start, need.end)
    if turn is None or intent not in _COUNTED:
        return {}
    rest = Need(need.item, turn, need.end)
    after = [place for place in heard.places if rest.within(place.start, place.end)]
    told = slots.place_slots(need.item, after) | slots.count_slots(
        need.item, heard.sentence, heard.numbers, _free(rest, heard.busy)
    )
    if need.item == "vehicle":
        told |= slots.journey_slots(heard.sentence, turn, need.end, [one.span for one in heard.times])
        if "destination" not in told and (name := journeys.instead(heard.sentence, turn)):
            said = any(turn <= match.start < turn + len(name) + 2 for match in heard.matches)
            told |= {} if said else {"destination": name}
    return told


def fill(heard: Heard, need: Need, reference: datetime) -> dict[str, Any]:
    """The slots that the stretch of ``need`` tells of, for a dialogue that knows the item already."""
    return dict(_frame(heard, need, reference, "file_request").slots)


def _times(heard: Heard, need: Need, reference: datetime, intent: str, earlier: Frame | None) -> dict[str, str]:
    said = moments.times_said(heard.sentence, heard.times, reference, need.start, need.end)
    day = None
    if earlier and "start" in earlier.slots:
        day = datetime.fromisoformat(str(earlier.slots["start"])[:10])
    if intent == "reschedule":
        return moments.moved(heard.sentence, said, reference)
    if need.item in ("repair", "cleaning"):
        soon = any(match.kind == "soon" for match in heard.matches)
        said = [
            one
            for one in said
            if not (moments.is_reason(heard.sentence, one) or (soon and moments.is_near(one, reference)))
        ]
    if intent == "query_status":
        said = [one for one in said if moments.names_request(heard.sentence, one)]
    found = moments.wanted(heard.sentence, said, reference, day)
    if (
        heard.sentence.lang == "en"
        and need.item in _BY_THE_CLOCK
        and len(found.get("start", "")) in (10, 13)
        and "end" not in found
    ):
        hours = [(one.value, (one.start, one.end)) for one in heard.numbers if not one.ordinal]
        free = _free(need, heard.busy)
        beside = (moments.hour_beside(heard.sentence, one, hours, free) for one in said)
        at = next((at for at in beside if at is not None), None)
        found |= {"start": at.isoformat(timespec="minutes")} if at else {}
    if (
        need.item == "canteen"
        and len(found.get("start", "")) == 10
        and "end" not in found
        and (meal := _meal(heard, need))
    ):
        found["start"] += meal
    return found


_MEALS = (
    ("TMO", re.compile("早餐|早饭|早点|breakfast")),
    ("TMI", re.compile("午餐|午饭|中饭|中餐|lunch")),
    ("TEV", re.compile("晚餐|晚饭|夜宵|宵夜|dinner|supper")),
)


def _meal(heard: Heard, need: Need) -> str:
    """The half day that the name of a meal tells."""
    text = heard.sentence.low[need.start : need.end]
    return next((half for half, words in _MEALS if words.search(text)), "")


def _inherited(item: str | None, filled: dict[str, Any], earlier: Frame) -> dict[str, Any]:
    """``filled`` with the place or the day of the need before it, where it names none."""
    if item in _INHERIT_PLACE and not {"building", "floor", "room"} & set(filled):
        filled |= {slot: earlier.slots[slot] for slot in ("building", "floor", "room") if slot in earlier.slots}
    if item in _INHERIT_DAY and "start" not in filled and "start" in earlier.slots:
        filled["start"] = str(earlier.slots["start"])[:10]
    if item == "canteen" and not {"headcount", "quantity"} & set(filled) and "headcount" in earlier.slots:
        filled["headcount"] = earlier.slots["headcount"]
    return filled


def _free(need: Need, busy: Sequence[Span]) -> list[Span]:
    """The parts of ``need`` outside ``busy``."""
    free = []
    at = need.start
    for start, end in sorted(busy):
        if start >= need.end or end <= need.start:
            continue
        if start > at:
            free.append((at, start))
        at = max(at, end)
    if at < need.end:
        free.append((at, need.end))
    return free
