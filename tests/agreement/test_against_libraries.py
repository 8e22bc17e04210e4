"""The same numbers as scipy, scikit-learn, statsmodels and krippendorff, to 1e-9."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import fleiss_kappa as their_fleiss
from statsmodels.stats.proportion import proportion_confint

from dikast.agreement.auc import auc
from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.calibration import brier, reliability
from dikast.agreement.cohen_kappa import cohen_kappa
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.f1 import f1
from dikast.agreement.figures import Agreement, agreement
from dikast.agreement.fitting import logistic
from dikast.agreement.fleiss_kappa import fleiss_kappa
from dikast.agreement.kendall_tau import kendall_tau_b
from dikast.agreement.krippendorff_alpha import Measurement, krippendorff_alpha
from dikast.agreement.mcc import mcc
from dikast.agreement.paired import mcnemar_exact
from dikast.agreement.rates import accuracy, precision, recall
from dikast.agreement.score_errors import mae
from dikast.agreement.spearman import spearman
from dikast.agreement.weighted_kappa import quadratic_weighted_kappa
from dikast.agreement.wilson import wilson
from dikast.records import JudgeRef, Label, Verdict

CLOSE = 1e-9


def value(figure: Figure) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.value


@pytest.mark.parametrize("seed", range(5))
def test_pass_fail(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(80) < 0.7, "pass", "fail").tolist()
    judge = [word if rng.random() < 0.8 else ("fail" if word == "pass" else "pass") for word in labels]
    positive = {"pos_label": "pass"}
    assert value(accuracy(judge, labels)) == pytest.approx(metrics.accuracy_score(labels, judge), abs=CLOSE)
    assert value(precision(judge, labels)) == pytest.approx(
        metrics.precision_score(labels, judge, **positive), abs=CLOSE
    )
    assert value(recall(judge, labels)) == pytest.approx(metrics.recall_score(labels, judge, **positive), abs=CLOSE)
    assert value(f1(judge, labels)) == pytest.approx(metrics.f1_score(labels, judge, **positive), abs=CLOSE)
    theirs = metrics.balanced_accuracy_score(labels, judge)
    assert value(balanced_accuracy(judge, labels)) == pytest.approx(theirs, abs=CLOSE)
    assert value(cohen_kappa(judge, labels)) == pytest.approx(metrics.cohen_kappa_score(labels, judge), abs=CLOSE)
    assert value(mcc(judge, labels)) == pytest.approx(metrics.matthews_corrcoef(labels, judge), abs=CLOSE)


def test_kappa_of_three_categories() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.choice(["a", "b", "tie"], 60).tolist(), rng.choice(["a", "b", "tie"], 60).tolist()
    assert value(cohen_kappa(first, second)) == pytest.approx(metrics.cohen_kappa_score(first, second), abs=CLOSE)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (3, 7), (29, 30), (200, 200), (55, 1234)])
def test_wilson(successes: int, n: int) -> None:
    estimate = wilson(successes, n)
    low, high = proportion_confint(successes, n, method="wilson")
    assert (estimate.low, estimate.high) == (pytest.approx(low, abs=CLOSE), pytest.approx(high, abs=CLOSE))
    exact = stats.binomtest(successes, n).proportion_ci(0.9, "wilson")
    assert wilson(successes, n, 0.9).low == pytest.approx(exact.low, abs=CLOSE)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_scores(seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 6, 70).astype(float)
    judge = np.clip(labels + rng.normal(0, 1, 70), 1, 5)
    judge = np.round(judge) if whole else judge
    theirs = stats.spearmanr(judge, labels).statistic
    assert value(spearman(judge.tolist(), labels.tolist())) == pytest.approx(theirs, abs=CLOSE)
    theirs = stats.kendalltau(judge, labels).statistic
    assert value(kendall_tau_b(judge.tolist(), labels.tolist())) == pytest.approx(theirs, abs=CLOSE)
    theirs = metrics.mean_absolute_error(labels, judge)
    assert value(mae(judge.tolist(), labels.tolist())) == pytest.approx(theirs, abs=CLOSE)
    if whole:
        theirs = metrics.cohen_kappa_score(labels.astype(int), judge.astype(int), weights="quadratic")
        assert value(quadratic_weighted_kappa(judge.tolist(), labels.tolist())) == pytest.approx(theirs, abs=CLOSE)


def test_tau_of_scores_that_are_all_different() -> None:
    rng = np.random.default_rng(1)
    judge, labels = rng.random(50), rng.random(50)
    theirs = stats.kendalltau(judge, labels).statistic
    assert value(kendall_tau_b(judge.tolist(), labels.tolist())) == pytest.approx(theirs, abs=CLOSE)


def test_auc_and_brier() -> None:
    rng = np.random.default_rng(2)
    passed = rng.random(90) < 0.4
    scores = np.round(rng.random(90) + 0.4 * passed, 1)
    words = np.where(passed, "pass", "fail").tolist()
    assert value(auc(scores.tolist(), words)) == pytest.approx(metrics.roc_auc_score(passed, scores), abs=CLOSE)
    sure = rng.random(90)
    theirs = metrics.brier_score_loss(passed, sure)
    assert value(brier(sure.tolist(), passed.tolist())) == pytest.approx(theirs, abs=CLOSE)


def test_fleiss() -> None:
    rng = np.random.default_rng(3)
    ratings = rng.integers(0, 3, (40, 4))
    theirs = their_fleiss(aggregate_raters(ratings)[0])
    assert value(fleiss_kappa(ratings.tolist())) == pytest.approx(theirs, abs=CLOSE)


@pytest.mark.parametrize("measurement", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("seed", range(3))
def test_krippendorff_with_gaps(measurement: Measurement, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, (30, 1)) + rng.integers(-1, 2, (30, 4)).astype(float)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    theirs = krippendorff.alpha(ratings.T, level_of_measurement=measurement)
    ours = krippendorff_alpha([row[~np.isnan(row)].tolist() for row in ratings], measurement)
    assert value(ours) == pytest.approx(theirs, abs=CLOSE)


def test_mcnemar() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.random(60) < 0.8, rng.random(60) < 0.6
    counts = [[int((a & b).sum()) for b in (second, ~second)] for a in (first, ~first)]
    assert mcnemar_exact(first, second) == pytest.approx(mcnemar(counts, exact=True).pvalue, abs=CLOSE)


def records(said: list[object], people: list[object], sure: list[float] | None = None) -> Agreement:
    """Everything together, as `agree` shows it."""
    judge = JudgeRef("j", "v1")
    verdicts, labels = [], []
    for i, (one, other) in enumerate(zip(said, people, strict=True)):
        word = {"verdict": one} if isinstance(one, str) else {"scores": {"overall": one}}
        confidence = {} if sure is None else {"confidence": sure[i]}
        verdicts.append(Verdict(id=str(i), status="scored", judge=judge, **word, **confidence))  # type: ignore[arg-type]
        given = {"verdict": other} if isinstance(other, str) else {"score": other, "scale": (1.0, 5.0)}
        labels.append(Label(id=str(i), **given))  # type: ignore[arg-type]
    return agreement(verdicts, labels)


def test_every_pass_fail_figure_that_is_shown() -> None:
    rng = np.random.default_rng(6)
    people = np.where(rng.random(90) < 0.6, "pass", "fail")
    said = np.where(rng.random(90) < 0.8, people, np.where(people == "pass", "fail", "pass"))
    sure = rng.random(90)
    found = records(said.tolist(), people.tolist(), sure.tolist()).figures
    theirs = {
        "balanced_accuracy": metrics.balanced_accuracy_score(people, said),
        "tpr": metrics.recall_score(people, said, pos_label="pass"),
        "tnr": metrics.recall_score(people, said, pos_label="fail"),
        "precision": metrics.precision_score(people, said, pos_label="pass"),
        "recall": metrics.recall_score(people, said, pos_label="pass"),
        "f1": metrics.f1_score(people, said, pos_label="pass"),
        "accuracy": metrics.accuracy_score(people, said),
        "cohen_kappa": metrics.cohen_kappa_score(people, said),
        "mcc": metrics.matthews_corrcoef(people, said),
        "brier": metrics.brier_score_loss(said == people, sure),
    }
    assert found.keys() - theirs.keys() == {"gwet_ac1", "ece"}  # these have none
    assert {name: value(found[name]) for name in theirs} == pytest.approx(theirs, abs=CLOSE)
    for name, rows in (("tpr", people == "pass"), ("tnr", people == "fail"), ("accuracy", people != "")):
        right = int((said == people)[rows].sum())
        low, high = proportion_confint(right, int(rows.sum()), method="wilson")
        figure = found[name]
        assert isinstance(figure, Estimate)
        assert (figure.low, figure.high) == pytest.approx((low, high), abs=CLOSE)


def test_every_ordinal_figure_that_is_shown() -> None:
    rng = np.random.default_rng(7)
    people = rng.integers(1, 6, 80)
    said = np.clip(people + rng.integers(-2, 3, 80), 1, 5)
    found = records(said.astype(float).tolist(), people.astype(float).tolist()).figures
    theirs = {
        "spearman": stats.spearmanr(said, people).statistic,
        "kendall_tau_b": stats.kendalltau(said, people).statistic,
        "quadratic_weighted_kappa": metrics.cohen_kappa_score(people, said, weights="quadratic"),
        "mae": metrics.mean_absolute_error(people, said),
        "exact": metrics.accuracy_score(people, said),
        "within_one": metrics.accuracy_score(np.ones(80), np.abs(people - said) <= 1),
    }
    assert found.keys() - theirs.keys() == {"agr_2_2"}
    assert {name: value(found[name]) for name in theirs} == pytest.approx(theirs, abs=CLOSE)


def test_every_figure_of_pairs_and_of_scores_against_pass_and_fail() -> None:
    rng = np.random.default_rng(8)
    people = rng.choice(["a", "b", "tie"], 70)
    said = np.where(rng.random(70) < 0.7, people, rng.choice(["a", "b", "tie"], 70))
    found, decided = records(said.tolist(), people.tolist()).figures, people != "tie"
    theirs = {
        "accuracy_without_ties": metrics.accuracy_score(people[decided], said[decided]),
        "accuracy_with_ties": metrics.accuracy_score(people, said),
        "cohen_kappa": metrics.cohen_kappa_score(people, said),
    }
    assert {name: value(figure) for name, figure in found.items()} == pytest.approx(theirs, abs=CLOSE)
    passed = rng.random(60) < 0.5
    scores = np.round(rng.random(60) * 4 + passed, 1)
    ranked = records(scores.tolist(), np.where(passed, "pass", "fail").tolist()).figures
    assert value(ranked["auc"]) == pytest.approx(metrics.roc_auc_score(passed, scores), abs=CLOSE)


def test_the_reliability_diagram() -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(9)
    sure = rng.random(200)
    right = rng.random(200) < sure
    ours = reliability(sure.tolist(), right.tolist())
    shares, means = calibration_curve(right, sure, n_bins=10)
    assert [one.right.value for one in ours] == pytest.approx(shares.tolist(), abs=CLOSE)
    assert [one.mean_confidence for one in ours] == pytest.approx(means.tolist(), abs=CLOSE)


def test_logistic_regression() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(5)
    rows = rng.normal(size=(120, 4))
    positive = (rows[:, 0] - 0.5 * rows[:, 1] + rng.normal(size=120) > 0.8).astype(float)
    ours = logistic(rows, positive, 2.0)(rows)
    theirs = LogisticRegression(C=2.0, class_weight="balanced", tol=1e-10, max_iter=5000).fit(rows, positive)
    assert ours == pytest.approx(theirs.decision_function(rows), abs=2e-3)
