"""The Wilson interval, from which most pass/fail figures are made. It needs no numerical library."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from dikast.agreement.estimate import Estimate, check_level
from dikast.errors import InputError


def normal_quantile(level: float) -> float:
    """The two-sided standard normal quantile: 1.96 for 0.95.

    >>> round(normal_quantile(0.95), 4)
    1.96
    """
    check_level(level)
    return NormalDist().inv_cdf(0.5 + level / 2)


def wilson(successes: float, n: float, level: float = 0.95) -> Estimate:
    """A proportion p = x / n with its Wilson score interval.

    centre = (p + z²/2n) / (1 + z²/n); half-width = z / (1 + z²/n) · √(p(1−p)/n + z²/4n²)

    successes, n: counts, scalars; fractions are allowed (effective sizes). The interval lies in [0, 1] and keeps its
    width at p = 0 and p = 1, where the textbook interval has none. Raises InputError if n is 0 or successes is outside
    0..n. Wilson 1927, doi:10.1080/01621459.1927.10502953; its coverage: Brown, Cai & DasGupta 2001,
    doi:10.1214/ss/1009213286

    >>> estimate = wilson(8, 10)
    >>> estimate.value, round(estimate.low, 4), round(estimate.high, 4)
    (0.8, 0.4902, 0.9433)
    """
    if n <= 0 or not 0 <= successes <= n:
        raise InputError(f"{successes!r} of {n!r}: a proportion needs n above 0 and successes from 0 to n")
    z2 = normal_quantile(level) ** 2
    p = successes / n
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(p, low, high, round(n), "Wilson", level)
