"""What the system's users said is kept apart from what experts said: never settled, measured or learned together."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dikast.agreement.figures import Comparison, agreement
from dikast.agreement.matching import match
from dikast.errors import DataError
from dikast.interactions.splits import class_of
from dikast.judges.evidence import gather
from dikast.records import Interaction, JudgeRef, Label, Outcome, Verdict

JUDGE = JudgeRef("j", "1")
PAIRS: list[tuple[str, Outcome]] = [("a", "pass"), ("b", "fail"), ("c", "pass"), ("d", "fail")]
VERDICTS = [Verdict(id=id, status="scored", verdict=said, judge=JUDGE) for id, said in PAIRS]
EXPERT = [Label(id=id, verdict=said, annotator="ada", critique="why") for id, said in PAIRS[:2]]
USERS = [
    Label(id=id, verdict="fail" if said == "pass" else "pass", annotator=f"u{id}", origin="user", critique="meh")
    for id, said in PAIRS
]


def test_matching_takes_the_one_or_the_other() -> None:
    experts = match(VERDICTS, [*USERS, *EXPERT])
    assert [label.verdict for label in experts.labels] == ["pass", "fail"]
    assert experts.left_out == {"no label": 2}
    users = match(VERDICTS, [*EXPERT, *USERS], whose="user")
    assert [label.verdict for label in users.labels] == ["fail", "pass", "fail", "pass"]
    with pytest.raises(DataError, match="no labels"):
        match(VERDICTS, USERS)


def test_users_change_no_figure_and_settle_no_trust() -> None:
    assert agreement(VERDICTS, [*USERS, *EXPERT]).as_json() == agreement(VERDICTS, EXPERT).as_json()
    many = [Verdict(id=f"{id}{n}", status="scored", verdict=said, judge=JUDGE) for n in range(50) for id, said in PAIRS]
    theirs = [Label(id=one.id, verdict=one.verdict, annotator="u", origin="user") for one in many]
    found = agreement(many, theirs, asked=Comparison(whose="user"))
    assert found.n == 200
    assert found.trust.level == "not_yet"
    assert "no expert's word" in found.trust.sentence
    assert found.trust.needs == ("labels of an expert",)
    assert found.corrected is None
    assert found.powered is None


def test_a_judge_learns_nothing_from_users() -> None:
    items = [
        Interaction(id=id, input=id, output="x", labels=tuple(label for label in USERS if label.id == id))
        for id, _ in PAIRS
    ]
    gathered = gather(items, [*USERS, *EXPERT])
    assert [(one.interaction.id, one.verdict, one.critique) for one in gathered.evidence] == [
        ("a", "pass", "why"),
        ("b", "fail", "why"),
    ]
    assert gathered.unlabelled == 2
    with pytest.raises(DataError, match="4 without a label"):
        gather(items, USERS)


def test_a_split_takes_no_class_from_them() -> None:
    assert class_of(USERS[:1]) is None
    assert class_of([USERS[0], EXPERT[0]]) == "pass"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on four interactions that carry what users said, and for two what an expert said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "judge.txt").write_text('Good?\n{input}\n{output}\nReply with JSON: {"verdict": "pass" or "fail"}')
    rows = []
    for number in range(8):
        labels = [{"verdict": "pass" if number % 2 else "fail", "annotator": f"u{number}", "origin": "user"}]
        if number < 2:
            labels.append({"verdict": "pass", "annotator": "ada"})
        rows.append({"id": str(number), "input": f"Question {number}", "output": "Answer", "labels": labels})
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    dikast("run", "judge.txt", "data.jsonl", "--model", "fake", "--name", "one")
    return tmp_path


def dikast(*arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "dikast", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_agree_asks_whose_word_it_is(run: Path) -> None:
    experts = json.loads(dikast("agree", "one", "--json"))
    assert (experts["n"], experts["left_out"]) == (2, {"no label": 6})
    users = json.loads(dikast("agree", "one", "--labels-of", "user", "--json"))
    assert users["n"] == 8
    assert users["trust"] == "not_yet"
    said = dikast("agree", "one", "--labels-of", "user")
    assert "what the system's users said, no expert's labels" in said
    assert said.splitlines()[-1].startswith("Not yet: compared with what the system's users said")
    (run / "only.jsonl").write_text('{"id": "0", "verdict": "pass", "origin": "user"}\n')
    assert "no label that can be used" in dikast("agree", "one", "--labels", "only.jsonl", code=2)
    assert "1 item with" in dikast("agree", "one", "--labels", "only.jsonl", "--labels-of", "user")
    assert "no map of confidence" in dikast("agree", "one", "--labels-of", "user", "--keep-calibration", code=2)


def test_the_page_of_the_expert_shows_none_of_it(run: Path) -> None:
    from dikast.store import Store

    dikast("data", "split", "data.jsonl")
    with Store.open(run / ".dikast" / "store.db") as store:
        assert store.labels("data").counts().labelled == 0
    mixed = [
        {"id": "0", "verdict": "pass", "annotator": "u", "origin": "user"},
        {"id": "1", "verdict": "fail", "annotator": "ada"},
    ]
    (run / "mixed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mixed))
    assert "1 label is of the system's users" in dikast("labels", "import", "mixed.jsonl", "--dataset", "data")
    with Store.open(run / ".dikast" / "store.db") as store:
        assert [one.label.annotator for one in store.labels("data").current()] == ["ada"]
    sizes = json.loads(dikast("data", "split", "data", "--json"))["parts"]
    assert sum(by.get("fail", 0) for by in sizes.values()) == 1  # ada's; of users there are four
