"""A figure against a bar: pass, fail, or can't tell; and what would tell.

The low end of the interval must reach the bar for a pass, the high end must lie under it for a fail. What was not
judged may be anything, so it widens both ends by its share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil
from typing import Literal

from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, corrected_pass_rate
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.wilson import normal_quantile, wilson

Answer = Literal["pass", "fail", "cant_tell"]

MOST = 20_000
_ENDLESS = 10**9
_HALF_SURE = 0.6  # two-sided, so that 8 of 10 samples lie on the right side


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the variance of a corrected pass rate comes from, as shares of it that add up to 1.

    items: that other items would have been judged. passes, fails: that of those which the judge passed, and failed, it
    is known from a few labels only how many are good.
    """

    items: float
    passes: float
    fails: float


@dataclass(frozen=True, slots=True)
class Sampled:
    """A run, part of which is labelled at random: what its corrected pass rate is made of.

    passed, n: the verdicts on what isn't labelled. shared: the design effect.
    """

    confusion: Confusion
    passed: int
    n: int
    shared: float = 1.0
    level: float = 0.95

    @property
    def total(self) -> int:
        """All items with a verdict."""
        return self.n + self.confusion.n

    def figure(self) -> Estimate | Refused:
        """The corrected pass rate."""
        return corrected_pass_rate(self.confusion, self.passed, self.n, self.level, shared=self.shared)

    def grown(self, labels: float, items: float) -> Sampled:
        """The same with so many labels and items in all, if the shares stay as they are.

        That is of all verdicts those that pass, and of passed and failed ones those that people would pass.
        """
        c = self.confusion
        p = (self.passed + c.tp + c.fp) / self.total
        a = c.tp / (c.tp + c.fp) if c.tp + c.fp else 0.5
        b = c.fn / (c.fn + c.tn) if c.fn + c.tn else 0.5
        shares = (p * a, (1 - p) * b, p * (1 - a), (1 - p) * (1 - b))
        more = Confusion(*(round(labels * share) for share in shares))
        rest = max(0, round(items) - more.n)
        return replace(self, confusion=more, passed=min(rest, round(rest * p)), n=rest)

    def parts(self) -> Parts:
        """Which part of the variance more items, and which more labels under either verdict, would make smaller."""
        c = self.confusion
        m1, m0 = c.tp + c.fp + 2, c.fn + c.tn + 2
        a, b, p = (c.tp + 1) / m1, (c.fn + 1) / m0, (self.passed + c.tp + c.fp + 1) / (self.total + 2)
        items = (a - b) ** 2 * p * (1 - p) / self.total
        passes, fails = p**2 * a * (1 - a) / m1, (1 - p) ** 2 * b * (1 - b) / m0
        whole = items + passes + fails
        return Parts(items / whole, passes / whole, fails / whole)


def answer(low: float, high: float, bar: float) -> Answer:
    """Pass when all of the interval reaches the bar, fail when none of it does.

    >>> answer(0.86, 0.93, 0.85), answer(0.7, 0.8, 0.85), answer(0.8, 0.9, 0.85)
    ('pass', 'fail', 'cant_tell')
    """
    return "pass" if low >= bar else "fail" if high < bar else "cant_tell"


