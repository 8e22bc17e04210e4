"""A real store with interactions of every kind, and the page served over it on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from dikast.judges.scale import Scale
from dikast.records import Interaction, JudgeRef, Verdict
from dikast.review.desk import Desk, Setup
from dikast.review.guard import Guard
from dikast.review.server import Review
from dikast.store import Store

KEY = bytes(range(32))
JUDGE = JudgeRef("refunds", "3f9a1c77d2e84b10")


def interactions(n: int = 12) -> list[Interaction]:
    return [
        Interaction(
            id=f"ticket-{at:03d}",
            input=f"Can I return headphone model {at}? I opened the box.",
            output=f"Yes: within {at + 10} days of delivery, opened or not.",
            context="Returns: 14 days from delivery.",
            metadata={"feature": ("returns", "billing", "login")[at % 3], "user_id": f"u/{at}"},
        )
        for at in range(n)
    ]


def verdicts(items: list[Interaction]) -> dict[str, Verdict]:
    return {
        item.id: Verdict(
            id=item.id,
            status="scored",
            verdict="pass" if at % 2 else "fail",
            critique=f"The judge's secret reason number {at}.",
            confidence=0.5 + at / 2 / len(items),
            judge=JUDGE,
        )
        for at, item in enumerate(items)
    }


class Serving:
    """The page, served by a thread of this process."""

    def __init__(self, desk: Desk, guard: Guard, language: str | None) -> None:
        self.desk, self.guard = desk, guard
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner = web.AppRunner(
            Review(desk, guard, language=language).app(), access_log=None, shutdown_timeout=0.1
        )
        self.port = self._do(self._begin())
        self.url = f"http://127.0.0.1:{self.port}"

    def _do(self, what: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    async def _begin(self) -> int:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    def close(self) -> None:
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass(frozen=True)
class Room:
    """The store of one test."""

    store: Store
    path: Path

    def setup(self, items: list[Interaction] | None = None, *, name: str = "tickets", **given: Any) -> Setup:
        dataset = self.store.keep_dataset(name, items if items is not None else interactions())
        base = Setup(
            dataset=dataset,
            book=self.store.labels(name),
            annotator="ada",
            scale=Scale(),
            runs=self.store.runs,
            datasets=self.store.datasets,
        )
        return replace(base, **given)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Store.open(tmp_path / "store.db") as store:
        yield Room(store, tmp_path / "store.db")


@pytest.fixture
def serve() -> Iterator[Callable[..., Serving]]:
    """`serve(setup)`: the page over it, until the test ends."""
    with contextlib.ExitStack() as stack:

        def begin(setup: Setup, *, host: str = "127.0.0.1", language: str | None = None) -> Serving:
            serving = Serving(Desk(setup), Guard(host, KEY), language)
            stack.callback(serving.close)
            return serving

        yield begin


@pytest.fixture
def sample_items() -> Callable[..., list[Interaction]]:
    return interactions


@pytest.fixture
def sample_verdicts() -> Callable[..., dict[str, Verdict]]:
    return verdicts
