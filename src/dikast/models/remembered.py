"""A model that isn't asked: what it is and honours is remembered, and its kept answers are all there is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dikast.errors import EndpointRefused
from dikast.models.endpoint import Endpoint, Facts, Message, Reply, Request
from dikast.models.served import Memory


class NotKept(EndpointRefused):
    """No answer to this prompt is kept, and nobody may be asked."""


class RememberedEndpoint:
    """An Endpoint of which only the facts are left."""

    def __init__(self, model: str, facts: Facts) -> None:
        self.model = model
        self._facts = facts

    async def facts(self) -> Facts:
        """Who it was when it was last asked."""
        return self._facts

    async def answer(self, request: Request) -> Reply:
        """Never one. Raises NotKept."""
        raise NotKept(f"no answer of {self.model!r} to this prompt is kept", hint="Run once with the model.")

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """Not known without the model."""
        return None

    async def close(self) -> None:
        """Nothing to let go of."""


def keep_facts(memory: Memory, model: str, base_urls: Sequence[str], facts: Sequence[Facts]) -> None:
    """Remember who answers under this name, so that kept answers are found without asking anybody.

    It is found without the addresses, too: where nobody is asked, nobody need know them.
    """
    body = msgspec.json.encode(list(facts))
    for key in {_key(model, base_urls), _key(model, ())}:
        if memory.get(key) != body:
            memory[key] = body


def remembered_endpoints(memory: Memory | None, model: str, base_urls: Sequence[str]) -> list[Endpoint]:
    """The endpoints that last answered under this name. Raises NotKept when none is remembered."""
    body = memory.get(_key(model, base_urls)) if memory is not None else None
    if body is None:
        at = f" at {', '.join(base_urls)}" if base_urls else ""
        raise NotKept(
            f"nothing is kept of {model!r}{at}, and it may not be asked",
            hint="Run once with the model under this very name; the store then keeps what it answered.",
        )
    return [RememberedEndpoint(model, facts) for facts in msgspec.json.decode(body, type=list[Facts])]


def _key(model: str, base_urls: Sequence[str]) -> str:
    return f"answers under {model} at {', '.join(base_urls)}"
