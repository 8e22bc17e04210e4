"""A server with a judge in front of a real local model server, and what it kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from dikast.journey.runs import Run, open_run
from dikast.judges.definition import Judge
from dikast.listening import bound_socket
from dikast.serving.desk import Desk, open_desk
from dikast.serving.limits import Limits
from dikast.serving.server import Serving
from dikast.serving.tokens import Tokens
from dikast.workspace import Workspace

JUDGE = {"name": "refunds", "task": "Judge whether the answer keeps to the policy.", "scale": "pass_fail"}


@dataclass
class Served:
    """One running server."""

    url: str
    client: ClientSession
    model: Any
    desk: Desk
    serving: Serving
    workspace: Workspace
    probes: int = 0

    @property
    def asked(self) -> list[Any]:
        """The questions that the model got, without those by which it was probed."""
        return list(self.model.chats[self.probes :])

    async def judge(self, **row: Any) -> tuple[int, Any]:
        """POST /v1/judge: status and body."""
        async with self.client.post(self.url + "/v1/judge", json=row) as reply:
            return reply.status, await reply.json(content_type=None)

    def run(self) -> Run:
        """What was kept so far."""
        for seat in self.desk.seats.values():
            seat.run.save()
        (name,) = self.desk.runs
        return open_run(name, workspace=self.workspace)


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@pytest.fixture
def served(tmp_path: Path, model_server: Callable[..., Any]) -> Serve:
    """`async with served(...) as server:`; model: settings of the model server."""

    @asynccontextmanager
    async def begin(
        *,
        judges: tuple[dict[str, Any], ...] = (JUDGE,),
        tokens: Tokens | None = None,
        limits: Limits | None = None,
        host: str = "127.0.0.1",
        model: dict[str, Any] | None = None,
        **settings: Any,
    ) -> AsyncIterator[Served]:
        given = dict(model or {})
        script = list(given.pop("faults", ()))
        probed: list[int] = []

        def fault(number: int) -> Any:
            """What is scripted for a question; nothing for the probes before them."""
            at = number - probed[0] if probed else -1
            return script[at] if 0 <= at < len(script) else None

        models = model_server("openai", faults=fault, **given)
        workspace = Workspace(tmp_path, explicit=False)
        resolved = workspace.settings(model="qwen3:8b", base_url=(models.url,), **{"patience_s": 0.5, **settings})
        async with open_desk([Judge.from_dict(one) for one in judges], resolved, workspace) as desk:
            probed.append(len(models.chats))
            serving = Serving(desk, tokens or Tokens(), limits or Limits(), host=host)
            runner = serving.runner()
            await runner.setup()
            with bound_socket("127.0.0.1", 0) as listening:
                await web.SockSite(runner, listening).start()
                url = f"http://127.0.0.1:{listening.getsockname()[1]}"
                try:
                    async with ClientSession() as client:
                        yield Served(url, client, models, desk, serving, workspace, probed[0])
                finally:
                    await runner.cleanup()

    return begin
