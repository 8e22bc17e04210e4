"""What went into a model's call and came out of it, in the shapes of the common clients -> chat messages."""

from __future__ import annotations

from typing import Final

from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.chat_messages import ROLES, Message, chat_messages
from dikast.traces.decoding import first_text, plain_table, spelled, text, unpacked

_CLASSES: Final = {
    "HumanMessage": "user", "AIMessage": "assistant", "SystemMessage": "system", "ToolMessage": "tool",
    "FunctionMessage": "tool", "ChatMessage": "user", "HumanMessageChunk": "user", "AIMessageChunk": "assistant",
    "DeveloperMessage": "system",
}  # fmt: skip
_HOLDERS = ("messages", "message", "choices", "generations", "output", "input", "inputs", "outputs")
_SIGNS: Final = frozenset({"messages", "choices", "generations"})
_DEEPEST = 6


def messages_in(value: Json, tally: Tally, *, answer: bool = False) -> Json:
    """The messages that a value holds, else the value, decoded where it was JSON in a text.

    Understood are lists of messages, {"messages": ...}, {"message": ...}, {"choices": [...]}, one message, and what
    LangChain writes: its message objects, and lists of lists for prompts and generations. answer: of several choices or
    generations the first is meant.
    """
    decoded = unpacked(value)
    found = _found(decoded, tally, answer, 0)
    return found or decoded


def whole(value: Json, tally: Tally, *, answer: bool = False) -> Json:
    """What went into a whole trace or came out of it: messages where it holds them, else what the text spells."""
    decoded = spelled(value) if isinstance(value, str) and value[:1] == '"' else unpacked(value)
    if isinstance(decoded, dict) and not decoded.keys() & _SIGNS and not _as_openai(decoded):
        return decoded
    return messages_in(decoded, tally, answer=answer) if isinstance(decoded, (dict, list)) else decoded


def _found(value: Json, tally: Tally, answer: bool, depth: int) -> list[Message]:
    if depth > _DEEPEST:
        return []
    if isinstance(value, list):
        if value and all(isinstance(one, list) for one in value):
            return _found(value[0], tally, answer, depth + 1)
        if answer and value and isinstance(value[0], dict) and ("message" in value[0] or "generation_info" in value[0]):
            return _found(value[0], tally, answer, depth + 1)
        raw = [_as_openai(one) for one in value]
        known = [one for one in raw if one is not None]
        return chat_messages(known, tally) if known and len(known) == len(raw) else []
    if not isinstance(value, dict):
        return []
    one = _as_openai(value)
    if one is not None:
        return chat_messages([one], tally)
    for key in _HOLDERS:
        if isinstance(value.get(key), (dict, list)) or (key == "messages" and key in value):
            found = _found(unpacked(value[key]), tally, answer or key in ("choices", "generations"), depth + 1)
            if found:
                return found
    if answer and "message" not in value and text(value.get("text")):  # a generation of plain text
        return [{"role": "assistant", "content": value["text"]}]
    return []


def _as_openai(value: Json) -> Message | None:
    """One message under OpenAI's names; None for what is no message."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("kwargs"), dict) and isinstance(value.get("id"), list):
        return _from_langchain(value["kwargs"], str(value["id"][-1]) if value["id"] else "")
    if isinstance(value.get("data"), dict) and "content" in value["data"]:
        return _from_langchain(value["data"], str(value.get("type")))
    if str(value.get("role")).casefold() in ROLES:
        return value
    kind = str(value.get("type")).casefold()
    if "role" not in value and "content" in value and kind in ROLES and kind not in ("function", "model"):
        return _from_langchain(value, kind)
    return None


def _from_langchain(kwargs: Message, kind: str) -> Message | None:
    role = _CLASSES.get(kind) or ROLES.get(kind.casefold()) or ROLES.get(str(kwargs.get("type")).casefold())
    if role is None:
        return None
    raw: Message = {"role": role, "content": kwargs.get("content")}
    calls = kwargs.get("tool_calls") or plain_table(kwargs.get("additional_kwargs")).get("tool_calls")
    if calls:
        raw["tool_calls"] = calls
    return raw | {key: found for key in ("tool_call_id", "name") if (found := first_text(kwargs.get(key))) is not None}
