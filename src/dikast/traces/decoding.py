"""JSON as platforms store it: structures inside of texts, fields of the wrong type, times in every spelling."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from dikast.interactions.rows import Tally
from dikast.interactions.values import decode_cell
from dikast.records import Json

_HIGHEST_TIME = 253_402_300_799  # the last second of the year 9999
_NUMBER = re.compile(r"-?\d{1,40}(\.\d+)?")
_FRACTION = re.compile(r"(\.\d{6})\d+")
_NOTHING = Tally()


def unpacked(value: Json) -> Json:
    """The list or object that a text spells in JSON, also when it was encoded twice; any other value as it is."""
    for _ in range(2):
        if not isinstance(value, str):
            return value
        if value[:1] == '"' and value[-1:] == '"' and len(value) > 1 and value[1:2] in "{[":
            value = _inner(value)
        value = decode_cell(value, _NOTHING)
    return value


def spelled(value: Json) -> Json:
    """Any JSON value that a text spells, numbers and quoted texts included; a text that is no JSON as it is."""
    if not isinstance(value, str):
        return value
    decoded = decode_cell(f"[{value}]", _NOTHING)
    return decoded[0] if isinstance(decoded, list) and len(decoded) == 1 else value


def text(value: Json) -> str | None:
    """A text or a number as text; None for nothing, an empty text and everything else."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return None


def first_text(*values: Json) -> str | None:
    """The first of these that is a text or a number."""
    return next((found for found in map(text, values) if found), None)


def plain_table(value: Json) -> dict[str, Json]:
    """An object as it is; {} for everything else, also for a text that spells one."""
    return value if isinstance(value, dict) else {}


def table(value: Json) -> dict[str, Json]:
    """An object, decoded where it is JSON in a text; {} for everything else."""
    value = unpacked(value)
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Json]:
    """A list, decoded where it is JSON in a text; [] for everything else."""
    value = unpacked(value)
    return value if isinstance(value, list) else []


def tables(value: Json) -> list[dict[str, Json]]:
    """The objects of a list, decoded where it is JSON in a text; [] for everything else."""
    return [one for one in items(value) if isinstance(one, dict)]


def words(value: Json) -> tuple[str, ...]:
    """A list of texts; one text by itself is a list of one."""
    value = unpacked(value)
    given = value if isinstance(value, list) else [value]
    return tuple(one for one in map(text, given) if one)


def utc(value: Json) -> str | None:
    """A time as RFC 3339 in UTC with microseconds, so that times sort as text; None for what is none.

    Texts with a zone, or without one (then UTC); numbers, also as text, in seconds, milli-, micro- or nanoseconds.

    >>> utc("2026-09-14 08:21:07.114"), utc("1789374067000000000")
    ('2026-09-14T08:21:07.114000Z', '2026-09-14T08:21:07.000000Z')
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        try:
            return _from_number(float(value))
        except OverflowError:
            return None
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(r"\1", value.strip()))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return _written(moment)


def _from_number(number: float) -> str | None:
    for scale in (1, 1e3, 1e6, 1e9):
        seconds = number / scale
        if math.isfinite(seconds) and 0 < seconds < 1e10:
            return _written(datetime.fromtimestamp(seconds, UTC)) if seconds <= _HIGHEST_TIME else None
    return None


def _written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _inner(value: str) -> str:
    decoded = spelled(value)
    return decoded if isinstance(decoded, str) else value
