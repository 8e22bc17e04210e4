"""Other examples for a judge, from the pool alone: never from the interactions that it is tried or measured on.

Examples work by likeness, so the pool item that is most like an interaction on which judge and expert differ may help,
and an example may mislead that is like those which the judge gave the example's verdict, wrongly.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

import msgspec

from dikast.agreement.texts import tokens
from dikast.errors import JudgeError
from dikast.judges.criteria import Example
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence
from dikast.judges.variants import Variant
from dikast.records import Json, Verdict, content_hash, text_of

MOST_OF_A_WAY = 2
MOST_EXAMPLES = 8

Vector = dict[str, float]


class Disagreement(msgspec.Struct, frozen=True):
    """An interaction on which the judge and the expert differ."""

    evidence: Evidence
    verdict: Verdict

    @property
    def said(self) -> Json:
        """What the judge said."""
        return self.verdict.verdict if self.verdict.verdict is not None else self.verdict.overall


class Likeness:
    """How alike texts are: the cosine of their TF-IDF, words weighted by how rare they are among those given."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = Counter(word for text in texts for word in set(tokens(text)))
        self._rarity = {word: math.log((1 + len(texts)) / n) for word, n in counted.items()}

    def vector(self, text: str) -> Vector:
        """A text's words with their weights; of length 1, or empty."""
        counts = Counter(word for word in tokens(text) if word in self._rarity)
        weighted = {word: math.log1p(n) * self._rarity[word] for word, n in counts.items()}
        norm = math.sqrt(sum(weight * weight for weight in weighted.values()))
        return {word: weight / norm for word, weight in weighted.items()} if norm else {}


def cosine(first: Vector, second: Vector) -> float:
    """1 for the same words, 0 for none in common."""
    short, long = sorted((first, second), key=len)
    return sum(weight * long.get(word, 0.0) for word, weight in short.items())


def usable_pool(pool: Sequence[Evidence], tried_on: Sequence[Evidence], judge: Judge) -> list[Evidence]:
    """The pool items that may be shown: explained, for a judge of this kind, and neither those tried on nor like them.

    Near-duplicates of what it is tried on are passed over too: they would tell the answer.
    """
    from dikast.interactions.near import near_pairs

    ids = {one.interaction.id for one in tried_on}
    contents = {content_hash(one.interaction) for one in tried_on}
    free = [
        one
        for one in pool
        if one.interaction.id not in ids
        and content_hash(one.interaction) not in contents
        and one.is_explained
        and one.interaction.is_pair == (judge.mode == "pairwise")
        and (judge.mode != "reference" or one.interaction.reference is not None)
    ]
    texts = [f"{text_of(one.interaction.input)}\n{one.output_text}" for one in (*free, *tried_on)]
    near = {min(pair) for pair in near_pairs(texts) if max(pair) >= len(free)}
    return [one for at, one in enumerate(free) if at not in near]


def example_swaps(
    judge: Judge, found: Sequence[Disagreement], right: Sequence[Disagreement], pool: Sequence[Evidence]
) -> list[Variant]:
    """Judges with one example more, another in its place, or one less: the few that promise most.

    found, right: interactions on which judge and expert differ, and agree. pool: see `usable_pool`.
    """
    if judge.template is not None and "examples" not in judge.template.names:
        return []
    shown = {_text(one) for one in judge.examples}
    free = [one for one in pool if _text(one.as_example()) not in shown]
    likeness = Likeness([*(_text(one.as_example()) for one in free), *shown, *(_text_of(each) for each in found)])
    suspects = _suspects(judge, found, right, likeness)[:MOST_OF_A_WAY]
    coming = _most_alike(found, free, likeness)[:MOST_OF_A_WAY]
    made = [without_example(judge, at) for at in suspects]
    if len(judge.examples) < MOST_EXAMPLES:
        made += _possible(partial(with_example, judge, one) for one in coming)
    made += _possible(partial(swapped, judge, out, one) for out, one in zip(suspects, coming, strict=False))
    return made


