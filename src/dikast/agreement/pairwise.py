"""Agreement on which of two outputs is better."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from dikast.agreement.estimate import Figure
from dikast.agreement.proportion import share
from dikast.errors import InputError

Groups = Sequence[Hashable] | None


def accuracy_with_ties(
    judge: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95
) -> Figure:
    """The share of pairs on which judge and label say the same of "a", "b" and "tie".

    judge, labels: shape (n_items,). 1 perfect; chance is about a third when ties are as common as wins. Undefined
    without items. Raises InputError if lengths differ or a word is another. Interval: Wilson.

    >>> accuracy_with_ties(["a", "b", "tie"], ["a", "tie", "tie"]).value
    0.6666666666666666
    """
    _check(judge, labels)
    return share([a == b for a, b in zip(judge, labels, strict=True)], groups=groups, level=level)


def accuracy_without_ties(
    judge: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95
) -> Figure:
    """Of the pairs in which people prefer one output, the share in which the judge prefers the same.

    Pairs labelled a tie are left out; a judge that says tie where people don't is wrong. judge, labels: "a", "b" or
    "tie", shape (n_items,). 1 perfect, 0.5 chance for a judge that always chooses. Undefined when all labels are
    ties. Raises InputError if lengths differ or a word is another. Interval: Wilson.

    >>> accuracy_without_ties(["a", "b", "tie"], ["a", "tie", "b"]).value
    0.5
    """
    _check(judge, labels)
    kept = [i for i, label in enumerate(labels) if label != "tie"]
    groups = None if groups is None else [groups[i] for i in kept]
    return share(
        [judge[i] == labels[i] for i in kept], groups=groups, level=level, empty="every pair is labelled a tie"
    )


def order_consistency(
    first_order: Sequence[str], second_order: Sequence[str], *, groups: Groups = None, level: float = 0.95
) -> Figure:
    """The share of pairs with the same winner when the two outputs are shown in the other order.

    first_order, second_order: what was said in each order, "a", "b" or "tie", both naming the same outputs (so "a"
    twice is consistent). shape (n_items,). 1: order never decides; 0.5 is what coin flips give. Undefined without
    items. Raises InputError if lengths differ or a word is another. Interval: Wilson.

    >>> order_consistency(["a", "a"], ["a", "b"]).value
    0.5
    """
    return accuracy_with_ties(first_order, second_order, groups=groups, level=level)


def _check(judge: Sequence[str], labels: Sequence[str]) -> None:
    if len(judge) != len(labels):
        raise InputError(
            f"{len(judge)} verdicts and {len(labels)} labels: one label a verdict is expected, in item order"
        )
    strange = next((word for word in (*judge, *labels) if word not in ("a", "b", "tie")), None)
    if strange is not None:
        raise InputError(f'{strange!r}: "a", "b" or "tie" is expected')
