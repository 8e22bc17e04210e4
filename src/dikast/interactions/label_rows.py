"""Labels that come back from a spreadsheet or a labelling tool, row by row, and each mistake with its row and column.

Unlike `read_labels`, which reads whatever says something, this reads for the store: a row may be empty (not labelled
yet), tells which revision it was made from, and a row that can't be used is a problem to be mended, not a reject.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from dikast.errors import DataError
from dikast.interactions.columns import LABEL_FIELDS, FieldNames
from dikast.interactions.fields import id_of
from dikast.interactions.formats import format_of, rows_of
from dikast.interactions.guarding import unguarded
from dikast.interactions.label_fields import absent, label_of, labels_of
from dikast.interactions.opening import Opened, opened
from dikast.interactions.rows import Tally, Unusable
from dikast.interactions.sources import files_of
from dikast.records import Json, Label

_SAYING = ("verdict", "preference", "score", "critique", "tags", "note")
_FIELDS = (*LABEL_FIELDS.synonyms, "revision")
_EVERY = frozenset(_FIELDS)


class LabelRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row. label: what it says, None where it says nothing (yet). columns: what the sheet has at all.

    id: the interaction's, as the sheet has it. revision: of the label that the row was made from, 0 for none, None
    where the sheet doesn't say. annotator and criterion: whose label of what, for a row that says nothing too.
    """

    row: int
    id: str
    label: Label | None
    annotator: str | None = None
    criterion: str | None = None
    revision: int | None = None
    columns: frozenset[str] = frozenset()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a row can't be used. id: the interaction's, as the row has it, where that is known."""

    row: int
    column: str | None
    reason: str
    id: str | None = None

    def __str__(self) -> str:
        whose = f" ({self.id[:40]!r})" if self.id and self.column != "id" else ""
        return f"row {self.row}{whose}{f', column {self.column}' if self.column else ''}: {self.reason}"


class LabelRows(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds. notes: what was done to read it ("'Human label' is read as 'verdict'")."""

    rows: list[LabelRow]
    problems: list[Problem]
    notes: tuple[str, ...]


def read_label_rows(path: str | os.PathLike[str], *, columns: Mapping[str, str] | None = None) -> LabelRows:
    """The rows of a sheet (XLSX, CSV) or of labels as JSON Lines or JSON. Raises DataError for what is no such file.

    columns: which column a field is read from ("verdict": "my column"), where its name doesn't tell.
    """
    with opened_file(path) as file:
        tally = Tally()
        kind = format_of(file)
        names = _Named(file.name, tally, columns or {})
        rows: list[LabelRow] = []
        problems: list[Problem] = []
        for count, (line, row, _) in enumerate(rows_of(file, names, tally), 2):
            number = count if kind == "table" else line  # a cell may hold line ends, and a sheet counts rows
            try:
                if isinstance(row, Unusable):
                    raise row
                rows += _read(row, number, tally, table=kind == "table")
            except Unusable as unusable:
                problems.append(problem_of(number, unusable, row))
    return LabelRows(rows=rows, problems=problems, notes=tuple(tally.notes))


@contextmanager
def opened_file(path: str | os.PathLike[str]) -> Iterator[Opened]:
    """The one file of that name, open. Raises DataError when there is none, more than one, or nothing in it."""
    files = files_of(path, None) or []
    if len(files) != 1:
        raise DataError(f"{os.fspath(path)!r} is not one file", hint="Name one file.")
    with opened(files[0].name, files[0].path) as file:
        if not file.head.strip():
            raise DataError(f"{file.name!r} is empty", hint="Give a sheet as `dikast labels export` writes it.")
        yield file


def problem_of(number: int, unusable: Unusable, row: Mapping[str, Json] | Unusable | None = None) -> Problem:
    """A row's mistake with the column that the reason's first words name."""
    id = row.get("id") if isinstance(row, Mapping) else None
    kind = unusable.reason.partition(":")[0].split()
    column = next((word for given in kind for word in (given, given.rstrip("s")) if word in _FIELDS), None)
    return Problem(row=number, column=column, reason=unusable.reason, id=None if id is None else str(id))


class _Named(FieldNames):
    """The contract's names, with those that the user chose first."""

    def __init__(self, file: str, tally: Tally, chosen: Mapping[str, str]) -> None:
        super().__init__(file, LABEL_FIELDS, tally)
        self._given = {name: field for field, name in chosen.items()}
        self._of = (file, dict(chosen))

    def fresh(self) -> FieldNames:
        return _Named(self._of[0], Tally(), self._of[1])

    def rename(self, row: dict[str, Json]) -> dict[str, Json]:
        return super().rename(self._placed(row) if self._given else row)

    def header(self, names: Iterable[str]) -> list[str]:
        names = list(names)
        taken = set(self._given.values()) & set(names)
        chosen = set(self._given) & set(names)
        return super().header(
            [self._given.get(name, f"row.{name}" if name in taken and name not in chosen else name) for name in names]
        )

    def _placed(self, row: dict[str, Json]) -> dict[str, Json]:
        for name, field in self._given.items():
            if name in row and name != field:
                if field in row:
                    row[f"row.{field}"] = row.pop(field)
                row[field] = row.pop(name)
        return row


def _read(row: dict[str, Json], number: int, tally: Tally, *, table: bool) -> Iterator[LabelRow]:
    if table:
        row = {name: unguarded(cell) if isinstance(cell, str) else cell for name, cell in row.items()}
    id = id_of(row.get("id"))
    if not id:
        raise Unusable("id is missing: without it nobody knows which interaction is meant")
    nested = [row.get(key) for key in ("label", "labels")]
    if isinstance(nested[0], Mapping) or not absent(nested[1]):
        for label in labels_of(nested[0], nested[1], id, tally):
            yield _row(number, label, None, _EVERY)
        return
    fields = {key: row[key] for key in LABEL_FIELDS.synonyms if key in row and key not in ("id", "label", "labels")}
    if not absent(nested[0]):
        fields.setdefault("verdict", nested[0])
    columns = frozenset(row) | ({"verdict"} if {"label", "preference"} & row.keys() else set())
    revision = _revision(row.get("revision"))
    if all(absent(fields.get(name)) for name in _SAYING):
        whose = label_of({**fields, "verdict": "tie"}, id, Tally())
        empty = LabelRow(row=number, id=id, label=None, annotator=whose.annotator, criterion=whose.criterion)
        yield msgspec.structs.replace(empty, revision=revision, columns=columns)
        return
    yield _row(number, label_of(fields, id, tally), revision, columns)


def _row(number: int, label: Label, revision: int | None, columns: frozenset[str]) -> LabelRow:
    return LabelRow(
        row=number,
        id=label.id,
        label=label,
        annotator=label.annotator,
        criterion=label.criterion,
        revision=revision,
        columns=columns,
    )


def _revision(value: Json) -> int | None:
    if absent(value):
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Unusable(f"revision is no number: {value!r:.40}; leave that column as it was exported") from None
