"""What can be had without a judge: trivial baselines, cross-fitted on the same labels.

A judge that doesn't beat the answer's length, the words it shares with the question, or its character n-grams knows
nothing that these don't. Each baseline predicts an item by a model that saw neither it nor an item of its group (same
input and context). Features are scaled over all items, which looks at no label.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dikast.agreement.clusters import Floats
from dikast.agreement.fitting import Matrix, Predict, cross_fit, grouped_folds, logistic, ridge, standardised
from dikast.agreement.texts import NOVELTY, Texts, ngram_counts

BaselineName = Literal["majority", "length", "overlap", "novelty", "tfidf"]

MEANINGS: dict[BaselineName, str] = {
    "majority": "always the commoner answer",
    "length": "how long the output is",
    "overlap": "length, and words shared with and new against input, context and reference",
    "novelty": "length, and word pairs that input, context and reference don't have",
    "tfidf": "character n-grams of the output",
}
_FEWEST_OF_A_CLASS = 5
_FEWEST_ITEMS = 10
_STRENGTH = {"length": 1.0, "overlap": 1.0, "novelty": 1.0, "tfidf": 10.0}
_PENALTY = {"length": 1.0, "overlap": 1.0, "novelty": 1.0, "tfidf": 0.1}


@dataclass(frozen=True, slots=True)
class Baselines:
    """Each baseline's cross-fitted prediction for every item, shape (n_items,), or why there are none.

    For two classes a prediction is a log-odds, above 0 for the first class ("pass", or "a"); else it is a score.
    """

    predictions: dict[BaselineName, Floats]
    refused: str | None = None


def class_baselines(texts: Sequence[Texts], is_first: Sequence[bool], groups: Sequence[Hashable]) -> Baselines:
    """Baselines for pass/fail labels. texts, is_first ("pass"), groups: one an item, shape (n_items,).

    Refused, with the reason, when either class has fewer than 5 items or there are fewer than 2 groups.
    """
    target = np.array(is_first, dtype=np.float64)
    refused = _too_few(target, groups)
    if refused is not None:
        return Baselines({}, refused)
    folds = grouped_folds(groups, target)
    rows = _rows(texts)
    found: dict[BaselineName, Floats] = {"majority": cross_fit(rows["length"], target, folds, _majority)}
    for name, matrix in rows.items():
        found[name] = cross_fit(matrix, target, folds, _logistic(_STRENGTH[name], intercept=True))
    return Baselines(found)


def pair_baselines(
    first: Sequence[Texts], second: Sequence[Texts], is_first: Sequence[bool], groups: Sequence[Hashable]
) -> Baselines:
    """Baselines for pairs without ties, from the differences of the two outputs' features.

    first, second: the texts of output a and of output b; is_first: a is preferred; shape (n_items,). Refused as
    `class_baselines`.
    """
    target = np.array(is_first, dtype=np.float64)
    refused = _too_few(target, groups)
    if refused is not None:
        return Baselines({}, refused)
    folds = grouped_folds(groups, target)
    rows = _rows([*first, *second])
    n = target.size
    found: dict[BaselineName, Floats] = {"majority": cross_fit(rows["length"][:n], target, folds, _majority)}
    for name, matrix in rows.items():
        found[name] = cross_fit(matrix[:n] - matrix[n:], target, folds, _logistic(_STRENGTH[name], intercept=False))
    return Baselines(found)


def score_baselines(texts: Sequence[Texts], scores: Sequence[float], groups: Sequence[Hashable]) -> Baselines:
    """Baselines for ordinal labels: ridge regressions, and for "majority" the other folds' mean score.

    Refused, with the reason, under 10 items, when all labels are the same, or there are fewer than 2 groups.
    """
    target = np.array(scores, dtype=np.float64)
    if target.size < _FEWEST_ITEMS:
        return Baselines({}, f"{target.size} labelled items are too few to fit a baseline; {_FEWEST_ITEMS} are needed")
    if float(np.ptp(target)) == 0:
        return Baselines({}, "all labels are the same, so there is nothing to predict")
    if len(set(groups)) < 2:
        return Baselines({}, _ONE_GROUP)
    folds = grouped_folds(groups, target)
    found: dict[BaselineName, Floats] = {}
    rows = _rows(texts)
    found["majority"] = cross_fit(rows["length"], target, folds, lambda _, seen: _constant(float(seen.mean())))
    for name, matrix in rows.items():
        found[name] = cross_fit(matrix, target, folds, _ridge(_PENALTY[name]))
    return Baselines(found)


_ONE_GROUP = "all items share one input and context, so no baseline can be fitted on others"


def _too_few(target: Floats, groups: Sequence[Hashable]) -> str | None:
    rarer = int(min(target.sum(), target.size - target.sum()))
    if rarer < _FEWEST_OF_A_CLASS:
        return f"the rarer label has {rarer} item(s); {_FEWEST_OF_A_CLASS} are needed to fit a baseline"
    return _ONE_GROUP if len(set(groups)) < 2 else None


def _rows(texts: Sequence[Texts]) -> dict[BaselineName, Matrix]:
    features = standardised(np.array([text.features for text in texts], dtype=np.float64))
    length = standardised(np.array([[text.length] for text in texts], dtype=np.float64))
    tfidf = _tfidf([text.output for text in texts])
    return {"length": length, "overlap": features, "novelty": features[:, NOVELTY], "tfidf": tfidf}


def _tfidf(outputs: Sequence[str]) -> Matrix:
    """Sublinear counts times inverse document frequency, each row of length 1."""
    from scipy.sparse import diags

    counts = ngram_counts(outputs)
    in_documents = np.bincount(counts.indices, minlength=counts.shape[1])
    weighted = counts @ diags(np.log((1 + len(outputs)) / (1 + in_documents)) + 1)
    size = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return (diags(1 / np.where(size > 0, size, 1.0)) @ weighted).tocsr()


def _majority(rows: Matrix, target: Floats) -> Predict:
    return _constant(1.0 if target.mean() >= 0.5 else -1.0)


def _constant(value: float) -> Predict:
    return lambda new: np.full(new.shape[0], value)


def _logistic(strength: float, *, intercept: bool) -> Callable[[Matrix, Floats], Predict]:
    return lambda rows, target: logistic(rows, target, strength, intercept=intercept)


def _ridge(penalty: float) -> Callable[[Matrix, Floats], Predict]:
    return lambda rows, target: ridge(rows, target, penalty)
