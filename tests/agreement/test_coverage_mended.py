"""Coverage where it is hard: shared inputs, few of one class, nearly all scores alike, people who nearly always agree.

The whole grid is measured by benchmarks/coverage.py; here are the corners in which a plainer interval fails.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.calibration import expected_calibration_error
from dikast.agreement.clusters import Floats
from dikast.agreement.confusion import cells
from dikast.agreement.corrected import corrected_pass_rate, shared_inputs_of_a_run
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.fleiss_kappa import fleiss_kappa
from dikast.agreement.kendall_tau import _of_tables as tau_of_tables
from dikast.agreement.kendall_tau import _tau_b
from dikast.agreement.krippendorff_alpha import krippendorff_alpha
from dikast.agreement.paired_auc import auc_difference
from dikast.agreement.proportion import modified_wilson
from dikast.agreement.spearman import _of_tables as spearman_of_tables
from dikast.agreement.spearman import rank_correlation, spearman
from dikast.agreement.thin import score_table
from dikast.agreement.weighted_kappa import quadratic_weighted_kappa
from dikast.agreement.wilson import wilson


def words(values: object) -> list[str]:
    return np.where(np.asarray(values, dtype=bool), "pass", "fail").tolist()  # type: ignore[no-any-return]


def held(figure: object, truth: float) -> bool:
    assert isinstance(figure, Estimate), figure
    return figure.low <= truth <= figure.high


def test_a_rate_covers_at_every_size_of_its_class() -> None:
    """Exact, over class sizes that are themselves chance: the lowest of 120 cells; Wilson's own is .86."""
    covered, plain = [], []
    for n, prevalence, p in product((20, 30, 50, 100), (0.05, 0.1, 0.2, 0.5, 0.9, 1.0), (0.6, 0.8, 0.9, 0.95, 0.99)):
        chance = binom.pmf(np.arange(n + 1), n, prevalence)
        for kept, ends in ((covered, MODIFIED), (plain, WILSON)):
            of_m = [
                sum(binom.pmf(x, m, p) for x in range(m + 1) if ends[m, x][0] <= p <= ends[m, x][1])
                for m in range(1, n + 1)
                if chance[m] > 1e-6
            ]
            used = chance[1:][chance[1:] > 1e-6]
            kept.append(float(np.dot(of_m, used) / used.sum()))
    assert min(plain) < 0.87
    assert min(covered) >= 0.93
    assert 0.95 <= np.mean(covered) <= 0.975


MODIFIED = {
    (m, x): (found.low, found.high)
    for m in range(1, 101)
    for x in range(m + 1)
    if (found := modified_wilson(x, m)) is not None
}
WILSON = {
    (m, x): (found.low, found.high) for m in range(1, 101) for x in range(m + 1) if (found := wilson(x, m)) is not None
}


def alike(rng: np.random.Generator, mean: float, size: int) -> Floats:
    return rng.beta(mean, 1 - mean, size)  # half of the variance is between groups


@pytest.mark.parametrize("whole", [True, False])
def test_the_corrected_pass_rate_of_items_that_share_inputs(whole: bool) -> None:
    """Fours of one input, a quarter of the run labelled, in whole groups or not. 1,000 samples: .956 and .952."""
    rng = np.random.default_rng(30)
    groups, plain, clustered = np.arange(400) // 4, [], []
    for _ in range(150):
        good = rng.random(400) < alike(rng, 0.7, 100)[groups]
        said = np.where(
            good, rng.random(400) < alike(rng, 0.9, 100)[groups], rng.random(400) >= alike(rng, 0.8, 100)[groups]
        )
        mine = groups < 25 if whole else rng.permutation(400) < 100
        ours = words(said[mine]), words(good[mine])
        shared = shared_inputs_of_a_run(*ours, words(said[~mine]), (groups[mine].tolist(), groups[~mine].tolist()))
        passed, confusion = int(said[~mine].sum()), cells(*ours).confusion
        plain.append(held(corrected_pass_rate(confusion, passed, 300), 0.7))
        clustered.append(held(corrected_pass_rate(confusion, passed, 300, shared=shared), 0.7))
    assert np.mean(plain) < (0.88 if whole else 0.95)
    assert 0.92 <= np.mean(clustered) <= 0.99


def test_no_shared_inputs_no_design_effect() -> None:
    judge, labels, rest = ["pass", "fail", "pass", "fail"], ["pass", "fail", "fail", "fail"], ["pass"]
    assert shared_inputs_of_a_run(judge, labels, rest, None) == 1.0
    assert shared_inputs_of_a_run(judge, labels, rest, (list("abcd"), ["e"])) == 1.0
    assert shared_inputs_of_a_run(judge, labels, rest, (list("aabb"), ["b"])) > 1.0


