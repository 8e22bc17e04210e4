from __future__ import annotations

import doctest
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import InputError
from dikast.models import digits, gbnf
from dikast.models.digits import decimal_range, integer_range
from dikast.models.gbnf import ARRAY_ITEMS, STRING_CHARS, grammar_of

_PIECE = re.compile(r'\s+|"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|\{\d+(?:,\d*)?\}|[()|?*+]|[a-z]+\d*')
_ESCAPED = re.compile(r"\\(x[0-9A-F]{2}|.)")


def as_regex(grammar: str) -> re.Pattern[str]:
    """A grammar without recursion as a regular expression: a reading of GBNF that is not the engine's."""
    rules = dict(line.split(" ::= ", 1) for line in grammar.strip("\n").split("\n"))

    def body(text: str) -> str:
        parts, at = [], 0
        while at < len(text):
            piece = _PIECE.match(text, at)
            assert piece, f"not GBNF: {text[at:]}"
            parts.append(part(piece[0]))
            at = piece.end()
        return "".join(parts)

    def part(piece: str) -> str:
        if piece.isspace():
            return ""
        if piece[0] == '"':
            plain = _ESCAPED.sub(lambda e: chr(int(e[1][1:], 16)) if e[1][0] == "x" else e[1], piece[1:-1])
            return f"(?:{re.escape(plain)})"
        if piece[0].isalpha():
            return f"(?:{body(rules[piece])})"
        return "(?:" if piece == "(" else piece

    return re.compile(body(rules["root"]))


def accepts(schema: dict[str, Any], text: str) -> bool:
    return as_regex(grammar_of(schema)).fullmatch(text) is not None


def test_the_examples_in_the_docstrings_hold() -> None:
    for module in (gbnf, digits):
        assert doctest.testmod(module).failed == 0
        assert doctest.testmod(module).attempted > 0


VERDICT = {
    "type": "object",
    "properties": {
        "critique": {"type": "string", "minLength": 3, "maxLength": 40},
        "verdict": {"type": "string", "enum": ["pass", "fail"]},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
    },
    "required": ["critique", "verdict", "score"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('{"critique":"Good.","verdict":"pass","score":5}', True),
        ('{"critique":"回答正確，語氣得體。","verdict":"fail","score":1}', True),
        ('{"critique":"a \\"b\\" \\n \\\\ \\/ é 😀","verdict":"fail","score":1}', True),
        ('{"critique":"😀👍🏽","verdict":"fail","score":1}', True),
        ('{"critique": "Good.", "verdict": "pass", "score": 5}', False),  # white space
        ('{"verdict":"pass","critique":"Good.","score":5}', False),  # another order
        ('{"critique":"Good.","verdict":"pass"}', False),
        ('{"critique":"Good.","verdict":"maybe","score":5}', False),
        ('{"critique":"Good.","verdict":"pass","score":6}', False),
        ('{"critique":"Good.","verdict":"pass","score":"5"}', False),
        ('{"critique":"Go","verdict":"pass","score":5}', False),  # too short
        ('{"critique":"' + "x" * 41 + '","verdict":"pass","score":5}', False),
        ('{"critique":"a\nb c","verdict":"pass","score":5}', False),  # a raw line break
        ('{"critique":"a\tb c","verdict":"pass","score":5}', False),
        ('{"critique":"abc\\x","verdict":"pass","score":5}', False),  # no such escape
        ('{"critique":"abc\\u0000","verdict":"pass","score":5}', False),  # no control character by a back door
        ('{"critique":"abc"","verdict":"pass","score":5}', False),
    ],
)
def test_what_a_verdict_may_look_like(text: str, fits: bool) -> None:
    assert accepts(VERDICT, text) is fits
    if fits:
        json.loads(text)


@given(st.integers(-3000, 3000), st.integers(0, 3000), st.integers(-7000, 7000))
def test_integers_are_exactly_those_in_the_range(low: int, width: int, number: int) -> None:
    pattern = as_regex(f"root ::= {integer_range(low, low + width)}")
    assert (pattern.fullmatch(str(number)) is not None) is (low <= number <= low + width)
    for bound in (low, low + width):
        assert pattern.fullmatch(str(bound))
    assert not pattern.fullmatch(f"0{abs(number)}")


@given(st.decimals(-30, 30, places=2), st.decimals(0, 30, places=2), st.decimals(-70, 70, places=2), st.integers(0, 2))
def test_decimals_are_exactly_those_in_the_range(low: Decimal, width: Decimal, number: Decimal, places: int) -> None:
    pattern = as_regex(f"root ::= {decimal_range(low, low + width, 2)}")
    number = round(number, places)
    if number == 0:
        number = abs(number)
    assert (pattern.fullmatch(f"{number:f}") is not None) is (low <= number <= low + width)
    for bound in (low, low + width):
        assert pattern.fullmatch(f"{bound if bound else abs(bound):f}")


