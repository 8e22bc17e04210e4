"""Drift as one HTML file that needs nothing else: what changed, who changed, and the control charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from dikast.analysis.drift import PASS_RATE, Change, Chart, Drift, Point
from dikast.analysis.drift_words import explained, false_alarm_words, headline
from dikast.report.figures import count, percent, whole_percent
from dikast.report.html import environment
from dikast.report.page import Row

TEMPLATE = "drift.html.j2"

# A picture's size in its own units; the frame within begins at LEFT, TOP.
WIDTH, HEIGHT, LEFT, TOP, ACROSS, DOWN = 420, 220, 46, 10, 364, 170
_NARROWEST = 0.1
_FEWEST = 2
_WORDS = {"judge": "Judge", "system": "System", "traffic": "Traffic", "both": "System and traffic",
          "unsettled": "Not settled"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChangeCard:
    """One change: whose, in one sentence, and why."""

    whose: str
    tone: str
    text: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dot:
    """One period in the picture: place, interval, and how it is marked."""

    x: float
    y: float
    low: float
    high: float
    mark: str


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One period in the table."""

    period: str
    n: str
    value: str
    interval: str
    expected: str
    note: str


@dataclass(frozen=True, slots=True)
class ChartView:
    """One chart: its picture, and the same as a table."""

    anchor: str
    name: str
    note: str
    described: str
    ticks: tuple[tuple[float, str], ...]
    bands: tuple[str, ...]
    ways: tuple[str, ...]
    centres: tuple[tuple[float, float, float], ...]
    walls: tuple[float, ...]
    dots: tuple[Dot, ...]
    names: tuple[tuple[float, str, str], ...]
    rows: tuple[PeriodRow, ...]
    rang: bool


@dataclass(frozen=True, slots=True)
class DriftPage:
    """The whole page; `page` in templates/drift.html.j2."""

    name: str
    head: tuple[Row, ...]
    end: str
    tone: str
    changes: tuple[ChangeCard, ...]
    anchors: tuple[Row, ...]
    charts: tuple[ChartView, ...]
    alarms: str
    every: str
    made_by: str


def render_drift(drift: Drift, *, name: str, corrected_by: str, alerts: int) -> str:
    """The document. corrected_by: what the rates are corrected by; alerts: how many are open."""
    return environment().get_template(TEMPLATE).render(page=page_of(drift, name, corrected_by, alerts))


def page_of(drift: Drift, name: str, corrected_by: str, alerts: int) -> DriftPage:
    """What the page says."""
    changes = [_card(change) for change in reversed(drift.changes)]
    what = count(len(changes), "change") if changes else "Nothing that is told from chance has changed"
    if not changes and drift.periods < _FEWEST:
        what = f"There is nothing to compare yet: {count(drift.periods, drift.every)}"
    return DriftPage(
        name=name,
        head=(
            Row("Verdicts", f"{drift.n:,}"),
            Row("Periods", count(drift.periods, drift.every)),
            Row("Rates", f"corrected by {corrected_by}" if corrected_by else "as judged, not corrected"),
            Row("Open alerts", f"{alerts:,}"),
        ),
        end=f"{what}.",
        tone="bad" if alerts else "good" if not changes and drift.periods >= _FEWEST else "",
        changes=tuple(changes),
        anchors=tuple(
            Row(
                f"{check.then:%Y-%m-%d} to {check.now:%Y-%m-%d}",
                f"{'moved' if check.moved else 'not moved'}: {check.to_fail + check.to_pass} of {check.n:,} changed "
                f"(p = {check.p:.3f}), agreement {percent(check.agreement_then.value)} to "
                f"{percent(check.agreement_now.value)}",
            )
            for check in drift.checks
        ),
        charts=tuple(_view(chart, number) for number, chart in enumerate(_ordered(drift.charts))),
        alarms=false_alarm_words(drift),
        every=drift.every,
        made_by=f"Dikast {version('dikast')}",
    )


def _ordered(charts: Sequence[Chart]) -> list[Chart]:
    """The pass rate first, then what rang, then the rest as they come."""
    return sorted(charts, key=lambda chart: (chart.name != PASS_RATE, not chart.rings))


def _card(change: Change) -> ChangeCard:
    tone = "bad" if change.cause in ("system", "both") else "warn"
    return ChangeCard(_WORDS[change.cause], tone, headline(change), tuple(explained(change)))


