"""How long the expert waits for the next item among many: save, redirect and the page itself, over HTTP.

    python benchmarks/review.py [INTERACTIONS]      at 50,000, the figures also go to benchmarks/results/review.json

For the random queue, and for the one of what is most alike to a failure, which is drawn when it is opened.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from dikast.records import Interaction
from dikast.review.desk import Desk, Setup
from dikast.review.guard import Guard
from dikast.review.server import Review
from dikast.store import Store

LABELS = {"random": 300, "like": 40}
MANY = 50_000
RESULTS = Path(__file__).parent / "results" / "review.json"


def interactions(n: int) -> Iterator[Interaction]:
    """Support tickets of some 1,400 characters."""
    for at in range(n):
        yield Interaction(
            id=f"ticket-{at:06d}",
            input=[{"role": "user", "content": f"Question {at}: can I return it? " + "I opened the box. " * 20}],
            output=f"**Yes.** Within {at % 60} days:\n\n1. Print the form.\n2. Send it.\n\n"
            + "The policy says so. " * 40,
            context="Returns: 14 days. " * 30,
            metadata={"feature": ("returns", "billing", "login")[at % 3], "user": f"u-{at}"},
        )


async def save(client: Any, page: str) -> str:
    """The page that comes after this one was failed."""
    form = page[page.index('<form id="label"') :]
    address = re.search(r'action="([^"]+)"', form)
    assert address is not None
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
    body = {**fields, "action": "save", "said": "fail", "critique": "It says the wrong period."}
    return str(await (await client.post(address[1], data=body)).text())


async def label(desk: Desk, go: str, number: int) -> tuple[float, list[float]]:
    """Seconds to open a queue, and from each saving to the next page."""
    waits = []
    async with TestClient(TestServer(Review(desk, Guard("127.0.0.1", bytes(32))).app())) as client:
        begun = time.perf_counter()
        page = await (await client.get(go)).text()
        opened = time.perf_counter() - begun
        for _ in range(number):
            begun = time.perf_counter()
            page = await save(client, page)
            waits.append(time.perf_counter() - begun)
    return opened, waits


def measured(opened: float, waits: list[float]) -> dict[str, float]:
    """What was waited for, in milliseconds."""
    ordered = sorted(1000 * wait for wait in waits)
    figures = {
        "opened": 1000 * opened,
        "median": median(ordered),
        "95 %": ordered[int(len(ordered) * 0.95)],
        "worst": ordered[-1],
    }
    return {name: round(value, 1) for name, value in figures.items()}


def main() -> None:
    """Measure both queues."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store.db") as store, store.held_open():
        dataset = store.keep_dataset("tickets", interactions(n))
        desk = Desk(Setup(dataset=dataset, book=store.labels("tickets"), annotator="ada"))
        failure = desk.queue.positions[0]
        queues = {"random": "/go", "like": f"/like/{failure}/go"}
        found = {name: measured(*asyncio.run(label(desk, go, LABELS[name]))) for name, go in queues.items()}
    about = {
        "date": str(date.today()),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    text = json.dumps({**about, "interactions": n, "next_item_ms": found}, indent=2)
    print(text)
    if n == MANY:
        RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
