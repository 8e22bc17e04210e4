"""The GitHub Action and the example workflow: well formed, true to the command, and run as a runner would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from dikast.cli.gate import command

ROOT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "ci" / "gate.yml").read_text(encoding="utf-8"))
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")  # what a step with `shell: bash` is run by


def step(name: str) -> dict[str, Any]:
    (found,) = [one for one in ACTION["runs"]["steps"] if one["name"] == name]
    return dict(found)


def filled(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {
            "id": str(i),
            "status": "scored",
            "verdict": "pass" if i % 10 else "fail",
            "judge": {"name": "j", "version": "1"},
        }
        for i in range(400)
    ]
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    labels = [{"id": row["id"], "verdict": row["verdict"]} for row in rows[::2]]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels))
    return tmp_path


def run_gate(folder: Path, **inputs: str) -> tuple[int, dict[str, str], str]:
    """The step "Gate" with these inputs: its exit code, its outputs, and what it printed."""
    given = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    gate = step("Gate")
    environment = {name: filled(value, given) for name, value in gate["env"].items()}
    (folder / "temp").mkdir(exist_ok=True)
    (folder / "outputs").write_text("")
    done = subprocess.run(
        [*SHELL, gate["run"]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB")},
            **environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_OUTPUT": str(folder / "outputs"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_ACTIONS": "true",
        },
    )
    outputs = dict(line.split("=", 1) for line in (folder / "outputs").read_text().splitlines())
    return done.returncode, outputs, done.stdout + done.stderr


def test_it_gates_and_writes_what_is_uploaded(folder: Path) -> None:
    code, outputs, said = run_gate(folder, run="results.jsonl", labels="labels.jsonl", min_pass="0.8\n0.75")
    assert (code, outputs["answer"]) == (0, "pass"), said
    assert sorted(path.name for path in Path(outputs["folder"]).iterdir()) == ["gate.json", "gate.md", "gate.xml"]
    assert len(json.loads((folder / "temp" / "dikast-gate" / "gate.json").read_text())["checks"]) == 2
    assert (folder / "summary.md").read_text(encoding="utf-8").startswith("## ✅")
    code, outputs, said = run_gate(folder, run="results.jsonl", labels="labels.jsonl", arguments="--min-pass=0.99\n")
    assert (code, outputs["answer"]) == (1, "fail"), said
    assert "::error title=dikast gate results::" in said


def test_it_says_when_it_cannot_tell_and_when_it_breaks(folder: Path) -> None:
    assert run_gate(folder, run="results.jsonl", min_pass="0.8")[:1] == (4,)
    code, outputs, said = run_gate(folder, run="results.jsonl", min_pass="0.8", unsure="pass")
    assert (code, outputs["answer"]) == (0, "cant_tell"), said
    code, outputs, said = run_gate(folder, run="nothing", min_pass="0.8")
    assert (code, outputs["answer"]) == (2, "error"), said


def test_an_input_is_never_code(folder: Path) -> None:
    code, outputs, _ = run_gate(folder, run="$(touch owned); `touch owned` --help", min_pass="0.8\n$(touch owned)")
    assert (code, outputs["answer"]) == (2, "error")
    assert not (folder / "owned").exists()
    assert "${{" not in step("Gate")["run"] + step("Install")["run"]


def test_inputs_are_described_and_all_used() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, one in ACTION["inputs"].items():
        assert one["description"].endswith(".")
        assert text.count(f"inputs.{name}") >= 1, f"the input {name} is used nowhere"
    used = set(re.findall(r"inputs\.([\w-]+)", text))
    assert used == set(ACTION["inputs"])
    assert ACTION["runs"]["using"] == "composite"
    assert all("shell" in one or "uses" in one for one in ACTION["runs"]["steps"])


def test_the_example_uses_what_there_is() -> None:
    steps = [one for job in WORKFLOW["jobs"].values() for one in job["steps"]]
    (gate,) = [one for one in steps if one.get("uses") == "./dikast-action"]
    assert set(gate["with"]) <= set(ACTION["inputs"])
    bars = [f"--min-pass={bar}" for bar in gate["with"]["min-pass"].split()]
    arguments = gate["with"]["arguments"].split()
    command.make_context("gate", [gate["with"]["run"], *bars, *arguments])  # raises on a usage that is wrong
    script = "\n".join(one["run"] for one in steps if "run" in one)
    (run,) = re.findall(r"dikast run (.*)", script)
    from dikast.cli.run import command as run_command

    assert isinstance(run_command, click.Command)
    run_command.make_context("run", run.split())
    (tests,) = re.findall(r"pytest (tests.*)", script)
    known = Path(ROOT / "src" / "dikast" / "pytest_plugin.py").read_text(encoding="utf-8")
    assert all(f'"{word}"' in known for word in tests.split() if word.startswith("--dikast"))
    for one in steps:
        if "run" in one:
            assert subprocess.run(["bash", "-n", "-c", one["run"]]).returncode == 0
