"""Cohen's kappa for ordered levels, with quadratic weights."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from dikast.agreement.clusters import Floats, cluster_codes
from dikast.agreement.estimate import Figure
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.scores import score_pair


def quadratic_weighted_kappa(
    judge: Sequence[float], labels: Sequence[float], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """Agreement of two scores beyond chance, where a miss costs its square: κ_w = 1 − mean (x−y)² / E_chance (x−y)².

    The chance expectation, over all pairs of a judge's score with a label, is s_x² + s_y² + (x̄ − ȳ)² with variances
    over n; so no levels have to be listed and scores between levels are welcome. judge, labels: scores in item order,
    shape (n_items,). 1 perfect, 0 chance, below 0 worse; unlike Spearman it sees a judge that is too mild. Undefined
    when both are one and the same constant. Raises InputError if lengths differ or a score is not finite. Cohen 1968,
    doi:10.1037/h0026256; Fleiss & Cohen 1973, doi:10.1177/001316447303300309. Interval: see `jackknife`.

    >>> round(quadratic_weighted_kappa([1, 2, 3, 3], [1, 2, 3, 2]).value, 4)
    0.8
    """
    first, second = score_pair(judge, labels)
    return jackknife_estimate(
        lambda items: _kappa(first[items], second[items]),
        first.size,
        codes=cluster_codes(groups, first.size),
        level=level,
        undefined="the judge and the labels only ever give one and the same score",
    )


def _kappa(first: Floats, second: Floats) -> float:
    chance = float(first.var() + second.var() + (first.mean() - second.mean()) ** 2)
    return 1 - float(((first - second) ** 2).mean()) / chance if chance > 0 else float("nan")
