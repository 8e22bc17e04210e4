"""Simulated coverage: 95 % intervals hold the true value in 93 to 97 % of samples, small and rare ones included.

Every simulation is seeded. A single corner of a grid moves with its few hundred samples and with the discreteness of
counts; so the grid's mean is held to the goal, and each corner to a floor that is looser.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product

import numpy as np
import pytest

from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import mover_mean
from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.calibration import calibration_errors, expected_calibration_error
from dikast.agreement.clusters import Floats
from dikast.agreement.cohen_kappa import _kappa
from dikast.agreement.comparison import SharedInputs, _kappas_apart, corrected_difference, shared_inputs
from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, corrected_pass_rate, rogan_gladen
from dikast.agreement.earning import _lead
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.f1 import f1_of_jaccard
from dikast.agreement.gwet_ac1 import _ac1
from dikast.agreement.jeffreys import jeffreys_intervals
from dikast.agreement.kendall_tau import kendall_tau_b
from dikast.agreement.krippendorff_alpha import krippendorff_alpha
from dikast.agreement.mcc import _mcc
from dikast.agreement.paired import paired_difference
from dikast.agreement.proportion import share
from dikast.agreement.spearman import spearman
from dikast.agreement.weighted_kappa import quadratic_weighted_kappa
from dikast.agreement.wilson import wilson

GRID = list(product((0.2, 0.5, 0.8, 0.95), (0.7, 0.95), (0.6, 0.9)))  # prevalence, sensitivity, specificity
SIZES = (30, 60, 200)


def shares(prevalence: float, sensitivity: float, specificity: float) -> Floats:
    """Of tp, fn, fp, tn."""
    bad = 1 - prevalence
    return np.array(
        [prevalence * sensitivity, prevalence * (1 - sensitivity), bad * (1 - specificity), bad * specificity]
    )


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    "function", [lambda s: _kappa(s, 2), lambda s: _ac1(s, 2), _mcc], ids=["cohen_kappa", "gwet_ac1", "mcc"]
)
def test_kappa_ac1_mcc(function: Callable[[Floats], Floats], n: int) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for corner in GRID:
        p = shares(*corner)
        truth = float(function(p[None, :])[0])
        tables = rng.multinomial(n, p, 150).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            tables = tables[np.isfinite(function(tables / n))]
        low, high = jeffreys_intervals(tables, function, draws=500)
        covered.append(((low <= truth) & (truth <= high)).mean())
    assert 0.93 <= np.mean(covered) <= 0.97
    assert min(covered) >= 0.88


@cache
def cached_wilson(successes: int, n: int) -> Estimate:
    return wilson(successes, n)


@pytest.mark.parametrize("n", SIZES)
def test_rates_balanced_accuracy_and_f1(n: int) -> None:
    rng = np.random.default_rng(n)
    covered: dict[str, list[float]] = {"accuracy": [], "tpr": [], "tnr": [], "balanced_accuracy": [], "f1": []}
    for prevalence, sensitivity, specificity in GRID:
        p = shares(prevalence, sensitivity, specificity)
        truth = {
            "accuracy": p[0] + p[3],
            "tpr": sensitivity,
            "tnr": specificity,
            "balanced_accuracy": (sensitivity + specificity) / 2,
            "f1": 2 * p[0] / (2 * p[0] + p[1] + p[2]),
        }
        held: dict[str, list[bool]] = {name: [] for name in covered}
        for tp, fn, fp, tn in rng.multinomial(n, p, 400).tolist():
            if tp + fn == 0 or fp + tn == 0:
                continue
            rates = cached_wilson(tp, tp + fn), cached_wilson(tn, fp + tn)
            found: dict[str, Figure] = {
                "accuracy": cached_wilson(tp + tn, n),
                "tpr": rates[0],
                "tnr": rates[1],
                "balanced_accuracy": mover_mean(rates, n, 0.95),
                "f1": f1_of_jaccard(cached_wilson(tp, tp + fn + fp), n),
            }
            for name, figure in found.items():
                assert isinstance(figure, Estimate)
                held[name].append(figure.low <= truth[name] <= figure.high)
        for name, values in held.items():
            covered[name].append(float(np.mean(values)))
    for name, values in covered.items():
        # rates of a rare class rest on one to five items, where counts are coarse and Wilson is on the safe side
        assert 0.93 <= np.mean(values) <= (0.98 if name in ("tnr", "balanced_accuracy") else 0.97), (name, values)
        assert min(values) >= 0.87, (name, values)


def ordinal(rng: np.random.Generator, rho: float, n: int, skewed: bool) -> tuple[Floats, Floats]:
    """Two five-point scores whose normal scores correlate with rho."""
    cuts = [-1.64, -1.17, -0.67, 0.25] if skewed else [-0.84, -0.25, 0.25, 0.84]
    first = rng.standard_normal(n)
    second = rho * first + np.sqrt(1 - rho * rho) * rng.standard_normal(n)
    return np.searchsorted(cuts, first) + 1.0, np.searchsorted(cuts, second) + 1.0


@pytest.mark.parametrize(("statistic", "n"), [(spearman, 30), (kendall_tau_b, 30), (quadratic_weighted_kappa, 60)])
def test_ordinal(statistic: Callable[..., Figure], n: int) -> None:
    rng = np.random.default_rng(7)
    covered = []
    for rho, skewed in ((0.0, False), (0.7, False), (0.7, True), (0.95, True)):
        big = [scores.tolist() for scores in ordinal(rng, rho, 100_000, skewed)]
        truth = TRUTH[statistic.__name__](*big)
        figures = [statistic(*(scores.tolist() for scores in ordinal(rng, rho, n, skewed))) for _ in range(70)]
        held = [f.low <= truth <= f.high for f in figures if isinstance(f, Estimate)]
        assert len(held) >= 69
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.99, covered
    assert min(covered) >= 0.88, covered


def _truth(name: str) -> Callable[[list[float], list[float]], float]:
    from scipy import stats

    if name == "spearman":
        return lambda x, y: float(stats.spearmanr(x, y).statistic)
    if name == "kendall_tau_b":
        return lambda x, y: float(stats.kendalltau(x, y).statistic)
    return lambda x, y: float(
        1 - np.mean((np.array(x) - y) ** 2) / (np.var(x) + np.var(y) + (np.mean(x) - np.mean(y)) ** 2)
    )


TRUTH = {name: _truth(name) for name in ("spearman", "kendall_tau_b", "quadratic_weighted_kappa")}


def test_auc() -> None:
    # scores of passed and failed items are normal, `gap` apart: AUC = Φ(gap / √2)
    from scipy.special import ndtr

    rng = np.random.default_rng(8)
    covered = []
    for gap, prevalence in ((0.0, 0.5), (1.2, 0.8), (2.0, 0.7)):
        truth = float(ndtr(gap / np.sqrt(2)))
        held = []
        for _ in range(200):
            passed = rng.random(40) < prevalence
            scores = rng.standard_normal(40) + gap * passed
            figure = auc(scores.tolist(), ["pass" if one else "fail" for one in passed])
            assert isinstance(figure, Estimate)
            held.append(figure.low <= truth <= figure.high)
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.98, covered


def test_krippendorff_alpha() -> None:
    # three raters say the item's own class with chance 0.8, else the other: pairs agree with 0.68; classes are even, so
    # α = 1 − (1 − 0.68)/0.5 = 0.36
    rng = np.random.default_rng(9)
    held = []
    for _ in range(200):
        own = rng.random(40) < 0.5
        ratings = np.where(rng.random((40, 3)) < 0.8, own[:, None], ~own[:, None])
        figure = krippendorff_alpha(ratings.tolist())
        assert isinstance(figure, Estimate)
        held.append(figure.low <= 0.36 <= figure.high)
    assert 0.92 <= np.mean(held) <= 0.98


@pytest.mark.parametrize("n", [30, 60])
def test_mean_absolute_error(n: int) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for p in ([0.95, 0.05, 0, 0, 0], [0.8, 0.15, 0.05, 0, 0], [0.9, 0.05, 0.03, 0.02, 0], [0.4, 0.3, 0.2, 0.05, 0.05]):
        truth = float(np.dot(p, range(5)))
        figures = [bounded_mean(rng.choice(np.arange(5.0), n, p=p), 0, 4) for _ in range(80)]
        covered.append(float(np.mean([f.low <= truth <= f.high for f in figures if isinstance(f, Estimate)])))
    assert 0.92 <= np.mean(covered) <= 0.985, covered


def test_clusters_need_the_design_effect() -> None:
    """Fours that share a fate: the plain interval covers far too little, the one by cluster does."""
    rng = np.random.default_rng(10)
    groups = [i // 4 for i in range(160)]
    plain, clustered = [], []
    for _ in range(1000):
        fate = np.repeat(rng.beta(4, 1, 40), 4)
        hits = rng.random(160) < fate
        for kept, figure in ((plain, share(hits)), (clustered, share(hits, groups=groups))):
            assert isinstance(figure, Estimate)
            kept.append(figure.low <= 0.8 <= figure.high)
    assert np.mean(plain) < 0.92
    assert 0.93 <= np.mean(clustered) <= 0.97


def test_clusters_in_a_correlation() -> None:
    """Items twice over: the jackknife by cluster sees that half of them are copies."""
    rng = np.random.default_rng(11)
    groups = [i // 2 for i in range(80)]
    plain, clustered = [], []
    for _ in range(150):
        first = rng.standard_normal(40)
        second = 0.6 * first + 0.8 * rng.standard_normal(40)
        truth = 6 / np.pi * np.arcsin(0.3)  # Spearman's ρ of a bivariate normal with r = 0.6
        twice = np.repeat(first, 2).tolist(), np.repeat(second, 2).tolist()
        for kept, figure in ((plain, spearman(*twice)), (clustered, spearman(*twice, groups=groups))):
            assert isinstance(figure, Estimate)
            kept.append(figure.low <= truth <= figure.high)
    assert np.mean(plain) < 0.9
    assert 0.92 <= np.mean(clustered) <= 0.98


@pytest.mark.parametrize("n", SIZES)
def test_paired_difference(n: int) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for both, first, second in ((0.6, 0.3, 0.05), (0.75, 0.1, 0.1), (0.5, 0.02, 0.2)):
        held = []
        for _ in range(300):
            kind = rng.choice(4, n, p=[both, first, second, 1 - both - first - second])
            figure = paired_difference(kind <= 1, (kind == 0) | (kind == 2))
            assert isinstance(figure, Estimate)
            held.append(figure.low <= first - second <= figure.high)
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.975, covered


@pytest.mark.parametrize("n", SIZES)
def test_kappa_difference(n: int) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for prevalence, first, second in product((0.5, 0.8), ((0.9, 0.8), (0.7, 0.7)), ((0.8, 0.9), (0.7, 0.6))):
        each = [shares(prevalence, *one) for one in (first, second)]  # tp, fn, fp, tn
        passes = [np.array([one[:2], one[2:]]) / np.array([[prevalence], [1 - prevalence]]) for one in each]
        p = np.einsum("la,lb,l->abl", *passes, np.array([prevalence, 1 - prevalence])).ravel()
        truth = float(_kappas_apart(p[None, :], 2)[0])
        assert truth == pytest.approx(float(_kappa(each[0][None, :], 2)[0] - _kappa(each[1][None, :], 2)[0]))
        tables = rng.multinomial(n, p, 250).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            tables = tables[np.isfinite(_kappas_apart(tables / n, 2))]
        low, high = jeffreys_intervals(tables, lambda one: _kappas_apart(one, 2), draws=500)
        covered.append(((low <= truth) & (truth <= high)).mean())
    assert 0.93 <= np.mean(covered) <= 0.975, covered
    assert min(covered) >= 0.88, covered


def test_spearman_lead() -> None:
    """At n = 30 with 1,000 samples: .955, .970, .974."""
    rng = np.random.default_rng(15)
    cuts, covered = [-0.84, -0.25, 0.25, 0.84], []
    for better, worse, shared in ((0.8, 0.5, 0.2), (0.6, 0.6, 0.3), (0.9, 0.85, 0.7)):

        def draw(
            n: int, better: float = better, worse: float = worse, shared: float = shared
        ) -> tuple[Floats, Floats, Floats]:
            own, both = rng.standard_normal(n), np.sqrt(shared) * rng.standard_normal(n)
            first, second = (
                rho * own + np.sqrt(1 - rho**2) * (both + np.sqrt(1 - shared) * rng.standard_normal(n))
                for rho in (better, worse)
            )
            return np.searchsorted(cuts, first) + 1.0, second, np.searchsorted(cuts, own) + 1.0

        big = [scores.tolist() for scores in draw(200_000)]
        truth = TRUTH["spearman"](big[0], big[2]) - TRUTH["spearman"](big[1], big[2])
        covered.append(share_held([_lead(*draw(30), list(range(30)), 0.95) for _ in range(LEADS)], truth))
    assert 0.93 <= np.mean(covered) <= 0.98, covered
    assert min(covered) >= 0.89, covered


def test_auc_lead() -> None:
    """The last corner has 8 failed items, well told apart; the jackknife of the difference covers .91 there."""
    from scipy.special import ndtr

    rng = np.random.default_rng(16)
    covered = []
    for better, worse, prevalence in ((1.5, 0.5, 0.5), (1.2, 1.2, 0.7), (2.2, 1.0, 0.8)):
        truth, figures = float(ndtr(better / np.sqrt(2)) - ndtr(worse / np.sqrt(2))), []
        for _ in range(LEADS):
            passed, both = rng.random(40) < prevalence, np.sqrt(0.5) * rng.standard_normal(40)
            first, second = (gap * passed + both + np.sqrt(0.5) * rng.standard_normal(40) for gap in (better, worse))
            figures.append(_lead(first, second, passed, list(range(40)), 0.95))
        covered.append(share_held(figures, truth))
    assert 0.93 <= np.mean(covered) <= 0.98, covered
    assert min(covered) >= 0.89, covered


LEADS = 80  # samples a corner


def share_held(figures: list[Figure], truth: float) -> float:
    held = [f.low <= truth <= f.high for f in figures if isinstance(f, Estimate)]
    assert len(held) >= 0.98 * len(figures)
    return float(np.mean(held))


@pytest.mark.parametrize(("labelled", "n"), [(40, 100), (200, 1000)])
def test_corrected_difference(labelled: int, n: int) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for tpr, tnr, first, second in ((0.9, 0.8, 0.7, 0.6), (0.75, 0.7, 0.5, 0.5), (0.95, 0.9, 0.9, 0.8)):
        held = []
        for _ in range(LEADS):
            fates = rng.random(n) < first, rng.random(n) < second
            a, b = (np.where(fate, rng.random(n) < tpr, rng.random(n) >= tnr) for fate in fates)
            good = int(rng.binomial(labelled, 0.6))
            tp, tn = int(rng.binomial(good, tpr)), int(rng.binomial(labelled - good, tnr))
            counts = [int(cell.sum()) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)]
            figure = corrected_difference(*counts, Confusion(tp, good - tp, labelled - good - tn, tn))
            if not isinstance(figure, Refused):
                held.append(figure.low <= first - second <= figure.high)
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.985, covered
    assert min(covered) >= 0.9, covered


def test_corrected_difference_of_items_that_share_inputs() -> None:
    """Fours whose verdicts are much alike, in the runs and among the labels: only the design effects make it cover."""
    rng = np.random.default_rng(17)
    plain, clustered, groups = [], [], [i // 4 for i in range(200)]
    for _ in range(200):
        fates = (np.repeat(rng.beta(0.7, 0.3, 50), 4), np.repeat(rng.beta(0.6, 0.4, 50), 4))
        good = [rng.random(200) < fate for fate in fates]
        a, b = (np.where(one, rng.random(200) < 0.9, rng.random(200) >= 0.8) for one in good)
        right = rng.random(160) < np.repeat(
            np.where(np.arange(40) < 20, rng.beta(1.8, 0.2, 40), rng.beta(1.6, 0.4, 40)), 4
        )
        labels = np.arange(160) < 80
        said = [
            ("pass" if one == ok else "fail", "pass" if one else "fail") for one, ok in zip(labels, right, strict=True)
        ]
        counts = [int(cell.sum()) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)]
        tp, tn = int((labels & right).sum()), int((~labels & right).sum())
        confusion = Confusion(tp, 80 - tp, 80 - tn, tn)
        words = [["pass" if one else "fail" for one in side] for side in (a, b)]
        shared = shared_inputs(words[0], words[1], groups, said, groups[:160])
        assert min(shared.verdicts, shared.tpr, shared.tnr) >= 1
        for kept, effects in ((plain, None), (clustered, shared)):
            figure = corrected_difference(*counts, confusion, 0.95, effects)
            assert isinstance(figure, Estimate)
            kept.append(figure.low <= 0.1 <= figure.high)
    assert np.mean(plain) < 0.9, np.mean(plain)
    assert 0.92 <= np.mean(clustered) <= 0.985, np.mean(clustered)


def test_no_shared_inputs_no_design_effect() -> None:
    assert shared_inputs(["pass"], ["fail"], None, [("pass", "pass")], None) == SharedInputs()
    assert shared_inputs(["pass", "fail"], ["fail", "fail"], ["x", "y"], [], None) == SharedInputs()


@pytest.mark.parametrize("labelled", [60, 200])
def test_rogan_gladen(labelled: int) -> None:
    """Over true rates, judges and calibration sets: it carries the uncertainty of all three shares."""
    rng = np.random.default_rng(labelled)
    covered = []
    for theta, sensitivity, specificity in product((0.2, 0.5, 0.85), (0.75, 0.95), (0.7, 0.9)):
        held = []
        for _ in range(300):
            half = labelled // 2
            tp, tn = rng.binomial(half, sensitivity), rng.binomial(half, specificity)
            passed = rng.binomial(1000, theta * sensitivity + (1 - theta) * (1 - specificity))
            figure = rogan_gladen(passed, 1000, Confusion(tp, half - tp, half - tn, tn))
            if not isinstance(figure, Refused):
                held.append(figure.low <= theta <= figure.high)
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.975, covered
    assert min(covered) >= 0.91, covered


def test_ignoring_the_judges_own_uncertainty_would_not_cover() -> None:
    """What the full interval is for: one for p alone, with the rates taken as known, covers far too little."""
    rng = np.random.default_rng(12)
    theta, sensitivity, specificity, held = 0.7, 0.85, 0.8, []
    for _ in range(400):
        q1, q0 = rng.binomial(40, sensitivity) / 40, rng.binomial(40, specificity) / 40
        p = wilson(int(rng.binomial(1000, theta * sensitivity + (1 - theta) * (1 - specificity))), 1000)
        held.append((p.low + q0 - 1) / (q0 + q1 - 1) <= theta <= (p.high + q0 - 1) / (q0 + q1 - 1))
    assert np.mean(held) < 0.6


def test_corrected_pass_rate_of_a_run_with_labels_drawn_at_random() -> None:
    rng = np.random.default_rng(13)
    covered = []
    for theta, sensitivity, specificity in ((0.3, 0.9, 0.8), (0.7, 0.8, 0.8), (0.85, 0.95, 0.7)):
        held = []
        for _ in range(300):
            tp, fn, fp, tn = rng.multinomial(100, shares(theta, sensitivity, specificity)).tolist()
            passed = rng.binomial(400, theta * sensitivity + (1 - theta) * (1 - specificity))
            figure = corrected_pass_rate(Confusion(tp, fn, fp, tn), int(passed), 400)
            if not isinstance(figure, Refused):
                held.append(figure.low <= theta <= figure.high)
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.98, covered


# What a judge says it is (confidence) to how often it is right.
CALIBRATION: dict[str, Callable[[Floats], Floats]] = {
    "calibrated": lambda sure: sure,
    "overconfident": lambda sure: np.maximum(0, sure - 0.25),
    "slightly overconfident": lambda sure: np.maximum(0, sure - 0.05),
    "as often whatever it says": lambda sure: np.full_like(sure, 0.7),
    "underconfident": lambda sure: np.minimum(1, sure + 0.15),
    "always right": lambda sure: np.ones_like(sure),
    "off at one level": lambda sure: np.where(sure > 0.9, 0.5, sure),
}
# Levels at random within one bin, over five bins, and over all ten.
CONFIDENCE: dict[str, tuple[float, float]] = {"one": (0.9, 1.0), "five": (0.5, 1.0), "ten": (0.0, 1.0)}


def bins_of(sure: Floats, right: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """What `calibration_errors` takes, of confidences and outcomes of shape (n_tables, n_items)."""
    inside = np.ceil(sure * 10)[:, :, None] == np.arange(1, 11)
    n, means = inside.sum(axis=1).astype(np.float64), (inside * sure[:, :, None]).sum(axis=1)
    means = means / np.maximum(1, n)
    within = np.square(sure - (inside * means[:, None, :]).sum(axis=2)).sum(axis=1)
    return n, (inside * right[:, :, None]).sum(axis=1), means, within


@pytest.mark.parametrize("n", SIZES)
def test_calibration_error(n: int) -> None:
    """On the safe side: chance gaps only ever add, so the interval may cover more than it says, and never much less."""
    rng = np.random.default_rng(n)
    covered = {}
    for (spread, (low, high)), (kind, rate) in product(CONFIDENCE.items(), CALIBRATION.items()):
        middle = low + (high - low) * (np.arange(20_000) + 0.5) / 20_000
        truth = calibration_errors(*bins_of(middle[None, :], rate(middle)[None, :]))[0][0]
        sure = rng.uniform(low, high, (400, n))
        _, least, most = calibration_errors(*bins_of(sure, (rng.random(sure.shape) < rate(sure)).astype(np.float64)))
        covered[spread, kind] = float(((least <= truth + 1e-9) & (truth <= most)).mean())
    assert 0.97 <= np.mean(list(covered.values())) <= 0.995, covered
    assert min(covered.values()) >= 0.925, covered


def test_calibration_error_of_one_judge_is_that_of_its_table() -> None:
    rng = np.random.default_rng(14)
    sure = rng.random(80)
    right = rng.random(80) < sure
    figure = expected_calibration_error(sure.tolist(), right.tolist())
    assert isinstance(figure, Estimate)
    table = calibration_errors(*bins_of(sure[None, :], right[None, :].astype(np.float64)))
    assert (figure.value, figure.low, figure.high) == pytest.approx([float(end[0]) for end in table])


@pytest.mark.parametrize("n", SIZES)
def test_calibration_error_of_a_calibrated_judge_reaches_zero(n: int) -> None:
    rng = np.random.default_rng(14)
    for levels in ((0.95,), (0.55, 0.65, 0.75, 0.85, 0.95), tuple(np.arange(0.05, 1, 0.1))):
        sure = rng.choice(levels, (1000, n))
        low = calibration_errors(*bins_of(sure, (rng.random(sure.shape) < sure).astype(np.float64)))[1]
        assert (low <= 1e-9).mean() >= 0.95, levels
