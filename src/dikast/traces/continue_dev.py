"""Continue's development data: a file for each kind of event, and the sessions that its side bar shows.

Nothing but its prompt and completion ties a thumb to an answer, so thumbs are found by these; a first pass keeps the
hashes alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import ROLES, Message, chat_messages, messages_of
from dikast.traces.decoding import first_text, plain_table, tables, text, utc, words
from dikast.traces.formats import Read, Sample
from dikast.traces.items import Item, files_in, objects_of, traces_of, values_of
from dikast.traces.loose import own_id, without_empty
from dikast.traces.trace import Feedback, Span, Trace

_EDITS = frozenset({"editInteraction", "editOutcome", "nextEditOutcome", "quickEdit"})
_EVENTS = _EDITS | {
    "chatInteraction",
    "chatFeedback",
    "toolUsage",
    "autocomplete",
    "nextEditWithHistory",
    "tokensGenerated",
}
# A message ends with an empty line; a tag in the middle of a paragraph is what somebody wrote.
_TAG = re.compile(r"(?:\A|\n\n)<(system|user|assistant|tool)>\n")
_TOLD_BY = {
    "functionName": "toolUsage",
    "newCode": "editOutcome",
    "prefix": "autocomplete",
    "feedback": "chatFeedback",
    "completion": "chatInteraction",
    "dateCreated": "index of sessions",
}
_ABOUT = ("modelProvider", "modelTitle", "userAgent", "filepath", "gitRepo", "selectedProfileId")


class ContinueDev:
    """Continue's development data of versions 0.1.0 and 0.2.0, its file destination, and its sessions."""

    name = "continue"
    title = "Continue dev data and sessions"

    def recognises(self, sample: Sample) -> bool:
        """By events of its schema, by what they hold where a destination left the schema out, or by a session."""
        return any(map(_is_event, values_of(sample)))

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each answer, edit and completion, and for each session, with what the user said to it."""
        files = tuple(files_in(paths, (".jsonl", ".json"), tally))
        thumbs = _thumbs(files)
        answered: set[str] = set()
        for item in objects_of(files, Tally()):
            if isinstance(item, Item) and _event(item)[0] == "chatInteraction":
                answered.add(_key(_event(item)[1]))
        seen: set[str] = set()

        def made(item: Item) -> Iterator[Trace]:
            kind, value = _event(item)
            yield from _traces(kind, value, thumbs, answered, seen, tally)

        yield from traces_of(objects_of(files, tally), made, tally)


def _is_event(value: dict[str, Json]) -> bool:
    data = plain_table(value.get("data"))
    if "name" in value and "level" in value and data:
        return str(value["name"]) in _EVENTS
    if str(value.get("eventName")) in _EVENTS or _is_session(value):
        return True
    model = {"modelProvider", "modelTitle", "modelName"} & value.keys()
    told = value.keys() >= {"prompt", "completion"} and bool(model)
    return told and bool({"sessionId", "feedback", "accepted"} & value.keys())


def _is_session(value: dict[str, Json]) -> bool:
    return "sessionId" in value and isinstance(value.get("history"), list)


def _event(item: Item) -> tuple[str, dict[str, Json]]:
    """The kind of an event and what it says; by its file or its keys where it doesn't name itself."""
    value: dict[str, Json] = plain_table(item.value)
    if "level" in value and isinstance(value.get("data"), dict):
        return str(value.get("name")), {"timestamp": value.get("timestamp"), **value["data"]}
    if _is_session(value):
        return "session", value
    stem = Path(item.file).name.partition(".")[0]
    named = first_text(value.get("eventName"), stem if stem in _EVENTS else None)
    if named:
        return named, value
    return next((kind for key, kind in _TOLD_BY.items() if key in value), "unknown"), value


def _key(value: dict[str, Json]) -> str:
    parts = (text(value.get(name)) or "" for name in ("sessionId", "prompt", "completion"))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _thumbs(files: tuple[Path, ...]) -> dict[str, list[Feedback]]:
    """What users said, by the answer that they said it of. A press of the thumb may stand more than once."""
    found: dict[str, list[Feedback]] = {}
    for item in objects_of(files, Tally()):
        if not isinstance(item, Item):
            continue
        kind, value = _event(item)
        if kind == "chatFeedback" and isinstance(value.get("feedback"), bool):
            said = found.setdefault(_key(value), [])
            said[:] = [one for one in said if one.value != value["feedback"]]
            said.append(_said(value, "feedback"))
    return found


def _said(value: dict[str, Json], name: str) -> Feedback:
    who, at = text(value.get("userId")), utc(value.get("timestamp"))
    return Feedback(name=name, value=value[name], source="user", annotator=who, at=at)


