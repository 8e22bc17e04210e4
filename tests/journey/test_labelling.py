"""Labels as sheets and back: nothing is changed by the way, and nothing overwritten in silence."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import python_calamine
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import texts

from dikast.errors import DataError, LabelConflict, SettingError
from dikast.interactions.label_rows import read_label_rows
from dikast.journey.labelling import ImportPlan, apply_import, export_labels, plan_import
from dikast.records import Interaction, Label
from dikast.store import Store

ITEMS = [
    Interaction(id="0012", input="=SUM(A1)", output="退款\n三天內", context="@here"),
    Interaction(id="=1+1", input=[{"role": "user", "content": "Hi"}], output={"a": 1}),
    Interaction(id="長", input="x" * 40_000, output="-1", reference="ok"),
    Interaction(id="d", input="I", output=""),
]
FORMATS = [".xlsx", ".csv"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.db") as opened:
        opened.keep_dataset("d", ITEMS)
        yield opened


def save(store: Store, id: str, verdict: Any, **fields: Any) -> None:
    label = Label(id=id, verdict=verdict, annotator="ana", **fields)
    store.labels("d").save(label, state="saved", expected_revision=None)


def export(store: Store, path: Path) -> Path:
    export_labels(store.labels("d"), store.dataset("d"), path)
    return path


def plan(store: Store, path: Path, annotator: str | None = "ana") -> ImportPlan:
    read = read_label_rows(path)
    made = plan_import(store.labels("d"), store.dataset("d"), read.rows, annotator=annotator)
    made.problems[:0] = read.problems
    return made


def cells(path: Path) -> list[list[str]]:
    if path.suffix == ".xlsx":
        rows = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)
        return [[str(cell) for cell in row] for row in rows]
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def edit(path: Path, out: Path, **changes: dict[str, str]) -> Path:
    """The sheet with some cells changed, as a CSV: {id: {column: text}}."""
    head, *rows = cells(path)
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for row in rows:
            values = dict(zip(head, row, strict=True)) | changes.get(row[0], {})
            writer.writerow([values[name] for name in head])
    return out


def labels(store: Store) -> dict[str, tuple[Any, Any]]:
    return {one.label.id: (one.label.verdict, one.label.critique) for one in store.labels("d").current()}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_sheet_that_comes_back_as_it_was_changes_nothing(store: Store, tmp_path: Path, suffix: str) -> None:
    save(store, "0012", "fail", critique="=cmd|'/c calc'!A0\n第二行", tags=("tone", "-x"), note="'=1", score=2.0)
    save(store, "=1+1", "pass", critique="c" * 40_000, drawn="random", blind=True)
    save(store, "長", "fail", critique="\x0b bell \x07 _x000D_", criterion="tone")
    before = list(store.labels("d").current())
    found = plan(store, export(store, tmp_path / f"s{suffix}"))
    assert (found.unchanged, found.empty, found.problems, found.conflicts, found.changed, found.new) == (
        3, 1, [], [], [], [],
    )  # fmt: skip
    assert apply_import(store.labels("d"), found) == 0
    assert list(store.labels("d").current()) == before


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_in_a_sheet(store: Store, tmp_path: Path, suffix: str) -> None:
    save(store, "0012", "fail", critique="why")
    head, *rows = cells(export(store, tmp_path / f"s{suffix}"))
    assert head == [
        "id", "input", "output", "context", "reference", "verdict", "critique", "tags", "note", "annotator", "revision",
    ]  # fmt: skip
    guard = "'" if suffix == ".csv" else ""
    assert [row[0] for row in rows] == ["0012", f"{guard}=1+1", "長", "d"]
    assert rows[0] == [
        "0012", f"{guard}=SUM(A1)", "退款\n三天內", f"{guard}@here", "", "fail", "why", "", "", "ana", "1",
    ]  # fmt: skip
    assert rows[2][1].endswith("… [cut: 40,000 characters in all]")
    assert len(rows[2][1]) < 32_767


def test_an_xlsx_helps_to_fill_it_in(store: Store, tmp_path: Path) -> None:
    import zipfile

    path = export(store, tmp_path / "s.xlsx")
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert '<dataValidation type="list"' in sheet
    assert "pass,fail" in sheet
    assert 'state="frozen"' in sheet
    assert "<f>" not in sheet


def test_labels_filled_in_are_saved_under_the_annotator(store: Store, tmp_path: Path) -> None:
    sheet = edit(
        export(store, tmp_path / "s.xlsx"),
        tmp_path / "back.csv",
        **{
            "0012": {"verdict": "FAIL ", "critique": "退款太慢\nno photo", "tags": "tone; facts"},
            "d": {"verdict": "通過"},
        },
    )
    found = plan(store, sheet)
    assert [change.row for change in found.new] == [2, 5]
    assert apply_import(store.labels("d"), found) == 2
    assert labels(store) == {"0012": ("fail", "退款太慢\nno photo"), "d": ("pass", None)}
    assert next(store.labels("d").current()).label.tags == ("tone", "facts")
    assert store.labels("d").annotators() == {"ana": 2}
    assert plan(store, sheet).unchanged == 2


def test_an_edited_row_over_a_newer_label_is_a_conflict(store: Store, tmp_path: Path) -> None:
    save(store, "0012", "fail", critique="first")
    save(store, "d", "pass")
    old = export(store, tmp_path / "s.csv")
    save(store, "0012", "fail", critique="second")
    save(store, "d", "fail")
    sheet = edit(old, tmp_path / "back.csv", **{"0012": {"critique": "mine"}})
    found = plan(store, sheet)
    assert [(change.id, change.mine and change.mine.label.critique) for change in found.conflicts] == [
        ("0012", "second")
    ]
    assert found.unchanged == 1  # "d" was not edited in the sheet, so the store's newer word stands
    with pytest.raises(DataError, match="1 row conflicts"):
        apply_import(store.labels("d"), found)
    assert apply_import(store.labels("d"), found, keep="ours") == 0
    assert labels(store) == {"0012": ("fail", "second"), "d": ("fail", None)}
    assert apply_import(store.labels("d"), found, keep="theirs") == 1
    assert labels(store)["0012"] == ("fail", "mine")
    assert [one.label.critique for one in store.labels("d").history("0012")] == ["first", "second", "mine"]


def test_what_is_saved_between_plan_and_import_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    sheet = edit(export(store, tmp_path / "s.csv"), tmp_path / "b.csv", d={"verdict": "pass"}, 長={"verdict": "pass"})
    found = plan(store, sheet)
    save(store, "d", "fail", critique="meanwhile")
    with pytest.raises(LabelConflict):
        apply_import(store.labels("d"), found)
    assert labels(store) == {"d": ("fail", "meanwhile")}


def test_a_cleared_row_withdraws_its_label(store: Store, tmp_path: Path) -> None:
    save(store, "d", "pass", critique="fine")
    save(store, "0012", "pass")
    sheet = edit(export(store, tmp_path / "s.csv"), tmp_path / "b.csv", d={"verdict": "", "critique": ""})
    found = plan(store, sheet)
    assert [change.id for change in found.withdrawn] == ["d"]
    assert apply_import(store.labels("d"), found) == 1
    assert labels(store) == {"0012": ("pass", None)}
    assert store.labels("d").counts().states == {"saved": 1, "withdrawn": 1}


def test_ids_are_checked_and_their_zeros_found_again(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,verdict\n12,pass\nnone,fail\n=1+1,fail\n", encoding="utf-8")
    found = plan(store, path)
    assert [change.id for change in found.new] == ["0012", "=1+1"]
    assert [str(problem) for problem in found.problems] == [
        "row 3, column id: no interaction 'none' is in the dataset 'd'"
    ]
    assert found.notes == ["ids had lost the zeros in front, and were found without them"]
    with pytest.raises(DataError, match="nothing was imported"):
        apply_import(store.labels("d"), found)


def test_the_same_label_twice_in_a_sheet(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,verdict,annotator\nd,pass,ana\nd,fail,ben\nd,fail,\n", encoding="utf-8")
    found = plan(store, path)
    assert [(change.annotator, change.row) for change in found.new] == [("ana", 2), ("ben", 3)]
    assert "row 4, column id: the same label twice: row 2" in str(found.problems[0])


def test_json_lines_go_out_and_in(store: Store, tmp_path: Path) -> None:
    save(store, "0012", "fail", critique="a\u2028b", tags=("t",), blind=False, drawn="random", scale=(1, 5), score=2)
    path = export(store, tmp_path / "l.jsonl")
    lines = path.read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=Label) for line in lines] == [
        one.label for one in store.labels("d").current()
    ]
    assert plan(store, path).unchanged == 1
    with Store.open(tmp_path / "other.db") as other:
        other.keep_dataset("d", ITEMS)
        assert apply_import(other.labels("d"), plan(other, path)) == 1
        copied = [one.label for one in other.labels("d").current()]
        assert copied == [one.label for one in store.labels("d").current()]


def test_a_pair_is_judged_as_one(tmp_path: Path) -> None:
    with Store.open(tmp_path / "pairs.db") as store:
        store.keep_dataset("d", [Interaction(id="p", input="q", output_a="1", output_b="2")])
        path = export(store, tmp_path / "s.xlsx")
        assert cells(path)[0][:5] == ["id", "input", "output_a", "output_b", "verdict"]
        sheet = edit(path, tmp_path / "b.csv", p={"verdict": "tie"})
        assert apply_import(store.labels("d"), plan(store, sheet)) == 1


def test_only_known_kinds_of_files_are_written(store: Store, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"\.xlsx, \.csv, \.jsonl"):
        export(store, tmp_path / "s.ods")


said = st.builds(
    lambda verdict, critique, note, tags: Label(
        id="d", verdict=verdict, critique=critique or None, note=note or None, tags=tuple(dict.fromkeys(tags)),
        annotator="ana",
    ),
    st.sampled_from(["pass", "fail"]),
    texts,
    texts,
    st.lists(st.text("abc 語", min_size=1, max_size=5).map(str.strip).filter(bool), max_size=3),
)  # fmt: skip


@settings(max_examples=15)
@given(said, st.sampled_from(FORMATS))
def test_any_label_comes_back_unchanged(tmp_path_factory: pytest.TempPathFactory, label: Label, suffix: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    with Store.open(folder / "store.db") as store:
        store.keep_dataset("d", ITEMS)
        store.labels("d").save(label, state="saved", expected_revision=0)
        found = plan(store, export(store, folder / f"s{suffix}"))
        assert (found.unchanged, found.changed, found.problems) == (1, [], [])
