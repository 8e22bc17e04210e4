"""Labels as a spreadsheet that an expert fills in, one row an interaction and label; also as JSON Lines.

What is judged stands beside where the verdict goes. Nothing in a cell can act as a formula, ids are texts, and what a
cell can't hold is cut so that one sees it.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dikast.errors import OutputError
from dikast.interactions.guarding import guarded
from dikast.records import Interaction, Label, text_of
from dikast.report.writing import replacing

LONGEST_CELL = 32_767  # characters, the most that a spreadsheet holds
_KEPT = 32_000
_MOST_ROWS = 1_048_575
_WIDTHS = {"id": 16, "verdict": 10, "score": 8, "tags": 20, "annotator": 14, "criterion": 14, "revision": 8}
_WIDE = 60
_EDITED = frozenset({"verdict", "score", "critique", "tags", "note"})
_MOST_HINT = "Export part of it, or write .csv."


class SheetLine(NamedTuple):
    """One row to be: an interaction, one label of it or none, and that label's revision (0 for none)."""

    interaction: Interaction
    label: Label | None
    revision: int


Lines = Callable[[], Iterable[SheetLine]]


def shown(text: str) -> str:
    """A text as a cell holds it: cut visibly when too long, without the control characters that no sheet takes.

    >>> shown("a" * 40_000)[-34:]
    '… [cut: 40,000 characters in all]'
    """
    clean = "".join(c for c in text if c >= " " or c in "\n\t") if not text.isprintable() else text
    return clean if len(clean) <= LONGEST_CELL - 1 else f"{clean[:_KEPT]}… [cut: {len(clean):,} characters in all]"


def write_labels_jsonl(path: Path, lines: Lines) -> int:
    """Write labels in the contract's fields, one a line; how many. Raises OutputError."""
    count = 0
    with replacing(path) as beside, beside.open("wb") as file:
        for line in lines():
            if line.label is not None:
                file.write(msgspec.json.encode(line.label) + b"\n")
                count += 1
    return count


def write_labels_csv(path: Path, lines: Lines) -> int:
    """Write a sheet as CSV (UTF-8 with a byte order mark), formulas guarded; how many rows. Raises OutputError."""
    columns = _columns(lines())
    count = 0
    with replacing(path) as beside, beside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for line in lines():
            cells = _cells(line)
            writer.writerow([guarded(shown(cells.get(name, ""))) for name in columns])
            count += 1
    return count


def write_labels_xlsx(path: Path, lines: Lines) -> int:
    """Write a sheet as XLSX, every cell a text, verdicts chosen from a list; how many rows. Raises OutputError."""
    import xlsxwriter
    from xlsxwriter.exceptions import XlsxWriterException

    columns = _columns(lines())
    count = 0
    verdicts: dict[str, None] = {}
    with replacing(path) as beside:
        workbook = xlsxwriter.Workbook(str(beside), {"constant_memory": True})
        sheet = _sheet(workbook, columns)
        body = {name: workbook.add_format(_FORMATS[name in _EDITED]) for name in columns}
        for line in lines():
            count += 1
            if count > _MOST_ROWS:
                raise OutputError(f"a sheet holds {_MOST_ROWS:,} rows, and there are more", hint=_MOST_HINT)
            verdicts |= dict.fromkeys(("a", "b", "tie") if line.interaction.is_pair else ("pass", "fail"))
            cells = _cells(line)
            for column, name in enumerate(columns):
                text = shown(cells.get(name, ""))
                if text:
                    sheet.write_string(count, column, text, body[name])
                else:
                    sheet.write_blank(count, column, None, body[name])
        if count:
            _choices(sheet, columns.index("verdict"), count, list(verdicts))
            sheet.autofilter(0, 0, count, len(columns) - 1)
        try:
            workbook.close()
        except XlsxWriterException as error:
            raise OSError(str(error)) from error
    return count


_FORMATS: dict[bool, dict[str, Any]] = {
    False: {"text_wrap": True, "valign": "top", "num_format": "@"},
    True: {"text_wrap": True, "valign": "top", "num_format": "@", "bg_color": "#FFF8E1", "border": 1},
}


def _sheet(workbook: Any, columns: list[str]) -> Any:
    sheet = workbook.add_worksheet("labels")
    sheet.freeze_panes(1, 1)
    head = workbook.add_format({"bold": True, "bottom": 1, "valign": "top"})
    for at, name in enumerate(columns):
        sheet.set_column(at, at, _WIDTHS.get(name, _WIDE))
        sheet.write_string(0, at, name, head)
    return sheet


def _choices(sheet: Any, column: int, rows: int, verdicts: list[str]) -> None:
    sheet.data_validation(
        1,
        column,
        rows,
        column,
        {
            "validate": "list",
            "source": verdicts,
            "error_title": "No such verdict",
            "error_message": f"Choose {', '.join(verdicts)}.",
        },
    )


def _columns(lines: Iterable[SheetLine]) -> list[str]:
    """The columns that any row needs; those to be filled in are always there, but for score and criterion."""
    used: set[str] = set()
    for line in lines:
        used.update(name for name, text in _cells(line).items() if text)
        used.update(("output_a", "output_b") if line.interaction.is_pair else ("output",))
    always = {"id", "input", "verdict", "critique", "tags", "note", "annotator", "revision"}
    order = ("id", "input", "output", "output_a", "output_b", "context", "reference", "verdict", "score", "critique")
    return [name for name in (*order, "tags", "note", "annotator", "criterion", "revision") if name in used | always]


def _cells(line: SheetLine) -> dict[str, str]:
    item, label = line.interaction, line.label
    cells = {"id": item.id, "revision": str(line.revision)}
    for name in ("input", "output", "output_a", "output_b", "context", "reference"):
        cells[name] = text_of(getattr(item, name))
    if label is not None:
        cells |= dict(_said(label))
    return cells


def _said(label: Label) -> Iterator[tuple[str, str]]:
    yield "verdict", label.verdict or ""
    yield "score", "" if label.score is None else f"{label.score:g}"
    yield "tags", ", ".join(label.tags)
    for name in ("critique", "note", "annotator", "criterion"):
        yield name, getattr(label, name) or ""
