"""Examples for each interaction, found in a judge's pool: those most like it, from both sides of the scale.

What is shown must not give the verdict away: an interaction is never an example for itself, nor is one that asks the
same or is nearly the same. And it must not lean: sides of the scale take turns, so that examples never stand on one
side alone where the pool has both. They are taken only so far as they leave room for the answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from dikast.errors import JudgeError
from dikast.interactions.near import NEAR, jaccard, shingles_of
from dikast.interactions.units import unit_of
from dikast.judges.criteria import Example, PoolExample
from dikast.judges.rendering import lacking, render
from dikast.models.embedding import Embedder
from dikast.models.endpoint import Message
from dikast.models.lengths import most_tokens
from dikast.records import Interaction, text_of

if TYPE_CHECKING:
    from dikast.judges.definition import Judge

CountTokens = Callable[[tuple[Message, ...]], Awaitable[int | None]]

_ROOM_UNKNOWN = 4096  # tokens for examples where nobody says what the model can take
_PARTS = ("input", "context", "reference", "output", "output_a", "output_b")
_LOOKED_AT = 4  # candidates for each place, before a place is left empty because none fits
_DIGITS = 4  # of likeness: what differs less is taken in the pool's order, on every machine alike


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What a prompt may take.

    context: tokens of the model; None where unknown. count: by its own tokenizer, where the endpoint tells.
    """

    context: int | None = None
    count: CountTokens | None = None


class Retriever:
    """Finds examples for a judge's interactions. Make it with `Retriever.open`."""

    def __init__(self, judge: Judge, embedder: Embedder, vectors: NDArray[np.float32], room: Room) -> None:
        self._judge, self._embedder, self._vectors, self._room = judge, embedder, vectors, room
        pool = judge.pool
        self._sides = sides(judge, pool)
        self._shingles: dict[int, frozenset[int]] = {}
        units = [unit_of(_as_interaction(one)) for one in pool]
        # Where much of the pool says the same, the input is a form and what is judged stands in the output alone.
        common = {unit for unit, count in Counter(units).items() if count > max(2, len(pool) / 4)}
        self._units = [None if unit in common else unit for unit in units]

    @classmethod
    async def open(cls, judge: Judge, embedder: Embedder, room: Room) -> Retriever:
        """A retriever over a judge's pool. Raises JudgeError where the embedder is not the one it was built with."""
        retrieve = judge.retrieve
        if retrieve is None:
            raise TypeError(f"judge {judge.name!r} retrieves no examples")
        if retrieve.fingerprint not in (None, embedder.fingerprint):
            raise JudgeError(
                f"retrieve.fingerprint: is {retrieve.fingerprint!r}, and {retrieve.by} is now {embedder.fingerprint!r}",
                hint="Other weights find other examples: take the line out, and measure the judge again.",
            )
        return cls(judge, embedder, await embedder.embed([likeness_text(one) for one in judge.pool]), room)

    async def examples_for(self, interaction: Interaction) -> tuple[PoolExample, ...]:
        """The examples for one interaction, the most alike last, next to it. Raises EndpointError."""
        if lacking(self._judge, interaction):
            return ()
        (vector,) = await self._embedder.embed([likeness_text(interaction)])
        likeness = np.round(self._vectors @ vector, _DIGITS)
        order = [int(at) for at in np.lexsort((np.arange(len(likeness)), -likeness))]
        chosen = await self._fitting(interaction, self._allowed(interaction, order))
        if len({self._sides[at] for at in chosen}) == 1 and len(set(self._sides)) > 1:
            return ()  # one side alone would lean
        return tuple(self._judge.pool[at] for at in sorted(chosen, key=order.index, reverse=True))

    async def close(self) -> None:
        """Let go of the embedder."""
        await self._embedder.close()

    def _allowed(self, interaction: Interaction, order: Sequence[int]) -> Iterator[int]:
        """The pool by likeness, without what would give the verdict away."""
        unit, shown = unit_of(interaction), shingles_of(_all_of(interaction))
        for at in order:
            one = self._judge.pool[at]
            if one.id == interaction.id or self._units[at] == unit:
                continue
            if at not in self._shingles:
                self._shingles[at] = shingles_of(_all_of(one))
            if jaccard(shown, self._shingles[at]) < NEAR:
                yield at

    async def _fitting(self, interaction: Interaction, allowed: Iterator[int]) -> list[int]:
        """Up to k of those allowed, the sides of the scale in turns, as far as there is room."""
        assert self._judge.retrieve is not None
        most = self._judge.retrieve.k
        enough, kinds = most * _LOOKED_AT, len(set(self._sides))
        by_side: dict[str, list[int]] = defaultdict(list)
        for at in allowed:
            by_side[self._sides[at]].append(at)
            if len(by_side) == kinds and all(len(members) >= enough for members in by_side.values()):
                break
        turns = [iter(members[:enough]) for members in by_side.values()]  # the most alike has the first
        room = _Left(self._judge, interaction, self._room)
        chosen: list[int] = []
        while turns and len(chosen) < most:
            for turn in list(turns):
                if len(chosen) == most:
                    break
                for at in turn:
                    if await room.holds([self._judge.pool[each] for each in (*chosen, at)]):
                        chosen.append(at)
                        break
                else:
                    turns.remove(turn)
        return chosen


