"""CPU time to start: `import dikast` and `dikast --help`, beside a Python that does nothing.

    python benchmarks/startup.py [--repeat 9]

Prints the median CPU seconds (user and system) of child processes, and the ratio to `python -c pass` in the same run.
Bars: `import dikast` under 0.15 s, `dikast --help` under 0.3 s.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

CASES = {
    "python -c pass": ["-c", "pass"],
    "import dikast": ["-c", "import dikast"],
    "dikast --help": ["-m", "dikast", "--help"],
    "dikast run --help": ["-m", "dikast", "run", "--help"],
}
BARS_S = {"import dikast": 0.15, "dikast --help": 0.3}


def cpu_s(arguments: list[str]) -> float:
    """CPU seconds of one child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=9)
    repeat = parser.parse_args().repeat
    for arguments in CASES.values():  # compiled files and disk cache warm, as on any but the first start
        cpu_s(arguments)
    # in turn, so that what else the machine does falls on all alike
    rounds = [{name: cpu_s(arguments) for name, arguments in CASES.items()} for _ in range(repeat)]
    medians = {name: statistics.median(measured[name] for measured in rounds) for name in CASES}
    for name, seconds in medians.items():
        ratio = seconds / medians["python -c pass"]
        bar = f"   bar {BARS_S[name]} s: {'met' if seconds < BARS_S[name] else 'MISSED'}" if name in BARS_S else ""
        print(f"{name:20} {seconds:6.3f} s CPU   {ratio:5.1f} x python{bar}")


if __name__ == "__main__":
    main()
