"""A JSON text that need not fit in memory, found piece by piece.

The pieces are found here and decoded one by one, rather than by a streaming parser: those that exist replace lone
surrogates by a question mark in silence, and one bad element ends the file for them. Here it ends only itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

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
_COMMA, QUOTE = b",", b'"'


class Cut(Exception):
    """The text ends inside a value; what there is of it, shortened."""

    def __init__(self, line: int, reason: str, start: bytes) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason
        self.start = start


class JsonText:
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
        """The next key of an object as it is spelled, quotes included; goes past its colon. Raises Cut."""
        self.peek()
        while True:
            found = _KEY.match(self._data, self._at)
            if found:
                key = found[1]
                self._move(found.end())
                return key
            if len(self._data) - self._at > _LONGEST_KEY or not self._more():
                raise Cut(self.line, "not JSON: a key in quotes and a colon were expected", self._start())

    def is_list_of_objects(self) -> bool:
        """Whether the array that begins here holds an object first; nothing is taken."""
        while True:
            found = _LIST_START.match(self._data, self._at)
            if found or not self._more():
                return found is not None and found[1] == b"{"

    def drop(self) -> None:
        """Go past the next value, holding no more than one element of it. Raises Cut."""
        if self.peek() == b"[":
            self.skip()
            for _ in pieces(self):
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
                if mark == QUOTE:  # its other end is not in memory yet
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
                raise Cut(
                    begun, "not JSON: one item is larger than 256 MB; is a bracket or quote missing?", self._start()
                )
            before = self._at
            if not self._more():
                raise Cut(
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


def pieces(text: JsonText) -> Iterator[tuple[int, bytes]]:
    """The elements of an array whose opening bracket is behind us, and the lines where they begin. Raises Cut."""
    while True:
        if text.peek() == b"]":  # at once, or behind a comma too many
            text.skip()
            return
        line = text.line
        yield line, text.value()
        mark = text.peek()
        if mark == b"}":
            raise Cut(text.line, "not JSON: '}' where the array goes on or ends; the rest was not read", mark)
        text.skip()
        if mark != b",":
            return
