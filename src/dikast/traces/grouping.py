"""Records brought together by a key, wherever in the input they stand, at flat memory.

What is little stays in memory. What is more goes to temporary files, one for each part of the keys, so that only one
part is in memory when the groups are read; a part that is still too large is divided again.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, TypeAlias

import msgspec

from dikast.errors import OutputError
from dikast.interactions.rows import RAW_CHARACTERS
from dikast.records import Json
from dikast.traces.formats import Dropped

_IN_MEMORY = 1 << 24
_PARTS = 64
_LARGEST_PART = 1 << 24
_LARGEST_GROUP = 1 << 28
_DEEPEST = 4
_WRITTEN_AT_ONCE = 1 << 16
_LENGTHS = struct.Struct("<II")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Record(NamedTuple):
    """One record of a group: what it is, its value, and where it stood."""

    kind: str
    value: Json
    file: str
    line: int

    def dropped(self, reason: str) -> Dropped:
        """This record as something that is no trace."""
        return Dropped(self.file, self.line, reason, _encode(self.value)[:RAW_CHARACTERS].decode("utf-8", "ignore"))


Group: TypeAlias = "tuple[str, list[Record]]"


class Grouping:
    """Add records under keys, then iterate the groups; use it as a context manager, which takes the files away.

    Groups come in the order of their first record as long as all stays in memory, and part by part beyond that; the
    order is the same for the same input. A group larger than 256 MB is cut: see `cut`.
    """

    def __init__(self, *, in_memory: int | None = None, folder: Path | None = None) -> None:
        self.cut: dict[str, int] = {}
        self._in_memory = _IN_MEMORY if in_memory is None else in_memory
        self._near: list[tuple[bytes, bytes]] = []
        self._size = 0
        self._where = folder
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._parts: _Parts | None = None

    def __enter__(self) -> Grouping:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._parts is not None:
            self._parts.close()
        if self._folder is not None:
            self._folder.cleanup()

    def __bool__(self) -> bool:
        """Whether anything was added."""
        return bool(self._near) or self._parts is not None

    @property
    def spilled(self) -> bool:
        """Whether files had to be used."""
        return self._parts is not None

    def add(self, key: str, kind: str, value: Json, file: str = "", line: int = 0) -> None:
        """Put one record under a key. Raises OutputError when the temporary files can't be written."""
        self._put(key.encode(), _encode((kind, value, file, line)))

    def groups(self) -> Iterator[Group]:
        """Every key with its records, in the order in which these were added."""
        if self._parts is None:
            yield from _grouped(iter(self._near))
            self._near = []
            return
        self._spill()
        for path in self._parts.finish():
            yield from self._of_part(path, 1)

    def _put(self, key: bytes, body: bytes) -> None:
        self._near.append((key, body))
        self._size += len(key) + len(body) + 120
        if self._size > (self._in_memory if self._parts is None else _WRITTEN_AT_ONCE * _PARTS):
            self._spill()

    def _spill(self) -> None:
        if self._parts is None:
            try:
                self._folder = tempfile.TemporaryDirectory(prefix="dikast-", dir=self._where)
            except OSError as error:
                raise _no_space(error) from error
            self._parts = _Parts(Path(self._folder.name), 0)
        self._parts.write(self._near)
        self._near, self._size = [], 0

    def _of_part(self, path: Path, depth: int) -> Iterator[Group]:
        size = path.stat().st_size
        if size > _LARGEST_PART and depth < _DEEPEST:
            smaller = _Parts(path.parent / f"{path.name}-", depth)
            with path.open("rb") as file:
                batch: list[tuple[bytes, bytes]] = []
                for one in _records(file):
                    batch.append(one)
                    if len(batch) == 2000:
                        smaller.write(batch)
                        batch = []
                smaller.write(batch)
            path.unlink()
            for part in smaller.finish():
                # All of it may be one group, which no further division makes smaller.
                yield from self._of_part(part, depth + 1 if part.stat().st_size < size else _DEEPEST)
            return
        with path.open("rb") as file:
            yield from _grouped(self._within_bounds(_records(file)) if size > _LARGEST_GROUP else _records(file))
        path.unlink()

    def _within_bounds(self, records: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        sizes: dict[bytes, int] = {}
        for key, body in records:
            sizes[key] = sizes.get(key, 0) + len(body)
            if sizes[key] > _LARGEST_GROUP:
                name = key.decode()
                self.cut[name] = self.cut.get(name, 0) + 1
            else:
                yield key, body


class _Parts:
    """The files of one division of the keys."""

    def __init__(self, stem: Path, depth: int) -> None:
        self._shift = 6 * depth  # other bits of the same hash divide what one part holds
        self._paths = [
            stem / f"{number:02}" if stem.is_dir() else Path(f"{stem}{number:02}") for number in range(_PARTS)
        ]
        self._files: list[BinaryIO | None] = [None] * _PARTS

    def write(self, records: list[tuple[bytes, bytes]]) -> None:
        buffers: dict[int, list[bytes]] = {}
        for key, body in records:
            part = (zlib.crc32(key) >> self._shift) % _PARTS
            buffers.setdefault(part, []).extend((_LENGTHS.pack(len(key), len(body)), key, body))
        try:
            for part, chunks in buffers.items():
                file = self._files[part]
                if file is None:
                    file = self._files[part] = self._paths[part].open("wb", buffering=0)
                file.write(b"".join(chunks))
        except OSError as error:
            raise _no_space(error) from error

    def close(self) -> None:
        for file in self._files:
            if file is not None:
                file.close()

    def finish(self) -> list[Path]:
        """The files that hold something, closed."""
        self.close()
        return [path for path, file in zip(self._paths, self._files, strict=True) if file is not None]


def _records(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while head := file.read(_LENGTHS.size):
        key, body = _LENGTHS.unpack(head)
        yield file.read(key), file.read(body)


def _grouped(records: Iterator[tuple[bytes, bytes]]) -> Iterator[Group]:
    found: dict[bytes, list[bytes]] = {}
    for key, body in records:
        found.setdefault(key, []).append(body)
    for key in tuple(found):
        yield key.decode(), [Record(*_decode(body)) for body in found.pop(key)]


def _no_space(error: OSError) -> OutputError:
    return OutputError(
        f"the temporary files of an import can't be written in {tempfile.gettempdir()!r}: {error.strerror}",
        hint="Free some space, or name another folder in TMPDIR.",
    )
