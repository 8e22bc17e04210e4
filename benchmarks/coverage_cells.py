"""The simulations behind coverage.py: a family of intervals each, as a function from effort to cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from scipy.special import gammaln, ndtr

from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import mover_mean
from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.calibration import calibration_errors, expected_calibration_error
from dikast.agreement.clusters import Floats, Ints
from dikast.agreement.cohen_kappa import _kappa
from dikast.agreement.comparison import _kappas_apart, corrected_difference
from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.corrected import corrected_pass_rate, shared_inputs_of_a_run
from dikast.agreement.earning import _lead
from dikast.agreement.estimate import Estimate
from dikast.agreement.f1 import f1_of_jaccard
from dikast.agreement.fleiss_kappa import fleiss_kappa
from dikast.agreement.gwet_ac1 import _ac1
from dikast.agreement.jeffreys import jeffreys_intervals
from dikast.agreement.kendall_tau import kendall_tau_b
from dikast.agreement.krippendorff_alpha import krippendorff_alpha
from dikast.agreement.mcc import _mcc
from dikast.agreement.paired import paired_difference
from dikast.agreement.paired_auc import auc_difference
from dikast.agreement.prediction_powered import PredictionPowered, prediction_powered_mean
from dikast.agreement.proportion import modified_wilson, share
from dikast.agreement.score_errors import agr, mae
from dikast.agreement.spearman import spearman
from dikast.agreement.weighted_kappa import quadratic_weighted_kappa

SIZES = (20, 30, 50, 100, 300)
PREVALENCES = (0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95)
RATES = (0.6, 0.8, 0.95)  # of sensitivity and of specificity


@dataclass(frozen=True)
class Effort:
    """How much is simulated: samples a cell, posterior draws a table, and whether corners are thinned out."""

    samples: int = 800
    slow_samples: int = 120
    draws: int = 600
    sizes: tuple[int, ...] = SIZES
    prevalences: tuple[float, ...] = PREVALENCES
    rates: tuple[float, ...] = RATES
    exact_to: int = 50

    def slow(self, n: int) -> int:
        """Samples where one takes milliseconds: fewer beyond a hundred items."""
        return max(50, min(self.slow_samples, self.slow_samples * 100 // n))


QUICK = Effort(250, 60, 400, (20, 50), (0.1, 0.5, 0.9), (0.6, 0.95), 20)


@dataclass(frozen=True)
class Cell:
    """One interval at one size in one corner. samples 0: exact. undefined: the share that has no interval."""

    interval: str
    n: int
    corner: str
    coverage: float
    samples: int
    undefined: float = 0.0


class Tally:
    """Which samples' intervals held the truth, and how many had none."""

    def __init__(self) -> None:
        self.held: dict[str, list[bool]] = {}
        self.missing: dict[str, int] = {}

    def add(self, name: str, figure: object, truth: float) -> None:
        if isinstance(figure, PredictionPowered):
            figure = figure.figure
        if isinstance(figure, Estimate):
            self.held.setdefault(name, []).append(figure.low - 1e-9 <= truth <= figure.high + 1e-9)
        else:
            self.missing[name] = self.missing.get(name, 0) + 1

    def cells(self, n: int, corner: str) -> Iterator[Cell]:
        for name, held in self.held.items():
            missing = self.missing.get(name, 0)
            yield Cell(name, n, corner, float(np.mean(held)), len(held), missing / (missing + len(held)))


def words(values: object) -> list[str]:
    return np.where(np.asarray(values, dtype=bool), "pass", "fail").tolist()  # type: ignore[no-any-return]


@cache
def wilsons(n: int) -> tuple[Floats, Floats]:
    """The ends for x of m, at [m, x]; NaN for m = 0."""
    ends = np.full((2, n + 1, n + 1), np.nan)
    for m in range(1, n + 1):
        for x in range(m + 1):
            found = modified_wilson(x, m)
            ends[:, m, x] = found.low, found.high
    return ends[0], ends[1]


def corners(effort: Effort) -> list[tuple[float, float, float]]:
    """Prevalence, sensitivity, specificity."""
    return list(product(effort.prevalences, effort.rates, effort.rates))


def table_shares(prevalence: float, sensitivity: float, specificity: float) -> Floats:
    """Of tp, fn, fp, tn."""
    bad = 1 - prevalence
    return np.array(
        [prevalence * sensitivity, prevalence * (1 - sensitivity), bad * (1 - specificity), bad * specificity]
    )


