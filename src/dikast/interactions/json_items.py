"""JSON: an array of objects, an object that holds such an array, or one object; read piece by piece.

The pieces are found here and decoded one by one, rather than by a streaming parser: those that exist replace lone
surrogates by a question mark in silence, and one bad element ends the file for them. Here it ends only itself.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import BinaryIO

from dikast.errors import DataError
from dikast.interactions.columns import FieldNames, is_row_field
from dikast.interactions.opening import Opened
from dikast.interactions.rows import Row, Tally, Unusable
from dikast.interactions.values import decode_object

_CHUNK = 1 << 18
_LARGEST_ITEM = 1 << 28
_LONGEST_KEY = 1 << 20
_SHOWN_OF_BROKEN = 1 << 13

# A whole text (possessive, so that megabytes of it need no stack), else a mark; of a text that the chunk's end cuts,
# only the first quote matches.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\],]', re.DOTALL)
_KEY = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*:', re.DOTALL)
_LIST_START = re.compile(rb"\[[ \t\r\n]*([^ \t\r\n])")
_SPACE = re.compile(rb"[ \t\r\n]*")
_COMMA, _QUOTE = b",", b'"'


def read_json(file: Opened, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """The rows of a JSON file, each with the line where it begins."""
    first = file.head.lstrip()[:1]
    if first == b"[":
        text = _Text(file.stream)
        text.skip()
        if (yield from _elements(text, names, tally)):
            yield from _rest(text)
    elif first == b"{":
        with file.seekable() as stream:
            yield from _read_object(file.name, stream, names, tally)
    else:
        raise DataError(f"{file.name!r} is no JSON of objects: it begins with {first.decode('utf-8', 'replace')!r}")


class _Cut(Exception):
    """The text ends inside a value; what there is of it, shortened."""

    def __init__(self, line: int, reason: str, start: bytes) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.start = start


class _Text:
    """A place in a JSON text that need not fit in memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = b""
        self._at = 0
        self.line = 1

    def peek(self) -> bytes:
        """The next byte that is not space; empty at the end."""
        while True:
            found = _SPACE.match(self._data, self._at)
            self._move(found.end() if found else self._at)
            if self._at < len(self._data) or not self._more():
                return self._data[self._at : self._at + 1]

    def skip(self) -> None:
        """Go past the next byte that is not space."""
        if self.peek():
            self._move(self._at + 1)

    def key(self) -> bytes:
        """The next key of an object as it is spelled, quotes included; goes past its colon. Raises _Cut."""
        self.peek()
        while True:
            found = _KEY.match(self._data, self._at)
            if found:
                key = found[1]
                self._move(found.end())
                return key
            if len(self._data) - self._at > _LONGEST_KEY or not self._more():
                raise _Cut(self.line, "not JSON: a key in quotes and a colon were expected", self._start())

    def is_list_of_objects(self) -> bool:
        """Whether the array that begins here holds an object first; nothing is taken."""
        while True:
            found = _LIST_START.match(self._data, self._at)
            if found or not self._more():
                return found is not None and found[1] == b"{"

    def drop(self) -> None:
        """Go past the next value, holding no more than one element of it. Raises _Cut."""
        if self.peek() == b"[":
            self.skip()
            for _ in _pieces(self):
                pass
        else:
            self.value()

    def value(self, *, alone: bool = False) -> bytes:
        """The text of the next value, up to the comma or bracket behind it; `alone`: up to its own closing bracket."""
        self.peek()
        begun = self.line
        scanned, depth = self._at, 0
        while True:
            for token in _TOKEN.finditer(self._data, scanned):
                mark = token[0]
                if mark == _QUOTE:  # its other end is not in memory yet
                    break
                scanned = token.end()
                if mark in (b"{", b"["):
                    depth += 1
                elif mark in (b"}", b"]"):
                    if depth == 0:
                        return self._take(token.start())
                    depth -= 1
                    if depth == 0 and alone:
                        return self._take(scanned)
                elif mark == _COMMA and depth == 0:
                    return self._take(token.start())
            if len(self._data) - self._at > _LARGEST_ITEM:
                raise _Cut(
                    begun, "not JSON: one item is larger than 256 MB; is a bracket or quote missing?", self._start()
                )
            before = self._at
            if not self._more():
                raise _Cut(
                    begun,
                    "cut off: the file ends inside this item, or a bracket or quote of it is missing",
                    self._start(),
                )
            scanned -= before

    def _start(self) -> bytes:
        return self._data[self._at : self._at + _SHOWN_OF_BROKEN]

    def _take(self, end: int) -> bytes:
        taken = self._data[self._at : end]
        self._move(end)
        return taken.rstrip()

    def _move(self, to: int) -> None:
        self.line += self._data.count(b"\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Read on, dropping what lies behind; chunks grow with the item, so that no text is scanned over and over."""
        held = len(self._data) - self._at
        chunk = self._stream.read(max(_CHUNK, held))
        self._data = self._data[self._at :] + chunk
        self._at = 0
        return bool(chunk)


def _pieces(text: _Text) -> Iterator[tuple[int, bytes]]:
    """The elements of an array whose opening bracket is behind us, and the lines where they begin. Raises _Cut."""
    while True:
        if text.peek() == b"]":  # at once, or behind a comma too many
            text.skip()
            return
        line = text.line
        yield line, text.value()
        mark = text.peek()
        if mark == b"}":
            raise _Cut(text.line, "not JSON: '}' where the array goes on or ends; the rest was not read", mark)
        text.skip()
        if mark != b",":
            return


def _elements(text: _Text, names: FieldNames, tally: Tally) -> Generator[Row, None, bool]:
    """The rows of an array; returns whether its end was found."""
    try:
        for line, piece in _pieces(text):
            if piece:
                yield line, names.settle(decode_object(piece, tally)), piece
            else:
                yield line, Unusable("not JSON: a comma with nothing before or behind it"), b","
    except _Cut as cut:
        yield cut.line, Unusable(cut.reason), cut.start
        return False
    return True


def _sequence(text: _Text, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """One object, and any that follow it without an array around them."""
    while text.peek():
        line = text.line
        try:
            piece = text.value(alone=True)
        except _Cut as cut:
            yield cut.line, Unusable(cut.reason), cut.start
            return
        if not piece:
            yield line, Unusable("not JSON: a bracket or comma between objects; the rest was not read"), text.peek()
            return
        yield line, names.settle(decode_object(piece, tally)), piece


def _rest(text: _Text) -> Iterator[Row]:
    """What stands behind the end of the array, as one row that can't be used."""
    start = text.peek()
    if start:
        yield text.line, Unusable("not JSON: more text behind the end of the array; it was not read"), start


def _read_object(name: str, stream: BinaryIO, names: FieldNames, tally: Tally) -> Iterator[Row]:
    key = _list_key(name, stream, names, tally)
    stream.seek(0)
    text = _Text(stream)
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
    text = _Text(stream)
    lists: list[bytes] = []
    others: list[str] = []
    text.skip()
    try:
        while text.peek() == _QUOTE:
            key = text.key()
            shown = key.strip(_QUOTE).decode("utf-8", "replace")
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
    except _Cut:
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
