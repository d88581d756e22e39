"""What a conversation remembers between two messages, as plain values that any store can keep."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

VERSION = 1  # of the stored form; raise it when a field changes its meaning

# Slots without which a draft is not filed, in the order they are asked for; one of a group is enough.
REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "meeting": (("start",), ("headcount",)),
    "vehicle": (("destination",), ("start",), ("headcount",)),
    "canteen": (("start",), ("quantity", "headcount")),
    "barber": (("start",),),
    "clinic": (("start",),),
    "repair": (("room", "floor", "building"),),
    "cleaning": (("room", "floor", "building"),),
    "printing": (("quantity",),),
    "square": (("start",),),
}
# What the office asks for besides before it acts: the forms of the catalogue demand it.
LIVE: dict[str, tuple[tuple[str, ...], ...]] = {
    **REQUIRED,
    "meeting": (("start",), ("headcount",), ("end",), ("room",)),
    "security": (("room", "floor", "building"),),
    "landscaping": (("room", "floor", "building"),),
}
CLOCKED = frozenset({"meeting", "vehicle", "barber", "clinic"})  # a day alone is no appointment


class UnknownVersion(ValueError):
    """A stored conversation was written by another version of this code."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A request being put together, or one that was filed.

    Attributes:
        number: identifies the draft in its conversation; with the conversation's id it is the idempotency key of filing.
        amends: the number of the filed draft this one changes, 0 when it is new.
        live: the office will act on it, so that all its forms demand is asked for.
    """

    number: int
    item: str | None
    slots: dict[str, Any] = field(default_factory=dict)
    amends: int = 0
    live: bool = False

    @property
    def missing(self) -> str:
        """The slot to ask for next: "item" when there is none, "" when the draft can be filed."""
        if self.item is None:
            return "item"
        if self.slots.get("urgency") == "emergency":
            return ""
        for group in (LIVE if self.live else REQUIRED).get(self.item, ()):
            if not any(slot in self.slots for slot in group):
                return group[0]
            if self.live and group == ("start",) and self.item in CLOCKED and len(str(self.slots["start"])) != 16:
                return "clock"
        return ""


@dataclass(frozen=True, slots=True)
class State:
    """One conversation.

    Attributes:
        revision: counts messages; a store that compares it refuses the second of two messages answered at once.
        drafts: not yet filed, oldest first; the one last spoken of is ``current``.
        asked: the slot the speaker was asked for last, "confirm" after a read-back, "" when nothing is open.
        filed: what was filed in this conversation and not taken back.
        dropped: something was given up.
        taking_back: a filed draft (its number) or a request (its reference) whose cancelling awaits a yes.
        with_person: a dispatcher has taken over.
        live: the drafts are for an office that will act on them.
    """

    lang: str = "zh"
    revision: int = 0
    drafts: tuple[Draft, ...] = ()
    current: int = 0
    asked: str = ""
    filed: tuple[Draft, ...] = ()
    dropped: bool = False
    taking_back: str = ""
    with_person: bool = False
    counter: int = 0
    live: bool = False

    def draft(self) -> Draft | None:
        """The draft last spoken of."""
        return next((draft for draft in self.drafts if draft.number == self.current), None)

    def put(self, draft: Draft) -> State:
        """The state with ``draft`` in the place of its earlier self, and current."""
        drafts = tuple(draft if one.number == draft.number else one for one in self.drafts)
        return replace(self, drafts=drafts, current=draft.number)

    def add(self, item: str | None, slots: dict[str, Any], amends: int = 0) -> State:
        """The state with one more draft, current unless an earlier one still lacks something."""
        draft = Draft(self.counter + 1, item, slots, amends, self.live)
        return replace(self, drafts=(*self.drafts, draft), current=draft.number, counter=draft.number)

    def without(self, number: int) -> State:
        """The state with the draft given up."""
        drafts = tuple(one for one in self.drafts if one.number != number)
        return replace(self, drafts=drafts, current=drafts[-1].number if drafts else 0, dropped=True, asked="")

    def stored(self) -> dict[str, Any]:
        """The state as JSON values."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def restored(cls, stored: dict[str, Any]) -> State:
        """The state that :meth:`stored` wrote.

        Raises:
            UnknownVersion: another version wrote it; begin a new conversation.
        """
        if stored.get("version") != VERSION:
            raise UnknownVersion(stored.get("version"))
        values = {name: value for name, value in stored.items() if name != "version"}
        for name in ("drafts", "filed"):
            values[name] = tuple(Draft(**draft) for draft in values.get(name, ()))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Act:
    """Something to say: a key of ``lexicon/replies.toml`` and what fills its places.

    Attributes:
        choices: keys of replies to offer as buttons.
    """

    key: str
    values: dict[str, Any] = field(default_factory=dict)
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """Something the service is to do: file, amend, cancel, reschedule, query, complain, rate, help or hand_over.

    Attributes:
        draft: the number of the draft concerned, 0 when it is about an earlier request.
        item, slots: what it is about; ``slots["ticket"]`` names an earlier request.
        text: the words of the speaker, for a person to read.
    """

    kind: str
    item: str | None = None
    slots: dict[str, Any] = field(default_factory=dict)
    draft: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What one message leads to."""

    state: State
    acts: tuple[Act, ...]
    effects: tuple[Effect, ...] = ()
