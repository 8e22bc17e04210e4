"""Which interactions are most alike to one, by the words that they share: BM25 over input and output.

One failure is looked up among many interactions, so that only its own words are counted and nothing is kept. Words
count the more the fewer interactions have them, so that what all share, a template or a greeting, counts for little.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dikast.agreement.texts import tokens
from dikast.records import Interaction, Json, text_of

_SATURATION, _LENGTH = 1.2, 0.75  # k1 and b of Robertson and Zaragoza 2009, doi:10.1561/1500000019, section 3.3
_LONGEST = 8_000  # characters of one text that are looked at
_MOST_WORDS = 1_000  # of the failure that are counted,
_TELLING_WORDS = 60  # of which so many are gone by: the rest are what all texts have


def most_alike(
    failure: Interaction, remarks: Sequence[str], among: Iterable[tuple[int, Interaction]], most: int
) -> list[int]:
    """The numbers of the interactions that are most alike to a failure, the most alike first; at most `most`.

    remarks: what was said of the failure; their words are looked for like its own. A word weighs the more the more of
    these texts (input, output, each remark) have it. among: numbered interactions; those that share no word with it
    are left out.
    """
    said = [_words(text) for text in (*_texts(failure), *remarks)]
    asked = dict(Counter(word for words in said for word in set(words)).most_common(_MOST_WORDS))
    numbers: list[int] = []
    lengths: list[int] = []
    held = {word: _Held(array("q"), array("q")) for word in asked}
    for at, (number, item) in enumerate(among):
        words = tokens("\n".join(text[:_LONGEST] for text in _texts(item)))
        numbers.append(number)
        lengths.append(len(words))
        counted = Counter(words)
        for word in asked.keys() & counted.keys():
            held[word].at.append(at)
            held[word].times.append(counted[word])
    return [numbers[at] for at in _best(asked, held, lengths)[:most]]


class _Held(NamedTuple):
    """Which texts have a word, and how often."""

    at: array[int]
    times: array[int]


def _best(asked: dict[str, int], held: dict[str, _Held], lengths: Sequence[int]) -> list[int]:
    """Places by their score, the best first; of equal ones the earlier."""
    import numpy as np  # which whoever opens no such queue need not wait for

    of_all = np.array(lengths, dtype=np.float64)
    usual = of_all.mean() if any(lengths) else 1.0
    bend = _SATURATION * (1 - _LENGTH + _LENGTH * of_all / usual)
    weights = {
        word: number * math.log1p((len(lengths) - len(held[word].at) + 0.5) / (len(held[word].at) + 0.5))
        for word, number in asked.items()
        if held[word].at
    }
    scores = np.zeros(len(lengths))
    for word in sorted(weights, key=lambda word: (-weights[word], word))[:_TELLING_WORDS]:
        at, times = (np.frombuffer(column, dtype=np.int64) for column in held[word])
        scores[at] += weights[word] * times * (_SATURATION + 1) / (times + bend[at])
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order[: np.count_nonzero(scores)]


def _texts(item: Interaction) -> list[str]:
    values: list[Json] = [item.input, item.output, item.output_a, item.output_b]
    return [text_of(value) for value in values if value is not None]


def _words(text: str) -> list[str]:
    return tokens(text[:_LONGEST])
