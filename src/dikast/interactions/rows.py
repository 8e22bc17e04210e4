"""What readers yield, and how what can't be used is counted.

A reader yields one `Row` for each object of a file: where it stands, the object or why there is none, and the raw text.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from dikast.records import Json

RAW_CHARACTERS = 2000
FIRST_REJECTS = 10

Raw: TypeAlias = "bytes | str | dict[str, Json] | None"
Row: TypeAlias = "tuple[int, dict[str, Json] | Unusable, Raw]"


class Unusable(Exception):
    """Why one row can't be used: a short kind, a colon, what exactly ("not JSON: expecting ',' at column 14")."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """One row that was not used: a line of the rejects file.

    `line` is a line of a text file, a row of a table or sheet, the number of an item otherwise. `raw` is the row as it
    stands, cut after 2,000 characters; a cut one says so, and says its full length.
    """

    file: str
    line: int
    reason: str
    raw: str

    @property
    def kind(self) -> str:
        """The short kind that opens the reason, for counting."""
        return self.reason.partition(":")[0]


class Tally(msgspec.Struct, kw_only=True):
    """What became of the rows of one pass.

    read: rows seen, the rejected included; blank lines are none. rejected: rows not used, by kind in `reasons`.
    duplicates: rows whose id was seen before (rejected), and rows without an id whose content was seen before (kept).
    replaced_surrogates: lone surrogates, which no UTF-8 text can hold, replaced by U+FFFD.
    first_rejects: the first ten. notes: what else was done to the data, and how often.
    """

    read: int = 0
    rejected: int = 0
    duplicates: int = 0
    replaced_surrogates: int = 0
    reasons: dict[str, int] = {}
    first_rejects: list[Reject] = []
    notes: dict[str, int] = {}

    @property
    def kept(self) -> int:
        """Rows that became an interaction or a label."""
        return self.read - self.rejected

    def note(self, text: str, times: int = 1) -> None:
        """Remember something that was done to the data."""
        if times:
            self.notes[text] = self.notes.get(text, 0) + times

    def count_reject(self, reject: Reject) -> None:
        """Count a row that was not used."""
        self.rejected += 1
        self.reasons[reject.kind] = self.reasons.get(reject.kind, 0) + 1
        if len(self.first_rejects) < FIRST_REJECTS:
            self.first_rejects.append(reject)


def shown_raw(raw: Raw) -> str:
    """A row as the text of a reject: bytes that are no UTF-8 as \\x escapes, and not longer than finding it needs."""
    if raw is None:
        return ""
    if isinstance(raw, dict):
        raw = _as_json(raw)
    if isinstance(raw, bytes):
        head, length = raw[: RAW_CHARACTERS * 4].decode("utf-8", "backslashreplace"), len(raw)
        unit = "bytes"
    else:
        head, length = raw, len(raw)
        unit = "characters"
    if len(head) <= RAW_CHARACTERS and length <= RAW_CHARACTERS * 4:
        return _writable(head).rstrip("\r\n")
    return f"{_writable(head[:RAW_CHARACTERS])}… [cut: {length:,} {unit} in all]"


def _as_json(value: dict[str, Json]) -> str | bytes:
    try:
        return msgspec.json.encode(value, enc_hook=repr)
    except (TypeError, ValueError, RecursionError):
        return repr({key: type(part).__name__ for key, part in value.items()})


def _writable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
