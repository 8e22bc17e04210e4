"""Control charts of shares: does a share that is counted period after period still hold, or has it changed?

A chart is self-starting: each period is compared with all those before it since the last change, by the exact
distribution of its count given both totals (hypergeometric), so that neither the true share nor the size of a period
need be known, and the first periods are watched too. The comparison's normal score goes into an exponentially weighted
mean (EWMA), which adds small shifts up. A judge whose errors stay the same errs alike on both sides, so comparing the
judge's own counts tests the corrected share as well.

Several charts are looked at together: at each period Benjamini and Hochberg's rule says which of them ring. So, where
nothing changes, any chart rings at a period with a chance of at most `FALSE_ALARMS`, however many charts there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from dikast.agreement.false_discovery import benjamini_hochberg
from dikast.agreement.wilson import normal_quantile
from dikast.errors import InputError

FALSE_ALARMS = 0.01
"""The chance, where nothing changes, that any chart rings at one period."""

WEIGHT = 0.3
"""How much of the mean is the newest period: a shift of three standard errors shows at once, one of one in a few."""

_FARTHEST = 8.0


@dataclass(frozen=True, slots=True)
class Counted:
    """One period: `hits` of `n`. segment: whose counts these are; a chart starts anew where it changes."""

    hits: int
    n: int
    segment: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """A chart at one period.

    centre: the share of the periods before it, since the last change; None at a start. ewma: the mean, as a share;
    low and high: its limits for a chart that stands alone. p: of the mean, two-sided, where nothing has changed.
    """

    centre: float | None = None
    ewma: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Ring:
    """A chart rang: at which period, since which one the share is another, since which one it had held, and p."""

    chart: str
    at: int
    since: int
    held_since: int
    p: float


@dataclass(slots=True)
class _State:
    """Where one chart stands: since `start`, `hits` of `n`, and the mean of `steps` scores."""

    start: int = 0
    segment: int | None = None
    hits: int = 0
    n: int = 0
    mean: float = 0.0
    steps: int = 0

    def begin(self, at: int, segment: int) -> None:
        self.start, self.segment, self.hits, self.n, self.mean, self.steps = at, segment, 0, 0, 0.0, 0


def watch_charts(
    charts: Mapping[str, Sequence[Counted]], false_alarms: float = FALSE_ALARMS
) -> tuple[dict[str, list[Reading]], list[Ring]]:
    """Each chart's readings, and each time that one rang, in order. All charts have the same periods.

    After it rang, a chart starts anew at the period from which, most likely, the share was another. Raises InputError
    for counts that can't be, or charts of different lengths.
    """
    lengths = {len(counts) for counts in charts.values()}
    if len(lengths) > 1:
        raise InputError(f"the charts have {sorted(lengths)} periods: as many in each are expected")
    states = {name: _State() for name in charts}
    readings: dict[str, list[Reading]] = {name: [] for name in charts}
    rings: list[Ring] = []
    for at in range(max(lengths, default=0)):
        for name, counts in charts.items():
            readings[name].append(_read(states[name], counts[at], at))
        shown = [(name, p) for name in charts if (p := readings[name][at].p) is not None]
        rejected = benjamini_hochberg([p for _, p in shown], false_alarms)
        for (name, p), rang in zip(shown, rejected, strict=True):
            if rang:
                rings.append(_ring(states[name], charts[name], name, at, p))
    return readings, rings


def _ring(state: _State, counts: Sequence[Counted], name: str, at: int, p: float) -> Ring:
    since = change_point(counts[state.start : at + 1]) + state.start
    ring = Ring(name, at, since, state.start, p)
    state.begin(since, counts[at].segment)
    state.hits = sum(one.hits for one in counts[since : at + 1])
    state.n = sum(one.n for one in counts[since : at + 1])
    return ring


def _read(state: _State, now: Counted, at: int) -> Reading:
    if now.n < 0 or not 0 <= now.hits <= now.n:
        raise InputError(f"{now.hits!r} of {now.n!r}: a count lies between 0 and its total")
    if now.n == 0:
        return Reading()
    if state.segment != now.segment:
        state.begin(at, now.segment)
    if state.n == 0:
        state.hits, state.n = now.hits, now.n
        return Reading()
    centre = state.hits / state.n
    pooled = (state.hits + now.hits) / (state.n + now.n)
    spread = sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / state.n + 1 / now.n))
    state.mean = (1 - WEIGHT) * state.mean + WEIGHT * score(now, Counted(state.hits, state.n))
    state.steps += 1
    width = sqrt(WEIGHT / (2 - WEIGHT) * (1 - (1 - WEIGHT) ** (2 * state.steps)))
    state.hits += now.hits
    state.n += now.n
    reach = normal_quantile(1 - FALSE_ALARMS) * width * spread
    return Reading(
        centre=centre,
        ewma=_clip(centre + state.mean * spread),
        low=_clip(centre - reach),
        high=_clip(centre + reach),
        p=_two_sided(state.mean / width),
    )


def score(now: Counted, before: Counted) -> float:
    """The normal score of a count, given those before it: 0 where it is as expected, standard normal under no change.

    Φ⁻¹ of the mid-p value P(X < hits) + ½·P(X = hits), with X hypergeometric: `now.n` drawn of all n, among which all
    hits are. Hawkins 1987, doi:10.2307/2348827, for the idea of a chart that starts itself.

    >>> score(Counted(10, 20), Counted(50, 100))
    0.0
    """
    from scipy.special import gammaln, ndtri

    good, n = now.hits + before.hits, now.n + before.n
    ways = np.arange(max(0, now.n - (n - good)), min(good, now.n) + 1, dtype=np.float64)
    logs = -(gammaln(ways + 1) + gammaln(good - ways + 1))
    logs -= gammaln(now.n - ways + 1) + gammaln(n - good - now.n + ways + 1)
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    at = now.hits - int(ways[0])
    below, above = float(shares[:at].sum()), float(shares[at + 1 :].sum())
    half = float(shares[at]) / 2
    # Each tail by its own sum, so that neither is lost in rounding.
    found = float(ndtri(below + half)) if below <= above else -float(ndtri(above + half))
    return round(min(_FARTHEST, max(-_FARTHEST, found)), 12) + 0.0


def change_point(counts: Sequence[Counted]) -> int:
    """The place from which, most likely, the share is another: where two shares fit best. 1 or more."""
    best, found = float("-inf"), 1
    hits, n = sum(one.hits for one in counts), sum(one.n for one in counts)
    before_hits = before_n = 0
    for place in range(1, len(counts)):
        before_hits += counts[place - 1].hits
        before_n += counts[place - 1].n
        fit = _fit(before_hits, before_n) + _fit(hits - before_hits, n - before_n)
        if fit > best + 1e-9 and counts[place].n:
            best, found = fit, place
    return found


def _fit(hits: int, n: int) -> float:
    return sum(part * log(part / n) for part in (hits, n - hits) if part)


def _two_sided(z: float) -> float:
    from scipy.special import ndtr

    return float(2 * ndtr(-abs(z)))


def _clip(share: float) -> float:
    return min(1.0, max(0.0, share))
