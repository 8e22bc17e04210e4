"""An interaction as parts, messages and passages: each text recognised and shown as what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from markupsafe import Markup

from dikast.records import Interaction, Json
from dikast.report.text import Excerpt, excerpt, one_line, readable, visible
from dikast.review import markup
from dikast.review.page import Message, Part, Passage, Row, Tool
from dikast.review.programs import programming_language

HEAD, TAIL = 60_000, 6_000  # shown of one text; beyond that a page becomes slow
PARTS = ("input", "output", "output_a", "output_b", "context", "reference")
_JUDGED = frozenset({"output", "output_a", "output_b"})
_LONGEST_VALUE = 300
_MARKDOWN = re.compile(
    r"^#{1,6} \S|^\s{0,3}[-*+] \S|^\s{0,3}\d{1,3}[.)] \S|^```|^~~~|^> |^\|.+\|\s*$"
    r"|\*\*\S[^*\n]*\*\*|`[^`\n]+`|!?\[[^\]\n]*\]\(\S+\)",
    re.MULTILINE,
)
_HEADER = re.compile(
    r"(?:from|to|subject|date|cc|reply-to|von|an|betreff|寄件者|收件者|主旨) ?[:：] ?\S", re.IGNORECASE
)
_DIFF = re.compile(r"^(?:diff --git |--- \S.*\n\+\+\+ \S|@@ -\d)", re.MULTILINE)
_TONES = {"user": "asks", "human": "asks", "assistant": "answers", "ai": "answers", "model": "answers"}


def parts_of(item: Interaction, words: Mapping[str, str], whole: str) -> tuple[Part, ...]:
    """The interaction's parts in reading order. whole: the address of a part's uncut text, but for the part's name."""
    found = []
    for field in PARTS:
        value = getattr(item, field)
        if value is None or (value == "" and field not in _JUDGED):
            continue
        text = readable(value)
        messages = tuple(_messages(value, words))
        cut = any(passage.cut for message in messages for passage in message.passages)
        found.append(
            Part(
                anchor=field,
                name=words[field],
                open=field in _JUDGED or field == "input" or len(text) < 1_500,
                judged=field in _JUDGED,
                length=words["characters"].format(n=f"{len(text):,}") if len(text) > 300 else "",
                messages=messages,
                whole=f"{whole}/{field}" if cut else "",
            )
        )
    return tuple(found)


def metadata_rows(item: Interaction) -> tuple[Row, ...]:
    """The metadata, a line each."""
    return tuple(
        Row(one_line(str(key), 80), one_line(readable(value), _LONGEST_VALUE)) for key, value in item.metadata.items()
    )


def passage_of(text: str, words: Mapping[str, str]) -> Passage:
    """One text as what it seems to be: JSON, a diff, an e-mail, a program, Markdown, or plain."""
    shown = excerpt(text, HEAD, TAIL)
    if shown.hidden:
        return _cut(shown, words)
    value = _as_json(text)
    if value is not None:
        return Passage("json", markup.json_tree(value), visible(text), "")
    if _DIFF.search(text[:2000]):
        return Passage("diff", markup.diff(text), "", "")
    head, _, body = text.lstrip().partition("\n\n")
    if sum(bool(_HEADER.match(line)) for line in head.splitlines()) >= 2:
        return Passage("letter", markup.letter(text.lstrip(), markup.plain(body)), "", "")
    language = programming_language(text)
    if language:
        return Passage("code", markup.code(text, language), "", "")
    if _MARKDOWN.search(text):
        return Passage("markdown", markup.markdown(text), visible(text), "")
    return Passage("plain", markup.plain(text), "", "")


def _cut(shown: Excerpt, words: Mapping[str, str]) -> Passage:
    gap = words["not_shown"].format(n=f"{shown.hidden:,}")
    html = markup.plain(shown.head) + Markup('<p class="gap">{}</p>').format(gap) + markup.plain(shown.tail)
    return Passage("plain", html, "", gap)


def _as_json(text: str) -> Json:
    """The object or list that the text is, or None."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return value if isinstance(value, (dict, list)) and value else None


def _messages(value: Json, words: Mapping[str, str]) -> Iterator[Message]:
    chat = isinstance(value, list) and bool(value) and all(isinstance(m, dict) and "role" in m for m in value)
    if not chat:
        text = value if isinstance(value, str) else None
        passages = (passage_of(text, words),) if text is not None else (_of_json(value, words),)
        yield Message("", "", "", passages if text != "" else (Passage("empty", Markup(), "", ""),), ())
        return
    for message in value:
        yield _message(message, words)


def _message(message: dict[str, Any], words: Mapping[str, str]) -> Message:
    role = one_line(str(message["role"]), 40)
    passages: list[Passage] = []
    tools: list[Tool] = []
    for text, call in _contents(message, words):
        if text:
            passages.append(passage_of(text, words))
        if call:
            tools.append(call)
    name = one_line(str(message.get("name") or ""), 60)
    folded = role in ("tool", "function", "system", "developer")
    return Message(
        role=" · ".join(filter(None, (words.get(f"role_{role}", role), name))),
        tone=_TONES.get(role, "tool" if folded else ""),
        folded=_first_words(message) if folded else "",
        passages=tuple(passages),
        tools=tuple(tools),
    )


def _contents(message: dict[str, Any], words: Mapping[str, str]) -> Iterator[tuple[str, Tool | None]]:
    """The texts and the tool calls of a message, in order; of several providers' ways of writing them."""
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, dict) and part.get("type") in ("tool_use", "tool_result", "tool_call"):
            name = str(part.get("name") or words[part["type"]])
            yield "", Tool(one_line(name, 80), _json_or_text(part.get("input", part.get("content", part))))
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"], None
        elif isinstance(part, dict):
            yield "", Tool(one_line(str(part.get("type") or "JSON"), 80), markup.json_tree(part))
        elif part is not None:
            yield part if isinstance(part, str) else readable(part), None
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        function = call.get("function", call) if isinstance(call, dict) else {"arguments": call}
        function = function if isinstance(function, dict) else {"arguments": function}
        yield (
            "",
            Tool(
                one_line(str(function.get("name") or words["tool_use"]), 80), _json_or_text(function.get("arguments"))
            ),
        )


def _json_or_text(value: Json) -> Markup:
    if isinstance(value, str):
        decoded = _as_json(value)
        return markup.plain(_shortened(value)) if decoded is None else markup.json_tree(decoded)
    return markup.json_tree(value)


def _of_json(value: Json, words: Mapping[str, str]) -> Passage:
    shown = excerpt(readable(value), HEAD, TAIL)
    return _cut(shown, words) if shown.hidden else Passage("json", markup.json_tree(value), "", "")


def _shortened(text: str) -> str:
    shown = excerpt(text, HEAD, TAIL)
    return f"{shown.head} … {shown.tail}" if shown.hidden else text


def _first_words(message: dict[str, Any]) -> str:
    return one_line(readable(message.get("content"))[:400], 90) or "…"
