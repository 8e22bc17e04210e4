"""Files opened as bytes: decompressed, without a byte order mark, and in UTF-8 where a mark says what they are in."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from dikast.errors import DataError

HEAD_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 18
_GZIP = b"\x1f\x8b"

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

READING_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError)


class Opened:
    """An open file: its first bytes, and a stream of all of them.

    head: up to 64 KiB, decompressed and in UTF-8 if `marked`. marked: a byte order mark said the encoding, so that the
    stream is UTF-8 now. path: where a file can be opened again, else None.
    """

    def __init__(self, name: str, head: bytes, stream: BinaryIO, *, path: Path | None, marked: bool) -> None:
        self.name = name
        self.head = head
        self.stream = stream
        self.path = path
        self.marked = marked

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """The stream as one that can jump: itself, or a temporary copy."""
        if self.stream.seekable():
            yield self.stream
            return
        with tempfile.TemporaryFile() as copy:
            while chunk := self.stream.read(_BUFFER_BYTES):
                copy.write(chunk)
            copy.seek(0)
            yield copy


@contextmanager
def opened(name: str, path: Path | None) -> Iterator[Opened]:
    """Open a file, or standard input when `path` is None. Raises DataError if that can't be done."""
    if path is None:
        yield _prepared(name, sys.stdin.buffer, path=None)
        return
    try:
        file = path.open("rb", buffering=_BUFFER_BYTES)
    except OSError as error:
        raise DataError(f"{name!r} can't be opened: {error.strerror}", hint="Check the path and its rights.") from error
    with file:
        yield _prepared(name, file, path=path if path.is_file() else None)


def _prepared(name: str, raw: BinaryIO, *, path: Path | None) -> Opened:
    stream, head = _with_head(raw)
    if head.startswith(_GZIP):
        unzipped = cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        if not stream.seekable():  # GzipFile claims that it can seek even then
            unzipped = cast(BinaryIO, io.BufferedReader(_Replayed(b"", unzipped), _BUFFER_BYTES))
        try:
            stream, head = _with_head(unzipped)
        except READING_ERRORS as error:
            raise DataError(f"{name!r} is no readable .gz: {error}", hint="Copy or compress it again.") from error
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _marked(name, stream, mark, encoding, path)
    for start, encoding in ((b"{\0", "utf-16-le"), (b"[\0", "utf-16-le"), (b"\0{", "utf-16-be"), (b"\0[", "utf-16-be")):
        if head.startswith(start):
            return _marked(name, stream, b"", encoding, path)
    return Opened(name, head, stream, path=path, marked=False)


def _marked(name: str, stream: BinaryIO, mark: bytes, encoding: str, path: Path | None) -> Opened:
    stream.read(len(mark))
    if encoding != "utf-8":
        stream = cast(BinaryIO, io.BufferedReader(_AsUtf8(stream, encoding), _BUFFER_BYTES))
    else:
        stream = cast(BinaryIO, io.BufferedReader(_Replayed(b"", stream), _BUFFER_BYTES))
    stream, head = _with_head(stream)
    return Opened(name, head, stream, path=path, marked=True)


def _with_head(stream: BinaryIO) -> tuple[BinaryIO, bytes]:
    """The stream from its start again, and its first bytes: a whole line at least, 64 KiB at most."""
    seekable = stream.seekable()
    head = b""
    try:
        while len(head) < HEAD_BYTES:
            chunk = _some(stream, HEAD_BYTES - len(head))
            head += chunk
            # A pipe may give a line and then wait for long.
            if not chunk or (not seekable and b"\n" in head.lstrip()):
                break
    except READING_ERRORS:
        if not head:
            raise
    if seekable:
        stream.seek(0)
        return stream, head
    return cast(BinaryIO, io.BufferedReader(_Replayed(head, stream), _BUFFER_BYTES)), head


def _some(stream: BinaryIO, size: int) -> bytes:
    read1 = getattr(stream, "read1", None)
    return cast(bytes, read1(size) if read1 is not None else stream.read(size))


class _Replayed(io.RawIOBase):
    """A stream that begins with bytes that were read already."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        self._head = head
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._head:
            chunk, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        else:
            chunk = _some(self._stream, len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


class _AsUtf8(io.RawIOBase):
    """A stream of UTF-16 or UTF-32, as UTF-8. Lone surrogates pass: what decodes JSON mends and counts them."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._ready and not self._ended:
            chunk = _some(self._stream, _BUFFER_BYTES)
            self._ended = not chunk
            self._ready = self._decoder.decode(chunk, final=self._ended).encode("utf-8", "surrogatepass")
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def is_special(path: Path) -> bool:
    """Whether a path is a pipe or a device, which can be read only once."""
    return os.path.exists(path) and not path.is_file() and not path.is_dir()
