"""The one place that decides which texts of a score are cleaned on their way to a public host: what a judge wrote.

Everything else in a request is read by the platform by its exact words: ids, times, names, filters.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from dikast.models.edge import Edge
from dikast.models.policy import Policy, is_private

_TEXTS = frozenset({"comment", "explanation", "rationale"})
_EXPLANATION = "gen_ai.evaluation.explanation"


class ScoreEdge(Edge):
    """The edge to a platform: of what goes through it, only comments are looked at, by the edge that it stands for."""

    def __init__(self, edge: Edge) -> None:
        super().__init__(redact=edge.redact)
        self._edge = edge

    def cleaned(self, body: Any) -> tuple[Any, dict[str, int]]:
        """See Edge."""
        if not self.redact:
            return self._edge.cleaned(body)
        counts: dict[str, int] = {}

        def clean(text: str) -> str:
            found, replaced = self._edge.cleaned(text)
            for kind, count in replaced.items():
                counts[kind] = counts.get(kind, 0) + count
            return str(found)

        return _with_texts(body, clean), counts


def outgoing(text: str, policy: Policy) -> str:
    """A judge's text as it leaves for a public host; the same text always becomes the same."""
    return str(policy.edge.cleaned({"comment": text})[0]["comment"])


async def is_public(host: str) -> bool:
    """Whether a host has an address outside this machine and its private network; False where it is not known."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(not is_private(str(address[0])) for *_, address in found)


def _with_texts(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        if value.get("key") == _EXPLANATION and isinstance(value.get("value"), dict):
            said = value["value"]
            return {**value, "value": {name: clean(one) for name, one in said.items() if isinstance(one, str)}}
        return {
            key: clean(one) if key in _TEXTS and isinstance(one, str) else _with_texts(one, clean)
            for key, one in value.items()
        }
    return [_with_texts(one, clean) for one in value] if isinstance(value, list) else value
