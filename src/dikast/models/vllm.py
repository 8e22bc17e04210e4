"""vLLM: words to choose between are enforced, with the log-probabilities from before that.

`guided_choice` and its like are not used: newer versions ignore them and answer 200.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dikast.errors import EndpointGarbled, EndpointRefused
from dikast.models.client import if_there
from dikast.models.endpoint import Capabilities, Fingerprint, Message, Reply, Request
from dikast.models.openai_compatible import MOST_ALTERNATIVES, ChatAnswer, OpenAICompatible, with_choices

_LONGEST_WORD = 16  # tokens


class _Version(msgspec.Struct):
    version: str


class _Counted(msgspec.Struct):
    count: int


class VLLM(OpenAICompatible):
    """A vLLM server."""

    server = "vllm"
    refuses_long_prompts = True

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """Tokens of the rendered prompt, template included."""
        try:
            body = {"model": self.name, "messages": messages}
            return (await self._client.post("/tokenize", body, _Counted)).count
        except (EndpointRefused, EndpointGarbled):
            return None

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        fingerprint, declared = await super()._describe()
        told = await if_there(self._client.get("/version", _Version))
        return msgspec.structs.replace(fingerprint, server_version=told.version if told else None), declared

    def _ask_choices(self, body: dict[str, Any], request: Request) -> None:
        body |= {"logprobs": True, "top_logprobs": MOST_ALTERNATIVES, "structured_outputs": {"choice": request.choices}}
        if request.thinking != "on":
            body["max_tokens"] = _LONGEST_WORD

    def _with_choices(self, request: Request, reply: Reply, answer: ChatAnswer) -> Reply:
        read = with_choices(request, reply)
        enforced = self._known.choices is not None and reply.text in request.choices
        return msgspec.structs.replace(read, constrained="choices" if enforced else None)

    def _switch_thinking(self, body: dict[str, Any], on: bool) -> None:
        body["chat_template_kwargs"] = {"enable_thinking": on, "thinking": on}  # models differ in the name
