"""Two scores an item, read once: the judge's and the label's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dikast.agreement.clusters import Floats
from dikast.errors import InputError


def score_pair(judge: Sequence[float], labels: Sequence[float]) -> tuple[Floats, Floats]:
    """Both as arrays of shape (n_items,). Raises InputError if lengths differ or a score is not a finite number."""
    first, second = np.asarray(judge, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise InputError(
            f"{first.size} verdicts and {second.size} labels: one label a verdict is expected, in item order"
        )
    for name, scores in (("verdict", first), ("label", second)):
        if not np.isfinite(scores).all():
            where = int(np.flatnonzero(~np.isfinite(scores))[0])
            raise InputError(f"{name} {where} has the score {scores[where]!r}: a finite number is expected")
    return first, second


def midranks(scores: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean rank, shape as given.

    >>> midranks(np.array([10.0, 30.0, 30.0])).tolist()
    [1.0, 2.5, 2.5]
    """
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[inverse]
    return ranks


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's correlation; NaN when either is constant."""
    a, b = first - first.mean(), second - second.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip((a @ b) / size, -1, 1)) if size > 0 else float("nan")
