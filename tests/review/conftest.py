"""A real store with interactions of every kind, the page served over it on a free port, and a browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, sync_playwright

from dikast.judges.scale import Scale
from dikast.records import Interaction, JudgeRef, RunInfo, Verdict
from dikast.review.desk import Desk, Setup
from dikast.review.guard import Guard
from dikast.review.server import Review
from dikast.store import Store

QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
)
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
            open_run=self.store.run,
            openings=partial(self.store.openings, name),
        )
        return replace(base, **given)

    def keep_run(
        self, judged: dict[str, Verdict], items: list[Interaction], *, name: str, day: int = 1, **more: Any
    ) -> RunInfo:
        """A finished run in the store."""
        info = RunInfo(
            name=name,
            judge=next(iter(judged.values())).judge,
            judge_definition={"scale": "pass/fail", "task": "Does it keep to the policy?"},
            dataset="tickets.jsonl",
            model="ollama/qwen3:8b",
            fingerprint={"digest": "sha256:12"},
            started_at=f"2026-11-{day:02d}T09:30:00Z",
            finished_at=f"2026-11-{day:02d}T09:40:00Z",
            counts={"scored": len(judged)},
        )
        info = msgspec.structs.replace(info, **more)
        log = self.store.begin_run(info, key=name.encode().ljust(32), owner="tests", out=None, name=name)
        for position, item in enumerate(items):
            if item.id in judged:
                log.write(position, item, judged[item.id])
        log.save_info(msgspec.structs.replace(info, name=log.name), finished=True)
        return log.info()


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("these tests need chromium: apt-get install chromium (or name it with CHROMIUM=/path/to/chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


class Killable:
    """`dikast review` as a process of its own, on one port, killed and started at will."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "dikast", "review", "tickets.jsonl", "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--annotator", "ada"], cwd=self._folder, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith("tickets: "), said
        assert self.url in self.process.stdout.readline()

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def killable(tmp_path: Path, sample_items: Callable[[int], list[Interaction]]) -> Iterator[Killable]:
    lines = b"\n".join(msgspec.json.encode(item) for item in sample_items(100))
    (tmp_path / "tickets.jsonl").write_bytes(lines)
    (tmp_path / "dikast.toml").write_text('[review.links]\ncrm = "https://crm.local/{metadata.user_id}"\n')
    server = Killable(tmp_path)
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()
