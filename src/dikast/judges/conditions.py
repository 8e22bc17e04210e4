"""Conditions on an interaction and on what was said of it: a small language of its own, and nothing of Python's.

    metadata.tier == "vip"
    verdict == "fail" and not metadata.region in ["eu", "uk"]
    confidence < 0.6 or metadata["order value"] >= 1000

A name is `verdict`, `status`, `confidence`, `score` (the overall one), `scores.NAME` or `metadata.KEY`; a key with
other characters goes in brackets. Values are texts in quotes, numbers, true, false, null and lists of them. What is
missing is null: equal to null and to nothing else, and neither below nor above anything. A name alone holds when it is
true. There are no calls, no attributes and no arithmetic, so a condition can do nothing but be true or false.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dikast.errors import JudgeError
from dikast.records import Json, Verdict

NAMES = ("verdict", "status", "confidence", "score", "scores", "metadata")
_WITH_KEYS = frozenset({"scores", "metadata"})

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<name>[^\W\d]\w*(?:\.[^\W\d][\w-]*)*)"""
    r"""|(?P<sign>==|!=|<=|>=|[<>()\[\],]))""",
    re.VERBOSE,
)
_CONSTANTS: dict[str, Json] = {"true": True, "false": False, "null": None, "none": None}
_COMPARING = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not"})
_LONGEST = 2_000
_MOST_NESTED = 30

Facts = Mapping[str, Json]
Part = Callable[[Facts], Json]


@dataclass(frozen=True)
class Condition:
    """A condition that was read: its text, and whether it holds. Make one with `read_condition`."""

    text: str
    names: tuple[str, ...]
    part: Part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def holds(self, verdict: Verdict) -> bool:
        """Whether it holds for a verdict and for the metadata of its interaction."""
        return self.part(facts_of(verdict)) is True


def facts_of(verdict: Verdict) -> Facts:
    """What a condition can speak of."""
    return {
        "verdict": verdict.verdict,
        "status": verdict.status,
        "confidence": verdict.confidence,
        "score": verdict.overall,
        "scores": verdict.scores or {},
        "metadata": verdict.metadata,
    }


def read_condition(text: str) -> Condition:
    """The condition that a text says. Raises JudgeError with the place where it can't be read.

    >>> found = read_condition('metadata.tier == "vip"')
    >>> found.part({"metadata": {"tier": "vip"}}), found.part({"metadata": {}})
    (True, False)
    """
    if len(text) > _LONGEST:
        raise JudgeError(f"the condition has {len(text):,} characters; up to {_LONGEST:,} are read")
    reader = _Reader(text)
    part = reader.whole()
    return Condition(text.strip(), tuple(dict.fromkeys(reader.names)), part)


