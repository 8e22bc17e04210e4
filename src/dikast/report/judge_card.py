"""The judge card: what a judge is, how far it can be trusted, where it fails, what it costs; as a page and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import msgspec

from dikast.agreement.corrected import Refused
from dikast.agreement.estimate import Estimate, as_json
from dikast.agreement.figures import Agreement
from dikast.agreement.matching import Matched
from dikast.agreement.weak_slices import MEASURE, Miss, WeakSlice
from dikast.analysis.summary import RunSummary
from dikast.records import Interaction, Json, JudgeRef, Label, RunInfo
from dikast.report.agreement_block import AgreementBlock, AgreementFigure
from dikast.report.figures import bounds, interval, number, percent, seconds, value_of
from dikast.report.figures_json import summary_json
from dikast.report.html import environment
from dikast.report.outlier_cards import excerpt_part
from dikast.report.page import AgreementView, Part, Row
from dikast.report.page_of_run import agreement_view, flat_rows
from dikast.report.text import one_line, readable
from dikast.report.wording import TONES, is_share, latency_rows, token_rows

TEMPLATE = "card.html.j2"
NAMES = {
    "balanced_accuracy": "balanced accuracy",
    "tpr": "TPR",
    "tnr": "TNR",
    "precision": "precision",
    "f1": "F1",
    "accuracy": "accuracy",
    "cohen_kappa": "Cohen's κ",
    "gwet_ac1": "Gwet's AC1",
    "mcc": "MCC",
    "accuracy_without_ties": "accuracy, ties apart",
    "accuracy_with_ties": "accuracy, ties included",
    "order_consistency": "same in both orders",
    "spearman": "Spearman",
    "kendall_tau_b": "Kendall's τ-b",
    "quadratic_weighted_kappa": "weighted κ",
    "mae": "mean absolute error",
    "exact": "exact",
    "within_one": "within one",
    "agr_2_2": "Agr(2, 2)",
    "auc": "AUC",
    "ece": "calibration error",
    "brier": "Brier score",
}
_MEANINGS = {
    "tpr": "good items that it passes",
    "tnr": "bad items that it fails",
    "cohen_kappa": "beyond chance",
    "balanced_accuracy": "mean of TPR and TNR",
}
_PERCENTS = frozenset(
    (
        "balanced_accuracy",
        "tpr",
        "tnr",
        "precision",
        "f1",
        "accuracy",
        "accuracy_without_ties",
        "accuracy_with_ties",
        "order_consistency",
        "exact",
        "within_one",
    )
)
_HIDDEN = frozenset({"recall"})
_EXAMPLES = 8
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of the sealed test."""

    at: str
    dataset: str
    version: str
    n: int
    why: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the labels come from: who gave how many, how items were drawn, when, how many unseen by the judge."""

    source: str
    n: int
    annotators: dict[str, int]
    drawn: dict[str, int]
    blind: int
    first_at: str | None
    last_at: str | None


@dataclass(frozen=True, slots=True, eq=False)
class JudgeCard:
    """Everything the card says. openings: None when no store is there to tell.

    matched, items: the labelled items in order, behind `weak` and `missed`. notes: what a reader must know first.
    showable: ids of the items that may be shown one by one, None for all; the others are in figures only. measured_on:
    which part of which labels the figures are from, as JSON values; None where that isn't told.
    """

    judge: JudgeRef
    definition: Mapping[str, Json]
    info: RunInfo | None
    run: str
    agreement: Agreement
    summary: RunSummary
    provenance: Provenance
    matched: Matched
    items: Sequence[Interaction | None]
    weak: Sequence[WeakSlice]
    missed: Sequence[Miss]
    openings: Sequence[Opening] | None = None
    notes: tuple[str, ...] = field(default=())
    showable: frozenset[str] | None = None
    measured_on: Mapping[str, Any] | None = None

    @property
    def shown(self) -> list[Miss]:
        """What the judge gets wrong and may be shown, the most telling first."""
        may = [one for one in self.missed if self.showable is None or self._id(one) in self.showable]
        return may[:_EXAMPLES]

    def _id(self, miss: Miss) -> str:
        return self.matched.verdicts[miss.place].id

    def as_json(self) -> dict[str, Any]:
        """The card as JSON values."""
        info = self.info
        found: dict[str, Any] = {
            "judge": {"name": self.judge.name, "version": self.judge.version, "definition": self.definition},
            "run": self.run,
            "model": info.model if info else next(iter(self.summary.models), None),
            "fingerprint": info.fingerprint if info else None,
            "dataset": {"name": info.dataset, "hash": info.dataset_hash} if info else None,
            "judged_at": info.started_at if info else None,
            "notes": list(self.notes),
            "as_judged": as_json(self.summary.headline),
            "agreement": self.agreement.as_json(),
            "where_it_fails": {
                "measure": MEASURE[self.agreement.family],
                "slices": [_slice_json(one) for one in self.weak],
                "wrong": None if self.agreement.family == "ranking" else len(self.missed),
                "examples": [self._example_json(miss) for miss in self.shown],
            },
            "cost_and_speed": {
                key: value
                for key, value in summary_json(self.summary, None).items()
                if key in ("latency", "usage", "counts")
            }
            | {"wall_s": info.wall_s if info else None, "cache_hits": info.cache_hits if info else None},
            "labels": msgspec.to_builtins(self.provenance),
        }
        if self.measured_on is not None:
            found["measured_on"] = dict(self.measured_on)
        if self.openings is not None:
            found["sealed_test_openings"] = msgspec.to_builtins(list(self.openings))
        return found

    def _example_json(self, miss: Miss) -> dict[str, Any]:
        verdict, label = self.matched.verdicts[miss.place], self.matched.labels[miss.place]
        return {
            "id": verdict.id,
            "judge": miss.judge,
            "people": miss.people,
            "confidence": verdict.confidence,
            "judge_says": verdict.critique,
            "people_say": next((one.critique for one in label.raters if one.critique), None),
        }


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One slice as the page shows it."""

    name: str
    value: str
    interval: str
    n: str


