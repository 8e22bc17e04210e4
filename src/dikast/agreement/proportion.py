"""Shares of items, with intervals for as many items as their clusters are worth."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dikast.agreement.clusters import cluster_codes, design_effect
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.wilson import normal_quantile, wilson

__all__ = ["normal_quantile", "share", "wilson"]


def share(
    success: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
    empty: str = "there are no items",
) -> Figure:
    """The share of true items with its Wilson interval, for as many items as their clusters are worth.

    success: booleans, shape (n_items,). groups: one an item; items of one group are taken as dependent, and n becomes
    n / deff (see `clusters`). Undefined, with `empty` as the reason, when there are no items.

    >>> share([True, True, False, True]).value
    0.75
    >>> share([], empty="no item was labelled fail")
    Undefined(reason='no item was labelled fail', n=0)
    """
    hits = np.asarray(success, dtype=np.float64)
    n = hits.size
    if n == 0:
        return Undefined(empty, 0)
    p = float(hits.mean())
    deff = design_effect(hits - p, cluster_codes(groups, n))
    estimate = wilson(float(hits.sum()) / deff, n / deff, level)
    method = "Wilson" if deff == 1.0 else f"Wilson, design effect {deff:.2f}"
    return Estimate(p, estimate.low, estimate.high, n, method, level)
