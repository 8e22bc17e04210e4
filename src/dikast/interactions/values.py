"""JSON values made safe: decoded from bytes, or taken from Python, so that every later encoder can write them.

msgspec decodes nearly everything. What it refuses is looked at again: lone surrogates and NaN are mended and counted,
and the rest gets a reason that a person can act on.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json

MAX_DEPTH = 200
_TOO_DEEP = "nested too deep: more than 200 levels; flatten it, or give it as text"
_NAN_NOTE = "NaN read as null"
_BOM = b"\xef\xbb\xbf"

_decode = msgspec.json.Decoder().decode


def decode_json(text: bytes, tally: Tally) -> Json:
    """The value of one JSON text. Raises Unusable with the reason."""
    try:
        value = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = _decode_broken(text, tally)
    # A text with few opening brackets can't be deep; that spares nearly every line the walk.
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def decode_object(text: bytes, tally: Tally) -> dict[str, Json] | Unusable:
    """The object of one JSON text, or why there is none."""
    try:
        value = decode_json(text, tally)
    except Unusable as unusable:
        return unusable
    if not isinstance(value, dict):
        return Unusable(f"not an object: {describe(value)} where {{...}} with input and output was expected")
    return value


def decode_cell(text: str, tally: Tally) -> Json:
    """A table's cell: the list or object that it spells in JSON, else the text itself."""
    stripped = text.lstrip()
    if not stripped.startswith(("[", "{")):
        return text
    try:
        return decode_json(stripped.encode("utf-8", "surrogatepass"), tally)
    except Unusable:
        return text


def without_surrogates(text: str, tally: Tally) -> str:
    """A text that UTF-8 can hold: lone surrogates become U+FFFD, and are counted."""
    try:
        text.encode()
        return text
    except UnicodeEncodeError:
        # UTF-16 joins the pairs that stand side by side; what is still alone is replaced.
        mended = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        before = text.count("\ufffd")
        tally.replaced_surrogates += mended.count("\ufffd") - before
        return mended


def plain(value: Any, tally: Tally, depth: int = 0) -> Json:
    """A Python value as JSON can say it. Raises Unusable for what it can't.

    Dates become ISO 8601 text, tuples lists, NaN null, whole decimals integers, bytes the text that they spell.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return without_surrogates(str(value), tally)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _finite(float(value), tally)
    if depth >= MAX_DEPTH:
        raise Unusable(_TOO_DEEP)
    if isinstance(value, Mapping):
        return {_key(key, tally): plain(part, tally, depth + 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part, tally, depth + 1) for part in value]
    return _plain_scalar(value, tally, depth)


def describe(value: Json) -> str:
    """A value in a few words, for a message: "a list", "a number (3)"."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"a number ({value!r:.30})"
    if isinstance(value, str):
        return f"a text ({value[:30]!r}{'…' if len(value) > 30 else ''})"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return type(value).__name__


def _decode_broken(text: bytes, tally: Tally) -> Json:
    if text.startswith(_BOM):  # joined files carry one in the middle
        return decode_json(text[len(_BOM) :], tally)
    spelled = _utf8(text)
    missing = 0

    def constant(name: str) -> None:
        nonlocal missing
        if name != "NaN":
            raise Unusable(f"not JSON: {name} is no JSON number; write null or a text")
        missing += 1

    try:
        # strict=False takes raw control characters inside texts, which do no harm.
        value = json.loads(spelled, strict=False, parse_constant=constant, parse_float=_parse_float)
    except json.JSONDecodeError as error:
        _explain(error, text)
    except RecursionError:
        raise Unusable(_TOO_DEEP) from None
    except ValueError as error:  # more digits than Python turns into a number
        raise Unusable(f"number out of range: {error}") from None
    tally.note(_NAN_NOTE, missing)
    return plain(value, tally)


def _utf8(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        try:
            return text.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise Unusable(
                f"not UTF-8: byte 0x{text[error.start]:02X} at offset {error.start}; convert the file to UTF-8"
            ) from None


def _explain(error: json.JSONDecodeError, text: bytes) -> NoReturn:
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
        end = "" if text.endswith(b"\n") else "; the file may have been cut off here"
        raise Unusable(f"cut off: the JSON text ends in the middle{end}")
    place = f"column {error.colno}" if error.lineno == 1 else f"line {error.lineno} of it, column {error.colno}"
    raise Unusable(f"not JSON: {error.msg[0].lower()}{error.msg[1:]} at {place}")


def _parse_float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise Unusable(f"number out of range: {digits[:30]} is larger than any 64-bit float; give it as text")
    return number


def _check_depth(value: Json) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        level = [
            part
            for parent in level
            for part in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return
    raise Unusable(_TOO_DEEP)


def _finite(number: float, tally: Tally) -> float | None:
    if math.isnan(number):
        tally.note(_NAN_NOTE)
        return None
    if math.isinf(number):
        raise Unusable("number out of range: infinity is no JSON number; give null or a text")
    return number


def _key(key: Any, tally: Tally) -> str:
    if isinstance(key, str):
        return without_surrogates(key, tally)
    if isinstance(key, (bool, int, float)) or key is None:
        return json.dumps(key)
    raise Unusable(f"not JSON: a key of type {type(key).__name__}; keys are texts")


def _plain_scalar(value: Any, tally: Tally, depth: int) -> Json:
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas: missing
        return None
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (datetime.timedelta, uuid.UUID)):
        return str(value)
    if isinstance(value, decimal.Decimal):
        if value.is_finite() and value == value.to_integral_value():
            return int(value)
        return _finite(float(value), tally)
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise Unusable("not text: bytes that are not UTF-8; decode them before") from None
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.to_builtins(value), tally, depth)
    for convert in ("item", "tolist"):  # numpy and torch scalars, then arrays
        method = getattr(value, convert, None)
        if callable(method):
            try:
                return plain(method(), tally, depth + 1)
            except (ValueError, TypeError, RuntimeError):
                continue
    raise Unusable(f"not JSON: a value of type {type(value).__name__}; give texts, numbers, lists or dicts")
