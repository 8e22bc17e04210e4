"""What kind of server is behind a base URL, found by asking for what only that kind has."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

import msgspec

from dikast.errors import (
    EndpointBusy,
    EndpointDown,
    EndpointDropped,
    EndpointError,
    EndpointGarbled,
    EndpointRefused,
    EndpointTimeout,
)
from dikast.models.client import Client
from dikast.models.naming import Server

T = TypeVar("T")


class _Version(msgspec.Struct):
    version: str


class _Props(msgspec.Struct):
    default_generation_settings: dict[str, Any]
    build_info: str | None = None


class _LMStudioModels(msgspec.Struct):
    models: list[dict[str, Any]]


class _LMStudioOldEntry(msgspec.Struct):
    id: str
    state: str


class _LMStudioOldModels(msgspec.Struct):
    data: list[_LMStudioOldEntry]


class _Entry(msgspec.Struct):
    id: str
    owned_by: str | None = None


class _Models(msgspec.Struct):
    data: list[_Entry]


class _ChatAnswer(msgspec.Struct):
    choices: list[Any]


class Recognised(msgspec.Struct, frozen=True):
    """A kind of server and the version it tells, if it tells one."""

    server: Server
    version: str | None = None


async def recognise(client: Client, *, timeout_s: float | None = None) -> Recognised | None:
    """Which server answers here; None when what answers is no model server. Raises EndpointError when nothing does."""

    async def ask(path: str, answer: type[T]) -> T | EndpointError:
        try:
            return await client.get(path, answer, timeout_s=timeout_s)
        except EndpointError as error:
            return error

    ollama, props, studio, old_studio, version, models = await asyncio.gather(
        ask("/api/version", _Version),
        ask("/props", _Props),
        ask("/api/v1/models", _LMStudioModels),
        ask("/api/v0/models", _LMStudioOldModels),
        ask("/version", _Version),
        ask(f"{client.base.api}/models", _Models),
    )
    if isinstance(ollama, _Version):
        return Recognised("ollama", ollama.version)
    if isinstance(props, _Props):
        return Recognised("llamacpp", props.build_info)
    if isinstance(studio, _LMStudioModels) or isinstance(old_studio, _LMStudioOldModels):
        return Recognised("lmstudio")
    owners = {entry.owned_by for entry in models.data} if isinstance(models, _Models) else set()
    if "vllm" in owners:
        return Recognised("vllm", version.version if isinstance(version, _Version) else None)
    if "sglang" in owners:
        return Recognised("sglang")
    if "llamacpp" in owners:
        return Recognised("llamacpp")
    if isinstance(models, _Models):
        return Recognised("openai-compatible")
    for kind in (EndpointDown, EndpointTimeout, EndpointBusy):  # a server that loads is a server
        if isinstance(models, kind) and not isinstance(models, EndpointDropped):
            raise models
    if isinstance(models, EndpointError) and models.status in (401, 403):
        raise models
    return None


async def answers_chat(client: Client, model: str) -> bool:
    """Whether a server takes OpenAI chat calls for a model that it doesn't list. Raises EndpointError.

    A chat path that isn't there, and an answer that is none, say no; a server that only can't answer now says yes.
    """
    body = {"model": model, "messages": [{"role": "user", "content": "Say yes."}], "max_tokens": 1}
    url = f"{client.base.api}/chat/completions"
    try:
        try:
            await client.post(url, body, _ChatAnswer)
        except EndpointDropped:  # which may have been chance
            await client.post(url, body, _ChatAnswer)
    except EndpointGarbled as error:
        return error.status is not None and error.status >= 500
    except EndpointRefused as error:
        if error.status in (401, 403):
            raise
        return error.status in (400, 422)
    except (EndpointBusy, EndpointTimeout):
        return True
    return True
