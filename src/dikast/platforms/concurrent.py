"""Several calls at once, but few: platforms count them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Given = TypeVar("Given")
Found = TypeVar("Found")

_AT_ONCE = 4


async def each(given: Sequence[Given], call: Callable[[Given], Awaitable[Found]]) -> list[Found]:
    """What a call gives for each, in order; the first error ends all of them."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(value: Given) -> Found:
        async with places:
            return await call(value)

    tasks = [asyncio.ensure_future(one(value)) for value in given]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
