from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from strategies import labels as label_strategy

from dikast.errors import DataError
from dikast.interactions import Tally, open_dataset, read_labels
from dikast.interactions.label_fields import outcome_of
from dikast.interactions.rows import Unusable
from dikast.records import Label


class TestVerdicts:
    @pytest.mark.parametrize(
        ("meant", "spellings"),
        [
            ("pass", ["pass", "PASS", " Pass. ", "Passed", "1", 1, 1.0, "1.0", True, "true", "YES", "y", "P"]),
            ("pass", ["通過", "通过", "是", "合格", "正確。", "✓", "✔\ufe0f"]),
            (
                "fail",
                ["fail", "FAIL ", "Failed!", "0", 0, False, "no", "不通過", "未通过", "否", "錯", "❌", "ｆａｉｌ"],
            ),
            ("a", ["a", "A", "Response_A"]),
            ("b", ["B", "output b"]),
            ("tie", ["Tie", "平手"]),
        ],
    )
    def test_are_read(self, meant: str, spellings: list[Any]) -> None:
        assert [outcome_of(one) for one in spellings] == [meant] * len(spellings)

    @pytest.mark.parametrize(
        "given", ["maybe", "pass?", "pass/fail", "", "3", 2, -1, 0.5, None, [], "not pass", "ok-ish", " "]
    )
    def test_nothing_else_is(self, given: Any) -> None:
        with pytest.raises(Unusable):
            outcome_of(given)


class TestJsonLines:
    def test_the_contract(self, write: Any) -> None:
        full = {
            "id": "x",
            "verdict": "fail",
            "critique": "wrong date",
            "score": 2,
            "scale": [1, 5],
            "criterion": "correct",
            "annotator": "ana",
            "drawn": "random",
        }
        first, second, third = read_labels(
            write("l.jsonl", [full, {"id": 7, "score": 0.5}, {"id": "y", "preference": "tie"}])
        )
        assert first == Label(**{**full, "score": 2.0, "scale": (1.0, 5.0)})
        assert second == Label(id="7", score=0.5)
        assert third == Label(id="y", verdict="tie")

    def test_several_people_on_one_interaction(self, write: Any) -> None:
        rows = [{"id": "x", "verdict": "pass", "annotator": name} for name in ("ana", "ben")]
        assert [label.annotator for label in read_labels(write("l.jsonl", rows))] == ["ana", "ben"]

    def test_interactions_that_carry_labels(self, write: Any) -> None:
        row = {
            "id": "x",
            "input": "q",
            "output": "a",
            "label": {"verdict": "fail", "criterion": "c"},
            "labels": [{"annotator": "ana", "verdict": "fail"}, {"annotator": "ben", "verdict": "pass"}],
        }
        path = write("l.jsonl", [row, {"id": "y", "input": "q", "output": "b"}])
        tally = Tally()
        labels = read_labels(path, tally=tally)
        assert [(one.annotator, one.verdict, one.criterion) for one in labels] == [
            (None, "fail", "c"),
            ("ana", "fail", "c"),
            ("ben", "pass", "c"),
        ]
        assert tally.notes == {"rows without a label yet": 1}
        assert list(next(iter(open_dataset(path))).labels) == labels

    def test_ids_that_a_dataset_derives_are_derived_here_too(self, write: Any) -> None:
        row = {"prompt": "q", "response": "a", "label": {"verdict": "pass"}}
        path = write("l.jsonl", [row, row, {**row, "response": "b"}])
        ids = [one.id for one in open_dataset(path)]
        assert [label.id for label in read_labels(path)] == ids
        assert ids[1] == f"{ids[0]}-2"

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            ({"id": "x", "verdict": "maybe"}, "unknown verdict: a text ('maybe')"),
            ({"id": "x", "critique": "only"}, "no verdict"),
            ({"verdict": "pass"}, "no id: and none can be derived"),
            ({"id": "x", "score": "high"}, "unknown score"),
            ({"id": "x", "score": 7, "scale": [1, 5]}, "score outside its scale: 7 is not between 1 and 5"),
            ({"id": "x", "score": 3, "scale": [5, 1]}, "unknown scale"),
            ({"id": "x", "score": 3, "scale": "large"}, "unknown scale"),
            ({"id": "x", "score": True}, "unknown score: true"),
            ({"id": "x", "verdict": "pass", "preference": "b"}, "two verdicts"),
            ({"id": "x", "verdict": "pass", "label": "fail"}, "two verdicts"),
            ({"id": "x", "label": {"critique": "only"}}, "no verdict"),
            ({"id": "x", "labels": "pass"}, "unknown labels: a text"),
            ({"id": "x", "verdict": "pass", "critique": ["a"]}, "critique is no text: a list"),
            ({"id": True, "verdict": "pass"}, "id is no text"),
            (["x", "pass"], "not an object"),
        ],
    )
    def test_bad_ones_are_set_aside(self, write: Any, tmp_path: Path, bad: Any, reason: str) -> None:
        tally = Tally()
        path = write("l.jsonl", [{"id": "1", "verdict": "pass"}, bad, {"id": "2", "verdict": "fail"}])
        labels = read_labels(path, rejects=tmp_path / "r.jsonl", tally=tally)
        assert [label.id for label in labels] == ["1", "2"]
        [reject] = tally.first_rejects
        assert (reject.line, reject.file) == (2, str(path))
        assert reject.reason.startswith(reason)
        assert json.loads((tmp_path / "r.jsonl").read_text())["reason"] == reject.reason
        with pytest.raises(DataError, match=r"l\.jsonl, line 2: "):
            read_labels(path, strict=True)

    def test_results_are_not_taken_for_labels(self, write: Any) -> None:
        result = {"id": "x", "status": "scored", "verdict": "pass", "judge": {"name": "j", "version": "1"}}
        with pytest.raises(DataError, match="these are results, what a judge said"):
            read_labels(write("l.jsonl", [result]))

    def test_grades_among_verdicts(self, write: Any) -> None:
        rows: list[dict[str, Any]] = [
            {"id": str(n), "verdict": value} for n, value in enumerate([1, 0, "fail", 4, "1", True])
        ]
        tally = Tally()
        labels = read_labels(write("l.jsonl", rows), tally=tally)
        assert [label.id for label in labels] == ["2", "5"]
        assert tally.reasons == {"verdict is a number": 4}
        assert [label.verdict for label in read_labels(write("m.jsonl", [*rows[:3], rows[4]]))] == [
            "pass",
            "fail",
            "fail",
            "pass",
        ]

    def test_nothing_in_it(self, write: Any) -> None:
        with pytest.raises(DataError, match="holds no labels"):
            read_labels(write("l.jsonl", b""))

    def test_objects_in_memory(self) -> None:
        label = {"id": "x", "verdict": "pass", "annotator": "ana"}
        assert read_labels([label]) == [Label(id="x", verdict="pass", annotator="ana")]


