"""Pulling: what is new at a source, listed first and then fetched trace by trace, so that each trace is whole.

Every page is a file before the next is asked for; an interrupted pull goes on from the files that are there. How far a
source was imported is only moved on (`Pulled.done`) when what came of it is kept, so that nothing is lost in between.

Pages lie as they came, also where the import redacts: what is redacted, kept or dropped is a matter of an interaction's
fields, which there are only when a page was read. So pages are the owner's alone, and go when they were imported, or
when nobody has gone on with them for a day.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from dikast.errors import EndpointError, OutputError
from dikast.platforms.address import Address
from dikast.platforms.calls import too_large
from dikast.platforms.platform import Page, Source
from dikast.platforms.query import FIRST_SINCE, Query, Window, chosen, rfc3339, since_time
from dikast.records import Json, canonical_json
from dikast.store import PlatformMemory, SourceMark

OVERLAP = timedelta(hours=1)
"""So far back is looked again: traces arrive late, end after they began, and platforms lag behind."""

_BATCH = 25
_LONGEST_PAUSE = timedelta(days=1)  # after which a pull that was cut off begins anew: cursors don't last
_Tell = Callable[[str], None]
_page_from_json = msgspec.json.Decoder(Page)


class _Plan(msgspec.Struct, frozen=True):
    """What a pull that is under way was asked for, so that only the same one goes on."""

    start: str
    end: str
    since: str | None
    limit: int | None


@dataclass(frozen=True)
class Order:
    """What is pulled: a source, what of it, and for which dataset. folder: where pages lie meanwhile."""

    address: Address
    query: Query
    dataset: str
    folder: Path

    @property
    def key(self) -> bytes:
        """What the mark is kept under: another filter, or another dataset, is another source."""
        return hashlib.sha256(canonical_json([self.address.name, self.query.filters, self.dataset])).digest()

    @property
    def place(self) -> Path:
        """The folder of this source's pages."""
        return self.folder / self.key.hex()[:16]


@dataclass
class Pulled:
    """What was pulled: files for the platform's reader. traces: how many they hold; since: what was asked for."""

    order: Order
    memory: PlatformMemory
    window: Window
    mark: SourceMark | None
    files: list[Path] = field(default_factory=list)
    traces: int = 0
    complete: bool = True

    def done(self, *, moved: bool) -> None:
        """Drop the pages. moved: what came of them is kept, so that the next pull asks for what comes after."""
        if moved and self.complete:
            before = self.mark
            start, end = rfc3339(self.window.start), rfc3339(self.window.end)
            mark = SourceMark(
                source=self.order.address.name,
                dataset=self.order.dataset,
                filters=self.order.query.filters,
                since=min(start, before.since) if before else start,
                until=max(end, before.until) if before else end,
                traces=self.traces + (before.traces if before else 0),
            )
            self.memory.keep_mark(self.order.key, mark)
        shutil.rmtree(self.order.place, ignore_errors=True)


async def pull(
    source: Source, order: Order, memory: PlatformMemory, *, now: datetime | None = None, tell: _Tell | None = None
) -> Pulled:
    """Everything that is new at a source. Hold `memory.lock(order.address.name)` around it and what is done with it."""
    mark = memory.mark(order.key)
    _drop_abandoned(order.folder, but=order.place)
    pages = _Pages(order.place)
    now = now or datetime.now(UTC)
    plan = pages.plan(order.query, now) or _new_plan(order.query, mark, now)
    pages.begin(plan)
    window = Window(_moment(plan.start), _moment(plan.end))
    pulled = Pulled(order, memory, window, mark)
    ids = await _list(source, order.query, window, pages, again=mark is not None)
    limit = order.query.limit
    pulled.complete = limit is None or len(ids) <= limit
    ids = ids[:limit]
    pulled.files = await _fetch_all(source, ids, order.query, pages, tell)
    pulled.traces = len(ids)
    return pulled


def _drop_abandoned(folder: Path, *, but: Path) -> None:
    """Drop pages of other sources that nobody has gone on with: they hold what people wrote."""
    oldest = time.time() - _LONGEST_PAUSE.total_seconds()
    for place in folder.iterdir() if folder.is_dir() else ():
        if place != but and place.is_dir() and place.stat().st_mtime < oldest:
            shutil.rmtree(place, ignore_errors=True)


async def _fetch_all(source: Source, ids: Sequence[str], query: Query, pages: _Pages, tell: _Tell | None) -> list[Path]:
    """The files with the rows of these traces, a batch each: those that are there, then those that are fetched."""
    files: list[Path] = []
    size, start, number = _BATCH, 0, 0
    while start < len(ids):
        here = pages.of_batch(number)
        if here is None:
            rows, size = await _fetch(source, ids[start : start + size], query, size)
            here = list(ids[start : start + size])
            pages.write_batch(number, here, rows)
        start += len(here)
        if tell is not None:
            tell(f"{start:,} of {len(ids):,} traces")
        if pages.batch(number).stat().st_size:
            files.append(pages.batch(number))
        number += 1
    return files


