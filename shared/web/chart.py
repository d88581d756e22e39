"""Figures drawn by the server: SVG with a description, and the same numbers as a table.

The title states the finding. Series are labelled at their end; from the third on they differ by dash too. Lengths are
SVG attributes, colours are tokens chosen by ``data-series``, so the strict content policy has nothing to refuse.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 40, 88, 12, 28
_DASHES = ("", "", "6 3", "2 3", "8 3 2 3", "1 4")


@dataclass(frozen=True)
class Series:
    """One line: a name and its values, None where unknown."""

    name: str
    values: Sequence[float | int | None]


@dataclass(frozen=True)
class Figure:
    """What ``parts/chart.html`` shows; ``data`` is what the script draws from where ECharts is there."""

    title: str
    svg: Markup
    source: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    data: dict[str, Any]

    @property
    def blank(self) -> bool:
        """Nothing is known, or nothing was counted: its title says all there is, and nothing is drawn. A share of 0% is something."""
        values = {value for each in self.data["series"] for value in each["values"]} - {None}
        return not values or (values == {0} and self.data["unit"] != "%")

    @property
    def id(self) -> str:
        """The same for the same figure, so that a page may be fetched again in part."""
        return f"chart-{zlib.crc32(self.title.encode()):08x}"


def lines(
    title: str, labels: Sequence[str], series: Sequence[Series], *, head: str, source: str = "", unit: str = ""
) -> Figure:
    """Values over an ordered axis, one line for each series.

    Raises:
        ValueError: a series is not as long as the axis, or there are more than six.
    """
    if len(series) > len(_DASHES) or any(len(each.values) != len(labels) for each in series):
        raise ValueError("at most six series, each as long as the axis")
    top = _nice(max((value for each in series for value in each.values if value is not None), default=1))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(labels) - 1)
    parts = [_grid(top, unit)]
    every = max(1, len(labels) // 10)
    parts += [
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(_n(LEFT + step * index), HEIGHT - 8, label)
        for index, label in enumerate(labels)
        if index % every == 0
    ]
    taken: list[float] = []
    for number, each in enumerate(series, 1):
        points = [(LEFT + step * i, _y(value, top)) for i, value in enumerate(each.values) if value is not None]
        if not points:
            continue
        path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        dash = Markup(' stroke-dasharray="{}"').format(_DASHES[number - 1]) if _DASHES[number - 1] else Markup("")
        place = points[-1][1]
        while any(abs(place - other) < 13 for other in taken):
            place += 13
        if place > HEIGHT - BOTTOM + 4:  # below the axis stand its own labels: go up instead
            place = points[-1][1]
            while any(abs(place - other) < 13 for other in taken):
                place -= 13
        taken.append(place)
        parts.append(
            Markup(
                '<g data-series="{}"><path d="{}" fill="none" stroke="currentColor" stroke-width="2"{}/>'
                '<circle cx="{}" cy="{}" r="3" fill="currentColor"/></g><text class="named" x="{}" y="{}">{}</text>'
            ).format(
                number,
                path,
                dash,
                _n(points[-1][0]),
                _n(points[-1][1]),
                _n(points[-1][0] + 8),
                _n(place + 4),
                each.name,
            )
        )
    rows = [[label, *[_shown(each.values[i]) for each in series]] for i, label in enumerate(labels)]
    data: dict[str, Any] = {"kind": "lines", "labels": list(labels), "unit": unit, "top": top}
    data["series"] = [{"name": each.name, "values": list(each.values)} for each in series]
    return Figure(title, _svg(title, HEIGHT, parts), source, [head, *[each.name for each in series]], rows, data)


def bars(
    title: str, values: Sequence[tuple[str, float | int]], *, head: tuple[str, str], source: str = "", unit: str = ""
) -> Figure:
    """One bar for each name, as given: sort them first."""
    row, name_width = 26, 120
    top = _nice(max((value for _, value in values), default=1))
    width = WIDTH - name_width - 60
    parts = []
    for index, (name, value) in enumerate(values):
        y = 4 + row * index
        parts.append(
            Markup(
                '<text class="named" x="0" y="{}">{}</text><g data-series="1"><rect x="{}" y="{}" width="{}" height="14"'
                ' rx="2" fill="currentColor"/></g><text x="{}" y="{}">{}</text>'
            ).format(
                y + 13, name, name_width, y + 2, _n(max(1, width * value / top)),
                _n(name_width + max(1, width * value / top) + 8), y + 13, f"{_shown(value)}{unit}",
            )
        )  # fmt: skip
    rows = [[name, f"{_shown(value)}{unit}"] for name, value in values]
    data: dict[str, Any] = {"kind": "bars", "labels": [name for name, _ in values], "unit": unit}
    data["series"] = [{"name": head[1], "values": [value for _, value in values]}]
    return Figure(title, _svg(title, 8 + row * len(values), parts), source, head, rows, data)


def _svg(title: str, height: int, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, title, Markup("").join(parts)
    )


def _grid(top: float, unit: str) -> Markup:
    found = Markup("")
    for share in (0, 0.5, 1):
        y = _n(_y(top * share, top))
        kind = "axis" if share == 0 else "grid"
        found += Markup('<path class="{}" d="M{} {}H{}"/><text x="{}" y="{}" text-anchor="end">{}{}</text>').format(
            kind, LEFT, y, WIDTH - RIGHT, LEFT - 6, float(y) + 4, _shown(top * share), unit
        )
    return found


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)


def _nice(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 1
    power = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    return next((factor * power for factor in (1, 2, 2.5, 5, 10) if value <= factor * power), 10 * power)


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
