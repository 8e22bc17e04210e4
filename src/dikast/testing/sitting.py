"""A bench that stays open: one model for one interaction after another, as tests bring them.

Everything happens in one event loop in a thread of its own, so that plain tests, async tests and threads may ask at the
same time. The model is asked once who it is; answers are kept and found as in any run.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dikast.errors import EndpointError
from dikast.harness.asker import Asker
from dikast.harness.lanes import ServerGone
from dikast.harness.progress import Progress
from dikast.journey.bench import Bench, open_bench
from dikast.judges.asking import assess, failed_verdict
from dikast.judges.definition import Judge
from dikast.judges.verdicts import model_name
from dikast.models.endpoint import Reply, Request
from dikast.models.remembered import NotKept
from dikast.records import Interaction, Verdict
from dikast.settings import Settings
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from dikast.judges.retrieval import Retriever

T = TypeVar("T")


class _Open(NamedTuple):
    bench: Bench
    asker: Asker


class Sitting:
    """Judges interactions by one model, until it is closed. It opens when it is first asked.

    keep: with the store of the workspace or the settings. offline: ask nobody; a judgement that isn't kept raises
    NotKept. What keeps it from opening is raised by every call; nothing is tried again.
    """

    def __init__(
        self, model: str, settings: Settings, workspace: Workspace, *, keep: bool = True, offline: bool = False
    ) -> None:
        self.model = model
        self._settings, self._workspace, self._keep, self._offline = settings, workspace, keep, offline
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._opening: asyncio.Future[_Open] | None = None
        self._holding: asyncio.Task[None] | None = None
        self._ends: asyncio.Event | None = None
        self._retrievers: dict[str, asyncio.Task[Retriever | None]] = {}

    def verdict(self, judge: Judge, interaction: Interaction) -> Verdict:
        """The verdict on one interaction; blocks. Raises InputError, NotKept, ServerGone, StoreError."""
        future = self.begin(judge, interaction)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def averdict(self, judge: Judge, interaction: Interaction) -> Verdict:
        """The same for a caller with an event loop of its own; many may be awaited at once."""
        return await asyncio.wrap_future(self.begin(judge, interaction))

    def begin(self, judge: Judge, interaction: Interaction) -> Future[Verdict]:
        """Begin to judge, and go on."""
        return self._submit(self._verdict(judge, interaction))

    def close(self) -> None:
        """Write what is open, and let go of everything. It may be asked again afterwards."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._close(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="dikast-sitting", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _verdict(self, judge: Judge, interaction: Interaction) -> Verdict:
        bench, asker = await self._bench()
        facts = bench.facts[0]

        async def ask(request: Request, usable: Callable[[Reply], bool]) -> Reply:
            return (await asker.ask(request, usable))[0]

        try:
            retriever = None if judge.retrieve is None else await self._retriever(judge, bench)
            return await assess(judge, interaction, ask, facts, retriever)
        except (ServerGone, NotKept):
            raise
        except EndpointError as error:
            return failed_verdict(judge, interaction, model_name(facts) or self.model, error)

    async def _bench(self) -> _Open:
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_future()
            self._ends = asyncio.Event()
            self._holding = asyncio.create_task(self._hold(self._opening, self._ends))
        return await asyncio.shield(self._opening)

    async def _hold(self, opening: asyncio.Future[_Open], ends: asyncio.Event) -> None:
        """Open the bench, and close it in the same task when all is done."""
        try:
            async with open_bench(
                self.model, self._settings, self._workspace, keep=self._keep, offline=self._offline
            ) as bench:
                progress = Progress()
                opening.set_result(_Open(bench, bench.asker(bench.lanes(progress), progress)))
                await ends.wait()
        except Exception as error:
            if opening.done():
                raise
            opening.set_exception(error)

    async def _retriever(self, judge: Judge, bench: Bench) -> Retriever | None:
        if judge.version not in self._retrievers:
            self._retrievers[judge.version] = asyncio.create_task(bench.retriever(judge))
        return await asyncio.shield(self._retrievers[judge.version])

    async def _close(self) -> None:
        for opening in self._retrievers.values():
            opening.cancel()
        await asyncio.gather(*self._retrievers.values(), return_exceptions=True)
        holding, ends = self._holding, self._ends
        self._retrievers, self._opening, self._holding, self._ends = {}, None, None, None
        if holding is not None and ends is not None:
            ends.set()
            await holding
