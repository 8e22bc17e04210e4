"""The rejects file: one JSON object for every row that was not used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from dikast.errors import DataError, OutputError
from dikast.interactions.rows import Raw, Reject, Tally, shown_raw

_OPENING = b'{"file":'


class Rejects:
    """Where rows go that can't be used: counted, and written to a file when one is given.

    The file is made with the first reject and replaces that of an earlier pass. A pass that rejected nothing takes an
    earlier rejects file away, since it speaks of rows that have been mended; any other file is left alone.

    clean: what a reject goes through before it is counted, said or written, so that no disk ever holds it as it was.
    """

    def __init__(
        self,
        path: Path | None,
        tally: Tally,
        *,
        strict: bool = False,
        clean: Callable[[Reject], Reject] | None = None,
    ) -> None:
        self._path = path
        self._tally = tally
        self._strict = strict
        self._clean = clean
        self._file: BinaryIO | None = None

    def add(self, file: str, line: int, reason: str, raw: Raw) -> None:
        """Count and write one row; with strict, raise DataError instead."""
        reject = Reject(file=file, line=line, reason=reason, raw=shown_raw(raw))
        if self._clean is not None:
            reject = self._clean(reject)
        if self._strict:
            raise DataError(
                f"{file}, line {line}: {reject.reason}",
                hint="Without strict such rows are set aside in the rejects file.",
            )
        self._tally.count_reject(reject)
        if self._path is not None:
            self._write(self._path, msgspec.json.encode(reject) + b"\n")

    def finish(self) -> None:
        """Call after a whole pass: takes the file of an earlier pass away when this one rejected nothing."""
        if self._path is None or self._tally.rejected or not self._path.is_file():
            return
        try:
            with self._path.open("rb") as file:
                ours = file.read(len(_OPENING)) == _OPENING
            if ours:
                self._path.unlink()
        except OSError as error:
            raise OutputError(f"the old rejects file {str(self._path)!r} can't be removed: {error.strerror}") from error

    def _write(self, path: Path, line: bytes) -> None:
        try:
            if self._file is None:
                self._file = path.open("wb")
            self._file.write(line)
        except OSError as error:
            raise OutputError(
                f"the rejects file {str(path)!r} can't be written: {error.strerror}",
                hint="Name another file for the rejects, or free some space.",
            ) from error

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as closing:
            raise OutputError(f"the rejects file {str(self._path)!r} can't be written: {closing.strerror}") from closing
