"""Drift as text: the pass rate period by period, and where every other chart stands."""

from __future__ import annotations

from collections.abc import Iterator

from dikast.analysis.drift import PASS_RATE, Chart, Drift, Point
from dikast.analysis.drift_words import false_alarm_words
from dikast.report.figures import count, percent
from dikast.report.text import one_line

_MOST_PERIODS = 26
_NAME = 32


def drift_lines(drift: Drift, *, name: str, corrected_by: str) -> Iterator[str]:
    """The lines of a table that a terminal shows."""
    yield f"{one_line(name, 120)}: {drift.n:,} verdicts in {count(drift.periods, drift.every)}"
    if drift.late:
        was = "was" if drift.late == 1 else "were"
        yield f"{count(drift.late, 'verdict')} of an earlier time {was} given after the judge changed: left out"
    how = f"corrected by {corrected_by}" if corrected_by else "as judged, not corrected: no labels and no anchors"
    for chart in drift.charts:
        if chart.name == PASS_RATE:
            yield ""
            yield f"{'pass rate':<12} {'n':>7} {'rate':>8}  95 % interval   ({how})"
            for point in chart.points[-_MOST_PERIODS:]:
                yield _point_line(chart, point)
    others = [chart for chart in drift.charts if chart.name != PASS_RATE]
    if others:
        yield ""
        yield f"{'chart':<{_NAME}} {'n':>7} {'now':>8} {'before':>8}"
        for chart in others:
            yield _chart_line(chart)
        if drift.more_charts:
            yield f"and {count(drift.more_charts, 'chart')} with fewer interactions, which are not watched"
    yield ""
    yield false_alarm_words(drift)


def _point_line(chart: Chart, point: Point) -> str:
    value, bounds = "–", ""
    if point.value is not None:
        value, bounds = percent(point.value.value), f"{point.value.low * 100:.0f} to {point.value.high * 100:.0f} %"
    marks = [
        "not over yet" if point.open else "",
        *("rang" for ring in chart.rings if chart.points[ring.at] is point),
        *("changed" for ring in chart.rings if chart.points[ring.since] is point),
    ]
    return f"{point.period:<12} {point.n:>7,} {value:>8}  {bounds:<15} {', '.join(filter(None, marks))}".rstrip()


def _chart_line(chart: Chart) -> str:
    counted = [point for point in chart.points if point.n and not point.open] or list(chart.points)
    last = counted[-1]
    value = percent(last.value.value) if last.value is not None else "–"
    centre = percent(last.reading.centre) if last.reading.centre is not None else "–"
    rang = f"  rang in {chart.points[chart.rings[-1].at].period}" if chart.rings else ""
    return f"{one_line(chart.name, _NAME):<{_NAME}} {last.n:>7,} {value:>8} {centre:>8}{rang}"
