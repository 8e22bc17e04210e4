"""A run as a spreadsheet, in which nothing that a model wrote can act as a formula."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dikast.interactions.guarding import guarded
from dikast.records import Interaction, Verdict
from dikast.report.table import Cell, columns_of, rows
from dikast.report.writing import replacing

Verdicts = Callable[[], Iterator[Verdict]]
Lookup = Callable[[str], Interaction | None]

SHEET_ROWS = 1_048_576
_SHEET = "results"


def export_csv(path: Path, verdicts: Verdicts, lookup: Lookup | None = None) -> int:
    """Write a run as CSV; how many rows there are. Raises OutputError.

    verdicts: gives the run's verdicts, each time it is called (`run.verdicts`). lookup: finds the interaction; without
    it, those columns are empty. UTF-8 with a byte order mark, without which Excel garbles every script but Latin; texts
    that would be formulas get an apostrophe in front.
    """
    columns = columns_of(verdicts())
    number = 0
    with replacing(path) as beside, beside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([_guarded(name) for name in columns.names])
        for row in rows(columns, verdicts(), lookup):
            writer.writerow([_guarded(cell) for cell in row])
            number += 1
    return number


def export_xlsx(path: Path, verdicts: Verdicts, lookup: Lookup | None = None) -> int:
    """Write a run as XLSX; how many rows there are. Raises OutputError.

    Arguments as in `export_csv`. Texts are typed as texts, so that none is a formula or a link. What one sheet can't
    hold goes on in a second.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import XlsxWriterException

    columns = columns_of(verdicts())
    number = 0
    with replacing(path) as beside:
        workbook = xlsxwriter.Workbook(str(beside), {"constant_memory": True, "in_memory": False})
        head = workbook.add_format({"bold": True, "bottom": 1})
        sheet: Any = None
        for row in rows(columns, verdicts(), lookup):
            at = number % (SHEET_ROWS - 1)
            if at == 0:
                sheet = _new_sheet(workbook, head, columns.names, number)
            _write_row(sheet, at + 1, row)
            number += 1
        if sheet is None:
            _new_sheet(workbook, head, columns.names, 0)
        try:
            workbook.close()
        except XlsxWriterException as error:
            raise OSError(str(error)) from error
    return number


def _new_sheet(workbook: Any, head: Any, names: tuple[str, ...], before: int) -> Any:
    sheet = workbook.add_worksheet(_SHEET if before == 0 else f"{_SHEET} {before // (SHEET_ROWS - 1) + 1}")
    sheet.freeze_panes(1, 1)
    for at, name in enumerate(names):
        sheet.write_string(0, at, name, head)
    return sheet


def _write_row(sheet: Any, at: int, row: list[Cell]) -> None:
    for column, cell in enumerate(row):
        if isinstance(cell, str):
            sheet.write_string(at, column, cell)
        elif cell is not None:
            sheet.write_number(at, column, cell)


def _guarded(cell: Cell) -> Cell:
    return guarded(cell) if isinstance(cell, str) else cell
