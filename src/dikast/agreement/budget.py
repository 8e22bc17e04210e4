"""The label budget: how many labels, of which class, for an interval of a given width or for a claim, and which next.

An interval's width is what the present rates give if they go on as so far; with few labels they are drawn towards one
half by the interval's own prior (one success and one failure more), so that a judge without an error yet doesn't look
certain.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, Literal

import numpy as np

from dikast.agreement.cohen_kappa import _kappa
from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, corrected_pass_rate, uncorrectable
from dikast.agreement.jeffreys import jeffreys_intervals
from dikast.agreement.wilson import normal_quantile, wilson
from dikast.errors import InputError

Of = Literal["pass", "fail", "any"]
Rate = Literal["tpr", "tnr", "accuracy"]

MOST = 20_000
_TOO_MANY = f"more than {MOST:,} labels"
_SURE = 0.8
_FEW = 30  # labels of a class, below which a rate of 100 % is not taken at its word
_KAPPA_TABLES, _KAPPA_DRAWS = 120, 400
_SEED = 1987
_SHARE = r"0?\.\d+|1(?:\.0*)?|\d+(?:\.\d+)?\s*%"
_CLAIM = re.compile(rf"\s*(tpr|tnr|accuracy)\s*(?:>=?|≥)\s*({_SHARE})\s*(?:@\s*({_SHARE})\s*)?")


@dataclass(frozen=True, slots=True)
class Claim:
    """That a rate lies above a bound; `truth` is what it is taken to be, None for what was seen so far."""

    rate: Rate
    above: float
    truth: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What one aim takes: labels `of` a class, `have` of them now, `needed` in all (None: out of reach, see `why`).

    aim: in words. at: the true value that is reckoned with.
    """

    aim: str
    of: Of
    have: int
    needed: int | None
    at: float | None
    why: str = ""

    @property
    def more(self) -> int | None:
        """How many are missing; None when no number of labels would do."""
        return None if self.needed is None else max(0, self.needed - self.have)


@dataclass(frozen=True, slots=True)
class Budget:
    """All aims, the class to draw next (None when nothing is missing), and how to come by it, in words."""

    needs: tuple[Need, ...]
    draw_next: Of | None
    how: str

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        needs = [
            {
                "aim": need.aim,
                "of": need.of,
                "have": need.have,
                "needed": need.needed,
                "more": need.more,
                "reckoned_with": need.at,
                "why": need.why or None,
            }
            for need in self.needs
        ]
        return {"needs": needs, "draw_next": self.draw_next, "how": self.how}


def read_claim(text: str) -> Claim:
    """A claim as it is typed: "tnr>0.9", or "tnr>0.9@0.95" for a rate taken to be 0.95. Raises InputError.

    >>> read_claim("tnr > 90 % @ 0.95")
    Claim(rate='tnr', above=0.9, truth=0.95)
    """
    found = _CLAIM.fullmatch(text.lower())
    if found is None:
        raise InputError(
            f"the claim {text!r} can't be read", hint="Write it as tnr>0.9, or tnr>0.9@0.95 if it is taken to be 0.95."
        )
    rate, above, truth = found.groups()
    named: Rate = "tpr" if rate == "tpr" else "tnr" if rate == "tnr" else "accuracy"
    claim = Claim(named, _share(above), None if truth is None else _share(truth))
    if not 0 < claim.above < 1 or (claim.truth is not None and not claim.above < claim.truth <= 1):
        raise InputError(
            f"the claim {text!r} can't be shown: the bound is to lie between 0 and 1, and the true value above it"
        )
    return claim


def labels_for_width(rate: float, half_width: float, level: float = 0.95) -> int | None:
    """The fewest items for which Wilson's interval of a share reaches no further than half_width to either side.

    Half its width is z/(1 + z²/n)·√(p(1−p)/n + z²/4n²), which falls with n. None beyond 20,000. Raises
    InputError unless 0 < half_width < 0.5.

    >>> labels_for_width(0.5, 0.1)
    93
    """
    _check_width(half_width)

    def wide(n: int) -> bool:
        z2 = normal_quantile(level) ** 2
        return sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n) > half_width

    return _fewest(lambda n: not wide(n))


