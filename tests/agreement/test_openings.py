"""What k openings of the sealed test cost, against integration by scipy and against a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from dikast.agreement.openings import cost_in_words, expected_best, optimism


@pytest.mark.parametrize("k", [1, 2, 3, 5, 10, 50])
def test_the_expected_best_is_that_of_order_statistics(k: int) -> None:
    whole, _ = integrate.quad(lambda x: k * x * stats.norm.pdf(x) * stats.norm.cdf(x) ** (k - 1), -12, 12, epsabs=1e-12)
    assert expected_best(k) == pytest.approx(whole, abs=1e-9)


def test_it_is_what_choosing_the_best_of_equal_judges_gains() -> None:
    chance = np.random.default_rng(3)
    best = chance.binomial(200, 0.9, size=(20_000, 4)).max(axis=1) / 200
    assert optimism(4, 200, 0.9) == pytest.approx(best.mean() - 0.9, abs=0.002)


def test_one_opening_costs_nothing() -> None:
    assert optimism(1, 50, 0.9) == optimism(0, 50, 0.9) == optimism(3, 0, 0.9) == 0.0
    with pytest.raises(ValueError, match="expected 1 or more"):
        expected_best(0)


def test_the_words() -> None:
    assert "has not been opened" in cost_in_words([], 40)
    assert cost_in_words(["a"], 40) == (
        "The sealed test was opened once, for one version of a judge: its figures stand as they are."
    )
    assert "opened 2 times, for one version" in cost_in_words(["a", "a"], 40)
    assert "3 times, for 2 versions: the best of them may look up to 2.7 points better" in cost_in_words(
        ["a", "b", "a"], 40
    )
