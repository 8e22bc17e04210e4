from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.estimate import Estimate
from dikast.analysis.distribution import MAX_CATEGORIES, CriterionTally, Distribution, assumed_scale
from dikast.analysis.summary import recorded_scale


def distribution_of(values: list[Any], scale: tuple[float, float] | None = None) -> Distribution:
    tally = CriterionTally("clear", scale)
    for value in values:
        tally.add(value)
    found = tally.distribution()
    assert found is not None
    return found


def test_levels_that_nobody_got_are_drawn_too() -> None:
    found = distribution_of([2, 2, 4], (1, 5))
    assert [(bin.label, bin.count) for bin in found.bins] == [("1", 0), ("2", 2), ("3", 0), ("4", 1), ("5", 0)]
    assert found.kind == "ordinal"
    assert not found.scale_assumed


def test_an_unknown_scale_is_assumed_and_said_to_be() -> None:
    found = distribution_of([2, 4, 5])
    assert (found.scale, found.scale_assumed) == ((1, 5), True)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.2, 0.9], (0, 1)),
        ([0.0, 1.0], (0, 1)),
        ([1.0, 5.0], (1, 5)),
        ([0.0, 4.0], (0, 5)),
        ([7.0], (1, 7)),
        ([1.0, 9.0], (1, 10)),
        ([88.0], (0, 100)),
        ([-1.0], None),
        ([1.0], None),
        ([101.0], None),
    ],
)
def test_assumed_scales(values: list[float], scale: tuple[float, float] | None) -> None:
    assert assumed_scale(dict.fromkeys(values, 3)) == scale


def test_numbers_between_levels_are_counted_in_ten_ranges() -> None:
    found = distribution_of([0.05, 0.06, 0.95, 1.0], (0, 1))
    assert found.kind == "continuous"
    assert [bin.count for bin in found.bins] == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert found.bins[0].label == "0–0.1"


def test_pass_and_fail_words_in_any_case_and_booleans() -> None:
    found = distribution_of(["pass", "PASS", "Fail", True, False])
    assert found.kind == "pass_fail"
    assert [(bin.label, bin.count) for bin in found.bins] == [("pass", 3), ("fail", 2)]
    assert isinstance(found.figure, Estimate)
    assert found.figure.value == pytest.approx(0.6)


def test_other_words_are_categories_without_a_figure() -> None:
    found = distribution_of(["blue", "red", "blue"])
    assert (found.kind, found.figure, found.bins[0].label) == ("category", None, "blue")


def test_prose_and_objects_are_no_scores() -> None:
    tally = CriterionTally("why")
    for value in ("a sentence that explains at some length what was wrong", None, [1], {"a": 1}, float("nan")):
        tally.add(value)
    assert tally.distribution() is None


def test_categories_are_bounded() -> None:
    assert len(distribution_of([f"word {i}" for i in range(500)]).bins) == MAX_CATEGORIES


@given(st.lists(st.one_of(st.integers(-3, 12), st.floats(-2, 12)), min_size=1, max_size=80))
def test_every_number_is_in_exactly_one_bin(values: list[float]) -> None:
    found = distribution_of(values)
    assert sum(bin.count for bin in found.bins) == found.n == len(values)


@given(st.lists(st.floats(-2, 12), min_size=1, max_size=40))
def test_values_outside_a_known_scale_are_kept(values: list[float]) -> None:
    found = distribution_of(values, (1, 5))
    assert sum(bin.count for bin in found.bins) == len(values)


@pytest.mark.parametrize(
    ("definition", "scale"),
    [
        ({"scale": {"kind": "ordinal", "low": 1, "high": 5}}, (1, 5)),
        ({"scale": {"kind": "pass_fail"}}, (0, 1)),
        ({"scale": {"kind": "ordinal", "low": None, "high": None}}, None),
        ({"scale": "1-5"}, None),
        ({}, None),
    ],
)
def test_the_scale_that_a_definition_records(definition: dict[str, Any], scale: tuple[float, float] | None) -> None:
    assert recorded_scale(definition) == scale
