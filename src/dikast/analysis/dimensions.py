"""Where good and bad gather: the outcome for each value of each metadata key that behaves like a dimension.

A dimension has few different values, and they come again: a feature, a language, a model; not a user's id, not a date.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.analysis.tally import ValueTally, proportion
from dikast.records import Verdict

Measure = Literal["pass_rate", "mean", "a_rate", "none"]

MAX_KEYS = 200
MAX_VALUES = 30
REPEATS = 3  # a value comes at least three times on average, or the key rather names single items
SMALL_CELL = 10  # a Wilson interval of 10 spans up to 53 points: no figure to act on
_LONGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a dimension: how many interactions, and the figure over those scored.

    small: fewer than SMALL_CELL scored. stands_out: the whole interval lies below or above the run's own figure; of
    twenty cells that do not differ, about one does so by chance.
    """

    value: str
    n: int
    figure: Figure
    small: bool
    stands_out: Literal["below", "above"] | None


@dataclass(frozen=True, slots=True)
class Dimension:
    """A metadata key with its values, the lowest figure first. `missing`: interactions without the key."""

    key: str
    measure: Measure
    cells: tuple[Cell, ...]
    missing: int


@dataclass(slots=True)
class _CellTally:
    n: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    overall: ValueTally = field(default_factory=ValueTally)

    def add(self, verdict: Verdict) -> None:
        self.n += 1
        if verdict.status != "scored":
            return
        if verdict.verdict is not None:
            self.outcomes[verdict.verdict] += 1
        if verdict.overall is not None:
            self.overall.add(verdict.overall)

    def figure(self, measure: Measure, scale: tuple[float, float] | None) -> Figure:
        nothing = "nothing was scored"
        if measure == "pass_rate":
            return proportion(self.outcomes["pass"], self.outcomes["pass"] + self.outcomes["fail"], nothing)
        if measure == "a_rate":
            return proportion(self.outcomes["a"], self.outcomes["a"] + self.outcomes["b"], "nothing was decided")
        return self.overall.mean_interval(scale) if measure == "mean" else Undefined(nothing, 0)


class DimensionTally:
    """Counts outcomes by metadata while a run is read; a key with too many values is dropped as soon as that shows."""

    def __init__(self) -> None:
        self._keys: dict[str, dict[str, _CellTally] | None] = {}
        self._n = 0

    def add(self, verdict: Verdict) -> None:
        """Count one verdict, whatever its status."""
        self._n += 1
        for key, value in verdict.metadata.items():
            label = value_label(value)
            if label is None or (key not in self._keys and len(self._keys) >= MAX_KEYS):
                continue
            cells = self._keys.setdefault(key, {})
            if cells is None:
                continue
            cells.setdefault(label, _CellTally()).add(verdict)
            if len(cells) > MAX_VALUES:
                self._keys[key] = None

    def dimensions(
        self, measure: Measure, overall: Figure, scale: tuple[float, float] | None = None
    ) -> tuple[Dimension, ...]:
        """The keys that behave like dimensions; those whose figures differ most come first."""
        if measure == "none":
            return ()
        found = [
            Dimension(key, measure, _cells(cells, measure, overall, scale), self._n - sum(c.n for c in cells.values()))
            for key, cells in self._keys.items()
            if cells is not None and _repeats(cells)
        ]
        return tuple(sorted(found, key=_width, reverse=True))


def value_label(value: Any) -> str | None:
    """A metadata value as a cell's name; None for what can't be one: prose, lists, objects.

    >>> value_label("billing"), value_label(True), value_label(["a"])
    ('billing', 'true', None)
    """
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_VALUE else None
    if isinstance(value, (bool, int, float)) or value is None:
        return msgspec.json.encode(value).decode()
    return None


def _repeats(cells: dict[str, _CellTally]) -> bool:
    return len(cells) >= 2 and sum(cell.n for cell in cells.values()) >= REPEATS * len(cells)


def _cells(
    tallies: dict[str, _CellTally], measure: Measure, overall: Figure, scale: tuple[float, float] | None
) -> tuple[Cell, ...]:
    cells = []
    for value, tally in tallies.items():
        figure = tally.figure(measure, scale)
        small = figure.n < SMALL_CELL
        cells.append(Cell(value, tally.n, figure, small, None if small else _stands_out(figure, overall)))
    return tuple(sorted(cells, key=_lowest_first))


def _lowest_first(cell: Cell) -> tuple[float, str]:
    return (cell.figure.value if isinstance(cell.figure, Estimate) else math.inf, cell.value)


def _stands_out(figure: Figure, overall: Figure) -> Literal["below", "above"] | None:
    if not isinstance(figure, Estimate) or not isinstance(overall, Estimate):
        return None
    if figure.high < overall.value:
        return "below"
    return "above" if figure.low > overall.value else None


def _width(dimension: Dimension) -> float:
    """How far its cells of some size lie apart."""
    values = [cell.figure.value for cell in dimension.cells if not cell.small and isinstance(cell.figure, Estimate)]
    return max(values) - min(values) if values else -1.0