class _Reader:
    """Reads a condition from left to right; what is read becomes a function of the facts."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0
        self.names: list[str] = []

    def whole(self) -> Part:
        part = self._any()
        if self._kind != "end":
            raise self._error("here the condition should end, or go on with and, or")
        return part

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _word(self) -> str:
        return self._tokens[self._at][1]

    def _is(self, word: str) -> bool:
        return self._kind in ("name", "sign") and self._word == word

    def _take(self, word: str) -> bool:
        if not self._is(word):
            return False
        self._at += 1
        return True

    def _any(self) -> Part:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else lambda facts: any(part(facts) is True for part in parts)

    def _all(self) -> Part:
        parts = [self._one()]
        while self._take("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda facts: all(part(facts) is True for part in parts)

    def _one(self) -> Part:
        self._depth += 1
        if self._depth > _MOST_NESTED:
            raise self._error(f"it is nested more than {_MOST_NESTED} deep")
        try:
            if self._take("not"):
                denied = self._one()
                return lambda facts: denied(facts) is not True
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Part:
        first = self._value()
        if self._word not in _COMPARING or self._kind not in ("name", "sign"):
            return first
        sign = self._word
        self._at += 1
        if sign == "not":
            if not self._take("in"):
                raise self._error("after a value, `not` is followed by `in`")
            sign = "not in"
        second = self._value()
        compare = _SIGNS[sign]
        return lambda facts: compare(first(facts), second(facts))

    def _value(self) -> Part:
        kind, word = self._kind, self._word
        if self._take("("):
            inside = self._any()
            self._expect(")")
            return inside
        if self._take("["):
            return self._listed()
        if kind == "text":
            self._at += 1
            return _constant(re.sub(r"\\(.)", r"\1", word[1:-1]))
        if kind == "number":
            self._at += 1
            return _constant(float(word))
        if kind == "name" and word not in ("and", "or", "in", "not"):
            return self._name()
        raise self._error("a name or a value is expected")

    def _listed(self) -> Part:
        parts: list[Part] = []
        while not self._take("]"):
            if parts:
                self._expect(",")
            parts.append(self._value())
        return lambda facts: [part(facts) for part in parts]

    def _name(self) -> Part:
        root, *keys = self._word.split(".")
        if not keys and root.lower() in _CONSTANTS:
            self._at += 1
            return _constant(_CONSTANTS[root.lower()])
        if root not in NAMES:
            near = difflib.get_close_matches(root, NAMES, n=1)
            meant = f"; did you mean {near[0]}?" if near else f"; the names are {', '.join(NAMES)}"
            raise self._error(f"{root!r} is no name (a text goes in quotes){meant}")
        self._at += 1
        while self._is("["):
            self._at += 1
            if self._kind != "text":
                raise self._error("a key in quotes is expected in the brackets")
            keys.append(re.sub(r"\\(.)", r"\1", self._word[1:-1]))
            self._at += 1
            self._expect("]")
        if bool(keys) != (root in _WITH_KEYS):
            raise self._error(f"{root} {'needs a key: ' + root + '.KEY' if not keys else 'has no keys'}")
        self.names.append(".".join([root, *keys]))
        return lambda facts: _at(facts.get(root), keys)

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"{sign!r} is expected")

    def _error(self, why: str) -> JudgeError:
        place = self._tokens[self._at][2]
        return JudgeError(f"{self._text[:80]!r}, at character {place + 1}: {why}")


def _tokens(text: str) -> list[tuple[str, str, int]]:
    """Each piece with its kind and its place; "end" comes last."""
    found = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            place = at + len(text[at:]) - len(text[at:].lstrip())
            raise JudgeError(
                f"{text[:80]!r}, at character {place + 1}: {text[place]!r} has no meaning in a condition",
                hint='A condition is like: metadata.tier == "vip" and confidence < 0.8',
            )
        kind = str(match.lastgroup)
        found.append((kind, match[kind], match.start(kind)))
        at = match.end()
    if not found:
        raise JudgeError("the condition is empty", hint='A condition is like: metadata.tier == "vip"')
    return [*found, ("end", "", end)]


def _constant(value: Json) -> Part:
    return lambda facts: value


def _at(value: Json, keys: Sequence[str]) -> Json:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(first: Json, second: Json) -> bool:
    """Equal, and of one kind: true is not 1."""
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)


def _among(first: Json, second: Json) -> bool:
    if isinstance(second, str):
        return isinstance(first, str) and first in second
    return isinstance(second, (list, tuple)) and any(_same(first, one) for one in second)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    """A comparison of two numbers or two texts; false for anything else."""

    def comparable(first: Json, second: Json) -> bool:
        alike = (_is_number(first) and _is_number(second)) or (isinstance(first, str) and isinstance(second, str))
        return alike and compare(first, second)

    return comparable


_SIGNS: dict[str, Callable[[Json, Json], bool]] = {
    "==": _same,
    "!=": lambda first, second: not _same(first, second),
    "<": _ordered(lambda first, second: bool(first < second)),
    "<=": _ordered(lambda first, second: bool(first <= second)),
    ">": _ordered(lambda first, second: bool(first > second)),
    ">=": _ordered(lambda first, second: bool(first >= second)),
    "in": _among,
    "not in": lambda first, second: not _among(first, second),
}
