"""`dikast import URL` and `dikast push` as their user runs them: killed in the middle, twice at once, and refused."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dikast.cli import main
from dikast.records import JudgeRef, Verdict
from dikast.report.jsonl import write_results
from dikast.store import Store

Start = Callable[..., Any]
Run = Callable[..., tuple[int, str, str]]
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dikast", *words],
        cwd=folder, env={**os.environ, "COLUMNS": "120"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command as `start` runs it, but in this process, where nobody kills it and nothing else runs meanwhile."""

    def once(folder: Path, *words: str) -> tuple[int, str, str]:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        gc.enable()
        return int(ended.value.code or 0), *capsys.readouterr()

    return once


def kept(folder: Path, name: str) -> list[str]:
    with Store.open(folder / ".dikast" / "store.db") as store:
        return store.dataset(name).ids()


def results(folder: Path, server: Any, count: int) -> None:
    """A results file on the first traces of a server."""
    import msgspec

    lines = [
        Verdict(
            id=item["id"], status="scored", verdict="pass", judge=JudgeRef("refunds", "v1"), critique="Fine.",
            metadata={"source": "phoenix", "trace_id": item["id"]},
        )
        for item in server.items[:count]
    ]  # fmt: skip
    write_results(folder / "r.jsonl", map(msgspec.json.encode, lines))


def killed_after(server: Any, process: subprocess.Popen[str], requests: int) -> None:
    """Kill the process (SIGKILL) when it has asked for so much."""

    def fault(_: Any) -> None:
        if len(server.requests) == requests:
            process.kill()

    server.faults = fault


def test_an_import_that_is_killed_goes_on_and_the_next_adds_what_is_new(
    platform_server: Start, tmp_path: Path, run: Run
) -> None:
    server = platform_server("Phoenix", traces=90, start=YESTERDAY)
    address = f"phoenix://127.0.0.1:{server.port}"
    first = start(tmp_path, "import", address, "--as", "desk")
    killed_after(server, first, 14)
    first.communicate(timeout=60)
    assert first.returncode == -9
    asked = server.counted("parent_id=null")
    server.faults = {}
    code, _, err = run(tmp_path, "import", address, "--as", "desk")
    assert code == 0, err
    assert "90 new; 90 in all" in err
    assert server.counted("parent_id=null") == asked  # pages that were there are not asked for again
    code, _, err = run(tmp_path, "import", address, "--as", "desk")
    assert "Nothing new" in err
    server.add(at=datetime.now(UTC) - timedelta(minutes=5))
    code, _, err = run(tmp_path, "import", address, "--as", "desk")
    assert "1 new; 91 in all" in err
    assert len(set(kept(tmp_path, "desk"))) == 91
    assert not list((tmp_path / ".dikast" / "pulled").iterdir())


def test_two_imports_and_two_pushes_at_once_change_nothing_twice(
    platform_server: Start, tmp_path: Path, run: Run
) -> None:
    server = platform_server("Mlflow", traces=40, start=YESTERDAY)
    address = f"mlflow://127.0.0.1:{server.port}/support"
    both = [start(tmp_path, "import", address, "--as", "desk") for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("40 new; 40 in all" in one for one in said) == 1
    assert len(kept(tmp_path, "desk")) == 40
    (tmp_path / "judge.txt").write_text("Is this a good answer?\n{input}\n{output}\n")
    code, _, err = run(tmp_path, "run", "judge.txt", "desk", "--model", "fake", "--name", "r1")
    assert code == 0, err
    both = [start(tmp_path, "push", "r1", "--to", "desk", "--json") for _ in range(2)]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert sorted((one["created"], one["unchanged"]) for one in told) == [(0, 40), (40, 0)]
    assert [len(item["assessments"]) for item in server.items] == [1] * 40


def test_a_push_that_is_killed_goes_on(platform_server: Start, tmp_path: Path, run: Run) -> None:
    server = platform_server("Phoenix", traces=120)
    results(tmp_path, server, 120)
    words = ("push", "r.jsonl", "--to", f"phoenix://127.0.0.1:{server.port}", "--json")
    first = start(tmp_path, *words)
    killed_after(server, first, 9)
    first.communicate(timeout=60)
    assert first.returncode == -9
    server.faults = {}
    before = server.writes
    assert 0 < before < 120
    code, out, err = run(tmp_path, *words)
    assert code == 0, err
    report = json.loads(out)
    assert (report["created"], report["unchanged"]) == (120 - before, before)
    assert server.writes == len(server.annotations) == 120


def test_a_dry_run_a_public_host_and_wrong_words(platform_server: Start, tmp_path: Path, run: Run) -> None:
    server = platform_server("Phoenix", traces=3)
    results(tmp_path, server, 3)
    code, out, _ = run(tmp_path, "push", "r.jsonl", "--to", f"phoenix://127.0.0.1:{server.port}", "--dry-run")
    assert code == 0
    assert "Would be:   3 created" in out
    assert server.writes == 0
    code, out, _ = run(tmp_path, "push", "r.jsonl", "--to", "phoenix+http://192.0.2.1/default")
    assert code == 0
    assert "Nothing was sent: this is a public host." in out
    assert "refunds: pass on trace" in out
    code, _, err = run(tmp_path, "push", "r.jsonl", "--to", "phoenix+http://192.0.2.1/default", "--yes")
    assert code == 2
    assert "outside this machine" in err
    assert "--allow-cloud" in err
    assert "the scores with their comments" in err
    code, _, err = run(tmp_path, "push", "r.jsonl", "--to", "nowhere")
    assert code == 2
    assert "no dataset that was imported live" in err
    code, _, err = run(tmp_path, "import", "r.jsonl", "--since", "24h")
    assert code == 2
    assert "--since asks a platform" in err


@pytest.mark.parametrize("given", [("--feedback", "bad"), ("--since", "soon")])
def test_filters_that_say_nothing(given: tuple[str, str], tmp_path: Path, run: Run) -> None:
    code, _, err = run(tmp_path, "import", "phoenix://127.0.0.1:9/x", *given)
    assert code == 2
    assert given[0] in err
