"""How many calls an endpoint gets at once: found out while it works.

More calls at once help until the server's slots are full; from there on they only queue. So the limit grows while
throughput grows with it, stays where it stopped helping, and halves when the server says too often that it is busy
(additive increase, multiplicative decrease, as in congestion control: Chiu & Jain 1989).
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

_FIRST = 4
_MOST = 128
_WORTH_IT = 1.08  # a larger limit stays only when it brought at least 8 % more answers a second
_WINDOW_S = 0.5  # a measurement is at least this long...
_ROUNDS = 3  # ...and this many rounds of calls
_TRY_AGAIN = 20  # windows until a limit that had stopped growing is tried upwards again
_OVERLOADED = (
    0.2  # share of busy answers, lately, from which the server is overloaded and not just turning single calls away
)
_FORGETTING = 0.9  # weight of the past in that share, per call


class Limiter:
    """A semaphore that moves its own limit.

    fixed: the most calls at once when the user gave a number; then only busy answers lower it, for a while.
    slots: how many calls the server works on at once, if it told; a few more keep its queue from running dry.
    """

    def __init__(self, *, fixed: int | None = None, slots: int | None = None) -> None:
        self._most = fixed or (slots + max(1, slots // 2) if slots else _MOST)
        self.limit = fixed or min(self._most, slots or _FIRST)
        self._fixed = fixed is not None
        self._grows = not self._fixed and self.limit < self._most
        self.active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._last_cut = -math.inf
        self._busy_share = 0.0
        self._window_began = 0.0
        self._window_done = 0
        self._was_full = False
        self._best_rate = 0.0
        self._before = self.limit
        self._held = 0

    @property
    def load(self) -> float:
        """Calls open or waiting, as a share of the limit."""
        return (self.active + len(self._waiting)) / self.limit

    async def acquire(self) -> None:
        """Wait for a place."""
        while self.active >= self.limit or self._waiting:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.active -= 1
                    self._let_in()
                raise
            break
        else:
            self.active += 1
        await self._wait_out_pause()

    def release(self, *, answered: bool) -> None:
        """Give the place back; `answered` when the server gave a proper answer."""
        self._was_full = self._was_full or self.active >= self.limit
        self.active -= 1
        if answered:
            self._busy_share *= _FORGETTING
            self._count()
        self._let_in()

    def busy(self, retry_after_s: float | None = None) -> None:
        """The server had too much to do for a call, which itself waits as long as the server asked.

        When that happens often, the limit halves, once for a round of calls, and everybody waits.
        """
        self._busy_share = _FORGETTING * self._busy_share + (1 - _FORGETTING)
        if self._busy_share < _OVERLOADED:
            return
        now = asyncio.get_running_loop().time()
        if retry_after_s:
            self._paused_until = max(self._paused_until, now + retry_after_s)
        if now - self._last_cut > _WINDOW_S:
            self._last_cut = now
            self.limit = max(1, self.limit // 2)
            self._best_rate = 0.0
            self._new_window(now)

    async def _wait_out_pause(self) -> None:
        while (wait := self._paused_until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(wait)
            except asyncio.CancelledError:
                self.active -= 1
                self._let_in()
                raise

    def _let_in(self) -> None:
        while self._waiting and self.active < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.active += 1
                turn.set_result(None)

    def _new_window(self, now: float) -> None:
        self._window_began, self._window_done, self._was_full = now, 0, False

    def _count(self) -> None:
        """Close a window when it is long enough, and move the limit by what it showed."""
        now = asyncio.get_running_loop().time()
        if not self._window_began:
            self._new_window(now)
        self._window_done += 1
        elapsed = now - self._window_began
        if elapsed < _WINDOW_S or self._window_done < self.limit * _ROUNDS:
            return
        rate, full = self._window_done / elapsed, self._was_full
        self._new_window(now)
        if not full:
            return  # there was less to do than the limit allowed, so it shows nothing
        if self._fixed:
            self.limit = min(self._most, self.limit + max(1, self._most // 8))
        elif self._grows:
            self._climb(rate)
        else:
            self._held += 1
            if self._held >= _TRY_AGAIN or rate < self._best_rate / 2:
                self._held, self._grows, self._best_rate = 0, self.limit < self._most, 0.0

    def _climb(self, rate: float) -> None:
        if rate > self._best_rate * _WORTH_IT:
            self._best_rate, self._before = rate, self.limit
            self.limit = min(self._most, self.limit * 2)
            self._grows = self.limit > self._before
        else:
            self.limit, self._grows = self._before, False
