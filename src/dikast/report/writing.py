"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dikast.errors import OutputError
from dikast.report.jsonl import check_writable


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, moved onto it when the block ends well. Raises OutputError.

    A reader never sees half a file, and a failure leaves the old one.
    """
    check_writable(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            beside.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            f"can't write {str(path)!r}: {error.strerror or error}", hint="Make room, or choose another place."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8. Raises OutputError."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
