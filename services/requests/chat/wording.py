"""What the chat says, in the reader's language: every sentence is one of ``shared/language/chat.*.toml``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.requests import model
from shared.clock import SITE_ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.requests.catalogue import Catalogue, Item
    from services.requests.chat.dialogue import Act, Draft, State
    from services.requests.compound import Place
    from services.requests.store import Request
    from shared.language import Language

_SHOWN = ("place", "start", "end", "headcount", "quantity", "destination", "equipment", "urgency")
_ASKED_ROW = {"room": "place", "floor": "place", "building": "place", "clock": "start", "item": ""}
_QUICK = {"clock": ("09:00", "10:00", "14:00", "15:00"), "end": ("h1", "h1h", "h2", "h3")}


class Wording:
    """The chat's sentences in one language."""

    def __init__(self, words: Language, catalogue: Catalogue, now: datetime) -> None:
        self.words = words
        self._catalogue = catalogue
        self._now = now

    # ---- sentences

    def act(self, act: Act, filed: Sequence[dict[str, str]]) -> str:
        """The sentence of one act."""
        key, words = act.key, self.words
        if key == "filed":
            named = next((one for one in filed if one["item"] == act.values.get("item") and not one.get("told")), None)
            if named is None:
                return ""
            named["told"] = "1"
            return words("chat.filed", item=self._item(named["item"]), reference=named["reference"])
        if key in ("emergency_filed", "emergency_where", "emergency_refined"):
            reference = filed[-1]["reference"] if filed else ""
            return words(f"chat.{key}", reference=reference)
        if key == "read_back":
            return words("chat.read_back", item=self._item(act.values.get("item")), facts=self.facts(act.values))
        if key.startswith("unreadable."):
            return words(f"chat.unreadable.{key.partition('.')[2]}")
        if key == "not_for_you":
            return words("chat.could_not", why=words(str(act.values["why"])))
        if key.startswith("ask."):
            item = act.values.get("item")
            special = f"chat.{key}_{item}"
            return words(special if words.has(special) else f"chat.{key}", item=self._item(item))
        values = {name: value for name, value in act.values.items() if isinstance(value, str | int) and name != "item"}
        values = {"said": "", "ticket": "", "room": "", "n": 0, **values}
        subject = f"{values['ticket']}" if values["ticket"] else self._item(act.values.get("item"))
        return words(f"chat.{key}", item=subject, **{k: v for k, v in values.items() if k in ("said", "room", "n")})

    def choices(self, act: Act) -> list[dict[str, str]]:
        """Short answers to ``act``: what the button says, and what pressing it says for the speaker."""
        if act.choices == ("items",):
            return [
                {"words": item.name.in_(self.words.code), "say": item.name.in_(self.words.code)}
                for item in self._catalogue
            ]
        found = [self._quick(choice) for choice in act.choices]
        slot = act.key.removeprefix("ask.")
        if act.key in ("ask.clock", "ask.end"):
            found += [self._quick(one) if one.startswith("h") else {"words": one, "say": one} for one in _QUICK[slot]]
        if act.key.startswith("ask.") and slot != "confirm":
            found.append(self._quick("drop"))
        if act.key == "not_understood":
            found.append(self._quick("person"))
        return found

    def _quick(self, name: str) -> dict[str, str]:
        return {"words": self.words(f"chat.choice.{name}"), "say": self.words(f"chat.say.{name}")}

    def choice(self, name: str) -> str:
        """What the button ``name`` says."""
        return self.words(f"chat.choice.{name}")

    def help(self, item: Item | None, emergency: str) -> str:
        """How ``item`` is had, or what this chat can do."""
        code = self.words.code
        if item is None:
            return self.words("chat.answer.help", emergency=emergency)
        return self.words(
            "chat.help_item",
            item=item.name.in_(code),
            scope=item.standard.scope.in_(code),
            pledge=item.pledge.in_(code),
        )

    def standing(self, request: Request, places: dict[str, Place]) -> str:
        """How one request stands, in a line."""
        item = self._catalogue.get(request.item)
        place = places.get(request.place)
        crew = request.crew_name if self.words.chinese else request.crew_name_en
        return self.words(
            "chat.standing", reference=model.short(request.reference),
            item=item.name.in_(self.words.code) if item else request.item,
            place=place.name.in_(self.words.code) if place else "",
            state=self.words.state("request", request.state),
            crew=self.words("chat.by_crew", crew=crew) if crew else "",
        )  # fmt: skip

    def withdraw(self, short: str) -> dict[str, str]:
        """The button that withdraws the request of this reference."""
        return {
            "words": self.words("chat.choice.withdraw", reference=short),
            "say": self.words("chat.say.withdraw", reference=short),
        }

    def about(self, requests: Sequence[Request], verb: str) -> list[dict[str, str]]:
        """What may be said next about these requests."""
        found = []
        for request in requests:
            short = model.short(request.reference)
            if verb == "withdraw" and model.may("withdraw", request.state):
                found.append(self.withdraw(short))
            elif not verb and model.may("urge", request.state):
                found.append(
                    {
                        "words": self.words("chat.choice.urge", reference=short),
                        "say": self.words("chat.say.urge", reference=short),
                    }
                )
        return found

    # ---- places

    def place(self, place: Place) -> str:
        return place.name.in_(self.words.code)

    def place_choice(self, place: Place) -> dict[str, str]:
        """A place as a button; pressed, it says building and room so that nothing is left open."""
        held = f" · {self.words('requests.place.holds', n=place.capacity)}" if place.capacity else ""
        if place.room:
            say = (
                f"{place.building}号楼{place.room}"
                if self.words.chinese
                else f"building {place.building} room {place.room}"
            )
        else:
            say = self.place(place)
        return {"words": self.place(place) + held, "say": say}

    # ---- drafts

    def drafts(self, state: State) -> list[dict[str, Any]]:
        """The drafts as the form beside the conversation shows them."""
        return [self._draft(draft, current=draft.number == state.current) for draft in state.drafts]

    def _draft(self, draft: Draft, *, current: bool) -> dict[str, Any]:
        item = self._catalogue.get(draft.item or "")
        missing = _ASKED_ROW.get(draft.missing, draft.missing)
        rows = []
        for name in _SHOWN:
            value = self._value(name, draft.slots)
            if value or name == missing:
                rows.append(
                    {"slot": name, "label": self.words(f"chat.slot.{name}"), "value": value, "missing": name == missing}
                )
        return {
            "item": draft.item or "",
            "name": item.name.in_(self.words.code) if item else self.words("chat.no_item_yet"),
            "mark": item.mark.in_(self.words.code) if item else "·",
            "rows": rows,
            "ready": not draft.missing,
            "missing": self.words(f"chat.slot.{missing}") if missing else "",
            "current": current,
        }

    def facts(self, slots: dict[str, Any]) -> str:
        """What is known of a draft, in one line."""
        found = [
            f"{self.words(f'chat.slot.{name}')}{self.words('chat.colon')}{value}"
            for name in _SHOWN
            if (value := self._value(name, slots))
        ]
        return self.words("chat.facts_break").join(found)

    def _value(self, name: str, slots: dict[str, Any]) -> str:
        words = self.words
        if name == "place":
            building, floor, room = (str(slots.get(part) or "") for part in ("building", "floor", "room"))
            parts = [
                words("chat.building", n=building) if building.isdigit() else building,
                words("chat.floor", n=floor) if floor and not room.isdigit() else "",
                room,
            ]
            return " ".join(part for part in parts if part)
        value = slots.get(name)
        if not value:
            return ""
        if name in ("start", "end"):
            return self.moment(str(value))
        if name == "equipment":
            return words.listed(
                [words(f"chat.equipment.{code}") if words.has(f"chat.equipment.{code}") else code for code in value]
            )
        if name == "urgency":
            return words(f"chat.urgency.{value}")
        return str(value)

    def moment(self, text: str) -> str:
        """A start or end as the chat writes it, in words."""
        if len(text) == 16:
            return self.words.when(datetime.fromisoformat(text).replace(tzinfo=SITE_ZONE), self._now)
        day = datetime.fromisoformat(text[:10]).replace(tzinfo=SITE_ZONE, hour=12)
        half = self.words(f"chat.half.{text[11:]}") if text[10:] else ""
        return f"{self.words.day(day, self._now)} {half}".strip()

    def _item(self, code: Any) -> str:
        item = self._catalogue.get(str(code or ""))
        return item.name.in_(self.words.code) if item else self.words("chat.something")
