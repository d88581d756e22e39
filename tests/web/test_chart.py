"""Figures: nothing is drawn of nothing, and no name of a line lies on another."""

import re

import pytest

from shared.web import chart


def names(figure):
    """The heights at which the lines' names stand."""
    return [float(y) for y in re.findall(r'class="named" x="[^"]+" y="([^"]+)"', figure.svg)]


@pytest.mark.parametrize("values", [[0, 0, 0], [None, None, None], [0, None, 0]])
def test_of_nothing_counted_the_title_alone_is_shown(values):
    assert chart.lines("none came", ["a", "b", "c"], [chart.Series("came", values)], head="day").blank


def test_no_share_at_all_is_something_to_be_seen():
    kept = [chart.Series("kept", [0.0, None])]
    assert not chart.lines("none was kept", ["a", "b"], kept, head="week", unit="%").blank
    assert chart.lines("nothing was promised", ["a"], [chart.Series("kept", [None])], head="week", unit="%").blank


def test_lines_that_end_at_one_height_have_names_apart():
    series = [chart.Series(name, [3, 0]) for name in ("filed", "done", "late")]
    heights = sorted(names(chart.lines("all done", ["a", "b"], series, head="day")))
    assert len(heights) == 3
    assert all(upper - lower >= 13 for lower, upper in zip(heights, heights[1:], strict=False))
