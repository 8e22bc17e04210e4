"""A cascade that is open: its stages' models behind one door, through which an interaction's verdict comes.

It is to a cascade what bench and judging are to one judge: answers are kept and claimed alike, every stage has its own
limits, and `judge_one` and `assess` are what a run, a forecast or a service asks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import msgspec

from dikast.agreement.calibrated import ConfidenceMap, calibrated
from dikast.errors import PolicyError, SettingError
from dikast.harness.asker import Asker
from dikast.harness.judging import Judging
from dikast.harness.lanes import Lanes, ServerGone
from dikast.harness.progress import Progress
from dikast.harness.workers import OnVerdict, Workers
from dikast.journey.bench import Bench, Tell, open_bench
from dikast.journey.runs import model_key
from dikast.judges.cascade import Cascade, Stage
from dikast.judges.escalating import escalate
from dikast.judges.verdicts import failed_verdict, model_name
from dikast.models.behind import Behind, behind
from dikast.models.endpoint import Facts
from dikast.records import Interaction, Json, Verdict
from dikast.settings import Settings
from dikast.workspace import Workspace


@dataclass(frozen=True)
class _Seat:
    """One stage with what answers for it. mapped: the map that its confidences are read through."""

    stage: Stage
    bench: Bench
    lanes: Lanes
    judging: Judging
    mapped: ConfidenceMap | None

    @property
    def facts(self) -> Facts:
        return self.bench.facts[0]

    async def ask(self, interaction: Interaction, *, is_first: bool) -> tuple[Verdict, bool]:
        """The stage's verdict, and whether its model was called now. A first stage that stays away ends the run."""
        assert self.stage.judge is not None
        try:
            verdict, asked = await self.judging.judge_one(interaction)
        except ServerGone as error:
            if is_first:
                raise
            name = model_name(self.facts) or self.stage.model
            return failed_verdict(self.stage.judge, interaction, name, error), False
        return verdict if self.mapped is None else calibrated(verdict, self.mapped), asked


class OpenCascade:
    """A cascade with its stages' models open. Make one with `open_cascade`. For one event loop.

    store, owner: of the bench that all stages share; see `Bench`.
    """

    def __init__(self, cascade: Cascade, seats: list[_Seat], progress: Progress) -> None:
        self.cascade = cascade
        self._seats = seats
        self._progress = progress
        self.store, self.owner = seats[0].bench.store, seats[0].bench.owner

    @property
    def facts(self) -> list[Facts]:
        """Who answers for each stage."""
        return [seat.facts for seat in self._seats]

    @property
    def limit(self) -> int:
        """Calls that may be open at once over all stages, now."""
        return sum(lanes.limit for lanes in {id(seat.lanes): seat.lanes for seat in self._seats}.values())

    async def assess(self, interaction: Interaction, run: str | None = None) -> Verdict:
        """The cascade's verdict on one interaction, as `judges.asking.assess` gives a judge's.

        run: its name, for the ledger. Raises ServerGone when the first stage stays away, EndpointRefused when a server
        refuses from the start, StoreError.
        """
        behind.set(Behind(run=run, interaction=interaction.id))
        return (await self.judge_one(interaction))[0]

    async def judge_one(self, interaction: Interaction) -> tuple[Verdict, bool]:
        """The same, and whether any model was called for it now."""
        called = False

        async def ask(number: int, item: Interaction) -> Verdict:
            nonlocal called
            verdict, asked = await self._seats[number].ask(item, is_first=number == 0)
            called = called or asked
            return verdict

        verdict = await escalate(self.cascade, interaction, ask)
        return verdict, called

    async def run(self, interactions: Iterable[Interaction], on_verdict: OnVerdict, run: str | None = None) -> None:
        """Judge them all. Raises what ends a run, once all work has stopped."""
        workers = Workers(self.judge_one, lambda: self.limit, progress=self._progress, on_verdict=on_verdict, run=run)
        await workers.go_over(interactions)

    def fingerprint(self) -> dict[str, Json]:
        """What answers: each stage's fingerprint and capabilities, and the map for its confidences."""
        return told_of_stages(self.cascade, [(seat.stage, seat.facts, seat.mapped) for seat in self._seats])


