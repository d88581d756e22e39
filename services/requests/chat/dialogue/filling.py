"""What a message adds to a draft, read in the light of what was asked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.requests.chat import journeys, moments, slots
from services.requests.chat.evidence import codes_of
from services.requests.chat.needs import Need
from services.requests.chat.understanding import fill

if TYPE_CHECKING:
    from services.requests.chat.dialogue.state import Draft
    from services.requests.chat.understanding import Heard

PLACE = ("building", "floor", "room")
_VEHICLES = codes_of("vehicle")
_PLAIN = {
    "color": re.compile("黑白|black and white|black-and-white|b&w|mono"),
    "duplex": re.compile("单面|single[- ]sided|one[- ]sided"),
}
# A correction that is nothing but a number: hold on, 120.
_BARE = re.compile(
    r"^(?:[^\d\w]|不是|不对|等等|等一下|哦不|不|应该是|是|改成|改为|说错了|hold on|hang on|wait|no|sorry|actually|make (?:it|that)|i mean|oops)*[\d一二两三四五六七八九十百]+\s*[份个人位本张盒套辆盆]?[^\d\w]*$"
)
_NAME_ZH = re.compile("^(?:就)?(?:去|到|在|是|往)?([\u4e00-\u9fa5A-Za-z0-9]{2,16}?)(?:吧|的|呢|啊|那边|那里)?$")
_NAME_EN = re.compile(r"^(?:it's |it is |to |at |in |on |the |just |from )*([a-z][\w' -]{1,40})$", re.IGNORECASE)


def told(heard: Heard, draft: Draft, asked: str, reference: datetime) -> dict[str, Any]:
    """The slots of ``draft`` that the message sets; empty when it tells nothing of it.

    A bare number answers the question that was asked; a bare name answers where.
    """
    whole = Need(draft.item, 0, len(heard.sentence.text))
    found = {slot: value for slot, value in fill(heard, whole, reference).items() if slot != "ticket"}
    if "start" in found or "end" in found:
        found |= _on_the_day(heard, draft, found, reference)
    if asked == "end" and "end" not in found and len(str(draft.slots.get("start", ""))) == 16:
        length = next((one.length for one in heard.times if one.length is not None), None)
        if length:
            close = datetime.fromisoformat(str(draft.slots["start"])) + length
            found = {
                **{slot: value for slot, value in found.items() if slot != "start"},
                "end": close.isoformat(timespec="minutes"),
            }
        elif len(str(found.get("start", ""))) == 16:  # asked until when, a clock time is the end
            found["end"] = found.pop("start")
    if asked in ("headcount", "quantity") and not {"headcount", "quantity"} & set(found):
        found |= _number(heard, asked)
    if asked in ("confirm", "change", "") and _BARE.match(heard.sentence.low):
        found = _corrected(heard, draft) or found
    if asked == "destination" and "destination" not in found:
        found |= _name(heard, "destination")
    if asked in PLACE and not set(PLACE) & set(found) and not set(found) - {"urgency"}:
        found |= _name(heard, "room")
    return found


def merge(heard: Heard, draft: Draft, found: dict[str, Any]) -> dict[str, Any]:
    """The slots of ``draft`` after the message: what it says replaces, equipment adds up, what is refused goes."""
    if draft.slots.get("urgency") == "emergency":
        found = {slot: value for slot, value in found.items() if slot != "urgency"}
    merged = {**draft.slots, **{slot: value for slot, value in found.items() if slot != "equipment"}}
    if {"room", "floor"} & set(found) and draft.item not in (None, "vehicle"):
        _moved(merged, found)
    if "start" in found and "end" not in found and "end" in merged and str(merged["end"]) <= str(merged["start"]):
        merged |= _shifted(draft.slots, found)
    refused = refusals(heard)
    codes = [code for code in draft.slots.get("equipment", []) if code not in refused]
    added = [code for code in found.get("equipment", []) if code not in codes and code not in refused]
    if draft.item == "vehicle" and _VEHICLES & set(added):
        codes = [code for code in codes if code not in _VEHICLES]
    merged.pop("equipment", None)
    if codes or added:
        merged["equipment"] = sorted({*codes, *added})
    return merged


def refusals(heard: Heard) -> set[str]:
    """The equipment codes that the message does without."""
    removed = slots.without(heard.sentence, heard.matches)
    names = {match.name for match in heard.matches if match.kind == "thing" and slots.covered(match, removed)}
    return names | {code for code, words in _PLAIN.items() if words.search(heard.sentence.low)}


def refuses(heard: Heard, item: str) -> bool:
    """True when the message does without ``item`` as a whole: 理发不要了."""
    removed = slots.without(heard.sentence, heard.matches)
    spoken = [match for match in heard.matches if slots.covered(match, removed)]
    return any(
        (match.kind == "item" and match.name == item and match.weight >= 3)
        or (match.kind == "thing" and item not in ("meeting",) and match.name in codes_of(item) and item != "vehicle")
        for match in spoken
    )


def _on_the_day(heard: Heard, draft: Draft, found: dict[str, Any], reference: datetime) -> dict[str, Any]:
    """``start`` and ``end`` of the message joined with what the draft has: a clock time keeps the day, a day the time."""
    before = str(draft.slots.get("start", ""))
    said = moments.times_said(heard.sentence, heard.times, reference, 0, len(heard.sentence.text))
    if not before or not said:
        return {}
    day = datetime.fromisoformat(before[:10])
    dated = any(one.dated and one.start is not None for one in said)
    if not dated:
        part = before[11:] if before[10:11] == "T" and before[11:12].isalpha() else ""
        return moments.wanted(heard.sentence, said, reference, day, part)
    start = str(found.get("start", ""))
    if len(start) == 10 and len(before) == 16:
        joined = {"start": start + before[10:]}
        end = str(draft.slots.get("end", ""))
        if len(end) == 16:
            joined["end"] = start + end[10:]
        return joined
    if len(start) == 10 and len(before) == 13:
        return {"start": start + before[10:]}
    return {}


def _corrected(heard: Heard, draft: Draft) -> dict[str, Any]:
    """What a bare number puts right: a room where the draft has one and counts nothing, else how many."""
    if not heard.numbers:
        return {}
    value = heard.numbers[0].value
    counts = {"headcount", "quantity"} & set(draft.slots) or draft.item == "printing"
    if not counts and str(draft.slots.get("room", "")).isdigit() and value >= 100:
        return {"room": str(value)}
    return {"quantity" if "quantity" in draft.slots or draft.item == "printing" else "headcount": value}


def _number(heard: Heard, slot: str) -> dict[str, Any]:
    busy = heard.busy
    for number in heard.numbers:
        if not number.ordinal and number.value and not any(start <= number.start < end for start, end in busy):
            return {slot: number.value}
    # 402 as an answer to "how many copies?" was taken for a room.
    if len(heard.numbers) == 1 and re.fullmatch(r"\D{0,4}\d+\D{0,3}", heard.sentence.text):
        return {slot: heard.numbers[0].value}
    return {}


def _name(heard: Heard, slot: str) -> dict[str, Any]:
    text = heard.sentence.text.strip(" .,。，!！?？")
    if slot == "destination" and (
        found := journeys.destination(heard.sentence, 0, len(heard.sentence.text), [one.span for one in heard.times])
    ):
        return {slot: found[0]}
    if (
        any(
            match.kind in ("cancel", "help", "query_status", "complain", "greeting", "elsewhere", "thanks", "hostile")
            for match in heard.matches
        )
        or heard.times
    ):
        return {}
    match = (_NAME_ZH if heard.sentence.lang == "zh" else _NAME_EN).match(text)
    return {slot: match.group(1).strip()} if match else {}


def _moved(merged: dict[str, Any], found: dict[str, Any]) -> None:
    """Another room or floor of its own leaves the earlier address behind, as far as it contradicts it."""
    if "floor" in found and "room" not in found and merged.get("room", "").isdigit():
        merged.pop("room")
    if (
        "room" in found
        and "floor" not in found
        and str(found["room"]).isdigit()
        and str(merged.get("floor", "")) != str(found["room"])[:-2]
    ):
        merged.pop("floor", None)


def _shifted(before: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """An end that lies before the new start moves with it."""
    try:
        length = datetime.fromisoformat(str(before["end"])) - datetime.fromisoformat(str(before["start"]))
        close = datetime.fromisoformat(str(found["start"])) + max(length, timedelta(0))
    except (KeyError, ValueError):
        return {"end": found["start"]}
    return {"end": close.isoformat(timespec="minutes") if len(str(found["start"])) == 16 else close.date().isoformat()}
