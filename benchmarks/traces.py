"""What importing costs: OTLP spans, those of one trace on any line, and peak memory.

    python benchmarks/traces.py                       1,000,000 spans, some minutes and 2 GB of disk
    python benchmarks/traces.py --spans 100000        fewer
    python benchmarks/traces.py --out results.json    also write the figures

The spans are generated: traces of five spans (agent, retrieval, tool, two model calls), each span on a random line
within a window of 50,000 traces, twenty spans a line. Each measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

TEXT = "The parcel left the depot this morning, and is due tomorrow before six. 包裹今天早上已經出庫。 "
WINDOW = 50_000
SPANS_A_LINE = 20


def attribute(key: str, value: object) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value if isinstance(value, str) else json.dumps(value)}}


def trace(number: int) -> Iterator[dict[str, object]]:
    asked = f"Where is parcel {number}? It was due on Tuesday."
    answer = f"{number}: {TEXT * 3}"
    messages = [{"role": "user", "parts": [{"type": "text", "content": asked}]}]
    came = [{"role": "assistant", "parts": [{"type": "text", "content": answer}], "finish_reason": "stop"}]
    model = [
        attribute("gen_ai.operation.name", "chat"),
        attribute("gen_ai.request.model", "small-7b"),
        attribute("gen_ai.conversation.id", f"session-{number // 3}"),
        attribute("gen_ai.input.messages", messages),
        attribute("gen_ai.output.messages", came),
    ]
    kinds: list[tuple[str, list[dict[str, object]]]] = [
        ("agent", [attribute("gen_ai.operation.name", "invoke_agent"), attribute("user.id", f"user-{number % 997}")]),
        (
            "search",
            [
                attribute("openinference.span.kind", "RETRIEVER"),
                attribute("input.value", asked),
                attribute("retrieval.documents.0.document.content", TEXT * 4),
            ],
        ),
        (
            "track",
            [
                attribute("gen_ai.operation.name", "execute_tool"),
                attribute("gen_ai.tool.name", "track"),
                attribute("gen_ai.tool.call.arguments", {"parcel": number}),
            ],
        ),
        ("plan", model),
        ("answer", model),
    ]
    for place, (name, attributes) in enumerate(kinds):
        started = 1_789_374_067_000_000_000 + number * 1_000_000_000 + place * 1_000_000
        yield {
            "traceId": f"{number:032x}"[::-1],
            "spanId": f"{number * 5 + place + 1:016x}",
            "parentSpanId": f"{number * 5 + 1:016x}" if place else "",
            "name": name,
            "kind": 1,
            "startTimeUnixNano": str(started),
            "endTimeUnixNano": str(started + 500_000),
            "attributes": attributes,
            "status": {},
        }


def write(path: Path, spans: int) -> None:
    shuffled = random.Random(7)
    resource_ = {"attributes": [attribute("service.name", "parcels")]}
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, spans // 5, WINDOW):
            some = [span for number in range(start + 1, min(start + WINDOW, spans // 5) + 1) for span in trace(number)]
            shuffled.shuffle(some)
            for at in range(0, len(some), SPANS_A_LINE):
                scope = {"scope": {"name": "benchmark"}, "spans": some[at : at + SPANS_A_LINE]}
                line = {"resourceSpans": [{"resource": resource_, "scopeSpans": [scope]}]}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def peak_mb() -> float:
    """The most memory that this process had; the figure of getrusage counts that of the process it was forked from."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def run(path: str, out: str) -> None:
    """Import one file, and print what it took."""
    from dikast.journey.importing import Import, ImportRequest, contract_line

    start = peak_mb()
    began, spent = time.perf_counter(), time.process_time()
    with Import(ImportRequest(sources=(path,), name="benchmark")) as imported:
        with open(out, "wb") as file:
            file.writelines(contract_line(item) + b"\n" for item in imported)
        report = imported.report
    census = report.census
    assert census is not None
    figures = {
        "spans": census.spans,
        "traces": census.traces,
        "interactions": report.interactions,
        "dropped": sum(report.dropped.values()),
        "file_mb": round(Path(path).stat().st_size / 1e6),
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(time.process_time() - spent, 1),
        "start_mb": round(start),
        "peak_mb": round(peak_mb()),
    }
    print(json.dumps(figures))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for spans in sorted({given.spans // 10, given.spans}):
            path = Path(folder) / "spans.jsonl"
            write(path, spans)
            command = [sys.executable, __file__, "--one", str(path), str(Path(folder) / "interactions.jsonl")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout))
            print(rows[-1], flush=True)
    if given.out:
        given.out.write_text(json.dumps({"otlp": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run(*sys.argv[2:4])
    else:
        main()
