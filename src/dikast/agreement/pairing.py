"""Two runs brought together item by item, and what that makes of them: two judges, or two systems under one judge."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from dikast.agreement.matching import on_criterion
from dikast.errors import DataError, InputError
from dikast.records import Interaction, Verdict, canonical_json

Kind = Literal["judges", "systems"]
Lookup = Callable[[str], Interaction | None]

_SAMPLE = 3


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of two runs: its name, its verdicts, and its interactions where they are known."""

    name: str
    verdicts: tuple[Verdict, ...]
    lookup: Lookup

    @property
    def judges(self) -> frozenset[tuple[str, str, str]]:
        """Who spoke: name, version and model of each judge."""
        return frozenset((v.judge.name, v.judge.version, v.model or "") for v in self.verdicts)


@dataclass(frozen=True, slots=True)
class Pair:
    """Both verdicts on what is to be compared, and the interactions where they are known."""

    first: Verdict
    second: Verdict
    first_item: Interaction | None
    second_item: Interaction | None


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """The pairs, in the first run's order.

    kind: "judges" when both saw the same outputs, else "systems". by: what the items were matched by. same_judge:
    whether one judge with one model spoke in both. left_out: reason to count. why: how the kind was found, in words.
    """

    kind: Kind
    by: Literal["id", "input"]
    first: Side
    second: Side
    pairs: tuple[Pair, ...]
    left_out: dict[str, int]
    same_judge: bool
    why: str


def pair_runs(first: Side, second: Side, *, criterion: str | None = None) -> Pairing:
    """The items that both runs have a verdict on, matched by id, or by input where ids don't meet.

    By id when ids are shared and, as far as the interactions are known, stand for the same input, whatever context each
    system was given; else by input, told apart by context, when those are known and unique. The kind is found from the
    outputs where they are known; else it is taken from the judges: one judge and model in both runs means two systems.
    Raises DataError when nothing matches, InputError for a criterion that neither run scored.
    """
    for side in (first, second):
        if not side.verdicts:
            raise DataError(f"the run {side.name!r} has no verdicts")
    ours, theirs = _by_id(first), _by_id(second)
    shared = [id for id in ours if id in theirs]
    matched = [Pair(ours[id], theirs[id], first.lookup(id), second.lookup(id)) for id in shared]
    by: Literal["id", "input"] = "id"
    alike = [pair for pair in matched if _input(pair.first_item) == _input(pair.second_item) or not _known(pair)]
    if len(alike) < len(matched) or not matched:
        by_input = _by_input(ours, theirs, first, second)
        if len(by_input) > len(alike):
            alike, by = by_input, "input"
    if not alike:
        raise DataError(_nothing_matches(first, second, bool(shared)))
    left_out = Counter(
        {
            f"only in {first.name}": len(ours) - len(alike),
            f"only in {second.name}": len(theirs) - len(alike),
        }
    )
    scored = []
    for pair in alike:
        missing = next(
            (
                f"{side.name}: {reason}"
                for side, verdict in ((first, pair.first), (second, pair.second))
                if (reason := _why_left_out(verdict, criterion)) is not None
            ),
            None,
        )
        if missing is None:
            scored.append(pair if criterion is None else _narrowed(pair, criterion))
        else:
            left_out[missing] += 1
    if criterion is not None and not scored:
        _check_criterion(alike, criterion)
    if not scored:
        raise DataError(f"no item has a verdict in both {first.name!r} and {second.name!r}: {_listed(left_out)}")
    same_judge = first.judges == second.judges
    kind, why = _kind(scored, by, same_judge)
    return Pairing(
        kind, by, first, second, tuple(scored), {k: n for k, n in left_out.most_common() if n}, same_judge, why
    )


def outputs_of(item: Interaction | None) -> bytes | None:
    """What was judged of an interaction, as a hash; None when it isn't known."""
    if item is None:
        return None
    return hashlib.sha256(canonical_json((item.output, item.output_a, item.output_b))).digest()


def _input(item: Interaction | None) -> bytes | None:
    return None if item is None else hashlib.sha256(canonical_json(item.input)).digest()