def bounded(
    low: float, high: float, judged: int, unjudged: int, span: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """The ends for all items, when each of those without a verdict may be as bad or as good as can be.

    >>> bounded(0.75, 0.875, 75, 25)
    (0.5625, 0.90625)
    """
    share = judged / (judged + unjudged) if judged + unjudged else 1.0
    return share * low + (1 - share) * span[0], share * high + (1 - share) * span[1]


def what_would_tell(run: Sampled, bar: float, unjudged: int) -> tuple[str, ...]:
    """What would settle a corrected pass rate that can't be told from the bar, the cheapest first, in sentences.

    Counts are such that 8 of 10 samples of that size would settle it, if the rates stay as they are.
    """
    figure = run.figure()
    if isinstance(figure, Refused):
        return ()
    total = run.total

    def settles(labels: float, items: float) -> bool:
        grown = run.grown(labels, items).figure()
        if isinstance(grown, Refused):
            return False
        apart = figure.value - grown.value  # whole counts move the value by what should not decide
        there = replace(grown, value=figure.value, low=grown.low + apart, high=grown.high + apart)
        return _settled(there, bar, unjudged / total)

    have, found = run.confusion.n, list[str]()
    if unjudged and answer(figure.low, figure.high, bar) != "cant_tell":
        return (f"verdicts on the {unjudged:,} items that have none: without them it would be told",)
    labels = _fewest(lambda k: settles(have + k, total), min(MOST, total - have))
    if labels is not None:
        expected = run.grown(labels, total).confusion
        fails = expected.fp + expected.tn
        found.append(f"about {labels:,} more of the run's items labelled at random, of them about {fails:,} fails")
    items = _fewest(lambda k: settles(have, total + k), MOST)
    if items is not None:
        found.append(f"about {items:,} more items judged, with no more labels")
    if labels is None and items is None:
        both = _fewest(lambda k: settles((total + k) * have / total, total + k), MOST)
        every = _fewest(lambda k: settles(total + k, total + k), MOST)
        if both is not None and run.n:
            more = round(both * have / total)
            found.append(f"about {both:,} more items judged, and {more:,} of them labelled at random")
        elif every is not None:
            found.append(f"about {every:,} more items judged and every one labelled")
        else:
            found.append(_beyond(figure, bar, unjudged, total))
    return tuple(found)


def what_would_not(run: Sampled, bar: float) -> str:
    """Why no number of items would tell without more labels; "" where that isn't so."""
    endless = run.grown(run.confusion.n, _ENDLESS).figure()
    if run.n == 0 or isinstance(endless, Refused) or _settled(endless, bar, 0.0):
        return ""
    parts = run.parts()
    said = "passed" if parts.passes >= parts.fails else "failed"
    return (
        f"more items alone would not tell: {100 * (parts.passes + parts.fails):.0f} % of the variance comes from the "
        f"judge's errors, known from {run.confusion.n:,} labels only, and most of that from what it {said}"
    )


def items_would_tell(
    passed: int, n: int, bar: float, unjudged: int, *, level: float = 0.95, shared: float = 1.0
) -> tuple[str, ...]:
    """What would settle a plain share of items, in sentences."""
    p = passed / n

    def settles(more: int) -> bool:
        size = (n + more) / shared
        return _settled(wilson(p * size, size, level), bar, unjudged / n)

    more = _fewest(settles, MOST)
    if more is not None:
        return (f"about {more:,} more items judged",)
    return (_beyond(wilson(p * n, n, level), bar, unjudged, n),)


def scale_would_tell(figure: Figure, bar: float) -> tuple[str, ...]:
    """What would settle a figure whose interval shrinks with the root of what it rests on, in a sentence."""
    times = _times(figure, bar)
    if times is None:
        return ("over a hundred times as many items and labels, as it lies so near the bar",)
    return (f"about {times:.1f} times as many items and labels, drawn in the same way",)


def labels_would_tell(figure: Figure, have: int, of: str, bar: float) -> tuple[str, ...]:
    """What would settle a rate over the items that people passed, or failed, in a sentence."""
    times = _times(figure, bar)
    if times is None:
        return ("over a hundred times as many labels, as it lies so near the bar",)
    return (f"about {max(1, round(have * (times - 1))):,} more items that people {of}, among labels drawn at random",)


def _times(figure: Figure, bar: float) -> float | None:
    """How many times as much would settle a figure; None beyond a hundred."""
    if not isinstance(figure, Estimate) or figure.value == bar:
        return None
    reach = figure.value - figure.low if figure.value > bar else figure.high - figure.value
    times = (reach * _surely(figure.level) / (figure.value - bar)) ** 2
    return max(times, 1.1) if times <= 100 else None


def _surely(level: float) -> float:
    """How much further than its interval a figure must lie from the bar for 8 of 10 samples to settle it."""
    return 1 + normal_quantile(_HALF_SURE) / normal_quantile(level)


def _settled(figure: Estimate, bar: float, unjudged: float) -> bool:
    """Whether 8 of 10 such samples would give an answer. unjudged: of each item judged, how many are not."""
    share, sure = 1 / (1 + unjudged), _surely(figure.level)
    low = share * (figure.value - (figure.value - figure.low) * sure)
    high = share * (figure.value + (figure.high - figure.value) * sure) + 1 - share
    return low >= bar or high < bar


def _beyond(figure: Estimate, bar: float, unjudged: int, n: int) -> str:
    low, high = bounded(figure.value, figure.value, n, unjudged)
    if unjudged and low < bar <= high:
        return f"first verdicts on the {unjudged:,} items that have none: they alone could lift it over the bar or not"
    return f"over {MOST:,} more, as it lies {100 * abs(figure.value - bar):.1f} points from the bar"


def _fewest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number from 1 to `most` that is enough, where more is never worse; rounded up to two digits."""
    if most < 1 or not enough(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    step = int(10 ** max(0, len(str(high)) - 2))
    return min(most, ceil(high / step) * step)
