"""Chats as OpenAI's fine-tuning takes them: messages, or a preferred and another answer. And ShareGPT's turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import ROLES, Message, chat_messages, messages_of, tool_call
from dikast.traces.decoding import first_text, plain_table, tables, text, unpacked
from dikast.traces.exchanges import without_ids
from dikast.traces.formats import Read, Sample
from dikast.traces.items import Item, files_in, objects_of, traces_of, values_of
from dikast.traces.loose import own_id, without_empty
from dikast.traces.trace import Trace

_SUFFIXES = (".jsonl", ".json", ".ndjson")
# What other formats have beside their messages, and plain rows of interactions.
_OTHERS = frozenset(
    {"input", "output", "output_a", "conversations", "mapping", "history", "request_id", "custom_id", "epoch", "epochs",
     "response", "scores", "eval", "chat", "perChatPredictionConfig", "spans", "choices", "responses", "trace_id"}
)  # fmt: skip
_LISTS = ("conversations", "conversation")
_TURN = ("from", "role", "speaker")
_SAID = ("value", "content", "text")
_CALLS = frozenset({"function_call", "tool_call", "function-call"})


class OpenAIChat:
    """One conversation a line, as messages."""

    name = "openai-chat"
    title = "OpenAI chat JSONL"

    def recognises(self, sample: Sample) -> bool:
        """By messages with roles and nothing that another format would have, or a preferred answer."""
        return any(_is_chat(one) or "preferred_output" in one for one in values_of(sample))

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each line."""
        items = objects_of(files_in(paths, _SUFFIXES, tally), tally)
        return traces_of(items, lambda item: [_chat(item.value, tally)], tally)


class ShareGPT:
    """Conversations whose turns are `from` and `value`."""

    name = "sharegpt"
    title = "ShareGPT"

    def recognises(self, sample: Sample) -> bool:
        """By a list of turns under "conversations"."""
        return any(
            any("from" in turn and "value" in turn for key in _LISTS for turn in tables(one.get(key)))
            for one in values_of(sample)
        )

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each conversation."""
        items = objects_of(files_in(paths, _SUFFIXES, tally), tally)
        return traces_of(items, lambda item: [_conversation(item, tally)], tally)


def _is_chat(one: dict[str, Json]) -> bool:
    messages = tables(one.get("messages"))
    spoken = [message for message in messages if "role" in message and not message.keys() & {"versions", "parentId"}]
    return bool(spoken) and len(spoken) == len(messages) and not one.keys() & _OTHERS


def _chat(value: dict[str, Json], tally: Tally) -> Trace:
    asked = plain_table(value.get("input"))
    messages = chat_messages(value.get("messages", asked.get("messages")), tally)
    alternatives: dict[str, tuple[tuple[Message, ...], ...]] = {}
    preferred = chat_messages(value.get("preferred_output"), tally)
    if preferred:
        other = chat_messages(value.get("non_preferred_output"), tally)
        preferred[0] = {**preferred[0], "id": "preferred"}
        alternatives = {"preferred": (tuple(other),)} if other else {}
        messages += preferred
    if not messages:
        raise Unusable("no messages: a list of them with roles was expected under 'messages'")
    last = next((at for at, one in reversed(list(enumerate(messages))) if one["role"] == "assistant"), len(messages))
    tools = [first_text(plain_table(tool.get("function")).get("name"), tool.get("name"))
             for tool in tables(unpacked(value.get("tools", asked.get("tools"))))]  # fmt: skip
    known = {"messages", "tools", "id", "input", "preferred_output", "non_preferred_output", "metadata"}
    more = {**{key: one for key, one in value.items() if key not in known}, **plain_table(value.get("metadata"))}
    return Trace(
        id=text(value.get("id")) or own_id(messages),
        format=OpenAIChat.name,
        input=without_ids(messages[:last]) or None,
        output=without_ids(messages[last:]) or None,
        messages=tuple(messages),
        alternatives=alternatives,
        metadata=without_empty({**more, "tools": [tool for tool in tools if tool]}),
    )


def _conversation(item: Item, tally: Tally) -> Trace:
    value: dict[str, Json] = item.value
    turns = next((tables(value[key]) for key in _LISTS if key in value), [])
    system = first_text(value.get("system"), value.get("system_prompt"))
    messages: list[Message] = [{"role": "system", "content": system}] if system else []
    call = ""
    for turn in turns:
        who = first_text(*(turn.get(key) for key in _TURN)) or ""
        said = next((turn[key] for key in _SAID if key in turn), None)
        if who.casefold() in _CALLS:
            raw = unpacked(said)
            called = [plain_table(one) for one in (raw if isinstance(raw, list) else [raw])]
            call = f"call_{len(messages)}"
            calls = [tool_call(call, one.get("name"), one.get("arguments", one.get("parameters"))) for one in called]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
            continue
        role = ROLES.get(who.casefold())
        raw_message = {"role": role or who, "content": said, "tool_call_id": call if role == "tool" else None}
        messages += messages_of(raw_message, tally)
    if not any(message["role"] != "system" for message in messages):
        raise Unusable("no turns: a list of from and value was expected under 'conversations'")
    tools = [text(plain_table(one.get("function")).get("name")) or text(one.get("name"))
             for one in tables(unpacked(value.get("tools")))]  # fmt: skip
    more = {key: one for key, one in value.items() if key not in {*_LISTS, "id", "system", "system_prompt", "tools"}}
    return Trace(
        id=text(value.get("id")) or own_id(messages),
        format=ShareGPT.name,
        messages=tuple(messages),
        metadata=without_empty({**more, "tools": [tool for tool in tools if tool]}),
    )
