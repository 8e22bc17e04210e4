"""Numbers counted in one pass and bounded memory, so that a run of any length can be summed up while it is read."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.wilson import wilson

MAX_DISTINCT = 2_000
LATENCY_QUANTILES = (0.5, 0.9, 0.95, 0.99)
_FEW = 100
_GAMMA = 1.01  # neighbouring buckets of a QuantileSketch differ by 1 %


def proportion(successes: int, n: int, empty: str) -> Figure:
    """A share with its Wilson interval, or Undefined with the reason `empty` when n is 0."""
    return wilson(successes, n) if n else Undefined(empty, 0)


class ValueTally:
    """Counts of each value, and their mean and spread.

    Mean and variance are exact (Welford). The counts are exact up to MAX_DISTINCT different values; past that, values
    are rounded to 3 significant digits, which no plot can tell from the exact ones. `rounded` says so.
    """

    def __init__(self) -> None:
        self.counts: Counter[float] = Counter()
        self.n = 0
        self.mean = 0.0
        self.rounded = False
        self._squares = 0.0

    def add(self, value: float) -> None:
        """Count one value; it is finite."""
        self.n += 1
        delta = value - self.mean
        self.mean += delta / self.n
        self._squares += delta * (value - self.mean)
        self.counts[_three_digits(value) if self.rounded else value] += 1
        if not self.rounded and len(self.counts) > MAX_DISTINCT:
            self._round()

    @property
    def variance(self) -> float | None:
        """The sample variance (n - 1), or None under two values."""
        return self._squares / (self.n - 1) if self.n > 1 else None

    def mean_interval(self, scale: tuple[float, float] | None = None) -> Figure:
        """The mean with its interval: `bounded_mean` for few or equal values on a known scale, else Student's t.

        For few values Student's t is too narrow (see `bounded_mean`), and equal values have no spread to make one of.
        """
        if self.n == 0:
            return Undefined("nothing was scored", 0)
        low, high = sorted(scale) if scale else (-math.inf, math.inf)
        inside = scale is not None and low <= min(self.counts) and max(self.counts) <= high
        if inside and (self.n < _FEW or not self.variance):
            values = np.repeat(np.array(list(self.counts)), list(self.counts.values()))
            return bounded_mean(values, low, high)
        if not self.variance:
            return Undefined(f"all {self.n:,} are {self.mean:g}, which leaves no spread to make an interval of", self.n)
        from scipy.special import stdtrit

        half = float(stdtrit(self.n - 1, 0.975)) * math.sqrt(self.variance / self.n)
        bottom, top = self.mean - half, self.mean + half
        if inside:
            bottom, top = max(low, bottom), min(high, top)
        return Estimate(self.mean, bottom, top, self.n, "Student t")

    def _round(self) -> None:
        exact, self.counts, self.rounded = self.counts, Counter(), True
        for value, count in exact.items():
            self.counts[_three_digits(value)] += count


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")


@dataclass(frozen=True, slots=True)
class Spread:
    """Where durations lie, in seconds. The percentiles are within 1 % of the exact ones."""

    n: int
    total: float
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    largest: float


class QuantileSketch:
    """Percentiles of positive numbers with a relative error of at most 1 %, in a few kilobytes.

    Logarithmic buckets, after DDSketch (Masson, Rim and Lee 2019, doi:10.14778/3352063.3352135, section 2), without its
    merging and collapsing: 1 µs to a day needs about 2,500 buckets.
    """

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._n = 0
        self._total = 0.0
        self._largest = 0.0

    def add(self, value: float) -> None:
        """Count one duration; under a microsecond counts as a microsecond."""
        self._n += 1
        self._total += value
        self._largest = max(self._largest, value)
        self._buckets[math.ceil(math.log(max(value, 1e-6), _GAMMA))] += 1

    def quantile(self, share: float) -> float:
        """The value under which `share` of the numbers lie."""
        rank = share * (self._n - 1)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen > rank:
                return min(self._largest, 2 * _GAMMA**bucket / (_GAMMA + 1))
        return self._largest

    def spread(self) -> Spread | None:
        """All figures together, or None when nothing was counted."""
        if not self._n:
            return None
        p50, p90, p95, p99 = (self.quantile(share) for share in LATENCY_QUANTILES)
        return Spread(self._n, self._total, self._total / self._n, p50, p90, p95, p99, self._largest)
