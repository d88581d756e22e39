"""What the speaker does with a sentence: asks for something, asks about it, changes it, judges it, or none of these.

The lexicon's cues, the shape of the sentence and its words are features; how much each counts was learned (see
``training``) and is shipped as ``lexicon/weights.txt``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.requests.chat.evidence import NEED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.requests.chat.lexicon import Match
    from services.requests.chat.text import Sentence

INTENTS = ("file_request", "query_status", "cancel", "reschedule", "complain", "rate", "help", "other")

# Shapes of a sentence, each a feature of its own.
_SHAPES = {
    "asks": re.compile(
        "[?？吗么呢]|什么|怎么|几点|多少|多久|哪|谁|能不能|有没有|是不是|可不可以|要不要|是否|咋|"
        r"^(?:so |and |but |hi,? |hello,? |excuse me,? |sorry,? |please,? )*(?:what|when|where|who|whose|how|which|why|is|are|do|does|did|can|could|may|has|have|was|were|am|will|would|should)\b"
        r"|\b(?:how do (?:i|we|you)|what if|do you know|can you tell me|any idea|tell me (?:how|what|when|where|who))\b"
    ),
    "polite": re.compile(
        r"^(?:hi,? |hello,? |excuse me,? |morning[,!]? |sorry,? |please,? )*(?:can|could|would|may|might|will) (?:you|we|i|someone|somebody|anyone|anybody|the|an?|my|our)\b|any chance|would it be possible|is it possible|"
        r"\b(?:can|could) (?:someone|somebody|you|we|i)\b|是否可以|能不能|可不可以|能否|可否|行吗|可以吗|好吗|行不|成吗|有(?:号|空位|位置|空|时间|空档)(?:吗|不|么)|能.{0,12}[吗不么?]|可以.{0,12}[吗不么?]"
    ),
    # What is spoken of exists already, or has been going on.
    "stands": re.compile(
        r"^(?:has|have|was|were|did|is my|are my|is our|are our|am i)\b|\b(?:yet|already|ever|still|so far|by now)\b|\b(?:my|our) (?:\w+ ){0,2}(?:request|booking|order|car|room|haircut|repair|appointment|ticket|reservation|printouts?|job|badge|card|meals?)\b|"
        r"\bwe're waiting|\bi (?:ordered|booked|requested|reported|submitted|filed|asked for)|了(?:没有|没|吗|么)|还没|到现在|我(?:们)?(?:的|那|报|订|约|申请|提交|预约)|上次|昨天|前天|上周|早上(?:报|订|约)|之前"
    ),
    "generic": re.compile(
        r"\b(?:do|does|usually|normally|typically|generally|always|one|how (?:do|does|to|soon|often|far|early|long|much|many)|price|cost|fee|charge|open|closed?|hours|limit|rule|policy|procedure|allowed|required|need(?:ed)? to|sign-off|number)\b|"
        "怎么(?!还|样了)|如何|一般|通常|平时|要不要|需不需要|是否|多少钱|收费|免费|几点(?:开|关|上|下|到|供|吃|结|停|锁|熄)|流程|手续|规定|谁(?!在|来)|哪|提前|多久(?:一|能|可|换|清|打)|可以.{1,8}吗|能.{1,8}吗|能不能|有没有"
    ),
    "done": re.compile(
        r"\b(?:done|ready|finished|sorted|fixed|approved|printed|arrived|booked|confirmed)(?: yet)?\s*\?|好了\?|到了\?"
    ),
    "staff": re.compile(
        "保洁(?:员|阿姨|大姐|小妹)?|阿姨|司机|驾驶员|师傅|门卫|保安|厨师|大夫|医生|护士|理发师|前台|会务组|驾驶|工作人员|服务员|窗口|"
        r"\b(?:drivers?|cleaners?|guards?|barber|cook|chef|doctor|nurse|repairman|repairmen|plumber|electrician|technician|staff|gardeners?|receptionist|server|waiter|attendants?|maintenance|engineer|operator)\b"
    ),
    # 横幅不做了,就做6个桌签 gives up a part and keeps asking.
    "keeps": re.compile(
        r"(?:就|只|改成|换成|改)(?:做|要|订|来|印|派|用|需要|打|留)|不(?:用|要|是|需要|必)[^,。;]{1,12}[,;](?:就|只|是)?(?:换|要|修|订|来|给|派|做|印|送|改|用|约|报)|\b(?:just|only)\b.{0,20}\b(?:need|want|\d)"
    ),
    "exclaims": re.compile("[!！]"),
}


@dataclass(frozen=True, slots=True)
class Details:
    """How much of a request a sentence tells."""

    times: int = 0
    counts: int = 0
    places: int = 0
    ticket: bool = False


def features(
    sentence: Sentence, matches: Sequence[Match], items: Mapping[str, float], details: Details
) -> Iterator[str]:
    """What speaks for one intent or another, each once."""
    cues: dict[str, set[tuple[int, int]]] = {}
    for match in matches:
        if match.kind == "danger":
            continue
        cues.setdefault(f"{match.kind} {match.weight}", set()).add((match.start, match.end))
    for cue, spans in cues.items():
        yield f"cue {cue}"
        if len(spans) > 1:
            yield f"cues {cue}"
    found = shapes(sentence)
    yield from (f"shape {name}" for name in found)
    yield from (f"shape {first} {second}" for first in found for second in found if first < second)
    item = max(items.values(), default=0.0)
    yield "item sure" if item >= NEED else "item likely" if item else "item none"
    yield from (
        f"has {name}"
        for name, said in (
            ("time", details.times),
            ("count", details.counts),
            ("place", details.places),
            ("ticket", details.ticket),
        )
        if said
    )
    yield f"details {min(details.times + details.counts + details.places, 4)}"
    yield f"length {min(len(sentence.tokens) // 5, 5)}"
    if len(sentence.tokens) == 1 and not item:
        yield "one word"
    yield from words(sentence)


def shapes(sentence: Sentence) -> list[str]:
    """The names of the shapes that ``sentence`` has."""
    return [name for name, pattern in _SHAPES.items() if pattern.search(sentence.low)]


def words(sentence: Sentence) -> Iterator[str]:
    """The tokens of ``sentence`` and every two that stand together; numbers are all alike."""
    keys = ["<", *("#" if token.key.isdigit() else token.key for token in sentence.tokens), ">"]
    yield from dict.fromkeys(keys[1:-1])
    yield from dict.fromkeys(f"{first}~{second}" for first, second in zip(keys, keys[1:], strict=False))
