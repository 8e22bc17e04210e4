"""One run, put together: judge, dataset, endpoints and store in, verdicts and a results file out.

This is what `dikast run` and `dikast.run` do. The rooms below know nothing of each other's files; here they meet.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from dikast.errors import SettingError
from dikast.harness.judging import Judging
from dikast.harness.progress import Progress
from dikast.harness.workers import OnVerdict
from dikast.interactions.dataset import Dataset, open_dataset
from dikast.interactions.sources import Source as Data
from dikast.journey.bench import Bench, Tell, open_bench
from dikast.journey.escalating import OpenCascade, open_cascade
from dikast.journey.finding import find_data
from dikast.journey.runs import Run, calibration_key
from dikast.judges.cascade import Cascade, find_judge_or_cascade
from dikast.judges.definition import Judge
from dikast.models.endpoint import Facts
from dikast.records import Interaction, RunInfo, Verdict
from dikast.report.jsonl import check_writable, write_results
from dikast.settings import Settings
from dikast.store import Store, run_key
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.judges.retrieval import Retriever

T = TypeVar("T")
_to_json = msgspec.json.Encoder()
OnStart = Callable[[str, Facts], None]


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """All that a run needs to be told.

    out: where results go; "-" is standard output, None nowhere but the store. keep: whether a store is used at all;
    without one, nothing survives the process. name: the run's name, else the judge's with a number.
    """

    judge: Judge | Cascade
    dataset: Dataset
    workspace: Workspace
    settings: Settings
    out: Path | str | None = None
    name: str | None = None
    limit: int | None = None
    keep: bool = True

    @property
    def model(self) -> str:
        """The model's name: the setting, else what the judge names. Raises SettingError when neither says."""
        if isinstance(self.judge, Cascade):
            return self.judge.with_models(self.settings.model, ()).model
        model = self.settings.model or self.judge.settings.model
        if model is None:
            raise SettingError(
                "no model is named, neither for this run nor in the judge",
                hint="Add --model embedded or --model ollama/NAME; `dikast models` shows what is here.",
            )
        return model


def run(judge: Judge | Cascade | str | Path, dataset: Dataset | Data, **options: Any) -> Run:
    """Judge every interaction of a dataset; see `arun`. Works in notebooks too, where a loop is already running."""
    return blocking(arun(judge, dataset, **options))


