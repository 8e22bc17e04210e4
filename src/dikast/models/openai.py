"""The OpenAI API. A cloud: it is reached only where the policy allows it.

Reasoning models refuse `temperature`, `top_p` and `logprobs`; what is refused by name is left out from then on.
"""

from __future__ import annotations

from typing import Any

from dikast.models.endpoint import Capabilities, Fingerprint, Request
from dikast.models.openai_compatible import OpenAICompatible

DEFAULT_BASE_URL = "https://api.openai.com"


class OpenAI(OpenAICompatible):
    """A model of the OpenAI API."""

    server = "openai"
    refuses_long_prompts = True

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        fingerprint = Fingerprint(server=self.server, base_url=self.base_url, model=self.name)
        return fingerprint, Capabilities(refuses_long_prompts=True, thinking_switch=False)

    def _body(self, request: Request) -> dict[str, Any]:
        body = super()._body(request)
        body["max_completion_tokens"] = body.pop("max_tokens")
        if request.seed is None:
            del body["seed"]
        return body

    def _switch_thinking(self, body: dict[str, Any], on: bool) -> None:
        """Reasoning can't be switched for every model; each model's default stays."""
