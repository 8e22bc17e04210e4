"""All that can be said of a run and its labels together, in the shape of the figures contract."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dikast.agreement.calibration import ReliabilityBin, reliability
from dikast.agreement.calibration_map import CalibrationMap, calibration_map
from dikast.agreement.ceiling import human_ceiling
from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.corrected import Refused
from dikast.agreement.earning import Beside, Earning, earning
from dikast.agreement.estimate import Estimate, Figure, as_json
from dikast.agreement.families import HEADLINE, Span, confident, family_figures, words
from dikast.agreement.matching import Family, Matched, match
from dikast.agreement.prediction_powered import PredictionPowered
from dikast.agreement.run_mean import run_mean
from dikast.agreement.sampling import sampling_of
from dikast.agreement.second_look import self_agreement
from dikast.agreement.slices import Slice, slices
from dikast.agreement.texts import Texts
from dikast.agreement.trust import BARS, OF_USERS, Trust, trust
from dikast.records import Interaction, Label, Verdict, Whose, canonical_json, text_of

Lookup = Callable[[str], Interaction | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is asked: slices by a metadata key, a criterion, the judge's scale, the bar for trust, the level.

    principal: whose word binds where people differ. shares: of the strata in the source that the run's data was drawn
    from, where it was drawn in strata. whose: experts' labels are compared with, or what the system's users said.
    """

    by: str | None = None
    criterion: str | None = None
    judge_scale: Span | None = None
    bar: float | None = None
    level: float = 0.95
    principal: str | None = None
    shares: Mapping[str, float] | None = None
    whose: Whose = "expert"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a run agrees with people: every figure with its interval, baselines, what was left out, and trust.

    figures: by the statistic's name; `headline` names the one that baselines are compared on. confusion: for pass/fail.
    table: label to verdict to count. corrected: the pass rate corrected for the judge's errors, for pass/fail; powered:
    that or the mean score by prediction-powered inference. calibration: the map of confidence. unlabelled: of the run's
    other verdicts, how many pass and how many there are, for pass/fail. drawn: how the labelled items were, by count.
    earning: None when the texts aren't known. ceiling: agreement among people. notes: what a reader must know.
    """

    family: Family
    n: int
    left_out: dict[str, int]
    figures: dict[str, Figure]
    headline: str
    confusion: Confusion | None
    table: dict[str, dict[str, int]]
    slices: dict[str, Slice]
    by: str | None
    corrected: Estimate | Refused | None
    trust: Trust
    earning: Earning | None
    ceiling: dict[str, Figure]
    reliability: list[ReliabilityBin]
    criterion: str | None
    notes: tuple[str, ...] = field(default=())
    powered: PredictionPowered | Refused | None = None
    calibration: CalibrationMap | None = None
    unlabelled: tuple[int, int] = (0, 0)
    drawn: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The figures contract: n, left_out, metrics, confusion, slices, corrected_pass_rate, trust and needs.

        Besides: `family`, `criterion`, `baselines`, `ceiling`, `calibration`, `calibration_map`, `prediction_powered`,
        `sentence`, `notes`.
        """
        return {
            "n": self.n,
            "left_out": self.left_out,
            "metrics": _all_json(self.figures),
            "confusion": _confusion_json(self.confusion) or self.table or None,
            "slices": {self.by: {name: _slice_json(one) for name, one in self.slices.items()}} if self.by else {},
            "corrected_pass_rate": _corrected_json(self.corrected),
            "trust": self.trust.level,
            "needs": list(self.trust.needs),
            "sentence": self.trust.sentence,
            "family": self.family,
            "criterion": self.criterion,
            "baselines": _baselines_json(self.earning, self.headline),
            "ceiling": _all_json(self.ceiling),
            "calibration": [_bin_json(one) for one in self.reliability],
            "calibration_map": _map_json(self.calibration),
            "prediction_powered": _powered_json(self.powered),
            "notes": list(self.notes),
        }


