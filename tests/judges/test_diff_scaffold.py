"""What changed between two judges, and what a new judge's folder looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from dikast.errors import JudgeError, OutputError
from dikast.judges.definition import Judge, find_judge
from dikast.judges.diff import changes, text_diff
from dikast.judges.loading import SAMPLES, names_in
from dikast.judges.scaffold import EARNS_NOTHING, judge_yaml, write_judge

BEFORE = {
    "name": "a", "task": "Decide it.", "criteria": [{"name": "x", "description": "X?"}, {"name": "y"}],
    "earns_nothing": ["Length"],
}  # fmt: skip


def test_changes_name_the_key_and_both_values() -> None:
    after = {
        **BEFORE, "name": "b", "criteria": [{"name": "y"}, {"name": "x", "description": "X!", "weight": 2},
        {"name": "z"}],
        "earns_nothing": ["Length", "Tone"], "settings": {"seed": 1},
    }  # fmt: skip
    found = {c.key: (c.before, c.after) for c in changes(Judge.from_dict(BEFORE), Judge.from_dict(after))}
    new = {"name": "z", "description": "", "levels": {}, "weight": 1.0}
    assert found == {
        "name": ("a", "b"), "criteria[x].description": ("X?", "X!"), "criteria[x].weight": (1.0, 2.0),
        "criteria[z]": (None, new),
        "earns_nothing[1]": (None, "Tone"), "settings.seed": (None, 1),
    }  # fmt: skip


def test_nothing_changed() -> None:
    assert changes(Judge.from_dict(BEFORE), Judge.from_dict(BEFORE)) == []


def test_a_changed_order_is_a_change() -> None:
    after = {**BEFORE, "criteria": BEFORE["criteria"][::-1]}
    found = changes(Judge.from_dict(BEFORE), Judge.from_dict(after))
    assert [(c.key, c.before, c.after) for c in found] == [("criteria (order)", ["x", "y"], ["y", "x"])]


def test_text_diff_shows_lines() -> None:
    assert text_diff("a\nb\nc", "a\nB\nc") == ["@@ -1,3 +1,3 @@", " a", "-b", "+B", " c"]


@pytest.mark.parametrize("name", names_in(SAMPLES))
def test_what_is_written_reads_back_as_the_same_judge(tmp_path: Path, name: str) -> None:
    judge = find_judge(name, tmp_path)
    path = write_judge(judge, tmp_path / "new")
    assert Judge.load(tmp_path / "new").version == judge.version
    assert path.read_text(encoding="utf-8").startswith("# What this judge is called")


@pytest.mark.parametrize("language", EARNS_NOTHING)
def test_texts_of_every_kind_survive(tmp_path: Path, language: str) -> None:
    odd = "a: b # no remark\n  - 'x' \"y\" {z} %\n\ttab\n日本語 🙂"
    definition = {
        **BEFORE,
        "task": odd,
        "language": language,
        "earns_nothing": [odd, *EARNS_NOTHING[language], "yes", "1", "null"],
    }
    judge = Judge.from_dict(definition)
    write_judge(judge, tmp_path / "new")
    assert Judge.load(tmp_path / "new").earns_nothing == judge.earns_nothing
    assert Judge.load(tmp_path / "new").task == odd


def test_a_place_for_examples_is_left() -> None:
    text = judge_yaml(Judge.from_dict(BEFORE))
    assert "examples: []\n# - input:" in text


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write_judge(Judge.from_dict(BEFORE), tmp_path / "j")
    before = (tmp_path / "j" / "judge.yaml").read_bytes()
    with pytest.raises(JudgeError, match="not overwritten"):
        write_judge(Judge.from_dict({**BEFORE, "task": "Other."}), tmp_path / "j")
    assert (tmp_path / "j" / "judge.yaml").read_bytes() == before


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="can't write the judge"):
        write_judge(Judge.from_dict(BEFORE), tmp_path / "file" / "j")
