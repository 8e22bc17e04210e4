"""The export of ChatGPT: conversations as trees, in a file, in several, or in the ZIP, and thumbs in a file beside."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import msgspec

from dikast.errors import DataError
from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.branching import branch_traces
from dikast.traces.chat_messages import REASONING_NOTE, Message, joined, messages_of
from dikast.traces.chat_tree import Node, Tree
from dikast.traces.decoding import first_text, plain_table, table, text, unpacked, utc, words
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.items import Item, files_in, items_in, items_of, traces_of, values_of
from dikast.traces.loose import as_list, own_id, thumb, without_empty
from dikast.traces.trace import Feedback, Trace

_UP = frozenset({"thumbs_up", "thumbsup", "up", "positive"})
_DOWN = frozenset({"thumbs_down", "thumbsdown", "down", "negative"})
_REASONING = frozenset({"thoughts", "reasoning_recap"})
_ABOUT_USER = frozenset({"user_editable_context", "model_editable_context"})
_BROKEN = (zipfile.BadZipFile, RuntimeError, EOFError, zlib.error, OSError)
_FEEDBACK_FILE = "message_feedback.json"


class ChatGPT:
    """Conversations of ChatGPT as its data export holds them."""

    name = "chatgpt"
    title = "ChatGPT data export"

    def recognises(self, sample: Sample) -> bool:
        """By conversations with a mapping of nodes, or a ZIP that holds files of conversations."""
        if sample.head.startswith(b"PK"):
            return any(_holds_conversations(name) for name in sample.members)
        values = values_of(sample)
        return any(isinstance(one.get("mapping"), dict) or _is_thumb(one) for one in values)

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each conversation, and for each branch of it that the user left."""
        files = tuple(files_in(paths, (".json", ".zip"), tally))
        thumbs: dict[str, list[Feedback]] = {}
        used: set[str] = set()
        for item in _items(files, Tally(), feedback=True):
            if isinstance(item, Item) and isinstance(item.value, dict) and _is_thumb(item.value):
                conversation, said = _thumb(item.value)
                thumbs.setdefault(conversation, []).append(said)

        def made(item: Item) -> Iterator[Trace]:
            value = item.value
            if isinstance(value, dict) and _is_thumb(value):
                return
            if not isinstance(value, dict) or not isinstance(value.get("mapping"), dict):
                raise Unusable("no conversation: a mapping of nodes was expected")
            id = first_text(value.get("conversation_id"), value.get("id")) or own_id(value["mapping"])
            used.add(id)
            yield from _conversation(id, value, tuple(thumbs.get(id, ())), tally)

        yield from traces_of(_items(files, tally, feedback=False), made, tally)
        lost = sum(len(said) for conversation, said in thumbs.items() if conversation not in used)
        tally.note("thumbs for conversations that are not in the files", lost)


def _holds_conversations(name: str) -> bool:
    stem = PurePosixPath(name).name
    return stem == "conversations.json" or (stem.startswith("conversations-") and stem.endswith(".json"))


def _items(files: tuple[Path, ...], tally: Tally, *, feedback: bool) -> Iterator[Item | Dropped]:
    """The elements of all files. With `feedback` only of those that may hold thumbs."""
    for path in files:
        if zipfile.is_zipfile(path):
            yield from _zipped(path, tally, feedback)
        elif not feedback or not _holds_conversations(path.name):
            yield from items_of(path, tally)


def _zipped(path: Path, tally: Tally, feedback: bool) -> Iterator[Item | Dropped]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            conversations = sorted(name for name in names if _holds_conversations(name))
            thumbs = [name for name in names if PurePosixPath(name).name == _FEEDBACK_FILE]
            if not conversations and not thumbs:
                raise DataError(
                    f"{str(path)!r} holds no conversations.json", hint="Give the export as it was downloaded."
                )
            tally.note("other files of the export, not read", len(names) - len(conversations) - len(thumbs))
            for name in thumbs if feedback else conversations:
                with archive.open(name) as member:
                    yield from items_in(f"{path}:{name}", cast(BinaryIO, member), tally)
    except _BROKEN as error:
        yield Dropped(str(path), 1, f"broken off: the ZIP can't be read further ({error})", "")


def _is_thumb(value: dict[str, Json]) -> bool:
    return "rating" in value and "conversation_id" in value and "mapping" not in value


