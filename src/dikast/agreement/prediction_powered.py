"""The mean score or pass rate of a whole run from few labels and many verdicts: prediction-powered inference (PPI++).

The labels alone give an honest mean with a wide interval. The judge's verdicts on everything else take away the part of
that width which the judge explains, and no more: how much weight they get is tuned on the labels, so a judge that
explains nothing costs nothing. With mediocre judges the gain is small; it is reported.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.clusters import Floats, Ints, cluster_codes, design_effect
from dikast.agreement.corrected import Refused
from dikast.agreement.estimate import Estimate, check_level
from dikast.agreement.jackknife import t_quantile
from dikast.agreement.wilson import normal_quantile, wilson
from dikast.errors import InputError

Groups = tuple[Sequence[Hashable], Sequence[Hashable]] | None

_CELL = 0.5  # of an item, added to each cell of label and verdict, so that a variance of 0 is never believed
_MOST_WORTH = 100.0
_FEWEST = 10
_FEWEST_OF_A_STRATUM = 2


@dataclass(frozen=True, slots=True)
class PredictionPowered:
    """A mean with its interval; `tuning` is the weight of the judge's verdicts, from 0 (not used) to 1.

    worth: as how many labels each one counts, thanks to the judge. strata: how many strata were weighted; 1 for none.
    """

    figure: Estimate
    tuning: float
    worth: float
    strata: int = 1


@dataclass(frozen=True, slots=True)
class _Moments:
    """Each stratum's weight, sizes, and moments of labels y and verdicts f, shape (n_strata,)."""

    weight: Floats
    n: Floats
    rest: Floats
    y: Floats
    f: Floats
    rest_f: Floats
    var_y: Floats
    var_f: Floats
    cov: Floats
    var_rest: Floats
    pooled: Floats

    def tuning(self) -> float:
        """λ = Σ W² cov(y, f)/n / Σ W² var(f)·(1/n + 1/N), in [0, 1]; for one stratum cov / ((1 + n/N)·var)."""
        above = float((self.weight**2 * self.cov / self.n).sum())
        below = float((self.weight**2 * self.pooled * (1 / self.n + 1 / self.rest)).sum())
        return min(1.0, max(0.0, above / below)) if below > 0 else 0.0

    def mean(self, tuning: float) -> float:
        """θ = Σ W (λ·f̄_rest + ȳ − λ·f̄)."""
        return float((self.weight * (tuning * self.rest_f + self.y - tuning * self.f)).sum())

    def influence(self, tuning: float, items: tuple[Floats, Floats, Floats], codes: tuple[Ints, Ints]) -> Floats:
        """What each item, labelled ones first, adds to that mean beyond its stratum's own; shape (n + N,).

        items: labels, verdicts on their items, and on the others; codes: the strata of the first two, and of the last.
        """
        y, f, rest = items
        ours, theirs = codes
        apart = y - self.y[ours] - tuning * (f - self.f[ours])
        others = tuning * (rest - self.rest_f[theirs])
        return np.concatenate([(self.weight / self.n)[ours] * apart, (self.weight / self.rest)[theirs] * others])

    def variance(self, tuning: float) -> float:
        """Of that mean."""
        residual = self.var_y - 2 * tuning * self.cov + tuning**2 * self.var_f
        return float((self.weight**2 * (tuning**2 * self.var_rest / self.rest + residual / self.n)).sum())


