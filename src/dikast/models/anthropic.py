"""The Anthropic API in its own words. A cloud: it is reached only where the policy allows it.

It enforces schemas through `output_config`, and has no log-probabilities and no seed.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dikast.errors import EndpointRefused
from dikast.models.endpoint import Capabilities, Fingerprint, Finish, Message, Reply, Request
from dikast.models.served import Installed, ServedEndpoint
from dikast.records import Usage

DEFAULT_BASE_URL = "https://api.anthropic.com"
API_VERSION = "2023-06-01"

_FINISHES: dict[str | None, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refusal",
}
_LEAST_THINKING = 1024  # tokens; the API takes no smaller budget


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    thinking: str = ""


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Answer(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _Counted(msgspec.Struct):
    input_tokens: int


class _ModelEntry(msgspec.Struct):
    id: str


class _ModelList(msgspec.Struct):
    data: list[_ModelEntry]


class Anthropic(ServedEndpoint):
    """A model of the Anthropic API."""

    server = "anthropic"
    questions = frozenset({"schema"})
    _sends_temperature = True

    async def installed(self) -> list[Installed]:
        """The models that the account may use."""
        listed = await self._client.get("/v1/models", _ModelList)
        return [Installed(name=entry.id) for entry in listed.data]

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """Tokens of the rendered prompt, as the API counts them."""
        body = {"model": self.name, **_messages(messages)}
        return (await self._client.post("/v1/messages/count_tokens", body, _Counted)).input_tokens

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        fingerprint = Fingerprint(
            server=self.server, server_version=API_VERSION, base_url=self.base_url, model=self.name
        )
        return fingerprint, Capabilities(seed=False, thinks=False, thinking_switch=True, refuses_long_prompts=True)

    async def _ask(self, request: Request) -> Reply:
        try:
            answer = await self._client.post("/v1/messages", self._body(request), _Answer)
        except EndpointRefused as error:
            if not self._sends_temperature or not re.search(r"\btemperature\b.*\b(not|un)", error.body or ""):
                raise
            self._sends_temperature = False  # some models take none
            answer = await self._client.post("/v1/messages", self._body(request), _Answer)
        return Reply(
            text="".join(block.text for block in answer.content if block.type == "text"),
            thinking="".join(block.thinking for block in answer.content if block.type == "thinking") or None,
            finish=_FINISHES.get(answer.stop_reason, "other"),
            usage=_usage_of(answer.usage),
            constrained=self._constrained("json_schema") if request.schema and not request.choices else None,
        )

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.name, "max_tokens": request.max_tokens, **_messages(request.messages)}
        if request.thinking == "on":
            budget = max(_LEAST_THINKING, request.max_tokens)
            body |= {
                "thinking": {"type": "enabled", "budget_tokens": budget},
                "max_tokens": request.max_tokens + budget,
            }
        elif self._sends_temperature:
            body["temperature"] = min(request.temperature, 1.0)
        if request.schema is not None and not request.choices and self._known.schema is not False:
            body["output_config"] = {"format": {"type": "json_schema", "schema": request.schema}}
        return body


def _messages(messages: tuple[Message, ...]) -> dict[str, Any]:
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    turns = [message for message in messages if message.role != "system"]
    return {"messages": turns, "system": system} if system else {"messages": turns}


def _usage_of(usage: _Usage) -> Usage:
    read = usage.cache_read_input_tokens or 0
    return Usage(
        prompt_tokens=usage.input_tokens + read + (usage.cache_creation_input_tokens or 0),
        completion_tokens=usage.output_tokens,
        cached_tokens=read,
    )