def agreement(
    verdicts: Iterable[Verdict], labels: Iterable[Label], lookup: Lookup | None = None, asked: Comparison | None = None
) -> Agreement:
    """Compare a run's verdicts with people's labels.

    lookup: the interaction of an id, for the baselines' texts, for shared inputs (items that share input and context
    are taken as dependent) and for metadata; without it the figures still come, but no baselines. Raises DataError
    when nothing can be compared, InputError when a criterion or a key is unknown.
    """
    asked = asked or Comparison()
    judged, given = list(verdicts), list(labels)
    matched = match(judged, given, criterion=asked.criterion, principal=asked.principal, whose=asked.whose)
    items = [None if lookup is None else lookup(verdict.id) for verdict in matched.verdicts]
    known = [item for item in items if item is not None]
    groups = [group_of(item) for item in known] if len(known) == len(items) else None
    figures = family_figures(matched, groups, asked.level, asked.judge_scale)
    confusion = _confusion(matched)
    texts = [texts_of(item) for item in known] if groups is not None else None
    earned = None
    if texts is not None and groups is not None:
        earned = earning(matched, texts, groups, asked.level, asked.judge_scale)
    sure = confident(matched)
    said = (*matched.labels, *matched.split)
    ceiling = human_ceiling(said, matched.family, asked.level) | self_agreement(given, asked.level)
    by_users = asked.whose == "user"
    trusted = OF_USERS if by_users else trust(matched.family, figures, earned, confusion=confusion, bar=asked.bar)
    narrowed = asked.criterion or by_users
    corrected, powered = (None, None) if narrowed else _run_mean(matched, judged, confusion, lookup, asked)
    mapped = None
    if sure and matched.family != "ordinal":
        own = None if groups is None else [groups[i] for i, _, _ in sure]
        mapped = calibration_map(
            [c for _, c, _ in sure], [right for _, _, right in sure], groups=own, level=asked.level
        )
    return Agreement(
        family=matched.family,
        n=len(matched.verdicts),
        left_out=matched.left_out,
        figures=figures,
        headline=HEADLINE[matched.family],
        confusion=confusion,
        table=_table(matched),
        slices=slices(matched, judged, lookup, asked.by, groups, asked.level, asked.judge_scale) if asked.by else {},
        by=asked.by,
        corrected=corrected,
        trust=trusted,
        earning=earned,
        ceiling=ceiling,
        reliability=reliability([c for _, c, _ in sure], [r for _, _, r in sure])
        if matched.family != "ordinal"
        else [],
        criterion=matched.criterion,
        notes=(
            *_notes(matched, groups is not None),
            *_absent(given, asked.principal),
            *_low_ceiling(trusted, ceiling, asked.bar or BARS[matched.family]),
        ),
        powered=powered,
        calibration=mapped,
        unlabelled=_unlabelled(matched, judged) if confusion is not None else (0, 0),
        drawn=matched.drawn,
    )


def group_of(item: Interaction) -> str:
    """What items must share to be taken as dependent: input and context, as a hash."""
    return hashlib.sha256(canonical_json((item.input, item.context))).hexdigest()


def texts_of(item: Interaction) -> Texts | tuple[Texts, Texts]:
    """What the baselines see of an interaction: one output's texts, or two for a pair."""
    asked, context, reference = text_of(item.input), text_of(item.context), text_of(item.reference)
    if item.is_pair:
        first, second = (Texts(text_of(output), asked, context, reference) for output in (item.output_a, item.output_b))
        return first, second
    return Texts(text_of(item.output), asked, context, reference)


def _confusion(matched: Matched) -> Confusion | None:
    return cells(*words(matched)).confusion if matched.family == "pass_fail" else None


def _table(matched: Matched) -> dict[str, dict[str, int]]:
    """Label to verdict to count; empty for scores."""
    if matched.family in ("ordinal", "ranking"):
        return {}
    order = ("pass", "fail") if matched.family == "pass_fail" else ("a", "b", "tie")
    judge, labels = words(matched)
    counts = Counter(zip(labels, judge, strict=True))
    return {label: {verdict: counts[label, verdict] for verdict in order} for label in order}


def _run_mean(
    matched: Matched, judged: list[Verdict], confusion: Confusion | None, lookup: Lookup | None, asked: Comparison
) -> tuple[Estimate | Refused | None, PredictionPowered | Refused | None]:
    return run_mean(matched, judged, confusion, lookup, asked.judge_scale, asked.level, group_of, asked.shares)


def _unlabelled(matched: Matched, judged: list[Verdict]) -> tuple[int, int]:
    """Of the verdicts without a label that can be used: how many pass, and how many there are."""
    labelled = {verdict.id for verdict in matched.verdicts}
    rest = [v.verdict for v in judged if v.verdict in ("pass", "fail") and v.id not in labelled]
    return rest.count("pass"), len(rest)


_WAYS = {
    "principal": "the principal expert's word",
    "settled": "a label that was settled on",
    "majority": "the majority",
    "mean": "the mean of their scores",
}


