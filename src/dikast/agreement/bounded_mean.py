"""The mean of bounded values (absolute errors, Agr, squared errors) with an interval that is honest for few items."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats, cluster_codes, design_effect
from dikast.agreement.estimate import Estimate, Figure, Undefined, check_level
from dikast.errors import InputError

_END_MASS = 0.5
_MAX_DRAWS, _MIN_DRAWS, _BUDGET = 10_000, 2_000, 20_000_000
_SEED = 1981  # the year of Rubin's paper


def bounded_mean(
    values: Floats,
    lowest: float,
    highest: float,
    *,
    groups: Sequence[Hashable] | None = None,
    worth: float = 1.0,
    level: float = 0.95,
) -> Figure:
    """The mean of values that lie in [lowest, highest], with its interval.

    values: shape (n_items,). worth: how many items one counts for, where something else is known besides. Undefined
    without items. Raises InputError when a value is outside the bounds.
    The interval is the Bayesian bootstrap's (Rubin 1981, doi:10.1214/aos/1176345338) with half an item added at the
    bound that each end lies towards, and half an item at the furthest value seen on the other side: so it keeps a width
    when all values are the same, and isn't pushed beyond small errors by a bound that is far off. Simulated coverage
    for absolute errors on a five-point scale, from nearly all 0 to uniform: 95.1 to 95.4 % on average at n = 30, 60,
    200, the worst corner .92; Student's t covers 87 % at n = 30, .59 in its worst corner. Seeded: the same values give
    the same interval.

    >>> bounded_mean(np.array([0.0, 1.0, 1.0, 2.0]), 0, 4).value
    1.0
    """
    check_level(level)
    n = values.size
    if n == 0:
        return Undefined("there are no items", 0)
    outside = values[(values < lowest - 1e-9) | (values > highest + 1e-9)]
    if outside.size:
        raise InputError(f"the value {float(outside[0])!r} is outside {lowest:g} to {highest:g}")
    mean = float(values.mean())
    deff = design_effect(values - mean, cluster_codes(groups, n))
    support, counts = np.unique(values, return_counts=True)
    draws = max(_MIN_DRAWS, min(_MAX_DRAWS, _BUDGET // support.size))
    rng = np.random.default_rng(_SEED)
    weights = rng.standard_gamma(counts * worth / deff, size=(draws, support.size))
    outer, inner = rng.standard_gamma(_END_MASS, size=(2, draws))
    sums, total = np.einsum("ij,j->i", weights, support), weights.sum(axis=1) + outer + inner
    low = np.quantile((sums + outer * lowest + inner * support[-1]) / total, (1 - level) / 2)
    high = np.quantile((sums + outer * highest + inner * support[0]) / total, (1 + level) / 2)
    method = "Bayesian bootstrap" if deff == 1.0 else f"Bayesian bootstrap, design effect {deff:.2f}"
    ends = max(lowest, min(float(low), mean)), min(highest, max(float(high), mean))
    return Estimate(mean, *ends, n, method, level)
