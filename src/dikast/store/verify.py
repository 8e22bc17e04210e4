"""Proving that a store is whole: the database's own check, the schema, every checksum and hash, every reference."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from dikast.records import RunInfo, Verdict
from dikast.store.answers import checksum
from dikast.store.database import mapped_errors
from dikast.store.schema import answers, interactions, metadata, runs, verdicts


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


def _stream(connection: sa.Connection, query: sa.Select[tuple[object, ...]]) -> sa.CursorResult[tuple[object, ...]]:
    return connection.execution_options(yield_per=1000).execute(query)


_CHECKS = {
    "database": _database,
    "schema": _schema,
    "answers": _answers,
    "interactions": _interactions,
    "runs": _runs,
    "verdicts": _verdicts,
}
