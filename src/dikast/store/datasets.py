"""Datasets kept under a name, so that they can be labelled: any item at once, by position or by id.

A dataset is written in batches under a passing name and takes its own in one step, so that a reader never sees half of
one and no writer waits for long. Keeping other content under a name that is taken replaces the items; the labels stay
with the interactions' ids, and tell which of them were given to another text.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from dikast.errors import DataError
from dikast.interactions.sampling import SamplingDesign
from dikast.interactions.units import unit_of
from dikast.records import Interaction, content_hash
from dikast.store.database import mapped_errors
from dikast.store.schema import dataset_items, datasets, interactions

Item = TypeVar("Item")

_BATCH = 1000
_LOOKUP_LIMIT = 500
_LONGEST_NAME = 200
_PASSING = ".keeping-"
_ABANDONED = timedelta(days=1)

_KEEP_INTERACTION = sa.text("INSERT INTO interactions (hash, body) VALUES (:hash, :body) ON CONFLICT DO NOTHING")
_to_json = msgspec.json.Encoder()
_interaction_from_json = msgspec.json.Decoder(Interaction)
_sources_from_json = msgspec.json.Decoder(tuple[str, ...])
_design_from_json = msgspec.json.Decoder(SamplingDesign)


class DatasetInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that is kept. hash: SHA-256 (hex) of all interactions in order, as in RunInfo. sources: its files.

    design: how it was drawn from a larger one; None where it wasn't.
    """

    name: str
    hash: str
    n: int
    sources: tuple[str, ...] = ()
    kept_at: str
    design: SamplingDesign | None = None


class KeptDataset:
    """The interactions of a kept dataset; positions count from 0. Iterating streams them in order."""

    def __init__(self, engine: sa.Engine, row: int, info: DatasetInfo) -> None:
        self.row = row
        self.info = info
        self._where = engine.url.render_as_string(hide_password=True)
        self._reading = engine.execution_options(reading=True)

    @property
    def name(self) -> str:
        """The name that it is kept under."""
        return self.info.name

    def __len__(self) -> int:
        return self.info.n

    def __iter__(self) -> Iterator[Interaction]:
        query = self._bodies().order_by(dataset_items.c.position)
        with mapped_errors(self._where), self._reading.connect() as connection:
            for row in connection.execution_options(yield_per=_BATCH).execute(query):
                yield _interaction_from_json.decode(bytes(row.body))

    def item(self, position: int) -> Interaction:
        """The interaction at a position. Raises DataError when there is none."""
        return self.items([position])[0]

    def items(self, positions: Sequence[int]) -> list[Interaction]:
        """The interactions at these positions, in this order. Raises DataError for a position that there is not."""
        found: dict[int, Interaction] = {}
        with mapped_errors(self._where), self._reading.connect() as connection:
            for some in in_batches(positions, _LOOKUP_LIMIT):
                for row in connection.execute(self._bodies().where(dataset_items.c.position.in_(some))):
                    found[row.position] = _interaction_from_json.decode(bytes(row.body))
        missing = [position for position in positions if position not in found]
        if missing:
            raise DataError(f"the dataset {self.name!r} has {len(self):,} items, and none at position {missing[0]}")
        return [found[position] for position in positions]

    def find(self, id: str) -> Interaction | None:
        """The interaction of that id, or None."""
        position = self.positions([id]).get(id)
        return None if position is None else self.item(position)

    def positions(self, ids: Sequence[str]) -> dict[str, int]:
        """Where these ids are; those that are not in the dataset are left out."""
        found: dict[str, int] = {}
        columns = sa.select(dataset_items.c.interaction_id, dataset_items.c.position)
        with mapped_errors(self._where), self._reading.connect() as connection:
            for some in in_batches(ids, _LOOKUP_LIMIT):
                query = columns.where(
                    dataset_items.c.dataset == self.row,
                    dataset_items.c.interaction_id.in_([id.encode() for id in some]),
                )
                found |= {bytes(row.interaction_id).decode(): row.position for row in connection.execute(query)}
        return found

    def ids(self) -> list[str]:
        """All ids, in order: the id at a position is `ids()[position]`."""
        query = (
            sa.select(dataset_items.c.interaction_id)
            .where(dataset_items.c.dataset == self.row)
            .order_by(dataset_items.c.position)
        )
        with mapped_errors(self._where), self._reading.connect() as connection:
            return [bytes(id).decode() for id in connection.execute(query).scalars()]

    def _bodies(self) -> sa.Select[tuple[int, bytes]]:
        return (
            sa.select(dataset_items.c.position, interactions.c.body)
            .join(interactions, interactions.c.hash == dataset_items.c.interaction)
            .where(dataset_items.c.dataset == self.row)
        )


def keep_dataset(
    engine: sa.Engine,
    name: str,
    items: Iterable[Interaction],
    *,
    sources: Sequence[str] = (),
    design: SamplingDesign | None = None,
) -> KeptDataset:
    """Keep interactions under a name; the same content again changes nothing.

    items: read once, in batches. design: how they were sampled. Raises DataError for a name that can't be one, an id
    that comes twice, or no items.
    """
    if find_dataset(engine, name) is None:  # an older store's name may be one that can't be given any more
        _check_name(name)
    where = engine.url.render_as_string(hide_password=True)
    passing = _begin(engine, where, sources, design)
    try:
        digest, count = _write(engine, where, passing, items)
        if not count:
            raise DataError(f"there is nothing to keep as {name!r}: no interactions were read")
        _settle(engine, where, passing, name, digest, count)
    except BaseException:
        with mapped_errors(where), engine.begin() as connection:
            connection.execute(datasets.delete().where(datasets.c.id == passing, datasets.c.hash.is_(None)))
        raise
    kept = find_dataset(engine, name)
    assert kept is not None
    return kept


