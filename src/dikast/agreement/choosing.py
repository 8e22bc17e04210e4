"""Which of several changed judges to keep, on the items on which all were tried; and whether to go on trying one.

Rights are given as worths: 1 for the expert's verdict, 0 for another, and in between for a score that is near.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.clusters import Floats
from dikast.agreement.estimate import Estimate
from dikast.agreement.paired import paired_difference
from dikast.agreement.sign_flip import sign_flip
from dikast.agreement.wilson import wilson

_OPTIMISM = 0.90  # two-sided level of the limits that a candidate's rest is hoped to reach: 5 % are given up wrongly


@dataclass(frozen=True, slots=True)
class Lead:
    """How much better the first is than the second. p: one-sided, that chance alone does so much.

    `alpha` is the one-sided error that the interval's low end and `is_sure` keep to.
    """

    value: float
    low: float
    high: float
    p: float
    alpha: float

    @property
    def is_sure(self) -> bool:
        """Whether it leads by more than noise: by its interval, and by the exact test."""
        return self.low > 0 and self.p <= self.alpha


def error_allowed(number: int, candidates: int, *, error: float = 0.05) -> float:
    """The one-sided error of one test in round `number` (from 1) of `candidates`: error / 2^number / candidates.

    Summed over all candidates and however many rounds it stays under `error` (Bonferroni), so that this is the chance
    that a whole refinement keeps anything that helps nothing.

    >>> error_allowed(1, 5), error_allowed(2, 5)
    (0.005, 0.0025)
    """
    return float(error / 2**number / max(candidates, 1))


def lead(first: Floats, second: Floats, strata: Sequence[Hashable] | None, alpha: float) -> Lead | None:
    """How much better the first is, with its interval; None without items. strata: None where worths are no rights."""
    if not first.size:
        return None
    level = 1 - 2 * alpha
    if strata is None:
        found = bounded_mean(first - second, -1.0, 1.0, level=level)
    else:
        found = paired_difference(first, second, strata=strata, level=level)
    assert isinstance(found, Estimate)  # there are items
    return Lead(found.value, found.low, found.high, sign_flip(first - second, strata=strata), alpha)


def hoped(so_far: Floats, against: Floats) -> Floats:
    """The worths of all items if the rest goes as well as may still be hoped.

    so_far: of the first items; against: the other's, of all items. The rest is taken to improve as often as the upper
    limit of what was seen allows, and to get worse as seldom as the lower one does. A candidate that would not be kept
    even so needs no more calls: giving up is no peeking, since nothing is ever kept before all items were tried.
    """
    seen, rest = so_far.size, against.size - so_far.size
    worths = np.concatenate([so_far, against[seen:]])
    if not rest:
        return worths
    before, after = against[:seen], so_far
    better = _limits(int((after > before).sum()), int((before < 1).sum()))[1]
    worse = _limits(int((after < before).sum()), int((before > 0).sum()))[0]
    loss = float((before - after)[after < before].mean()) if (after < before).any() else 0.0
    open_, safe = (seen + np.flatnonzero(found) for found in (against[seen:] < 1, against[seen:] == 1))
    worths[open_[: ceil(better * open_.size)]] = 1.0
    worths[safe[: floor(worse * safe.size)]] -= loss
    bounded: Floats = np.clip(worths, 0.0, 1.0)
    return bounded


def _limits(hits: int, n: int) -> tuple[float, float]:
    if n == 0:
        return 0.0, 1.0
    found = wilson(hits, n, _OPTIMISM)
    return found.low, found.high


__all__ = ["Lead", "error_allowed", "hoped", "lead"]
