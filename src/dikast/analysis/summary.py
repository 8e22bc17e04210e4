"""A run in figures, from one pass over its verdicts and in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dikast.agreement.estimate import Figure, Undefined
from dikast.analysis.dimensions import Dimension, DimensionTally, Measure
from dikast.analysis.distribution import (
    MAX_CRITERIA,
    Bin,
    CriterionTally,
    Distribution,
    Scale,
    is_criterion,
    pass_fail_distribution,
)
from dikast.analysis.outliers import OutlierList, TopOutliers, critique_of
from dikast.analysis.reasons import Reasons, ReasonTally
from dikast.analysis.stages import Stages, StageTally
from dikast.analysis.tally import QuantileSketch, Spread, ValueTally, proportion
from dikast.records import Json, JudgeRef, Status, Usage, Verdict

RunKind = Literal["pass_fail", "ordinal", "pairwise", "none"]

STATUSES: tuple[Status, ...] = ("scored", "unparsed", "refused", "failed")
_MAX_KINDS = 50
_MAX_JUDGES = 20
_EXAMPLE_IDS = 3
_LONGEST_CRITIQUE = 2_000
_MEASURES: dict[RunKind, Measure] = {"pass_fail": "pass_rate", "ordinal": "mean", "pairwise": "a_rate", "none": "none"}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Interactions without a verdict for one kind of reason: how many, a few ids, and one reason in full."""

    status: Status
    kind: str
    count: int
    ids: tuple[str, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure the judge was of its verdicts, in tenths, and how that was measured (source: count)."""

    n: int
    mean: float
    bins: tuple[Bin, ...]
    sources: dict[str, int]


@dataclass(frozen=True, slots=True)
class Pairs:
    """How pairs were decided. `order_decided`: the orders named different winners, of `both_orders` asked in both."""

    a: int
    b: int
    tie: int
    order_decided: int
    both_orders: int


@dataclass(frozen=True, slots=True)
class Votes:
    """How many verdicts were voted on, by how many samples together, and how many were unanimous."""

    n: int
    samples: int
    unanimous: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run's verdicts look like together.

    kind: what the headline measures: pass rate, mean overall score, or how often A is better where one was.
    counts: verdicts by status. methods: how the verdicts were read. judges and models: who spoke, by count; more than
    one means that the results are a mixture. stages: how far the interactions went, for a cascade's run.
    """

    n: int
    counts: dict[Status, int]
    kind: RunKind
    headline: Figure
    left_out: tuple[LeftOut, ...]
    criteria: tuple[Distribution, ...]
    pairs: Pairs | None
    outliers: tuple[OutlierList, ...]
    reasons: Reasons
    dimensions: tuple[Dimension, ...]
    confidence: Confidence | None
    latency: Spread | None
    usage: Usage | None
    votes: Votes | None
    methods: dict[str, int]
    judges: tuple[tuple[JudgeRef, int], ...]
    models: dict[str, int]
    stages: Stages | None = None


def summarise(verdicts: Iterable[Verdict], *, outliers: int = 10, scale: Scale | None = None) -> RunSummary:
    """The summary of a run, streamed: 100,000 verdicts or more in one pass and bounded memory.

    outliers: how many of each ranking to keep. scale: the judge's worst and best value, see `recorded_scale`; without
    it they are read off the values, and each distribution says so.
    """
    pass_over = _Pass(outliers, scale)
    for verdict in verdicts:
        pass_over.add(verdict)
    return pass_over.summary()


def recorded_scale(definition: Mapping[str, Json]) -> Scale | None:
    """The worst and best value of a judge's scores, from its definition as a run records it; None where it has none.

    >>> recorded_scale({"scale": {"kind": "ordinal", "low": 1, "high": 5}})
    (1.0, 5.0)
    """
    scale = definition.get("scale")
    if not isinstance(scale, Mapping):
        return None
    if scale.get("kind") == "pass_fail":
        return (0.0, 1.0)
    low, high = scale.get("low"), scale.get("high")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low < high:
        return float(low), float(high)
    return None


class _Pass:
    """Everything that is counted while the verdicts go by."""

    def __init__(self, outliers: int, scale: Scale | None) -> None:
        self._scale = scale
        self._n = 0
        self._counts: Counter[Status] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._criteria: dict[str, CriterionTally] = {}
        self._left_out: dict[tuple[Status, str], LeftOut] = {}
        self._outliers = TopOutliers(outliers)
        self._reasons = ReasonTally()
        self._dimensions = DimensionTally()
        self._confidence = _ConfidenceTally()
        self._latency = QuantileSketch()
        self._usage: Usage | None = None
        self._methods: Counter[str] = Counter()
        self._judges: Counter[JudgeRef] = Counter()
        self._models: Counter[str] = Counter()
        self._stages = StageTally()
        self._order_decided = 0
        self._both_orders = 0
        self._voted = self._samples = self._unanimous = 0

    def add(self, verdict: Verdict) -> None:
        self._n += 1
        self._counts[verdict.status] += 1
        self._dimensions.add(verdict)
        self._stages.add(verdict)
        if verdict.latency_s is not None:
            self._latency.add(verdict.latency_s)
        if verdict.usage is not None:
            self._usage = verdict.usage if self._usage is None else self._usage + verdict.usage
        _count(self._judges, verdict.judge)
        _count(self._models, verdict.model or "not named")
        if verdict.status == "scored":
            self._add_scored(verdict)
        else:
            self._add_left_out(verdict)

    def _add_scored(self, verdict: Verdict) -> None:
        if verdict.verdict is not None:
            self._outcomes[verdict.verdict] += 1
        for name, value in (verdict.scores or {}).items():
            self._add_score(name, value)
        _count(self._methods, verdict.method or "not recorded")
        self._confidence.add(verdict)
        self._outliers.add(verdict, self._n)
        self._reasons.add(verdict.id, critique_of(verdict, _LONGEST_CRITIQUE), _outcome(verdict))
        if verdict.details:
            self._add_details(verdict.details)

    def _add_details(self, details: dict[str, Json]) -> None:
        order, samples = details.get("order"), details.get("samples")
        if isinstance(order, dict) and isinstance(order.get("consistent"), bool):
            self._both_orders += 1
            self._order_decided += not order["consistent"]
        if isinstance(samples, dict) and isinstance(samples.get("of"), int):
            said = [number for word, number in samples.items() if word not in ("of", "unreadable") and number]
            self._voted += 1
            self._samples += samples["of"]
            self._unanimous += len(said) == 1

    def _add_score(self, name: str, value: object) -> None:
        if not is_criterion(name):
            return
        if name not in self._criteria:
            if len(self._criteria) >= MAX_CRITERIA:
                return
            self._criteria[name] = CriterionTally(name, self._scale)
        self._criteria[name].add(value)

    def _add_left_out(self, verdict: Verdict) -> None:
        kind = verdict.reason_kind or "no reason given"
        if (verdict.status, kind) not in self._left_out and len(self._left_out) >= _MAX_KINDS:
            kind = "other reasons"
        seen = self._left_out.get((verdict.status, kind))
        ids = (verdict.id,) if seen is None else seen.ids if len(seen.ids) == _EXAMPLE_IDS else (*seen.ids, verdict.id)
        example = seen.example if seen else (verdict.reason or "")[:_LONGEST_CRITIQUE]
        self._left_out[verdict.status, kind] = LeftOut(
            verdict.status, kind, seen.count + 1 if seen else 1, ids, example
        )

    def summary(self) -> RunSummary:
        kind = self._kind()
        overall = self._criteria["overall"].distribution() if kind == "ordinal" else None
        headline = self._headline(kind, overall)
        return RunSummary(
            n=self._n,
            counts={status: self._counts[status] for status in STATUSES},
            kind=kind,
            headline=headline,
            left_out=tuple(sorted(self._left_out.values(), key=lambda left: -left.count)),
            criteria=self._distributions(),
            pairs=self._pairs(),
            outliers=self._outliers.lists(),
            reasons=self._reasons.reasons(),
            dimensions=self._dimensions.dimensions(_MEASURES[kind], headline, overall.scale if overall else None),
            confidence=self._confidence.confidence(),
            latency=self._latency.spread(),
            usage=self._usage,
            votes=Votes(self._voted, self._samples, self._unanimous) if self._voted else None,
            methods=dict(self._methods.most_common()),
            judges=tuple(self._judges.most_common()),
            models=dict(self._models.most_common()),
            stages=self._stages.stages(),
        )

    def _kind(self) -> RunKind:
        """What most of the scored verdicts are."""
        overall = self._criteria.get("overall")
        candidates: dict[RunKind, int] = {
            "pass_fail": self._outcomes["pass"] + self._outcomes["fail"],
            "pairwise": self._outcomes["a"] + self._outcomes["b"] + self._outcomes["tie"],
            "ordinal": overall.numbers.n if overall else 0,
        }
        best = max(candidates, key=lambda kind: candidates[kind])
        return best if candidates[best] else "none"

    def _headline(self, kind: RunKind, overall: Distribution | None) -> Figure:
        count = self._outcomes
        if kind == "pass_fail":
            return proportion(count["pass"], count["pass"] + count["fail"], "nothing was scored")
        if kind == "pairwise":
            return proportion(count["a"], count["a"] + count["b"], "every pair was a tie")
        if overall is not None and overall.figure is not None:
            return overall.figure
        return Undefined("nothing was scored" if not self._counts["scored"] else "no verdict and no overall score", 0)

    def _distributions(self) -> tuple[Distribution, ...]:
        """Pass/fail first, then the overall score, then the criteria as they came."""
        found = []
        if self._outcomes["pass"] + self._outcomes["fail"]:
            found.append(pass_fail_distribution("verdict", self._outcomes))
        for name in sorted(self._criteria, key=lambda name: name != "overall"):
            distribution = self._criteria[name].distribution()
            if distribution is not None and not (name == "overall" and self._repeats_verdict(distribution)):
                found.append(distribution)
        return tuple(found)

    def _repeats_verdict(self, overall: Distribution) -> bool:
        """Whether the overall only says again what the verdict says: as a word, as 0 and 1, or as a lean to A or B."""
        if not self._outcomes:
            return False
        if self._outcomes["a"] + self._outcomes["b"] + self._outcomes["tie"]:
            return True
        return overall.kind in ("pass_fail", "category") or set(self._criteria["overall"].numbers.counts) <= {0.0, 1.0}

    def _pairs(self) -> Pairs | None:
        a, b, tie = (self._outcomes[outcome] for outcome in ("a", "b", "tie"))
        return Pairs(a, b, tie, self._order_decided, self._both_orders) if a + b + tie else None


class _ConfidenceTally:
    """Confidences of scored verdicts, in tenths."""

    def __init__(self) -> None:
        self._numbers = ValueTally()
        self._tenths = [0] * 10
        self._sources: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        if verdict.confidence is None:
            return
        self._numbers.add(verdict.confidence)
        self._tenths[min(9, max(0, int(verdict.confidence * 10)))] += 1
        _count(self._sources, verdict.confidence_source or "not recorded")

    def confidence(self) -> Confidence | None:
        n = self._numbers.n
        if not n:
            return None
        first = 5 if not any(self._tenths[:5]) else 0  # between two outcomes nothing lies under a half
        bins = tuple(
            Bin(f"{tenth / 10:.1f}–{(tenth + 1) / 10:.1f}", count, count / n)
            for tenth, count in enumerate(self._tenths)
            if tenth >= first
        )
        return Confidence(n, self._numbers.mean, bins, dict(self._sources.most_common()))


def _outcome(verdict: Verdict) -> str:
    """What a critique argued for: the verdict, else the overall score to the nearest whole number."""
    if verdict.verdict is not None:
        return verdict.verdict
    return "no verdict" if verdict.overall is None else f"{verdict.overall:.0f}"


def _count(counter: Counter[Any], key: object) -> None:
    if key in counter or len(counter) < _MAX_JUDGES:
        counter[key] += 1
