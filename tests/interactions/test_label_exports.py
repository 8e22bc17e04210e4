"""Exports of Argilla and Label Studio, and where a mistake of a sheet is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import DataError
from dikast.interactions.label_exports import read_label_file
from dikast.interactions.label_rows import LabelRows, read_label_rows
from dikast.records import Interaction

DATA = [
    Interaction(id="t-1", input="Where is parcel HP-2041?", output="It left the depot."),
    Interaction(id="t-2", input="Can I get a refund?", output="Yes, 馬上退款."),
    Interaction(id="t-3", input="Can I get a refund?", output="No."),
]
ANA, BEN = "4d4d4d4d-0000-4000-8000-000000000001", "4d4d4d4d-0000-4000-8000-000000000002"


def argilla(id: str, **responses: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        "id": id,
        "fields": {"question": "?", "answer": "!"},
        "metadata": {"trace_id": f"trace of {id}"},
        "suggestions": {"faithful": {"value": "pass", "score": 0.9, "agent": "judge"}},
        "responses": {name: [{"value": v, "user_id": user} for user, v in given] for name, given in responses.items()},
        "vectors": {},
        "status": "completed",
        "_server_id": "5e5e",
    }


def annotation(by: Any, *results: tuple[str, str, Any], cancelled: bool = False) -> dict[str, Any]:
    return {
        "completed_by": by,
        "was_cancelled": cancelled,
        "updated_at": "2026-09-16T08:00:10.000000Z",
        "result": [
            {"from_name": name, "to_name": "answer", "type": kind, "value": {kind: value}}
            for name, kind, value in results
        ],
    }


def studio(number: int, data: dict[str, Any], *annotations: dict[str, Any]) -> dict[str, Any]:
    predicted = [{"model_version": "j", "result": [{"from_name": "verdict", "value": {"choices": ["pass"]}}]}]
    return {"id": number, "annotations": list(annotations), "predictions": predicted, "data": data, "meta": {}}


def read(tmp_path: Path, records: Any, **columns: str) -> LabelRows:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return read_label_file(path, DATA, columns=columns)


def said(rows: LabelRows) -> list[tuple[Any, ...]]:
    labels = [row.label for row in rows.rows if row.label]
    return [(label.id, label.annotator, label.verdict, label.score, label.critique) for label in labels]


def test_argilla_records_become_a_label_a_person(tmp_path: Path) -> None:
    records = [
        argilla("t-2", faithful=[(ANA, "fail"), (BEN, "pass")], comment=[(ANA, "缺照片")], stars=[(BEN, 4)]),
        argilla("t-1"),
    ]
    rows = read(tmp_path, records)
    assert said(rows) == [("t-2", ANA, "fail", None, "缺照片"), ("t-2", BEN, "pass", 4.0, None)]
    assert "the question 'faithful' is read as 'verdict'" in rows.notes


def test_argilla_drafts_and_discarded_answers_are_left_out(tmp_path: Path) -> None:
    record = {
        "id": "t-2",
        "_server_id": "5e5e",
        "status": "pending",
        "question": "?",
        "faithful.responses": ["fail", "pass", "pass"],
        "faithful.responses.users": [ANA, BEN, "c"],
        "faithful.responses.status": ["submitted", "draft", "discarded"],
        "faithful.suggestion": "pass",
        "comment.responses": None,
    }
    assert said(read(tmp_path, [record])) == [("t-2", ANA, "fail", None, None)]


def test_two_questions_that_could_be_the_verdict_are_asked_for(tmp_path: Path) -> None:
    records = [argilla("t-2", faithful=[(ANA, "fail")], polite=[(ANA, "yes")])]
    with pytest.raises(DataError, match="could be 'faithful' and 'polite'") as caught:
        read(tmp_path, records)
    assert "--column verdict=" in str(caught.value.hint)
    assert said(read(tmp_path, records, verdict="polite"))[0][2] == "pass"
    with pytest.raises(DataError, match="no question 'polit'"):
        read(tmp_path, records, verdict="polit")


def test_label_studio_tasks(tmp_path: Path) -> None:
    by = {"id": 7, "email": "rev1@harbour.example"}
    good = annotation(by, ("v", "choices", ["fail"]), ("stars", "rating", 2), ("critique", "text", ["Photo", "rule"]))
    records = [
        studio(101, {"question": "?", "trace_id": "t-2"}, good, annotation(8, cancelled=True)),
        studio(102, {"question": "?", "trace_id": "t-1"}, annotation(8, ("v", "choices", ["pass"]))),
    ]
    rows = read(tmp_path, records)
    assert said(rows) == [
        ("t-2", "rev1@harbour.example", "fail", 2.0, "Photo\nrule"),
        ("t-1", "8", "pass", None, None),
    ]
    assert rows.rows[0].label is not None
    assert rows.rows[0].label.at == "2026-09-16T08:00:10.000000Z"
    assert "the field 'trace_id' is read as the id" in rows.notes


def test_interactions_are_found_by_their_texts_where_no_field_has_ids(tmp_path: Path) -> None:
    data = {"question": "Can I get a  refund?", "answer": "Yes, 馬上退款."}
    unknown = {"question": "Can I get a refund?", "answer": "Perhaps."}
    given = annotation(7, ("v", "choices", ["fail"]))
    rows = read(tmp_path, [studio(1, data, given), studio(2, unknown, given)])
    assert said(rows) == [("t-2", "7", "fail", None, None)]
    assert [str(problem) for problem in rows.problems] == [
        "row 2, column id: no interaction of the dataset has its id or texts"
    ]


FLAT = {"id": 101, "trace_id": "t-2", "verdict": "fail", "critique": "Photo", "annotator": "ana", "annotation_id": 1}


def test_label_studio_min_json_and_csv(tmp_path: Path) -> None:
    two = [{**FLAT, "lead_time": 2.5, "updated_at": "2026-09-16T08:00:10Z"}, {**FLAT, "annotator": 8, "lead_time": 1}]
    assert said(read(tmp_path, two)) == [("t-2", "ana", "fail", None, "Photo"), ("t-2", "8", "fail", None, "Photo")]
    path = tmp_path / "export.csv"
    path.write_text(
        '"annotation_id","annotator","critique","id","lead_time","stars","trace_id","verdict"\n'
        '1001,"ana","a ""photo"",\nplease",101,10.2,"[{""rating"":2}]","t-2","fail"\n',
        encoding="utf-8",
    )
    rows = read_label_file(path, DATA, columns={"score": "stars"})
    assert said(rows) == [("t-2", "ana", "fail", 2.0, 'a "photo",\nplease')]


def test_mistakes_are_named_with_row_and_column(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text(
        "id,verdict,score,scale,critique,revision\n1,maybe,,,,\n2,,9,1-5,,\n3,,,,why,\n4,pass,,,,x\n,pass,,,,\n"
    )
    rows = read_label_rows(path)
    assert [(problem.row, problem.column) for problem in rows.problems] == [
        (2, "verdict"),
        (3, "score"),
        (4, "verdict"),
        (5, "revision"),
        (6, "id"),
    ]
    assert str(rows.problems[0]).startswith("row 2 ('1'), column verdict: unknown verdict: a text ('maybe')")


def test_a_column_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("nr,verdict,Urteil,remark\n0012,old,pass,'=1\n", encoding="utf-8")
    rows = read_label_rows(path, columns={"id": "nr", "verdict": "Urteil", "critique": "remark"})
    assert rows.problems == []
    label = rows.rows[0].label
    assert label is not None
    assert (label.id, label.verdict, label.critique) == ("0012", "pass", "=1")


def test_an_empty_or_missing_file(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="is empty"):
        read_label_file(tmp_path / "empty.csv", DATA)
    with pytest.raises(DataError, match="no file"):
        read_label_file(tmp_path / "none.csv", DATA)