def find_dataset(engine: sa.Engine, name: str) -> KeptDataset | None:
    """The dataset of that name, or None."""
    found = _described(engine, datasets.c.name == name)
    return KeptDataset(engine, *found[0]) if found else None


def list_datasets(engine: sa.Engine) -> list[DatasetInfo]:
    """All datasets, newest first."""
    return [info for _, info in _described(engine, sa.true())]


def _check_name(name: str) -> None:
    """A name is no path: it stands in addresses, and in the names of files."""
    is_path = any(part in name for part in ("/", "\\", ".."))
    if is_path or not name.strip() or name.startswith(".") or len(name) > _LONGEST_NAME or not name.isprintable():
        raise DataError(
            f"{name[:80]!r} can't be a dataset's name",
            hint=f"Up to {_LONGEST_NAME} characters that can be printed, without / \\ and .., the first one no dot.",
        )


def _begin(engine: sa.Engine, where: str, sources: Sequence[str], design: SamplingDesign | None) -> int:
    """A page under a passing name. Those that a killed process left behind are taken away."""
    now = datetime.now(UTC)
    old = (now - _ABANDONED).isoformat(timespec="seconds")
    with mapped_errors(where), engine.begin() as connection:
        connection.execute(datasets.delete().where(datasets.c.hash.is_(None), datasets.c.kept_at < old))
        result = connection.execute(
            datasets.insert().values(
                name=_PASSING + secrets.token_hex(8),
                n=0,
                sources=_to_json.encode(tuple(sources)),
                design=None if design is None else _to_json.encode(design),
                kept_at=now.isoformat(timespec="seconds"),
            )
        )
        assert result.inserted_primary_key is not None
        row: int = result.inserted_primary_key[0]
    return row


def _write(engine: sa.Engine, where: str, row: int, items: Iterable[Interaction]) -> tuple[bytes, int]:
    digest = hashlib.sha256()
    count = 0
    for some in in_batches(items, _BATCH):
        bodies, rows = [], []
        for position, item in enumerate(some, count):
            body = _to_json.encode(item)
            digest.update(body)
            key = hashlib.sha256(body).digest()
            bodies.append({"hash": key, "body": body})
            rows.append(
                {
                    "dataset": row,
                    "position": position,
                    "interaction_id": item.id.encode(),
                    "interaction": key,
                    "content": bytes.fromhex(content_hash(item)),
                    "unit": unit_of(item),
                }
            )
        try:
            with mapped_errors(where), engine.begin() as connection:
                connection.execute(_KEEP_INTERACTION, bodies)
                try:
                    connection.execute(dataset_items.insert(), rows)
                except sa.exc.IntegrityError as error:
                    raise _Twice from error
        except _Twice:
            raise _twice(engine, where, row, [item.id for item in some]) from None
        count += len(some)
    return digest.digest(), count


def in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The items in lists of this size; the last may be shorter."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


class _Twice(Exception):
    """An id that the dataset has already."""


def _twice(engine: sa.Engine, where: str, row: int, ids: Sequence[str]) -> DataError:
    again = next((id for at, id in enumerate(ids) if id in ids[:at]), None)
    if again is None:
        query = sa.select(dataset_items.c.interaction_id).where(
            dataset_items.c.dataset == row, dataset_items.c.interaction_id.in_([id.encode() for id in ids])
        )
        with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
            again = bytes(connection.execute(query).scalars().first() or b"?").decode()
    return DataError(f"the id {again!r} comes twice, and labels are kept by id", hint="Give each interaction its own.")


def _settle(engine: sa.Engine, where: str, passing: int, name: str, digest: bytes, count: int) -> None:
    """Give the items that were written their name, in one step."""
    with mapped_errors(where), engine.begin() as connection:
        old = connection.execute(sa.select(datasets.c.id, datasets.c.hash).where(datasets.c.name == name)).first()
        page = datasets.update().where(datasets.c.id == passing)
        if old is None:
            connection.execute(page.values(name=name, hash=digest, n=count))
            return
        if old.hash is not None and bytes(old.hash) != digest:
            described = sa.select(datasets.c.sources, datasets.c.kept_at, datasets.c.design)
            new = connection.execute(described.where(datasets.c.id == passing)).one()
            connection.execute(dataset_items.delete().where(dataset_items.c.dataset == old.id))
            connection.execute(dataset_items.update().where(dataset_items.c.dataset == passing).values(dataset=old.id))
            connection.execute(
                datasets.update()
                .where(datasets.c.id == old.id)
                .values(hash=digest, n=count, sources=new.sources, kept_at=new.kept_at, design=new.design)
            )
        connection.execute(datasets.delete().where(datasets.c.id == passing))


def _described(engine: sa.Engine, condition: sa.ColumnElement[bool]) -> list[tuple[int, DatasetInfo]]:
    where = engine.url.render_as_string(hide_password=True)
    query = sa.select(datasets).where(datasets.c.hash.is_not(None), condition).order_by(datasets.c.id.desc())
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        rows = connection.execute(query).all()
    return [
        (
            row.id,
            DatasetInfo(
                name=row.name,
                hash=bytes(row.hash).hex(),
                n=row.n,
                sources=_sources_from_json.decode(bytes(row.sources)),
                kept_at=row.kept_at,
                design=None if row.design is None else _design_from_json.decode(bytes(row.design)),
            ),
        )
        for row in rows
    ]
