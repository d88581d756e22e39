"""One message of a conversation: what it changes, what is answered, what the service is to do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.requests.chat import guard
from services.requests.chat.dialogue import answers, filling
from services.requests.chat.dialogue.state import Act, Draft, Effect, State, Step
from services.requests.chat.evidence import NEED, codes_of, evidence
from services.requests.chat.text import Unreadable
from services.requests.chat.typos import read
from services.requests.chat.understanding import hear, understand

if TYPE_CHECKING:
    from datetime import datetime

    from services.requests.chat.understanding import Frame, Heard, Understanding

_JUDGED = {"query_status": "query", "complain": "complain", "rate": "rate", "help": "help"}
_QUESTIONS = frozenset({"help", "query_status"})


def step(state: State, message: str, reference: datetime, understood: Understanding | None = None) -> Step:
    """What ``message``, said at ``reference``, leads to. Never raises for any text.

    ``understood`` replaces this package's own understanding of the sentence, for a service that asked elsewhere.
    """
    try:
        sentence = read(message)
    except Unreadable as why:
        return Step(state, (Act(f"unreadable.{why.args[0]}"),))
    heard = hear(sentence, reference)
    state = replace(
        state, revision=state.revision + 1, lang=sentence.lang if any(c.isalpha() for c in message) else state.lang
    )
    if guard.is_injection(sentence, heard.matches):
        return _again(state, Act("refused"))
    meaning = understood or understand(message, reference)
    if any(frame.slots.get("urgency") == "emergency" for frame in meaning.frames):
        return _file_at_once(state, meaning, message)
    if answers.mentions(sentence, "restart"):
        return Step(
            replace(state, drafts=(), current=0, asked="", taking_back="", dropped=bool(state.drafts)),
            (Act("restarted"),),
        )
    if answers.mentions(sentence, "person"):
        return Step(replace(state, with_person=True), (Act("handed_over"),), (Effect("hand_over", text=message),))
    short = answers.kinds(sentence)
    if state.taking_back and short & {"yes", "no", "drop"}:
        return _taken_back(state) if "yes" in short else Step(replace(state, taking_back=""), (Act("kept"),))
    if state.drafts:
        return _with_drafts(state, heard, meaning, short, message, reference)
    return _without_drafts(state, heard, meaning, short, message, reference)


def close(state: State) -> State:
    """The state when the speaker has gone: what was to be taken back is, for it was asked for."""
    return _taken_back(state).state if state.taking_back else state


# -- nothing is being put together ------------------------------------------------------------------------------------


def _without_drafts(
    state: State, heard: Heard, meaning: Understanding, short: set[str], message: str, reference: datetime
) -> Step:
    if any(match.kind == "greeting" for match in heard.matches) and not short - {"polite"}:
        if meaning.intent in ("other", "help") and "thanks" not in {match.kind for match in heard.matches}:
            return Step(state, (Act("greeting", {}, ("book", "ask", "feedback")),))
    if short and not short - {"yes", "polite"}:
        return Step(state, (Act("welcome"),))
    ticket = next((str(frame.slots["ticket"]) for frame in meaning.frames if "ticket" in frame.slots), "")
    if state.filed and not ticket:
        again = _about_filed(state, heard, meaning, short, reference)
        if again:
            return again
    if meaning.intent == "file_request" and meaning.frames:
        return _begin(state, meaning.frames)
    if meaning.intent == "cancel":
        if ticket:
            return Step(
                replace(state, taking_back=ticket, asked="take_back"),
                (Act("confirm_cancel", {"ticket": ticket}, ("withdraw_it", "keep_it")),),
            )
        frame = meaning.frames[0]
        return Step(
            replace(state, asked=""), (Act("which_request"),), (Effect("query", frame.item, frame.slots, text=message),)
        )
    if meaning.intent == "reschedule":
        frame = meaning.frames[0]
        return Step(state, (Act("rescheduling"),), (Effect("reschedule", frame.item, frame.slots, text=message),))
    if meaning.intent in _JUDGED:
        return _answer(state, meaning, message)
    if short & {"no", "drop"}:
        return Step(state, (Act("nothing_open"),))
    return Step(
        state,
        (
            Act(
                "greeting" if any(match.kind == "greeting" for match in heard.matches) else "can_do",
                {},
                ("book", "ask", "feedback"),
            ),
        ),
    )


def _about_filed(
    state: State, heard: Heard, meaning: Understanding, short: set[str], reference: datetime
) -> Step | None:
    """A change to, or the cancelling of, what was filed a moment ago; None when the message is about something else."""
    item = meaning.frames[0].item if meaning.frames else None
    subject = next((draft for draft in reversed(state.filed) if item in (None, draft.item)), None)
    if subject is None:
        return None
    if meaning.intent == "cancel" or "drop" in short:
        return Step(
            replace(state, taking_back=str(subject.number), asked="take_back"),
            (Act("confirm_cancel", {"item": subject.item}, ("withdraw_it", "keep_it")),),
        )
    new_need = any(match.kind == "new_need" for match in heard.matches) or (
        item is not None and meaning.intent == "file_request"
    )
    if meaning.intent in ("reschedule", "other") or (meaning.intent == "file_request" and not new_need):
        found = filling.told(heard, subject, "", reference)
        if found or filling.refusals(heard) & set(subject.slots.get("equipment", [])):
            slots = filling.merge(heard, subject, found)
            if subject.slots.get("urgency") == "emergency":
                changed = replace(subject, slots=slots)
                filed = tuple(changed if one.number == subject.number else one for one in state.filed)
                return Step(
                    replace(state, filed=filed),
                    (Act("emergency_refined"),),
                    (Effect("amend", subject.item, slots, subject.number),),
                )
            return ask(state.add(subject.item, slots, subject.number))
    return None


def _begin(state: State, frames: tuple[Frame, ...]) -> Step:
    first = state.counter + 1
    for frame in frames:
        state = state.add(frame.item, {slot: value for slot, value in frame.slots.items() if slot != "ticket"})
    return ask(replace(state, current=first))


def _file_at_once(state: State, meaning: Understanding, message: str) -> Step:
    frame = meaning.frames[0]
    known = next(
        (one for one in state.filed if one.item == frame.item and one.slots.get("urgency") == "emergency"), None
    )
    if known is not None:  # the same alarm told again, with more or less detail
        slots = {**known.slots, **frame.slots}
        filed = tuple(replace(one, slots=slots) if one is known else one for one in state.filed)
        return Step(
            replace(state, filed=filed),
            (Act("emergency_refined"),),
            (Effect("amend", frame.item, slots, known.number, message),),
        )
    number = state.counter + 1
    alarm = Draft(number, frame.item, dict(frame.slots), live=state.live)
    act = Act(
        "emergency_filed" if {"room", "floor", "building"} & set(frame.slots) else "emergency_where",
        {"item": frame.item},
    )
    state = replace(state, filed=(*state.filed, alarm), counter=number)
    return Step(state, (act,), (Effect("file", frame.item, dict(frame.slots), number, message),))


def _answer(state: State, meaning: Understanding, message: str) -> Step:
    frame = meaning.frames[0]
    kind = _JUDGED[meaning.intent]
    return _again(
        state,
        Act(f"answer.{kind}", {"item": frame.item, **frame.slots}),
        Effect(kind, frame.item, frame.slots, text=message),
    )


# -- something is being put together ----------------------------------------------------------------------------------


def _with_drafts(
    state: State, heard: Heard, meaning: Understanding, short: set[str], message: str, reference: datetime
) -> Step:
    if "drop" in short or (answers.gives_up(heard.sentence) and not _refused(state, heard)):
        everything = (
            "all" in short
            or state.asked == "confirm"
            or answers.mentions(heard.sentence, "all")
            or len(state.drafts) == 1
        )
        return _drop_all(state) if everything else _next(state.without(state.current), Act("dropped"))
    if "yes" in short and "no" not in short:
        # A yes is to what was read back, never to a question about a place.
        agreed = state.asked not in ("room", "floor", "building")
        return file_all(state) if agreed and not any(draft.missing for draft in state.drafts) else ask(state)
    if short and not short - {"polite"}:
        return _again(state, Act("welcome"))
    if "no" in short:
        return Step(replace(state, asked="change"), (Act("what_to_change", {}, ("drop",)),))
    refused = _refused(state, heard)
    if refused:
        for draft in refused:
            state = state.without(draft.number)
        if not state.drafts:
            return Step(state, (Act("dropped_all"),))
        return (
            file_all(state)
            if _agrees_too(heard) and not any(draft.missing for draft in state.drafts)
            else _next(state, Act("dropped"))
        )
    ticket = next((str(frame.slots["ticket"]) for frame in meaning.frames if "ticket" in frame.slots), "")
    asks = meaning.intent == "help" and not any(match.kind in ("request", "reschedule") for match in heard.matches)
    if meaning.intent in _QUESTIONS and (ticket or not _tells(state, heard, reference) or asks):
        return _answer(state, meaning, message)
    if meaning.intent == "cancel" and not ticket and not _tells(state, heard, reference):
        return (
            _drop_all(state)
            if len(state.drafts) == 1 or answers.mentions(heard.sentence, "all")
            else _next(state.without(state.current), Act("dropped"))
        )
    fresh = _new_needs(state, heard, meaning)
    if fresh:
        told = state.draft()
        for frame in fresh:
            state = state.add(frame.item, {slot: value for slot, value in frame.slots.items() if slot != "ticket"})
        return ask(replace(state, current=told.number) if told and told.missing else state)
    return _tell(state, heard, meaning, message, reference)


def _tell(state: State, heard: Heard, meaning: Understanding, message: str, reference: datetime) -> Step:
    """The message as more about the draft it fits best."""
    draft = _subject(state, heard)
    if draft is None:
        return _again(state, Act("not_understood"))
    if draft.item is None:
        named = next((frame for frame in meaning.frames if frame.item), None)
        if named is not None:
            draft = replace(draft, item=named.item)
    found = filling.told(heard, draft, state.asked, reference)
    merged = filling.merge(heard, draft, found)
    if merged == draft.slots and draft == state.draft():
        if meaning.intent in _JUDGED:
            return _answer(state, meaning, message)
        return _again(state, Act("not_understood"))
    return ask(state.put(replace(draft, slots=merged)))


def _subject(state: State, heard: Heard) -> Draft | None:
    """The draft a message is about: the one whose words it uses, else the current one."""
    scores = evidence(heard.matches)
    things = {match.name for match in heard.matches if match.kind == "thing"}
    named = [
        draft
        for draft in state.drafts
        if draft.item and (scores.get(draft.item, 0.0) >= 3 or things & set(draft.slots.get("equipment", [])))
    ]
    current = state.draft()
    if named and current not in named:
        return named[-1]
    return current


def _tells(state: State, heard: Heard, reference: datetime) -> bool:
    """True when the message sets a slot of the draft it is about."""
    draft = _subject(state, heard)
    return (
        draft is not None
        and filling.merge(heard, draft, filling.told(heard, draft, state.asked, reference)) != draft.slots
    )


def _new_needs(state: State, heard: Heard, meaning: Understanding) -> list[Frame]:
    """The needs of a message that no draft is about yet."""
    if meaning.intent != "file_request":
        return []
    opened = any(match.kind == "new_need" for match in heard.matches)
    scores = evidence(heard.matches)
    things = {match.name for match in heard.matches if match.kind == "thing"}
    items = {draft.item for draft in state.drafts}
    fresh = []
    for frame in meaning.frames:
        if frame.item is None or scores.get(frame.item, 0.0) < NEED:
            continue
        if frame.item in items:
            placed = {slot: frame.slots.get(slot) for slot in ("room", "floor", "building") if slot in frame.slots}
            twin = next(draft for draft in state.drafts if draft.item == frame.item)
            if (
                opened
                and placed
                and "equipment" in frame.slots
                and any(twin.slots.get(slot) != value for slot, value in placed.items())
            ):
                fresh.append(frame)
            continue
        # 加个座签 is for the meeting that is being booked, not a print job.
        if any(draft.item and things and things <= codes_of(draft.item) for draft in state.drafts) and not opened:
            continue
        if state.asked not in ("", "confirm", "change") and scores.get(frame.item, 0.0) < NEED + 1 and not opened:
            continue
        fresh.append(frame)
    return fresh


def _refused(state: State, heard: Heard) -> list[Draft]:
    """The drafts that the message gives up by name, when others remain or it says nothing else."""
    refused = [draft for draft in state.drafts if draft.item and filling.refuses(heard, draft.item)]
    return refused if len(refused) < len(state.drafts) or answers.mentions(heard.sentence, "drop") else []


def _agrees_too(heard: Heard) -> bool:
    """理发不要了，其他没问题: one part of the sentence refuses, another agrees."""
    return any(answers.kinds(part) >= {"yes"} for part in _parts(heard))


def _parts(heard: Heard) -> list[Any]:
    return [read(part) for part in heard.sentence.text.replace("，", ",").replace("。", ",").split(",") if part.strip()]


# -- asking, reading back, filing -------------------------------------------------------------------------------------


def ask(state: State) -> Step:
    """Ask for the first thing missing, the current draft's first; read everything back when nothing is."""
    current = state.draft()
    waiting = [draft for draft in state.drafts if draft.missing]
    if not state.drafts:
        return Step(state, (Act("can_do"),))
    if waiting:
        draft = current if current in waiting and current is not None else waiting[0]
        state = replace(state, current=draft.number, asked=draft.missing)
        choices = ("items",) if draft.missing == "item" else ()
        return Step(state, (Act(f"ask.{draft.missing}", {"item": draft.item, **draft.slots}, choices),))
    acts = tuple(Act("read_back", {"item": draft.item, **draft.slots}) for draft in state.drafts)
    return Step(replace(state, asked="confirm"), (*acts, Act("ask.confirm", {}, ("yes", "change", "drop"))))


