"""Drawing a sample from a stream, and remembering how: at random, or as many of each stratum, in flat memory.

Each item has a priority, a hash of the seed and its id; the lowest ones are the sample. So the order of the file says
nothing, the same seed draws the same, a smaller sample lies within a larger one, and items that come later change
little. What is kept never exceeds the sample's size: when there is one too many, the largest stratum gives up its
highest priority, so that the strata end as even as their sizes allow, and each is a uniform draw of its stratum.

`where` and `negative` narrow down what is drawn from, and then the sample stands for that alone. Near-duplicates, and
more items of one conversation than are wanted, are passed over among `_SPARE` times as many as are asked for.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, heappushpop
from typing import Literal

import msgspec

from dikast.errors import InputError
from dikast.interactions.units import conversation_of, normal_text
from dikast.records import Interaction, Json, value_text

Method = Literal["random", "stratified"]

FEEDBACK_KEYS = ("feedback", "user_feedback", "thumbs", "thumb", "vote", "user_rating", "user_score")
"""Metadata keys under which the system's own users say what they thought of an answer."""

_WORDS = "negative neg bad down dislike disliked downvote -1 false no fail failed unhelpful not_helpful 👎"
_BAD = frozenset(_WORDS.split()) | {
    "thumbs down",
    "thumbs_down",
    "thumbs-down",
    "thumbsdown",
    "thumb_down",
    "not helpful",
}
_MOST_STRATA = 1_000
_SPARE = 4


class Stratum(msgspec.Struct, frozen=True):
    """How many items of the source have a value, and how many of them were drawn."""

    size: int
    drawn: int

    @property
    def rate(self) -> float:
        """The chance that one of them was drawn."""
        return self.drawn / self.size if self.size else 0.0


class SamplingDesign(msgspec.Struct, frozen=True, kw_only=True):
    """How a sample was drawn, so that what is measured on it can be carried back to its source.

    asked: how many were wanted; n: how many were drawn. source_n: items of the source; population: those of them that
    `where` and `negative` left to draw from. key: what was stratified over; strata: by its value, "" where it is
    missing. distinct: near-duplicates were passed over (`passed_over` counts them, and what was too many of one
    conversation).
    """

    method: Method
    n: int
    asked: int
    seed: int
    source: str
    source_n: int
    population: int
    key: str | None = None
    strata: dict[str, Stratum] = {}
    where: dict[str, str] = {}
    negative: bool = False
    distinct: bool = False
    per_conversation: int | None = None
    passed_over: int = 0

    @property
    def drawn(self) -> str:
        """What a label of such an item says of how it was drawn (`Label.drawn`)."""
        if self.negative:
            return "negative"
        return "random" if self.key is None else f"stratified:{self.key}"

    @property
    def shares(self) -> dict[str, float] | None:
        """The strata's shares of what was drawn from, by which a mean on the sample is carried back to it; None where
        they don't tell, since items were passed over.
        """
        if self.key is None or self.distinct or self.per_conversation is not None:
            return None
        return {value: one.size / self.population for value, one in self.strata.items()}

    @property
    def words(self) -> str:
        """The design in one sentence."""
        how = "at random" if self.key is None else f"in {len(self.strata):,} strata over {self.key!r}"
        narrowed = [f"{key} = {value!r}" for key, value in self.where.items()]
        narrowed += ["negative feedback"] if self.negative else []
        of = f"{self.population:,} of {self.source_n:,}" if narrowed else f"{self.source_n:,}"
        text = f"{self.n:,} drawn {how} from {of} of {self.source!r}"
        text += f" ({', '.join(narrowed)})" if narrowed else ""
        text += ", near-duplicates apart" if self.distinct else ""
        text += f", at most {self.per_conversation} of a conversation" if self.per_conversation else ""
        return f"{text}; seed {self.seed}"


