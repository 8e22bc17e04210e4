"""Gwet's AC1."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from dikast.agreement.clusters import Floats, cluster_codes
from dikast.agreement.cohen_kappa import cross_cells
from dikast.agreement.estimate import Figure
from dikast.agreement.jeffreys import table_estimate


def gwet_ac1(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Figure:
    """Agreement of two raters beyond chance, steady when one category is rare: AC1 = (p_o − p_e) / (1 − p_e).

    Here p_e = Σ_k π_k(1 − π_k) / (K − 1), where π_k is the mean share of category k over both raters. first, second:
    labels in item order, shape (n_items,); K is how many categories are used, at least 2. 1 perfect, 0 chance, below 0
    worse than chance. Undefined only without items. Raises InputError if lengths differ. Symmetric in its value.
    Gwet 2008, doi:10.1348/000711006X126600. Interval: see `jeffreys`.

    >>> round(gwet_ac1("aabb", "aaab").value, 4)
    0.5294
    """
    cell, k = cross_cells(first, second)
    return table_estimate(
        cell,
        k * k,
        lambda shares: _ac1(shares, k),
        cluster_codes(groups, len(first)),
        level,
        "there is no chance agreement",
    )


def _ac1(shares: Floats, k: int) -> Floats:
    tables = shares.reshape(-1, k, k)
    observed = np.trace(tables, axis1=1, axis2=2)
    prevalence = (tables.sum(axis=1) + tables.sum(axis=2)) / 2
    expected = (prevalence * (1 - prevalence)).sum(axis=1) / (k - 1)
    ac1: Floats = (observed - expected) / (1 - expected)
    return ac1
