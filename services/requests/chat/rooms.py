"""Where a draft is to be: a place the compound has and the form allows, and meeting rooms that are free then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from services.requests import model, store
from services.requests.chat import records, slips
from services.requests.chat.dialogue import Act, ask
from services.requests.chat.site import Found
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from services.requests.catalogue import Item
    from services.requests.chat.conversation import _Turn
    from services.requests.chat.dialogue import Draft, State
    from services.requests.compound import Place

MOST_CHOICES = 6
PLACE = ("building", "floor", "room")


def find(turn: _Turn, item: Item, slots: dict[str, Any]) -> Found:
    if item.place == "fixed":
        return Found(turn.desk.place(turn.work.connection, item.places[0]))
    found = turn.site.find(slots, lambda place: model.place_fits(item, place.kind, place.code), _own_building(turn))
    if found.place is None and not found.several and not found.missing and item.code == "square":
        return Found(turn.desk.place(turn.work.connection, "square"))
    named = bool({"building", "floor", "room"} & set(slots))
    if found.place is None and not found.several and not found.missing and named and item.code != "meeting":
        return Found(nearest(turn, item))  # a spot with no number of its own: the words tell the crew where
    return found


def _own_building(turn: _Turn) -> str:
    account = store.account_by_id(turn.work.connection, turn.person.account)
    office = turn.desk.place(turn.work.connection, account.office) if account and account.office else None
    return office.building if office else ""


def nearest(turn: _Turn, item: Item) -> Place | None:
    """Where somebody is who did not say: their office, else its building, else anywhere that fits."""
    places = turn.desk.places(turn.work.connection)
    account = store.account_by_id(turn.work.connection, turn.person.account)
    office = places.get(account.office) if account else None
    near = [office, places.get(f"B{office.building}")] if office else []
    return next(
        (place for place in [*near, *places.values()] if place and model.place_fits(item, place.kind, place.code)), None
    )


def checked(turn: _Turn, state: State) -> tuple[State, tuple[Act, ...] | None]:
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
                return (checked(turn, state)[0], checked(turn, state)[1] or asked.acts)
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
        found = find(turn, item, slots)
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