def _traces(
    kind: str,
    value: dict[str, Json],
    thumbs: dict[str, list[Feedback]],
    answered: set[str],
    seen: set[str],
    tally: Tally,
) -> Iterator[Trace]:
    if kind == "session":
        yield _session(value, tally)
    elif kind in ("chatInteraction", "chatFeedback"):
        if kind == "chatFeedback" and not isinstance(value.get("feedback"), bool):
            tally.note("feedback that says neither up nor down, left out")
            return
        key = _key(value)
        if kind == "chatFeedback" and (key in answered or key in seen):
            return  # told with the answer itself
        if key in seen:
            tally.note("answers that stand in two files or twice, read once")
            return
        seen.add(key)
        yield _answer(kind, value, key, thumbs.get(key, []))
    elif kind in _EDITS or kind == "autocomplete":
        yield _completion(kind, value)
    else:
        tally.note(f"events that hold no answer: {kind[:40]}, not read")


def _answer(kind: str, value: dict[str, Json], key: str, said: list[Feedback]) -> Trace:
    completion = text(value.get("completion"))
    messages = _split(text(value.get("prompt")) or "")
    if not messages and completion is None:
        raise Unusable("no text: written at the level noCode, or by a model that answered nothing")
    asked = list(messages)
    if completion is not None:
        messages.append({"role": "assistant", "content": completion, "id": key})
    about = {"tools": list(words(value.get("tools"))),
             "rules": [rule.get("slug") or rule.get("id") for rule in tables(value.get("rules"))]}  # fmt: skip
    return Trace(
        id=key,
        name="chat",
        input=asked or None,
        output=completion,
        messages=tuple(messages),
        feedback=tuple(said),
        conversation=text(value.get("sessionId")),
        **_common(value, about),
    )


def _common(value: dict[str, Json], more: dict[str, Json]) -> dict[str, Json]:
    return {
        "format": ContinueDev.name,
        "started": utc(value.get("timestamp")),
        "user": text(value.get("userId")),
        "model": first_text(value.get("modelName"), value.get("modelTitle")),
        "metadata": without_empty({**{name: text(value.get(name)) for name in _ABOUT}, **more}),
    }


def _split(prompt: str) -> list[Message]:
    """The messages that a prompt was put together from; all of it is the user's where no tag stands in it."""
    tags = list(_TAG.finditer(prompt))
    if not tags or prompt[: tags[0].start()].strip():
        return [{"role": "user", "content": prompt}] if prompt else []
    ends = [tag.start() for tag in tags[1:]] + [len(prompt)]
    return [
        {"role": ROLES[tag[1]], "content": prompt[tag.end() : end].removesuffix("\n\n")}
        for tag, end in zip(tags, ends, strict=True)
    ]


def _completion(kind: str, value: dict[str, Json]) -> Trace:
    """An edit or a completion while typing: whether it was taken is what the user thinks of it."""
    output = first_text(value.get("newCode"), value.get("completion"))
    shown = {name: text(value.get(name)) for name in ("previousCode", "prefix", "suffix")}
    if kind != "autocomplete" or not (shown["prefix"] or shown["suffix"]):
        shown = {"prompt": text(value.get("prompt")), **shown}
    input = without_empty(shown)
    if not input and output is None:
        raise Unusable("no text: written at the level noCode")
    accepted = isinstance(value.get("accepted"), bool)
    return Trace(
        id=first_text(value.get("completionId")) or own_id(kind, value.get("timestamp"), input, output),
        name=kind,
        input=input["prompt"] if set(input) == {"prompt"} else input,
        output=output,
        feedback=(_said(value, "accepted"),) if accepted else (),
        conversation=text(value.get("sessionId")),
        **_common(value, {}),
    )


def _session(value: dict[str, Json], tally: Tally) -> Trace:
    messages: list[Message] = []
    spans: list[Span] = []
    model = None
    for number, step in enumerate(tables(value.get("history"))):
        raw = plain_table(step.get("message"))
        id = text(raw.get("id")) or f"{number}"
        calls = {"tool_calls": raw.get("toolCalls"), "tool_call_id": raw.get("toolCallId")}
        if raw.get("role") == "thinking":
            messages += chat_messages([{"type": "reasoning"}], tally)
            continue
        messages += messages_of({**raw, **without_empty(calls), "id": id}, tally)
        documents = [
            {"content": text(one.get("content")) or "",
             **without_empty({"id": text(plain_table(one.get("id")).get("itemId")),
                              "metadata": without_empty({"name": text(one.get("name"))})})}
            for one in tables(step.get("contextItems"))
        ]  # fmt: skip
        if documents:
            spans.append(Span(id=f"{id}:context", name="contextItems", kind="retrieval", output=documents,
                              attributes={"message": id}))  # fmt: skip
        model = first_text(*(log.get("modelTitle") for log in tables(step.get("promptLogs")))) or model
    if not messages:
        raise Unusable("no messages: the session is empty")
    return Trace(
        id=str(value["sessionId"]),
        format=ContinueDev.name,
        name=text(value.get("title")) or "",
        messages=tuple(messages),
        spans=tuple(spans),
        conversation=text(value.get("sessionId")),
        model=model,
        metadata=without_empty({"workspace": text(value.get("workspaceDirectory"))}),
    )
