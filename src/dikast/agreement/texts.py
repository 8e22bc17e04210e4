"""What trivial baselines see of a text: its length, its words, its character n-grams. No language is assumed.

Chinese, Japanese and Thai have no spaces between words: runs of such characters count as overlapping pairs of
characters, everything else as words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # kana and Han
)
_TOKEN = re.compile(rf"[{_UNSPACED}]+|[^\W{_UNSPACED}]+")
_PLAIN = bytes(ord(chr(code).lower()) if _TOKEN.match(chr(code)) else ord(" ") for code in range(128)).ljust(256)
_RUN = re.compile(rf"[{_UNSPACED}]")
_LONGEST = 50_000  # characters of one text that the baselines look at

# Under 10,000, from which on OpenBLAS hands every dot product to threads, which stalls on a busy machine.
_BUCKETS = 1 << 13
_NGRAMS = (2, 3, 4)

NOVELTY = [0, 1, 3, 6, 9]
"""Of `Texts.features`: length, and what is new against input, context and reference."""


def tokens(text: str) -> list[str]:
    """Words, and pairs of characters where words aren't spaced.

    >>> tokens("Die Katze 貓坐在 mat")
    ['die', 'katze', '貓坐', '坐在', 'mat']
    """
    text = text[:_LONGEST]
    if text.isascii():
        return text.encode().translate(_PLAIN).decode().split()  # the same words, several times as fast
    runs: list[str] = _TOKEN.findall(text.casefold())
    if not _RUN.search(text):
        return runs
    found: list[str] = []
    for run in runs:
        if len(run) > 1 and _RUN.match(run):
            found.extend(map(add, run, run[1:]))  # characters, added to the one that follows
        else:
            found.append(run)
    return found


@dataclass(frozen=True)
class Texts:
    """One item's texts as a baseline sees them; empty where there are none."""

    output: str
    input: str = ""
    context: str = ""
    reference: str = ""

    @cached_property
    def features(self) -> tuple[float, ...]:
        """Length (log of characters and tokens), then for input, context and reference: overlap, novelty, coverage."""
        said = tokens(self.output)
        values = [np.log1p(len(self.output)), np.log1p(len(said))]
        for source in (self.input, self.context, self.reference):
            values.extend(_overlap(said, tokens(source)))
        return tuple(float(value) for value in values)

    @property
    def length(self) -> float:
        """The log of the output's length in characters."""
        return float(np.log1p(len(self.output)))


def _overlap(said: Sequence[str], source: Sequence[str]) -> tuple[float, float, float]:
    """Of the output's tokens, the share found in the source; of its token pairs, not found; of the source's, used."""
    if not said or not source:
        return 0.0, 0.0, 0.0
    words, known = set(said), set(source)
    pairs, known_pairs = set(pairwise(said)), set(pairwise(source))
    novelty = len(pairs - known_pairs) / len(pairs) if pairs else 0.0
    return len(words & known) / len(words), novelty, len(words & known) / len(known)


def ngram_counts(texts: Sequence[str]) -> Any:
    """log(1 + count) of each text's character 2- to 4-grams in hashed buckets: a sparse matrix of shape (n, 8192)."""
    from scipy.sparse import csr_matrix

    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        buckets, counts = np.unique(_hashes(text[:_LONGEST]), return_counts=True)
        rows.append(np.full(buckets.size, row))
        columns.append(buckets)
        values.append(np.log1p(counts))
    flat = (np.concatenate(part) if part else np.empty(0) for part in (values, rows, columns))
    data, row_index, column_index = flat
    return csr_matrix((data, (row_index, column_index)), shape=(len(texts), _BUCKETS))


def _hashes(text: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A bucket for each n-gram: a polynomial hash over code points, mixed so that low bits carry all of it."""
    points = np.frombuffer(text.casefold().encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    found = [np.empty(0, dtype=np.uint64)]
    for size in _NGRAMS:
        if points.size >= size:
            rolled = np.full(points.size - size + 1, size, dtype=np.uint64)
            for offset in range(size):
                rolled = rolled * np.uint64(0x9E3779B97F4A7C15) + points[offset : points.size - size + 1 + offset]
            found.append((rolled ^ (rolled >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(51))
    return np.concatenate(found)
