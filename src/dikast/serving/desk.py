"""The judges of one server, with all that is open for them: endpoints, journal, examples, and where verdicts go."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from dikast.agreement.calibrated import ConfidenceMap, calibrated
from dikast.errors import EndpointDown, EndpointError, EndpointTimeout, SettingError, StoreError
from dikast.harness.lanes import ServerGone
from dikast.harness.progress import Progress
from dikast.interactions.dataset import Dataset
from dikast.journey.bench import Bench, Tell, open_bench
from dikast.journey.escalating import check_cloud, check_model, stage_map, told_of_stages
from dikast.journey.running import RunPlan, described_run
from dikast.journey.runs import calibration_key
from dikast.judges.asking import assess, failed_verdict
from dikast.judges.cascade import Cascade, Stage
from dikast.judges.definition import Judge
from dikast.judges.escalating import escalate
from dikast.judges.verdicts import model_name
from dikast.models.behind import Behind, behind
from dikast.models.endpoint import Facts, Reply, Request
from dikast.records import Interaction, RunInfo, Verdict
from dikast.serving.record import ServedRun
from dikast.settings import Settings
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.judges.retrieval import Retriever

PATIENCE_S = 5.0
"""How long a dead model server is waited for, where nobody said: somebody waits at the other end."""

_FLUSH_S = 0.25
_SAVE_S = 5.0
_AGAIN_S = 10.0  # after this long, a model server that was away is taken to be worth asking again


@dataclasses.dataclass(frozen=True, slots=True)
class Judged:
    """What came of one interaction: its verdict, always; error: why there is none to speak of."""

    verdict: Verdict
    error: EndpointError | None = None
    calls: int = 0
    cache_hits: int = 0


class Model:
    """What asks one model, for all judges that it answers for; made anew after its servers were away for too long."""

    def __init__(self, bench: Bench, name: str) -> None:
        self.bench, self.name = bench, name
        self.down_at: float | None = None
        self._begin()

    @property
    def is_up(self) -> bool:
        """Whether it answered lately, or nobody has found out otherwise."""
        return self.down_at is None or time.monotonic() - self.down_at > _AGAIN_S

    def failed(self, error: EndpointError) -> None:
        """A verdict came to nothing for this reason."""
        if isinstance(error, EndpointDown):
            self.down_at = time.monotonic()
        if isinstance(error, ServerGone):  # these lanes have given up for good, as a run's should
            self._begin()

    def _begin(self) -> None:
        progress = Progress()
        self.asker = self.bench.asker(self.bench.lanes(progress), progress)


@dataclasses.dataclass(frozen=True, slots=True)
class SeatStage:
    """A judge with the model that answers for it: all of a seat, or a cascade's stage. mapped: for its confidences."""

    judge: Judge
    model: Model
    retriever: Retriever | None
    mapped: ConfidenceMap | None

    @property
    def facts(self) -> Facts:
        """Who answers."""
        return self.model.bench.facts[0]

    async def ask(self, interaction: Interaction, taken: _Taken) -> Verdict:
        """The verdict; where the model failed or time is up, one that says so, and the error in `taken`."""
        try:
            async with asyncio.timeout_at(taken.until):
                ask = _Counting(self.model, taken)
                verdict = await assess(self.judge, interaction, ask, self.facts, self.retriever)
            return verdict if self.mapped is None else calibrated(verdict, self.mapped)
        except TimeoutError:
            taken.error = EndpointTimeout(f"there was no verdict within {taken.within_s:g} s")
        except EndpointError as error:
            taken.error = error
        self.model.failed(taken.error)
        return failed_verdict(self.judge, interaction, model_name(self.facts) or self.model.name, taken.error)


class Seat:
    """One judge or cascade, ready to judge. For one event loop. stages: those that ask a model, in their order."""

    def __init__(self, judge: Judge | Cascade, stages: Sequence[SeatStage], plan: RunPlan) -> None:
        self.judge = judge
        self.stages = stages
        self._plan = plan
        bench = stages[0].model.bench
        assert bench.store is not None
        self.store = bench.store
        self.run = ServedRun(bench.store, bench.owner, self._described)
        kept = bench.store.calibration(*calibration_key(self._described("")))
        self._map: ConfidenceMap | None = kept.map if kept and kept.judge.version == judge.version else None

    @property
    def model(self) -> str:
        """The model's name; a cascade's, in order."""
        return self.judge.model if isinstance(self.judge, Cascade) else self.stages[0].model.name

    def _described(self, dataset: str) -> RunInfo:
        info = described_run(self._plan, self.stages[0].model.bench.facts)
        if isinstance(self.judge, Cascade):
            pairs = zip(self.judge.asked, self.stages, strict=True)
            told = told_of_stages(self.judge, [(stage, seat.facts, seat.mapped) for stage, seat in pairs])
            info = msgspec.structs.replace(info, fingerprint=told)
        return msgspec.structs.replace(info, dataset=dataset)

    async def judged(self, interaction: Interaction, *, within_s: float) -> Judged:
        """The verdict on one interaction, kept in the run. Raises StoreError.

        What fails, and what takes too long, has its reason in the verdict and in `error`. A cascade's later stage that
        fails leaves the verdict of the stage before, which says so.
        """
        behind.set(Behind(run=self.run.begun(), interaction=interaction.id))
        taken = _Taken(within_s)
        verdict = await self._verdict(interaction, taken)
        self.run.write(interaction, verdict, calls=taken.calls, cache_hits=taken.cache_hits)
        if self._map is not None:
            verdict = calibrated(verdict, self._map)
        return Judged(verdict, taken.error if verdict.status == "failed" else None, taken.calls, taken.cache_hits)

    async def _verdict(self, interaction: Interaction, taken: _Taken) -> Verdict:
        async def ask(number: int, item: Interaction) -> Verdict:
            return await self.stages[number].ask(item, taken)

        if isinstance(self.judge, Cascade):
            return await escalate(self.judge, interaction, ask)
        return await ask(0, interaction)


