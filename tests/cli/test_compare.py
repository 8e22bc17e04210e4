"""`dikast compare` through the real command line: results files written by hand, and runs kept in a store."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from in_process import dikast

from dikast.cli import main

KEYS = {
    "kind", "why", "matched_by", "first", "second", "n", "n_labelled", "left_out", "differences", "between_them",
    "directions", "corrected_difference", "slices", "discordant", "better", "sentence", "notes",
    "measured_on",
}  # fmt: skip
FIGURE = {"value", "low", "high", "n", "method"}
N = 60


def write(name: str, rows: list[dict[str, Any]]) -> None:
    Path(name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def verdict(id: str, said: str | None, judge: str) -> dict[str, Any]:
    row: dict[str, Any] = {"id": id, "judge": {"name": judge, "version": "1"}, "metadata": {"topic": f"t{len(id)}"}}
    if said is None:
        return row | {"status": "unparsed", "reason": "no JSON: the answer has none"}
    return row | {"status": "scored", "verdict": said}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two judges: old.jsonl is right throughout, new.jsonl on two of three; labels.jsonl has every item's label."""
    monkeypatch.chdir(tmp_path)
    right = ["pass" if i % 2 == 0 else "fail" for i in range(N)]
    turned = [{"pass": "fail", "fail": "pass"}[word] if i % 3 == 0 else word for i, word in enumerate(right)]
    write("old.jsonl", [*(verdict(str(i), right[i], "x") for i in range(N)), verdict("one", "pass", "x")])
    write("new.jsonl", [*(verdict(str(i), turned[i], "y") for i in range(N)), verdict("two", None, "y")])
    write("labels.jsonl", [{"id": str(i), "verdict": right[i]} for i in range(N)])
    return tmp_path


def compare(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *arguments])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return int(str(stopped.value.code)), shown.out, shown.err


def test_two_results_files_and_labels(folder: Path) -> None:
    done = dikast("compare", "old.jsonl", "new.jsonl", "--labels", "labels.jsonl", "--by", "topic")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Two judges: the outputs are not known")
    assert lines[1] == "60 items with a verdict in both, matched by id, 60 of them labelled"
    assert "  left out: 1 only in old" in lines
    assert "  left out: 1 only in new" in lines
    line = next(line for line in lines if line.startswith("TPR"))
    assert "100 %" in line
    assert "66.7 %" in line
    assert "+33.3" in line
    # ten passes on which only the first is right: p = 2 · ½¹⁰
    assert "McNemar p = 0.00195" in line
    assert "Differ: 10 fail, then pass; 10 pass, then fail" in lines
    assert "20 items on which they differ:" in lines
    assert "  and 10 more; --json has them all" in lines
    assert lines[-1].startswith("old is better than new: its balanced accuracy is higher by 33.3 points (")


