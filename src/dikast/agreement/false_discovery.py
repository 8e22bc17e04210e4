"""Many tests at once: which of them count, when only a small share of those may be false."""

from __future__ import annotations

from collections.abc import Sequence

from dikast.errors import InputError


def benjamini_hochberg(p_values: Sequence[float], rate: float) -> list[bool]:
    """Which hypotheses are rejected when, of all that are, at most `rate` may be rejected falsely, on average.

    The k smallest of m p-values, for the largest k with p₍ₖ₎ ≤ k·rate/m. Holds for independent tests and for those that
    depend positively, as charts of the same items do. Where nothing is true, any is rejected with a chance of at most
    `rate`. Raises InputError for a rate or a p-value outside 0..1. Benjamini & Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x; Benjamini & Yekutieli 2001, doi:10.1214/aos/1013699998

    >>> benjamini_hochberg([0.001, 0.2, 0.02], 0.05)
    [True, False, True]
    """
    if not 0 < rate < 1 or any(not 0 <= p <= 1 for p in p_values):
        raise InputError(f"rate {rate!r} and p-values: each is between 0 and 1")
    ordered = sorted(range(len(p_values)), key=lambda at: p_values[at])
    kept = 0
    for rank, at in enumerate(ordered, 1):
        if p_values[at] <= rank * rate / len(p_values):
            kept = rank
    rejected = set(ordered[:kept])
    return [at in rejected for at in range(len(p_values))]
