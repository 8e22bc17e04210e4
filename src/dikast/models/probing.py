"""What a server really honours, found with at most four short calls and remembered.

A server that takes a parameter and ignores it answers 200 all the same, so each question is one whose answer shows
whether it was obeyed. A question without a clear answer stays "not known" and is asked again another time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

import msgspec

from dikast.errors import (
    EndpointBusy,
    EndpointDown,
    EndpointDropped,
    EndpointError,
    EndpointGarbled,
    EndpointRefused,
)
from dikast.models.endpoint import Capabilities, ChoiceReading, Message, Reply, Request

Question = Literal["thinking", "schema", "choices"]
Asker = Callable[[Request], Awaitable[Reply]]

# No model says these words of its own, so that one of them in the answer is the schema's doing.
_ODD_WORDS = ["quorvex", "blimtack", "zandory"]
_ODD_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": _ODD_WORDS}},
    "required": ["answer"],
    "additionalProperties": False,
}
_ROOM_TO_THINK = 2048
_SHORT = 48
_BUSY_WAIT_S = 1.0
_FAULTS_BORNE = 2
_FAULT_WAIT_S = 0.1


class _Found(msgspec.Struct, frozen=True):
    """What is remembered of a probe."""

    schema: bool | None = None
    choices: ChoiceReading | None = None
    logprobs: int = 0
    thinks: bool | None = None
    thinking_switch: bool | None = None
    whole: bool = False


async def probe(
    ask: Asker,
    declared: Capabilities,
    questions: frozenset[Question],
    memory: MutableMapping[str, bytes],
    key: str,
    *,
    patience_s: float = 60.0,
) -> Capabilities:
    """The declared capabilities, completed by what the server's answers show. Raises EndpointDown and nothing else.

    `memory` is looked up first, and keeps what was found when every question had an answer.
    """
    found = _remembered(memory, key)
    if found is None:
        found = await _Probe(ask, declared, patience_s).run(questions)
        if found.whole:
            memory[key] = msgspec.json.encode(found)
    return _completed(declared, found)


def recalled(declared: Capabilities, memory: MutableMapping[str, bytes], key: str) -> Capabilities:
    """The declared capabilities, completed by what is remembered of an earlier probe, if there was one."""
    found = _remembered(memory, key)
    return declared if found is None else _completed(declared, found)


def _completed(declared: Capabilities, found: _Found) -> Capabilities:
    return msgspec.structs.replace(
        declared,
        schema=found.schema if declared.schema is None else declared.schema,
        choices=found.choices,
        logprobs=max(declared.logprobs, found.logprobs),
        thinks=found.thinks if declared.thinks is None else declared.thinks,
        thinking_switch=found.thinking_switch if declared.thinking_switch is None else declared.thinking_switch,
    )


def _remembered(memory: MutableMapping[str, bytes], key: str) -> _Found | None:
    try:
        return msgspec.json.decode(memory[key], type=_Found)
    except (KeyError, msgspec.DecodeError):
        return None


class _Probe:
    """The questions to one model, in turn."""

    def __init__(self, ask: Asker, declared: Capabilities, patience_s: float) -> None:
        self._ask_model = ask
        self._patience_s = patience_s
        self._thinks = declared.thinks
        self._switch = declared.thinking_switch
        self._unanswered = False
        self._waited_s = 0.0  # over all questions

    async def run(self, questions: frozenset[Question]) -> _Found:
        schema, choices, logprobs = None, None, 0
        if "thinking" in questions and self._thinks is None:
            await self._ask_thinking()
        if "schema" in questions:
            schema = await self._ask_schema()
        if "choices" in questions:
            choices, logprobs = await self._ask_choices()
        return _Found(schema, choices, logprobs, self._thinks, self._switch, not self._unanswered)

    async def _ask(self, question: str, **settings: Any) -> Reply | EndpointRefused | None:
        """The reply, the server's refusal, or None for whatever says nothing about the question."""
        request = Request(messages=(Message("user", question),), seed=1, **settings)
        faults = 0
        while True:
            try:
                return await self._ask_model(request)
            except EndpointBusy as error:
                pause = error.retry_after_s if error.retry_after_s is not None else _BUSY_WAIT_S
                self._waited_s += pause
                if self._waited_s > self._patience_s:
                    break
                await asyncio.sleep(pause)
            except (EndpointDown, EndpointGarbled) as error:  # what a flaky server does now and then says nothing
                faults += 1
                if faults > _FAULTS_BORNE:
                    if isinstance(error, EndpointDown) and not isinstance(error, EndpointDropped):
                        raise
                    break  # something there can't bear this question, and may well bear others
                await asyncio.sleep(_FAULT_WAIT_S)
            except EndpointRefused as error:
                return error
            except EndpointError:
                break
        self._unanswered = True
        return None

    async def _ask_thinking(self) -> None:
        reply = await self._ask("What is two plus two? Answer with one word.", max_tokens=_SHORT)
        if not isinstance(reply, Reply):
            self._unanswered = True
            return
        self._thinks = _has_thinking(reply)
        if self._thinks and self._switch is None:
            quiet = await self._ask("What is two plus two? Answer with one word.", max_tokens=_SHORT, thinking="off")
            self._switch = isinstance(quiet, Reply) and not _has_thinking(quiet) if quiet is not None else None

    async def _ask_schema(self) -> bool | None:
        reply = await self._ask("Name a colour of the sky.", schema=_ODD_SCHEMA, **self._room(_SHORT))
        if isinstance(reply, EndpointRefused):
            return False
        if reply is None or (reply.finish == "length" and not reply.text.strip()):
            self._unanswered = True
            return None
        return _follows(reply.text)

    async def _ask_choices(self) -> tuple[ChoiceReading | None, int]:
        if self._thinks and not self._switch:
            return None, 0  # the first token is a thought
        reply = await self._ask(
            "Is this sum right: 2 + 2 = 4? Answer with one word, pass or fail.",
            choices=("pass", "fail"),
            thinking="off",
            max_tokens=1,
            logprobs=20,
        )
        if not isinstance(reply, Reply):
            return None, 0
        logprobs = max((len(token.top) for token in reply.tokens), default=0)
        return reply.choice_reading, logprobs

    def _room(self, tokens: int) -> dict[str, Any]:
        if self._thinks and not self._switch:
            return {"max_tokens": tokens + _ROOM_TO_THINK}
        return {"max_tokens": tokens, "thinking": "off"}


def _has_thinking(reply: Reply) -> bool:
    return bool(reply.thinking) or "<think" in reply.text


def _follows(text: str) -> bool:
    """Whether the last JSON object of an answer follows the odd schema."""
    try:
        parsed = msgspec.json.decode(text[text.index("{") :].strip().removesuffix("```").strip())
    except (ValueError, msgspec.DecodeError):
        return False
    return isinstance(parsed, dict) and parsed.get("answer") in _ODD_WORDS
