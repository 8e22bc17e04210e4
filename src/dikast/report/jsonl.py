"""Writing results as JSON Lines: whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from dikast.errors import OutputError

_CHUNK_BYTES = 1 << 20


def write_results(out: Path | str, lines: Iterable[bytes]) -> int:
    """Write lines to a file, or to standard output for "-"; how many there were.

    A file is written beside its place and then moved there, so that a reader never sees half of it and a failure
    leaves the old one. Raises OutputError.
    """
    if str(out) == "-":
        return _write(sys.stdout.buffer, lines)
    path = Path(out)
    check_writable(path)
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                number = _write(file, lines)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.name, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise OutputError(
            f"can't write {str(path)!r}: {error.strerror or error}",
            hint="The run is kept; make room or choose another place with --out, and give the same command again.",
        ) from error
    return number


def check_writable(path: Path) -> None:
    """Raise OutputError when a results file can't be put there, before any work is done."""
    folder = path.parent
    if path.is_dir():
        raise OutputError(f"can't write results to {str(path)!r}: it is a folder", hint="Name a file in it with --out.")
    if not folder.is_dir():
        raise OutputError(f"can't write {str(path)!r}: there is no folder {str(folder)!r}", hint="Make it first.")
    if not os.access(folder, os.W_OK):
        raise OutputError(
            f"can't write {str(path)!r}: the folder is read-only", hint="Choose another place with --out."
        )


def _write(file: IO[bytes], lines: Iterable[bytes]) -> int:
    number, size = 0, 0
    chunk: list[bytes] = []
    for line in lines:
        chunk += [line, b"\n"]
        number += 1
        size += len(line)
        if size > _CHUNK_BYTES:
            file.write(b"".join(chunk))
            size, chunk = 0, []
    file.write(b"".join(chunk))
    return number


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
