"""A complaint in the chat: its words are asked for, read back, and filed after a yes, as the form files it.

Its words never go with a request: a crew that is complained about would read them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from services.requests import model as requests_model
from services.requests import store
from services.requests.chat.dialogue.answers import kinds as short_answers
from services.requests.chat.text import Unreadable, read
from services.requests.requester import oneself
from services.requests.voices import complaints, model
from shared.language import CODES, language

if TYPE_CHECKING:
    from services.requests.chat.conversation import _Turn
    from services.requests.store import Request

KEPT = "complaint"  # under which a conversation keeps what was read back
MOST = 2000  # characters, as the form takes
_DISPATCH = re.compile(r"调度|派单|dispatch", re.IGNORECASE)
_BARE = re.compile(r"(?:我|i)?\s*(?:要|想|想要|want to|would like to|'d like to)?\s*(?:进行|提)?\s*(?:投诉|complain|complaint|make a complaint)\s*[。.！!]?", re.IGNORECASE)  # fmt: skip


def propose(turn: _Turn, words: str, request: Request | None) -> None:
    """What will be filed is read back; nothing is filed yet."""
    turn.talk["words"] = [each for each in turn.talk.get("words", ()) if each != words]
    reference = request.reference if request else ""
    turn.talk[KEPT] = {"words": "" if _BARE.fullmatch(words.strip()) else words[:MOST], "reference": reference}
    _read_back(turn)


def resumed(turn: _Turn, *, idle: bool) -> bool:
    """Whether the message was an answer to a complaint that was read back; it has then been dealt with."""
    kept: dict[str, Any] | None = turn.talk.pop(KEPT, None)
    if kept is None or idle:
        return False
    said = _said(turn.message.text)
    words = turn.wording.words
    if said == "no":
        turn.texts.append(words("voices.chat.dropped"))
    elif not kept["words"] and said != "yes":
        turn.talk[KEPT] = {**kept, "words": turn.message.text[:MOST]}
        _read_back(turn)
        turn.texts.append(turn.answers["answer.complain"])
    elif kept["words"] and said == "yes":
        _file(turn, kept)
    else:
        return False
    return True


def _said(text: str) -> str:
    for name in ("yes", "no"):
        if text.strip() in {language(code)(f"voices.chat.{name}") for code in CODES}:
            return name
    try:
        found = short_answers(read(text))
    except Unreadable:
        return ""
    return "no" if found & {"no", "drop", "restart"} else "yes" if "yes" in found else ""


def _about(kept: dict[str, Any]) -> str:
    return "dispatch" if not kept["reference"] and _DISPATCH.search(kept["words"]) else "work"


def _read_back(turn: _Turn) -> None:
    kept, words = turn.talk[KEPT], turn.wording.words
    if not kept["words"]:
        turn.answers["answer.complain"] = words("voices.chat.ask_words")
        return
    about = (
        words("voices.chat.about_request", reference=requests_model.short(kept["reference"]))
        if kept["reference"]
        else ""
    )
    turn.answers["answer.complain"] = words(
        "voices.chat.read_back", about=words(f"voices.about.{_about(kept)}"),
        category=words(f"voices.category.{model.category_of(kept['words'])}"), words=kept["words"], request=about,
        time=words.when(model.due(turn.work.now, model.ANSWER_IN), turn.work.now),
    )  # fmt: skip
    turn.choices += [
        {"words": words(f"voices.chat.{name}"), "say": words(f"voices.chat.{name}")} for name in ("yes", "no")
    ]


def _file(turn: _Turn, kept: dict[str, Any]) -> None:
    request = store.request_by_reference(turn.work.connection, kept["reference"]) if kept["reference"] else None
    made = complaints.open_complaint(
        turn.work, turn.desk, oneself(turn.person), about=_about(kept), category=model.category_of(kept["words"]),
        words=kept["words"], request=request, channel="chat" if turn.message.channel == "web" else turn.message.channel,
    )  # fmt: skip
    words = turn.wording.words
    turn.texts.append(
        words(
            "voices.chat.filed" if made.handler else "voices.chat.filed_nobody", reference=model.short(made.reference),
            time=words.when(made.due_at, turn.work.now),
            **({"who": words.named(made.handler_name, made.handler_name_en)} if made.handler else {}),
        )
    )  # fmt: skip
