from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from dikast.analysis.outliers import TopOutliers, critique_of
from dikast.records import JudgeRef, Verdict

JUDGE = JudgeRef("j", "v")


def test_the_lowest_come_first_and_the_surer_of_equals(make: Callable[..., Verdict]) -> None:
    top = TopOutliers(2)
    rows = [(4, 0.9), (1, 0.6), (1, 0.8), (2, 0.9)]
    for at, (overall, confidence) in enumerate(rows, start=1):
        top.add(make(f"i{at}", scores={"overall": overall}, confidence=confidence), at)
    lowest = next(ranked for ranked in top.lists() if ranked.ranking == "lowest")
    assert [outlier.id for outlier in lowest.items] == ["i3", "i2"]
    assert lowest.of == 4


def test_fails_with_the_highest_confidence_and_the_least_certain(make: Callable[..., Verdict]) -> None:
    top = TopOutliers(3)
    for at, (id, verdict, confidence) in enumerate(
        [("a", "fail", 0.7), ("b", "pass", 0.51), ("c", "fail", None), ("d", "fail", 0.99), ("e", "pass", 0.9)], start=1
    ):
        top.add(make(id, verdict, confidence=confidence), at)
    lists = {ranked.ranking: [outlier.id for outlier in ranked.items] for ranked in top.lists()}
    assert lists == {"surest_fails": ["d", "a", "c"], "least_certain": ["b", "a", "e"]}


def test_pairs_have_no_lowest(make: Callable[..., Verdict]) -> None:
    top = TopOutliers(3)
    top.add(make("p", "a", scores={"overall": 0.1}), 1)
    assert top.lists() == ()


def test_zero_outliers_still_counts(make: Callable[..., Verdict]) -> None:
    top = TopOutliers(0)
    top.add(make("p", "fail"), 1)
    assert [(ranked.of, ranked.items) for ranked in top.lists()] == [(1, ())]


def test_the_reasoning_stands_in_for_a_critique(make: Callable[..., Verdict]) -> None:
    assert critique_of(make(scores={"reasoning": "too short"}), 100) == "too short"
    assert critique_of(make(critique="no source", scores={"reasoning": "x"}), 4) == "no s"
    assert critique_of(make(critique="  "), 100) is None
    assert critique_of(make(scores={"reasoning": 3}), 100) is None


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 8))
def test_the_heap_finds_what_sorting_finds(scores: list[int], limit: int) -> None:
    top = TopOutliers(limit)
    for at, overall in enumerate(scores, start=1):
        top.add(Verdict(id=str(at), status="scored", scores={"overall": overall}, judge=JUDGE), at)
    expected = [str(at) for _, at in sorted((overall, at) for at, overall in enumerate(scores, start=1))][:limit]
    assert [outlier.id for ranked in top.lists() for outlier in ranked.items] == expected
