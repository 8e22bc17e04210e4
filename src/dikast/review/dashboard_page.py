"""The overview: how far the labelling is, who labelled, how far the run agrees, runs and datasets."""

from __future__ import annotations

from dikast.report.text import one_line
from dikast.review.agreement_view import agreement_view, people_view, run_row
from dikast.review.desk import Desk
from dikast.review.figures import Needs, progress
from dikast.review.item_page import Asked, queue_words
from dikast.review.measured import Measures
from dikast.review.page import DashboardPage, Row

_RUNS_SHOWN = 20


def dashboard_page(desk: Desk, needs: Needs, measures: Measures, asked: Asked) -> DashboardPage:
    """Everything that the overview says."""
    t = asked.t
    following = desk.open_after(None)
    return DashboardPage(
        t=t,
        title=desk.dataset.name,
        dataset=desk.dataset.name,
        annotator=desk.annotator,
        queue=queue_words(desk, t),
        measuring=desk.queue.measuring,
        progress=progress(desk, needs, t),
        go_on="/done" if following is None else f"/item/{following}",
        labelling=people_view(desk, measures, t),
        datasets=tuple(Row(one_line(info.name, 60), f"{info.n:,}") for info in desk.setup.datasets()),
        runs=tuple(run_row(desk, info, t) for info in desk.setup.runs()[:_RUNS_SHOWN]),
        agreement=agreement_view(measures, desk.setup.run, t) if desk.setup.run else None,
    )