@dataclass(frozen=True, kw_only=True)
class SampleRequest:
    """What is asked for: how many, by which key, of which items.

    where: metadata values that an item must have. negative: only what its users disliked. per_conversation: at most so
    many of each conversation, as told by one of `units.CONVERSATION_KEYS`.
    """

    n: int
    seed: int = 1
    key: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    negative: bool = False
    distinct: bool = False
    per_conversation: int | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise InputError(f"a sample of {self.n} was asked for: 1 or more is expected")
        if self.per_conversation is not None and self.per_conversation < 1:
            raise InputError(f"at most {self.per_conversation} of a conversation was asked for: 1 or more is expected")


def draw_sample(
    items: Iterable[Interaction], asked: SampleRequest, *, source: str, lenient: bool = False
) -> tuple[list[Interaction], SamplingDesign]:
    """The sample, in the source's order, and its design. `items` is read once; source: its name.

    lenient: where no item has the key, they are one stratum, as those are that lack it; else that is an error.
    Raises InputError when nothing is left to draw from, or the strata can't be told.
    """
    thinned = asked.distinct or asked.per_conversation is not None
    drawing = _Drawing(asked.n * (_SPARE if thinned else 1))
    sizes: Counter[str] = Counter()
    keys: set[str] = set()
    read = 0
    for read, item in enumerate(items, 1):
        keys.update(item.metadata)
        if not _wanted(item, asked):
            continue
        value = "" if asked.key is None else value_of(item, asked.key)
        sizes[value] += 1
        if len(sizes) > min(_MOST_STRATA, asked.n):
            raise InputError(
                f"{asked.key!r} has more than {min(_MOST_STRATA, asked.n):,} different values",
                hint="Draw at least as many as there are values, or stratify by a key with few.",
            )
        drawing.add(value, _priority(asked.seed, item.id), read, item)
    _check(asked, sizes, keys, source, lenient=lenient)
    taken, passed_over = drawing.taken(), 0
    if thinned:
        left = _thinned(taken, asked)
        again = _Drawing(asked.n)
        for one in left:
            again.add(*one)
        passed_over, taken = len(taken) - len(left), again.taken()
    design = _design(asked, taken, sizes, source=source, read=read, passed_over=passed_over)
    return [item for _, _, _, item in sorted(taken, key=lambda one: one[2])], design


def _design(
    asked: SampleRequest, taken: Sequence[_Entry], sizes: Mapping[str, int], *, source: str, read: int, passed_over: int
) -> SamplingDesign:
    counted = Counter(value for value, _, _, _ in taken)
    return SamplingDesign(
        method="random" if asked.key is None else "stratified",
        n=len(taken),
        asked=asked.n,
        seed=asked.seed,
        source=source,
        source_n=read,
        population=sum(sizes.values()),
        key=asked.key,
        strata={} if asked.key is None else {name: Stratum(sizes[name], counted[name]) for name in sorted(sizes)},
        where=dict(asked.where),
        negative=asked.negative,
        distinct=asked.distinct,
        per_conversation=asked.per_conversation,
        passed_over=passed_over,
    )


def next_of(ids: Iterable[str], n: int, *, seed: int = 1) -> list[str]:
    """The n ids that a random draw takes next, in its order."""
    return sorted(ids, key=lambda id: _priority(seed, id))[:n]


def drawn_within(design: SamplingDesign | None, drawn: str | None) -> str | None:
    """How an item came to be labelled, all in all, that lies in a sample and was then drawn from it.

    A random draw from a sample says what the sample does; a draw for learning, or in strata, stays what it is.

    >>> drawn_within(None, "random")
    'random'
    """
    if design is None:
        return drawn
    if drawn in (None, "random", "all", "repeat") or (design.negative and str(drawn).startswith("stratified")):
        return design.drawn
    return drawn


def is_negative(item: Interaction) -> bool:
    """Whether the system's own user disliked the answer, as far as the metadata or a label of the user's says so."""
    if any(label.origin == "user" and label.verdict == "fail" for label in item.labels):
        return True
    return any(_says_bad(item.metadata[key]) for key in FEEDBACK_KEYS if key in item.metadata)


