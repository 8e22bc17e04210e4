"""CSV and TSV: delimiter, quotes and encoding found out from the file."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from dikast.errors import DataError
from dikast.interactions.cells import Header, missing_columns
from dikast.interactions.columns import FieldNames
from dikast.interactions.opening import HEAD_BYTES, Opened
from dikast.interactions.rows import Row, Tally, Unusable

DELIMITERS = (",", ";", "\t", "|")
_LARGEST_CELL = 1 << 28
_SAMPLE_BYTES = 1 << 18
_ANNOUNCED = re.compile(r"sep=([^\w\s\"]|\t)\r?\n")  # the line by which spreadsheets are told the delimiter

# Code pages that exports of spreadsheets really come in.
_CODE_PAGES = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874",
               "big5", "gb18030", "cp932", "euc_jp", "cp949", "koi8_r"]  # fmt: skip


def read_table(file: Opened, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """The rows of a CSV or TSV file, numbered by the line where they begin. Rows of empty cells are none."""
    encoding = _encoding(file, tally)
    text = io.TextIOWrapper(file.stream, encoding, errors="surrogateescape", newline="")
    head = file.head.decode(encoding, "replace")
    announced = _ANNOUNCED.match(head)
    delimiter = announced[1] if announced else delimiter_of(head, names)
    csv.field_size_limit(_LARGEST_CELL)
    # strict: a quote that is never closed would otherwise swallow the rest of the file.
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        if announced:
            next(reader)
        header = Header(file.name, _first_row(reader, file.name), names)
        header.check()
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, _malformed(error, line, reader.line_num), None
                continue
            row = header.row(cells, tally) if cells else None
            if row is None:
                continue
            broken = _undecodable(cells, encoding)
            raw = delimiter.join(cells)
            yield line, broken or row, raw
    finally:
        text.detach()


def _first_row(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        return next(reader, [])
    except csv.Error as error:
        raise DataError(f"the header of {name!r} can't be read: {error}", hint="Is a quote missing in it?") from error


def delimiter_of(head: str, names: FieldNames) -> str:
    """The delimiter under which the header names the most known columns, then the most columns."""

    def worth(delimiter: str) -> tuple[bool, int]:
        try:
            cells = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
            return missing_columns(names.fresh().header(cells), names.vocabulary) is None, len(cells)
        except csv.Error:
            return False, 0
        except DataError:  # two columns compete for a known field, so these are columns; it is told when they are read
            return True, len(cells)

    return max(DELIMITERS, key=worth)


def _malformed(error: csv.Error, first: int, last: int) -> Unusable:
    if "unexpected end" in str(error):
        return Unusable(
            f"quote not closed: a quote opened in lines {first} to {last} has no end; these lines were not read"
        )
    return Unusable(f"not CSV: {error}; a quote inside a quoted cell must be doubled")


def _undecodable(cells: list[str], encoding: str) -> Unusable | None:
    for cell in cells:
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError as error:
                byte = ord(cell[error.start]) & 0xFF
                return Unusable(
                    f"not {encoding.upper()}: byte 0x{byte:02X} in {cell[max(0, error.start - 20) : error.start]!r}"
                )
    return None


def _encoding(file: Opened, tally: Tally) -> str:
    """The encoding of a text: UTF-8 unless its bytes say otherwise; a guess is told."""
    if file.marked:
        return "utf-8"
    sample = _not_utf8(file)
    if sample is None:
        return "utf-8"
    from charset_normalizer import from_bytes

    best = None
    for disorder in (0.2, 0.5):  # the second allows short texts with many accents
        best = best or from_bytes(sample, cp_isolation=_CODE_PAGES, threshold=disorder).best()
    if best is None:
        raise DataError(
            f"{file.name!r} is a text in an encoding that can't be told", hint="Save it as UTF-8, or as .xlsx."
        )
    # Where western and central European code pages read it alike, the western one is the likelier for what comes later.
    encoding = "cp1252" if "cp1252" in best.could_be_from_charset else best.encoding
    encoding = {"big5": "cp950", "gb2312": "gb18030", "gbk": "gb18030"}.get(encoding, encoding)
    tally.note(f"{file.name}: not UTF-8; read as {encoding}, which is a guess")
    return encoding


def _not_utf8(file: Opened) -> bytes | None:
    """A sample around the first bytes that are not UTF-8; None for UTF-8, be it with a few broken bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for chunk in _chunks(file):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            text = chunk.decode("utf-8", "replace")
            broken = text.count("\ufffd")
            beyond_ascii = sum(not character.isascii() for character in text)
            return chunk if broken * 2 > beyond_ascii else None
    return None


def _chunks(file: Opened) -> Iterator[bytes]:
    """The whole file where it can be read twice, else its head."""
    yield file.head
    if file.path is not None and len(file.head) >= HEAD_BYTES and isinstance(file.stream, io.BufferedReader):
        with Path(file.path).open("rb") as again:
            again.seek(len(file.head))
            while chunk := again.read(_SAMPLE_BYTES):
                yield chunk