class Desk:
    """The judges by name, in the order in which they were given."""

    def __init__(self, seats: Sequence[Seat], *, failed: Callable[[StoreError], None]) -> None:
        self.seats = {seat.judge.name: seat for seat in seats}
        self._failed = failed

    @property
    def down(self) -> list[str]:
        """The models that don't answer."""
        models = {stage.model for seat in self.seats.values() for stage in seat.stages}
        return sorted(model.name for model in models if not model.is_up)

    @property
    def can_judge(self) -> bool:
        """Whether every judge has a model that answers; of a cascade, one of them does."""
        return all(any(stage.model.is_up for stage in seat.stages) for seat in self.seats.values())

    async def keep_writing(self) -> None:
        """Write what gathers, a few times a second, until cancelled."""
        saved = time.monotonic()
        while True:
            await asyncio.sleep(_FLUSH_S)
            due = time.monotonic() - saved > _SAVE_S
            for seat in self.seats.values():
                try:
                    seat.run.save() if due else seat.run.flush()
                except StoreError as error:
                    self._failed(error)
            saved = time.monotonic() if due else saved

    @property
    def runs(self) -> list[str]:
        """The runs that hold what was served today."""
        return [seat.run.name for seat in self.seats.values() if seat.run.name]

    def close(self) -> None:
        """End the runs. Raises StoreError."""
        for seat in self.seats.values():
            seat.run.close()


@asynccontextmanager
async def open_desk(
    judges: Sequence[Judge | Cascade],
    settings: Settings,
    workspace: Workspace,
    *,
    tell: Tell | None = None,
    failed: Callable[[StoreError], None] = lambda _: None,
) -> AsyncIterator[Desk]:
    """Open what these judges and cascades take: one bench for each model. Raises InputError, EndpointError, StoreError.

    failed: told when verdicts could not be written; their answers are kept, where the store took them.
    """
    _check_names(judges)
    if settings.origin["patience_s"] == "default":
        settings = dataclasses.replace(settings, patience_s=PATIENCE_S)
    async with AsyncExitStack() as closing:
        opening = _Opening(closing, settings, workspace, tell)
        seats = [await opening.seat(judge, alone=len(judges) == 1) for judge in judges]
        desk = Desk(seats, failed=failed)
        writing = asyncio.create_task(desk.keep_writing())
        try:
            yield desk
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            desk.close()


class _Opening:
    """Opens models, each once, on one store."""

    def __init__(self, closing: AsyncExitStack, settings: Settings, workspace: Workspace, tell: Tell | None) -> None:
        self._closing, self._settings, self._workspace, self._tell = closing, settings, workspace, tell
        self._models: dict[tuple[str, tuple[str, ...]], Model] = {}

    async def seat(self, judge: Judge | Cascade, *, alone: bool) -> Seat:
        """A judge or cascade with its models open. alone: a model that is named must be for this one."""
        dataset = Dataset("served", None, ())
        plan = RunPlan(judge=judge, dataset=dataset, workspace=self._workspace, settings=self._settings)
        if isinstance(judge, Judge):
            model = await self._model(plan.model, self._settings.base_url)
            return Seat(judge, [SeatStage(judge, model, await model.bench.retriever(judge), None)], plan)
        if alone:
            check_model(judge, self._settings)
        named = judge.with_models(self._settings.model, self._settings.base_url)
        check_cloud(named, self._settings)
        stages = [await self._stage(stage) for stage in named.asked]
        return Seat(named, stages, dataclasses.replace(plan, judge=named))

    async def _stage(self, stage: Stage) -> SeatStage:
        assert stage.judge is not None
        model = await self._model(str(stage.model), stage.base_urls)
        retriever = await model.bench.retriever(stage.judge)
        return SeatStage(stage.judge, model, retriever, stage_map(stage, model.bench))

    async def _model(self, name: str, base_urls: tuple[str, ...]) -> Model:
        if (name, base_urls) not in self._models:
            own = dataclasses.replace(self._settings, model=name, base_url=base_urls)
            first = next((one.bench for one in self._models.values()), None)
            opened = open_bench(name, own, self._workspace, tell=self._tell, beside=first)
            self._models[name, base_urls] = Model(await self._closing.enter_async_context(opened), name)
        return self._models[name, base_urls]


def _check_names(judges: Sequence[Judge | Cascade]) -> None:
    names = [judge.name for judge in judges]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingError(f"two judges are called {twice[0]!r}", hint="Give each its own `name` in its definition.")


class _Taken:
    """What one interaction took, and when its time is up. error: of the model that failed last."""

    __slots__ = ("cache_hits", "calls", "error", "until", "within_s")

    def __init__(self, within_s: float) -> None:
        self.within_s = within_s
        self.until = asyncio.get_running_loop().time() + within_s
        self.calls = self.cache_hits = 0
        self.error: EndpointError | None = None


class _Counting:
    """Asks for one interaction, and counts what it took."""

    __slots__ = ("_model", "_taken")

    def __init__(self, model: Model, taken: _Taken) -> None:
        self._model, self._taken = model, taken

    async def __call__(self, request: Request, usable: Callable[[Reply], bool]) -> Reply:
        reply, asked = await self._model.asker.ask(request, usable)
        if asked:
            self._taken.calls += 1
            self._model.down_at = None
        else:
            self._taken.cache_hits += 1
        return reply
