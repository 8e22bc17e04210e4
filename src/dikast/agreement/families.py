"""Which statistics apply to pass/fail, pairs, scores, and scores against pass/fail, under their names in the field."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.calibration import brier, expected_calibration_error
from dikast.agreement.clusters import Floats
from dikast.agreement.cohen_kappa import cohen_kappa
from dikast.agreement.estimate import Figure, Undefined
from dikast.agreement.f1 import f1
from dikast.agreement.gwet_ac1 import gwet_ac1
from dikast.agreement.kendall_tau import kendall_tau_b
from dikast.agreement.matching import Matched
from dikast.agreement.mcc import mcc
from dikast.agreement.pairwise import accuracy_with_ties, accuracy_without_ties, order_consistency
from dikast.agreement.rates import accuracy, precision, recall, tnr, tpr
from dikast.agreement.score_errors import agr, exact, mae, within_one
from dikast.agreement.spearman import spearman
from dikast.agreement.weighted_kappa import quadratic_weighted_kappa

Groups = Sequence[Hashable] | None
Span = tuple[float, float]

HEADLINE = {
    "pass_fail": "balanced_accuracy",
    "pairwise": "accuracy_without_ties",
    "ordinal": "spearman",
    "ranking": "auc",
}
"""The statistic on which judge and baselines are compared, for each family."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Judge's and people's scores on one scale, shape (n_items,); span is that scale, None when it isn't known.

    apart: why distances between the two mean nothing, when they don't; ranks still do.
    """

    judge: Floats
    labels: Floats
    span: Span | None
    apart: str | None = None


def family_figures(
    matched: Matched, groups: Groups, level: float, judge_scale: Span | None = None
) -> dict[str, Figure]:
    """Every statistic of the family, in the order in which they are best read."""
    if matched.family == "pass_fail":
        found = _pass_fail(matched, groups, level)
    elif matched.family == "pairwise":
        found = _pairwise(matched, groups, level)
    elif matched.family == "ordinal":
        return _ordinal(common_scale(matched, judge_scale), groups, level)
    else:
        scores, said = [verdict.overall or 0.0 for verdict in matched.verdicts], words(matched)[1]
        return {"auc": auc(scores, said, groups=groups, level=level)}
    return found | _calibration(matched, groups, level)


def words(matched: Matched) -> tuple[list[str], list[str]]:
    """What the judge and the labels say, in item order."""
    return [str(v.verdict) for v in matched.verdicts], [str(label.verdict) for label in matched.labels]


def common_scale(matched: Matched, judge_scale: Span | None) -> Scores:
    """Both scores on the judge's scale where it is known, else on the labels'.

    Labels of another scale are carried over linearly. Where the judge's scale isn't known and its scores leave the
    labels' scale, distances mean nothing, and `apart` says so.
    """
    judge = np.array([verdict.overall for verdict in matched.verdicts], dtype=np.float64)
    raw = np.array([label.score for label in matched.labels], dtype=np.float64)
    scales = [label.scale for label in matched.labels]
    span = judge_scale or next((scale for scale in scales if scale is not None), None)
    if span is None:
        return Scores(judge, raw, None)
    labels = np.array([_carry(score, scale or span, span) for score, scale in zip(raw, scales, strict=True)])
    apart = None
    if judge.min() < span[0] or judge.max() > span[1]:
        apart = (
            f"the judge's scores run from {judge.min():g} to {judge.max():g}, the scale from {span[0]:g} to {span[1]:g}"
        )
    elif labels.min() < span[0] or labels.max() > span[1]:
        apart = f"the labels run from {labels.min():g} to {labels.max():g}, the scale from {span[0]:g} to {span[1]:g}"
    return Scores(judge, labels, span, apart)


def _carry(score: float, scale: Span, onto: Span) -> float:
    return score if scale == onto else onto[0] + (score - scale[0]) * (onto[1] - onto[0]) / (scale[1] - scale[0])


def _pass_fail(matched: Matched, groups: Groups, level: float) -> dict[str, Figure]:
    judge, labels = words(matched)
    statistics = (balanced_accuracy, tpr, tnr, precision, recall, f1, accuracy, cohen_kappa, gwet_ac1, mcc)
    return {statistic.__name__: statistic(judge, labels, groups=groups, level=level) for statistic in statistics}


def _pairwise(matched: Matched, groups: Groups, level: float) -> dict[str, Figure]:
    judge, labels = words(matched)
    statistics = (accuracy_without_ties, accuracy_with_ties, cohen_kappa)
    found = {statistic.__name__: statistic(judge, labels, groups=groups, level=level) for statistic in statistics}
    orders = {i: said for i, one in enumerate(matched.verdicts) if (said := both_orders(one.details or {})) is not None}
    if orders:
        first, second = ([said[which] for said in orders.values()] for which in (0, 1))
        own = None if groups is None else [groups[i] for i in orders]
        found["order_consistency"] = order_consistency(first, second, groups=own, level=level)
    return found


def both_orders(details: dict[str, object]) -> tuple[str, str] | None:
    """What was said with either output first, where the verdict's details keep it under `order`."""
    order = details.get("order")
    if not isinstance(order, dict):
        return None
    first, second = order.get("a_first"), order.get("b_first")
    known = ("a", "b", "tie")
    return (str(first), str(second)) if first in known and second in known else None


def _ordinal(scores: Scores, groups: Groups, level: float) -> dict[str, Figure]:
    judge, labels = scores.judge.tolist(), scores.labels.tolist()
    found: dict[str, Figure] = {
        "spearman": spearman(judge, labels, groups=groups, level=level),
        "kendall_tau_b": kendall_tau_b(judge, labels, groups=groups, level=level),
    }
    names = ("quadratic_weighted_kappa", "mae", "exact", "within_one", "agr_2_2")
    if scores.apart is not None:
        return found | {name: Undefined(scores.apart, len(judge)) for name in names}
    found["quadratic_weighted_kappa"] = quadratic_weighted_kappa(judge, labels, groups=groups, level=level)
    width = None if scores.span is None else scores.span[1] - scores.span[0]
    found["mae"] = mae(judge, labels, span=width, groups=groups, level=level)
    if width is not None and width < 2:
        reason = (
            f"the scale {scores.span[0]:g} to {scores.span[1]:g} has no whole levels between" if scores.span else ""
        )
        return found | {name: Undefined(reason, len(judge)) for name in names[2:]}
    whole, whole_labels = np.floor(scores.judge + 0.5).tolist(), np.floor(scores.labels + 0.5).tolist()
    found["exact"] = exact(whole, whole_labels, groups=groups, level=level)
    found["within_one"] = within_one(whole, whole_labels, groups=groups, level=level)
    found["agr_2_2"] = agr(whole, whole_labels, groups=groups, level=level)
    return found


def _calibration(matched: Matched, groups: Groups, level: float) -> dict[str, Figure]:
    sure = confident(matched)
    if not sure:
        return {}
    own_groups = None if groups is None else [groups[i] for i, _, _ in sure]
    confidence, right = [c for _, c, _ in sure], [r for _, _, r in sure]
    return {
        "ece": expected_calibration_error(confidence, right, groups=own_groups, level=level),
        "brier": brier(confidence, right, groups=own_groups, level=level),
    }


def confident(matched: Matched) -> list[tuple[int, float, bool]]:
    """Of the items whose verdict has a confidence: their place, that confidence, and whether the verdict was right."""
    return [
        (i, verdict.confidence, verdict.verdict == label.verdict)
        for i, (verdict, label) in enumerate(zip(matched.verdicts, matched.labels, strict=True))
        if verdict.confidence is not None
    ]
