"""The JSON objects that a prompt describes, with placeholders, comments and alternatives where values would stand.

Such a description is seldom JSON: {"overall": <1-5>, // a whole number
"verdict": "pass" | "fail", "理由": ...}. What is taken from it are its keys, and what is said of each value.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」"}
_MOST_NESTED = 6
_BLANK = re.compile(r"[\s,，;]*")
_COMMENT = re.compile(r"//([^\n]*)|#([^\n]*)|/\*(.*?)\*/", re.DOTALL)
_ELLIPSIS = re.compile(r"\.{3}|…+")
_BARE_KEY = re.compile(r"[^\W\d][\w ]{0,40}?(?=\s*[:：])")
_COLON = re.compile(r"\s*[:：]\s*")
_VARIABLE = re.compile(r"\{[A-Za-z_][\w.]*\}")
_ALTERNATIVE = re.compile(r"\s*(?:\||/(?!/)|\bor\b|或者?)\s*")
_NEXT = re.compile(r"[ \t]*(?:[\"'“‘「]|\r?\n|//|#|\}|[^\W\d][\w ]{0,40}\s*[:：])")
_PLACEHOLDER = re.compile(r"\[[^\[\]{}\"',\n]+\]")  # "overall": [1-5]
_BRACKETS = {"<": ">", "(": ")", "（": "）", "[": "]"}


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One value in a described object: its keys from the outermost, and what stands in its place.

    kind: "text" for one quoted string, "array", else "bare". comment: what is said behind it.
    """

    path: tuple[str, ...]
    kind: Literal["text", "bare", "array"]
    text: str
    comment: str = ""


class Described(msgspec.Struct, frozen=True):
    """An object that a prompt describes, and where its text stands."""

    leaves: tuple[Leaf, ...]
    start: int
    end: int


def objects_in(text: str) -> list[Described]:
    """The outermost objects described in a text, in order."""
    found: list[Described] = []
    at = text.find("{")
    while at >= 0:
        leaves: list[Leaf] = []
        end = _object(text, at, (), leaves)
        if end is not None and leaves:
            found.append(Described(tuple(leaves), at, end))
        at = text.find("{", end if end is not None and leaves else at + 1)
    return found


def _object(text: str, start: int, path: tuple[str, ...], leaves: list[Leaf]) -> int | None:
    """Collect the leaves of the object that opens at start; where it ends, or None when it is none."""
    if len(path) >= _MOST_NESTED:
        return None
    at = start + 1
    first = len(leaves)
    while True:
        at = _skipped(text, at, leaves, first)
        if text.startswith("}", at):
            return at + 1
        key, at = _key(text, at)
        colon = _COLON.match(text, at) if key is not None else None
        if key is None or colon is None:
            return None
        after = _value(text, colon.end(), (*path, key), leaves)
        if after is None:
            return None
        at = after


def _skipped(text: str, at: int, leaves: list[Leaf], first: int) -> int:
    """Past blanks, commas, ellipses and comments; a comment belongs to the value before it."""
    while True:
        blank = _BLANK.match(text, at)
        at = blank.end() if blank else at
        if dots := _ELLIPSIS.match(text, at):
            at = dots.end()
        elif comment := _COMMENT.match(text, at):
            at = comment.end()
            if len(leaves) > first:
                said = next(group for group in comment.groups() if group is not None)
                leaves[-1] = msgspec.structs.replace(leaves[-1], comment=f"{leaves[-1].comment} {said.strip()}".strip())
        else:
            return at


def _key(text: str, at: int) -> tuple[str | None, int]:
    if at < len(text) and text[at] in _QUOTES:
        end = text.find(_QUOTES[text[at]], at + 1, at + 80)
        key = text[at + 1 : end].strip()
        return (key, end + 1) if end > 0 and key and "\n" not in key else (None, at)
    match = _BARE_KEY.match(text, at)
    return (match[0].strip(), match.end()) if match else (None, at)


def _value(text: str, at: int, path: tuple[str, ...], leaves: list[Leaf]) -> int | None:
    opening = text[at : at + 1]
    if opening == "{" and not _VARIABLE.match(text, at):
        return _object(text, at, path, leaves)
    if opening == "[" and not _PLACEHOLDER.match(text, at):
        end = _closed(text, at, "[", "]")
        leaves.append(Leaf(path=path, kind="array", text=text[at:end]))
        return end
    if opening in _QUOTES and opening:
        return _quoted(text, at, path, leaves)
    end = _bare_end(text, at)
    if end >= len(text):
        return None
    leaves.append(Leaf(path=path, kind="bare", text=text[at:end].strip()))
    return end


def _quoted(text: str, start: int, path: tuple[str, ...], leaves: list[Leaf]) -> int | None:
    """A quoted string, or several with "|" or "or" between them."""
    at, count = start, 0
    while True:
        end = text.find(_QUOTES[text[at]], at + 1)
        while end > 0 and text[end - 1] == "\\":
            end = text.find(_QUOTES[text[at]], end + 1)
        if end < 0:
            return None
        at, count = end + 1, count + 1
        between = _ALTERNATIVE.match(text, at)
        if not between or text[between.end() : between.end() + 1] not in _QUOTES or between.end() >= len(text):
            break
        at = between.end()
    rest = _bare_end(text, at)
    said = text[at:rest].strip()
    if count > 1:
        leaves.append(Leaf(path=path, kind="bare", text=text[start:at], comment=said))
    else:
        leaves.append(Leaf(path=path, kind="text", text=text[start + 1 : at - 1].strip(), comment=said))
    return rest


def _bare_end(text: str, at: int) -> int:
    """Where a value without quotes ends: at a line's end, a brace, a comment, or a comma before the next key."""
    while at < len(text):
        character = text[at]
        if (
            character in "}\n"
            or text.startswith(("//", "/*"), at)
            or (character == "#" and text[at - 1 : at].isspace())
        ):
            return at
        if character in ",，" and _NEXT.match(text, at + 1):
            return at
        if character in _BRACKETS:
            end = _closed(text, at, character, _BRACKETS[character])
            at = end if "\n" not in text[at:end] else at + 1
        elif variable := _VARIABLE.match(text, at):
            at = variable.end()
        else:
            at += 1
    return at


def _closed(text: str, at: int, opening: str, closing: str) -> int:
    """Just past the bracket that closes the one at `at`; the end of the text when none does."""
    depth = 0
    for index in range(at, len(text)):
        if text[index] == opening:
            depth += 1
        elif text[index] == closing:
            depth -= 1
            if depth == 0:
                return index + 1
    return len(text)
