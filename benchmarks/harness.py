"""What the harness costs and loses, beside a plain loop and a bare client, against the same local server.

    python benchmarks/harness.py [--quick]     prints a table; without --quick also writes
    benchmarks/results/harness.json

CPU is user and system time of the whole process; "marginal" is the difference of two lengths, which takes out the
start.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
JUDGE = """\
name: bench
task: Judge whether the answer settles the question.
scale: pass_fail
criteria:
  - name: settles
    description: The answer settles the question that was asked.
    levels:
      pass: Somebody who asked this has what they asked for.
      fail: The answer is wrong, empty, or about something else.
earns_nothing: [length, politeness]
"""
FILLER = "The parcel was handed to the carrier on Tuesday and is expected within three working days of that date. " * 18


@dataclass
class Measured:
    cpu_s: float
    wall_s: float
    peak_mb: float
    code: int


@contextlib.contextmanager
def server(latency_s: float, *, faults: bool = False) -> Iterator[str]:
    command = [sys.executable, str(HERE / "server.py"), "0", str(latency_s), *(["--faults"] if faults else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def measured(*command: str, cwd: Path) -> Measured:
    # Without this a machine that writes no bytecode would compile our modules anew each time, and measure that.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": "/tmp/dikast-bench-pycache"}
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3):
        raise SystemExit(f"{command} failed:\n{errors.decode()}")
    return Measured(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / 1024, process.returncode)


def interactions(folder: Path, number: int) -> Path:
    path = folder / f"{number}.jsonl"
    if not path.exists():
        with path.open("w") as file:
            for n in range(number):
                item = {
                    "id": f"i{n}",
                    "input": f"Where is parcel {n}?",
                    "output": f"{'GOOD' if n % 3 else 'BAD'} {n}. {FILLER}",
                }
                file.write(json.dumps(item) + "\n")
    return path


def dikast(data: Path, url: str, folder: Path, name: str) -> Measured:
    out = folder / f"{name}.jsonl"
    return measured(
        *(sys.executable, "-m", "dikast", "run", str(folder / "judge.yaml"), str(data), "--model", "bench"),
        *("--base-url", url, "--out", str(out), "--store", str(folder / f"{name}.db"), "--concurrency", "64", "--json"),
        cwd=folder,
    )


def baseline(kind: str, data: Path, url: str, folder: Path) -> Measured:
    return measured(
        sys.executable, str(HERE / "baselines.py"), kind, str(data), url, str(folder / "baseline.jsonl"), cwd=folder
    )


def marginal_cpu(folder: Path, small: int, large: int, rounds: int) -> dict[str, float]:
    """CPU milliseconds per interaction at no latency; the median of several rounds."""
    sides: dict[str, list[float]] = {"dikast": [], "sequential": [], "aiohttp": []}
    with server(0) as url:
        for turn in range(rounds):
            for side in sides:
                few, many = (small, large) if side != "sequential" else (small // 4, small)
                cpu = []
                for number in (few, many):
                    data = interactions(folder, number)
                    name = f"cpu-{turn}-{number}"
                    cpu.append(
                        (
                            dikast(data, url, folder, name) if side == "dikast" else baseline(side, data, url, folder)
                        ).cpu_s
                    )
                sides[side].append((cpu[1] - cpu[0]) / (many - few) * 1000)
    return {side: round(sorted(values)[len(values) // 2], 3) for side, values in sides.items()}


def share_of_ideal(folder: Path, number: int, latency_s: float, rounds: int) -> dict[str, float]:
    """Ideal wall time over the whole process's, 64 at a time; the median."""
    ideal = number * latency_s / 64
    data = interactions(folder, number)
    with server(latency_s) as url:
        dikast(
            interactions(folder, 1), url, folder, "warm"
        )  # bytecode, and what the server honours, are known from here on
        ours, bare = [], []
        for turn in range(rounds):
            (folder / f"wall-{turn}.db").write_bytes((folder / "warm.db").read_bytes())
            ours.append(ideal / dikast(data, url, folder, f"wall-{turn}").wall_s)
            bare.append(ideal / baseline("aiohttp", data, url, folder).wall_s)
    return {
        "dikast": round(sorted(ours)[rounds // 2], 3),
        "aiohttp": round(sorted(bare)[rounds // 2], 3),
        "ideal_s": ideal,
    }


def memory(folder: Path, sizes: list[int]) -> dict[str, float]:
    """Peak resident memory in MB by number of interactions."""
    with server(0) as url:
        return {str(n): round(dikast(interactions(folder, n), url, folder, f"memory-{n}").peak_mb, 1) for n in sizes}


def faults(folder: Path, number: int) -> dict[str, float]:
    """How interactions end under 429s, 500s, dropped connections, cut JSON, thinking with braces, fences with prose."""
    with server(0.005, faults=True) as url:
        dikast(interactions(folder, number), url, folder, "faults")
    ends = {"right": 0, "wrong": 0, "honest reason": 0, "lost": number}
    for line in (folder / "faults.jsonl").read_text().splitlines():
        verdict = json.loads(line)
        ends["lost"] -= 1
        expected = "pass" if int(verdict["id"][1:]) % 3 else "fail"
        if verdict["status"] == "scored":
            ends["right" if verdict["verdict"] == expected else "wrong"] += 1
        elif verdict["reason"]:
            ends["honest reason"] += 1
    return {end: round(count / number, 4) for end, count in ends.items()}


def main() -> None:
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "judge.yaml").write_text(JUDGE)
        figures = {
            "cpu_ms_per_interaction": marginal_cpu(
                folder, 500 if quick else 2000, 2000 if quick else 20000, 1 if quick else 3
            ),
            "share_of_ideal_wall": share_of_ideal(folder, 2000, 0.05, 1 if quick else 5),
            "peak_mb": memory(folder, [1000, 5000] if quick else [1000, 10_000, 100_000]),
            "faults": faults(folder, 500 if quick else 2000),
        }
    cpu = figures["cpu_ms_per_interaction"]
    figures["ratios"] = {
        "cpu, plain loop / dikast": round(cpu["sequential"] / cpu["dikast"], 2),
        "cpu, dikast / bare aiohttp": round(cpu["dikast"] / cpu["aiohttp"], 2),
    }
    print(json.dumps(figures, indent=2))
    if not quick:
        about = {
            "date": str(date.today()),
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        }
        (HERE / "results" / "harness.json").write_text(json.dumps({**about, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