def _again(state: State, act: Act, *effects: Effect) -> Step:
    """Say ``act``, then come back to what was open."""
    if not state.drafts:
        return Step(state, (act,), effects)
    resumed = ask(state)
    return Step(resumed.state, (act, *resumed.acts), effects)


def _next(state: State, act: Act) -> Step:
    resumed = ask(state)
    return Step(resumed.state, (act, *resumed.acts))


def file_all(state: State) -> Step:
    """Everything open is to be filed."""
    filed = list(state.filed)
    effects = []
    for draft in state.drafts:
        if draft.amends:
            filed = [replace(one, slots=draft.slots) if one.number == draft.amends else one for one in filed]
            effects.append(Effect("amend", draft.item, draft.slots, draft.amends))
        else:
            filed.append(draft)
            effects.append(Effect("file", draft.item, draft.slots, draft.number))
    acts = tuple(Act("filed", {"item": draft.item, **draft.slots}) for draft in state.drafts)
    return Step(replace(state, drafts=(), current=0, asked="", filed=tuple(filed)), acts, tuple(effects))


def _drop_all(state: State) -> Step:
    return Step(replace(state, drafts=(), current=0, asked="", dropped=True), (Act("dropped_all"),))


def _taken_back(state: State) -> Step:
    number = state.taking_back
    subject = next((draft for draft in state.filed if str(draft.number) == number), None)
    filed = tuple(draft for draft in state.filed if draft is not subject)
    state = replace(state, filed=filed, taking_back="", asked="", dropped=True)
    effect = (
        Effect("cancel", subject.item, subject.slots, subject.number)
        if subject
        else Effect("cancel", slots={"ticket": number})
    )
    return Step(state, (Act("cancelled"),), (effect,))
