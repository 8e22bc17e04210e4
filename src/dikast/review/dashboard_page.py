"""The overview: datasets, runs, labels by annotator and verdict, agreement, disagreements side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from dikast.agreement.estimate import Estimate
from dikast.records import Label, RunInfo
from dikast.report.figures import bounds, value_of
from dikast.report.text import one_line
from dikast.review.asked import differ, judged_as, said_of
from dikast.review.desk import Desk
from dikast.review.figures import Needs, compare, progress, tally_rows
from dikast.review.item_page import Asked, judge_opinion, queue_words, revision_opinion
from dikast.review.page import AgreementView, Bar, DashboardPage, Disagreement, FigureRow, Row, RunRow
from dikast.store import LabelRevision

_SHOWN = 50
_RUNS_SHOWN = 20
_TITLES = {
    "tpr": "TPR", "tnr": "TNR", "cohen_kappa": "Cohen's kappa", "gwet_ac1": "Gwet's AC1", "mcc": "MCC", "f1": "F1",
    "kendall_tau_b": "Kendall's tau-b", "mae": "MAE", "auc": "AUC",
}  # fmt: skip
_SHARES = frozenset(
    {
        "balanced_accuracy", "tpr", "tnr", "precision", "f1", "accuracy", "exact", "within_one",
        "accuracy_without_ties", "accuracy_with_ties",
    }
)  # fmt: skip
_FIGURES = 8
_TONES = {"trusted": "good", "no": "bad", "not_yet": ""}


def dashboard_page(desk: Desk, needs: Needs, asked: Asked) -> DashboardPage:
    """Everything that the overview says."""
    t = asked.t
    revisions = list(desk.book.current())
    shown, words = _disagreements(desk, revisions, t)
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
        people=_people(desk, revisions, t),
        datasets=tuple(Row(info.name, f"{info.n:,}") for info in desk.setup.datasets()),
        runs=tuple(_run_row(info, desk.setup.run) for info in desk.setup.runs()[:_RUNS_SHOWN]),
        agreement=_agreement(desk, [revision.label for revision in revisions]) if desk.setup.run else None,
        disagreements=shown,
        disagreements_words=words,
    )


def _people(desk: Desk, revisions: list[LabelRevision], t: Mapping[str, str]) -> tuple[Bar, ...]:
    by_name: dict[str, Counter[str]] = {}
    for revision in revisions:
        by_name.setdefault(revision.label.annotator or "", Counter())[said_of(revision.label)] += 1
    return tuple(
        Bar(
            annotator=name or t["expert"],
            total=f"{tally.total():,}",
            tallies=tally_rows(tally, desk, t),
            drift=t["drift"].format(n=drift) if (drift := desk.drift(name)) else "",
        )
        for name, tally in by_name.items()
    )


def _disagreements(
    desk: Desk, revisions: list[LabelRevision], t: Mapping[str, str]
) -> tuple[tuple[Disagreement, ...], str]:
    found = []
    for revision in revisions:
        verdict = desk.setup.verdicts.get(revision.label.id)
        if differ(said_of(revision.label), judged_as(verdict)):
            found.append((revision, verdict))
    rows = tuple(
        Disagreement(
            url=f"/item/{desk.position_of(revision.label.id)}",
            id=one_line(revision.label.id, 100),
            expert=revision_opinion(revision, t),
            judge=judge_opinion(verdict, t),
        )
        for revision, verdict in found[:_SHOWN]
        if _may_be_shown(desk, revision)
    )
    words = t["disagreements_n"].format(n=f"{len(found):,}", shown=len(rows)) if found else t["disagreements_none"]
    return rows, words


def _may_be_shown(desk: Desk, revision: LabelRevision) -> bool:
    """Whether showing it unblinds nobody: this annotator has saved a label of the interaction."""
    position = desk.position_of(revision.label.id)
    return position is not None and desk.has_saved(position)


def _agreement(desk: Desk, labels: list[Label]) -> AgreementView:
    found = compare(desk, labels)
    if found.figures is None:
        return AgreementView(desk.setup.run, "", "", (), (), found.refused)
    trust = found.figures.trust
    rows = [
        FigureRow(
            name=_TITLES.get(name, name.replace("_", " ")),
            value=value_of(figure, as_percent=name in _SHARES),
            interval=bounds(figure, as_percent=name in _SHARES) if isinstance(figure, Estimate) else figure.reason,
            n=f"{figure.n:,}",
        )
        for name, figure in found.figures.figures.items()
        if name != "recall"
    ]
    return AgreementView(desk.setup.run, trust.sentence, _TONES[trust.level], trust.needs, tuple(rows[:_FIGURES]), "")


def _run_row(info: RunInfo, current: str) -> RunRow:
    said = info.verdicts or info.counts
    return RunRow(
        name=info.name,
        judge=f"{info.judge.name} {info.judge.version[:8]}",
        model=info.model,
        dataset=one_line(info.dataset, 60),
        counts=", ".join(f"{number:,} {name}" for name, number in said.items()),
        started=info.started_at[:16].replace("T", " "),
        current=info.name == current,
    )
