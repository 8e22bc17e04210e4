"""JSON Lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterator

from dikast.interactions.columns import FieldNames
from dikast.interactions.opening import Opened
from dikast.interactions.rows import Row, Tally
from dikast.interactions.values import decode_object


def read_jsonl(file: Opened, names: FieldNames, tally: Tally) -> Iterator[Row]:
    """The rows of a JSON Lines file. Blank lines are no rows."""
    settle = names.settle
    for number, line in enumerate(file.stream, 1):
        if line.isspace():
            continue
        yield number, settle(decode_object(line, tally)), line
