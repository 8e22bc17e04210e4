"""A run's summary for a terminal: tables and small bars with rich, plain text where there is no terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING

from dikast.analysis.dimensions import Dimension
from dikast.analysis.distribution import Bin, Distribution
from dikast.analysis.outliers import OutlierList
from dikast.analysis.summary import RunSummary
from dikast.records import RunInfo, Verdict
from dikast.report.figures import bounds, interval, number, percent, value_of
from dikast.report.text import one_line, visible
from dikast.report.wording import (
    HEADLINES,
    MEASURES,
    RANKINGS,
    SHAPES,
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

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

_BAR = 24
_PLAIN_WIDTH = 100  # of a pipe or a file, where nothing tells
_LONGEST_CRITIQUE = 240
_DIMENSIONS_SHOWN = 6
_STYLES = {"good": "green", "bad": "red", "plain": "cyan", "muted": "dim"}


def open_console(file: IO[str]) -> Console:
    """A console on a stream: coloured on a terminal unless NO_COLOR is set, else plain; it reads no markup in texts."""
    from rich.console import Console

    width = None if file.isatty() or "COLUMNS" in os.environ else _PLAIN_WIDTH
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False, legacy_windows=False)


def print_summary(console: Console, summary: RunSummary, info: RunInfo | None, *, name: str) -> None:
    """Print counts, headline, distributions with their readings, outliers, reasons, dimensions, time and tokens."""
    _print_head(console, summary, info, name)
    _print_left_out(console, summary)
    _print_pairs(console, summary)
    for distribution in summary.criteria:
        _print_distribution(console, distribution)
    for ranked in summary.outliers:
        _print_outliers(console, ranked)
    _print_reasons(console, summary)
    for dimension in summary.dimensions[:_DIMENSIONS_SHOWN]:
        _print_dimension(console, dimension)
    _print_how(console, summary)


def print_verdicts(console: Console, verdicts: Iterable[Verdict]) -> int:
    """Print verdicts in a line or two each, as they come; how many there were."""
    shown = 0
    for verdict in verdicts:
        shown += 1
        said = verdict.verdict or ("" if verdict.overall is None else number(verdict.overall))
        console.print(_text(" ".join(filter(None, (one_line(verdict.id, 120), verdict.status, said))), "bold"))
        why = verdict.reason or verdict.critique
        if why:
            console.print(_indented(one_line(why, 4 * _LONGEST_CRITIQUE)))
    return shown


def print_verdict(console: Console, verdict: Verdict, parts: Iterable[tuple[str, str]]) -> None:
    """Print one verdict in full: each part (a name and a text) under its name, uncut."""
    said = verdict.verdict or ("" if verdict.overall is None else number(verdict.overall))
    console.print(_text(" ".join(filter(None, (one_line(verdict.id, 200), verdict.status, said))), "bold"))
    for part, text in parts:
        console.print()
        console.print(_text(part, "bold cyan"))
        console.print(_text(text), soft_wrap=True)


def _print_head(console: Console, summary: RunSummary, info: RunInfo | None, name: str) -> None:
    shares = is_share(summary)
    console.print(_text(one_line(info.name if info else name, 120), "bold"))
    judges = ", ".join(f"{ref.name} {ref.version[:8]}" for ref, _ in summary.judges[:3])
    facts = [judges, ", ".join(list(summary.models)[:3]), info.dataset if info else ""]
    if any(facts):
        console.print(_text(one_line("  |  ".join(filter(None, facts)), 300), "dim"))
    console.print()
    line = _text(f"{HEADLINES[summary.kind]}: {headline_value(summary)}", "bold")
    line.append(f"   {interval(summary.headline, as_percent=shares)}", "default")
    console.print(line)
    console.print(_text(behind_headline(summary)))
    for note in notes(summary):
        console.print(_text(f"Mind: {note}", "yellow"))


def _print_left_out(console: Console, summary: RunSummary) -> None:
    if not summary.left_out:
        return
    _title(console, "Left out")
    table = _table(("count", "right"), ("status", "left"), ("reason", "left"), ("for example", "left"))
    for left in summary.left_out:
        ids = ", ".join(one_line(i, 40) for i in left.ids)
        table.add_row(_text(f"{left.count:,}"), _text(left.status), _text(one_line(left.kind, 60)), _text(ids, "dim"))
    console.print(table)


def _print_pairs(console: Console, summary: RunSummary) -> None:
    rows = pair_rows(summary)
    if rows:
        _title(console, "Pairs")
        console.print(_facts(rows))


def _print_distribution(console: Console, distribution: Distribution) -> None:
    shape = SHAPES[distribution.reading.shape]
    _title(console, f"{one_line(distribution.criterion, 80)}: {shape}", figure_line(distribution))
    tones = {} if distribution.kind in ("ordinal", "continuous") else TONES
    console.print(_bars(distribution.bins, tones))
    console.print(_text(distribution.reading.words))
    if note := scale_note(distribution):
        console.print(_text(note, "dim"))


def _print_outliers(console: Console, ranked: OutlierList) -> None:
    if not ranked.items:
        return
    _title(console, RANKINGS[ranked.ranking], f"{len(ranked.items):,} of {ranked.of:,}")
    table = _table(("id", "left"), ("verdict", "left"), ("sure", "right"), ("critique", "left"))
    for outlier in ranked.items:
        said = outlier.verdict or ("" if outlier.overall is None else number(outlier.overall))
        style = _STYLES[TONES.get(outlier.verdict or "", "plain")]
        sure = "" if outlier.confidence is None else percent(outlier.confidence)
        critique = one_line(outlier.critique or "", _LONGEST_CRITIQUE)
        table.add_row(_text(one_line(outlier.id, 40)), _text(said, style), _text(sure), _text(critique))
    console.print(table)


def _print_reasons(console: Console, summary: RunSummary) -> None:
    reasons = summary.reasons
    if not reasons.groups:
        return
    sample = "" if reasons.sampled == reasons.n else f"in a random sample of {reasons.sampled:,} of {reasons.n:,}"
    _title(console, "Repeated reasons", sample)
    table = _table(("count", "right"), ("argued for", "left"), ("the most typical one", "left"))
    for group in reasons.groups:
        outcomes = ", ".join(f"{outcome} {count:,}" for outcome, count in group.outcomes.items())
        text = one_line(group.text, _LONGEST_CRITIQUE)
        table.add_row(_text(f"{group.count:,}"), _text(one_line(outcomes, 30)), _text(text))
    console.print(table)


def _print_dimension(console: Console, dimension: Dimension) -> None:
    shares = dimension.measure != "mean"
    _title(console, f"By {one_line(dimension.key, 60)}", MEASURES[dimension.measure])
    table = _table(("value", "left"), ("n", "right"), ("figure", "right"), ("95 % interval", "right"), ("", "left"))
    for cell in dimension.cells:
        mark = (
            "too small"
            if cell.small
            else {"below": "below the run", "above": "above the run"}.get(cell.stands_out or "")
        )
        table.add_row(
            _text(one_line(cell.value, 50) or "(empty)"),
            _text(f"{cell.figure.n:,}"),
            _text(value_of(cell.figure, as_percent=shares)),
            _text(bounds(cell.figure, as_percent=shares)),
            _text(mark or "", "dim"),
        )
    console.print(table)


def _print_how(console: Console, summary: RunSummary) -> None:
    if summary.methods:
        _title(console, "How the verdicts were read")
        console.print(_facts([(one_line(name, 60), f"{count:,}") for name, count in summary.methods.items()]))
    if rows := stage_rows(summary):
        _title(console, "Stages of the cascade")
        console.print(_facts([(one_line(name, 80), one_line(said, 200)) for name, said in rows]))
    if rows := vote_rows(summary):
        _title(console, "Votes")
        console.print(_facts(rows))
    if summary.confidence:
        sources = ", ".join(f"{one_line(name, 40)} ({count:,})" for name, count in summary.confidence.sources.items())
        _title(console, "Confidence", f"mean {summary.confidence.mean:.2f}; measured by {sources}")
        console.print(_bars(summary.confidence.bins, {}))
    for title, rows in (("Time an interaction took", latency_rows(summary)), ("Calls and tokens", token_rows(summary))):
        if rows:
            _title(console, title)
            console.print(_facts(rows))


def _title(console: Console, title: str, more: str = "") -> None:
    console.print()
    line = _text(title, "bold cyan")
    if more:
        line.append(f"   {visible(more)}", "not bold default")
    console.print(line)


def _bars(bins: tuple[Bin, ...], tones: dict[str, str]) -> Table:
    longest = max((bin.count for bin in bins), default=0) or 1
    table = _table(("", "left"), ("", "left"), ("", "right"), ("", "right"))
    table.show_header = False
    for bin in bins:
        length = round(_BAR * bin.count / longest) or (1 if bin.count else 0)
        bar = _text("#" * length, _STYLES[tones.get(bin.label, "plain")])
        table.add_row(_text(one_line(bin.label, 40)), bar, _text(f"{bin.count:,}"), _text(percent(bin.share), "dim"))
    return table


def _facts(rows: Iterable[tuple[str, str]]) -> Table:
    table = _table(("", "left"), ("", "left"))
    table.show_header = False
    for name, value in rows:
        table.add_row(_text(name), _text(value))
    return table


def _table(*columns: tuple[str, str]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in columns:
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    return table


def _indented(text: str) -> RenderableType:
    from rich.padding import Padding

    return Padding(_text(text), (0, 0, 0, 2))


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(visible(text), style=style)
