"""A run's verdicts and labels, whole or by a metadata value, and why an item has no verdict that can be weighed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dikast.agreement.figures import group_of
from dikast.agreement.matching import Matched, on_criterion
from dikast.errors import InputError
from dikast.records import Interaction, Verdict, canonical_json

Lookup = Callable[[str], Interaction | None]

_KNOWN = 12


class Judged:
    """A run's verdicts, and which of them are labelled. lookup: the interaction of an id, or None."""

    def __init__(self, verdicts: Sequence[Verdict], matched: Matched | None, lookup: Lookup) -> None:
        self.verdicts, self.matched, self.lookup = verdicts, matched, lookup
        self.are_scores = _are_scores(verdicts)
        self._metadata: dict[str, Mapping[str, Any]] = {verdict.id: verdict.metadata for verdict in verdicts}

    def value(self, id: str, key: str) -> str:
        """An item's value of a metadata key, as text; "" for none."""
        known = self._metadata.get(id) or {}
        if not known and (item := self.lookup(id)) is not None:
            known = self._metadata[id] = item.metadata
        value = known.get(key, "")
        return value if isinstance(value, str) else canonical_json(value).decode()

    def values(self, key: str) -> list[str]:
        """All values of a metadata key, the commonest first, "" last. Raises InputError when no item has it."""
        counts = Counter(self.value(verdict.id, key) for verdict in self.verdicts)
        if set(counts) == {""}:
            known = ", ".join(sorted({name for one in self._metadata.values() for name in one})) or "none"
            raise InputError(f"no item has the metadata key {key!r}; the keys here are: {known}")
        return sorted(counts, key=lambda value: (value == "", -counts[value], value))

    def part(self, key: str, value: str) -> Judged:
        """The items with this metadata value. Raises InputError when there are none."""
        known = self.values(key)
        if value not in known:
            listed = ", ".join(repr(one) for one in known[:_KNOWN])
            raise InputError(f"no item has {key} = {value!r}; its values here are: {listed}")
        here = [verdict for verdict in self.verdicts if self.value(verdict.id, key) == value]
        return Judged(here, None if self.matched is None else _among(self.matched, here), self.lookup)

    def why_unjudged(self, verdict: Verdict) -> str | None:
        """Why an item has nothing that can be weighed; None when it has."""
        if verdict.status != "scored":
            return verdict.status
        if self.are_scores:
            return None if verdict.overall is not None else "no score"
        return None if verdict.verdict in ("pass", "fail") else "neither pass nor fail"

    @property
    def scored(self) -> list[Verdict]:
        """The verdicts that can be weighed."""
        return [verdict for verdict in self.verdicts if self.why_unjudged(verdict) is None]

    @property
    def rest(self) -> list[Verdict]:
        """Those of them without a label that can be compared."""
        labelled = {verdict.id for verdict in self.matched.verdicts} if self.matched else set()
        return [verdict for verdict in self.scored if verdict.id not in labelled]

    def groups(self, verdicts: Iterable[Verdict]) -> list[str] | None:
        """What makes these items dependent; None where an interaction isn't known."""
        items = [self.lookup(verdict.id) for verdict in verdicts]
        known = [group_of(item) for item in items if item is not None]
        return known if len(known) == len(items) else None


def on_one(criterion: str, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on one criterion; where some have it, the others' are none on it. Where none has, as they are."""
    narrowed = [on_criterion(verdict, criterion) for verdict in verdicts]
    if all(one is verdict for one, verdict in zip(narrowed, verdicts, strict=True)):
        return list(verdicts)
    return [
        _left_out(one, criterion) if one is verdict and verdict.status == "scored" else one
        for one, verdict in zip(narrowed, verdicts, strict=True)
    ]


def _left_out(verdict: Verdict, criterion: str) -> Verdict:
    """A verdict that says nothing of this criterion, as one that could not be read."""
    reason = f"no verdict on {criterion!r}: the judge left it out"
    return Verdict(id=verdict.id, status="unparsed", reason=reason, judge=verdict.judge, metadata=verdict.metadata)


def _among(matched: Matched, verdicts: Sequence[Verdict]) -> Matched:
    ids = {verdict.id for verdict in verdicts}
    places = [i for i, verdict in enumerate(matched.verdicts) if verdict.id in ids]
    labels = tuple(matched.labels[i] for i in places)
    drawn = dict(Counter(label.drawn or "not said" for label in labels))
    return replace(matched, verdicts=tuple(matched.verdicts[i] for i in places), labels=labels, drawn=drawn)


def _are_scores(verdicts: Iterable[Verdict]) -> bool:
    """Whether the judge gives scores and no verdicts."""
    scored = [verdict for verdict in verdicts if verdict.status == "scored"]
    return bool(scored) and all(verdict.verdict is None and verdict.overall is not None for verdict in scored)
