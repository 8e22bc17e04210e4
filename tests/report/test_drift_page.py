"""The page of drift: what it says of nothing, of a change, and of names that are hostile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dikast.analysis.drift import find_drift
from dikast.analysis.observed import JudgeState, Observation, Observed
from dikast.report.drift_page import page_of, render_drift
from dikast.report.drift_text import drift_lines

JUDGE = JudgeState(judge="j@1")
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def observed(weeks: int, change_at: int = 99) -> Observed:
    found = Observed("week")
    for week in range(weeks):
        for i in range(100):
            passed = i % 10 < (5 if week >= change_at else 9)
            dimensions = {"feature": "<script>alert(1)</script>" if i % 2 else "login"}
            found.add(Observation(MONDAY + timedelta(weeks=week, minutes=i), passed, JUDGE, {}, dimensions))
    return found


def test_a_single_week_says_that_there_is_nothing_to_compare() -> None:
    found = find_drift(observed(1), now=MONDAY + timedelta(weeks=1))
    page = page_of(found, "w", "", 0)
    assert page.end == "There is nothing to compare yet: 1 week."
    assert page.tone == ""
    assert "No anchors were judged twice" in render_drift(found, name="w", corrected_by="", alerts=0)


def test_nothing_observed_at_all_is_a_page_too() -> None:
    found = find_drift(Observed("week"), now=MONDAY)
    assert "Nothing was judged yet." in render_drift(found, name="w", corrected_by="", alerts=0)


def test_a_change_is_drawn_marked_and_told() -> None:
    found = find_drift(observed(10, change_at=6), now=MONDAY + timedelta(weeks=10))
    page = page_of(found, "w", "", 1)
    rate = page.charts[0]
    assert (rate.name, rate.rang) == ("Pass rate", True)
    assert [dot.mark for dot in rate.dots].count("rang") == 1
    assert [row.note for row in rate.rows][6] == "changed, rang"
    assert page.changes[0].whose == "System"
    assert page.changes[0].text.startswith("The pass rate fell from 90 %")
    assert all(10 <= dot.y <= 180 and 46 <= dot.x <= 410 for chart in page.charts for dot in chart.dots)
    lines = list(drift_lines(found, name="w", corrected_by=""))
    assert any("2026-W08" in line and "rang, changed" in line for line in lines)


def test_names_cannot_break_out() -> None:
    text = render_drift(find_drift(observed(4), now=MONDAY + timedelta(weeks=4)), name="<b>", corrected_by="", alerts=0)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;" in text
