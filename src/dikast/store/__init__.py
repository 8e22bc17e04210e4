"""The only room with SQL: answers, runs and verdicts, kept.

A store is one SQLite file, or a PostgreSQL database. An answer is identified by the SHA-256 of all that changes it (the
model's identity and the whole request), an interaction by the SHA-256 of its JSON, a run by its name. `verify` proves
that everything is there and unchanged. The tables are described in `schema.py`; how they came about, in
`migrations.py`.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from dikast.records import RunInfo
from dikast.store import runs
from dikast.store.answers import AnswerJournal
from dikast.store.database import open_database
from dikast.store.probes import ProbeMemory
from dikast.store.runs import RunLog, run_key
from dikast.store.verify import Verification, verify


class Store:
    """An open store. Make it with `Store.open`; use it as a context manager."""

    def __init__(self, engine: sa.Engine, location: Path | str) -> None:
        self._engine = engine
        self.location = location

    @classmethod
    def open(cls, location: Path | str) -> Store:
        """Open, and make or migrate when needed. Raises StoreError."""
        return cls(open_database(location), location)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def journal(self) -> AnswerJournal:
        """The answers, for one event loop; an async context manager."""
        return AnswerJournal(self._engine)

    def probes(self) -> ProbeMemory:
        """What is remembered of endpoints."""
        return ProbeMemory(self._engine)

    def begin_run(self, info: RunInfo, *, key: bytes, owner: str, out: str | None, name: str | None = None) -> RunLog:
        """A page for a run; see `store.runs.begin_run`."""
        return runs.begin_run(self._engine, info, key=key, owner=owner, out=out, name=name)

    def run(self, name: str) -> RunLog | None:
        """The run of that name."""
        return runs.find_run(self._engine, name)

    def run_written_to(self, out: Path) -> RunLog | None:
        """The newest run whose results went to this file."""
        return runs.find_run_by_output(self._engine, str(out.resolve()))

    def runs(self) -> list[RunInfo]:
        """All runs, newest first."""
        return runs.list_runs(self._engine)

    def verify(self) -> Verification:
        """Prove the store whole, or say what is wrong."""
        return verify(self._engine)


__all__ = ["AnswerJournal", "ProbeMemory", "RunLog", "Store", "Verification", "run_key"]
