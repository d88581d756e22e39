"""Which place of the compound somebody means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from services.requests.compound import Place

# What people call a room of each floor, and its code in the seed's ``each_floor``.
_SPOTS = {
    "men": re.compile("男(?:厕|卫|洗手间)|\\b(?:men|gents?|male)"),
    "women": re.compile("女(?:厕|卫|洗手间)|\\b(?:women|lad(?:y|ies)|female)"),
    "tea": re.compile("茶水|开水|tea|pantry|kitchenette"),
    "corridor": re.compile("走廊|过道|楼道|走道|corridor|hallway|passage"),
}
_TOILET = re.compile("厕所|卫生间|洗手间|toilet|loo|restroom|wc|bathroom|lavatory")
_MOST = 6  # places offered for choice


@dataclass(frozen=True, slots=True)
class Found:
    """What a place that was said leads to.

    Attributes:
        place: the one meant; None when there is none or several.
        several: those it may be.
        missing: what was named and does not exist: building, floor or room; "" when nothing is wrong.
    """

    place: Place | None = None
    several: tuple[Place, ...] = ()
    missing: str = ""


class Site:
    """The places of a compound as people name them."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = list(places.values())
        self._buildings = {place.building: place for place in self._places if place.kind == "building"}

    def find(self, slots: Mapping[str, Any], fits: Callable[[Place], bool], near: str = "") -> Found:
        """The place that ``slots`` (building, floor, room as said) name among those that fit.

        ``near`` is the building that is meant when none is said and several would do.
        """
        building, floor, room = (str(slots.get(name) or "").casefold() for name in ("building", "floor", "room"))
        code = self._building(building) if building else ""
        if building and code is None:
            return Found(missing="building")
        inside = [place for place in self._places if not code or place.building == code]
        if floor and not any(place.floor == floor for place in inside):
            return Found(missing="floor")
        on_floor = [place for place in inside if not floor or place.floor == floor]
        if room:
            named = self._room(room, on_floor)
            if not named and re.fullmatch(r"[a-z]?\d{3,4}[a-z]?", room):
                return Found(missing="room")
            found = self._one([place for place in named if fits(place)], near)
            if found is not None:
                return found
        if floor or code:
            wanted = "floor" if floor else "building"
            found = self._one([place for place in on_floor if place.kind == wanted and fits(place)], near)
            if found is not None:
                return found
        return Found()

    def _building(self, said: str) -> str | None:
        """The code of the building that people call ``said``; None when there is none."""
        for code, place in self._buildings.items():
            if said in {code.casefold(), f"b{code}".casefold(), place.name.zh.casefold(), place.name.en.casefold()}:
                return code
        words = [
            code for code, place in self._buildings.items() if said in place.search.split(" ") or said in place.search
        ]
        return words[0] if len(words) == 1 and len(said) > 1 else None

    def _room(self, said: str, among: Iterable[Place]) -> list[Place]:
        among = list(among)
        exact = [place for place in among if said in {place.room.casefold(), place.code.casefold()}]
        if exact:
            return exact
        for spot, pattern in _SPOTS.items():
            if pattern.search(said):
                return [place for place in among if place.code.endswith(f"-{spot}")]
        if _TOILET.search(said):
            return [place for place in among if place.code.endswith(("-men", "-women"))]
        return [
            place
            for place in among
            if place.kind not in ("building", "floor") and (said in place.name.zh or said in place.name.en.casefold())
        ]

    @staticmethod
    def _one(places: list[Place], near: str) -> Found | None:
        if len(places) > 1 and near:
            places = [place for place in places if place.building == near] or places
        if len(places) == 1:
            return Found(places[0])
        return Found(several=tuple(places[:_MOST])) if places else None
