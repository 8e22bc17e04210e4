"""Rows of a table: cells under a header -> one raw object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dikast.errors import DataError
from dikast.interactions.columns import INTERACTION_FIELDS, FieldNames, Vocabulary
from dikast.interactions.rows import Tally, Unusable
from dikast.interactions.values import decode_cell, plain
from dikast.records import Json

# An empty cell of these is an empty text; of all others, nothing.
_EMPTY_IS_TEXT = frozenset({"input", "output", "output_a", "output_b"})


class Header:
    """A table's columns under the contract's names."""

    def __init__(self, file: str, given: Sequence[str], names: FieldNames) -> None:
        self.given = list(given)
        self.columns = names.header(given)
        self._file = file
        self._vocabulary = names.vocabulary
        self._jsonish = names.vocabulary.jsonish

    def check(self) -> None:
        """Raise DataError when a column is missing without which no row can be used."""
        missing = missing_columns(self.columns, self._vocabulary)
        if missing:
            shown = ", ".join(repr(name[:40]) for name in self.given[:12]) + (", ..." if len(self.given) > 12 else "")
            raise DataError(f"{self._file}: no column for {missing}; the header has {shown or 'nothing'}", hint=_HINT)

    def row(self, cells: Sequence[Any], tally: Tally) -> dict[str, Json] | Unusable | None:
        """The object that a row's cells make; None for a row of empty cells."""
        columns = self.columns
        if len(cells) != len(columns):
            cells = self._fitted(cells)
            if len(cells) != len(columns):
                return Unusable(
                    f"wrong number of cells: {len(cells)} where the header has {len(columns)}; "
                    "is a quote or a delimiter missing?"
                )
        row: dict[str, Json] = {}
        empty = True
        for column, cell in zip(columns, cells, strict=True):
            if cell is None or cell == "":
                if column in _EMPTY_IS_TEXT:
                    row[column] = ""
                continue
            empty = False
            if isinstance(cell, str):
                row[column] = decode_cell(cell, tally) if column in self._jsonish else cell
            else:
                try:
                    row[column] = plain(cell, tally)
                except Unusable as unusable:
                    return Unusable(f"{unusable.reason} (column {column!r})")
        return None if empty else _paired(row)

    def _fitted(self, cells: Sequence[Any]) -> Sequence[Any]:
        """Without the empty cells that lie beyond the header."""
        beyond = cells[len(self.columns) :]
        return cells[: len(self.columns)] if all(cell is None or cell == "" for cell in beyond) and beyond else cells


_HINT = (
    'Interactions need the columns "input" and "output" (or "output_a" and "output_b"); '
    'labels need "id" and "verdict" or "score". The first row must hold the names.'
)


def missing_columns(columns: Sequence[str], vocabulary: Vocabulary) -> str | None:
    """What a table lacks, in words; None when its rows can be used."""
    have = set(columns)
    if not vocabulary.synonyms:  # a table of anything
        return None
    if vocabulary is INTERACTION_FIELDS:
        if "input" not in have:
            return "'input'"
        return None if "output" in have or {"output_a", "output_b"} <= have else "'output'"
    if not have & {"verdict", "score", "preference", "label", "labels"}:
        return "'verdict' or 'score'"
    return None if have & {"id", "input"} or len(have & {"output", "output_a"}) else "'id'"


def _paired(row: dict[str, Json]) -> dict[str, Json]:
    """In a table of pairs and single outputs, only the columns that this row uses."""
    if "output_a" in row and "output" in row:
        if row["output_a"] == "" and row.get("output_b", "") == "":
            row.pop("output_a")
            row.pop("output_b", None)
        elif row["output"] == "":
            row.pop("output")
    return row
