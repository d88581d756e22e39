"""What a frame carries: which slots an item has, and their values from one stretch of a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.requests.chat import counts, journeys
from services.requests.chat.evidence import ALSO_BREAKS, codes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.requests.chat.lexicon import Match
    from services.requests.chat.numbers import Number
    from services.requests.chat.places import Place
    from services.requests.chat.text import Sentence

Span = tuple[int, int]
Slots = dict[str, object]

PLACED = frozenset(
    {"security", "meeting", "canteen", "clinic", "repair", "cleaning", "landscaping", "residence", "printing", None}
)
_DELIVERED = frozenset({"printing", "canteen"})
_BROUGHT = re.compile(
    "送|拿到|放到|摆到|deliver|bring|brought|take|drop|serve|sent? to|\\bto (?:the )?|\\bin (?:the )?|\\bat (?:the )?"
)


def brought(sentence: Sentence, start: int, end: int) -> bool:
    """True when the stretch says where something is to be brought."""
    return bool(_BROUGHT.search(sentence.low[start:end]))


SERVES_PEOPLE = frozenset(
    {"meeting", "canteen", "barber", "clinic", "vehicle", "square", "residence", "security", None}
)

# A spot that is the item's own home is not where the service is wanted.
_HOME = {
    "canteen": re.compile("食堂|餐厅|包[厢间房]|宴会厅|厨房|canteen|cafeteria|dining|kitchen|banquet"),
    "barber": re.compile("."),
    "clinic": re.compile("门诊|医务室|clinic|infirmary|medical room|^(?:楼梯|电梯|stairs?|staircase|lift|elevator)$"),
    "printing": re.compile("文印|打印室|复印室|print|copy room"),
    "repair": re.compile("^(?:电梯|lift|elevator|stairs?|toilets?|loos?|wcs?|lavatory)$"),
    "landscaping": re.compile("^(?:花坛|花园|草坪边|绿化带|garden)$"),
    "residence": re.compile("^(?:大厅)$"),
}
_DENIED = re.compile("(?<!能)(?<!要)[不免无别](?:要|用|需|带)?$")
# 推不上去 is a fault, not a refusal.
_UNABLE = re.compile("[推拉关打开锁连合扣插装搬提充登刷按点用盖套拧接升调拔]$")
# What something drips onto, or stands beside, is not what is broken: 滴到桌子上, 放在柜子里.
_SOUND = re.compile(
    r"\s*(?:都|倒|还|那边|那个)?(?:是|还是)?(?:好的|没问题|没坏|没事|正常|好用|不用(?:修|管|看))|\s+(?:is|are|was|were|seems?|works?|'s)?\s*(?:still |quite |working )?(?:fine|okay|ok\b|all right|alright|works?\b|not the problem)"
)
_BESIDE = re.compile("[到在往][了我]?$")
_UPON = re.compile("[上里旁边下]")
_TOILETS = re.compile("厕|卫生间|洗手间|[男女]卫|盥洗|toilet|restroom|bathroom|washroom|loo|gents|ladies|lavator")
_BLOCKED = re.compile("堵|溢|冲不|下不去|反水|返水|block|clog|overflow|back(?:ing|ed) up|flush")
_BASIN = re.compile("洗手(?:池|盆|台)|水池|水槽|面盆|洗脸(?:池|盆)|洗菜池|\\b(?:sink|basin|washbasin)\\b")
_BASIN_FAULT = re.compile("堵|慢|下水|积水|不下|反味|溢|block|clog|drain|slow|back(?:ing|ed) up|overflow|smell")
_TOILET_AS_PLACE = re.compile(
    r"\b(?:toilet|loo|wc)s?'?\s+(?:door|light|lights|tap|window|lock|floor|ceiling|fan|bulb|paper|seat lock|mirror|sink)"
)
_WATER_AS_SUPPLY = re.compile(r"\bwater(?:'s| is| has been| was)? (?:off|out|gone)|no water|没水|停水")


def people(sentence: Sentence, numbers: Sequence[Number], free: list[Span], *, bare: bool = False) -> int | None:
    """How many people are served in the stretches ``free``."""
    said = counts.headcount(sentence, numbers, free, bare=bare)
    return said[0] if said else None


def place_slots(item: str | None, places: Iterable[Place], *, brought: bool = True) -> Slots:
    """building, floor and room of a frame of ``item`` from the places of its stretch.

    ``brought`` tells that something is to be delivered: without it a named spot says nothing of a print job or a meal.
    """
    if item not in PLACED:
        return {}
    home = _HOME.get(item or "")
    if item in _DELIVERED:
        places = [place for place in places if not place.named or brought]
    slots: Slots = {}
    spot, addressed = "", False
    last: Place | None = None
    for place in places:
        next_to = last is not None and place.start - last.end <= 1
        if place.slot == "room" and place.named:
            # The spot that stands beside a floor or another spot is the one meant: 五楼男厕, 食堂后厨.
            if not (home and home.search(place.value)) and (not spot or (next_to and not addressed)):
                spot, addressed = place.value, next_to
        else:
            slots.setdefault(place.slot, place.value)
        last = place
    if spot and "room" not in slots:
        slots["room"] = spot.removesuffix("口") if spot.endswith("门口") else spot
    return slots


def equipment(
    item: str | None, sentence: Sentence, start: int, end: int, matches: Iterable[Match], removed: Sequence[Span]
) -> list[str]:
    """The equipment codes of a frame of ``item``, sorted; what the speaker does without is left out."""
    allowed = codes_of(item) if item else frozenset()
    if item == "repair":
        allowed |= ALSO_BREAKS
    text = sentence.low[start:end]
    said: dict[str, None] = {}
    for match in matches:
        if match.kind != "thing" or match.name not in allowed or covered(match, removed):
            continue
        if item == "repair" and _SOUND.match(sentence.low[match.end : match.end + 24]):
            continue
        if (
            match.name == "furniture"
            and _BESIDE.search(sentence.low[max(0, match.start - 2) : match.start])
            and _UPON.match(sentence.low[match.end : match.end + 2])
        ):
            continue
        if _DENIED.search(sentence.low[max(0, match.start - 3) : match.start]):
            continue
        if match.name == "copy" and sentence.low[match.start : match.end].startswith("copies"):
            continue
        said[match.name] = None
    if item == "repair":
        _plumbing(text, said)
        _parts_of_things(text, said)
    if item == "cleaning" and "glass" in said and "carpet" in said and "地毯" not in text and "carpet" not in text:
        del said["glass"]
    return sorted(said)


_LOCK_OF_FURNITURE = re.compile(
    "[柜屉桌](?:子)?的?(?:门)?锁|柜门|(?:cabinet|drawer|locker|cupboard|desk)(?:'s)? (?:lock|door|key)"
)


_CHANGE = re.compile("换成|改成|改为|换为|变成|换一?辆|\\b(?:for|to|with|into) (?:a|an|the)\\b")


def after_change(sentence: Sentence, matches: Sequence[Match]) -> list[Match]:
    """``matches`` without the things that are given up for others: the sedan in 轿车换成商务车."""
    things = [match for match in matches if match.kind == "thing"]
    for turn in _CHANGE.finditer(sentence.low):
        if any(match.start >= turn.end() for match in things) and any(match.end <= turn.start() for match in things):
            return [match for match in matches if match.kind != "thing" or match.start >= turn.end() - 1]
    return list(matches)


def _parts_of_things(text: str, said: dict[str, None]) -> None:
    """The lamp of a projector, the lock of a cabinet and the door of a lift are the projector, the cabinet, the lift."""
    if "projector" in said:
        said.pop("light", None)
    if "furniture" in said and ("door" in said) and (_LOCK_OF_FURNITURE.search(text) or "unlock" in text):
        said.pop("door", None)
    if "lift" in said:
        said.pop("door", None)
    if "computer" in said:
        said.pop("screen", None)


def _plumbing(text: str, said: dict[str, None]) -> None:
    """Sinks are drains when they do not drain; a toilet may be a room with something broken in it."""
    if _BASIN.search(text) and _BASIN_FAULT.search(text) and not {"tap", "pipe", "light"} & set(said):
        said["drain"] = None
    if _TOILET_AS_PLACE.search(text):
        said.pop("toilet", None)
    if not said and _TOILETS.search(text) and _BLOCKED.search(text):
        said["toilet"] = None
    if "water_supply" in said and len(said) > 1 and not _WATER_AS_SUPPLY.search(text):
        del said["water_supply"]
    if "ceiling" in said and {"pipe", "light", "aircon"} & set(said) and "天花" not in text and "ceiling" not in text:
        del said["ceiling"]
    if "socket" in said and "power" in said:
        del said["power"]
    if "power" in said:
        said.pop("computer", None)
        said.pop("light", None)
    if "water_dispenser" in said:
        said.pop("tap", None)


def journey_slots(sentence: Sentence, start: int, end: int, times: Iterable[Span]) -> Slots:
    """destination of a frame of vehicle."""
    found = journeys.destination(sentence, start, end, times)
    return {"destination": found[0]} if found else {}


def count_slots(item: str | None, sentence: Sentence, numbers: Sequence[Number], free: list[Span]) -> Slots:
    """headcount and quantity of a frame of ``item`` from the numbers in the stretches ``free``."""
    slots: Slots = {}
    if item in SERVES_PEOPLE:
        served = counts.headcount(sentence, numbers, free, bare=item in ("meeting", "vehicle", "barber", "clinic"))
        if served is not None:
            slots["headcount"] = served[0]
            numbers = [one for one in numbers if not (served[1][0] <= one.start < served[1][1])]
    asked = counts.quantity(sentence, item or "", numbers, free)
    if asked is not None:
        slots["quantity"] = asked
    return slots


_HURRIED = re.compile("(?:^|[,。!?;])快[!,。]*$")
_SUPPLIES = frozenset({"power", "water_supply"})


def urgency(item: str | None, sentence: Sentence, matches: Iterable[Match], filled: Mapping[str, object]) -> str:
    """normal, high or low; an emergency is decided elsewhere.

    A supply that fails for a floor or a building, and not for one room, is urgent whether or not it is called so.
    """
    kinds = {match.kind for match in matches}
    if "low" in kinds:
        return "low"
    failing = _SUPPLIES & set(_codes(filled)) and {"floor", "building"} & set(filled) and "room" not in filled
    if (
        "high" in kinds
        or _HURRIED.search(sentence.low)
        or (item == "repair" and failing)
        or (item == "repair" and {"whole", "fault"} <= kinds)
        or (item in ("repair", "cleaning") and "soon" in kinds)
    ):
        return "high"
    return "normal"


_NOT_THIS = re.compile("(?<!是)不是([^,。;]{1,12})[,;](?=而?是)")
# What stands before is given up for what follows: 盒饭15份，说错了，18份; to Hangzhou, sorry, I mean Shaoxing.
_CORRECTED = re.compile(
    r"[,，。;.]?\s*(?:不对|不不|[啊哦噢哎呃]不|(?:我)?[说写打记搞弄]错了?|口误|更正(?:一下)?|应该是|确切地?说|准确地?说"
    r"|\b(?:(?:no[, ]+)?wait|i mean|i meant|make (?:that|it)|correction|scratch that|strike that|oops|my mistake|or rather|(?<=[,;] )(?:sorry|actually|rather))\b)"
)


def correction(sentence: Sentence, start: int, end: int) -> int | None:
    """Where in the stretch the speaker begins to put right what was said before it; None when nothing is."""
    turns = [found for found in _CORRECTED.finditer(sentence.low, start, end) if found.start() > start]
    return turns[-1].end() if turns else None


def without(sentence: Sentence, matches: Sequence[Match]) -> list[Span]:
    """Stretches that name what the speaker does not want: after 不要, before 不要了."""
    removed: list[Span] = []
    breaks = [found.start() for found in re.finditer("[,;。；!?！？]|\\.(?=\\s|$)", sentence.text)] + [
        len(sentence.text)
    ]
    voiced = [
        (match.start, match.end)
        for match in matches
        if match.kind in ("fault", "low", "help", "complain", "query_status")
    ]
    turns = [match.start for match in matches if match.kind == "affirmation_after_negation"]
    for match in matches:
        if match.kind.startswith("negation") and _UNABLE.search(sentence.low[: match.start]):
            continue
        if match.kind == "negation_after" and not any(start <= match.start < end for start, end in voiced):
            before = max((at + 1 for at in breaks if at < match.start), default=0)
            removed.append((before, match.start))
        elif match.kind == "negation" and not any(start <= match.start < end for start, end in voiced):
            stop = (
                min(at for at in breaks if at >= match.end)
                if any(at >= match.end for at in breaks)
                else len(sentence.text)
            )
            stop = min([stop, *(at for at in turns if at > match.end)])
            removed.append((match.start + 1, stop))
    removed += [found.span(1) for found in _NOT_THIS.finditer(sentence.low)]
    return removed


def covered(match: Match, spans: Sequence[Span]) -> bool:
    return any(start <= match.start and match.end <= end for start, end in spans)


def left(matches: Sequence[Match], removed: Sequence[Span]) -> list[Match]:
    """``matches`` without the items and things that the speaker does not want."""
    return [match for match in matches if not (match.kind in ("item", "thing") and covered(match, removed))]


def merged(earlier: Mapping[str, object], later: Mapping[str, object]) -> Slots:
    """``earlier`` with what ``later`` says instead or in addition; equipment adds up."""
    slots = {**earlier, **later}
    both = [*_codes(earlier), *_codes(later)]
    if both:
        slots["equipment"] = sorted(set(both))
    return slots


def _codes(slots: Mapping[str, object]) -> list[str]:
    value = slots.get("equipment", [])
    return list(value) if isinstance(value, list) else []