@dataclass(frozen=True, slots=True)
class ExampleCard:
    """One item that the judge gets wrong, as the page shows it."""

    id: str
    judge: str
    judge_tone: str
    people: str
    people_tone: str
    confidence: str
    judge_says: str
    people_say: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class CardView:
    """All sentences and figures of the page; the template only loops and branches."""

    name: str
    head: tuple[Row, ...]
    notes: tuple[str, ...]
    agreement: AgreementView
    measure: str
    slices: tuple[SliceRow, ...]
    examples: tuple[ExampleCard, ...]
    wrong: str
    rates: tuple[Row, ...]
    cost: tuple[Row, ...]
    labels: tuple[Row, ...]
    openings: tuple[Row, ...]
    openings_note: str
    fingerprint: tuple[Row, ...]
    definition: Part
    made_by: str


def provenance_of(source: str, labels: Iterable[Label], matched: Matched) -> Provenance:
    """Where these labels come from: those of the items and the criterion that were compared."""
    used = {verdict.id for verdict in matched.verdicts}
    first = [label for label in labels if not label.is_second_look]
    mine = [label for label in first if label.id in used and label.criterion in (None, matched.criterion)]
    times = sorted(label.at for label in mine if label.at)
    return Provenance(
        source=source,
        n=len(mine),
        annotators=dict(Counter(label.annotator or "not named" for label in mine).most_common()),
        drawn=dict(Counter(label.drawn or "not said" for label in mine).most_common()),
        blind=sum(label.blind is True for label in mine),
        first_at=times[0] if times else None,
        last_at=times[-1] if times else None,
    )


