"""SGLang: as any OpenAI-compatible server, with a regular expression for the words to choose between."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dikast.errors import EndpointGarbled, EndpointRefused
from dikast.models.endpoint import Capabilities, Fingerprint, Request
from dikast.models.openai_compatible import MOST_ALTERNATIVES, OpenAICompatible

_LONGEST_WORD = 16  # tokens


class _ServerInfo(msgspec.Struct):
    version: str | None = None
    context_length: int | None = None
    max_running_requests: int | None = None


class SGLang(OpenAICompatible):
    """An SGLang server."""

    server = "sglang"
    refuses_long_prompts = True

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        fingerprint, declared = await super()._describe()
        info = await self._server_info()
        context = info.context_length or declared.context_length
        return (
            msgspec.structs.replace(fingerprint, server_version=info.version, context_length=context),
            msgspec.structs.replace(declared, context_length=context, slots=info.max_running_requests),
        )

    async def _server_info(self) -> _ServerInfo:
        for path in ("/server_info", "/get_server_info"):
            try:
                return await self._client.get(path, _ServerInfo)
            except (EndpointRefused, EndpointGarbled):
                continue
        return _ServerInfo()

    def _ask_choices(self, body: dict[str, Any], request: Request) -> None:
        body |= {"logprobs": True, "top_logprobs": MOST_ALTERNATIVES}
        if request.thinking != "on":
            body |= {"regex": f"({'|'.join(map(re.escape, request.choices))})", "max_tokens": _LONGEST_WORD}

    def _switch_thinking(self, body: dict[str, Any], on: bool) -> None:
        body["chat_template_kwargs"] = {"enable_thinking": on, "thinking": on}
