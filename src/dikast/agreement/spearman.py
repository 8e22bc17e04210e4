"""Spearman's rank correlation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats, cluster_codes
from dikast.agreement.estimate import Figure
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.scores import correlation, midranks, score_pair
from dikast.agreement.thin import widened_by_table


def spearman(
    judge: Sequence[float], labels: Sequence[float], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """How well the judge's order follows the labels': Pearson's correlation of the midranks.

    judge, labels: scores in item order, shape (n_items,). 1 the same order, 0 none, −1 the reverse; it doesn't see a
    judge that is too mild throughout (see `mae`). Undefined when either is constant. Raises InputError if lengths
    differ or a score is not finite. Spearman 1904, doi:10.2307/1412159. Interval: see `jackknife`,
    and `thin` where few items differ.

    >>> round(spearman([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]).value, 12)
    0.9
    """
    first, second = score_pair(judge, labels)
    codes = cluster_codes(groups, first.size)
    figure = jackknife_estimate(
        lambda items: rank_correlation(first[items], second[items]),
        first.size,
        codes=codes,
        level=level,
        undefined="the judge's scores or the labels are all the same",
    )
    return widened_by_table(figure, first, second, _of_tables, codes)


def rank_correlation(first: Floats, second: Floats) -> float:
    """The correlation itself, NaN when either is constant."""
    return correlation(midranks(first), midranks(second))


def _of_tables(shares: Floats) -> Floats:
    """The correlation of tables of shares, shape (m, rows, columns)."""
    rows, columns = shares.sum(axis=2), shares.sum(axis=1)
    first, second = (side.cumsum(axis=1) - side / 2 - 0.5 for side in (rows, columns))  # mean mid-rank is one half
    together = np.einsum("mij,mi,mj->m", shares, first, second)
    apart = (rows * first**2).sum(axis=1) * (columns * second**2).sum(axis=1)
    return np.asarray(together / np.sqrt(apart), dtype=np.float64)
