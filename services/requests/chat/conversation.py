"""One message of somebody known, in one transaction: understood, acted on through the office's own use cases, answered.

The pages' rules hold here too, for the same functions are called: who may ask for what, who may withdraw what. A message
that comes again is answered as before and changes nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from services.requests import access, forms, lists, model, notices, pictures, store
from services.requests.chat import complaining, made, reasons, records, rooms, slips, together
from services.requests.chat.dialogue import Act, Draft, Effect, State, Step, UnknownVersion, ask, step
from services.requests.chat.dialogue.answers import kinds as short_answers
from services.requests.chat.records import Call, Conversation
from services.requests.chat.site import Site
from services.requests.chat.text import Unreadable, read
from services.requests.chat.wording import Wording
from services.requests.handlers import filing, following
from services.requests.notices.telling import About, responsible
from shared.clock import SITE_ZONE
from shared.errors import Conflict, Invalid, Refused
from shared.language import language as words_of
from shared.web.routes import covers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from services.requests.catalogue import Item
    from services.requests.chat.understanding import Understanding
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.model import Filing
    from services.requests.store import Request
    from shared.language import Code
    from shared.web.principal import Principal
    from shared.work import Work


IDLE = timedelta(minutes=30)  # after which a draft nobody confirmed is dropped
IDLE_OF = {"mail": timedelta(days=3)}  # people answer mail tomorrow
MOST_CHOICES = 6
MOST_WORDS = 400  # characters of what was said that go with a request
_URGES = re.compile(r"催|快点|快一点|赶紧|hurry|chase|speed|urge|nudge|push (?:it|them)", re.IGNORECASE)
# Not in company: what shows a person's own requests, or changes or judges one.
_PRIVATE = frozenset({"amend", "cancel", "query", "reschedule", "rate", "complain"})
_LISTED = ("filed", "assigned", "under_way", "paused", "reopened", "to_confirm")


class RoomTaken(Conflict):
    """Somebody booked the room meanwhile."""

    key = "chat.room_taken_now"


class Overtaken(Conflict):
    """Another message of the same conversation was answered meanwhile; say it again."""


@dataclass(frozen=True)
class Message:
    """What somebody said.

    Attributes:
        channel: web, wecom, dingtalk, feishu, mail.
        key: the channel's own id of the message; the same when it is delivered again.
        language: of the answer.
        private: nobody else reads along; in company only filing, help and a call for a person are served.
        thread: of mails that answer each other; each is a conversation of its own.
        photos: ids of photos that came with it and wait for the request that is filed.
    """

    channel: str
    key: str
    text: str
    language: Code = "zh-Hans"
    private: bool = True
    thread: str = ""
    photos: tuple[str, ...] = ()

    @property
    def room(self) -> str:
        """Under which the conversation is kept."""
        return f"{self.channel}#{self.thread}" if self.thread else self.channel


@dataclass
class _Turn:
    """What one message has at hand."""

    work: Work
    desk: Desk
    person: Principal
    message: Message
    wording: Wording
    site: Site
    talk: dict[str, Any]
    texts: list[str] = field(default_factory=list)
    choices: list[dict[str, str]] = field(default_factory=list)
    filed: list[dict[str, str]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)  # by act key: what replaces its general words
    anyway: int = 0  # the draft that is filed although the very same is open

    @property
    def references(self) -> dict[str, str]:
        found: dict[str, str] = self.talk.setdefault("references", {})
        return found


def hear(
    work: Work, desk: Desk, person: Principal, message: Message, second: Understanding | None = None
) -> dict[str, Any]:
    """The answer to ``message``; whatever it asked for is done with it.

    ``second`` stands in place of this package's own understanding, where that is unsure: see ``second``.

    Raises:
        Overtaken: two messages of one conversation were answered at once; nothing was done.
    """
    conversation = _conversation(work, person, message.room)
    known = records.answered(work.connection, conversation.id, message.key)
    if known is not None:
        return known
    now = work.now.astimezone(SITE_ZONE).replace(tzinfo=None, second=0, microsecond=0)
    whole = dict(conversation.state)
    # What is being put together in private is never read out in company, nor agreed to there.
    talk = whole if message.private else whole.setdefault("company", {})
    idle = work.now - conversation.changed_at > IDLE_OF.get(message.channel, IDLE)
    state = _state(talk, idle=idle)
    if not state.drafts and not state.taking_back:
        talk["words"] = []
    turn = _Turn(
        work, desk, person, message, Wording(words_of(message.language), desk.catalogue, work.now),
        Site(desk.places(work.connection)), talk,
    )  # fmt: skip
    if message.photos:
        talk["photos"] = [*talk.get("photos", ()), *message.photos][-model.MOST_PHOTOS :]
    if not complaining.resumed(turn, idle=idle) and not made.resumed(turn, rooms.find, idle=idle):
        if not is_short(message.text):
            talk["words"] = [*talk.get("words", ()), message.text][-12:]
        chosen = reasons.answered(turn, state, idle=idle) or together.answered(turn, state, idle=idle)
        item = made.named(desk.catalogue, message.text) if not state.drafts else None
        if chosen is None and item is not None:  # there are no sentences for it, and a guess would file something else
            made.begun(turn, item, rooms.find)
        else:
            taken = chosen or step(state, message.text, now, second)
            if not message.private:
                taken = _in_company(state, taken)
            state = _done(turn, taken)
    talk["talk"] = state.stored()
    answer = _answer(turn, state)
    if not records.keep(work.connection, conversation, whole, work.now):
        raise Overtaken
    records.note(work.connection, conversation.id, message.key, message.text[:2000], answer, work.now)
    return answer


def asks_elsewhere(connection: Connection, desk: Desk, person: Principal, message: Message, now: datetime) -> bool:
    """Whether a second opinion may be asked for: it is switched on, and no question of ours is open, to which a few words
    are the answer.
    """
    if desk.second is None or is_short(message.text):
        return False
    found = records.conversation(connection, message.room, person.account)
    return found is None or not (
        made.KEPT in found.state or _state(dict(found.state), idle=now - found.changed_at > IDLE).drafts
    )


def _in_company(before: State, taken: Step) -> Step:
    """``taken``, or nothing but the word that this is done in a private chat.

    More about an emergency raised here is taken: where it is must never be lost.
    """
    asked = any(one.kind in _PRIVATE and one.slots.get("urgency") != "emergency" for one in taken.effects)
    asked |= any(one.kind in _PRIVATE - {"amend"} for one in taken.effects)
    if not asked and not taken.state.taking_back and not any(draft.amends for draft in taken.state.drafts):
        return taken
    return Step(before, (Act("private_only"),))


def is_short(text: str) -> bool:
    """Whether ``text`` is a yes, a no or a thank you: nothing that a crew would want to read."""
    try:
        return bool(short_answers(read(text)))
    except Unreadable:
        return True


def standing(connection: Any, desk: Desk, person: Principal, channel: str, code: Code, now: Any) -> dict[str, Any]:
    """What a page shows before anything is said: the drafts as they are."""
    found = records.conversation(connection, channel, person.account)
    wording = Wording(words_of(code), desk.catalogue, now)
    if found is None:
        return {"id": "", "drafts": []}
    idle = now - found.changed_at > IDLE
    drafts = wording.drafts(_state(dict(found.state), idle=idle))
    if not idle:
        drafts += made.drafts(wording, desk.catalogue, dict(found.state), desk.places(connection))
    return {"id": found.id, "drafts": drafts}


def _conversation(work: Work, person: Principal, channel: str) -> Conversation:
    found = records.conversation(work.connection, channel, person.account, lock=True)
    if found is not None:
        return found
    new = Conversation(work.new_id(), channel, person.account, 0, {}, work.now)
    if not records.begin(work.connection, new):
        raise Overtaken
    return new


def _state(talk: dict[str, Any], *, idle: bool) -> State:
    try:
        state = State.restored(talk["talk"]) if "talk" in talk else State(live=True)
    except (UnknownVersion, TypeError):
        state = State(live=True)
    if idle and (state.drafts or state.taking_back):
        state = replace(state, drafts=(), current=0, asked="", taking_back="")
    return state


# ---- acting


def _done(turn: _Turn, taken: Step) -> State:
    """The state after the effects of ``taken``; what they led to is said."""
    state, acts = taken.state, list(taken.acts)
    for effect in taken.effects:
        # Each use case refuses before it writes, so that what is refused leaves nothing behind.
        try:
            state = _do(turn, state, effect)
        except Overtaken:
            raise
        except Refused as error:
            state, acts = _reopened(state, effect), []
            if reasons.lacks(error) and state.drafts:
                return reasons.wanted(turn, state)
            turn.texts.append(_why(turn, error))
            turn.choices.append({"words": turn.wording.choice("person"), "say": turn.wording.choice("person")})
    if state.drafts:
        state, found = rooms.checked(turn, state)
        if found is not None:
            cut = [act for act in acts if not act.key.startswith(("ask.", "read_back"))]
            acts = [*cut, *found]
    for act in acts:
        if not act.key:
            continue
        turn.texts.append(turn.answers.get(act.key) or turn.wording.act(act, turn.filed))
        turn.choices += turn.wording.choices(act)
    return state


def _reopened(state: State, effect: Effect) -> State:
    """The draft that could not be filed is open again."""
    state = replace(state, taking_back="", asked="")
    if effect.kind not in ("file", "amend") or effect.slots.get("urgency") == "emergency":
        return state
    draft = next((one for one in state.filed if one.number == effect.draft), None)
    if draft is None:
        return state
    if effect.kind == "amend":
        return state.add(draft.item, draft.slots, draft.number)
    kept = tuple(one for one in state.filed if one is not draft)
    return replace(state, filed=kept, drafts=(*state.drafts, draft), current=draft.number, asked="change")


def _why(turn: _Turn, error: Refused) -> str:
    from shared.web.failures import field_messages

    words = turn.wording.words
    told = [text for texts in field_messages(words, getattr(error, "fields", {}) or {}).values() for text in texts]
    text = words.listed(told) if told else words(error.key, **error.parameters)
    return words("chat.could_not", why=text)


def _do(turn: _Turn, state: State, effect: Effect) -> State:
    match effect.kind:
        case "file":
            return state if _file(turn, effect) else together.held(state, effect.draft)
        case "amend":
            _amend(turn, effect)
        case "cancel":
            _withdraw(turn, effect)
        case "query":
            _query(turn, effect)
        case "reschedule":
            return _reschedule(turn, state, effect)
        case "rate":
            _rate(turn, effect)
        case "complain":
            complaining.propose(turn, effect.text, _complained(turn, effect))
        case "hand_over":
            _call(turn, effect, "person")
        case "help":
            _help(turn, effect)
    return state


def _file(turn: _Turn, effect: Effect, same_open: filing.Same = "refuse") -> bool:
    """Whether the draft is dealt with; it is not when the very same is open and the person has to choose.

    Raises:
        Overtaken: somebody else filed the very same meanwhile.
    """
    item = turn.desk.catalogue.get(effect.item or "")
    if item is None:
        return True
    wanted, place = _filing(turn, item, effect)
    if effect.slots.get("urgency") == "emergency":
        same_open = "pass"  # it is filed at once, whoever else called
    elif turn.anyway == effect.draft:
        same_open = "anyway"
    if same_open == "refuse" and together.offered(turn, item, place, wanted, effect.draft):
        return False
    if item.code == "meeting" and place is not None:
        _need_free(turn, place, effect, "")
    shown = pictures.pending(turn.work.connection, turn.person.account, turn.talk.pop("photos", ()))
    filed = filing.file_request(
        turn.work,
        turn.desk,
        turn.person,
        wanted,
        _channel(turn.message.channel),
        same_open=same_open,
        photos=tuple(each.id for each in shown),
    )
    if same_open == "refuse":
        try:
            turn.work.flush()
        except IntegrityError as error:
            raise Overtaken from error
    turn.references[str(effect.draft)] = filed.reference
    short = model.short(filed.reference)
    turn.filed.append({"reference": short, "item": item.code})
    if filed.held:
        turn.texts.append(turn.wording.words("chat.held", reference=short))
        turn.choices += [
            turn.wording.withdraw(short),
            {"words": turn.wording.choice("person"), "say": turn.wording.choice("person")},
        ]
    return True


def _filing(turn: _Turn, item: Item, effect: Effect) -> tuple[Filing, Place | None]:
    """The draft as the form of its item, and where it is.

    Raises:
        Invalid: the form would be refused.
    """
    place = rooms.find(turn, item, effect.slots).place
    if place is None and effect.slots.get("urgency") == "emergency" and item.place != "fixed":
        place = rooms.nearest(turn, item)
    form = slips.posted(item, effect.slots, _spoken(turn, effect), place.code if place else "")
    return forms.from_form(item, {**form, reasons.FIELD: reasons.given(turn, effect)}), place


def _channel(channel: str) -> str:
    return "chat" if channel == "web" else channel


def _spoken(turn: _Turn, effect: Effect) -> str:
    """What was said of this draft, also when it is filed anew with a change."""
    told: dict[str, list[str]] = turn.talk.setdefault("told", {})
    words = list(dict.fromkeys([*told.get(str(effect.draft), ()), *(turn.talk["words"] or [turn.message.text])]))
    told[str(effect.draft)] = words
    return "；".join(words)[:MOST_WORDS]


def _need_free(turn: _Turn, place: Place, effect: Effect, instead: str) -> None:
    span = slips.hours(effect.slots)
    if span is None:
        return
    begins, ends = (moment.replace(tzinfo=SITE_ZONE) for moment in span)
    if place.code in records.taken_rooms(turn.work.connection, begins, ends, instead):
        raise RoomTaken


def _amend(turn: _Turn, effect: Effect) -> None:
    """What was filed is withdrawn and filed anew with the change, together or not at all."""
    reference = turn.references.get(str(effect.draft))
    if reference is None:
        _file(turn, effect, "pass")
        return
    request = _request(turn, reference)
    if request is None or not model.may("withdraw", request.state):
        raise model.NotInThisState
    item = turn.desk.catalogue.get(effect.item or "")
    if item is None:
        return
    wanted, place = _filing(turn, item, effect)
    wrong = model.refusals(wanted, item, turn.work.now)
    if wrong:
        raise Invalid(fields=wrong)
    if item.code == "meeting" and place is not None:
        _need_free(turn, place, effect, request.id)
    # Withdrawn first, so that its own room is free for the changed one; nothing below refuses any more.
    following.withdraw(turn.work, request, _who(turn.person), "mistake")
    _file(turn, effect, "pass")


def _withdraw(turn: _Turn, effect: Effect) -> None:
    reference = turn.references.get(str(effect.draft)) if effect.draft else str(effect.slots.get("ticket", ""))
    request = _request(turn, reference or "")
    if request is None:
        turn.answers["cancelled"] = turn.wording.words("chat.no_such_request")
        return
    following.withdraw(turn.work, request, _who(turn.person))
    turn.answers["cancelled"] = turn.wording.words("chat.withdrawn", reference=model.short(request.reference))


def _query(turn: _Turn, effect: Effect) -> None:
    ticket = str(effect.slots.get("ticket", ""))
    requests = [found] if ticket and (found := _request(turn, ticket, lock=False)) else []
    if not ticket:
        requests = [one for one in _own(turn) if effect.item in (None, one.item)]
    words = turn.wording.words
    if not requests:
        turn.answers["answer.query"] = turn.answers["which_request"] = words(
            "chat.no_such_request" if ticket else "chat.nothing_under_way"
        )
        return
    if _URGES.search(effect.text) and len(requests) == 1:
        following.urge(turn.work, _locked(turn, requests[0]), _who(turn.person))
        turn.answers["answer.query"] = words("chat.urged", reference=model.short(requests[0].reference))
        return
    lines = [turn.wording.standing(one, turn.desk.places(turn.work.connection)) for one in requests[:MOST_CHOICES]]
    turn.answers["answer.query"] = "\n".join(lines)
    turn.answers["which_request"] = "\n".join([words("chat.which_request"), *lines])
    verb = "withdraw" if effect.kind == "query" and "取消" in effect.text else ""
    turn.choices += turn.wording.about(requests[:MOST_CHOICES], verb)


def _reschedule(turn: _Turn, state: State, effect: Effect) -> State:
    """An earlier request comes back as a draft with the change, to be agreed to."""
    ticket = str(effect.slots.get("ticket", ""))
    found = [_request(turn, ticket, lock=False)] if ticket else _own(turn)
    candidates = [
        one for one in found if one is not None and model.may("withdraw", one.state) and effect.item in (None, one.item)
    ]
    words = turn.wording.words
    if len(candidates) != 1:
        lines = [
            turn.wording.standing(one, turn.desk.places(turn.work.connection)) for one in candidates[:MOST_CHOICES]
        ]
        key = "chat.which_request" if candidates else "chat.nothing_to_change"
        turn.answers["rescheduling"] = "\n".join([words(key), *lines])
        return state
    request = candidates[0]
    number = state.counter + 1
    slots = {**_slots_of(turn, request), **{name: value for name, value in effect.slots.items() if name != "ticket"}}
    if (
        "start" in effect.slots
        and "end" not in effect.slots
        and request.starts_at
        and request.ends_at
        and "end" in slots
    ):
        length = request.ends_at - request.starts_at
        start = str(effect.slots["start"])
        if len(start) == 10:
            slots["start"] = start + str(_slots_of(turn, request)["start"])[10:]
        if len(str(slots["start"])) == 16:
            slots["end"] = (datetime.fromisoformat(str(slots["start"])) + length).isoformat(timespec="minutes")
    turn.references[str(number)] = request.reference
    turn.talk["words"] = [request.answers.get("details") or request.summary, effect.text]
    earlier = Draft(number, request.item, slots, live=True)
    state = replace(state, filed=(*state.filed, earlier), counter=number).add(request.item, slots, number)
    asked = ask(state)
    turn.answers["rescheduling"] = "\n".join(turn.wording.act(act, []) for act in asked.acts)
    for act in asked.acts:
        turn.choices += turn.wording.choices(act)
    return asked.state


def _slots_of(turn: _Turn, request: Request) -> dict[str, Any]:
    """The slots of a draft that would have led to ``request``."""
    place = turn.desk.place(turn.work.connection, request.place)
    item = turn.desk.item_of(request)
    found: dict[str, Any] = {
        "start": _wall(request.starts_at), "end": _wall(request.ends_at), "headcount": request.headcount,
        "quantity": request.quantity if item and item.field("quantity") else 0,
        "destination": request.answers.get("destination", ""),
    }  # fmt: skip
    if place is not None and item is not None and item.place != "fixed":
        found |= {"building": place.building, "floor": place.floor, "room": place.room}
    codes = request.answers.get("equipment") or request.answers.get("finish")
    what = request.answers.get("what") or request.answers.get("car") or request.answers.get("kind")
    found["equipment"] = sorted(codes or ([what] if what and what != "other" else []))
    return {name: value for name, value in found.items() if value}


def _wall(moment: Any) -> str:
    return moment.astimezone(SITE_ZONE).strftime("%Y-%m-%dT%H:%M") if moment else ""


def _rate(turn: _Turn, effect: Effect) -> None:
    words = turn.wording.words
    ticket, stars = str(effect.slots.get("ticket", "")), effect.slots.get("rating")
    requests = (
        [_request(turn, ticket)]
        if ticket
        else [one for one in _own(turn) if one.state == "to_confirm" and effect.item in (None, one.item)]
    )
    request = next((one for one in requests if one is not None), None)
    if request is None:
        turn.answers["answer.rate"] = words("chat.nothing_to_rate")
        return
    if not isinstance(stars, int) or not 1 <= stars <= 5:
        turn.answers["answer.rate"] = words("chat.how_many_stars", reference=model.short(request.reference))
        turn.choices += [
            {"words": "★" * n, "say": words("chat.say_stars", reference=model.short(request.reference), n=n)}
            for n in range(5, 0, -1)
        ]
        return
    following.confirm(turn.work, _locked(turn, request), _who(turn.person), stars, (), effect.text[:500])
    turn.answers["answer.rate"] = words("chat.rated", reference=model.short(request.reference), stars="★" * stars)


def _complained(turn: _Turn, effect: Effect) -> Request | None:
    """The request that a complaint is about: the one that was named, if it is the person's own."""
    ticket = str(effect.slots.get("ticket", ""))
    found = _request(turn, ticket, lock=False) if ticket else None
    return found if found is not None and turn.person.account in access.where(found).owners else None


