"""JSON objects in free text: where each begins and ends, and in what state it is.

A model writes prose, quotes and drafts around its answer, so the first brace and the last brace say nothing. Objects
are found one by one, from left to right, outermost first. Each is

- `valid`: JSON as it stands (a raw newline or tab inside a string is let pass);
- `broken`: its brackets balance, but it is not JSON: single quotes, trailing commas, comments, full-width punctuation;
- `open`: it begins like an object and its end never comes.

Braces that don't begin like an object, such as those of a set or of code, are passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

State = Literal["valid", "broken", "open"]

# All characters that may be looked at in one answer, rescans included: keeps hostile braces from costing minutes.
_WORK_LIMIT = 2_000_000

_QUOTES = {'"': '"”', "'": "'’", "“": '”"', "‘": "’'"}
_PAIRS = {"}": "{", "]": "["}
_MARK = re.compile(r"[\"'“‘{}\[\]]")
_QUOTE = re.compile(r"[\"'“‘]")
_NOT_SPACE = re.compile(r"\S")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_BEGINS_JSON = re.compile(r"\{\s*[\"}]")
_BEGINS_OBJECT = re.compile(
    r"""\{ (?: \s | //[^\n]*\n | \#[^\n]*\n | /\*.*?\*/ )*    # space and comments
        (?: \} | [*_`]* 
        (?: ["'“‘] [*_`]* [^\W\d] [\w .-]{0,60}? [*_`]* ["'”’] | [^\W\d] [\w-]{0,40}? ) [*_`]* \s* [:：=] )""",
    re.VERBOSE | re.DOTALL,
)
_AFTER_KEY = re.compile(r"[\"'”’][*_`\s]*[:：]\s*\[?\s*$")


class Found(NamedTuple):
    """One object in a text: text[start:end], its state, and its value if that is valid JSON.

    `nested`: a quoted key stands right before it, so that it is part of something larger.
    """

    start: int
    end: int
    state: State
    value: dict[str, Any] | None
    nested: bool


class TooTangled(Exception):
    """The text has so many unfinished objects that searching it would not end in reasonable time."""


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(strict=False, parse_constant=_no_constant)


def find_objects(text: str) -> list[Found]:
    """The objects of a text, in order. Raises TooTangled."""
    found: list[Found] = []
    work = 0
    at = text.find("{")
    while at >= 0:
        one, cost = _object_at(text, at)
        work += cost
        if work > _WORK_LIMIT:
            raise TooTangled
        if one is not None:
            found.append(one)
        resume = one.end if one is not None and one.state != "open" else at + 1
        at = text.find("{", resume)
    return found


def valid_spans(text: str) -> list[tuple[int, int]]:
    """Where valid objects stand, also behind one that never ended. Raises TooTangled."""
    spans: list[tuple[int, int]] = []
    work = 0
    at = text.find("{")
    while at >= 0:
        one, cost = _decoded(text, at)
        work += cost
        if work > _WORK_LIMIT:
            raise TooTangled
        if one is not None:
            spans.append((at, one[1]))
        at = text.find("{", one[1] if one is not None else at + 1)
    return spans


def _decoded(text: str, at: int) -> tuple[tuple[dict[str, Any], int] | None, int]:
    """The valid object at a brace and its end, if there is one, and how many characters were looked at."""
    if not _BEGINS_JSON.match(text, at):  # most braces in prose and thinking; an exception each would cost much more
        return None, 1
    try:
        value, end = _decoder.raw_decode(text, at)
        return (value, end), end - at
    except json.JSONDecodeError as error:
        return None, max(error.pos - at, 1)
    except (ValueError, RecursionError):
        return None, len(text) - at


def _object_at(text: str, at: int) -> tuple[Found | None, int]:
    """The object that begins at a brace, if one does, and how many characters were looked at."""
    nested = _AFTER_KEY.search(text, max(0, at - 12), at) is not None
    valid, cost = _decoded(text, at)
    if valid is not None:
        return Found(at, valid[1], "valid", valid[0], nested), cost
    if not _BEGINS_OBJECT.match(text, at):
        return None, cost
    closed, _ = balance(text, at)
    if closed is None:
        return Found(at, len(text), "open", None, nested), cost + len(text) - at
    return Found(at, closed, "broken", None, nested), cost + closed - at


def balance(text: str, start: int) -> tuple[int | None, str | None]:
    """Where the brackets that open at `start` are all closed again, reading quotes as people misuse them.

    When they never are: (None, the closing brackets that are missing), or (None, None) if the text ends inside a string
    or closes the wrong bracket.
    """
    stack: list[str] = []
    at = start
    while mark := _MARK.search(text, at):
        at = mark.end()
        sign = mark.group()
        if sign in _QUOTES:
            if _opens_string(text, mark.start()):
                closed = _string_end(text, at, _QUOTES[sign])
                if closed is None:
                    return None, None
                at = closed
        elif sign in "{[":
            stack.append(sign)
        elif not stack or stack.pop() != _PAIRS[sign]:
            return None, None
        elif not stack:
            return at, ""
    return None, "".join("}" if sign == "{" else "]" for sign in reversed(stack))


def strings(text: str) -> Iterator[tuple[int, int]]:
    """Where the strings of an object stand, quotes included, as `balance` reads them."""
    at = 0
    while mark := _QUOTE.search(text, at):
        at = mark.end()
        if _opens_string(text, mark.start()):
            closed = _string_end(text, at, _QUOTES[mark.group()])
            if closed is None:
                return
            yield mark.start(), closed
            at = closed


def _opens_string(text: str, at: int) -> bool:
    """Whether a quote begins a string: structure stands before it, not a letter, as in `it's`."""
    before = text[max(0, at - 40) : at].rstrip().rstrip("*_`").rstrip()
    return not before or before[-1] in "{[,，:：;；=/" or before.endswith(("\n", "*/"))


def _string_end(text: str, at: int, closers: str) -> int | None:
    """Just after the quote that ends the string: the first one that structure or the end of the text follows."""
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            at += 2
            continue
        at += 1
        if sign in closers and _structure_follows(text, at):
            return at
    return None


def _structure_follows(text: str, at: int) -> bool:
    after = _NOT_SPACE.search(text, at)
    while after and text[after.start()] in "*_`":
        after = _NOT_SPACE.search(text, after.end())
    if after is None or text[after.start()] in ",，:：;；}]=#":
        return True
    if _COMMENT.match(text, after.start()):
        return True
    return "\n" in text[at : after.start()] and text[after.start()] in "\"'“‘"
