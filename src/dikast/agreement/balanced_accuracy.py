"""Balanced accuracy, with an interval made of those of its two halves."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import hypot

from dikast.agreement.confusion import FN, FP, TN, TP, cells
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.rates import rate


def balanced_accuracy(
    judge: Sequence[str], labels: Sequence[str], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """The mean of TPR and TNR: what the judge knows, whatever the share of good items.

    judge, labels: "pass" or "fail" in item order, shape (n_items,). 1 perfect, 0.5 chance, below 0.5 worse than chance.
    Undefined unless both classes are labelled. Raises InputError if lengths differ. Brodersen et al. 2010,
    doi:10.1109/ICPR.2010.764. The interval is MOVER over the two Wilson intervals:
    low = θ − ½√((s−s_l)² + (t−t_l)²), high likewise; Zou & Donner 2008, doi:10.1002/sim.3095

    >>> balanced_accuracy(["pass", "fail", "fail", "pass"], ["pass", "fail", "pass", "fail"]).value
    0.5
    """
    table = cells(judge, labels, groups)
    halves = (
        rate(table, (TP,), (TP, FN), "no item is labelled pass", level),
        rate(table, (TN,), (TN, FP), "no item is labelled fail", level),
    )
    return mover_mean(halves, table.cell.size, level)


def mover_mean(halves: tuple[Figure, Figure], n: int, level: float) -> Figure:
    """The mean of two independent figures with the interval that carries both (MOVER)."""
    first, second = halves
    if isinstance(first, Undefined):
        return Undefined(first.reason, n)
    if isinstance(second, Undefined):
        return Undefined(second.reason, n)
    value = (first.value + second.value) / 2
    low = value - hypot(first.value - first.low, second.value - second.low) / 2
    high = value + hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value, low, high, n, "MOVER of two Wilson intervals", level)
