"""The objects of a file of any of the usual formats: JSON Lines, JSON, pages of an API, a table, Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.columns import FieldNames, Vocabulary
from dikast.interactions.opening import opened
from dikast.interactions.parquet import read_parquet
from dikast.interactions.rows import Tally, Unusable, shown_raw
from dikast.interactions.tables import read_table
from dikast.interactions.values import describe
from dikast.traces.formats import Dropped
from dikast.traces.items import Item, items_of

_ANY_NAMES = Vocabulary({}, frozenset())


def rows_in(path: Path, tally: Tally, *, lists: tuple[str, ...] = ()) -> Iterator[Item | Dropped]:
    """Every object; what is none comes as Dropped. lists: the keys under which the pages of an API hold their objects.

    Raises DataError for a file that can't be opened.
    """
    with opened(str(path), path) as file:
        read = read_parquet if file.head.startswith(b"PAR1") else read_table
        if not _is_json(path, file.head):
            for line, row, raw in read(file, FieldNames(path.name, _ANY_NAMES, tally), tally):
                if isinstance(row, Unusable):
                    yield Dropped(str(path), line, row.reason, shown_raw(raw))
                else:
                    yield Item(str(path), line, row, raw)
            return
        key = _held_under(file.head, lists)
    for item in items_of(path, tally, lists=((key,),) if key else ()):
        if isinstance(item, Dropped):
            yield item
        elif item.place and item.place != (key,):
            continue
        elif isinstance(item.value, dict):
            yield item
        else:
            yield item.dropped(f"not an object: {describe(item.value)} where {{...}} was expected")


def _is_json(path: Path, head: bytes) -> bool:
    """Whether there is JSON in a file, be it behind a first line that is broken; else it is a table."""
    start = head.lstrip()
    named = path.name.lower().removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json"))
    return not start or named or start[:1] in (b"{", b"[") or start.partition(b"\n")[2].lstrip()[:1] == b"{"


def _held_under(head: bytes, lists: tuple[str, ...]) -> str | None:
    """The first of these keys by which the file's first object holds a list, as far as its beginning tells."""
    start = head[: 1 << 14]
    found = [(at, key) for key in lists if (at := start.find(f'"{key}"'.encode())) >= 0]
    for at, key in sorted(found):
        behind = start[at + len(key) + 2 :].lstrip()
        if (
            behind[:1] == b":"
            and behind[1:].lstrip()[:1] == b"["
            and start[:at].count(b"{") == 1 + start[:at].count(b"}")
        ):
            return key
    return None
