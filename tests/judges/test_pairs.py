"""Pairs: both orders are asked, the place cancels, and it is told how often order decided."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.judges.asking import assess
from dikast.judges.opinion import Opinion
from dikast.judges.pairs import both_orders
from dikast.models.endpoint import Reply
from dikast.records import Interaction


def says(letter: str, **scores: float) -> str:
    extra = "".join(f', "{name}": {value}' for name, value in scores.items())
    return f'{{"reasoning": "because {letter}", "verdict": "{letter}"{extra}}}'


def token(a: float, b: float, tie: float | None = None) -> Reply:
    probs = {"A": a, "B": b} | ({} if tie is None else {"C": tie})
    return Reply(text="A", choice_probs=probs, choice_reading="exact")


async def test_both_orders_are_asked_and_turned_back(judge_of: Any, script: Any, pair: Interaction) -> None:
    ask = script([says("A"), says("B")])
    verdict = await assess(judge_of("pair"), pair, ask, None)
    first, second = (request.messages[-1].content for request in ask.requests)
    assert first.index("30 days") < first.index("14 days")
    assert second.index("14 days") < second.index("30 days")
    assert (verdict.status, verdict.verdict, verdict.overall) == ("scored", "a", 1)
    assert verdict.details["order"] == {"consistent": True, "a_first": "a", "b_first": "a"}
    assert (verdict.method, verdict.confidence) == ("json+both_orders", None)
    assert verdict.critique == "because A"
    assert verdict.usage.calls == 2


@pytest.mark.parametrize(
    ("first", "second", "verdict", "overall", "consistent"),
    [
        ("B", "A", "b", 0, True),
        ("C", "C", "tie", 0.5, True),
        ("A", "C", "a", 0.75, False),
        ("C", "A", "b", 0.25, False),
        ("A", "A", "tie", 0.5, False),
        ("B", "B", "tie", 0.5, False),
    ],
)
async def test_verdicts_of_two_orders(
    judge_of: Any, script: Any, pair: Interaction,
    first: str, second: str, verdict: str, overall: float, consistent: bool,
) -> None:  # fmt: skip
    result = await assess(judge_of("pair"), pair, script([says(first), says(second)]), None)
    assert (result.verdict, result.overall) == (verdict, overall)
    assert result.details["order"]["consistent"] is consistent


@pytest.mark.parametrize(("letter", "place"), [("A", "first"), ("B", "second")])
async def test_without_a_tie_order_decides_nothing(
    judge_of: Any, script: Any, pair: Interaction, letter: str, place: str
) -> None:
    result = await assess(judge_of("pair_no_tie"), pair, script([says(letter), says(letter)]), None)
    assert (result.status, result.verdict) == ("unparsed", None)
    assert (
        result.reason == f"order decided: the answer shown {place} was preferred both times, and this judge has no tie"
    )
    assert result.details["order"]["consistent"] is False


async def test_criteria_decide_where_the_orders_stand_against_each_other(
    judge_of: Any, script: Any, pair: Interaction
) -> None:
    criteria = [{"name": "right"}, {"name": "short"}]
    judge = judge_of("pair", criteria=criteria, overall="own")
    replies = [
        '{"reasoning": "x", "right": "A", "short": "A", "verdict": "A"}',  # A, A: both for A
        '{"reasoning": "y", "right": "B", "short": "A", "verdict": "A"}',  # shown turned: A, B; verdict B
    ]
    result = await assess(judge, pair, script(replies), None)
    assert (result.verdict, result.overall) == ("a", 0.5)
    assert result.scores == {"right": 1, "short": 0.5, "overall": 0.5, "reasoning": "x"}


async def test_an_advantage_of_the_place_cancels(judge_of: Any, script: Any, facts_of: Any, pair: Interaction) -> None:
    # Odds of A 4:1 in themselves, and 3 times more for the first place: 12:1 when A is first, 4:3 when it is second.
    ask = script([token(12 / 13, 1 / 13), token(3 / 7, 4 / 7)])
    result = await assess(judge_of("pair_no_tie", fast=True), pair, ask, facts_of(choices="exact"))
    assert result.verdict == "a"
    assert result.confidence == pytest.approx(0.8)
    assert result.overall == pytest.approx(0.8)
    assert result.confidence_source == "verdict_token_exact"
    assert result.details["order"] == {
        "consistent": True, "a_first": "a", "b_first": "a",
        "p_a_first": pytest.approx(12 / 13, abs=1e-6), "p_a_second": pytest.approx(4 / 7, abs=1e-6),
    }  # fmt: skip


async def test_the_stronger_order_decides(judge_of: Any, script: Any, facts_of: Any, pair: Interaction) -> None:
    ask = script([token(0.6, 0.4, 0.0), token(0.95, 0.05, 0.0)])
    result = await assess(judge_of("pair", fast=True), pair, ask, facts_of(choices="exact"))
    assert result.verdict == "b"
    assert result.details["order"]["consistent"] is False


async def test_a_balance_is_a_tie_or_order_decided(
    judge_of: Any, script: Any, facts_of: Any, pair: Interaction
) -> None:
    for kind, expected in (("pair", ("scored", "tie")), ("pair_no_tie", ("unparsed", None))):
        ask = script([token(0.7, 0.3), token(0.7, 0.3)])
        result = await assess(judge_of(kind, fast=True), pair, ask, facts_of(choices="exact"))
        assert (result.status, result.verdict) == expected


async def test_one_undecided_order_leaves_it_to_the_other(
    judge_of: Any, script: Any, facts_of: Any, pair: Interaction
) -> None:
    ask = script([token(0.5, 0.5), token(0.1, 0.9)])
    result = await assess(judge_of("pair_no_tie", fast=True), pair, ask, facts_of(choices="exact"))
    assert (result.verdict, result.confidence) == ("a", pytest.approx(0.75))


async def test_one_order_alone_is_no_verdict(judge_of: Any, script: Any, pair: Interaction) -> None:
    result = await assess(judge_of("pair"), pair, script([says("A"), "Hm.", "Hm."]), None)
    assert (result.status, result.verdict) == ("unparsed", None)
    assert result.reason == "no verdict: with B first: the answer holds no verdict: 'Hm.'"
    assert result.details["order"] == {"consistent": None, "a_first": "a", "b_first": None}
    assert len(result.details["replies"]) == 3
    result = await assess(judge_of("pair"), pair, script(["I can't assist with that.", says("A")]), None)
    assert (result.status, result.reason_kind) == ("refused", "refused")


async def test_votes_of_both_orders_are_counted_together(judge_of: Any, script: Any, pair: Interaction) -> None:
    # A first: A, A (2 of 2). B first: A, B, A, which is B, A, B: 1 of 3 for A.
    ask = script([says("A"), says("A"), says("A"), says("B"), says("A")])
    result = await assess(judge_of("pair", votes=3), pair, ask, None)
    assert (result.verdict, result.confidence_source) == ("a", "votes:3")
    assert result.confidence == pytest.approx((1 + 1 / 3) / 2)
    assert result.details["a_first"]["votes"]["cast"] == 2
    assert result.details["order"]["consistent"] is False


PROBS = st.tuples(*[st.floats(0.001, 1)] * 3).map(lambda three: tuple(one / sum(three) for one in three))


@given(PROBS, PROBS)
def test_naming_the_answers_the_other_way_round_turns_the_verdict(
    judge_of: Any, first: tuple[float, ...], second: tuple[float, ...]
) -> None:
    form = judge_of("pair").form()

    def opinion(probs: tuple[float, ...]) -> Opinion:
        return Opinion(probabilities=dict(zip(("a", "b", "tie"), probs, strict=True)), origin="verdict_token")

    one = both_orders(form, opinion(first), opinion(second)).reading
    other = both_orders(form, opinion(second), opinion(first)).reading
    assert one is not None
    assert other is not None
    assert {"a": "b", "b": "a"}.get(str(one.verdict), one.verdict) == other.verdict
    assert one.scores["overall"] == pytest.approx(1 - other.scores["overall"], abs=1e-8)
