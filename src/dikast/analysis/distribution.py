"""How the scores of one criterion are spread: levels or bins with their counts, and what that picture says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dikast.agreement.estimate import Figure
from dikast.analysis.shape import Reading, read_pass_fail, read_scores
from dikast.analysis.tally import ValueTally, proportion

Kind = Literal["pass_fail", "ordinal", "continuous", "category"]
Scale = tuple[float, float]

MAX_LEVELS = 11  # 0 to 10 is the widest scale that is drawn level by level
MAX_CATEGORIES = 20
MAX_CRITERIA = 50
MAX_WORD = 40  # longer strings among the scores are prose, not categories
_BINS = 10
_COMMON_SCALES: tuple[Scale, ...] = ((0, 1), (1, 5), (0, 5), (1, 7), (1, 10), (0, 10), (0, 100))
_PASS_WORDS = {"pass": "pass", "fail": "fail", "true": "pass", "false": "fail"}
_NOT_CRITERIA = {"reasoning", "reason", "critique", "explanation", "rationale"}


@dataclass(frozen=True, slots=True)
class Bin:
    """One level, category or range of values, and how many scores fell into it."""

    label: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """The scores of one criterion.

    `scale` are the worst and best value; `scale_assumed` says that nobody recorded it and it was read off the values.
    `figure` is the pass rate (Wilson) or the mean (Student t), with its interval; None for categories.
    """

    criterion: str
    kind: Kind
    n: int
    bins: tuple[Bin, ...]
    figure: Figure | None
    scale: Scale | None
    scale_assumed: bool
    reading: Reading


class CriterionTally:
    """What a run said under one criterion, counted while it is read."""

    def __init__(self, name: str, scale: Scale | None = None) -> None:
        self.name = name
        self._scale = scale
        self.numbers = ValueTally()
        self._words: Counter[str] = Counter()

    def add(self, value: Any) -> None:
        """Count one score: a number, a boolean, or a word such as "pass"; anything else is not a score."""
        if isinstance(value, bool):
            self._words["pass" if value else "fail"] += 1
        elif isinstance(value, (int, float)):
            if math.isfinite(value):
                self.numbers.add(float(value))
        elif isinstance(value, str) and len(value) <= MAX_WORD:
            word = _PASS_WORDS.get(value.strip().casefold(), value)
            if word in self._words or len(self._words) < MAX_CATEGORIES:
                self._words[word] += 1

    def distribution(self) -> Distribution | None:
        """The picture of what was counted, or None when nothing was a score."""
        if self.numbers.n and self.numbers.n >= self._words.total():
            return _of_numbers(self.name, self.numbers, self._scale)
        if set(self._words) and set(self._words) <= {"pass", "fail"}:
            return pass_fail_distribution(self.name, self._words)
        return _of_words(self.name, self._words) if self._words else None


def is_criterion(name: str) -> bool:
    """Whether a key of `scores` names a criterion and not the judge's prose."""
    return name not in _NOT_CRITERIA


def pass_fail_distribution(name: str, counts: Mapping[str, int]) -> Distribution:
    """Passes and fails as a distribution with its pass rate."""
    passed, failed = counts.get("pass", 0), counts.get("fail", 0)
    n = passed + failed
    rate = proportion(passed, n, "nothing was scored")
    bins = (_bin("pass", passed, n), _bin("fail", failed, n))
    return Distribution(name, "pass_fail", n, bins, rate, None, False, read_pass_fail(passed, failed))


def _of_words(name: str, words: Counter[str]) -> Distribution:
    n = words.total()
    bins = tuple(_bin(word, count, n) for word, count in words.most_common())
    reading = Reading("no_shape", "These are categories without an order, so their spread has no shape to read.")
    return Distribution(name, "category", n, bins, None, None, False, reading)


def _of_numbers(name: str, tally: ValueTally, known: Scale | None) -> Distribution:
    scale = known or assumed_scale(tally.counts)
    levels = _levels(tally.counts, scale)
    bins = _level_bins(tally, levels) if levels else _range_bins(tally, scale)
    return Distribution(
        criterion=name,
        kind="ordinal" if levels else "continuous",
        n=tally.n,
        bins=bins,
        figure=tally.mean_interval(scale),
        scale=scale,
        scale_assumed=known is None,
        reading=read_scores(tally.counts, scale),
    )


def assumed_scale(counts: Mapping[float, int]) -> Scale | None:
    """The narrowest usual scale that holds all values, or None where that can't be told.

    All ones may be the best of 0-1 or the worst of 1-5, and a value outside every usual scale could end anywhere.

    >>> assumed_scale({2.0: 3, 4.0: 1}), assumed_scale({1.0: 9})
    ((1, 5), None)
    """
    lowest, highest = min(counts), max(counts)
    if lowest == highest == 1.0:
        return None
    fitting = (scale for scale in _COMMON_SCALES if scale[0] <= lowest and highest <= scale[1])
    return next(fitting, None)


def _levels(counts: Mapping[float, int], scale: Scale | None) -> list[int] | None:
    """The whole-number levels to draw, or None when the values are not levels."""
    if not all(value.is_integer() for value in counts):
        return None
    ends = [*(scale or ()), *counts]
    bottom, top = min(ends), max(ends)
    return list(range(math.floor(bottom), math.ceil(top) + 1)) if top - bottom < MAX_LEVELS else None


def _level_bins(tally: ValueTally, levels: list[int]) -> tuple[Bin, ...]:
    return tuple(_bin(str(level), tally.counts.get(float(level), 0), tally.n) for level in levels)


def _range_bins(tally: ValueTally, scale: Scale | None) -> tuple[Bin, ...]:
    """Ten ranges of equal width; a value outside the scale counts in the nearest."""
    bottom, top = sorted(scale) if scale else (min(tally.counts), max(tally.counts))
    if bottom == top:
        return (_bin(f"{bottom:g}", tally.n, tally.n),)
    width = (top - bottom) / _BINS
    counts = [0] * _BINS
    for value, count in tally.counts.items():
        counts[min(_BINS - 1, max(0, math.floor((value - bottom) / width)))] += count
    edges = [bottom + width * index for index in range(_BINS + 1)]
    return tuple(
        _bin(f"{edges[index]:.4g}–{edges[index + 1]:.4g}", count, tally.n) for index, count in enumerate(counts)
    )


def _bin(label: str, count: int, n: int) -> Bin:
    return Bin(label, count, count / n if n else 0.0)
