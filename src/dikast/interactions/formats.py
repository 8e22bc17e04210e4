"""Which format a file is in, by its content where the suffix doesn't tell, and the reader for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from dikast.errors import DataError
from dikast.interactions.columns import INTERACTION_FIELDS, FieldNames, is_row_field
from dikast.interactions.json_items import read_json
from dikast.interactions.jsonl import read_jsonl
from dikast.interactions.opening import READING_ERRORS, Opened
from dikast.interactions.parquet import read_parquet
from dikast.interactions.rows import Row, Tally, Unusable
from dikast.interactions.tables import DELIMITERS, read_table
from dikast.interactions.xlsx import read_xlsx

Format: TypeAlias = Literal["jsonl", "json", "table", "parquet", "xlsx"]

READERS: dict[Format, Callable[[Opened, FieldNames, Tally], Iterator[Row]]] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "table": read_table,
    "parquet": read_parquet,
    "xlsx": read_xlsx,
}

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "table",
    ".tsv": "table",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
}

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "xlsx"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xlsx"),
)

_NOT_DATA: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"GGUF", "a GGUF model"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; decompress it first"),
    (b"BZh", "compressed with bzip2; decompress it first"),
    (b"\xfd7zXZ", "compressed with xz; decompress it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"ARROW1", "an Arrow file; write it as Parquet"),
)

_LINES_LOOKED_AT = 20
EXPECTED = "JSON Lines, JSON, CSV, TSV, Parquet or XLSX, each also as .gz"


def suffix_of(name: str) -> str:
    """The suffix that names a format, without .gz: ".jsonl" of "a.jsonl.gz"."""
    stem = name.lower().removesuffix(".gz")
    dot = stem.rfind(".")
    return stem[dot:] if dot > max(stem.rfind("/"), stem.rfind("\\")) else ""


def format_of(file: Opened) -> Format:
    """The format of a file that has content. Raises DataError when it is none that can be read."""
    head = file.head
    for magic, known in _MAGIC:
        if head.startswith(magic):
            return known
    for magic, what in _NOT_DATA:
        if head.startswith(magic):
            raise DataError(f"{file.name!r} is {what}", hint=f"Give {EXPECTED}.")
    named = SUFFIXES.get(suffix_of(file.name))
    start = head.lstrip()
    if named in ("parquet", "xlsx"):
        raise DataError(
            f"{file.name!r} is called {suffix_of(file.name)}, and its content is not", hint=f"Give {EXPECTED}."
        )
    if start[:1] in (b"{", b"[") and (named != "table" or _decoded(start.split(b"\n", 1)[0]) is not None):
        return _json_kind(start, named)
    if _is_binary(head):
        raise DataError(f"{file.name!r} is a binary file", hint=f"Give {EXPECTED}.")
    if named is not None and named != "json":
        return named
    if named is None and any(map(_is_row, head.split(b"\n")[1:_LINES_LOOKED_AT])):
        return "jsonl"  # whose first line is broken
    if named is None and any(delimiter.encode() in start.split(b"\n", 1)[0] for delimiter in DELIMITERS):
        return "table"
    raise DataError(
        f"the format of {file.name!r} can't be told: it begins with {start[:30].decode('utf-8', 'replace')!r}",
        hint=f"Give {EXPECTED}.",
    )


def line_count(path: Path | None) -> int | None:
    """The lines of a plain JSON Lines file; None for any other, where counting means reading all of it."""
    if path is None or path.suffix.lower() not in (".jsonl", ".ndjson"):
        return None
    with path.open("rb") as file:
        chunks = iter(lambda: file.read(1 << 20), b"")
        lines, last = 0, b"\n"
        for chunk in chunks:
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return lines + (last != b"\n")


def rows_of(file: Opened, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """Every row of a file; where the file breaks off, a last one that says so."""
    line = 0
    try:
        for row in READERS[format_of(file)](file, names, tally):
            line = row[0]
            yield row
    except READING_ERRORS as error:
        yield line + 1, Unusable(f"broken off: the file can't be read further ({_reading(error)})"), None
    except OSError as error:
        raise DataError(f"{file.name!r} can't be read behind line {line}: {error.strerror or error}") from error


def _json_kind(start: bytes, named: Format | None) -> Format:
    """JSON Lines or JSON, by the first two lines: many .json files hold lines, and some .jsonl files an array."""
    first, _, rest = start.partition(b"\n")
    second = rest.lstrip()[:1]
    value = _decoded(first)
    if isinstance(value, dict):
        return "json" if _holds_list(value) else "jsonl"
    if start.startswith(b"["):
        return "jsonl" if isinstance(value, list) and second == b"{" else "json"
    if second == b"{" or (named == "jsonl" and second not in (b'"', b"}")):
        return "jsonl"
    return "json"


def _is_row(line: bytes) -> bool:
    """Whether a line is an interaction as JSON Lines has them."""
    value = _decoded(line)
    return isinstance(value, dict) and any(is_row_field(name, INTERACTION_FIELDS) for name in value)


def _holds_list(value: dict[str, object]) -> bool:
    """Whether an object is a wrapper around a list of objects, and no row itself."""
    lists = [part for part in value.values() if isinstance(part, list) and part and isinstance(part[0], dict)]
    return bool(lists) and not any(is_row_field(name, INTERACTION_FIELDS) for name in value)


def _decoded(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _is_binary(head: bytes) -> bool:
    sample = head[:4096]
    control = sum(byte < 32 and byte not in b"\t\n\r\x0c\x1b" for byte in sample)
    return control * 10 > len(sample)


def _reading(error: BaseException) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.encoding} breaks off, or holds bytes that are none"
    return "the .gz is cut off or damaged" if isinstance(error, EOFError) else f"the .gz is damaged: {error}"
