"""A map from how sure the judge says it is to how often it is right, fitted on labels, and used only where it holds.

Which maps are tried depends on what the labels bear, counted by the rarer outcome (right or wrong verdicts):

    temperature   1 number: sharper or softer     from 30 labels and 5 of the rarer outcome on
    platt         2 numbers: softer, and shifted  from 60 labels and 10 of the rarer outcome on
    isotonic      any map that keeps the order    from 300 labels and 50 of the rarer outcome on

Of these, the simplest one is taken whose cross-validated log loss is within one standard error of the best. It holds
when, cross-validated, it improves on the stated confidence by more than noise (the low end of the paired difference in
log loss is above 0) and doesn't make the Brier score worse.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dikast.agreement.calibration import check_confidence
from dikast.agreement.clusters import Floats, cluster_codes, design_effect
from dikast.agreement.estimate import Estimate
from dikast.agreement.fitting import cross_fit, grouped_folds
from dikast.agreement.jackknife import t_quantile

Kind = Literal["none", "temperature", "platt", "isotonic"]
Map = Callable[[Floats], Floats]

BEARS: dict[Kind, tuple[int, int]] = {"temperature": (30, 5), "platt": (60, 10), "isotonic": (300, 50)}
"""Labels, and of the rarer outcome, that each kind of map takes."""

_EDGE = 1e-4
_STEPS = 100
_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class CalibrationMap:
    """The map chosen, whether it holds, and the cross-validated figures that say so.

    knots: points (confidence, calibrated) in order; between them the map runs straight in log-odds for temperature and
    Platt, whose `parameters` are slope and intercept of the log-odds, and straight for isotonic. gain: how much the
    log loss falls, with interval; brier_gain likewise. kind "none" when no map could be tried. why: in words.
    """

    kind: Kind
    holds: bool
    why: str
    n: int
    parameters: tuple[float, ...] = ()
    knots: tuple[tuple[float, float], ...] = ()
    gain: Estimate | None = None
    brier_gain: Estimate | None = None

    def apply(self, confidence: Sequence[float]) -> list[float]:
        """The calibrated confidences; those given, unchanged, where the map doesn't hold."""
        sure = np.asarray(confidence, dtype=np.float64)
        return [float(value) for value in (self.curve(sure) if self.holds else sure)]

    def curve(self, confidence: Floats) -> Floats:
        """What the map makes of confidences, whether it holds or not."""
        if self.kind == "isotonic":
            x, y = (np.array(column) for column in zip(*self.knots, strict=True))
            return np.asarray(np.interp(confidence, x, y), dtype=np.float64)
        if self.kind == "none":
            return confidence
        return _expit(self.parameters[0] * _logit(confidence) + self.parameters[1])


