"""Intervals for correlations and the like: delete one item, or one cluster, and see how far the statistic moves.

The interval is built on Fisher's z, where a correlation is close to normal, or on the plain scale for a difference of
two statistics, with Student's t. It is deterministic, and clusters need nothing new.

Chosen by simulated coverage of 95 % intervals for Spearman, tau-b and weighted kappa on five-point and continuous
scales, even and skewed, true values 0 to .97, n = 30, 60 and 200: 94.4 to 96.2 % on average, the worst corner .91.
The BCa bootstrap's worst corner is .88, the plain jackknife's .89, and .85 for Spearman's own variance formula, which
ties break.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from dikast.agreement.clusters import Floats, Ints
from dikast.agreement.estimate import Estimate, Figure, Undefined, check_level

Transform = Literal["fisher", "none"]
IndexFunction = Callable[[Ints], float]

# More units than this are left out in seeded random blocks: each recomputation is O(n log n).
_MAX_UNITS = 400
_SEED = 1956  # the year of Quenouille's paper
_EDGE = 1e-9


def jackknife_estimate(
    function: IndexFunction,
    n: int,
    *,
    codes: Ints | None = None,
    level: float = 0.95,
    transform: Transform = "fisher",
    undefined: str,
) -> Figure:
    """`function` of the items with its delete-one (item, cluster or block) jackknife interval.

    function: takes the indices of the items to use, shape (m,), and gives a value, NaN where it has none. Undefined,
    with `undefined` as the reason, when it has none for all the items, or when fewer than 3 units carry an interval.
    When no single unit moves the value (perfect agreement), the interval is `edge_interval`'s. Quenouille 1956,
    doi:10.1093/biomet/43.3-4.353; Efron & Stein 1981, doi:10.1214/aos/1176345462
    """
    check_level(level)
    value = function(np.arange(n)) if n else float("nan")
    if not np.isfinite(value):
        return Undefined(undefined if n else "there are no items", n)
    units = _units(n, codes)
    n_units = int(units.max()) + 1
    if n_units < 3:
        return Undefined(f"{n} items in {n_units} group(s): an interval needs 3 at least", n)
    left = np.array([function(np.flatnonzero(units != unit)) for unit in range(n_units)])
    left = left[np.isfinite(left)]
    at_edge = transform == "fisher" and abs(value) > 1 - _EDGE
    if at_edge or left.size < 3 or float(np.ptp(left)) < _EDGE:
        return edge_interval(value, n, _n_independent(n, codes), level)
    moved = _to(transform, left)
    spread = float(np.sqrt((left.size - 1) / left.size * np.square(moved - moved.mean()).sum()))
    centre = float(_to(transform, np.array(value)))
    reach = t_quantile(level, left.size - 1) * spread
    low, high = (float(_back(transform, np.array(centre + side * reach))) for side in (-1, 1))
    scale = {"fisher": "Fisher z", "none": "its own scale"}[transform]
    unit_name = "cluster" if codes is not None else ("item" if n <= _MAX_UNITS else "block")
    return Estimate(value, low, high, n, f"jackknife by {unit_name} on {scale}", level)


def edge_interval(value: float, n: int, n_independent: int, level: float) -> Estimate:
    """The interval of a statistic that sits at its edge, where nothing in the data shows how it varies.

    Of n independent items that all agree, the share that would not is below s = 1 − ((1−level)/2)^(1/n) with the
    confidence asked for (the rule of three). Each of those is taken to count fully against: the value moves by 2s, the
    width of a correlation's range.
    """
    reach = 2 * (1 - ((1 - level) / 2) ** (1 / n_independent))
    low = value if value <= -1 + _EDGE else value - reach
    high = value if value >= 1 - _EDGE else value + reach
    return Estimate(value, low, high, n, "rule of three (no item moves the value)", level)


def _units(n: int, codes: Ints | None) -> Ints:
    """What is left out together: items, clusters, or blocks of either when there are many."""
    units = np.arange(n) if codes is None else np.unique(codes, return_inverse=True)[1]
    n_units = int(units.max()) + 1
    if n_units <= _MAX_UNITS:
        return np.asarray(units, dtype=np.int64)
    blocks = np.random.default_rng(_SEED).permutation(n_units) % _MAX_UNITS
    return np.asarray(blocks[units], dtype=np.int64)


def _n_independent(n: int, codes: Ints | None) -> int:
    return n if codes is None else len(np.unique(codes))


def _to(transform: Transform, values: Floats) -> Floats:
    if transform == "none":
        return values
    return np.asarray(np.arctanh(np.clip(values, -1 + _EDGE, 1 - _EDGE)), dtype=np.float64)


def _back(transform: Transform, values: Floats) -> Floats:
    return values if transform == "none" else np.asarray(np.tanh(values), dtype=np.float64)


def t_quantile(level: float, freedom: float) -> float:
    """The two-sided quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))
