from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dikast.agreement.estimate import Estimate, Undefined
from dikast.analysis.tally import MAX_DISTINCT, QuantileSketch, ValueTally, proportion


def tally_of(values: list[float]) -> ValueTally:
    tally = ValueTally()
    for value in values:
        tally.add(value)
    return tally


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=200))
def test_mean_and_variance_are_those_of_the_library(values: list[float]) -> None:
    tally = tally_of(values)
    assert tally.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert tally.variance == pytest.approx(statistics.variance(values), rel=1e-6, abs=1e-6)


def test_many_values_get_a_student_t_interval() -> None:
    values = [1.0 + (i * 7 % 5) for i in range(150)]
    figure = tally_of(values).mean_interval()
    expected = stats.t.interval(0.95, 149, loc=statistics.fmean(values), scale=stats.sem(values))
    assert isinstance(figure, Estimate)
    assert (figure.low, figure.high) == pytest.approx(expected)
    assert figure.method == "Student t"


def test_equal_values_keep_an_interval_with_a_width_on_a_known_scale() -> None:
    figure = tally_of([5.0] * 12).mean_interval((1, 5))
    assert isinstance(figure, Estimate)
    assert figure.value == 5
    assert 3.5 < figure.low < 4.99
    assert figure.high <= 5


def test_one_value_without_a_scale_is_undefined_with_the_reason() -> None:
    assert tally_of([3.0]).mean_interval() == Undefined("all 1 are 3, which leaves no spread to make an interval of", 1)


def test_nothing_is_undefined() -> None:
    assert ValueTally().mean_interval() == Undefined("nothing was scored", 0)
    assert proportion(0, 0, "nobody") == Undefined("nobody", 0)


def test_counts_are_rounded_only_when_there_are_too_many_different_ones() -> None:
    tally = tally_of([i / 10_000 for i in range(MAX_DISTINCT)])
    assert not tally.rounded
    tally.add(0.9999)
    assert tally.rounded
    assert len(tally.counts) < MAX_DISTINCT
    assert tally.counts.total() == MAX_DISTINCT + 1


@given(st.lists(st.floats(1e-4, 1e4), min_size=1, max_size=300), st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))
def test_percentiles_are_within_one_percent(values: list[float], share: float) -> None:
    sketch = QuantileSketch()
    for value in values:
        sketch.add(value)
    exact = sorted(values)[math.floor(share * (len(values) - 1))]
    assert sketch.quantile(share) == pytest.approx(exact, rel=0.0101)


def test_a_spread_says_where_durations_lie() -> None:
    sketch = QuantileSketch()
    assert sketch.spread() is None
    for value in range(1, 101):
        sketch.add(float(value))
    spread = sketch.spread()
    assert spread is not None
    assert (spread.n, spread.total, spread.mean, spread.largest) == (100, 5050, 50.5, 100)
    assert spread.p50 == pytest.approx(50, rel=0.02)
    assert spread.p99 == pytest.approx(99, rel=0.02)
