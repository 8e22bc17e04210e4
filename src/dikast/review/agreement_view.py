"""Figures as the pages show them: a run's agreement, people's among themselves, a row for each statistic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from urllib.parse import quote

from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.figures import Agreement
from dikast.records import RunInfo
from dikast.report.figures import bounds, value_of
from dikast.report.text import one_line, visible
from dikast.review.asked import said_of
from dikast.review.desk import Desk
from dikast.review.disputing import disputes
from dikast.review.figures import tally_rows
from dikast.review.measured import Measures, People
from dikast.review.page import AgreementView, Bar, FigureRow, PeopleView, RunRow
from dikast.review.wording import language_of, needs_in_words, translated, trust_in_words
from dikast.store import LabelRevision

_TITLES = {
    "tpr": "TPR", "tnr": "TNR", "cohen_kappa": "Cohen's kappa", "gwet_ac1": "Gwet's AC1", "mcc": "MCC", "f1": "F1",
    "kendall_tau_b": "Kendall's tau-b", "mae": "MAE", "auc": "AUC", "spearman": "Spearman",
    "krippendorff_alpha": "Krippendorff's alpha", "fleiss_kappa": "Fleiss' kappa",
}  # fmt: skip
_SHARES = frozenset(
    {
        "balanced_accuracy", "tpr", "tnr", "precision", "f1", "accuracy", "exact", "within_one",
        "accuracy_without_ties", "accuracy_with_ties", "order_consistency", "pairs_agree", "self_agree",
    }
)  # fmt: skip
_MOST_FIGURES = 8
_LONGEST_NAME = 60
_TONES = {"trusted": "good", "no": "bad", "not_yet": ""}


def figure_row(name: str, figure: Figure, t: Mapping[str, str], title: str = "") -> FigureRow:
    """One statistic as a row; `title` in place of its own name."""
    share, language = name in _SHARES, language_of(t)
    if isinstance(figure, Estimate):
        said = bounds(figure, as_percent=share).replace(" to ", t["to"])
    else:
        said = translated(figure.reason, language)
    return FigureRow(
        name=title or t.get(f"figure_{name}") or _TITLES.get(name) or name.replace("_", " "),
        value=value_of(figure, as_percent=share),
        interval=said,
        n=f"{figure.n:,}",
    )


def agreement_view(measures: Measures, name: str, t: Mapping[str, str]) -> AgreementView:
    """How far a run agrees with the standing labels, as far as that is worked out by now."""
    known, url = measures.agreement(name), run_url(name)
    shown = one_line(name, _LONGEST_NAME)
    if known.value is None:
        refused = translated(known.refused, language_of(t)) if known.refused and known.fresh else ""
        return AgreementView(shown, url, "", "", (), (), refused, not known.fresh)
    found: Agreement = known.value
    rows = [figure_row(each, figure, t) for each, figure in found.figures.items() if each != "recall"]
    language = language_of(t)
    return AgreementView(
        run=shown,
        url=url,
        sentence=trust_in_words(found.trust, language),
        tone=_TONES[found.trust.level],
        needs=needs_in_words(found.trust, language),
        figures=tuple(rows[:_MOST_FIGURES]),
        refused="",
        pending=not known.fresh,
    )


def people_view(desk: Desk, measures: Measures, t: Mapping[str, str]) -> PeopleView:
    """Who labelled how much, and how far they agree."""
    revisions = list(desk.book.current())
    known = measures.people()
    found: People = known.value or People(0, {}, {})
    rows = [figure_row(name, figure, t) for name, figure in found.among.items()]
    for person, own in found.own.items():
        title = t["figure_self"].format(name=one_line(person, _LONGEST_NAME))
        rows += [figure_row("self_agree", own["self_agree"], t, title)]
    still = sum(one.is_open for one in disputes(desk))
    words = t["people_n"].format(n=f"{found.n:,}") if found.n else t["people_alone"] if known.fresh else ""
    return PeopleView(
        people=_bars(desk, revisions, t),
        figures=tuple(rows),
        words=words,
        disputes=t["disputes_open"].format(n=f"{still:,}") if still else "",
        pending=not known.fresh,
    )


def run_row(desk: Desk, info: RunInfo, t: Mapping[str, str]) -> RunRow:
    """One run of the store."""
    said = {t.get(f"status_{name}") or t.get(name, name): n for name, n in (info.verdicts or info.counts).items()}
    return RunRow(
        name=one_line(info.name, _LONGEST_NAME),
        url=run_url(info.name),
        card=f"{run_url(info.name)}/card",
        judge=f"{one_line(info.judge.name, _LONGEST_NAME)} {info.judge.version[:8]}",
        model=one_line(info.model, _LONGEST_NAME),
        dataset=one_line(info.dataset, _LONGEST_NAME),
        counts=t["comma"].join(f"{n:,} {name}" for name, n in said.items()),
        started=info.started_at[:16].replace("T", " "),
        current=info.name == desk.setup.run,
    )


def run_url(name: str) -> str:
    """Where a run's page is."""
    return f"/runs/{quote(name, safe='')}"


def _bars(desk: Desk, revisions: list[LabelRevision], t: Mapping[str, str]) -> tuple[Bar, ...]:
    by_name: dict[str, Counter[str]] = {}
    for revision in revisions:
        by_name.setdefault(revision.label.annotator or "", Counter())[said_of(revision.label)] += 1
    return tuple(
        Bar(
            annotator=(visible(name) + (t["principal"] if name == desk.setup.principal else "")) or t["settled_label"],
            total=f"{tally.total():,}",
            tallies=tally_rows(tally, desk, t),
            drift=t["drift"].format(n=drift) if (drift := desk.drift(name)) else "",
        )
        for name, tally in by_name.items()
    )
