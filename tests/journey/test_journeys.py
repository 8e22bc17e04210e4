"""The whole journey by commands alone, on three sets that people labelled, with the embedded model.

From a folder with a file to a judge, its card and its agreement on the sealed test; figures are checked against other
libraries. One set is in English with pass, fail and critiques, one has scores from 1 to 5, one is in Chinese: see
README.md beside this file.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from dikast.store import Store

DATA = Path(__file__).parent
EXACT = 1e-9


@dataclass(frozen=True)
class Journey:
    """One set, and what its judge is to decide."""

    name: str
    task: str
    language: str


PASS_FAIL = [
    Journey("halueval", "Decide whether the answer is free of anything made up.", "en"),
    Journey("chinesefacteval", "判斷回答所說的是否都是事實。", "zh-Hant"),
]
SCORES = Journey("roscoe", "Grade how well the steps of the answer are justified and lead to the right answer.", "en")


@dataclass(frozen=True)
class Workspace:
    """A folder in which commands are run."""

    folder: Path

    def dikast(self, *arguments: str, ends: int = 0) -> str:
        """What a command prints."""
        command = [sys.executable, "-m", "dikast", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, timeout=300)
        assert done.returncode == ends, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.dikast(*arguments, "--json"))


@pytest.fixture
def workspace(tmp_path: Path, embedded_model: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.dikast("init")
    return made


def travel(workspace: Workspace, journey: Journey) -> tuple[Any, dict[str, Any]]:
    """From a file to a judge measured on the sealed test: what `agree` says there, and the figures' raw material."""
    shutil.copy(DATA / f"{journey.name}.jsonl", workspace.folder)
    file, name = f"{journey.name}.jsonl", journey.name
    assert "labels were saved" in workspace.dikast("labels", "import", file, "--dataset", file, "--annotator", "people")
    parts = workspace.json("data", "split", name, "--shares", "10/50/40")["parts"]
    assert set(parts) >= {"pool", "dev", "test"}

    drafted = ["--task", journey.task, "--language", journey.language, "--examples", "3", "--fast", "--yes"]
    workspace.dikast("judge", "build", "first", "--data", name, *drafted)
    workspace.dikast("judge", "lint", "first")
    workspace.dikast("run", "first", name, "--model", "embedded", "--name", "first-run")
    on_dev = workspace.json("agree", "first-run", "--part", "dev")
    assert on_dev["trust"] in ("trusted", "not_yet", "no")

    refined = workspace.json("refine", "first", "--data", name, "--model", "embedded", "--rounds", "1", "--no-propose")
    best = Path(refined["folder"]).name if refined["folder"] else "first"
    assert (workspace.folder / "judges" / best).is_dir()
    workspace.dikast("run", best, name, "--model", "embedded", "--name", "last-run")
    compared = workspace.json("compare", "first-run", "last-run")
    assert compared["n"] > 0

    closed = subprocess.run(
        [sys.executable, "-m", "dikast", "agree", "last-run", "--part", "test"],
        capture_output=True, text=True, cwd=workspace.folder,
    )  # fmt: skip
    assert closed.returncode == 2, "the sealed test opens by an explicit word only"
    sealed = workspace.json("agree", "last-run", "--part", "test", "--open-test", "the judge is done")
    card = workspace.json("judge", "card", best, "--run", "last-run", "--open-test", "its card")
    assert card["sealed_test_openings"]
    assert workspace.dikast("report", "last-run", "--out", "report.html")
    assert "whole" in workspace.dikast("verify")
    return sealed, pairs_of(workspace, name)


def pairs_of(workspace: Workspace, name: str) -> dict[str, Any]:
    """Label and verdict of each sealed item, read from the files that anybody can read."""
    with Store.open(workspace.folder / ".dikast" / "store.db") as store:
        ids = [item.id for item in store.split(name).items("test")]
    with (workspace.folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
        labels = {row["id"]: row["label"] for row in map(json.loads, lines)}
    results = next((workspace.folder / "runs").glob("last-run*.jsonl"))
    with results.open(encoding="utf-8") as lines:
        verdicts = {row["id"]: row for row in map(json.loads, lines) if row["status"] == "scored"}
    kept = [id for id in ids if id in verdicts]
    return {"labels": [labels[id] for id in kept], "verdicts": [verdicts[id] for id in kept]}


@pytest.mark.parametrize("journey", PASS_FAIL, ids=lambda journey: journey.name)
def test_from_labels_to_a_judge_that_passes_and_fails(workspace: Workspace, journey: Journey) -> None:
    sealed, pairs = travel(workspace, journey)
    truth = [label["verdict"] == "pass" for label in pairs["labels"]]
    said = [verdict["verdict"] == "pass" for verdict in pairs["verdicts"]]
    expected = {
        "accuracy": metrics.accuracy_score(truth, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, said),
        "tpr": metrics.recall_score(truth, said),
        "tnr": metrics.recall_score(truth, said, pos_label=False),
        "cohen_kappa": metrics.cohen_kappa_score(truth, said),
        "mcc": metrics.matthews_corrcoef(truth, said),
    }
    assert sealed["n"] == len(truth)
    if len(set(said)) == 1:  # then these two are undefined, where the library says 0
        assert sealed["metrics"]["mcc"]["value"] is None
        del expected["mcc"]
    for name, value in expected.items():
        assert sealed["metrics"][name]["value"] == pytest.approx(value, abs=EXACT), name
    if any(said):
        assert sealed["metrics"]["precision"]["value"] == pytest.approx(metrics.precision_score(truth, said), abs=EXACT)
        assert sealed["metrics"]["f1"]["value"] == pytest.approx(metrics.f1_score(truth, said), abs=EXACT)


def test_from_labels_to_a_judge_that_grades(workspace: Workspace) -> None:
    sealed, pairs = travel(workspace, SCORES)
    truth = np.array([label["score"] for label in pairs["labels"]])
    said = np.array([verdict["scores"]["overall"] for verdict in pairs["verdicts"]])
    found = sealed["metrics"]
    assert sealed["n"] == len(truth)
    if np.ptp(said):
        assert found["spearman"]["value"] == pytest.approx(stats.spearmanr(said, truth).statistic, abs=EXACT)
        assert found["kendall_tau_b"]["value"] == pytest.approx(stats.kendalltau(said, truth).statistic, abs=EXACT)
    assert found["mae"]["value"] == pytest.approx(metrics.mean_absolute_error(truth, said), abs=EXACT)
