from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.analysis.shape import ENOUGH, read_pass_fail, read_scores


def counts(*by_level: int, first: int = 1) -> dict[float, int]:
    return {float(first + at): count for at, count in enumerate(by_level) if count}


@pytest.mark.parametrize(
    ("levels", "shape"),
    [
        ((2, 3, 10, 45, 40), "healthy"),  # mostly 4-5 with a few 1-2
        ((10, 40, 35, 10, 5), "systemic"),  # mostly 2-3
        ((60, 30, 6, 3, 1), "systemic"),  # mostly 1
        ((35, 5, 3, 7, 50), "two_humped"),  # many 5 and many 1
        ((30, 0, 20, 0, 50), "two_humped"),
        ((20, 21, 18, 22, 19), "flat"),
        ((0, 1, 0, 1, 98), "one_value"),
        ((5, 5, 45, 35, 10), "mixed"),
        ((0, 0, 0, 9, 10), "too_few"),
    ],
)
def test_one_to_five(levels: tuple[int, ...], shape: str) -> None:
    assert read_scores(counts(*levels), (1, 5)).shape == shape


@pytest.mark.parametrize(
    ("levels", "shape"),
    [
        ((1, 1, 2, 2, 4, 6, 9, 30, 25, 20), "healthy"),
        ((20, 15, 5, 1, 0, 1, 3, 10, 25, 20), "two_humped"),
        ((10, 11, 9, 10, 10, 9, 11, 10, 10, 10), "flat"),
        ((4, 10, 20, 30, 16, 8, 5, 3, 2, 2), "systemic"),
    ],
)
def test_one_to_ten(levels: tuple[int, ...], shape: str) -> None:
    assert read_scores(counts(*levels), (1, 10)).shape == shape


def test_three_levels_with_most_in_the_middle_have_one_hump() -> None:
    assert read_scores(counts(20, 60, 20), (1, 3)).shape == "systemic"
    assert read_scores(counts(45, 4, 51), (1, 3)).shape == "two_humped"


def test_zeros_and_ones_are_read_as_pass_and_fail() -> None:
    assert read_scores({0.0: 10, 1.0: 90}, (0, 1)).shape == "healthy"
    assert read_scores({0.0: 60, 1.0: 40}, (0, 1)).shape == "systemic"


def test_only_the_two_ends_of_a_wider_scale_are_two_humps() -> None:
    assert read_scores({1.0: 40, 5.0: 60}, (1, 5)).shape == "two_humped"


def test_continuous_scores_are_read_in_fifths() -> None:
    assert read_scores({0.9 + i / 1000: 1 for i in range(60)}, (0, 1)).shape == "healthy"


def test_without_a_scale_high_and_low_are_not_told_apart() -> None:
    assert read_scores({2.0: 30, 37.0: 30}, None).shape == "no_shape"


def test_a_small_dent_between_two_levels_is_noise() -> None:
    assert read_scores(counts(6, 3, 2, 4, 7), (1, 5)).shape != "two_humped"


@pytest.mark.parametrize(
    ("passed", "failed", "shape"),
    [
        (19, 0, "too_few"),
        (95, 5, "one_value"),
        (5, 95, "one_value"),
        (85, 15, "healthy"),
        (70, 30, "mixed"),
        (49, 51, "systemic"),
    ],
)
def test_pass_fail(passed: int, failed: int, shape: str) -> None:
    reading = read_pass_fail(passed, failed)
    assert reading.shape == shape
    assert reading.words


def test_one_value_says_which() -> None:
    assert '98 of 100 are "pass"' in read_pass_fail(98, 2).words
    assert read_scores({3.0: 40}, (1, 5)).words.startswith("All are 3.")


@given(st.lists(st.integers(0, 60), min_size=5, max_size=5), st.integers(2, 50))
def test_the_reading_is_the_same_on_any_scale_of_five_levels(levels: list[int], factor: int) -> None:
    if sum(levels) < ENOUGH:
        return
    one_to_five = read_scores(counts(*levels), (1, 5))
    shifted = read_scores(counts(*levels, first=11), (11, 15))
    assert one_to_five.shape == shifted.shape
