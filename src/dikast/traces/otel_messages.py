"""The messages of a model's call, in each way in which instrumentations write them on spans and in events."""

from __future__ import annotations

from dikast.interactions.rows import Tally
from dikast.records import Json, canonical_json
from dikast.traces.chat_messages import Message, chat_messages
from dikast.traces.decoding import items, table, text, unpacked
from dikast.traces.otel_values import nested

_ROLE_OF_EVENT = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_CHOICE = "gen_ai.choice"


def asked(flat: dict[str, Json], events: list[dict[str, Json]], tally: Tally) -> list[Message]:
    """The messages that went into a call, from the first of the ways that is used."""
    system = _system(flat.get("gen_ai.system_instructions"), tally)
    given = in_parts(flat.get("gen_ai.input.messages"), tally)
    if given:
        return [*system, *given] if given[0].get("role") != "system" else given
    for found in (
        openinference(_listed(nested(flat, "llm.input_messages")), tally),
        _indexed(nested(flat, "gen_ai.prompt"), tally),
        _of_events(events, tally),
        _whole(_from_event(events, "gen_ai.content.prompt", "gen_ai.prompt"), tally),
    ):
        if found:
            return [*system, *found]
    return system


def answered(flat: dict[str, Json], events: list[dict[str, Json]], tally: Tally) -> list[Message]:
    """The messages that came out of a call."""
    return (
        in_parts(flat.get("gen_ai.output.messages"), tally)
        or openinference(_listed(nested(flat, "llm.output_messages")), tally)
        or _indexed(nested(flat, "gen_ai.completion"), tally)
        or _choices(events, tally)
        or _whole(_from_event(events, "gen_ai.content.completion", "gen_ai.completion"), tally, "assistant")
    )


def in_parts(value: Json, tally: Tally) -> list[Message]:
    """Messages whose content is a list of parts, as the GenAI conventions have them."""
    found: list[Message] = []
    for one in items(value):
        if not isinstance(one, dict):
            continue
        if not isinstance(one.get("parts"), list):
            found += chat_messages([one], tally)
            continue
        parts: list[Json] = []
        for part in one["parts"]:
            if isinstance(part, dict) and part.get("type") == "tool_call_response":
                response = part.get("response", part.get("result"))
                found += chat_messages([_result(part.get("id"), response)], tally)
            else:
                parts.append(part)
        if parts or not one["parts"]:
            found += chat_messages([{**one, "content": parts}], tally)
    return found


def openinference(value: list[Json], tally: Tally) -> list[Message]:
    """OpenInference's messages, nested as they are in keys or dotted as they are in a data frame."""
    found: list[Message] = []
    for one in value:
        message = _inside(one, "message")
        if not message:
            continue
        raw: Message = {"role": message.get("role", "user"), "content": message.get("content")}
        contents = [_inside(part, "message_content") for part in _listed(message.get("contents"))]
        if contents:
            raw["content"] = contents
        calls = [_inside(call, "tool_call") for call in _listed(message.get("tool_calls"))]
        raw["tool_calls"] = [{**call, "function": _inside(call, "function") or call.get("function")} for call in calls]
        raw |= {key: message[key] for key in ("tool_call_id", "name") if key in message}
        found += chat_messages([raw], tally)
    return found


def _inside(value: Json, name: str) -> Message:
    """What stands under a name, or under dotted keys that begin with it; the value where it is that already."""
    if not isinstance(value, dict):
        return {}
    dotted = {key[len(name) + 1 :]: part for key, part in value.items() if key.startswith(f"{name}.")}
    inner = value.get(name)
    return dotted or (inner if isinstance(inner, dict) else value if name not in value and name != "function" else {})


def _indexed(value: Json, tally: Tally) -> list[Message]:
    """`gen_ai.prompt.0.role` and its like; a prompt that is one text is what a user said."""
    if isinstance(value, str):
        return _whole(value, tally)
    found: list[Message] = []
    for one in _listed(value):
        if not isinstance(one, dict):
            continue
        content = unpacked(one.get("content"))
        in_blocks = isinstance(content, list) and all(isinstance(part, dict) and "type" in part for part in content)
        raw: Message = {"role": "assistant" if "finish_reason" in one else "user", **one}
        found += chat_messages([{**raw, "content": content if in_blocks else one.get("content")}], tally)
    return found


def _of_events(events: list[dict[str, Json]], tally: Tally) -> list[Message]:
    found: list[Message] = []
    for event in events:
        role = _ROLE_OF_EVENT.get(str(event.get("name")))
        if role is not None:
            body = table(event.get("body")) or table(event.get("attributes"))
            raw: Message = {
                "role": role,
                **{key: body[key] for key in ("content", "tool_calls", "name") if key in body},
            }
            if role == "tool":
                raw["tool_call_id"] = body.get("id")
            found += chat_messages([raw], tally)
    return found


def _choices(events: list[dict[str, Json]], tally: Tally) -> list[Message]:
    for event in events:
        if event.get("name") == _CHOICE:
            body = table(event.get("body")) or table(event.get("attributes"))
            message = table(body.get("message")) or body
            return chat_messages([{**message, "role": "assistant"}], tally)
    return []


def _from_event(events: list[dict[str, Json]], name: str, key: str) -> Json:
    found = (table(event.get("attributes")).get(key) for event in events if event.get("name") == name)
    return next((value for value in found if value is not None), None)


def _whole(value: Json, tally: Tally, role: str = "user") -> list[Message]:
    """A prompt or an answer in one value: messages, or what one message says."""
    decoded = unpacked(value)
    if isinstance(decoded, list) and any(isinstance(one, dict) and "role" in one for one in decoded):
        return chat_messages(decoded, tally)
    said = text(value)
    return [{"role": role, "content": said}] if said else []


def _system(value: Json, tally: Tally) -> list[Message]:
    parts = unpacked(value)
    if isinstance(parts, str):
        parts = [{"type": "text", "content": parts}] if parts else []
    if not isinstance(parts, list) or not parts:
        return []
    return chat_messages([{"role": "system", "content": parts}], tally)


def _result(id: Json, response: Json) -> Message:
    said = response if isinstance(response, str) else canonical_json(response).decode()
    return {"role": "tool", "tool_call_id": id, "content": said}


def _listed(value: Json) -> list[Json]:
    value = unpacked(value)
    return value if isinstance(value, list) else []
