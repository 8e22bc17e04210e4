from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from dikast.errors import OutputError
from dikast.records import Interaction, JudgeRef, Verdict
from dikast.report import spreadsheet
from dikast.report.spreadsheet import export_csv, export_xlsx
from dikast.report.table import CELL_LIMIT, MAX_COLUMNS, fitting

JUDGE = JudgeRef("j", "v")
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", '=HYPERLINK("http://evil.example")')


def scored(id: str, **fields: Any) -> Verdict:
    return Verdict(id=id, status="scored", judge=JUDGE, **fields)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_xlsx(path: Path, sheet: str = "results") -> list[dict[str, Any]]:
    head, *body = CalamineWorkbook.from_path(path).get_sheet_by_name(sheet).to_python()
    return [dict(zip(head, row, strict=True)) for row in body]


def test_both_carry_verdict_scores_metadata_and_texts(tmp_path: Path) -> None:
    verdict = scored(
        "a", verdict="fail", scores={"overall": 2, "clear": 4.5}, confidence=0.75, metadata={"lang": "中文"}
    )
    interaction = Interaction(
        id="a", input=[{"role": "user", "content": "為什麼？"}], output='He said "no";\nthen left,'
    )
    for export, read, name in ((export_csv, read_csv, "r.csv"), (export_xlsx, read_xlsx, "r.xlsx")):
        assert export(tmp_path / name, lambda: iter([verdict]), {"a": interaction}.get) == 1
        (row,) = read(tmp_path / name)
        assert (row["id"], row["verdict"], row["metadata.lang"]) == ("a", "fail", "中文")
        assert (float(row["scores.overall"]), float(row["scores.clear"]), float(row["confidence"])) == (2, 4.5, 0.75)
        assert row["input"] == "user: 為什麼？"
        assert row["output"] == 'He said "no";\nthen left,'
        assert row["context"] == ""


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(tmp_path: Path, formula: str) -> None:
    verdict = scored(formula, critique=formula, scores={formula: formula}, metadata={formula: formula})
    interaction = Interaction(id=formula, input=formula, output=formula)
    export_csv(tmp_path / "r.csv", lambda: iter([verdict]), lambda id: interaction)
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))]
    export_xlsx(tmp_path / "r.xlsx", lambda: iter([verdict]), lambda id: interaction)
    with zipfile.ZipFile(tmp_path / "r.xlsx") as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert not [name for name in parts.namelist() if "rels" in name and b"http://evil" in parts.read(name)]


def test_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    verdict = scored("a", scores={"overall": -2.5})
    export_csv(tmp_path / "r.csv", lambda: iter([verdict]))
    assert read_csv(tmp_path / "r.csv")[0]["scores.overall"] == "-2.5"
    export_xlsx(tmp_path / "r.xlsx", lambda: iter([verdict]))
    assert read_xlsx(tmp_path / "r.xlsx")[0]["scores.overall"] == -2.5


@pytest.mark.parametrize("text", ["x" * 40_000, "😕" * 20_000, "x" * 5_000_000, "中" * CELL_LIMIT])
def test_long_cells_are_cut_and_say_so(tmp_path: Path, text: str) -> None:
    verdict = scored("a", critique=text)
    export_xlsx(tmp_path / "r.xlsx", lambda: iter([verdict]))
    cell = read_xlsx(tmp_path / "r.xlsx")[0]["critique"]
    assert len(cell.encode("utf-16-le")) // 2 <= CELL_LIMIT
    assert cell == text or cell.endswith(f" … [cut here; {len(text):,} characters long]")
    assert (cell == text) == (len(text.encode("utf-16-le")) // 2 <= CELL_LIMIT)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.integers(1, 3_000))
def test_what_fits_is_not_cut_and_what_does_not_is(text: str, times: int) -> None:
    long = text * times
    units = len(long.encode("utf-16-le")) // 2
    fitted = fitting(long)
    assert len(fitted.encode("utf-16-le")) // 2 <= CELL_LIMIT
    assert (fitted == long) == (units <= CELL_LIMIT)


def test_hostile_samples_survive_both(sample: Callable[..., Any], tmp_path: Path) -> None:
    run = sample(300)
    assert export_csv(tmp_path / "r.csv", run.iterate, run.lookup) == 300
    assert export_xlsx(tmp_path / "r.xlsx", run.iterate, run.lookup) == 300
    by_csv, by_xlsx = read_csv(tmp_path / "r.csv"), read_xlsx(tmp_path / "r.xlsx")
    assert len(by_csv) == len(by_xlsx) == 300
    assert [row["output"].lstrip("'") for row in by_csv] == [row["output"].lstrip("'") for row in by_xlsx]
    assert "␀" in "".join(row["output"] for row in by_xlsx)


def test_many_metadata_keys_end_in_one_column(tmp_path: Path) -> None:
    verdict = scored("a", metadata={f"key {i}": i for i in range(MAX_COLUMNS + 5)})
    export_csv(tmp_path / "r.csv", lambda: iter([verdict]))
    (row,) = read_csv(tmp_path / "r.csv")
    assert len([name for name in row if name.startswith("metadata.")]) == MAX_COLUMNS
    assert '"key 104": 104' in row["metadata"]


def test_nothing_gives_a_header(tmp_path: Path) -> None:
    assert export_xlsx(tmp_path / "r.xlsx", lambda: iter(())) == 0
    assert export_csv(tmp_path / "r.csv", lambda: iter(())) == 0
    assert CalamineWorkbook.from_path(tmp_path / "r.xlsx").get_sheet_by_index(0).to_python()[0][:2] == ["id", "status"]


def test_what_one_sheet_cannot_hold_goes_on_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "SHEET_ROWS", 4)
    assert export_xlsx(tmp_path / "r.xlsx", lambda: (scored(str(i)) for i in range(7))) == 7
    assert [
        row["id"] for name in ("results", "results 2", "results 3") for row in read_xlsx(tmp_path / "r.xlsx", name)
    ] == [str(i) for i in range(7)]


def test_a_failure_leaves_the_old_file_and_no_remains(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("old")

    def broken() -> Iterator[Verdict]:
        yield scored("a")
        raise RuntimeError("the disk is gone")

    for export, name in ((export_csv, "r.csv"), (export_xlsx, "r.xlsx")):
        with pytest.raises(RuntimeError):
            export(tmp_path / name, broken)
    assert (tmp_path / "r.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        export_csv(tmp_path / "nowhere" / "r.csv", lambda: iter(()))


def test_the_names_of_columns_can_not_hide_each_other(tmp_path: Path) -> None:
    verdict = scored("a", scores={"id": 1, "status": 2}, metadata={"output": "x", "id": "y"})
    export_csv(tmp_path / "r.csv", lambda: iter([verdict]))
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        head = next(csv.reader(file))
    assert len(head) == len(set(head))
    assert {"scores.id", "scores.status", "metadata.output", "metadata.id"} <= set(head)
    assert re.fullmatch(r"id,status,verdict,.*raw_judge_output", ",".join(head))
