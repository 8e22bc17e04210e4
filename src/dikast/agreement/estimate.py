"""What a statistic returns: a value with its interval, or the reason why there is none.

Undefined is a state of its own: it has a reason and a count, and is never NaN, 0 or -1.
"""

from __future__ import annotations

from dataclasses import dataclass

from dikast.errors import InputError


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic's value, its interval, how many items carried it, and how the interval came about.

    `level` is the interval's nominal coverage.
    """

    value: float
    low: float
    high: float
    n: int
    method: str
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class Undefined:
    """A statistic that these data can't give, with the reason, and how many items there were."""

    reason: str
    n: int


Figure = Estimate | Undefined


def check_level(level: float) -> None:
    """Raises InputError unless 0 < level < 1."""
    if not 0.0 < level < 1.0:
        raise InputError(f"level={level!r}: an interval's level is between 0 and 1, such as 0.95")


def as_json(figure: Figure) -> dict[str, float | int | str | None]:
    """The figure in the shape of the figures contract; an undefined one has null for its value, and the reason.

    >>> as_json(Undefined("no fail was labelled", 0))["undefined"]
    'no fail was labelled'
    """
    if isinstance(figure, Undefined):
        return {"value": None, "low": None, "high": None, "n": figure.n, "method": None, "undefined": figure.reason}
    return {"value": figure.value, "low": figure.low, "high": figure.high, "n": figure.n, "method": figure.method}
