"""The pass rate that people would have given, from a judge that errs at known rates."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from dikast.agreement.clusters import cluster_codes, design_effect
from dikast.agreement.confusion import Confusion
from dikast.agreement.double_sampling import double_sampling
from dikast.agreement.estimate import Estimate
from dikast.agreement.wilson import normal_quantile, wilson
from dikast.errors import InputError


@dataclass(frozen=True, slots=True)
class Refused:
    """A figure that these data don't allow, and why."""

    why: str


def rogan_gladen(
    passed: int, n: int, confusion: Confusion, level: float = 0.95, *, shared: float = 1.0
) -> Estimate | Refused:
    """The true pass rate behind n verdicts of a judge whose errors were measured on other, labelled items.

    θ = (p + q₀ − 1) / (q₀ + q₁ − 1), with p = passed / n, q₁ = TPR, q₀ = TNR, clipped to [0, 1]. The interval carries
    the uncertainty of all three: with ñ = n + z², p̃ = (passed + z²/2)/ñ, m̃ᵢ = mᵢ + 2, q̃ᵢ = (mᵢqᵢ + 1)/m̃ᵢ and θ̃
    from these, it is θ̃ + d ± z·√(p̃(1−p̃)/ñ + (1−θ̃)² q̃₀(1−q̃₀)/m̃₀ + θ̃² q̃₁(1−q̃₁)/m̃₁) / (q̃₀ + q̃₁ − 1),
    clipped, where d = 2z²·(θ̃ q̃₁(1−q̃₁)/m̃₁ − (1−θ̃) q̃₀(1−q̃₀)/m̃₀).

    passed, n: verdicts on items that were not used for `confusion`. shared: a design effect, by which all counts are
    divided before the interval is made, see `shared_inputs_of_a_run`. Refused when either class has no label, or
    q₀ + q₁ ≤ 1: a judge no better than chance carries no information. Raises InputError unless 0 ≤ passed ≤ n, n ≥ 1.
    Rogan & Gladen 1978, doi:10.1093/oxfordjournals.aje.a112510; Lang & Reiczigel 2014,
    doi:10.1016/j.prevetmed.2013.09.015; Lee et al., arXiv:2511.21140

    >>> estimate = rogan_gladen(600, 1000, Confusion(tp=90, fn=10, fp=20, tn=80))
    >>> round(estimate.value, 4), round(estimate.low, 3), round(estimate.high, 3)
    (0.5714, 0.49, 0.655)
    """
    if n < 1 or not 0 <= passed <= n:
        raise InputError(f"{passed!r} of {n!r} verdicts passed: n must be 1 or more, and passed from 0 to n")
    refused = uncorrectable(confusion)
    if refused is not None:
        return refused
    m1, m0 = confusion.tp + confusion.fn, confusion.fp + confusion.tn
    value = (passed / n + confusion.tn / m0 - 1) / (confusion.tn / m0 + confusion.tp / m1 - 1)
    z = normal_quantile(level)
    n_, m0_, m1_ = n / shared + z * z, m0 / shared + 2, m1 / shared + 2
    p = (passed / shared + z * z / 2) / n_
    q0, q1 = (confusion.tn / shared + 1) / m0_, (confusion.tp / shared + 1) / m1_
    informed = q0 + q1 - 1
    if informed <= 0:
        return Refused(_CHANCE.format(q1=confusion.tp / m1, q0=confusion.tn / m0))
    theta = (p + q0 - 1) / informed
    v0, v1 = q0 * (1 - q0) / m0_, q1 * (1 - q1) / m1_
    shift = 2 * z * z * (theta * v1 - (1 - theta) * v0)
    reach = z * sqrt(p * (1 - p) / n_ + (1 - theta) ** 2 * v0 + theta**2 * v1) / informed
    low, high = _clip(theta + shift - reach), _clip(theta + shift + reach)
    value = _clip(value)
    method = "Rogan-Gladen, Lang-Reiczigel interval" + _said(shared)
    return Estimate(value, min(low, value), max(high, value), n, method, level)


def _said(shared: float) -> str:
    return "" if shared == 1.0 else f", design effect {shared:.2f}"


_CHANCE = (
    "TPR {q1:.2f} + TNR {q0:.2f} is not above 1: the judge is no better than chance, and what it says holds no "
    "information to correct"
)


