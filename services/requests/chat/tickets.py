"""Request references and ratings in a sentence."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.requests.chat.text import Sentence

Span = tuple[int, int]

# Month and day, number of the day; the full form has the year before it: 1124-087, 2026-1124-087.
_TICKET = re.compile(
    r"(?<![\d-])(?:(20\d\d)\s?[-–—_－]\s?)?((?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))\s?[-–—_－]\s?(\d{3})(?!\d)"
)
_LOOSE = re.compile(
    r"(?:单号|工单|编号|申请号|ticket|request|reference|ref|job|order|no\.?|number|#)\s*[:：#]?\s*((?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))[ ]?(\d{3})(?!\d)"
)
# Other offices' forms: WO-20261124-008, R-1042, A20261124-3, 20261124-003; a letter of a building needs a word before it.
_FOREIGN = re.compile(
    r"(?<![A-Za-z\d-])((?:[A-Z]{2,6}[-_]\d{3,10}(?:[-_]\d{1,6}){0,2}|[I-Z][-_]\d{3,10}(?:[-_]\d{1,6}){0,2}|[A-Z]{0,6}20\d{6}[-_]\d{1,6}))(?![A-Za-z\d-])",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"(?:单号|工单号?|编号|申请号|单子|订单号?|申请单号?|报修单号?|预约号|\b(?:ticket|request|reference|ref|case|work order|job)(?: (?:no\.?|number|id))?)\s*(?:是|为|is|[:：#])?\s*#?"
    r"([A-Z]{0,6}[-_]?\d{3,14}(?:[-_]\d{1,6}){0,2})(?![A-Za-z\d年月日号点:：-])(?!\s*(?:[个份人位名本张盒台辆盆块元页]|\d|for\b|people|copies|rooms?|of\b))"
    r"|(?<![\w#])#\s?(\d{3,14})(?![\d-])"
    r"|(?:speed up|chase(?: up)?|expedite|track|cancel|withdraw|drop|update on|status of|取消|催(?:一下|下)?|查(?:一下|下)?|撤销|撤回)\s*(\d{4,14})(?=\s*(?:[,，.。!？?]|$|please|吧|的?进度))",
    re.IGNORECASE,
)
_DIGIT = {
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "a": 1,
    "single": 1,
}
_NUMBER = "([1-5]|[一二两三四五]|one|two|three|four|five|single|a)"
_RATINGS = (
    re.compile(r"([1-5一二两三四五])\s*(?:个|颗)?\s*(?:星|分(?!钟|之|[0-9一二三四五六七八九十]))"),
    re.compile(rf"\b{_NUMBER}[\s-]*stars?\b"),
    re.compile(rf"\b{_NUMBER}\s*(?:/|out of)\s*(?:5|five)\b"),
    re.compile(
        r"(?:打分|评分|评价|打|给|评|分数|满意度|评为|得分)\s*(?:个|是|为|[:：])?\s*([1-5一二两三四五])(?![\d点份个人:：月号-])"
    ),
    re.compile(
        r"\b(?:score|rate|rating|rated|mark|grade)[^.;\d]{0,30}?\b([1-5]|one|two|three|four|five)\b(?!\s*(?:days|hours|weeks|people|months|times|minutes|copies|-))"
    ),
    re.compile(
        r"\bgive\b[^.;\d]{0,40}?\ba?n?\s*\b([1-5]|one|two|three|four|five)\b(?!\s*(?:days|hours|people|minutes|copies|cars))"
    ),
)
_GETS = re.compile(
    r"\b(?:gets?|got|deserves?|earns?|worth) (?:a |an |only |about |just )*([1-5]|one|two|three|four|five)\b(?! (?:days|hours|people|minutes|times))"
)
_SAID = re.compile(r"\bsay (?:a |about )?([1-5]|one|two|three|four|five)\b(?! (?:days|hours|people|minutes|times))")
_BARE = re.compile(
    r"(?:满意|很好|不错|一般|还行|还可以|挺好|太差|很差|凑合|happy|satisfied|pleased|great|good|excellent|okay|ok|so-so|fine|poor|bad|average)[\s,.!。]*([1-5一二三四五])\s*[!.。]*$"
)
_FULL = re.compile(
    "满分|满星|全五星|最高分|一百分|100分|十分(?=好评)|10分|好评|full marks|top marks|maximum (?:score|rating)|highest (?:score|rating|marks)|10\\s?/\\s?10|10 out of 10|perfect score|thumbs up"
)
_WORST = re.compile("差评|零分|最低分|thumbs down|lowest (?:score|rating|marks)|zero stars")


def ticket(sentence: Sentence) -> tuple[str, Span] | None:
    """The reference of a request, in the form it was said, and where."""
    if match := _TICKET.search(sentence.text):
        year, day, number = match.groups()
        return "-".join(part for part in (year, day, number) if part), match.span()
    if match := _LOOSE.search(sentence.low):
        return f"{match.group(1)}-{match.group(2)}", match.span(1)[:1] + match.span(2)[1:]
    if match := _FOREIGN.search(sentence.text) or _CALLED.search(sentence.text):
        part = next(number for number in range(1, (match.lastindex or 0) + 1) if match.group(number))
        return match.group(part).upper(), match.span(part)
    return None


def rating(sentence: Sentence, taken: list[Span]) -> int | None:
    """How many of five stars are given; ``taken`` are the spans of references and times."""
    for pattern in (*_RATINGS, _GETS, _SAID, _BARE):
        for match in pattern.finditer(sentence.low):
            if "/" in match.group() or not any(start < match.end(1) and match.start(1) < end for start, end in taken):
                said = match.group(1)
                return _DIGIT[said] if said in _DIGIT else int(said)
    if _FULL.search(sentence.low):
        return 5
    return 1 if _WORST.search(sentence.low) else None
