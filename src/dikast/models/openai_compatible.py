"""The chat API that most servers speak, and the base of the dialects that speak it with an accent.

Servers differ in what they ignore. Whatever one refuses (`temperature` on some models, `chat_template_kwargs` on some
servers) is left out from then on, and told in every reply; a schema is never left out in silence.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from dikast.errors import EndpointDropped, EndpointError, EndpointGarbled, EndpointRefused, PromptTooLong
from dikast.models.choices import answer_token, read_choices
from dikast.models.endpoint import Capabilities, Fingerprint, Finish, Reply, Request, Token
from dikast.models.lengths import was_cut
from dikast.models.parameters import Parameters
from dikast.models.served import Installed, ServedEndpoint
from dikast.records import Usage

MOST_ALTERNATIVES = 20

_FINISHES: dict[str | None, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "refusal",
    "refusal": "refusal",
}
_SPARE = (
    ("stream", "seed", "top_p", "chat_template_kwargs", "reasoning_effort"),
    ("temperature",),
    ("max_tokens", "max_completion_tokens"),
)
_CONTEXT_FIELDS = ("max_model_len", "context_length", "context_window", "max_context_length")


class Alternative(msgspec.Struct):
    """One token that could have been written; servers give `logprob`, or `prob` after sampling."""

    token: str = ""
    logprob: float = -9999.0
    prob: float | None = None
    id: int | None = None


class WrittenToken(Alternative):
    """One token that was written, with its alternatives."""

    top_logprobs: list[Alternative] | None = None
    top_probs: list[Alternative] | None = None


class _Logprobs(msgspec.Struct):
    content: list[WrittenToken] | None = None


class _ChatMessage(msgspec.Struct):
    content: str | list[Any] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[Any] | None = None


class _Choice(msgspec.Struct):
    message: _ChatMessage
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _ChatUsage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


class ChatAnswer(msgspec.Struct):
    """The answer of /v1/chat/completions, as far as it is read."""

    choices: list[_Choice] | None = None
    usage: _ChatUsage | None = None
    error: Any = None


class _ModelList(msgspec.Struct):
    data: list[dict[str, Any]] = []


class OpenAICompatible(ServedEndpoint):
    """A server with /v1/chat/completions of which nothing else is known."""

    server = "openai-compatible"
    refuses_long_prompts: bool | None = None

    async def installed(self) -> list[Installed]:
        """The models that the server lists."""
        listed = await self._client.get(f"{self._client.base.api}/models", _ModelList)
        return [
            Installed(name=str(entry["id"]), trained_context=_context_of(entry))
            for entry in listed.data
            if "id" in entry
        ]

    async def _describe(self) -> tuple[Fingerprint, Capabilities]:
        context = None
        with contextlib.suppress(
            EndpointRefused, EndpointGarbled, EndpointDropped
        ):  # some gateways have no list of models
            context = next((m.trained_context for m in await self.installed() if m.name == self.name), None)
        fingerprint = Fingerprint(server=self.server, base_url=self.base_url, model=self.name, context_length=context)
        return fingerprint, Capabilities(context_length=context, refuses_long_prompts=self.refuses_long_prompts)

    async def _ask(self, request: Request) -> Reply:
        body = self._body(request)
        answer = await self._chat(body)
        reply = reply_of(answer, request)
        if not self.refuses_long_prompts and was_cut(request.messages, reply.usage.prompt_tokens):
            raise cut_in_silence(self.model, reply.usage.prompt_tokens)
        if request.choices:
            return trimmed(self._with_choices(request, reply, answer), request.logprobs)
        if request.schema is not None:
            return msgspec.structs.replace(reply, constrained=self._constrained("json_schema"))
        return reply

    def _body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.name,
            "messages": request.messages,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": seed_of(request),
            "stream": False,
        }
        if request.logprobs:
            body |= {"logprobs": True, "top_logprobs": min(request.logprobs, MOST_ALTERNATIVES)}
        thinking = request.thinking
        if request.choices:
            self._ask_choices(body, request)
            thinking = "on" if thinking == "on" else "off"
        elif request.schema is not None and self._known.schema is not False:
            self._ask_schema(body, request.schema, thinking == "on")
        if thinking != "default":
            self._switch_thinking(body, thinking == "on")
        return body

    def _ask_schema(self, body: dict[str, Any], schema: dict[str, Any], thinking: bool) -> None:
        """Put the schema into the body, in the server's words."""
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": True},
        }

    def _ask_choices(self, body: dict[str, Any], request: Request) -> None:
        """Ask for the first token's distribution, in the server's words."""
        body |= {"logprobs": True, "top_logprobs": MOST_ALTERNATIVES}
        if request.thinking != "on":
            body["max_tokens"] = 1

    def _switch_thinking(self, body: dict[str, Any], on: bool) -> None:
        """Switch thinking on or off, in the server's words."""
        body["chat_template_kwargs"] = {"enable_thinking": on}

    def _with_choices(self, request: Request, reply: Reply, answer: ChatAnswer) -> Reply:
        """The reply with the distribution of its first token, where one can be read."""
        return with_choices(request, reply)

    async def _chat(self, body: dict[str, Any]) -> ChatAnswer:
        """The answer; parameters that the server refuses are left out, now and later."""
        url = f"{self._client.base.api}/chat/completions"
        answer = await self._parameters.post(self._client, url, body, ChatAnswer)
        if not answer.choices:
            raise no_answer(self.model, answer.error)
        return answer

    def _fresh_parameters(self) -> Parameters:
        return Parameters(_SPARE, ("logprobs", "top_logprobs"), {"max_tokens": "max_completion_tokens"})


