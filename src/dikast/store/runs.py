"""Runs and their verdicts, kept so that they can be shown, compared and written out again.

A verdict can always be made again from the answers, so verdicts are written in larger batches than answers are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

import msgspec
import sqlalchemy as sa

from dikast.records import Interaction, RunInfo, Verdict, canonical_json
from dikast.store.database import mapped_errors
from dikast.store.datasets import in_batches
from dikast.store.schema import interactions, runs, verdicts

_BATCH = 256
_LOOKUP_LIMIT = 500
_KEEP_INTERACTION = sa.text("INSERT INTO interactions (hash, body) VALUES (:hash, :body) ON CONFLICT DO NOTHING")
_ADD_VERDICT = sa.text(
    "INSERT INTO verdicts (run, position, interaction_id, interaction, status, body)"
    " VALUES (:run, :position, :interaction_id, :interaction, :status, :body)"
)
_to_json = msgspec.json.Encoder()
_verdict_from_json = msgspec.json.Decoder(Verdict)
_interaction_from_json = msgspec.json.Decoder(Interaction)
_info_from_json = msgspec.json.Decoder(RunInfo)


class RunLog:
    """One run's page in the store: verdicts go in as they come, and come out in the dataset's order."""

    def __init__(self, engine: sa.Engine, row: int, name: str) -> None:
        self.name = name
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)
        self._row = row
        self._verdicts: list[dict[str, object]] = []
        self._interactions: list[dict[str, object]] = []
        self._reading = engine.execution_options(reading=True)

    def write(self, position: int, interaction: Interaction, verdict: Verdict) -> None:
        """Add one verdict; `position` is the interaction's place in the dataset. Raises StoreError."""
        body = _to_json.encode(interaction)
        digest = hashlib.sha256(body).digest()
        self._interactions.append({"hash": digest, "body": body})
        self._verdicts.append(
            {
                "run": self._row,
                "position": position,
                "interaction_id": verdict.id.encode(),
                "interaction": digest,
                "status": verdict.status,
                "body": _to_json.encode(verdict),
            }
        )
        if len(self._verdicts) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered. Raises StoreError."""
        if not self._verdicts:
            return
        rows, items = self._verdicts, self._interactions
        self._verdicts, self._interactions = [], []
        with mapped_errors(self._where), self._engine.begin() as connection:
            connection.execute(_KEEP_INTERACTION, items)
            connection.execute(_ADD_VERDICT, rows)

    def save_info(self, info: RunInfo, *, finished: bool) -> None:
        """Write the run's description; a finished run is never continued. Raises StoreError."""
        self.flush()
        owner = {"owner": None} if finished else {}
        with mapped_errors(self._where), self._engine.begin() as connection:
            connection.execute(
                runs.update()
                .where(runs.c.id == self._row)
                .values(info=_to_json.encode(info), finished=finished, **owner)
            )

    def lines(self) -> Iterator[bytes]:
        """The verdicts as JSON, in the dataset's order, without line ends."""
        query = sa.select(verdicts.c.body).where(verdicts.c.run == self._row).order_by(verdicts.c.position)
        with mapped_errors(self._where), self._reading.connect() as connection:
            for body in connection.execution_options(yield_per=1000).execute(query).scalars():
                yield bytes(body)

    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts, in the dataset's order."""
        return map(_verdict_from_json.decode, self.lines())

    def positions(self, start: int = 0) -> set[int]:
        """The places, from `start` on, that have a verdict."""
        query = sa.select(verdicts.c.position).where(verdicts.c.run == self._row, verdicts.c.position >= start)
        with mapped_errors(self._where), self._reading.connect() as connection:
            return set(connection.execute(query).scalars())

    def judged(self, ids: Iterable[str]) -> Iterator[tuple[Verdict, Interaction]]:
        """The verdicts on these ids with what was judged, as far as the run has them, in the order of the ids."""
        columns = sa.select(verdicts.c.interaction_id, verdicts.c.body, interactions.c.body.label("judged"))
        joined = columns.join(interactions, verdicts.c.interaction == interactions.c.hash)
        with mapped_errors(self._where), self._reading.connect() as connection:
            for some in in_batches(ids, _LOOKUP_LIMIT):
                keys = [id.encode() for id in some]
                query = joined.where(verdicts.c.run == self._row, verdicts.c.interaction_id.in_(keys))
                found = {bytes(row.interaction_id): row for row in connection.execute(query)}
                for row in (found[key] for key in keys if key in found):
                    yield _verdict_from_json.decode(bytes(row.body)), _interaction_from_json.decode(bytes(row.judged))

    def interactions(self) -> Iterator[Interaction]:
        """The interactions judged, in the dataset's order."""
        query = (
            sa.select(interactions.c.body)
            .join(verdicts, verdicts.c.interaction == interactions.c.hash)
            .where(verdicts.c.run == self._row)
            .order_by(verdicts.c.position)
        )
        with mapped_errors(self._where), self._reading.connect() as connection:
            for body in connection.execution_options(yield_per=1000).execute(query).scalars():
                yield _interaction_from_json.decode(bytes(body))

    def interaction(self, id: str) -> Interaction | None:
        """One interaction that was judged, or None."""
        query = (
            sa.select(interactions.c.body)
            .join(verdicts, verdicts.c.interaction == interactions.c.hash)
            .where(verdicts.c.run == self._row, verdicts.c.interaction_id == id.encode())
            .limit(1)
        )
        with mapped_errors(self._where), self._reading.connect() as connection:
            body = connection.execute(query).scalar()
        return None if body is None else _interaction_from_json.decode(bytes(body))

    def info(self) -> RunInfo:
        """The run's description."""
        with mapped_errors(self._where), self._reading.connect() as connection:
            body = connection.execute(sa.select(runs.c.info).where(runs.c.id == self._row)).scalar_one()
        return _info_from_json.decode(bytes(body))


