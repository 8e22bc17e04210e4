"""What a judge says again and again: critiques grouped by like wording, and sentences repeated word for word.

Groups show what goes wrong most. The same sentence over and over shows a judge that may not read what it judges.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SAMPLE = 1_500  # grouping compares all pairs; the sample's shares are within 2.6 points of the run's (95 %)
ALIKE = 0.4  # cosine of TF-IDF; measured on paraphrased critiques, see tests/analysis/test_reasons.py
MAX_DISTINCT = 100_000
SMELL_SHARE, SMELL_COUNT = 0.2, 10  # a fifth of all critiques in the same words, and not by chance among a few
_FAILS_SHOWN, _GROUPS_SHOWN, _REPEATED_SHOWN = 8, 12, 5
_MOST_GROUPS = 60
_LONGEST = 2_000
_WORD = re.compile(r"[^\W\d_]+|\d+", re.UNICODE)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")


@dataclass(frozen=True, slots=True)
class Repeated:
    """A critique that was given word for word (case and spaces apart) `count` times."""

    text: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Group:
    """Critiques of like wording: the most typical one, how many of the sample, by outcome, and a few ids."""

    text: str
    count: int
    share: float
    outcomes: dict[str, int]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reasons:
    """The critiques of a run: how many, the groups found in `sampled` of them, and what was repeated word for word.

    `smell` says, in words, when one sentence stands for so many verdicts that the judge may not be reading.
    `distinct_limit_reached`: so many different critiques came that late repetitions may have been missed.
    """

    n: int
    without: int
    sampled: int
    groups: tuple[Group, ...]
    repeated: tuple[Repeated, ...]
    smell: str | None
    distinct_limit_reached: bool


@dataclass(frozen=True, slots=True)
class _Critique:
    id: str
    text: str
    outcome: str


class ReasonTally:
    """Counts critiques while a run is read, and keeps a sample to group.

    The sample is the SAMPLE critiques whose ids hash lowest: random, the same each time, and whatever the order.
    """

    def __init__(self) -> None:
        self._n = 0
        self._without = 0
        self._counts: dict[bytes, int] = {}
        self._texts: dict[bytes, str] = {}
        self._sample: list[tuple[int, int, _Critique]] = []

    def add(self, id: str, critique: str | None, outcome: str) -> None:
        """Count one critique and what it argued for ("fail", "2")."""
        if critique is None:
            self._without += 1
            return
        self._n += 1
        text = critique[:_LONGEST]
        self._count(" ".join(text.casefold().split()), text)
        rank = int.from_bytes(_digest(id))
        if len(self._sample) < SAMPLE:
            heapq.heappush(self._sample, (-rank, self._n, _Critique(id, text, outcome)))
        elif -rank > self._sample[0][0]:
            heapq.heapreplace(self._sample, (-rank, self._n, _Critique(id, text, outcome)))

    def reasons(self) -> Reasons:
        """What was found, the most frequent first, but groups that argued for a fail before all others."""
        repeated = self._repeated()
        sample = [critique for _, _, critique in sorted(self._sample, key=lambda entry: entry[1])]
        return Reasons(
            n=self._n,
            without=self._without,
            sampled=len(sample),
            groups=_to_show(_groups(sample)),
            repeated=repeated,
            smell=_smell(repeated),
            distinct_limit_reached=len(self._counts) >= MAX_DISTINCT,
        )

    def _count(self, folded: str, text: str) -> None:
        key = _digest(folded)
        seen = self._counts.get(key)
        if seen is not None:
            self._counts[key] = seen + 1
            if len(self._texts) < SAMPLE:
                self._texts.setdefault(key, text)
        elif len(self._counts) < MAX_DISTINCT:
            self._counts[key] = 1

    def _repeated(self) -> tuple[Repeated, ...]:
        found = sorted(((self._counts[key], text) for key, text in self._texts.items()), key=lambda pair: -pair[0])
        return tuple(Repeated(text, count, count / self._n) for count, text in found[:_REPEATED_SHOWN])


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _smell(repeated: tuple[Repeated, ...]) -> str | None:
    if not repeated or repeated[0].count < SMELL_COUNT or repeated[0].share < SMELL_SHARE:
        return None
    return (
        f"The judge gave the same sentence {repeated[0].count:,} times ({repeated[0].share * 100:.0f} % of its "
        "critiques). A judge that reads what it judges says something of it; check it on a few items by hand."
    )


def words_of(text: str) -> list[str]:
    """The words of a text, and pairs of neighbours; in scripts without spaces each character stands for a word.

    >>> words_of("No source.")
    ['no', 'source', 'no source']
    """
    words: list[str] = []
    for run in _WORD.findall(text.casefold()):
        words.extend(run if _UNSPACED.search(run) else [run])
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _groups(sample: list[_Critique]) -> list[Group]:
    """Groups of at least two: again and again the critique with most like it among those left, and all of these.

    Greedy by neighbourhood, as Daura et al. cluster peptide folds (Angewandte Chemie 38, 1999, 236): deterministic, no
    number of groups to choose, and each has a real critique at its centre.
    """
    if len(sample) < 2:
        return []
    alike = _similarities([critique.text for critique in sample]) >= ALIKE
    left = np.ones(len(sample), dtype=bool)
    found: list[Group] = []
    while len(found) < _MOST_GROUPS:
        neighbours = (alike & left).sum(axis=1) * left
        centre = int(neighbours.argmax())
        if neighbours[centre] < 2:
            break
        members = np.flatnonzero(alike[centre] & left)
        found.append(_group(sample, centre, [int(member) for member in members]))
        left[members] = False
    return found


def _to_show(groups: list[Group]) -> tuple[Group, ...]:
    fails = [group for group in groups if next(iter(group.outcomes)) == "fail"][:_FAILS_SHOWN]
    others = [group for group in groups if next(iter(group.outcomes)) != "fail"]
    return (*fails, *others[: _GROUPS_SHOWN - len(fails)])


def _group(sample: list[_Critique], centre: int, members: list[int]) -> Group:
    outcomes = Counter(sample[member].outcome for member in members)
    return Group(
        text=sample[centre].text,
        count=len(members),
        share=len(members) / len(sample),
        outcomes=dict(outcomes.most_common()),
        ids=tuple(sample[member].id for member in members[:5]),
    )


def _similarities(texts: list[str]) -> NDArray[np.float32]:
    """The cosine of each pair's TF-IDF vectors: (1 + ln tf) · (1 + ln(N / df)), words and pairs of neighbours."""
    from scipy.sparse import csr_matrix

    columns: defaultdict[str, int] = defaultdict(lambda: len(columns))
    rows, places, weights = [], [], []
    for row, text in enumerate(texts):
        for word, count in Counter(words_of(text)).items():
            rows.append(row)
            places.append(columns[word])
            weights.append(1.0 + np.log(count))
    if not places:
        return np.eye(len(texts), dtype=np.float32)
    frequency = np.bincount(places, minlength=len(columns))
    values = np.asarray(weights, dtype=np.float32) * (1.0 + np.log(len(texts) / frequency[places])).astype(np.float32)
    matrix = csr_matrix((values, (rows, places)), shape=(len(texts), len(columns)), dtype=np.float32)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    norms[norms == 0] = 1.0
    matrix = csr_matrix(matrix.multiply((1.0 / norms)[:, None]))
    cosines: NDArray[np.float32] = (matrix @ matrix.T).toarray()
    return cosines