def reply_of(answer: ChatAnswer, request: Request) -> Reply:
    """The reply that a chat answer holds, before choices are read."""
    assert answer.choices
    choice = answer.choices[0]
    message = choice.message
    text = message.content if isinstance(message.content, str) else _joined(message.content)
    finish = _FINISHES.get(choice.finish_reason, "other")
    if message.refusal:
        finish, text = "refusal", text or message.refusal
    if not text and message.tool_calls:  # tools are off, so this is no answer; it is kept to be shown
        text = msgspec.json.encode({"tool_calls": message.tool_calls}).decode()
    return Reply(
        text=text,
        thinking=message.reasoning or message.reasoning_content or None,
        finish=finish,
        usage=_usage_of(answer.usage),
        tokens=tokens_of(choice.logprobs.content if choice.logprobs else None) if _wants_tokens(request) else (),
    )


def with_choices(request: Request, reply: Reply) -> Reply:
    """The reply with the choices' distribution, read by the rule in choices.py; as it was where it can't be read."""
    if not reply.text.strip() or reply.text.lstrip().startswith("<think"):
        return reply
    opening = answer_token(reply.tokens, reply.text)
    found = read_choices(request.choices, opening.top) if opening is not None else None
    if found is None:
        return reply
    return msgspec.structs.replace(
        reply, choice_probs=found.probs, choice_reading="top_logprobs", choice_mass=found.mass
    )


def tokens_of(written: Sequence[WrittenToken] | None) -> tuple[Token, ...]:
    """A server's log-probabilities as Tokens."""
    return tuple(
        Token(
            token.token,
            _logprob(token),
            tuple((a.token, _logprob(a)) for a in token.top_logprobs or token.top_probs or ()),
        )
        for token in written or ()
    )


def trimmed(reply: Reply, alternatives: int) -> Reply:
    """The reply with no more alternatives a token than were asked for; replies are kept, and choices take many."""
    if not alternatives:
        return msgspec.structs.replace(reply, tokens=())
    tokens = tuple(Token(token.text, token.logprob, token.top[:alternatives]) for token in reply.tokens)
    return msgspec.structs.replace(reply, tokens=tokens)


def seed_of(request: Request) -> int:
    """The seed to send: the request's, else the sample's number, so that samples differ and each can be repeated."""
    return request.seed if request.seed is not None else request.sample


def cut_in_silence(model: str, counted: int) -> PromptTooLong:
    """The error for a prompt of which a server read only a part, without saying so."""
    return PromptTooLong(
        f"{model} read only {counted} tokens of a longer prompt and did not say so",
        hint="Raise the server's context length, or shorten the prompt.",
    )


def no_answer(model: str, error: Any) -> EndpointError:
    """The error for an HTTP 200 that holds no answer."""
    said = error.get("message") if isinstance(error, dict) else error
    return EndpointGarbled(f"{model} answered without an answer: {said!r}" if said else f"{model} gave no choices")


def template_hash(template: str | None) -> str | None:
    """16 hex digits that tell one chat template from another."""
    return hashlib.sha256(template.encode()).hexdigest()[:16] if template else None


def _wants_tokens(request: Request) -> bool:
    return request.logprobs > 0 or bool(request.choices)


def _logprob(entry: Alternative) -> float:
    if entry.prob is not None:
        return math.log(entry.prob) if entry.prob > 0 else -9999.0
    return entry.logprob


def _joined(parts: list[Any] | None) -> str:
    return "".join(str(part.get("text", "")) if isinstance(part, dict) else str(part) for part in parts or ())


def _usage_of(usage: _ChatUsage | None) -> Usage:
    if usage is None:
        return Usage()
    details = usage.prompt_tokens_details
    return Usage(
        prompt_tokens=usage.prompt_tokens or 0,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
    )


def _context_of(entry: dict[str, Any]) -> int | None:
    return next((entry[name] for name in _CONTEXT_FIELDS if isinstance(entry.get(name), int)), None)
