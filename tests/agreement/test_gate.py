"""A figure against a bar: how often it passes what it should not, and what it says would tell."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused, rogan_gladen
from dikast.agreement.double_sampling import double_sampling
from dikast.agreement.estimate import Estimate
from dikast.agreement.gate import (
    Sampled,
    answer,
    bounded,
    items_would_tell,
    labels_would_tell,
    scale_would_tell,
    what_would_not,
    what_would_tell,
)
from dikast.errors import InputError

JUDGES = ((0.95, 0.9), (0.9, 0.7), (0.8, 0.6), (0.99, 0.5), (1.0, 0.3))
counts = st.integers(0, 60)


def drawn(rng: np.random.Generator, theta: float, judge: tuple[float, float], labels: int, rest: int) -> Sampled:
    """A run whose true pass rate is theta, part of it labelled at random."""
    tpr, tnr = judge
    good = int(rng.binomial(labels, theta))
    tp, tn = int(rng.binomial(good, tpr)), int(rng.binomial(labels - good, tnr))
    others = int(rng.binomial(rest, theta))
    passed = int(rng.binomial(others, tpr) + rng.binomial(rest - others, 1 - tnr))
    return Sampled(Confusion(tp, good - tp, labels - good - tn, tn), passed, rest)


def answers(theta: float, bar: float, judge: tuple[float, float], labels: int, rest: int, times: int) -> Counter[str]:
    rng = np.random.default_rng(20)
    said: Counter[str] = Counter()
    for _ in range(times):
        figure = drawn(rng, theta, judge, labels, rest).figure()
        said["refused" if isinstance(figure, Refused) else answer(figure.low, figure.high, bar)] += 1
    return said


class TestHowOftenItIsWrong:
    @pytest.mark.parametrize("judge", JUDGES)
    @pytest.mark.parametrize("labels", [10, 20, 40, 100])
    def test_a_rate_just_under_the_bar_passes_in_5_percent_at_most(
        self, judge: tuple[float, float], labels: int
    ) -> None:
        for bar in (0.7, 0.85, 0.95):
            said = answers(bar - 0.0005, bar, judge, labels, 1000, 500)
            assert said["pass"] <= 0.05 * 500, (bar, said)

    @pytest.mark.parametrize("judge", JUDGES)
    def test_a_rate_at_the_bar_fails_in_5_percent_at_most(self, judge: tuple[float, float]) -> None:
        for bar, labels in ((0.7, 20), (0.85, 60), (0.95, 100)):
            said = answers(bar, bar, judge, labels, 1000, 500)
            assert said["fail"] <= 0.05 * 500, (bar, said)

    def test_with_enough_labels_it_can_tell(self) -> None:
        assert answers(0.95, 0.85, (0.95, 0.9), 200, 1000, 200)["pass"] > 180
        assert answers(0.75, 0.85, (0.95, 0.9), 200, 1000, 200)["fail"] > 180

    def test_rogan_and_gladen_would_pass_too_often(self) -> None:
        """Why it isn't theirs: a judge that lets most bad items through, and few labels."""
        rng = np.random.default_rng(3)
        theirs = 0
        for _ in range(500):
            run = drawn(rng, 0.8495, (1.0, 0.3), 40, 2000)
            figure = rogan_gladen(run.passed, run.n, run.confusion)
            theirs += isinstance(figure, Estimate) and figure.low >= 0.85
        assert theirs > 0.08 * 500
        assert answers(0.8495, 0.85, (1.0, 0.3), 40, 2000, 500)["pass"] <= 0.04 * 500


class TestDoubleSampling:
    def test_by_hand(self) -> None:
        # 1,000 verdicts, 555 of pass: p = .555; of those labelled, 45 of 55 passed and 5 of 45 failed are good:
        # .555 * .8182 + .445 * .1111 = .5035
        found = double_sampling(Confusion(45, 5, 10, 40), 500, 900)
        assert found is not None
        assert found.value == pytest.approx(0.555 * 45 / 55 + 0.445 * 5 / 45)
        assert found.low < found.value < found.high

    def test_edges(self) -> None:
        assert double_sampling(Confusion(0, 0, 0, 0), 3, 9) is None
        with pytest.raises(InputError, match="passed must be"):
            double_sampling(Confusion(1, 1, 1, 1), 10, 9)
        one_sided = double_sampling(Confusion(9, 0, 1, 0), 500, 1000)  # nothing labelled that the judge failed
        assert one_sided is not None
        assert one_sided.high - one_sided.low > 0.45

    @given(counts, counts, counts, counts, counts, counts)
    def test_it_lies_within_0_and_1_and_mirrors(self, tp: int, fn: int, fp: int, tn: int, yes: int, no: int) -> None:
        found = double_sampling(Confusion(tp, fn, fp, tn), yes, yes + no)
        if found is None:
            return
        assert 0 <= found.low <= found.value <= found.high <= 1
        mirrored = double_sampling(Confusion(tn, fp, fn, tp), no, yes + no)
        assert mirrored is not None
        assert mirrored.value == pytest.approx(1 - found.value)
        assert mirrored.low == pytest.approx(1 - found.high)


