"""Which format a source is in, by its content: files, folders, globs and archives."""

from __future__ import annotations

import glob
import os
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from dikast.errors import DataError, InputError
from dikast.interactions.json_text import QUOTE, Cut, JsonText
from dikast.interactions.opening import READING_ERRORS, Opened, opened
from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.formats import Dropped, Sample, TraceFormat, known_formats
from dikast.traces.items import Item, items_of
from dikast.traces.rows import rows_in

_FIRST_VALUES = 8
_READ_WHOLE = 1 << 25
_MOST_KEYS = 64
_MOST_MEMBERS = 100_000
_LARGEST_ARCHIVE = 20 << 30
_OF_DATABASES = (".vscdb-wal", ".vscdb-shm", ".vscdb.backup")
_ZIP, _PARQUET = b"PK\x03\x04", b"PAR1"


@dataclass(slots=True)
class Recognised:
    """What a source is. format: None for plain interactions, which interactions/ reads.

    left: files of a folder or archive that are in no known format. tried: the formats that were asked.
    """

    format: TraceFormat | None
    paths: tuple[Path, ...]
    left: list[Path] = field(default_factory=list)
    tried: tuple[str, ...] = ()


@contextmanager
def recognised(sources: Sequence[str], *, format: str | None = None) -> Iterator[Recognised]:
    """The format of some sources, which stay readable within the context (archives are unpacked into a passing folder).

    format: take this one, whatever the content says. Raises DataError for what is not there, for several formats at
    once, and for files of a folder none of which is in a known format; InputError for a format that there is not.
    """
    formats = known_formats()
    if format is not None and format not in formats:
        raise InputError(f"there is no format {format!r}", hint=f"The formats are: {', '.join(sorted(formats))}.")
    asked = {format: formats[format]} if format else formats
    with ExitStack() as stack:
        found: dict[str, list[Path]] = {}
        left: list[Path] = []
        for path in _paths_of(sources):
            for name, member in _recognise(path, asked, stack, forced=format):
                if name is None:
                    left.append(member)
                else:
                    found.setdefault(name, []).append(member)
        if found:
            name = _only(found, left, formats, sources)
            yield Recognised(formats[name], tuple(found[name]), left, tuple(asked))
        else:
            yield _plain(left, sources, tuple(asked))


def _only(
    found: dict[str, list[Path]], left: list[Path], formats: dict[str, TraceFormat], sources: Sequence[str]
) -> str:
    """The one format of all that was found. Raises DataError for several, and for a file that was named and is none."""
    if len(found) > 1:
        counts = ", ".join(f"{formats[name].title} ({len(paths)})" for name, paths in found.items())
        raise DataError(
            f"{' '.join(sources)!r} holds several formats: {counts}",
            hint=f"Import them one by one, or take one of them: --format {next(iter(found))}.",
        )
    (name,) = found
    named = [path for path in left if str(path) in sources]
    if named:
        raise DataError(
            f"{str(named[0])!r} is not {formats[name].title}, as the other files are",
            hint="Import it by itself, or leave it out.",
        )
    return name


def sample_of(path: Path) -> Sample:
    """What a file or folder is recognised by. Raises DataError when it can't be opened."""
    if path.is_dir():
        members = (str(one.relative_to(path)) for one in _files_below(path))
        return Sample(path, b"", members=tuple(islice(members, _MOST_MEMBERS)))
    with opened(str(path), path) as file:
        head = file.head
        if head.startswith(_ZIP):
            return Sample(path, head, members=_members(path))
        start = head.lstrip()[:1]
        keys = _keys(file) if start == b"{" else frozenset[str]()
        whole = start == b"[" or path.stat().st_size <= _READ_WHOLE or b"\n{" in head.lstrip()
    values: tuple[Json, ...] = ()
    if head.startswith(_PARQUET):
        values = tuple(item.value for item in islice(rows_in(path, Tally()), _FIRST_VALUES) if isinstance(item, Item))
    elif start in (b"{", b"[") and whole:
        values = tuple(_values(path))
    first = next((value for value in values if isinstance(value, dict)), {})
    return Sample(path, head, values, keys or frozenset(map(str, first)))


def _values(path: Path) -> Iterator[Json]:
    try:
        for item in islice(items_of(path, Tally()), _FIRST_VALUES):
            if not isinstance(item, Dropped):
                yield item.value
    except DataError:
        return


def _keys(file: Opened) -> frozenset[str]:
    """The keys of the first object in a file."""
    found: set[str] = set()
    with file.seekable() as stream:
        text = JsonText(_Start(stream))  # type: ignore[arg-type]
        try:
            text.skip()
            while text.peek() == QUOTE and len(found) < _MOST_KEYS:
                found.add(str(msgspec.json.decode(text.key())))
                text.drop()
                if text.peek() == b",":
                    text.skip()
        except (Cut, msgspec.DecodeError, UnicodeDecodeError, *READING_ERRORS):
            pass
    return frozenset(found)


class _Start:
    """The first part of a stream: keys that come later tell no more."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = _READ_WHOLE

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk


def _paths_of(sources: Sequence[str]) -> Iterator[Path]:
    for source in sources:
        path = Path(source).expanduser()
        if os.path.exists(path):
            yield path
            continue
        matches = sorted(glob.glob(str(path), recursive=True)) if any(one in source for one in "*?[") else []
        if not matches:
            what = "no file matches" if any(one in source for one in "*?[") else "there is no file or folder"
            raise DataError(f"{what} {source!r}", hint=f"The current folder is {os.getcwd()}.")
        yield from map(Path, matches)


def _recognise(
    path: Path, formats: dict[str, TraceFormat], stack: ExitStack, *, forced: str | None
) -> Iterator[tuple[str | None, Path]]:
    """The format of a path, or those of the files in it."""
    sample = sample_of(path)
    name = next((name for name, one in formats.items() if one.recognises(sample)), None)
    if name is not None:
        yield name, path
    elif path.is_dir():
        for member in sorted(_files_below(path)):
            yield from _recognise(member, formats, stack, forced=None)
    elif sample.head.startswith(_ZIP) and "[Content_Types].xml" not in sample.members:
        unpacked = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dikast-")))
        _unpack(path, unpacked)
        yield from _recognise(unpacked, formats, stack, forced=forced)
    else:
        yield forced, path


def _files_below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        # What a database keeps beside itself is read with it.
        own = [name for name in sorted(names) if not name.startswith(".") and not name.endswith(_OF_DATABASES)]
        yield from (Path(place) / name for name in own)


def _members(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(archive.namelist()[:_MOST_MEMBERS])
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{str(path)!r} is no readable archive: {error}", hint="Copy or download it again.") from error


def _unpack(path: Path, folder: Path) -> None:
    """Unpack an archive; no member gets out of the folder, and none is larger than it says."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
            if size > _LARGEST_ARCHIVE:
                raise DataError(
                    f"{str(path)!r} holds {size >> 30} GB, and at most {_LARGEST_ARCHIVE >> 30} GB are unpacked",
                    hint="Unpack it yourself and give the folder.",
                )
            archive.extractall(folder)
    except (zipfile.BadZipFile, OSError, RuntimeError, EOFError) as error:
        raise DataError(
            f"{str(path)!r} can't be unpacked: {error}", hint="Unpack it yourself and give the folder."
        ) from error


def _plain(left: list[Path], sources: Sequence[str], tried: tuple[str, ...]) -> Recognised:
    """Nothing that is known: plain tables and lines of interactions, if they are that."""
    if not left:
        raise DataError(f"there is no file in {' '.join(sources)!r}")
    return Recognised(None, tuple(left), [], tried)
