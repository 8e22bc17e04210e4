"""The reliability diagram: how often the judge was right, by how sure it said it was; as a picture and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dikast.agreement.calibration import ReliabilityBin
from dikast.agreement.calibration_map import CalibrationMap
from dikast.report.figures import percent, whole_percent

# The picture's size in its own units; the square within begins at LEFT, TOP.
WIDTH, HEIGHT, LEFT, TOP, SIDE = 340, 300, 46, 10, 250
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Point:
    """One bin in the picture: its place, its interval's ends, its size, and what the table says of it."""

    x: float
    y: float
    low: float
    high: float
    radius: float
    said: str
    right: str
    interval: str
    n: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on both axes, as far from the left as from the bottom."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class ReliabilityView:
    """The whole figure. curve: the calibration map as the points of a line, "" where there is none that holds."""

    points: tuple[Point, ...]
    ticks: tuple[Tick, ...]
    curve: str
    words: str
    described: str


def reliability_view(bins: Sequence[ReliabilityBin], mapped: CalibrationMap | None) -> ReliabilityView | None:
    """The figure of these bins; None when no verdict has a confidence."""
    if not bins:
        return None
    n = sum(b.right.n for b in bins)
    points = tuple(
        Point(
            x=_x(b.mean_confidence),
            y=_y(b.right.value),
            low=_y(b.right.low),
            high=_y(b.right.high),
            radius=round(2.5 + 5.5 * (b.right.n / n) ** 0.5, 2),
            said=percent(b.mean_confidence),
            right=percent(b.right.value),
            interval=f"{b.right.low * 100:.0f} to {b.right.high * 100:.0f} %",
            n=f"{b.right.n:,}",
        )
        for b in bins
    )
    over = sum(b.right.n for b in bins if b.right.high < b.mean_confidence)
    under = sum(b.right.n for b in bins if b.right.low > b.mean_confidence)
    return ReliabilityView(
        points=points,
        ticks=tuple(Tick(_x(t), _y(t), whole_percent(t)) for t in _TICKS),
        curve=_curve(mapped),
        words=_words(over, under, n, mapped),
        described=f"Of {n:,} verdicts in {len(bins)} groups of like confidence, how often each group was right; "
        "the table below holds the figures.",
    )


def _curve(mapped: CalibrationMap | None) -> str:
    if mapped is None or not mapped.holds:
        return ""
    return " ".join(f"{_x(x)},{_y(y)}" for x, y in mapped.knots)


def _words(over: int, under: int, n: int, mapped: CalibrationMap | None) -> str:
    """What the diagram says."""
    said = []
    if over:
        said.append(f"The judge is surer than it is right on {percent(over / n)} of the verdicts, by more than chance.")
    if under:
        said.append(f"It is right more often than it says on {percent(under / n)}, by more than chance.")
    if not said:
        said.append("Nowhere do confidence and being right differ by more than chance.")
    if mapped is not None:
        lead = f"The line is the {mapped.kind} map: " if mapped.holds else "No map is applied: "
        said.append(f"{lead}{mapped.why}.")
    return " ".join(said)


def _x(share: float) -> float:
    return round(LEFT + SIDE * share, 2)


def _y(share: float) -> float:
    return round(TOP + SIDE * (1 - share), 2)
