"""Two judges, or two systems, on the same items: what differs, by how much, and whether that is more than chance.

Numbers in, numbers out: whoever calls has paired the items. A difference is always first minus second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence, Sized
from dataclasses import dataclass

import numpy as np

from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.clusters import Floats, cluster_codes, design_effect
from dikast.agreement.cohen_kappa import cohen_kappa
from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, uncorrectable
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.jeffreys import table_estimate
from dikast.agreement.paired import mcnemar_exact, paired_difference
from dikast.agreement.paired_auc import auc_difference
from dikast.agreement.proportion import share
from dikast.agreement.rates import tnr, tpr
from dikast.agreement.spearman import rank_correlation, spearman
from dikast.errors import InputError

Groups = Sequence[Hashable] | None

_DRAWS = 20_000
_SEED = 1947  # the year of McNemar's paper


@dataclass(frozen=True, slots=True)
class Difference:
    """One statistic of the first, of the second, and the paired difference; McNemar's exact p where that applies."""

    name: str
    first: Figure
    second: Figure
    difference: Figure
    mcnemar_p: float | None = None

    @property
    def tells(self) -> int:
        """1 when the first is higher by more than chance, −1 when the second is, 0 when these items can't tell."""
        if isinstance(self.difference, Undefined):
            return 0
        return 1 if self.difference.low > 0 else -1 if self.difference.high < 0 else 0


def judges(
    first: Sequence[str], second: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95
) -> list[Difference]:
    """Two pass/fail judges against the same labels: balanced accuracy, TPR, TNR, accuracy and kappa, with differences.

    first, second, labels: "pass" or "fail" in item order, shape (n_items,). The interval of kappa's difference is
    Jeffreys' over the eight cells of first, second and label; the others' are `paired_difference`'s. McNemar's p stands
    with the rates that it tests. Raises InputError for other words or lengths.
    """
    _check_lengths(first, second, labels, groups)
    good = [label == "pass" for label in labels]
    rights = [[a == b for a, b in zip(judge, labels, strict=True)] for judge in (first, second)]

    def differ(where: list[bool] | None, strata: Sequence[str] | None) -> tuple[Figure, float | None]:
        kept = [i for i in range(len(labels)) if where is None or where[i]]
        a, b = ([right[i] for i in kept] for right in rights)
        own = None if groups is None else [groups[i] for i in kept]
        by = None if strata is None else [strata[i] for i in kept]
        return paired_difference(a, b, groups=own, strata=by, level=level), mcnemar_exact(a, b) if kept else None

    both = len(set(good)) == 2
    lean, _ = differ(None, labels)
    if not both:
        lean = Undefined("labels of both classes are needed", len(labels))
    found = [
        Difference(
            "balanced_accuracy",
            balanced_accuracy(first, labels, groups=groups, level=level),
            balanced_accuracy(second, labels, groups=groups, level=level),
            lean,
        )
    ]
    for name, statistic, where in (("tpr", tpr, good), ("tnr", tnr, [not one for one in good])):
        figures = [statistic(judge, labels, groups=groups, level=level) for judge in (first, second)]
        found.append(Difference(name, figures[0], figures[1], *differ(where, None)))
    shares = [share(right, groups=groups, level=level) for right in rights]
    found.append(Difference("accuracy", shares[0], shares[1], *differ(None, None)))
    kappas = [cohen_kappa(judge, labels, groups=groups, level=level) for judge in (first, second)]
    found.append(
        Difference("cohen_kappa", kappas[0], kappas[1], kappa_difference(first, second, labels, groups, level))
    )
    return found


def kappa_difference(
    first: Sequence[str], second: Sequence[str], labels: Sequence[str], groups: Groups = None, level: float = 0.95
) -> Figure:
    """κ of first and labels − κ of second and labels, on the same items.

    Undefined when either kappa is. Interval: Jeffreys' posterior over the table of all three, see `jeffreys`.
    """
    words = sorted({*first, *second, *labels}) or ["pass"]
    k = max(2, len(words))
    place = {word: i for i, word in enumerate(words)}
    cell = np.array(
        [(place[a] * k + place[b]) * k + place[c] for a, b, c in zip(first, second, labels, strict=True)],
        dtype=np.int64,
    )

    reason = "one of the two kappas is undefined: judge and labels only ever say one and the same thing"
    return table_estimate(
        cell, k**3, lambda shares: _kappas_apart(shares, k), cluster_codes(groups, len(labels)), level, reason
    )


