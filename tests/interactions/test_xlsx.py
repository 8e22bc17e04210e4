from __future__ import annotations

import datetime
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from dikast.errors import DataError
from dikast.interactions import open_dataset


def written(path: Path, *sheets: list[list[Any]], top: int = 0, left: int = 0) -> Path:
    book = xlsxwriter.Workbook(path, {"strings_to_numbers": False, "strings_to_formulas": False})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for rows in sheets:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                place = (top + number, left + column)
                if isinstance(cell, datetime.datetime):
                    sheet.write_datetime(*place, cell, moment)
                elif isinstance(cell, datetime.date):
                    sheet.write_datetime(*place, cell, day)
                elif isinstance(cell, str):
                    sheet.write_string(*place, cell)
                else:
                    sheet.write(*place, cell)
    book.close()
    return path


HEADER = ["id", "input", "output", "context", "metadata", "extra"]


class TestXlsx:
    def test_numbers_dates_and_json(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "a.xlsx",
            [
                HEADER,
                [12, "q", "a", "[1, 2]", '{"m": 1}', datetime.date(2026, 1, 2)],
                ["0012", 3, 2.5, "", "", datetime.datetime(2026, 1, 2, 3, 4)],
                [None, "q", True, None, None, 7],
            ],
        )
        one, two, three = open_dataset(path)
        assert (one.id, one.context, one.metadata) == ("12", [1, 2], {"m": 1, "extra": "2026-01-02"})
        assert (two.id, two.input, two.output, two.metadata) == ("0012", 3, 2.5, {"extra": "2026-01-02T03:04:00"})
        assert type(two.input) is int
        assert (three.id[:2], three.output, three.metadata) == ("i-", True, {"extra": 7})

    def test_the_first_sheet_that_has_the_columns(self, tmp_path: Path) -> None:
        path = written(
            tmp_path / "a.xlsx",
            [["notes"], ["x"]],
            [],
            [["Input", "Output"], ["q", "a"]],
            [["input", "output"], ["no", "no"]],
        )
        dataset = open_dataset(path)
        assert [one.output for one in dataset] == ["a"]
        assert any("'Output' is read as 'output'" in note for note in dataset.tally.notes)

    def test_rows_are_numbered_as_the_program_shows_them(self, tmp_path: Path) -> None:
        rows = [["input", "output", "metadata"], ["q", "a", ""], ["", "", ""], ["q", "b", "no object"]]
        dataset = open_dataset(written(tmp_path / "a.xlsx", rows, top=4, left=2))
        assert len(list(dataset)) == 1
        [reject] = dataset.tally.first_rejects
        assert (reject.line, reject.reason[:21]) == (8, "metadata is no object")
        assert json.loads(reject.raw)["output"] == "b"

    def test_an_empty_output_is_an_answer(self, tmp_path: Path) -> None:
        assert [one.output for one in open_dataset(written(tmp_path / "a.xlsx", [["input", "output"], ["q", ""]]))] == [
            ""
        ]

    def test_a_cell_as_long_as_cells_can_be_is_noted(self, tmp_path: Path) -> None:
        dataset = open_dataset(written(tmp_path / "a.xlsx", [["input", "output"], ["q", "x" * 32_767]]))
        assert len(next(iter(dataset)).output) == 32_767
        assert list(dataset)
        assert [note for note in dataset.tally.notes if "may have been cut" in note]

    def test_no_sheet_with_the_columns(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no sheet with the columns .*'Sheet1': notes"):
            list(open_dataset(written(tmp_path / "a.xlsx", [["notes"], ["x"]])))

    def test_nothing_in_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="has no rows"):
            list(open_dataset(written(tmp_path / "a.xlsx", [])))

    def test_a_zip_that_is_no_spreadsheet(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("x.txt", "hello")
        with pytest.raises(DataError, match="no readable spreadsheet"):
            list(open_dataset(tmp_path / "a.zip"))

    def test_a_cut_off_file(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.xlsx", [["input", "output"], ["q", "a"]])
        path.write_bytes(path.read_bytes()[:1000])
        with pytest.raises(DataError, match="no readable spreadsheet"):
            list(open_dataset(path))
