"""Paths that lead to a value in a trace, simple enough to be explained in a line.

    input.question                        names, one below the other
    messages[-1].content                  an element by number; -1 is the last
    spans[kind=retrieval].output[*]       those elements of a list where a name has this value; all elements
    metadata."app.version"                a name with a dot in it

Behind a filter or [*] there are several values, and what follows is taken of each; a number then picks one of them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from dikast.errors import InputError
from dikast.records import Json

_STEP = re.compile(
    r"""\s*(?:
        (?P<name>[^\s.\[\]"=]+) | "(?P<quoted>[^"]*)"
      | \[\s*(?P<number>-?\d+)\s*\] | \[\s*(?P<all>\*)\s*\]
      | \[\s*(?P<key>[^\s.\[\]"=]+)\s*=\s*(?P<value>"[^"]*"|[^\]]*?)\s*\]
    )\s*""",
    re.VERBOSE,
)


class _Step(NamedTuple):
    name: str | None = None
    number: int | None = None
    every: bool = False
    key: str | None = None
    value: str = ""


@lru_cache(maxsize=1024)
def steps_of(path: str) -> tuple[_Step, ...]:
    """A path taken apart. Raises InputError for what is none, saying where."""
    steps: list[_Step] = []
    at = 0
    while at < len(path):
        if path[at] == "." and steps:
            at += 1
        found = _STEP.match(path, at)
        if found is None or found.end() == at:
            raise InputError(
                f"{path!r} is no path: {path[at:][:20]!r} can't be read",
                hint="Such as input.question, messages[-1].content or spans[kind=retrieval].output[*].",
            )
        at = found.end()
        name = found["name"] if found["name"] is not None else found["quoted"]
        number = None if found["number"] is None else int(found["number"])
        value = (found["value"] or "").strip('"')
        steps.append(_Step(name, number, found["all"] is not None, found["key"], value))
    if not steps:
        raise InputError("an empty path was given", hint="Such as input.question or messages[-1].content.")
    return tuple(steps)


def value_at(start: object, path: str) -> Json:
    """What a path leads to; None where it leads to nothing. Raises InputError for what is no path."""
    values: list[Any] = [start]
    several = False
    for step in steps_of(path):
        if step.name is not None:
            values = [_named(value, step.name) for value in values]
        elif step.number is not None and several:
            values, several = values[step.number :][:1] if -len(values) <= step.number else [], False
        elif step.number is not None:
            values = [_numbered(value, step.number) for value in values]
        else:
            inside = [part for value in values if isinstance(value, (list, tuple)) for part in value]
            values = inside if step.every else [part for part in inside if _is(part, step)]
            several = True
        values = [value for value in values if value is not None]
    if several:
        return [_plain(value) for value in values] or None
    return _plain(values[0]) if values else None


def _named(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    return getattr(value, name, None) if isinstance(value, msgspec.Struct) and name in value.__struct_fields__ else None


def _numbered(value: Any, number: int) -> Any:
    inside = isinstance(value, (list, tuple)) and -len(value) <= number < len(value)
    return value[number] if inside else None


def _is(value: Any, step: _Step) -> bool:
    found = _named(value, step.key or "")
    return found is not None and str(found).casefold() == step.value.casefold()


def _plain(value: Any) -> Json:
    return msgspec.to_builtins(value) if isinstance(value, (msgspec.Struct, tuple)) else value