def _kappas_apart(shares: Floats, k: int) -> Floats:
    """κ of first and label − κ of second and label. shares: of (first, second, label), shape (m, k³)."""
    cube = shares.reshape(-1, k, k, k)
    return _kappa_of(cube.sum(axis=2)) - _kappa_of(cube.sum(axis=1))


def _kappa_of(tables: Floats) -> Floats:
    observed = np.trace(tables, axis1=1, axis2=2)
    expected = (tables.sum(axis=2) * tables.sum(axis=1)).sum(axis=1)
    kappa: Floats = (observed - expected) / (1 - expected)
    return kappa


def judges_by_choice(
    first: Sequence[str], second: Sequence[str], labels: Sequence[str], *, groups: Groups = None, level: float = 0.95
) -> list[Difference]:
    """Two pairwise judges against the same labels, on the pairs in which people prefer one output."""
    _check_lengths(first, second, labels, groups)
    kept = [i for i, label in enumerate(labels) if label != "tie"]
    rights = [[judge[i] == labels[i] for i in kept] for judge in (first, second)]
    own = None if groups is None else [groups[i] for i in kept]
    reason = "every pair is labelled a tie"
    figures = [share(right, groups=own, level=level, empty=reason) for right in rights]
    lead = paired_difference(*rights, groups=own, level=level) if kept else Undefined(reason, 0)
    p = mcnemar_exact(*rights) if kept else None
    return [Difference("accuracy_without_ties", figures[0], figures[1], lead, p)]


def judges_by_order(
    first: Sequence[float],
    second: Sequence[float],
    target: Sequence[float] | Sequence[bool],
    *,
    groups: Groups = None,
    level: float = 0.95,
) -> list[Difference]:
    """Two judges that score, against people's scores (Spearman) or against pass and fail (AUC, target of booleans)."""
    _check_lengths(first, second, target, groups)
    if np.asarray(target).dtype == np.bool_:
        labels = ["pass" if one else "fail" for one in target]
        areas = [auc(scores, labels, groups=groups, level=level) for scores in (first, second)]
        lead = auc_difference(first, second, labels, groups=groups, level=level)
        return [Difference("auc", areas[0], areas[1], lead)]
    a, b, truth = (np.asarray(values, dtype=np.float64) for values in (first, second, target))
    ones = [spearman(scores, target, groups=groups, level=level) for scores in (first, second)]
    lead = jackknife_estimate(
        lambda items: rank_correlation(a[items], truth[items]) - rank_correlation(b[items], truth[items]),
        truth.size,
        codes=cluster_codes(groups, truth.size),
        level=level,
        transform="none",
        undefined="scores or labels are all the same",
    )
    return [Difference("spearman", ones[0], ones[1], lead)]


def systems_by_word(
    first: Sequence[str], second: Sequence[str], *, groups: Groups = None, level: float = 0.95
) -> Difference:
    """Two systems' pass rates under one judge on the same inputs. first, second: "pass" or "fail", shape (n_items,)."""
    _check_lengths(first, second, first, groups)
    passed = [[word == "pass" for word in words] for words in (first, second)]
    rates = [share(one, groups=groups, level=level) for one in passed]
    lead = paired_difference(passed[0], passed[1], groups=groups, level=level)
    return Difference("pass_rate", rates[0], rates[1], lead, mcnemar_exact(passed[0], passed[1]) if first else None)


def systems_by_score(
    first: Sequence[float],
    second: Sequence[float],
    *,
    span: tuple[float, float] | None = None,
    groups: Groups = None,
    level: float = 0.95,
) -> Difference:
    """Two systems' mean scores under one judge on the same inputs. span: the scale; by default the scores' range."""
    _check_lengths(first, second, first, groups)
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.size == 0:
        nothing = Undefined("there are no items", 0)
        return Difference("mean_score", nothing, nothing, nothing)
    every = np.concatenate([a, b, np.array(span or ())])
    low, high = float(every.min()), float(every.max())
    means = [bounded_mean(values, low, high, groups=groups, level=level) for values in (a, b)]
    lead = bounded_mean(a - b, low - high, high - low, groups=groups, level=level)
    return Difference("mean_score", means[0], means[1], lead)


