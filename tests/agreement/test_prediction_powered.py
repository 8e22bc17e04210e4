"""Prediction-powered means: against the reference implementation, by hand, refused, and covering what they promise."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from dikast.agreement.corrected import Refused
from dikast.agreement.prediction_powered import PredictionPowered, prediction_powered_mean
from dikast.agreement.sampling import sampling_of, stratum_of
from dikast.errors import InputError
from dikast.records import JudgeRef, Verdict

BINARY = (
    [1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0],
    [1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0],
    [1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1],
)
SCORES = (
    [1, 2, 3, 4, 5, 5, 4, 3, 2, 4],
    [2, 2, 3, 5, 4, 5, 4, 2, 3, 4],
    [3, 4, 4, 2, 5, 1, 3, 4, 5, 2, 4, 3, 4, 5, 5],
)


def powered(found: PredictionPowered | Refused) -> PredictionPowered:
    assert isinstance(found, PredictionPowered), found
    return found


def test_the_mean_is_that_of_the_reference_implementation() -> None:
    """ppi-python 0.2.3, ppi_mean_pointestimate with power tuning, on these numbers."""
    assert powered(prediction_powered_mean(*BINARY)).figure.value == pytest.approx(0.6797138047138047, abs=1e-9)
    found = powered(prediction_powered_mean(*SCORES, lowest=1, highest=5))
    assert found.figure.value == pytest.approx(3.3992523364485985, abs=1e-9)


def test_tuning_by_hand() -> None:
    # cov = mean(yf) − ȳ·f̄ = 7/12 − (8/12)²; f over all 32 has 22 ones: var = 22/32·10/32·32/31
    found = powered(prediction_powered_mean(*BINARY))
    covariance = 7 / 12 - (8 / 12) ** 2
    variance = 22 / 32 * 10 / 32 * 32 / 31
    assert found.tuning == pytest.approx(covariance / ((1 + 12 / 20) * variance), abs=1e-12)
    expected = 8 / 12 + found.tuning * (14 / 20 - 8 / 12)
    assert found.figure.value == pytest.approx(expected, abs=1e-12)


def test_a_judge_that_knows_nothing_costs_nothing() -> None:
    labels = [1, 0] * 20
    found = powered(prediction_powered_mean(labels, [1, 1, 0, 0] * 10, [1, 0] * 100))
    assert found.tuning == 0.0
    assert found.figure.value == 0.5
    assert found.worth == pytest.approx(1.0, abs=0.01)


def test_a_good_judge_makes_labels_worth_more() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(100) < 0.6).astype(float)
    judge = np.where(rng.random(100) < 0.95, labels, 1 - labels)
    found = powered(prediction_powered_mean(labels.tolist(), judge.tolist(), (rng.random(2000) < 0.6).tolist()))
    assert found.worth > 2


def test_strata_weigh_as_much_as_they_hold() -> None:
    # A: 10 of 100 items labelled, all pass; B: 10 of 300, none; the judge says pass of everything
    labels = [1] * 10 + [0] * 10
    strata = (["A"] * 10 + ["B"] * 10, ["A"] * 90 + ["B"] * 290)
    found = powered(prediction_powered_mean(labels, [1] * 20, [1] * 380, strata=strata))
    assert found.figure.value == pytest.approx(100 / 400)
    assert found.strata == 2


def test_what_it_refuses() -> None:
    few = prediction_powered_mean([1, 0, 1], [1, 1, 0], [1, 0])
    assert isinstance(few, Refused)
    assert "7 more are needed" in few.why
    whole = prediction_powered_mean([1, 0] * 6, [1, 0] * 6, [])
    assert isinstance(whole, Refused)
    thin = prediction_powered_mean([1, 0] * 6, [1, 0] * 6, [1, 0], strata=(["A"] * 11 + ["B"], ["A", "B"]))
    assert isinstance(thin, Refused)
    assert "stratum B" in thin.why
    with pytest.raises(InputError, match="outside 0 to 1"):
        prediction_powered_mean([2.0] * 12, [1.0] * 12, [1.0])
    with pytest.raises(InputError, match="one label a verdict"):
        prediction_powered_mean([1.0] * 12, [1.0] * 11, [1.0])


@pytest.mark.parametrize(("n", "others"), [(30, 300), (60, 120), (200, 1000)])
def test_a_pass_rate_is_covered(n: int, others: int) -> None:
    rng = np.random.default_rng(n)
    covered = []
    for theta, sensitivity, specificity in product((0.2, 0.5, 0.8, 0.95), (0.7, 0.95), (0.6, 0.9)):
        held = []
        for _ in range(100):
            labels = rng.random(n) < theta
            judge = np.where(labels, rng.random(n) < sensitivity, rng.random(n) >= specificity)
            said = theta * sensitivity + (1 - theta) * (1 - specificity)
            found = prediction_powered_mean(labels.tolist(), judge.tolist(), (rng.random(others) < said).tolist())
            figure = powered(found).figure
            held.append(figure.low <= theta <= figure.high)
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.97, covered
    assert min(covered) >= 0.88, covered


def test_a_pass_rate_of_labels_drawn_by_verdict_is_covered_when_weighted() -> None:
    """Half the labels from each side of the judge's verdicts, where one side is rare: unweighted, it would not do."""
    rng = np.random.default_rng(3)
    weighted, plain = [], []
    for _ in range(250):
        truth = rng.random(1200) < 0.8
        judge = np.where(truth, rng.random(1200) < 0.9, rng.random(1200) >= 0.8)
        sides = [rng.permutation(np.flatnonzero(judge == side)) for side in (False, True)]
        ours = np.concatenate([side[:40] for side in sides])
        rest = np.concatenate([side[40:] for side in sides])
        said = judge.astype(str)
        given = truth[ours].tolist(), judge[ours].tolist(), judge[rest].tolist()
        strata = said[ours].tolist(), said[rest].tolist()
        for kept, found in (
            (weighted, prediction_powered_mean(*given, strata=strata)),
            (plain, prediction_powered_mean(*given)),
        ):
            figure = powered(found).figure
            kept.append(figure.low <= 0.8 <= figure.high)
    assert 0.92 <= np.mean(weighted) <= 0.985, np.mean(weighted)
    assert np.mean(plain) < 0.8


