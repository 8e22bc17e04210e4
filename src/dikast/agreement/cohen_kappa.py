"""Cohen's kappa."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats, Ints, cluster_codes
from dikast.agreement.estimate import Figure
from dikast.agreement.jeffreys import table_estimate
from dikast.errors import InputError


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Figure:
    """Agreement of two raters beyond chance: κ = (p_o − p_e) / (1 − p_e), with p_e = Σ_k p_k· p_·k.

    first, second: labels in item order, shape (n_items,), any number of categories. 1 perfect, 0 chance, below 0
    worse than chance. Undefined when p_e = 1, that is when both only ever say one and the same thing. Raises
    InputError if lengths differ. Symmetric in its value. Cohen 1960, doi:10.1177/001316446002000104. Interval: see
    `jeffreys`.

    >>> cohen_kappa("aabb", "aaab").value
    0.5
    """
    cell, k = cross_cells(first, second)
    reason = "both only ever say one and the same thing, so that chance agrees as well"
    return table_estimate(
        cell, k * k, lambda shares: _kappa(shares, k), cluster_codes(groups, len(first)), level, reason
    )


def cross_cells(first: Sequence[Hashable], second: Sequence[Hashable]) -> tuple[Ints, int]:
    """Each item's cell in the square table of two raters, row by row, shape (n_items,), and how many categories."""
    if len(first) != len(second):
        raise InputError(f"{len(first)} and {len(second)} labels: one of each an item is expected, in item order")
    categories = {category: i for i, category in enumerate(sorted(set(first) | set(second), key=repr))}
    # Two categories at least: a table of one cell has no chance agreement to speak of.
    k = max(2, len(categories))
    cell = np.array([categories[a] * k + categories[b] for a, b in zip(first, second, strict=True)], dtype=np.int64)
    return cell, k


def _kappa(shares: Floats, k: int) -> Floats:
    tables = shares.reshape(-1, k, k)
    observed = np.trace(tables, axis1=1, axis2=2)
    expected = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1)
    kappa: Floats = (observed - expected) / (1 - expected)
    return kappa
