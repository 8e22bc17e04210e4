"""What a step of GitHub Actions shows of a gate: its summary, and annotations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.errors import OutputError
from dikast.gating.bars import Gate
from dikast.report.gate_lines import remarks_on, said_of

SUMMARY_BYTES = 1 << 20  # over which the upload of a step's summary is given up
_MOST_ANNOTATIONS = 10  # of a kind, in one step
_CUT = "\n\n(cut: a step's summary ends here)\n"


def add_to_summary(path: Path, markdown: str) -> None:
    """Append to the file of a step's summary, cut where the file would grow too large. Raises OutputError."""
    try:
        room = SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)
        text = markdown if markdown.endswith("\n") else markdown + "\n"
        raw = text.encode("utf-8", "replace")
        if len(raw) > room:
            kept = raw[: max(0, room - len(_CUT.encode()))].decode("utf-8", "ignore")
            text = kept[: kept.rfind("\n") + 1] + _CUT if room > len(_CUT.encode()) else ""
        with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"can't write the step's summary {str(path)!r}: {error.strerror}") from error


def annotated(found: Gate, name: str) -> Iterator[str]:
    """The lines that make an error of each failed check, and a warning of each that can't be told; ten of each."""
    for kind, answer in (("error", "fail"), ("warning", "cant_tell")):
        for check in [check for check in found.checks if check.answer == answer][:_MOST_ANNOTATIONS]:
            text = "; ".join([f"{check.title}: {said_of(check)}", *remarks_on(check)])
            yield f"::{kind} title={_property(f'dikast gate {name}')}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
