"""Where a judge fails: the metadata values on which its agreement may be lowest, and the items that it gets wrong."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from dikast.agreement.estimate import Estimate
from dikast.agreement.families import Span, common_scale, family_figures
from dikast.agreement.matching import Family, Matched
from dikast.records import Interaction, canonical_json

MEASURE: dict[Family, str] = {
    "pass_fail": "accuracy",
    "pairwise": "accuracy_without_ties",
    "ordinal": "spearman",
    "ranking": "auc",
}
"""What slices are ranked by: defined on small slices too, unlike most headlines."""

_FEWEST = 5
_MOST_VALUES = 30


@dataclass(frozen=True, slots=True)
class WeakSlice:
    """One value of one metadata key, and how far the judge agrees there."""

    key: str
    value: str
    figure: Estimate


@dataclass(frozen=True, slots=True)
class Miss:
    """One item on which the judge and people differ; `distance` is 1 for verdicts, in points for scores."""

    place: int
    judge: str | float
    people: str | float
    distance: float


def weak_slices(
    matched: Matched,
    items: Sequence[Interaction | None],
    *,
    groups: Sequence[Hashable] | None = None,
    judge_scale: Span | None = None,
    level: float = 0.95,
    most: int = 10,
) -> list[WeakSlice]:
    """The slices whose interval's low end is lowest; those of fewer than 5 items, or of keys with many values, aside.

    items: the interactions in matched's order. A low end that is low may come from few items: read it with n.
    """
    places: dict[str, dict[str, list[int]]] = {}
    for i, (verdict, item) in enumerate(zip(matched.verdicts, items, strict=True)):
        for key, value in (verdict.metadata or (item.metadata if item else {})).items():
            name = value if isinstance(value, str) else canonical_json(value).decode()
            places.setdefault(key, {}).setdefault(name, []).append(i)
    found = []
    for key, values in places.items():
        if not 1 < len(values) <= _MOST_VALUES:
            continue
        for value, where in values.items():
            if len(where) < _FEWEST:
                continue
            part = replace(
                matched,
                verdicts=tuple(matched.verdicts[i] for i in where),
                labels=tuple(matched.labels[i] for i in where),
            )
            own = None if groups is None else [groups[i] for i in where]
            figure = family_figures(part, own, level, judge_scale)[MEASURE[matched.family]]
            if isinstance(figure, Estimate):
                found.append(WeakSlice(key, value, figure))
    found.sort(key=lambda one: (one.figure.low, one.key, one.value))
    return found[:most]


def misses(matched: Matched, judge_scale: Span | None = None) -> list[Miss]:
    """The items on which judge and people differ: the furthest apart first, then those that the judge is surest of."""
    found = []
    if matched.family == "ordinal":
        scores = common_scale(matched, judge_scale)
        for i, (a, b) in enumerate(zip(scores.judge.tolist(), scores.labels.tolist(), strict=True)):
            if abs(a - b) > 1e-9:
                found.append(Miss(i, a, b, abs(a - b)))
    elif matched.family != "ranking":
        for i, (verdict, label) in enumerate(zip(matched.verdicts, matched.labels, strict=True)):
            if verdict.verdict != label.verdict:
                found.append(Miss(i, str(verdict.verdict), str(label.verdict), 1.0))
    found.sort(key=lambda miss: (-miss.distance, -(matched.verdicts[miss.place].confidence or 0.0), miss.place))
    return found
