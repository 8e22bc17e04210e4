"""`dikast judge card` through the real command line, on runs in a store and on results files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dikast.cli import main
from dikast.judges.definition import find_judge
from dikast.records import Interaction, JudgeRef
from dikast.store import Store

JUDGE = 'Q: {input}\nA: {output}\nReply with {"reasoning": "...", "verdict": "pass" or "fail"}\n'
HOSTILE = "</pre><script>document.title='owned'</script>\x1b[31m"


def dikast(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dikast", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a judge, data of 40 items with hostile answers, their labels, and one run of it in the store."""
    folder = tmp_path_factory.mktemp("card")
    rows: list[dict[str, Any]] = [
        {"id": str(i), "input": f"{i}?", "output": f"{HOSTILE} {i}", "metadata": {"topic": ["tea", "coffee"][i % 2]}}
        for i in range(40)
    ]
    labels = [
        {"id": str(i), "verdict": "pass" if i % 3 else "fail", "annotator": "ana", "critique": f"{HOSTILE} wrong"}
        for i in range(40)
    ]
    (folder / "judge.txt").write_text(JUDGE)
    for name, lines in (("data", rows), ("labels", labels)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = dikast("run", "judge.txt", "data.jsonl", "--model", "fake", "--out", "results.jsonl", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def folder(kept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(kept)
    for page in kept.glob("*.html"):
        page.unlink()
    return kept


def card(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["judge", "card", *arguments])
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return int(str(stopped.value.code)), shown.out, shown.err


def test_a_page_is_written_and_its_name_and_the_trust_are_told(folder: Path) -> None:
    done = dikast("judge", "card", "judge.txt", "--run", "judge-1", "--labels", "labels.jsonl")
    assert (done.returncode, done.stdout) == (0, "judge.card.html\n"), done.stderr
    assert done.stderr.startswith("Not to be trusted: ")
    document = Path("judge.card.html").read_text(encoding="utf-8")
    assert "<script" not in document
    assert "\x1b" not in document
    assert "&lt;script&gt;document.title" in document
    for said in ("topic: tea", "topic: coffee", "ana (40)", "labels.jsonl", "data.jsonl", "fake"):
        assert said in document


def test_json_is_printed_and_no_page_is_written_unless_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = card(capsys, "judge.txt", "--run", "judge-1", "--labels", "labels.jsonl", "--json")
    found = json.loads(out)
    assert (code, list(folder.glob("*.html"))) == (0, [])
    assert found.keys() == {
        "judge", "run", "model", "fingerprint", "dataset", "judged_at", "notes", "as_judged", "agreement",
        "where_it_fails", "cost_and_speed", "labels", "measured_on", "sealed_test_openings",
    }  # fmt: skip
    assert (found["run"], found["model"], found["dataset"]["name"]) == ("judge-1", "fake", "data.jsonl")
    assert found["notes"] == [] or all(note.endswith(".") for note in found["notes"])
    assert found["where_it_fails"]["measure"] == "accuracy"
    assert {one["value"] for one in found["where_it_fails"]["slices"]} == {"tea", "coffee"}
    table = found["agreement"]["confusion"]
    assert found["where_it_fails"]["wrong"] == table["fn"] + table["fp"]
    assert found["labels"] | {"drawn": None} == {
        "source": "labels.jsonl", "n": 40, "annotators": {"ana": 40}, "drawn": None, "blind": 0,
        "first_at": None, "last_at": None,
    }  # fmt: skip
    arguments = ("judge.txt", "--run", "results.jsonl", "--labels", "labels.jsonl", "--json", "--out", "page.html")
    code, again, _ = card(capsys, *arguments)
    assert code == 0
    assert json.loads(again) == found
    assert Path("page.html").is_file()


def test_openings_of_the_sealed_test_are_listed_those_of_other_judges_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("judge.txt", "--run", "judge-1", "--labels", "labels.jsonl", "--json", "--out", "page.html")
    assert json.loads(card(capsys, *arguments)[1])["sealed_test_openings"] == []
    assert "never opened for this judge" in Path("page.html").read_text(encoding="utf-8")
    known = find_judge("judge.txt", folder / "judges")
    with Store.open(folder / ".dikast" / "store.db") as store:
        dataset = store.keep_dataset("tickets", [Interaction(id="1", input="q", output="a")]).name
        store.open_test(dataset, known.ref, n=17, why=f"ready {HOSTILE}")
        store.open_test(dataset, JudgeRef(known.name, "earlier"), n=16, why="a first look")
        store.open_test(dataset, JudgeRef("another", "1"), n=15, why="not mine")
    found = json.loads(card(capsys, *arguments)[1])["sealed_test_openings"]
    assert [(one["n"], one["version"]) for one in found] == [(17, known.ref.version), (16, "earlier")]
    document = Path("page.html").read_text(encoding="utf-8")
    assert "was opened 2 times" in document
    assert "a first look" in document
    assert "not mine" not in document
    assert "<script" not in document


def test_a_run_of_another_version_is_warned_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.txt").write_text(JUDGE + "Be strict.\n")
    arguments = ("other.txt", "--run", "judge-1", "--labels", "labels.jsonl", "--json", "--out", "page.html")
    note = json.loads(card(capsys, *arguments)[1])["notes"][0]
    assert note.startswith("The run was judged by judge ")
    assert "not this version" in note
    assert "not this version" in Path("page.html").read_text(encoding="utf-8")
    told = card(capsys, *arguments[:5], "--out", "again.html")[2]
    assert told.startswith("Note: The run was judged by judge ")


def test_a_results_file_alone_has_neither_texts_nor_openings(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("judge.txt", "results.jsonl", "labels.jsonl", "data.jsonl"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    arguments = ("judge.txt", "--run", "results.jsonl", "--labels", "labels.jsonl", "--json", "--out", "page.html")
    found = json.loads(card(capsys, *arguments)[1])
    assert "sealed_test_openings" not in found
    assert (found["dataset"], found["judged_at"], found["model"]) == (None, None, "fake")
    bare = Path("page.html").read_text(encoding="utf-8")
    assert "sealed test" not in bare
    assert "<summary>Output" not in bare
    card(capsys, *arguments, "--data", "data.jsonl")
    assert "<summary>Output" in Path("page.html").read_text(encoding="utf-8")


def test_what_is_wrong_is_told_and_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_labels = ["judge.txt", "--run", "judge-1", "--labels", "labels.jsonl"]
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for arguments, code, said in (
        (["judge.txt", "--run", "judge-1"], 2, "no labels are known for 'judge-1'"),
        (["judge.txt", "--labels", "labels.jsonl"], 2, "--run"),
        (["nothing.txt", "--run", "judge-1", "--labels", "labels.jsonl"], 2, "nothing.txt"),
        (["judge.txt", "--run", "judge-9", "--labels", "labels.jsonl"], 2, "the runs here are: judge-1"),
        (["judge.txt", "--run", "judge-1", "--labels", "nowhere.jsonl"], 2, "nowhere.jsonl"),
        ([*with_labels, "--data", "nowhere.jsonl"], 2, "nowhere.jsonl"),
        ([*with_labels, "--out", "no/such.html"], 1, "no folder"),
        ([*with_labels[:2], "results.jsonl", *with_labels[3:], "--out", "results.jsonl"], 2, "the results file itself"),
        ([*with_labels, "--out", "labels.jsonl"], 2, "made of this file"),
        ([*with_labels, "--out", "judge.txt"], 2, "made of this file"),
    ):
        given, out, err = card(capsys, *arguments)
        assert (given, out) == (code, ""), (arguments, err)
        assert said in err, (arguments, err)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
