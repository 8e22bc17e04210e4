"""The objects of JSON Lines, of a JSON array, or of a list inside an object, one after the other at flat memory."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import msgspec

from dikast.errors import DataError
from dikast.interactions.json_text import QUOTE, Cut, JsonText, pieces
from dikast.interactions.opening import READING_ERRORS, opened
from dikast.interactions.rows import Raw, Tally, Unusable, shown_raw
from dikast.interactions.values import decode_json, describe
from dikast.records import Json
from dikast.traces.formats import Dropped, Sample
from dikast.traces.trace import Trace

Place: TypeAlias = tuple[str, ...]
_BOM = b"\xef\xbb\xbf"


class Item(NamedTuple):
    """One value: where it stands, and under which keys of the object around it."""

    file: str
    line: int
    value: Json
    raw: Raw
    place: Place = ()

    def dropped(self, reason: str) -> Dropped:
        """This value as one that is no trace."""
        return Dropped(self.file, self.line, reason, shown_raw(self.raw))


def items_of(path: Path, tally: Tally, *, lists: Iterable[Place] = ()) -> Iterator[Item | Dropped]:
    """The values of a file. lists: where in an object the lists are whose elements are meant ("results", "results").

    With lists, an object that isn't in an array is taken apart: the elements come with their place, and so does every
    other member, in the file's order; an object that holds none of the lists comes whole behind its members. What can't
    be decoded comes as Dropped. Raises DataError for a file that can't be opened.
    """
    with opened(str(path), path) as file:
        named_lines = path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson"))
        yield from _guarded(str(path), _streamed(str(path), file.stream, file.head, tally, tuple(lists), named_lines))


def items_in(name: str, stream: BinaryIO, tally: Tally, *, lists: Iterable[Place] = ()) -> Iterator[Item | Dropped]:
    """The same for a stream, such as a member of an archive. It must be UTF-8."""
    buffered = io.BufferedReader(stream, 1 << 16)  # type: ignore[type-var]
    head = buffered.peek(1 << 16)
    if head.startswith(_BOM):
        buffered.read(len(_BOM))
        head = head[len(_BOM) :]
    lined = name.lower().endswith(".jsonl")
    yield from _guarded(name, _streamed(name, buffered, head, tally, tuple(lists), lined))


def objects_of(paths: Iterable[Path], tally: Tally, *, lists: Iterable[Place] = ()) -> Iterator[Item | Dropped]:
    """The objects of several files; what is no object comes as Dropped. With lists, other members are left out."""
    wanted = tuple(lists)
    for path in paths:
        for item in items_of(path, tally, lists=wanted):
            if isinstance(item, Dropped):
                yield item
            elif item.place and item.place not in wanted:
                continue
            elif isinstance(item.value, dict):
                yield item
            else:
                yield item.dropped(f"not an object: {describe(item.value)} where {{...}} was expected")


def traces_of(
    items: Iterable[Item | Dropped], make: Callable[[Item], Iterable[Trace]], tally: Tally
) -> Iterator[Trace | Dropped]:
    """What `make` makes of each item, which is counted as read; an Unusable that it raises becomes a Dropped."""
    for item in items:
        tally.read += 1
        if isinstance(item, Dropped):
            yield item
            continue
        try:
            yield from make(item)
        except Unusable as unusable:
            yield item.dropped(unusable.reason)


def files_in(paths: Iterable[Path], suffixes: tuple[str, ...], tally: Tally) -> Iterator[Path]:
    """The files given, and those in the folders given that are called so, in order. What else lies there is counted."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = 0
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if name.lower().endswith(suffixes):
                    found += 1
                    yield Path(folder) / name
                else:
                    tally.note(f"{path.name}: other files in the folder, not read")
        if not found:
            raise DataError(f"there is no {' or '.join(suffixes)} file in the folder {str(path)!r}")


def values_of(sample: Sample) -> list[dict[str, Json]]:
    """The objects among the first values of a file."""
    return [value for value in sample.values if isinstance(value, dict)]


def keys_of(sample: Sample) -> frozenset[str]:
    """The keys of the one object that a file holds, of the first where it holds several."""
    first = next((value for value in sample.values if isinstance(value, dict)), {})
    return sample.keys or frozenset(first)


def _guarded(name: str, items: Iterator[Item | Dropped]) -> Iterator[Item | Dropped]:
    line = 0
    try:
        for item in items:
            line = item.line
            yield item
    except READING_ERRORS as error:
        yield Dropped(name, line + 1, f"broken off: the file can't be read further ({error})", "")
    except OSError as error:
        raise DataError(f"{name!r} can't be read behind line {line}: {error.strerror or error}") from error


