"""Fleiss' kappa: agreement of a fixed number of raters an item."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats, Ints, cluster_codes
from dikast.agreement.estimate import Figure, Undefined
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.thin import ENOUGH, MOST_CELLS, widened


def fleiss_kappa(
    ratings: Sequence[Sequence[Hashable]], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """Agreement of m raters an item beyond chance: κ = (P̄ − P_e) / (1 − P_e).

    P̄ is the mean over items of the share of rater pairs that agree, P_e = Σ_k p_k² over all ratings. ratings: one
    sequence an item, all of the same length m ≥ 2; who gave them doesn't matter. 1 perfect, 0 chance, below 0 worse
    than chance. Undefined when items have different numbers of ratings (`krippendorff_alpha` takes those) or all
    ratings are the same. Fleiss 1971, doi:10.1037/h0031619. Interval: jackknife by item, and
    where few items differ, `thin`.

    >>> round(fleiss_kappa([["p", "p"], ["p", "f"], ["f", "f"], ["f", "f"]]).value, 4)
    0.4667
    """
    n = len(ratings)
    sizes = {len(item) for item in ratings}
    if len(sizes) != 1 or min(sizes) < 2:
        return Undefined(
            "the items have different numbers of ratings, or fewer than two; Krippendorff's alpha takes those", n
        )
    codes = {value: i for i, value in enumerate(sorted({v for item in ratings for v in item}, key=repr))}
    table = np.zeros((n, len(codes)))
    for row, item in zip(table, ratings, strict=True):
        np.add.at(row, [codes[value] for value in item], 1.0)
    clusters = cluster_codes(groups, n)
    figure = jackknife_estimate(
        lambda items: _kappa(table[items]),
        n,
        codes=clusters,
        level=level,
        undefined="all ratings are the same",
    )
    return _widened(figure, table, clusters)


def _kappa(table: Floats) -> float:
    m = float(table[0].sum())
    agreeing = float((((table**2).sum(axis=1) - m) / (m * (m - 1))).mean())
    expected = float(((table.sum(axis=0) / table.sum()) ** 2).sum())
    return (agreeing - expected) / (1 - expected) if expected < 1 else float("nan")


def _widened(figure: Figure, table: Floats, clusters: Ints | None) -> Figure:
    """Posteriors over the ways in which items were rated; the prior is one item that agrees, and one that doesn't."""
    ways, counts = np.unique(table, axis=0, return_counts=True)
    n, k, m = len(table), table.shape[1], float(table[0].sum())
    if n - int(counts.max()) >= ENOUGH or len(ways) + k * k > MOST_CELLS:
        return figure
    agreed, split = m * np.eye(k), [m / 2 * (np.eye(k)[i] + np.eye(k)[j]) for i in range(k) for j in range(i + 1, k)]
    rows = np.concatenate([ways, agreed, *(one[None] for one in split)])
    prior = np.concatenate([np.zeros(len(ways)), np.full(k, 1 / k), np.full(len(split), 1 / max(1, len(split)))])
    known = np.concatenate([counts, np.zeros(k + len(split))]).astype(np.float64)
    agreeing = (np.square(rows).sum(axis=1) - m) / (m * (m - 1))

    def kappas(shares: Floats) -> Floats:
        expected = np.square(shares @ rows / m).sum(axis=1)
        return np.asarray((shares @ agreeing - expected) / (1 - expected), dtype=np.float64)

    return widened(figure, known, [prior], kappas, clusters)