def _possible(makers: Iterable[Callable[[], Variant]]) -> list[Variant]:
    """Those that can be made: a verdict alone is no example where the overall comes from the criteria's scores."""
    made = []
    for make in makers:
        with suppress(JudgeError):
            made.append(make())
    return made


def nearest_in_pool(found: Sequence[Disagreement], judge: Judge, pool: Sequence[Evidence], most: int) -> list[Evidence]:
    """The pool items most like the disagreements, each once, the most alike first."""
    shown = {_text(one) for one in judge.examples}
    free = [one for one in pool if _text(one.as_example()) not in shown]
    likeness = Likeness([*(_text(one.as_example()) for one in free), *(_text_of(each) for each in found)])
    return _most_alike(found, free, likeness)[:most]


def without_example(judge: Judge, at: int) -> Variant:
    """The judge without its example `at` (from 0)."""
    rest = judge.examples[:at] + judge.examples[at + 1 :]
    return Variant(f"without example {at + 1}", msgspec.structs.replace(judge, examples=rest), "example")


def with_example(judge: Judge, one: Evidence) -> Variant:
    """The judge with a pool item as one example more."""
    changed = msgspec.structs.replace(judge, examples=(*judge.examples, example_for(judge, one)))
    return Variant(f"{one.interaction.id} as one example more", changed, "example")


def swapped(judge: Judge, at: int, one: Evidence) -> Variant:
    """The judge with a pool item in place of its example `at` (from 0)."""
    examples = (*judge.examples[:at], example_for(judge, one), *judge.examples[at + 1 :])
    what = f"{one.interaction.id} in place of example {at + 1}"
    return Variant(what, msgspec.structs.replace(judge, examples=examples), "example")


def example_for(judge: Judge, one: Evidence) -> Example:
    """A pool item as an example of this judge, without a context or reference where its others have none."""
    made = one.as_example()
    if judge.examples and all(each.context is None for each in judge.examples):
        made = msgspec.structs.replace(made, context=None)
    return made


def _suspects(
    judge: Judge, found: Sequence[Disagreement], right: Sequence[Disagreement], likeness: Likeness
) -> list[int]:
    """Examples by how much more like the wrong verdicts of their own kind they are than like the right ones."""

    def pull(vector: Vector, said: Json, items: Sequence[Disagreement]) -> float:
        same = [cosine(vector, likeness.vector(_text_of(each))) for each in items if each.said == said]
        return sum(sorted(same)[-3:])

    scored = []
    for at, example in enumerate(judge.examples):
        vector = likeness.vector(_text(example))
        wrongly, rightly = (pull(vector, example.verdict, items) for items in (found, right))
        scored.append((rightly - wrongly, at))
    return [at for _, at in sorted(scored)]


def _most_alike(found: Sequence[Disagreement], free: Sequence[Evidence], likeness: Likeness) -> list[Evidence]:
    """For each disagreement the pool item of the expert's verdict that is most like it; the most alike first."""
    vectors = [likeness.vector(_text(one.as_example())) for one in free]
    best: dict[int, float] = {}
    for each in found:
        own = likeness.vector(_text_of(each))
        same = [(cosine(own, vectors[at]), -at) for at, one in enumerate(free) if one.verdict == each.evidence.verdict]
        if same:
            value, at = max(same)
            best[-at] = best.get(-at, 0.0) + value
    return [free[at] for at in sorted(best, key=lambda at: (-best[at], at))]


def _text_of(each: Disagreement) -> str:
    return f"{text_of(each.evidence.interaction.input)}\n{each.evidence.output_text}"


def _text(example: Example) -> str:
    outputs = (example.output, example.output_a, example.output_b)
    return "\n".join([text_of(example.input), *(text_of(one) for one in outputs if one is not None)])
