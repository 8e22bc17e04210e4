"""What a report's page says, worked out: every sentence, figure and width. The templates only loop and branch."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dikast.analysis.distribution import Bin
from dikast.report.figures import percent, whole_percent
from dikast.report.reliability import ReliabilityView


@dataclass(frozen=True, slots=True)
class Row:
    """A name and what is said of it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Track:
    """An interval drawn on a line, in % of the line's width: where it begins, its width, and where the value is."""

    start: float
    width: float
    point: float


@dataclass(frozen=True, slots=True)
class Headline:
    """The run's one figure, its interval, and how many interactions stand behind it."""

    name: str
    value: str
    interval: str
    behind: str
    track: Track | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot. `said` is what a screen reader says in its place; `size` is in % of the longest."""

    label: str
    share: str
    count: str
    said: str
    size: float
    tone: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A distribution: as columns where the bars have an order, as rows where they have names."""

    title: str
    figure: str
    shape: str
    words: str
    columns: bool
    bars: tuple[Bar, ...]
    note: str


@dataclass(frozen=True, slots=True)
class LeftOutRow:
    """Interactions without a verdict for one kind of reason."""

    status: str
    kind: str
    count: str
    ids: tuple[str, ...]
    example: str


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One statistic: name, value, interval, n."""

    name: str
    value: str
    interval: str
    n: str
    meaning: str


@dataclass(frozen=True, slots=True)
class AgreementView:
    """How far the judge agrees with people."""

    tone: str
    sentence: str
    needs: str
    labels: str
    figures: tuple[FigureRow, ...]
    baselines: tuple[FigureRow, ...]
    left_out: tuple[Row, ...]
    reliability: ReliabilityView | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One text of an interaction, folded: what is shown of it, and how long it is."""

    name: str
    head: str
    tail: str
    length: str
    hidden: str


@dataclass(frozen=True, slots=True)
class Card:
    """One outlier. `also` is set when it was shown above; then nothing else is repeated."""

    anchor: str
    id: str
    place: str
    verdict: str
    tone: str
    facts: tuple[Row, ...]
    critique: str
    critique_cut: str
    metadata: tuple[Row, ...]
    parts: tuple[Part, ...]
    also: bool


@dataclass(frozen=True, slots=True)
class OutlierSection:
    """One ranking of outliers: its name, how many are shown of how many, and they."""

    anchor: str
    title: str
    shown: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """Critiques of like wording."""

    text: str
    count: str
    size: float
    outcomes: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReasonsView:
    """What the judge says again and again."""

    shown: str
    groups: tuple[ReasonRow, ...]
    repeated: tuple[ReasonRow, ...]


@dataclass(frozen=True, slots=True)
class CellRow:
    """One value of a dimension."""

    value: str
    n: str
    figure: str
    bounds: str
    track: Track | None
    small: bool
    mark: str


@dataclass(frozen=True, slots=True)
class DimensionTable:
    """One dimension; `run_at` is where the whole run's figure lies on the tracks, in %, or below 0 when it has none."""

    key: str
    measure: str
    rows: tuple[CellRow, ...]
    run_at: float
    note: str


@dataclass(frozen=True, slots=True)
class ReportPage:
    """The whole page; each field is a variable of templates/report.html.j2."""

    title: str
    judged: tuple[Row, ...]
    headline: Headline
    statuses: tuple[Bar, ...]
    left_out: tuple[LeftOutRow, ...]
    notes: tuple[str, ...]
    agreement: AgreementView | None
    plots: tuple[Plot, ...]
    plots_note: str
    pairs: tuple[Row, ...]
    outliers: tuple[OutlierSection, ...]
    outliers_note: str
    reasons: ReasonsView
    dimensions: tuple[DimensionTable, ...]
    dimensions_note: str
    confidence: Plot | None
    methods: tuple[Bar, ...]
    stages: tuple[Row, ...]
    votes: tuple[Row, ...]
    latency: tuple[Row, ...]
    tokens: tuple[Row, ...]
    fingerprint: tuple[Row, ...]
    settings: tuple[Row, ...]
    definition: Part | None
    command: str
    made_by: str


def columns_of(bins: tuple[Bin, ...], n: int) -> tuple[Bar, ...]:
    """Bins as columns, which have room for a whole percentage only."""
    return tuple(replace(bar, share=whole_percent(bin.share)) for bar, bin in zip(bars_of(bins, n), bins, strict=True))


def bars_of(bins: tuple[Bin, ...], n: int, tones: dict[str, str] | None = None) -> tuple[Bar, ...]:
    """Bins as bars, the longest of them full."""
    longest = max((bin.count for bin in bins), default=0) or 1
    return tuple(
        Bar(
            label=bin.label,
            share=percent(bin.share),
            count=f"{bin.count:,}",
            said=f"{bin.label}: {bin.count:,} of {n:,}, {percent(bin.share)}",
            size=round(100 * bin.count / longest, 2),
            tone=(tones or {}).get(bin.label, "plain"),
        )
        for bin in bins
    )
