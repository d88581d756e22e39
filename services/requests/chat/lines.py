"""Sentences and dialogues as JSON lines: one answer for each line, whatever the line holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.requests.chat.dialogue import State, ask, close, step
from services.requests.chat.site import Site
from services.requests.chat.text import Unreadable
from services.requests.chat.understanding import understand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LONGEST_LINE = 4_000_000  # bytes; a longer line is answered with an error
MOST_TURNS = 200  # messages of one dialogue
PLACE = ("building", "floor", "room")

Case = dict[str, Any]


class Unanswerable(ValueError):
    """The line asks nothing that can be answered; ``args[0]`` says why, for the person who wrote it."""


def understood(lines: Iterable[bytes], site: Site | None = None) -> Iterator[str]:
    """``{"id", "intent", "frames", "confidence"}`` for each ``{"id", "text", "reference", "lang"?}``.

    With a ``site`` each frame has the code of its ``place`` besides, null where there is none or more than one. A line that cannot be read, and a text that is no sentence, have intent other, no frames and an ``error``.
    """
    return _answers(lines, {"intent": "other", "frames": [], "confidence": 0.0}, lambda case: _understood(case, site))


def conversed(lines: Iterable[bytes], site: Site | None = None) -> Iterator[str]:
    """``{"id", "state", "frames"}`` for each ``{"id", "reference", "turns"}``; frames are what was filed.

    With a ``site`` a building, floor or room that it does not have is asked about and not filed.
    """
    return _answers(lines, {"state": "answered", "frames": []}, lambda case: _conversed(case, site))


def site_of(name: str) -> Site:
    """The compound ``name``: ``demonstration``, or the path of a seed file like ``data/compound.toml``.

    Raises:
        ValueError: there is no such file, or it describes no compound.
    """
    from pathlib import Path

    from services.requests.compound import FILE, load_compound

    found = load_compound(FILE if name == "demonstration" else Path(name))
    return Site({place.code: place for place in found.places})


def _understood(case: Case, site: Site | None) -> Case:
    text, lang = case.get("text"), case.get("lang")
    if not isinstance(text, str):
        raise Unanswerable("text is missing or no string")
    try:
        found = understand(text, _reference(case), lang if lang in ("zh", "en") else None)
    except Unreadable as why:
        raise Unanswerable(f"the text is no sentence: {why.args[0]}") from why
    frames: list[Case] = [{"item": frame.item, "slots": frame.slots} for frame in found.frames]
    for frame in frames if site else ():
        place = site.find(frame["slots"], lambda _: True).place if site else None
        frame["place"] = place.code if place else None
    return {"intent": found.intent, "frames": frames, "confidence": found.confidence}


def _conversed(case: Case, site: Site | None) -> Case:
    turns = case.get("turns")
    if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
        raise Unanswerable("turns is missing or no list of strings")
    if len(turns) > MOST_TURNS:
        raise Unanswerable(f"a dialogue has at most {MOST_TURNS} turns")
    reference = _reference(case)
    state = State()
    for turn in turns:
        state = step(state, turn, reference).state
        if site is not None:
            state = _checked(state, site)
    state = close(state)
    frames = [{"item": draft.item, "slots": draft.slots} for draft in state.filed]
    return {"state": "filed" if frames else "cancelled" if state.dropped else "answered", "frames": frames}


def _checked(state: State, site: Site) -> State:
    """``state`` with its drafts asked again for the parts of a place that the site does not have."""
    for draft in state.drafts:
        missing = site.find(draft.slots, lambda _: True).missing
        if missing:
            gone = PLACE[PLACE.index(missing) :]
            slots = {slot: value for slot, value in draft.slots.items() if slot not in gone}
            state = ask(replace(state.put(replace(draft, slots=slots)), asked="")).state
            state = replace(state, current=draft.number, asked="room")
    return state


def _reference(case: Case) -> datetime:
    """The moment the sentence was said, local, without offset."""
    said_at = case.get("reference")
    if not isinstance(said_at, str):
        raise Unanswerable("reference is missing or no string")
    try:
        return datetime.fromisoformat(said_at.strip()).replace(tzinfo=None, second=0, microsecond=0)
    except ValueError as problem:
        raise Unanswerable("reference is no ISO 8601 time") from problem


def _answers(lines: Iterable[bytes], nothing: Case, answer: Callable[[Case], Case]) -> Iterator[str]:
    for line in lines:
        known: Case = {"id": None}
        try:
            case = _read(line)
            known = {"id": case.get("id")}
            said = answer(case)
        except Unanswerable as why:
            said = {**nothing, "error": why.args[0]}
        yield json.dumps({**known, **said}, ensure_ascii=False)


def _read(line: bytes) -> Case:
    if len(line) > LONGEST_LINE:
        raise Unanswerable(f"the line is longer than {LONGEST_LINE} bytes")
    try:
        case = json.loads(line.decode("utf-8-sig"), parse_constant=_refused)
    except (ValueError, RecursionError) as problem:
        raise Unanswerable(f"not JSON in UTF-8: {str(problem)[:120]}") from problem
    if not isinstance(case, dict):
        raise Unanswerable("not a JSON object")
    return case


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
