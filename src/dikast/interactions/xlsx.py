"""Spreadsheets (XLSX, and XLS or ODS by the same reader): the first sheet that has the columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from dikast.errors import DataError
from dikast.interactions.cells import Header, missing_columns
from dikast.interactions.columns import FieldNames
from dikast.interactions.opening import Opened
from dikast.interactions.rows import Row, Tally

_LARGEST_CELL = 32_767
_CUT_NOTE = "a cell of 32,767 characters, the most that a spreadsheet holds: it may have been cut"


def read_xlsx(file: Opened, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """The rows of a spreadsheet, numbered as programs show them. Whole numbers are integers, dates ISO 8601 text."""
    import python_calamine as calamine

    with file.seekable() as stream:
        try:
            book = calamine.CalamineWorkbook.from_filelike(stream)
            header, top, rows = _sheet(file.name, book, names)
        except calamine.PasswordError as error:
            raise DataError(f"{file.name!r} is locked with a password", hint="Save it without one.") from error
        except (calamine.CalamineError, OSError) as error:
            raise DataError(
                f"{file.name!r} is no readable spreadsheet: {error}", hint="Save it again as .xlsx."
            ) from error
        for number, cells in enumerate(rows, top):
            values = [_value(cell) for cell in cells]
            tally.note(_CUT_NOTE, sum(isinstance(value, str) and len(value) == _LARGEST_CELL for value in values))
            row = header.row(values, tally)
            if row is not None:
                yield number, row, {name: str(value) for name, value in zip(header.columns, values, strict=False)}


def _sheet(name: str, book: Any, names: FieldNames) -> tuple[Header, int, Iterator[list[Any]]]:
    """The header of the first sheet that has the columns, the number of the row below it, and the rows from there."""
    seen: list[str] = []
    for title in book.sheet_names:
        sheet = book.get_sheet_by_name(title)
        rows = enumerate(sheet.iter_rows(), 1)
        top = next(((number, cells) for number, cells in rows if any(cell != "" for cell in cells)), None)
        if top is None:
            continue
        number, cells = top
        given = [str(_value(cell)) for cell in cells]
        header = Header(name, given, names.fresh())
        if missing_columns(header.columns, names.vocabulary) is None:
            return Header(name, given, names), number + 1, (cells for _, cells in rows)
        seen.append(f"{title!r}: {', '.join(given[:8])}")
    if not seen:
        raise DataError(f"{name!r} has no rows", hint="Give a file with a header row and at least one row below it.")
    raise DataError(
        f"{name!r} has no sheet with the columns that are needed ({'; '.join(itertools.islice(seen, 5))})",
        hint='A sheet needs "input" and "output" (labels: "id" and "verdict" or "score") in its first row.',
    )


def _value(cell: Any) -> Any:
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell
