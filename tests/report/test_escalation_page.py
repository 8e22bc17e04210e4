"""The page of a replayed cascade: what it says and where its points lie."""

from __future__ import annotations

import numpy as np
import pytest

from dikast.agreement.escalation import Budget, Player, Replay, StageOnItems, replay
from dikast.report.escalation_page import DOWN, TOP, escalation_view, render_escalation, thresholds_short


@pytest.fixture
def found() -> Replay:
    """Eight items: the quick stage is right on four, the slow one on all, and ten times as slow."""

    def stage(name: str, right: list[int], sure: float, seconds: float) -> StageOnItems:
        n = len(right)
        return StageOnItems(
            name=name,
            right=np.array(right, dtype=bool),
            scored=np.ones(n, dtype=bool),
            sure=np.where(np.array(right, dtype=bool), sure, 0.6),
            must=np.zeros(n, dtype=bool),
            seconds=np.full(n, seconds),
            usd=np.zeros(n),
            leaves=False,
        )

    stages = [stage("quick", [1, 0] * 4, 0.9, 1.0), stage("slow", [1] * 8, 0.9, 10.0)]
    return replay(Player(stages, person=False, truth=np.array([1, 1, 0, 0] * 2), items=60), Budget(items=60))


def test_it_says_what_is_chosen_and_what_to_expect(found: Replay) -> None:
    view = escalation_view("desk", found, ["quick", "slow"])
    assert "quick: below 0.75" in view.sentence
    assert "balanced accuracy is 100 %" in view.sentence
    assert "6 minutes of model time" in view.sentence  # a second for all, and ten for half of them
    assert view.honest.startswith("Expect 100 % (")
    assert [row.name for row in view.rows] == ["quick alone", "slow alone", "never", "0.75"]
    assert [row.chosen for row in view.rows] == [False, False, False, True]
    assert [trade.key for trade in view.trades] == ["minutes"]


def test_its_points_lie_where_they_should(found: Replay) -> None:
    trade = escalation_view("desk", found, ["quick", "slow"]).trades[0]
    assert trade.chosen.y == TOP
    assert trade.chosen.low > trade.chosen.y
    everything = [*trade.dots, *trade.front, *trade.alone, trade.chosen, trade.expected]
    assert all(TOP <= mark.y <= TOP + DOWN for mark in everything)
    assert [mark.label for mark in trade.alone] == ["quick alone", "slow alone"]


def test_it_needs_nothing_else_and_shows_hostile_names_as_they_are(found: Replay) -> None:
    text = render_escalation(
        "<script>alert(1)</script>", found, ["<b>quick</b>", "slow"], ["a note with <i>markup</i>"]
    )
    assert "<script" not in text
    assert "<b>quick" not in text
    assert "<i>" not in text
    assert "://" not in text


def test_thresholds_in_short() -> None:
    assert thresholds_short((0.85, 0.0)) == "0.85 / never"
