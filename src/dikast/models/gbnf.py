"""A JSON schema as a GBNF grammar, for llama.cpp and whatever else takes one.

llama.cpp turns schemas into grammars itself, but with free whitespace and unbounded strings: a small model then fills
its whole budget with spaces or rambles until it is cut off. This grammar has neither. It is stricter than the schema
(every property is written, in the schema's order; strings, arrays and decimals are bounded even where the schema has no
bound), so what it lets through always follows the schema. What can't be expressed is an InputError that names the
keyword.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from dikast.errors import InputError
from dikast.models.digits import decimal_range, integer_range

STRING_CHARS = 1000  # the bound of a string without maxLength: a long paragraph
MOST_CHARS = 2000  # llama.cpp counts no further than this
ARRAY_ITEMS = 20  # the bound of an array without maxItems
LARGEST = 10**15 - 1  # the bound of numbers without one: whole numbers up to here survive any JSON reader
DECIMALS = 4  # digits after the point, where the bounds need no more
_ENUMERATED = 200  # integers in a range up to this long are listed one by one

_SUPPORTED = frozenset(
    {"type", "enum", "const", "anyOf", "properties", "required", "additionalProperties", "items"}
    | {"minItems", "maxItems", "minLength", "maxLength"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
)
_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment"}
)

# Any character as it is, escaped only where JSON wants it. There is no \uXXXX: it takes a small model six tokens a
# character, and could spell control characters and halves of surrogate pairs.
_CHAR = r"""char ::= [^"\\\x00-\x1F\x7F] | "\\" ["\\/bfnrt]
"""


def grammar_of(schema: dict[str, Any]) -> str:
    """The GBNF grammar of the compact JSON texts (no whitespace) that follow the schema.

    Known: object (properties in order, all written), array (items, minItems, maxItems), string (enum, minLength,
    maxLength), integer and number (with bounds), boolean, null, const, enum, anyOf, and a list of types.
    Raises InputError, with the keyword and its place, for anything else.

    >>> print(grammar_of({"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}}}))
    root ::= "{\\"verdict\\":" ("\\"pass\\"" | "\\"fail\\"") "}"
    <BLANKLINE>
    """
    grammar = _Grammar()
    root = grammar.expression(schema, "")
    lines = [f"root ::= {root}\n", *(f"{name} ::= {body}\n" for name, body in grammar.items)]
    return "".join(lines) + (_CHAR if grammar.has_strings else "")


class _Grammar:
    """The rules collected while a schema is walked; `at` is always the JSON pointer of the part being written."""

    def __init__(self) -> None:
        self.items: list[tuple[str, str]] = []
        self.has_strings = False

    def expression(self, schema: Any, at: str) -> str:
        """What matches one value of this schema."""
        if not isinstance(schema, dict):
            raise _unusable(at, f"is {schema!r}, not a JSON schema object")
        for keyword in schema:
            if keyword not in _SUPPORTED and keyword not in _ANNOTATIONS:
                raise _unusable(at, f"has the keyword {keyword!r}, which a grammar can't enforce", keyword)
        for keyword in ("const", "enum", "anyOf"):
            if keyword in schema and (beside := schema.keys() - _ANNOTATIONS - {keyword, "type"}):
                raise _unusable(
                    at, f"has {keyword!r} together with {sorted(beside)[0]!r}; one of them alone can be used"
                )
        if "const" in schema:
            return self._listed([schema["const"]], schema, at)
        if "enum" in schema:
            return self._listed(schema["enum"], schema, at)
        if "anyOf" in schema:
            return self._any_of(schema, at)
        return self._typed(schema, at)

    def _typed(self, schema: dict[str, Any], at: str) -> str:
        kinds = schema.get("type", "object" if "properties" in schema else None)
        if kinds is None:
            raise _unusable(at, "has no 'type', 'enum', 'const' or 'anyOf', so any JSON would do")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if not kinds:
            raise _unusable(at, "has an empty list as its 'type'")
        return _either([self._of_type(kind, schema, at) for kind in kinds])

    def _of_type(self, kind: Any, schema: dict[str, Any], at: str) -> str:
        match kind:
            case "object":
                return self._object(schema, at)
            case "array":
                return self._array(schema, at)
            case "string":
                return self._string(schema, at)
            case "integer":
                return _integer(schema, at)
            case "number":
                return _number(schema, at)
            case "boolean":
                return '("true" | "false")'
            case "null":
                return '"null"'
        raise _unusable(
            at, f"has the type {kind!r}; expected object, array, string, integer, number, boolean or null", "type"
        )

    def _any_of(self, schema: dict[str, Any], at: str) -> str:
        options = schema["anyOf"]
        if "type" in schema:
            raise _unusable(at, "has 'anyOf' together with 'type'; one of them alone can be used")
        if not isinstance(options, list) or not options:
            raise _unusable(at, f"has {options!r} as 'anyOf', not a list of schemas", "anyOf")
        return _either([self.expression(option, f"{at}/anyOf/{n}") for n, option in enumerate(options)])

    def _listed(self, values: Any, schema: dict[str, Any], at: str) -> str:
        """One of the values of an enum, as JSON."""
        if not isinstance(values, list) or not values:
            raise _unusable(at, f"has {values!r} as 'enum', not a list of values", "enum")
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        fitting = [value for value in values if kinds is None or any(_is_a(kind, value) for kind in kinds)]
        if not fitting:
            raise _unusable(at, f"has no value in its 'enum' that is of type {schema['type']!r}", "enum")
        return _either([_literal(_compact(value)) for value in fitting])

    def _object(self, schema: dict[str, Any], at: str) -> str:
        properties = schema.get("properties", {})
        if not isinstance(properties, dict):
            raise _unusable(at, f"has {properties!r} as 'properties', not an object", "properties")
        required = schema.get("required", [])
        if missing := [name for name in required if name not in properties]:
            raise _unusable(at, f"requires {missing[0]!r}, which is not among its 'properties'", "required")
        if not properties and schema.get("additionalProperties") is not False:
            raise _unusable(at, "has no 'properties', so any object would do; name them")
        parts: list[str] = []
        text = "{"
        for name, part in properties.items():
            parts.append(_literal(f"{text}{_compact(name)}:"))
            parts.append(self.expression(part, f"{at}/properties/{name}"))
            text = ","
        return " ".join([*parts, _literal("}" if properties else "{}")])

    def _array(self, schema: dict[str, Any], at: str) -> str:
        if "items" not in schema:
            raise _unusable(at, "has no 'items', so an array of anything would do", "items")
        least, most = _bounds(schema, "minItems", "maxItems", ARRAY_ITEMS, MOST_CHARS, at)
        if most == 0:
            return '"[]"'
        item = self.expression(schema["items"], f"{at}/items")
        name = f"item{len(self.items) + 1}"
        self.items.append((name, item))
        filled = f'{name} ("," {name}){{{max(least - 1, 0)},{most - 1}}}' if most > 1 else name
        return f'"[" {filled} "]"' if least else f'"[" ({filled})? "]"'

    def _string(self, schema: dict[str, Any], at: str) -> str:
        least, most = _bounds(schema, "minLength", "maxLength", STRING_CHARS, MOST_CHARS, at)
        if most == 0:
            return _literal('""')
        self.has_strings = True
        return f'"\\"" char{{{least},{most}}} "\\""'


def _bounds(schema: dict[str, Any], low: str, high: str, default: int, limit: int, at: str) -> tuple[int, int]:
    """How many characters or items at least and at most."""
    least, most = schema.get(low, 0), schema.get(high)
    for keyword, value in ((low, least), (high, most)):
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise _unusable(at, f"has {value!r} as {keyword!r}, not a count", keyword)
    if least > limit:
        raise _unusable(at, f"has {least} as {low!r}; a grammar counts up to {limit}", low)
    if most is None:
        return least, max(default, least)
    if most < least:
        raise _unusable(at, f"has {low!r} {least} above {high!r} {most}, so nothing fits", high)
    return least, min(most, limit)


def _range(schema: dict[str, Any], step: Decimal, at: str) -> tuple[Decimal, Decimal]:
    """The smallest and the largest multiple of step within the bounds of an integer or number."""
    limits = {}
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        value = schema.get(keyword)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise _unusable(at, f"has {value!r} as {keyword!r}, not a number", keyword)
        limits[keyword] = Decimal(repr(value)) / step
    lows = [Decimal(-LARGEST) / step]
    highs = [Decimal(LARGEST) / step]
    if (minimum := limits.get("minimum")) is not None:
        lows.append(Decimal(math.ceil(minimum)))
    if (above := limits.get("exclusiveMinimum")) is not None:
        lows.append(Decimal(math.floor(above) + 1))
    if (maximum := limits.get("maximum")) is not None:
        highs.append(Decimal(math.floor(maximum)))
    if (below := limits.get("exclusiveMaximum")) is not None:
        highs.append(Decimal(math.ceil(below) - 1))
    low, high = max(lows), min(highs)
    if low > high:
        stated = ", ".join(f"{keyword} {schema[keyword]!r}" for keyword in limits)
        raise _unusable(at, f"has bounds between which nothing fits ({stated})", next(iter(limits)))
    return low * step, high * step


def _integer(schema: dict[str, Any], at: str) -> str:
    low, high = (int(bound) for bound in _range(schema, Decimal(1), at))
    if high - low < _ENUMERATED:
        return _either([_literal(str(number)) for number in range(low, high + 1)])
    return f"({integer_range(low, high)})"


def _number(schema: dict[str, Any], at: str) -> str:
    decimals = max(
        [DECIMALS, *(_decimals(schema.get(k)) for k in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))]
    )
    low, high = _range(schema, Decimal(1).scaleb(-decimals), at)
    return f"({decimal_range(low, high, decimals)})"


def _decimals(bound: Any) -> int:
    """Digits after the point of a bound, so that the bound itself can be written."""
    if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not math.isfinite(bound):
        return 0
    exponent = Decimal(repr(bound)).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _is_a(kind: object, value: Any) -> bool:
    """Whether a JSON value is of a JSON schema type."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, (int, float)):
        return kind == "number" or (kind == "integer" and value == int(value))
    names: dict[type, str] = {str: "string", list: "array", dict: "object", type(None): "null"}
    return names.get(type(value)) == kind


def _compact(value: Any) -> str:
    """JSON without whitespace; characters as they are, save half surrogates, which only an escape can carry."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _literal(text: str) -> str:
    """A GBNF string that matches exactly this text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\x7f", "\\x7F") + '"'


def _either(options: list[str]) -> str:
    """One of several expressions, each only once."""
    options = list(dict.fromkeys(options))
    return options[0] if len(options) == 1 else f"({' | '.join(options)})"


def _unusable(at: str, what: str, keyword: str | None = None) -> InputError:
    place = f"the schema at {at}" if at else "the schema"
    hint = f"leave {keyword!r} out, or name the allowed values in an 'enum'" if keyword else None
    return InputError(f"{place} {what}", hint=hint)
