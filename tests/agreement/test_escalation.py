"""A cascade's thresholds, replayed: every figure worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.escalation import Budget, Player, StageOnItems, choose, goes_on, replay
from dikast.errors import InputError

# Eight items, four good and four bad. The quick stage is wrong on items 2, 5 and 6, and unsure of 2, 5 and 7; the slow
# one is wrong on item 3 alone. Item 4 must go on, whatever it says.
TRUTH = [1, 1, 1, 1, 0, 0, 0, 0]
QUICK = [1, 1, 0, 1, 1, 0, 0, 1]
SLOW = [1, 1, 1, 0, 1, 1, 1, 1]
SURE = [0.9, 0.95, 0.6, 0.8, 0.9, 0.55, 0.9, 0.7]
MUST = [0, 0, 0, 0, 1, 0, 0, 0]


def stage(name: str, right: list[int], **more: Any) -> StageOnItems:
    n = len(right)
    given: dict[str, Any] = {
        "scored": np.ones(n, dtype=bool),
        "sure": np.full(n, np.nan),
        "must": np.zeros(n, dtype=bool),
        "seconds": np.full(n, 1.0),
        "usd": np.zeros(n),
        "leaves": False,
    }
    return StageOnItems(name=name, right=np.array(right, dtype=bool), **(given | more))


def two(**more: Any) -> list[StageOnItems]:
    quick = stage("quick", QUICK, sure=np.array(SURE), must=np.array(MUST, dtype=bool))
    return [quick, stage("slow", SLOW, **({"seconds": np.full(8, 10.0)} | more))]


def player(stages: list[StageOnItems], *, person: bool = False, items: int = 60) -> Player:
    return Player(stages, person=person, truth=np.array(TRUTH), items=items)


def at(made: Player, threshold: float) -> int:
    return next(row for row, one in enumerate(made.thresholds) if one == (pytest.approx(threshold),))


def test_the_thresholds_tried_lie_between_the_confidences_that_occur() -> None:
    tried = [one[0] for one in player(two()).thresholds]
    assert tried == pytest.approx([0.0, 0.575, 0.65, 0.75, 0.85, 0.925, 0.975])


def test_by_hand_what_a_setting_says_and_takes() -> None:
    made = player(two())
    row = at(made, 0.65)
    # Items 2 and 5 are below 0.65 and item 4 must: they are the slow one's, who is right on all three. The quick one
    # keeps 0, 1, 3 (right), 6 (wrong) and 7 (right). So 4 of 4 good and 3 of 4 bad are right: (1 + 0.75) / 2.
    assert made.right[row].tolist() == [True, True, True, True, True, True, False, True]
    assert made.worths(np.ones(8, dtype=bool))[row] == pytest.approx(0.875)
    setting = made.setting(row, 0.875)
    assert setting.reached == (1.0, 3 / 8)
    # A second each, and ten for three of eight: 1 + 3.75 seconds an item, so 60 items take 4.75 minutes.
    assert setting.minutes == pytest.approx(4.75)


def test_without_a_threshold_only_what_must_goes_on() -> None:
    made = player(two())
    assert made.right[at(made, 0.0)].tolist() == [True, True, False, True, True, False, False, True]
    assert made.setting(0, 0.0).reached == (1.0, 1 / 8)


def test_money_and_what_leaves_are_counted_where_they_are_asked() -> None:
    made = player(two(usd=np.full(8, 0.02), leaves=True), items=1000)
    setting = made.setting(at(made, 0.65), 0.0)
    assert setting.usd == pytest.approx(0.02 * 1000 * 3 / 8)
    assert setting.leaving == pytest.approx(3 / 8)


def test_a_stage_without_a_verdict_passes_on_and_never_takes_a_verdict_back() -> None:
    stages = two(scored=np.array([1, 1, 0, 1, 1, 1, 1, 1], dtype=bool))
    made = player(stages)
    row = at(made, 0.65)
    assert not made.right[row, 2]  # the slow one gave none: the quick one's stands, which is wrong
    assert made.right[row, 5]


def test_a_person_says_what_the_label_says_and_is_counted() -> None:
    slow = stage("slow", SLOW, sure=np.array([0.9, 0.9, 0.9, 0.3, 0.9, 0.9, 0.9, 0.9]), seconds=np.full(8, 10.0))
    made = player([two()[0], slow], person=True)
    row = made.thresholds.index((pytest.approx(0.85), pytest.approx(0.6)))
    # Below 0.85 are items 2, 3, 5 and 7, and 4 must. Of these the slow one is unsure of 3, where it is wrong.
    assert made.reached[row].tolist() == [1.0, 5 / 8]
    assert made.costs["person"][row].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert made.right[row, 3]


def test_the_best_within_a_budget_is_the_cheapest_of_those_that_agree_most() -> None:
    found = replay(player(two()), Budget(items=60))
    # 0.65 and 0.75 agree alike (0.875; 7 goes to the slow one too, in vain); 0.85 loses item 3; 0.925 gains item 6.
    by = {one.thresholds[0]: one for one in found.settings}
    assert [round(by[t].worth, 3) for t in sorted(by)] == [0.625, 0.75, 0.875, 0.875, 0.75, 0.875, 0.875]
    assert found.chosen.thresholds == (pytest.approx(0.65),)
    tight = replay(player(two()), Budget(minutes=3.6, items=60))
    # Two of eight go on at 0.575 (5, and 4 that must): 1 + 2.5 = 3.5 minutes.
    assert tight.chosen.thresholds == (pytest.approx(0.575),)
    assert tight.chosen.minutes == pytest.approx(3.5)
    assert [one.thresholds[0] for one in found.front["minutes"]] == pytest.approx([0.0, 0.575, 0.65])
    assert [(name, one.worth) for name, one in found.alone] == [("quick", pytest.approx(0.625)), ("slow", 0.875)]


def test_a_budget_that_nothing_keeps_is_an_error_with_the_least() -> None:
    with pytest.raises(InputError, match=r"2 minutes; the least is 2\.25"):
        replay(player(two()), Budget(minutes=2, items=60))
    with pytest.raises(InputError, match="what stage 'slow' costs isn't known"):
        replay(player(two(usd=None)), Budget(usd=1.0))


def test_choosing_on_noise_is_flattered_and_the_expectation_is_not() -> None:
    """Both stages guess, so no setting is worth more than a half; the best of many looks better, crossfitted not."""
    dice = np.random.default_rng(7)
    looks, expects = [], []
    for _ in range(25):
        n = 80
        truth = np.arange(n) % 2
        stages = [
            stage("quick", list(dice.integers(0, 2, n)), sure=dice.uniform(0.5, 1, n)),
            stage("slow", list(dice.integers(0, 2, n))),
        ]
        found = replay(Player(stages, person=False, truth=truth), Budget())
        looks.append(found.chosen.worth)
        expects.append(found.expected.figure.value)  # type: ignore[union-attr]
    assert np.mean(looks) > 0.535
    assert abs(np.mean(expects) - 0.5) < 0.03


@given(st.integers(0, 10_000), st.floats(0.01, 1))
def test_a_higher_threshold_sends_on_no_fewer(seed: int, threshold: float) -> None:
    dice = np.random.default_rng(seed)
    one = stage("quick", [1] * 20, sure=dice.uniform(0, 1, 20), must=dice.uniform(0, 1, 20) < 0.1)
    assert not (goes_on(one, threshold / 2) & ~goes_on(one, threshold)).any()
    assert not (one.must & ~goes_on(one, threshold)).any()


@given(st.integers(0, 10_000))
def test_a_setting_is_worth_what_balanced_accuracy_says(seed: int) -> None:
    dice = np.random.default_rng(seed)
    truth = np.array([0, 1, *dice.integers(0, 2, 20)])
    stages = [
        stage("quick", list(dice.integers(0, 2, 22)), sure=dice.uniform(0, 1, 22)),
        stage("slow", list(dice.integers(0, 2, 22))),
    ]
    made = Player(stages, person=False, truth=truth)
    row = int(dice.integers(0, len(made.thresholds)))
    words = {True: "pass", False: "fail"}
    said = [words[bool(one == hit)] for one, hit in zip(truth == 1, made.right[row], strict=True)]
    expected = balanced_accuracy(said, [words[bool(one)] for one in truth])
    assert made.worths(np.ones(22, dtype=bool))[row] == pytest.approx(expected.value)  # type: ignore[union-attr]


def test_ties_go_to_the_cheaper_and_then_to_what_leaves_less() -> None:
    means = {
        "minutes": np.array([2.0, 1.0, 1.0]),
        "usd": np.zeros(3),
        "leaving": np.array([0.0, 0.2, 0.1]),
        "person": np.zeros(3),
    }
    assert choose(np.array([0.9, 0.9, 0.9]), means, Budget()) == 2  # type: ignore[arg-type]
    assert choose(np.array([0.9, 0.9, 0.9]), means, Budget(leaving=0.05)) == 0  # type: ignore[arg-type]
