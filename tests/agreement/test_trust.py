"""Trust follows the intervals' ends, and what would settle it is said in numbers."""

from __future__ import annotations

import pytest

from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.confusion import Confusion
from dikast.agreement.earning import Beside, Earning
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.rates import tnr, tpr
from dikast.agreement.trust import Trust, trust
from dikast.agreement.wilson import wilson


def of_table(tp: int, fn: int, fp: int, tn: int, earning: Earning | None = None) -> Trust:
    judge = ["pass"] * tp + ["fail"] * fn + ["pass"] * fp + ["fail"] * tn
    labels = ["pass"] * (tp + fn) + ["fail"] * (fp + tn)
    figures: dict[str, Figure] = {s.__name__: s(judge, labels) for s in (tpr, tnr, balanced_accuracy)}
    return trust("pass_fail", figures, earning, confusion=Confusion(tp, fn, fp, tn))


def beside(value: float, lead: tuple[float, float, float]) -> Earning:
    figure = Estimate(value, value - 0.1, value + 0.1, 100, "x")
    return Earning((Beside("length", "how long the output is", figure, Estimate(*lead, 100, "x")),))


AHEAD = beside(0.6, (0.3, 0.2, 0.4))


def test_trusted_when_both_low_ends_reach_the_bar() -> None:
    found = of_table(95, 5, 5, 95, AHEAD)  # Wilson of 95 in 100: 0.888 to 0.978
    assert (found.level, found.needs) == ("trusted", ())
    assert found.sentence.startswith("Trusted: it passes 95 %")
    assert "it leads the best trivial baseline, length" in found.sentence


def test_the_point_is_not_enough() -> None:
    # 18 of 20 is 0.9, but from 0.699: not yet. (0.9 − 0.8)² · n = 1.96² · 0.16 gives n = 61.5: 62 − 20 = 42 more
    found = of_table(95, 5, 2, 18, AHEAD)
    assert found.level == "not_yet"
    assert found.needs == ("42 more fails labelled, to show it reaches 80 %, if the rate stays as it is",)
    assert wilson(0.9 * 62, 62).low >= 0.8 > wilson(0.9 * 61, 61).low


def test_no_when_the_high_end_stays_under_the_bar() -> None:
    found = of_table(95, 5, 60, 40, AHEAD)
    assert found.level == "no"
    assert (
        "it fails 40 % (95 % interval 31 to 50, n = 100) of the bad items, under the 80 % asked for" in found.sentence
    )


def test_no_when_chance_gives_as_much() -> None:
    found = of_table(50, 50, 50, 50)
    assert found.level == "no"
    assert "can't be told from chance" in found.sentence


def test_few_labels_do_not_count_against_it() -> None:
    found = of_table(4, 2, 2, 3)
    assert found.level == "not_yet"
    assert any("25 more items of the rarer label, to tell it from chance" in need for need in found.needs)


def test_without_a_class_it_says_what_to_label() -> None:
    # all right: n = 1.96² · 0.16 / 0.04 = 15.4: 16; at 90 %: 61.5: 62
    found = of_table(50, 0, 0, 0)
    assert found.level == "not_yet"
    assert "16 fails labelled if the judge gets all of them right; 62 if 90 %" in found.needs


def test_a_judge_behind_a_trivial_baseline_is_told_so() -> None:
    found = of_table(95, 5, 5, 95, beside(0.97, (-0.05, -0.09, -0.01)))
    assert found.level == "no"
    assert "a trivial baseline does better: length (how long the output is), by 0.05 (0.01 to 0.09)" in found.sentence


def test_a_judge_that_adds_nothing_is_told_so_whatever_else_speaks_against_it() -> None:
    equal = beside(0.9, (0.05, -0.05, 0.15))
    found = of_table(95, 5, 5, 95, equal)
    # 100 · (0.1/0.05)² = 400: 300 more
    assert found.level == "not_yet"
    assert "it adds nothing that shows over a trivial baseline" in found.sentence
    assert found.needs == ("300 more items labelled, to show a lead of 0.05 over length",)
    assert "adds nothing that shows" in of_table(95, 5, 60, 40, equal).sentence


def test_without_texts_the_sentence_says_what_was_not_tried() -> None:
    found = of_table(95, 5, 5, 95)
    assert found.level == "trusted"
    assert "trivial baselines were not tried" in found.sentence


@pytest.mark.parametrize(
    ("figure", "level", "words"),
    [
        (Estimate(0.85, 0.74, 0.92, 60, "x"), "trusted", "0.85 (0.74 to 0.92)"),
        (Estimate(0.7, 0.45, 0.85, 30, "x"), "not_yet", "0.7 is asked of the low end"),
        (Estimate(0.3, 0.1, 0.5, 90, "x"), "no", "under the 0.7 asked for"),
        (Estimate(0.1, -0.2, 0.75, 20, "x"), "not_yet", "can't be told from chance (0)"),
        (Undefined("the labels are all the same", 20), "not_yet", "the labels are all the same"),
    ],
)
def test_scores(figure: Figure, level: str, words: str) -> None:
    found = trust("ordinal", {"spearman": figure}, AHEAD)
    assert found.level == level
    assert words in found.sentence


def test_how_many_more_scores() -> None:
    # on Fisher's scale: gap atanh 0.8 − atanh 0.7 = 0.23131, half-width (atanh 0.9 − atanh 0.6)/2 = 0.38954;
    # 40 · (0.38954/0.23131)² = 113.4: 114 − 40 = 74 more
    found = trust("ordinal", {"spearman": Estimate(0.8, 0.6, 0.9, 40, "x")}, AHEAD)
    assert found.needs == ("74 more items labelled, to show it reaches 0.7, if the figure stays as it is",)


def test_pairs_and_ranking() -> None:
    assert trust("pairwise", {"accuracy_without_ties": wilson(180, 200)}, AHEAD).level == "trusted"
    assert trust("pairwise", {"accuracy_without_ties": wilson(100, 200)}, AHEAD).level == "no"
    assert trust("ranking", {"auc": Estimate(0.9, 0.82, 0.95, 100, "x")}, AHEAD).level == "trusted"
    assert trust("ranking", {"auc": Estimate(0.9, 0.82, 0.95, 100, "x")}, AHEAD, bar=0.85).level == "not_yet"
