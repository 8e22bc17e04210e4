"""What readers of loosely described formats take from values, besides decoding them."""

from __future__ import annotations

import hashlib
import re

import msgspec

from dikast.records import Json, canonical_json


def as_list(value: Json) -> list[Json]:
    """The list, an empty one for anything else."""
    return value if isinstance(value, list) else []


def own_id(*parts: Json) -> str:
    """An id for what has none: the same for the same content."""
    return hashlib.sha256(canonical_json(parts)).hexdigest()[:16]


def without_empty(values: dict[str, Json]) -> dict[str, Json]:
    """The entries that say something."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {})}


def shown_json(value: Json) -> str:
    """A value as a line of JSON, a text as itself."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def thumb(value: Json, *, up: frozenset[str] = frozenset(), down: frozenset[str] = frozenset()) -> bool | None:
    """True or false for a thumb, however it is spelled: a truth value, a number above or below 0, or a word."""
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in up or word in down:
            return word in up
        value = int(word) if re.fullmatch(r"[+-]?\d{1,3}", word) else None
    if isinstance(value, bool):
        return value
    return value > 0 if isinstance(value, (int, float)) and value else None
