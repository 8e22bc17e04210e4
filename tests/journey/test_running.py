"""Runs as a whole: the command line against a real server, killed, interrupted, and run twice at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dikast
from dikast.errors import DataError, EndpointDown, OutputError, SettingError, StoreError
from dikast.journey import bench
from dikast.journey.running import blocking
from dikast.workspace import Workspace

PROMPT = (
    'Judge.\n\nQuestion: {input}\nAnswer: {output}\n\nReply with {"reasoning": "...", "verdict": "pass" or "fail"}\n'
)
NUMBER = 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "judge.txt").write_text(PROMPT)
    items = ({"id": f"i{n}", "input": f"Is {n} even?", "output": "yes", "metadata": {"n": n}} for n in range(NUMBER))
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def say(body: Any) -> str:
    number = int(body["messages"][-1]["content"].split("Question: Is ")[1].split()[0])
    return json.dumps({"reasoning": f"{number} it is.", "verdict": "fail" if number % 2 else "pass"})


def arguments(url: str, out: str = "out.jsonl", *more: str) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "dikast",
        "run",
        "judge.txt",
        "data.jsonl",
        "--model",
        "qwen3:8b",
        "--base-url",
        url,
    ]
    return [*command, "--out", out, *more]


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def results(out: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(out).read_text().splitlines()]


def assert_complete(out: str = "out.jsonl") -> None:
    lines = results(out)
    assert [line["id"] for line in lines] == [f"i{n}" for n in range(NUMBER)]
    assert [line["verdict"] for line in lines] == ["pass", "fail"] * (NUMBER // 2)
    assert {line["status"] for line in lines} == {"scored"}


class Server:
    """The judge's model, with something that happens when it is asked for the n-th interaction."""

    def __init__(self, model_server: Callable[..., Any]) -> None:
        self.prompts: Counter[str] = Counter()
        self.at: dict[int, Callable[[], None]] = {}
        self.server = model_server("openai", answer=self.answer, latency_s=0.01)
        self.url: str = self.server.url

    def answer(self, body: Any) -> str:
        text = body["messages"][-1]["content"]
        if "Question: Is " not in text:
            return "ok"  # a probe
        self.prompts[text] += 1
        happens = self.at.pop(sum(self.prompts.values()), None)
        if happens:
            happens()
        return say(body)


@pytest.fixture
def server(model_server: Callable[..., Any]) -> Iterator[Server]:
    return Server(model_server)


def test_a_run_writes_every_interaction_in_order_and_says_what_it_did(folder: Path, server: Server) -> None:
    run = start(*arguments(server.url, "out.jsonl", "--json"))
    said, progress = run.communicate(timeout=60)
    assert run.returncode == 0, progress
    assert_complete()
    first = results()[0]
    assert first["critique"] == "0 it is."
    assert first["metadata"] == {"n": 0}
    assert first["judge"]["name"] == "judge"
    summary = json.loads(said)
    assert summary["counts"] == {"scored": NUMBER}
    assert summary["verdicts"] == {"pass": 30, "fail": 30}
    assert summary["pass_rate"]["value"] == 0.5
    assert summary["calls"] == NUMBER
    assert f"{NUMBER} of {NUMBER}" in progress


def test_killed_in_the_middle_the_same_command_continues(folder: Path, server: Server) -> None:
    run = start(*arguments(server.url, "out.jsonl", "--concurrency", "4"))
    server.at[30] = lambda: os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    assert run.returncode == -signal.SIGKILL
    assert not Path("out.jsonl").exists()
    again = start(*arguments(server.url, "out.jsonl", "--concurrency", "4", "--json"))
    said, progress = again.communicate(timeout=60)
    assert again.returncode == 0, progress
    assert_complete()
    # Only the calls that were open when it died, at most four, were asked a second time.
    assert len(server.prompts) == NUMBER
    assert sum(server.prompts.values()) <= NUMBER + 4
    summary = json.loads(said)
    assert summary["run"] == "judge-1"
    assert summary["cache_hits"] >= 26


def test_ctrl_c_stops_cleanly_and_the_same_command_continues(folder: Path, server: Server) -> None:
    run = start(*arguments(server.url, "out.jsonl", "--concurrency", "4"))
    server.at[20] = lambda: os.kill(run.pid, signal.SIGINT)
    _, progress = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "the same command continues from there" in progress
    assert "Traceback" not in progress
    assert subprocess.run(arguments(server.url), check=False, capture_output=True).returncode == 0
    assert_complete()
    assert sum(server.prompts.values()) <= NUMBER + 4


