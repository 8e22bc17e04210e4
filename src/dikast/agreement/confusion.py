"""The four ways in which a pass/fail verdict and a label meet. "pass" is the positive class throughout.

So TPR is the share of good items that the judge passes, and TNR the share of bad ones that it fails.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from dikast.agreement.clusters import Ints, cluster_codes
from dikast.errors import InputError

TP, FN, FP, TN = range(4)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts by label and verdict: tp (pass, passed), fn (pass, failed), fp (fail, passed), tn (fail, failed)."""

    tp: int
    fn: int
    fp: int
    tn: int

    @property
    def n(self) -> int:
        """All items."""
        return self.tp + self.fn + self.fp + self.tn


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Each item's cell of the confusion (0 tp, 1 fn, 2 fp, 3 tn), shape (n_items,), and its cluster if it has one."""

    cell: Ints
    codes: Ints | None = None

    @property
    def counts(self) -> Ints:
        """How many items are in each cell, shape (4,)."""
        return np.bincount(self.cell, minlength=4).astype(np.int64)

    @property
    def confusion(self) -> Confusion:
        """The counts by name."""
        tp, fn, fp, tn = (int(count) for count in self.counts)
        return Confusion(tp, fn, fp, tn)


def cells(judge: Sequence[str], labels: Sequence[str], groups: Sequence[Hashable] | None = None) -> Cells:
    """Where each item falls in the confusion.

    judge, labels: "pass" or "fail" in item order, shape (n_items,). Raises InputError for other words or lengths.

    >>> cells(["pass", "fail", "pass"], ["pass", "pass", "fail"]).confusion
    Confusion(tp=1, fn=1, fp=1, tn=0)
    """
    if len(judge) != len(labels):
        raise InputError(
            f"{len(judge)} verdicts and {len(labels)} labels: one label a verdict is expected, in item order"
        )
    for name, words in (("verdict", judge), ("label", labels)):
        strange = next((word for word in words if word not in ("pass", "fail")), None)
        if strange is not None:
            raise InputError(f'{name} {strange!r}: "pass" or "fail" is expected')
    verdict_fails = np.array([word == "fail" for word in judge], dtype=np.int64)
    label_fails = np.array([word == "fail" for word in labels], dtype=np.int64)
    return Cells(2 * label_fails + verdict_fails, cluster_codes(groups, len(judge)))
