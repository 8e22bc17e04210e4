"""Datasets: interactions from files, standard input or memory, one by one, with nothing lost in silence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import Any

import msgspec

from dikast.errors import DataError
from dikast.interactions.columns import INTERACTION_FIELDS, FieldNames
from dikast.interactions.fields import interaction_of
from dikast.interactions.formats import line_count, rows_of
from dikast.interactions.ids import Ids
from dikast.interactions.opening import opened
from dikast.interactions.rejects import Rejects
from dikast.interactions.rows import Reject, Row, Tally, Unusable
from dikast.interactions.sources import FileSource, Source, files_of, name_of, objects_of
from dikast.interactions.values import describe, plain
from dikast.records import Interaction

IN_MEMORY = "in memory"


class Dataset:
    """Interactions, read anew at each iteration and never held in memory together.

    name: short, from the first file. tally: what became of the rows of the latest iteration, complete when that ended.
    """

    def __init__(
        self,
        name: str,
        files: list[FileSource] | None,
        objects: Iterable[Any],
        *,
        strict: bool = False,
        rejects: Path | None = None,
        clean: Callable[[Reject], Reject] | None = None,
        sources: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.tally = Tally()
        self._files = files
        self._objects = objects
        self._strict = strict
        self._rejects = rejects
        self._clean = clean
        self._begun = False
        self._sources = sources

    def __iter__(self) -> Iterator[Interaction]:
        self._begin()
        tally = self.tally = Tally()
        ids = Ids(tally)
        with Rejects(self._rejects, tally, strict=self._strict, clean=self._clean) as rejects:
            for file, rows in self._rows(tally):
                ids.new_file(file)
                for line, row, raw in rows:
                    tally.read += 1
                    try:
                        if isinstance(row, Unusable):
                            raise row
                        # The row is taken apart, so where it is its own raw text a copy is.
                        interaction = ids.settle(interaction_of(dict(row) if raw is row else row, tally), line)
                    except Unusable as unusable:
                        rejects.add(file, line, unusable.reason, raw)
                        continue
                    yield interaction
            if not tally.read:
                raise _nothing(self.name, self._files)
            rejects.finish()

    def __repr__(self) -> str:
        return f"Dataset({self.name!r})"

    @property
    def sources(self) -> tuple[str, ...]:
        """The files by full path, "-" for standard input; what was given for interactions that come from elsewhere."""
        files = self._files or []
        return self._sources or tuple(file.name if file.path is None else str(file.path.absolute()) for file in files)

    def expected_length(self) -> int | None:
        """About how many interactions there are, where that is quick to tell: a file's lines, or a list's length."""
        if self._files is None:
            return len(self._objects) if isinstance(self._objects, Sized) else None
        counts = [line_count(file.path) if file.again else None for file in self._files]
        return None if None in counts else sum(count for count in counts if count is not None)

    def _begin(self) -> None:
        once = (
            iter(self._objects) is self._objects if self._files is None else not all(file.again for file in self._files)
        )
        if once and self._begun:
            raise DataError(
                f"{self.name!r} can be read only once, and was",
                hint="Save it in a file, or give a list, to read it again.",
            )
        self._begun = True

    def _rows(self, tally: Tally) -> Iterator[tuple[str, Iterator[Row]]]:
        if self._files is None:
            yield IN_MEMORY, object_rows(self._objects, FieldNames(IN_MEMORY, INTERACTION_FIELDS, tally), tally)
            return
        for source in self._files:
            with opened(source.name, source.path) as file:
                if file.head.strip():
                    yield source.name, rows_of(file, FieldNames(source.name, INTERACTION_FIELDS, tally), tally)
                else:
                    tally.note(f"{source.name}: empty")


def open_dataset(
    source: Source,
    *,
    strict: bool = False,
    rejects: str | os.PathLike[str] | None = None,
    clean: Callable[[Reject], Reject] | None = None,
) -> Dataset:
    """A dataset of a path, a glob, "-" (standard input), a list of those, or an iterable of interactions or dicts.

    A row that can't be used is counted in the tally and written to the `rejects` file, if one is named; with `strict`
    it raises DataError. `clean` is what such a row goes through before. What can't be read at all (no file, a folder, a
    binary file) raises DataError here, before anything is iterated. A folder is not read as a whole: a glob says which
    of its files are data.
    """
    path = None if rejects is None else Path(rejects)
    files = files_of(source, path)
    if files is not None:
        return Dataset(name_of(files), files, (), strict=strict, rejects=path, clean=clean)
    return Dataset("interactions", None, objects_of(source), strict=strict, rejects=path, clean=clean)


def object_rows(objects: Iterable[Any], names: FieldNames, tally: Tally) -> Iterator[Row]:
    """The rows of objects in memory, numbered from 1."""
    for number, given in enumerate(objects, 1):
        if not isinstance(given, (Interaction, Mapping)):
            yield (
                number,
                Unusable(f"not an object: {describe(given)} where an interaction or a dict was expected"),
                None,
            )
            continue
        try:
            row = plain(_as_mapping(given), tally)
        except Unusable as unusable:
            yield number, unusable, repr(given)[:10_000]
            continue
        yield number, row if isinstance(given, Interaction) else names.rename(row), row


def _as_mapping(given: Interaction | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(given, Interaction):
        return given
    fields = {name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
    fields["labels"] = [{**msgspec.to_builtins(label)} for label in given.labels]
    for label in fields["labels"]:
        label.pop("id", None)
    if not fields["labels"]:
        del fields["labels"]
    return fields


def _nothing(name: str, files: list[FileSource] | None) -> DataError:
    what = repr(files[0].name) if files and len(files) == 1 else repr(name)
    return DataError(
        f"{what} holds no interactions: it is empty", hint="Give one JSON object a line, or a table with a header."
    )
