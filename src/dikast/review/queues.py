"""In which order interactions are shown, and how each was drawn: at random for measuring, by need for learning."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dikast.errors import InputError
from dikast.records import Verdict

KINDS = ("random", "stratified:KEY", "uncertain", "disagree", "deferred", "repeat", "like:ID", "escalated")
NEEDS_RUN = frozenset({"uncertain", "disagree", "escalated"})
MEASURING = frozenset({"random", "repeat", "stratified"})  # of strata the shares are known, so they can be weighed
MOST_ALIKE = 50
_WITH_KEY = frozenset({"stratified", "like"})
_BY_CHANCE = frozenset({"random", "repeat", "stratified"})
_MOST_STRATA = 1_000


@dataclass(frozen=True, slots=True)
class Queue:
    """Positions in the dataset, in the order of showing.

    drawn: what is written into each label. measuring: whether these labels may be used for estimates; those of the
    other queues are for learning, as the items were picked for what is known of them. seed: what chance went by, if it
    had a say; kept with each label, so that the order can be had again.
    """

    drawn: str
    positions: tuple[int, ...]
    measuring: bool
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a queue may go by, a position each: strata where asked for, verdicts of a run, one's own labels.

    What is sealed must not be picked by what is known of it, so it is in neither `confidence` nor `disagreeing` nor
    `alike` nor `escalated` (what a cascade left to a person).
    """

    size: int
    strata: Sequence[str | None]
    confidence: Mapping[int, float]
    disagreeing: Sequence[int]
    deferred: Sequence[int]
    labelled: Sequence[int]
    alike: Sequence[int] = ()
    escalated: Sequence[int] = ()


def check_queue(asked: str, *, has_run: bool) -> None:
    """Raise InputError for a queue that doesn't exist, or that needs a run where there is none."""
    kind, _, key = asked.partition(":")
    known = {name.partition(":")[0] for name in KINDS}
    if kind not in known or (kind in _WITH_KEY) != bool(key):
        raise InputError(f"{asked!r} is not a queue", hint=f"The queues are: {', '.join(KINDS)}.")
    if (kind in NEEDS_RUN or (kind == "stratified" and goes_by_verdict(key))) and not has_run:
        raise InputError(f"the queue {asked!r} goes by a judge's verdicts", hint="Name their run: --run RUN.")


def draw(asked: str, known: Known, seed: int) -> Queue:
    """The queue that is asked for; the same for the same seed and the same knowledge."""
    rng = random.Random(seed)
    kind, _, key = asked.partition(":")
    if kind == "random":
        order = _shuffled(range(known.size), rng)
    elif kind == "stratified":
        order = _in_turn(known.strata, key, rng)
    elif kind == "uncertain":
        order = sorted(known.confidence, key=lambda position: (known.confidence[position], position))
    else:
        chosen = {
            "disagree": known.disagreeing, "deferred": known.deferred, "repeat": known.labelled, "like": known.alike,
            "escalated": known.escalated,
        }[kind]  # fmt: skip
        order = _shuffled(chosen, rng) if kind == "repeat" else list(chosen)
    return Queue(asked, tuple(order), kind in MEASURING, seed if kind in _BY_CHANCE else None)


def confidence_of(verdict: Verdict) -> float:
    """How sure the judge was; one without a verdict is the least sure, one that doesn't say comes last."""
    if verdict.status != "scored":
        return -1.0
    return 2.0 if verdict.confidence is None else verdict.confidence


def goes_by_verdict(key: str) -> bool:
    """Whether strata over this key are told by a judge's verdicts."""
    return not {"verdict", "score"}.isdisjoint(name.strip() for name in key.split(","))


def _shuffled(positions: Iterable[int], rng: random.Random) -> list[int]:
    order = list(positions)
    rng.shuffle(order)
    return order


def _in_turn(strata: Sequence[str | None], key: str, rng: random.Random) -> list[int]:
    """One of each stratum in turn, each stratum shuffled, until none is left."""
    groups: dict[str, list[int]] = {}
    for position, value in enumerate(strata):
        if value is not None:
            groups.setdefault(value, []).append(position)
    if set(groups) == {""} or len(groups) > _MOST_STRATA:
        said = "no interaction has" if set(groups) == {""} else f"{len(groups):,} different values for"
        raise InputError(f"{said} {key!r}", hint="Stratify by metadata keys with a few values, or by verdict or score.")
    piles = [_shuffled(groups[value], rng)[::-1] for value in sorted(groups)]
    order: list[int] = []
    while piles:
        order += [pile.pop() for pile in piles]
        piles = [pile for pile in piles if pile]
    return order
