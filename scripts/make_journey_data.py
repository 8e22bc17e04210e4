"""Writes tests/journey/*.jsonl: three small, human-labelled sets on which the whole journey is run.

    python scripts/make_journey_data.py FOLDER

FOLDER has halueval_general.jsonl, roscoe.jsonl and chinesefacteval.jsonl: one interaction a line, with people's verdict
under `label`. Nothing is chosen by hand or at random: short ones are taken, of each class in the order of a hash of the
id, so that the same source always gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

Row = dict[str, Any]

TARGET = Path(__file__).resolve().parent.parent / "tests" / "journey"
SETS = {"halueval_general": "halueval", "roscoe": "roscoe", "chinesefacteval": "chinesefacteval"}
OF_EACH_VERDICT = 11
OF_EACH_SCORE = 5
LEFT_OUT = {"drop"}  # whose texts are under a share-alike licence
# Bytes of input and output together: a small model on two cores judges them in a test, a Chinese sign in some three
# tokens.
LONGEST = {"halueval": 250, "roscoe": 450, "chinesefacteval": 160}


def stratum(row: Row) -> str:
    """The verdict, or the score as a whole number."""
    label = row["label"]
    return str(label["verdict"]) if "verdict" in label else f"score {round(label['score'])}"


def interaction(row: Row) -> Row:
    """One line of the file: the fields of the contract, and what people said."""
    label = {key: row["label"][key] for key in ("verdict", "score", "scale", "critique") if key in row["label"]}
    metadata = {key: row["metadata"][key] for key in ("category", "model") if key in row["metadata"]}
    return {"id": row["id"], "input": row["input"], "output": row["output"], "metadata": metadata, "label": label}


def drawn(rows: list[Row], longest: int) -> list[Row]:
    """Short ones, so many of each stratum, in the order of a hash of the id."""
    taken: Counter[str] = Counter()
    chosen = []
    for row in sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest()):
        kind = stratum(row)
        most = OF_EACH_SCORE if kind.startswith("score") else OF_EACH_VERDICT
        short = len((row["input"] + row["output"]).encode()) <= longest
        if short and row["metadata"].get("category") not in LEFT_OUT and taken[kind] < most:
            taken[kind] += 1
            chosen.append(interaction(row))
    return chosen


def main() -> None:
    """Write the three files, and say what is in them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for source, name in SETS.items():
        lines = (folder / f"{source}.jsonl").read_text("utf-8").splitlines()
        chosen = drawn([json.loads(line) for line in lines], LONGEST[name])
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen)
        (TARGET / f"{name}.jsonl").write_text(text, "utf-8")
        print(name, len(chosen), dict(Counter(map(stratum, chosen))))


if __name__ == "__main__":
    main()
