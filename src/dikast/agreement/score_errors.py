"""How far the judge's score is from the label's: mean absolute error, exact, within one, and Agr(p, q)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.estimate import Figure
from dikast.agreement.proportion import share
from dikast.agreement.scores import score_pair
from dikast.errors import InputError

Groups = Sequence[Hashable] | None

_SAME = 1e-9


def mae(
    judge: Sequence[float],
    labels: Sequence[float],
    *,
    span: float | None = None,
    groups: Groups = None,
    level: float = 0.95,
) -> Figure:
    """The mean absolute error, in points of the scale: mean |x − y|.

    judge, labels: scores in item order, shape (n_items,). span: the scale's highest minus its lowest score, which
    bounds the error; by default the range of all scores seen. 0 perfect. Undefined without items. Raises InputError
    if lengths differ, a score is not finite or an error exceeds the span. Interval: see `bounded_mean`.

    >>> mae([1, 2, 5], [1, 3, 3]).value
    1.0
    """
    first, second = score_pair(judge, labels)
    errors = np.abs(first - second)
    if span is None:
        seen = np.concatenate([first, second])
        span = float(np.ptp(seen)) if seen.size else 0.0
    return bounded_mean(errors, 0.0, span, groups=groups, level=level)


def exact(judge: Sequence[float], labels: Sequence[float], *, groups: Groups = None, level: float = 0.95) -> Figure:
    """The share of items with the very same score.

    judge, labels: scores in item order, shape (n_items,). 1 perfect. Undefined without items. Raises InputError if
    lengths differ or a score is not finite. Interval: Wilson.

    >>> exact([1, 2, 5, 4], [1, 3, 3, 4]).value
    0.5
    """
    first, second = score_pair(judge, labels)
    return share(np.abs(first - second) <= _SAME, groups=groups, level=level)


def within_one(
    judge: Sequence[float], labels: Sequence[float], *, groups: Groups = None, level: float = 0.95
) -> Figure:
    """The share of items whose scores differ by one point at most.

    judge, labels: scores in item order, shape (n_items,). 1 when none is further off; on a short scale chance alone
    is high. Undefined without items. Raises InputError if lengths differ or a score is not finite. Interval: Wilson.

    >>> within_one([1, 2, 5, 4], [1, 3, 3, 4]).value
    0.75
    """
    first, second = score_pair(judge, labels)
    return share(np.abs(first - second) <= 1 + _SAME, groups=groups, level=level)


def agr(
    judge: Sequence[float],
    labels: Sequence[float],
    *,
    p: float = 2.0,
    q: float = 2.0,
    groups: Groups = None,
    level: float = 0.95,
) -> Figure:
    """Agr(p, q): the mean of A, where A = 1 / (|x − y| + 1)^q if |x − y| < p, else 0.

    judge, labels: scores in item order, shape (n_items,). p: how far off still counts; q: how fast the credit falls.
    1 when all are exact; Agr(1, q) of whole scores is `exact`; Agr(2, 2) credits one point off with 0.25. Undefined
    without items. Raises InputError if lengths differ, a score is not finite, p ≤ 0 or q < 0. Hu et al. 2025,
    arXiv:2502.02988, section 5. Interval: see `bounded_mean`.

    >>> agr([1, 2, 5, 4], [1, 3, 3, 4]).value
    0.5625
    """
    if p <= 0 or q < 0:
        raise InputError(f"Agr(p={p!r}, q={q!r}): p must be above 0 and q not below 0")
    first, second = score_pair(judge, labels)
    distance = np.abs(first - second)
    credit = np.where(distance < p - _SAME, (distance + 1) ** -q, 0.0)
    return bounded_mean(credit, 0.0, 1.0, groups=groups, level=level)
