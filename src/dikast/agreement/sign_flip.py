"""Is one judge better than another on the same items? Exact, by turning the signs of their differences."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dikast.agreement.clusters import Floats
from dikast.errors import InputError

_DRAWS = 20_000
_SEED = 1935  # the year of Fisher's Design of Experiments
_SAME = 1e-9


def sign_flip(differences: ArrayLike, *, strata: Sequence[Hashable] | None = None) -> float:
    """The one-sided p-value of differences (first − second) that are no better than chance: P(T ≥ t), signs turned.

    differences: in item order, shape (n_items,). strata: one an item; T is then the mean over strata of their means, as
    in balanced accuracy. If neither judge is better, each difference is as often positive as negative, given its size
    (Fisher 1935, §21). Exact where each stratum has one size of difference, as right and wrong have (McNemar's test,
    one-sided, without strata); otherwise from 20,000 seeded draws, of which the data are one. 1.0 without a difference.

    >>> sign_flip([1, 1, 1, 1, 0, 0])
    0.0625
    """
    given = np.asarray(differences, dtype=np.float64)
    if strata is not None and len(strata) != given.size:
        raise InputError(f"{given.size} differences and {len(strata)} strata: one of each an item is expected")
    places: dict[Hashable, list[int]] = {}
    for at in range(given.size):
        places.setdefault(None if strata is None else strata[at], []).append(at)
    weighted = [given[items] / (len(items) * len(places)) for items in places.values()]
    parts = [part[np.abs(part) > 0] for part in weighted]
    parts = [part for part in parts if part.size]
    if not parts:
        return 1.0
    observed = float(sum(part.sum() for part in parts))
    if all(np.ptp(np.abs(part)) < _SAME for part in parts) and len(parts) <= 2:
        return _exact(parts, observed)
    return _drawn(np.concatenate(parts), observed)


def _exact(parts: Sequence[Floats], observed: float) -> float:
    """The tail of one binomial, or of the sum of two on steps of their own."""
    sums, chances = np.zeros(1), np.ones(1)
    for part in parts:
        size, n = float(np.abs(part).mean()), part.size
        steps = np.arange(n + 1)
        sums = np.add.outer(sums, size * (2 * steps - n)).ravel()
        chances = np.multiply.outer(chances, _half(n)).ravel()
    return float(min(1.0, chances[sums >= observed - _SAME].sum()))


def _half(n: int) -> Floats:
    """The binomial (n, ½): P(X = 0) ... P(X = n)."""
    from scipy.special import gammaln

    k = np.arange(n + 1)
    found: Floats = np.exp(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) - n * np.log(2))
    return found


def _drawn(values: Floats, observed: float) -> float:
    generator = np.random.default_rng(_SEED)
    as_high = 0
    batch = max(1, 4_000_000 // values.size)
    for start in range(0, _DRAWS, batch):
        signs = generator.integers(0, 2, size=(min(batch, _DRAWS - start), values.size)) * 2 - 1
        as_high += int((signs @ values >= observed - _SAME).sum())
    return (as_high + 1) / (_DRAWS + 1)
