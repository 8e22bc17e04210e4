"""Proving that a store is whole: the database's own check, the schema, every checksum and hash, every reference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from dikast.records import RunInfo, Verdict
from dikast.store.answers import checksum
from dikast.store.calibrations import Calibration
from dikast.store.database import mapped_errors
from dikast.store.labels import check_of
from dikast.store.schema import (
    answers,
    calibrations,
    dataset_items,
    datasets,
    drift_alerts,
    interactions,
    label_heads,
    labels,
    metadata,
    runs,
    test_openings,
    verdicts,
    watch_items,
    watch_rounds,
    watches,
)
from dikast.store.schema import splits as split_parts
from dikast.store.watches import DriftAlert, WatchInfo, WatchRound


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was checked, how many of each, and what is wrong; `problems` is empty when the store is whole."""

    checked: dict[str, int]
    problems: list[str]


def verify(engine: sa.Engine, *, most: int = 100) -> Verification:
    """Check everything; at most `most` problems are listed. Raises StoreError when the database can't even be read."""
    where = engine.url.render_as_string(hide_password=True)
    checked: dict[str, int] = {}
    problems: list[str] = []
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        for name, check in _CHECKS.items():
            checked[name] = 0
            for problem in check(connection):
                checked[name] += 1
                if problem and len(problems) < most:
                    problems.append(problem)
    return Verification(checked=checked, problems=problems)


def _database(connection: sa.Connection) -> Iterator[str | None]:
    if connection.dialect.name == "sqlite":
        for line in connection.exec_driver_sql("PRAGMA integrity_check").scalars():
            yield None if line == "ok" else f"database: {line}"
        for table, row, *_ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"{table}: row {row} points to nothing"