async def arun(
    judge: Judge | Cascade | str | Path,
    dataset: Dataset | Data,
    *,
    model: str | None = None,
    base_url: str | Iterable[str] = (),
    out: Path | str | None = None,
    name: str | None = None,
    limit: int | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> Run:
    """Judge every interaction of a dataset, and give a Run that yields the Verdicts.

    judge: a Judge or a Cascade, or the path or workspace name of one. dataset: a file, a glob, "-", or an iterable of
    interactions or dictionaries. model and base_url: as on the command line. out: also write a results file. Other
    settings go by their names (`concurrency=8`, `allow_cloud=True`, `store="runs.db"`). In a workspace, or with
    `store`, answers are kept and never asked for twice; elsewhere the run lives in memory. Raises InputError and
    WorldError.

    >>> judged = run("judge.yaml", [{"input": "2 + 2?", "output": "4"}], model="fake")  # doctest: +SKIP
    """
    workspace = Workspace.find()
    urls = (base_url,) if isinstance(base_url, str) else tuple(base_url)
    resolved = workspace.settings(model=model, base_url=urls or None, **settings)
    if isinstance(judge, (str, Path)):
        judge = find_judge_or_cascade(str(judge), workspace.judges_dir)
    if isinstance(dataset, (str, Path)):
        dataset = find_data(str(dataset), workspace, resolved.store, strict=strict)
    plan = RunPlan(
        judge=judge,
        dataset=dataset if isinstance(dataset, Dataset) else open_dataset(dataset, strict=strict),
        workspace=workspace,
        settings=resolved,
        out=out,
        name=name,
        limit=limit,
        keep=workspace.explicit or settings.get("store") is not None,
    )
    return await carry_out(plan, progress or Progress())


async def carry_out(
    plan: RunPlan, progress: Progress, *, on_start: OnStart | None = None, tell: Tell | None = None
) -> Run:
    """Do what a plan says.

    tell: given a line for each thing that takes time before anything is asked. on_start: given the run's name and what
    answers, before the first interaction. When it is interrupted or fails, what was answered is kept, and the same plan
    continues. Raises InputError, WorldError.
    """
    if plan.out is not None and str(plan.out) != "-":
        check_writable(Path(plan.out))
    async with _opened(plan, progress, tell) as sitting:
        info = described_run(plan, sitting.facts)
        if isinstance(sitting, OpenCascade):
            info = msgspec.structs.replace(info, fingerprint=sitting.fingerprint())
        log = _begin(plan, sitting, info)
        info = msgspec.structs.replace(info, name=log.name)
        if on_start:
            on_start(log.name, sitting.facts[0])
        read = _Read(plan)
        finished = False
        try:
            await sitting.run(read, log.write, log.name)
            finished = True
        finally:
            info = _summed_up(info, read, progress, finished=finished)
            log.save_info(info, finished=finished)
        progress.total = progress.done
        out = None if plan.out in (None, "-") else Path(str(plan.out))
        calibration = sitting.store.calibration(*calibration_key(info)) if sitting.store else None
        done = Run(log, name=log.name, info=info, out=out, calibration=calibration)
        if plan.out is not None:
            write_results(plan.out, log.lines() if calibration is None else map(_to_json.encode, done))
        return done


async def try_out(
    plan: RunPlan, interactions: Sequence[Interaction], *, tell: Tell | None = None
) -> tuple[list[Verdict], Facts]:
    """Judge a few interactions one after the other, for a forecast; their answers are kept like any run's."""
    verdicts: list[Verdict] = []
    if isinstance(plan.judge, Cascade):
        raise TypeError("a cascade is tried out stage by stage")
    alone = dataclasses.replace(plan.settings, concurrency=1)
    async with open_bench(plan.model, alone, plan.workspace, keep=plan.keep, tell=tell) as bench:
        retriever = await bench.retriever(plan.judge)
        alone_here = _Alone(plan.judge, plan.model, bench, Progress(), retriever)
        await alone_here.run(interactions, lambda _position, _item, one: verdicts.append(one))
        return verdicts, bench.facts[0]


async def judge_more(
    plan: RunPlan,
    interactions: Iterable[Interaction],
    on_start: Callable[[RunInfo], OnVerdict],
    progress: Progress,
    *,
    tell: Tell | None = None,
) -> None:
    """Judge interactions for whoever keeps the verdicts elsewhere, such as a run that grows.

    on_start: given what answers, once that is known; gives what takes the verdicts. Raises InputError, WorldError.
    """
    async with _opened(plan, progress, tell) as sitting:
        info = described_run(plan, sitting.facts)
        if isinstance(sitting, OpenCascade):
            info = msgspec.structs.replace(info, fingerprint=sitting.fingerprint())
        await sitting.run(interactions, on_start(info), plan.name)


class _Sitting(Protocol):
    """What judges a run's interactions: one judge, or a cascade of several."""

    @property
    def store(self) -> Store | None: ...
    @property
    def owner(self) -> str: ...
    @property
    def facts(self) -> Sequence[Facts]: ...

    async def run(self, interactions: Iterable[Interaction], on_verdict: OnVerdict, run: str | None = None) -> None: ...


@asynccontextmanager
async def _opened(plan: RunPlan, progress: Progress, tell: Tell | None) -> AsyncIterator[_Sitting]:
    judge, settings, workspace = plan.judge, plan.settings, plan.workspace
    if isinstance(judge, Cascade):
        async with open_cascade(judge, settings, workspace, progress, keep=plan.keep, tell=tell) as opened:
            yield opened
        return
    async with open_bench(plan.model, settings, workspace, keep=plan.keep, tell=tell) as bench:
        yield _Alone(judge, plan.model, bench, progress, await bench.retriever(judge))


class _Alone:
    """One judge at its bench."""

    def __init__(self, judge: Judge, model: str, bench: Bench, progress: Progress, retriever: Retriever | None) -> None:
        self._judge, self._model, self._bench = judge, model, bench
        self._progress, self._retriever = progress, retriever
        self.store, self.owner, self.facts = bench.store, bench.owner, bench.facts

    async def run(self, interactions: Iterable[Interaction], on_verdict: OnVerdict, run: str | None = None) -> None:
        """Judge them all. Raises what ends a run."""
        lanes = self._bench.lanes(self._progress)
        judging = Judging(
            self._judge,
            self._bench.asker(lanes, self._progress),
            lanes,
            model=self._model,
            facts=self.facts[0],
            progress=self._progress,
            on_verdict=on_verdict,
            retriever=self._retriever,
            run=run,
        )
        await judging.run(interactions)


def _begin(plan: RunPlan, sitting: _Sitting, info: RunInfo) -> _Log:
    if sitting.store is None:
        return MemoryLog(plan.name or plan.judge.name)
    out = None if plan.out in (None, "-") else str(Path(str(plan.out)).resolve())
    return sitting.store.begin_run(info, key=_key(plan, info), owner=sitting.owner, out=out, name=plan.name)


def blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop is running already, as in a notebook (then in a thread)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: blocking(work)).result()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class _Read:
    """A plan's interactions, and the hash of them all once the last was read."""

    def __init__(self, plan: RunPlan) -> None:
        self.dataset = plan.dataset
        self.hash: str | None = None
        self._limit = plan.limit

    def __iter__(self) -> Iterator[Interaction]:
        digest = hashlib.sha256()
        for interaction in islice(self.dataset, self._limit):
            digest.update(_to_json.encode(interaction))
            yield interaction
        self.hash = digest.hexdigest()


