"""Accuracy and the four rates of a pass/fail judge: shares of the confusion, each with its (modified) Wilson interval.

Exact coverage over class sizes from one item on is .94 or more, and .97 on average; see `modified_wilson`. It is above
.97 where a class is small or a rate near 1, as counts are discrete.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Ints
from dikast.agreement.confusion import FN, FP, TN, TP, Cells, cells
from dikast.agreement.estimate import Figure
from dikast.agreement.proportion import share

Groups = Sequence[Hashable] | None


def accuracy(judge: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95) -> Figure:
    """The share of items on which the judge says what the label says: (tp + tn) / n.

    judge, labels: "pass" or "fail" in item order, shape (n_items,). 1 perfect; chance depends on how many pass, so read
    it beside the majority baseline. Undefined without items. Raises InputError if lengths differ.

    >>> accuracy(["pass", "fail", "fail"], ["pass", "fail", "pass"]).value
    0.6666666666666666
    """
    return rate(cells(judge, labels, groups), (TP, TN), (TP, FN, FP, TN), "there are no items", level)


def tpr(judge: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95) -> Figure:
    """The share of items labelled pass that the judge passes (sensitivity): tp / (tp + fn).

    judge, labels: "pass" or "fail" in item order, shape (n_items,). 1 when no good item is failed. Undefined when no
    item is labelled pass. Raises InputError if lengths differ. Yerushalmy 1947, doi:10.2307/4586294

    >>> tpr(["pass", "fail", "fail"], ["pass", "fail", "pass"]).value
    0.5
    """
    return rate(cells(judge, labels, groups), (TP,), (TP, FN), "no item is labelled pass", level)


def tnr(judge: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95) -> Figure:
    """The share of items labelled fail that the judge fails (specificity): tn / (tn + fp).

    judge, labels: "pass" or "fail" in item order, shape (n_items,). 1 when no bad item gets through. Undefined when no
    item is labelled fail. Raises InputError if lengths differ. Yerushalmy 1947, doi:10.2307/4586294

    >>> tnr(["pass", "fail", "fail"], ["pass", "fail", "pass"]).value
    1.0
    """
    return rate(cells(judge, labels, groups), (TN,), (TN, FP), "no item is labelled fail", level)


def precision(judge: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95) -> Figure:
    """The share of items the judge passes that are labelled pass: tp / (tp + fp).

    judge, labels: "pass" or "fail" in item order, shape (n_items,). It moves with the share of good items, so it
    holds for data like these only. Undefined when the judge passes nothing. Raises InputError if lengths differ.

    >>> precision(["pass", "fail", "fail"], ["pass", "fail", "pass"]).value
    1.0
    """
    return rate(cells(judge, labels, groups), (TP,), (TP, FP), "the judge passes no item", level)


def recall(judge: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95) -> Figure:
    """The same as `tpr`, under the name that goes with precision.

    >>> recall(["pass", "fail"], ["pass", "pass"]).value
    0.5
    """
    return tpr(judge, labels, groups=groups, level=level)


def rate(table: Cells, hits: tuple[int, ...], among: tuple[int, ...], empty: str, level: float) -> Figure:
    """The share of the items in the cells `among` that are in the cells `hits`."""
    eligible = np.isin(table.cell, among)
    codes: Ints | None = None if table.codes is None else table.codes[eligible]
    groups = None if codes is None else codes.tolist()
    return share(np.isin(table.cell[eligible], hits), groups=groups, level=level, empty=empty)
