"""The two small models that baselines are made of, and the folds on which they are cross-fitted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from dikast.agreement.clusters import Floats, Ints

_FOLDS = 5
_SEED = 20

Matrix = Any  # numpy's dense or scipy's sparse; both know @ and .T
Predict = Callable[[Matrix], Floats]


def logistic(rows: Matrix, positive: Floats, strength: float, *, intercept: bool = True) -> Predict:
    """A logistic regression with an L2 penalty, both classes weighing the same; gives log-odds.

    rows: shape (n, d). positive: 0 or 1, shape (n,). strength: the weight of the data against the penalty ½|w|², as C
    in other libraries. The intercept is not penalised.
    """
    from scipy.optimize import minimize

    n, d = rows.shape
    share = positive.mean()
    weight = np.where(positive > 0, 0.5 / max(share, 1e-12), 0.5 / max(1 - share, 1e-12)) if intercept else np.ones(n)
    sign = 2 * positive - 1

    def margins(parameters: Floats) -> Floats:
        return np.asarray(sign * (rows @ parameters[:d] + parameters[d]), dtype=np.float64)

    def spread(pull: Floats) -> Floats:
        """What a pull on each row is to the parameters."""
        return np.append(rows.T @ pull, pull.sum() if intercept else 0.0)

    def loss(parameters: Floats) -> float:
        w = parameters[:d]
        return strength * float((weight * np.logaddexp(0, -margins(parameters))).sum()) + 0.5 * float(w @ w)

    def slope(parameters: Floats) -> Floats:
        pull = -sign * weight * strength * _sigmoid(-margins(parameters))
        return np.asarray(spread(pull) + np.append(parameters[:d], 0.0))

    def curve(parameters: Floats, direction: Floats) -> Floats:
        right = _sigmoid(margins(parameters))
        along = rows @ direction[:d] + (direction[d] if intercept else 0.0)
        return np.asarray(spread(strength * weight * right * (1 - right) * along) + np.append(direction[:d], 0.0))

    # Newton's method with conjugate gradients: L-BFGS's own algebra is threaded, and stalls on a busy machine.
    fitted = minimize(loss, np.zeros(d + 1), jac=slope, hessp=curve, method="Newton-CG", options={"maxiter": 50}).x
    return lambda new: np.asarray(new @ fitted[:d] + fitted[d], dtype=np.float64)


def _sigmoid(values: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(values, -500, 500)))


def ridge(rows: Matrix, target: Floats, penalty: float) -> Predict:
    """A linear regression with the L2 penalty ½·penalty·|w|² and a free intercept."""
    from scipy.sparse.linalg import lsqr

    centre = float(target.mean())
    weights = lsqr(rows, target - centre, damp=float(np.sqrt(penalty)))[0]
    return lambda new: np.asarray(new @ weights + centre, dtype=np.float64)


def grouped_folds(groups: Sequence[Hashable], target: Floats) -> Ints:
    """A fold from 0 for each item, shape (n_items,): whole groups only, and targets spread evenly; seeded.

    At most 5 folds; fewer when there are fewer groups.
    """
    codes: dict[Hashable, int] = {}
    group = np.array([codes.setdefault(g, len(codes)) for g in groups], dtype=np.int64)
    size = np.bincount(group)
    mean = np.bincount(group, weights=target) / size
    order = np.lexsort((np.random.default_rng(_SEED).permutation(size.size), mean))
    fold_of_group = np.empty(size.size, dtype=np.int64)
    fold_of_group[order] = np.arange(size.size) % min(_FOLDS, size.size)
    return fold_of_group[group]


def cross_fit(rows: Matrix, target: Floats, folds: Ints, fit: Callable[[Matrix, Floats], Predict]) -> Floats:
    """Each item's prediction by a model that saw no item of its fold, shape (n_items,)."""
    predicted = np.empty(target.size)
    for fold in np.unique(folds):
        inside = folds == fold
        predicted[inside] = fit(rows[~inside], target[~inside])(rows[inside])
    return predicted


def standardised(rows: Floats) -> Floats:
    """Columns with mean 0 and spread 1; constant ones are 0."""
    spread = rows.std(axis=0)
    scaled: Floats = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled
