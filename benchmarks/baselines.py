"""What the harness is compared with: a plain loop, and a bare client. Neither stores, retries or resumes.

python benchmarks/baselines.py sequential|aiohttp DATA URL OUT
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator

PROMPT = "You judge answers.\nPass or fail? Answer as JSON with critique and verdict.\n\nQuestion: %s\n\nAnswer: %s\n"


def bodies(data: str) -> Iterator[tuple[str, dict[str, object]]]:
    with open(data, encoding="utf-8") as file:
        for line in file:
            item = json.loads(line)
            prompt = PROMPT % (item["input"], item["output"])
            yield item["id"], {"model": "bench", "temperature": 0, "messages": [{"role": "user", "content": prompt}]}


def read(answer: dict[str, object]) -> dict[str, object]:
    return json.loads(answer["choices"][0]["message"]["content"])  # type: ignore[index, no-any-return]


def sequential(data: str, url: str, out: str) -> None:
    import requests

    with open(out, "w", encoding="utf-8") as results:
        for id, body in bodies(data):
            answer = requests.post(url + "/v1/chat/completions", json=body, timeout=60).json()
            results.write(json.dumps({"id": id, **read(answer)}) + "\n")


async def bare(data: str, url: str, out: str) -> None:
    import aiohttp

    items = bodies(data)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:
        with open(out, "w", encoding="utf-8") as results:

            async def worker() -> None:
                for id, body in items:
                    async with session.post(url + "/v1/chat/completions", json=body) as response:
                        results.write(json.dumps({"id": id, **read(await response.json())}) + "\n")

            await asyncio.gather(*(worker() for _ in range(64)))


if __name__ == "__main__":
    kind, data, url, out = sys.argv[1:]
    sequential(data, url, out) if kind == "sequential" else asyncio.run(bare(data, url, out))
