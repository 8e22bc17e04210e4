"""How often 95 % intervals hold the true value, over a grid of judges, classes and sizes; every interval `agree` shows.

    python benchmarks/coverage.py [--quick] [--only NAME ...] [--out benchmarks/results]

Tables of up to 50 items are all gone through and weighed by how likely they are, so those figures are exact; the rest
are simulated, seeded. Each cell is one corner of the grid at one size; figures that are undefined don't count, and
their share is kept. --only measures a family again and leaves the others as they were. Writes coverage.json (all cells)
and coverage.md (a line an interval).
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from coverage_cells import FAMILIES, QUICK, Cell, Effort

LOW, HIGH = 0.93, 0.97


def measure(family: str, effort: Effort) -> list[Cell]:
    """All cells of one family, seeded by its name, so that it comes out the same alone and among others."""
    return list(FAMILIES[family](effort, np.random.default_rng(sorted(FAMILIES).index(family) + 100)))


def noise(cell: Cell) -> float:
    """What chance alone does to a simulated coverage of .95, twice its standard error."""
    return 2 * (0.95 * 0.05 / cell.samples) ** 0.5 if cell.samples else 0.0


def summary(found: list[Cell]) -> list[dict[str, object]]:
    """A line an interval."""
    lines: list[dict[str, object]] = []
    for name in dict.fromkeys(cell.interval for cell in found):
        own = [cell for cell in found if cell.interval == name]
        values = [cell.coverage for cell in own]
        worst = min(own, key=lambda cell: cell.coverage)
        lines.append(
            {
                "interval": name,
                "cells": len(own),
                "mean": float(np.mean(values)),
                "lowest": worst.coverage,
                "lowest_at": f"n = {worst.n}, {worst.corner}",
                "highest": max(values),
                "inside": float(np.mean([LOW - noise(cell) <= cell.coverage <= HIGH + noise(cell) for cell in own])),
                "below": sum(cell.coverage < LOW - noise(cell) for cell in own),
                "above": sum(cell.coverage > HIGH + noise(cell) for cell in own),
            }
        )
    return lines


def as_markdown(found: list[Cell], machine: str, seconds: float) -> str:
    lines = [
        "# Coverage of the 95 % intervals",
        "",
        f"{len(found):,} cells, {datetime.now(UTC):%Y-%m-%d}, {machine}, {seconds:.0f} s; benchmarks/coverage.py.",
        "A cell counts as below 93 % or above 97 % when it is so by more than twice its simulation's standard error;",
        "cells of tables up to 50 items are exact.",
        "",
        "| interval | cells | mean | lowest | highest | below 93 % | above 97 % | lowest at |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in summary(found):
        shares = " | ".join(f"{line[name]:.3f}" for name in ("mean", "lowest", "highest"))
        counts = f"{line['below']} | {line['above']} | {line['lowest_at']}"
        lines.append(f"| {line['interval']} | {line['cells']} | {shares} | {counts} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=list(FAMILIES), nargs="*")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    asked = parser.parse_args()
    effort, file = QUICK if asked.quick else Effort(), asked.out / "coverage.json"
    known = json.loads(file.read_text())["families"] if asked.only and file.exists() else {}
    for family in asked.only or FAMILIES:
        begun = time.perf_counter()
        own = measure(family, effort)
        for line in summary(own):
            print({key: round(v, 4) if isinstance(v, float) else v for key, v in line.items()}, file=sys.stderr)
        rows = [
            {**asdict(cell), "coverage": round(cell.coverage, 4), "undefined": round(cell.undefined, 4)} for cell in own
        ]
        known[family] = {
            "seconds": round(time.perf_counter() - begun, 1),
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "cells": rows,
        }
        if not asked.quick:
            write(asked.out, {name: known[name] for name in FAMILIES if name in known})


def write(folder: Path, families: dict[str, dict[str, object]]) -> None:
    machine = f"{platform.machine()}, Python {platform.python_version()}, numpy {np.__version__}"
    found = [Cell(**row) for family in families.values() for row in family["cells"]]  # type: ignore[attr-defined]
    seconds = sum(float(str(family["seconds"])) for family in families.values())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "coverage.md").write_text(as_markdown(found, machine, seconds))
    whole = {"machine": machine, "summary": summary(found), "families": families}
    (folder / "coverage.json").write_text(json.dumps(whole) + "\n")


if __name__ == "__main__":
    main()
