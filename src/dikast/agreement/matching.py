"""Verdicts and labels, brought together item by item; what can't be compared is left out and counted, with why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from dikast.agreement.settling import Settled, settle
from dikast.errors import DataError, InputError
from dikast.records import Label, Outcome, Verdict, Whose

Family = Literal["pass_fail", "ordinal", "pairwise", "ranking"]
"""Which statistics apply. "ranking": the judge gives scores and people said pass or fail."""

_SAMPLE = 3
_OTHER_CRITERION = "labelled on another criterion"
_SPLIT = "the annotators are evenly split"


@dataclass(frozen=True, slots=True)
class Matched:
    """Verdicts and labels of the same items, in the run's order.

    left_out: reason to count, over all items of run and labels. criterion: the one compared (None when labels name
    none); other_criteria: what else the labels hold. superseded: labels replaced by a later one of the same person.
    disputed: of the items on which people differ, how many were settled by which rule (`settling.Rule`).
    apart: the id of each item that was left out, and why. split: what people said of those left out because they are
    evenly split; without these, two people would always agree.
    """

    family: Family
    verdicts: tuple[Verdict, ...]
    labels: tuple[Settled, ...]
    left_out: dict[str, int]
    criterion: str | None = None
    other_criteria: tuple[str, ...] = ()
    superseded: int = 0
    drawn: dict[str, int] = field(default_factory=dict)
    disputed: dict[str, int] = field(default_factory=dict)
    apart: tuple[tuple[str, str], ...] = ()
    split: tuple[Settled, ...] = ()


def match(
    verdicts: Iterable[Verdict],
    labels: Iterable[Label],
    *,
    criterion: str | None = None,
    principal: str | None = None,
    whose: Whose = "expert",
) -> Matched:
    """The items on which judge and people can be compared, and the family of statistics that applies.

    criterion: compare labels of this one only (its name, or the beginning of it); by default the one that most items
    have. principal: whose word binds where people differ. A second look is no other person's word, and is passed over.
    whose: compare with experts' labels, or with what the system's users said; never with both. Raises DataError when
    nothing can be compared, with three ids of each side.
    """
    all_labels = [label for label in labels if label.whose == whose and not label.is_second_look]
    if not all_labels:
        raise DataError(
            "there are no labels", hint="Give a file with --labels, or judge a dataset that carries labels."
        )
    main, _ = choose_criterion(all_labels, None)
    chosen, others = choose_criterion(all_labels, criterion)
    judged = [on_criterion(verdict, criterion) if criterion else verdict for verdict in verdicts]
    by_item, superseded = _by_item(all_labels, chosen, is_main=chosen == main)
    settled = {id: settle(given, principal) for id, given in by_item.items()}
    family = _family(judged, settled)
    elsewhere = {label.id for label in all_labels} - settled.keys()
    apart: list[tuple[str, str]] = []
    pairs: list[tuple[Verdict, Settled]] = []
    for verdict in judged:
        label = settled.get(verdict.id)
        reason = _why_left_out(verdict, label, family)
        if label is not None and reason is None:
            pairs.append((verdict, label))
        else:
            apart.append((verdict.id, _OTHER_CRITERION if verdict.id in elsewhere else str(reason)))
    known = {verdict.id for verdict in judged}
    apart += [(id, "labelled, but not in this run") for id in settled if id not in known]
    left_out = Counter(reason for _, reason in apart)
    if not pairs:
        raise DataError(_nothing_matches(judged, settled, left_out))
    return Matched(
        family=family,
        verdicts=tuple(verdict for verdict, _ in pairs),
        labels=tuple(label for _, label in pairs),
        left_out=dict(left_out.most_common()),
        criterion=chosen,
        other_criteria=others,
        superseded=superseded,
        drawn=dict(Counter(label.drawn or "not said" for _, label in pairs)),
        apart=tuple(apart),
        split=tuple(settled[id] for id, reason in apart if reason == _SPLIT),
        disputed=dict(Counter(label.rule for _, label in pairs if label.disputed)),
    )


def choose_criterion(labels: Sequence[Label], asked: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The criterion to compare, and the others that the labels hold.

    Asked for by name or by the beginning of it; else the one that most items have, the first seen when equal. Raises
    InputError when `asked` fits none or several.
    """
    items: dict[str, set[str]] = {}
    for label in labels:
        if label.criterion is not None:
            items.setdefault(label.criterion, set()).add(label.id)
    if asked is None:
        chosen = max(items, key=lambda name: len(items[name]), default=None)
    else:
        found = [name for name in items if name == asked] or [
            name for name in items if name.casefold().startswith(asked.casefold())
        ]
        if len(found) != 1:
            known = ", ".join(repr(name) for name in items) or "none"
            raise InputError(f"criterion {asked!r} fits {len(found)} of the labels' criteria: {known}")
        chosen = found[0]
    return chosen, tuple(name for name in items if name != chosen)


def on_criterion(verdict: Verdict, criterion: str) -> Verdict:
    """The verdict on one criterion alone, where the judge scored it by this name; else the verdict as it is."""
    for name, value in (verdict.scores or {}).items():
        if name in ("overall", "reasoning") or not name.casefold().startswith(criterion.casefold()):
            continue
        if value in ("pass", "fail"):
            return msgspec.structs.replace(verdict, verdict=value, scores=None, confidence=None)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if verdict.verdict in ("pass", "fail") and value in (0, 1):
                said: Outcome = "pass" if value else "fail"
                return msgspec.structs.replace(verdict, verdict=said, scores=None, confidence=None)
            return msgspec.structs.replace(verdict, verdict=None, scores={"overall": value}, confidence=None)
    return verdict


def _by_item(labels: Sequence[Label], criterion: str | None, *, is_main: bool) -> tuple[dict[str, list[Label]], int]:
    """Each item's labels of the criterion, and how many were replaced: of one person's, the last binds.

    Labels without an annotator may be several people's, so they all stay. An unnamed criterion is the main one.
    """
    found: dict[str, dict[str | int, Label]] = {}
    superseded = 0
    for number, label in enumerate(labels):
        if label.criterion == criterion or (label.criterion is None and is_main):
            of_item = found.setdefault(label.id, {})
            key = number if label.annotator is None else label.annotator
            superseded += key in of_item
            of_item[key] = label
    return {id: list(of_item.values()) for id, of_item in found.items()}, superseded


def _family(verdicts: Sequence[Verdict], settled: Mapping[str, Settled]) -> Family:
    """The family that the most items can be compared in; pass/fail before scores when as many."""
    counts: Counter[Family] = Counter()
    for verdict in verdicts:
        label = settled.get(verdict.id)
        if label is None or verdict.status != "scored":
            continue
        if verdict.verdict in ("a", "b", "tie"):
            counts["pairwise"] += label.verdict in ("a", "b", "tie")
        elif verdict.verdict is not None:
            counts["pass_fail"] += label.verdict in ("pass", "fail")
        if verdict.verdict is None and verdict.overall is not None:
            counts["ordinal"] += label.score is not None
            counts["ranking"] += label.verdict in ("pass", "fail")
    order: tuple[Family, ...] = ("pass_fail", "pairwise", "ordinal", "ranking")
    return max(order, key=lambda family: counts[family])


def _why_left_out(verdict: Verdict, label: Settled | None, family: Family) -> str | None:
    if label is None:
        return "no label"
    if verdict.status != "scored":
        return verdict.status
    if family == "ordinal":
        if verdict.overall is None:
            return "the verdict has no score"
        return "the label has a verdict and no score" if label.score is None else None
    words = ("a", "b", "tie") if family == "pairwise" else ("pass", "fail")
    if family == "ranking" and verdict.overall is None:
        return "the verdict has no score"
    if family != "ranking" and verdict.verdict not in words:
        return f"the verdict is not one of {', '.join(words)}"
    if label.tied:
        return _SPLIT
    if label.verdict is None:
        return "the label has a score and no verdict"
    return None if label.verdict in words else f"the label is not one of {', '.join(words)}"


def _nothing_matches(verdicts: Sequence[Verdict], settled: Mapping[str, Settled], left_out: Mapping[str, int]) -> str:
    if not verdicts:
        return "the run has no verdicts"
    if any(verdict.id in settled for verdict in verdicts):
        reasons = "; ".join(f"{count}: {reason}" for reason, count in left_out.items() if count)
        return f"no item can be compared ({reasons})"
    ours = ", ".join(repr(verdict.id) for verdict in verdicts[:_SAMPLE])
    theirs = ", ".join(repr(id) for id in list(settled)[:_SAMPLE])
    return f"no label belongs to an item of this run: the run's ids are like {ours}; the labels' are like {theirs}"
