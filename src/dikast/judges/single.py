"""Judging one interaction at once, from Python: `judge.judge(...)` and its async twin.

All calls go through one event loop in a thread of its own, which keeps the endpoints open for the next call. So it
works in a script, in a notebook where a loop is already running, and from several threads, and a model in this process
is loaded once. What is opened is closed when Python ends, or by `close_endpoints`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from dikast.errors import EndpointError, SettingError
from dikast.interactions.ids import derived_id
from dikast.judges.asking import assess
from dikast.judges.verdicts import failed_verdict, model_name
from dikast.models.edge import Edge
from dikast.models.endpoint import Endpoint, Reply, Request
from dikast.models.ledger import ledger_in
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.records import Interaction, Json, Verdict, content_hash
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.judges.definition import Judge
    from dikast.judges.retrieval import Retriever

T = TypeVar("T")

_ATTEMPTS = 4
_FIRST_WAIT_S = 0.5


class Which(msgspec.Struct, frozen=True):
    """Which endpoints are wanted."""

    model: str
    base_urls: tuple[str, ...]
    allow_cloud: bool
    timeout_s: float
    redact: bool
    redact_key: str


def interaction_of(
    *,
    input: Json,
    output: Json = None,
    output_a: Json = None,
    output_b: Json = None,
    context: Json = None,
    reference: Json = None,
    metadata: dict[str, Json] | None = None,
    id: str | None = None,
) -> Interaction:
    """The interaction of these parts; without an id, one that follows from the content."""
    interaction = Interaction(
        id=id or "",
        input=input,
        output=output,
        output_a=output_a,
        output_b=output_b,
        context=context,
        reference=reference,
        metadata=metadata or {},
    )
    return interaction if id else msgspec.structs.replace(interaction, id=derived_id(content_hash(interaction)))


def which_endpoints(
    judge: Judge, model: str | None, base_url: str | Sequence[str] | None, allow_cloud: bool | None
) -> Which:
    """What is asked for here, else by the environment, workspace or judge. Raises SettingError without a model."""
    urls = (base_url,) if isinstance(base_url, str) else base_url
    settings = Workspace.find().settings(model=model, base_url=urls, allow_cloud=allow_cloud)
    name = settings.model or judge.settings.model
    if name is None:
        raise SettingError(
            "no model is named, neither for this call nor in the judge",
            hint='Add model=, such as model="embedded" or model="ollama/NAME"; `dikast models` shows what is here.',
        )
    key = str(settings.redact_key)
    return Which(name, settings.base_url, settings.allow_cloud, settings.timeout_s, settings.redact, key)


def judge_once(judge: Judge, interaction: Interaction, which: Which) -> Verdict:
    """The verdict on one interaction; blocks until it is there."""
    return _desk.wait_for(_desk.verdict(judge, interaction, which))


async def ajudge_once(judge: Judge, interaction: Interaction, which: Which) -> Verdict:
    """The verdict on one interaction, for a caller with an event loop of its own."""
    return await asyncio.wrap_future(_desk.submit(_desk.verdict(judge, interaction, which)))


def close_endpoints() -> None:
    """Let go of all connections and weights; the next call opens what it needs again."""
    _desk.close()


class _Desk:
    """The thread with the event loop, and the endpoints that are open in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._open: dict[Which, asyncio.Task[list[Endpoint]]] = {}
        self._retrievers: dict[tuple[str, Which], asyncio.Task[Retriever]] = {}
        self._turn = count()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine in the desk's thread."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="dikast-judge", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; an interrupt ends it."""
        future = self.submit(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def verdict(self, judge: Judge, interaction: Interaction, which: Which) -> Verdict:
        """Judge one interaction. Raises what keeps an endpoint from being opened; later errors are in the verdict."""
        endpoints = await self._endpoints(which)
        endpoint = endpoints[next(self._turn) % len(endpoints)]
        facts = await endpoint.facts()
        try:
            retriever = None if judge.retrieve is None else await self._retriever(judge, which, endpoint)
            return await assess(judge, interaction, _Patient(endpoint), facts, retriever)
        except EndpointError as error:
            return failed_verdict(judge, interaction, model_name(facts), error)

    async def _endpoints(self, which: Which) -> list[Endpoint]:
        opening = self._open.get(which)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            opening = self._open[which] = asyncio.create_task(_opened(which))
        return await asyncio.shield(opening)

    async def _retriever(self, judge: Judge, which: Which, endpoint: Endpoint) -> Retriever:
        key = (judge.version, which)
        opening = self._retrievers.get(key)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            opening = self._retrievers[key] = asyncio.create_task(_opened_retriever(judge, which, endpoint))
        return await asyncio.shield(opening)

    def close(self) -> None:
        """Close what is open, and end the thread."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(self._close_all(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _close_all(self) -> None:
        found, self._retrievers = self._retrievers, {}
        for retriever in await asyncio.gather(*found.values(), return_exceptions=True):
            if not isinstance(retriever, BaseException):
                await retriever.close()
        opened, self._open = self._open, {}
        for endpoints in await asyncio.gather(*opened.values(), return_exceptions=True):
            if not isinstance(endpoints, BaseException):
                await asyncio.gather(*(endpoint.close() for endpoint in endpoints))


class _Patient:
    """Asks an endpoint, and asks again after a failure that may pass."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, request: Request, usable: Callable[[Reply], bool]) -> Reply:
        for attempt in range(_ATTEMPTS):
            try:
                return await self._endpoint.answer(request)
            except EndpointError as error:
                if not error.retryable or attempt + 1 == _ATTEMPTS:
                    raise
                await asyncio.sleep(error.retry_after_s or _FIRST_WAIT_S * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


def _policy(which: Which) -> Policy:
    edge = Edge(redact=which.redact, key_file=Path(which.redact_key))
    return Policy(allow_cloud=which.allow_cloud, ledger=ledger_in(Workspace.find().make_state_dir), edge=edge)


async def _opened(which: Which) -> list[Endpoint]:
    from dikast.models.opening import (
        open_endpoints,
    )  # the HTTP client takes 0.2 s to load, and most uses of Judge ask nobody

    return await open_endpoints(
        which.model,
        which.base_urls,
        policy=_policy(which),
        options=EndpointOptions(timeout_s=which.timeout_s),
    )


async def _opened_retriever(judge: Judge, which: Which, endpoint: Endpoint) -> Retriever:
    from dikast.judges.retrieval import Retriever, Room  # with numpy, which most uses of Judge do without
    from dikast.models.embedding import is_beside, open_embedder

    assert judge.retrieve is not None
    name = judge.retrieve.by
    embedder = await open_embedder(
        name,
        which.base_urls if is_beside(name, which.model) else (),
        policy=_policy(which),
        options=EndpointOptions(timeout_s=which.timeout_s),
    )
    context = (await endpoint.facts()).capabilities.context_length
    return await Retriever.open(judge, embedder, Room(context=context, count=endpoint.count_tokens))


def _close_at_exit() -> None:
    with contextlib.suppress(RuntimeError):  # no new threads then; what would need one ends with the process
        _desk.close()


_desk = _Desk()
atexit.register(_close_at_exit)
