"""The reliability figure: its points, its words, and its text alternative."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.calibration import ReliabilityBin, reliability
from dikast.agreement.calibration_map import CalibrationMap
from dikast.agreement.wilson import wilson
from dikast.report.html import environment
from dikast.report.reliability import HEIGHT, LEFT, SIDE, TOP, WIDTH, ReliabilityView, reliability_view


def drawn(view: ReliabilityView) -> str:
    macro = environment().from_string('{% import "reliability.html.j2" as drawn %}{{ drawn.reliability(view) }}')
    return macro.render(view=view)


def view_of(bins: list[ReliabilityBin], mapped: CalibrationMap | None = None) -> ReliabilityView:
    found = reliability_view(bins, mapped)
    assert found is not None
    return found


def test_without_confidences_there_is_no_figure() -> None:
    assert reliability_view([], None) is None
    assert reliability_view(reliability([], []), CalibrationMap("none", False, "no confidence", 0)) is None


def test_each_bin_is_a_point_and_a_row() -> None:
    # 3 of 4 right at .7, 9 of 12 right at .9; 4 + 12 = 16
    bins = [ReliabilityBin(0.6, 0.7, 0.7, wilson(3, 4)), ReliabilityBin(0.8, 0.9, 0.9, wilson(9, 12))]
    view = view_of(bins)
    first, second = view.points
    assert (first.x, first.y) == (LEFT + 0.7 * SIDE, TOP + 0.25 * SIDE)
    assert first.high < first.y < first.low  # y grows downwards
    # areas as the counts: 2.5 + 5.5 · √(4/16), 2.5 + 5.5 · √(12/16)
    assert (first.radius, second.radius) == (5.25, pytest.approx(7.26, abs=0.01))
    assert (first.said, first.right, first.n, second.said) == ("70.0 %", "75.0 %", "4", "90.0 %")
    document = drawn(view)
    assert document.count('<circle class="bin"') == document.count('<th scope="row"') == 2
    for point in view.points:
        assert point.interval in document


def test_one_bin_and_the_ends_stay_inside_the_picture() -> None:
    for confidence, right in ((1.0, True), (1.0, False), (0.0, True), (0.0, False)):
        view = view_of(reliability([confidence] * 3, [right] * 3))
        (point,) = view.points
        assert point.x == (LEFT + SIDE if confidence else LEFT)
        assert point.y == (TOP if right else TOP + SIDE)
        assert point.radius == 8.0
        assert point.right == ("100 %" if right else "0 %")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_any_confidences_make_a_figure(rows: list[tuple[float, bool]]) -> None:
    view = view_of(reliability([sure for sure, _ in rows], [right for _, right in rows]))
    assert sum(int(point.n) for point in view.points) == len(rows)
    for point in view.points:
        assert LEFT <= point.x <= LEFT + SIDE
        assert TOP <= point.high <= point.y <= point.low <= TOP + SIDE
        assert 2.5 < point.radius <= 8


def test_the_words_say_where_confidence_and_being_right_differ() -> None:
    # 20 of 80 right where it says .95: below it beyond chance; 20 of 20 right where it says .5: above it
    over, under = ReliabilityBin(0.9, 1.0, 0.95, wilson(20, 80)), ReliabilityBin(0.4, 0.5, 0.5, wilson(20, 20))
    assert view_of([under, over]).words == (
        "The judge is surer than it is right on 80.0 % of the verdicts, by more than chance. "
        "It is right more often than it says on 20.0 %, by more than chance."
    )
    # 14 and 16 of 20 are a little below and above .75, within chance
    even = [ReliabilityBin(0.7, 0.8, 0.75, wilson(right, 20)) for right in (14, 16)]
    assert view_of(even).words == "Nowhere do confidence and being right differ by more than chance."


def test_the_map_is_drawn_only_where_it_holds() -> None:
    bins = [ReliabilityBin(0.7, 0.8, 0.75, wilson(15, 20))]
    knots = ((0.5, 0.25), (1.0, 0.75))
    holds = view_of(bins, CalibrationMap("isotonic", True, "it helps", 400, knots=knots))
    assert holds.curve == f"{LEFT + SIDE / 2},{TOP + SIDE * 0.75} {LEFT + SIDE * 1.0},{TOP + SIDE * 0.25}"
    assert holds.words.endswith("The line is the isotonic map: it helps.")
    assert f'points="{holds.curve}"' in drawn(holds)
    fails = view_of(bins, CalibrationMap("platt", False, "it does not help", 80, (1.0, 0.0), knots))
    assert fails.curve == ""
    assert fails.words.endswith("No map is applied: it does not help.")
    assert "<polyline" not in drawn(fails)


def test_the_picture_has_a_text_alternative() -> None:
    bins = reliability([0.75] * 1_500 + [0.95] * 1_500, [True] * 3_000)
    document = drawn(view_of(bins))
    assert 'role="img" aria-labelledby="reliability-title reliability-text"' in document
    assert '<title id="reliability-title">Reliability diagram</title>' in document
    described = re.search('<desc id="reliability-text">(.*?)</desc>', document)
    assert described is not None
    assert described[1].startswith("Of 3,000 verdicts in 2 groups of like confidence")
    assert "<caption>" in document
    assert f'viewBox="0 0 {WIDTH} {HEIGHT}"' in document
    assert f'x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"' in document


def test_the_axes_have_five_marks() -> None:
    ticks = view_of(reliability([0.8], [True])).ticks
    assert [tick.label for tick in ticks] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    assert (ticks[0].x, ticks[0].y, ticks[-1].x, ticks[-1].y) == (LEFT, TOP + SIDE, LEFT + SIDE, TOP)
