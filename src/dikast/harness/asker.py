"""Asking a model through everything that makes asking safe: the journal, the limits, retries, and patience with a
dead server.

An answer that is known is never asked for again; an answer that comes is durable before anyone uses it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import msgspec

from dikast.errors import EndpointBusy, EndpointDown, EndpointError, EndpointTimeout
from dikast.harness.journal import Journal, answer_key
from dikast.harness.lanes import Lane, Lanes
from dikast.harness.progress import Progress
from dikast.models.endpoint import Reply, Request

_ATTEMPTS = 6  # of one call, for failures that are neither a busy nor a dead server
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 30.0

_reply_to_json = msgspec.json.Encoder()
_reply_from_json = msgspec.json.Decoder(Reply)


class Asker:
    """What stands between a run's judge and its endpoints. For one event loop.

    identity: what tells this model's answers from another's. patience_s: how long a busy server may keep one call
    waiting.
    """

    def __init__(
        self, lanes: Lanes, journal: Journal, *, identity: str, progress: Progress, patience_s: float, seed: int = 0
    ) -> None:
        self._lanes = lanes
        self._journal = journal
        self._identity = identity
        self._progress = progress
        self._patience_s = patience_s
        self._random = random.Random(seed)

    async def ask(self, request: Request, usable: Callable[[Reply], bool]) -> tuple[Reply, bool]:
        """The answer to a request, and whether a model was called for it or it was known.

        Raises EndpointError when it can't be had, ServerGone when the run must end, StoreError when it can't be kept.
        """
        key = answer_key(self._identity, request)
        known = await self._journal.claim(key)
        if known is not None:
            self._progress.cache_hits += 1
            return _reply_from_json.decode(known), False
        try:
            reply = await self._answer(request)
        except BaseException:
            await self._journal.release(key)
            raise
        self._progress.calls += 1
        self._progress.prompt_tokens += reply.usage.prompt_tokens
        self._progress.completion_tokens += reply.usage.completion_tokens
        await self._journal.record(key, _reply_to_json.encode(reply), usable=usable(reply))
        return reply, True

    async def _answer(self, request: Request) -> Reply:
        """Ask until answered, refused for good, or out of patience."""
        loop = asyncio.get_running_loop()
        attempt = 0
        busy_since: float | None = None
        while True:
            lane = await self._lanes.choose()
            try:
                return await self._call(lane, request)
            except EndpointBusy as error:
                busy_since = busy_since or loop.time()
                if loop.time() - busy_since > self._patience_s:
                    raise
                wait_s = error.retry_after_s or self._backoff(attempt)
            except EndpointError as error:
                if isinstance(error, EndpointDown) and lane.outage:
                    continue  # the outage has its own clock and its own end
                if not error.retryable or attempt + 1 >= _ATTEMPTS:
                    raise
                wait_s = self._backoff(attempt)
            attempt += 1
            self._progress.retries += 1
            await asyncio.sleep(wait_s)

    async def _call(self, lane: Lane, request: Request) -> Reply:
        """One call on one lane, its limit and its health kept."""
        answered = False
        await lane.limiter.acquire()
        try:
            reply = await lane.endpoint.answer(request)
            answered = True
            self._lanes.answered(lane)
            return reply
        except EndpointDown as error:
            self._lanes.failed(lane, error)
            raise
        except EndpointTimeout:
            lane.limiter.busy()
            raise
        except EndpointError as error:
            if isinstance(error, EndpointBusy):
                lane.limiter.busy(error.retry_after_s)
            self._lanes.answered(lane)  # not as we wished, but it is there
            raise
        finally:
            lane.limiter.release(answered=answered)
            self._lanes.let_go(lane)

    def _backoff(self, attempt: int) -> float:
        """Full jitter: anything up to the doubled wait, so that callers don't come back together."""
        return self._random.uniform(0, min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt))
