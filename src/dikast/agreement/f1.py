"""F1 of the pass class."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from dikast.agreement.confusion import FN, FP, TP, cells
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.rates import rate


def f1(
    judge: Sequence[str], labels: Sequence[str], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """The harmonic mean of precision and recall of "pass": F1 = 2tp / (2tp + fp + fn).

    judge, labels: "pass" or "fail" in item order, shape (n_items,). 1 perfect, 0 when no good item is passed; a judge
    that passes everything gets 2π/(1+π) where π is the share of good items. Undefined when neither has a pass. Raises
    InputError if lengths differ. The interval is Wilson's for J = tp / (tp + fp + fn), carried over by
    F1 = 2J / (1 + J): given how many items either calls pass, tp is binomial with that share, so the coverage is
    Wilson's. van Rijsbergen 1979, Information Retrieval, chapter 7

    >>> f1(["pass", "fail", "fail", "pass"], ["pass", "fail", "pass", "fail"]).value
    0.5
    """
    table = cells(judge, labels, groups)
    jaccard = rate(table, (TP,), (TP, FN, FP), "neither judge nor labels have a pass", level)
    if isinstance(jaccard, Undefined):
        return Undefined(jaccard.reason, table.cell.size)
    return f1_of_jaccard(jaccard, table.cell.size)


def f1_of_jaccard(jaccard: Estimate, n: int) -> Estimate:
    """F1 and its interval from those of J = tp / (tp + fp + fn), over n items."""
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
    return Estimate(value, low, high, n, jaccard.method + " (of tp / (tp + fp + fn))", jaccard.level)
