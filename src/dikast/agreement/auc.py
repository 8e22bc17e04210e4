"""The area under the ROC curve, for a judge that scores what people passed or failed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from dikast.agreement.clusters import Floats, Ints, cluster_codes, design_effect
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.jackknife import t_quantile
from dikast.agreement.scores import midranks
from dikast.agreement.wilson import wilson
from dikast.errors import InputError

Bools = NDArray[np.bool_]


def auc(
    scores: Sequence[float],
    labels: Sequence[str],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Figure:
    """The chance that a passed item scores higher than a failed one, ties counting half.

    AUC = (R − m(m+1)/2) / (mk), where R is the sum of the m passed items' midranks among m + k. scores: numbers,
    labels: "pass" or "fail", shape (n_items,). 1 perfect order, 0.5 chance, below 0.5 worse than chance. Undefined
    unless both classes are labelled. Raises InputError if lengths differ, a score is not finite or a label is another
    word. Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747

    The interval is on the logit, with the variance of DeLong, DeLong & Clarke-Pearson 1988 (doi:10.2307/2531595) and
    Student's t (Welch-Satterthwaite). Simulated coverage is 92 to 99 % at n = 30, 60 and 200, down to three items of
    the rarer class. Where the classes don't overlap at all, it is Wilson's for as many items as the rarer class has.
    Clusters multiply the variance by their design effect.

    >>> auc([1, 2, 3, 4], ["fail", "pass", "fail", "pass"]).value
    0.75
    """
    values, passed = _read(scores, labels)
    n, rarer = values.size, int(min(passed.sum(), (~passed).sum()))
    if rarer == 0:
        return Undefined(f"no item is labelled {'fail' if passed.any() else 'pass'}" if n else "there are no items", n)
    value = area_under_curve(values, passed)
    variance, freedom = _delong(values, passed, value, cluster_codes(groups, n))
    if value in (0.0, 1.0) or variance <= 0:
        bound = wilson(value * rarer, rarer, level)
        return Estimate(value, bound.low, bound.high, n, f"Wilson for the {rarer} item(s) of the rarer class", level)
    reach = t_quantile(level, freedom) * sqrt(variance) / (value * (1 - value))
    low, high = (1 / (1 + exp(-(log(value / (1 - value)) + side * reach))) for side in (-1, 1))
    return Estimate(value, low, high, n, "DeLong on the logit", level)


def area_under_curve(values: Floats, passed: Bools) -> float:
    """The area itself, NaN when a class is missing. values, passed: shape (n_items,)."""
    m = int(passed.sum())
    k = passed.size - m
    if m == 0 or k == 0:
        return float("nan")
    return float((midranks(values)[passed].sum() - m * (m + 1) / 2) / (m * k))


def placements(values: Floats, passed: Bools) -> Floats:
    """How each item stands among those of the other class: the share that it is on the right side of, ties half.

    values, passed: shape (n_items,), with both classes. The mean over either class is the area.
    """
    m, k = int(passed.sum()), int((~passed).sum())
    ranks = midranks(values)
    stands = np.empty(values.size)
    stands[passed] = (ranks[passed] - midranks(values[passed])) / k
    stands[~passed] = 1 - (ranks[~passed] - midranks(values[~passed])) / m
    return stands


def _read(scores: Sequence[float], labels: Sequence[str]) -> tuple[Floats, Bools]:
    values = np.asarray(scores, dtype=np.float64)
    if values.size != len(labels):
        raise InputError(f"{values.size} scores and {len(labels)} labels: one label a score is expected, in item order")
    strange = next((word for word in labels if word not in ("pass", "fail")), None)
    if strange is not None:
        raise InputError(f'label {strange!r}: "pass" or "fail" is expected')
    if not np.isfinite(values).all():
        raise InputError(f"the score {float(values[~np.isfinite(values)][0])!r}: a finite number is expected")
    return values, np.array([word == "pass" for word in labels], dtype=np.bool_)


def _delong(values: Floats, passed: Bools, area: float, codes: Ints | None) -> tuple[float, float]:
    """The area's variance and its degrees of freedom, from how each item stands among those of the other class."""
    m, k = int(passed.sum()), int((~passed).sum())
    if min(m, k) < 2:
        return 0.0, 1.0
    stands = placements(values, passed)
    above, below = float(stands[passed].var(ddof=1)) / m, float(stands[~passed].var(ddof=1)) / k
    if above + below <= 0:
        return 0.0, 1.0
    freedom = (above + below) ** 2 / (above**2 / (m - 1) + below**2 / (k - 1))
    return (above + below) * design_effect((stands - area) / np.where(passed, m, k), codes), freedom