def uncorrectable(confusion: Confusion) -> Refused | None:
    """Why no pass rate can be corrected with this judge, or None when it can."""
    m1, m0 = confusion.tp + confusion.fn, confusion.fp + confusion.tn
    if m1 == 0 or m0 == 0:
        missing = "pass" if m1 == 0 else "fail"
        return Refused(f"no item is labelled {missing}, so the judge's error on those is unknown; label some")
    if confusion.tp / m1 + confusion.tn / m0 <= 1:
        return Refused(_CHANCE.format(q1=confusion.tp / m1, q0=confusion.tn / m0))
    return None


def corrected_pass_rate(
    confusion: Confusion, passed: int, n: int, level: float = 0.95, *, shared: float = 1.0
) -> Estimate | Refused:
    """The pass rate of a run, part of which is labelled: labels where there are some, corrected verdicts elsewhere.

    confusion: of the labelled items, drawn at random from the run. passed, n: the verdicts on its other items, n ≥ 0.
    shared: the design effect of items that share inputs, see `shared_inputs_of_a_run`. The value is `rogan_gladen`'s θ
    for all verdicts of the run. The interval is that of `double_sampling`, which carries what p, q₀ and q₁ leave open
    and knows that the labels were drawn from this very run; `rogan_gladen`'s, which must hold wherever the judge's
    rates do, is twice as wide at 100 labels, and too narrow for judges that let most bad items through (it covers 84 %
    at TPR 1, TNR .3). Where θ lies outside of the interval, as it may for such judges, the value is the interval's
    nearer end. Refused as in `rogan_gladen`: who has labels of one class only, or a judge no better than chance, is to
    be told.

    >>> corrected_pass_rate(Confusion(tp=45, fn=5, fp=10, tn=40), 0, 0).method
    'Wilson (every item is labelled)'
    """
    refused = uncorrectable(confusion)
    if refused is not None:
        return refused
    if n == 0:
        good = confusion.tp + confusion.fn
        labelled = wilson(good / shared, confusion.n / shared, level)
        method = "Wilson (every item is labelled)" + _said(shared)
        return Estimate(good / confusion.n, labelled.low, labelled.high, confusion.n, method, level)
    found = double_sampling(confusion, passed, n, level, shared=shared)
    assert found is not None  # there are labels of both classes
    tpr, tnr = confusion.tp / (confusion.tp + confusion.fn), confusion.tn / (confusion.fp + confusion.tn)
    p = (passed + confusion.tp + confusion.fp) / found.n
    theta = (p + tnr - 1) / (tpr + tnr - 1)
    method = f"Rogan-Gladen, {found.method}"
    return replace(found, value=min(found.high, max(found.low, theta)), method=method)


def shared_inputs_of_a_run(
    judge: Sequence[str],
    labels: Sequence[str],
    rest: Sequence[str],
    groups: tuple[Sequence[Hashable], Sequence[Hashable]] | None,
) -> float:
    """The design effect for `corrected_pass_rate`: how many times larger its variance is as items share inputs.

    judge, labels: of the labelled items; rest: the verdicts on the others; "pass" or "fail". groups: of the labelled
    and of the other items; an input may have items in both. What each item does to the corrected rate is summed up by
    group (see `clusters`): each of the N items (μ − θ)/N, where μ is the share of good ones under its verdict, and a
    labelled one besides P(y − μ)/m, where P of all items and m labelled ones have that verdict. 1 without groups, and
    where no rate can be corrected.
    """
    if groups is None:
        return 1.0
    y = np.array([word == "pass" for word in labels], dtype=np.float64)
    said = np.array([word == "pass" for word in [*judge, *rest]], dtype=bool)
    codes = cluster_codes([*groups[0], *groups[1]], said.size)
    ours = said[: y.size]
    if codes is None or not 0 < ours.sum() < y.size:
        return 1.0
    good = np.where(said, y[ours].mean(), y[~ours].mean())
    influence = (good - good.mean()) / said.size
    weight = np.where(ours, said.mean() / ours.sum(), (1 - said.mean()) / (~ours).sum())
    influence[: y.size] += weight * (y - good[: y.size])
    return design_effect(influence, codes)


def _clip(share: float) -> float:
    return min(1.0, max(0.0, share))
