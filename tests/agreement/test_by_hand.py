"""Each statistic against arithmetic that is written out above its assert."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import dikast.agreement
from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.calibration import brier, expected_calibration_error, reliability
from dikast.agreement.clusters import cluster_codes, design_effect
from dikast.agreement.cohen_kappa import cohen_kappa
from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.estimate import Estimate, Figure, Undefined, as_json
from dikast.agreement.f1 import f1
from dikast.agreement.fleiss_kappa import fleiss_kappa
from dikast.agreement.gwet_ac1 import gwet_ac1
from dikast.agreement.kendall_tau import kendall_tau_b
from dikast.agreement.krippendorff_alpha import krippendorff_alpha
from dikast.agreement.mcc import mcc
from dikast.agreement.paired import mcnemar_exact, paired_difference
from dikast.agreement.pairwise import accuracy_with_ties, accuracy_without_ties, order_consistency
from dikast.agreement.proportion import share
from dikast.agreement.rates import accuracy, precision, recall, tnr, tpr
from dikast.agreement.score_errors import agr, exact, mae, within_one
from dikast.agreement.spearman import spearman
from dikast.agreement.weighted_kappa import quadratic_weighted_kappa
from dikast.agreement.wilson import wilson
from dikast.errors import InputError

MODULES = [module.name for module in pkgutil.iter_modules(dikast.agreement.__path__)]


def value(figure: Figure) -> float:
    assert isinstance(figure, Estimate), figure
    assert figure.low <= figure.value <= figure.high
    return figure.value


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"dikast.agreement.{name}")
    assert doctest.testmod(module).failed == 0


def table(tp: int, fn: int, fp: int, tn: int) -> tuple[list[str], list[str]]:
    judge = ["pass"] * tp + ["fail"] * fn + ["pass"] * fp + ["fail"] * tn
    return judge, ["pass"] * (tp + fn) + ["fail"] * (fp + tn)


# tp 40, fn 10, fp 5, tn 45: n = 100
JUDGE, LABELS = table(40, 10, 5, 45)


def test_rates() -> None:
    assert cells(JUDGE, LABELS).confusion == Confusion(40, 10, 5, 45)
    assert value(accuracy(JUDGE, LABELS)) == 0.85  # (40 + 45) / 100
    assert value(tpr(JUDGE, LABELS)) == 0.8  # 40 / 50
    assert value(tnr(JUDGE, LABELS)) == 0.9  # 45 / 50
    assert value(precision(JUDGE, LABELS)) == pytest.approx(40 / 45)
    assert recall(JUDGE, LABELS) == tpr(JUDGE, LABELS)
    assert value(f1(JUDGE, LABELS)) == pytest.approx(80 / 95)  # 2·40 / (2·40 + 5 + 10)
    assert value(balanced_accuracy(JUDGE, LABELS)) == pytest.approx(0.85)  # (0.8 + 0.9) / 2


def test_wilson_interval() -> None:
    # 8 of 10, z² = 3.8415: centre (0.8 + 0.19207) / 1.38415 = 0.71674
    # half-width 1.95996 · √(0.016 + 0.0096037) / 1.38415 = 0.22657
    estimate = wilson(8, 10)
    assert (estimate.low, estimate.high) == (pytest.approx(0.49016, abs=1e-5), pytest.approx(0.94331, abs=1e-5))
    # none of n: 0 to z² / (n + z²) = 3.8415 / 33.8415
    assert (wilson(0, 30).low, wilson(0, 30).high) == (0.0, pytest.approx(0.113514, abs=1e-6))
    assert wilson(30, 30).high == 1.0


def test_balanced_accuracy_joins_both_wilson_intervals() -> None:
    # low = 0.85 − ½·√((0.8 − 0.66963)² + (0.9 − 0.78640)²) = 0.85 − ½·0.17292 = 0.76354
    figure = balanced_accuracy(JUDGE, LABELS)
    assert isinstance(figure, Estimate)
    assert figure.low == pytest.approx(0.76354, abs=2e-5)


def test_kappa_ac1_mcc() -> None:
    # p_o = 0.85; margins 0.45/0.55 and 0.5/0.5: p_e = 0.45·0.5 + 0.55·0.5 = 0.5; κ = 0.35 / 0.5
    assert value(cohen_kappa(JUDGE, LABELS)) == pytest.approx(0.7)
    # π = (0.45 + 0.5)/2 = 0.475; p_e = 2·0.475·0.525 = 0.49875; AC1 = 0.35125 / 0.50125
    assert value(gwet_ac1(JUDGE, LABELS)) == pytest.approx(0.35125 / 0.50125)
    # (40·45 − 5·10) / √(50·45·50·55) = 1750 / 2487.4686
    assert value(mcc(JUDGE, LABELS)) == pytest.approx(1750 / (50 * 45 * 50 * 55) ** 0.5)


def test_ordinal_errors() -> None:
    judge, labels = [1, 2, 3, 5], [1, 3, 3, 2]  # distances 0, 1, 0, 3
    assert value(mae(judge, labels)) == 1.0
    assert value(exact(judge, labels)) == 0.5
    assert value(within_one(judge, labels)) == 0.75
    assert value(agr(judge, labels)) == pytest.approx((1 + 1 / 4 + 1 + 0) / 4)
    assert value(agr(judge, labels, p=1)) == value(exact(judge, labels))
    assert value(agr(judge, labels, p=4, q=1)) == pytest.approx((1 + 1 / 2 + 1 + 1 / 4) / 4)


def test_rank_correlations() -> None:
    judge, labels = [1, 2, 3, 4, 5], [2, 1, 4, 3, 5]
    # Σd² = 1+1+1+1+0 = 4: ρ = 1 − 6·4/(5·24) = 0.8; 2 of 10 pairs are discordant: τ = (8 − 2)/10
    assert value(spearman(judge, labels)) == pytest.approx(0.8)
    assert value(kendall_tau_b(judge, labels)) == pytest.approx(0.6)


def test_weighted_kappa_by_the_weight_matrix() -> None:
    judge, labels = [1, 2, 3, 3, 1, 2], [1, 2, 3, 2, 2, 3]
    # Σ (x−y)² over items = 3; over all 36 pairs of a judge's and a label's score:
    expected = sum((x - y) ** 2 for x in judge for y in labels) / 36
    assert value(quadratic_weighted_kappa(judge, labels)) == pytest.approx(1 - (3 / 6) / expected)


def test_auc_counts_pairs() -> None:
    # passed 3, 2; failed 2, 1: wins (3>2), (3>1), (2>1), one tie: 3.5 of 4
    assert value(auc([3, 2, 2, 1], ["pass", "pass", "fail", "fail"])) == 0.875


def test_pairs() -> None:
    judge, labels = ["a", "b", "tie", "a", "tie"], ["a", "a", "tie", "tie", "b"]
    assert value(accuracy_with_ties(judge, labels)) == 0.4  # items 1 and 3
    assert value(accuracy_without_ties(judge, labels)) == pytest.approx(1 / 3)  # of items 1, 2 and 5, the first
    assert value(order_consistency(["a", "b", "tie"], ["a", "a", "tie"])) == pytest.approx(2 / 3)


def test_several_raters() -> None:
    ratings = [["p", "p", "p"], ["p", "p", "f"], ["f", "f", "f"], ["p", "f", "f"]]
    # pairs that agree: (1 + 1/3 + 1 + 1/3)/4 = 2/3; p = f = 6/12: P_e = 1/2: κ = (2/3 − 1/2)/(1/2) = 1/3
    assert value(fleiss_kappa(ratings)) == pytest.approx(1 / 3)
    # D_o = 1 − 2/3 = 1/3; D_e = 2·6·6/(12·11) = 6/11: α = 1 − 11/18
    assert value(krippendorff_alpha(ratings)) == pytest.approx(7 / 18)


def test_calibration() -> None:
    confidence, right = [0.9, 0.9, 0.6, 0.6], [True, True, True, False]
    # bins: |1 − 0.9| and |0.5 − 0.6|, half the items each: 0.1; squares: (0.01 + 0.01 + 0.16 + 0.36)/4
    assert value(expected_calibration_error(confidence, right)) == pytest.approx(0.1)
    assert value(brier(confidence, right)) == pytest.approx(0.135)
    bins = reliability([0.0, 0.05, 0.1, 0.95, 1.0], [False, False, True, True, True])
    assert [(b.low, b.high, b.right.n) for b in bins] == [(0.0, 0.1, 3), (0.9, 1.0, 2)]


def test_paired_difference_and_mcnemar() -> None:
    first, second = [1, 1, 1, 1, 0, 1, 1, 0], [1, 0, 0, 0, 0, 1, 1, 1]
    assert value(paired_difference(first, second)) == pytest.approx((3 - 1) / 8)
    # 3 against 1 discordant: p = 2·(C(4,0) + C(4,1))/16 = 0.625
    assert mcnemar_exact(first, second) == pytest.approx(0.625)
    # strata: the first four lead by 3/4, the last four by −1/4: mean 1/4
    strata = ["x"] * 4 + ["y"] * 4
    assert value(paired_difference(first, second, strata=strata)) == pytest.approx(0.25)
    # adjusted Wald without strata: n = 10, shares 4/10 and 2/10, variance (0.6 − 0.04)/10
    figure = paired_difference(first, second)
    assert isinstance(figure, Estimate)
    assert figure.high == pytest.approx(0.2 + 1.959964 * 0.056**0.5, abs=1e-6)


def test_design_effect() -> None:
    # two groups of two, all the same within: influences ½, ½, −½, −½: G/(G−1) · (1² + 1²)/(4·¼) = 2·2/1 = 4;
    # times (t/z)² with 1 degree of freedom: (12.70620/1.959964)² = 42.0279
    codes = cluster_codes(["x", "x", "y", "y"], 4)
    assert design_effect(np.array([0.5, 0.5, -0.5, -0.5]), codes) == pytest.approx(4 * 42.0279, rel=1e-5)
    # opposite within groups: chance never narrows an interval
    assert design_effect(np.array([0.5, -0.5, 0.5, -0.5]), codes) == pytest.approx(42.0279, rel=1e-5)
    assert design_effect(np.array([0.5, -0.5]), None) == 1.0
    assert cluster_codes(["x", "y"], 2) is None
    assert cluster_codes(None, 5) is None


def test_clusters_widen_the_interval() -> None:
    hits = [True] * 20 + [False] * 20 + [True] * 20
    alone, together = share(hits), share(hits, groups=[i // 5 for i in range(60)])
    assert isinstance(alone, Estimate)
    assert isinstance(together, Estimate)
    assert alone.value == together.value
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert "design effect" in together.method


def test_bounded_mean_keeps_a_width_when_all_are_the_same() -> None:
    figure = bounded_mean(np.zeros(30), 0, 4)
    assert isinstance(figure, Estimate)
    assert figure.value == figure.low == 0
    assert 0.05 < figure.high < 0.4


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (accuracy([], []), "no items"),
        (tpr(["pass"], ["fail"]), "labelled pass"),
        (tnr(["pass"], ["pass"]), "labelled fail"),
        (precision(["fail"], ["pass"]), "passes no item"),
        (f1(["fail"], ["fail"]), "have a pass"),
        (balanced_accuracy(["pass", "fail"], ["pass", "pass"]), "labelled fail"),
        (cohen_kappa(["x"] * 5, ["x"] * 5), "one and the same"),
        (cohen_kappa([], []), "no items"),
        (mcc(["pass", "pass"], ["pass", "fail"]), "only ever"),
        (spearman([1, 1, 1], [1, 2, 3]), "all the same"),
        (spearman([1, 2], [1, 2]), "needs 3"),
        (kendall_tau_b([1, 1, 1], [1, 2, 3]), "all the same"),
        (quadratic_weighted_kappa([2, 2, 2], [2, 2, 2]), "same score"),
        (auc([1, 2], ["pass", "pass"]), "labelled fail"),
        (accuracy_without_ties(["a"], ["tie"]), "tie"),
        (krippendorff_alpha([["x"], ["y"]]), "rated twice"),
        (krippendorff_alpha([["x", "x"]] * 4), "all values"),
        (fleiss_kappa([["x", "x"], ["x"]]), "different numbers"),
        (expected_calibration_error([], []), "confidence"),
    ],
)
def test_undefined_has_a_reason(figure: Figure, reason: str) -> None:
    assert isinstance(figure, Undefined)
    assert reason in figure.reason
    assert as_json(figure)["value"] is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy(["pass"], []), "1 verdicts and 0 labels"),
        (lambda: tpr(["good"], ["pass"]), "'good'"),
        (lambda: spearman([1.0, float("nan")], [1, 2]), "verdict 1"),
        (lambda: accuracy_with_ties(["a"], ["c"]), "'c'"),
        (lambda: wilson(3, 2), "3 of 2"),
        (lambda: wilson(1, 2, level=95), "95"),
        (lambda: agr([1], [1], p=0), "p=0"),
        (lambda: brier([1.5], [True]), "1.5"),
        (lambda: krippendorff_alpha([["x", "y"]], "ordinal"), "ordinal values are numbers"),
        (lambda: mae([1, 9], [1, 2], span=4), "outside 0 to 4"),
        (lambda: share([True, False], groups=["x"]), "1 groups for 2 items"),
        (lambda: auc([float("inf")], ["pass"]), "inf"),
    ],
)
def test_bad_input_says_what_was_given(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # type: ignore[operator]


def test_perfect_agreement_still_has_a_width() -> None:
    scores = [1, 2, 3, 4, 5] * 6
    for statistic in (spearman, kendall_tau_b, quadratic_weighted_kappa):
        figure = statistic(scores, scores)
        assert isinstance(figure, Estimate)
        assert figure.value == pytest.approx(1)
        # rule of three: s = 1 − 0.025^(1/30) = 0.1157, each of those taken as opposite: 1 − 2s
        assert figure.low == pytest.approx(1 - 2 * (1 - 0.025 ** (1 / 30)))
    figure = cohen_kappa(["pass", "fail"] * 15, ["pass", "fail"] * 15)
    assert isinstance(figure, Estimate)
    assert 0.7 < figure.low < 0.95
