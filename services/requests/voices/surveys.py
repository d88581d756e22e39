"""The rules of surveys: what may be asked, what an answer is, and which results may be shown to anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from shared.bilingual import Words
from shared.errors import Invalid
from shared.web.schemas import Text, Whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

KINDS = ("scale", "choice", "text")
SCALE = 5
LEAST_GROUP = 5  # people; what fewer have said is shown to nobody
MOST_QUESTIONS, MOST_OPTIONS, MOST_TEXT = 20, 12, 500


@dataclass(frozen=True)
class Question:
    """One question; ``options`` are (code, words) of a choice. A text may be left empty."""

    code: str
    kind: str
    words: Words
    options: tuple[tuple[str, Words], ...] = ()

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        options = [{"code": code, "zh": words.zh, "en": words.en} for code, words in self.options]
        return {"code": self.code, "kind": self.kind, "zh": self.words.zh, "en": self.words.en, "options": options}

    @classmethod
    def restored(cls, row: Mapping[str, Any]) -> Question:
        """What :meth:`stored` wrote."""
        options = tuple((each["code"], Words(each["zh"], each["en"])) for each in row["options"])
        return cls(row["code"], row["kind"], Words(row["zh"], row["en"]), options)


def question(
    number: int, kind: str, zh: str, en: str, options_zh: Sequence[str], options_en: Sequence[str]
) -> Question:
    """The question of this number.

    Raises:
        Invalid: a choice without two options, or whose options are not the same in both languages.
    """
    if kind != "choice":
        if options_zh or options_en:
            raise Invalid(fields={"options_zh": ["voices.field.options_none"]})
        return Question(f"q{number}", kind, Words(zh, en))
    if not 2 <= len(options_zh) <= MOST_OPTIONS:
        raise Invalid(fields={"options_zh": ["voices.field.options"]})
    if len(options_en) != len(options_zh):
        raise Invalid(fields={"options_en": ["voices.field.options_same"]})
    if len(set(options_zh)) < len(options_zh) or len(set(options_en)) < len(options_en):
        raise Invalid(fields={"options_zh": ["voices.field.options_twice"]})
    pairs = zip(options_zh, options_en, strict=True)
    options = tuple((chr(ord("a") + place), Words(one, other)) for place, (one, other) in enumerate(pairs))
    return Question(f"q{number}", kind, Words(zh, en), options)


def read_answers(questions: Sequence[Question], given: Mapping[str, Any]) -> dict[str, int | str]:
    """By question what was answered, of the right kind; an empty text is left out.

    Raises:
        Invalid: by question what is missing or wrong.
    """
    wanted: dict[str, Any] = {}
    for each in questions:
        if each.kind == "scale":
            wanted[each.code] = Whole(1, SCALE, required=True)
        elif each.kind == "choice":
            codes = [code for code, _ in each.options]
            wanted[each.code] = fields.String(required=True, validate=validate.OneOf(codes))
        else:
            wanted[each.code] = Text(MOST_TEXT, lines=True, load_default="")
    try:
        found = Schema.from_dict(wanted, name="Answers")(unknown=RAISE).load(dict(given))
    except ValidationError as error:
        raise Invalid(fields=dict(error.messages_dict)) from error
    return {code: value for code, value in found.items() if value != ""}


def shown_groups(answered: Mapping[str, int], least: int = LEAST_GROUP) -> frozenset[str]:
    """The groups whose results may be shown.

    Not those of fewer than ``least``; and where the hidden ones together are fewer, more are hidden, so that nobody
    can take what is shown from the whole and be left with a few people's answers.
    """
    shown = {group for group, count in answered.items() if count >= least}
    hidden = sum(count for group, count in answered.items() if group not in shown)
    while 0 < hidden < least and shown:
        smallest = min(shown, key=lambda group: (answered[group], group))
        shown.remove(smallest)
        hidden += answered[smallest]
    return frozenset(shown)


@dataclass(frozen=True)
class Result:
    """What was answered to one question.

    Attributes:
        counts: by value (``1`` to ``5``, or an option's code), in the question's own order; empty for a text.
        average: of a scale; None when nobody answered.
        by_group: average of a scale by group, or the counts of a choice, for the groups that may be shown.
    """

    question: Question
    counts: tuple[tuple[str, int], ...] = ()
    average: float | None = None
    by_group: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = ()

    @property
    def total(self) -> int:
        """How many answered it."""
        return sum(count for _, count in self.counts)


def average_of(counts: Iterable[tuple[str, int]]) -> float | None:
    """The mean of a scale's counts; None when nobody answered."""
    pairs = [(int(value), count) for value, count in counts]
    total = sum(count for _, count in pairs)
    return sum(value * count for value, count in pairs) / total if total else None


def results(
    questions: Sequence[Question], tally: Mapping[tuple[str, str, str], int], answered: Mapping[str, int]
) -> list[Result] | None:
    """What was answered, by question; None when fewer than :data:`LEAST_GROUP` took part at all.

    ``tally`` counts by (group, question, value); ``answered`` are people by group.
    """
    if sum(answered.values()) < LEAST_GROUP:
        return None
    groups = sorted(shown_groups(answered))
    if len(groups) < 2 and len(answered) < 2:
        groups = []  # one group is the whole
    found = []
    for each in questions:
        if each.kind == "text":
            found.append(Result(each))
            continue
        values = [str(n) for n in range(1, SCALE + 1)] if each.kind == "scale" else [code for code, _ in each.options]

        def counted(
            among: Iterable[str], code: str = each.code, values: Sequence[str] = values
        ) -> tuple[tuple[str, int], ...]:
            names = list(among)
            return tuple((value, sum(tally.get((name, code, value), 0) for name in names)) for value in values)

        counts = counted(answered)
        by_group = tuple((group, counted([group])) for group in groups)
        found.append(Result(each, counts, average_of(counts) if each.kind == "scale" else None, by_group))
    return found