def _thumb(value: dict[str, Json]) -> tuple[str, Feedback]:
    content = table(value.get("content"))
    told = [text(content.get("text")), ", ".join(words(content.get("tags")))]
    rating = thumb(value.get("rating"), up=_UP, down=_DOWN)
    return str(value["conversation_id"]), Feedback(
        name="rating",
        value=rating if rating is not None else text(value.get("rating")),
        comment="; ".join(wording for wording in told if wording) or None,
        source="user",
        annotator=text(value.get("user_id")),
        at=utc(value.get("create_time")),
        target=first_text(value.get("message_id"), value.get("id")),
    )


def _conversation(id: str, value: dict[str, Json], thumbs: tuple[Feedback, ...], tally: Tally) -> Iterator[Trace]:
    nodes: dict[str, Node] = {}
    said: dict[str, list[Message]] = {}
    ids: dict[str, str] = {}
    for number, (key, node) in enumerate(value["mapping"].items()):
        message = plain_table(plain_table(node).get("message"))
        asks = plain_table(message.get("author")).get("role") == "user" and not _is_hidden(message)
        nodes[key] = Node(text(plain_table(node).get("parent")), asks, _order(message.get("create_time"), number))
        said[key] = _said(key, message, tally)
        ids[text(message.get("id")) or key] = key
    model = next((wording for key in reversed(list(nodes)) if (wording := _model(value["mapping"][key]))), None)
    whole = Trace(
        id=id,
        format=ChatGPT.name,
        name=text(value.get("title")) or "",
        started=utc(value.get("create_time")),
        feedback=tuple(_at_node(one, ids) for one in thumbs),
        model=model or text(value.get("default_model_slug")),
        metadata=without_empty({"gizmo": text(value.get("gizmo_id"))}),
    )
    yield from branch_traces(whole, Tree(nodes), text(value.get("current_node")), said, tally)


def _at_node(one: Feedback, ids: dict[str, str]) -> Feedback:
    return msgspec.structs.replace(one, target=ids.get(one.target or "", one.target))


def _model(node: Json) -> str | None:
    message = plain_table(plain_table(node).get("message"))
    return text(plain_table(message.get("metadata")).get("model_slug"))


def _is_hidden(message: dict[str, Json]) -> bool:
    return message.get("weight") == 0 or bool(
        plain_table(message.get("metadata")).get("is_visually_hidden_from_conversation")
    )


def _said(key: str, message: dict[str, Json], tally: Tally) -> list[Message]:
    """What a node shows to the user; what a tool got and gave stays as text of the tool."""
    content = plain_table(message.get("content"))
    kind = text(content.get("content_type"))
    if not message or _is_hidden(message) or kind in _ABOUT_USER:
        return []
    if kind in _REASONING:
        tally.note(REASONING_NOTE)
        return []
    author = plain_table(message.get("author"))
    parts = _parts(content, tally)
    if joined(parts) in (None, "", []):
        return []
    recipient = text(message.get("recipient"))
    if author.get("role") == "assistant" and recipient not in (None, "all"):
        call = {"id": key, "function": {"name": recipient, "arguments": unpacked(joined(parts))}}
        return messages_of({"role": "assistant", "content": None, "tool_calls": [call], "id": key}, tally)
    name = text(author.get("name")) if author.get("role") == "tool" else None
    return messages_of(without_empty({"role": author.get("role"), "content": parts, "id": key, "name": name}), tally)


def _parts(content: dict[str, Json], tally: Tally) -> list[Json]:
    if "parts" not in content:
        wording = first_text(content.get("text"), content.get("result"))
        return [{"type": "text", "text": wording}] if wording else []
    parts: list[Json] = []
    for part in as_list(content["parts"]):
        if isinstance(part, str):
            parts += [{"type": "text", "text": part}] if part else []
        elif isinstance(part, dict):
            kind = text(part.get("content_type")) or "other"
            wording = text(part.get("text"))  # what was said aloud, written down
            parts.append({"type": "text", "text": wording} if wording else {"type": kind, **without_empty(
                {"name": first_text(part.get("name"), part.get("asset_pointer"))})})  # fmt: skip
    return parts


def _order(time: Json, number: int) -> float:
    known = isinstance(time, (int, float)) and not isinstance(time, bool)
    return float(time) + number * 1e-6 if known else number * 1e-6
