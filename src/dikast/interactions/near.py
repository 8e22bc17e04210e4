"""Near-duplicates among many texts: MinHash signatures, candidates by bands, each checked by its Jaccard similarity.

Shingles are five characters, two where a text is written without spaces (Chinese, Japanese). One hash a shingle fills
a signature of 64 bins (one-permutation hashing with rotation: Shrivastava and Li 2014, arXiv 1406.4784), of which 16
bands of 4 find a pair of similarity 0.8 with a probability of 0.9998.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

NEAR = 0.8
"""Texts whose sets of shingles have at least this Jaccard similarity are near-duplicates."""

_Hashes = npt.NDArray[np.uint64]

_BINS, _BAND = 64, 4
_ODD = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: multiplies spread by it
_LONG, _SHORT = 5, 2
_WITHOUT_SPACES = 0x2E80  # from here on: CJK and its neighbours
_BATCH_CHARACTERS = 4_000_000
_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_NEIGHBOURS = 3  # of a bucket, each member is compared with so many before it, and with the first
_MOST_CHARACTERS = 20_000  # of a text; what is alike so far is near enough


def near_pairs(
    texts: Sequence[str], *, threshold: float = NEAR, without: frozenset[int] = frozenset()
) -> list[tuple[int, int]]:
    """Pairs of positions of texts that are near-duplicates. Not every pair of a larger cluster, but enough to join it.

    without: shingles (as hashes) that don't count, such as those of a template.
    """
    signatures = np.concatenate([_signatures(batch, without) for batch in _batches(texts)]) if texts else _no_bins()
    pairs = _candidates(signatures)
    if not len(pairs):
        return []
    likeness = np.zeros(len(pairs))
    for start in range(0, len(pairs), 100_000):
        some = pairs[start : start + 100_000]
        likeness[start : start + 100_000] = (signatures[some[:, 0]] == signatures[some[:, 1]]).mean(axis=1)
    # The estimate's standard error is 0.05 at 64 bins, so what is well below needs no exact look.
    likely = pairs[likeness >= threshold - 0.2]
    known: dict[int, frozenset[int]] = {}

    def shingles(at: int) -> frozenset[int]:
        if at not in known:
            known[at] = shingles_of(texts[at]) - without
        return known[at]

    return [(int(a), int(b)) for a, b in likely if jaccard(shingles(int(a)), shingles(int(b))) >= threshold]


def shingles_of(text: str) -> frozenset[int]:
    """The hashes of a text's shingles; of a text that is shorter than one, the hash of all of it."""
    hashes, _ = _hashes([text])
    return frozenset(hashes.tolist())


def jaccard(first: frozenset[int], second: frozenset[int]) -> float:
    """How much of two sets is shared; 0 where both are empty.

    >>> jaccard(frozenset({1, 2, 3}), frozenset({2, 3, 4}))
    0.5
    """
    union = len(first | second)
    return len(first & second) / union if union else 0.0


def _no_bins() -> _Hashes:
    return np.zeros((0, _BINS), dtype=np.uint64)


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += min(len(text), _MOST_CHARACTERS)
        if size > _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hashes(texts: Sequence[str]) -> tuple[_Hashes, npt.NDArray[np.int64]]:
    """The hash of every shingle of every text, and whose each is."""
    encoded = [np.frombuffer(text[:_MOST_CHARACTERS].encode("utf-32-le"), dtype=np.uint32) for text in texts]
    lengths = np.array([len(one) for one in encoded], dtype=np.int64)
    # Behind each text, zeros, so that no shingle reaches into the next one.
    padded = [part for one in encoded for part in (one, np.zeros(_LONG, dtype=np.uint32))]
    letters = np.concatenate(padded).astype(np.uint64)
    starts = np.concatenate([[0], np.cumsum(lengths + _LONG)[:-1]])
    owner = np.repeat(np.arange(len(texts)), lengths + _LONG)
    at = np.arange(len(letters)) - starts[owner]
    left = lengths[owner] - at
    short = letters >= _WITHOUT_SPACES
    size = np.minimum(np.where(short, _SHORT, _LONG), lengths[owner])
    keep = (left >= size) & (left > 0)
    total = np.zeros(len(letters), dtype=np.uint64)
    for offset in range(_LONG):
        shifted = np.concatenate([letters[offset:], np.zeros(offset, dtype=np.uint64)])
        total = np.where(offset < size, _mixed(total * np.uint64(_ODD) + shifted), total)
    return total[keep], owner[keep]


def _mixed(values: _Hashes) -> _Hashes:
    """Spread each value over all 64 bits (the finaliser of MurmurHash3)."""
    values = (values ^ (values >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    return (values ^ (values >> np.uint64(29))) * np.uint64(0xC4CEB9FE1A85EC53)


def _signatures(texts: Sequence[str], without: frozenset[int]) -> _Hashes:
    hashes, owner = _hashes(texts)
    if without:
        counted = ~np.isin(hashes, np.fromiter(without, dtype=np.uint64, count=len(without)))
        hashes, owner = hashes[counted], owner[counted]
    bins = np.full(len(texts) * _BINS, _EMPTY)
    slot = owner * _BINS + (hashes >> np.uint64(58)).astype(np.int64)
    np.minimum.at(bins, slot, hashes)
    return _filled(bins.reshape(len(texts), _BINS))


def _filled(bins: _Hashes) -> _Hashes:
    """Empty bins take the value of the next one that isn't, with the distance in it; a text without any keeps none."""
    filled = bins.copy()
    for distance in range(1, _BINS):
        empty = filled == _EMPTY
        if not empty.any():
            break
        lent = np.roll(bins, -distance, axis=1)
        lent = np.where(lent == _EMPTY, _EMPTY, lent + np.uint64(distance * _ODD % 2**64))
        filled = np.where(empty, lent, filled)
    return filled


def _candidates(signatures: _Hashes) -> npt.NDArray[np.int64]:
    """Pairs that share a band: each member of a bucket with the first one and with those just before it."""
    found: list[npt.NDArray[np.int64]] = []
    usable = np.flatnonzero((signatures != _EMPTY).any(axis=1))
    for band in range(_BINS // _BAND):
        key = np.zeros(len(usable), dtype=np.uint64)
        for column in range(band * _BAND, (band + 1) * _BAND):
            key = _mixed(key * np.uint64(_ODD) + signatures[usable, column])
        order = np.argsort(key, kind="stable")
        key, members = key[order], usable[order]
        starts = np.ones(len(key), dtype=bool)
        starts[1:] = key[1:] != key[:-1]
        leader = members[np.maximum.accumulate(np.where(starts, np.arange(len(key)), 0))] if len(key) else members
        found.append(np.stack([leader[~starts], members[~starts]], axis=1))
        for back in range(1, _NEIGHBOURS + 1):
            same = np.flatnonzero(key[back:] == key[:-back]) + back
            found.append(np.stack([members[same - back], members[same]], axis=1))
    pairs = np.sort(np.concatenate(found), axis=1)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return np.unique(pairs, axis=0) if len(pairs) else pairs