def all_tables(n: int) -> Ints:
    tp, fn, fp = np.meshgrid(*[np.arange(n + 1)] * 3, indexing="ij")
    inside = tp + fn + fp <= n
    found = np.stack([tp[inside], fn[inside], fp[inside], (n - tp - fn - fp)[inside]], axis=1)
    return np.asarray(found, dtype=np.int64)


def chances(tables: Ints, shares: Floats) -> Floats:
    """How likely each table is."""
    n = int(tables[0].sum())
    logs = gammaln(n + 1) - gammaln(tables + 1).sum(axis=1) + (tables * np.log(shares)).sum(axis=1)
    return np.asarray(np.exp(logs), dtype=np.float64)


def table_intervals(tables: Ints, draws: int) -> dict[str, tuple[Floats, Floats]]:
    """Both ends of each pass/fail figure for each table; NaN where it is undefined."""
    n = int(tables[0].sum())
    tp, fn, fp, tn = tables.T
    low, high = wilsons(n)
    found = {
        "accuracy": (low[n, tp + tn], high[n, tp + tn]),
        "tpr": (low[tp + fn, tp], high[tp + fn, tp]),
        "tnr": (low[fp + tn, tn], high[fp + tn, tn]),
        "precision": (low[tp + fp, tp], high[tp + fp, tp]),
    }
    ends = np.full((4, len(tables)), np.nan)
    for i, (a, b, c, d) in enumerate(tables.tolist()):
        if a + b and c + d:
            both = mover_mean((_wilson(a, a + b), _wilson(d, c + d)), n, 0.95)
            ends[:2, i] = (both.low, both.high) if isinstance(both, Estimate) else (np.nan, np.nan)
        if a + b + c:
            one = f1_of_jaccard(_wilson(a, a + b + c), n)
            ends[2:, i] = one.low, one.high
    found |= {"balanced_accuracy": (ends[0], ends[1]), "f1": (ends[2], ends[3])}
    for name, function in KAPPAS.items():
        found[name] = posterior(tables, function, draws)
    return found


_wilson = cache(modified_wilson)
KAPPAS: dict[str, Callable[[Floats], Floats]] = {
    "cohen_kappa": lambda s: _kappa(s, 2),
    "gwet_ac1": lambda s: _ac1(s, 2),
    "mcc": _mcc,
}


def posterior(tables: Ints, function: Callable[[Floats], Floats], draws: int) -> tuple[Floats, Floats]:
    """`jeffreys_intervals`, a thousand tables at a time."""
    counts = tables.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(function(counts / counts.sum(axis=1, keepdims=True)))
    ends = np.full((2, len(tables)), np.nan)
    for start in range(0, len(tables), 1000):
        rows = slice(start, start + 1000)
        ends[:, rows] = jeffreys_intervals(counts[rows], function, draws=draws)
    ends[:, ~known] = np.nan
    return ends[0], ends[1]


