"""How long the expert waits for the next item among many: save, redirect and the page itself, over HTTP.

python benchmarks/review.py [INTERACTIONS]
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from aiohttp.test_utils import TestClient, TestServer

from dikast.records import Interaction
from dikast.review.desk import Desk, Setup
from dikast.review.guard import Guard
from dikast.review.server import Review
from dikast.store import Store

LABELS = 100


def interactions(n: int) -> Iterator[Interaction]:
    for at in range(n):
        yield Interaction(
            id=f"ticket-{at:06d}",
            input=[{"role": "user", "content": f"Question {at}: can I return it? " + "I opened the box. " * 20}],
            output=f"**Yes.** Within {at % 60} days:\n\n1. Print the form.\n2. Send it.\n\n"
            + "The policy says so. " * 40,
            context="Returns: 14 days. " * 30,
            metadata={"feature": ("returns", "billing", "login")[at % 3], "user": f"u-{at}"},
        )


async def label(desk: Desk) -> list[float]:
    waits = []
    async with TestClient(TestServer(Review(desk, Guard("127.0.0.1", bytes(32))).app())) as client:
        page = await (await client.get("/go")).text()
        for _ in range(LABELS):
            form = page[page.index('<form id="label"') :]
            address = re.search(r'action="([^"]+)"', form)
            assert address is not None
            fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))
            body = {**fields, "action": "save", "said": "pass", "critique": "It says the right period."}
            begun = time.perf_counter()
            page = await (await client.post(address[1], data=body)).text()
            waits.append(time.perf_counter() - begun)
    return waits


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "store.db") as store:
        begun = time.perf_counter()
        dataset = store.keep_dataset("tickets", interactions(n))
        kept = time.perf_counter()
        desk = Desk(Setup(dataset=dataset, book=store.labels("tickets"), annotator="ada"))
        opened = time.perf_counter()
        waits = sorted(asyncio.run(label(desk)))
        print(f"{n:,} interactions: kept in {kept - begun:.1f} s, opened in {opened - kept:.2f} s")
        at_95 = waits[int(len(waits) * 0.95)]
        figures = (median(waits), at_95, waits[-1])
        print("next item: median {:.0f} ms, 95 % {:.0f} ms, worst {:.0f} ms".format(*(1000 * s for s in figures)))


if __name__ == "__main__":
    main()