@pytest.mark.parametrize(
    ("schema", "fitting", "unfitting"),
    [
        ({"type": "integer"}, ["0", "7", "-12", "123456"], ["007", "-0", "1.0", "+1", ""]),
        ({"type": "integer", "minimum": 0}, ["0", "10"], ["-1"]),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 3}, ["1", "2"], ["0", "3"]),
        ({"type": "integer", "minimum": 0.5, "maximum": 3.5}, ["1", "3"], ["0", "4"]),
        ({"type": "number"}, ["0", "3.25", "-0.5", "12"], ["1e5", ".5", "1.", "NaN"]),
        ({"type": "number", "minimum": 0, "maximum": 1}, ["0", "0.5", "1", "1.0"], ["1.01", "-0.1", "2"]),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, ["0.0001", "1"], ["0", "0.0"]),
        ({"type": "number", "minimum": 0.000001, "maximum": 0.000009}, ["0.000005"], ["0.00001", "0"]),
        ({"type": "boolean"}, ["true", "false"], ["True", '"true"']),
        ({"type": "null"}, ["null"], ["None"]),
        ({"type": ["string", "null"], "maxLength": 2}, ['""', '"ab"', "null"], ['"abc"', "0"]),
        ({"anyOf": [{"type": "integer", "maximum": 5, "minimum": 1}, {"type": "null"}]}, ["1", "null"], ["6"]),
        ({"const": "N/A"}, ['"N/A"'], ['"n/a"']),
        ({"enum": ["通過", 1, 2.5, True, None]}, ['"通過"', "1", "2.5", "true", "null"], ["2"]),
        ({"enum": ['a"b\\\n']}, ['"a\\"b\\\\\\n"'], ['"a"']),
        ({"type": "string", "enum": ["pass", 3]}, ['"pass"'], ["3"]),
        ({"type": "array", "items": {"enum": ["a", 1]}, "maxItems": 2}, ["[]", '["a"]', '["a",1]'], ["[1,1,1]", "[,]"]),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 2}, ["[null,null]"], ["[]", "[null]"]),
        ({"type": "array", "items": {"type": "null"}, "maxItems": 0}, ["[]"], ["[null]"]),
        ({"type": "array", "items": {"type": "null"}, "minItems": 1, "maxItems": 1}, ["[null]"], ["[]", "[null,null]"]),
        ({"type": "object", "properties": {}, "additionalProperties": False}, ["{}"], ['{"a":1}']),
        ({"properties": {"a": {"properties": {'"': {"type": "null"}}}}}, ['{"a":{"\\"":null}}'], ["{}"]),
        ({"type": "string", "title": "Why", "description": "Say why."}, ['"x"'], ["x"]),
    ],
)  # fmt: skip
def test_what_fits_and_what_does_not(schema: dict[str, Any], fitting: list[str], unfitting: list[str]) -> None:
    for text in fitting:
        assert accepts(schema, text), text
        json.loads(text)
    for text in unfitting:
        assert not accepts(schema, text), text


def test_what_has_no_bound_gets_one() -> None:
    assert accepts({"type": "string"}, f'"{"x" * STRING_CHARS}"')
    assert not accepts({"type": "string"}, f'"{"x" * (STRING_CHARS + 1)}"')
    items = {"type": "array", "items": {"type": "null"}}
    assert accepts(items, f"[{','.join(['null'] * ARRAY_ITEMS)}]")
    assert not accepts(items, f"[{','.join(['null'] * (ARRAY_ITEMS + 1))}]")


@given(st.text(max_size=30))
def test_any_text_that_json_can_carry_fits_a_string(text: str) -> None:
    spelled = json.dumps(text, ensure_ascii=False)
    if "\\u" not in spelled and not re.search("[\ud800-\udfff\x7f]", text):
        assert accepts({"type": "string", "maxLength": 30}, spelled)
    assert accepts({"enum": [text]}, spelled if not re.search("[\ud800-\udfff]", text) else json.dumps(text))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string", "pattern": "^a"}, "'pattern'"),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}}, "at /properties/a has the keyword '$ref'"),
        ({"oneOf": [{"type": "null"}]}, "'oneOf'"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "no 'properties'"),
        ({"type": "object"}, "no 'properties'"),
        ({"type": "object", "properties": {}, "required": ["a"]}, "requires 'a'"),
        ({"type": "object", "properties": {"a": {}}}, "at /properties/a has no 'type'"),
        ({"type": "array"}, "'items'"),
        ({"type": "array", "items": True}, "at /items is True"),
        ({"type": "text"}, "the type 'text'"),
        ({"type": []}, "empty list"),
        ({"enum": []}, "'enum'"),
        ({"enum": ["a"], "type": "integer"}, "no value"),
        ({"enum": ["a"], "maxLength": 3}, "'maxLength'"),
        ({"anyOf": []}, "'anyOf'"),
        ({"type": "string", "minLength": 5, "maxLength": 4}, "nothing fits"),
        ({"type": "string", "maxLength": -1}, "-1 as 'maxLength'"),
        ({"type": "string", "maxLength": True}, "True as 'maxLength'"),
        ({"type": "string", "minLength": 10**6}, "1000000 as 'minLength'"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "minimum 2, maximum 1"),
        ({"type": "integer", "minimum": "1"}, "'1' as 'minimum'"),
        ({"type": "number", "minimum": float("nan")}, "nan as 'minimum'"),
        ({"type": "integer", "multipleOf": 2}, "'multipleOf'"),
    ],
)  # fmt: skip
def test_what_can_not_be_expressed_is_named(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        grammar_of(schema)
    assert said in str(caught.value)