class _Left:
    """Whether so many examples leave room for one interaction's answer."""

    def __init__(self, judge: Judge, interaction: Interaction, room: Room) -> None:
        assert judge.retrieve is not None
        self._judge, self._interaction, self._room = judge, interaction, room
        self._answer = 16 if judge.fast else judge.settings.max_tokens
        self._own = judge.retrieve.room or (None if room.context is not None else _ROOM_UNKNOWN)
        self._bare: int | None = None

    async def holds(self, examples: Sequence[Example]) -> bool:
        """Whether the prompt with these examples fits. It is counted only where a bound can't tell."""
        prompt = render(self._judge, self._interaction, fast=self._judge.fast, examples=examples)
        bare = render(self._judge, self._interaction, fast=self._judge.fast)
        context, own = self._room.context, self._own
        least = most_tokens(prompt)
        fits = context is None or least + self._answer <= context
        if fits and (own is None or least - most_tokens(bare) <= own):
            return True
        counted = await self._counted(prompt)
        if self._bare is None:
            self._bare = await self._counted(bare)
        fits = context is None or counted + self._answer <= context
        return fits and (own is None or counted - self._bare <= own)

    async def _counted(self, messages: tuple[Message, ...]) -> int:
        counted = await self._room.count(messages) if self._room.count else None
        return most_tokens(messages) if counted is None else counted


def sides(judge: Judge, examples: Sequence[Example]) -> list[str]:
    """On which side of the scale each example stands: its verdict, or above and below the middle of those scores."""
    values = [_value(judge, example) for example in examples]
    if judge.scale.kind != "ordinal":
        return [str(judge.scale.read(value)) for value in values]
    numbers = [judge.scale.number(judge.scale.read(value)) for value in values]
    middle = median(numbers)
    if max(numbers) == middle:  # then those below it are the other side
        return ["upper" if number >= middle else "lower" for number in numbers]
    return ["upper" if number > middle else "lower" for number in numbers]


def likeness_text(item: Interaction | Example) -> str:
    """What likeness is measured by: what was asked and what came of it, without the context, which many may share."""
    parts = (item.input, item.output, item.output_a, item.output_b)
    return "\n".join(text_of(part) for part in parts if part is not None)


def _value(judge: Judge, example: Example) -> str | float:
    """An example's verdict; that of its weakest criterion where the overall is made of criteria."""
    if example.verdict is not None:
        return example.verdict
    return min(example.scores.values(), key=lambda value: judge.scale.number(judge.scale.read(value)))


def _all_of(item: Interaction | Example) -> str:
    return "\n".join(text_of(getattr(item, part)) for part in _PARTS if getattr(item, part) is not None)


def _as_interaction(example: PoolExample) -> Interaction:
    return Interaction(id=example.id, **{part: getattr(example, part) for part in _PARTS})
