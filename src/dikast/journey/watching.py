"""Watching a source: round after round, what is new is pulled, sampled, judged and sent back, into one growing run.

A round is entered before anything of it is judged, so a watch that was killed knows what it drew and goes on with that;
what it had answered comes from the store. An item is known by its id: it is drawn or passed over once, ever.
"""

from __future__ import annotations

import glob
import random
from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import compress, islice
from pathlib import Path
from typing import Protocol

import msgspec

from dikast.agreement.corrected import rogan_gladen
from dikast.agreement.estimate import Estimate
from dikast.agreement.wilson import wilson
from dikast.analysis.observed import JudgeState
from dikast.errors import DikastError, WorldError
from dikast.harness.progress import Progress
from dikast.harness.workers import OnVerdict
from dikast.interactions.sampling import SampleRequest, draw_sample
from dikast.journey.bench import Tell
from dikast.journey.drifting import (
    AnchorSet,
    Series,
    anchor_rounds,
    anchors_due,
    confusion_for,
    judge_anchors,
    state_of,
)
from dikast.journey.importing import Import, ImportRequest
from dikast.journey.running import RunPlan, blocking, judge_more
from dikast.records import Interaction, JudgeRef, RunInfo, Verdict, content_hash
from dikast.store import KeptWatch, RunLog, Store, WatchInfo, WatchRound

_AT_ONCE = 1000
_FIRST_WAIT_S = 60.0
_JITTER = 0.1


class Pulled(Protocol):
    """What a source holds now: files of a format. done: say whether what came of them is kept."""

    paths: tuple[str, ...]
    format: str | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        ...

    def done(self, *, kept: bool) -> None:
        """Let go of them."""
        ...


@dataclass(frozen=True)
class Anchors:
    """Labelled interactions that are judged again: when the judge is another, and every so often."""

    chosen: AnchorSet
    every: timedelta = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class WatchPlan:
    """What is watched, and how.

    run: judge, model, settings and workspace of every round. pull: the source, opened. request: how it is read; its
    sources are those that `pull` gives. sample: how many of what is new, at most, and how; None for all. push: sends
    verdicts and says how many scores stand there now; None where nothing is sent.
    """

    name: str
    run: RunPlan
    pull: Callable[[], AbstractContextManager[Pulled]]
    request: ImportRequest
    sample: SampleRequest | None = None
    push: Callable[[str, Iterable[Verdict]], int] | None = None
    anchors: Anchors | None = None
    tell: Tell | None = None


@dataclass
class Health:
    """One round. rate: of what it judged; corrected where the judge's errors are known. strata: the key
    over which its sample was drawn, so that the rate stands for the sample alone. failed: what went wrong.
    """

    at: datetime
    new: int = 0
    changed: int = 0
    dropped: int = 0
    drawn: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    rate: Estimate | None = None
    corrected: bool = False
    strata: str | None = None
    pushed: int | None = None
    anchors: str | None = None
    failed: list[DikastError] = field(default_factory=list)
    next_at: datetime | None = None

    @property
    def judged(self) -> int:
        """How many got a verdict, of whatever status."""
        return sum(self.statuses.values())


@contextmanager
def only_watch(store: Store) -> Iterator[None]:
    """Hold the lock that a store's watches share, and let it go. Raises WorldError where another process has it."""

    def refuse() -> None:
        raise WorldError(
            "another watch works on this store", hint="One at a time: end that one, or use another workspace."
        )

    with store.platforms().lock("watch", waiting=refuse):
        yield


