"""Which place a coordinate means."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = Path(__file__).parents[1] / "data" / "points.toml"
_METRES = 111_320  # of a degree of latitude


@dataclass(frozen=True)
class Point:
    """A place's own coordinates, in degrees of WGS 84, as they are written."""

    lat: Decimal
    long: Decimal


@cache
def points() -> dict[str, Point]:
    """Coordinates by place code."""
    found = tomllib.loads(FILE.read_text("utf-8"))["point"]
    return {code: Point(Decimal(each["lat"]), Decimal(each["long"])) for code, each in found.items()}


@cache
def reach() -> int:
    """Metres within which a coordinate still means a place."""
    return int(tomllib.loads(FILE.read_text("utf-8"))["reach"]["metres"])


def nearest(lat: float, long: float, among: Iterable[str]) -> str:
    """Code of the place of ``among`` that lies nearest; empty when none is within reach."""
    known = points()
    best, code = float(reach()), ""
    for each in among:
        point = known.get(each)
        if point is None:
            continue
        north = (lat - float(point.lat)) * _METRES
        east = (long - float(point.long)) * _METRES * math.cos(math.radians(lat))
        distance = math.hypot(north, east)
        if distance <= best:
            best, code = distance, each
    return code
