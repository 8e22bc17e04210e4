"""What the shape of a distribution says, in words, by rules that are written down.

Scores are put on 0 to 1 by the ends of their scale. High is from 0.7 (4 and 5 of 1-5; 8 to 10 of 1-10), low up to 0.3
(1 and 2; 1 to 3). Groups are the levels themselves on a scale of up to seven, else fifths of the scale. The rules are
tried in this order; the first that holds is the reading.

    too_few      under 20 scores. With 20, a share of one half has a 95 % interval of 30 to 70 %: with fewer, "most"
                 can't be told from "some", which is all that the rules below ask.
    one_value    at least 95 % of the scores are the same value. A good system can look like that, and so does a
                 judge that says the same to everything; the scores alone can't tell.
    two_humped   a hump in the lower and one in the upper part, each side with at least 20 % of the scores, and between
                 them a group with at most half the smaller hump, by a gap of more than two standard deviations of
                 counting noise, sqrt(a + b): many 5 and many 1 are two kinds of task.
    flat         every group holds between a half and one and a half of its even part (10 to 30 % of five): the judge
                 does not tell the levels apart, or guesses.
    healthy      at least 60 % high and at most 20 % low: mostly 4-5 with a few 1-2.
    systemic     at least 60 % at or under the middle of the scale: mostly 2-3, a trouble in prompt, model or agent.
    mixed        none of these.

Pass/fail, and a scale of two levels, has no humps: one_value as above; healthy from 80 % passes, where the fails are
few enough to be read one by one; systemic where the fails are more than half; mixed between.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Shape = Literal["too_few", "one_value", "two_humped", "flat", "healthy", "systemic", "mixed", "no_shape"]

ENOUGH = 20
ONE_VALUE = 0.95
HIGH, LOW = 0.7, 0.3
MOSTLY, FEW = 0.60, 0.20
MOSTLY_PASS = 0.80
_MOST_LEVELS = 7
_FIFTHS = 5
_ROUNDING = 1e-9

_SYSTEMIC = (
    "Mostly low: rather one trouble in the prompt, the model or the agent than many single ones. "
    "Find it before reading on; or the judge is too strict."
)
_TWO_HUMPED = (
    "Two humps, many high and many low: probably two kinds of task in one set. "
    "Look at each kind apart, by its dimensions."
)
_FLAT = (
    "Evenly spread over the whole scale: the judge may not tell the levels apart, or guess. "
    "Check it on items that you know to be good and bad."
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a distribution's shape is called, and what that means for the reader."""

    shape: Shape
    words: str


def read_pass_fail(passed: int, failed: int) -> Reading:
    """The reading of passes and fails."""
    n = passed + failed
    if n < ENOUGH:
        return _too_few(n)
    if max(passed, failed) >= ONE_VALUE * n:
        word = "pass" if passed > failed else "fail"
        return _one_value(f'"{word}"', max(passed, failed), n)
    if failed > n / 2:
        return Reading("systemic", _SYSTEMIC)
    if passed >= MOSTLY_PASS * n:
        return Reading("healthy", "Mostly passes with some fails: read the fails one by one.")
    return Reading("mixed", "Passes prevail, but fails are common: look at the dimensions for where they gather.")


def read_scores(counts: Mapping[float, int], scale: tuple[float, float] | None) -> Reading:
    """The reading of numbers on a scale (its worst and best value); None when the scale isn't known."""
    n = sum(counts.values())
    if n < ENOUGH:
        return _too_few(n)
    value, count = max(counts.items(), key=lambda item: item[1])
    if count >= ONE_VALUE * n:
        return _one_value(f"{value:g}", count, n)
    if scale is None:
        return Reading("no_shape", "The ends of the scale are not known, so high and low can't be told apart.")
    if abs(scale[1] - scale[0]) == 1 and set(counts) <= set(scale):
        return read_pass_fail(counts.get(scale[1], 0), counts.get(scale[0], 0))
    return _read_groups(counts, scale, n)


def _read_groups(counts: Mapping[float, int], scale: tuple[float, float], n: int) -> Reading:
    positions = [(_position(value, scale), count) for value, count in counts.items()]
    groups = _groups(counts, scale)
    high = sum(count for position, count in positions if position >= HIGH - _ROUNDING)
    low = sum(count for position, count in positions if position <= LOW + _ROUNDING)
    if _two_humped(groups):
        return Reading("two_humped", _TWO_HUMPED)
    even = n / len(groups)
    if 0.5 * even <= min(groups) and max(groups) <= 1.5 * even:
        return Reading("flat", _FLAT)
    if high >= MOSTLY * n and low <= FEW * n:
        return Reading("healthy", "Mostly high with a few low ones: read the low ones one by one.")
    if sum(count for position, count in positions if position <= 0.5 + _ROUNDING) >= MOSTLY * n:
        return Reading("systemic", _SYSTEMIC)
    return Reading("mixed", "No clear shape: look at the dimensions for what high and low scores have in common.")


def _too_few(n: int) -> Reading:
    return Reading("too_few", f"Too few to read a shape: {n} scored, {ENOUGH} are needed.")


def _one_value(value: str, count: int, n: int) -> Reading:
    how_many = "All" if count == n else f"{count:,} of {n:,}"
    words = f"{how_many} are {value}. Either the answers are alike, or the judge says the same to everything."
    return Reading("one_value", f"{words} Try it on a few that you know to be different.")


def _position(value: float, scale: tuple[float, float]) -> float:
    """Where a value lies on its scale: 0 at the worst, 1 at the best; values outside count as its end."""
    worst, best = scale
    return min(1.0, max(0.0, (value - worst) / (best - worst)))


def _groups(counts: Mapping[float, int], scale: tuple[float, float]) -> list[int]:
    """The counts by level, where there are few, or by fifth, from worst to best."""
    steps = float(abs(scale[1] - scale[0]))
    by_level = steps.is_integer() and steps < _MOST_LEVELS and all(value.is_integer() for value in counts)
    groups = [0] * (int(steps) + 1 if by_level else _FIFTHS)
    for value, count in counts.items():
        position = _position(value, scale)
        group = round(position * steps) if by_level else math.floor(position * _FIFTHS + _ROUNDING)
        groups[min(len(groups) - 1, group)] += count
    return groups


def _two_humped(groups: list[int]) -> bool:
    """Whether two humps stand on both sides of a valley; see the module's rules."""
    n = sum(groups)
    for at, valley in enumerate(groups[1:-1], start=1):
        left, right = groups[:at], groups[at + 1 :]
        hump = min(max(left), max(right))
        sides = min(sum(left), sum(right))
        if sides >= FEW * n and 2 * valley <= hump and hump - valley > 2 * math.sqrt(hump + valley):
            return True
    return False
