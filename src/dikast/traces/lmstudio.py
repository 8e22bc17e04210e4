"""LM Studio: a conversation a file, in which every answer keeps the versions that were generated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import REASONING_NOTE, Message, joined, messages_of, tool_call
from dikast.traces.decoding import first_text, plain_table, tables, text, utc
from dikast.traces.formats import Read, Sample
from dikast.traces.items import Item, files_in, objects_of, traces_of, values_of
from dikast.traces.loose import own_id, without_empty
from dikast.traces.trace import Trace

_SYSTEM_PROMPT = "llm.prediction.systemPrompt"


class LMStudio:
    """Conversations of LM Studio's chat."""

    name = "lmstudio"
    title = "LM Studio conversations"

    def recognises(self, sample: Sample) -> bool:
        """By messages that are lists of versions."""
        return any(
            any("versions" in message for message in tables(one.get("messages")))
            or ("messages" in one and "perChatPredictionConfig" in one)
            for one in values_of(sample)
        ) or sample.keys >= {"messages", "perChatPredictionConfig"}

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each file; versions that were not chosen become alternatives."""
        items = objects_of(files_in(paths, (".json",), tally), tally)
        return traces_of(items, lambda item: _conversation(item, tally), tally)


def _conversation(item: Item, tally: Tally) -> Iterator[Trace]:
    value: dict[str, Json] = item.value
    id = text(value.get("createdAt")) or own_id(value)
    prompt = _system_prompt(value)
    messages: list[Message] = [{"role": "system", "content": prompt}] if prompt else []
    alternatives: dict[str, tuple[tuple[Message, ...], ...]] = {}
    model = None
    for number, one in enumerate(tables(value.get("messages"))):
        versions = tables(one.get("versions"))
        chosen = one.get("currentlySelected")
        at = chosen if isinstance(chosen, int) and -len(versions) <= chosen < len(versions) else -1
        if not versions:
            tally.note("messages without a version, left out")
            continue
        read = [_version(version, f"{number}:{n}", tally) for n, version in enumerate(versions)]
        messages += read[at]
        model = _model(versions[at]) or model
        others = tuple(tuple(said) for said in read if said and said is not read[at])
        if others and read[at]:
            alternatives[str(read[at][0]["id"])] = others
    if not any(message["role"] != "system" for message in messages):
        raise Unusable("no messages: the conversation is empty")
    last = plain_table(value.get("lastUsedModel"))
    yield Trace(
        id=id,
        format=LMStudio.name,
        name=text(value.get("name")) or "",
        started=utc(value.get("createdAt")),
        messages=tuple(messages),
        alternatives=alternatives,
        model=model or text(last.get("identifier")),
        metadata=without_empty({"preset": text(value.get("preset"))}),
    )


def _system_prompt(value: dict[str, Json]) -> str | None:
    fields = tables(plain_table(value.get("perChatPredictionConfig")).get("fields"))
    own = next((field.get("value") for field in fields if field.get("key") == _SYSTEM_PROMPT), None)
    return first_text(own, value.get("systemPrompt"))


def _model(version: dict[str, Json]) -> str | None:
    steps = tables(version.get("steps"))
    found = [text(plain_table(step.get("genInfo")).get("identifier")) for step in steps]
    return first_text(*reversed(found), plain_table(version.get("senderInfo")).get("senderName"))


def _version(version: dict[str, Json], id: str, tally: Tally) -> list[Message]:
    """One version of one message: what was said, the tools called, and what they gave."""
    messages: list[Message] = []
    said: list[Json] = []
    calls: list[Message] = []

    def end() -> None:
        if said or calls:
            raw = {"role": version.get("role"), "content": joined(list(said)), "tool_calls": list(calls)}
            messages.extend(messages_of({**raw, "id": f"{id}:{len(messages)}"}, tally))
            said.clear()
            calls.clear()

    for entry in _entries(version, tally):
        kind = entry.get("type")
        if kind == "toolCallRequest":
            calls.append(_called(entry))
        elif kind == "toolCallResult":
            end()
            call = first_text(entry.get("toolCallId"), entry.get("toolCallRequestId"), entry.get("callId"))
            messages += messages_of({"role": "tool", "content": entry.get("content"), "tool_call_id": call}, tally)
        elif kind == "text":
            said.append({"type": "text", "text": text(entry.get("text")) or ""})
        else:
            said.append({"type": str(kind), **without_empty({"name": text(entry.get("name"))})})
    end()
    return messages


def _entries(version: dict[str, Json], tally: Tally) -> list[dict[str, Json]]:
    """What a version is put together from, without thoughts and the program's own steps."""
    entries = tables(version.get("content"))
    for step in tables(version.get("steps")):
        if step.get("type") != "contentBlock":
            continue
        if plain_table(step.get("style")).get("type") == "thinking":
            tally.note(REASONING_NOTE)
        else:
            entries += tables(step.get("content"))
    return entries


def _called(entry: dict[str, Json]) -> Message:
    id = first_text(entry.get("toolCallRequestId"), entry.get("callId"), entry.get("id"))
    return tool_call(id, entry.get("name"), entry.get("arguments") or entry.get("parameters"))
