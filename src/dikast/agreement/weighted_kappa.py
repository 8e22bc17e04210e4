"""Cohen's kappa for ordered levels, with quadratic weights."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats, Ints, cluster_codes
from dikast.agreement.estimate import Figure
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.scores import score_pair
from dikast.agreement.thin import is_thin, spread_evenly, widened


def quadratic_weighted_kappa(
    judge: Sequence[float], labels: Sequence[float], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """Agreement of two scores beyond chance, where a miss costs its square: κ_w = 1 − mean (x−y)² / E_chance (x−y)².

    The chance expectation, over all pairs of a judge's score with a label, is s_x² + s_y² + (x̄ − ȳ)² with variances
    over n; so no levels have to be listed and scores between levels are welcome. judge, labels: scores in item order,
    shape (n_items,). 1 perfect, 0 chance, below 0 worse; unlike Spearman it sees a judge that is too mild. Undefined
    when both are one and the same constant. Raises InputError if lengths differ or a score is not finite. Cohen 1968,
    doi:10.1037/h0026256; Fleiss & Cohen 1973, doi:10.1177/001316447303300309. Interval: see `jackknife`,
    and `thin` where few items differ, under two priors: all pairs of levels alike, and agreement alone.

    >>> round(quadratic_weighted_kappa([1, 2, 3, 3], [1, 2, 3, 2]).value, 4)
    0.8
    """
    first, second = score_pair(judge, labels)
    codes = cluster_codes(groups, first.size)
    figure = jackknife_estimate(
        lambda items: _kappa(first[items], second[items]),
        first.size,
        codes=codes,
        level=level,
        undefined="the judge and the labels only ever give one and the same score",
    )
    return _widened(figure, first, second, codes)


def _kappa(first: Floats, second: Floats) -> float:
    chance = float(first.var() + second.var() + (first.mean() - second.mean()) ** 2)
    return 1 - float(((first - second) ** 2).mean()) / chance if chance > 0 else float("nan")


def _widened(figure: Figure, first: Floats, second: Floats, codes: Ints | None) -> Figure:
    if not is_thin(first, second):
        return figure
    levels, place = np.unique(np.concatenate([first, second]), return_inverse=True)
    k = levels.size
    counts = np.bincount(place[: first.size] * k + place[first.size :], minlength=k * k).astype(np.float64)

    def kappa(shares: Floats) -> Floats:
        tables = shares.reshape(-1, k, k)
        rows, columns = tables.sum(axis=2), tables.sum(axis=1)
        missed = (tables * np.square(levels[:, None] - levels[None, :])).sum(axis=(1, 2))
        means = [side @ levels for side in (rows, columns)]
        spread = sum(side @ levels**2 - mean**2 for side, mean in zip((rows, columns), means, strict=True))
        return np.asarray(1 - missed / (spread + (means[0] - means[1]) ** 2), dtype=np.float64)

    return widened(figure, counts, [spread_evenly(k * k), np.eye(k).ravel() / k], kappa, codes)
