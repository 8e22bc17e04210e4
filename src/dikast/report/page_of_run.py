"""From a run's summary to its page: which sentences, rows and bars there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from importlib.metadata import version

import msgspec

from dikast.agreement.estimate import Estimate, Figure
from dikast.analysis.dimensions import SMALL_CELL, Dimension
from dikast.analysis.distribution import Distribution
from dikast.analysis.summary import STATUSES, RunSummary
from dikast.records import Interaction, Json, RunInfo
from dikast.report.agreement_block import AgreementBlock, AgreementFigure
from dikast.report.figures import bounds, count, interval, percent, seconds, value_of
from dikast.report.outlier_cards import excerpt_part, outlier_sections
from dikast.report.page import (
    AgreementView,
    Bar,
    CellRow,
    DimensionTable,
    FigureRow,
    Headline,
    LeftOutRow,
    Part,
    Plot,
    ReasonRow,
    ReasonsView,
    ReportPage,
    Row,
    Track,
    bars_of,
    columns_of,
)
from dikast.report.reliability import reliability_view
from dikast.report.text import one_line, readable
from dikast.report.wording import (
    HEADLINES,
    MEASURES,
    SHAPES,
    STATUS_WORDS,
    TONES,
    behind_headline,
    figure_line,
    headline_value,
    is_share,
    latency_rows,
    notes,
    pair_rows,
    scale_note,
    stage_rows,
    token_rows,
    vote_rows,
)

_DIMENSIONS_SHOWN = 12
_PLOTS_SHOWN = 12
_LONGEST_SETTING = 500
_SECRET = re.compile(r"(?i)^(.*[_-])?(api_?key|authorization|password|secret|access_?token|bearer)$")
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


def page_of_run(
    summary: RunSummary,
    info: RunInfo | None,
    lookup: Callable[[str], Interaction | None] | None,
    *,
    name: str,
    agreement: AgreementBlock | None,
) -> ReportPage:
    """Everything that the page of this run says; see `render_html`."""
    return ReportPage(
        title=one_line(info.name if info else name, 120),
        judged=_judged(summary, info),
        headline=_headline(summary),
        statuses=_statuses(summary),
        left_out=_left_out(summary),
        notes=(*_unfinished(info), *notes(summary)),
        agreement=agreement_view(agreement) if agreement else None,
        plots=tuple(_plot(distribution) for distribution in summary.criteria[:_PLOTS_SHOWN]),
        plots_note=_of_many(_PLOTS_SHOWN, len(summary.criteria), "criteria"),
        pairs=_rows(pair_rows(summary)),
        outliers=outlier_sections(summary.outliers, lookup),
        outliers_note=_outliers_note(summary, lookup),
        reasons=_reasons(summary),
        dimensions=tuple(_dimension(dimension, summary) for dimension in summary.dimensions[:_DIMENSIONS_SHOWN]),
        dimensions_note=_dimensions_note(summary),
        confidence=_confidence(summary),
        methods=_method_bars(summary),
        stages=_rows(tuple((one_line(name, 80), one_line(said, 200)) for name, said in stage_rows(summary))),
        votes=_rows(vote_rows(summary)),
        latency=_rows(latency_rows(summary)),
        tokens=_rows(token_rows(summary)),
        fingerprint=flat_rows(info.fingerprint) if info else (),
        settings=flat_rows(info.settings) if info else (),
        definition=_definition(info),
        command=repeat_command(info) if info else "",
        made_by=f"Dikast {version('dikast')}",
    )


def repeat_command(info: RunInfo) -> str:
    """The command that makes this run again, ready to paste."""
    judge = info.settings.get("judge") or info.judge.name
    data = info.settings.get("data") or [info.dataset]
    words = ["dikast", "run", str(judge), *map(str, data)]
    if info.judge_definition.get("kind") != "cascade":  # whose stages name their models
        words += ["--model", info.model]
    urls = info.settings.get("base_url")
    for url in urls if isinstance(urls, (list, tuple)) else [urls] if isinstance(urls, str) else []:
        words += ["--base-url", _USER_IN_URL.sub("", str(url))]
    for flag in ("limit", "concurrency"):
        if info.settings.get(flag) is not None:
            words += [f"--{flag}", str(info.settings[flag])]
    if info.settings.get("allow_cloud"):
        words.append("--allow-cloud")
    return shlex.join(words)


def _judged(summary: RunSummary, info: RunInfo | None) -> tuple[Row, ...]:
    """What was judged by what."""
    rows = [
        Row("Judge", _some([f"{ref.name}, version {ref.version[:12]}" for ref, _ in summary.judges])),
        Row("Model", _some([*summary.models] or [info.model if info else ""])),
    ]
    if info is None:
        return (*rows, Row("Dataset", "not recorded in a results file"), Row("Results", f"{summary.n:,}"))
    rows += [Row("Dataset", info.dataset), Row("Started", _moment(info.started_at))]
    rows.append(Row("Finished", _moment(info.finished_at) if info.finished_at else "not finished"))
    if info.wall_s is not None:
        rows.append(Row("Took", seconds(info.wall_s)))
    rows.append(Row("Calls", f"{info.calls:,}, and {info.cache_hits:,} answers from the cache"))
    if info.rejected or info.duplicates:
        rows.append(Row("Not judged", f"{info.rejected:,} unreadable and {info.duplicates:,} duplicate records"))
    return tuple(rows)


def _moment(time: str) -> str:
    """A recorded time to the minute; one that isn't in the usual form stays as it is.

    >>> _moment("2026-11-20T08:14:03.120Z")
    '2026-11-20 08:14 UTC'
    """
    return f"{time[:10]} {time[11:16]} UTC" if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*Z$", time) else time


def _some(names: list[str], most: int = 3) -> str:
    named = "; ".join(names[:most])
    return f"{named}; and {len(names) - most:,} more" if len(names) > most else named or "not recorded"


def _headline(summary: RunSummary) -> Headline:
    shares = is_share(summary)
    scale = next((d.scale for d in summary.criteria if d.criterion == "overall"), None)
    return Headline(
        name=HEADLINES[summary.kind],
        value=headline_value(summary),
        interval=interval(summary.headline, as_percent=shares),
        behind=behind_headline(summary),
        track=_track(summary.headline, (0.0, 1.0) if shares else scale),
    )


def _track(figure: Figure, scale: tuple[float, float] | None) -> Track | None:
    if scale is None or not isinstance(figure, Estimate):
        return None
    low, high = sorted(scale)

    def place(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)

    return Track(place(figure.low), round(place(figure.high) - place(figure.low), 2), place(figure.value))


def _statuses(summary: RunSummary) -> tuple[Bar, ...]:
    longest = max(summary.counts.values()) or 1
    return tuple(
        Bar(
            label=STATUS_WORDS[status],
            share=percent(count / summary.n),
            count=f"{count:,}",
            said="",
            size=round(100 * count / longest, 2),
            tone="plain" if status == "scored" else "bad",
        )
        for status in STATUSES
        if (count := summary.counts[status])
    )


def _left_out(summary: RunSummary) -> tuple[LeftOutRow, ...]:
    return tuple(
        LeftOutRow(
            left.status,
            one_line(left.kind, 80),
            f"{left.count:,}",
            tuple(one_line(i, 60) for i in left.ids),
            one_line(left.example, 300),
        )
        for left in summary.left_out
    )


def _unfinished(info: RunInfo | None) -> tuple[str, ...]:
    if info is None or info.finished_at is not None:
        return ()
    return ("This run is not finished: it is still going on, or was interrupted. The same command continues it.",)


def agreement_view(block: AgreementBlock) -> AgreementView:
    """The agreement as the page says it."""
    tones = {"trusted": "good", "not_yet": "muted", "no": "bad"}
    return AgreementView(
        tone=tones[block.trust],
        sentence=block.sentence,
        needs=block.needs or "",
        labels=f"{count(block.n, 'interaction')} with a label and a verdict; labels: {block.labels}",
        figures=tuple(_figure_row(figure) for figure in block.figures),
        baselines=tuple(_figure_row(figure) for figure in block.baselines),
        left_out=tuple(Row(reason, f"{count:,}") for reason, count in block.left_out.items()),
        reliability=reliability_view(block.reliability, block.calibration),
    )


def _figure_row(figure: AgreementFigure) -> FigureRow:
    shown = figure.figure
    return FigureRow(
        name=figure.name,
        value=value_of(shown, as_percent=figure.as_percent),
        interval=bounds(shown, as_percent=figure.as_percent) if isinstance(shown, Estimate) else shown.reason,
        n=f"{shown.n:,}",
        meaning=figure.meaning,
    )


def _plot(distribution: Distribution) -> Plot:
    ordered = distribution.kind in ("ordinal", "continuous")
    return Plot(
        title=one_line(distribution.criterion, 80),
        figure=figure_line(distribution),
        shape=SHAPES[distribution.reading.shape],
        words=distribution.reading.words,
        columns=ordered,
        bars=columns_of(distribution.bins, distribution.n)
        if ordered
        else bars_of(distribution.bins, distribution.n, TONES),
        note=scale_note(distribution),
    )


def _outliers_note(summary: RunSummary, lookup: Callable[[str], Interaction | None] | None) -> str:
    if not summary.counts["scored"]:
        return "Nothing was scored, so there is nothing to rank."
    if lookup is None:
        return "The interactions themselves are not at hand: give the dataset with --data to see input and output here."
    return "Input, output and context unfold. Of long texts the beginning and the end are shown."


def _reasons(summary: RunSummary) -> ReasonsView:
    reasons = summary.reasons
    largest = max((group.count for group in reasons.groups), default=1)
    groups = tuple(
        ReasonRow(
            text=one_line(group.text, 400),
            count=f"{group.count:,} of {reasons.sampled:,}",
            size=round(100 * group.count / largest, 2),
            outcomes=", ".join(f"{outcome} {count:,}" for outcome, count in group.outcomes.items()),
            ids=tuple(one_line(i, 60) for i in group.ids[:3]),
        )
        for group in reasons.groups
    )
    repeated = tuple(
        ReasonRow(one_line(same.text, 400), f"{same.count:,}", round(100 * same.share, 2), percent(same.share), ())
        for same in reasons.repeated
    )
    return ReasonsView(_reasons_note(summary), groups, repeated)


def _reasons_note(summary: RunSummary) -> str:
    reasons = summary.reasons
    if not reasons.n:
        return "The judge gave no critiques, so there is nothing to group."
    words = f"{count(reasons.n, 'verdict has', 'verdicts have')} a critique"
    words += f", {reasons.without:,} have none. " if reasons.without else ". "
    if reasons.sampled < reasons.n:
        words += f"Grouped is a random sample of {reasons.sampled:,}. "
    if not reasons.groups:
        words += "No two are worded alike."
    if reasons.distinct_limit_reached:
        words += " There are so many different critiques that late repetitions may be missing."
    return words.strip()


def _dimension(dimension: Dimension, summary: RunSummary) -> DimensionTable:
    shares = dimension.measure != "mean"
    scale = (0.0, 1.0) if shares else next((d.scale for d in summary.criteria if d.criterion == "overall"), None)
    rows = tuple(
        CellRow(
            value=one_line(cell.value, 80) or "(empty)",
            n=f"{cell.figure.n:,}" if cell.figure.n == cell.n else f"{cell.figure.n:,} of {cell.n:,}",
            figure=value_of(cell.figure, as_percent=shares),
            bounds=bounds(cell.figure, as_percent=shares),
            track=_track(cell.figure, scale),
            small=cell.small,
            mark={"below": "below the run", "above": "above the run", None: ""}[cell.stands_out],
        )
        for cell in dimension.cells
    )
    at = _track(summary.headline, scale)
    note = f"{dimension.missing:,} interactions don't have it." if dimension.missing else ""
    return DimensionTable(one_line(dimension.key, 80), MEASURES[dimension.measure], rows, at.point if at else -1, note)


def _dimensions_note(summary: RunSummary) -> str:
    if not summary.counts["scored"]:
        return "Nothing was scored, so there is nothing to compare."
    if not summary.dimensions:
        return "No metadata key behaves like a dimension: few different values that come again."
    cells = sum(len(dimension.cells) for dimension in summary.dimensions)
    words = (
        f"A value is marked when its whole interval lies below or above the run's figure; among {cells} values that do "
        f"not differ, about {max(1, round(cells / 20))} would be marked by chance. Fewer than {SMALL_CELL} scored is "
        "too small to say."
    )
    return " ".join(filter(None, (words, _of_many(_DIMENSIONS_SHOWN, len(summary.dimensions), "dimensions"))))


def _confidence(summary: RunSummary) -> Plot | None:
    confidence = summary.confidence
    if confidence is None:
        return None
    sources = ", ".join(f"{one_line(source, 60)} ({count:,})" for source, count in confidence.sources.items())
    return Plot(
        title="Confidence",
        figure=f"mean {confidence.mean:.2f}, n\u00a0=\u00a0{confidence.n:,}",
        shape="",
        words=f"How it was measured: {sources}.",
        columns=True,
        bars=columns_of(confidence.bins, confidence.n),
        note="",
    )


def _method_bars(summary: RunSummary) -> tuple[Bar, ...]:
    scored, longest = summary.counts["scored"], max(summary.methods.values(), default=1)
    return tuple(
        Bar(one_line(method, 60), percent(count / scored), f"{count:,}", "", round(100 * count / longest, 2), "plain")
        for method, count in summary.methods.items()
    )


def _definition(info: RunInfo | None) -> Part | None:
    if info is None or not info.judge_definition:
        return None
    return excerpt_part("The judge's definition", readable(info.judge_definition), head=20_000, tail=2_000)


def flat_rows(values: Mapping[str, Json], above: str = "") -> tuple[Row, ...]:
    """Nested settings as rows with dotted names; what is not set is left out, and what is secret is not shown."""
    rows: list[Row] = []
    for key, value in values.items():
        name = f"{above}{key}"
        if value is None or value in ({}, [], ""):
            continue
        if _SECRET.match(key):
            rows.append(Row(name, "(not shown)"))
        elif isinstance(value, Mapping):
            rows.extend(flat_rows(value, f"{name}."))
        else:
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            rows.append(Row(name, one_line(_USER_IN_URL.sub("", text), _LONGEST_SETTING)))
    return tuple(rows)


def _of_many(shown: int, of: int, what: str) -> str:
    return f"Shown are {shown} of {of:,} {what}." if of > shown else ""


def _rows(pairs: tuple[tuple[str, str], ...]) -> tuple[Row, ...]:
    return tuple(Row(name, value) for name, value in pairs)
