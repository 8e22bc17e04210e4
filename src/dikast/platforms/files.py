"""Scores into a file, for whatever reads files: JSON Lines, or OTLP JSON lines. Written whole, or left as it was."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from dikast.errors import DataError, OutputError
from dikast.platforms.otlp_events import known_in, logs_of
from dikast.platforms.platform import Standing
from dikast.platforms.score import MARK, Score
from dikast.records import Json

OTLP_SUFFIX = ".otlp.jsonl"


class ScoreFile:
    """A file of scores; one whose name ends in .otlp.jsonl holds OpenTelemetry's events. Lines by others stay."""

    name = "file"
    lag_s = 0.0
    batch = 100_000

    def __init__(self, path: Path) -> None:
        self.path = path
        self._otlp = path.name.endswith(OTLP_SUFFIX)
        self._lines: dict[str, bytes] = {}
        self._known: dict[str, str] = {}
        self._read()
        self._changed = False

    async def close(self) -> None:
        """Write the file, when something has changed."""
        if not self._changed:
            return
        passing = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with passing.open("wb") as file:
                file.writelines(line + b"\n" for line in self._lines.values())
                file.flush()
                os.fsync(file.fileno())
            passing.replace(self.path)
        except OSError as error:
            passing.unlink(missing_ok=True)
            hint = None if self.path.parent.is_dir() else f"Make the folder {str(self.path.parent)!r} first."
            raise OutputError(f"can't write {str(self.path)!r}: {error.strerror}", hint=hint) from error

    async def standing(self, scores: Sequence[Score]) -> dict[str, Standing]:
        """See Target."""
        return {score.id: self._standing(score) for score in scores}

    async def put(self, scores: Sequence[Score], standing: dict[str, Standing]) -> dict[str, str]:
        """See Target."""
        for score in scores:
            self._changed = True
            self._lines[score.id] = msgspec.json.encode(logs_of([score]) if self._otlp else as_line(score))
        return {}

    def _standing(self, score: Score) -> Standing:
        if score.id not in self._known:
            return Standing("absent")
        return Standing("same" if self._known[score.id] == score.mark else "differs")

    def _read(self) -> None:
        try:
            lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        except OSError as error:
            raise OutputError(f"can't read {str(self.path)!r}: {error.strerror}") from error
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                known = self._ids(msgspec.json.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError):
                raise DataError(
                    f"{str(self.path)!r}, line {number}: not a line of scores", hint="Give another file."
                ) from None
            self._known |= known
            self._lines[next(iter(known), f"line {number}")] = line

    def _ids(self, value: Json) -> dict[str, str]:
        if self._otlp:
            return known_in(value)
        return {str(value["id"]): str(value.get("metadata", {}).get(MARK))}


def as_line(score: Score) -> dict[str, Json]:
    """A score as a line of JSON that names only what it has."""
    said = {key: value for key, value in msgspec.to_builtins(score).items() if value is not None}
    return {**said, "metadata": score.marked}
