"""Answers, kept as they arrive: the Journal that the harness asks through.

All that the event loop wants of the database within one turn goes into one transaction, written at the turn's end. Nothing
waits for a timer, so an answer is safe from a kill of this process as soon as the loop has turned once; SQLite in WAL mode
needs no disk flush for that, and flushes at checkpoints against a power cut. Under load, turns batch by themselves.
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import sqlalchemy as sa

from dikast.errors import StoreError
from dikast.store import owners
from dikast.store.database import is_full, mapped_errors
from dikast.store.schema import answers, claims

_POLL_S = 0.2  # how often we look whether another process has answered what we both want
_BALLAST_BYTES = 4 << 20
_LOOKUP_LIMIT = 500  # keys in one IN list; SQLite's old limit is 999 parameters

_find = sa.select(answers.c.key, answers.c.body).where(
    answers.c.usable, answers.c.key.in_(sa.bindparam("keys", expanding=True))
)
_add = answers.insert()
_drop_claim = claims.delete().where(claims.c.key == sa.bindparam("claimed"))

_Waiter = asyncio.Future[bytes | None]


def checksum(key: bytes, body: bytes) -> bytes:
    """Eight bytes that tie an answer to its key, so that `verify` finds a damaged one."""
    return hashlib.blake2b(body, key=key, digest_size=8).digest()


class AnswerJournal:
    """The answers of a workspace, shared with its other processes. For one event loop; an async context manager."""

    def __init__(self, engine: sa.Engine, *, ballast: Path | None = None) -> None:
        self._where = engine.url.render_as_string(hide_password=True)
        self._connection = engine.connect()
        self._sqlite = engine.dialect.name == "sqlite"
        self._ballast = ballast
        self._wanted: dict[bytes, list[_Waiter]] = {}  # to be looked up at the end of this turn
        self._asking: dict[bytes, list[_Waiter]] = {}  # claimed by us; others of this process wait here
        self._elsewhere: dict[bytes, list[_Waiter]] = {}  # claimed by another process
        self._answered: list[tuple[bytes, bytes, bool, asyncio.Future[None]]] = []
        self._given_back: list[bytes] = []
        self._turn_ends = False
        self._background: set[asyncio.Task[None]] = set()
        with mapped_errors(self._where), self._connection.begin():
            owners.forget_dead(self._connection)
            self.owner = owners.register(self._connection)
        self._lay_ballast()

    async def __aenter__(self) -> AnswerJournal:
        for watch in (self._watch_elsewhere(), self._beat()):
            self._background.add(asyncio.get_running_loop().create_task(watch))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def claim(self, key: str) -> bytes | None:
        """The usable answer under `key`, or None: then this caller must ask, and record or release."""
        raw = bytes.fromhex(key)
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        for queue in (self._asking, self._elsewhere, self._wanted):
            if raw in queue:
                queue[raw].append(waiter)
                break
        else:
            self._wanted[raw] = [waiter]
            self._end_turn()
        return await waiter

    async def record(self, key: str, body: bytes, *, usable: bool) -> None:
        """Keep an answer and give up its claim; returns when a kill can't lose it. Raises StoreError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answered.append((bytes.fromhex(key), body, usable, done))
        self._end_turn()
        await done

    async def release(self, key: str) -> None:
        """Give a claim back without an answer."""
        self._given_back.append(bytes.fromhex(key))
        self._end_turn()

    async def close(self) -> None:
        """Write what is open, give up all claims, and leave. Raises StoreError."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._background.clear()
        if self._turn_ends:
            self._flush()
        try:
            with mapped_errors(self._where), self._connection.begin():
                owners.leave(self._connection, self.owner)
        finally:
            self._connection.close()

    def _end_turn(self) -> None:
        if not self._turn_ends:
            self._turn_ends = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """One transaction with all that this turn of the loop brought."""
        if not self._turn_ends:
            return
        self._turn_ends = False
        answered, self._answered = self._answered, []
        given_back, self._given_back = self._given_back, []
        wanted, self._wanted = self._wanted, {}
        try:
            self._write_with_ballast(answered, given_back)
            found, mine = self._look_up(list(wanted)) if wanted else ({}, set())
        except StoreError as error:
            for waiter in [done for *_, done in answered] + [w for waiters in wanted.values() for w in waiters]:
                if not waiter.done():
                    waiter.set_exception(error)
            return
        for key, body, usable, done in answered:
            if not done.done():
                done.set_result(None)
            self._answer_waiters(key, body if usable else None)
        for key in given_back:
            self._answer_waiters(key, None)
        for key, waiters in wanted.items():
            if key in found:
                _settle(waiters, found[key])
            elif key in mine:
                self._ours(key, waiters)
            else:
                self._elsewhere.setdefault(key, []).extend(waiters)

    def _ours(self, key: bytes, waiters: list[_Waiter]) -> None:
        """The first that still waits asks; the rest wait for what it gets."""
        living = [waiter for waiter in waiters if not waiter.done()]
        if not living:
            self._given_back.append(key)
            self._end_turn()
            return
        self._asking[key] = living[1:]
        living[0].set_result(None)

    def _answer_waiters(self, key: bytes, body: bytes | None) -> None:
        """What we asked for is here (body), or came to nothing: then the next in line must claim it anew."""
        waiters = self._asking.pop(key, [])
        if body is not None:
            _settle(waiters, body)
        elif waiters:
            self._wanted.setdefault(key, []).extend(waiters)
            self._end_turn()

    def _write_with_ballast(
        self, answered: list[tuple[bytes, bytes, bool, asyncio.Future[None]]], given_back: list[bytes]
    ) -> None:
        if not answered and not given_back:
            return
        try:
            self._write(answered, given_back)
        except StoreError as error:
            if not (is_full(error) and self._drop_ballast()):
                raise
            self._write(answered, given_back)  # these are safe now; the run still ends, since the next would fail
            raise

    def _write(self, answered: list[tuple[bytes, bytes, bool, asyncio.Future[None]]], given_back: list[bytes]) -> None:
        with mapped_errors(self._where), self._connection.begin():
            if answered:
                rows = [
                    {"key": k, "usable": usable, "body": body, "check": checksum(k, body)}
                    for k, body, usable, _ in answered
                ]
                self._connection.execute(_add, rows)
            self._connection.execute(_drop_claim, [{"claimed": k} for k in [a[0] for a in answered] + given_back])

    def _look_up(self, keys: list[bytes]) -> tuple[dict[bytes, bytes], set[bytes]]:
        """Answers found, and the keys that are now ours to ask."""
        found: dict[bytes, bytes] = {}
        mine: set[bytes] = set()
        for first in range(0, len(keys), _LOOKUP_LIMIT):
            some = keys[first : first + _LOOKUP_LIMIT]
            with mapped_errors(self._where), self._connection.begin():
                found.update(self._find(some))
                missing = [key for key in some if key not in found]
                mine.update(self._claim(missing))
                if mine and not self._sqlite:
                    # Without SQLite's one writer, another process may have answered between our look and our claim.
                    late = self._find(missing)
                    if late:
                        self._connection.execute(_drop_claim, [{"claimed": key} for key in late])
                        found.update(late)
                        mine -= late.keys()
        return found, mine

    def _find(self, keys: list[bytes]) -> dict[bytes, bytes]:
        return {bytes(row.key): bytes(row.body) for row in self._connection.execute(_find, {"keys": keys})}

    def _claim(self, keys: list[bytes]) -> set[bytes]:
        if not keys:
            return set()
        rows = [{"key": key, "owner": self.owner} for key in keys]
        self._connection.execute(_insert_or_ignore(claims, self._sqlite), rows)
        ours = sa.select(claims.c.key).where(claims.c.owner == self.owner, claims.c.key.in_(keys))
        return {bytes(key) for key in self._connection.execute(ours).scalars()}

    async def _watch_elsewhere(self) -> None:
        """Ask again for what other processes had claimed: answered by now, given up, or their process is dead."""
        while True:
            await asyncio.sleep(_POLL_S)
            if self._elsewhere:
                with mapped_errors(self._where), self._connection.begin():
                    owners.forget_dead(self._connection)
                for key, waiters in self._elsewhere.items():
                    self._wanted.setdefault(key, []).extend(waiters)
                self._elsewhere.clear()
                self._end_turn()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(owners.HEARTBEAT_S)
            with mapped_errors(self._where), self._connection.begin():
                owners.heartbeat(self._connection, self.owner)

    def _lay_ballast(self) -> None:
        """Take a little room now, to be given up for the last answers when the disk is full."""
        if self._ballast and not self._ballast.exists():
            try:
                self._ballast.write_bytes(b"\0" * _BALLAST_BYTES)
            except OSError:
                self._ballast.unlink(missing_ok=True)

    def _drop_ballast(self) -> bool:
        if self._ballast and self._ballast.exists():
            self._ballast.unlink()
            return True
        return False


def _insert_or_ignore(table: sa.Table, sqlite: bool) -> sa.Insert:
    if sqlite:
        return table.insert().prefix_with("OR IGNORE")
    from sqlalchemy.dialects.postgresql import insert

    return insert(table).on_conflict_do_nothing()


def _settle(waiters: list[_Waiter], body: bytes | None) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(body)


__all__ = ["AnswerJournal", "checksum"]