def _schema(connection: sa.Connection) -> Iterator[str | None]:
    found = sa.inspect(connection)
    names = set(found.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in names:
            yield f"schema: the table {table.name} is missing"
            continue
        columns = {column["name"] for column in found.get_columns(table.name)}
        missing = sorted(column.name for column in table.columns if column.name not in columns)
        yield f"schema: {table.name} lacks {', '.join(missing)}" if missing else None


def _answers(connection: sa.Connection) -> Iterator[str | None]:
    for row in _stream(connection, sa.select(answers.c.id, answers.c.key, answers.c.body, answers.c.check)):
        whole = checksum(bytes(row.key), bytes(row.body)) == bytes(row.check)
        yield None if whole else f"answers: row {row.id} does not match its checksum"


def _interactions(connection: sa.Connection) -> Iterator[str | None]:
    for row in _stream(connection, sa.select(interactions)):
        digest = bytes(row.hash)
        yield (
            None
            if hashlib.sha256(bytes(row.body)).digest() == digest
            else f"interactions: {digest.hex()[:16]} does not match its hash"
        )


def _runs(connection: sa.Connection) -> Iterator[str | None]:
    counted = sa.select(verdicts.c.run, verdicts.c.status, sa.func.count()).group_by(verdicts.c.run, verdicts.c.status)
    found: dict[int, dict[str, int]] = {}
    for run, status, number in connection.execute(counted):
        found.setdefault(run, {})[status] = number
    for row in _stream(connection, sa.select(runs.c.id, runs.c.name, runs.c.info, runs.c.finished)):
        try:
            info = msgspec.json.decode(bytes(row.info), type=RunInfo)
        except msgspec.MsgspecError as error:
            yield f"run {row.name}: its description can't be read: {error}"
            continue
        said = {status: number for status, number in info.counts.items() if number}
        here = found.get(row.id, {})
        yield (
            f"run {row.name}: it counted {said} verdicts and {here} are here" if row.finished and said != here else None
        )


def _verdicts(connection: sa.Connection) -> Iterator[str | None]:
    joined = (
        sa.select(
            verdicts.c.run,
            verdicts.c.position,
            verdicts.c.interaction_id,
            verdicts.c.status,
            verdicts.c.body,
            interactions.c.hash,
        )
        .outerjoin(interactions, verdicts.c.interaction == interactions.c.hash)
        .order_by(verdicts.c.run, verdicts.c.position)
    )
    decoder = msgspec.json.Decoder(Verdict)
    for row in _stream(connection, joined):
        place = f"verdicts: run {row.run}, position {row.position}"
        try:
            verdict = decoder.decode(bytes(row.body))
        except msgspec.MsgspecError as error:
            yield f"{place} can't be read: {error}"
            continue
        if verdict.id.encode() != bytes(row.interaction_id) or verdict.status != row.status:
            yield f"{place} differs from its index"
        elif row.hash is None:
            yield f"{place} has lost its interaction"
        else:
            yield None


def _datasets(connection: sa.Connection) -> Iterator[str | None]:
    kept = sa.select(datasets.c.id, datasets.c.name, datasets.c.hash, datasets.c.n)
    for page in connection.execute(kept.where(datasets.c.hash.is_not(None))).all():
        digest = hashlib.sha256()
        count = 0
        problem = None
        items = (
            sa.select(dataset_items.c.position, dataset_items.c.interaction_id, interactions.c.body)
            .outerjoin(interactions, dataset_items.c.interaction == interactions.c.hash)
            .where(dataset_items.c.dataset == page.id)
            .order_by(dataset_items.c.position)
        )
        for row in _stream(connection, items):
            if row.body is None or row.position != count:
                problem = problem or f"dataset {page.name}: position {count} has lost its interaction"
            digest.update(bytes(row.body or b""))
            count = row.position + 1
        if problem is None and (count != page.n or digest.digest() != bytes(page.hash)):
            problem = f"dataset {page.name}: it does not match its hash ({count} items of {page.n})"
        yield problem


def _labels(connection: sa.Connection) -> Iterator[str | None]:
    for row in _stream(connection, sa.select(labels)):
        yield None if check_of(row) == bytes(row.check) else f"labels: row {row.id} does not match its checksum"


def _label_heads(connection: sa.Connection) -> Iterator[str | None]:
    """Every label's newest and standing row are what its history says."""
    key = (labels.c.dataset, labels.c.interaction_id, labels.c.annotator, labels.c.criterion)
    said = sa.select(
        *key,
        sa.func.max(labels.c.id).label("newest"),
        sa.func.max(sa.case((labels.c.state != "draft", labels.c.id))).label("standing"),
    )
    history = said.group_by(*key).subquery()
    same = sa.and_(*(history.c[column.name] == label_heads.c[column.name] for column in key))
    columns = (history.c.newest, history.c.standing, label_heads.c.newest, label_heads.c.standing)
    joined = sa.select(label_heads.c.interaction_id, *columns).outerjoin(history, same)
    for id, newest, standing, head, stands in connection.execute(joined):
        right = (newest, standing) == (head, stands)
        shown = bytes(id).decode(errors="replace")
        yield None if right else f"labels: the newest label of {shown!r} is not the one marked"
    labelled = connection.execute(sa.select(sa.func.count()).select_from(history)).scalar_one()
    marked = connection.execute(sa.select(sa.func.count()).select_from(label_heads)).scalar_one()
    if labelled > marked:
        yield f"labels: {labelled - marked} labels have no mark for the newest"


def _splits(connection: sa.Connection) -> Iterator[str | None]:
    for row in _stream(connection, sa.select(split_parts)):
        known = row.part in ("pool", "dev", "test", "aside")
        yield None if known else f"splits: {bytes(row.unit).hex()[:16]} is in no known part, {row.part!r}"


def _test_openings(connection: sa.Connection) -> Iterator[str | None]:
    for row in _stream(connection, sa.select(test_openings)):
        yield None if row.at and row.why else f"test openings: row {row.id} says not when or why"


def _calibrations(connection: sa.Connection) -> Iterator[str | None]:
    for row in _stream(connection, sa.select(calibrations)):
        try:
            kept = msgspec.json.decode(bytes(row.body), type=Calibration)
        except msgspec.MsgspecError as error:
            yield f"calibrations: row {row.id} can't be read: {error}"
            continue
        same = (kept.judge.version.encode(), kept.model.encode()) == (bytes(row.judge_version), bytes(row.model))
        yield None if same else f"calibrations: row {row.id} differs from its index"


def _stream(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> sa.CursorResult[tuple[object, ...]]:
    return connection.execution_options(yield_per=1000).execute(query)


def _watches(connection: sa.Connection) -> Iterator[str | None]:
    """What a watch drew is there, and every body can be read."""
    shapes: tuple[tuple[sa.Table, type[msgspec.Struct]], ...] = (
        (watches, WatchInfo),
        (watch_rounds, WatchRound),
        (drift_alerts, DriftAlert),
    )
    for table, shape in shapes:
        for body in connection.execute(sa.select(table.c.body)).scalars():
            yield _unreadable(body, shape, table.name)
    drawn = sa.select(watch_items.c.watch, watch_items.c.position, interactions.c.hash.label("there"))
    drawn = drawn.outerjoin(interactions, interactions.c.hash == watch_items.c.interaction)
    for row in connection.execute(drawn.where(watch_items.c.position.is_not(None))):
        yield None if row.there is not None else f"watch {row.watch}: what it drew at {row.position} is not there"


def _unreadable(body: bytes, shape: type[msgspec.Struct], table: str) -> str | None:
    try:
        msgspec.json.decode(bytes(body), type=shape)
    except msgspec.MsgspecError as error:
        return f"{table}: {error}"
    return None


_CHECKS = {
    "database": _database,
    "schema": _schema,
    "answers": _answers,
    "interactions": _interactions,
    "runs": _runs,
    "verdicts": _verdicts,
    "datasets": _datasets,
    "labels": _labels,
    "label heads": _label_heads,
    "splits": _splits,
    "test openings": _test_openings,
    "calibrations": _calibrations,
    "watches": _watches,
}
