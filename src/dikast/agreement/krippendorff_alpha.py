"""Krippendorff's alpha: agreement of any number of raters, with gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Literal

import numpy as np

from dikast.agreement.clusters import Floats, Ints, cluster_codes
from dikast.agreement.estimate import Figure, Undefined
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.thin import ENOUGH, MOST_CELLS, widened
from dikast.errors import InputError

Measurement = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable]],
    measurement: Measurement = "nominal",
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Figure:
    """Agreement of several raters beyond chance: α = 1 − D_o / D_e.

    D_o is the mean squared difference δ² of the values given to one item, D_e that of any two values. δ² is 0 or 1 for
    nominal, (v − w)² for interval, and (Σ_{g=v..w} n_g − (n_v + n_w)/2)² for ordinal values. ratings: one sequence an
    item with the values it was given, of any length; who gave them doesn't matter, and items with fewer than two are
    left out. 1 perfect, 0 chance, below 0 worse than chance. Undefined when no item has two values, or all values are
    the same. Raises InputError when ordinal or interval values are not numbers. Krippendorff 2011, "Computing
    Krippendorff's Alpha-Reliability"; Hayes & Krippendorff 2007, doi:10.1080/19312450709336664. Interval: jackknife
    by item, and where few items differ, `thin`.

    >>> round(krippendorff_alpha([[1, 1], [1, 2], [2, 2], [2, 2]]).value, 4)
    0.5333
    """
    usable = [i for i, item in enumerate(ratings) if len(item) > 1]
    if not usable:
        return Undefined("no item was rated twice", 0)
    kept = [ratings[i] for i in usable]
    values = _values(kept, measurement)
    codes = {value: i for i, value in enumerate(values)}
    pairs = _Pairs(kept, codes)
    points = None if measurement == "nominal" else np.array(values, dtype=np.float64)
    clusters = cluster_codes(None if groups is None else [groups[i] for i in usable], len(kept))
    figure = jackknife_estimate(
        lambda items: float(_alphas(pairs.coincidences(items)[None], measurement, points)[0]),
        len(kept),
        codes=clusters,
        level=level,
        undefined="all values are the same",
    )
    return _widened(figure, kept, codes, lambda tables: _alphas(tables, measurement, points), clusters)


class _Pairs:
    """All ordered pairs of values within an item, each weighing 1 / (values of that item − 1)."""

    def __init__(self, ratings: Sequence[Sequence[Hashable]], codes: Mapping[Hashable, int]) -> None:
        self._n_values = len(codes)
        items, cells, weights = [], [], []
        for i, item in enumerate(ratings):
            given = np.array([codes[value] for value in item], dtype=np.int64)
            apart = ~np.eye(given.size, dtype=bool)
            cell = (given[:, None] * self._n_values + given[None, :])[apart]
            items.append(np.full(cell.size, i))
            cells.append(cell)
            weights.append(np.full(cell.size, 1 / (given.size - 1)))
        self._items, self._cells, self._weights = (np.concatenate(part) for part in (items, cells, weights))
        self._n_items = len(ratings)

    def coincidences(self, items: Ints) -> Floats:
        """The coincidence matrix of these items, shape (n_values, n_values)."""
        used = np.zeros(self._n_items)
        used[items] = 1.0
        size = self._n_values
        weights = (self._weights * used[self._items]).astype(np.float64)
        flat: Floats = np.bincount(self._cells, weights=weights, minlength=size * size).astype(np.float64)
        return flat.reshape(size, size)


def _values(ratings: Sequence[Sequence[Hashable]], measurement: Measurement) -> list[Hashable]:
    distinct = {value for item in ratings for value in item}
    if measurement == "nominal":
        return sorted(distinct, key=repr)
    strange = next((value for value in distinct if not isinstance(value, (int, float))), None)
    if strange is not None:
        raise InputError(f"the value {strange!r}: {measurement} values are numbers")
    return sorted(distinct)  # type: ignore[type-var]


def _alphas(coincidences: Floats, measurement: Measurement, points: Floats | None) -> Floats:
    """Alpha of several coincidence matrices, shape (m, n_values, n_values); NaN where all values are the same."""
    totals = coincidences.sum(axis=1)
    n = totals.sum(axis=1)
    if points is None:
        difference: Floats = (1.0 - np.eye(totals.shape[1]))[None]
    elif measurement == "interval":
        difference = np.square(points[:, None] - points[None, :])[None]
    else:
        middle = totals.cumsum(axis=1) - totals / 2
        difference = np.square(middle[:, :, None] - middle[:, None, :])
    expected = np.einsum("mi,mij,mj->m", totals, np.broadcast_to(difference, coincidences.shape), totals)
    observed = (coincidences * difference).sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        alphas: Floats = np.where(expected > 0, 1 - (n - 1) * observed / expected, np.nan)
    return alphas


def _widened(
    figure: Figure,
    ratings: Sequence[Sequence[Hashable]],
    codes: Mapping[Hashable, int],
    alphas: Callable[[Floats], Floats],
    clusters: Ints | None,
) -> Figure:
    """Posteriors over the ways in which items were rated; the prior is one item that agrees, and one that doesn't."""
    ways = Counter(tuple(sorted(codes[value] for value in item)) for item in ratings)
    k, size = len(codes), sum(len(item) for item in ratings) / len(ratings)
    if len(ratings) - max(ways.values()) >= ENOUGH or len(ways) + k * k > MOST_CELLS:
        return figure
    tables = [_coincidence(way, k) for way in ways]
    tables += [size * np.diag(one) for one in np.eye(k)]
    upper = [(i, j) for i in range(k) for j in range(i + 1, k)]
    tables += [size * _coincidence(pair, k) / 2 for pair in upper]
    flat = np.stack(tables).reshape(len(tables), k * k)
    counts = np.zeros(len(tables))
    counts[: len(ways)] = list(ways.values())
    prior = np.zeros(len(tables))
    prior[len(ways) : len(ways) + k], prior[len(ways) + k :] = 1 / k, 1 / max(1, len(upper))

    def function(shares: Floats) -> Floats:
        return alphas((len(ratings) * shares @ flat).reshape(-1, k, k))

    return widened(figure, counts, [prior], function, clusters)


def _coincidence(way: Sequence[int], k: int) -> Floats:
    """One item's coincidence matrix."""
    given = np.bincount(np.array(way), minlength=k).astype(np.float64)
    return np.asarray((np.outer(given, given) - np.diag(given)) / (len(way) - 1), dtype=np.float64)
