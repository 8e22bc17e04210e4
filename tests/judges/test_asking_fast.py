"""A fast judge: the verdict in one token's distribution, or in samples, and never one for the other in silence."""

from __future__ import annotations

from typing import Any

import pytest

from dikast.judges.asking import assess
from dikast.models.endpoint import Reply
from dikast.records import Interaction


def told(probs: dict[str, float], reading: Any = "exact", **fields: Any) -> Reply:
    return Reply(text="x", choice_probs=probs, choice_reading=reading, **fields)


@pytest.mark.parametrize(
    ("reading", "source"), [("exact", "verdict_token_exact"), ("top_logprobs", "verdict_token_top")]
)
async def test_one_call_reads_the_distribution(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction, reading: str, source: str
) -> None:
    judge, ask = judge_of("pass_fail", fast=True), script([told({"pass": 0.2, "fail": 0.8}, reading)])
    verdict = await assess(judge, single, ask, facts_of(choices=reading, schema=True, logprobs=20))
    request = ask.requests[0]
    assert (request.choices, request.max_tokens, request.thinking) == (("pass", "fail"), 1, "off")
    assert (request.schema, request.logprobs) == (None, 0)
    assert (verdict.verdict, verdict.confidence, verdict.confidence_source) == ("fail", 0.8, source)
    assert (verdict.method, verdict.critique, verdict.overall) == ("verdict_token", None, 0)
    assert ask.usable == [True]


async def test_an_ordinal_verdict_is_the_mean(judge_of: Any, script: Any, facts_of: Any, single: Interaction) -> None:
    probs = {"1": 0.0, "2": 0.0, "3": 0.5, "4": 0.25, "5": 0.25}
    verdict = await assess(judge_of("ordinal", fast=True), single, script([told(probs)]), facts_of(choices="exact"))
    assert (verdict.overall, verdict.confidence) == (3.75, 0.5)


async def test_choices_are_tried_where_nothing_is_known(judge_of: Any, script: Any, single: Interaction) -> None:
    verdict = await assess(judge_of("pass_fail", fast=True), single, script([told({"pass": 1.0, "fail": 0.0})]), None)
    assert (verdict.verdict, verdict.method) == ("pass", "verdict_token")


async def test_without_a_distribution_samples_decide(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    ask = script(["pass", "**Fail**", " pass.", '{"verdict": "pass"}', "通過"])
    verdict = await assess(judge_of("pass_fail", fast=True), single, ask, facts_of(choices=None))
    assert (verdict.verdict, verdict.confidence, verdict.confidence_source) == ("pass", 0.8, "samples:5")
    assert verdict.method == "verdict_samples"
    assert verdict.details is not None
    assert verdict.details["steps"] == ["5 samples: the endpoint gives no distribution"]
    assert verdict.details["samples"] == {"of": 5, "pass": 4, "fail": 1, "unreadable": 0}
    assert [request.sample for request in ask.requests] == [0, 1, 2, 3, 4]
    assert len({request.seed for request in ask.requests}) == 5
    assert {request.temperature for request in ask.requests} == {0.7}
    assert {request.choices for request in ask.requests} == {()}
    assert verdict.usage is not None
    assert verdict.usage.calls == 5


async def test_the_number_of_samples_is_that_of_the_votes(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    judge = judge_of("ordinal", fast=True, votes=3, settings={"temperature": 0.4, "seed": 10})
    ask = script(["4", "5", "4"])
    verdict = await assess(judge, single, ask, facts_of(choices=None))
    assert verdict.overall == pytest.approx(13 / 3)
    assert verdict.confidence_source == "samples:3"
    assert [(request.temperature, request.seed) for request in ask.requests] == [(0.4, 10), (0.4, 11), (0.4, 12)]


async def test_samples_take_over_when_the_endpoint_gave_no_distribution(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    ask = script(["fail"] * 6)
    verdict = await assess(judge_of("pass_fail", fast=True), single, ask, facts_of(choices="exact"))
    assert ask.usable[0] is False
    assert (verdict.verdict, verdict.method) == ("fail", "verdict_samples")
    assert verdict.details is not None
    assert verdict.details["steps"] == ["5 samples: the endpoint gave no distribution"]
    assert len(verdict.details["replies"]) == 6


async def test_a_model_that_must_think_is_sampled_with_room(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    ask = script(["<think>pass?</think>fail"] * 5)
    facts = facts_of(choices="exact", thinks=True, thinking_switch=False)
    verdict = await assess(judge_of("pass_fail", fast=True), single, ask, facts)
    assert (verdict.verdict, verdict.confidence_source) == ("fail", "samples:5")
    assert (ask.requests[0].max_tokens, ask.requests[0].thinking) == (1024, "default")


async def test_too_few_readable_samples_are_no_verdict(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    ask = script(["pass", "hm", "hm", "pass", "hm"])
    verdict = await assess(judge_of("pass_fail", fast=True), single, ask, facts_of(choices=None))
    assert (verdict.status, verdict.verdict) == ("unparsed", None)
    assert verdict.reason is not None
    assert verdict.reason.startswith("no verdict: only 2 of 5 samples could be read")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (told({"pass": 0.5, "fail": 0.5}), "undecided"),
        (told({"pass": 0.0, "fail": 0.0}), "no verdict"),
        (told({"pass": 0.9, "fail": 0.1}, "top_logprobs", choice_mass=0.01), "no verdict"),
    ],
)
async def test_a_distribution_that_says_nothing_is_no_verdict(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction, reply: Reply, kind: str
) -> None:
    ask = script([reply])
    verdict = await assess(judge_of("pass_fail", fast=True), single, ask, facts_of(choices="exact"))
    assert (verdict.status, verdict.reason_kind) == ("unparsed", kind)
    assert ask.usable == [False]


async def test_an_exact_reading_counts_however_small_its_share(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    ask = script([told({"pass": 0.9, "fail": 0.1}, "exact", choice_mass=0.01)])
    verdict = await assess(judge_of("pass_fail", fast=True), single, ask, facts_of(choices="exact"))
    assert (verdict.verdict, verdict.details) == ("pass", {"choice_mass": 0.01})


async def test_the_words_share_of_the_token_is_told(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    reply = told({"pass": 0.9, "fail": 0.1}, "top_logprobs", choice_mass=0.7)
    verdict = await assess(judge_of("pass_fail", fast=True), single, script([reply]), facts_of(choices="top_logprobs"))
    assert verdict.details == {"choice_mass": 0.7}