def described_run(plan: RunPlan, facts: Sequence[Facts]) -> RunInfo:
    """What a run is told to do and what answers, as it is kept with the run; its name is still empty."""
    fingerprint = msgspec.to_builtins(facts[0].fingerprint)
    sent = {} if isinstance(plan.judge, Cascade) else msgspec.to_builtins(plan.judge.settings)
    sent.pop("model", None)
    fingerprint["sampler"] = {**facts[0].fingerprint.sampler, **sent}  # the server's own, and what we ask for over it
    if len(facts) > 1:
        fingerprint["base_urls"] = [known.fingerprint.base_url for known in facts]
    return RunInfo(
        name="",
        judge=plan.judge.ref,
        judge_definition=plan.judge.to_dict(),
        dataset=", ".join(Path(source).name for source in plan.dataset.sources) or plan.dataset.name,
        model=plan.model,
        fingerprint={**fingerprint, "capabilities": msgspec.to_builtins(facts[0].capabilities)},
        settings={
            **plan.settings.as_json(),
            "judge": None if plan.judge.source is None else str(plan.judge.source),
            "data": list(plan.dataset.sources),
            "limit": plan.limit,
            "out": None if plan.out is None else str(plan.out),
        },
        started_at=_now(),
    )


def _summed_up(info: RunInfo, read: _Read, progress: Progress, *, finished: bool) -> RunInfo:
    return msgspec.structs.replace(
        info,
        dataset_hash=read.hash,
        finished_at=_now() if finished else None,
        wall_s=round(progress.elapsed_s, 3),
        counts=dict(progress.by_status),
        verdicts=dict(progress.by_verdict),
        rejected=read.dataset.tally.rejected,
        duplicates=read.dataset.tally.duplicates,
        calls=progress.calls,
        cache_hits=progress.cache_hits,
    )


def _key(plan: RunPlan, info: RunInfo) -> bytes:
    """What makes the same command the same run."""
    return run_key(info.judge.version, plan.dataset.sources, info.model, plan.limit, info.settings["out"], plan.name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Log(Protocol):
    """Where verdicts go, and come out again in order: the store, or memory."""

    name: str

    def write(self, position: int, interaction: Interaction, verdict: Verdict) -> None: ...
    def save_info(self, info: RunInfo, *, finished: bool) -> None: ...
    def lines(self) -> Iterator[bytes]: ...
    def verdicts(self) -> Iterator[Verdict]: ...
    def interactions(self) -> Iterator[Interaction]: ...
    def interaction(self, id: str) -> Interaction | None: ...


class MemoryLog:
    """A run's verdicts in memory, for runs without a store."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._rows: dict[int, tuple[Interaction, Verdict]] = {}
        self._by_id: dict[str, Interaction] = {}

    def write(self, position: int, interaction: Interaction, verdict: Verdict) -> None:
        """Keep one verdict at its place in the dataset."""
        self._rows[position] = (interaction, verdict)
        self._by_id[interaction.id] = interaction

    def save_info(self, info: RunInfo, *, finished: bool) -> None:
        """Nothing outlives the process here."""

    def lines(self) -> Iterator[bytes]:
        """The verdicts as JSON, in the dataset's order."""
        return map(msgspec.json.encode, self.verdicts())

    def verdicts(self) -> Iterator[Verdict]:
        """The verdicts, in the dataset's order."""
        return (self._rows[position][1] for position in sorted(self._rows))

    def interactions(self) -> Iterator[Interaction]:
        """What was judged, in the dataset's order."""
        return (self._rows[position][0] for position in sorted(self._rows))

    def interaction(self, id: str) -> Interaction | None:
        """One interaction by its id."""
        return self._by_id.get(id)
