"""How to share labels between good and bad items when the pass rate is to be corrected for the judge's errors."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from dikast.errors import InputError

_EDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Allocation:
    """How many items that people pass, and how many that they fail, to have labelled."""

    passes: int
    fails: int


def allocate(total: int, passed: float, tnr: float, tpr: float, *, pilot: int = 0) -> Allocation:
    """The split of `total` labels between classes that makes the corrected pass rate's interval short.

    m₁ = m / (1 + (1/p − 1)·√κ), m₀ = m − m₁, where κ = (n(1−q₀) + 1) / (n(1−q₁) + 1) with n labels of each class so
    far, or (1−q₀) / (1−q₁) with none. So the class that the judge errs on more, and that its verdicts find more often,
    gets more labels.

    passed: the share that the judge passes, in [0, 1]. tnr, tpr: its rates, estimated or believed. pilot: how many of
    each class are labelled already; neither class gets fewer. Raises InputError for a total under 2·pilot, or shares
    outside [0, 1]. Lee et al., arXiv:2511.21140, algorithm 1

    >>> allocate(200, 0.4, 0.7, 0.9, pilot=10)
    Allocation(passes=64, fails=136)
    """
    for name, share in (("passed", passed), ("tnr", tnr), ("tpr", tpr)):
        if not 0 <= share <= 1:
            raise InputError(f"{name}={share!r}: a share from 0 to 1 is expected")
    if total < max(1, 2 * pilot):
        raise InputError(f"{total} labels in all with {pilot} of each class labelled already: give {2 * pilot} or more")
    if passed < _EDGE:
        passes = total - pilot
    else:
        errs = (pilot * (1 - tnr) + 1) / (pilot * (1 - tpr) + 1) if pilot else (1 - tnr) / max(1 - tpr, _EDGE)
        share = total / (1 + (1 / passed - 1) * sqrt(errs))
        passes = max(pilot, round(min(total - pilot, share)))
    return Allocation(passes, total - passes)