def _call(turn: _Turn, effect: Effect, kind: str) -> None:
    request = _request(turn, str(effect.slots.get("ticket", "")), lock=False) if effect.slots.get("ticket") else None
    conversation = records.conversation(turn.work.connection, turn.message.room, turn.person.account)
    records.call(
        turn.work.connection,
        Call(
            turn.work.new_id(), conversation.id if conversation else "", turn.person.account, turn.person.name,
            turn.person.name_en or turn.person.name, turn.person.organisation, kind, effect.text[:1000],
            request.reference if request else "", turn.work.now,
        ),
    )  # fmt: skip
    about = About(
        subject="call", id=conversation.id if conversation else "", address="/requests/chat/calls",
        people={"dispatcher": responsible("dispatcher", turn.person.organisation)},
    )  # fmt: skip
    notices.tell(turn.work, "chat.called", about, who=_who(turn.person))


def _help(turn: _Turn, effect: Effect) -> None:
    item = turn.desk.catalogue.get(effect.item or "")
    turn.answers["answer.help"] = turn.wording.help(item, turn.desk.emergency)


# ---- requests


def _own(turn: _Turn) -> list[Request]:
    seen = store.Seen(account=turn.person.account)
    return lists.list_requests(turn.work.connection, seen, states=_LISTED, limit=20)


