"""The judge as a chat model: which message is judged, and the verdict as a reply, as OpenAI's clients know it.

What is judged is either a JSON object in the last user message, with the fields of an interaction, or the conversation
itself when it ends with the assistant's answer. Anything else is refused: a judge's prompt sent as a chat would be
judged as if it were somebody's question.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

import msgspec

from dikast.records import Json, Usage, Verdict
from dikast.serving.problems import Refusal

HOW = (
    'Give the last user message as JSON, {"input": ..., "output": ...}, or let the conversation end with the '
    "assistant's answer that is to be judged."
)


class ChatMessage(msgspec.Struct, frozen=True):
    """One message; content is a text, or OpenAI's list of parts."""

    role: str
    content: Json = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """type: "text" for words, "json_object" or "json_schema" for the verdict as JSON (always its own schema)."""

    type: str = "text"


class StreamOptions(msgspec.Struct, frozen=True):
    """What a stream carries besides."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a chat completion request; model is the judge's name. Sampling settings are the judge's own."""

    model: str
    messages: list[ChatMessage]
    stream: bool = False
    response_format: ResponseFormat | None = None
    stream_options: StreamOptions | None = None

    @property
    def wants_json(self) -> bool:
        """Whether the reply is to be JSON."""
        return self.response_format is not None and self.response_format.type in ("json_object", "json_schema")


def judged_row(messages: list[ChatMessage]) -> dict[str, Json]:
    """The interaction that a chat holds, under the contract's names. Raises Refusal."""
    if not messages:
        raise Refusal(400, "bad_request", "there are no messages", hint=HOW)
    last = messages[-1]
    if last.role == "user":
        row = _object_in(_text(last.content))
        if row is not None and "input" in row:
            return row
        raise Refusal(400, "not_usable", "the last user message is not an interaction as JSON", hint=HOW)
    if last.role != "assistant" or len(messages) < 2:
        raise Refusal(400, "not_usable", f"the last message is of {last.role!r}, and nothing comes before it", hint=HOW)
    before = messages[:-1]
    if len(before) == 1 and before[0].role == "user":
        return {"input": _text(before[0].content), "output": _text(last.content)}
    return {"input": [{"role": one.role, "content": one.content} for one in before], "output": _text(last.content)}


def reply_text(verdict: Verdict, *, as_json: bool) -> str:
    """The verdict as a reply: its JSON (without the model's raw words), or what it says and why.

    Raises Refusal (502) in words where there is no verdict: nothing else may be taken for one.
    """
    if as_json:
        return msgspec.json.encode(msgspec.structs.replace(verdict, raw_judge_output=None)).decode()
    said = verdict.verdict or (f"{verdict.overall:g}" if verdict.overall is not None else None)
    if verdict.status != "scored" or said is None:
        raise Refusal(502, "no_verdict", verdict.reason or verdict.status, verdict=verdict)
    return f"{said}\n\n{verdict.critique}" if verdict.critique else said


def completion(judge: str, verdict: Verdict, text: str) -> dict[str, Any]:
    """The whole reply at once."""
    return _frame(judge, "chat.completion") | {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": usage_of(verdict.usage),
    }


def chunks(judge: str, verdict: Verdict, text: str, *, with_usage: bool) -> list[bytes]:
    """The reply as server-sent events: who speaks, the text, the end, the usage if it was asked for."""
    frame = _frame(judge, "chat.completion.chunk")
    deltas: list[tuple[dict[str, str], str | None]] = [
        ({"role": "assistant", "content": ""}, None),
        *(({"content": piece}, None) for piece in _pieces(text)),
        ({}, "stop"),
    ]
    parts = [
        frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}]}
        for delta, finish in deltas
    ]
    if with_usage:
        parts.append(frame | {"choices": [], "usage": usage_of(verdict.usage)})
    return [b"data: " + msgspec.json.encode(part) + b"\n\n" for part in parts] + [b"data: [DONE]\n\n"]


def usage_of(usage: Usage | None) -> dict[str, int]:
    """Tokens under OpenAI's names."""
    usage = usage or Usage()
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _frame(judge: str, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": judge}


def _pieces(text: str) -> list[str]:
    """A text in its lines, so that the verdict comes before its reasons."""
    return text.splitlines(keepends=True) or [""]


def _text(content: Json) -> str:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        if len(parts) != len(content) or not all(isinstance(part, str) for part in parts):
            raise Refusal(400, "not_usable", "a message has parts that are no text")
        return "\n".join(str(part) for part in parts)
    if not isinstance(content, str):
        raise Refusal(400, "not_usable", "a message has no text")
    return content


def _object_in(text: str) -> dict[str, Json] | None:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
