"""Choosing among judges on the same items: exact tests, allowed errors, giving up, and what choosing flatters by."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dikast.agreement.choosing import error_allowed, hoped, lead
from dikast.agreement.optimism import optimism
from dikast.agreement.sign_flip import sign_flip
from dikast.errors import InputError

SIGNS = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=12)


@given(SIGNS)
def test_without_strata_it_is_the_one_sided_sign_test(differences: list[int]) -> None:
    ahead, apart = differences.count(1), len(differences) - differences.count(0)
    wanted = stats.binomtest(ahead, apart, 0.5, alternative="greater").pvalue if apart else 1.0
    assert sign_flip(differences) == pytest.approx(wanted, abs=1e-9)


@given(SIGNS, SIGNS)
def test_with_strata_it_counts_every_way_to_turn_the_signs(first: list[int], second: list[int]) -> None:
    strata = ["a"] * len(first) + ["b"] * len(second)
    weights = [1 / (2 * len(first))] * len(first) + [1 / (2 * len(second))] * len(second)
    values = [d * w for d, w in zip([*first, *second], weights, strict=True) if d]
    totals = [0.0]
    for value in values:
        totals = [total + sign * value for total, sign in product(totals, (1, -1))]
    wanted = sum(total >= sum(values) - 1e-9 for total in totals) / len(totals)
    assert sign_flip([*first, *second], strata=strata) == pytest.approx(wanted, abs=1e-9)


def test_scores_are_drawn_and_agree_with_a_permutation_test() -> None:
    differences = np.random.default_rng(1).normal(0.1, 0.3, 40)
    known = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", alternative="greater", n_resamples=20_000, rng=2
    )
    assert sign_flip(differences) == pytest.approx(known.pvalue, abs=0.01)
    assert sign_flip(differences) == sign_flip(differences)


def test_no_difference_and_unequal_lengths() -> None:
    assert sign_flip([0, 0, 0]) == 1.0
    assert sign_flip([]) == 1.0
    with pytest.raises(InputError, match="3 differences and 1 strata"):
        sign_flip([1, 0, 1], strata=["a"])


def test_the_errors_of_all_rounds_together_stay_under_5_percent() -> None:
    assert sum(7 * error_allowed(number, 7) for number in range(1, 60)) <= 0.05
    assert error_allowed(1, 0) == 0.025


def test_a_lead_is_sure_by_interval_and_exact_test() -> None:
    half = np.array([1.0, 0.0] * 20)
    strata = ["pass", "fail"] * 20
    found = lead(np.ones(40), half, strata, 0.005)
    assert found is not None
    assert found.is_sure
    assert found.p == 2**-20
    same = lead(half, half, strata, 0.005)
    assert same is not None
    assert not same.is_sure
    assert same.low < 0 < same.high
    scores = lead(np.full(40, 0.9), np.full(40, 0.4), None, 0.005)
    assert scores is not None
    assert scores.is_sure
    assert lead(np.array([]), np.array([]), None, 0.005) is None


def test_hope_is_what_was_seen_and_no_more() -> None:
    against = np.array([1.0, 0.0] * 20)
    assert hoped(against, against).tolist() == against.tolist()  # all was seen
    good = hoped(np.ones(10), against)
    assert good.mean() == 1.0
    useless = hoped(against[:20], against)  # changed nothing of ten that were wrong: few may still be mended
    assert useless[20:].mean() < 0.75
    worse = hoped(np.zeros(20), against)
    assert worse[20:].mean() < 0.5
    assert ((worse >= 0) & (worse <= 1)).all()


def test_optimism_of_the_best_of_many_that_are_all_the_same() -> None:
    """Twenty judges that are right by a coin of 0.7: the best leads by luck alone, and that is found."""
    generator = np.random.default_rng(7)
    said, luck = [], []
    for _ in range(30):
        worths = (generator.random((20, 100)) < 0.7).astype(float)
        said.append(optimism(worths, lambda drawn, w=worths: int(w[:, drawn].mean(axis=1).argmax()), samples=100))  # type: ignore[misc]
        luck.append(worths.mean(axis=1).max() - 0.7)
    assert np.mean(luck) <= np.mean(said) <= 1.4 * np.mean(luck)  # on the cautious side


def test_without_a_choice_there_is_no_optimism() -> None:
    assert optimism(np.ones((1, 10)), lambda drawn: 0) == 0.0
    assert optimism(np.ones((3, 10)), lambda drawn: 0, strata=["a"] * 9 + ["b"]) == 0.0
    assert optimism(np.array([[1.0, 0.0] * 20] * 2), lambda drawn: 0) < 0.02