def _input_and_context(item: Interaction | None) -> bytes | None:
    return None if item is None else hashlib.sha256(canonical_json((item.input, item.context))).digest()


def _why_left_out(verdict: Verdict, criterion: str | None) -> str | None:
    if verdict.status != "scored":
        return verdict.status
    if criterion is not None and on_criterion(verdict, criterion) is verdict:
        return f"no verdict on {criterion!r}"
    return None


def _narrowed(pair: Pair, criterion: str) -> Pair:
    return Pair(
        on_criterion(pair.first, criterion), on_criterion(pair.second, criterion), pair.first_item, pair.second_item
    )


def _check_criterion(pairs: Iterable[Pair], criterion: str) -> None:
    """Raises InputError where no verdict is on this criterion, with those that there are."""
    verdicts = [verdict for pair in pairs for verdict in (pair.first, pair.second) if verdict.status == "scored"]
    if all(on_criterion(verdict, criterion) is verdict for verdict in verdicts):
        names = {name for verdict in verdicts for name in verdict.scores or {}} - {"overall", "reasoning"}
        known = ", ".join(repr(name) for name in sorted(names)) or "none"
        raise InputError(f"no verdict is on the criterion {criterion!r}; the criteria here are: {known}")


def _known(pair: Pair) -> bool:
    return pair.first_item is not None and pair.second_item is not None


def _by_id(side: Side) -> dict[str, Verdict]:
    return {verdict.id: verdict for verdict in side.verdicts}


def _by_input(ours: dict[str, Verdict], theirs: dict[str, Verdict], first: Side, second: Side) -> list[Pair]:
    """Pairs that share an input which neither run holds twice, or else input and context."""
    left, right = dict(ours), dict(theirs)
    found: dict[str, Pair] = {}
    for key_of in (_input_and_context, _input):
        places = _unique(left, first, key_of), _unique(right, second, key_of)
        for key, one in places[0].items():
            other = places[1].get(key)
            if one is not None and other is not None:
                found[one.id] = Pair(one, other, first.lookup(one.id), second.lookup(other.id))
                del left[one.id], right[other.id]
    return [found[id] for id in ours if id in found]


def _unique(
    verdicts: dict[str, Verdict], side: Side, key_of: Callable[[Interaction | None], bytes | None]
) -> dict[bytes, Verdict | None]:
    """The verdict of each key; None where several share it."""
    found: dict[bytes, Verdict | None] = {}
    for id, verdict in verdicts.items():
        key = key_of(side.lookup(id))
        if key is not None:
            found[key] = None if key in found else verdict
    return found


def _kind(pairs: Iterable[Pair], by: str, same_judge: bool) -> tuple[Kind, str]:
    known = [pair for pair in pairs if _known(pair)]
    if not known:
        if same_judge:
            return "systems", "the outputs are not known; taken as two systems, since one judge and model spoke in both"
        return "judges", "the outputs are not known; taken as the same, since the judges or their models differ"
    same = sum(outputs_of(pair.first_item) == outputs_of(pair.second_item) for pair in known)
    if same == len(known):
        return "judges", "both runs judged the same outputs"
    return "systems", f"the outputs differ on {len(known) - same:,} of {len(known):,} items with the same {by}"


def _nothing_matches(first: Side, second: Side, shared: bool) -> str:
    def sample(side: Side) -> str:
        return ", ".join(repr(verdict.id) for verdict in side.verdicts[:_SAMPLE])

    if shared:
        return (
            f"{first.name!r} and {second.name!r} share ids, but not what these stand for: no input is the same. "
            "They come from different datasets"
        )
    texts = all(side.lookup(side.verdicts[0].id) is not None for side in (first, second))
    more = "no input is the same either" if texts else "their inputs are not known, so these can't be matched instead"
    return (
        f"no item is in both runs: the ids of {first.name!r} are like {sample(first)}; "
        f"those of {second.name!r} like {sample(second)}; {more}"
    )


def _listed(left_out: Counter[str]) -> str:
    return "; ".join(f"{count}: {reason}" for reason, count in left_out.most_common() if count)
