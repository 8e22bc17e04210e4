"""What changed between two definitions of a judge."""

from __future__ import annotations

import difflib

import msgspec

from dikast.judges.definition import Judge
from dikast.records import Json


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One value that differs: its key, and what it was and is; None where there was or is none."""

    key: str
    before: Json
    after: Json


def changes(before: Judge, after: Judge) -> list[Change]:
    """Every value that differs between two judges, by key; criteria are matched by name, and other lists by place."""
    return list(_changes("", before.to_dict(), after.to_dict()))


def text_diff(before: str, after: str) -> list[str]:
    """The lines of a unified diff of two texts, without its header."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]


def _changes(key: str, before: Json, after: Json) -> list[Change]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        parts = [
            (f"{key}.{name}" if key else str(name), before.get(name), after.get(name)) for name in {**before, **after}
        ]
        return [change for part in parts for change in _changes(*part)]
    if isinstance(before, list) and isinstance(after, list):
        if all(isinstance(entry, dict) and "name" in entry for entry in [*before, *after]):
            first, second = ({entry["name"]: entry for entry in entries} for entries in (before, after))
            named = [(f"{key}[{name}]", first.get(name), second.get(name)) for name in {**first, **second}]
            order = [Change(key=f"{key} (order)", before=list(first), after=list(second))]
            return [change for part in named for change in _changes(*part)] or order
        longest = max(len(before), len(after))
        placed = [(f"{key}[{n}]", _nth(before, n), _nth(after, n)) for n in range(longest)]
        return [change for part in placed for change in _changes(*part)]
    return [Change(key=key, before=before, after=after)]


def _nth(entries: list[Json], index: int) -> Json:
    return entries[index] if index < len(entries) else None