def value_of(item: Interaction, key: str) -> str:
    """The value that an interaction has for a metadata key, as text; "" when it has none."""
    return value_text(item.metadata.get(key))


_Entry = tuple[str, int, int, Interaction]  # stratum, priority, place in the source, item


class _Drawing:
    """The lowest priorities of each stratum, `size` in all, the strata as even as they can be."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[str, list[tuple[int, int, Interaction]]] = {}
        self._given_up: dict[str, int] = {}  # of each stratum, the lowest priority that had to go
        self._n = 0

    def add(self, stratum: str, priority: int, place: int, item: Interaction) -> None:
        """Take an item in, or pass it over."""
        if priority > self._given_up.get(stratum, priority):  # what was given up comes before it
            return
        mine = self._kept.setdefault(stratum, [])
        entry = (-priority, -place, item)  # a heap's first is the smallest, and the highest priority is to go first
        if self._n < self._size:
            heappush(mine, entry)
            self._n += 1
            return
        largest = max(self._kept, key=lambda name: (len(self._kept[name]), name))
        if len(mine) >= len(self._kept[largest]):
            self._given_up[stratum] = -heappushpop(mine, entry)[0]
        else:
            heappush(mine, entry)
            self._given_up[largest] = -heappop(self._kept[largest])[0]

    def taken(self) -> list[_Entry]:
        """What is kept, the lowest priority first."""
        every = [(name, -p, -place, item) for name, heap in self._kept.items() for p, place, item in heap]
        return sorted(every, key=lambda one: one[1:3])


def _priority(seed: int, id: str) -> int:
    digest = hashlib.blake2b(f"{seed}\0{id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _wanted(item: Interaction, asked: SampleRequest) -> bool:
    if any(value_of(item, key) != value for key, value in asked.where.items()):
        return False
    return not asked.negative or is_negative(item)


def _thinned(taken: Sequence[_Entry], asked: SampleRequest) -> list[_Entry]:
    """Without near-duplicates of what comes before, and without too many of one conversation."""
    left = list(taken)
    if asked.distinct:
        from dikast.interactions import near  # loads numpy, which a plain sample need not wait for

        texts = [normal_text(item.input) or normal_text(item.output) for *_, item in left]
        later = {second for _, second in near.near_pairs(texts)}
        first: dict[str, int] = {}
        for at, text in enumerate(texts):
            if first.setdefault(text, at) != at:
                later.add(at)
        left = [one for at, one in enumerate(left) if at not in later]
    if asked.per_conversation is None:
        return left
    counted: dict[str, int] = defaultdict(int)
    kept = []
    for one in left:
        conversation = conversation_of(one[3])
        counted[conversation] += 1
        if not conversation or counted[conversation] <= asked.per_conversation:
            kept.append(one)
    return kept


def _says_bad(value: Json) -> bool:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value < 0
    if isinstance(value, Mapping):
        return any(_says_bad(value[key]) for key in ("value", "score", "rating") if key in value)
    return isinstance(value, str) and value.strip().casefold() in _BAD


def _check(asked: SampleRequest, sizes: Mapping[str, int], keys: set[str], source: str, *, lenient: bool) -> None:
    if not sizes:
        narrowed = [f"{key}={value}" for key, value in asked.where.items()] + ["negative feedback"] * asked.negative
        known = ", ".join(sorted(keys)[:20]) or "none"
        why = f" with {' and '.join(narrowed)}" if narrowed else ""
        raise InputError(
            f"{source!r} has no interaction{why} to draw from",
            hint=f"The metadata keys here are: {known}."
            + (f" Feedback is looked for under {', '.join(FEEDBACK_KEYS)}." if asked.negative else ""),
        )
    if asked.key is not None and set(sizes) == {""} and not lenient:
        known = ", ".join(sorted(keys)[:20]) or "none"
        raise InputError(f"no interaction has the metadata key {asked.key!r}", hint=f"The keys here are: {known}.")
