"""Items that share an input are not independent: what that costs, as a design effect.

An interval for n items in clusters is the one for n / deff independent items, where deff is the ratio of the variance
between clusters to the one that independent items would have (Rao & Scott 1992, doi:10.2307/2532311). An estimated
ratio under 1 is taken as 1, so that chance never makes an interval narrower than independence would. And as few
clusters say little of the variance between them, it is multiplied by (t/z)² for G − 1 degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from dikast.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def cluster_codes(groups: Sequence[Hashable] | None, n: int) -> Ints | None:
    """A number from 0 for each item's group, shape (n,); None when there are no groups, or each item is its own.

    >>> cluster_codes(["x", "y", "x"], 3).tolist()
    [0, 1, 0]
    """
    if groups is None:
        return None
    if len(groups) != n:
        raise InputError(f"{len(groups)} groups for {n} items: one group an item is expected")
    seen: dict[Hashable, int] = {}
    codes = np.array([seen.setdefault(group, len(seen)) for group in groups], dtype=np.int64)
    return None if len(seen) == n else codes


def design_effect(influence: Floats, codes: Ints | None) -> float:
    """How many times larger the variance is than for independent items: at least 1.

    deff = (t/z)² · G/(G−1) · Σ_g (Σ_{i∈g} h_i)² / Σ_i h_i², where h_i is item i's influence on the statistic, with
    mean 0.

    influence: shape (n_items,). codes: see `cluster_codes`; None gives 1. With a single group nothing can be said of
    the variance between groups: the design effect is then n, as if all of it were one item.
    """
    if codes is None or influence.size == 0:
        return 1.0
    from scipy.special import ndtri, stdtrit

    present = len(np.unique(codes))
    if present < 2:
        return float(influence.size)
    total = float(np.square(influence).sum())
    if total <= 0:
        return influence.size / present
    between = float(np.square(np.bincount(codes, weights=influence)).sum())
    few = stdtrit(present - 1, 0.975) / ndtri(0.975)
    return float(few**2 * max(1.0, present / (present - 1) * between / total))
