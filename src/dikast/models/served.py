"""What every endpoint behind HTTP shares: its client, its facts, and when they are found out.

A dialect says how to describe the server (`_describe`) and how to ask it (`_ask`); this decides when to probe, keeps
what was found, and measures how long an answer took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import MutableMapping

import msgspec

from dikast.models.client import Client
from dikast.models.endpoint import Capabilities, Facts, Fingerprint, Message, Reply, Request
from dikast.models.options import EndpointOptions
from dikast.models.parameters import Parameters
from dikast.models.probing import Question, probe, recalled

Memory = MutableMapping[str, bytes]


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a server could answer with, as the server tells it; None where it does not say.

    remote_host: where a local server would pass the prompt on to, for models that don't run on this machine.
    """

    name: str
    size_bytes: int | None = None
    quantization: str | None = None
    parameters: str | None = None
    loaded: bool | None = None
    context_length: int | None = None
    trained_context: int | None = None
    digest: str | None = None
    remote_host: str | None = None


class ServedEndpoint:
    """An Endpoint behind a server. Dialects fill in `_describe` and `_ask`."""

    server: str
    questions: frozenset[Question] = frozenset({"thinking", "schema", "choices"})

    def __init__(self, name: str, client: Client, options: EndpointOptions, memory: Memory | None = None) -> None:
        self.name = name
        self._client = client
        self._options = options
        self._memory: Memory = memory if memory is not None else {}
        self._known = Capabilities()
        self._parameters = self._fresh_parameters()
        self._facts: Facts | None = None
        self._finding = asyncio.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self._client.base.root!r})"

    @property
    def model(self) -> str:
        """The name as the user writes it, such as "ollama/qwq:32b"."""
        return f"{self.server}/{self.name}"

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._client.base.root

    async def facts(self) -> Facts:
        """Who this is and what it honours; probed on the first call, then remembered. Raises EndpointError."""
        async with self._finding:
            if self._facts is None:
                fingerprint, declared = await self._describe()
                if await self._client.leaves():
                    redaction = self._client.policy.edge.name
                    fingerprint = msgspec.structs.replace(fingerprint, redaction=redaction)
                self._known = declared
                key = _memory_key(fingerprint)
                if self._options.probe:
                    await self._probe(declared, key)
                else:
                    self._known = recalled(declared, self._memory, key)
                self._facts = Facts(fingerprint=fingerprint, capabilities=self._known)
            return self._facts

    async def _probe(self, declared: Capabilities, key: str) -> None:
        """Find out, or recall, what the server honours and which parameters it does not take."""
        known = self._recall_parameters(key)
        patience_s = self._options.probe_patience_s
        asked = probe(self._ask, declared, self.questions, self._memory, key, patience_s=patience_s)
        self._known = await asked
        self._parameters.forget_told()
        if self._parameters.left_out != known:
            self._memory[f"{key} left out"] = msgspec.json.encode(sorted(self._parameters.left_out))

    async def answer(self, request: Request) -> Reply:
        """One call, no retries. Raises EndpointError; never cuts a prompt in silence."""
        started = time.perf_counter()
        reply = await self._ask(request)
        took = time.perf_counter() - started
        return msgspec.structs.replace(
            reply, latency_s=took, served_by=self._client.base.root, left_out=self._parameters.told
        )

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """Tokens of the rendered prompt, template included; None: this server can't tell."""
        return None

    async def installed(self) -> list[Installed]:
        """The models that this server could answer with. Raises EndpointError."""
        raise TypeError(f"{type(self).__name__} does not say what is installed")

    @staticmethod
    def same_model(wanted: str, name: str) -> bool:
        """Whether a name that a user wrote means the model that the server calls `name`."""
        return wanted == name

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        """Who answers, and what is known of it without asking the model. Raises EndpointError."""
        raise TypeError(f"{type(self).__name__} does not say how it is described")

    async def _ask(self, request: Request) -> Reply:
        """One call in the server's own words."""
        raise TypeError(f"{type(self).__name__} does not say how it is asked")

    def _fresh_parameters(self) -> Parameters:
        """What this kind of server may not take."""
        return Parameters(())

    def _recall_parameters(self, key: str) -> frozenset[str]:
        """Leave out what this server is remembered not to take, and say what that is."""
        try:
            recalled = frozenset(msgspec.json.decode(self._memory[f"{key} left out"], type=list[str]))
        except (KeyError, msgspec.DecodeError):
            return self._parameters.left_out
        self._parameters.left_out |= recalled
        return self._parameters.left_out

    def _constrained(self, means: str) -> str | None:
        """`means`, if the server is known to honour what it was asked for."""
        return means if self._known.schema else None


def _memory_key(fingerprint: Fingerprint) -> str:
    which = fingerprint.digest or f"{fingerprint.model}@{fingerprint.base_url}"
    return f"probe/1/{fingerprint.server}/{fingerprint.server_version}/{which}"
