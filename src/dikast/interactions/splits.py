"""Which interactions may be shown as examples (pool), tuned on (dev), and measured on (the sealed test).

Made by content: interactions with the same input, with nearly the same one, or with the same context stay on one side,
and so do the turns of one conversation, so that nothing measured was seen before.

**Stable.** What has a part keeps it. A new interaction goes where its near-duplicates are; one that is near to two
parts is set aside and belongs to none, since on either side it would carry one part into the other.

**Stratified.** Of the others, each stratum (what the labels say; unlabelled is one of its own) fills the parts to their
shares, in the order of the hashes of its groups. So it is the content's hash that decides, the order of the file never
does, two people with the same data get the same split, and each class is spread evenly as far as it was labelled when
its items came. Labels that arrive later move nothing; how the classes lie then is told.

**Templates.** Where near-duplicates chain into a group that would fill a part by itself, what most of its texts share
is a template: only what differs is compared. A context that many share says as little, and does not hold them together;
nor does an input ("Summarise this"), and then it is the contexts that are compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from dikast.agreement.settling import settle
from dikast.interactions.units import conversation_of, normal_text, unit_of
from dikast.records import Interaction, Label

Part = Literal["pool", "dev", "test", "aside"]

SHARES: dict[Part, float] = {"pool": 0.15, "dev": 0.425, "test": 0.425}
UNLABELLED, UNDECIDED = "", "undecided"

_Edges = set[tuple[int, int]]

# An input, a context, or a chain of near-duplicates is boilerplate that holds more units than this many and this share.
_LARGE_SHARED = (10, 0.05)
_LARGE_GROUP = (20, 0.15)
_LONGEST = 20_000


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """The part of each unit (see `units.unit_of`), those that had one before included; and remarks in words.

    added: the units that got their part now.
    """

    parts: dict[bytes, Part]
    added: dict[bytes, Part]
    notes: tuple[str, ...] = ()

    def part_of(self, interaction: Interaction) -> Part | None:
        """The part of an interaction, None for one that was not there when the split was made."""
        return self.parts.get(unit_of(interaction))


class _Unit(msgspec.Struct):
    key: bytes
    text: str
    context: str
    classes: Counter[str]
    conversations: set[str]
    items: int = 0

    @property
    def stratum(self) -> str:
        """What most labels of its items say; on a tie the first by name."""
        return min(self.classes, key=lambda name: (-self.classes[name], name)) if self.classes else UNLABELLED


def make_split(
    interactions: Iterable[Interaction],
    *,
    kept: Mapping[bytes, Part] | None = None,
    classes: Mapping[str, str] | None = None,
    shares: Mapping[Part, float] = SHARES,
) -> Split:
    """Give every unit a part. kept: those that have one, which never changes. classes: what an id's label says.

    Where `classes` is None, the labels that the interactions carry count.
    """
    kept = kept or {}
    units = _units(interactions, classes)
    notes: list[str] = []
    edges = _edges(units, notes)
    new = [at for at, unit in enumerate(units) if unit.key not in kept]
    added: dict[bytes, Part] = {}
    free: list[list[_Unit]] = []
    for group, beside in _groups(new, edges, [kept.get(unit.key) for unit in units]):
        members = [units[at] for at in group]
        if not beside:
            free.append(members)
        else:
            part: Part = next(iter(beside)) if len(beside) == 1 else "aside"
            added |= {unit.key: part for unit in members}
    aside = sum(part == "aside" for part in added.values())
    if aside:
        notes.append(f"{aside:,} new inputs are near-duplicates of items in two parts, and were set aside")
    have = _have(units, {**kept, **added})
    added |= _filled(free, have, shares)
    return Split(parts={**kept, **added}, added=added, notes=tuple(notes))


def class_of(labels: Iterable[Label], principal: str | None = None) -> str | None:
    """What an item's labels settle on: a verdict, or a score rounded; "undecided" for a draw, None for no label.

    principal: whose word binds. Labels of the whole count before those on single criteria, of which the first given
    counts. What the system's users said is no label of an expert's, and tells no class.
    """
    given = [label for label in labels if label.whose != "user" and (label.verdict, label.score) != (None, None)]
    if not given:
        return None
    criterion = None if any(label.criterion is None for label in given) else given[0].criterion
    settled = settle((label for label in given if label.criterion == criterion), principal)
    if settled.verdict is not None:
        return settled.verdict
    if settled.tied:
        return UNDECIDED
    return None if settled.score is None else f"score {settled.score:.0f}"


def _units(interactions: Iterable[Interaction], classes: Mapping[str, str] | None) -> list[_Unit]:
    """All units, by key: the order of the interactions says nothing from here on."""
    units: dict[bytes, _Unit] = {}
    for item in interactions:
        key = unit_of(item)
        unit = units.get(key)
        if unit is None:
            unit = units[key] = _Unit(
                key, normal_text(item.input)[:_LONGEST], normal_text(item.context)[:_LONGEST], Counter(), set()
            )
        unit.items += 1
        if conversation := conversation_of(item):
            unit.conversations.add(conversation)
        said = class_of(item.labels) if classes is None else classes.get(item.id)
        if said is not None:
            unit.classes[said] += 1
    return [units[key] for key in sorted(units)]


def _edges(units: Sequence[_Unit], notes: list[str]) -> _Edges:
    """Pairs of units that must not be parted."""
    from dikast.interactions import near  # loads numpy, which a run that makes no split need not wait for

    inputs, common = _sharing([{unit.text} for unit in units], "input", notes)
    contexts, _ = _sharing([{unit.context} for unit in units], "context", notes)
    contexts |= _sharing([unit.conversations for unit in units], "conversation", notes)[0]
    # Where all are asked the same ("Summarise this"), the question is in the context.
    texts = [unit.context if unit.text in common else unit.text for unit in units]
    first: dict[str, int] = {}
    for at, text in enumerate(texts):
        first.setdefault(text, at)
    places = list(first.values())
    edges = inputs | contexts | {(places[a], places[b]) for a, b in near.near_pairs(list(first))}
    for group in _large(range(len(units)), edges):
        inside = set(group)
        edges -= {edge for edge in edges if edge[0] in inside}
        finer = _without_template(texts, group) | {edge for edge in inputs | contexts if edge[0] in inside}
        chains = _large(group, finer, of=len(units))
        for chain in chains:
            linked = set(chain)
            finer -= {edge for edge in finer - inputs if edge[0] in linked}
            notes.append(f"{len(chain):,} inputs are nearly one and the same: only equal ones were held together")
        if not chains:
            notes.append(f"{len(group):,} inputs follow one template: they were compared by what differs")
        edges |= finer
    return edges


def _sharing(texts: Sequence[set[str]], what: str, notes: list[str]) -> tuple[_Edges, set[str]]:
    """Pairs of units that share a text (or the id of a conversation), and what too many share to say anything."""
    members: dict[str, list[int]] = defaultdict(list)
    for at, own in enumerate(texts):
        for text in own - {""}:
            members[text].append(at)
    some_say, share = _LARGE_GROUP if what == "conversation" else _LARGE_SHARED
    most = max(some_say, share * len(texts))
    common = {text for text, places in members.items() if len(places) > most}
    for text in sorted(common):
        notes.append(f"{len(members[text]):,} interactions share one {what}, which was taken for boilerplate")
    pairs = (pairwise(places) for text, places in members.items() if text not in common)
    return {pair for some in pairs for pair in some}, common


def _large(members: Iterable[int], edges: _Edges, of: int | None = None) -> list[list[int]]:
    members = list(members)
    most = max(_LARGE_GROUP[0], _LARGE_GROUP[1] * (len(members) if of is None else of))
    return [group for group in _components(members, edges) if len(group) > most]


def _without_template(texts: Sequence[str], group: Sequence[int]) -> _Edges:
    """Near-duplicates in a large group, by the shingles that at most half of its texts have."""
    from dikast.interactions import near  # loads numpy, which a run that makes no split need not wait for

    counted: Counter[int] = Counter()
    for at in group:
        counted.update(near.shingles_of(texts[at]))
    template = frozenset(shingle for shingle, number in counted.items() if 2 * number > len(group))
    pairs = near.near_pairs([texts[at] for at in group], threshold=near.NEAR, without=template)
    return {(group[first], group[second]) for first, second in pairs}


def _components(members: Sequence[int], edges: _Edges) -> list[list[int]]:
    """What hangs together, each in ascending order."""
    parent = {at: at for at in members}

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for first, second in edges:
        if first in parent and second in parent:
            low, high = sorted((root(first), root(second)))
            parent[high] = low
    groups: dict[int, list[int]] = defaultdict(list)
    for at in members:
        groups[root(at)].append(at)
    return list(groups.values())


def _groups(new: Sequence[int], edges: _Edges, parts: Sequence[Part | None]) -> Iterable[tuple[list[int], set[Part]]]:
    """The groups of new units, each with the parts of the kept units that it touches."""
    touched: dict[int, set[Part]] = defaultdict(set)
    for first, second in edges:
        for one, other in ((first, second), (second, first)):
            part = parts[other]
            if parts[one] is None and part is not None:
                touched[one].add(part)
    for group in _components(new, edges):
        yield group, set().union(*(touched[at] for at in group if at in touched))


def _have(units: Iterable[_Unit], parts: Mapping[bytes, Part]) -> dict[str, Counter[Part]]:
    """Items by stratum and part."""
    have: dict[str, Counter[Part]] = defaultdict(Counter)
    for unit in units:
        part = parts.get(unit.key)
        if part is not None:
            have[unit.stratum][part] += unit.items
    return have


def _filled(
    groups: Sequence[list[_Unit]], have: Mapping[str, Counter[Part]], shares: Mapping[Part, float]
) -> dict[bytes, Part]:
    """Parts for groups that touch nothing: each stratum fills its parts to their shares, in the order of the keys."""
    strata: dict[str, list[list[_Unit]]] = defaultdict(list)
    for group in groups:
        said: Counter[str] = Counter()
        for unit in group:
            said.update(unit.classes)
        strata[min(said, key=lambda name: (-said[name], name)) if said else UNLABELLED].append(group)
    added: dict[bytes, Part] = {}
    for stratum, members in strata.items():
        weights = [sum(unit.items for unit in group) for group in members]
        there = have.get(stratum, Counter())
        total = sum(weights) + sum(there[part] for part in shares)
        wanted = {part: max(0.0, share * total - there[part]) for part, share in shares.items()}
        scale = sum(weights) / (sum(wanted.values()) or 1)
        passed = 0.0
        for group, weight in zip(members, weights, strict=True):
            part = _at(passed + weight / 2, wanted, scale)
            added |= {unit.key: part for unit in group}
            passed += weight
    return added


def _at(place: float, wanted: Mapping[Part, float], scale: float) -> Part:
    """Which part a place on the line of all items falls in."""
    end = 0.0
    for part, number in wanted.items():
        end += number * scale
        if place <= end:
            return part
    return max(wanted, key=lambda part: wanted[part])
