"""From normalised text to tokens."""

from __future__ import annotations

import re

from services.requests.chat.times import lexicon_en as en
from services.requests.chat.times.figures import CHINESE, FIGURE, NAME, NUMBER, QUARTER, figure
from services.requests.chat.times.numerals import Number, english_number
from services.requests.chat.times.tokens import Modifier, Token
from services.requests.chat.times.words import GAP, Meaning, chinese, english, english_phrase

_SCAN = re.compile(
    rf"""
    (?P<blank>\ +)
  | {QUARTER}
  | (?=\d)(?: {FIGURE} )
  | (?=[a-z\d]) {NAME}
  | {NUMBER}
  | (?P<half> (?:(?<=\d)[ap] | (?<![a-z])[ap]\ ?\.?\ ?m)(?![a-z])\.? )
  | (?P<word> [a-z]+(?:'[a-z]+)? )
  | (?=[\u3400-\u9fff])(?: {CHINESE} | (?P<han> . ) )
  | (?P<mark> [-~,()/@、&] )
  | (?P<skip_money> [$¥€£]\ ?\d[\d,.]{{0,15}} )
  | (?P<other> . )
    """,
    re.DOTALL | re.VERBOSE,
)
_MARKS = {"-": ("t", "-"), "~": ("t", "~"), ",": (",", ","), "(": (",", "("), ")": (",", ")"), "/": ("/", "/"),
          "@": ("@", "at"), "、": (",", "、"), "&": ("&", "and")}  # fmt: skip


def lex(text: str, raw: str, lang: str) -> list[Token]:
    """The tokens of a normalised text; what has nothing to do with time is one ``_`` for each run.

    ``raw`` is the text as written, of the same length: a capital tells May from may.
    """
    tokens: list[Token] = []
    meaning: Meaning
    end = 0
    while end < len(text):
        start = end
        found = _SCAN.match(text, start)
        assert found is not None  # the last alternative takes any character
        group = found.lastgroup or ""
        end = found.end()
        if group == "blank":
            continue
        phrase = english_phrase(text, start) if group in {"word", "number"} else None
        if phrase is not None:
            meaning, end = phrase
        elif group == "han":
            meaning, end = chinese(text, start)
        elif group == "word":
            meaning = english(found[0], behind_figure=start > 0 and text[start - 1].isdigit())
        elif group == "mark":
            meaning = (_MARKS[found[0]],)
        elif group == "half":
            meaning = (("a", "am" if found[0][0] == "a" else "pm"),)
        elif group == "other" and found[0] == "." and tokens and tokens[-1].letter in "mW" and tokens[-1].end == start:
            continue  # Dec. 31
        elif group == "other" or group.startswith("skip"):
            meaning = GAP
        else:
            meaning = figure(group, found, lang)
        if meaning[0][0] == "_" and tokens and tokens[-1].letter == "_":
            tokens[-1].end = end
            tokens[-1].text = text[tokens[-1].start : end]
            continue
        tokens.extend([Token(letter, value, start, end, text[start:end]) for letter, value in meaning])
    _in_context(tokens, raw)
    return _number_words(tokens, text)


# --- words that need their neighbours --------------------------------------------------------------------------------

_TIMELY_BEFORE = frozenset("rNOiftbsevW&@xm")
_TIMELY_AFTER = frozenset("NOpt@ca/R&")


def _in_context(tokens: list[Token], raw: str) -> None:
    """Settle the words that are time only beside time: "may", "sat", "past"."""
    for index, token in enumerate(tokens):
        if token.text == "past":
            after = "".join(each.letter for each in tokens[index + 1 : index + 3])
            if after[:1] in _UNITS or (after[:1] == "N" and after[1:] in _UNITS) or after[:1] == "W":
                token.letter, token.value = "r", Modifier(-1, nearest=True)
        elif token.text == "from now" and (index == 0 or tokens[index - 1].letter not in "ukHhY"):
            token.letter, token.value = "z", "now"
        elif token.text in en.AMBIGUOUS and not _timely(tokens, index, raw):
            token.letter, token.value = "_", None


_UNITS = frozenset("uk")


def _timely(tokens: list[Token], index: int, raw: str) -> bool:
    token = tokens[index]
    before = tokens[index - 1] if index else None
    after = tokens[index + 1].letter if index + 1 < len(tokens) else ""
    if after == "N" and not _day_or_year(tokens[index + 1].value):
        return False  # "march 40 people"
    if after in _TIMELY_AFTER or (before is not None and before.letter in _TIMELY_BEFORE):
        return True
    if before is not None and before.letter == "l" and before.text in {"on", "of", "during"}:
        return True
    if after == "r" and index + 2 < len(tokens) and tokens[index + 2].value == "year":
        return True  # "March next year"
    return raw[token.start].isupper() and (before is not None or len(tokens) == 1)


_LONGEST_NUMBER = 8  # words, as in "nineteen hundred and ninety-three"


def _day_or_year(number: Number | str) -> bool:
    return not isinstance(number, Number) or number.value < 32 or number.digits == 4


def _number_words(tokens: list[Token], text: str) -> list[Token]:
    """Make one number of "twenty-five" and "two thousand and fifteen"; "nine thirty" stays two."""
    if not any(token.letter == "N" and isinstance(token.value, str) for token in tokens):
        return tokens
    out: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if not (token.letter == "N" and isinstance(token.value, str)):
            out.append(token)
            at += 1
            continue
        words, places = _run_of_words(tokens, at, text)
        number, ordinal, used = english_number(words) or (Number(0), False, 1)
        last = places[used - 1]
        if words[0] == "second" and out and out[-1].letter in "NA":
            out.append(Token("u", "second", tokens[last].start, tokens[last].end, "second"))
        else:
            letter, value = ("O", number.whole) if ordinal else ("N", number)
            out.append(Token(letter, value, token.start, tokens[last].end, ""))
        at = last + 1
    return out


def _run_of_words(tokens: list[Token], at: int, text: str) -> tuple[list[str], list[int]]:
    """The number words from ``at`` on, with "and" between them, and where they stand; glued hyphens are left out."""
    words: list[str] = []
    places: list[int] = []
    while at < len(tokens) and len(words) < _LONGEST_NUMBER:
        token = tokens[at]
        if token.letter == "N" and isinstance(token.value, str):
            words.append(token.value)
            places.append(at)
        elif token.letter == "&" and words:
            words.append("and")
            places.append(at)
        elif not (token.letter == "t" and words and text[token.start] == "-" and text[token.start - 1] != " "):
            break
        at += 1
    return words, places