def calibration_map(
    confidence: Sequence[float],
    right: Sequence[bool],
    *,
    groups: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> CalibrationMap:
    """The map that these labels bear, fitted on all of them, and whether it holds.

    confidence: how sure the judge was of the verdict it gave, in [0, 1]; right: whether the label says the same; shape
    (n_items,). groups: whole groups are left out together. Raises InputError if lengths differ or a confidence is
    outside [0, 1]. Guo et al. 2017, arXiv:1706.04599 (temperature); Platt 1999; Zadrozny & Elkan 2002,
    doi:10.1145/775047.775151 (isotonic); Niculescu-Mizil & Caruana 2005, doi:10.1145/1102351.1102430 (which needs how
    many labels)
    """
    sure, hit = check_confidence(confidence, right)
    target = hit.astype(np.float64)
    n, rarer = sure.size, int(min(target.sum(), (1 - target).sum())) if sure.size else 0
    tried = [kind for kind, (labels, of_rarer) in BEARS.items() if n >= labels and rarer >= of_rarer]
    if not tried:
        return CalibrationMap("none", False, _too_few(n, rarer), n)
    if float(np.ptp(sure)) < 1e-9:
        return CalibrationMap(
            "none", False, "the judge is equally sure of every verdict, so there is nothing to map", n
        )
    own = list(range(n)) if groups is None else list(groups)
    if len(set(own)) < 2:
        return CalibrationMap("none", False, "all labelled items share one input, so no map can be tried out", n)
    folds = grouped_folds(own, target)
    predicted = {kind: cross_fit(sure, target, folds, _FITS[kind]) for kind in tried}
    losses = {kind: _log_loss(values, target) for kind, values in predicted.items()}
    kind = _simplest(losses)
    codes = cluster_codes(own, n)
    gain = _mean(_log_loss(sure, target) - losses[kind], codes, level)
    brier_gain = _mean((sure - target) ** 2 - (predicted[kind] - target) ** 2, codes, level)
    holds = gain.low > 0 and brier_gain.value >= 0
    parameters, knots = _described(kind, sure, target)
    return CalibrationMap(kind, holds, _why(kind, holds, gain, n), n, parameters, knots, gain, brier_gain)


def _why(kind: Kind, holds: bool, gain: Estimate, n: int) -> str:
    shown = f"{gain.value:.3f} ({gain.low:.3f} to {gain.high:.3f})"
    if holds:
        return f"on labels it was not fitted on, the {kind} map lowers the log loss by {shown}"
    if gain.low > 0:
        return f"the {kind} map lowers the log loss by {shown}, and makes the Brier score worse: the stated one is kept"
    return f"on {n} labels the {kind} map changes the log loss by {shown}, no more than noise: the stated one is kept"


def _too_few(n: int, rarer: int) -> str:
    labels, of_rarer = BEARS["temperature"]
    if n < labels:
        return f"{n} labels with a confidence are too few for a map; {labels - n} more are needed"
    return f"only {rarer} verdicts differ from the rest in being right or wrong; {of_rarer - rarer} more are needed"


def _simplest(losses: dict[Kind, Floats]) -> Kind:
    """The first whose mean loss is within one standard error of the best's, the error being that of the difference."""
    best = min(losses, key=lambda kind: float(losses[kind].mean()))
    for kind, loss in losses.items():
        apart = loss - losses[best]
        if kind == best or float(apart.mean()) <= float(apart.std(ddof=1)) / np.sqrt(apart.size):
            return kind
    return best


def fit_log_odds(confidence: Floats, target: Floats, *, shift: bool) -> tuple[float, float]:
    """Slope and intercept of the log-odds of being right against those of the confidence, by maximum likelihood.

    shift: whether there is an intercept. Targets are drawn a little inwards, to (k + 1)/(k + 2) of k right verdicts and
    1/(m + 2) of m wrong ones (Platt 1999), so that the fit is finite. A slope below 0 is taken as 0: a map keeps the
    order. Newton's method.
    """
    right, wrong = float(target.sum()), float((1 - target).sum())
    soft = np.where(target > 0, (right + 1) / (right + 2), 1 / (wrong + 2))
    rows = np.column_stack([_logit(confidence), np.ones(confidence.size)])[:, : 2 if shift else 1]
    fitted = _newton(rows, soft)
    if fitted[0] < 0:
        fitted = np.array([0.0, *_newton(rows[:, 1:], soft)]) if shift else np.array([0.0])
    return float(fitted[0]), float(fitted[1]) if shift else 0.0


def _newton(rows: Floats, target: Floats) -> Floats:
    beta = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        p = _expit(rows @ beta)
        slope = rows.T @ (target - p)
        curve = (rows * (p * (1 - p))[:, None]).T @ rows + 1e-12 * np.eye(beta.size)
        step = np.linalg.solve(curve, slope)
        size = float(np.abs(step).max())
        beta = beta + step * min(1.0, 5.0 / size if size else 1.0)
        if size < _TOLERANCE:
            break
    return np.asarray(beta, dtype=np.float64)


def isotonic_steps(confidence: Floats, target: Floats) -> tuple[Floats, Floats]:
    """The rising map of least squares (pool adjacent violators): distinct confidences, and the mapped value of each.

    Ayer et al. 1955, doi:10.1214/aoms/1177728423
    """
    x, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=target) / counts
    blocks: list[list[float]] = []  # value, weight, how many distinct confidences
    for value, weight in zip(means, counts, strict=True):
        blocks.append([float(value), float(weight), 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            last = blocks.pop()
            before = blocks[-1]
            total = before[1] + last[1]
            blocks[-1] = [(before[0] * before[1] + last[0] * last[1]) / total, total, before[2] + last[2]]
    return x, np.repeat([block[0] for block in blocks], [int(block[2]) for block in blocks])


def _fit_temperature(sure: Floats, target: Floats) -> Map:
    slope, _ = fit_log_odds(sure, target, shift=False)
    return lambda new: _expit(slope * _logit(new))


def _fit_platt(sure: Floats, target: Floats) -> Map:
    slope, shift = fit_log_odds(sure, target, shift=True)
    return lambda new: _expit(slope * _logit(new) + shift)


def _fit_isotonic(sure: Floats, target: Floats) -> Map:
    x, y = _kept_inside(sure, target)
    return lambda new: np.asarray(np.interp(new, x, y), dtype=np.float64)


_FITS: dict[Kind, Callable[[Floats, Floats], Map]] = {
    "temperature": _fit_temperature,
    "platt": _fit_platt,
    "isotonic": _fit_isotonic,
}


def _kept_inside(sure: Floats, target: Floats) -> tuple[Floats, Floats]:
    """The isotonic map, kept off 0 and 1, which a few labels can't show."""
    x, y = isotonic_steps(sure, target)
    inside = 1 / (sure.size + 2)
    return x, np.clip(y, inside, 1 - inside)


def _described(kind: Kind, sure: Floats, target: Floats) -> tuple[tuple[float, ...], tuple[tuple[float, float], ...]]:
    """Parameters and knots of the map fitted on everything."""
    if kind == "isotonic":
        x, y = _kept_inside(sure, target)
        edge = np.flatnonzero(np.diff(y, prepend=np.nan, append=np.nan) != 0)
        kept = sorted({0, y.size - 1, *edge[edge < y.size].tolist(), *(edge[edge > 0] - 1).tolist()})
        return (), tuple((float(x[i]), float(y[i])) for i in kept)
    slope, shift = fit_log_odds(sure, target, shift=kind == "platt")
    grid = np.linspace(float(sure.min()), float(sure.max()), 25)
    mapped = _expit(slope * _logit(grid) + shift)
    return (slope, shift), tuple((float(a), float(b)) for a, b in zip(grid, mapped, strict=True))


def _mean(values: Floats, codes: object, level: float) -> Estimate:
    """A mean with Student's interval, for as many items as their clusters are worth."""
    mean, n = float(values.mean()), values.size
    deff = design_effect(values - mean, codes)  # type: ignore[arg-type]
    reach = t_quantile(level, max(1.0, n / deff - 1)) * float(values.std(ddof=1)) * float(np.sqrt(deff / n))
    return Estimate(mean, mean - reach, mean + reach, n, "Student's t of paired differences, cross-validated", level)


def _log_loss(values: Floats, target: Floats) -> Floats:
    inside = np.clip(values, _EDGE, 1 - _EDGE)
    return np.asarray(-np.where(target > 0, np.log(inside), np.log1p(-inside)), dtype=np.float64)


def _logit(values: Floats) -> Floats:
    inside = np.clip(values, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)), dtype=np.float64)


def _expit(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))), dtype=np.float64)
