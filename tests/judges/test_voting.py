"""Votes: strict majority, stopping when decided, unreadable votes counted for nobody, means of ordinal votes."""

from __future__ import annotations

from typing import Any

import pytest

from dikast.judges.asking import assess
from dikast.records import Interaction

PASS = '{"reasoning": "fine", "verdict": "pass"}'
FAIL = '{"reasoning": "late", "verdict": "fail"}'
NONE = "I can't tell which."


async def votes_of(judge: Any, ask: Any, interaction: Interaction) -> Any:
    return await assess(judge, interaction, ask, None)


async def test_voting_stops_when_it_is_decided(judge_of: Any, script: Any, single: Interaction) -> None:
    ask = script([FAIL, FAIL, FAIL])
    verdict = await votes_of(judge_of("pass_fail", votes=5), ask, single)
    assert (verdict.verdict, verdict.critique, verdict.confidence) == ("fail", "late", 1.0)
    assert (verdict.confidence_source, verdict.method) == ("votes:5", "votes+json")
    assert verdict.details["votes"] == {"of": 5, "cast": 3, "fail": 3, "unreadable": 0, "temperature": 0.7}
    assert verdict.usage.calls == 3


async def test_each_vote_has_its_own_seed_and_sample(judge_of: Any, script: Any, single: Interaction) -> None:
    ask = script([PASS, FAIL, PASS])
    verdict = await votes_of(judge_of("pass_fail", votes=3, settings={"seed": 7, "temperature": 0.2}), ask, single)
    assert [(request.sample, request.seed, request.temperature) for request in ask.requests] == [
        (0, 7, 0.2),
        (1, 8, 0.2),
        (2, 9, 0.2),
    ]
    assert (verdict.verdict, verdict.confidence) == ("pass", pytest.approx(2 / 3))
    assert verdict.details["replies"] == [PASS, FAIL, PASS]


async def test_half_is_no_majority(judge_of: Any, script: Any, single: Interaction) -> None:
    verdict = await votes_of(judge_of("pass_fail", votes=4), script([PASS, FAIL, PASS, FAIL]), single)
    assert (verdict.status, verdict.verdict, verdict.confidence) == ("unparsed", None, None)
    assert verdict.reason == "no majority: 2 pass, 2 fail of 4 votes"


async def test_voting_stops_when_no_side_can_win(judge_of: Any, script: Any, single: Interaction) -> None:
    # After two unreadable votes (each asked twice) and one each, neither side can reach three of five.
    ask = script([NONE, NONE, NONE, NONE, PASS, FAIL, PASS])
    verdict = await votes_of(judge_of("pass_fail", votes=5), ask, single)
    assert (verdict.status, verdict.reason) == ("unparsed", "no majority: 1 pass, 1 fail, 2 unreadable of 5 votes")
    assert len(ask.requests) == 6


async def test_unreadable_votes_are_not_fails(judge_of: Any, script: Any, single: Interaction) -> None:
    ask = script([NONE, NONE, PASS, PASS])
    verdict = await votes_of(judge_of("pass_fail", votes=3), ask, single)
    assert (verdict.verdict, verdict.confidence) == ("pass", pytest.approx(2 / 3))
    assert verdict.details["votes"]["unreadable"] == 1
    assert verdict.details["steps"][0].startswith("vote 1: unreadable: no verdict")


async def test_no_readable_vote_has_the_reason_of_the_last(judge_of: Any, script: Any, single: Interaction) -> None:
    verdict = await votes_of(judge_of("pass_fail", votes=3), script(["Sorry, I can't assist with that."] * 3), single)
    assert verdict.status == "refused"
    assert verdict.reason.startswith("refused: none of 2 votes could be read")


async def test_an_ordinal_vote_is_the_mean_of_all(judge_of: Any, script: Any, single: Interaction) -> None:
    replies = [f'{{"reasoning": "it is {n}", "grounded": {n}, "polite": 5, "overall": {n}}}' for n in (5, 5, 2)]
    verdict = await votes_of(judge_of("criteria", votes=3), script(replies), single)
    assert verdict.scores == {"grounded": 4, "polite": 5, "overall": 4, "reasoning": "it is 5"}
    assert (verdict.verdict, verdict.confidence) == (None, pytest.approx(2 / 3))


async def test_an_ordinal_mean_can_be_a_pass(judge_of: Any, script: Any, single: Interaction) -> None:
    scale = {"kind": "ordinal", "low": 1, "high": 5, "step": 1, "pass_from": 4}
    replies = [f'{{"reasoning": "x", "overall": {n}}}' for n in (5, 5, 2)]
    verdict = await votes_of(judge_of("ordinal", scale=scale, votes=3), script(replies), single)
    assert (verdict.overall, verdict.verdict, verdict.confidence) == (4, "pass", pytest.approx(2 / 3))


async def test_an_ordinal_mean_needs_more_than_half_of_the_votes(
    judge_of: Any, script: Any, single: Interaction
) -> None:
    ask = script(['{"reasoning": "x", "overall": 4}', NONE, NONE, NONE, NONE])
    verdict = await votes_of(judge_of("ordinal", votes=3), ask, single)
    assert (verdict.status, verdict.reason) == ("unparsed", "no majority: 1 4, 2 unreadable of 3 votes")
