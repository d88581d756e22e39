"""The very same is asked for already and still open: the chat offers to join it, or to file all the same.

Said of it is what the form says: item, place and hour, and the reference only to whose own it is.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.requests import model, store
from services.requests.chat.dialogue import Act, Effect, State, Step, ask
from services.requests.chat.dialogue.answers import kinds as short_answers
from services.requests.chat.text import Unreadable, read
from services.requests.handlers import joining
from services.requests.requester import oneself
from shared.language import CODES, language

if TYPE_CHECKING:
    from services.requests.catalogue import Item
    from services.requests.chat.conversation import _Turn
    from services.requests.chat.dialogue import Draft
    from services.requests.compound import Place
    from services.requests.model import Filing
    from services.requests.store import Request

KEPT = "together"  # under which a conversation keeps what was offered
# Looked for in this order: 不加入，单独报 files, 不加入 is asked again.
_ANYWAY = re.compile(
    "仍然|还是(?:要)?(?:单独|另|报|提交|交)|照样|照报|照提|单独|另外?(?:报|提|交|开)|再(?:报|提交?|交|开)(?:一|个)|分开|各报各"
    r"|继续提交|\banyway\b|all the same|\bseparate(?:ly)?\b|still file|file mine|my own|regardless|file it",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"(?:不|别|不想|不要|不用)(?:加入|一起|合并|跟)|(?:don't|do not|not) (?:want to )?join", re.IGNORECASE
)
_JOIN = re.compile(
    "加入|一起|一块|合并|并(?:到|进|入)|算(?:上|我)|加(?:上)?我|跟(?:着|他|她)|同一个|就那个"
    r"|\bjoin\b|\bme too\b|add me|count me|same one|follow (?:it|that)|that one",
    re.IGNORECASE,
)


def offered(turn: _Turn, item: Item, place: Place | None, wanted: Filing, draft: int) -> bool:
    """Whether the very same is open, so that nothing is filed before the person has chosen; that is then asked."""
    if place is None:
        return False
    found = joining.open_here(turn.work.connection, item, place.code, wanted)
    if not found:
        return False
    if KEPT in turn.talk:
        return True  # one is asked after the other
    own = _own(turn, found)
    request = own or found[0]
    turn.talk[KEPT] = {"draft": draft, "request": "" if own else request.id}
    words = turn.wording.words
    told = {"item": item.name.in_(words.code), "place": turn.wording.place(place)}
    told["time"] = words.when(request.filed_at, turn.work.now)
    if own:
        told["reference"] = model.short(own.reference)
    turn.texts.append(words("chat.together.own" if own else "chat.together.open", **told))
    turn.choices += _choices(turn)
    return True


def _own(turn: _Turn, found: list[Request]) -> Request | None:
    """The one of ``found`` that the person asked for, or has joined."""
    account = turn.person.account
    joined = joining.joined_of(turn.work.connection, account, [each.id for each in found])
    return next((each for each in found if account in {each.requester, each.filed_by} or each.id in joined), None)


def _choices(turn: _Turn) -> list[dict[str, str]]:
    names = ("join", "anyway", "drop") if turn.talk[KEPT]["request"] else ("anyway", "drop")
    return [
        {"words": turn.wording.words(f"chat.together.{name}"), "say": turn.wording.words(f"chat.together.{name}")}
        for name in names
    ]


def held(state: State, draft: int) -> State:
    """``state`` with the draft, which was to be filed, open again."""
    kept = next(one for one in state.filed if one.number == draft)
    filed = tuple(one for one in state.filed if one is not kept)
    return replace(state, filed=filed, drafts=(*state.drafts, kept), current=draft, asked="change")


def answered(turn: _Turn, state: State, *, idle: bool) -> Step | None:
    """What the message leads to when it answers an offer; None when it says something else."""
    kept: dict[str, Any] | None = turn.talk.pop(KEPT, None)
    draft = next((one for one in state.drafts if kept and one.number == kept["draft"]), None)
    if kept is None or draft is None or idle:
        return None
    match _said(turn.message.text, joinable=bool(kept["request"])):
        case "anyway":
            turn.anyway = draft.number
            rest = _without(state, draft)
            rest = replace(rest, filed=(*rest.filed, draft))
            effect = Effect("file", draft.item, draft.slots, draft.number)
            return _then(rest, (Act("filed", {"item": draft.item, **draft.slots}),), (effect,))
        case "join":
            return _joined(turn, state, draft, kept["request"])
        case "drop":
            return _then(_without(replace(state, dropped=True), draft), (Act("dropped"),))
        case "unclear":
            turn.talk[KEPT] = kept
            turn.texts.append(turn.wording.words("chat.together.which"))
            turn.choices += _choices(turn)
            return Step(state, ())
    return None


def _said(text: str, *, joinable: bool) -> str:
    """anyway, join, drop; unclear where it answers and does not choose; empty where it is no answer."""
    for name in ("join", "anyway", "drop"):
        if text.strip() in {language(code)(f"chat.together.{name}") for code in CODES}:
            return name
    if len(text) > 40:
        return ""
    if _ANYWAY.search(text):
        return "anyway"
    if _NOT.search(text):
        return "unclear"
    if _JOIN.search(text):
        return "join" if joinable else "unclear"
    try:
        found = short_answers(read(text))
    except Unreadable:
        return ""
    if found & {"no", "drop"}:
        return "drop"
    return ("join" if joinable else "unclear") if "yes" in found else ""


def _joined(turn: _Turn, state: State, draft: Draft, request_id: str) -> Step:
    """The person has joined the request, unless it is done meanwhile: then the draft is read back again."""
    request = store.request_by_id(turn.work.connection, request_id, lock=True)
    words = turn.wording.words
    if request is None or request.restricted or request.state not in model.OPEN_STATES:
        turn.texts.append(words("chat.together.gone"))
        return ask(state)
    joining.join(turn.work, request, oneself(turn.person))
    turn.texts.append(words("chat.together.joined", reference=model.short(request.reference)))
    return _then(_without(state, draft), ())


def _without(state: State, draft: Draft) -> State:
    rest = tuple(one for one in state.drafts if one is not draft)
    return replace(state, drafts=rest, current=rest[-1].number if rest else 0, asked="")


def _then(state: State, acts: tuple[Act, ...], effects: tuple[Effect, ...] = ()) -> Step:
    """The acts, and what else is open is read back."""
    if not state.drafts:
        return Step(state, acts, effects)
    following = ask(state)
    return Step(following.state, (*acts, *following.acts), effects)