@dataclass(frozen=True, slots=True)
class SharedInputs:
    """Design effects (see `clusters`) of the verdicts' differences, of TPR, and of TNR: how many items count as one."""

    verdicts: float = 1.0
    tpr: float = 1.0
    tnr: float = 1.0


def corrected_difference(
    both: int,
    only_first: int,
    only_second: int,
    neither: int,
    confusion: Confusion,
    level: float = 0.95,
    shared: SharedInputs | None = None,
) -> Estimate | Refused:
    """How much more often people would pass the first system than the second: Δθ = (p₁ − p₂) / (q₀ + q₁ − 1).

    The judge's error rates are taken to be the same on both systems. both, only_first, only_second, neither: items by
    what the judge passes. confusion: of labelled items. The interval carries all of p, q₀ and q₁: quantiles over draws
    from Dirichlet(counts + ½) and two Beta(½) posteriors (seeded), and keeps to [−1, 1]. shared: counts are divided by
    these, where items share inputs. Refused as `rogan_gladen`.

    >>> round(corrected_difference(50, 20, 10, 20, Confusion(45, 5, 10, 40)).value, 4)
    0.1429
    """
    refused = uncorrectable(confusion)
    if refused is not None:
        return refused
    n = both + only_first + only_second + neither
    if n == 0:
        return Refused("there are no items that both systems answered")
    m1, m0 = confusion.tp + confusion.fn, confusion.fp + confusion.tn
    value = (only_first - only_second) / n / (confusion.tp / m1 + confusion.tn / m0 - 1)
    rng = np.random.default_rng(_SEED)
    deff = shared or SharedInputs()
    counts = rng.dirichlet(np.array([only_first, only_second, both + neither]) / deff.verdicts + 0.5, _DRAWS)
    q1 = rng.beta(confusion.tp / deff.tpr + 0.5, confusion.fn / deff.tpr + 0.5, _DRAWS)
    q0 = rng.beta(confusion.tn / deff.tnr + 0.5, confusion.fp / deff.tnr + 0.5, _DRAWS)
    informed = q0 + q1 - 1
    if float((informed <= 0).mean()) > (1 - level) / 2:
        return Refused("the labels leave it open whether the judge is better than chance; label more of both classes")
    kept = informed > 0
    draws = np.clip((counts[kept, 0] - counts[kept, 1]) / informed[kept], -1, 1)
    low, high = (float(end) for end in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    value = min(1.0, max(-1.0, value))
    method = "Jeffreys posterior of verdicts and errors"
    if deff != SharedInputs():
        method += f", design effects {deff.verdicts:.2f}, {deff.tpr:.2f} (TPR), {deff.tnr:.2f} (TNR)"
    return Estimate(value, min(low, value), max(high, value), n, method, level)


def shared_inputs(
    first: Sequence[str],
    second: Sequence[str],
    groups: Groups,
    labelled: Sequence[tuple[str, str]],
    labelled_groups: Groups,
) -> SharedInputs:
    """The design effects for `corrected_difference`.

    first, second, groups: the verdicts on both systems' answers, and what they share, shape (n_items,). labelled:
    verdict and label of the labelled answers of either system, with groups of their own. Without groups all are 1.
    """
    ahead = np.array([(a == "pass") - (b == "pass") for a, b in zip(first, second, strict=True)], dtype=np.float64)

    def effect(values: Floats, of: Groups) -> float:
        return design_effect(values - values.mean(), cluster_codes(of, values.size)) if values.size else 1.0

    rates = []
    for word in ("pass", "fail"):
        kept = [i for i, (_, label) in enumerate(labelled) if label == word]
        right = np.array([labelled[i][0] == word for i in kept], dtype=np.float64)
        rates.append(effect(right, None if labelled_groups is None else [labelled_groups[i] for i in kept]))
    return SharedInputs(effect(ahead, groups), rates[0], rates[1])


def _check_lengths(first: Sized, second: Sized, target: Sized, groups: Sized | None) -> None:
    sizes = {len(one) for one in (first, second, target, groups) if one is not None}
    if len(sizes) > 1:
        raise InputError(f"{len(first)} and {len(second)} verdicts of {len(target)} items: one of each is expected")


def directions(first: Sequence[str], second: Sequence[str]) -> dict[tuple[str, str], int]:
    """How often each pair of words was said, the commonest first."""
    counted = Counter(zip(first, second, strict=True))
    return dict(sorted(counted.items(), key=lambda entry: (-entry[1], entry[0])))