class TestAnswers:
    def test_at_the_bar(self) -> None:
        assert answer(0.85, 0.9, 0.85) == "pass"
        assert answer(0.7, 0.85, 0.85) == "cant_tell"
        assert answer(0.7, 0.8499, 0.85) == "fail"

    def test_what_has_no_verdict_is_the_worst_and_the_best(self) -> None:
        low, high = bounded(0.9, 0.95, 90, 10)
        assert (low, high) == (pytest.approx(0.81), pytest.approx(0.955))
        assert bounded(3.0, 4.0, 50, 50, (1, 5)) == (2.0, 4.5)
        assert bounded(0.2, 0.4, 0, 0) == (0.2, 0.4)


class TestWhatWouldTell:
    def test_labels_that_would_tell_do(self) -> None:
        run = Sampled(Confusion(60, 1, 1, 8), 4600, 5000)
        figure = run.figure()
        assert isinstance(figure, Estimate)
        assert answer(figure.low, figure.high, 0.85) == "cant_tell"
        first = what_would_tell(run, 0.85, 0)[0]
        more = int(first.split()[1].replace(",", ""))
        assert "labelled at random" in first
        after = run.grown(70 + more, run.total).figure()
        before = run.grown(70 + more // 2, run.total).figure()
        assert isinstance(after, Estimate)
        assert isinstance(before, Estimate)
        assert figure.value - (after.value - after.low) >= 0.85 > figure.low
        assert before.value - before.low > after.value - after.low

    def test_no_number_of_items_helps_against_the_judges_errors(self) -> None:
        run = Sampled(Confusion(40, 4, 2, 14), 70_000, 94_000)
        assert "more items alone would not tell: 100 % of the variance" in what_would_not(run, 0.7)
        assert not any("with no more labels" in way for way in what_would_tell(run, 0.7, 0))
        assert run.parts().items < 0.01
        assert sum((run.parts().items, run.parts().passes, run.parts().fails)) == pytest.approx(1)

    def test_items_help_a_judge_that_is_known_well(self) -> None:
        run = Sampled(Confusion(900, 3, 2, 95), 90, 100)
        figure = run.figure()
        assert isinstance(figure, Estimate)
        assert run.parts().items > 0.8
        said = what_would_tell(run, figure.value - 0.012, 0)
        assert what_would_not(run, figure.value - 0.012) == ""
        assert any("more items judged, with no more labels" in one for one in said)

    def test_when_all_is_labelled_more_of_both(self) -> None:
        (said,) = what_would_tell(Sampled(Confusion(18, 1, 1, 4), 0, 0), 0.7, 0)
        assert said.endswith("more items judged and every one labelled")

    def test_items_without_a_verdict_come_first(self) -> None:
        run = Sampled(Confusion(180, 2, 3, 15), 900, 1000)
        figure = run.figure()
        assert isinstance(figure, Estimate)
        assert "verdicts on the 400 items" in what_would_tell(run, figure.low - 0.01, 400)[0]

    def test_a_rate_on_the_bar_never_tells(self) -> None:
        assert "points from the bar" in items_would_tell(80, 100, 0.8, 0)[0]
        assert items_would_tell(95, 100, 0.9, 0)[0].startswith("about ")
        on = Estimate(0.8, 0.7, 0.9, 100, "x")
        assert "over a hundred times" in scale_would_tell(on, 0.8)[0]
        assert "over a hundred times" in labels_would_tell(on, 30, "fail", 0.8001)[0]
        assert labels_would_tell(on, 30, "fail", 0.75)[0].startswith("about ")
        assert "times as many" in scale_would_tell(on, 0.75)[0]
        assert what_would_tell(Sampled(Confusion(5, 0, 0, 0), 5, 10), 0.5, 0) == ()
