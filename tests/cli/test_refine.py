"""Refining against a server that follows the rules it is given."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dikast.judges.definition import Judge

JUDGE = """\
name: dates
task: Decide whether the reply gives the right day.
scale: pass_fail
criteria:
  - name: day
    description: Is the day right?
    levels: {pass: It names a day., fail: It names none.}
overall: only
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("judges/dates").mkdir(parents=True)
    Path("judges/dates/judge.yaml").write_text(JUDGE)
    Path("dikast.toml").write_text("")
    with Path("data.jsonl").open("w") as file:
        for n in range(40):
            day, verdict = ("Tuesday", "pass") if n % 2 else ("Monday", "fail")
            label = {"verdict": verdict, "critique": "The parcel comes on a Tuesday, as the rules say."}
            file.write(
                json.dumps({"id": f"t{n}", "input": f"When {n}?", "output": f"On {day}.", "label": label}) + "\n"
            )
    return tmp_path


def follows_rules(body: Any) -> str:
    """Passes everything, unless the rules mention Tuesday; proposes that rule when it is asked for changes."""
    rules, item = body["messages"][0]["content"], body["messages"][-1]["content"]
    if "The expert said" in item:
        changes = [
            {"place": "day.fail", "text": "It names another day than Tuesday.", "from": ["D1"]},
            {"place": "task", "text": "Decide whether the reply is friendly.", "from": ["D2"]},
        ]
        return json.dumps({"changes": changes})
    verdict = "fail" if "Tuesday" in rules and "On Monday" in item else "pass"
    return json.dumps({"reasoning": "By the rules.", "verdict": verdict})


def refine(url: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dikast", "refine", "dates", "--data", "data.jsonl", "--model", "qwen3:8b"]
    return subprocess.run([*command, "--base-url", url, *more], capture_output=True, text=True, check=False)


def test_the_sentence_that_helps_is_found_kept_and_written(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer=follows_rules)
    run = refine(server.url, "--json")
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["first"]["agreement"] == 0.5
    assert said["last"]["agreement"] == 1.0
    assert said["rounds"][0]["kept"] == "day.fail: It names another day than Tuesday."
    assert said["rounds"][0]["fixed"] == [f"t{n}" for n in range(0, 40, 2)]
    assert said["rounds"][0]["broken"] == []
    assert said["converged"]
    better = Judge.load(said["folder"])
    assert better.criteria[0].levels["fail"] == "It names another day than Tuesday."
    assert Path("judges/dates/judge.yaml").read_text() == JUDGE  # the old one is left alone
    assert len(Path(said["folder"], "refined_on.txt").read_text().split()) == 40
    assert json.loads(Path(said["folder"], "history.json").read_text())["last"]["agreement"] == 1.0


def test_what_does_not_help_is_not_kept(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("openai", answer=lambda body: json.dumps({"reasoning": "Yes.", "verdict": "pass"}))
    run = refine(server.url)
    assert run.returncode == 0, run.stderr
    assert "nothing was better by more than chance" in run.stdout
    assert "stays as it is" in run.stdout
    assert not Path("judges/dates-2").exists()


def test_what_the_judge_learned_from_is_left_out(folder: Path, model_server: Callable[..., Any]) -> None:
    Path("judges/dates/learned_from.txt").write_text("".join(f"t{n}\n" for n in range(28)))
    run = refine(model_server("openai", answer=follows_rules).url, "--no-propose", "--json")
    assert run.returncode == 0, run.stderr
    assert "28 interactions were left out" in run.stderr
    assert json.loads(run.stdout)["items"] == 12
    Path("judges/dates/learned_from.txt").write_text("".join(f"t{n}\n" for n in range(35)))
    few = refine("http://127.0.0.1:1")
    assert few.returncode == 2
    assert "5 labelled interactions are left" in few.stderr


def test_of_a_kept_dataset_building_sees_the_pool_and_refining_dev(
    folder: Path, model_server: Callable[..., Any]
) -> None:
    labels = [json.loads(line) for line in Path("data.jsonl").read_text().splitlines()]
    Path("labels.jsonl").write_text("".join(json.dumps({"id": one["id"], **one["label"]}) + "\n" for one in labels))
    dikast = [sys.executable, "-m", "dikast"]
    imported = [*dikast, "labels", "import", "labels.jsonl", "--dataset", "data.jsonl"]
    subprocess.run(imported, check=True, capture_output=True)
    shown = subprocess.run([*dikast, "data", "split", "data", "--json"], check=True, capture_output=True)
    split = json.loads(shown.stdout)
    built = [*dikast, "judge", "build", "days", "--data", "data", "--task", "Decide it.", "--yes", "--examples", "40"]
    subprocess.run(built, check=True, capture_output=True)
    learned = Path("judges/days/learned_from.txt").read_text().split()
    run = refine(model_server("openai", answer=follows_rules).url, "--data", "data", "--no-propose", "--json")
    assert run.returncode == 0, run.stderr
    sizes = {part: sum(classes.values()) for part, classes in split["parts"].items()}
    assert len(learned) == sizes["pool"]
    assert json.loads(run.stdout)["items"] == sizes["dev"]
    assert sizes["test"] > 0
