"""`dikast serve` as a process: it finishes what is under way, loses nothing to a kill, and says what is wrong."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from dikast.journey.runs import open_run
from dikast.workspace import Workspace

JUDGE = "name: refunds\ntask: Judge whether the answer keeps to the policy.\n"


class Process:
    """A server in a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "dikast", "serve", "judge.yaml", *options]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Ctrl+C"):
                break
        assert self.process.poll() is None, self.said
        self.url = next(word for line in self.said for word in line.split() if word.startswith("http"))

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; the exit code, and what was said after the greeting."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=20)
        return self.process.returncode, rest


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    (tmp_path / "judge.yaml").write_text(JUDGE)
    started: list[Process] = []

    def start(*options: str) -> Process:
        started.append(Process(tmp_path, *options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)


def rows(number: int) -> list[dict[str, str]]:
    return [{"id": f"t-{at}", "input": "?", "output": f"{at}"} for at in range(number)]


async def ask(client: ClientSession, url: str, row: dict[str, str]) -> tuple[int, Any]:
    async with client.post(url + "v1/judge", json=row) as reply:
        return reply.status, await reply.json(content_type=None)


async def test_a_stop_finishes_what_is_under_way(begin: Any, model_server: Any, tmp_path: Path) -> None:
    model = model_server("openai")
    server = begin("--model", "qwen3:8b", "--base-url", model.url, "--concurrency", "12")
    probes = len(model.chats)
    model.held.set()  # nothing is answered until the server says that it stops
    async with ClientSession() as client:
        asking = [asyncio.create_task(ask(client, server.url, row)) for row in rows(12)]
        while len(model.chats) < probes + 12:
            await asyncio.sleep(0.01)
        ending = asyncio.create_task(asyncio.to_thread(server.end, signal.SIGTERM))
        while (await client.get(server.url + "ready")).status == 200:
            await asyncio.sleep(0.01)
        assert (await ask(client, server.url, {"id": "late", "input": "?", "output": "x"}))[1]["code"] == "stopping"
        model.held.clear()
        assert [status for status, _ in await asyncio.gather(*asking)] == [200] * 12
        code, said = await ending
    assert code == 0
    name = said.rsplit("dikast show ", 1)[1].strip()
    run = open_run(name, workspace=Workspace(tmp_path, explicit=False))
    assert sorted(one.id for one in run) == sorted(row["id"] for row in rows(12))
    assert run.info is not None
    assert run.info.finished_at is not None
    assert run.info.counts == {"scored": 12}


async def test_a_kill_loses_no_answer(begin: Any, model_server: Any, tmp_path: Path) -> None:
    model = model_server("openai")
    options = ("--model", "qwen3:8b", "--base-url", model.url)
    server = begin(*options)
    async with ClientSession() as client:
        first = [await ask(client, server.url, row) for row in rows(5)]
        server.end(signal.SIGKILL)
        asked = len(model.chats)
        again = begin(*options)
        assert [await ask(client, again.url, row) for row in rows(5)] == first
        assert len(model.chats) == asked
        code, said = again.end(signal.SIGINT)
    assert code == 0
    assert "-served-" in said


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["nothing", "--model", "fake"], 2, "there is no judge 'nothing'"),
        (["judge.yaml"], 2, "no model is named"),
        (["judge.yaml", "judge.yaml", "--model", "fake"], 2, "two judges are called 'refunds'"),
        (["judge.yaml", "--model", "fake", "--host", "0.0.0.0"], 2, "no token is given"),
        (["judge.yaml", "--model", "fake", "--tokens", "none.txt"], 2, "can't read the tokens in none.txt"),
        (["judge.yaml", "--model", "fake", "--host", "192.0.2.1", "--token", "x" * 20], 1, "can't listen on 192.0.2.1"),
        (["judge.yaml", "--model", "openai/gpt-4o"], 2, ""),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, options: list[str], code: int, says: str
) -> None:
    from dikast.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "judge.yaml").write_text(JUDGE)
    with pytest.raises(SystemExit) as exit:
        main(["serve", *options])
    said = capsys.readouterr()
    assert exit.value.code == code, said.err
    assert says in said.err
    assert not said.out