def test_the_calibration_error_of_items_that_share_inputs() -> None:
    """Tens of one input: .91 when taken as independent."""
    rng = np.random.default_rng(31)
    groups, plain, clustered = np.arange(100) // 10, [], []
    for _ in range(150):
        sure = rng.uniform(0.5, 1, 100)
        luck = ndtr(np.sqrt(0.3) * rng.standard_normal(10)[groups] + np.sqrt(0.7) * rng.standard_normal(100))
        right = (luck < sure - 0.2).tolist()
        plain.append(held(expected_calibration_error(sure.tolist(), right), 0.2))
        clustered.append(held(expected_calibration_error(sure.tolist(), right, groups=groups.tolist()), 0.2))
    assert np.mean(plain) < 0.95
    assert np.mean(clustered) >= 0.95


@pytest.mark.parametrize("prevalence", [0.5, 0.9])
def test_an_auc_lead_with_few_of_one_class(prevalence: float) -> None:
    """At n = 30 and .9 there are three failed items, where the jackknife covers .8."""
    rng, found = np.random.default_rng(32), []
    truth = float(ndtr(2.2 / np.sqrt(2)) - ndtr(1 / np.sqrt(2)))
    while len(found) < 250:
        passed = rng.random(30) < prevalence
        if 0 < passed.sum() < 30:
            first, second = ((gap * passed + rng.standard_normal(30)).tolist() for gap in (2.2, 1.0))
            found.append(held(auc_difference(first, second, words(passed)), truth))
    assert 0.93 <= np.mean(found) <= 0.995


def test_an_auc_lead_is_antisymmetric_and_sees_clusters() -> None:
    rng = np.random.default_rng(33)
    passed = np.repeat(rng.random(20) < 0.5, 2)
    first, second = (np.repeat(rng.standard_normal(20), 2) + passed for _ in range(2))
    one = auc_difference(first.tolist(), second.tolist(), words(passed))
    other = auc_difference(second.tolist(), first.tolist(), words(passed))
    twice = auc_difference(first.tolist(), second.tolist(), words(passed), groups=[i // 2 for i in range(40)])
    assert isinstance(one, Estimate)
    assert isinstance(other, Estimate)
    assert isinstance(twice, Estimate)
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert twice.high - twice.low > 1.2 * (one.high - one.low)
    same = auc_difference(first.tolist(), first.tolist(), words(passed))
    assert isinstance(same, Estimate)
    assert same.value == 0
    assert same.low <= 0 <= same.high


@pytest.mark.parametrize(("rho", "truth", "kappa"), [(0.0, 0.0, 0.0), (0.8, 0.55, 0.59)])
def test_scores_that_are_nearly_all_alike(rho: float, truth: float, kappa: float) -> None:
    """Nine in ten scores are 5, n = 40; the jackknife alone covers .4 to .8 there."""
    rng = np.random.default_rng(34)
    cuts, found, weighted = [-2.0, -1.8, -1.6, -1.28], [], []
    while len(found) < 120:
        first = rng.standard_normal(40)
        second = rho * first + np.sqrt(1 - rho**2) * rng.standard_normal(40)
        judge, labels = (np.searchsorted(cuts, one) + 1.0 for one in (first, second))
        if np.ptp(judge) and np.ptp(labels):
            found.append(held(spearman(judge.tolist(), labels.tolist()), truth))
            weighted.append(held(quadratic_weighted_kappa(judge.tolist(), labels.tolist()), kappa))
    assert np.mean(found) >= 0.92
    assert np.mean(weighted) >= 0.91


def test_the_tables_statistics_are_those_of_the_items() -> None:
    rng = np.random.default_rng(35)
    first = rng.integers(1, 6, 60).astype(float)
    second = np.clip(first + rng.integers(-1, 2, 60), 1, 5)
    rows, columns, counts = score_table(first, second)
    table = (counts / counts.sum()).reshape(1, rows.size, columns.size)
    assert spearman_of_tables(table)[0] == pytest.approx(rank_correlation(first, second))
    assert tau_of_tables(table)[0] == pytest.approx(_tau_b(first, second))


def test_people_who_nearly_always_say_the_same() -> None:
    """Two or three people, 95 in 100 items good, each right nine times in ten; the jackknife covers .65 to .78."""
    rng = np.random.default_rng(36)
    said = 0.95 * 0.9 + 0.05 * 0.1
    truth = 1 - (2 * 0.9 * 0.1) / (2 * said * (1 - said))
    for people in (2, 3):
        figures: list[tuple[Figure, Figure]] = []
        while len(figures) < 120:
            own = rng.random(20) < 0.95
            ratings = np.where(rng.random((20, people)) < 0.9, own[:, None], ~own[:, None])
            if 0 < ratings.sum() < ratings.size:
                figures.append((krippendorff_alpha(ratings.tolist()), fleiss_kappa(ratings.tolist())))
        for column in zip(*figures, strict=True):
            assert np.mean([held(one, truth) for one in column]) >= 0.93


def test_small_errors_under_a_bound_that_is_far_off() -> None:
    """Squared errors of a judge that is .9 to 1 sure and always right: an item at the bound would hide them all."""
    rng = np.random.default_rng(37)
    truth = 0.01 / 3
    covered = np.mean([held(bounded_mean(rng.uniform(0, 0.1, 20) ** 2, 0.0, 1.0), truth) for _ in range(120)])
    assert covered >= 0.92
