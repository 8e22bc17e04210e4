"""Chats of Cursor: from its database, and from the Markdown that its menu exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from dikast.errors import DataError
from dikast.interactions.opening import opened
from dikast.interactions.rows import Tally, Unusable, shown_raw
from dikast.interactions.values import decode_json
from dikast.records import Json
from dikast.traces.chat_messages import REASONING_NOTE, Message, tool_call
from dikast.traces.cursor_database import Value, chat_rows
from dikast.traces.decoding import first_text, plain_table, tables, text, utc
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.items import files_in
from dikast.traces.loose import own_id, without_empty
from dikast.traces.trace import Trace

_SQLITE = b"SQLite format 3\0"
_ROLES = {1: "user", 2: "assistant"}
# A rule alone may stand in an answer; before a role it parts two messages.
_BLOCK = re.compile(r"^---[ \t]*\n(?:[ \t]*\n)*\*\*(User|Cursor)\*\*[ \t]*$", re.MULTILINE)
_EXPORTED = re.compile(r"^_Exported on (.+?) from Cursor \(([^)]*)\)_[ \t]*$", re.MULTILINE)


class Cursor:
    """Chats of Cursor."""

    name = "cursor"
    title = "Cursor chats"

    def recognises(self, sample: Sample) -> bool:
        """By a database with its table of chats, or the head of its Markdown export."""
        if sample.head.startswith(_SQLITE):
            return b"cursorDiskKV" in sample.head or sample.path.suffix == ".vscdb"
        return _EXPORTED.search(sample.head[:2000].decode("utf-8", "replace")) is not None

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each chat."""
        for path in files_in(paths, (".vscdb", ".md"), tally):
            with opened(str(path), path) as file:
                is_database = file.head.startswith(_SQLITE)
            yield from (_of_database(path, tally) if is_database else _of_markdown(path))


def _of_database(path: Path, tally: Tally) -> Iterator[Read]:
    with chat_rows(path) as rows:
        seen = 0
        for number, (id, raw) in enumerate(rows.chats(), 1):
            tally.read += 1
            try:
                chat = _decoded(raw)
                bubbles: dict[str, dict[str, Json]] = {}
                for bubble, value in rows.messages(id):
                    seen += 1
                    _keep(bubbles, bubble, value, tally)
                yield _chat(id, chat, bubbles, tally)
            except Unusable as unusable:
                yield Dropped(str(path), number, unusable.reason, shown_raw(_raw(raw)))
        tally.note("messages of chats that are not in the database, left out", rows.message_count() - seen)


def _raw(value: Value) -> bytes | str | None:
    return value if isinstance(value, (bytes, str)) else None


def _decoded(value: Value) -> dict[str, Json]:
    if value is None:
        raise Unusable("deleted: the chat has no content any more")
    wording = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    decoded = decode_json(wording, Tally())
    if decoded is None:
        raise Unusable("deleted: the chat has no content any more")
    if not isinstance(decoded, dict):
        raise Unusable("not an object: the row of a chat or message holds something else")
    return decoded


def _keep(bubbles: dict[str, dict[str, Json]], id: str, value: Value, tally: Tally) -> None:
    try:
        bubbles[id] = _decoded(value)
    except Unusable as unusable:
        tally.note(f"messages without content, left out ({unusable.reason.partition(':')[0]})")


def _chat(id: str, chat: dict[str, Json], bubbles: dict[str, dict[str, Json]], tally: Tally) -> Trace:
    messages: list[Message] = []
    listed = _in_order(chat, bubbles, tally)
    for bubble_id, bubble in listed:
        messages += _said(bubble_id, bubble, tally)
    if not messages:
        raise Unusable("no messages: the chat is empty")
    times = [time for _, bubble in listed if (time := utc(bubble.get("createdAt")))]
    about = {"status": text(chat.get("status")), "mode": first_text(chat.get("unifiedMode"), chat.get("forceMode"))}
    return Trace(
        id=id,
        format=Cursor.name,
        name=text(chat.get("name")) or "",
        started=utc(chat.get("createdAt")) or min(times, default=None),
        messages=tuple(messages),
        model=text(plain_table(chat.get("modelConfig")).get("modelName")),
        metadata=without_empty(about),
    )