def test_two_processes_on_one_workspace_ask_nothing_twice(folder: Path, server: Server) -> None:
    both = [start(*arguments(server.url, f"out{n}.jsonl", "--concurrency", "3")) for n in range(2)]
    for run in both:
        _, progress = run.communicate(timeout=60)
        assert run.returncode == 0, progress
    assert_complete("out0.jsonl")
    assert_complete("out1.jsonl")
    assert set(server.prompts.values()) == {1}
    verified = subprocess.run([sys.executable, "-m", "dikast", "verify"], check=False, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout


def test_a_finished_run_is_not_asked_again_by_another(folder: Path, server: Server) -> None:
    for name in ("one", "two"):
        subprocess.run(arguments(server.url, f"{name}.jsonl", "--name", name), check=True, capture_output=True)
    assert sum(server.prompts.values()) == NUMBER
    assert_complete("two.jsonl")
    assert results("one.jsonl") == results("two.jsonl")


def test_what_could_not_be_read_is_asked_again_alone(folder: Path, server: Server) -> None:
    server.server.answer = lambda body: "I can't say." if "Is 7 even?" in str(body) else server.answer(body)
    run = subprocess.run(arguments(server.url), check=False, capture_output=True, text=True)
    assert run.returncode == 3
    assert [line["id"] for line in results() if line["status"] == "unparsed"] == ["i7"]
    server.server.answer = server.answer
    assert subprocess.run(arguments(server.url), check=False, capture_output=True).returncode == 0
    assert_complete()
    assert sum(server.prompts.values()) == NUMBER


def test_a_server_that_takes_its_time_is_said_to_be_waited_for(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(bench, "_QUIET_S", 0.0)
    workspace = Workspace.find()
    settings = workspace.settings(model="qwen3:8b", base_url=(server.url,))

    async def opened() -> None:
        async with bench.open_bench("qwen3:8b", settings, workspace, keep=False, tell=said.append):
            pass

    blocking(opened())
    assert any(line.startswith("waiting for qwen3:8b") for line in said)


def test_the_python_api_gives_a_run_of_verdicts(folder: Path, server: Server) -> None:
    run = dikast.run("judge.txt", "data.jsonl", model="qwen3:8b", base_url=server.url, limit=10)
    assert [verdict.verdict for verdict in run] == ["pass", "fail"] * 5
    assert len(run) == 10
    assert run.interaction("i3").metadata == {"n": 3}  # type: ignore[union-attr]
    assert not Path(".dikast").exists()  # outside a workspace nothing is kept unless asked for
    frame = run.to_polars()
    assert frame["verdict"].to_list() == ["pass", "fail"] * 5
    assert frame["metadata_n"].to_list() == list(range(10))
    assert list(run.to_pandas()["score_reasoning"])[:1] == ["0 it is."]


async def test_the_python_api_works_where_a_loop_is_running(folder: Path) -> None:
    items = [{"input": "2 + 2?", "output": "4"}]
    assert len(dikast.run("judge.txt", items, model="fake")) == 1
    assert len(await dikast.arun("judge.txt", items, model="fake")) == 1


def test_a_run_is_opened_by_name_and_by_its_results_file(folder: Path, server: Server) -> None:
    dikast.run(
        "judge.txt", "data.jsonl", model="qwen3:8b", base_url=server.url, store="s.db", out="out.jsonl", name="first"
    )
    by_name, by_file = dikast.open_run("first", store="s.db"), dikast.open_run("out.jsonl", store="s.db")
    for run in (by_name, by_file):
        assert run.info is not None
        assert run.info.counts == {"scored": NUMBER}
        assert len(list(run.interactions())) == NUMBER
    described = by_name.info
    assert described is not None
    assert described.fingerprint["sampler"]["temperature"] == 0
    assert described.dataset == "data.jsonl"
    assert len(str(described.dataset_hash)) == 64
    alone = dikast.open_run("out.jsonl", store="elsewhere.db")
    assert alone.info is None
    assert [verdict.id for verdict in alone] == [verdict.id for verdict in by_name]
    with pytest.raises(DataError, match="'second'") as caught:
        dikast.open_run("second", store="s.db")
    assert "first" in str(caught.value.hint)


def test_a_results_file_with_a_wrong_line_says_which(folder: Path) -> None:
    Path("r.jsonl").write_text('{"id":"a","status":"scored","judge":{"name":"j","version":"v"}}\n{"id":"b"}\n')
    with pytest.raises(DataError, match="line 2"):
        list(dikast.open_run("r.jsonl"))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"model": None}, SettingError, "no model is named"),
        ({"out": "missing/out.jsonl"}, OutputError, "no folder"),
        ({"out": "."}, OutputError, "it is a folder"),
        ({"store": "judge.txt"}, StoreError, "not a database"),
        ({"base_url": "http://127.0.0.1:1"}, EndpointDown, "127.0.0.1:1"),
        ({"limit": 5, "dataset": "nothing.jsonl"}, DataError, "nothing.jsonl"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    folder: Path, server: Server, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    options = {"model": "qwen3:8b", "base_url": server.url, "dataset": "data.jsonl", **given}
    with pytest.raises(error, match=message):
        dikast.run("judge.txt", options.pop("dataset"), **options)
    assert not server.prompts


def test_a_dead_server_ends_the_run_after_the_patience_and_nothing_is_lost(folder: Path, server: Server) -> None:
    server.at[25] = lambda: server.server._loop.call_soon(server.server._stop.set)
    run = subprocess.run(
        arguments(server.url, "out.jsonl", "--patience", "1"), check=False, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "stayed away" in run.stderr
    assert "continues where it stopped" in run.stderr
    kept = dikast.open_run("judge-1")
    assert len(list(kept)) >= 15


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_a_clear_error(folder: Path, server: Server) -> None:
    folder.chmod(0o500)
    try:
        run = subprocess.run(arguments(server.url), check=False, capture_output=True, text=True)
    finally:
        folder.chmod(0o700)
    assert run.returncode == 1
    assert "read-only" in run.stderr


def test_every_status_names_the_model_alike(folder: Path, model_server: Callable[..., Any]) -> None:
    def answer(body: Any) -> str:
        asked = body["messages"][-1]["content"]
        return say(body) if "Question" in asked and "Is 6 " not in asked else "no idea"

    server = model_server("openai", answer=answer, faults=lambda number: None)
    assert subprocess.run(arguments(server.url, "one.jsonl", "--limit", "1"), check=False).returncode == 0
    first = len(server.chats)
    server.faults = lambda number: "400" if number == first else None
    run = subprocess.run(arguments(server.url, "o.jsonl", "--limit", "8"), capture_output=True, text=True, check=False)
    assert run.returncode == 3, run.stderr
    assert {line["model"] for line in results("o.jsonl")} == {"qwen3:8b"}
    assert {line["status"] for line in results("o.jsonl")} == {"scored", "failed", "unparsed"}
