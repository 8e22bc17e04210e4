"""Kendall's tau-b."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats, cluster_codes
from dikast.agreement.estimate import Figure
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.scores import score_pair
from dikast.agreement.thin import widened_by_table


def kendall_tau_b(
    judge: Sequence[float], labels: Sequence[float], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """Of the pairs of items that differ, how many more are ordered alike than unlike: τ_b = (C − D) / √((N−T₁)(N−T₂)).

    C, D: concordant and discordant pairs; N all pairs; T₁, T₂ pairs tied in the judge's scores, in the labels. judge,
    labels: scores in item order, shape (n_items,). 1 the same order, 0 none, −1 the reverse. Undefined when either is
    constant. Raises InputError if lengths differ or a score is not finite. Kendall 1945, doi:10.1093/biomet/33.3.239.
    Interval: see `jackknife`, and `thin` where few items differ.

    >>> round(kendall_tau_b([1, 2, 3, 4], [1, 2, 4, 3]).value, 12)
    0.666666666667
    """
    first, second = score_pair(judge, labels)
    codes = cluster_codes(groups, first.size)
    figure = jackknife_estimate(
        lambda items: _tau_b(first[items], second[items]),
        first.size,
        codes=codes,
        level=level,
        undefined="the judge's scores or the labels are all the same",
    )
    return widened_by_table(figure, first, second, _of_tables, codes)


def _tau_b(first: Floats, second: Floats) -> float:
    """Counts pairs item by item over the distinct values of `second`, so that a scale of few levels is quick."""
    values, column = np.unique(second, return_inverse=True)
    rows, row = np.unique(first, return_inverse=True)
    if values.size * rows.size <= 4 * first.size:
        return _tau_of_table(np.bincount(row * values.size + column, minlength=rows.size * values.size), rows.size)
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic)


def _tau_of_table(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]], n_rows: int) -> float:
    table = counts.reshape(n_rows, -1).astype(np.float64)
    below = table[::-1].cumsum(axis=0)[::-1]
    below = np.vstack([below[1:], np.zeros(table.shape[1])])  # rows with a higher judge's score
    less = below.cumsum(axis=1) - below  # ... and a lower label
    more = below.sum(axis=1, keepdims=True) - below.cumsum(axis=1)
    difference = float((table * (more - less)).sum())
    n = table.sum()
    pairs = n * (n - 1) / 2
    row_ties = float((table.sum(axis=1) * (table.sum(axis=1) - 1) / 2).sum())
    column_ties = float((table.sum(axis=0) * (table.sum(axis=0) - 1) / 2).sum())
    size = np.sqrt(pairs - row_ties) * np.sqrt(pairs - column_ties)
    return float(difference / size) if size > 0 else float("nan")


def _of_tables(shares: Floats) -> Floats:
    """τ_b of tables of shares, shape (m, rows, columns)."""
    below = shares[:, ::-1].cumsum(axis=1)[:, ::-1] - shares  # rows with a higher judge's score
    up_to = below.cumsum(axis=2)
    ahead = below.sum(axis=2, keepdims=True) - up_to  # ... and a higher label
    difference = 2 * (shares * (ahead - (up_to - below))).sum(axis=(1, 2))
    ties = [np.square(shares.sum(axis=axis)).sum(axis=1) for axis in (2, 1)]
    return np.asarray(difference / np.sqrt((1 - ties[0]) * (1 - ties[1])), dtype=np.float64)
