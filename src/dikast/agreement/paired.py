"""Two judges on the same items: how much more often the first is right, and whether chance alone would do that."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from dikast.agreement.clusters import Floats, cluster_codes, design_effect
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.wilson import normal_quantile
from dikast.errors import InputError


def paired_difference(
    first_right: ArrayLike,
    second_right: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Figure:
    """How much more often the first is right than the second on the same items: mean (first − second).

    first_right, second_right: booleans in item order, shape (n_items,). strata: one an item, such as its label; the
    difference is then the mean over strata, so with pass/fail labels that of the balanced accuracies. Above 0 the
    first is better. Undefined without items. Raises InputError if lengths differ. The interval adds one item to each
    kind of disagreement (Bonett & Price 2012, doi:10.3102/1076998611411915), so it keeps a width when they never
    disagree.

    >>> paired_difference([True, True, True, False], [True, False, False, False]).value
    0.5
    """
    first, second = np.asarray(first_right, dtype=np.float64), np.asarray(second_right, dtype=np.float64)
    if first.shape != second.shape:
        raise InputError(f"{first.size} and {second.size} outcomes: one of each an item is expected, in item order")
    n = first.size
    if n == 0:
        return Undefined("there are no items", 0)
    differences = first - second
    codes = cluster_codes(groups, n)
    parts = [np.arange(n)] if strata is None else _by_stratum(strata)
    moments = [
        _moments(differences[items], design_effect(differences[items] - differences[items].mean(), _of(codes, items)))
        for items in parts
    ]
    value = float(np.mean([differences[items].mean() for items in parts]))
    centre = float(np.mean([mean for mean, _ in moments]))
    reach = normal_quantile(level) * sqrt(sum(variance for _, variance in moments)) / len(parts)
    low, high = min(value, max(-1.0, centre - reach)), max(value, min(1.0, centre + reach))
    return Estimate(value, low, high, n, "adjusted Wald for paired shares", level)


def mcnemar_exact(first_right: ArrayLike, second_right: ArrayLike) -> float:
    """The two-sided p-value of McNemar's exact test: of the items on which just one is right, is it as often either?

    p = min(1, 2·P(X ≤ min(b, c))) with X binomial (b + c, ½). 1.0 when both are always right together. McNemar 1947,
    doi:10.1007/BF02295996

    >>> mcnemar_exact([True] * 6, [False] * 6)
    0.03125
    """
    from scipy.special import bdtr

    first, second = np.asarray(first_right, dtype=np.bool_), np.asarray(second_right, dtype=np.bool_)
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    apart = only_first + only_second
    return 1.0 if apart == 0 else min(1.0, 2 * float(bdtr(min(only_first, only_second), apart, 0.5)))


def _moments(differences: Floats, deff: float) -> tuple[float, float]:
    """The adjusted mean and its variance, for as many items as their clusters are worth."""
    n = differences.size / deff + 2
    ahead = (float((differences > 0).sum()) / deff + 1) / n
    behind = (float((differences < 0).sum()) / deff + 1) / n
    return ahead - behind, (ahead + behind - (ahead - behind) ** 2) / n


def _by_stratum(strata: Sequence[Hashable]) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    places: dict[Hashable, list[int]] = {}
    for i, stratum in enumerate(strata):
        places.setdefault(stratum, []).append(i)
    return [np.array(items, dtype=np.int64) for items in places.values()]


def _of(
    codes: np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None, items: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None:
    return None if codes is None else np.asarray(np.unique(codes[items], return_inverse=True)[1], dtype=np.int64)