def prediction_powered_mean(
    labels: Sequence[float],
    judge: Sequence[float],
    rest: Sequence[float],
    *,
    lowest: float = 0.0,
    highest: float = 1.0,
    strata: Groups = None,
    groups: Groups = None,
    shares: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> PredictionPowered | Refused:
    """The mean that people would give to all items, from labels of some and verdicts on all.

    θ = λ·mean(f_rest) + mean(y − λ·f), with λ = cov(y, f) / ((1 + n/N)·var(f)) in [0, 1], f over all items.

    labels, judge: of the labelled items, shape (n,), numbers in [lowest, highest]; 0 and 1 for fail and pass. rest:
    verdicts on the N others. strata: of the labelled and of the other items; then means and variances are each
    stratum's, weighted by its share of all items, which is right when labels were drawn at random within each. groups:
    of the labelled and of the other items; those of one group are taken as dependent (see `clusters`). shares: of the
    strata in what all these items were themselves drawn from, so that the mean is that of the source.

    The interval is that of a mean of n·w labels: Wilson's for 0 and 1, `bounded_mean`'s else, where w is how many times
    smaller the variance is than that of the labels' mean; for 0 and 1 it is found with half an item more in each cell.
    Simulated coverage of pass rates is 95.0 to 95.4 % on average at n = 30, 60 and 200, the worst corner .939 (the
    normal interval's: 88 % and .73 at n = 30); of means on a five-point scale, even or skewed, with judges from
    knowing nothing to ρ = .95 (2,000 samples a corner): 94.5 to 97.9 % at n = 30, 94.0 to 95.8 % at n = 100. Above 97 %
    are only scales of which nine in ten items get the highest level, at n = 30.

    Refused, with the reason, for fewer than 10 labels, no other items, or a stratum with fewer than 2 labels. Raises
    InputError if lengths differ or a number is outside the bounds. Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453,
    section 6; strata: Fisch et al. 2024, arXiv:2406.04291
    """
    check_level(level)
    y, f, other = _checked(labels, judge, rest, lowest, highest)
    if y.size < _FEWEST or other.size == 0:
        return Refused(_too_few(y.size, other.size))
    codes, other_codes, names = _codes(strata, y.size, other.size)
    thin = _thin(codes, other_codes, names)
    if thin is not None:
        return Refused(thin)
    weight = None
    if shares is not None:
        unseen = sorted(name for name, share in shares.items() if share > 0 and name not in names)
        if unseen:
            return Refused(f"no item of the stratum {', '.join(unseen[:5])} is here to stand for it")
        weight = np.array([shares.get(str(name), 0.0) for name in names], dtype=np.float64)
    plain = _moments(y, f, other, codes, other_codes, weight)
    tuning = plain.tuning()
    two_valued = lowest == 0.0 and highest == 1.0 and bool(np.isin(np.concatenate([y, f, other]), (0.0, 1.0)).all())
    value = plain.mean(tuning)
    spread = _moments(y, f, other, codes, other_codes, weight, cell=_CELL / len(names)) if two_valued else plain
    worth = _worth(spread, two_valued)
    inside = min(highest, max(lowest, value))
    deff = _design_effect(plain.influence(tuning, (y, f, other), (codes, other_codes)), groups)
    counts_as = worth / deff
    method = f"PPI++ (weight {tuning:.2f}; a label is worth {worth:.2f})"
    method += f", {len(names)} strata" if len(names) > 1 else ""
    method += f", design effect {deff:.2f}" if deff != 1.0 else ""
    if two_valued:
        bound = wilson(inside * y.size * counts_as, y.size * counts_as, level)
        low, high = bound.low, bound.high
    else:
        alone = bounded_mean(y, lowest, highest, worth=counts_as, level=level)
        assert isinstance(alone, Estimate)
        low, high = (min(highest, max(lowest, end + value - alone.value)) for end in (alone.low, alone.high))
    figure = Estimate(inside, min(low, inside), max(high, inside), y.size + other.size, method, level)
    return PredictionPowered(figure, tuning, worth, len(names))


def _design_effect(influence: Floats, groups: Groups) -> float:
    return 1.0 if groups is None else design_effect(influence, cluster_codes([*groups[0], *groups[1]], influence.size))


def _worth(spread: _Moments, two_valued: bool) -> float:
    """How many times smaller the variance is than that of the same number of labels drawn at random, alone."""
    tuning, n = spread.tuning(), float(spread.n.sum())
    mean = float((spread.weight * spread.y).sum())
    between = float((spread.weight * (spread.var_y + (spread.y - mean) ** 2)).sum())
    used = spread.variance(tuning)
    if not two_valued:  # two numbers were fitted on the labels: the mean and the weight
        used *= (n - 1) / (n - 2) * (t_quantile(0.95, n - 2) / normal_quantile(0.95)) ** 2
        between *= n / (n - 1)
    return min(_MOST_WORTH, between / n / used) if used > 0 and between > 0 else 1.0


def _moments(
    y: Floats,
    f: Floats,
    rest: Floats,
    codes: Ints,
    other_codes: Ints,
    weight: Floats | None = None,
    *,
    cell: float = 0.0,
) -> _Moments:
    """Moments by stratum; `cell` items are added for each pair of a label and a verdict of 0 or 1.

    weight: of each stratum; without, its share of the items that are here.
    """
    found = []
    for code in range(int(codes.max()) + 1):
        ours, others = codes == code, rest[other_codes == code]
        labels = np.concatenate([y[ours], [0.0, 0.0, 1.0, 1.0]])
        said = np.concatenate([f[ours], [0.0, 1.0, 0.0, 1.0]])
        mass = np.concatenate([np.ones(int(ours.sum())), np.full(4, cell)])
        n = float(mass.sum())
        mean_y, mean_f = float(mass @ labels) / n, float(mass @ said) / n
        all_f = float(mass @ said) + float(others.sum())
        size = n + others.size
        squares = float(mass @ said**2) + float((others**2).sum())
        found.append(
            (
                float(ours.sum()) + others.size,
                n,
                float(others.size),
                mean_y,
                mean_f,
                float(others.mean()),
                float(mass @ (labels - mean_y) ** 2) / n,
                float(mass @ (said - mean_f) ** 2) / n,
                float(mass @ ((labels - mean_y) * (said - mean_f))) / n,
                float(others.var()),
                max(0.0, (squares - all_f**2 / size) / (size - 1)),
            )
        )
    columns = [np.array(column, dtype=np.float64) for column in zip(*found, strict=True)]
    weighed = columns[0] if weight is None else weight
    return _Moments(weighed / weighed.sum(), *columns[1:])


def _checked(
    labels: Sequence[float], judge: Sequence[float], rest: Sequence[float], lowest: float, highest: float
) -> tuple[Floats, Floats, Floats]:
    y, f, other = (np.asarray(values, dtype=np.float64) for values in (labels, judge, rest))
    if y.shape != f.shape:
        raise InputError(f"{f.size} verdicts and {y.size} labels: one label a verdict is expected, in item order")
    for name, values in (("label", y), ("verdict", f), ("verdict", other)):
        outside = values[~((values >= lowest - 1e-9) & (values <= highest + 1e-9))]
        if outside.size:
            raise InputError(f"the {name} {float(outside[0])!r} is outside {lowest:g} to {highest:g}")
    return y, f, other


def _too_few(n: int, others: int) -> str:
    if others == 0:
        return "every item is labelled, so there is nothing for the judge to add"
    return f"{n} labels are too few to say how far the judge's verdicts may be leaned on; {_FEWEST - n} more are needed"


def _codes(strata: Groups, n: int, others: int) -> tuple[Ints, Ints, list[Hashable]]:
    if strata is None:
        return np.zeros(n, dtype=np.int64), np.zeros(others, dtype=np.int64), ["all"]
    ours, theirs = strata
    if len(ours) != n or len(theirs) != others:
        raise InputError(f"{len(ours)} and {len(theirs)} strata for {n} and {others} items: one an item is expected")
    known: dict[Hashable, int] = {}
    codes = [np.array([known.setdefault(one, len(known)) for one in part], dtype=np.int64) for part in (ours, theirs)]
    return codes[0], codes[1], list(known)


def _thin(codes: Ints, other_codes: Ints, names: Sequence[Hashable]) -> str | None:
    labelled = np.bincount(codes, minlength=len(names))
    others = np.bincount(other_codes, minlength=len(names))
    few = [str(name) for name, n in zip(names, labelled, strict=True) if n < _FEWEST_OF_A_STRATUM]
    if few:
        return f"fewer than {_FEWEST_OF_A_STRATUM} labels of the stratum {', '.join(few[:5])}; label some there"
    whole = [str(name) for name, n in zip(names, others, strict=True) if n == 0]
    if whole:
        return f"every item of the stratum {', '.join(whole[:5])} is labelled, and no verdict there is left to weigh"
    return None
