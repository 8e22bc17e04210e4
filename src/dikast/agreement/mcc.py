"""The Matthews correlation coefficient."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats
from dikast.agreement.confusion import cells
from dikast.agreement.estimate import Figure
from dikast.agreement.jeffreys import table_estimate


def mcc(
    judge: Sequence[str], labels: Sequence[str], *, groups: Sequence[Hashable] | None = None, level: float = 0.95
) -> Figure:
    """The correlation of two pass/fail ratings: (tp·tn − fp·fn) / √((tp+fn)(tp+fp)(fp+tn)(fn+tn)).

    judge, labels: "pass" or "fail" in item order, shape (n_items,). 1 perfect, 0 chance, −1 always the opposite.
    Undefined when the judge or the labels only ever say one thing (some libraries say 0 there). Raises InputError if
    lengths differ. Symmetric in its value. Matthews 1975, doi:10.1016/0005-2795(75)90109-9. Interval: see `jeffreys`.

    >>> round(mcc(["pass", "pass", "fail", "fail"], ["pass", "pass", "pass", "fail"]).value, 4)
    0.5774
    """
    table = cells(judge, labels, groups)
    reason = "the judge or the labels only ever say one thing"
    return table_estimate(table.cell, 4, _mcc, table.codes, level, reason)


def _mcc(shares: Floats) -> Floats:
    tp, fn, fp, tn = (shares[:, i] for i in range(4))
    # Four roots instead of one: the product of four small margins would underflow.
    margins = np.sqrt(tp + fn) * np.sqrt(tp + fp) * np.sqrt(fp + tn) * np.sqrt(fn + tn)
    value: Floats = (tp * tn - fp * fn) / margins
    return value