@asynccontextmanager
async def open_cascade(
    cascade: Cascade,
    settings: Settings,
    workspace: Workspace,
    progress: Progress,
    *,
    keep: bool = True,
    tell: Tell | None = None,
) -> AsyncIterator[OpenCascade]:
    """Open every stage's model, before anything is asked. A stage without a model takes that of the settings.

    keep, tell: see `open_bench`. Raises PolicyError for a stage that leaves where nothing may, SettingError,
    EndpointError, StoreError.
    """
    check_model(cascade, settings)
    named = cascade.with_models(settings.model, settings.base_url)
    check_cloud(named, settings)
    async with AsyncExitStack() as closing:
        open_: dict[tuple[str, tuple[str, ...]], tuple[Bench, Lanes, Asker]] = {}
        seats: list[_Seat] = []
        for stage in named.asked:
            assert stage.judge is not None
            key = (str(stage.model), stage.base_urls)
            if key not in open_:
                own = dataclasses.replace(settings, model=stage.model, base_url=stage.base_urls)
                first = seats[0].bench if seats else None
                opening = open_bench(str(stage.model), own, workspace, keep=keep, tell=tell, beside=first)
                bench = await closing.enter_async_context(opening)
                lanes = bench.lanes(progress)
                open_[key] = bench, lanes, bench.asker(lanes, progress)
            seats.append(await _seat(stage, *open_[key], progress))
        yield OpenCascade(named, seats, progress)


def check_model(cascade: Cascade, settings: Settings) -> None:
    """Raise SettingError where a model was given that no stage would take."""
    if settings.origin.get("model") == "argument" and all(stage.model for stage in cascade.asked):
        raise SettingError(
            f"--model {settings.model} was given, and every stage of {cascade.name!r} names its own model",
            hint="Change the stages, or take one of their judges with that model.",
        )


def check_cloud(cascade: Cascade, settings: Settings) -> None:
    """Raise PolicyError where a stage leaves this machine and its network, and nothing may."""
    leaving = [stage for stage in cascade.asked if stage.leaves]
    if leaving and not settings.allow_cloud:
        named = " and ".join(f"stage {stage.name!r} ({stage.model})" for stage in leaving)
        verb = "leaves" if len(leaving) == 1 else "leave"
        raise PolicyError(
            f"{named} of {cascade.name!r} {verb} this machine and its private network, and the policy lets nothing out",
            hint="If it may leave: --allow-cloud, or DIKAST_ALLOW_CLOUD=1. Else leave it out: --without-cloud",
        )


async def _seat(stage: Stage, bench: Bench, lanes: Lanes, asker: Asker, progress: Progress) -> _Seat:
    assert stage.judge is not None
    facts = bench.facts[0]
    judging = Judging(
        stage.judge,
        asker,
        lanes,
        model=str(stage.model),
        facts=facts,
        progress=progress,
        on_verdict=lambda position, interaction, verdict: None,
        retriever=await bench.retriever(stage.judge),
    )
    return _Seat(stage, bench, lanes, judging, stage_map(stage, bench))


def stage_map(stage: Stage, bench: Bench) -> ConfidenceMap | None:
    """The map that is kept for a stage's judge on its model; None where there is none."""
    if bench.store is None or stage.judge is None:
        return None
    told = msgspec.to_builtins(bench.facts[0].fingerprint)
    kept = bench.store.calibration(stage.judge.version, model_key(str(stage.model), told))
    return kept.map if kept else None


def told_of_stages(cascade: Cascade, stages: Iterable[tuple[Stage, Facts, ConfidenceMap | None]]) -> dict[str, Json]:
    """What answers for a cascade, as a run keeps it: each stage's fingerprint, capabilities and map for confidences."""
    told = [
        {
            "stage": stage.name,
            **msgspec.to_builtins(facts.fingerprint),
            "capabilities": msgspec.to_builtins(facts.capabilities),
            "calibration": msgspec.to_builtins(mapped),
        }
        for stage, facts, mapped in stages
    ]
    return {"server": "cascade", "model": cascade.model, "stages": told}
