"""Intervals for smooth functions of a table of counts, such as kappa: the posterior under a weak Dirichlet prior.

The shares of the cells are drawn from Dirichlet(counts + a); the interval lies between quantiles of the function over
the draws. The prior's mass is 2 in all, which for a 2 x 2 table is Jeffreys' prior (a = 1/2 a cell).

Chosen by simulated coverage of 95 % intervals for kappa, AC1 and MCC over prevalences .1 to .95, sensitivities and
specificities .6 to .95: 94.4 to 95.1 % on average at n = 30, 60 and 200, the worst corner .90 at n = 30 and .91 beyond.
At n = 30 the BCa bootstrap covers 86 % on average for kappa, .47 in the worst corner; the delta method 83 to 90 %, .51.
The draws are seeded, so the same counts give the same interval.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dikast.agreement.clusters import Floats, Ints, design_effect
from dikast.agreement.estimate import Estimate, Figure, Undefined, check_level

_PRIOR_MASS = 2.0
_DRAWS = 10_000
_SEED = 1946  # the year of Jeffreys' paper

TableFunction = Callable[[Floats], Floats]


def jeffreys_intervals(
    counts: Floats, function: TableFunction, level: float = 0.95, draws: int = _DRAWS
) -> tuple[Floats, Floats]:
    """The interval of `function` of the cells' shares, for each of several tables: its low and high ends.

    counts: shape (n_tables, n_cells), fractions allowed. function: shares of shape (m, n_cells) to values, shape (m,).
    Draws for which the function has no value are left out. Jeffreys 1946, doi:10.1098/rspa.1946.0056
    """
    check_level(level)
    n_tables, n_cells = counts.shape
    prior = _PRIOR_MASS / n_cells
    gammas = np.random.default_rng(_SEED).standard_gamma(counts[:, None, :] + prior, size=(n_tables, draws, n_cells))
    shares = gammas / gammas.sum(axis=2, keepdims=True)
    values = function(shares.reshape(-1, n_cells)).reshape(n_tables, draws)
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return low, high


def table_estimate(
    cell: Ints, n_cells: int, function: TableFunction, codes: Ints | None, level: float, undefined: str
) -> Figure:
    """`function` of the items' table, with its interval; clusters count for as many items as they are worth.

    cell: each item's cell, shape (n_items,). Undefined, with `undefined` as the reason, when the function has no value.
    """
    n = cell.size
    if n == 0:
        return Undefined("there are no items", 0)
    counts = np.bincount(cell, minlength=n_cells).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(function((counts / n)[None, :])[0])
    if not np.isfinite(value):
        return Undefined(undefined, n)
    deff = design_effect(_influence(counts, function)[cell], codes)
    low, high = (float(end[0]) for end in jeffreys_intervals((counts / deff)[None, :], function, level))
    method = "Jeffreys posterior" if deff == 1.0 else f"Jeffreys posterior, design effect {deff:.2f}"
    return Estimate(value, min(low, value), max(high, value), n, method, level)


def _influence(counts: Floats, function: TableFunction) -> Floats:
    """What one more item in each cell does to the function, shape (n_cells,), with mean 0 over the items."""
    smooth = counts + _PRIOR_MASS / counts.size
    shares = smooth / smooth.sum()
    step = 1e-6
    nudges = step * np.eye(counts.size)
    gradient = (function(shares + nudges) - function(shares - nudges)) / (2 * step)
    centred: Floats = gradient - float((gradient * counts).sum() / counts.sum())
    return centred
