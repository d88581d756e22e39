"""From a draft of the conversation to the form of its item, as the page would post it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.requests.catalogue import Item

# A half day that was said where the form wants a clock time; the canteen serves at its own hours.
HALVES = {"TMO": "09:00", "TMI": "12:00", "TAF": "14:00", "TEV": "18:00"}
_MEALS = {"TMO": "07:30", "TMI": "12:00", "TAF": "17:30", "TEV": "18:00"}
DAY_BEGINS, _DAY_ENDS = "09:00", "17:30"
_PRIORITY = {"emergency": 1, "high": 2, "normal": 0, "low": 4}

# Which answer of ``what`` an equipment code stands for, by item; what is not listed is "other".
_WHAT: dict[str, dict[str, str]] = {
    "repair": {
        "aircon": "aircon", "heating": "aircon", "light": "light", "socket": "light", "power": "light", "pipe": "pipe",
        "tap": "pipe", "drain": "pipe", "water_supply": "pipe", "pump": "pipe", "water_dispenser": "pipe",
        "toilet": "toilet", "door": "door", "window": "door", "network": "network", "phone": "network",
        "computer": "network", "furniture": "furniture", "lift": "lift",
    },
    "cleaning": {"trash": "trash", "glass": "glass", "carpet": "carpet", "disinfection": "disinfection"},
    "security": {"access_card": "access_card", "cctv": "cctv"},
    "landscaping": {"plants": "plants", "lawn": "lawn", "tree": "tree", "hedge": "hedge"},
    "residence": {"bedding": "bedding", "water_heater": "water_heater", "network": "network"},
    "square": {"fountain": "fountain", "light": "light", "screen": "screen", "stage": "stage", "power": "light"},
}  # fmt: skip
# The same by words, where no code tells; the first that is heard.
_WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "cleaning": (("toilet", "厕所|卫生间|洗手间|toilet|loo|restroom"),),
    "security": (
        ("fire", "火|烟|煤气|燃气|fire|smoke|gas|burn"),
        ("parking", "停车|车位|挪车|parking|car"),
        ("intruder", "陌生|可疑|闯|打|刀|小偷|intruder|stranger|fight|knife|suspicious"),
        ("order", "秩序|上访|信访|保安|crowd|petition|guard"),
    ),
    "barber": (("wash", "洗|wash"),),
    "clinic": (("medicine", "药|medicine|prescription|pill"), ("advice", "咨询|advice|ask")),
    "residence": (("cleaning", "打扫|保洁|卫生|clean"),),
    "square": (
        ("cleaning", "打扫|垃圾|脏|clean|litter|rubbish"),
        ("plants", "花|草|树|plant|grass|tree"),
        ("order", "秩序|吵|摆摊|noise|vendor"),
    ),
}
_FALLBACK = {"cleaning": "floor", "barber": "cut", "clinic": "visit", "square": "stage"}


def posted(item: Item, slots: Mapping[str, Any], words: str, place: str) -> dict[str, Any]:
    """The form of ``item`` filled in from ``slots``, as the form's page posts it: wall-clock times of the site.

    ``words`` is what the speaker said, for the crew; ``place`` a place's code, empty where the item has its own.
    """
    codes = [str(code) for code in slots.get("equipment", ())]
    values: dict[str, Any] = {
        "place": place,
        "starts_at": clock(slots.get("start"), _MEALS if item.code == "canteen" else HALVES, DAY_BEGINS),
        "ends_at": clock(slots.get("end"), HALVES, _DAY_ENDS),
        "headcount": slots.get("headcount", ""),
        "quantity": slots.get("quantity", slots.get("headcount", "") if item.code == "canteen" else ""),
        "destination": slots.get("destination", ""),
        "subject": _subject(words),
        "what": what(item, codes, words, emergency=slots.get("urgency") == "emergency"),
        "car": next(iter(codes), "") if item.code == "vehicle" else "",
        "kind": next((code for code in codes if code != "halal"), "") if item.code == "canteen" else "",
        "halal": "on" if "halal" in codes else "",
        "equipment": codes,
        "finish": codes,
        "details": words,
    }
    named = above(item, words)
    level = {
        "canteen": "reception" if "private_room" in codes else "",
        "printing": "colour" if "color" in codes else "",
    }
    shell = {
        "place": place,
        "level": next(iter(named.get("level", ())), "")
        or level.get(item.code)
        or (item.levels[0].code if item.levels else ""),
        "priority": str(priority(item, str(slots.get("urgency", "normal")))),
    }
    found: dict[str, Any] = {}
    for field in item.fields:
        value = values.get(field.name, "")
        if field.name in named:
            value = [*codes, *named[field.name]] if field.type == "choices" else named[field.name][0]
        if field.type in ("choice", "choices"):
            chosen = [each for each in (value if isinstance(value, list) else [value]) if field.option(str(each))]
            value = chosen if field.type == "choices" else next(iter(chosen), "")
        elif field.type in ("text", "lines"):
            value = str(value)[: field.most]
        found[field.name] = str(value) if isinstance(value, int) else value
    return {**shell, **{name: value for name, value in found.items() if value not in ("", [])}}


def above(item: Item, words: str) -> dict[str, list[str]]:
    """What ``words`` name of the choices above the standard of ``item``, by field; ``level`` for its levels.

    The catalogue marks them, so that nothing above the standard is had by asking for it in one's own words.
    """
    said = words.casefold()
    found: dict[str, list[str]] = {}
    marked = [("level", level.code, level.name) for level in item.levels if level.above]
    marked += [(field.name, one.code, one.words) for field in item.fields for one in field.options if one.above]
    for name, code, called in marked:
        if any(_named(said, each.casefold()) for each in (called.zh, called.en)):
            found.setdefault(name, []).append(code)
    return found


_NOT = re.compile(
    r"(?:不(?:要|用|需要?|必|是|做|办|吃|订)|别|无需|\b(?:no|not|without|don't (?:need|want)|instead of|rather than))[^,，。;；.]{0,6}$"
)


def _named(said: str, name: str) -> bool:
    """Whether ``said`` has ``name`` and does not turn it down."""
    pattern = rf"\b{re.escape(name)}\b" if name.isascii() else re.escape(name)
    return any(not _NOT.search(said[: match.start()]) for match in re.finditer(pattern, said))


def clock(value: Any, halves: Mapping[str, str], day: str) -> str:
    """A start or end as the chat writes it, with a clock time: ``2026-11-25TAF`` is 14:00 of that day."""
    text = str(value or "")
    if len(text) == 10:
        return f"{text}T{day}"
    return f"{text[:10]}T{halves[text[10:]]}" if text[10:] in halves else text


def what(item: Item, codes: list[str], words: str, *, emergency: bool = False) -> str:
    """The answer to an item's first question that the words suggest."""
    if item.code == "clinic" and emergency:
        return "first_aid"
    table = _WHAT.get(item.code, {})
    by_code = next((table[code] for code in codes if code in table), "")
    by_words = next((answer for answer, said in _WORDS.get(item.code, ()) if re.search(said, words, re.IGNORECASE)), "")
    return by_code or by_words or _FALLBACK.get(item.code, "other")


def priority(item: Item, urgency: str) -> int:
    """The priority of a request of this urgency that the item's standard has times for."""
    wanted = _PRIORITY.get(urgency, 0)
    return min(item.accepted, key=lambda by: (abs(by - wanted), by)) if wanted else item.usual


def _subject(words: str) -> str:
    first = re.split("[，,。；;！!？?\n]", words.strip())[0].strip()
    return first[:40] or words.strip()[:40]


def hours(slots: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    """Start and end of a draft as wall-clock times; None while one has no clock time. One hour where no end is said."""
    start, end = str(slots.get("start", "")), str(slots.get("end", ""))
    if len(start) != 16:
        return None
    begins = datetime.fromisoformat(start)
    ends = datetime.fromisoformat(end) if len(end) == 16 else begins + timedelta(hours=1)
    return (begins, ends) if ends > begins else None
