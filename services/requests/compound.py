"""The demonstration compound from its seed: places, departments, people. The same on every machine and Python."""

from __future__ import annotations

import tomllib
import uuid
from dataclasses import dataclass, field
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.bilingual import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE = Path(__file__).parent / "data" / "compound.toml"
LAYOUTS = ("boardroom", "u_shape", "classroom", "theatre", "round")
NAMES = uuid.UUID("6c1f7b52-1999-5468-8034-000000000000")  # namespace of demonstration accounts


@dataclass(frozen=True)
class Place:
    """Somewhere that a request can be about.

    Attributes:
        code: ``B2-302``, ``B2-3-tea``, ``B2-3`` (a floor), ``B2`` (a building), ``square``.
        kind: building, floor, office, meeting, common, service, outside, square.
        search: lower-case words and pinyin initials that find it.
    """

    code: str
    kind: str
    name: Words
    building: str = ""
    floor: str = ""
    room: str = ""
    capacity: int = 0
    equipment: tuple[str, ...] = ()
    search: str = ""


@dataclass(frozen=True)
class Department:
    """A body of the compound whose people ask for things."""

    code: str
    name: Words
    building: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody with an account in the demonstration data.

    Attributes:
        user: what is typed at sign-in.
        days: how long the account lasts; 0 = no end.
        shown: listed on the sign-in page.
    """

    user: str
    name: Words
    roles: tuple[str, ...]
    department: str = ""
    organisation: str = ""
    supplier: str = ""
    crew: str = ""
    office: str = ""
    phone: str = ""
    days: int = 0
    shown: bool = False

    @property
    def id(self) -> str:
        """The account's id, the same in every demonstration, so that other services' data can name it."""
        return account_id(self.user)


@dataclass(frozen=True)
class Compound:
    """All of it."""

    organisation: str
    places: tuple[Place, ...]
    departments: tuple[Department, ...]
    people: tuple[Person, ...] = field(repr=False)


def account_id(user: str) -> str:
    """The fixed id of the demonstration account ``user``."""
    return str(uuid.uuid5(NAMES, user))


def initials(text: str) -> str:
    """The first letters of the pinyin of ``text``: 茶水间 gives ``csj``."""
    # Here, because its dictionaries take half a second and thirty megabytes that only a first start needs.
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin(text, style=Style.FIRST_LETTER)).lower()


def pinyin(text: str) -> str:
    """``text`` in pinyin without tones or blanks: 韩冰 gives ``hanbing``."""
    from pypinyin import lazy_pinyin

    return "".join(lazy_pinyin(text)).lower()


def search_words(place: Place, also: tuple[str, ...] = ()) -> str:
    """What finds a place: its code, names, initials, and ``2-302`` for a room."""
    words = [place.code, place.name.zh, place.name.en, initials(place.name.zh), *also]
    if place.room:
        words += [f"{place.building}-{place.room}", place.room]
    return " ".join(dict.fromkeys(word.lower() for word in words))


def load_compound(path: Path = FILE) -> Compound:
    """The compound that the seed file describes.

    Raises:
        ValueError: the file does not describe one.
    """
    try:
        seed = tomllib.loads(path.read_text("utf-8"))
        places = tuple(_places(seed))
        departments = tuple(
            Department(row["code"], _words(row["name"]), row.get("building", "")) for row in seed["department"]
        )
        return Compound(seed["organisation"], places, departments, tuple(_people(seed, places)))
    except (KeyError, TypeError, OSError) as error:
        raise ValueError(f"{path.name}: {type(error).__name__} {error}") from error


def _words(row: Mapping[str, str]) -> Words:
    return Words(row["zh"], row["en"])


def _places(seed: Mapping[str, Any]) -> Iterator[Place]:
    kinds = _meeting_rooms(seed)
    for building in seed["building"]:
        name, code = _words(building["name"]), building["code"]
        also = tuple(building.get("also", ()))
        yield _found(Place(f"B{code}", "building", name, building=code), also)
        for floor in range(1, building["floors"] + 1):
            above = Words(f"{name.zh} {floor}层", f"{name.en}, floor {floor}")
            yield _found(Place(f"B{code}-{floor}", "floor", above, code, str(floor)), also)
            yield from _rooms(building, floor, above, kinds)
            for spot in seed["each_floor"]:
                spot_name = Words(above.zh + spot["name"]["zh"], f"{above.en}, {spot['name']['en']}")
                yield _found(Place(f"B{code}-{floor}-{spot['code']}", "common", spot_name, code, str(floor)), also)
    for spot in seed["spot"]:
        yield _found(
            Place(spot["code"], spot["kind"], _words(spot["name"]), spot.get("building", ""), spot.get("floor", ""))
        )


def _rooms(
    building: Mapping[str, Any], floor: int, above: Words, kinds: Mapping[str, Mapping[str, Any]]
) -> Iterator[Place]:
    code, floor_text = building["code"], str(floor)
    for number in range(1, building["offices"] + len(_halls(building, floor)) + 1):
        room = f"{floor}{number:02}"
        if number in _halls(building, floor):
            named = Words(f"{above.zh} {room}会议室", f"{above.en}, meeting room {room}")
            row = kinds[f"B{code}-{room}"]
            place = Place(
                f"B{code}-{room}", "meeting", named, code, floor_text, room, next(iter(row["layouts"].values())),
                tuple(row["equipment"]),
            )  # fmt: skip
        else:
            named = Words(f"{above.zh} {room}办公室", f"{above.en}, office {room}")
            place = Place(f"B{code}-{room}", "office", named, code, floor_text, room)
        yield _found(place, tuple(building.get("also", ())))


def _halls(building: Mapping[str, Any], floor: int) -> range:
    """The numbers that meeting rooms have on this floor."""
    first = building.get("meeting_at", 1)
    return range(first, first + building["meeting"] + building.get("extra_meeting", {}).get(str(floor), 0))


def _meeting_rooms(seed: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """By the place's code how each meeting room can be laid out and what it has."""
    turn = cycle(seed["meeting"])
    found = {}
    for building in seed["building"]:
        for floor in range(1, building["floors"] + 1):
            for number in _halls(building, floor):
                room = f"{building['code']}-{floor}{number:02}"
                found[f"B{room}"] = seed["meeting_at"].get(room) or next(turn)
    return found


