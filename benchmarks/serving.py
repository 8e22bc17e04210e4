"""How many verdicts a second `dikast serve` gives, how long each takes, in what memory, and what overload does to it.

    python benchmarks/serving.py [--quick]     prints the figures; without --quick also writes
    benchmarks/results/serving.json

The model is benchmarks/server.py, which answers after a fixed time; server, model and client share this machine.
Overload is ten times as many callers as there are places, none of whom waits before asking again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import psutil

HERE = Path(__file__).parent
LATENCY_S = 0.02
CALLERS = 64
PLACES = 64
OVERLOAD = 10
OVERLOAD_S = 10.0
JUDGE = """\
name: bench
task: Judge whether the answer settles the question.
scale: pass_fail
"""
FILLER = "The parcel was handed to the carrier on Tuesday and is expected within three working days of that date. " * 4


@dataclass
class Load:
    """What callers saw. seconds: by status."""

    wall_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: dict[int, list[float]] = field(default_factory=dict)
    without_retry_after: int = 0

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "wall_s": round(self.wall_s, 2),
            "answers_per_s": round(self.statuses[200] / self.wall_s, 1),
            "statuses": dict(self.statuses),
        }
        for status, took in sorted(self.seconds.items()):
            cuts = statistics.quantiles(took, n=100) if len(took) > 1 else took * 99
            found[f"ms_{status}"] = {f"p{at}": round(1000 * cuts[at - 1], 1) for at in (50, 95, 99)}
        return found


def body(at: int) -> bytes:
    verdict = "GOOD" if at % 3 else "BAD"
    row = {"id": f"t-{at}", "input": f"Question {at}: where is it? {FILLER}", "output": f"{verdict}: {FILLER}"}
    return json.dumps(row).encode()


@contextlib.contextmanager
def process(*command: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(60)


@contextlib.contextmanager
def served(folder: Path, model_url: str, *options: str) -> Iterator[tuple[str, psutil.Process]]:
    command = [sys.executable, "-m", "dikast", "serve", "judge.yaml", "--model", "bench", "--base-url", model_url]
    with process(*command, *options, cwd=folder) as server:
        assert server.stdout
        said = []
        for line in server.stdout:
            said.append(line)
            if line.startswith("Ctrl+C"):
                break
        url = next(word for line in said for word in line.split() if word.startswith("http://127"))
        yield url, psutil.Process(server.pid)


async def ask(session: aiohttp.ClientSession, url: str, at: int, load: Load) -> None:
    began = time.perf_counter()
    async with session.post(url + "v1/judge", data=body(at), headers={"Content-Type": "application/json"}) as reply:
        await reply.read()
        if reply.status in (429, 503) and "Retry-After" not in reply.headers:
            load.without_retry_after += 1
    load.statuses[reply.status] += 1
    load.seconds.setdefault(reply.status, []).append(time.perf_counter() - began)


async def asked(url: str, numbers: Iterator[int], callers: int, *, until_s: float | None = None) -> Load:
    load = Load()
    began = time.perf_counter()

    async def caller(session: aiohttp.ClientSession) -> None:
        for at in numbers:
            await ask(session, url, at, load)
            if until_s is not None and time.perf_counter() - began > until_s:
                return

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(caller(session) for _ in range(callers)))
    load.wall_s = time.perf_counter() - began
    return load


def megabytes(server: psutil.Process) -> float:
    return round(server.memory_info().rss / 2**20, 1)


def steady(folder: Path, model_url: str, number: int) -> dict[str, Any]:
    with served(folder, model_url) as (url, server):
        memory = {"at the start": megabytes(server)}
        asyncio.run(asked(url, iter(range(number // 10)), CALLERS))
        memory[f"after {number // 10:,}"] = megabytes(server)
        new = asyncio.run(asked(url, iter(range(number // 10, number)), CALLERS))
        memory[f"after {number:,}"] = megabytes(server)
        known = asyncio.run(asked(url, iter(range(number)), CALLERS))
        memory[f"after {2 * number:,}"] = megabytes(server)
    return {"callers": CALLERS, "new": new.figures(), "known": known.figures(), "rss_mb": memory}


def overloaded(folder: Path, model_url: str, seconds: float) -> dict[str, Any]:
    with served(folder, model_url, "--queue", str(PLACES)) as (url, server):
        before = asyncio.run(asked(url, iter(range(1_000_000, 1_001_000)), PLACES // 2))
        calm = megabytes(server)
        endless = iter(range(2_000_000, 9_000_000))
        load = asyncio.run(asked(url, endless, PLACES * OVERLOAD, until_s=seconds))
        strained = megabytes(server)
        after = asyncio.run(asked(url, iter(range(9_000_000, 9_001_000)), PLACES // 2))
    return {
        "places": PLACES,
        "callers": PLACES * OVERLOAD,
        "before": before.figures(),
        "during": load.figures(),
        "after": after.figures(),
        "refused_without_retry_after": load.without_retry_after,
        "rss_mb": {"before": calm, "during": strained},
    }


def main() -> None:
    quick = "--quick" in sys.argv
    number, seconds = (1_000, 2.0) if quick else (10_000, OVERLOAD_S)
    with (
        tempfile.TemporaryDirectory() as name,
        process(sys.executable, str(HERE / "server.py"), "0", str(LATENCY_S)) as model,
    ):
        folder = Path(name)
        (folder / "judge.yaml").write_text(JUDGE)
        assert model.stdout
        model_url = f"http://127.0.0.1:{int(model.stdout.readline())}"
        found = {
            "date": date.today().isoformat(),
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before",
            "model_latency_s": LATENCY_S,
            "steady": steady(folder, model_url, number),
            "overload": overloaded(folder, model_url, seconds),
        }
    text = json.dumps(found, indent=2)
    print(text)
    if not quick:
        (HERE / "results" / "serving.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