def agreement_block(found: Agreement, labels: str) -> AgreementBlock:
    """An agreement as a page shows it. labels: whose they are and where from."""
    beside = found.earning.beside if found.earning else ()
    share = found.headline in _PERCENTS
    return AgreementBlock(
        labels=labels,
        n=found.n,
        figures=tuple(
            AgreementFigure(NAMES.get(name, name), figure, name in _PERCENTS, _MEANINGS.get(name, ""))
            for name, figure in found.figures.items()
            if name not in _HIDDEN
        ),
        baselines=tuple(AgreementFigure(one.name, one.figure, share, one.meaning) for one in beside),
        trust=found.trust.level,
        sentence=found.trust.sentence,
        needs="; ".join(found.trust.needs) or None,
        left_out=found.left_out,
        reliability=tuple(found.reliability),
        calibration=found.calibration,
    )


def render_card(card: JudgeCard) -> str:
    """The card as one HTML document that needs nothing else."""
    return environment().get_template(TEMPLATE).render(card=card_view(card))


def card_view(card: JudgeCard) -> CardView:
    """What the page says."""
    info, measure = card.info, MEASURE[card.agreement.family]
    text = msgspec.json.format(msgspec.json.encode(card.definition), indent=2).decode()
    return CardView(
        name=one_line(card.judge.name, 120),
        head=_head(card),
        notes=card.notes,
        agreement=agreement_view(agreement_block(card.agreement, card.provenance.source)),
        measure=NAMES.get(measure, measure),
        slices=tuple(_slice_row(one, measure in _PERCENTS) for one in card.weak),
        examples=tuple(_example(card, miss) for miss in card.shown),
        wrong=_wrong(card),
        rates=_rates(card),
        cost=_cost(card),
        labels=_labels(card.provenance),
        openings=tuple(
            Row(one.at, f"{one.dataset}, {one.n:,} items, version {one.version[:12]}: {one_line(one.why, 200)}")
            for one in card.openings or ()
        ),
        openings_note=_openings_note(card.openings),
        fingerprint=flat_rows(info.fingerprint) if info else (),
        definition=excerpt_part("The whole definition", text),
        made_by=f"Dikast {version('dikast')}",
    )


def _wrong(card: JudgeCard) -> str:
    """On how many items judge and people differ, where that can be said item by item."""
    if card.agreement.family == "ranking":
        return "The judge scores and people pass or fail, so no item by itself can be called wrong."
    n = len(card.missed)
    said = f"Judge and people differ on {n:,} of {card.agreement.n:,} labelled items"
    shown = len(card.shown)
    return f"{said}; shown are {shown}." if n > shown else f"{said}."


def _head(card: JudgeCard) -> tuple[Row, ...]:
    definition, info = card.definition, card.info
    rows = [Row("version", card.judge.version[:16])]
    if definition.get("task"):
        rows.append(Row("decides", one_line(readable(definition["task"]), 400)))
    for key in ("mode", "scale"):
        value = definition.get(key)
        if isinstance(value, str):
            rows.append(Row(key, value))
        elif isinstance(value, Mapping) and value.get("kind"):
            ends = f" {value['low']:g} to {value['high']:g}" if value.get("low") is not None else ""
            rows.append(Row(key, f"{value['kind']}{ends}".replace("_", "/")))
    rows.append(Row("model", one_line(info.model if info else ", ".join(card.summary.models) or "not recorded", 120)))
    rows.append(Row("measured on run", one_line(card.run, 80)))
    if info:
        rows.append(Row("data", one_line(info.dataset, 120)))
        rows.append(Row("judged", info.started_at[:16].replace("T", " ") + " UTC"))
    return tuple(rows)