@cache
def layouts(path: Path = FILE) -> dict[str, dict[str, int]]:
    """By the place's code the layouts that a meeting room can have, with the seats of each; the first is how it stands."""
    return {code: row["layouts"] for code, row in _meeting_rooms(tomllib.loads(path.read_text("utf-8"))).items()}


def _found(place: Place, also: tuple[str, ...] = ()) -> Place:
    from dataclasses import replace

    return replace(place, search=search_words(place, also))


def shown_people(path: Path = FILE) -> tuple[Person, ...]:
    """Those whose accounts are listed on the sign-in page, without the work of making all the others."""
    return tuple(_shown(tomllib.loads(path.read_text("utf-8"))))


def _shown(seed: Mapping[str, Any]) -> Iterator[Person]:
    for row in seed["account"]:
        office = row.get("office", "")
        yield Person(
            user=row["user"],
            name=_words(row["name"]),
            roles=tuple(row["roles"]),
            department=row.get("department", ""),
            organisation=row.get("organisation", seed["organisation"]),
            supplier=row.get("supplier", ""),
            crew=row.get("crew", ""),
            office=f"B{office}" if office else "",
            phone=row["phone"],
            days=row.get("days", 0),
            shown=True,
        )


def _people(seed: Mapping[str, Any], places: tuple[Place, ...]) -> Iterator[Person]:
    yield from (shown := tuple(_shown(seed)))
    taken = {each.user for each in shown}
    chance = _chance(seed["seed"])
    offices = {
        building["code"]: [place for place in places if place.kind == "office" and place.building == building["code"]]
        for building in seed["building"]
    }
    next_office = dict.fromkeys(offices, 20)  # the first rooms are the named people's
    extension = 2000
    for department in seed["department"]:
        rooms = offices[department["building"]]
        for place_in_department in range(department["staff"]):
            surname = seed["people"]["surnames"][next(chance) % len(seed["people"]["surnames"])]
            given = seed["people"]["given"][next(chance) % len(seed["people"]["given"])]
            user = _free(pinyin(surname + given), taken)
            extension += 1
            # Two to an office, as the sections fill their floors.
            office = rooms[(next_office[department["building"]] + place_in_department // 2) % len(rooms)]
            yield Person(
                user=user,
                name=Words(surname + given, f"{pinyin(surname).title()} {pinyin(given).title()}"),
                roles=("staff",),
                department=department["code"],
                organisation=seed["organisation"],
                office=office.code,
                phone=str(extension),
            )
        next_office[department["building"]] += (department["staff"] + 1) // 2


def _free(user: str, taken: set[str]) -> str:
    number, wanted = 2, user
    while user in taken:
        user, number = f"{wanted}{number}", number + 1
    taken.add(user)
    return user


def _chance(seed: int) -> Iterator[int]:
    """Whole numbers from a linear congruential generator (Knuth, MMIX constants); the high bits only."""
    state = seed
    while True:
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        yield state >> 33