def labels_for_claim(truth: float, above: float, *, chance: float = _SURE, level: float = 0.95) -> int | None:
    """The fewest items for which Wilson's low end lies above a bound with the given chance, when the rate is `truth`.

    The low end reaches the bound b when x ≥ nb + z√(nb(1−b)); the chance of that is binomial and exact. As counts are
    whole it saws up and down with n: the number given is one from which on it doesn't fall below `chance` for the
    next 25. None when more than 20,000 would be needed, or truth ≤ above.

    >>> labels_for_claim(0.95, 0.9)
    254
    """
    from scipy.special import bdtrc

    if truth <= above:
        return None
    z = normal_quantile(level)
    n = np.arange(1, MOST + 1, dtype=np.float64)
    least = np.ceil(n * above + z * np.sqrt(n * above * (1 - above)) - 1e-9)
    reached = np.where(least > n, 0.0, bdtrc(np.minimum(least, n) - 1, n.astype(np.int64), truth)) >= chance
    if truth == 1.0:
        reached = least <= n
    steady = np.lib.stride_tricks.sliding_window_view(reached, 25).all(axis=1)
    return int(np.argmax(steady)) + 1 if steady.any() else None


def labels_for_kappa(shares: tuple[float, float, float, float], half_width: float, level: float = 0.95) -> int | None:
    """The fewest items for which kappa's interval is expected to be that narrow, by simulation (seeded).

    shares: of tp, fn, fp, tn, adding up to 1. The median half-width over simulated tables is found at sizes that
    double, and interpolated, as it goes with 1/√n. None beyond 20,000.
    """
    _check_width(half_width)
    p = np.array(shares, dtype=np.float64)
    before: tuple[int, float] | None = None
    for n in (20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, MOST):
        width = _kappa_width(p, n, level)
        if width <= half_width:
            if before is None:
                return n
            # width² is nearly linear in 1/n
            a, b = 1 / before[0], 1 / n
            wide, narrow = before[1] ** 2, width**2
            return ceil(1 / (b + (a - b) * (half_width**2 - narrow) / (wide - narrow)))
        before = (n, width)
    return None


def budget(
    confusion: Confusion,
    passed: int,
    n: int,
    *,
    half_width: float = 0.1,
    claims: tuple[Claim, ...] = (),
    level: float = 0.95,
) -> Budget:
    """What to label for TPR, TNR, kappa and the corrected pass rate to a half-width, and for each claim.

    confusion: of the items labelled so far, at least one. passed, n: the run's verdicts on the others. Raises
    InputError for a half_width outside (0, 0.5) or without labels.
    """
    _check_width(half_width)
    if confusion.n == 0:
        raise InputError("a label budget starts from labels: label about 10 items drawn at random first")
    state = _State(confusion, passed, n, level)
    needs = [state.for_width("tpr", half_width), state.for_width("tnr", half_width), state.for_kappa(half_width)]
    needs += state.for_corrected(half_width)
    needs += [state.for_claim(claim) for claim in claims]
    short = {of: max((need.more or 0 for need in needs if need.of == of), default=0) for of in ("pass", "fail")}
    short["any"] = max((need.more or 0 for need in needs if need.of == "any"), default=0)
    return Budget(tuple(needs), *state.next(short))


