"""The words of ``lexicon/*.toml``, found in a sentence.

The files are data an administrator may edit; their first lines say how a phrase is written. All lists are looked up
together, so that a longer word hides the shorter words inside it (打印机 hides 打印) whatever list they are in.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from services.requests.chat.text import LEXICON, built_once, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.requests.chat.text import Sentence

SHORT = 4  # characters of a word about danger that is kept from being mended
_DANGER = frozenset({"emergency", "danger", "unless"})
GAP = 5  # tokens that " * " may stand for
_GROUP = re.compile(r"\(([^()]*)\)")
_GLUED = re.compile(r"(?<=[a-z'])\(([a-z' |]*)\)|\(([a-z' |]*)\)(?=[a-z'])")
_NESTED = re.compile(r"(?<=[(|])([^()|]*)\(([^()]*)\)([^()|]*)(?=[|)])")
_HAN = re.compile("[\u4e00-\u9fff]+")
_NUMBER = re.compile(r"\d+|[零一二两三四五六七八九十百千几]")
_ENGLISH_NUMBERS = frozenset("one two three four five six seven eight nine ten eleven twelve".split())
_BREAKS = frozenset(",;.!?，。；！？\n")


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase of the lexicon in a sentence.

    Attributes:
        kind: what it speaks for: item, thing, place, emergency, unless, or the name of a list of cues.
        name: which one: an item, an equipment code, building or spot, a kind of emergency.
        weight: how strongly, as the file says; 0 where strength has no meaning.
    """

    kind: str
    name: str
    weight: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase of the files: what may follow its first words, part by part, and what it speaks for.

    A part maps the first token of each of its alternatives to the tokens after it; ``may_lack`` tells whether the part
    may be absent. None as a part stands for a gap.
    """

    parts: tuple[tuple[dict[str, list[tuple[str, ...]]], bool] | None, ...]
    entry: tuple[str, str, int]


class Lexicon:
    """Phrases by their first token."""

    def __init__(self) -> None:
        self.size = 0
        self._phrases: list[Phrase] = []
        self._by_first: dict[str, list[tuple[tuple[str, ...], Phrase, int]]] = {}

    @property
    def phrases(self) -> Sequence[Phrase]:
        """What was added."""
        return self._phrases

    def add(self, phrase: str, kind: str, name: str, weight: int = 0) -> None:
        """Make ``phrase``, in the notation of the files, speak for ``name``."""
        nested = _NESTED.search(phrase)
        if nested:
            # (a|b (c|d)) is written out as (a|b c|b d), one inner group at a time.
            before, inner, after = nested.groups()
            outer = "|".join(f"{before}{alternative}{after}" for alternative in inner.split("|"))
            self.add(phrase[: nested.start()] + outer + phrase[nested.end() :], kind, name, weight)
            return
        glued = _GLUED.search(phrase)
        if glued:
            # A group inside an English word: clean(|er) is two words, not two tokens.
            for alternative in (glued.group(1) or glued.group(2) or "").split("|"):
                self.add(phrase[: glued.start()] + alternative + phrase[glued.end() :], kind, name, weight)
            return
        parts = tuple(_parts(phrase))
        added = Phrase(parts, (kind, name, weight))
        self.size += 1
        self._phrases.append(added)
        for number, part in enumerate(parts):
            if part is None:
                return
            options, may_lack = part
            for first, rests in options.items():
                self._by_first.setdefault(first, []).extend((rest, added, number + 1) for rest in rests)
            if not may_lack:
                return

    def matches(self, sentence: Sentence) -> list[Match]:
        """Every phrase in ``sentence`` that no longer phrase contains, in order of appearance."""
        keys = [token.key for token in sentence.tokens]
        plain: dict[Match, None] = {}
        gapped: dict[Match, None] = {}
        for at in range(len(keys)):
            for first in _readings(keys[at]):
                for rest, phrase, number in self._by_first.get(first, ()):
                    if not _follow(keys, at + 1, rest):
                        continue
                    for end, whole in _ends(phrase.parts, number, keys, at + 1 + len(rest), True):
                        (plain if whole else gapped)[
                            Match(*phrase.entry, sentence.tokens[at].start, sentence.tokens[end - 1].end)
                        ] = None
        found = _meant([*_uncovered(list(plain)), *gapped])
        return sorted(found, key=lambda match: (match.start, match.end))


def _written_out(parts: tuple[tuple[dict[str, list[tuple[str, ...]]], bool] | None, ...], most: int) -> Iterable[str]:
    """Every Chinese wording of a phrase of ``parts`` with at most ``most`` characters; none when it has a gap."""
    wordings = {0: {""}}  # by length, so that nothing too long is put together
    for part in parts:
        if part is None:
            return ()
        options, may_lack = part
        choices: dict[int, list[str]] = {}
        for first, rests in options.items():
            for rest in rests:
                each = first + "".join(rest)
                if len(each) <= most and _HAN.fullmatch(each):
                    choices.setdefault(len(each), []).append(each)
        longer: dict[int, set[str]] = {size: set(said) for size, said in wordings.items()} if may_lack else {}
        for size, said in wordings.items():
            for more, added in choices.items():
                if size + more <= most:
                    longer.setdefault(size + more, set()).update([one + each for one in said for each in added])
        wordings = longer
    return {one for said in wordings.values() for one in said} - {""}


def chinese_words(most: int) -> Iterator[tuple[str, str]]:
    """Every phrase of the lexicon that is one run of at most ``most`` Han characters, with the name of its list.

    What is said of danger is put together from many parts: of it only words of at most ``SHORT`` characters.
    """
    for phrase in lexicon().phrases:
        kind = phrase.entry[0]
        for word in _written_out(phrase.parts, min(most, SHORT) if kind in _DANGER else most):
            yield word, kind


def _parts(phrase: str) -> Iterator[tuple[dict[str, list[tuple[str, ...]]], bool] | None]:
    """``phrase`` cut into its parts."""
    for number, written in enumerate(phrase.split(" * ")):
        if number:
            yield None
        for group, text in enumerate(_GROUP.split(written)):
            part = _part(text, group % 2 == 1)
            if part[0]:
                yield part


@cache
def _part(text: str, group: bool) -> tuple[dict[str, list[tuple[str, ...]]], bool]:
    """One part: what begins with what, and whether it may be absent. Many phrases share one; nobody changes it."""
    options: dict[str, list[tuple[str, ...]]] = {}
    alternatives = [keys_of(one) for one in (text.split("|") if group else [text])]
    for keys in alternatives:
        if keys and keys[1:] not in options.setdefault(keys[0], []):
            options[keys[0]].append(keys[1:])
    return options, not all(alternatives)


def _ends(parts: tuple[Any, ...], number: int, keys: list[str], here: int, whole: bool) -> Iterator[tuple[int, bool]]:
    """Where the parts from ``number`` on may end when they begin at ``here``, and whether no gap was used."""
    if number == len(parts):
        yield here, whole
        return
    if parts[number] is None:
        for skipped in range(GAP + 1):
            yield from _ends(parts, number + 1, keys, here + skipped, False)
            if here + skipped >= len(keys) or keys[here + skipped] in _BREAKS:
                return
        return
    options, may_lack = parts[number]
    if here < len(keys):
        for first in _readings(keys[here]):
            for rest in options.get(first, ()):
                if _follow(keys, here + 1, rest):
                    yield from _ends(parts, number + 1, keys, here + 1 + len(rest), whole)
    if may_lack:
        yield from _ends(parts, number + 1, keys, here, whole)


def _follow(keys: list[str], at: int, rest: tuple[str, ...]) -> bool:
    """True when the tokens from ``at`` are ``rest``."""
    if tuple(keys[at : at + len(rest)]) == rest:
        return True
    if "#" not in rest or at + len(rest) > len(keys):
        return False
    return all(one in _readings(key) for one, key in zip(rest, keys[at:], strict=False))


def _readings(key: str) -> tuple[str, ...]:
    """The ways the files may write the token ``key``: a number is also "#"."""
    return (key, "#") if _NUMBER.fullmatch(key) or key in _ENGLISH_NUMBERS else (key,)


# What a longer match hides. Names of things and places hide every word inside them; words for an item or a danger hide
# cues; a cue hides only its own kind, except that 不急 hides 急 and a wish we do not serve (火车票) hides an item's word.
_NAMES = frozenset({"thing", "place", "emergency", "unless", "hostile"})


def _hides(longer: Match, shorter: Match) -> bool:
    if shorter.kind == "danger":
        return longer.kind == "unless"
    if longer.kind == "except":
        return shorter.kind == "thing" and shorter.name == longer.name
    if longer.kind == "unless":
        return shorter.kind == "emergency"
    if longer.kind == "danger":
        return False
    if longer.kind in ("thing", "place", "hostile"):
        return not (longer.kind == "thing" and shorter.kind == "item" and shorter.name in _items_of(longer.name))
    if longer.kind in ("item", "emergency"):
        return shorter.kind not in _NAMES or shorter.kind == longer.kind
    return shorter.kind == longer.kind or (longer.kind, shorter.kind) in {("low", "high"), ("elsewhere", "item")}


def _uncovered(matches: list[Match]) -> list[Match]:
    """``matches`` without those hidden by a longer one around them."""
    kept = []
    for match in matches:
        around = (
            m
            for m in matches
            if m.start <= match.start and match.end <= m.end and m.end - m.start > match.end - match.start
        )
        if not any(_hides(longer, match) for longer in around):
            kept.append(match)
    names = [match for match in kept if match.kind == "thing"]
    # Of two names that overlap the first is read: 发财树 in 发财树叶子, not 树叶.
    cut = {two for one in names for two in names if one.start < two.start < one.end < two.end and one.name != two.name}
    return [match for match in kept if match not in cut]


def _meant(matches: list[Match]) -> list[Match]:
    """``matches`` without the dangers that a turn of phrase only sounds like."""
    sounds = [match for match in matches if match.name == "unless_here"]
    return [
        match
        for match in matches
        if match.kind not in ("emergency", "danger")
        or not any(one.start < match.end and match.start < one.end for one in sounds)
    ]


@cache
def _items_of(code: str) -> frozenset[str]:
    return frozenset(table("things")[code]["for"])


@cache
def table(name: str) -> dict[str, Any]:
    """The lexicon file ``name`` as it is written."""
    return tomllib.loads((LEXICON / f"{name}.toml").read_text(encoding="utf-8"))


@built_once
def lexicon() -> Lexicon:
    """Everything that may be said in a request; read once."""
    words = Lexicon()
    for item, graded in table("items").items():
        for weight, phrases in graded.items():
            for phrase in phrases:
                words.add(phrase, "item", item, int(weight))
    for code, thing in table("things").items():
        for phrase in thing["words"]:
            words.add(phrase, "thing", code)
        for phrase in thing.get("except", ()):
            words.add(phrase, "except", code)
    for cue, graded in table("cues").items():
        for weight, phrases in graded.items():
            for phrase in phrases:
                words.add(phrase, cue, cue, int(weight))
    for number, rule in enumerate(table("emergency")["together"]):
        for part, phrases in enumerate(rule["all"]):
            for phrase in phrases:
                words.add(phrase, "danger", f"{number}.{part}")
    for name, thing in table("emergency").items():
        if name == "together":
            continue
        for phrase in thing["words"]:
            words.add(phrase, "unless" if name.startswith("unless") else "emergency", name)
    for name, thing in table("places").items():
        for phrase in thing["words"]:
            words.add(phrase, "place", name)
    for name, thing in table("hostile").items():
        if name != "markup":
            for phrase in thing["words"]:
                words.add(phrase, "hostile", name)
    return words