def _view(chart: Chart, number: int) -> ChartView:
    low, high = _range(chart)
    xs = [LEFT + ACROSS * (at + 0.5) / max(1, len(chart.points)) for at in range(len(chart.points))]

    def y(share: float) -> float:
        return round(TOP + DOWN * (1 - (share - low) / (high - low)), 1)

    rang, since = {ring.at for ring in chart.rings}, {ring.since for ring in chart.rings}
    dots = [
        Dot(round(x, 1), y(p.value.value), y(p.value.low), y(p.value.high), _mark(at, p, rang))
        for at, (x, p) in enumerate(zip(xs, chart.points, strict=True))
        if p.value is not None
    ]
    stretches = _stretches(chart.points)
    shown = {0, len(xs) - 1} if len(xs) > 1 else {0}
    ends = [(round(xs[at], 1), chart.points[at].period, "start" if at == 0 else "end") for at in sorted(shown) if xs]
    named = "corrected" if chart.corrected else "as judged"
    rings = "; ".join(f"rang in {chart.points[ring.at].period}" for ring in chart.rings) or "never rang"
    last = next((p for p in reversed(chart.points) if p.value is not None), None)
    stands = f"{percent(last.value.value)} in {last.period}" if last is not None and last.value is not None else "empty"
    return ChartView(
        anchor=f"chart-{number}",
        name=chart.name if chart.name != PASS_RATE else "Pass rate",
        note=f"{named}; {rings}",
        described=f"{chart.name}, {named}, {len(chart.points)} periods: {stands}; {rings}.",
        ticks=tuple((y(share), whole_percent(share)) for share in (low + (high - low) * part / 4 for part in range(5))),
        bands=tuple(_band(chart.points, xs, places, y) for places in stretches),
        ways=tuple(
            " ".join(f"{xs[at]:.1f},{y(e):.1f}" for at in places if (e := chart.points[at].reading.ewma) is not None)
            for places in stretches
        ),
        centres=tuple(
            (round(xs[at] - ACROSS / len(xs) / 2, 1), round(xs[at] + ACROSS / len(xs) / 2, 1), y(centre))
            for at, point in enumerate(chart.points)
            if (centre := point.reading.centre) is not None
        ),
        walls=tuple(round(xs[at] - ACROSS / len(xs) / 2, 1) for at in sorted(since | _walls(chart.points))),
        dots=tuple(dots),
        names=tuple(ends),
        rows=tuple(_row(at, point, rang, since) for at, point in enumerate(chart.points)),
        rang=bool(chart.rings),
    )


def _range(chart: Chart) -> tuple[float, float]:
    """The lowest and highest share that is drawn, with some room."""
    shares = [share for p in chart.points if p.value is not None for share in (p.value.low, p.value.high)]
    shares += [s for p in chart.points for s in (p.reading.low, p.reading.high) if s is not None]
    if not shares:
        return 0.0, 1.0
    low, high = min(shares), max(shares)
    room = max(0.05 * (high - low), (_NARROWEST - (high - low)) / 2)
    return max(0.0, low - room), min(1.0, high + room)


def _stretches(points: Sequence[Point]) -> list[list[int]]:
    """The places that have a reading, in unbroken rows."""
    rows: list[list[int]] = []
    for at, point in enumerate(points):
        if point.reading.centre is None:
            continue
        if rows and rows[-1][-1] == at - 1:
            rows[-1].append(at)
        else:
            rows.append([at])
    return rows


def _band(points: Sequence[Point], xs: Sequence[float], places: Sequence[int], y: Callable[[float], float]) -> str:
    half = ACROSS / len(xs) / 2 if len(places) == 1 else 0.0
    above = [(xs[at], y(points[at].reading.high or 0.0)) for at in places]
    below = [(xs[at], y(points[at].reading.low or 0.0)) for at in reversed(places)]
    if half:
        above = [(above[0][0] - half, above[0][1]), (above[0][0] + half, above[0][1])]
        below = [(below[0][0] + half, below[0][1]), (below[0][0] - half, below[0][1])]
    return " ".join(f"{x:.1f},{at:.1f}" for x, at in [*above, *below])


def _walls(points: Sequence[Point]) -> set[int]:
    return {at for at in range(1, len(points)) if points[at].segment != points[at - 1].segment}


def _mark(at: int, point: Point, rang: set[int]) -> str:
    return "rang" if at in rang else "open" if point.open else ""


def _row(at: int, point: Point, rang: set[int], since: set[int]) -> PeriodRow:
    said = [word for word, holds in (("changed", at in since), ("rang", at in rang), ("not over", point.open)) if holds]
    reading = point.reading
    expected = "–"
    if reading.low is not None and reading.high is not None:
        expected = f"{reading.low * 100:.0f} to {reading.high * 100:.0f} %"
    return PeriodRow(
        period=point.period,
        n=f"{point.n:,}",
        value=percent(point.value.value) if point.value is not None else "–",
        interval=f"{point.value.low * 100:.0f} to {point.value.high * 100:.0f} %" if point.value is not None else "–",
        expected=expected,
        note=", ".join(said),
    )
