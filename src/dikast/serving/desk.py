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
from dikast.bench import Bench, Tell, open_bench
from dikast.errors import EndpointDown, EndpointError, EndpointTimeout, SettingError, StoreError
from dikast.harness.lanes import ServerGone
from dikast.harness.progress import Progress
from dikast.interactions.dataset import Dataset
from dikast.judges.asking import assess, failed_verdict
from dikast.judges.definition import Judge
from dikast.judges.verdicts import model_name
from dikast.models.endpoint import Reply, Request
from dikast.records import Interaction, RunInfo, Verdict
from dikast.running import RunPlan, described_run
from dikast.runs import calibration_key
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


class Seat:
    """One judge, ready to judge. For one event loop."""

    def __init__(self, judge: Judge, model: Model, retriever: Retriever | None, plan: RunPlan) -> None:
        bench = model.bench
        assert bench.store is not None
        self.judge = judge
        self.model = model
        self.facts = bench.facts[0]
        self._retriever = retriever
        self._plan = plan
        self.run = ServedRun(bench.store, bench.owner, self._described)
        kept = bench.store.calibration(*calibration_key(self._described("")))
        self._map: ConfidenceMap | None = kept.map if kept and kept.judge.version == judge.version else None

    def _described(self, dataset: str) -> RunInfo:
        info = described_run(self._plan, self.model.bench.facts)
        return msgspec.structs.replace(info, dataset=dataset)

    async def judged(self, interaction: Interaction, *, within_s: float) -> Judged:
        """The verdict on one interaction, kept in the run. Raises StoreError.

        What fails, and what takes too long, has its reason in the verdict and in `error`.
        """
        ask = _Counting(self.model)
        error: EndpointError | None = None
        try:
            async with asyncio.timeout(within_s):
                verdict = await assess(self.judge, interaction, ask, self.facts, self._retriever)
        except TimeoutError:
            error = EndpointTimeout(f"there was no verdict within {within_s:g} s")
        except EndpointError as raised:
            error = raised
        if error is not None:
            self.model.failed(error)
            verdict = failed_verdict(self.judge, interaction, model_name(self.facts) or self.model.name, error)
        self.run.write(interaction, verdict, calls=ask.calls, cache_hits=ask.cache_hits)
        if self._map is not None:
            verdict = calibrated(verdict, self._map)
        return Judged(verdict, error, ask.calls, ask.cache_hits)


class Desk:
    """The judges by name, in the order in which they were given."""

    def __init__(self, seats: Sequence[Seat], *, failed: Callable[[StoreError], None]) -> None:
        self.seats = {seat.judge.name: seat for seat in seats}
        self._failed = failed

    @property
    def down(self) -> list[str]:
        """The models that don't answer."""
        return sorted({seat.model.name for seat in self.seats.values() if not seat.model.is_up})

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
    judges: Sequence[Judge],
    settings: Settings,
    workspace: Workspace,
    *,
    tell: Tell | None = None,
    failed: Callable[[StoreError], None] = lambda _: None,
) -> AsyncIterator[Desk]:
    """Open what these judges take: one bench for each model. Raises InputError, EndpointError, StoreError.

    failed: told when verdicts could not be written; their answers are kept, where the store took them.
    """
    _check_names(judges)
    if settings.origin["patience_s"] == "default":
        settings = dataclasses.replace(settings, patience_s=PATIENCE_S)
    async with AsyncExitStack() as closing:
        models: dict[str, Model] = {}
        seats = []
        for judge in judges:
            dataset = Dataset("served", None, ())
            plan = RunPlan(judge=judge, dataset=dataset, workspace=workspace, settings=settings)
            if plan.model not in models:
                bench = await closing.enter_async_context(open_bench(plan.model, settings, workspace, tell=tell))
                models[plan.model] = Model(bench, plan.model)
            model = models[plan.model]
            seats.append(Seat(judge, model, await model.bench.retriever(judge), plan))
        desk = Desk(seats, failed=failed)
        writing = asyncio.create_task(desk.keep_writing())
        try:
            yield desk
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            desk.close()


def _check_names(judges: Sequence[Judge]) -> None:
    names = [judge.name for judge in judges]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingError(f"two judges are called {twice[0]!r}", hint="Give each its own `name` in its definition.")


class _Counting:
    """Asks for one interaction, and counts what it took."""

    __slots__ = ("_model", "cache_hits", "calls")

    def __init__(self, model: Model) -> None:
        self._model = model
        self.calls = self.cache_hits = 0

    async def __call__(self, request: Request, usable: Callable[[Reply], bool]) -> Reply:
        reply, asked = await self._model.asker.ask(request, usable)
        if asked:
            self.calls += 1
            self._model.down_at = None
        else:
            self.cache_hits += 1
        return reply
