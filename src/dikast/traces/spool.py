"""Traces and interactions put aside in temporary files, so that an import of any size is read once, at flat memory."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, TypeVar

import msgspec

from dikast.errors import OutputError

Value = TypeVar("Value")

_LENGTH = struct.Struct("<I")


class Spool(Generic[Value]):
    """Values of one type in a temporary file, in the order in which they were put; a context manager."""

    def __init__(self, kind: type[Value]) -> None:
        # JSON, since msgpack has no room for integers beyond 64 bits, and the data may.
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder(kind).decode
        self._file = tempfile.SpooledTemporaryFile(max_size=1 << 24, prefix="dikast-")  # noqa: SIM115
        self.count = 0

    def __enter__(self) -> Spool[Value]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, value: Value) -> None:
        """Put one aside. Raises OutputError when the disk is full."""
        body = self._encode(value)
        try:
            self._file.write(_LENGTH.pack(len(body)))
            self._file.write(body)
        except OSError as error:
            raise OutputError(
                f"the temporary file of an import can't be written in {tempfile.gettempdir()!r}: {error.strerror}",
                hint="Free some space, or name another folder in TMPDIR.",
            ) from error
        self.count += 1

    def __iter__(self) -> Iterator[Value]:
        self._file.seek(0)
        while head := self._file.read(_LENGTH.size):
            yield self._decode(self._file.read(_LENGTH.unpack(head)[0]))
