"""Why a share changed: because other items came, or because the same kind of item fares differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from dikast.agreement.estimate import Estimate, Undefined
from dikast.agreement.wilson import normal_quantile

RARE = 5
"""Values with fewer items than this on either side are taken together."""

OTHER = "(rare)"


@dataclass(frozen=True, slots=True)
class Part:
    """One value: its share of the items and its rate, before and after."""

    share_before: float
    share_after: float
    rate_before: float
    rate_after: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The change of a rate, as the sum of two: composition (other items) and within (another rate for the same)."""

    change: Estimate
    composition: Estimate
    within: Estimate
    parts: dict[str, Part]


Counts = Mapping[str, tuple[int, int]]
"""By value: hits, and items."""


def kitagawa(
    before: Counts, after: Counts, level: float = 0.95, *, scale: float = 1.0, scale_error: float = 0.0
) -> Decomposition | Undefined:
    """The change of a rate between two sets of items, told apart by the values of one dimension.

    composition = Σ (w₁ − w₀)(r₀ + r₁)/2, within = Σ (w₀ + w₁)/2·(r₁ − r₀), with w a value's share of the items and r
    its rate; they add up to the change. A value that only one side has brings no change within it. scale: what a
    difference of the judge's rates is worth on the corrected scale, 1/(q₀ + q₁ − 1), and its relative standard error.
    Intervals by the delta method, the shares multinomial and the rates binomial; a rate's variance is that of one more
    hit and one more miss, so that rates of 0 and 1 keep one. Undefined where a side has no items. Kitagawa 1955,
    doi:10.2307/2281213; Oaxaca 1973, doi:10.2307/2525981

    >>> moved = kitagawa({"a": (90, 100), "b": (50, 100)}, {"a": (45, 50), "b": (75, 150)})
    >>> round(moved.composition.value, 3), round(moved.within.value, 3)
    (-0.1, 0.0)
    """
    n0, n1 = sum(n for _, n in before.values()), sum(n for _, n in after.values())
    if not n0 or not n1:
        return Undefined("there are no items before" if not n0 else "there are no items after", n0 + n1)
    names, table = _lumped(before, after)
    hits0, items0, hits1, items1 = table
    w0, w1 = items0 / n0, items1 / n1
    r0, r1 = _rates(hits0, items0, hits1, items1), _rates(hits1, items1, hits0, items0)
    level_of, moved, weight = (r0 + r1) / 2, r1 - r0, (w0 + w1) / 2
    composition = float(((w1 - w0) * level_of).sum())
    within = float((weight * moved).sum())
    v0, v1 = _variances(hits0, items0), _variances(hits1, items1)
    of_shares = _multinomial(w0, level_of, n0) + _multinomial(w1, level_of, n1)
    composition_error = of_shares + float((((w1 - w0) / 2) ** 2 * (v0 + v1)).sum())
    within_error = _multinomial(w0, moved / 2, n0) + _multinomial(w1, moved / 2, n1)
    within_error += float((weight**2 * (v0 + v1)).sum())
    p0, p1 = float(hits0.sum()) / n0, float(hits1.sum()) / n1
    change_error = float(_variances(hits0.sum(), np.float64(n0)) + _variances(hits1.sum(), np.float64(n1)))

    def estimate(value: float, variance: float) -> Estimate:
        scaled = value * scale
        reach = normal_quantile(level) * sqrt(variance * scale**2 + (scaled * scale_error) ** 2)
        return Estimate(scaled, scaled - reach, scaled + reach, n0 + n1, "Kitagawa, delta method", level)

    return Decomposition(
        change=estimate(p1 - p0, change_error),
        composition=estimate(composition, composition_error),
        within=estimate(within, within_error),
        parts={name: Part(float(w0[i]), float(w1[i]), float(r0[i]), float(r1[i])) for i, name in enumerate(names)},
    )


Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def _lumped(before: Counts, after: Counts) -> tuple[list[str], Floats]:
    """The values that are frequent enough on a side, the rest as one; hits and items of both sides, shape (4, n)."""
    rows: dict[str, list[int]] = {}
    for value in {**before, **after}:
        (hits0, n0), (hits1, n1) = before.get(value, (0, 0)), after.get(value, (0, 0))
        name = value if max(n0, n1) >= RARE else OTHER
        row = rows.setdefault(name, [0, 0, 0, 0])
        for place, count in enumerate((hits0, n0, hits1, n1)):
            row[place] += count
    return list(rows), np.array(list(rows.values()), dtype=np.float64).T


def _rates(hits: Floats, items: Floats, other_hits: Floats, other_items: Floats) -> Floats:
    """Each value's rate; the other side's where this one has no item."""
    safe = np.where(items > 0, hits / np.maximum(items, 1), other_hits / np.maximum(other_items, 1))
    return np.asarray(safe, dtype=np.float64)


def _variances(hits: Floats | np.float64, items: Floats | np.float64) -> Floats:
    rate = (hits + 1) / (items + 2)
    return np.asarray(rate * (1 - rate) / np.maximum(items, 1) * (items > 0), dtype=np.float64)


def _multinomial(shares: Floats, gradient: Floats, n: int) -> float:
    mean = float((shares * gradient).sum())
    return (float((shares * gradient**2).sum()) - mean**2) / n
