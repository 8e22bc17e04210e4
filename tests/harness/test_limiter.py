import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dikast.harness.limiter import Limiter

Simulate = Callable[[Coroutine[Any, Any, Any]], Any]


class SlottedServer:
    """Answers `slots` calls at once, each in `latency_s`; more wait in line, as on a real model server."""

    def __init__(self, slots: int, latency_s: float = 0.2) -> None:
        self.places = asyncio.Semaphore(slots)
        self.latency_s = latency_s
        self.open = self.most = 0

    async def call(self) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        async with self.places:
            await asyncio.sleep(self.latency_s)
        self.open -= 1


async def work(limiter: Limiter, server: SlottedServer, calls: int, workers: int = 200) -> float:
    remaining = iter(range(calls))

    async def worker() -> None:
        for _ in remaining:
            await limiter.acquire()
            await server.call()
            limiter.release(answered=True)

    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(worker() for _ in range(workers)))
    return asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("slots", [1, 2, 8, 32])
def test_the_limit_settles_where_the_server_is_full(simulate: Simulate, slots: int) -> None:
    async def scenario() -> tuple[int, float]:
        limiter = Limiter()
        taken = await work(limiter, SlottedServer(slots), calls=slots * 400)
        return limiter.limit, taken

    limit, taken = simulate(scenario())
    assert slots <= limit <= max(8, 2 * slots)
    assert taken <= 400 * 0.2 * 1.15  # within 15 % of keeping every slot busy all the time


def test_a_fixed_limit_is_the_most_that_is_ever_open(simulate: Simulate) -> None:
    async def scenario() -> int:
        server = SlottedServer(100)
        await work(Limiter(fixed=7), server, calls=500)
        return server.most

    assert simulate(scenario()) == 7


def test_known_slots_bound_the_limit(simulate: Simulate) -> None:
    async def scenario() -> int:
        limiter = Limiter(slots=4)
        await work(limiter, SlottedServer(4), calls=2000)
        return limiter.limit

    assert simulate(scenario()) in (4, 5, 6)


def test_busy_halves_once_for_a_round_and_comes_back(simulate: Simulate) -> None:
    async def scenario() -> list[int]:
        limiter = Limiter(fixed=32)
        seen = []
        for _ in range(5):
            limiter.busy()
        seen.append(limiter.limit)
        await asyncio.sleep(1)
        limiter.busy()
        seen.append(limiter.limit)
        await work(limiter, SlottedServer(64), calls=4000)
        seen.append(limiter.limit)
        return seen

    assert simulate(scenario()) == [16, 8, 32]


def test_nobody_is_let_in_before_the_time_that_the_server_asked_for(simulate: Simulate) -> None:
    async def scenario() -> float:
        limiter = Limiter(fixed=4)
        for _ in range(3):
            limiter.busy(retry_after_s=12.5)
        await limiter.acquire()
        return asyncio.get_running_loop().time()

    assert simulate(scenario()) == pytest.approx(12.5)


def test_a_cancelled_waiter_leaves_no_hole(simulate: Simulate) -> None:
    async def scenario() -> int:
        limiter = Limiter(fixed=1)
        await limiter.acquire()
        waiting = [asyncio.create_task(limiter.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        limiter.release(answered=True)
        waiting[1].cancel()  # its turn has come in this very moment
        await asyncio.wait(waiting)
        limiter.release(answered=True)
        return limiter.active

    assert simulate(scenario()) == 0


def test_single_calls_turned_away_do_not_slow_the_others(simulate: Simulate) -> None:
    async def scenario() -> int:
        limiter = Limiter(fixed=32)
        for number in range(1000):
            await limiter.acquire()
            if number % 20 == 0:
                limiter.busy(retry_after_s=1)
            limiter.release(answered=number % 20 != 0)
        assert asyncio.get_running_loop().time() == 0
        return limiter.limit

    assert simulate(scenario()) == 32