@dataclass(frozen=True, slots=True)
class _State:
    """What is labelled, and what the judge said of the rest."""

    confusion: Confusion
    passed: int
    n: int
    level: float

    def rate(self, name: str) -> tuple[float, int, Of, str]:
        """A rate drawn towards one half, how many labels carry it, of which class they are, and what it is called."""
        c = self.confusion
        hits, of_n, of, title = {
            "tpr": (c.tp, c.tp + c.fn, "pass", "TPR"),
            "tnr": (c.tn, c.tn + c.fp, "fail", "TNR"),
            "accuracy": (c.tp + c.tn, c.n, "any", "accuracy"),
        }[name]
        return (hits + 1) / (of_n + 2), of_n, of, title  # type: ignore[return-value]

    def for_width(self, name: str, half_width: float) -> Need:
        rate, have, of, title = self.rate(name)
        needed = labels_for_width(rate, half_width, self.level)
        return Need(f"{title} to ± {half_width:g}", of, have, needed, rate, "" if needed else _TOO_MANY)

    def for_kappa(self, half_width: float) -> Need:
        c = self.confusion
        aim = f"Cohen's kappa to ± {half_width:g}"
        if not (c.tp + c.fn) or not (c.fp + c.tn):
            return Need(aim, "any", c.n, None, None, "it can't be foreseen from labels of one class alone")
        smooth = [(count + 0.5) / (c.n + 2) for count in (c.tp, c.fn, c.fp, c.tn)]
        kappa = float(_kappa(np.array([smooth]), 2)[0])
        needed = labels_for_kappa((smooth[0], smooth[1], smooth[2], smooth[3]), half_width, self.level)
        why = "" if needed is not None else _TOO_MANY
        return Need(aim, "any", c.n, needed, kappa, why)

    def for_claim(self, claim: Claim) -> Need:
        rate, have, of, title = self.rate(claim.rate)
        hits = round(rate * (have + 2) - 1)
        seen = hits / have if have and (hits < have or have >= _FEW) else (1 + claim.above) / 2
        truth = seen if claim.truth is None else claim.truth
        aim = f"{title} above {claim.above:g}, if it is {truth:.3g}"
        if have and wilson(hits, have, self.level).low >= claim.above:
            return Need(aim, of, have, have, truth, "shown already")
        if truth <= claim.above:
            return Need(aim, of, have, None, truth, f"so far it is {truth:.3g}, and no number of labels shows more")
        needed = labels_for_claim(truth, claim.above, level=self.level)
        why = f"{round(100 * _SURE)} of 100 such samples show it" if needed is not None else _TOO_MANY
        return Need(aim, of, have, needed if needed is None else max(needed, have + 1), truth, why)

    def for_corrected(self, half_width: float) -> list[Need]:
        """Labels drawn at random for the corrected pass rate of a run this long."""
        aim = f"corrected pass rate to ± {half_width:g}"
        c = self.confusion
        refused = uncorrectable(c)
        if refused is not None:
            return [Need(aim, "any", c.n, None, None, refused.why)]
        if self.n == 0:
            return []
        everything = self.n + c.n
        fewest = _fewest(lambda total: self._corrected_width(total) <= half_width, everything)
        if fewest is None:
            why = f"even with all {everything:,} items labelled it stays wider; judge and label more interactions"
            return [Need(aim, "any", c.n, None, None, why)]
        figure = corrected_pass_rate(c, self.passed, self.n, self.level)
        return [Need(aim, "any", c.n, fewest, None if isinstance(figure, Refused) else figure.value)]

    def _corrected_width(self, total: int) -> float:
        """Half the width of `double_sampling`'s interval with that many labels, if the shares stay as they are.

        Its variance is (p·a(1 − a) + (1 − p)·b(1 − b))/m + (a − b)²·p(1 − p)/N for m labels among N items.
        """
        c, everything = self.confusion, self.n + self.confusion.n
        p = (self.passed + c.tp + c.fp) / everything
        a, b = (c.tp + 1) / (c.tp + c.fp + 2), (c.fn + 1) / (c.fn + c.tn + 2)
        within = (p * a * (1 - a) + (1 - p) * b * (1 - b)) / (total + 4)
        return normal_quantile(self.level) * sqrt(within + (a - b) ** 2 * p * (1 - p) / everything)

    def next(self, short: dict[str, int]) -> tuple[Of | None, str]:
        """The class that is furthest behind, and how many random draws bring what is missing."""
        c = self.confusion
        share = {"pass": (c.tp + c.fn + 1) / (c.n + 2), "fail": (c.fp + c.tn + 1) / (c.n + 2), "any": 1.0}
        draws = {of: ceil(missing / share[of]) for of, missing in short.items() if missing}
        if not draws:
            return None, "Nothing is missing for these aims."
        most = max(draws, key=lambda of: draws[of])
        if most == "any":
            return "any", f"Label {draws['any']:,} more items drawn at random; both classes come as they come."
        of: Of = "pass" if most == "pass" else "fail"
        words = f"Draw items that people would {of} next: {short[of]:,} more are missing. "
        words += f"At {100 * share[of]:.0f} % of items so far, about {draws[of]:,} drawn at random hold as many"
        return of, words + ". Drawn by what the judge says they would come quicker, and bias the rates."


def _kappa_width(p: np.ndarray[tuple[int, ...], np.dtype[np.float64]], n: int, level: float) -> float:
    rng = np.random.default_rng(_SEED)
    tables = rng.multinomial(n, p / p.sum(), _KAPPA_TABLES).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = jeffreys_intervals(tables, lambda shares: _kappa(shares, 2), level, draws=_KAPPA_DRAWS)
    return float(np.median((high - low) / 2))


def _fewest(enough: Callable[[int], bool], most: int = MOST) -> int | None:
    """The smallest number that is enough, by bisection; None when the most is not."""
    if not enough(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _share(text: str) -> float:
    return float(text.rstrip("% ").strip()) / 100 if "%" in text else float(text)


def _check_width(half_width: float) -> None:
    if not 0 < half_width < 0.5:
        raise InputError(f"a half-width of {half_width!r}: between 0 and 0.5 is expected, such as 0.1 for ± 10 points")
