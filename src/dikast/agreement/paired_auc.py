"""Two scores' areas under the ROC curve on the same items: how much higher the first one's is."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt

import numpy as np

from dikast.agreement.auc import auc, placements
from dikast.agreement.clusters import Floats, cluster_codes
from dikast.agreement.estimate import Estimate, Figure, Undefined


def auc_difference(
    first: Sequence[float],
    second: Sequence[float],
    labels: Sequence[str],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Figure:
    """The first's AUC minus the second's, on the same items.

    first, second: numbers, labels: "pass" or "fail", shape (n_items,). Above 0 the first orders them better. Undefined,
    and wrong input, as for `auc`. The interval joins those of the two areas (see `auc`) and the correlation r of their
    estimates (DeLong, DeLong & Clarke-Pearson 1988, doi:10.2307/2531595) by MOVER (Zou & Donner 2008,
    doi:10.1002/sim.3095): with a, b from the first value and the second to the ends concerned, it reaches
    √(a² + b² − 2rab) to either side. Items of one cluster are summed up before they are correlated.

    Simulated coverage at n = 20, 40 and 100, prevalences .5 to .9, from no difference to .4 (600 samples a corner):
    97 % on average, the worst corner .93; the jackknife's falls to .72 with two items of the rarer class.

    >>> auc_difference([1, 2, 3, 4], [4, 1, 3, 2], ["fail", "fail", "pass", "pass"]).value
    0.5
    """
    figures = [auc(scores, labels, groups=groups, level=level) for scores in (first, second)]
    a, b = figures
    if isinstance(a, Undefined):
        return a
    if isinstance(b, Undefined):
        return b
    r = _correlation(first, second, labels, groups)

    def reach(to_first: float, to_second: float) -> float:
        return sqrt(max(0.0, to_first**2 + to_second**2 - 2 * r * to_first * to_second))

    value = a.value - b.value
    low = max(-1.0, value - reach(a.value - a.low, b.high - b.value))
    high = min(1.0, value + reach(a.high - a.value, b.value - b.low))
    return Estimate(value, low, high, a.n, "MOVER of two DeLong intervals", level)


def _correlation(
    first: Sequence[float], second: Sequence[float], labels: Sequence[str], groups: Sequence[Hashable] | None
) -> float:
    """Of the two areas' estimates, over items or clusters; 0 where either doesn't vary."""
    passed = np.array([word == "pass" for word in labels], dtype=np.bool_)
    size: Floats = np.where(passed, passed.sum(), (~passed).sum()).astype(np.float64)
    moves: list[Floats] = []
    for scores in (first, second):
        stands = placements(np.asarray(scores, dtype=np.float64), passed)
        moves.append((stands - float(stands[passed].mean())) / size)
    codes = cluster_codes(groups, passed.size)
    if codes is not None:
        moves = [np.bincount(codes, weights=move).astype(np.float64) for move in moves]
    spread = sqrt(float(moves[0] @ moves[0]) * float(moves[1] @ moves[1]))
    return min(1.0, max(-1.0, float(moves[0] @ moves[1]) / spread)) if spread > 0 else 0.0
