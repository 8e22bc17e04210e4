"""Answers, kept as they arrive: the Journal that the harness asks through.

All that the event loop wants of the database within one turn goes into one transaction, written at the turn's end.
Nothing waits for a timer, so an answer is safe from a kill of this process as soon as the loop has turned once;
against a power cut, SQLite's log is flushed to the disk a few times a second, in a thread. Under load, turns batch by
themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from dikast.errors import StoreError
from dikast.store import owners
from dikast.store.database import is_full, mapped_errors
from dikast.store.schema import claims

_FLUSH_S = 0.25  # how often the log is flushed to the disk, while there is something new in it
_POLL_S = 0.2  # how often we look whether another process has answered what we both want
_BALLAST_BYTES = 4 << 20
_LOOKUP_LIMIT = 500  # keys in one IN list; SQLite's old limit is 999 parameters

# Written out, because these run for every call and their values need no conversion by column type.
_FIND = sa.text("SELECT key, body FROM answers WHERE usable AND key IN :keys").bindparams(
    sa.bindparam("keys", expanding=True)
)
_ADD = sa.text('INSERT INTO answers (key, usable, body, "check") VALUES (:key, :usable, :body, :check)')
_CLAIM = sa.text("INSERT INTO claims (key, owner) VALUES (:key, :owner) ON CONFLICT DO NOTHING")
_DROP_CLAIM = sa.text("DELETE FROM claims WHERE key = :key")

_Waiter = asyncio.Future[bytes | None]
_Looked = tuple[dict[bytes, bytes], set[bytes]]  # answers by key, and the keys that are ours to ask


class _Answer(NamedTuple):
    key: bytes
    body: bytes
    usable: bool
    durable: asyncio.Future[None]


def checksum(key: bytes, body: bytes) -> bytes:
    """Eight bytes that tie an answer to its key, so that `verify` finds a damaged one."""
    return hashlib.blake2b(body, key=key, digest_size=8).digest()


class AnswerJournal:
    """The answers of a workspace, shared with its other processes. For one event loop; an async context manager."""

    def __init__(self, engine: sa.Engine) -> None:
        self._where = engine.url.render_as_string(hide_password=True)
        self._connection = engine.connect()
        self._sqlite = engine.dialect.name == "sqlite"
        self._file = Path(engine.url.database or "") if self._sqlite else None
        self._unflushed = False
        self._wanted: dict[bytes, list[_Waiter]] = {}  # to be looked up at the end of this turn
        self._asking: dict[bytes, list[_Waiter]] = {}  # claimed by us; others of this process wait here
        self._elsewhere: dict[bytes, list[_Waiter]] = {}  # claimed by another process
        self._answered: list[_Answer] = []
        self._given_back: list[bytes] = []
        self._turn_ends = False
        self._background: set[asyncio.Task[None]] = set()
        with mapped_errors(self._where), self._connection.begin():
            owners.forget_dead(self._connection)
            self.owner = owners.register(self._connection)
        self._lay_ballast()

    async def __aenter__(self) -> AnswerJournal:
        for watch in (self._watch_elsewhere(), self._beat(), self._flush_to_disk()):
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
        self._answered.append(_Answer(bytes.fromhex(key), body, usable, done))
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
            found, mine = self._transact(answered, given_back, list(wanted))
        except StoreError as error:
            _refuse([answer.durable for answer in answered], error)
            _refuse(chain(*wanted.values()), error)
            return
        for answer in answered:
            if not answer.durable.done():
                answer.durable.set_result(None)
            self._answer_waiters(answer.key, answer.body if answer.usable else None)
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

    def _transact(self, answered: list[_Answer], given_back: list[bytes], wanted: list[bytes]) -> _Looked:
        try:
            return self._write_and_look(answered, given_back, wanted)
        except StoreError as error:
            if not (is_full(error) and self._drop_ballast()):
                raise
            self._write_and_look(answered, given_back, [])
            raise  # those answers are safe now, but the next would not be, so the run must end

    def _write_and_look(self, answered: list[_Answer], given_back: list[bytes], wanted: list[bytes]) -> _Looked:
        """Answers and done claims go in; what is known of the wanted comes out, and the rest of it is claimed."""
        found: dict[bytes, bytes] = {}
        mine: set[bytes] = set()
        with mapped_errors(self._where), self._connection.begin():
            if answered:
                self._unflushed = True
                self._connection.execute(_ADD, [_row(answer) for answer in answered])
            done = [{"key": answer.key} for answer in answered] + [{"key": key} for key in given_back]
            if done:
                self._connection.execute(_DROP_CLAIM, done)
            for first in range(0, len(wanted), _LOOKUP_LIMIT):
                some = wanted[first : first + _LOOKUP_LIMIT]
                found.update(self._find(some))
                missing = [key for key in some if key not in found]
                if missing:
                    mine |= self._claim(missing, found)
        return found, mine

    def _find(self, keys: list[bytes]) -> dict[bytes, bytes]:
        return {bytes(key): bytes(body) for key, body in self._connection.execute(_FIND, {"keys": keys})}

    def _claim(self, keys: list[bytes], found: dict[bytes, bytes]) -> set[bytes]:
        """Those of the keys that are now ours to ask."""
        made = self._connection.execute(_CLAIM, [{"key": key, "owner": self.owner} for key in keys])
        ours = set(keys)
        if made.rowcount != len(keys):
            query = sa.select(claims.c.key).where(claims.c.owner == self.owner, claims.c.key.in_(keys))
            ours = {bytes(key) for key in self._connection.execute(query).scalars()}
        if not self._sqlite and (late := self._find(keys)):
            # Without SQLite's one writer, another process may have answered between our look and our claim.
            taken = [{"key": key} for key in late if key in ours]
            if taken:
                self._connection.execute(_DROP_CLAIM, taken)
            found.update(late)
        return ours - found.keys()

    async def _watch_elsewhere(self) -> None:
        """Ask again for what other processes had claimed: answered by now, given up, or their process is dead."""
        while True:
            await asyncio.sleep(_POLL_S)
            if self._elsewhere:
                waiting, self._elsewhere = self._elsewhere, {}
                try:
                    with mapped_errors(self._where), self._connection.begin():
                        owners.forget_dead(self._connection)
                except StoreError as error:
                    _refuse(chain(*waiting.values()), error)
                    continue
                for key, waiters in waiting.items():
                    self._wanted.setdefault(key, []).extend(waiters)
                self._end_turn()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(owners.HEARTBEAT_S)
            with mapped_errors(self._where), self._connection.begin():
                owners.heartbeat(self._connection, self.owner)

    async def _flush_to_disk(self) -> None:
        """Flush what was written since the last time; PostgreSQL does that by itself at every commit."""
        while self._file:
            await asyncio.sleep(_FLUSH_S)
            if self._unflushed:
                self._unflushed = False
                await asyncio.to_thread(_flush_file, self._file.with_name(self._file.name + "-wal"))

    @property
    def _ballast(self) -> Path | None:
        return self._file and self._file.with_name(self._file.name + ".ballast")

    def _lay_ballast(self) -> None:
        """Take a little room now, to be given up for the last answers when the disk is full."""
        if self._ballast and not self._ballast.exists():
            try:
                with self._ballast.open("wb") as file:
                    if hasattr(os, "posix_fallocate"):  # where a system has none, there is no ballast
                        os.posix_fallocate(file.fileno(), 0, _BALLAST_BYTES)
            except OSError:
                self._ballast.unlink(missing_ok=True)

    def _drop_ballast(self) -> bool:
        if self._ballast and self._ballast.exists():
            self._ballast.unlink()
            return True
        return False


def _row(answer: _Answer) -> dict[str, object]:
    check = checksum(answer.key, answer.body)
    return {"key": answer.key, "usable": answer.usable, "body": answer.body, "check": check}


def _flush_file(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # the log was just folded into the database
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse(waiters: Iterable[asyncio.Future[Any]], error: StoreError) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_exception(error)


def _settle(waiters: list[_Waiter], body: bytes | None) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(body)


__all__ = ["AnswerJournal", "checksum"]
