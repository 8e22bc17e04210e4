"""Several endpoints that serve one model: which gets the next call, and what happens while one is down.

A server that refuses or drops connections a few times in a row is down. Calls go to the others meanwhile; if there are
none, everybody waits. One call at a time tries the server, less and less often, until it answers or patience runs out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from dikast.errors import EndpointDown
from dikast.harness.limiter import Limiter
from dikast.harness.progress import Progress
from dikast.models.endpoint import Endpoint

_DOWN_AFTER = 3  # failed connections in a row, with no answer between
_FIRST_TRY_S = 0.25
_LONGEST_TRY_S = 15.0


class ServerGone(EndpointDown):
    """Every server stayed down for longer than the user's patience: the run ends, and can be continued."""

    retryable = False


@dataclass
class _Outage:
    since: float
    next_try: float
    tries: int = 0
    being_tried: bool = False


@dataclass(eq=False)
class Lane:
    """One endpoint, with its limit and its health."""

    endpoint: Endpoint
    limiter: Limiter
    failures: int = 0
    outage: _Outage | None = None


class Lanes:
    """Chooses the lane for each call. patience_s: how long to wait when every server is down."""

    def __init__(self, lanes: Sequence[Lane], *, progress: Progress, patience_s: float) -> None:
        self._lanes = lanes
        self._progress = progress
        self._patience_s = patience_s
        self._changed = asyncio.Event()
        self._gone: ServerGone | None = None

    @property
    def limit(self) -> int:
        """Calls that may be open at once over all lanes, now."""
        return sum(lane.limiter.limit for lane in self._lanes)

    async def choose(self) -> Lane:
        """The lane for the next call; waits while every server is down. Raises ServerGone when patience has run out."""
        if len(self._lanes) == 1 and self._lanes[0].outage is None:
            return self._lanes[0]
        while True:
            if self._gone:
                raise self._gone
            now = asyncio.get_running_loop().time()
            for lane in self._lanes:
                outage = lane.outage
                if outage and not outage.being_tried and now >= outage.next_try:
                    outage.being_tried = True
                    return lane
            healthy = [lane for lane in self._lanes if lane.outage is None]
            if healthy:
                return min(healthy, key=lambda lane: lane.limiter.load)
            await self._wait_for_change(now)

    def answered(self, lane: Lane) -> None:
        """A call on this lane was answered: it is up."""
        lane.failures = 0
        if lane.outage:
            lane.outage = None
            self._progress.waiting_for = None
            self._notify()

    def failed(self, lane: Lane, error: EndpointDown) -> None:
        """A connection on this lane failed. Raises ServerGone when that exhausts the patience with all of them."""
        now = asyncio.get_running_loop().time()
        lane.failures += 1
        if lane.outage is None:
            if lane.failures < _DOWN_AFTER:
                return
            lane.outage = _Outage(since=now, next_try=now)
        outage = lane.outage
        outage.next_try = now + min(_LONGEST_TRY_S, _FIRST_TRY_S * 2**outage.tries)
        if now < outage.since + self._patience_s:  # a last try when patience ends, and not long after it
            outage.next_try = min(outage.next_try, outage.since + self._patience_s)
        outage.tries += 1
        outage.being_tried = False
        if all(other.outage for other in self._lanes):
            waited = min(now - other.outage.since for other in self._lanes if other.outage)
            self._progress.waiting_for = f"{error}; waiting for it (up to {self._patience_s:.0f} s), Ctrl-C stops"
            if waited >= self._patience_s:
                self._gone = ServerGone(
                    f"{error}; it stayed away for {waited:.0f} s",
                    hint="start the server and give the same command: it continues where it stopped",
                )
                self._notify()
                raise self._gone
        self._notify()

    def let_go(self, lane: Lane) -> None:
        """A call on this lane ended in another way; if it was the one to try a dead server, another may."""
        if lane.outage:
            lane.outage.being_tried = False

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _wait_for_change(self, now: float) -> None:
        soonest = min(
            (lane.outage.next_try for lane in self._lanes if lane.outage and not lane.outage.being_tried),
            default=now + _LONGEST_TRY_S,
        )
        try:
            async with asyncio.timeout(max(0.0, soonest - now)):
                await self._changed.wait()
        except TimeoutError:
            pass
