"""What must not change a figure: the items' order, the raters' names, which rater comes first, words for classes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.cohen_kappa import cohen_kappa
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.f1 import f1
from dikast.agreement.fleiss_kappa import fleiss_kappa
from dikast.agreement.gwet_ac1 import gwet_ac1
from dikast.agreement.kendall_tau import kendall_tau_b
from dikast.agreement.krippendorff_alpha import krippendorff_alpha
from dikast.agreement.mcc import mcc
from dikast.agreement.paired import paired_difference
from dikast.agreement.rates import accuracy, tnr, tpr
from dikast.agreement.score_errors import agr, exact, mae, within_one
from dikast.agreement.spearman import spearman
from dikast.agreement.weighted_kappa import quadratic_weighted_kappa
from dikast.agreement.wilson import wilson

WORDS = st.sampled_from(["pass", "fail"])
VERDICT_PAIRS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=40)
SCORE_PAIRS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=3, max_size=25)

# Each example draws or recomputes hundreds of times for its interval.
FEW = settings(max_examples=15)

Statistic = Callable[..., Figure]
TABLES: list[Statistic] = [accuracy, balanced_accuracy, f1, cohen_kappa, gwet_ac1, mcc]
SCORES: list[Statistic] = [spearman, kendall_tau_b, quadratic_weighted_kappa, mae, exact, within_one, agr]


def value(figure: Figure) -> float | None:
    return figure.value if isinstance(figure, Estimate) else None


def same(first: Figure, second: Figure) -> bool:
    """The same value, and the same interval."""
    if isinstance(first, Undefined) or isinstance(second, Undefined):
        return first == second
    ours = (first.value, first.low, first.high)
    return ours == pytest.approx((second.value, second.low, second.high), abs=1e-9)


@pytest.mark.parametrize("statistic", TABLES)
@FEW
@given(pairs=VERDICT_PAIRS, seed=st.integers(0, 99))
def test_order_of_items_is_nothing_to_pass_fail(statistic: Statistic, pairs: list[tuple[str, str]], seed: int) -> None:
    judge, labels = zip(*pairs, strict=True)
    order = np.random.default_rng(seed).permutation(len(pairs))
    assert same(statistic(judge, labels), statistic([judge[i] for i in order], [labels[i] for i in order]))


@pytest.mark.parametrize("statistic", SCORES)
@FEW
@given(pairs=SCORE_PAIRS, seed=st.integers(0, 99))
def test_order_of_items_is_nothing_to_scores(statistic: Statistic, pairs: list[tuple[int, int]], seed: int) -> None:
    judge, labels = zip(*pairs, strict=True)
    order = np.random.default_rng(seed).permutation(len(pairs))
    assert same(statistic(judge, labels), statistic([judge[i] for i in order], [labels[i] for i in order]))


@pytest.mark.parametrize("statistic", [accuracy, cohen_kappa, gwet_ac1, mcc, f1, *SCORES])
@FEW
@given(pairs=SCORE_PAIRS)
def test_judge_and_people_may_change_places(statistic: Statistic, pairs: list[tuple[int, int]]) -> None:
    judge, labels = zip(*pairs, strict=True)
    if statistic in TABLES:
        judge, labels = (["pass" if score > 2 else "fail" for score in side] for side in (judge, labels))
    ours, theirs = value(statistic(judge, labels)), value(statistic(labels, judge))
    assert ours == (None if theirs is None else pytest.approx(theirs))


@FEW
@given(pairs=VERDICT_PAIRS)
def test_swapping_pass_and_fail_swaps_tpr_and_tnr(pairs: list[tuple[str, str]]) -> None:
    judge, labels = zip(*pairs, strict=True)
    turned = {"pass": "fail", "fail": "pass"}
    judge_, labels_ = [turned[word] for word in judge], [turned[word] for word in labels]
    assert value(tpr(judge, labels)) == value(tnr(judge_, labels_))
    for statistic in (accuracy, balanced_accuracy, cohen_kappa, gwet_ac1, mcc):
        ours, theirs = value(statistic(judge, labels)), value(statistic(judge_, labels_))
        assert ours == (None if theirs is None else pytest.approx(theirs))


@FEW
@given(pairs=SCORE_PAIRS, factor=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_ranks_see_no_scale(pairs: list[tuple[int, int]], factor: float, shift: float) -> None:
    judge, labels = zip(*pairs, strict=True)
    moved = [factor * score + shift for score in judge]
    for statistic in (spearman, kendall_tau_b):
        assert same(statistic(judge, labels), statistic(moved, labels))


@FEW
@given(ratings=st.lists(st.lists(st.sampled_from("xyz"), min_size=1, max_size=4), min_size=3, max_size=20))
def test_names_of_categories_and_raters_are_nothing_to_alpha(ratings: list[list[str]]) -> None:
    renamed = [[{"x": "q", "y": "a", "z": "m"}[rating] for rating in reversed(item)] for item in ratings]
    ours, theirs = value(krippendorff_alpha(ratings)), value(krippendorff_alpha(renamed))
    assert ours == (None if theirs is None else pytest.approx(theirs))


@FEW
@given(ratings=st.lists(st.tuples(WORDS, WORDS), min_size=3, max_size=20))
def test_alpha_and_fleiss_of_two_raters_are_near_each_other(ratings: list[tuple[str, str]]) -> None:
    alpha, kappa = krippendorff_alpha(ratings), fleiss_kappa(ratings)
    assume(isinstance(alpha, Estimate))
    assert isinstance(alpha, Estimate)
    assert isinstance(kappa, Estimate)
    n = 2 * len(ratings)  # α corrects for the sample: α = κ + (1 − κ)/n
    assert alpha.value == pytest.approx(kappa.value + (1 - kappa.value) / n)


@FEW
@given(scores=st.lists(st.integers(0, 9), min_size=4, max_size=25), seed=st.integers(0, 99))
def test_auc_turns_with_the_scores(scores: list[int], seed: int) -> None:
    passed = np.random.default_rng(seed).random(len(scores)) < 0.5
    assume(0 < passed.sum() < len(scores))
    labels = ["pass" if one else "fail" for one in passed]
    ours, turned = value(auc(scores, labels)), value(auc([-score for score in scores], labels))
    assert ours is not None
    assert turned is not None
    assert ours + turned == pytest.approx(1)


@FEW
@given(pairs=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_paired_difference_turns_with_its_sides(pairs: list[tuple[bool, bool]]) -> None:
    first, second = zip(*pairs, strict=True)
    ours, theirs = paired_difference(first, second), paired_difference(second, first)
    assert isinstance(ours, Estimate)
    assert isinstance(theirs, Estimate)
    assert (ours.value, ours.low, ours.high) == pytest.approx((-theirs.value, -theirs.high, -theirs.low))


@FEW
@given(n=st.integers(1, 500), data=st.data())
def test_wilson_holds_its_value_and_stays_inside(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    narrow, wide = wilson(successes, n, 0.8), wilson(successes, n, 0.99)
    assert 0 <= wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high <= 1
    mirrored = wilson(n - successes, n, 0.8)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - narrow.high, 1 - narrow.low))


@pytest.mark.parametrize("statistic", [*TABLES, *SCORES])
@FEW
@given(pairs=SCORE_PAIRS)
def test_values_lie_in_their_intervals(statistic: Statistic, pairs: list[tuple[int, int]]) -> None:
    judge, labels = zip(*pairs, strict=True)
    groups = [i // 2 for i in range(len(pairs))]
    if statistic in TABLES:
        judge, labels = (["pass" if score > 2 else "fail" for score in side] for side in (judge, labels))
    for figure in (statistic(judge, labels), statistic(judge, labels, groups=groups)):
        if isinstance(figure, Estimate):
            assert figure.low <= figure.value + 1e-12
            assert figure.value <= figure.high + 1e-12
