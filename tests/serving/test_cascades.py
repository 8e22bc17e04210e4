"""A cascade behind the server: two real model servers, a verdict that says how far it went, and stages that go away."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from dikast.errors import PolicyError, SettingError
from dikast.journey.runs import open_run
from dikast.judges.asking import assess
from dikast.judges.cascade import Cascade
from dikast.judges.definition import Judge
from dikast.listening import bound_socket
from dikast.models.behind import Behind, behind
from dikast.serving import desk as desk_module
from dikast.serving.desk import Desk, open_desk
from dikast.serving.limits import Limits
from dikast.serving.server import Serving
from dikast.serving.tokens import Tokens
from dikast.workspace import Workspace


@pytest.fixture
def quick(model_server: Callable[..., Any], server_words: Any) -> Any:
    """Says pass; sure of it unless the input says "hard"."""

    def answer(body: Any) -> Any:
        sure = 0.55 if "hard" in body["messages"][-1]["content"] else 0.97
        return server_words.Answer("pass", first_token={"pass": sure, "fail": 1 - sure})

    return model_server("vllm", answer=answer, models=("quick",))


@pytest.fixture
def slow(model_server: Callable[..., Any]) -> Any:
    answer = json.dumps({"critique": "Not what the policy says.", "verdict": "fail"})
    return model_server("vllm", answer=answer, models=("slow",))


def cascade(folder: Path, quick: str, slow: str) -> Cascade:
    (folder / "quick.yaml").write_text("task: Is the item right?\nfast: true\n")
    (folder / "slow.yaml").write_text("task: Is the item right?\n")
    (folder / "desk.yaml").write_text(
        "kind: cascade\nname: desk\nstages:\n"
        f"  - {{judge: quick, model: vllm/quick, base_url: {quick}, below: 0.7}}\n"
        f"  - {{judge: slow, model: vllm/slow, base_url: {slow}}}\n"
    )
    return Cascade.load(folder / "desk.yaml", folder)


Ask = Callable[..., Any]


@asynccontextmanager
async def served(folder: Path, *judges: Cascade | Judge, **limits: float) -> AsyncIterator[tuple[Ask, Desk]]:
    """A running server; gives what posts an interaction, and its desk."""
    workspace = Workspace(folder, explicit=False)
    settings = workspace.settings(patience_s=0.2)
    async with open_desk(judges, settings, workspace) as desk:
        serving = Serving(desk, Tokens(), Limits(**limits), host="127.0.0.1")  # type: ignore[arg-type]
        runner = serving.runner()
        await runner.setup()
        with bound_socket("127.0.0.1", 0) as listening:
            await web.SockSite(runner, listening).start()
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            async with ClientSession() as client:

                async def ask(path: str = "/v1/judge", **row: Any) -> tuple[int, Any]:
                    given = client.post(url + path, json=row) if row else client.get(url + path)
                    async with given as reply:
                        return reply.status, await reply.json(content_type=None)

                yield ask, desk
            await runner.cleanup()


async def test_a_hard_one_goes_on_and_the_run_says_who_answered(tmp_path: Path, quick: Any, slow: Any) -> None:
    async with served(tmp_path, cascade(tmp_path, quick.url, slow.url)) as (ask, desk):
        easy = await ask(id="e", input="easy", output="yes")
        hard = await ask(id="h", input="hard", output="yes")
        listed = (await ask("/v1/judges"))[1][0]
        run = desk.runs[0]
    assert [status for status, _ in (easy, hard)] == [200, 200]
    assert [body["verdict"] for _, body in (easy, hard)] == ["pass", "fail"]
    assert [len(body["details"]["cascade"]["stages"]) for _, body in (easy, hard)] == [1, 2]
    assert hard[1]["judge"]["name"] == "desk"
    assert (listed["model"], listed["scale"]) == ("vllm/quick > vllm/slow", "pass/fail")
    info = open_run(run, workspace=Workspace(tmp_path, explicit=False)).info
    assert info is not None
    assert [one["model"] for one in info.fingerprint["stages"]] == ["quick", "slow"]
    assert (info.calls, info.verdicts) == (3, {"pass": 1, "fail": 1})


async def test_a_later_stage_that_is_away_leaves_the_first_verdict_and_is_asked_again_later(
    tmp_path: Path, quick: Any, slow: Any
) -> None:
    async with served(tmp_path, cascade(tmp_path, quick.url, slow.url)) as (ask, _):
        slow.faults, slow._script = (lambda number: "drop"), None
        for n in range(3):
            status, body = await ask(id=f"a{n}", input=f"hard {n}", output="yes")
            assert (status, body["verdict"]) == (200, "pass")
            assert body["details"]["cascade"]["unanswered"] == ["slow"]
        assert (await ask("/ready"))[0] == 200  # the first stage judges
        slow.faults = lambda number: None
        status, body = await ask(id="b", input="hard again", output="yes")
        assert (status, body["verdict"]) == (200, "fail")


async def test_where_no_stage_answers_it_is_an_error_with_its_reason(tmp_path: Path, quick: Any, slow: Any) -> None:
    async with served(tmp_path, cascade(tmp_path, quick.url, slow.url)) as (ask, desk):
        for server in (quick, slow):
            server.faults, server._script = (lambda number: "drop"), None
        status, body = await ask(id="a", input="hard", output="yes")
        assert (status, body["code"]) == (503, "model_down")
        assert body["verdict"]["judge"]["name"] == "desk"
        assert (await ask("/ready"))[0] == 503
        assert len(desk.down) == 2


async def test_time_is_shared_by_the_stages(tmp_path: Path, quick: Any, slow: Any) -> None:
    async with served(tmp_path, cascade(tmp_path, quick.url, slow.url), request_s=0.5) as (ask, _):
        slow.latency_s = 1.0
        status, body = await ask(id="a", input="hard", output="yes")
        assert (status, body["verdict"]) == (200, "pass")
        assert "within 0.5 s" in body["details"]["cascade"]["note"]


async def test_what_may_not_leave_and_a_model_for_nobody_are_refused(tmp_path: Path, quick: Any) -> None:
    workspace = Workspace(tmp_path, explicit=False)
    cascade(tmp_path, quick.url, "")
    text = (tmp_path / "desk.yaml").read_text().replace("vllm/slow, base_url: }", "openai/gpt-5}")
    (tmp_path / "desk.yaml").write_text(text)
    leaving = Cascade.load(tmp_path / "desk.yaml", tmp_path)
    with pytest.raises(PolicyError, match="leaves this machine"):
        async with open_desk([leaving], workspace.settings(), workspace):
            pass
    with pytest.raises(SettingError, match="every stage of 'desk' names its own model"):
        async with open_desk([leaving], workspace.settings(model="fake"), workspace):
            pass


async def test_what_leaves_would_be_in_the_ledger_by_run_and_interaction(
    tmp_path: Path, quick: Any, slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Behind | None] = []
    judge_it = assess

    def listening(*given: Any) -> Any:
        told.append(behind.get())
        return judge_it(*given)

    monkeypatch.setattr(desk_module, "assess", listening)
    async with served(tmp_path, cascade(tmp_path, quick.url, slow.url)) as (ask, desk):
        await ask(id="h", input="hard", output="yes")
        assert told == [Behind(run=desk.runs[0], interaction="h")] * 2
