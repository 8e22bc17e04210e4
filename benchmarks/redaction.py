"""Precision and recall of redaction by kind, and its speed, on invented texts with marked spans.

    python benchmarks/redaction.py [--write]      --write: keep the figures in benchmarks/results/redaction.json

The texts (tests/redaction/marked.txt) are English, Chinese of Taiwan and Chinese of the mainland, with traps: order
numbers, prices, dates, versions, hashes, product codes. A marked span counts as found when nine tenths of it were
found as its kind; a finding counts as right when it lies on a span of its kind. The patterns were made with the first
set in view; the second (tests/redaction/held_out.txt) was written afterwards, to be harder, and is only measured.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from dikast.redaction.finding import Finder
from dikast.redaction.kinds import KINDS, Found

ROOT = Path(__file__).resolve().parent.parent
MARKED = ROOT / "tests" / "redaction" / "marked.txt"
HELD_OUT = ROOT / "tests" / "redaction" / "held_out.txt"
RESULTS = ROOT / "benchmarks" / "results" / "redaction.json"
_MARK = re.compile(r"⟦([A-Z_]+)\|(.*?)⟧")


class Marked(NamedTuple):
    language: str
    text: str
    spans: list[Found]


class Figures(NamedTuple):
    marked: Counter[str]
    found: Counter[str]  # marked spans that were found
    findings: Counter[str]
    right: Counter[str]  # findings that lie on a marked span
    misses: list[tuple[str, str]]
    alarms: list[tuple[str, str]]

    def of(self, kind: str) -> dict[str, float | int | None]:
        """One kind's figures; of "all" kinds together."""
        if kind == "all":
            for counts in (self.marked, self.found, self.findings, self.right):
                counts["all"] = counts.total() - counts["all"]
        recall = self.found[kind] / self.marked[kind] if self.marked[kind] else None
        precision = self.right[kind] / self.findings[kind] if self.findings[kind] else None
        return {"marked": self.marked[kind], "findings": self.findings[kind], "precision": precision, "recall": recall}


def marked_texts(path: Path = MARKED) -> list[Marked]:
    """The texts and their spans. A ‖ in a key keeps scanners from taking it for a real one, and is left out."""
    texts = []
    for line in path.read_text(encoding="utf-8").replace("‖", "").splitlines():
        language, _, rest = line.partition("\t")
        parts, spans, at, length = [], [], 0, 0
        for match in _MARK.finditer(rest):
            parts.append(rest[at : match.start()])
            length += len(parts[-1])
            spans.append(Found(match[1], length, length + len(match[2])))
            parts.append(match[2])
            length += len(match[2])
            at = match.end()
        texts.append(Marked(language, "".join([*parts, rest[at:]]), spans))
    return texts


def measured(finder: Finder, texts: list[Marked]) -> Figures:
    figures = Figures(Counter(), Counter(), Counter(), Counter(), [], [])
    for each in texts:
        findings = finder.find(each.text)
        for span in each.spans:
            covered = sum(_common(span, one) for one in findings if one.kind == span.kind)
            figures.marked[span.kind] += 1
            if covered >= 0.9 * (span.end - span.start):
                figures.found[span.kind] += 1
            else:
                figures.misses.append((span.kind, each.text))
        for one in findings:
            figures.findings[one.kind] += 1
            if any(one.kind == span.kind and _common(span, one) for span in each.spans):
                figures.right[one.kind] += 1
            else:
                figures.alarms.append((one.kind, each.text))
    return figures


def _common(one: Found, other: Found) -> int:
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def shown(title: str, texts: list[Marked], finder: Finder) -> dict[str, object]:
    """Measure, print, and give the figures as JSON."""
    started = time.process_time()
    figures = measured(finder, texts)
    took = time.process_time() - started
    kinds = {kind: figures.of(kind) for kind in KINDS if figures.marked[kind] or figures.findings[kind]}
    kinds["all"] = figures.of("all")
    print(f"{title:16} {'marked':>7} {'found':>6} {'precision':>10} {'recall':>7}")
    for kind, row in kinds.items():
        cells = [f"{row[name]:.3f}" if row[name] is not None else "-" for name in ("precision", "recall")]
        print(f"{kind:16} {row['marked']:7} {row['findings']:6} {cells[0]:>10} {cells[1]:>7}")
    characters = sum(len(each.text) for each in texts)
    print(
        f"{len(texts)} texts, {characters:,} characters in {took:.2f} s CPU: {took / len(texts) * 1000:.2f} ms a text\n"
    )
    if "--misses" in sys.argv:
        for word, cases in (("missed", figures.misses), ("false alarm", figures.alarms)):
            print(*(f"{word}: {kind}: {text}" for kind, text in cases), sep="\n")
    rounded = {
        kind: {name: value if value is None else round(value, 3) for name, value in row.items()}
        for kind, row in kinds.items()
    }
    return {"texts": len(texts), "characters": characters, "cpu_s": round(took, 2), "kinds": rounded}


def main() -> None:
    finder = Finder(language_models=[])
    finder.find("a text, so that everything is loaded")
    results = {
        "marked": shown("marked", marked_texts(), finder),
        "held_out": shown("held out", marked_texts(HELD_OUT), finder),
    }
    if "--write" in sys.argv:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
