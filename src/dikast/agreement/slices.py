"""The items that share a metadata value, with their own figures, and what was left out there and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.estimate import Figure, Undefined
from dikast.agreement.families import Span, family_figures, words
from dikast.agreement.matching import Matched
from dikast.errors import InputError
from dikast.records import Interaction, Json, Verdict, canonical_json

_MOST_EMPTY = 100  # values, beyond which those without a single item to compare aren't listed


@dataclass(frozen=True, slots=True)
class Slice:
    """The figures of the items that share a metadata value; left_out: reason to count, over its other items."""

    n: int
    figures: dict[str, Figure]
    confusion: Confusion | None
    left_out: dict[str, int] = field(default_factory=dict)


def slices(
    matched: Matched,
    judged: Sequence[Verdict],
    lookup: Callable[[str], Interaction | None] | None,
    key: str,
    groups: Sequence[str] | None,
    level: float,
    judge_scale: Span | None,
) -> dict[str, Slice]:
    """Each value of a metadata key, the commonest first; "" stands for none where some items don't have the key.

    judged: all verdicts of the run. groups: see `family_figures`. A value of which no item can be compared is there,
    too, with undefined figures, unless there are more than 100 values. Raises InputError when no item that can be
    compared has the key.
    """
    metadata = _Metadata(judged, lookup)
    places: dict[str, list[int]] = {}
    for i, verdict in enumerate(matched.verdicts):
        places.setdefault(metadata.value(verdict.id, key), []).append(i)
    if not any(places.keys() - {""}):
        known = ", ".join(sorted(metadata.keys)) or "none"
        raise InputError(f"no item has the metadata key {key!r}; the keys here are: {known}")
    left_out: dict[str, Counter[str]] = {}
    for id, reason in matched.apart:
        left_out.setdefault(metadata.value(id, key), Counter())[reason] += 1
    found = {}
    for value, where in sorted(places.items(), key=lambda place: (place[0] == "", -len(place[1]), place[0])):
        part = replace(
            matched, verdicts=tuple(matched.verdicts[i] for i in where), labels=tuple(matched.labels[i] for i in where)
        )
        own = None if groups is None else [groups[i] for i in where]
        table = cells(*words(part)).confusion if matched.family == "pass_fail" else None
        found[value] = Slice(
            len(where), family_figures(part, own, level, judge_scale), table, dict(left_out.pop(value, {}))
        )
    names = list(next(iter(found.values())).figures)
    empty = sorted(value for value in left_out if value)
    for value in empty if len(found) + len(empty) <= _MOST_EMPTY else []:
        nothing = Undefined("no item here has both a verdict and a label", 0)
        table = Confusion(0, 0, 0, 0) if matched.family == "pass_fail" else None
        found[value] = Slice(0, dict.fromkeys(names, nothing), table, dict(left_out[value]))
    return found


class _Metadata:
    """What is known of an item's metadata: its verdict's, else its interaction's."""

    def __init__(self, judged: Sequence[Verdict], lookup: Callable[[str], Interaction | None] | None) -> None:
        self._of_verdict = {verdict.id: verdict.metadata for verdict in judged}
        self._lookup = lookup
        self.keys: set[str] = set()

    def value(self, id: str, key: str) -> str:
        known: Mapping[str, Json] = self._of_verdict.get(id) or {}
        if not known and self._lookup is not None:
            item = self._lookup(id)
            known = item.metadata if item is not None else {}
        self.keys |= known.keys()
        if key not in known:
            return ""
        value = known[key]
        return value if isinstance(value, str) else canonical_json(value).decode()
