"""Places in a sentence: building, floor, room or named spot, each with where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.requests.chat.lexicon import Match
    from services.requests.chat.numbers import Number
    from services.requests.chat.text import Sentence

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """One part of an address.

    Attributes:
        slot: building, floor or room.
        value: as a frame carries it; numerals are Arabic.
        named: a named spot rather than a number.
    """

    slot: str
    value: str
    start: int
    end: int
    named: bool = False


# After a number these make it something other than a room.
_COUNTED = "个人位名份张本台辆盆块盏把套盒桌页斤元分点时年月日天周次条瓶箱幅册顿床间根株束只件双岁楼层栋幢米公平小秒级期届折度%％:：°座号线路片人代届遍回批届"
_COUNTED_EN = re.compile(
    r"\s*(?:%|[:.]\d|(?:-?\s?page|conference handbooks|(?:[a-z]+ )?(?:handbooks?|manuals|papers|forms|questionnaires|envelopes|badges|calendars|menus|tickets)|people|persons?|ppl|pax|guests?|copies|copy|pages?|sheets?|sets?|boxes|box|meals?|lunch\w*|dinners?|"
    r"minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|am|pm|a\.m|p\.m|o'?clock|st|nd|rd|th|times|yuan|rmb|stars?|attendees|"
    r"participants|seats?|seater|pots?|plants|visitors|of us|delegates|posters?|flyers?|leaflets?|cards?|certificates|invitations|"
    r"booklets|handouts|brochures|notices|passengers|staff|students|chairs|desks|double|single|colou?r|a4|a3|bound|boxed|"
    r"packed|employees|colleagues|men|women|kids|children|percent|kg|km|metres|meters|square|parking|guards|tickets|passes|names?)\b)"
)
_ROOM_NUMBER = re.compile(r"(?<![\d./A-Za-z-])(?<!\d[:：])([A-Za-z]?)-?(\d{3,4}[A-Za-z]?)(?![\d:：/A-Za-z])")
_BUILDING_ROOM = re.compile(r"(?<![\d.:：/-])([A-Za-z]|\d{1,2})[-－—](\d{3,4})(?![\d:：/-])")
_NOT_A_ROOM_BEFORE = re.compile(
    r"(?:分机|内线|电话|短号|手机|拨|打给|编号|工号|车牌|尾号|航班|车次|(?<![a-z])(?:no\.?|ext\.?|extension|phone|tel|dial|plate|flight|train|number|ref|reference|id)|"
    r"￥|¥|\$|rmb|印数|数量|共|约|大约|人数|从|改成|改为|加到|增至|"
    r"(?<![a-z])(?:about|around|approx\w*|roughly|total(?: of)?|from|by|over|under|between|up to|print(?: run)?(?: of)?))\s*[:：]?\s*$",
    re.IGNORECASE,
)
_ZH = {
    "building": re.compile(
        r"(?:第)?([一二三四五六七八九十\d]{1,3}|[A-Za-z])\s?(?:号楼|号院|#楼?|栋楼?|幢楼?|号(?=[一二三四五六七八九十\d]+[楼层]))"
        r"|(?<![A-Za-z])([A-Za-z])(?:楼|区|馆|座)"
    ),
    "floor": re.compile(
        r"(?:第)?(负|地下|-|B|b)?([一二三四五六七八九十\d]{1,3})\s?(?:楼|层)(?!梯|道|泥|灰|土|油|薄|厚|霜|冰|雪|上楼|会议中心|长|里的灯|次)|(?<![A-Za-z\d])([Bb]?\d{1,2})[Ff](?![A-Za-z])|(?<![A-Za-z\d])[Ff](\d{1,2})(?![A-Za-z\d])|(?<![A-Za-z\d])[Bb]([12])(?![A-Za-z\d座栋楼幢区-])"
    ),
    "room": re.compile(
        r"((?:第[一二三四五六七八九十\d]{1,2}|[一二三四五六七八九十\d]{1,2}号)(?:大|小)?(?:会议|会客|接待|培训|学习|活动|诊|教)[室厅]|第[一二三四五六七八九十\d]{1,2}(?:会议|接待|会客|培训)[室厅])"
        r"|(?:会议室|会客室|接待室)([A-Z]|[一二三四五六七八九十]|\d{1,2})(?![\d:：点月日号人.个位名般直起共间样会下时旦定些边])"
    ),
}
_SIZED_ROOM = re.compile("(?<![个间])([大中小](?:会议室|会客室|接待室))(?!开|吗|有|都|多)")
_OFFICE = re.compile(
    "((?:[\u4e00-\u9fa5]{0,3}?)(?:市长|局长|主任|书记|处长|科长|秘书长|部长|主席|院长|常委|县长|区长|厅长|司长|总|局|董|校长|所长|队长|站长|政委|调研员))(?:的|)(办公室)"
)
_DEPARTMENT = re.compile(
    "((?:综合|人事|财务|行政|办公|信息|宣传|组织|法规|法制|审计|规划|基建|后勤|保卫|接待|秘书|机要|文书|督查|信访|政工|纪检|外事|科教|统计|资产|采购|党政|党建|工会|团委|妇联|预算|国库|会计|业务|技术|培训|研究|政策|总务|安监|应急|环评|投资|招商|社保|医保|户籍)(?:一|二|三|)(?:科|处|股|部|室|办|中心))"
)
_EN = {
    "building": re.compile(
        r"\b(?:building|block|tower|bldg\.?|wing)\s+(?:no\.?\s*|number\s+)?([a-h]|\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)\b(?!\s*(?:people|floor))"
        r"(?<!\bblock a(?= (?!is|has|room|floor|lobby|toilet|roof|stairs|lift|corridor|meeting|and|on|at|by|for)[a-z]))"
        r"|\b([a-h])[\s-](?:block|wing|building)\b"
    ),
    "floor": re.compile(
        r"\b(\d{1,2})(?:st|nd|rd|th)[\s-]*(?:floor|fl\b\.?|flr|storey|level)"
        r"|\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth)[\s-]+(?:floor|storey|level)"
        r"|\b(?:floors?|level|flr|lvl|storey)\s*(?:no\.?\s*|number\s+)?(b?\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)\b(?!\s*(?:people|am|pm|:))"
        r"|\b(b?\d{1,2})\s?/?f\b|\bf(\d{1,2})\b|\b(ground)[\s-]*(?:floor|level)|\b(b[12])\b"
    ),
    "room": re.compile(
        r"\b((?:first|second|third|fourth|1st|2nd|3rd|4th|small|large|big|main|east|west|north|south|[a-z]+)\s+(?:conference|meeting|reception)\s+room)\b"
        r"|\b((?:small|large|big|great|main|lecture|old|new)\s+(?:auditorium|theatre|theater|ballroom))\b"
        r"|\b((?:conference|meeting|interview|training|reception|seminar)\s+room\s+(?:[a-h]\b|\d{1,2}\b(?![:.]\d|\s*(?:people|pax|ppl|am|pm|persons))|one\b|two\b|three\b))"
        r"|\b((?:the\s+)?(?:director|mayor|secretary|minister|manager|chief|governor|chairman|chairwoman|president|commissioner|boss|deputy mayor|vice mayor)(?:'s|s'|’s)?(?:\s+[a-z]+'s)?\s+office)\b"
        r"|\b([a-z]+(?:'s|s'|’s)\s+office)\b"
    ),
    "number": re.compile(
        r"\b(?:room|rm\.?|office|unit|suite|flat|apt\.?|apartment|ward|meeting room|conference room)\s*(?:no\.?\s*|number\s+|#)?([a-z]?-?\d{2,4}[a-z]?)\b",
        re.IGNORECASE,
    ),
}
_EN_VALUES = {
    word: str(value)
    for value, words in enumerate(
        "one/first two/second three/third four/fourth five/fifth six/sixth seven/seventh eight/eighth nine/ninth ten/tenth eleven/eleventh twelve/twelfth".split(),
        start=1,
    )
    for word in words.split("/")
} | {"ground": "1"}
_GENERIC_EN = frozenset(
    "the a an any some another one this that our my your free good bigger smaller large small big quiet nice available larger spare suitable medium different new either each every for in of to book reserve need get want proper decent empty floor level storey block building video whole entire same said usual next on at hold have use one two three available booked team staff board no yes and with from are is".split()
)
_ON_FLOOR = re.compile(
    r"\bon (\d{1,2}|two|three|four|five|six|seven|eight|nine|ten)(?=$|[,.;!?](?!\d)|\s+(?!(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"|(?:am|pm|a\.m|p\.m|o'?clock|of|people|occasions?|tables?|pages?|sheets?|copies|days?|times?|separate|different|chairs?|desks?|wheels|legs|consecutive|at|tomorrow)\b|\d))"
)
# A place after these was said before and is given up: 不是402,是404.
_REPLACED = re.compile(r"(?:不是|并非|而不是|\bnot|instead of|rather than)\s*(?:in |on |at )?(?:the )?$")
_NUMERALS = str.maketrans({character: str(value) for value, character in enumerate("零一二三四五六七八九")})


def places(sentence: Sentence, matches: Iterable[Match], counted: Iterable[Number], taken: list[Span]) -> list[Place]:
    """Every place in ``sentence`` outside the spans ``taken`` by times and tickets, in order of appearance."""
    found: list[Place] = []
    busy = list(taken)
    spots = list(_spots(sentence, matches))
    grammar = (*_chinese(sentence), *_english(sentence)) if sentence.lang == "zh" else tuple(_english(sentence))
    for place in (*grammar, *_numbered(sentence), *spots, *_spoken(sentence, counted)):
        if place.named and any(
            spot.start <= place.start and place.end <= spot.end and len(spot.value) > len(place.value) for spot in spots
        ):
            continue  # 信访接待室, not 接待室
        within = place.slot != "room" and any(start < place.start and place.end < end for start, end in taken)
        if (within or not _overlaps(place.start, place.end, busy)) and not _REPLACED.search(
            sentence.low[max(0, place.start - 10) : place.start]
        ):
            found.append(place)
            busy.append((place.start, place.end))
    return sorted(found, key=lambda place: place.start)


def _overlaps(start: int, end: int, spans: Iterable[Span]) -> bool:
    return any(start < other_end and other_start < end for other_start, other_end in spans)


def _arabic(numeral: str) -> str:
    """二 as 2, 十二 as 12, B as B."""
    if numeral.isascii():
        return numeral.upper().lstrip("0") or "0"
    tens, ten, ones = numeral.partition("十")
    if not ten:
        return numeral.translate(_NUMERALS)
    return str((int(tens.translate(_NUMERALS)) if tens else 1) * 10 + (int(ones.translate(_NUMERALS)) if ones else 0))


def _chinese(sentence: Sentence) -> Iterator[Place]:
    text = sentence.text
    for match in _BUILDING_ROOM.finditer(text):
        yield Place("building", match.group(1).upper(), match.start(1), match.end(1))
        yield Place("room", match.group(2), match.start(2), match.end(2))
    for match in _ZH["building"].finditer(text):
        yield Place("building", _arabic(match.group(1) or match.group(2)), *match.span())
    for match in _ZH["room"].finditer(text):
        if match.group(1):
            name = match.group(1)
            yield Place(
                "room",
                name
                if name[0] == "第"
                else re.sub("[一二三四五六七八九十]+", lambda m: _arabic(m.group()), name, count=1),
                *match.span(),
                named=True,
            )
        else:
            yield Place(
                "room", match.group().replace(match.group(2), _arabic(match.group(2))), *match.span(), named=True
            )
    for match in _ZH["floor"].finditer(text):
        below, plain, f_after, f_before, basement = match.groups()
        number = plain or f_after or f_before or basement
        value = _arabic(number)
        yield Place("floor", f"B{value}" if below or basement else value, *match.span())
    for pattern in (_SIZED_ROOM, _OFFICE, _DEPARTMENT):
        for match in pattern.finditer(text):
            yield Place("room", match.group(), *match.span(), named=True)


def _english(sentence: Sentence) -> Iterator[Place]:
    low = sentence.low
    for match in _EN["building"].finditer(low):
        value = match.group(1) or match.group(2)
        yield Place("building", _EN_VALUES.get(value, value.upper()), *match.span())
    for match in _EN["number"].finditer(low):
        yield Place("room", match.group(1).upper(), *match.span())
    for match in _EN["room"].finditer(low):
        value = next(group for group in match.groups() if group).removeprefix("the ")
        if value.split()[0] not in _GENERIC_EN:
            yield Place("room", value, *match.span(), named=True)
    for match in _EN["floor"].finditer(low):
        value = next(group for group in match.groups() if group)
        yield Place("floor", _EN_VALUES.get(value, value.upper()), *match.span())
    for match in _ON_FLOOR.finditer(low):
        yield Place("floor", _EN_VALUES.get(match.group(1), match.group(1)), *match.span(1))


def _numbered(sentence: Sentence) -> Iterator[Place]:
    """Rooms said by a bare number of three or four digits."""
    text = sentence.text
    for match in _ROOM_NUMBER.finditer(text):
        after = text[match.end() :]
        if after[:1] and after[0] in _COUNTED and not after.startswith(("号房", "号会议", "号办公", "号室", "个人办")):
            continue
        if _COUNTED_EN.match(after.lower()) or _NOT_A_ROOM_BEFORE.search(
            text[max(0, match.start() - 12) : match.start()]
        ):
            continue
        yield Place("room", f"{match.group(1)}{match.group(2)}".upper(), *match.span())


def _spoken(sentence: Sentence, counted: Iterable[Number]) -> Iterator[Place]:
    """Rooms said digit by digit: 三零二."""
    for number in counted:
        if len(number.written) in (3, 4) and not sentence.text[number.start].isdigit():
            if sentence.text[number.end : number.end + 1] not in set(_COUNTED):
                yield Place("room", number.written, number.start, number.end)


def _spots(sentence: Sentence, matches: Iterable[Match]) -> Iterator[Place]:
    for match in matches:
        if match.kind == "place" and match.name in ("spot", "building"):
            slot = "room" if match.name == "spot" else "building"
            written = sentence.low[match.start : match.end].strip()
            yield Place(slot, written, match.start, match.end, named=True)
