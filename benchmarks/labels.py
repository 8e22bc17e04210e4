"""What working on many kept labels takes: a first import of them, a judge built of them, agreement measured on some.

    python benchmarks/labels.py [IMPORTED] [KEPT] [MEASURED]

At 20,000 labels imported, and 2,000 measured among 50,000 interactions kept, the figures also go to
benchmarks/results/labels.json. Each step is a process of its own, as a user would start it.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from random import Random

import msgspec

from dikast.judges.definition import Judge
from dikast.records import RunInfo, Verdict
from dikast.store import Store

MANY = (20_000, 50_000, 2_000)
RESULTS = Path(__file__).parent / "results" / "labels.json"
WORDS = [
    "return", "refund", "headphones", "delivery", "Taiwan", "invoice", "warranty", "battery", "screen", "opened",
    "box", "receipt", "days", "policy", "customer", "account", "password", "billing", "login", "shipping", "Norway",
    "broken", "replaced", "exchange", "voucher", "student", "discount", "cancel", "order",
]  # fmt: skip


def interactions(n: int) -> Iterator[dict[str, object]]:
    """Questions and answers of a shop, some 600 characters each, no two alike."""
    random = Random(3)
    for at in range(n):
        asked = " ".join(random.choices(WORDS, k=20))
        answered = " ".join(random.choices(WORDS, k=60))
        yield {"id": f"ticket-{at:06d}", "input": f"Question {at}: {asked}?", "output": f"{answered}."}


def labels(n: int, among: int) -> Iterator[dict[str, object]]:
    """A label for each of n interactions, evenly spread; two of three are a pass, and each fail says why."""
    for number in range(n):
        at = number * among // n
        label = {"id": f"ticket-{at:06d}", "verdict": "fail" if number % 3 == 0 else "pass", "annotator": "ada"}
        yield label | ({"critique": f"It names the wrong period of {at % 60} days."} if number % 3 == 0 else {})


def write(path: Path, rows: Iterator[dict[str, object]]) -> str:
    """The rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def step(folder: Path, *arguments: str) -> dict[str, float]:
    """Seconds and memory of one command."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", _RUN, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    taken, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        raise SystemExit(f"dikast {' '.join(arguments)}: {done.stderr[-2000:]}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = int(done.stderr.rsplit("peak-kib ", 1)[1])
    figures = {"seconds": round(taken, 1), "cpu_seconds": round(used, 1), "peak_mib": round(memory / 1024)}
    print(" ".join(arguments), figures, file=sys.stderr)
    return figures


_RUN = """
import resource, sys
from dikast.cli import main
code = 1
try:
    code = main(sys.argv[1:])
except SystemExit as ended:
    code = ended.code
finally:
    print("peak-kib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def measure(folder: Path, imported: int, kept: int, measured: int) -> dict[str, dict[str, float]]:
    """Every step, in the order of the journey."""
    small = write(folder / "small.jsonl", interactions(imported))
    large = write(folder / "large.jsonl", interactions(kept))
    every = write(folder / "every.jsonl", labels(imported, imported))
    some = write(folder / "some.jsonl", labels(measured, kept))
    results = write(folder / "results.jsonl", verdicts(kept))
    task = "Decide whether the answer states the shop's rules right."
    return {
        "keep and split": step(folder, "data", "split", small),
        "import labels": step(folder, "labels", "import", every, "--dataset", "small"),
        "import the same again": step(folder, "labels", "import", every, "--dataset", "small"),
        "build a judge": step(folder, "judge", "build", "rules", "--data", "small", "--task", task, "--yes"),
        "keep and split the larger": step(folder, "data", "split", large),
        "import some labels": step(folder, "labels", "import", some, "--dataset", "large"),
        "agree, results file": step(folder, "agree", results, "--data", large, "--labels", some),
        "agree, kept run": step(folder, "agree", keep_run(folder, kept)),
    }


def verdicts(n: int) -> Iterator[dict[str, object]]:
    """What a judge said of each: right nine times of ten."""
    random = Random(5)
    truth = ["fail" if number % 3 == 0 else "pass" for number in range(n)]
    for at in range(n):
        said = truth[at] if random.random() < 0.9 else "pass"
        yield {
            "id": f"ticket-{at:06d}",
            "status": "scored",
            "verdict": said,
            "judge": {"name": "rules", "version": "0" * 12},
            "model": "none",
            "latency_s": 0.1,
        }


def keep_run(folder: Path, n: int) -> str:
    """The name of a run of the larger dataset, kept as `dikast run` would keep it."""
    judge = Judge.from_dict({"name": "rules", "task": "Decide whether the answer states the shop's rules right."})
    with Store.open(folder / ".dikast" / "store.db") as store:
        dataset = store.dataset("large")
        info = RunInfo(
            name="",
            judge=judge.ref,
            judge_definition=judge.to_dict(),
            dataset="large.jsonl",
            model="none",
            fingerprint={},
            started_at="2026-01-01T00:00:00Z",
        )
        log = store.begin_run(info, key=bytes(32), owner="", out=None)
        for position, (item, said) in enumerate(zip(dataset, verdicts(n), strict=True)):
            verdict = said | {"judge": msgspec.to_builtins(judge.ref)}
            log.write(position, item, msgspec.convert(verdict, Verdict))
        done = msgspec.structs.replace(info, name=log.name, counts={"scored": n}, dataset_hash=dataset.info.hash)
        log.save_info(done, finished=True)
    return log.name


def main() -> None:
    """Measure all steps."""
    sizes = (*map(int, sys.argv[1:4]), *MANY[len(sys.argv[1:4]) :])
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "dikast.toml").write_text("")
        found = measure(folder, *sizes)
    about = {
        "date": str(date.today()),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    counts = dict(zip(("labels_imported", "interactions_kept", "labels_measured"), sizes, strict=True))
    text = json.dumps({**about, **counts, "steps": found}, indent=2)
    print(text)
    if sizes == MANY:
        RESULTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
