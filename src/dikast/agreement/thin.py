"""Intervals where little tells items apart: most scores are the same, or most ratings agree on one answer.

The jackknife sees only how the items at hand vary. When just a few of them are off the commonest value, it misses what
the next ones may bring: with nine in ten scores at the top and no true correlation, its 95 % interval covers .39 at
n = 50. There the interval is widened to hold those of posteriors as well, as in `jeffreys`: the shares of the cells of
a table are drawn from Dirichlet(counts + prior), the prior being worth one or two items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dikast.agreement.clusters import Floats, Ints
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.jeffreys import TableFunction

ENOUGH = 30
MOST_CELLS = 1000
_DRAWS = 2000
_SEED = 1763  # the year of Bayes' essay


def is_thin(*sides: Floats) -> bool:
    """Whether fewer than 30 items differ from the commonest value on one of the sides, each of shape (n_items,)."""
    return any(side.size and side.size - int(np.unique(side, return_counts=True)[1].max()) < ENOUGH for side in sides)


def widened(
    figure: Figure, counts: Floats, priors: Sequence[Floats], function: TableFunction, codes: Ints | None
) -> Figure:
    """The figure with its interval made wide enough for the posteriors' under each of the priors; seeded.

    counts, and each prior: shape (n_cells,). function: shares of shape (m, n_cells) to values, shape (m,). codes: see
    `cluster_codes`; a cluster counts as one item. As it is when there are more than 1,000 cells.
    """
    if isinstance(figure, Undefined) or counts.size > MOST_CELLS:
        return figure
    independent = 1.0 if codes is None else len(np.unique(codes)) / codes.size
    low, high = figure.low, figure.high
    for prior in priors:
        rng = np.random.default_rng(_SEED)
        drawn = rng.standard_gamma(counts * independent + prior, size=(_DRAWS, counts.size))
        with np.errstate(invalid="ignore", divide="ignore"):
            values = function(drawn / drawn.sum(axis=1, keepdims=True))
        values = values[np.isfinite(values)]
        if values.size:
            ends = np.quantile(values, [(1 - figure.level) / 2, (1 + figure.level) / 2])
            low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    if (low, high) == (figure.low, figure.high):
        return figure
    return replace(figure, low=low, high=high, method=f"{figure.method}, widened by a posterior")


def score_table(first: Floats, second: Floats) -> tuple[Floats, Floats, Floats]:
    """The levels of both, and how many items are at each pair of them, flat, shape (n_first·n_second,)."""
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    counts = np.bincount(row * columns.size + column, minlength=rows.size * columns.size).astype(np.float64)
    return rows, columns, counts


def spread_evenly(n_cells: int, mass: float = 1.0) -> Floats:
    """A prior that has no opinion: the same for every cell."""
    return np.full(n_cells, mass / n_cells)


def widened_by_table(
    figure: Figure, first: Floats, second: Floats, function: TableFunction, codes: Ints | None
) -> Figure:
    """`widened`, where either score is thin. function: of shape (m, rows, columns)."""
    if not isinstance(figure, Estimate) or not is_thin(first, second):
        return figure
    rows, columns, counts = score_table(first, second)
    return widened(
        figure,
        counts,
        [spread_evenly(counts.size)],
        lambda shares: function(shares.reshape(-1, rows.size, columns.size)),
        codes,
    )