class Watch:
    """A watch on its store; make it under `only_watch`. clock: what time it is."""

    def __init__(
        self, plan: WatchPlan, store: Store, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.plan, self.store, self.clock = plan, store, clock
        run = plan.run
        info = WatchInfo(
            name=plan.name,
            sources=tuple(plan.request.sources),
            judge=run.judge.name,
            run=plan.name,
            begun_at=clock().isoformat(timespec="seconds"),
        )
        self.kept: KeptWatch = store.watches().keep(info)
        self.log: RunLog | None = store.run(plan.name) if self.kept.rounds() else None
        self.failures = 0

    @property
    def series(self) -> Series:
        """What drift is looked for in."""
        return Series(self.plan.name, watch=self.kept, log=self.log)

    def round(self) -> Health:
        """One round: what was left from before, then what is new. What fails is told in the health, and tried again."""
        health = Health(at=self.clock())
        self._tried(health, lambda: self._judge_open(health))
        self._tried(health, lambda: self._draw(health))
        if not health.failed:
            self._tried(health, lambda: self._judge_open(health))
        self._tried(health, lambda: self._check_anchors(health))
        self._tried(health, lambda: self._push(health))
        self._rate(health)
        self.failures = self.failures + 1 if health.failed else 0
        return health

    def wait_s(self, every: timedelta, noise: Callable[[], float] = random.random) -> float:
        """How long until the next round: after failures a minute, doubled for each, and never longer than usual."""
        usual = every.total_seconds()
        if not self.failures:
            return usual
        return min(usual, _FIRST_WAIT_S * 2.0 ** min(self.failures - 1, 20) * (1 + _JITTER * noise()))

    def _tried(self, health: Health, work: Callable[[], None]) -> None:
        try:
            work()
        except DikastError as error:
            health.failed.append(error)

    def _draw(self, health: Health) -> None:
        """Pull, and enter what is new as a round: drawn, or passed over."""
        with self.plan.pull() as pulled:
            if pulled.is_empty or self._holds_nothing(pulled.paths):
                return
            with Import(_with_sources(self.plan.request, pulled)) as imported:
                imported.save_mapping()
                health.dropped = sum(imported.report.dropped.values())
                is_new = self._find_new(imported, health)
                if health.new:
                    self._enter(imported, is_new, health)
            pulled.done(kept=True)

    def _holds_nothing(self, paths: Iterable[str]) -> bool:
        """Whether these are there, and empty: a log that was just begun anew, a folder that waits for its first file.

        A pattern that matches nothing is taken for a slip of the pen until it has matched something.
        """
        each = [Path(path) for path in paths]
        there = [path.exists() or (bool(glob.has_magic(str(path))) and bool(self.kept.rounds())) for path in each]
        files = (file for path in each for file in (path.rglob("*") if path.is_dir() else glob.iglob(str(path))))
        return all(there) and not any(Path(file).is_file() and Path(file).stat().st_size for file in files)

    def _find_new(self, items: Iterable[Interaction], health: Health) -> bytearray:
        """For each item, whether it was never seen; and how many have changed since they were."""
        found = bytearray()
        rest = iter(items)
        while some := list(islice(rest, _AT_ONCE)):
            seen = self.kept.seen(some)
            health.changed += sum(not same for same in seen.values())
            found += bytes(item.id not in seen for item in some)
        health.new = sum(found)
        return found

    def _enter(self, items: Iterable[Interaction], is_new: bytearray, health: Health) -> None:
        """Draw from what is new, and enter the round. The items are read again from disk, so that few are in memory."""
        asked, design = self.plan.sample, None
        over: Iterable[tuple[str, str]] = ()
        drawn: Iterable[Interaction] = compress(items, is_new)
        if asked is not None:
            source = " ".join(self.plan.request.sources)
            drawn, design = draw_sample(drawn, asked, source=source, lenient=bool(self.kept.rounds()))
            chosen = {item.id for item in drawn}
            over = ((item.id, content_hash(item)) for item in compress(items, is_new) if item.id not in chosen)
        at = health.at.isoformat(timespec="seconds")
        entered = self.kept.begin_round(at=at, passed_over=over, drawn=drawn, design=design, changed=health.changed)
        health.drawn = entered.drawn

    def _judge_open(self, health: Health) -> None:
        """Judge what rounds drew and has no verdict yet."""
        for entered in self.kept.rounds():
            if not entered.judged:
                self._judge(entered, health)

    def _judge(self, entered: WatchRound, health: Health) -> None:
        done = self.log.positions(entered.first) if self.log is not None else set[int]()
        left = sum(position not in done for position in range(entered.first, entered.first + entered.drawn))
        if left:
            blocking(self._judge_left(entered, done, left, health))
            entered = next(one for one in self.kept.rounds() if one.number == entered.number)
        self.kept.save_round(msgspec.structs.replace(entered, judged=True))

    async def _judge_left(self, entered: WatchRound, done: Container[int], left: int, health: Health) -> None:
        places = array("q")

        def items() -> Iterator[Interaction]:
            for position, item in self.kept.drawn(entered):
                if position not in done:
                    places.append(position)
                    yield item

        def on_start(info: RunInfo) -> OnVerdict:
            self.log = log = self.store.watches().growing_run(
                msgspec.structs.replace(info, name=self.plan.name, dataset=self.plan.name)
            )
            self.kept.save_round(
                msgspec.structs.replace(
                    entered,
                    judge=f"{info.judge.name}@{info.judge.version}",
                    model=info.model,
                    fingerprint=info.fingerprint,
                )
            )

            def take(number: int, item: Interaction, verdict: Verdict) -> None:
                log.write(places[number], item, verdict)
                health.statuses[verdict.status] += 1
                if verdict.verdict is not None:
                    health.verdicts[verdict.verdict] += 1

            return take

        try:
            await judge_more(self.plan.run, items(), on_start, Progress(total=left), tell=self.plan.tell)
        finally:
            if self.log is not None:
                self._sum_up(self.log)

    def _sum_up(self, log: RunLog) -> None:
        """Write what is open, and the run's own figures."""
        log.flush()
        statuses: Counter[str] = Counter()
        said: Counter[str] = Counter()
        for verdict in log.verdicts():
            statuses[verdict.status] += 1
            if verdict.verdict is not None:
                said[verdict.verdict] += 1
        info = msgspec.structs.replace(log.info(), counts=dict(statuses), verdicts=dict(said))
        log.save_info(info, finished=False)

    def _push(self, health: Health) -> None:
        """Send what is judged and not yet sent. Sending again changes nothing, so a kill in between does no harm."""
        if self.plan.push is None or self.log is None:
            return
        for entered in self.kept.rounds():
            if not entered.judged or entered.pushed is not None:
                continue
            items = (item.id for _, item in self.kept.drawn(entered))
            verdicts = (verdict for verdict, _ in self.log.judged(items))
            pushed = self.plan.push(self.log.name, verdicts)
            self.kept.save_round(msgspec.structs.replace(entered, pushed=pushed))
            health.pushed = (health.pushed or 0) + pushed

    def _check_anchors(self, health: Health) -> None:
        anchors = self.plan.anchors
        if anchors is None:
            return
        rounds = anchor_rounds(self.store, self.plan.name)
        if not anchors_due(rounds, self._state(), self.clock(), anchors.every):
            return
        found, check = blocking(
            judge_anchors(
                self.plan.run,
                anchors.chosen,
                series=self.plan.name,
                store=self.store,
                now=self.clock(),
                tell=self.plan.tell,
            )
        )
        changed = "" if check is None else f", {check.to_fail + check.to_pass} changed"
        moved = "" if check is None or not check.moved else ": THE JUDGE MOVED"
        health.anchors = f"{len(found.verdicts):,} anchors judged{changed}{moved}"

    def _state(self) -> JudgeState | None:
        """The judge as it was last."""
        entered = next((one for one in reversed(self.kept.rounds()) if one.judge is not None), None)
        if entered is None:
            return None
        name, _, version = (entered.judge or "").rpartition("@")
        return state_of(JudgeRef(name, version), entered.model or "", entered.fingerprint)

    def _rate(self, health: Health) -> None:
        """The pass rate of what this round judged, corrected where the same judge has judged the anchors."""
        passed, failed = health.verdicts["pass"], health.verdicts["fail"]
        if not passed + failed:
            return
        state = self._state()
        confusion = None
        if state is not None:
            confusion = confusion_for(anchor_rounds(self.store, self.plan.name), state)
        corrected = rogan_gladen(passed, passed + failed, confusion) if confusion is not None else None
        health.corrected = isinstance(corrected, Estimate)
        health.strata = self.plan.sample.key if self.plan.sample else None
        health.rate = corrected if isinstance(corrected, Estimate) else wilson(passed, passed + failed)


def _with_sources(request: ImportRequest, pulled: Pulled) -> ImportRequest:
    return replace(request, sources=tuple(pulled.paths), format=pulled.format or request.format)
