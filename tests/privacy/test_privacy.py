"""In local mode no byte leaves through any command, and no public name is asked for that was not given.

Every command of the command line is run with its sockets watched (watched.py), in an environment that tempts it:
proxies, keys of clouds. A new command must say here how it is exercised. Those that ask a model are also pointed at
public addresses, at names of public and of mixed addresses, at a server that redirects, and at a local server that
passes prompts on.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from dikast.cli import COMMANDS, app

WATCHED = Path(__file__).with_name("watched.py")
PUBLIC = "93.184.215.14"
NAMES = {"public.test": [PUBLIC], "mixed.test": [PUBLIC, "127.0.0.1"]}
OUTSIDE = "outside this machine and its private network"
UNTIL_STOPPED_S = 1.5

JUDGE = 'Is it right?\n\nQ: {input}\nA: {output}\n\nReply with {"reasoning": "...", "verdict": "pass" or "fail"}\n'
DATA = ["judge.txt", "data.jsonl"]

# How each command is run. Those that need a model are given it by the test; {asking} stands for what names it.
WAYS: dict[str, list[list[str]]] = {
    "init": [["init", "desk"]],
    "run": [["run", *DATA, "--out", "one.jsonl", "{asking}"]],
    "plan": [["plan", *DATA, "{asking}"]],
    "demo": [["demo", "--dir", "demo", "--limit", "3", "{asking}"]],
    "models": [["models"]],
    "import": [["import", "data.jsonl", "--as", "kept"]],
    "unredact": [["unredact", "PHONE-abcdefgh"]],
    "judge new": [["judge", "new", "mine", "--yes", "--task", "Decide whether the reply is right."]],
    "judge build": [["judge", "build", "built", "--data", "data.jsonl", "--labels", "data.jsonl", "--yes", "{asking}"]],
    "judge card": [["judge", "card", "judge.txt", "--run", "one.jsonl", "--labels", "data.jsonl"]],
    "judge diff": [["judge", "diff", "judge.txt", "judges/mine"]],
    "judge history": [["judge", "history", "judges/mine"]],
    "judge lint": [["judge", "lint", "judge.txt"]],
    "judge show": [["judge", "show", "judge.txt"]],
    "cascade show": [["cascade", "show", "cascade.yaml"]],
    "cascade replay": [["cascade", "replay", "cascade.yaml", "--labels", "data.jsonl"]],
    "show": [["show", "one.jsonl"]],
    "report": [["report", "one.jsonl", "--out", "report.html"]],
    "review": [["review", "data.jsonl"]],
    "data list": [["data", "list"]],
    "data show": [["data", "show", "kept"]],
    "data sample": [["data", "sample", "data.jsonl", "--n", "3"]],
    "data split": [["data", "split", "data.jsonl"]],
    "labels export": [["labels", "export", "data.jsonl", "--out", "labels.csv"]],
    "labels import": [["labels", "import", "labels.csv", "--dataset", "kept", "--annotator", "ada"]],
    "agree": [["agree", "one.jsonl", "--labels", "data.jsonl"]],
    "compare": [["compare", "one.jsonl", "one.jsonl"]],
    "gate": [["gate", "one.jsonl", "--min-pass", "0.5"]],
    "push": [["push", "one.jsonl", "--to", "scores.jsonl"]],
    "refine": [["refine", "judges/mine", "--data", "data.jsonl", "--labels", "data.jsonl", "{asking}"]],
    "serve": [["serve", "judge.txt", "{asking}"]],
    "serve-mcp": [["serve-mcp", "{asking}"]],
    "watch": [["watch", "data.jsonl", "--judge", "judge.txt", "--name", "eye", "--once", "{asking}"]],
    "drift show": [["drift", "show", "eye"]],
    "drift anchor": [["drift", "anchor", "data.jsonl", "--judge", "judge.txt", "--watch", "eye", "{asking}"]],
    "drift ack": [["drift", "ack", "1", "--why", "seen"]],
    "ledger": [["ledger"]],
    "verify": [["verify"]],
}  # fmt: skip
STAY_OPEN = {"review", "serve", "serve-mcp"}
ASKS_LATER = {"serve-mcp"}  # it is stopped before an agent asks it anything


def leaves() -> Iterator[str]:
    """Every command by its full name."""

    def below(name: str, command: click.Command | None) -> Iterator[str]:
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                yield from below(f"{name} {child}", command.get_command(context, child))
        else:
            yield name

    context = click.Context(app)
    for name in COMMANDS:
        yield from below(name, app.get_command(context, name))  # type: ignore[attr-defined]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"id": f"t{number}", "input": f"Question {number}?", "output": f"Answer {number}: 0912-345-678",
         "label": {"verdict": "fail" if number % 3 else "pass", "critique": f"It says {number}."}}
        for number in range(40)
    ]  # fmt: skip
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "judge.txt").write_text(JUDGE)
    stage = 'judge: judge.txt\n    model: fake\n    when: verdict == "fail"'
    stages = f"kind: cascade\nname: desk\nstages:\n  - {stage}\n  - person\n"
    (tmp_path / "cascade.yaml").write_text(stages)
    return tmp_path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something that would be happy to hear from us, where proxies are said to be."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def watched(folder: Path, listener: socket.socket, ways: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What came of each way; nothing may have reached the listener."""
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"ways": ways, "names": NAMES}))
    proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
    variables = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    proxies = {one: proxy for name in variables for one in (name, name.lower())}
    keys = {"OPENAI_API_KEY": "sk-tempting-0001", "ANTHROPIC_API_KEY": "sk-ant-tempting-0001"}
    done = subprocess.run(
        [sys.executable, str(WATCHED), str(plan)],
        cwd=folder,
        env={**os.environ, **proxies, **keys},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(BlockingIOError):
        listener.accept()
    came: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    for way, one in zip(ways, came, strict=True):
        assert one["left"] == [], (way, one)
        assert one["started"] == [], (way, one)
        assert "Traceback" not in one["said"], (way, one)
        assert one["code"] is None or isinstance(one["code"], int), (way, one)
    return came


def filled(args: list[str], asking: list[str]) -> list[str]:
    return [word for arg in args for word in (asking if arg == "{asking}" else [arg])]


def way(name: str, args: list[str]) -> dict[str, Any]:
    return {"args": args, "stop_s": UNTIL_STOPPED_S if name in STAY_OPEN else None}


def test_every_command_is_exercised() -> None:
    missing = set(leaves()) - set(WAYS)
    assert not missing, f"say in WAYS of {Path(__file__).name} how these are run: {sorted(missing)}"
    assert not set(WAYS) - set(leaves())


def test_no_command_lets_a_byte_out_or_asks_for_a_public_name(
    folder: Path, listener: socket.socket, model_server: Callable[..., Any]
) -> None:
    server = model_server("openai")
    asking = ["--model", "openai-compatible/qwen3:8b", "--base-url", server.url]
    first = ["init", "run", "judge new", "import"]  # what the others read
    names = [*first, *(name for name in WAYS if name not in first)]
    ways = [way(name, filled(args, asking)) for name in names for args in WAYS[name]]
    for each, one in zip(ways, watched(folder, listener, ways), strict=True):
        assert one["looked_up"] == [], (each, one)
        assert "Usage:" not in one["said"], (each, one)
    assert server.chats  # the run did ask


def test_what_points_outside_is_refused_before_a_connection_is_made(
    folder: Path, listener: socket.socket, model_server: Callable[..., Any], server_words: Any
) -> None:
    away = server_words.Fault("redirect", location=f"http://{PUBLIC}/v1/chat/completions")
    redirecting = model_server("openai", faults=lambda _: away)
    forwarding = model_server("ollama", models=("glm:cloud",), remote_models=("glm:cloud",))
    port = redirecting.url.rpartition(":")[2]
    # how a model is named, the names that may be looked up, what is said
    pointed: list[tuple[list[str], list[str], str]] = [
        (["--model", "openai/gpt-5"], [], OUTSIDE),
        (["--model", "anthropic/claude"], [], OUTSIDE),
        (["--model", "openai-compatible/m", "--base-url", f"http://{PUBLIC}:8000"], [], OUTSIDE),
        (["--model", "openai-compatible/m", "--base-url", "http://public.test:8000"], ["public.test"], OUTSIDE),
        (["--model", "openai-compatible/qwen3:8b", "--base-url", f"http://mixed.test:{port}"], ["mixed.test"], ""),
        (["--model", "openai-compatible/qwen3:8b", "--base-url", redirecting.url], [], ""),
        (["--model", "ollama/glm:cloud", "--base-url", forwarding.url], [], OUTSIDE),
    ]
    asking = [name for name, runs in WAYS.items() if any("{asking}" in args for args in runs)]
    assert {"run", "demo", "serve", "plan", "refine", "judge build", "serve-mcp"} <= set(asking)
    cases = [(name, *one) for name in asking for one in (pointed if name in ("run", "plan") else pointed[::3])]
    ways = [way(case[0], filled(WAYS[case[0]][0], case[1])) for case in cases]
    came = watched(folder, listener, [way("judge new", WAYS["judge new"][0]), *ways])[1:]
    for (name, named, may_look_up, says), one in zip(cases, came, strict=True):
        assert set(one["looked_up"]) <= set(may_look_up), (name, named, one)
        if says and name not in ASKS_LATER:
            assert says in one["said"], (name, named, one)
            assert one["code"] == 2, (name, named, one)
    assert not forwarding.chats


def test_platforms_outside_are_refused_too(folder: Path, listener: socket.socket) -> None:
    cases = [
        ["import", f"phoenix://{PUBLIC}:6006/desk"],
        ["import", "phoenix://public.test:6006/desk"],
        ["push", "one.jsonl", "--to", f"phoenix://{PUBLIC}:6006/desk", "--yes"],
        ["watch", f"phoenix://{PUBLIC}:6006/desk", "--judge", "judge.txt", "--model", "fake", "--once"],
        ["drift", "show", "--webhook", f"http://{PUBLIC}/hook"],
        ["models", "--base-url", f"http://{PUBLIC}:8000"],
        ["models", "--base-url", "http://public.test:8000"],
    ]
    asked = ["run", *DATA, "--out", "one.jsonl", "--model", "fake"]
    for args, one in zip(
        cases, watched(folder, listener, [{"args": args} for args in [asked, *cases]])[1:], strict=True
    ):
        assert set(one["looked_up"]) <= {"public.test"}, (args, one)


def test_the_watch_itself_sees_what_leaves(folder: Path, listener: socket.socket) -> None:
    """Allowed to leave, the same run is seen to try: the proof above is none without this."""
    args = ["run", *DATA, "--model", "openai-compatible/m", "--base-url", "http://public.test:8000", "--allow-cloud",
            "--patience", "0.1"]  # fmt: skip
    with pytest.raises(AssertionError, match=PUBLIC.replace(".", r"\.")):
        watched(folder, listener, [{"args": args}])