CELLS = [
    ["ID", "input", "output", "Human Label", "critique", "rater"],
    ["t-1", "q", "a", "pass", "", "ana"],
    ["t-2", "q", "a", "FAIL ", 'says "no"\nphoto', "ana"],
    ["t-2", "q", "a", "1", "", "ben"],
    ["0012", "q", "a", "通過", "好", "ben"],
    ["t-4", "q", "a", "", "", ""],
    ["t-5", "q", "a", "unsure", "", "ben"],
]
EXPECTED = [
    Label(id="t-1", verdict="pass", annotator="ana"),
    Label(id="t-2", verdict="fail", critique='says "no"\nphoto', annotator="ana"),
    Label(id="t-2", verdict="pass", annotator="ben"),
    Label(id="0012", verdict="pass", critique="好", annotator="ben"),
]


class TestSpreadsheets:
    @pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
    def test_csv(self, write: Any, delimiter: str, encoding: str) -> None:
        import csv

        out = io.StringIO()
        csv.writer(out, delimiter=delimiter).writerows(CELLS)
        self.check(write("l.csv", out.getvalue().encode(encoding)), 8)

    def test_xlsx(self, tmp_path: Path) -> None:
        book = xlsxwriter.Workbook(tmp_path / "l.xlsx")
        book.add_worksheet().write_row(0, 0, ["notes"])
        sheet = book.add_worksheet()
        for number, row in enumerate(CELLS):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
        book.close()
        self.check(tmp_path / "l.xlsx", 7)

    def check(self, path: Path, line: int) -> None:
        tally = Tally()
        assert read_labels(path, tally=tally) == EXPECTED
        assert tally.reasons == {"unknown verdict": 1}
        assert tally.first_rejects[0].line == line
        assert tally.notes["rows without a label yet"] == 1
        assert f"{path}: 'Human Label' is read as 'verdict'" in tally.notes

    def test_scores_and_scales(self, write: Any) -> None:
        path = write("l.csv", 'id,rating,scale\na,3,1-5\nb,0.5,"[0, 1]"\nc,,\n')
        assert read_labels(path) == [
            Label(id="a", score=3.0, scale=(1.0, 5.0)),
            Label(id="b", score=0.5, scale=(0.0, 1.0)),
        ]

    def test_a_label_column(self, write: Any) -> None:
        path = write("l.csv", 'id,label\na,pass\nb,"{""verdict"": ""fail"", ""critique"": ""x""}"\n')
        assert read_labels(path) == [Label(id="a", verdict="pass"), Label(id="b", verdict="fail", critique="x")]

    def test_no_column_for_a_verdict(self, write: Any) -> None:
        with pytest.raises(DataError, match="no column for 'verdict' or 'score'"):
            read_labels(write("l.csv", "id,remark\na,b\n"))

    def test_two_columns_that_could_be_it(self, write: Any) -> None:
        with pytest.raises(DataError, match="no 'verdict', and 'human_label' and 'judgment' could each be it"):
            read_labels(write("l.csv", "id,human_label,judgment\na,pass,fail\n"))


@given(st.lists(label_strategy(), min_size=1, max_size=5))
def test_what_is_written_by_the_contract_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, labels: list[Label]
) -> None:
    import msgspec

    path = tmp_path_factory.mktemp("labels") / "l.jsonl"
    path.write_bytes(b"\n".join(msgspec.json.encode(label) for label in labels))
    assert read_labels(path) == labels