def _in_order(
    chat: dict[str, Json], bubbles: dict[str, dict[str, Json]], tally: Tally
) -> list[tuple[str, dict[str, Json]]]:
    """The messages as the chat lists them. Older chats hold them themselves."""
    held = {str(key): plain_table(one) for key, one in plain_table(chat.get("conversationMap")).items()}
    headers = tables(chat.get("fullConversationHeadersOnly"))
    if not headers:
        inline = tables(chat.get("conversation"))
        if inline:
            return [(text(one.get("bubbleId")) or str(number), one) for number, one in enumerate(inline)]
        together = list({**held, **bubbles}.items())
        return sorted(together, key=lambda pair: utc(pair[1].get("createdAt")) or "")
    found: list[tuple[str, dict[str, Json]]] = []
    for header in headers:
        id = text(header.get("bubbleId")) or ""
        bubble = bubbles.get(id) or held.get(id)
        if bubble is None:
            tally.note("messages that a chat lists and the database doesn't hold")
        else:
            found.append((id, {"type": header.get("type"), **bubble}))
    tally.note("messages that their chat doesn't list, left out", len(bubbles.keys() - {id for id, _ in found}))
    return found


def _said(id: str, bubble: dict[str, Json], tally: Tally) -> list[Message]:
    kind = bubble.get("type")
    role = _ROLES.get(kind) if isinstance(kind, int) else None
    if role is None:
        tally.note("messages of neither user nor assistant, left out")
        return []
    wording = text(bubble.get("text")) or ""
    for block in tables(bubble.get("codeBlocks")):
        code = text(block.get("content"))
        if code and code not in wording:
            wording = f"{wording}\n\n```{text(block.get('languageId')) or ''}\n{code}\n```".lstrip("\n")
    tool = plain_table(bubble.get("toolFormerData"))
    if plain_table(bubble.get("thinking")).get("text"):
        tally.note(REASONING_NOTE)
    if not wording and not tool.get("name"):
        return []
    message: Message = {"role": role, "content": wording or None, "id": id}
    if not tool.get("name"):
        return [message]
    call = text(tool.get("toolCallId")) or id
    message["tool_calls"] = [tool_call(call, tool.get("name"), first_text(tool.get("rawArgs"), tool.get("params")))]
    result = text(tool.get("result"))
    return [message, {"role": "tool", "content": result, "tool_call_id": call}] if result else [message]


def _of_markdown(path: Path) -> Iterator[Read]:
    with opened(str(path), path) as file:
        wording = file.stream.read().decode("utf-8", "replace").replace("\r\n", "\n")
    exported = _EXPORTED.search(wording)
    blocks = list(_BLOCK.finditer(wording))
    if exported is None:
        raise DataError(
            f"{str(path)!r} is no chat of Cursor: the line '_Exported on ... from Cursor (...)_' is missing"
        )
    if not blocks:
        yield Dropped(str(path), 1, "no messages: no part is headed **User** or **Cursor**", wording[:2000])
        return
    ends = [block.start() for block in blocks[1:]] + [len(wording)]
    messages = [
        {"role": "user" if block[1] == "User" else "assistant", "content": wording[block.end() : end].strip(),
         "id": str(number)}
        for number, (block, end) in enumerate(zip(blocks, ends, strict=True), 1)
    ]  # fmt: skip
    title = wording[: exported.start()].strip().removeprefix("#").strip()
    yield Trace(
        id=own_id(title, messages),
        format=Cursor.name,
        name=title,
        messages=tuple(messages),
        metadata={"exported": exported[1], "version": exported[2]},
    )
