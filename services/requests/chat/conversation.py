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

from services.requests import access, forms, model, store
from services.requests.chat import records, slips
from services.requests.chat.dialogue import Act, Draft, Effect, State, Step, UnknownVersion, ask, step
from services.requests.chat.dialogue.answers import kinds as short_answers
from services.requests.chat.records import Call, Conversation
from services.requests.chat.site import Found, Site
from services.requests.chat.text import Unreadable, read
from services.requests.chat.wording import Wording
from services.requests.handlers import filing, following
from shared.clock import SITE_ZONE
from shared.errors import Conflict, Invalid, Refused
from shared.language import language as words_of
from shared.web.routes import covers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.requests.catalogue import Item
    from services.requests.chat.understanding import Understanding
    from services.requests.compound import Place
    from services.requests.desk import Desk
    from services.requests.model import Filing
    from services.requests.store import Request
    from shared.language import Code
    from shared.web.principal import Principal
    from shared.work import Work

    Second = Callable[[str, Any], Understanding | None]

IDLE = timedelta(minutes=30)  # after which a draft nobody confirmed is dropped
MOST_CHOICES = 6
PLACE = ("building", "floor", "room")
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
    """

    channel: str
    key: str
    text: str
    language: Code = "zh-Hans"
    private: bool = True


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

    @property
    def references(self) -> dict[str, str]:
        found: dict[str, str] = self.talk.setdefault("references", {})
        return found


def hear(work: Work, desk: Desk, person: Principal, message: Message, second: Second | None = None) -> dict[str, Any]:
    """The answer to ``message``; whatever it asked for is done with it.

    ``second`` is asked when this package's own understanding is unsure.

    Raises:
        Overtaken: two messages of one conversation were answered at once; nothing was done.
    """
    conversation = _conversation(work, person, message.channel)
    known = records.answered(work.connection, conversation.id, message.key)
    if known is not None:
        return known
    now = work.now.astimezone(SITE_ZONE).replace(tzinfo=None, second=0, microsecond=0)
    whole = dict(conversation.state)
    # What is being put together in private is never read out in company, nor agreed to there.
    talk = whole if message.private else whole.setdefault("company", {})
    state = _state(talk, idle=work.now - conversation.changed_at > IDLE)
    if not state.drafts and not state.taking_back:
        talk["words"] = []
    turn = _Turn(
        work, desk, person, message, Wording(words_of(message.language), desk.catalogue, work.now),
        Site(desk.places(work.connection)), talk,
    )  # fmt: skip
    if not _short(message.text):
        talk["words"] = [*talk.get("words", ()), message.text][-12:]
    taken = step(state, message.text, now, second(message.text, now) if second else None)
    if not message.private:
        taken = _in_company(state, taken)
    state = _done(turn, taken)
    talk["talk"] = state.stored()
    answer = _answer(turn, state)
    if not records.keep(work.connection, conversation, whole, work.now):
        raise Overtaken
    records.note(work.connection, conversation.id, message.key, message.text[:2000], answer, work.now)
    return answer


def _in_company(before: State, taken: Step) -> Step:
    """``taken``, or nothing but the word that this is done in a private chat.

    More about an emergency raised here is taken: where it is must never be lost.
    """
    asked = any(one.kind in _PRIVATE and one.slots.get("urgency") != "emergency" for one in taken.effects)
    asked |= any(one.kind in _PRIVATE - {"amend"} for one in taken.effects)
    if not asked and not taken.state.taking_back and not any(draft.amends for draft in taken.state.drafts):
        return taken
    return Step(before, (Act("private_only"),))


def _short(text: str) -> bool:
    """Whether ``text`` is a yes, a no or a thank you: nothing that a crew would want to read."""
    try:
        return bool(short_answers(read(text)))
    except Unreadable:
        return True


def standing(connection: Any, desk: Desk, person: Principal, channel: str, code: Code, now: Any) -> dict[str, Any]:
    """What a page shows before anything is said: the drafts as they are."""
    found = records.conversation(connection, channel, person.account)
    wording = Wording(words_of(code), desk.catalogue, now)
    state = _state(dict(found.state), idle=now - found.changed_at > IDLE) if found else State(live=True)
    return {"id": found.id if found else "", "drafts": wording.drafts(state)}


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
        except Refused as error:
            turn.texts.append(_why(turn, error))
            turn.choices.append({"words": turn.wording.choice("person"), "say": turn.wording.choice("person")})
            state, acts = _reopened(state, effect), []
    if state.drafts:
        state, found = _checked(turn, state)
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
    from shared.web.app import field_messages

    words = turn.wording.words
    told = [text for texts in field_messages(words, getattr(error, "fields", {}) or {}).values() for text in texts]
    text = words.listed(told) if told else words(error.key, **error.parameters)
    return words("chat.could_not", why=text)


def _do(turn: _Turn, state: State, effect: Effect) -> State:
    match effect.kind:
        case "file":
            _file(turn, effect)
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
            _call(turn, effect, "complaint")
        case "hand_over":
            _call(turn, effect, "person")
        case "help":
            _help(turn, effect)
    return state


def _file(turn: _Turn, effect: Effect) -> None:
    item = turn.desk.catalogue.get(effect.item or "")
    if item is None:
        return
    wanted, place = _filing(turn, item, effect)
    if item.code == "meeting" and place is not None:
        _need_free(turn, place, effect, "")
    filed = filing.file_request(turn.work, turn.desk, turn.person, wanted, _channel(turn.message.channel))
    turn.references[str(effect.draft)] = filed.reference
    turn.filed.append({"reference": model.short(filed.reference), "item": item.code})


def _filing(turn: _Turn, item: Item, effect: Effect) -> tuple[Filing, Place | None]:
    """The draft as the form of its item, and where it is.

    Raises:
        Invalid: the form would be refused.
    """
    place = _place(turn, item, effect.slots).place
    if place is None and effect.slots.get("urgency") == "emergency" and item.place != "fixed":
        place = _nearest(turn, item)
    form = slips.posted(item, effect.slots, _spoken(turn, effect), place.code if place else "")
    return forms.from_form(item, form), place


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
        _file(turn, effect)
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
    _file(turn, effect)


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
    item = turn.desk.catalogue.get(request.item)
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


def _call(turn: _Turn, effect: Effect, kind: str) -> None:
    request = _request(turn, str(effect.slots.get("ticket", "")), lock=False) if effect.slots.get("ticket") else None
    conversation = records.conversation(turn.work.connection, turn.message.channel, turn.person.account)
    records.call(
        turn.work.connection,
        Call(
            turn.work.new_id(), conversation.id if conversation else "", turn.person.account, turn.person.name,
            turn.person.name_en or turn.person.name, turn.person.organisation, kind, effect.text[:1000],
            request.reference if request else "", turn.work.now,
        ),
    )  # fmt: skip


def _help(turn: _Turn, effect: Effect) -> None:
    item = turn.desk.catalogue.get(effect.item or "")
    turn.answers["answer.help"] = turn.wording.help(item, turn.desk.emergency)


# ---- places and rooms


def _place(turn: _Turn, item: Item, slots: dict[str, Any]) -> Found:
    if item.place == "fixed":
        return Found(turn.desk.place(turn.work.connection, item.places[0]))
    found = turn.site.find(slots, lambda place: model.place_fits(item, place.kind, place.code), _own_building(turn))
    if found.place is None and not found.several and not found.missing and item.code == "square":
        return Found(turn.desk.place(turn.work.connection, "square"))
    named = bool({"building", "floor", "room"} & set(slots))
    if found.place is None and not found.several and not found.missing and named and item.code != "meeting":
        return Found(_nearest(turn, item))  # a spot with no number of its own: the words tell the crew where
    return found


def _own_building(turn: _Turn) -> str:
    account = store.account_by_id(turn.work.connection, turn.person.account)
    office = turn.desk.place(turn.work.connection, account.office) if account and account.office else None
    return office.building if office else ""


def _nearest(turn: _Turn, item: Item) -> Place | None:
    """Where somebody is who did not say: their office, else its building, else anywhere that fits."""
    places = turn.desk.places(turn.work.connection)
    account = store.account_by_id(turn.work.connection, turn.person.account)
    office = places.get(account.office) if account else None
    near = [office, places.get(f"B{office.building}")] if office else []
    return next(
        (place for place in [*near, *places.values()] if place and model.place_fits(item, place.kind, place.code)), None
    )


def _checked(turn: _Turn, state: State) -> tuple[State, tuple[Act, ...] | None]:
    """``state`` without what the compound does not have, and what to say instead; None when nothing was wrong."""
    for draft in state.drafts:
        item = turn.desk.catalogue.get(draft.item or "")
        if item is None or draft.slots.get("urgency") == "emergency":
            continue
        refused = item.may_ask(turn.person.roles, turn.person.department)
        if refused:
            state = state.without(draft.number)
            return state, (Act("not_for_you", {"item": item.code, "why": refused}),)
        problem = _problem(turn, item, draft)
        if problem is not None:
            slots, act, choices = problem
            state = state.put(replace(draft, slots=slots))
            asked = ask(state)
            turn.choices += choices
            if not act.key:
                return (_checked(turn, state)[0], _checked(turn, state)[1] or asked.acts)
            follow = tuple(each for each in asked.acts if each.key != act.key and not each.key.startswith("ask.room"))
            return asked.state if not choices else replace(asked.state, asked="room"), (
                act,
                *(() if choices else follow),
            )
    return state, None


def _problem(turn: _Turn, item: Item, draft: Draft) -> tuple[dict[str, Any], Act, list[dict[str, str]]] | None:
    slots = dict(draft.slots)
    named: dict[str, Any] = {name: slots[name] for name in PLACE if name in slots}
    if named and item.place != "fixed":
        found = _place(turn, item, slots)
        if found.missing:
            said = str(slots[found.missing])
            for name in ("room", "floor", "building")[: {"room": 1, "floor": 2, "building": 3}[found.missing]]:
                slots.pop(name, None)
            return slots, Act(f"no_such.{found.missing}", {"said": said, **named}), []
        if found.several:
            choices = [turn.wording.place_choice(place) for place in found.several[:MOST_CHOICES]]
            if item.code != "meeting" or "room" in slots:
                slots.pop("room", None) if item.code == "meeting" else None
                return (
                    (slots, Act("which_place", {"said": " ".join(map(str, named.values()))}), choices)
                    if "room" in named and "building" not in named
                    else None
                )
        if found.place is not None and found.place.room and "building" not in slots:
            slots["building"] = found.place.building
            return slots, Act(""), []
        if item.code == "meeting" and found.place is not None and (taken := _taken(turn, found.place, slots)):
            slots.pop("room", None)
            return slots, Act("room_taken", {"room": turn.wording.place(found.place), "n": len(taken)}), taken
    if item.code == "meeting" and draft.missing == "room":
        rooms = _free_rooms(turn, slots)
        if rooms:
            return slots, Act("ask.which_room", {"item": item.code}), rooms
        return slots, Act("no_room_free", {"item": item.code}), []
    return None


def _taken(turn: _Turn, place: Place, slots: dict[str, Any]) -> list[dict[str, str]]:
    """Other rooms, when ``place`` is taken at the hours of the draft; empty when it is free."""
    span = slips.hours(slots)
    if span is None:
        return []
    begins, ends = (moment.replace(tzinfo=SITE_ZONE) for moment in span)
    if place.code not in records.taken_rooms(turn.work.connection, begins, ends):
        return []
    return _free_rooms(turn, slots, place) or [
        {"words": turn.wording.choice("person"), "say": turn.wording.choice("person")}
    ]


def _free_rooms(turn: _Turn, slots: dict[str, Any], beside: Place | None = None) -> list[dict[str, str]]:
    """Rooms free at the hours of the draft that seat everybody, the nearest in size first."""
    span = slips.hours(slots)
    if span is None:
        return []
    begins, ends = (moment.replace(tzinfo=SITE_ZONE) for moment in span)
    taken = records.taken_rooms(turn.work.connection, begins, ends)
    people = int(slots.get("headcount") or 2)
    building = beside.building if beside else str(slots.get("building") or _own_building(turn))
    rooms = [
        place
        for place in turn.desk.places(turn.work.connection).values()
        if place.kind == "meeting" and place.capacity >= people and place.code not in taken
    ]
    floor = str(slots.get("floor") or (beside.floor if beside else ""))
    rooms.sort(
        key=lambda place: (place.building != building, bool(floor) and place.floor != floor, place.capacity, place.code)
    )
    return [turn.wording.place_choice(place) for place in rooms[:3]]


# ---- requests


def _own(turn: _Turn) -> list[Request]:
    seen = store.Seen(account=turn.person.account)
    return store.list_requests(turn.work.connection, seen, states=_LISTED, limit=20)


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
                "drafts": turn.wording.drafts(state),
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