def _request(turn: _Turn, reference: str, *, lock: bool = True) -> Request | None:
    """The request of this reference if the person may act on it; None like one that does not exist."""
    if not reference or "write" not in turn.person.verbs:
        return None
    full = model.full_reference(reference, model.day_of(turn.work.now))
    request = store.request_by_reference(turn.work.connection, full, lock=lock)
    if request is None:
        return None
    scopes = access.ACT.of(turn.person)
    return request if any(covers(scope, turn.person, access.where(request)) for scope in scopes) else None


def _locked(turn: _Turn, request: Request) -> Request:
    return store.request_by_id(turn.work.connection, request.id, lock=True) or request


def _who(person: Principal) -> tuple[str, str]:
    return person.name, person.name_en or person.name


def _answer(turn: _Turn, state: State) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        json.dumps(
            {
                "texts": [text for text in dict.fromkeys(turn.texts) if text],
                "choices": list({choice["say"]: choice for choice in turn.choices}.values())[: MOST_CHOICES + 2],
                "drafts": [
                    *turn.wording.drafts(state),
                    *made.drafts(turn.wording, turn.desk.catalogue, turn.talk, turn.desk.places(turn.work.connection)),
                ],
                "filed": turn.filed,
                "asked": state.asked,
            },
            ensure_ascii=False,
        )
    )
    return told


def spoken_lines(answer: dict[str, Any]) -> Iterator[str]:
    """An answer as a channel without buttons shows it."""
    yield from answer["texts"]
    for number, choice in enumerate(answer["choices"], start=1):
        yield f"{number}. {choice['words']}"
