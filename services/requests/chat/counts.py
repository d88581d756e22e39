"""What the numbers of a sentence count: people served (headcount) or things asked for (quantity)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.requests.chat.numbers import Number
    from services.requests.chat.text import Sentence

Span = tuple[int, int]

_PEOPLE_ZH = re.compile(
    r"\s*(?:多|来|几|余|左右|上下)?\s*(?:个|号|位|名|口|来个|来号|多个|多号|多位|多名|余人|位以内|人次)?\s*(?:左右|上下|以内|以上)?(?:的)?\s*"
    r"(?:人(?!民|大|事|工|员都|造|桌|间|座|份)|领导|专家|客人|客|同事|同志|代表|学员|嘉宾|老师|教授|干部|老干部|评委|访客|来宾|员工|职工|乘客|记者|工人|老人|老同志|"
    r"实习生|学生|审计|检查|考官|考生|选手|志愿者|党员|队员|观众|参会|参加|与会|到会|外宾|处长|局长|科长|主任|候选人|应聘|面试官|伙伴|朋友|家属|宾客|值班)"
    r"|\s*(?:多|来|几|余)?\s*(?:位|名)(?!片|单|字|额|次|置|于)"
)
_GUARD_ZH = re.compile(r"\s*(?:个|名|位)?\s*(?:保安|安保|门卫|警卫|特勤|执勤|保卫|安保人员)")
_NAMED_ZH = re.compile(
    r"(?:来客|来宾|客人|来人|外宾|嘉宾|人数|人员|参会|参加|参会者|规模|到会|与会|就餐|乘车|乘客|出席|预计|用餐)(?:人数|人员)?(?:大概|大约|约|是|为|有|共|改成|改为|加到|增至|增加到|减到|调到|变成|变为|[:：])*\s*$"
)
# 人从20加到35; our numbers went up from 20 to 35.
_GROWN = re.compile(
    r"(?:人|人数|人员|名额)(?:从|由)\s*\S{1,4}\s*(?:个|位|名|人)?(?:加|增|减|降|调|改|变|涨|升|缩)?(?:加|少)?(?:到|成|至|为)\s*$"
    r"|\b(?:numbers?|attendance|headcount|group|party|we|people)\b[^,.;]{0,24}\bfrom (?:\d+|[a-z-]+) (?:people )?(?:up |down )?to\s*$"
)
_TOTAL_ZH = re.compile(r"(?:一共|总共|共|合计|总计|加起来|一行|拢共)(?:有|是|约|大概)?\s*$")
_TOTAL_EN = re.compile(r"\s*(?:\w+\s+)?(?:in all|in total|all told|altogether|will do)\b")
_US_ZH = re.compile(r"(?:我们|咱们|他们|她们|你们|们)$")
_BARE_ZH = re.compile("(?:来|多)?个(?:左右)?(?=[,。;!?]|$)")
_CLAUSE_END = re.compile(r"\s*(?:$|[,.;。!?](?:\s|$|\D))")
_CLAUSE_START = re.compile(r"(?:^|[,;。!?])\s*(?:about |around |approx\.? |for |~|约|大约|共)?$")
_SELF = re.compile(
    r"就我(?:一个|自己|1个)|我(?:一个人|自己一个人)|(?:just|only) me\b|(?:just )?myself\b|by myself|on (?:my|his|her) own\b|\balone\b|独自"
)

_PEOPLE_WORD = (
    r"people|persons?|ppl|peeps|pax|guests?|of us|of them(?!\s+(?:are |is |should be |must be |to be |being )?(?:halal|veg\w*|colou?r\w*|double|spicy|without|with))|of you|attendees?|attending|participants?|passengers?|visitors?|colleagues?|"
    r"delegates?|staff|heads|trainees|examiners?|panell?ists?|interviewees?|applicants?|candidates?|reviewers?|experts?|leaders?|employees|members|colleagues|retirees|inspectors?|auditors?|"
    r"interviewees|interviewers|panellists|panelists|speakers|students|workers|officials?|seats|joining|coming|diners|folks?|adults|men|women|journalists|"
    r"reporters|volunteers|elderly|veterans|teachers|professors?|doctors|interns|bosses|executives|directors|managers|party members|"
    r"representatives|reps|players|judges|cadres|comrades|elders|investors|scholars|technicians|jurors|contractors|engineers|clients|customers|vips?|covers|diner|riders|travellers|travelers|in total|altogether|all told|in all|turning up|showing up|expected|souls|bodies|others"
)
_PEOPLE_EN = re.compile(
    rf"\s*(?:or so|ish|-odd|odd|\+|plus)?\s*(?:[a-z-]+\s+){{0,2}}?(?:{_PEOPLE_WORD})\b(?!\s+(?:copies|car|bus|seater|badges?|pass(?:es)?|cards?|permits?|chairs|(?:parking )?spaces|rooms?|lanyards))"
)
_ADDED_EN = re.compile(r"\badd(?:ing)?(?: another| an extra)?\s*$")
_FETCHED_EN = re.compile(r"\b(?:fetch|collect|pick up|meet|take|bring|drop|drive|ferry)\s*$")
_FETCHED_FROM_EN = re.compile(r"\s+(?:from|at|to|off at)\s")
_FIRST_EN = re.compile(r"\s+for (?:the|our|a|an) ")
_ADDED_TO_EN = re.compile(r"\s*(?:more |extra )?(?:to|for|at) (?:the|our|my|that|this|tomorrow's|today's) ")
_GUARD_EN = re.compile(
    r"\s*(?:extra|more|additional|security|uniformed)?\s*(?:more\s+)?(?:security )?(?:guards?|officers?|security staff)\b"
)
_FOR_EN = re.compile(
    r"(?:\bfor|party of|group of|class of|section of|team of|crew of|unit of|office of|family of|team of|table of|table for|seats?|seating|capacity|fits?|we're|we are|we'll be|there'll be|there will be|there are|"
    r"hosting|expecting|feeding|inviting|welcoming|headcount|passengers?|attendees|attendance|people|pax|headcount (?:is|to|up to|now)|to seat|all|delegation of|size)\s*(?:of|is|to|now|:|are|be)?\s*"
    r"(?:the|about|around|roughly|approx\w*\.?|some|up to|at least|maybe|say|circa|c\.|~|all|other|only|just)*\s*$"
)
_UNIT_EN = re.compile(
    r"\s*(?:'s|%|hours?|hrs?|minutes?|mins?|days?|weeks?|months?|years?|nights?|am\b|pm\b|o'?clock|copies|copy|pages?|sheets?|boxes|box|sets?|"
    r"meals?|lunch\w*|dinners?|times?|floors?|more minutes|half|-|:|\.\d|/|st\b|nd\b|rd\b|th\b|yuan|rmb|stars?|cars?|vans?|buses|pots?|tables?|rooms?|"
    r"(?:[a-z-]+ ){0,2}(?:copies|meals|lunches|boxes|cars|vans|buses|minibuses|coaches|plants|pots|orchids|posters|cards|cards|desks|chairs))"
)
# Those beside the speaker: 我和三个同事 are four.
_BESIDES_ME = re.compile(
    r"(?:我|本人|自己)(?:再)?(?:和|跟|与|同|加上?|带上?|还有|外加)(?:另外)?\s*$|\b(?:me|myself|i)(?: and| plus|,? with)(?: my| the| another| a couple of)?\s*$"
)
_PAIR = re.compile(
    r"我(?:和|跟|与|同)(?:[老小][\u4e00-\u9fa5]|[\u4e00-\u9fa5](?:局|处|科|总|主任|书记|工|姐|哥|老师))(?:[一两俩]?个?人|俩|一起|一块|去|要|过去)|\b(?:[Mm]e and [A-Z][a-z]+|[A-Z][a-z]+ and (?:me|I)\b|me and my (?:colleague|boss|director|deputy)|my (?:colleague|boss|director) and (?:me|I)\b)"
)
_CLASSIFIERS = {
    "printing": "份本张套盒册幅块个页沓面打箱枚副联",
    "canteen": "份盒桌套个客碗盘笼屉",
    "vehicle": "辆台部",
    "landscaping": "盆棵株瓶束颗根个",
    "security": "张个名位套把枚块辆台",
    "residence": "床套条个张双",
}
_NOUNS_EN = {
    "printing": r"copies|copy|posters?|flyers?|leaflets?|brochures?|booklets?|cards?|boxes|box|pages?|sheets|sets?|boards?|stands?|banners?|invitations?|"
    r"certificates?|notices?|handouts?|agendas?|reports?|documents?|photocopies|name\s?plates?|nameplates|envelopes?|pamphlets?|programmes?|programs?|forms?|"
    r"manuals?|folders?|labels?|tent cards|duplicates|originals?|prints?|printouts?|roll-?ups?|packs?|contracts?|plates|tickets?|questionnaires|minutes|"
    r"menus|letters|slides|bound|spiral|colou?r|a3|a4|double|single|binders|badges|prints|signs",
    "canteen": r"(?:(?:boxed|packed|hot|cold|working|vegetarian|veggie|halal|business|team|night|light|set|staff|box|bento|lunch|dinner|breakfast|takeaway|meal|portions of) )*"
    r"(?:meals?|lunch(?:es|box(?:es)?)?|dinners?|breakfasts?|suppers?|boxes|portions?|servings?|tables?|sandwich(?:es)?|bentos?|trays|covers|plates|packs|cakes?|bowls)",
    "vehicle": r"(?:(?:[a-z0-9-]+ )?(?:[a-z0-9-]+ )?)(?:cars?|vans?|sedans?|saloons?|minibus(?:es)?|buses|bus|coach(?:es)?|trucks?|lorr(?:y|ies)|vehicles?|mpvs?|people carriers|minivans?|taxis|7-seaters|seven-seaters)",
    "landscaping": r"(?:(?:[a-z-]+ )?(?:[a-z-]+ )?)(?:pots?|plants?|orchids?|ficus(?:es)?|flowers?|trees?|bouquets?|ferns|palms?|poinsettias|shrubs|saplings|arrangements|anthuriums|chrysanthemums|of them|succulents|planters|bonsais?|bunches|baskets)",
    "security": r"(?:(?:[a-z-]+ )?(?:[a-z-]+ )?)(?:guards?|officers?|passes|permits?|badges?|cards?|spaces|spots|cars|vehicles|fobs|stewards|keys|parking permits|staff|marshals)",
    "residence": r"(?:(?:[a-z-]+ )?)(?:sets?|duvets?|quilts?|pillows?|sheets?|blankets?|towels|pillowcases|beds?)",
}
_TIMES_EN = re.compile(r"\b(?:twice|thrice|three times|in duplicate|in triplicate|一式两份|一式三份)(?!\w)")
_NAMED_QUANTITY = re.compile(
    r"(?:份数|数量|印数|印量|张数|共计|各|一式|印|打|复印|打印|印制|加印|加到|减到|改成|改为|增加到|减少到|增至|减至|x|×|\*|quantity|qty|copies|"
    r"print run|run|print|photocopy|make it|make that|up to|down to|to|×|run off)\s*(?:of|is|to|:|：|about|another|up|down)*\s*$"
)
_BECOMES = re.compile(r"(?:改成|改为|变成|变为|加到|减到|增至|减至|换成|\b(?:make (?:it|that)|changed? to|now))\s*$")
# A number after these was said before and holds no longer, or never held: 从100改成120, 不是30是13, "instead of 20".
_OUTDATED = re.compile(
    r"(?:从|由|不要|原来|原定|原本|之前|本来|原先|不是|并非|其中|里面|包括|instead of|rather than|from|not|was|originally|previously|including|of which|of whom|up from|down from)\s*(?:的|是|说)?\s*(?:the\s+)?$"
)


def headcount(
    sentence: Sentence, numbers: Iterable[Number], free: list[Span], *, bare: bool = False
) -> tuple[int, Span] | None:
    """How many people are to be served, and where it is said; numbers outside ``free`` are not looked at.

    ``bare`` takes 12个 without a noun as people.
    """
    said: list[tuple[int, Span]] = []
    text = sentence.low
    for number in numbers:
        if number.ordinal or not _inside(number, free) or number.value > 100_000 or number.value == 0:
            continue
        before, after = text[max(0, number.start - 24) : number.start], text[number.end : number.end + 40]
        if _OUTDATED.search(before) or _GUARD_ZH.match(after) or _GUARD_EN.match(after):
            continue
        if (
            _PEOPLE_ZH.match(after)
            or _NAMED_ZH.search(before)
            or _GROWN.search(before)
            or (_US_ZH.search(before) and not after[:1].strip(" 个,。"))
            or (
                bare
                and (
                    (_BARE_ZH.match(after) and number.value > 1)
                    or (_CLAUSE_START.search(before) and _CLAUSE_END.match(after) and 1 < number.value <= 500)
                )
            )
        ):
            span = (number.start, number.end + len(cast("re.Match[str]", _PEOPLE_ZH.match(after) or _EMPTY).group()))
        elif (
            _PEOPLE_EN.match(after)
            or (_FOR_EN.search(before) and not _UNIT_EN.match(after))
            or (_ADDED_EN.search(before) and _ADDED_TO_EN.match(after))
            or (_FETCHED_EN.search(before) and _FETCHED_FROM_EN.match(after))
            or (not before.strip() and number.value > 1 and _FIRST_EN.match(after))
        ):
            span = (number.start, number.end)
        else:
            continue
        if _BESIDES_ME.search(before):
            said.append((number.value + 1, span))
            continue
        if _TOTAL_ZH.search(before) or after.strip().startswith(("in total", "in all", "all told", "altogether")):
            return number.value, span
        said.append((number.value, span))
    if said:
        return max(said, key=lambda one: one[0])
    pair = _PAIR.search(sentence.text)
    if pair and any(start <= pair.start() < end for start, end in free):
        return 2, pair.span()
    alone = _SELF.search(text)
    return (1, alone.span()) if alone and any(start <= alone.start() < end for start, end in free) else None


_EMPTY = re.compile("").match("")
assert _EMPTY is not None


def quantity(sentence: Sentence, item: str, numbers: Iterable[Number], free: list[Span]) -> int | None:
    """How many of what ``item`` provides are asked for, None when it is not said or not counted for that item."""
    if item not in _CLASSIFIERS:
        return None
    text = sentence.low
    classifier = re.compile(
        rf"\s*(?:多|来|余)?\s*(?:大|小|整)?[{_CLASSIFIERS[item]}](?!人|科|会议|处|室|小时|月|星期|礼拜|工作日|钟头|位|座)"
    )
    noun = re.compile(
        rf"\s*(?:x\s*|more |extra |additional |new |fresh |of the |of )*(?:[a-z0-9-]+[\s-]+){{0,3}}?(?:{_NOUNS_EN[item]})\b"
    )
    said: list[tuple[int, int]] = []  # how surely, number
    if item == "printing" and (times := _TIMES_EN.search(text)) and any(a <= times.start() < b for a, b in free):
        return 3 if times.group().startswith(("thrice", "in tri", "three")) else 2
    for number in numbers:
        if number.ordinal or not _inside(number, free) or not 0 < number.value < 1_000_000:
            continue
        before, after = text[max(0, number.start - 20) : number.start], text[number.end : number.end + 40]
        if _OUTDATED.search(before):
            continue
        if (_TOTAL_ZH.search(before) or _TOTAL_EN.match(after)) and not (
            _PEOPLE_ZH.match(after) or _PEOPLE_EN.match(after)
        ):
            said.append((3, number.value))
        elif classifier.match(after) or noun.match(after):
            said.append((4 if _BECOMES.search(before) else 2, number.value))
        elif _PEOPLE_ZH.match(after) or _PEOPLE_EN.match(after):
            continue
        elif _NAMED_QUANTITY.search(before) or (
            item in ("printing", "canteen")
            and after.strip()[:1] in ("", ",", "。", ";", ".")
            and not (item == "canteen" and _FOR_EN.search(before))
        ):
            said.append((1, number.value))
        elif item == "printing" and number.value > 1 and not _PEOPLE_EN.match(after) and not _PEOPLE_ZH.match(after):
            said.append((0, number.value))
    if not said:
        return None
    if item == "printing" and re.search("正本|副本|original", text) and len(said) > 1:
        return sum(value for _, value in said)
    best = max(sure for sure, _ in said)
    return next(value for sure, value in said if sure == best)


def _inside(number: Number, free: list[Span]) -> bool:
    return any(start <= number.start and number.end <= end for start, end in free)