def pass_fail(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    for n in effort.sizes:
        exact = n <= effort.exact_to
        grid = corners(effort)
        if exact:
            tables = all_tables(n)
        else:
            drawn = np.stack([rng.multinomial(n, table_shares(*one), effort.samples) for one in grid])
            tables, places = np.unique(drawn.reshape(-1, 4), axis=0, return_inverse=True)
            places = places.reshape(len(grid), effort.samples)
        found = table_intervals(tables, effort.draws)
        for i, corner in enumerate(grid):
            p = table_shares(*corner)
            weight = chances(tables, p) if exact else np.bincount(places[i], minlength=len(tables)) / effort.samples
            truth = table_truth(p, *corner)
            for name, (low, high) in found.items():
                known = np.isfinite(low)
                held = (low <= truth[name] + 1e-9) & (truth[name] - 1e-9 <= high)
                share_known = float(weight[known].sum())
                coverage = float(weight[held].sum()) / share_known
                yield Cell(name, n, at(corner), coverage, 0 if exact else effort.samples, 1 - min(1.0, share_known))


def at(corner: tuple[float, float, float]) -> str:
    return f"prevalence {corner[0]:g}, TPR {corner[1]:g}, TNR {corner[2]:g}"


def table_truth(p: Floats, prevalence: float, sensitivity: float, specificity: float) -> dict[str, float]:
    rates = {
        "accuracy": p[0] + p[3],
        "tpr": sensitivity,
        "tnr": specificity,
        "precision": p[0] / (p[0] + p[2]),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1": 2 * p[0] / (2 * p[0] + p[1] + p[2]),
    }
    return {name: float(value) for name, value in rates.items()} | {
        name: float(function(p[None, :])[0]) for name, function in KAPPAS.items()
    }


def corrected(effort: Effort, rng: np.random.Generator, run: int = 1000) -> Iterator[Cell]:
    """The corrected pass rate of a run of 1,000 items, of which n drawn at random are labelled; and PPI++."""
    for n, corner in product(effort.sizes, corners(effort)):
        theta, q1, q0 = corner
        tally = Tally()
        for sample in range(effort.samples):
            tp, fn, fp, tn = rng.multinomial(n, table_shares(*corner)).tolist()
            passed = int(rng.binomial(run - n, theta * q1 + (1 - theta) * (1 - q0)))
            tally.add("corrected_pass_rate", corrected_pass_rate(Confusion(tp, fn, fp, tn), passed, run - n), theta)
            if sample < effort.slow(n):
                labels, judge = [1] * (tp + fn) + [0] * (fp + tn), [1] * tp + [0] * fn + [1] * fp + [0] * tn
                rest = [1] * passed + [0] * (run - n - passed)
                tally.add("prediction_powered_rate", prediction_powered_mean(labels, judge, rest), theta)
        yield from tally.cells(n, at(corner))


def stratified(effort: Effort, rng: np.random.Generator, run: int = 1000) -> Iterator[Cell]:
    """Labels drawn half from what the judge passes and half from what it fails, weighted back."""
    for n, corner in product(effort.sizes, corners(effort)):
        theta, q1, q0 = corner
        tally = Tally()
        for _ in range(effort.slow(n)):
            truth = rng.random(run) < theta
            said = np.where(truth, rng.random(run) < q1, rng.random(run) >= q0)
            chosen = np.concatenate([rng.permutation(np.flatnonzero(said == one))[: n // 2] for one in (True, False)])
            rest = np.setdiff1d(np.arange(run), chosen)
            parts = [said[chosen].tolist(), said[rest].tolist()]
            found = prediction_powered_mean(
                truth[chosen].astype(float), said[chosen].astype(float), said[rest].astype(float), strata=tuple(parts)
            )
            tally.add("stratified_rate", found, float(truth.mean()))  # the shares are known: of this run
        yield from tally.cells(n, at(corner))


def two_judges(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    """Leads of one judge over another on the same items, and the corrected difference of two systems."""
    pairs = (
        ((0.9, 0.9), (0.6, 0.6)),
        ((0.8, 0.8), (0.8, 0.8)),
        ((0.95, 0.7), (1 - 1e-9, 1e-9)),
        ((0.9, 0.6), (0.7, 0.8)),
    )
    for n, prevalence, (one, other) in product(effort.sizes, effort.prevalences, pairs):
        tally = Tally()
        accuracies = [prevalence * a + (1 - prevalence) * b for a, b in (one, other)]
        for _ in range(effort.samples):
            good = rng.random(n) < prevalence
            common = rng.random(n)  # shared difficulty: half of the judges' luck is the same
            rights = []
            for tpr, tnr in (one, other):
                luck = np.where(rng.random(n) < 0.5, common, rng.random(n))
                rights.append(luck < np.where(good, tpr, tnr))
            tally.add("lead_accuracy", paired_difference(*rights), accuracies[0] - accuracies[1])
            if 0 < good.sum() < n:
                lead = paired_difference(*rights, strata=good.tolist())
                tally.add("lead_balanced_accuracy", lead, (sum(one) - sum(other)) / 2)
        yield from tally.cells(
            n, f"prevalence {prevalence:g}, TPR/TNR {one[0]:g}/{one[1]:g} and {other[0]:g}/{other[1]:g}"
        )


def kappa_differences(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    for n, prevalence, first, second in product(
        effort.sizes, effort.prevalences, ((0.9, 0.8), (0.7, 0.7)), ((0.8, 0.9), (0.7, 0.6))
    ):
        passes = [np.array([[a, 1 - a], [1 - b, b]]) for a, b in (first, second)]
        p = np.einsum("la,lb,l->abl", *passes, np.array([prevalence, 1 - prevalence])).ravel()
        truth = float(_kappas_apart(p[None, :], 2)[0])
        tables = rng.multinomial(n, p, effort.samples)
        low, high = posterior(tables, lambda one: _kappas_apart(one, 2), effort.draws // 2)
        known = np.isfinite(low)
        held = (low <= truth) & (truth <= high)
        name = f"prevalence {prevalence:g}, TPR/TNR {first} and {second}"
        yield Cell("kappa_difference", n, name, float(held[known].mean()), int(known.sum()), float((~known).mean()))


def two_systems(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    for n, (q1, q0, first, second) in product(
        effort.sizes, ((0.9, 0.8, 0.7, 0.6), (0.8, 0.8, 0.5, 0.5), (0.95, 0.9, 0.9, 0.8), (0.9, 0.9, 0.95, 0.95))
    ):
        tally = Tally()
        for _ in range(effort.slow(n)):
            fates = rng.random(500) < first, rng.random(500) < second
            a, b = (np.where(fate, rng.random(500) < q1, rng.random(500) >= q0) for fate in fates)
            tp, fn, fp, tn = rng.multinomial(n, table_shares(first, q1, q0)).tolist()
            counts = [int(cell.sum()) for cell in (a & b, a & ~b, ~a & b, ~a & ~b)]
            tally.add("corrected_difference", corrected_difference(*counts, Confusion(tp, fn, fp, tn)), first - second)
        yield from tally.cells(n, f"TPR {q1:g}, TNR {q0:g}, pass rates {first:g} and {second:g}")


CUTS = {
    "even": [-0.84, -0.25, 0.25, 0.84],
    "skewed": [-1.64, -1.17, -0.67, 0.25],
    "mostly 5": [-2.0, -1.8, -1.6, -1.28],
}


def scored(rng: np.random.Generator, rho: float, n: int, kind: str) -> tuple[Floats, Floats]:
    """A judge's and people's five-point scores; "fine": the judge's on a fine scale, people's even."""
    first = rng.standard_normal(n)
    second = rho * first + np.sqrt(1 - rho * rho) * rng.standard_normal(n)
    cuts = CUTS["even" if kind == "fine" else kind]
    said = np.clip(3 + 1.2 * first, 1, 5) if kind == "fine" else np.searchsorted(cuts, first) + 1.0
    return np.asarray(said, dtype=np.float64), np.searchsorted(cuts, second) + 1.0


ORDINAL: dict[str, Callable[[list[float], list[float]], object]] = {
    "spearman": spearman,
    "kendall_tau_b": kendall_tau_b,
    "quadratic_weighted_kappa": quadratic_weighted_kappa,
    "mae": lambda x, y: mae(x, y, span=4.0),
    "agr_2_2": agr,
}


def ordinal_truth(name: str, x: Floats, y: Floats) -> float:
    from scipy import stats

    if name == "spearman":
        return float(stats.spearmanr(x, y).statistic)
    if name == "kendall_tau_b":
        return float(stats.kendalltau(x, y).statistic)
    if name == "quadratic_weighted_kappa":
        return float(1 - np.mean((x - y) ** 2) / (x.var() + y.var() + (x.mean() - y.mean()) ** 2))
    apart = np.abs(x - y)
    return float(apart.mean()) if name == "mae" else float(np.where(apart < 2 - 1e-9, (apart + 1) ** -2.0, 0).mean())


def ordinal(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    for kind, rho in product(("even", "skewed", "mostly 5", "fine"), (0.0, 0.5, 0.8, 0.95)):
        big = scored(rng, rho, 400_000, kind)
        truths = {name: ordinal_truth(name, *big) for name in ORDINAL}
        for n in effort.sizes:
            tally = Tally()
            for _ in range(effort.slow(n)):
                x, y = (side.tolist() for side in scored(rng, rho, n, kind))
                for name, statistic in ORDINAL.items():
                    tally.add(name, statistic(x, y), truths[name])
            yield from tally.cells(n, f"scores {kind}, correlation {rho:g}")


def spearman_leads(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    def draw(n: int, better: float, worse: float, alike: float) -> tuple[Floats, Floats, Floats]:
        own, both = rng.standard_normal(n), np.sqrt(alike) * rng.standard_normal(n)
        first, second = (
            rho * own + np.sqrt(1 - rho**2) * (both + np.sqrt(1 - alike) * rng.standard_normal(n))
            for rho in (better, worse)
        )
        cuts = CUTS["even"]
        return np.searchsorted(cuts, first) + 1.0, second, np.searchsorted(cuts, own) + 1.0

    for kind in ((0.8, 0.5, 0.2), (0.6, 0.6, 0.3), (0.9, 0.85, 0.7), (0.7, 0.0, 0.0), (0.95, 0.5, 0.0)):
        big = draw(400_000, *kind)
        truth = ordinal_truth("spearman", big[0], big[2]) - ordinal_truth("spearman", big[1], big[2])
        for n in effort.sizes:
            tally = Tally()
            for _ in range(effort.slow(n)):
                tally.add("lead_spearman", _lead(*draw(n, *kind), list(range(n)), 0.95), truth)
            yield from tally.cells(n, f"correlations {kind[0]:g} and {kind[1]:g}, errors alike {kind[2]:g}")


def areas(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    """Scores of passed and failed items are normal, a gap apart, so AUC = Φ(gap/√2)."""
    kinds = ((0.0, 0.0, 0.3), (1.5, 0.5, 0.5), (1.2, 1.2, 0.5), (2.2, 1.0, 0.0), (2.2, 1.0, 0.5), (3.0, 0.3, 0.0))
    for n, prevalence, (first, second, alike) in product(effort.sizes, effort.prevalences, kinds):
        tally = Tally()
        truths = [float(ndtr(gap / np.sqrt(2))) for gap in (first, second)]
        for _ in range(effort.slow(n)):
            passed, both = rng.random(n) < prevalence, np.sqrt(alike) * rng.standard_normal(n)
            a, b = (
                (gap * passed + both + np.sqrt(1 - alike) * rng.standard_normal(n)).tolist() for gap in (first, second)
            )
            tally.add("auc", auc(a, words(passed)), truths[0])
            tally.add("lead_auc", auc_difference(a, b, words(passed)), truths[0] - truths[1])
        yield from tally.cells(
            n, f"prevalence {prevalence:g}, AUCs {truths[0]:.2f} and {truths[1]:.2f}, alike {alike:g}"
        )


def shares_of_items(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    """Exact: order consistency, exact, within one, accuracy with ties (n fixed); accuracy without ties (n random)."""
    from scipy.stats import binom

    for n, p in product(effort.sizes, (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)):
        low, high = wilsons(n)
        held = (low <= p + 1e-12) & (p - 1e-12 <= high)
        of_m = [float(binom.pmf(np.arange(m + 1), m, p) @ held[m, : m + 1]) for m in range(n + 1)]
        yield Cell("share_of_items", n, f"share {p:g}", of_m[n], 0)
        decided = binom.pmf(np.arange(n + 1), n, 0.75)
        decided[0] = 0.0
        coverage = float(decided @ of_m) / float(decided.sum())
        yield Cell("accuracy_without_ties", n, f"accuracy {p:g}, a quarter ties", coverage, 0)


def raters(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    """People who say the item's own class with some chance, else the other."""
    for people, prevalence, right in product((2, 3, 5), (0.5, 0.8, 0.95), (0.7, 0.9)):
        said = prevalence * right + (1 - prevalence) * (1 - right)
        truth = 1 - (2 * right * (1 - right)) / (2 * said * (1 - said))
        for n in effort.sizes:
            tally = Tally()
            for _ in range(effort.slow(n)):
                own = rng.random(n) < prevalence
                ratings = np.where(rng.random((n, people)) < right, own[:, None], ~own[:, None]).tolist()
                tally.add("krippendorff_alpha", krippendorff_alpha(ratings), truth)
                tally.add("fleiss_kappa", fleiss_kappa(ratings), truth)
            yield from tally.cells(n, f"{people} people, prevalence {prevalence:g}, right {right:g}")


CALIBRATION: dict[str, Callable[[Floats], Floats]] = {
    "calibrated": lambda sure: sure,
    "overconfident": lambda sure: np.maximum(0, sure - 0.25),
    "as often whatever it says": lambda sure: np.full_like(sure, 0.7),
    "underconfident": lambda sure: np.minimum(1, sure + 0.15),
    "always right": lambda sure: np.ones_like(sure),
    "off at one level": lambda sure: np.where(sure > 0.9, 0.5, sure),
}


def calibration(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    for low, (kind, rate), n in product((0.9, 0.5, 0.0), CALIBRATION.items(), effort.sizes):
        middle = low + (1 - low) * (np.arange(20_000) + 0.5) / 20_000
        truth = calibration_errors(*bins_of(middle[None, :], rate(middle)[None, :]))[0][0]
        sure = rng.uniform(low, 1.0, (effort.samples, n))
        right = rng.random(sure.shape) < rate(sure)
        _, least, most = calibration_errors(*bins_of(sure, right.astype(np.float64)))
        held = (least <= truth + 1e-9) & (truth <= most)
        corner = f"{kind}, confidence {low:g} to 1"
        yield Cell("ece", n, corner, float(held.mean()), effort.samples)
        brier_truth = float((rate(middle) * (1 - middle) ** 2 + (1 - rate(middle)) * middle**2).mean())
        tally = Tally()
        for sample in range(effort.slow(n)):
            tally.add("brier", bounded_mean((sure[sample] - right[sample]) ** 2, 0.0, 1.0), brier_truth)
        yield from tally.cells(n, corner)


def bins_of(sure: Floats, right: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """What `calibration_errors` takes, of confidences and outcomes of shape (n_tables, n_items)."""
    inside = np.ceil(sure * 10)[:, :, None] == np.arange(1, 11)
    n, means = inside.sum(axis=1).astype(np.float64), (inside * sure[:, :, None]).sum(axis=1)
    means = means / np.maximum(1, n)
    within = np.square(sure - (inside * means[:, None, :]).sum(axis=2)).sum(axis=1)
    return n, (inside * right[:, :, None]).sum(axis=1), means, within


def mean_scores(effort: Effort, rng: np.random.Generator) -> Iterator[Cell]:
    """PPI++ for the mean of five-point scores of 1,000 items; and the difference of two systems' mean scores."""
    for kind, rho in product(("even", "skewed", "mostly 5"), (0.0, 0.5, 0.9)):
        _, big = scored(rng, rho, 400_000, kind)
        for n in effort.sizes:
            tally = Tally()
            for _ in range(effort.slow(n)):
                judge, labels = scored(rng, rho, 1000, kind)
                found = prediction_powered_mean(labels[:n], judge[:n], judge[n:], lowest=1.0, highest=5.0)
                tally.add("prediction_powered_score", found, float(big.mean()))
                tally.add("mean_score_difference", bounded_mean((judge - labels)[:n], -4.0, 4.0), 0.0)
            yield from tally.cells(n, f"scores {kind}, correlation {rho:g}")


def clustered(effort: Effort, rng: np.random.Generator, size: int = 4) -> Iterator[Cell]:
    """Fours of one input whose outcomes are alike, as many items as n says; the design effect must see it."""
    for n, (theta, q1, q0), alike in product(
        effort.sizes, ((0.7, 0.9, 0.8), (0.85, 0.9, 0.7), (0.5, 0.8, 0.8)), (0.2, 0.5)
    ):
        if n < 10 * size:
            continue
        tally, run = Tally(), 3 * n
        groups = np.arange(run) // size
        for _ in range(effort.slow(n)):
            fate = [_alike(rng, mean, alike, run // size + 1)[groups] for mean in (theta, q1, q0)]
            good = rng.random(run) < fate[0]
            said = np.where(good, rng.random(run) < fate[1], rng.random(run) >= fate[2])
            tally.add("clustered_share", share(good[:n], groups=groups[:n].tolist()), theta)
            ours = words(said[:n]), words(good[:n])
            both = groups[:n].tolist(), groups[n:].tolist()
            deff = shared_inputs_of_a_run(*ours, words(said[n:]), both)
            counted = cells(*ours).confusion
            found = corrected_pass_rate(counted, int(said[n:].sum()), run - n, shared=deff)
            tally.add("clustered_corrected_pass_rate", found, theta)
            powered = prediction_powered_mean(good[:n] * 1.0, said[:n] * 1.0, said[n:] * 1.0, groups=both)
            tally.add("clustered_prediction_powered", powered, theta)
            sure = rng.uniform(0.5, 1.0, n)
            right = ndtr(
                np.sqrt(alike) * rng.standard_normal(n)[groups[:n]] + np.sqrt(1 - alike) * rng.standard_normal(n)
            )
            hit = right < np.maximum(0, sure - 0.2)
            error = expected_calibration_error(sure.tolist(), hit.tolist(), groups=both[0])
            tally.add("clustered_ece", error, 0.2)
        yield from tally.cells(
            n, f"{n // size} groups of {size}, pass rate {theta:g}, TPR {q1:g}, TNR {q0:g}, alike {alike:g}"
        )


def _alike(rng: np.random.Generator, mean: float, alike: float, size: int) -> Floats:
    strength = (1 - alike) / alike
    return rng.beta(mean * strength, (1 - mean) * strength, size)


FAMILIES: dict[str, Callable[[Effort, np.random.Generator], Iterator[Cell]]] = {
    one.__name__: one
    for one in (
        pass_fail,
        shares_of_items,
        corrected,
        stratified,
        two_judges,
        kappa_differences,
        two_systems,
        ordinal,
        spearman_leads,
        areas,
        raters,
        calibration,
        mean_scores,
        clustered,
    )
}
