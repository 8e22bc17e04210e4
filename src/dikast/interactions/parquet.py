"""Parquet: read batch by batch, a few megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dikast.errors import DataError
from dikast.interactions.cells import Header
from dikast.interactions.columns import FieldNames
from dikast.interactions.opening import Opened
from dikast.interactions.rows import Row, Tally, Unusable
from dikast.interactions.values import decode_cell, plain
from dikast.records import Json

_BATCH_BYTES = 8 << 20
_MOST_ROWS = 1024

# Columns have types here, so a text stays a text; but these are objects, and often stored as JSON texts.
_OBJECTS = ("metadata", "label", "labels", "scale")


def read_parquet(file: Opened, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """The rows of a Parquet file, numbered from 1."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with file.seekable() as stream:
        try:
            table = pq.ParquetFile(stream)
            header = Header(file.name, table.schema_arrow.names, names)
            header.check()
            number = 0
            for batch in table.iter_batches(batch_size=_batch_rows(table.metadata)):
                for values in _values(batch):
                    number += 1
                    yield number, _row(header.columns, values, tally), None if isinstance(values, Unusable) else values
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"{file.name!r} is no readable Parquet file: {error}", hint="Write or copy it again."
            ) from error


def _batch_rows(metadata: Any) -> int:
    """Rows that take about eight megabytes, by the file's own figures."""
    size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    return int(max(1, min(_MOST_ROWS, _BATCH_BYTES * metadata.num_rows // max(1, size))))


def _values(batch: Any) -> Iterator[dict[str, Any] | Unusable]:
    try:
        yield from batch.to_pylist()
        return
    except (UnicodeDecodeError, ValueError, OverflowError):
        pass
    for index in range(batch.num_rows):
        try:
            yield from batch.slice(index, 1).to_pylist()
        except UnicodeDecodeError as error:
            yield Unusable(f"not UTF-8: a text with byte 0x{error.object[error.start]:02X} at offset {error.start}")
        except (ValueError, OverflowError) as error:
            yield Unusable(f"value out of range: {error}")


def _row(columns: list[str], values: dict[str, Any] | Unusable, tally: Tally) -> dict[str, Json] | Unusable:
    if isinstance(values, Unusable):
        return values
    row: dict[str, Json] = {}
    for column, value in zip(columns, values.values(), strict=True):
        try:
            cell = value if isinstance(value, str) else plain(value, tally)
        except Unusable as unusable:
            return Unusable(f"{unusable.reason} (column {column!r})")
        if cell is None and column not in ("output", "output_a", "output_b"):
            continue
        row[column] = decode_cell(cell, tally) if column in _OBJECTS and isinstance(cell, str) else cell
    return row