async def _list(source: Source, query: Query, window: Window, pages: _Pages, *, again: bool) -> list[str]:
    """The ids of all traces that are wanted, in the platform's order (the newest first), each once."""
    if query.feedback:
        listed = [item async for page in _through(source, query, window, pages, "feedback") for item in page.items]
        said = [(item.trace, item.said) for item in listed if item.said is not None]
        return chosen(said, query.feedback)
    ids = [item.trace async for page in _through(source, query, window, pages, "traces") for item in page.items]
    if again and source.late_feedback:  # on traces that came before
        pages_of = _through(source, query, window, pages, "feedback")
        ids += [item.trace async for page in pages_of for item in page.items]
    return list(dict.fromkeys(ids))


async def _through(source: Source, query: Query, window: Window, pages: _Pages, what: str) -> AsyncIterator[Page]:
    """Every page of a list: those that are there, then those that are asked for."""
    cursor: str | None = None
    number = 0
    listed = 0
    while True:
        page = pages.of_list(what, number)
        if page is None:
            call = source.feedback(window, cursor) if what == "feedback" else source.traces(window, query, cursor)
            page = await call
            pages.write_list(what, number, page)
        yield page
        listed += len(page.items)
        enough = what == "traces" and query.limit is not None and listed > query.limit
        if page.next is None or enough:
            return
        cursor, number = page.next, number + 1


async def _fetch(source: Source, ids: Sequence[str], query: Query, size: int) -> tuple[list[dict[str, Json]], int]:
    """The rows of some traces, fewer at once where the platform says that it is too much."""
    while True:
        try:
            return await source.fetch(ids[:size], query), size
        except EndpointError as error:
            if size == 1 or not too_large(error):
                raise
            size = max(1, size // 5)


def _new_plan(query: Query, mark: SourceMark | None, now: datetime) -> _Plan:
    """From where the last import ended, a little back; or from `since`, where that is further back than it began."""
    since = since_time(query.since or FIRST_SINCE, now)
    start = since
    if mark is not None:
        continued = _moment(mark.until) - OVERLAP
        start = continued if query.since is None or rfc3339(since) >= mark.since else since
    return _Plan(rfc3339(start), rfc3339(now), query.since, query.limit)


class _Pages:
    """The files of a pull that is under way: its plan, pages of lists, batches of rows. Each is whole, or not there."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def plan(self, query: Query, now: datetime) -> _Plan | None:
        """What is under way, when it is the same that is asked for now; else what there is of it is dropped."""
        try:
            plan = msgspec.json.decode((self._place / "plan.json").read_bytes(), type=_Plan)
        except (OSError, msgspec.MsgspecError):
            plan = None
        asked = (query.since, query.limit)
        if plan is None or (plan.since, plan.limit) != asked or _moment(plan.end) < now - _LONGEST_PAUSE:
            shutil.rmtree(self._place, ignore_errors=True)
            return None
        return plan

    def begin(self, plan: _Plan) -> None:
        """Write down what is under way."""
        self._write("plan.json", msgspec.json.encode(plan))

    def of_list(self, what: str, number: int) -> Page | None:
        """A page of a list that is there."""
        try:
            return _page_from_json.decode((self._place / f"{what}-{number:05}.json").read_bytes())
        except FileNotFoundError:
            return None

    def write_list(self, what: str, number: int, page: Page) -> None:
        """Keep a page of a list."""
        self._write(f"{what}-{number:05}.json", msgspec.json.encode(page))

    def batch(self, number: int) -> Path:
        """Where the rows of a batch lie."""
        return self._place / f"rows-{number:05}.jsonl"

    def of_batch(self, number: int) -> list[str] | None:
        """The traces of a batch that is there."""
        try:
            return msgspec.json.decode((self._place / f"ids-{number:05}.json").read_bytes(), type=list[str])
        except FileNotFoundError:
            return None

    def write_batch(self, number: int, ids: Sequence[str], rows: Sequence[dict[str, Json]]) -> None:
        """Keep a batch: its rows first, then the ids that say that they are there."""
        self._write(self.batch(number).name, b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        self._write(f"ids-{number:05}.json", msgspec.json.encode(list(ids)))

    def _write(self, name: str, body: bytes) -> None:
        try:
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
            passing = self._place / f".{name}"
            descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            passing.replace(self._place / name)
        except OSError as error:
            raise OutputError(f"can't write what was pulled to {self._place}: {error.strerror}") from error


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
