"""The corrected pass rate: arithmetic, refusals, and what becomes of a run that is partly labelled."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, corrected_pass_rate, rogan_gladen
from dikast.agreement.estimate import Estimate
from dikast.agreement.pairing import Side, pair_runs
from dikast.agreement.two_runs import compare_runs
from dikast.errors import InputError
from dikast.records import Interaction, JudgeRef, Label, Verdict


def test_the_value_by_hand() -> None:
    # p = 0.6, TPR 0.9, TNR 0.8: (0.6 + 0.8 − 1)/(0.8 + 0.9 − 1) = 0.4/0.7
    figure = rogan_gladen(600, 1000, Confusion(tp=90, fn=10, fp=20, tn=80))
    assert isinstance(figure, Estimate)
    assert figure.value == pytest.approx(0.4 / 0.7)


def test_the_interval_step_by_step() -> None:
    z = 1.959963984540054
    n, p = 1000 + z * z, (600 + z * z / 2) / (1000 + z * z)
    q0, q1 = 81 / 102, 91 / 102
    theta = (p + q0 - 1) / (q0 + q1 - 1)
    v0, v1 = q0 * (1 - q0) / 102, q1 * (1 - q1) / 102
    centre = theta + 2 * z * z * (theta * v1 - (1 - theta) * v0)
    reach = z * sqrt(p * (1 - p) / n + (1 - theta) ** 2 * v0 + theta**2 * v1) / (q0 + q1 - 1)
    figure = rogan_gladen(600, 1000, Confusion(tp=90, fn=10, fp=20, tn=80))
    assert isinstance(figure, Estimate)
    assert (figure.low, figure.high) == (pytest.approx(centre - reach), pytest.approx(centre + reach))


def test_a_perfect_judge_with_many_labels_changes_nothing() -> None:
    figure = rogan_gladen(700, 1000, Confusion(tp=5000, fn=0, fp=0, tn=5000))
    assert isinstance(figure, Estimate)
    assert figure.value == pytest.approx(0.7)
    assert figure.low == pytest.approx(0.671, abs=0.003)  # Wilson of 700 in 1000: 0.6708 to 0.7276
    assert figure.high == pytest.approx(0.728, abs=0.003)


@pytest.mark.parametrize(
    ("confusion", "why"),
    [
        (Confusion(tp=5, fn=5, fp=5, tn=5), "no better than chance"),
        (Confusion(tp=2, fn=8, fp=5, tn=5), "no better than chance"),
        (Confusion(tp=10, fn=0, fp=0, tn=0), "no item is labelled fail"),
        (Confusion(tp=0, fn=0, fp=1, tn=9), "no item is labelled pass"),
    ],
)
def test_refused_in_words(confusion: Confusion, why: str) -> None:
    for refused in (rogan_gladen(6, 10, confusion), corrected_pass_rate(confusion, 6, 10)):
        assert isinstance(refused, Refused)
        assert why in refused.why


def test_bad_counts() -> None:
    with pytest.raises(InputError, match="11 of 10"):
        rogan_gladen(11, 10, Confusion(5, 1, 1, 5))


def test_a_run_that_is_partly_labelled_by_hand() -> None:
    # 1,000 verdicts, 555 of pass; TPR 0.9, TNR 0.8. By the shares of good ones among passed and failed ones it would be
    # 0.555 * 45 / 55 + 0.445 * 5 / 45, which the interval is made around.
    figure = corrected_pass_rate(Confusion(tp=45, fn=5, fp=10, tn=40), 500, 900)
    assert isinstance(figure, Estimate)
    assert figure.value == pytest.approx((0.555 + 0.8 - 1) / (0.9 + 0.8 - 1))
    assert figure.low < 0.555 * 45 / 55 + 0.445 * 5 / 45 < figure.high
    assert figure.n == 1000


def test_the_value_stays_within_the_interval_for_a_judge_that_hardly_tells() -> None:
    confusion = Confusion(tp=20, fn=0, fp=14, tn=6)
    figure = corrected_pass_rate(confusion, 100, 400)
    assert isinstance(figure, Estimate)
    assert (20 / 40) > figure.low == figure.value  # (p + 0.3 - 1) / 0.3 is below 0


def test_the_value_is_the_formula_where_the_interval_holds_it() -> None:
    figure = corrected_pass_rate(Confusion(tp=90, fn=10, fp=15, tn=85), 610, 1200)
    assert isinstance(figure, Estimate)
    p = (610 + 105) / 1400
    assert figure.value == pytest.approx((p + 0.85 - 1) / (0.9 + 0.85 - 1), abs=1e-12)


@given(st.integers(1, 40), st.integers(0, 20), st.integers(0, 20), st.integers(1, 40), st.integers(1, 30))
def test_where_the_judge_passes_as_many_of_the_rest_both_corrections_say_what_labels_say(
    tp: int, fn: int, fp: int, tn: int, times: int
) -> None:
    """The rest has the labels' share of passes, so that nothing is to be corrected but for chance."""
    confusion = Confusion(tp, fn, fp, tn)
    figure = corrected_pass_rate(confusion, times * (tp + fp), times * confusion.n)
    other = rogan_gladen(times * (tp + fp), times * confusion.n, confusion)
    if isinstance(figure, Refused) or isinstance(other, Refused):
        return
    assert figure.value == pytest.approx((tp + fn) / confusion.n)
    assert figure.value == pytest.approx(other.value)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1


def test_all_labelled_is_the_labels_rate() -> None:
    figure = corrected_pass_rate(Confusion(tp=45, fn=5, fp=10, tn=40), 0, 0)
    assert isinstance(figure, Estimate)
    assert figure.value == 0.5
    assert "every item is labelled" in figure.method


@pytest.mark.parametrize("shared", [True, False])
def test_two_runs_whose_items_share_inputs(shared: bool) -> None:
    """Fives of one input that get one verdict: the corrected difference has the design effects of all three shares."""

    def side(name: str, passes: int) -> Side:
        items = {
            str(i): Interaction(id=str(i), input=f"question {i // 5 if shared else i}", output=f"{name} {i}")
            for i in range(100)
        }
        ref = JudgeRef("j", "v1")
        verdicts = [
            Verdict(id=id, status="scored", verdict="pass" if int(id) // 5 < passes else "fail", judge=ref)
            for id in items
        ]
        return Side(name, tuple(verdicts), items.get)

    labels = [Label(id=str(i), verdict="pass" if (i + 10) // 5 < 15 else "fail", drawn="random") for i in range(100)]
    found = compare_runs(pair_runs(side("old", 15), side("new", 10)), (labels, ()))
    assert isinstance(found.corrected, Estimate)
    assert ("design effects" in found.corrected.method) == shared
    # 25 of 100 more pass; of 65 good ones all, of 35 bad ones 10
    assert found.corrected.value == pytest.approx(0.25 / (1 + 25 / 35 - 1))
