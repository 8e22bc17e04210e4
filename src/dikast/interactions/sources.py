"""What a source names: files, standard input, or objects in memory."""

from __future__ import annotations

import difflib
import glob
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from dikast.errors import DataError, InputError
from dikast.interactions.formats import EXPECTED, SUFFIXES, format_of, suffix_of
from dikast.interactions.opening import is_special, opened
from dikast.records import Interaction

Source: TypeAlias = (
    "str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Iterable[Interaction] | Iterable[Mapping[str, Any]]"
)

STDIN = "-"
_WILDCARDS = frozenset("*?[")


class FileSource:
    """One file, or standard input when `path` is None. `again`: it can be read more than once."""

    def __init__(self, name: str, path: Path | None) -> None:
        self.name = name
        self.path = path
        self.again = path is not None and not is_special(path)

    def check(self) -> None:
        """Raise DataError when it can't be opened, or is in no format that can be read; an empty file passes."""
        if not self.again:
            return
        with opened(self.name, self.path) as file:
            if file.head.strip():
                format_of(file)


def files_of(source: object, rejects: Path | None) -> list[FileSource] | None:
    """The files that a source names, in order, each once; None when it holds objects instead. Raises DataError."""
    if isinstance(source, (str, os.PathLike)):
        given = [source]
    elif (
        isinstance(source, (list, tuple, set, frozenset))
        and source
        and all(isinstance(one, (str, os.PathLike)) for one in source)
    ):
        given = sorted(source, key=str) if isinstance(source, (set, frozenset)) else list(source)
    else:
        return None
    files: dict[object, FileSource] = {}
    for one in given:
        for file in _expanded(os.fspath(one)):
            if file.path is not None and rejects is not None and file.path.resolve() == rejects.resolve():
                if len(given) == 1 and not _has_wildcard(os.fspath(one)):
                    raise InputError(
                        f"{file.name!r} is both read and the rejects file", hint="Name another rejects file."
                    )
                continue  # the rejects of an earlier pass, caught by the glob
            files.setdefault(file.path.resolve() if file.path is not None else STDIN, file)
    if not files:
        raise DataError(f"{source!r} names no file but the rejects file")
    for file in files.values():
        file.check()
    return list(files.values())


def name_of(files: list[FileSource]) -> str:
    """A short name for a dataset: that of its first file, and how many more there are."""
    first = files[0]
    stem = "stdin" if first.path is None else first.path.name
    suffix = suffix_of(stem)
    if suffix in SUFFIXES:
        stem = stem[: stem.lower().rindex(suffix)]
    return stem if len(files) == 1 else f"{stem}+{len(files) - 1}"


def objects_of(source: object) -> Iterable[Any]:
    """The objects of a source in memory. Raises InputError for what is none."""
    if isinstance(source, (Mapping, Interaction)):
        raise InputError(
            f"one {type(source).__name__} was given where several were expected", hint="Put it in a list: [it]."
        )
    if hasattr(source, "columns") and hasattr(source, "shape"):
        raise InputError(
            f"a {type(source).__name__} can't be iterated by row",
            hint="Give frame.to_dict('records') (pandas) or frame.to_dicts() (polars).",
        )
    if isinstance(source, (bytes, bytearray)) or not isinstance(source, Iterable):
        raise InputError(
            f"{source!r:.80} is no source of interactions",
            hint='Give a path, a glob, "-" for standard input, a list of these, or dicts or interactions.',
        )
    return source


def _expanded(name: str) -> Iterator[FileSource]:
    if name == STDIN:
        yield FileSource(STDIN, None)
        return
    if not name:
        raise DataError("an empty name was given for a file", hint='Give a path, a glob, or "-" for standard input.')
    path = Path(name).expanduser()
    if path.is_dir():
        raise _folder(name, path)
    if os.path.exists(path):  # also a file whose name has a bracket in it
        yield FileSource(name, path)
        return
    if not _has_wildcard(name):
        raise _missing(name, path)
    found = sorted(match for match in glob.glob(str(path), recursive=True) if not os.path.isdir(match))
    if not found:
        raise DataError(f"no file matches {name!r}", hint=f"The current folder is {os.getcwd()}.")
    for match in found:
        yield FileSource(match, Path(match))


def _has_wildcard(name: str) -> bool:
    return not _WILDCARDS.isdisjoint(name)


def _folder(name: str, path: Path) -> DataError:
    """A folder may hold labels, results and rejects beside the data, so which files are meant must be said."""
    kinds: dict[str, int] = {}
    for child in sorted(path.iterdir()):
        suffix = suffix_of(child.name)
        if suffix in SUFFIXES and child.is_file():
            kinds[suffix] = kinds.get(suffix, 0) + 1
    if not kinds:
        return DataError(f"{name!r} is a folder, and no data file is in it", hint=f"Give {EXPECTED}.")
    counts = ", ".join(f"{count} {suffix}" for suffix, count in kinds.items())
    pattern = os.path.join(name, f"*{next(iter(kinds))}")
    return DataError(f"{name!r} is a folder with {counts}", hint=f"Say which files: '{pattern}' takes all of one kind.")


def _missing(name: str, path: Path) -> DataError:
    folder = path.parent
    if not folder.is_dir():
        return DataError(f"there is no file {name!r}: the folder {str(folder)!r} does not exist either")
    try:
        there = sorted(child.name for child in folder.iterdir())
    except OSError:
        there = []
    near = difflib.get_close_matches(path.name, there, n=3, cutoff=0.5)
    near = near or [child for child in there if suffix_of(child) in SUFFIXES][:3]
    where = "the current folder" if str(folder) == "." else repr(str(folder))
    hint = f"In {where} there is {', '.join(repr(one) for one in near)}." if near else f"In {where} no name is near."
    return DataError(f"there is no file {name!r}", hint=hint)
