"""What is above the standard is asked for with a reason, or not at all: the chat asks why, and the office decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.requests.chat.dialogue import Act, State, Step, file_all
from services.requests.chat.dialogue.answers import kinds as short_answers
from services.requests.chat.text import Unreadable, read
from shared.language import CODES, language

if TYPE_CHECKING:
    from services.requests.chat.conversation import _Turn
    from services.requests.chat.dialogue import Effect
    from shared.errors import Refused

KEPT = "reason"  # under which a conversation keeps which draft waits for one
GIVEN = "reasons"  # and those given, by draft
FIELD = "exception"  # of the form
MOST = 200
_DROPS = frozenset(language(code)("chat.say.drop") for code in CODES)


def lacks(error: Refused) -> bool:
    """Whether nothing but a reason was missing."""
    return set(getattr(error, "fields", None) or ()) == {FIELD}


def ask(turn: _Turn) -> None:
    """Why should it be more than the standard holds?"""
    words = turn.wording.words
    turn.texts.append(words("chat.reason.ask"))
    turn.choices.append({"words": words("chat.choice.drop"), "say": words("chat.say.drop")})


def wanted(turn: _Turn, state: State) -> State:
    """The draft that is open again in ``state`` waits for its reason."""
    turn.talk[KEPT] = state.current
    ask(turn)
    return replace(state, asked="")


def given(turn: _Turn, effect: Effect) -> str:
    """The reason given for what ``effect`` files."""
    return str(turn.talk.get(GIVEN, {}).get(str(effect.draft), ""))


def drops(text: str) -> bool:
    """Whether ``text`` gives up instead of giving a reason."""
    try:
        return text.strip() in _DROPS or bool(short_answers(read(text)) & {"no", "drop", "restart"})
    except Unreadable:
        return False


def answered(turn: _Turn, state: State, *, idle: bool) -> Step | None:
    """What the message leads to when it answers the question; None when it was not asked."""
    number: Any = turn.talk.pop(KEPT, None)
    draft = next((one for one in state.drafts if one.number == number), None)
    if draft is None or idle:
        return None
    if drops(turn.message.text):
        return Step(state.without(draft.number), (Act("dropped"),))
    reasons = turn.talk.setdefault(GIVEN, {})
    reasons[str(draft.amends or draft.number)] = turn.message.text.strip()[:MOST]
    taken = file_all(replace(state, drafts=(draft,)))
    rest = tuple(one for one in state.drafts if one is not draft)
    current = rest[-1].number if rest else 0
    return Step(replace(taken.state, drafts=rest, current=current), taken.acts, taken.effects)
