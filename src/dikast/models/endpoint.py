"""The seam between judges and whatever answers prompts.

A judge makes a `Request`; an `Endpoint` gives a `Reply` or raises an EndpointError. Everything that changes the
answer is in the request or in the endpoint's fingerprint, so that together they are the key under which an answer is
kept.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import msgspec

from dikast.records import Usage

Thinking = Literal["default", "on", "off"]
Finish = Literal["stop", "length", "refusal", "other"]
ChoiceReading = Literal["exact", "top_logprobs"]


class Message(msgspec.Struct, frozen=True):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt, and how it is to be answered.

    schema: a JSON schema that the answer must follow; each endpoint enforces it by its own means, or not at all.
    choices: words between which the answer's first token decides. The reply's `choice_probs` is their distribution.
    logprobs: how many alternatives to report for every token of a written answer; 0 for none.
    sample: the number of this sample among several of the same prompt. It is sent to nobody; it keeps their keys apart,
    and `seed` makes their answers differ.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    thinking: Thinking = "default"
    schema: dict[str, Any] | None = None
    choices: tuple[str, ...] = ()
    logprobs: int = 0
    sample: int = 0


class Token(msgspec.Struct, frozen=True):
    """One token of a written answer: text, natural log-probability, and the likeliest tokens there, itself included."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an endpoint answered, before anybody reads a verdict out of it.

    text: the answer without the thinking that the server itself kept apart (that is in `thinking`).
    constrained: how the endpoint enforced `schema` or `choices`: "json_schema", "grammar", "choices"; None when it
    could not, so that nothing is taken for enforced that was not.
    choice_probs: P(word) for each of the request's choices, summing to 1; `choice_reading` says how they came about,
    and `choice_mass` how much of the full distribution they held before being normalised (None when unknown).
    left_out: the request's settings that the server does not take ("temperature"), by the server's names for them.
    """

    text: str
    thinking: str | None = None
    finish: Finish = "stop"
    usage: Usage = Usage()
    latency_s: float = 0.0
    constrained: str | None = None
    choice_probs: dict[str, float] | None = None
    choice_reading: ChoiceReading | None = None
    choice_mass: float | None = None
    left_out: tuple[str, ...] = ()
    tokens: tuple[Token, ...] = ()
    served_by: str | None = None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint really honours, found by probing it; None means not known.

    choices: how a verdict token's distribution can be read: "exact" over the whole vocabulary, "top_logprobs" among the
    listed alternatives, None not at all (then only sampling remains).
    slots: how many calls it works on at once; more only queue.
    """

    schema: bool | None = None
    choices: ChoiceReading | None = None
    logprobs: int = 0
    seed: bool | None = None
    thinking_switch: bool | None = None
    thinks: bool | None = None
    context_length: int | None = None
    slots: int | None = None
    refuses_long_prompts: bool | None = None


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which weights answered, and under what: what a run must record to be repeatable."""

    server: str
    server_version: str | None = None
    base_url: str | None = None
    model: str
    digest: str | None = None
    quantization: str | None = None
    parameters: str | None = None
    chat_template: str | None = None  # SHA-256 of it, 16 hex digits
    context_length: int | None = None
    sampler: dict[str, Any] = {}
    redaction: str | None = None  # what prompts go through on their way to a cloud

    @property
    def identity(self) -> str:
        """What tells this model's answers from another's: its digest where the server gives one, else where it is.

        The same prompt, redacted in another way, is another prompt.
        """
        where = f"{self.server}:{self.model}@{self.digest or self.base_url}:{self.chat_template or ''}"
        return f"{where}:{self.redaction}" if self.redaction else where


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of an endpoint: who it is and what it honours."""

    fingerprint: Fingerprint
    capabilities: Capabilities


class Endpoint(Protocol):
    """Something that answers prompts. One object a base URL and model; safe for concurrent calls in one event loop."""

    @property
    def model(self) -> str:
        """The name as the user writes it, such as "ollama/qwq:32b"."""

    async def facts(self) -> Facts:
        """Who this is and what it honours; probed on the first call, then remembered. Raises EndpointError."""

    async def answer(self, request: Request) -> Reply:
        """One call, no retries. Raises EndpointError; never cuts a prompt in silence."""

    async def count_tokens(self, messages: tuple[Message, ...]) -> int | None:
        """Tokens of the rendered prompt, template included; None when the endpoint can't tell."""

    async def close(self) -> None:
        """Let go of connections or weights."""
