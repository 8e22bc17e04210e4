"""What asking a model takes, opened and closed together: store, endpoints, journal, and the asker over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dikast.errors import SettingError
from dikast.harness.asker import Asker
from dikast.harness.journal import Journal, MemoryJournal
from dikast.harness.lanes import Lane, Lanes
from dikast.harness.limiter import Limiter
from dikast.harness.progress import Progress
from dikast.judges.definition import Judge
from dikast.models.endpoint import Endpoint, Facts
from dikast.models.ledger import policy_of
from dikast.models.opening import open_endpoints
from dikast.models.options import EndpointOptions
from dikast.models.remembered import keep_facts, remembered_endpoints
from dikast.settings import Settings
from dikast.store import Store
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.judges.retrieval import CountTokens, Retriever
    from dikast.models.embedding import Embedder

Tell = Callable[[str], None]

_QUIET_S = 2.0  # how long a server may take to say who it is before a line says that it is waited for


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything open. owner: this process's name in the store; "" without one."""

    endpoints: Sequence[Endpoint]
    facts: Sequence[Facts]
    journal: Journal
    store: Store | None
    owner: str
    settings: Settings
    embedders: Embedders

    async def retriever(self, judge: Judge) -> Retriever | None:
        """What finds examples for each interaction; None for a judge whose examples are fixed.

        Raises JudgeError, SettingError, PolicyError, EndpointError.
        """
        contexts = [known.capabilities.context_length for known in self.facts]
        known = [context for context in contexts if context is not None]
        room = (min(known) if known else None, self.endpoints[0].count_tokens)
        return await open_retriever(judge, self.embedders, *room)

    def lanes(self, progress: Progress) -> Lanes:
        """One lane an endpoint, with the limits that the settings and the servers' slots give."""
        limiters = (Limiter(fixed=self.settings.concurrency, slots=known.capabilities.slots) for known in self.facts)
        return Lanes(
            [Lane(endpoint, limiter) for endpoint, limiter in zip(self.endpoints, limiters, strict=True)],
            progress=progress,
            patience_s=self.settings.patience_s,
        )

    def asker(self, lanes: Lanes, progress: Progress) -> Asker:
        """What asks over these lanes, through the journal."""
        return Asker(
            lanes,
            self.journal,
            identity=shared_identity(self.facts),
            progress=progress,
            patience_s=self.settings.patience_s,
        )


@asynccontextmanager
async def open_bench(
    model: str,
    settings: Settings,
    workspace: Workspace,
    *,
    keep: bool = True,
    offline: bool = False,
    tell: Tell | None = None,
    beside: Bench | None = None,
) -> AsyncIterator[Bench]:
    """Open what asking `model` takes. keep: with the store; without, nothing outlives the process.

    offline: ask nobody; what the store keeps is all there is. tell: given a line for each thing that takes time.
    beside: a bench that is open, whose store and journal this one shares. Raises InputError, EndpointError, StoreError.
    """
    async with AsyncExitStack() as closing:
        store = beside.store if beside else closing.enter_context(_open_store(settings, workspace)) if keep else None
        memory = store.probes() if store else None
        if offline:
            endpoints = remembered_endpoints(memory, model, settings.base_url)
        else:
            endpoints = await open_endpoints(
                model,
                settings.base_url,
                policy=policy_of(settings, workspace.make_state_dir, tell),
                memory=memory,
                options=EndpointOptions(timeout_s=settings.timeout_s, cache=settings.cache, progress=tell),
            )
        for endpoint in endpoints:
            closing.push_async_callback(endpoint.close)
        facts = await _asked_who_they_are(model, endpoints, tell)
        if memory is not None and not offline:
            keep_facts(memory, model, settings.base_url, facts)
        journal: Journal = beside.journal if beside else MemoryJournal()
        owner = beside.owner if beside else ""
        if store and not beside:
            kept = await closing.enter_async_context(store.journal())
            journal, owner = kept, kept.owner
        embedders = Embedders(settings, workspace, model=model, store=store, tell=tell)
        closing.push_async_callback(embedders.close)
        yield Bench(
            endpoints=endpoints,
            facts=facts,
            journal=journal,
            store=store,
            owner=owner,
            settings=settings,
            embedders=embedders,
        )


class Embedders:
    """The embedders that are open, by name. Make one with settings; what it opened is closed with it.

    model: of the run; an embedder of the same kind of server is looked for at the same base URL. store: where vectors
    are kept.
    """

    def __init__(
        self,
        settings: Settings,
        workspace: Workspace,
        *,
        model: str | None = None,
        store: Store | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._settings, self._workspace, self._model, self._store, self._tell = settings, workspace, model, store, tell
        self._open: dict[str, Embedder] = {}

    async def open(self, name: str) -> Embedder:
        """The embedder of that name. Raises SettingError, PolicyError, EndpointError."""
        if name in self._open:
            return self._open[name]
        from dikast.models.embedding import KeptEmbeddings, is_beside, open_embedder

        settings = self._settings
        embedder = await open_embedder(
            name,
            settings.base_url if is_beside(name, self._model) else (),
            policy=policy_of(settings, self._workspace.make_state_dir),
            options=EndpointOptions(timeout_s=settings.timeout_s, cache=settings.cache, progress=self._tell),
        )
        if self._store is not None and name != "words":  # counting them again is quicker than reading them
            embedder = KeptEmbeddings(embedder, self._store.vectors(embedder.fingerprint))
        self._open[name] = embedder
        return embedder

    async def close(self) -> None:
        """Close them all."""
        while self._open:
            await self._open.popitem()[1].close()


async def open_retriever(
    judge: Judge, embedders: Embedders, context: int | None = None, count: CountTokens | None = None
) -> Retriever | None:
    """What finds a judge's examples; None for a judge whose examples are fixed."""
    if judge.retrieve is None:
        return None
    from dikast.judges.retrieval import Retriever, Room  # with numpy, which a run without it does not load

    embedder = await embedders.open(judge.retrieve.by)
    return await Retriever.open(judge, embedder, Room(context=context, count=count))


async def _asked_who_they_are(model: str, endpoints: Sequence[Endpoint], tell: Tell | None) -> list[Facts]:
    """The endpoints' facts; after a moment, a line that says what is waited for: a server may load its model first."""
    waiting = f"waiting for {model}: asking what it honours (a model that is not loaded is loaded now)"
    line = asyncio.get_running_loop().call_later(_QUIET_S, tell, waiting) if tell else None
    try:
        return await asyncio.gather(*(endpoint.facts() for endpoint in endpoints))
    finally:
        if line:
            line.cancel()


def shared_identity(facts: Sequence[Facts]) -> str:
    """One name for the weights that all endpoints serve. Raises SettingError when they are known to differ."""
    prints = [known.fingerprint for known in facts]
    digests = {fingerprint.digest for fingerprint in prints}
    if len(prints) == 1 or (len(digests) == 1 and None not in digests):
        return prints[0].identity
    if None not in digests:
        served = "; ".join(f"{fingerprint.base_url}: {fingerprint.digest}" for fingerprint in prints)
        raise SettingError(
            f"the base URLs serve different weights under the name {prints[0].model!r} ({served})",
            hint="Give only URLs that serve the same model, or make a run for each.",
        )
    return " ".join(sorted(fingerprint.identity for fingerprint in prints))


def _open_store(settings: Settings, workspace: Workspace) -> Store:
    if settings.origin["store"] == "default":
        workspace.make_state_dir()
    return Store.open(settings.store)
