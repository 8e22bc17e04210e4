"""JSON: an array of objects, an object that holds such an array, or one object; read piece by piece."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import BinaryIO

from dikast.errors import DataError
from dikast.interactions.columns import FieldNames, is_row_field
from dikast.interactions.json_text import QUOTE, Cut, JsonText, pieces
from dikast.interactions.opening import Opened
from dikast.interactions.rows import Row, Tally, Unusable
from dikast.interactions.values import decode_object


def read_json(file: Opened, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """The rows of a JSON file, each with the line where it begins."""
    first = file.head.lstrip()[:1]
    if first == b"[":
        text = JsonText(file.stream)
        text.skip()
        if (yield from _elements(text, names, tally)):
            yield from _rest(text)
    elif first == b"{":
        with file.seekable() as stream:
            yield from _read_object(file.name, stream, names, tally)
    else:
        raise DataError(f"{file.name!r} is no JSON of objects: it begins with {first.decode('utf-8', 'replace')!r}")


def _elements(text: JsonText, names: FieldNames, tally: Tally) -> Generator[Row, None, bool]:
    """The rows of an array; returns whether its end was found."""
    try:
        for line, piece in pieces(text):
            if piece:
                yield line, names.settle(decode_object(piece, tally)), piece
            else:
                yield line, Unusable("not JSON: a comma with nothing before or behind it"), b","
    except Cut as cut:
        yield cut.line, Unusable(cut.reason), cut.start
        return False
    return True


def _sequence(text: JsonText, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """One object, and any that follow it without an array around them."""
    while text.peek():
        line = text.line
        try:
            piece = text.value(alone=True)
        except Cut as cut:
            yield cut.line, Unusable(cut.reason), cut.start
            return
        if not piece:
            yield line, Unusable("not JSON: a bracket or comma between objects; the rest was not read"), text.peek()
            return
        yield line, names.settle(decode_object(piece, tally)), piece


def _rest(text: JsonText) -> Iterator[Row]:
    """What stands behind the end of the array, as one row that can't be used."""
    start = text.peek()
    if start:
        yield text.line, Unusable("not JSON: more text behind the end of the array; it was not read"), start


def _read_object(name: str, stream: BinaryIO, names: FieldNames, tally: Tally) -> Iterator[Row]:
    key = _list_key(name, stream, names, tally)
    stream.seek(0)
    text = JsonText(stream)
    if key is None:
        yield from _sequence(text, names, tally)
        return
    text.skip()
    while text.key() != key:
        text.drop()
        text.skip()  # the comma
    text.skip()  # the opening bracket
    yield from _elements(text, names, tally)


def _list_key(name: str, stream: BinaryIO, names: FieldNames, tally: Tally) -> bytes | None:
    """The key (as it is spelled) under which an object holds its list of objects; None when it is itself a row."""
    text = JsonText(stream)
    lists: list[bytes] = []
    others: list[str] = []
    text.skip()
    try:
        while text.peek() == QUOTE:
            key = text.key()
            shown = key.strip(QUOTE).decode("utf-8", "replace")
            if is_row_field(shown, names.vocabulary):
                return None
            if text.peek() == b"[" and text.is_list_of_objects():
                lists.append(key)
            else:
                others.append(shown)
            text.drop()
            if text.peek() == b",":
                text.skip()
        text.skip()
        if text.peek():  # another object follows: these are rows
            return None
    except Cut:
        pass
    if len(lists) > 1:
        both = " and ".join(key.decode("utf-8", "replace") for key in lists)
        raise DataError(
            f"{name!r} holds two lists of objects: {both}", hint="Save the one with the interactions by itself."
        )
    if lists and others:
        tally.note(
            f"{name}: only the list under {lists[0].decode('utf-8', 'replace')} is read, not {', '.join(others[:5])}"
        )
    return lists[0] if lists else None
