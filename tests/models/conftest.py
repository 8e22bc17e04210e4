"""What the tests of the models room share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dikast.models.client import parse_base_url
from dikast.models.endpoint import Message, Request
from dikast.models.opening import DIALECTS, client_for
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy

VERDICT_SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["pass", "fail"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


@pytest.fixture
def ask() -> Callable[..., Request]:
    """A request about one interaction: `ask("Is it?", choices=("pass", "fail"))`."""

    def make(content: str = "Is the answer right?", **settings: Any) -> Request:
        return Request(messages=(Message("system", "You judge."), Message("user", content)), **settings)

    return make


@pytest.fixture
async def endpoint_at() -> AsyncIterator[Callable[..., Any]]:
    """An endpoint of a kind at a server: `endpoint_at(server, "ollama", "qwen3:8b")`; closed after the test."""
    opened: list[Any] = []

    def open_it(server: Any, kind: str, name: str = "qwen3:8b", **settings: Any) -> Any:
        policy = settings.pop("policy", Policy())
        memory = settings.pop("memory", None)
        options = EndpointOptions(**{"probe": False, "timeout_s": 10.0, "probe_patience_s": 0.0, **settings})
        client = client_for(kind, parse_base_url(server.url), policy, options, f"{kind}/{name}")  # type: ignore[arg-type]
        opened.append(DIALECTS[kind](name, client, options, memory))  # type: ignore[index]
        return opened[-1]

    yield open_it
    for endpoint in opened:
        await endpoint.close()
