"""Whether a judge's confidence means what it says: reliability bins, expected calibration error, Brier score."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.clusters import Floats
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.wilson import normal_quantile, wilson
from dikast.errors import InputError

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The items whose confidence lies in (low, high]: their mean confidence, and how often they were right."""

    low: float
    high: float
    mean_confidence: float
    right: Estimate


def reliability(
    confidence: Sequence[float], right: Sequence[bool], *, bins: int = 10, level: float = 0.95
) -> list[ReliabilityBin]:
    """The reliability diagram: for each bin of confidence that has items, the share of right verdicts, with interval.

    confidence: in [0, 1], how sure the judge was of the verdict it gave; right: whether the label says the same; both
    of shape (n_items,). bins: of equal width; the first holds 0 too. Raises InputError if lengths differ or a
    confidence is outside [0, 1]. DeGroot & Fienberg 1983, doi:10.2307/2987588

    >>> [(b.high, b.mean_confidence, b.right.value) for b in reliability([0.75, 0.75], [True, False], bins=2)]
    [(1.0, 0.75, 0.5)]
    """
    sure, hit = check_confidence(confidence, right)
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    found = []
    for b in np.unique(place):
        inside = place == b
        estimate = wilson(int(hit[inside].sum()), int(inside.sum()), level)
        found.append(ReliabilityBin(float(b / bins), float((b + 1) / bins), float(sure[inside].mean()), estimate))
    return found


def expected_calibration_error(
    confidence: Sequence[float], right: Sequence[bool], *, bins: int = 10, level: float = 0.95
) -> Figure:
    """The mean gap between confidence and being right, over bins: ECE = Σ_b n_b/n · |right_b − confidence_b|.

    confidence, right: as in `reliability`. 0 calibrated. Undefined without items. The value is too high for few
    items, as chance gaps never cancel. So the interval's low end counts only the gaps that reach outside their bin's
    own interval, widened for the number of bins (Bonferroni): of a calibrated judge it is 0 in 95 of 100 samples or
    more. The high end joins the bins' intervals and the chance of how many items fall into each
    (MOVER). Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602

    >>> expected_calibration_error([0.9, 0.9, 0.6, 0.6], [True, True, True, False]).value
    0.1
    """
    found = reliability(confidence, right, bins=bins, level=level)
    n = sum(b.right.n for b in found)
    if n == 0:
        return Undefined("no verdict has a confidence", 0)
    value = low = beyond = squares = 0.0
    strict = 1 - (1 - level) / len(found)
    for b in found:
        weight, gap = b.right.n / n, abs(b.right.value - b.mean_confidence)
        wide = wilson(round(b.right.value * b.right.n), b.right.n, strict)
        nearest = max(0.0, wide.low - b.mean_confidence, b.mean_confidence - wide.high)
        furthest = max(abs(b.right.low - b.mean_confidence), abs(b.right.high - b.mean_confidence))
        value += weight * gap
        low += weight * nearest
        beyond += (weight * (furthest - gap)) ** 2
        squares += weight * gap * gap
    # How many items fall into each bin is chance as well.
    beyond += normal_quantile(level) ** 2 * max(0.0, squares - value * value) / n
    value = round(value, 12)
    return Estimate(
        value, min(low, value), min(1.0, value + sqrt(beyond)), n, "gaps outside the bins' Wilson intervals", level
    )


def brier(
    confidence: Sequence[float],
    right: Sequence[bool],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Figure:
    """The mean squared error of the confidence: mean (confidence − right)², with right as 0 or 1.

    confidence, right: as in `reliability`. 0 perfect, 0.25 what always saying 0.5 gives. Undefined without items.
    Raises InputError as `reliability`. Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2. Interval:
    `bounded_mean`.

    >>> brier([0.9, 0.6], [True, False]).value
    0.185
    """
    sure, hit = check_confidence(confidence, right)
    return bounded_mean((sure - hit) ** 2, 0.0, 1.0, groups=groups, level=level)


def check_confidence(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Floats, Bools]:
    """Both as arrays. Raises InputError if lengths differ or a confidence is outside [0, 1]."""
    sure = np.asarray(confidence, dtype=np.float64)
    hit = np.asarray(right, dtype=np.bool_)
    if sure.shape != hit.shape:
        raise InputError(f"{sure.size} confidences and {hit.size} outcomes: one of each an item is expected")
    outside = sure[~((sure >= 0) & (sure <= 1))]
    if outside.size:
        raise InputError(f"the confidence {float(outside[0])!r}: a number from 0 to 1 is expected")
    return sure, hit