def _rates(card: JudgeCard) -> tuple[Row, ...]:
    """The run's headline as judged, and as people would have given it."""
    found, summary = card.agreement, card.summary
    share = found.family == "pass_fail"
    rows = []
    if summary.headline.n:
        rows.append(Row("as judged", _shown(summary.headline, is_share(summary))))
    if isinstance(found.corrected, Estimate):
        rows.append(Row("corrected for its errors", _shown(found.corrected, True)))
    elif isinstance(found.corrected, Refused):
        rows.append(Row("corrected for its errors", f"refused: {found.corrected.why}"))
    powered = found.powered
    if isinstance(powered, Refused):
        rows.append(Row("prediction-powered", f"refused: {powered.why}"))
    elif powered is not None:
        shown = _shown(powered.figure, share)
        rows.append(Row("prediction-powered", f"{shown}; the judge makes a label worth {powered.worth:.2f}"))
    return tuple(rows)


def _shown(figure: Any, as_percent: bool) -> str:
    if not isinstance(figure, Estimate):
        return str(figure.reason)
    return f"{value_of(figure, as_percent=as_percent)}, {interval(figure, as_percent=as_percent)}, n = {figure.n:,}"


def _cost(card: JudgeCard) -> tuple[Row, ...]:
    """Time and tokens of the run."""
    rows = [*latency_rows(card.summary), *token_rows(card.summary)]
    if card.info is not None and card.info.wall_s is not None:
        rows.insert(0, ("answers taken from the store", f"{card.info.cache_hits:,}"))
        rows.insert(0, ("the run took", seconds(card.info.wall_s)))
    return tuple(Row(name, value) for name, value in rows)


def _labels(one: Provenance) -> tuple[Row, ...]:
    when = "not recorded" if one.first_at is None else f"{one.first_at[:10]} to {(one.last_at or one.first_at)[:10]}"
    return (
        Row("from", one_line(one.source, 120)),
        Row("labels", f"{one.n:,}"),
        Row("given by", ", ".join(f"{one_line(name, 40)} ({n:,})" for name, n in list(one.annotators.items())[:12])),
        Row("items drawn", ", ".join(f"{one_line(how, 40)} ({n:,})" for how, n in list(one.drawn.items())[:12])),
        Row("given before the verdict was seen", f"{one.blind:,}" if one.blind else "not recorded"),
        Row("when", when),
    )


def _openings_note(openings: Sequence[Opening] | None) -> str:
    if openings is None:
        return ""
    if not openings:
        return "The sealed test was never opened for this judge: the figures above are not from sealed data."
    if len(openings) == 1:
        return "The sealed test was opened once."
    return (
        f"The sealed test was opened {len(openings)} times. Each look at it lets the judge be chosen by it, so figures "
        "on it are a little too good; a new sample would tell."
    )


def _slice_json(one: WeakSlice) -> dict[str, Any]:
    return {"key": one.key, "value": one.value, "figure": as_json(one.figure)}


def _slice_row(one: WeakSlice, as_percent: bool) -> SliceRow:
    return SliceRow(
        name=f"{one_line(one.key, 40)}: {one_line(one.value, 60)}",
        value=value_of(one.figure, as_percent=as_percent),
        interval=bounds(one.figure, as_percent=as_percent),
        n=f"{one.figure.n:,}",
    )


def _example(card: JudgeCard, miss: Miss) -> ExampleCard:
    verdict, label = card.matched.verdicts[miss.place], card.matched.labels[miss.place]
    item = card.items[miss.place]
    said = [number(value) if isinstance(value, float) else value for value in (miss.judge, miss.people)]
    names = ("input", "output", "output_a", "output_b", "context", "reference")
    texts = [] if item is None else [(name, getattr(item, name)) for name in names]
    people = next((one.critique for one in label.raters if one.critique), None)
    return ExampleCard(
        id=one_line(verdict.id, 120),
        judge=said[0],
        judge_tone=TONES.get(said[0], "plain"),
        people=said[1],
        people_tone=TONES.get(said[1], "plain"),
        confidence="" if verdict.confidence is None else f"{percent(verdict.confidence)} sure",
        judge_says=(verdict.critique or "")[:_LONGEST],
        people_say=(people or "")[:_LONGEST],
        parts=tuple(
            excerpt_part(name.replace("_", " ").capitalize(), readable(value))
            for name, value in texts
            if value is not None
        ),
    )
