"""The only room with SQL: answers, runs, verdicts, datasets and labels, kept.

A store is one SQLite file, or a PostgreSQL database. An answer is identified by the SHA-256 of all that changes it (the
model's identity and the whole request), an interaction by the SHA-256 of its JSON, a run by its name. `verify` proves
that everything is there and unchanged. The tables are described in `schema.py`; how they came about, in
`migrations.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from dikast.errors import DataError
from dikast.interactions.sampling import SamplingDesign
from dikast.interactions.splits import Part
from dikast.records import Interaction, JudgeRef, RunInfo
from dikast.store import calibrations, datasets, runs, splits
from dikast.store.answers import AnswerJournal
from dikast.store.calibrations import Calibration
from dikast.store.database import mapped_errors, open_database
from dikast.store.datasets import DatasetInfo, KeptDataset
from dikast.store.embeddings import KeptVectors
from dikast.store.labels import LabelBook, LabelCounts, LabelKey, LabelRevision, LabelState
from dikast.store.platforms import PlatformMemory, Pushed, SourceMark
from dikast.store.probes import ProbeMemory
from dikast.store.runs import RunLog, run_key
from dikast.store.splits import KeptSplit, TestOpening
from dikast.store.verify import Verification, verify
from dikast.store.watches import DriftAlert, KeptWatch, WatchBook, WatchInfo, WatchRound


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

    @contextlib.contextmanager
    def held_open(self) -> Iterator[None]:
        """For who comes often for a little: SQLite moves its log into the file whenever the last connection ends."""
        with mapped_errors(str(self.location)), self._engine.connect():
            yield

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def journal(self) -> AnswerJournal:
        """The answers, for one event loop; an async context manager."""
        return AnswerJournal(self._engine)

    def probes(self) -> ProbeMemory:
        """What is remembered of endpoints."""
        return ProbeMemory(self._engine)

    def watches(self) -> WatchBook:
        """What is watched, the rounds of anchors, and the alerts of drift."""
        return WatchBook(self._engine)

    def platforms(self) -> PlatformMemory:
        """How far sources were imported, what was pushed where, and locks."""
        return PlatformMemory(self._engine)

    def vectors(self, fingerprint: str) -> KeptVectors:
        """What an embedder made of texts, by its fingerprint."""
        return KeptVectors(self._engine, fingerprint)

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

    def keep_dataset(
        self,
        name: str,
        items: Iterable[Interaction],
        *,
        sources: Sequence[str] = (),
        design: SamplingDesign | None = None,
    ) -> KeptDataset:
        """Keep interactions under a name; the same content again changes nothing. Raises DataError.

        design: how they were drawn from a larger dataset.
        """
        return datasets.keep_dataset(self._engine, name, items, sources=sources, design=design)

    def find_dataset(self, name: str) -> KeptDataset | None:
        """The dataset kept under that name, or None."""
        return datasets.find_dataset(self._engine, name)

    def dataset(self, name: str) -> KeptDataset:
        """The dataset kept under that name. Raises DataError when there is none."""
        found = datasets.find_dataset(self._engine, name)
        if found is None:
            names = [info.name for info in self.datasets()]
            raise DataError(
                f"no dataset is kept as {name!r}",
                hint=f"There are: {', '.join(names[:20])}." if names else "`dikast review DATA` keeps one.",
            )
        return found

    def datasets(self) -> list[DatasetInfo]:
        """All datasets that are kept, newest first."""
        return datasets.list_datasets(self._engine)

    def labels(self, dataset: str) -> LabelBook:
        """The labels of a dataset. Raises DataError when none is kept under that name."""
        return LabelBook(self._engine, self.dataset(dataset).row, dataset)

    def split(self, dataset: str, *, principal: str | None = None) -> KeptSplit:
        """Which interactions of a dataset are pool, dev and sealed test. Raises DataError as `dataset`.

        principal: whose word says of what class an item is, where people differ.
        """
        return KeptSplit(self._engine, self.dataset(dataset), principal)

    def open_test(self, dataset: str, judge: JudgeRef, *, n: int, why: str) -> TestOpening:
        """Write down that a judge is about to be measured on n sealed items, and why; never taken back."""
        return splits.open_test(self._engine, self.dataset(dataset), judge, n=n, why=why)

    def openings(self, dataset: str) -> list[TestOpening]:
        """Every time that the sealed test of a dataset was opened, oldest first."""
        return splits.openings(self._engine, self.dataset(dataset))

    def parts(self, units: Iterable[bytes]) -> dict[bytes, dict[str, Part]]:
        """The parts that these units (see `interactions.units`) have, by dataset; those without any are left out."""
        return splits.parts_of(self._engine, units)

    def keep_calibration(self, calibration: Calibration) -> None:
        """Keep a map of confidence; from now on it is that of its judge's version and model."""
        calibrations.keep_calibration(self._engine, calibration)

    def calibration(self, judge_version: str, model: str) -> Calibration | None:
        """The newest map of confidence of a judge's version and model (`runs.calibration_key`), or None."""
        return calibrations.find_calibration(self._engine, judge_version, model)

    def calibrations(self) -> list[Calibration]:
        """Every map of confidence that was ever kept, newest first."""
        return calibrations.list_calibrations(self._engine)

    def verify(self) -> Verification:
        """Prove the store whole, or say what is wrong."""
        return verify(self._engine)


__all__ = [
    "AnswerJournal",
    "Calibration",
    "DatasetInfo",
    "DriftAlert",
    "KeptDataset",
    "KeptSplit",
    "KeptWatch",
    "LabelBook",
    "LabelCounts",
    "LabelKey",
    "LabelRevision",
    "LabelState",
    "PlatformMemory",
    "ProbeMemory",
    "Pushed",
    "RunLog",
    "SourceMark",
    "Store",
    "TestOpening",
    "Verification",
    "WatchBook",
    "WatchInfo",
    "WatchRound",
    "run_key",
]
