"""What the servers that were found honour: probed where a model is loaded, recalled where it was probed before.

A model that is not loaded is not asked anything, because that would load it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dikast.errors import DikastError
from dikast.models.discovery import FoundServer
from dikast.models.endpoint import Capabilities
from dikast.models.opening import open_endpoints
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.models.served import Installed, Memory

PROBE_LIMIT_S = 10.0  # a busy server keeps its secrets for now
_AT_ONCE = 8
_SERVES_ONE = frozenset({"llamacpp", "vllm", "sglang", "openai-compatible"})


async def honoured(
    found: Sequence[FoundServer], *, policy: Policy, memory: Memory | None = None
) -> dict[str, Capabilities]:
    """Capabilities by "SERVER/NAME at URL" (see `place`), for every model of which they could be learned in 10 s."""
    gate = asyncio.Semaphore(_AT_ONCE)
    wanted = [
        (server, model)
        for server in found
        for model in server.models
        if model.remote_host is None and (memory or may_ask(server, model))
    ]

    async def learn(server: FoundServer, model: Installed) -> Capabilities | None:
        options = EndpointOptions(timeout_s=PROBE_LIMIT_S, probe_patience_s=1.0, probe=may_ask(server, model))
        try:
            async with gate, asyncio.timeout(PROBE_LIMIT_S):
                return await _learn(f"{server.server}/{model.name}", server.base_url, policy, memory, options)
        except (DikastError, TimeoutError):
            return None

    learned = await asyncio.gather(*(learn(server, model) for server, model in wanted))
    return {
        place(server, model): known for (server, model), known in zip(wanted, learned, strict=True) if known is not None
    }


def place(server: FoundServer, model: Installed) -> str:
    """Which model this is, wherever the same name is served twice."""
    return f"{server.server}/{model.name} at {server.base_url}"


def may_ask(server: FoundServer, model: Installed) -> bool:
    """Whether a few short calls would load nothing: the model is loaded, or all that its server serves."""
    return bool(model.loaded) or (server.server in _SERVES_ONE and len(server.models) == 1)


async def _learn(
    name: str, base_url: str, policy: Policy, memory: Memory | None, options: EndpointOptions
) -> Capabilities | None:
    (endpoint,) = await open_endpoints(name, [base_url], policy=policy, memory=memory, options=options)
    try:
        known = (await endpoint.facts()).capabilities
    finally:
        await endpoint.close()
    return None if known.schema is None and known.choices is None else known
