"""Where a journey goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.text import Sentence

Span = tuple[int, int]

_HUB_ZH = re.compile(
    "[\u4e00-\u9fa5]{0,6}?(?:机场|火车站|高铁站|动车站|汽车站|客运站|客运中心|火车南站|火车东站|火车北站|火车西站|[\u4e00-\u9fa5]{2}[东南西北]?站|码头|航站楼|车站|南站|北站|东站|西站)"
)
_TO_ZH = re.compile(
    "(?:目的地(?:改成|改为|换成|变成|变更为|是|为|:|在)?|终点(?:是|为|:)?|前往|开往|发往|改去|送往|送到|送去|送至|拉到|拉去|运到|运去|运往|搬到|载到|接到|回到|去往|去一?趟|跑一?趟|赴|往|至|到|去|回|下(?=乡镇|县)|→|->|—>|=>|进(?=城|京))"
)
_STOP_ZH = re.compile(
    "[,，。;；!！?？:：()（）\\s→、]|开(?:个|完)?会|参(?:加|会|观)|办(?:事|理|个|点)|接(?!待)|送|出差|调研|考察|学习|检查|走访|慰问|办公事|复查|看病|看望|拜访|视察|督查|开庭|取|拿|领取|交材料|报到|培训|就医|体检|演出|比赛|扫墓|拍|签|谈|招商|对接|汇报|活动|那|这|的(?!士)|吧|吗|呢|啊|了|一下|一趟|"
    "需要|需|要(?!塞)|用(?!友)|坐|乘|搭|[一二两三四五六七八九十百\\d]+(?:个人|人|位|名|个|辆|台|点|:|座|号(?!楼)|日|月|块|份|时)|共|一共|大概|大约|明|后天|今|昨|上午|下午|早上|晚上|中午|周[一二三四五六日天末]|星期|礼拜|下周|本周|这周|早|晚|现在|马上|尽快|立即|返|再|然后|另外|顺便|还|并|和领导|车(?!站)|派(?!出所)|安排|赶(?:飞机|火车|高铁|车)|走|出发|集合|往返|来回|不是|改|同|跟|与|大巴|中巴|商务|轿车|考斯特"
)
_FROM_ZH = re.compile("从([^,，。;；\\s]{1,10}?)(?:到|去|往|至|→|出发|拉|运|接)")
_NOT_TO_ZH = re.compile(
    "(?:直|遇|收|迟|早|晚|想|看|等|找|做|得|约|报|刚|过|回不|谈|签|办|不|没|临|周|推|改|加|减|延|开|用|提前|拖|调|几点|再|持续|一直|工作|说|降|增|下|上)$"
)
_BAD_ZH = re.compile(
    "^(?:后[拖推延移挪]|前[提挪移调]|时(?!代)|[点了的]|[一二两三四五六七八九十\\d]+(?:点|:|号|日|月|人|个|份|分)|上午|下午|明|后天|今|周|星期|现在|位|时候|付|底|期|来|去|场|处|达|岗|结束|中午|晚上|傍晚|凌晨|早|家$|那边$|这边$|哪|现场$|楼下|乡下|下面|外地|外省|基层|大院$|院里$|几)"
)

# A clause that is nothing but the name of a place: 市医院.
_ALONE_ZH = re.compile(
    "(?:^|[,，;。 ])(?!下乡)([一-龥]{0,8}?(?:医院|市区|城区|省城|县城|政府|街道|镇|乡|村|县|市|局|厅|酒店|宾馆|大学|学院|学校|公司|厂|园区|基地|法院|检察院|党校|景区|公园|站|码头|大厦|中心|开发区|博物馆|口岸|工地))(?=$|[,，;。])"
)
_ALONE_EN = re.compile(
    r"(?:^|[,;.]\s*)((?:[\w']+ ){0,4}(?:hospital|hotel|university|college|school|court|bureau|museum|harbour|port|factory|park|office|hall|site|centre|center|town|village))(?=\s*(?:$|[,;.]))",
    re.IGNORECASE,
)
_TO_EN = re.compile(
    r"\b(?:destination(?! of\b)(?: is| ?:| now| to| changed| should| be\b| needs)*|drop(?:ped)?(?: \w+)? (?:off )?(?:at|to)|going to|heading (?:to|for)|bound for|visiting|to visit|to|into|towards?|pick(?:ed|ing)?[\s-]?up (?:[\w.]+ ){0,4}?(?:at|from)|"
    r"collect(?:ed|ing)? (?:[\w.]+ ){0,4}?(?:from|at)|meet (?:\w+ ){0,4}?at|arriving at|landing (?:\S+ ){0,3}?at|fetch (?:\w+ ){0,4}?from|→|->)\s+(?:the\s+|our\s+|a\s+|an\s+)?"
)
_STOP_EN = re.compile(
    r"\s*(?:[,;!?()]|\.(?=\s|$)|\s-\s|\b(?:on|at|by|for|with|from|leav\w+|depart(?!ment)\w*|tomorrow|tmrw|today|tonight|this|next|and|then|please|pls|in|before|after|around|about|the day|"
    r"now|asap|return\w*|back|via|is|are|we|i|there|where|when|to|again|instead|monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|first thing|early|morning|afternoon|evening|noon|midday|half past|quarter|round|urgently|immediately|right|so|as|because|who|that|which|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|need\w*|one|two|three|four|five|six|seven|eight|nine|ten|twelve|out|only|just|car|van|coach|bus|minibus|sedan|truck|pickup|transfer|if|but)\b|\d)"
)
_VERB_EN = re.compile(
    r"(?:pick|take|move|shift|drive|get|go|collect|attend|carry|bring|see|do|be|have|transport|fetch|deliver|haul|send|meet|catch|make|inspect|check|find|book|reserve|arrange|help|us|me|them|him|her|you|bring|visit|drop|run|come|work|load|ferry|reach|travel|"
    r"cover|use|let|give|ask|confirm|change|thursday|friday|monday|tuesday|wednesday|saturday|sunday|\d|noon|midnight|six|seven|eight|nine|ten|five|four|three|two|twelve|one|half|say|know|join|seat|fit|start|leave|set|return|rehearse|practi[sc]e|sit|talk|discuss|work|sort|print|clean|fix|repair|look|speak|chat|stay|eat|hold|host|keep|open|close|turn|charge|wait|cancel|approve|report|complain|order|receive|welcome|greet|sign|prepare|day|morning|evening|afternoon|week|date|time|end|later|earlier|mend|replace|water|change|all|some|any|my desk|your|him|the day)\b"
)
# To after these goes nowhere: who has to approve, flying to Beijing from the airport.
_FLIES = re.compile(r"\b(?:fl(?:y|ies|ying|ew)|flight|ha[sd]|have|who has|able|supposed|allowed|ought)\s*$")
_HUB_EN = re.compile(
    r"\b((?:(?-i:[A-Z][a-z]+) )*(?:airport|railway station|(?:bullet )?train station|high[- ]speed rail(?:way)? station|bus station|coach station|(?:north|south|east|west|South|North|East|West) station|(?:(?:police|fire|petrol|metro|subway|tram|weather) )?station|ferry terminal|terminal \d)(?: terminal \d)?)\b",
    re.IGNORECASE,
)
_RUN_EN = re.compile(
    r"\b((?:[a-z]+ ){0,2}?(?:airport|station))\s+(?:pick[\s-]?up|run|transfer|collection|drop[\s-]?off|trip)",
    re.IGNORECASE,
)


def destination(sentence: Sentence, start: int, end: int, times: Iterable[Span]) -> tuple[str, Span] | None:
    """Where the journey in ``sentence.text[start:end]`` goes, as it was said, and where it was said."""
    text = sentence.text[start:end]
    for time_start, time_end in times:
        if time_start < end and time_end > start:  # a time is never part of a name
            low, high = max(time_start - start, 0), min(time_end, end) - start
            text = text[:low] + "，" * (high - low) + text[high:]
    found = _english(text) if sentence.lang == "en" else (_chinese(text) or _english(text))
    return found and (found[0], (found[1][0] + start, found[1][1] + start))


def _chinese(text: str) -> tuple[str, Span] | None:
    origin = {match.span(1) for match in _FROM_ZH.finditer(text)}
    for match in _TO_ZH.finditer(text):
        if _NOT_TO_ZH.search(text[: match.start()]) and match.group() in ("到", "去", "回", "至", "往"):
            continue
        rest = text[match.end() : match.end() + 24]
        if _BAD_ZH.match(rest):
            continue
        stop = _STOP_ZH.search(rest)
        name = rest[: stop.start()] if stop else rest
        hub = _HUB_ZH.match(rest)
        if hub and stop and hub.end() > stop.start() and stop.start() > 0:
            name = hub.group()
        name = re.sub("(?:那边|这边|附近|里面|一带)$", "", name).strip()
        if len(name) >= 2 and not name.isdigit():
            return name, (match.end(), match.end() + len(name))
    for match in _HUB_ZH.finditer(text):
        if match.span() not in origin:
            name = re.sub("^(?:.*(?:接人|接|送|在|去|到|从|派车|要车|用车|的))", "", match.group())
            return name, (match.end() - len(name), match.end())
    if alone := _ALONE_ZH.search(text):
        return alone.group(1), alone.span(1)
    return None


def _english(text: str) -> tuple[str, Span] | None:
    for match in _TO_EN.finditer(text.lower()):
        rest = text[match.end() :]
        if _VERB_EN.match(rest.lower()) or _FLIES.search(text[: match.start()].lower()):
            continue
        stop = _STOP_EN.search(rest.lower().replace("，", ","))
        name = (rest[: stop.start()] if stop else rest).strip(" .'\"")
        if 2 <= len(name) <= 50 and len(name.split()) <= 6:
            return name, (match.end(), match.end() + len(name))
    for pattern in (_RUN_EN, _HUB_EN, _ALONE_EN):
        if found := pattern.search(text):
            return found.group(1), found.span(1)
    return None


_INSTEAD = re.compile(
    r"[\s,:]*(?:to |是|去|到)?([\u4e00-\u9fa5]{2,8}|[A-Z][A-Za-z']+(?: [A-Z][A-Za-z']+)*)(?=\s*(?:[,，.。;!]|$))"
)


def instead(sentence: Sentence, start: int) -> str | None:
    """The bare name that stands at ``start``, after words that take another back: sorry, I mean Shaoxing."""
    found = _INSTEAD.match(sentence.text, start)
    return found.group(1) if found else None


_BARE_NAME = re.compile("[\u4e00-\u9fa5]{2,4}")


def bare_name(sentence: Sentence, start: int, end: int, explained: Iterable[Span]) -> str | None:
    """A clause of ``sentence.text[start:end]`` that is a name and nothing that anybody else could explain: 乐清."""
    known = list(explained)
    for match in re.finditer("[^,，。;；!?、\\s]+", sentence.text[start:end]):
        low, high = start + match.start(), start + match.end()
        if _BARE_NAME.fullmatch(match.group().strip()) and not any(a < high and low < b for a, b in known):
            return match.group().strip()
    return None
