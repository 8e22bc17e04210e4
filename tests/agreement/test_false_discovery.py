from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from dikast.agreement.false_discovery import benjamini_hochberg
from dikast.errors import InputError


def test_it_rejects_what_statsmodels_does() -> None:
    rng = np.random.default_rng(1)
    for n in (1, 2, 7, 40):
        p_values = list(rng.random(n) ** 3)
        assert benjamini_hochberg(p_values, 0.1) == list(multipletests(p_values, 0.1, method="fdr_bh")[0])


def test_nothing_is_rejected_of_nothing() -> None:
    assert benjamini_hochberg([], 0.1) == []


@pytest.mark.parametrize(("p_values", "rate"), [([1.2], 0.1), ([0.5], 0.0)])
def test_what_is_no_probability_is_refused(p_values: list[float], rate: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        benjamini_hochberg(p_values, rate)