def begin_run(
    engine: sa.Engine, info: RunInfo, *, key: bytes, owner: str, out: str | None, name: str | None = None
) -> RunLog:
    """A page for a run: the unfinished one with the same key that nobody works on, begun again, or else a new one.

    key: SHA-256 of judge, dataset, model and settings. The verdicts of a run that is continued are dropped here and
    made again from the answers kept, without asking. `info.name` is replaced by the page's name: `name`, or the
    judge's with a number.
    """
    where = engine.url.render_as_string(hide_password=True)
    with mapped_errors(where), engine.begin() as connection:
        open_run = connection.execute(
            sa.select(runs.c.id, runs.c.name)
            .where(runs.c.key == key, ~runs.c.finished, runs.c.owner.is_(None))
            .order_by(runs.c.id.desc())
            .limit(1)
        ).first()
        if open_run and name in (None, open_run.name):
            connection.execute(verdicts.delete().where(verdicts.c.run == open_run.id))
            row, chosen = open_run.id, open_run.name
        else:
            chosen = name or _next_name(connection, info.judge.name)
            if connection.execute(sa.select(runs.c.id).where(runs.c.name == chosen)).first():
                chosen = _next_name(connection, chosen)
            result = connection.execute(runs.insert().values(name=chosen, key=key, finished=False, info=b"{}"))
            assert result.inserted_primary_key is not None
            row = result.inserted_primary_key[0]
        body = _to_json.encode(msgspec.structs.replace(info, name=chosen))
        connection.execute(runs.update().where(runs.c.id == row).values(owner=owner, out=out, info=body))
    return RunLog(engine, row, chosen)


def find_run(engine: sa.Engine, name: str) -> RunLog | None:
    """The run of that name, or None."""
    return _one(engine, runs.c.name == name)


def find_run_by_output(engine: sa.Engine, out: str) -> RunLog | None:
    """The newest run whose results were written to the file `out` (an absolute path), or None."""
    return _one(engine, runs.c.out == out)


def list_runs(engine: sa.Engine) -> list[RunInfo]:
    """All runs, newest first."""
    where = engine.url.render_as_string(hide_password=True)
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        bodies = connection.execute(sa.select(runs.c.info).order_by(runs.c.id.desc())).scalars().all()
    return [_info_from_json.decode(bytes(body)) for body in bodies]


def run_key(*parts: object) -> bytes:
    """What makes two runs the same: SHA-256 over the canonical JSON of all that was asked for."""
    return hashlib.sha256(canonical_json(parts)).digest()


def _one(engine: sa.Engine, condition: sa.ColumnElement[bool]) -> RunLog | None:
    where = engine.url.render_as_string(hide_password=True)
    query = sa.select(runs.c.id, runs.c.name).where(condition).order_by(runs.c.id.desc()).limit(1)
    with mapped_errors(where), engine.execution_options(reading=True).connect() as connection:
        row = connection.execute(query).first()
    return RunLog(engine, row.id, row.name) if row else None


def _next_name(connection: sa.Connection, judge: str) -> str:
    """ "refunds-3" after "refunds-1" and "refunds-2"; never a path, since a RUN may be a file's name too."""
    stem = re.sub(r"[^\w.-]+", "-", judge).strip("-.") or "run"
    numbered = re.compile(re.escape(stem) + r"-(\d+)")
    names = connection.execute(sa.select(runs.c.name)).scalars()
    taken = [int(match[1]) for name in names if (match := numbered.fullmatch(name))]
    return f"{stem}-{max(taken, default=0) + 1}"
