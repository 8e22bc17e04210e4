"""Maps of confidence: equal to the libraries', and used only where they hold."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.isotonic import IsotonicRegression

from dikast.agreement.calibration_map import calibration_map, fit_log_odds, isotonic_steps


def test_isotonic_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    sure = np.round(rng.uniform(0.5, 1, 300), 2)
    right = (rng.random(300) < sure).astype(float)
    x, y = isotonic_steps(sure, right)
    assert np.abs(IsotonicRegression().fit(sure, right).predict(x) - y).max() < 1e-9


def test_platt_is_the_maximum_likelihood_fit() -> None:
    rng = np.random.default_rng(1)
    sure = rng.uniform(0.5, 0.99, 300)
    right = (rng.random(300) < 0.6).astype(float)
    k, m = right.sum(), (1 - right).sum()
    soft = np.where(right > 0, (k + 1) / (k + 2), 1 / (m + 2))
    rows = np.column_stack([np.log(sure / (1 - sure)), np.ones(300)])
    fitted = sm.GLM(soft, rows, family=sm.families.Binomial()).fit(tol=1e-14)
    assert fit_log_odds(sure, right, shift=True) == pytest.approx(tuple(fitted.params), abs=1e-9)


def test_it_holds_for_a_judge_that_is_too_sure_and_not_for_a_calibrated_one() -> None:
    rng = np.random.default_rng(2)
    sure = rng.uniform(0.5, 1, 800)
    found = calibration_map(sure.tolist(), (rng.random(800) < 0.5 + 0.5 * (sure - 0.5)).tolist())
    assert found.holds
    assert found.apply([0.95])[0] < 0.85
    held = [
        calibration_map(sure[i : i + 80].tolist(), (rng.random(80) < sure[i : i + 80]).tolist()).holds
        for i in range(0, 720, 8)
    ]
    assert np.mean(held) <= 0.06


def test_few_labels_bear_no_map() -> None:
    found = calibration_map([0.9] * 20, [True] * 20)
    assert (found.kind, found.holds) == ("none", False)
    assert "10 more are needed" in found.why
    assert found.apply([0.7]) == [0.7]
