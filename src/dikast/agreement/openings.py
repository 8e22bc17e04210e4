"""What it costs to open a sealed test several times: the best of k looks better than it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

_STEPS = 4000
_FAR = 9.0


@cache
def expected_best(k: int) -> float:
    """The expected largest of k independent standard normals: E = k ∫ x φ(x) Φ(x)^(k-1) dx.

    0 for one, 0.56 for two, 0.85 for three. Raises ValueError for k < 1.

    >>> round(expected_best(2), 6) == round(1 / math.sqrt(math.pi), 6)
    True
    """
    if k < 1:
        raise ValueError(f"k is {k}: expected 1 or more")
    width = 2 * _FAR / _STEPS
    points = (-_FAR + width * step for step in range(_STEPS + 1))
    return sum(k * x * _density(x) * _below(x) ** (k - 1) for x in points) * width


def optimism(openings: int, n: int, rate: float) -> float:
    """By how much the best of several judges overstates its rate at most, in expectation: E(k) √(p (1 - p) / n).

    openings: how many different judges were measured on the same n sealed items of one class, and the best one kept.
    rate: what the best one reached. It is the most for judges that are equally good and err independently; versions of
    one judge err alike, and cost less. 0 for one opening or none.
    """
    if openings < 2 or n < 1:
        return 0.0
    return expected_best(openings) * math.sqrt(rate * (1 - rate) / n)


def cost_in_words(versions: Sequence[str], n: int, *, rate: float = 0.9) -> str:
    """What the openings so far cost, in one sentence. versions: the judge's version at each opening.

    Measuring the same version again costs nothing, since nothing was chosen by it.
    """
    times, different = len(versions), len(set(versions))
    if not times:
        return "The sealed test has not been opened."
    opened = f"The sealed test was opened {'once' if times == 1 else f'{times} times'}"
    if different < 2:
        return f"{opened}, for one version of a judge: its figures stand as they are."
    points = 100 * optimism(different, n, rate)
    return (
        f"{opened}, for {different} versions: the best of them may look up to {points:.1f} points better than it is"
        f" (at {100 * rate:g} % on {n:,} items); fresh labels make it whole again."
    )


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _below(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))