def _notes(matched: Matched, texts_known: bool) -> tuple[str, ...]:
    notes = []
    if matched.other_criteria:
        others = ", ".join(repr(name) for name in matched.other_criteria)
        notes.append(f"compared on {matched.criterion!r}; the labels also hold {others}")
    if matched.superseded:
        were = "label was" if matched.superseded == 1 else "labels were"
        notes.append(f"{matched.superseded:,} {were} replaced by a later one of the same person")
    if matched.disputed:
        ways = ", ".join(f"{n} by {_WAYS[rule]}" for rule, n in sorted(matched.disputed.items()))
        notes.append(f"people differ on {sum(matched.disputed.values())} of the items, settled {ways}")
    if not texts_known:
        notes.append(
            "the texts are not known, so there are no baselines, and items with one input count as independent"
        )
    sampling = sampling_of(matched.drawn)
    if sampling.unfit:
        notes.append(
            f"{sampling.unfit} labels were drawn for learning, not at random: the figures don't stand for the whole run"
        )
    elif sampling.kind == "stratified":
        notes.append(
            f"the labels were drawn in strata over {sampling.key!r}: the figures stand for the labelled items; "
            "only the run's corrected mean is weighted"
        )
    return tuple(notes)


def _absent(labels: list[Label], principal: str | None) -> tuple[str, ...]:
    """A word of warning where people are named, and the principal is none of them: a name may be misspelt."""
    names = dict.fromkeys(label.annotator for label in labels if label.annotator is not None)
    if principal is None or not names or principal in names:
        return ()
    return (f"no label is the principal expert's, {principal!r}: they are of {', '.join(map(repr, list(names)[:5]))}",)


def _low_ceiling(trusted: Trust, ceiling: Mapping[str, Figure], bar: float) -> tuple[str, ...]:
    """A word of warning where people themselves don't agree as far as is asked of a judge that falls short."""
    figure = ceiling.get("one_vs_rest_spearman", ceiling.get("pairs_agree"))
    if trusted.level == "trusted" or not isinstance(figure, Estimate) or figure.high >= bar:
        return ()
    reach = f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"
    return (
        f"people agree with each other to {reach} only, under the {bar:g} asked of the judge: mend the criterion first",
    )


def _all_json(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {name: as_json(figure) for name, figure in figures.items()}


def _confusion_json(confusion: Confusion | None) -> dict[str, int] | None:
    return None if confusion is None else {name: getattr(confusion, name) for name in ("tp", "fn", "fp", "tn")}


def _slice_json(one: Slice) -> dict[str, Any]:
    table = _confusion_json(one.confusion)
    return {"n": one.n, "left_out": one.left_out, "metrics": _all_json(one.figures), "confusion": table}


def _corrected_json(corrected: Estimate | Refused | None) -> dict[str, Any] | None:
    if isinstance(corrected, Refused):
        return {"refused": corrected.why}
    return None if corrected is None else as_json(corrected)


def _powered_json(powered: PredictionPowered | Refused | None) -> dict[str, Any] | None:
    if isinstance(powered, Refused):
        return {"refused": powered.why}
    if powered is None:
        return None
    return {**as_json(powered.figure), "tuning": powered.tuning, "worth": powered.worth, "strata": powered.strata}


def _map_json(found: CalibrationMap | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "kind": found.kind,
        "holds": found.holds,
        "why": found.why,
        "n": found.n,
        "parameters": list(found.parameters),
        "knots": [list(knot) for knot in found.knots],
        "log_loss_gain": None if found.gain is None else as_json(found.gain),
        "brier_gain": None if found.brier_gain is None else as_json(found.brier_gain),
    }


def _baselines_json(earned: Earning | None, headline: str) -> dict[str, Any]:
    if earned is None:
        return {"refused": "the texts are not known"}
    if not earned.beside:
        return {"refused": earned.refused}
    return {one.name: _beside_json(one, headline) for one in earned.beside}


def _beside_json(one: Beside, headline: str) -> dict[str, Any]:
    found = {headline: as_json(one.figure), "lead_of_judge": as_json(one.lead), "meaning": one.meaning}
    return found if one.mcnemar_p is None else found | {"mcnemar_p": one.mcnemar_p}


def _bin_json(one: ReliabilityBin) -> dict[str, Any]:
    return {"low": one.low, "high": one.high, "mean_confidence": one.mean_confidence, "right": as_json(one.right)}
