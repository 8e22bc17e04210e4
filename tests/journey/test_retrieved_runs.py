"""Whole runs with retrieved examples: real weights in this process, a real store, and a server that does both."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dikast.journey.running import run
from dikast.judges.definition import Judge
from dikast.models import embedding_local
from dikast.store import Store

WHY = "The rules of the shop say so, and the reply names the rule."
SUBJECTS = [
    ("Can I return a lamp that broke?", "我的檯燈壞了，可以退貨嗎？"),
    ("When does my parcel arrive on the island?", "寄到離島的包裹幾天會到？"),
    ("Which tax number goes on the invoice?", "發票上的統一編號要怎麼填？"),
]


def line(id: str, text: str, output: str, verdict: str | None = None) -> dict[str, Any]:
    label = {"label": {"verdict": verdict, "critique": WHY}} if verdict else {}
    return {"id": id, "input": text, "output": output, **label}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labelled English interactions, and Chinese ones to judge."""
    monkeypatch.chdir(tmp_path)
    labelled = [
        line(f"{at}-{verdict}", english, f"{verdict} {english}", verdict)
        for at, (english, _) in enumerate(SUBJECTS)
        for verdict in ("pass", "fail")
    ]
    new = [line(f"zh{at}", chinese, "可以，請看第三條。") for at, (_, chinese) in enumerate(SUBJECTS)]
    for name, lines in (("labelled.jsonl", labelled), ("new.jsonl", new)):
        (tmp_path / name).write_text("".join(f"{json.dumps(one)}\n" for one in lines), encoding="utf-8")
    return tmp_path


def dikast(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dikast", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def build(*more: str) -> subprocess.CompletedProcess[str]:
    task = "Decide whether the reply states the rules right."
    return dikast("judge", "build", "shop", "--data", "labelled.jsonl", "--task", task, "--yes", *more)


def test_the_embedded_model_judges_with_examples_of_the_same_subject_in_another_language(
    folder: Path, embedded_model: Path, embedder_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build("--retrieve", "2")
    assert made.returncode == 0, made.stderr
    judge = Judge.load("judges/shop")
    assert judge.retrieve is not None
    assert (judge.retrieve.k, judge.retrieve.by, len(judge.pool), judge.examples) == (2, "local", 6, ())
    assert len(Path("judges/shop/learned_from.txt").read_text().split()) == 6
    fast = Judge.from_dict({**judge.definition, "fast": True})

    first = run(fast, "new.jsonl", model="embedded", store="runs.db")
    shown = [verdict.details["examples"] for verdict in first if verdict.details]
    assert [sorted(ids) for ids in shown] == [[f"{at}-fail", f"{at}-pass"] for at in range(3)]
    assert {verdict.status for verdict in first} == {"scored"}

    def refuse(*_given: Any) -> Any:
        raise AssertionError("something was embedded twice")

    monkeypatch.setattr(embedding_local.LocalEmbedder, "_embed", refuse)
    again = run(fast, "new.jsonl", model="embedded", store="runs.db", name="again")
    assert again.info is not None
    assert again.info.calls == 0
    assert [one.scores for one in again] == [one.scores for one in first]
    with Store.open("runs.db") as store:
        assert store.verify().problems == []


def test_one_server_embeds_and_judges(folder: Path, model_server: Callable[..., Any]) -> None:
    server = model_server("ollama", models=("qwen3:8b", "nomic-embed-text:latest"))
    served = ("--base-url", server.url)
    made = build("--retrieve", "2", "--embedder", "ollama/nomic-embed-text", *served)
    assert made.returncode == 0, made.stderr
    assert "ollama/nomic-embed-text@" in Path("judges/shop/judge.yaml").read_text()
    asked = ("run", "shop", "new.jsonl", "--model", "ollama/qwen3:8b", *served, "--store", "s.db", "--out", "out.jsonl")
    ran = dikast(*asked)
    assert ran.returncode == 0, ran.stderr
    verdicts = [json.loads(one) for one in Path("out.jsonl").read_text().splitlines()]
    assert [len(verdict["details"]["examples"]) for verdict in verdicts] == [2, 2, 2]
    before = len([request for request in server.requests if request.path == "/v1/embeddings"])
    assert dikast(*asked).returncode == 0
    later = [request for request in server.requests if request.path == "/v1/embeddings"][before:]
    assert [request.body["input"] for request in later] == [["a"]]  # the greeting; all else is kept


def test_by_words_without_any_model(folder: Path) -> None:
    assert build("--retrieve", "2", "--embedder", "words", "--examples", "2").returncode == 0
    assert len(Judge.load("judges/shop").examples) == 2
    shown = dikast("judge", "show", "shop")
    assert "# the pool: 6 examples (3 fail, 3 pass), of which 2 are shown" in shown.stdout
    prompt = dikast("judge", "show", "shop", "--data", "labelled.jsonl", "--id", "0-pass")
    assert "# Examples like the item" in prompt.stdout
    assert "# Examples like the item" in prompt.stdout.partition("CODE: ")[2]
    linted = dikast("judge", "lint", "shop", "--data", "new.jsonl", "--context-length", "8192")
    assert linted.returncode == 0, linted.stdout
    assert "small-pool" not in linted.stdout
    planned = dikast("plan", "shop", "new.jsonl", "--model", "fake", "--json")
    assert planned.returncode == 0, planned.stderr
    one = Judge.load("judges/shop").judge(input="Can I return a lamp?", output="Yes.", model="fake")
    assert one.details is not None
    assert len(one.details["examples"]) == 2


def test_what_is_wrong_is_said(folder: Path) -> None:
    for arguments, says in (
        (("--retrieve", "1"), "2<=x<=32"),
        (("--retrieve", "2", "--embedder", "nowhere"), "'nowhere' is not an embedder"),
        (("--retrieve", "2", "--embedder", "ollama/none", "--base-url", "http://127.0.0.1:1"), "127.0.0.1:1"),
    ):
        failed = build(*arguments)
        assert failed.returncode != 0
        assert says in failed.stderr
        assert "Traceback" not in failed.stderr
        assert not Path("judges/shop").exists()
