"""A run as a flat table: one row an interaction, the same columns in CSV and XLSX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dikast.records import Interaction, Json, Verdict
from dikast.report.text import readable, visible

Cell = str | float | int | None

# Both Excel and LibreOffice cut, or refuse, a longer cell; it is counted in UTF-16 units.
CELL_LIMIT = 32_767
MAX_COLUMNS = 100  # for scores and for metadata; what is beyond goes into one JSON column
_FIRST = ("id", "status", "verdict")
_MIDDLE = (
    "critique",
    "confidence",
    "confidence_source",
    "reason",
    "judge",
    "judge_version",
    "model",
    "latency_s",
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "calls",
    "method",
)
_TEXTS = ("input", "output", "output_a", "output_b", "context", "reference")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one run's table, found by a first pass over its verdicts."""

    scores: tuple[str, ...]
    metadata: tuple[str, ...]
    more_metadata: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The header; scores and metadata carry a prefix, so that none can hide another column."""
        rest = ("metadata",) if self.more_metadata else ()
        return (
            *_FIRST,
            *(f"scores.{name}" for name in self.scores),
            *_MIDDLE,
            *(f"metadata.{key}" for key in self.metadata),
            *rest,
            *_TEXTS,
            "raw_judge_output",
        )


def columns_of(verdicts: Iterable[Verdict]) -> Columns:
    """Which scores and metadata keys occur, in the order in which they first do."""
    scores: dict[str, None] = {}
    metadata: dict[str, None] = {}
    more = False
    for verdict in verdicts:
        for name in verdict.scores or {}:
            if len(scores) < MAX_COLUMNS:
                scores.setdefault(name)
        for key in verdict.metadata:
            if len(metadata) < MAX_COLUMNS:
                metadata.setdefault(key)
            more = more or key not in metadata
    return Columns(tuple(scores), tuple(metadata), more)


def rows(
    columns: Columns, verdicts: Iterable[Verdict], lookup: Callable[[str], Interaction | None] | None
) -> Iterator[list[Cell]]:
    """The cells of each verdict, in the columns' order; texts are made visible and cut to what a cell holds."""
    for verdict in verdicts:
        interaction = lookup(verdict.id) if lookup else None
        scores, usage = verdict.scores or {}, verdict.usage
        values: list[Json] = [verdict.id, verdict.status, verdict.verdict]
        values += [scores.get(name) for name in columns.scores]
        values += [verdict.critique, verdict.confidence, verdict.confidence_source, verdict.reason]
        values += [verdict.judge.name, verdict.judge.version, verdict.model, verdict.latency_s]
        values += (
            [usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.calls] if usage else [None] * 4
        )
        values.append(verdict.method)
        values += [verdict.metadata.get(key) for key in columns.metadata]
        if columns.more_metadata:
            values.append(verdict.metadata)
        values += [getattr(interaction, name) if interaction else None for name in _TEXTS]
        values.append(verdict.raw_judge_output)
        yield [_cell(value) for value in values]


def _cell(value: Json) -> Cell:
    """A number as it is, where a sheet holds it exactly; all else as text."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and abs(value) < 2**53:
        return value
    text = str(value) if isinstance(value, (int, float)) else readable(value)
    return fitting(visible(text))


def fitting(text: str) -> str:
    """The text as far as a cell holds it; when it is cut, its last words say so and how long it was.

    >>> fitting("x" * 40_000)[-38:]
    'x … [cut here; 40,000 characters long]'
    """
    if len(text) <= CELL_LIMIT // 2 or _units(text) <= CELL_LIMIT:
        return text
    note = f" … [cut here; {len(text):,} characters long]"
    cut = text[: CELL_LIMIT - len(note)]
    while (over := _units(cut) + len(note) - CELL_LIMIT) > 0:
        cut = cut[: len(cut) - max(1, over // 2)]
    return cut + note


def _units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)
