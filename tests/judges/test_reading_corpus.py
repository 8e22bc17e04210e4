"""Every answer of the corpus gives what it says it must."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dikast.judges.definition import Judge
from dikast.judges.form import AnswerForm
from dikast.judges.reading import Unreadable, read_reply
from dikast.models.endpoint import Reply

FOLDER = Path(__file__).parent / "corpus"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in (FOLDER / "corpus.jsonl").read_text("ascii").splitlines()]


def _outcome(form: AnswerForm, row: dict[str, Any]) -> dict[str, Any]:
    try:
        read = read_reply(form, Reply(text=row["text"], finish=row["finish"], constrained=row["constrained"]))
    except Unreadable as unreadable:
        return {"fault": unreadable.kind}
    return {"verdict": read.reading.verdict, "overall": read.reading.scores["overall"]}


def test_the_corpus_is_large_and_varied() -> None:
    faults = Counter(row.get("fault", "read") for row in ROWS)
    assert len(ROWS) >= 300
    assert set(faults) == {"read", "cut off", "empty answer", "no verdict", "ambiguous", "wrong value", "refused"}
    assert min(faults.values()) >= 8
    assert sum(any("\u4e00" <= sign <= "\u9fff" for sign in row["text"]) for row in ROWS) >= 200


def test_the_corpus_is_what_its_pieces_make() -> None:
    spec = importlib.util.spec_from_file_location("corpus_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    assert list(make.rows()) == ROWS


@pytest.mark.parametrize("kind", sorted({(row["form"], row["kind"]) for row in ROWS}), ids=lambda kind: "-".join(kind))
def test_each_answer(kind: tuple[str, str], judge_of: Any) -> None:
    form = _form(kind[0], judge_of)
    wrong = []
    for row in ROWS:
        if (row["form"], row["kind"]) == kind:
            expected = {key: row[key] for key in ("verdict", "overall", "fault") if key in row}
            outcome = _outcome(form, row)
            if outcome != expected:
                wrong.append((row["text"], row["finish"], expected, outcome))
    assert not wrong


@cache
def _form(kind: str, judge_of: Any) -> AnswerForm:
    judge: Judge = judge_of(kind)
    return judge.form()
