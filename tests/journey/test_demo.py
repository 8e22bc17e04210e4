"""The demo: bundled data and judge, what it lays out, what it says last, and what it suggests instead."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import OutputError
from dikast.interactions.dataset import open_dataset
from dikast.journey.demo import SAMPLES, SIZE, lay_out, suggestion
from dikast.judges.definition import Judge
from dikast.models.advice import GIB, Machine
from dikast.models.discovery import FoundServer
from dikast.models.served import Installed

LAPTOP = Machine(memory_bytes=32 * GIB, cores=8, gpu="GPU", gpu_bytes=16 * GIB)


def demo(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dikast", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment or None, timeout=60)


def test_the_bundled_data_is_labelled_and_balanced() -> None:
    data = open_dataset(SAMPLES / "demo.jsonl", strict=True)
    labels = [label for interaction in data for label in interaction.labels]
    assert len(labels) == data.tally.read == SIZE
    counts = Counter(label.verdict for label in labels)
    assert counts["pass"] >= 30
    assert counts["fail"] >= 30
    assert all(label.critique for label in labels if label.verdict == "fail")
    assert data.tally.duplicates == 0


def test_the_bundled_judge_can_be_asked_both_ways() -> None:
    judge = Judge.load(SAMPLES / "demo-judge")
    assert judge.fast
    assert judge.can_be_fast
    assert set(judge.form().choices) == {"Yes", "No"}
    assert [judge.form().read({"reasoning": "", "verdict": word}).verdict for word in ("Yes", "No")] == ["pass", "fail"]


def test_it_writes_results_and_a_report_and_ends_with_the_truth(tmp_path: Path) -> None:
    done = demo(tmp_path, "--model", "fake", "--fast")
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in (tmp_path / "dikast-demo" / "results.jsonl").read_text().splitlines()]
    assert [result["status"] for result in results] == ["scored"] * SIZE
    assert "<html" in (tmp_path / "dikast-demo" / "report.html").read_text()
    last = done.stdout.rstrip().splitlines()[-1]
    assert last.startswith("fake and people gave the same verdict on ")
    assert "95 % interval" in last
    assert "Not to be trusted" in last


def test_the_second_time_nothing_is_asked_again(tmp_path: Path) -> None:
    first = json.loads(demo(tmp_path, "--model", "fake", "--json").stdout)
    second = json.loads(demo(tmp_path, "--model", "fake", "--json").stdout)
    assert (first["calls"], second["calls"]) == (SIZE, 0)
    assert first["agreement"]["metrics"] == second["agreement"]["metrics"]
    assert first["agreement"]["trust"] == "no"
    assert first["mode"] == "written"


def test_a_limit_is_kept(tmp_path: Path) -> None:
    found = json.loads(demo(tmp_path, "--model", "fake", "--limit", "7", "--json").stdout)
    assert found["counts"] == {"scored": 7}


def test_a_server_that_is_up_is_named_and_can_judge(tmp_path: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("ollama", models=("qwen3:8b", "nomic-embed-text"))
    said = demo(tmp_path, "--model", "fake", "--limit", "5", OLLAMA_HOST=server.url)
    assert f"Here: Ollama 0.33.0 at {server.url}, 2 models." in said.stderr
    assert "Try a larger model that is here: dikast demo --model ollama/qwen3:8b" in said.stdout
    used = demo(tmp_path, "--model", "ollama/qwen3:8b", "--limit", "5", OLLAMA_HOST=server.url)
    assert used.returncode == 0, used.stderr
    assert "ollama/qwen3:8b and people gave the same verdict on " in used.stdout
    assert len(server.chats) >= 5


def test_what_the_user_changed_is_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path / "mine")
    prompt = tmp_path / "mine" / "judges" / "factual" / "prompt.md"
    prompt.write_text("Is it right? {input} {output} {answer_form}")
    (tmp_path / "mine" / "dikast.toml").write_text("concurrency = 2\n")
    workspace = lay_out(tmp_path / "mine")
    assert prompt.read_text() == "Is it right? {input} {output} {answer_form}"
    assert workspace.settings(environ={}).concurrency == 2


def test_a_file_in_the_way_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "datasets").write_text("")
    with pytest.raises(OutputError, match="can't lay out the demo in ") as caught:
        lay_out(tmp_path / "mine")
    assert caught.value.hint == "Choose another place with --dir."


def server(*models: Installed) -> FoundServer:
    return FoundServer(server="ollama", base_url="http://127.0.0.1:11434", models=models)


def test_the_suggestion_is_the_largest_local_model_that_fits_and_writes() -> None:
    models = (
        Installed(name="qwen3:4b"),
        Installed(name="qwen3:8b"),
        Installed(name="llama3.3:70b"),
        Installed(name="qwen3-embedding:9b"),
        Installed(name="gpt-oss:120b-cloud", remote_host="https://ollama.com"),
    )
    assert suggestion("embedded", [server(*models)], LAPTOP) == "ollama/qwen3:8b"


def test_nothing_smaller_than_the_judge_is_suggested() -> None:
    models = (Installed(name="qwen3:4b"), Installed(name="qwen3:8b"))
    assert suggestion("ollama/qwen3:8b", [server(*models)], LAPTOP) is None
    assert suggestion("embedded", [], LAPTOP) is None
