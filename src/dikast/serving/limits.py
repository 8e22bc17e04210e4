"""How much the server takes on at once: places, bytes, and requests a minute. What is over it is refused at once.

A request takes its place, and room for its body, before the body is read; so that memory is bounded by these figures
and not by how many ask.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dikast.serving.problems import Refusal

BATCH_AT_ONCE = 16
"""Interactions of one batch that are under way at once."""

_LONGEST_WAIT_S = 60
_WEIGHT = 0.1  # of the newest in the mean time between two verdicts
_MOST_CALLERS = 10_000


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The figures of one server.

    queue: interactions that are judged or wait at once. body_bytes: of one request. held_bytes: of all requests that
    are under way. request_s: for one verdict. body_s: for a body to arrive, and for each piece of an answer to be
    taken. batch: interactions in one batch. rate_per_min: interactions for each token (or address); None for any
    number. drain_s: how long requests that are under way are waited for at the end.
    """

    queue: int = 256
    body_bytes: int = 4 << 20
    held_bytes: int = 64 << 20
    request_s: float = 120.0
    body_s: float = 30.0
    batch: int = 1000
    rate_per_min: int | None = None
    drain_s: float = 30.0


class Gate:
    """The places. For one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.taken = 0
        self.held_bytes = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._last: float | None = None
        self._between_s = 1.0

    @contextmanager
    def entered(self, places: int, size: int = 0) -> Iterator[None]:
        """So many places and so much room while the block runs. Raises Refusal (503) when there is neither."""
        if self.taken + places > self._limits.queue:
            raise self._full(f"{self.taken} of {self._limits.queue} places are taken")
        if self.held_bytes + size > self._limits.held_bytes:
            raise self._full(f"requests under way hold {self.held_bytes:,} of {self._limits.held_bytes:,} bytes")
        self.taken += places
        self.held_bytes += size
        self._empty.clear()
        try:
            yield
        finally:
            self.taken -= places
            self.held_bytes -= size
            if not self.taken:
                self._empty.set()

    def judged(self) -> None:
        """A verdict was given: the pace by which a wait is reckoned."""
        now = time.monotonic()
        if self._last is not None:
            self._between_s += _WEIGHT * (now - self._last - self._between_s)
        self._last = now

    async def emptied(self) -> None:
        """Wait until nothing is under way."""
        await self._empty.wait()

    def _full(self, why: str) -> Refusal:
        wait_s = min(_LONGEST_WAIT_S, max(1, math.ceil(self.taken * self._between_s / 2)))
        return Refusal(503, "busy", f"too much is under way: {why}", retry_after_s=wait_s)


class Rates:
    """How many interactions each caller may still give: a bucket that fills evenly, and holds a minute's worth."""

    def __init__(self, per_min: int | None) -> None:
        self._per_min = per_min
        self._buckets: dict[str, tuple[float, float]] = {}  # what is left, and when that was so

    def spend(self, caller: str) -> None:
        """Take one from the caller's bucket. Raises Refusal (429) when it is empty."""
        if self._per_min is None:
            return
        now = time.monotonic()
        if caller not in self._buckets and len(self._buckets) >= _MOST_CALLERS:
            self._forget_idle(now)
        left, at = self._buckets.get(caller, (float(self._per_min), now))
        left = min(float(self._per_min), left + (now - at) * self._per_min / 60)
        if left < 1:
            self._buckets[caller] = (left, now)
            wait_s = math.ceil((1 - left) * 60 / self._per_min)
            what = f"more than {self._per_min} interactions a minute"
            raise Refusal(429, "rate_limited", what, retry_after_s=wait_s)
        self._buckets[caller] = (left - 1, now)

    def overdraw(self, caller: str, interactions: int) -> None:
        """Take the rest of a batch that was let in, whatever is there: the next wait pays for it."""
        if self._per_min is not None:
            left, at = self._buckets.get(caller, (float(self._per_min), time.monotonic()))
            self._buckets[caller] = (left - interactions, at)

    def _forget_idle(self, now: float) -> None:
        """Forget who has not asked for a minute; all, where that is nobody."""
        kept = {who: bucket for who, bucket in self._buckets.items() if now - bucket[1] < 60}
        self._buckets = kept if len(kept) < _MOST_CALLERS else {}
