"""Whether the judge earns its keep: its headline statistic beside that of each trivial baseline on the same items."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.baselines import (
    MEANINGS,
    BaselineName,
    Baselines,
    class_baselines,
    pair_baselines,
    score_baselines,
)
from dikast.agreement.clusters import Floats, Ints, cluster_codes
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.families import Span, common_scale, words
from dikast.agreement.jackknife import jackknife_estimate
from dikast.agreement.matching import Matched
from dikast.agreement.paired import mcnemar_exact, paired_difference
from dikast.agreement.paired_auc import auc_difference
from dikast.agreement.pairwise import accuracy_without_ties
from dikast.agreement.spearman import rank_correlation, spearman
from dikast.agreement.texts import Texts

Groups = Sequence[Hashable]


@dataclass(frozen=True, slots=True)
class Beside:
    """One baseline beside the judge: its own figure, the judge's lead over it, and McNemar's p where that applies."""

    name: BaselineName
    meaning: str
    figure: Figure
    lead: Figure
    mcnemar_p: float | None = None


@dataclass(frozen=True, slots=True)
class Earning:
    """All baselines, and why there are none where there are none."""

    beside: tuple[Beside, ...]
    refused: str | None = None

    @property
    def best(self) -> Beside | None:
        """The baseline with the highest figure: the one to beat."""
        known = [(one.figure.value, one) for one in self.beside if isinstance(one.figure, Estimate)]
        return max(known, key=lambda pair: pair[0])[1] if known else None


def earning(
    matched: Matched,
    texts: Sequence[Texts | tuple[Texts, Texts]],
    groups: Groups,
    level: float,
    judge_scale: Span | None = None,
) -> Earning:
    """The baselines beside the judge.

    texts: one an item, in matched's order; a pair of them for pairs. groups: one an item, shared by what must not be
    split.
    """
    if matched.family == "pass_fail":
        return _pass_fail(matched, _single(texts), groups, level)
    if matched.family == "pairwise":
        return _pairwise(matched, texts, groups, level)
    if matched.family == "ordinal":
        scores = common_scale(matched, judge_scale)
        found = score_baselines(_single(texts), scores.labels.tolist(), groups)
        return _by_order(found, scores.judge, scores.labels, groups, level)
    passed = [label.verdict == "pass" for label in matched.labels]
    judge = np.array([verdict.overall for verdict in matched.verdicts], dtype=np.float64)
    return _by_order(class_baselines(_single(texts), passed, groups), judge, np.array(passed), groups, level)


def _single(texts: Sequence[Texts | tuple[Texts, Texts]]) -> list[Texts]:
    return [text for text in texts if isinstance(text, Texts)]


def _pass_fail(matched: Matched, texts: Sequence[Texts], groups: Groups, level: float) -> Earning:
    judge, labels = words(matched)
    found = class_baselines(texts, [label == "pass" for label in labels], groups)
    beside = []
    for name, odds in found.predictions.items():
        said = np.where(odds > 0, "pass", "fail").tolist()
        judge_right = [a == b for a, b in zip(judge, labels, strict=True)]
        baseline_right = [a == b for a, b in zip(said, labels, strict=True)]
        lead = paired_difference(judge_right, baseline_right, strata=labels, groups=groups, level=level)
        figure = balanced_accuracy(said, labels, groups=groups, level=level)
        beside.append(Beside(name, MEANINGS[name], figure, lead, mcnemar_exact(judge_right, baseline_right)))
    return Earning(tuple(beside), found.refused)


def _pairwise(matched: Matched, texts: Sequence[Texts | tuple[Texts, Texts]], groups: Groups, level: float) -> Earning:
    judge, labels = words(matched)
    kept = [i for i, label in enumerate(labels) if label != "tie"]
    pairs = [pair for i in kept if isinstance(pair := texts[i], tuple)]
    judge, labels, groups = [judge[i] for i in kept], [labels[i] for i in kept], [groups[i] for i in kept]
    found = pair_baselines([a for a, _ in pairs], [b for _, b in pairs], [label == "a" for label in labels], groups)
    beside = []
    for name, odds in found.predictions.items():
        said = np.where(odds > 0, "a", "b").tolist()
        judge_right = [a == b for a, b in zip(judge, labels, strict=True)]
        baseline_right = [a == b for a, b in zip(said, labels, strict=True)]
        lead = paired_difference(judge_right, baseline_right, groups=groups, level=level)
        figure = accuracy_without_ties(said, labels, groups=groups, level=level)
        beside.append(Beside(name, MEANINGS[name], figure, lead, mcnemar_exact(judge_right, baseline_right)))
    return Earning(tuple(beside), found.refused)


def _by_order(found: Baselines, judge: Floats, target: Floats, groups: Groups, level: float) -> Earning:
    """Baselines compared by how well they order the items: Spearman for scores, AUC for pass/fail."""
    passed = target.dtype == np.bool_

    def figure(values: Floats) -> Figure:
        if passed:
            return auc(values.tolist(), ["pass" if one else "fail" for one in target], groups=groups, level=level)
        return spearman(values.tolist(), target.tolist(), groups=groups, level=level)

    beside = []
    for name, predicted in found.predictions.items():
        own = Undefined("it says the same of every item", judge.size) if name == "majority" else figure(predicted)
        lead = _lead(judge, predicted, target, groups, level) if isinstance(own, Estimate) else own
        beside.append(Beside(name, MEANINGS[name], own, lead))
    return Earning(tuple(beside), found.refused)


def _lead(judge: Floats, predicted: Floats, target: Floats, groups: Groups, level: float) -> Figure:
    if target.dtype == np.bool_:
        said = ["pass" if one else "fail" for one in target]
        return auc_difference(judge.tolist(), predicted.tolist(), said, groups=groups, level=level)

    def lead(items: Ints) -> float:
        return rank_correlation(judge[items], target[items]) - rank_correlation(predicted[items], target[items])

    reason = "the judge says the same of every item"
    codes = cluster_codes(groups, judge.size)
    return jackknife_estimate(lead, judge.size, codes=codes, level=level, transform="none", undefined=reason)
