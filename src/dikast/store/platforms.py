"""What is remembered of tracing platforms: how far each source was imported, and which scores went where.

Locks by name live here too: one process at a time pulls a source or pushes to a target. A lock dies with its process.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
import sqlalchemy as sa

from dikast.store import owners
from dikast.store.database import mapped_errors
from dikast.store.schema import claims, pushes, sources

_AT_ONCE = 500
_ASK_AGAIN_S = 0.2
_to_json = msgspec.json.Encoder()


class SourceMark(msgspec.Struct, frozen=True, kw_only=True):
    """How far a source was imported into a dataset: all that began from `since` until `until` (RFC 3339, UTC).

    source: its address, without any key. filters: what was asked for, as JSON. traces: how many came in all.
    """

    source: str
    dataset: str
    filters: dict[str, object] = {}
    since: str
    until: str
    traces: int = 0


class Pushed(msgspec.Struct, frozen=True):
    """One score that a target took: the SHA-256 of what was sent, by which run, and when (seconds since 1970)."""

    digest: bytes
    run: str
    at: float


_mark_from_json = msgspec.json.Decoder(SourceMark)


class PlatformMemory:
    """Marks of sources, the log of what was pushed, and locks."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)

    def mark(self, key: bytes) -> SourceMark | None:
        """How far a source was imported; None when it never was."""
        with mapped_errors(self._where), self._engine.execution_options(reading=True).connect() as connection:
            body = connection.execute(sa.select(sources.c.body).where(sources.c.key == key)).scalar()
        return None if body is None else _mark_from_json.decode(bytes(body))

    def keep_mark(self, key: bytes, mark: SourceMark) -> None:
        """Remember how far a source was imported."""
        with mapped_errors(self._where), self._engine.begin() as connection:
            connection.execute(sources.delete().where(sources.c.key == key))
            connection.execute(sources.insert().values(key=key, body=_to_json.encode(mark)))

    def marks(self) -> list[SourceMark]:
        """Every source that was imported, the newest first."""
        with mapped_errors(self._where), self._engine.execution_options(reading=True).connect() as connection:
            bodies = connection.execute(sa.select(sources.c.body)).scalars().all()
        return sorted((_mark_from_json.decode(bytes(body)) for body in bodies), key=lambda one: one.until, reverse=True)

    def pushed(self, target: str, scores: Sequence[str]) -> dict[str, Pushed]:
        """What the log has of these scores at a target."""
        found: dict[str, Pushed] = {}
        with mapped_errors(self._where), self._engine.execution_options(reading=True).connect() as connection:
            for start in range(0, len(scores), _AT_ONCE):
                query = sa.select(pushes).where(
                    pushes.c.target == _key(target), pushes.c.score.in_(scores[start : start + _AT_ONCE])
                )
                for row in connection.execute(query):
                    found[row.score] = Pushed(bytes(row.digest), bytes(row.run).decode(), row.at)
        return found

    def log_pushed(self, target: str, run: str, digests: Mapping[str, bytes]) -> None:
        """Write down that a target took these scores."""
        if not digests:
            return
        key, now, ids = _key(target), time.time(), list(digests)
        rows = [
            {"target": key, "score": score, "digest": digest, "run": run.encode(), "at": now}
            for score, digest in digests.items()
        ]
        with mapped_errors(self._where), self._engine.begin() as connection:
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                connection.execute(pushes.delete().where(pushes.c.target == key, pushes.c.score.in_(some)))
            connection.execute(pushes.insert(), rows)

    @contextlib.contextmanager
    def lock(self, name: str, *, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold a lock; while another process has it, wait. waiting: called once when that begins."""
        key = _key(name)
        with mapped_errors(self._where), self._engine.begin() as connection:
            owner = owners.register(connection)
        over = threading.Event()
        beating = threading.Thread(target=self._beat, args=(owner, over), daemon=True)
        beating.start()
        try:
            while not self._take(key, owner):
                if waiting is not None:
                    waiting()
                    waiting = None
                time.sleep(_ASK_AGAIN_S)
            yield
        finally:
            over.set()
            beating.join()
            with mapped_errors(self._where), self._engine.begin() as connection:
                owners.leave(connection, owner)

    def _take(self, key: bytes, owner: str) -> bool:
        with mapped_errors(self._where), self._engine.begin() as connection:
            living = owners.forget_dead(connection)
            holder = connection.execute(sa.select(claims.c.owner).where(claims.c.key == key)).scalar()
            if holder in living:
                return False
            connection.execute(claims.delete().where(claims.c.key == key))
            connection.execute(claims.insert().values(key=key, owner=owner))
            return True

    def _beat(self, owner: str, over: threading.Event) -> None:
        while not over.wait(owners.HEARTBEAT_S):
            with contextlib.suppress(sa.exc.DBAPIError), self._engine.begin() as connection:
                owners.heartbeat(connection, owner)


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
