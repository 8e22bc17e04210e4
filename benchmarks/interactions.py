"""What reading costs: microseconds of CPU a row, and peak memory, by format.

    python benchmarks/interactions.py            everything, about a minute
    python benchmarks/interactions.py --quick    a tenth of the rows

Each measurement is a process of its own, so that one's memory is not another's.
`start` is the memory before the first row.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEXT = "The parcel left the depot this morning, and is due tomorrow before six. 包裹今天早上已經出庫。 "


def row(number: int, size: int) -> dict[str, object]:
    output = (TEXT * (size // len(TEXT.encode()) + 1))[: size * len(TEXT) // len(TEXT.encode())]
    return {
        "id": f"item-{number}",
        "input": f"Where is parcel {number}?",
        "output": f"{number}: {output}",
        "metadata": {"model": "m-1", "language": "en", "turn": number % 7},
    }


def write(path: Path, rows: int, size: int, *, ids: bool = True) -> None:
    made = (row(number, size) for number in range(rows))
    if not ids:
        made = ({key: value for key, value in one.items() if key != "id"} for one in made)
    if path.suffix == ".jsonl":
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in made)
    elif path.suffix == ".json":
        with path.open("w", encoding="utf-8") as file:
            for number, one in enumerate(made):
                file.write(("," if number else "[") + json.dumps(one, ensure_ascii=False) + "\n")
            file.write("]")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "input", "output", "metadata"])
            writer.writerows([one["id"], one["input"], one["output"], json.dumps(one["metadata"])] for one in made)
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(list(made)), path)
    else:
        import xlsxwriter

        book = xlsxwriter.Workbook(path, {"constant_memory": True})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "input", "output", "metadata"])
        for number, one in enumerate(made, 1):
            sheet.write_row(number, 0, [one["id"], one["input"], one["output"], json.dumps(one["metadata"])])
        book.close()


def read(path: str) -> None:
    from dikast.interactions import open_dataset

    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    dataset = open_dataset(path)
    began = time.process_time()
    count = sum(1 for _ in dataset)
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps({"rows": count, "us_per_row": spent / count * 1e6, "start_mb": start / 1024, "peak_mb": peak / 1024})
    )


def measure(name: str, file: str, rows: int, size: int, *, ids: bool = True) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        # Written by a process of its own too: a child's peak memory begins with that of its parent.
        subprocess.run(
            [sys.executable, __file__, "--write", str(path), str(rows), str(size), str(int(ids))], check=True
        )
        done = subprocess.run(
            [sys.executable, __file__, "--read", str(path)], capture_output=True, text=True, check=True
        )
    figures = json.loads(done.stdout)
    print(
        f"{name:34} {figures['rows']:>9,} rows  {figures['us_per_row']:6.1f} µs a row  "
        f"start {figures['start_mb']:5.0f} MB  peak {figures['peak_mb']:5.0f} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--read", metavar="FILE")
    parser.add_argument("--write", nargs=4, metavar=("FILE", "ROWS", "SIZE", "IDS"))
    options = parser.parse_args()
    if options.read:
        read(options.read)
        return
    if options.write:
        file, rows, size, ids = options.write
        write(Path(file), int(rows), int(size), ids=ids == "1")
        return
    part = 10 if options.quick else 1
    measure("JSON Lines, 2 kB", "a.jsonl", 100_000 // part, 2000)
    measure("JSON Lines, 2 kB, ids derived", "a.jsonl", 100_000 // part, 2000, ids=False)
    measure("JSON array, 2 kB", "a.json", 50_000 // part, 2000)
    measure("CSV, 2 kB", "a.csv", 50_000 // part, 2000)
    measure("Parquet, 2 kB", "a.parquet", 50_000 // part, 2000)
    measure("XLSX, 2 kB", "a.xlsx", 10_000 // part, 2000)
    for many in (10_000, 100_000, 1_000_000):
        measure("JSON Lines, short", "a.jsonl", many // part, 100)


if __name__ == "__main__":
    main()
