"""Control charts: exact scores, the stated rate of false alarms, and shifts of stated sizes found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom, norm

from dikast.agreement.control_chart import FALSE_ALARMS, Counted, change_point, score, watch_charts
from dikast.errors import InputError

counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))).map(lambda c: Counted(*c))


@given(counts, counts)
def test_a_score_is_the_mid_p_of_the_hypergeometric(now: Counted, before: Counted) -> None:
    drawn = hypergeom(now.n + before.n, now.hits + before.hits, now.n)
    mid = drawn.cdf(now.hits) - drawn.pmf(now.hits) / 2
    expected = norm.ppf(min(max(mid, 0.0), 1.0))
    if abs(expected) < 6:  # beyond, the sum of SciPy's tail is all rounding
        assert score(now, before) == pytest.approx(expected, abs=1e-6)
    else:
        assert abs(score(now, before)) > 5


@given(counts, counts)
def test_counting_the_others_turns_the_score_around(now: Counted, before: Counted) -> None:
    turned = score(Counted(now.n - now.hits, now.n), Counted(before.n - before.hits, before.n))
    assert turned == pytest.approx(-score(now, before), abs=1e-9)


def test_the_change_point_is_where_the_share_changed() -> None:
    assert change_point([Counted(90, 100)] * 5 + [Counted(60, 100)] * 2) == 5


def rings(rates: np.ndarray, n: int, charts: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Where the first chart rang, and since when it says so; all other charts hold still."""
    still = np.full(len(rates), rates[0])
    drawn = {
        str(at): [Counted(int(hits), n) for hits in rng.binomial(n, rates if at == 0 else still)]
        for at in range(charts)
    }
    return [(ring.at, ring.since) for ring in watch_charts(drawn)[1] if ring.chart == "0"]


@pytest.mark.parametrize(("share", "n", "charts"), [(0.85, 200, 1), (0.5, 20, 1), (0.02, 50, 1), (0.9, 40, 6)])
def test_false_alarms_are_as_rare_as_stated(share: float, n: int, charts: int) -> None:
    """Over 30 periods until the first ring, of any chart: at most 1 % a period, with 2 standard errors of room."""
    rng = np.random.default_rng(7)
    looks = alarms = 0
    for _ in range(700 // charts):
        drawn = {str(at): [Counted(int(hits), n) for hits in rng.binomial(n, share, size=30)] for at in range(charts)}
        first = min((ring.at for ring in watch_charts(drawn)[1]), default=None)
        looks += 29 if first is None else first
        alarms += first is not None
    assert alarms / looks <= FALSE_ALARMS + 2 * np.sqrt(FALSE_ALARMS / looks)


@pytest.mark.parametrize(
    ("shift", "n", "charts", "within", "found"),
    [
        (-0.10, 200, 1, 2, 0.90),  # 85 to 75 %, 200 a week: found in two weeks
        (-0.10, 200, 10, 3, 0.90),  # the same, among ten charts: in three
        (-0.05, 200, 1, 5, 0.75),  # a small shift takes longer
        (-0.05, 1000, 10, 3, 0.95),
        (-0.20, 60, 10, 3, 0.85),
    ],
)
def test_planted_shifts_are_found(shift: float, n: int, charts: int, within: int, found: float) -> None:
    rng = np.random.default_rng(11)
    rates = np.array([0.85] * 10 + [0.85 + shift] * within)
    hits = sum(any(at >= 10 for at, _ in rings(rates, n, charts, rng)) for _ in range(100))
    assert hits >= 100 * found


def test_a_change_is_told_once_and_dated() -> None:
    rng = np.random.default_rng(3)
    told = [rings(np.array([0.9] * 12 + [0.6] * 12), 200, 1, rng) for _ in range(20)]
    after = [len([one for one in mine if one[0] >= 12]) for mine in told]
    assert min(after) == 1
    assert sum(after) <= 20 * 1.3  # 12 further weeks have a false alarm each in a hundred
    assert sum((12, 12) in mine for mine in told) >= 18


def test_a_chart_starts_anew_where_the_judge_is_another() -> None:
    counted = [Counted(90, 100, 0)] * 6 + [Counted(50, 100, 1)] * 6
    readings, rang = watch_charts({"rate": counted})
    assert rang == []
    assert readings["rate"][6].centre is None
    assert readings["rate"][7].centre == 0.5


def test_a_period_without_items_is_passed_over() -> None:
    readings, _ = watch_charts({"rate": [Counted(5, 10), Counted(0, 0), Counted(5, 10)]})
    assert readings["rate"][1].centre is None
    assert readings["rate"][2].centre == 0.5


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="3 of 2"):
        watch_charts({"rate": [Counted(1, 2), Counted(3, 2)]})
    with pytest.raises(InputError, match="as many in each"):
        watch_charts({"a": [Counted(1, 2)], "b": []})