def test_json_has_all_of_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = compare(capsys, "old.jsonl", "new.jsonl", "--labels", "labels.jsonl", "--by", "topic", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found.keys() == KEYS
    assert (found["kind"], found["matched_by"], found["first"], found["second"]) == ("judges", "id", "old", "new")
    assert (found["n"], found["n_labelled"], found["better"]) == (60, 60, "old")
    assert found["left_out"] == {"only in old": 1, "only in new": 1}
    assert list(found["differences"]) == ["balanced_accuracy", "tpr", "tnr", "accuracy", "cohen_kappa"]
    for one in found["differences"].values():
        assert all(set(one[part]) == FIGURE for part in ("first", "second", "difference"))
    assert found["differences"]["tpr"]["mcnemar_p"] == 2 * 0.5**10
    assert "mcnemar_p" not in found["differences"]["cohen_kappa"]
    assert sum(entry["n"] for entry in found["directions"]) == 60
    assert set(found["slices"]["topic"]) == {"t1", "t2"}
    assert len(found["discordant"]) == 20
    assert found["discordant"][0] == {"id": "0", "second_id": "0", "first": "pass", "second": "fail", "label": "pass"}
    assert found["corrected_difference"] is None


def test_the_other_way_round_the_sign_turns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (
        json.loads(compare(capsys, *files, "--labels", "labels.jsonl", "--json")[1])
        for files in (("old.jsonl", "new.jsonl"), ("new.jsonl", "old.jsonl"))
    )
    assert one["better"] == other["better"] == "old"
    for name, figure in one["differences"].items():
        assert figure["difference"]["value"] == pytest.approx(-other["differences"][name]["difference"]["value"])


def test_a_run_and_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = compare(capsys, "old.jsonl", "./old.jsonl", "--labels", "labels.jsonl")
    assert code == 0
    assert "They never differ." in out
    assert "better by more than chance: the difference in pass rate" in out
    found = json.loads(compare(capsys, "old.jsonl", "old.jsonl", "--json")[1])
    assert (found["first"], found["second"], found["better"]) == ("old (first)", "old (second)", None)
    assert found["differences"]["pass_rate"]["difference"]["value"] == 0


def test_what_is_wrong_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("others.jsonl", [verdict("x-1", "pass", "z")])
    write(
        "scores.jsonl",
        [{"id": "1", "status": "scored", "scores": {"overall": 3}, "judge": {"name": "z", "version": "1"}}],
    )
    Path("broken.jsonl").write_text("not json\n")
    Path("empty.jsonl").write_text("")
    write("nobody.jsonl", [{"id": "z", "verdict": "pass"}])
    for arguments, said in (
        (["old.jsonl", "others.jsonl"], "ids of 'old' are like '0', '1', '2'; those of 'others' like 'x-1'"),
        (["old.jsonl", "nowhere"], "'nowhere'"),
        (["old.jsonl", "labels.jsonl"], "labels.jsonl, line 1: not a line of results"),
        (["broken.jsonl", "old.jsonl"], "broken.jsonl, line 1"),
        (["old.jsonl", "empty.jsonl"], "'empty' has no verdicts"),
        (["old.jsonl", "scores.jsonl"], "don't say the same kind of thing"),
        (["old.jsonl", "new.jsonl", "--labels", "nowhere.jsonl"], "nowhere.jsonl"),
        (["old.jsonl", "new.jsonl", "--labels", "nobody.jsonl"], "no label belongs to an item"),
        (["old.jsonl", "new.jsonl", "--labels", "empty.jsonl"], "empty.jsonl"),
        (["old.jsonl", "new.jsonl", "--by", "tpic"], "the keys here are: topic"),
        (["old.jsonl", "new.jsonl", "--criterion", "tone"], "no verdict is on the criterion 'tone'"),
        (["old.jsonl"], "RUN"),
    ):
        code, out, err = compare(capsys, *arguments)
        assert (code, out) == (2, ""), (arguments, err)
        assert said in err, (arguments, err)


def test_rows_that_are_no_labels_are_told_on_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Path("labels.jsonl").open("a") as file:
        file.write("not json\n")
    code, out, err = compare(capsys, "old.jsonl", "new.jsonl", "--labels", "labels.jsonl", "--json")
    assert code == 0
    assert "1 row of labels.jsonl was not used" in err
    assert json.loads(out)["n_labelled"] == 60


def test_what_steers_a_terminal_is_shown_as_a_sign(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mark = "\x1b[31mred\u202e"
    for name, judge in (("a.jsonl", f"x{mark}"), ("b.jsonl", "y")):
        write(name, [verdict(f"{mark}{i}", "pass" if name == "a.jsonl" else "fail", judge) for i in range(3)])
    code, out, _ = compare(capsys, "a.jsonl", "b.jsonl")
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "␛[31mred" in out


# Runs in a store.

JUDGE = 'Q: {input}\nA: {output}\nReply with {"verdict": "pass" or "fail"}\n'


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of four runs: of two models, of another system's answers, and under other ids."""
    folder = tmp_path_factory.mktemp("kept")
    rows = [{"id": str(i), "input": f"{i}?", "output": "yes", "metadata": {"topic": "tea"}} for i in range(40)]
    labelled = [row | {"label": {"verdict": "pass" if int(str(row["id"])) % 2 else "fail"}} for row in rows]
    renamed = [row | {"id": f"n-{row['id']}"} for row in labelled]
    other = [row | {"output": "no", "label": {"score": 3}} for row in rows]
    (folder / "judge.txt").write_text(JUDGE)
    for name, data in (("data", labelled), ("renamed", renamed), ("other", other)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in data))
    runs = (
        ("one", "data", "fake"),
        ("two", "data", "fake/b"),
        ("three", "other", "fake"),
        ("four", "renamed", "fake/b"),
    )
    for name, data, model in (*runs, ("five", "other", "fake/b")):
        command = ["run", "judge.txt", f"{data}.jsonl", "--model", model, "--out", f"{name}.jsonl"]
        with contextlib.chdir(folder):
            done = dikast(*command)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def store(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(kept)
    return kept


def test_two_models_on_the_same_data_are_two_judges(store: Path) -> None:
    done = dikast("compare", "judge-1", "judge-2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["kind"], found["matched_by"], found["n"], found["n_labelled"]) == ("judges", "id", 40, 40)
    assert found["why"] == "both runs judged the same outputs"
    by_file = json.loads(dikast("compare", "one.jsonl", "two.jsonl", "--json").stdout)
    assert by_file == found


def test_other_answers_to_the_same_questions_are_two_systems(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = compare(capsys, "judge-1", "judge-3")
    assert out.startswith("Two systems under one judge: the outputs differ on 40 of 40 items with the same id.")
    found = json.loads(compare(capsys, "judge-1", "judge-3", "--json", "--by", "topic")[1])
    assert (found["kind"], list(found["differences"])) == ("systems", ["pass_rate"])
    assert found["slices"]["topic"]["tea"] == found["differences"]["pass_rate"]
    mixed = json.loads(compare(capsys, "judge-2", "judge-3", "--json")[1])
    assert mixed["better"] is None
    assert "another judge" in mixed["sentence"]


def test_items_of_other_ids_are_matched_by_input_and_labels_with_them(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_id = json.loads(compare(capsys, "judge-1", "judge-2", "--json")[1])
    by_input = json.loads(compare(capsys, "judge-1", "judge-4", "--json")[1])
    assert (by_input["kind"], by_input["matched_by"], by_input["n_labelled"]) == ("judges", "input", 40)
    assert by_input["differences"] == by_id["differences"]
    # labels by the second run's ids alone
    of_second = json.loads(compare(capsys, "judge-1", "judge-4", "--labels", "renamed.jsonl", "--json")[1])
    assert of_second["differences"] == by_id["differences"]


def test_labels_of_ids_that_both_systems_have_are_told_apart_by_their_outputs(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(compare(capsys, "judge-1", "judge-3", "--labels", "data.jsonl", "--json")[1])
    assert "whose answer" not in json.dumps(found["corrected_difference"])
    Path("bare.jsonl").write_text('{"id": "1", "verdict": "pass"}\n{"id": "2", "verdict": "fail"}\n')
    bare = json.loads(compare(capsys, "judge-1", "judge-3", "--labels", "bare.jsonl", "--json")[1])
    assert "don't say which was labelled" in bare["corrected_difference"]["refused"]


def test_labels_in_the_data_that_judges_cannot_be_compared_on_are_told_and_not_used(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data carries scores and the judges say pass or fail: that nobody asked for, so it is no error."""
    code, out, _ = compare(capsys, "judge-3", "judge-5", "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["kind"], found["n_labelled"], list(found["differences"])) == ("judges", 0, ["pass_rate"])
    assert found["notes"][-1].startswith("the labels are not used: no item can be compared")
