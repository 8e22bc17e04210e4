"""Chat messages in OpenAI's shape, made of those of OpenAI's and Anthropic's interfaces and of what resembles them.

One raw message can become several: Anthropic keeps the results of tools inside a user's message, where no user spoke.
What a reader of the conversation doesn't see (reasoning, signatures) is left out, and bytes of images are shortened;
both are counted.
"""

from __future__ import annotations

from typing import Final

from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.decoding import first_text, plain_table, text, unpacked
from dikast.traces.loose import without_empty

Message = dict[str, Json]

ROLES: Final[dict[str, str]] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "bing": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
    "claude": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "tool_response": "tool",
}
_TEXTS = frozenset({"text", "input_text", "output_text"})
_REASONING = frozenset({"thinking", "redacted_thinking", "reasoning"})
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use", "tool-call", "tool_call"})
_LONGEST_URL = 200
REASONING_NOTE = "reasoning of the model left out"


def chat_messages(raw: Json, tally: Tally) -> list[Message]:
    """The messages of a list; a text alone is what a user said. What is no message is left out and counted."""
    raw = unpacked(raw)
    if isinstance(raw, str):
        return [{"role": "user", "content": raw}] if raw else []
    if isinstance(raw, dict):
        raw = [raw]
    return [message for one in raw or () for message in messages_of(one, tally)] if isinstance(raw, list) else []


def messages_of(raw: Json, tally: Tally) -> list[Message]:
    """One raw message as those that it holds: none where it holds nothing that was said."""
    if not isinstance(raw, dict):
        tally.note("no message: left out of a conversation")
        return []
    kind = raw.get("type")
    if kind == "function_call":  # an item of OpenAI's Responses
        return [{"role": "assistant", "content": None, "tool_calls": [_call(raw.get("call_id"), raw)]}]
    if kind == "function_call_output":
        return [_result(raw.get("call_id"), raw.get("output"), tally)]
    if kind == "reasoning":
        tally.note(REASONING_NOTE)
        return []
    role = ROLES.get(str(raw.get("role")).casefold())
    if role is None:
        tally.note("no message: left out of a conversation")
        return []
    if role == "tool":
        call = first_text(raw.get("tool_call_id"), raw.get("tool_use_id"), raw.get("call_id"))
        return [_named(_result(call, raw.get("content"), tally), raw)]
    return _spoken(role, raw, tally)


def _spoken(role: str, raw: Message, tally: Tally) -> list[Message]:
    results: list[Message] = []
    calls = [_call(one.get("id"), one) for one in map(plain_table, _listed(raw.get("tool_calls"))) if one]
    parts: list[Json] = []
    for part in _parts(raw.get("content")):
        kind = text(part.get("type")) if isinstance(part, dict) else None
        if kind in _REASONING:
            tally.note(REASONING_NOTE)
        elif kind in _CALLS:
            calls.append(_call(first_text(part.get("id"), part.get("toolCallId")), part))
        elif kind == "tool_result":
            results.append(_result(part.get("tool_use_id"), part.get("content"), tally))
        else:
            parts.append(_part(part, tally))
    if isinstance(raw.get("function_call"), dict):
        calls.append(_call(None, raw["function_call"]))
    if raw.get("reasoning_content") or raw.get("reasoning") or raw.get("thinking"):
        tally.note(REASONING_NOTE)
    content = joined(parts)
    if content in (None, "") and isinstance(raw.get("refusal"), str):
        content = raw["refusal"]
    if results and not calls and content in (None, ""):
        return results
    message: Message = {"role": role, "content": content}
    if calls:
        message["tool_calls"] = calls
    return [*results, _named(message, raw)]


def joined(parts: list[Json]) -> Json:
    """Parts as the content of a message: one text where they are all texts, else the list; None for none."""
    if all(isinstance(part, dict) and part.get("type") == "text" for part in parts):
        return "\n".join(str(part["text"]) for part in parts) if parts else None
    return parts


def tool_call(id: Json, name: Json, arguments: Json) -> Message:
    """A tool call in OpenAI's shape, its arguments decoded."""
    return {
        "id": text(id) or "",
        "type": "function",
        "function": {"name": text(name) or "", "arguments": unpacked(arguments)},
    }


def _call(id: Json, raw: Message) -> Message:
    inner = plain_table(raw.get("function"))
    name = first_text(inner.get("name"), raw.get("name"), raw.get("toolName"), raw.get("function"))
    arguments = next(
        (given[key] for given in (inner, raw) for key in ("arguments", "input", "args") if key in given), None
    )
    return tool_call(id, name, arguments)


def _result(id: Json, content: Json, tally: Tally) -> Message:
    said = joined([_part(part, tally) for part in _parts(content)])
    message: Message = {"role": "tool", "content": "" if said is None else said}
    return message | without_empty({"tool_call_id": text(id)})


def _named(message: Message, raw: Message) -> Message:
    return message | without_empty({"name": text(raw.get("name")), "id": text(raw.get("id"))})


def _listed(value: Json) -> list[Json]:
    value = unpacked(value)
    return value if isinstance(value, list) else []


def _parts(content: Json) -> list[Json]:
    """The parts of a content, whatever it is. A text is one part, also where it spells JSON: it was said so."""
    if content is None:
        return []
    return content if isinstance(content, list) else [content]


def _part(part: Json, tally: Tally) -> Json:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, dict):
        return {"type": "text", "text": str(part)} if isinstance(part, (int, float)) else {"type": "other"}
    if str(part.get("type", "text")) in _TEXTS:
        said = first_text(part.get("text"), part.get("content"))
        if said is not None or set(part) <= {"type", "text"}:
            return {"type": "text", "text": said or ""}
    return _without_bytes(part, tally, 0)


def _without_bytes(value: Json, tally: Tally, depth: int) -> Json:
    """A part of another kind, with data that is no text cut after its beginning."""
    if isinstance(value, dict) and depth < 4:
        encoded = value.get("type") == "base64" or "mime_type" in value or "media_type" in value
        return {
            key: _cut(one, tally) if encoded and key == "data" else _without_bytes(one, tally, depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, str) and value.startswith("data:"):
        return _cut(value, tally)
    return value


def _cut(value: Json, tally: Tally) -> Json:
    if not isinstance(value, str) or len(value) <= _LONGEST_URL:
        return value
    tally.note("bytes of images and files left out of messages")
    return f"{value[:40]}… [{len(value):,} characters left out]"
