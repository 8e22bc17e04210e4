"""What asking a model takes, opened and closed together: store, endpoints, journal, and the asker over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from dikast.errors import SettingError
from dikast.harness.asker import Asker
from dikast.harness.journal import Journal, MemoryJournal
from dikast.harness.lanes import Lane, Lanes
from dikast.harness.limiter import Limiter
from dikast.harness.progress import Progress
from dikast.models.endpoint import Endpoint, Facts
from dikast.models.ledger import ledger_in
from dikast.models.opening import open_endpoints
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.settings import Settings
from dikast.store import Store
from dikast.workspace import Workspace

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
    model: str, settings: Settings, workspace: Workspace, *, keep: bool = True, tell: Tell | None = None
) -> AsyncIterator[Bench]:
    """Open what asking `model` takes. keep: with the store; without, nothing outlives the process.

    tell: given a line for each thing that takes time. Raises InputError, EndpointError, StoreError.
    """
    async with AsyncExitStack() as closing:
        store = closing.enter_context(_open_store(settings, workspace)) if keep else None
        endpoints = await open_endpoints(
            model,
            settings.base_url,
            policy=Policy(allow_cloud=settings.allow_cloud, ledger=ledger_in(workspace.make_state_dir)),
            memory=store.probes() if store else None,
            options=EndpointOptions(timeout_s=settings.timeout_s, cache=settings.cache, progress=tell),
        )
        for endpoint in endpoints:
            closing.push_async_callback(endpoint.close)
        facts = await _asked_who_they_are(model, endpoints, tell)
        journal: Journal = MemoryJournal()
        owner = ""
        if store:
            kept = await closing.enter_async_context(store.journal())
            journal, owner = kept, kept.owner
        yield Bench(endpoints=endpoints, facts=facts, journal=journal, store=store, owner=owner, settings=settings)


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
