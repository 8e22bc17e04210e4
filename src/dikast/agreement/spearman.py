"""Spearman's rank correlation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from dikast.agreement.clusters import Floats, cluster_codes
from dikast.agreement.estimate import Figure
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.scores import correlation, midranks, score_pair


def spearman(
    judge: Sequence[float], labels: Sequence[float], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """How well the judge's order follows the labels': Pearson's correlation of the midranks.

    judge, labels: scores in item order, shape (n_items,). 1 the same order, 0 none, −1 the reverse; it doesn't see a
    judge that is too mild throughout (see `mae`). Undefined when either is constant. Raises InputError if lengths
    differ or a score is not finite. Spearman 1904, doi:10.2307/1412159. Interval: see `jackknife`.

    >>> round(spearman([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]).value, 12)
    0.9
    """
    first, second = score_pair(judge, labels)
    return jackknife_estimate(
        lambda items: rank_correlation(first[items], second[items]),
        first.size,
        codes=cluster_codes(groups, first.size),
        level=level,
        undefined="the judge's scores or the labels are all the same",
    )


def rank_correlation(first: Floats, second: Floats) -> float:
    """The correlation itself, NaN when either is constant."""
    return correlation(midranks(first), midranks(second))