def _streamed(
    name: str, stream: BinaryIO, head: bytes, tally: Tally, lists: tuple[Place, ...], lined: bool
) -> Iterator[Item | Dropped]:
    start = head.lstrip()
    if start[:1] != b"[" and (lined or _is_lines(start)):
        for number, line in enumerate(stream, 1):
            if not line.isspace():
                yield from _decoded(Item(name, number, None, line), tally, lists)
        return
    text = JsonText(stream)
    try:
        if start[:1] == b"[":
            text.skip()
            for line_number, piece in pieces(text):
                yield from _decoded(Item(name, line_number, None, piece), tally, lists)
        while text.peek() == b"{" and start[:1] == b"{":
            if lists:
                yield from _taken_apart(name, text, tally, lists)
            else:
                yield from _decoded(Item(name, text.line, None, text.value(alone=True)), tally, ())
        if text.peek():
            yield Dropped(name, text.line, "not JSON: an object or array was expected; the rest was not read",
                          shown_raw(text.peek()))  # fmt: skip
    except Cut as cut:
        yield Dropped(name, cut.line, str(cut), shown_raw(cut.start))


def _is_lines(start: bytes) -> bool:
    """Whether there is an object a line, by the first two lines."""
    first, newline, rest = start.partition(b"\n")
    if not newline:
        return False
    try:
        if isinstance(msgspec.json.decode(first), dict):
            return True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return rest.lstrip().startswith(b"{")  # whose first line is broken, or no object


def _decoded(item: Item, tally: Tally, lists: tuple[Place, ...]) -> Iterator[Item | Dropped]:
    """An item with its value; where it holds the lists, their elements and its other members."""
    try:
        value = decode_json(item.raw if isinstance(item.raw, bytes) else b"", tally)
    except Unusable as unusable:
        yield item.dropped(unusable.reason)
        return
    held = [place for place in lists if isinstance(_at(value, place), list)]
    if not held:
        yield item._replace(value=value)
        return
    outer = {place[0] for place in held}
    for key, part in value.items():
        if key not in outer:
            yield Item(item.file, item.line, part, item.raw, (key,))
    for place in held:
        for part in _at(value, place):
            yield Item(item.file, item.line, part, part if isinstance(part, dict) else repr(part), place)


def _at(value: Json, place: Place) -> Json:
    for key in place:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _taken_apart(name: str, text: JsonText, tally: Tally, lists: tuple[Place, ...]) -> Iterator[Item | Dropped]:
    """An object's members; behind them the object itself, where it holds none of the lists. Raises Cut."""
    line = text.line
    members: dict[str, Json] = {}
    inside = _members(name, text, tally, lists, ())
    try:
        while True:
            item = next(inside)
            if isinstance(item, Item) and item.place not in lists:
                _put(members, item)
            else:
                members.clear()  # it is a wrapper, whose members nobody needs together
            yield item
    except StopIteration as end:
        if not end.value:
            yield Item(name, line, members, members)


def _put(members: dict[str, Json], item: Item) -> None:
    for key in item.place[:-1]:
        members = members.setdefault(key, {})
    members[item.place[-1]] = item.value


def _members(
    name: str, text: JsonText, tally: Tally, lists: tuple[Place, ...], outer: Place
) -> Generator[Item | Dropped, None, bool]:
    """The members of the object that begins here; of a list that is meant, its elements. Returns whether one was found.

    Raises Cut.
    """
    found = False
    text.skip()
    while text.peek() == QUOTE:
        line = text.line
        place = (*outer, _key(text.key()))
        begins = text.peek()
        if begins == b"[" and place in lists:
            found = True
            text.skip()
            for number, piece in pieces(text):
                for item in _decoded(Item(name, number, None, piece), tally, ()):
                    yield item._replace(place=place) if isinstance(item, Item) else item
        elif begins == b"{" and any(wanted[: len(place)] == place for wanted in lists):
            found = (yield from _members(name, text, tally, lists, place)) or found
        else:
            for item in _decoded(Item(name, line, None, text.value()), tally, ()):
                yield item._replace(place=place) if isinstance(item, Item) else item
        if text.peek() == b",":
            text.skip()
    if text.peek() != b"}":
        raise Cut(text.line, "not JSON: a key in quotes or '}' was expected; the rest was not read", text.peek())
    text.skip()
    return found


def _key(spelled: bytes) -> str:
    try:
        return str(msgspec.json.decode(spelled))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return spelled.decode("utf-8", "replace")
