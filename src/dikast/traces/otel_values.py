"""OpenTelemetry's attribute values, and the nested things that are spelled in dotted and numbered keys."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from dikast.records import Json

_MOST_LEVELS = 16
_DEEPEST_VALUE = 50
_HEX = re.compile(r"[0-9a-fA-F]+")
_KINDS = {
    "stringValue": str, "string_value": str, "boolValue": bool, "bool_value": bool, "intValue": int, "int_value": int,
    "doubleValue": float, "double_value": float,
}  # fmt: skip


def attributes(value: Json) -> dict[str, Json]:
    """Attributes as a dict, from OTLP's list of key and value, or from what is a dict already."""
    if isinstance(value, dict):
        return {key: part for key, part in value.items() if part is not None}
    found: dict[str, Json] = {}
    for one in value if isinstance(value, list) else ():
        if isinstance(one, dict) and isinstance(one.get("key"), str):
            plain = any_value(one.get("value"))
            if plain is not None:
                found[one["key"]] = plain
    return found


def any_value(value: Json, depth: int = 0) -> Json:
    """OTLP's AnyValue as plain JSON, in the spelling of JSON or of protobuf; None for what is none."""
    if not isinstance(value, dict):
        return value
    for name, part in value.items():
        if part is None:
            continue
        kind = _KINDS.get(name)
        if kind is not None:
            return _scalar(kind, part)
        if name in ("arrayValue", "array_value", "kvlistValue", "kvlist_value") and isinstance(part, dict):
            if depth >= _DEEPEST_VALUE:
                return None
            values = part.get("values")
            inside = values if isinstance(values, list) else []
            if name.startswith("array"):
                return [any_value(one, depth + 1) for one in inside]
            return {
                str(one.get("key")): any_value(one.get("value"), depth + 1) for one in inside if isinstance(one, dict)
            }
        if name in ("bytesValue", "bytes_value"):
            return part
    return None


def hex_id(value: Json) -> str | None:
    """A trace or span id in lower-case hex, also from base64, as generic protobuf writers spell it; None for none."""
    if not isinstance(value, str) or not value:
        return None
    if _HEX.fullmatch(value):
        return value.lower() if value.strip("0") else None
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return value
    return raw.hex() if len(raw) in (8, 16) else value


def nested(flat: dict[str, Json], prefix: str) -> Json:
    """What stands in keys that begin with the prefix and a dot: objects by name, lists by number (10 after 9).

    >>> nested({"m.1.role": "b", "m.0.role": "a"}, "m")
    [{'role': 'a'}, {'role': 'b'}]
    """
    whole = flat.get(prefix)
    found: dict[str, Any] = {}
    start = f"{prefix}."
    for key, value in flat.items():
        if not key.startswith(start):
            continue
        names = key[len(start) :].split(".", _MOST_LEVELS)
        place = found
        for name in names[:-1]:
            below = place.get(name)
            if not isinstance(below, _Made):
                below = place[name] = _Made()
            place = below
        if not isinstance(place.get(names[-1]), _Made):
            place[names[-1]] = value
    return _listed(_Made(found)) if found else whole


class _Made(dict[str, Any]):
    """An object that was made from keys, as against one that was a value."""


def _listed(value: Any) -> Json:
    if not isinstance(value, _Made):
        return value
    if value and all(name.isdecimal() and name.isascii() and len(name) < 10 for name in value):
        return [_listed(value[name]) for name in sorted(value, key=int)]
    return {name: _listed(part) for name, part in value.items()}


def _scalar(kind: type, value: Json) -> Json:
    if kind is int and isinstance(value, str):  # 64-bit integers are texts in JSON
        try:
            return int(value)
        except ValueError:
            return value
    return value
