"""Verdicts that were served, kept as runs: a run for each judge and day, which `dikast show` opens like any other."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from dikast.interactions.ids import with_id
from dikast.records import Interaction, RunInfo, Verdict
from dikast.store import RunLog, Store, run_key

_MOST_IN_A_RUN = 100_000

Describe = Callable[[str], RunInfo]


class ServedRun:
    """Where one judge's verdicts go. Begun with the first request, so that a server nobody asks leaves no run.

    describe: the run's description, given what its dataset is called.
    """

    def __init__(self, store: Store, owner: str, describe: Describe) -> None:
        self._store, self._owner, self._describe = store, owner, describe
        self._log: RunLog | None = None
        self._day = ""
        self._position = 0
        self._seen: dict[int, int] = {}
        self._changed = False

    @property
    def name(self) -> str | None:
        """The run of today; None before its first request."""
        return self._log.name if self._log else None

    def begun(self) -> str:
        """Today's run, begun where it is not. Raises StoreError."""
        return self._page().name

    def write(self, interaction: Interaction, verdict: Verdict, *, calls: int, cache_hits: int) -> None:
        """Keep a verdict and what it is about. Raises StoreError."""
        log = self._page()
        id = self._own_id(verdict.id)
        if id != verdict.id:
            interaction, verdict = with_id(interaction, id), msgspec.structs.replace(verdict, id=id)
        log.write(self._position, interaction, verdict)
        self._position += 1
        self._calls += calls
        self._cache_hits += cache_hits
        self._counts[verdict.status] += 1
        if verdict.verdict:
            self._verdicts[verdict.verdict] += 1
        self._changed = True

    def flush(self) -> None:
        """Write what has gathered. Raises StoreError."""
        if self._log is not None and self._changed:
            self._log.flush()

    def save(self, *, finished: bool = False) -> None:
        """The same, and the run's counts. finished: nothing comes after it. Raises StoreError."""
        if self._log is None or not (self._changed or finished):
            return
        now = datetime.now(UTC)
        self._log.save_info(
            msgspec.structs.replace(
                self._info,
                finished_at=_at(now) if finished else None,
                wall_s=round((now - self._began).total_seconds(), 3),
                counts=dict(self._counts),
                verdicts=dict(self._verdicts),
                calls=self._calls,
                cache_hits=self._cache_hits,
            ),
            finished=finished,
        )
        self._changed = False

    def close(self) -> None:
        """End the run. Raises StoreError."""
        self.save(finished=True)
        self._log = None

    def _page(self) -> RunLog:
        """Today's run; a new one with a new day, and where one has grown large."""
        today = datetime.now(UTC).date().isoformat()
        if self._log is not None and (today != self._day or self._position >= _MOST_IN_A_RUN):
            self.close()
        if self._log is None:
            self._day, self._position, self._seen = today, 0, {}
            self._calls, self._cache_hits = 0, 0
            self._counts: Counter[str] = Counter()
            self._verdicts: Counter[str] = Counter()
            self._began = datetime.now(UTC)
            info = msgspec.structs.replace(self._describe(f"requests served on {today}"), started_at=_at(self._began))
            stem = re.sub(r"[^\w.-]+", "-", info.judge.name).strip("-.") or "judge"
            self._log = self._store.begin_run(
                info,
                key=run_key("served", uuid.uuid4().hex),  # never continued: what was served is not asked again
                owner=self._owner,
                out=None,
                name=f"{stem}-served-{today}",
            )
            self._info = msgspec.structs.replace(info, name=self._log.name)
        return self._log

    def _own_id(self, id: str) -> str:
        """An id that the run does not have yet: asked for again, "t-1" is kept as "t-1-2"."""
        key = hash(id)
        times = self._seen[key] = self._seen.get(key, 0) + 1
        if times == 1:
            return id
        while True:
            other = f"{id}-{self._seen[key]}"
            if hash(other) not in self._seen:
                self._seen[hash(other)] = 1
                return other
            self._seen[key] += 1


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
