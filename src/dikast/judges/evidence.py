"""What the expert said of interactions, as a judge can be built from it: settled labels, critiques, chosen examples.

Examples are balanced over the verdicts, unlike each other, and carry the expert's own critique. A critique that says
nothing teaches nothing, so such items serve only where a verdict has no better: experts explain their fails, and often
say nothing of what passes, but a judge that is shown only fails learns to fail.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import cycle

import msgspec
import numpy as np
from numpy.typing import NDArray

from dikast.agreement.matching import choose_criterion
from dikast.agreement.settling import settle
from dikast.agreement.texts import tokens
from dikast.errors import DataError
from dikast.judges.criteria import Example, PoolExample
from dikast.records import Interaction, Label, text_of

LEAST_CRITIQUE_WORDS = 4
_BUCKETS = 1 << 12
_SHOWN = ("input", "output", "output_a", "output_b", "context", "reference")

Verdict = str | float


class Evidence(msgspec.Struct, frozen=True):
    """One interaction with the expert's verdict (or score) and critique."""

    interaction: Interaction
    verdict: Verdict
    critique: str

    def as_example(self) -> Example:
        """The same as an example of a judge."""
        shown = {part: getattr(self.interaction, part) for part in _SHOWN}
        return Example(**shown, verdict=self.verdict, critique=self.critique)

    def as_pool_example(self) -> PoolExample:
        """The same as an example of a judge's pool."""
        shown = {part: getattr(self.interaction, part) for part in _SHOWN}
        return PoolExample(**shown, id=self.interaction.id, verdict=self.verdict, critique=self.critique)

    @property
    def likeness_text(self) -> str:
        """What examples are told apart by: what was asked, and what the expert said of the answer."""
        return f"{text_of(self.interaction.input)}\n{self.critique}"

    @property
    def output_text(self) -> str:
        """The output as a model that helps to write rules reads it; both, of a pair."""
        shown = self.interaction
        if shown.is_pair:
            return f"A: {text_of(shown.output_a)}\nB: {text_of(shown.output_b)}"
        return text_of(shown.output)

    @property
    def is_explained(self) -> bool:
        """Whether the critique has enough words to learn from."""
        return len(tokens(self.critique)) >= LEAST_CRITIQUE_WORDS


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to build from.

    scales: those that the scores were given on. unlabelled, several: interactions without a label that counts, and with
    undecided ones. outvoted: those taken on which people differ and the majority's word was taken. criterion: what the
    labels are about, where they say; other_criteria: what else some are about, which was left out.
    """

    evidence: tuple[Evidence, ...]
    scales: frozenset[tuple[float, float]] = frozenset()
    unlabelled: int
    several: int
    outvoted: int = 0
    criterion: str | None = None
    other_criteria: tuple[str, ...] = ()

    @property
    def explained(self) -> tuple[Evidence, ...]:
        """Those with a critique to learn from."""
        return tuple(one for one in self.evidence if one.is_explained)

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many there are of each verdict."""
        return dict(Counter(one.verdict for one in self.evidence))


def gather(
    interactions: Iterable[Interaction],
    labels: Iterable[Label],
    *,
    annotator: str | None = None,
    principal: str | None = None,
) -> Gathered:
    """The labelled interactions, one label each, as `agreement.settling` has it.

    annotator: only this person's labels. principal: whose word binds where people differ. Verdicts in a draw and scores
    that differ are passed over and counted (`several`): a mean of two opinions is nobody's. What the system's users
    said is no expert's label, and is left out. Where labels are about several criteria, those of the one that most
    items have are taken, as a measurement does. Raises DataError when nothing is left.
    """
    items, unlabelled = _with_labels(interactions, labels)
    criterion, others = choose_criterion([label for _, own in items for label in own], None)
    evidence: list[Evidence] = []
    scales: set[tuple[float, float]] = set()
    several = outvoted = 0
    for interaction, own in items:
        given = [one for one in own if one.criterion in (None, criterion) and annotator in (None, one.annotator)]
        settled = settle(given, principal)
        label = settled.label
        if label is None or settled.rule == "mean":
            unlabelled, several = unlabelled + (not given), several + bool(given)
            continue
        outvoted += settled.rule == "majority"
        verdict = label.verdict if label.verdict is not None else label.score
        assert verdict is not None  # a label has one or the other
        if label.scale is not None and label.verdict is None:
            scales.add(label.scale)
        evidence.append(Evidence(interaction, verdict, (label.critique or "").strip()))
    gathered = Gathered(
        evidence=tuple(evidence),
        scales=frozenset(scales),
        unlabelled=unlabelled,
        several=several,
        outvoted=outvoted,
        criterion=criterion,
        other_criteria=others,
    )
    if not evidence:
        raise DataError(
            f"there is no label to learn from ({several} disputed interactions, {unlabelled} without a label)",
            hint="Take one person's labels alone (--annotator), or settle what they differ on."
            if several
            else "Label some interactions, and say for each why it passes or fails.",
        )
    return gathered


def _with_labels(
    interactions: Iterable[Interaction], labels: Iterable[Label]
) -> tuple[list[tuple[Interaction, list[Label]]], int]:
    """The interactions that experts labelled, with their labels; and how many have none."""
    by_item: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        if label.whose == "expert":
            by_item[label.id].append(label)
    items: list[tuple[Interaction, list[Label]]] = []
    unlabelled = 0
    for interaction in interactions:
        own = by_item.get(interaction.id) or [one for one in interaction.labels if one.whose == "expert"]
        unlabelled += not own
        items += [(interaction, own)] if own else []
    return items, unlabelled


def choosable(evidence: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """What can be an example: of each verdict those with a critique; all of them, where none has one."""
    explained = {one.verdict for one in evidence if one.is_explained}
    return tuple(one for one in evidence if one.is_explained or one.verdict not in explained)


def choose_examples(
    evidence: Sequence[Evidence],
    most: int,
    *,
    room: int,
    size: Callable[[Evidence], int],
    vectors: NDArray[np.floating] | None = None,
) -> tuple[Evidence, ...]:
    """At most `most` examples, as many of each verdict as there are, each unlike those chosen before.

    Verdicts take turns, the rarest first. Within one, the first is the most typical (nearest to the mean) and each next
    is the farthest from all chosen so far: farthest-first traversal (Gonzalez 1985,
    doi:10.1016/0304-3975(85)90224-5) on cosine distance of an embedder's vectors, else of TF-IDF. room: what all may
    take together, in the unit of `size`; what is too large is passed over. vectors: of the evidence's `likeness_text`.
    """
    rows = _vectors([one.likeness_text for one in evidence]) if vectors is None else vectors.astype(np.float64)
    by_verdict: dict[Verdict, list[int]] = defaultdict(list)
    can_be = {id(one) for one in choosable(evidence)}
    for index, one in enumerate(evidence):
        if id(one) in can_be:
            by_verdict[one.verdict].append(index)
    turns = [_farthest_first(rows, group) for group in sorted(by_verdict.values(), key=len)]
    chosen: list[int] = []
    left = room
    exhausted = 0
    for turn in cycle(turns):
        if len(chosen) >= most or exhausted >= len(turns):
            break
        fitting = next((index for index in turn if size(evidence[index]) <= left), None)
        if fitting is None:
            exhausted += 1
            continue
        exhausted = 0
        chosen.append(fitting)
        left -= size(evidence[fitting])
    return tuple(evidence[index] for index in chosen)


def cut(text: str, most: int) -> str:
    """A text for a model that helps to write rules: the reasons are what is learnt from, so a long text is cut."""
    return text if len(text) <= most else f"{text[:most]} [...]"


def _vectors(texts: Sequence[str]) -> NDArray[np.float64]:
    """TF-IDF over hashed words, rows of length 1, shape (n_texts, _BUCKETS)."""
    counts = np.zeros((len(texts), _BUCKETS))
    bucket = cache(_bucket)
    for row, text in enumerate(texts):
        held = np.fromiter(map(bucket, tokens(text)), np.intp)
        counts[row] = np.bincount(held, minlength=_BUCKETS)
    seen = (counts > 0).sum(axis=0)
    weighted: NDArray[np.float64] = np.log1p(counts) * np.log((1 + len(texts)) / (1 + seen))
    norms = np.linalg.norm(weighted, axis=1, keepdims=True)
    weighted /= np.where(norms > 0, norms, 1.0)
    return weighted


def _bucket(word: str) -> int:
    """The same on every machine and in every process, which hash() is not."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % _BUCKETS


def _farthest_first(vectors: NDArray[np.float64], group: Sequence[int]) -> Iterator[int]:
    """The group in order; each next one is only looked for when it is asked for."""
    rows = vectors[list(group)]
    following = int(np.argmax(rows @ rows.mean(axis=0)))
    nearest = np.full(len(group), -np.inf)  # each one's likeness to the nearest that is chosen
    for _ in group:
        yield group[following]
        nearest = np.maximum(nearest, rows @ rows[following])
        nearest[following] = np.inf
        following = int(np.argmin(nearest))
