"""Writes src/dikast/samples/demo.jsonl: human-labelled answers of ChatGPT, drawn from the FacTool data set.

    python scripts/make_demo_data.py factool_en.jsonl

The source has one interaction a line, with FacTool's verdict for the whole answer under `label` and its verdict for
each claim under `metadata.claims`. Nothing is chosen by hand or at random: the rules below decide, and then the order
of a hash of the id, so that the same source always gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

Row = dict[str, Any]

TARGET = Path(__file__).resolve().parent.parent / "src" / "dikast" / "samples" / "demo.jsonl"
MOST_FAILS = 11  # of each category; all passes are taken, so that both verdicts are about equally frequent


def wrong_claims(row: Row) -> list[str]:
    """The claims that people found to be wrong, as a person would write them."""
    return [readable(claim["claim"]) for claim in row["metadata"]["claims"] if claim["verdict"] == "fail"]


def readable(claim: str) -> str:
    """A claim as a sentence; FacTool has calculations and citations as JSON."""
    if not claim.startswith("{"):
        return claim
    parts = json.loads(claim)
    if "math_calculation" in parts:
        return f"{parts['math_calculation']} = {parts['calculated_answer']}"
    return f"the cited paper “{parts['paper_title']}” ({parts['paper_author(s)']}, {parts['paper_pub_year']})"


def is_consistent(row: Row) -> bool:
    """Whether the answer's verdict follows from its claims' verdicts: a pass without wrong claims, a fail with some."""
    return (row["label"]["verdict"] == "fail") == bool(wrong_claims(row))


def interaction(row: Row) -> Row:
    """One line of the demo's file."""
    label = {"verdict": row["label"]["verdict"]}
    if wrong := wrong_claims(row):
        label["critique"] = "Wrong: " + "; ".join(wrong)
    return {
        "id": row["id"],
        "input": row["input"],
        "output": row["output"],
        "label": label | {"annotator": "FacTool", "drawn": "stratified"},
        "metadata": {"kind": row["metadata"]["category"], "model": row["metadata"]["model"]},
    }


def draw(rows: list[Row]) -> list[Row]:
    """The rows that the rules choose, in the order of their ids' hashes."""
    fails: Counter[str] = Counter()
    drawn = []
    for row in sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).hexdigest()):
        category = row["metadata"]["category"]
        failed = row["label"]["verdict"] == "fail"
        if is_consistent(row) and not (failed and fails[category] >= MOST_FAILS):
            fails[category] += failed
            drawn.append(row)
    return drawn


def main() -> None:
    """Draw, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="FacTool's labelled answers, one JSON object a line")
    rows = [json.loads(line) for line in parser.parse_args().source.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps(interaction(row), ensure_ascii=False) for row in draw(rows)]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} interactions in {TARGET}")


if __name__ == "__main__":
    main()
