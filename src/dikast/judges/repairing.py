"""Almost-JSON, repaired where that is safe.

json_repair reads what people and models mean by JSON: single quotes, trailing commas, comments, bare words, Chinese
quotes and colons, quotes inside strings. It also fills gaps, and a filled gap must never become a verdict. So a
repaired object is taken only if

- its brackets balanced before the repair, or only closing brackets were missing and the model stopped by itself right
  after a finished string, word or bracket (a number may have been about to go on, so it doesn't count as finished);
- every value that a verdict can be made of stands in the answer, literally, right after its key, exactly as often as in
  the repaired object: nothing invented, nothing dropped, no second opinion hidden in a broken string.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import json_repair

from dikast.judges.keys import plain_key
from dikast.judges.objects import balance, strings

_MARKS = r"\s\"'“”‘’*_`"
_LITERALS = {"true": "true", "false": "false", "null": "null", "none": "null"}
# a value that can't go on: a closed string after a colon, a literal, a closed bracket
_FINISHED = re.compile(
    r"""(?:[:：]\s*(?:"(?:\\.|[^"\\])*"|“[^”]*”|'[^']*')|[}\]]|\b(?:true|false|null))\Z""", re.IGNORECASE
)
_OBJECT = re.compile(r"\{\s*[\"'“‘]\w")
_PLAIN = str.maketrans("：，；", ":,,")
_KEY_QUOTES = ('"', "'", "“", "‘")
_LONGEST_VALUE = 60


class Unrepairable(ValueError):
    """The object can't be repaired without guessing. `ambiguous`: it says more than one thing."""

    def __init__(self, reason: str, *, ambiguous: bool = False) -> None:
        super().__init__(reason)
        self.ambiguous = ambiguous


def repaired(region: str, keys: frozenset[str]) -> dict[str, Any]:
    """The object that a region with balanced brackets means. Raises Unrepairable. `keys`: what verdicts are made of."""
    try:
        value = json_repair.loads(_straightened(region))
    except (ValueError, RecursionError):  # brackets in hundreds
        raise Unrepairable("it is nested too deeply") from None
    if not isinstance(value, dict):
        raise Unrepairable("it does not hold an object")
    read, written = Counter(_leaves(value, keys)), Counter(_written(region, keys))
    if written - read or _is_quoted(region, keys):
        raise Unrepairable("it can be read in more than one way", ambiguous=True)
    if read != written:
        raise Unrepairable("a value is missing")
    return value


def completed(region: str, keys: frozenset[str]) -> dict[str, Any]:
    """The object that a region means which lacks nothing but closing brackets at its end. Raises Unrepairable."""
    text = region.rstrip().removesuffix("```").rstrip()
    _, missing = balance(text, 0)
    if not missing or not _FINISHED.search(text):
        raise Unrepairable("it ends in the middle")
    return repaired(text + missing, keys)


def reads_on(rest: str, keys: frozenset[str]) -> bool:
    """Whether one of the keys, quoted as a key is, stands in what follows an object, whose end then was none."""
    return any(rest[match.start() - 1 : match.start()] in _KEY_QUOTES for match in _pairs_of(keys).finditer(rest))


def _is_quoted(region: str, keys: frozenset[str]) -> bool:
    """Whether a pair or an object begins inside a string: a quotation, or a sign that the string had ended before."""
    places = [match.start() for pattern in (_pairs_of(keys), _OBJECT) for match in pattern.finditer(region)]
    return any(start + 1 < place < end for start, end in strings(region) for place in places)


def _straightened(region: str) -> str:
    """The region with the full-width colons and commas between its strings, and the quotes around them, made plain."""
    parts: list[str] = []
    at = 0
    for start, end in strings(region):
        string = region[start:end]
        if string[0] == "“":
            string = '"' + string[1:-1].replace('"', '\\"') + '"'
        parts += [region[at:start].translate(_PLAIN), string]
        at = end
    return "".join([*parts, region[at:].translate(_PLAIN)])


def _leaves(value: Any, keys: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The (key, value) pairs under `keys` that hold a single value, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item, keys)
    elif isinstance(value, dict):
        for key, held in value.items():
            if isinstance(held, (dict, list)):
                yield from _leaves(held, keys)
            elif plain_key(key) in keys:
                yield plain_key(key), _plain_value(held)


def _written(region: str, keys: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The same pairs as they stand in the text."""
    for match in _pairs_of(keys).finditer(region):
        yield plain_key(match["key"]), _plain_value(match["value"])


@lru_cache(maxsize=64)
def _pairs_of(keys: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(re.escape(key).replace("_", "[ _-]") for key in sorted(keys, key=len, reverse=True))
    return re.compile(
        rf"(?<![\w])(?P<key>{names})[{_MARKS}]*[:：=](?!=)[{_MARKS}]*(?P<value>[^\s,，;；{{}}\[\]\"“”‘’][^,，;；{{}}\[\]\n\"“”‘’]*)",
        re.IGNORECASE,
    )


def _plain_value(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    text = re.split(r"//|/\*|\s#", str(value))[0] if isinstance(value, str) else str(value)
    text = text.strip(" \t\r\n\"'“”‘’*_`.").casefold()[:_LONGEST_VALUE]
    text = _LITERALS.get(text, text)
    try:
        return f"{float(text):g}"
    except ValueError:
        return text