@pytest.mark.parametrize("n", [30, 100])
def test_a_mean_score_is_covered(n: int) -> None:
    """With 2,000 samples or more a corner: .947 and .949 at n = 30, .945 and .958 at n = 100."""
    rng = np.random.default_rng(n + 1)
    covered = []
    for cuts, rho in (([-0.84, -0.25, 0.25, 0.84], 0.7), ([-1.64, -1.17, -0.67, 0.25], 0.9)):

        def scores(size: int, cuts: list[float] = cuts, rho: float = rho) -> tuple[list[float], list[float]]:
            first = rng.standard_normal(size)
            second = rho * first + np.sqrt(1 - rho * rho) * rng.standard_normal(size)
            return (np.searchsorted(cuts, first) + 1.0).tolist(), (np.searchsorted(cuts, second) + 1.0).tolist()

        truth, held = float(np.mean(scores(400_000)[0])), []
        for _ in range(400):
            labels, judge = scores(n)
            found = powered(prediction_powered_mean(labels, judge, scores(5 * n)[1], lowest=1, highest=5))
            held.append(found.figure.low <= truth <= found.figure.high)
        covered.append(float(np.mean(held)))
    assert 0.93 <= np.mean(covered) <= 0.97, covered
    assert min(covered) >= 0.92, covered


@pytest.mark.parametrize("whole", [True, False])
def test_items_that_share_inputs_are_covered(whole: bool) -> None:
    """Fours that share a fate, labelled together or apart: the plain interval is too short, the one by group is not."""
    rng = np.random.default_rng(4)
    groups, plain, clustered = np.repeat(np.arange(120), 4), [], []
    for _ in range(400):
        labels = rng.random(480) < np.repeat(rng.beta(1.6, 0.8, 120), 4)
        judge = np.where(labels, rng.random(480) < 0.85, rng.random(480) >= 0.85)
        ours = np.isin(np.arange(480), np.arange(80) if whole else rng.choice(480, 80, replace=False))
        given = labels[ours].tolist(), judge[ours].tolist(), judge[~ours].tolist()
        shared = groups[ours].tolist(), groups[~ours].tolist()
        for kept, found in (
            (plain, prediction_powered_mean(*given)),
            (clustered, prediction_powered_mean(*given, groups=shared)),
        ):
            figure = powered(found).figure
            kept.append(figure.low <= 2 / 3 <= figure.high)
    assert np.mean(plain) < 0.93, np.mean(plain)
    assert 0.93 <= np.mean(clustered) <= 0.975, np.mean(clustered)


def test_the_design_effect_is_said_and_widens() -> None:
    groups = [i // 2 for i in range(12)], [i // 2 + 6 for i in range(20)]
    labels, judge, rest = (
        [value for value in part for _ in range(2)] for part in (BINARY[0][:6], BINARY[1][:6], BINARY[2][:10])
    )
    alone = powered(prediction_powered_mean(labels, judge, rest)).figure
    shared = powered(prediction_powered_mean(labels, judge, rest, groups=groups)).figure
    assert "design effect" in shared.method
    assert shared.value == alone.value
    assert shared.low < alone.low <= alone.high < shared.high
    own = [f"a{i}" for i in range(12)], [f"b{i}" for i in range(20)]
    assert powered(prediction_powered_mean(labels, judge, rest, groups=own)).figure == alone


def test_how_labels_were_drawn_is_read() -> None:
    assert sampling_of({"random": 10, "not said": 3}).kind == "random"
    assert sampling_of({"stratified:topic": 10}).key == "topic"
    for drawn in ({"disagree": 4}, {"stratified": 9}, {"stratified:a": 5, "stratified:b": 5}):
        found = sampling_of(drawn)
        assert found.kind == "unusable"
        assert found.why


def test_strata_of_several_keys_and_of_what_the_judge_says() -> None:
    verdict = Verdict(id="1", status="scored", verdict="fail", scores={"overall": 2.4}, judge=JudgeRef("j", "1"))
    assert stratum_of("topic", {"topic": "a"}, None) == "a"
    assert stratum_of("topic, lang", {"topic": "a"}, None) == "a / "
    assert stratum_of("verdict", {}, verdict) == "fail"
    assert stratum_of("score,topic", {"topic": 7}, verdict) == "2 / 7"
    assert stratum_of("topic", None, verdict) is None
    assert stratum_of("verdict", {"verdict": "x"}, None) is None
    assert stratum_of("topic", {"other": 1}, verdict) == ""
