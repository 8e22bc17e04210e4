"""Parameters that a server does not take: found by its refusals, left out from then on, and told of.

Only what an answer can do without is left out: never the prompt, and never a schema or a grammar.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from dikast.errors import EndpointRefused
from dikast.models.client import Client

T = TypeVar("T")

_PLAIN = frozenset({"model", "messages", "options", "stream", "think"})
# Settings that change how an answer is sent or kept, and not the answer.
_UNTOLD = frozenset({"stream", "keep_alive"})
_NOT_TAKEN = re.compile(
    r"unsupported|not support|unknown|unrecognized|not permitted|not allowed|extra|unexpected", re.IGNORECASE
)


class Parameters:
    """What one server is known not to take, and the calls that find it out.

    spare: what may be left out when a server that has accepted nothing yet refuses a plain call, and doesn't say why:
    one group, then that and the next, and so on. by_name: what else is left out when the server names it.
    other_names: what a parameter is called by servers that refuse its usual name.
    """

    def __init__(
        self,
        spare: Sequence[Sequence[str]],
        by_name: Iterable[str] = (),
        other_names: dict[str, str] | None = None,
    ) -> None:
        self.left_out: frozenset[str] = frozenset()
        self._missed: frozenset[str] = frozenset()
        self._spare = spare
        self._optional = (*(name for group in spare for name in group), *by_name)
        self._other_names = other_names or {}
        self._accepted = False

    @property
    def told(self) -> tuple[str, ...]:
        """What would have changed the answers, and was wanted and left out."""
        return tuple(sorted(self._missed - _UNTOLD)) if self._missed else ()

    def forget_told(self) -> None:
        """Begin to tell anew, as after probing, which wants more than a judge does."""
        self._missed = frozenset()

    async def post(self, client: Client, url: str, body: dict[str, Any], answer: Callable[..., T]) -> T:
        """The answer to a body that is refitted until the server takes it. Raises EndpointError."""
        while True:
            sent = self._fitted(body)
            try:
                got: T = await client.post(url, sent, answer)  # type: ignore[arg-type]
                break
            except EndpointRefused as error:
                if error.status not in (400, 422):
                    raise
                if self._fitted(body) != sent:
                    continue  # another call has found out more meanwhile
                named = self._named(error.body or "", sent)
                if named is not None:
                    self.left_out |= {named}
                    continue
                if self._accepted or not self._is_plain(body):
                    raise
                got = await self._sparing(client, url, body, answer, error)
                break
        self._accepted = True
        if self.left_out:
            missed = self.left_out & body.keys()
            renamed = {name for name, other in self._other_names.items() if other not in self.left_out}
            self._missed |= missed - renamed
        return got

    async def _sparing(
        self, client: Client, url: str, body: dict[str, Any], answer: Callable[..., T], refusal: EndpointRefused
    ) -> T:
        """The answer without ever more of what can be spared; the first refusal where even that is refused."""
        dropped = self.left_out
        for group in self._spare:
            dropped |= frozenset(group)
            if dropped.isdisjoint(body):
                continue
            try:
                got: T = await client.post(url, self._fitted(body, dropped), answer)  # type: ignore[arg-type]
            except EndpointRefused as error:
                if error.status not in (400, 422):
                    raise
                continue
            self.left_out = dropped
            return got
        raise refusal

    def _is_plain(self, body: dict[str, Any]) -> bool:
        """Whether nothing but what can be spared could be what the server does not take."""
        return body.keys() <= _PLAIN.union(*self._spare)

    def _fitted(self, body: dict[str, Any], left_out: frozenset[str] | None = None) -> dict[str, Any]:
        """The body without what the server does not take, and with its own names for what it calls otherwise."""
        left_out = self.left_out if left_out is None else left_out
        if not left_out:
            return body
        fitted = {name: value for name, value in body.items() if name not in left_out}
        for name, other in self._other_names.items():
            if name in body and name in left_out and other not in left_out:
                fitted[other] = body[name]
        return fitted

    def _named(self, said: str, body: dict[str, Any]) -> str | None:
        if not _NOT_TAKEN.search(said):
            return None
        return next((name for name in self._optional if name in body and re.search(rf"\b{name}\b", said)), None)
