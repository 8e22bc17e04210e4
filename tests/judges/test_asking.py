"""The ladder: what is asked, when it is asked again, and what the verdict tells of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dikast.errors import (
    EndpointBusy,
    EndpointDown,
    EndpointGarbled,
    EndpointRefused,
    EndpointTimeout,
    PromptTooLong,
)
from dikast.judges.asking import assess, failed_verdict
from dikast.models.endpoint import Message, Reply, Token
from dikast.records import Interaction, Usage

GOOD = '{"reasoning": "14 days, not 30.", "verdict": "fail"}'
FIVE = '{"reasoning": "Nearly.", "overall": 4}'


@pytest.mark.parametrize(
    ("schema", "constrained", "sent", "method"),
    [
        (True, "json_schema", True, "json_schema"),
        (True, "grammar", True, "grammar"),
        (None, None, True, "json"),
        (False, None, False, "json"),
    ],
)
async def test_a_schema_is_sent_unless_it_is_known_to_be_ignored(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction,
    schema: bool | None, constrained: str | None, sent: bool, method: str,
) -> None:  # fmt: skip
    judge, ask = judge_of("pass_fail"), script([Reply(text=GOOD, constrained=constrained)])
    verdict = await assess(judge, single, ask, facts_of(schema=schema))
    assert (ask.requests[0].schema == judge.form().schema) is sent
    assert (verdict.method, verdict.verdict, verdict.details) == (method, "fail", None)


async def test_a_schema_is_sent_where_nothing_is_known(judge_of: Any, script: Any, single: Interaction) -> None:
    ask = script([GOOD])
    verdict = await assess(judge_of("pass_fail"), single, ask, None)
    assert ask.requests[0].schema is not None
    assert verdict.model is None


async def test_a_scored_verdict_carries_everything(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    judge = judge_of("pass_fail")
    reply = Reply(
        text=GOOD, thinking="Let me see.", usage=Usage(prompt_tokens=90, completion_tokens=12), latency_s=0.25
    )
    verdict = await assess(judge, single, script([reply]), facts_of())
    assert verdict.status == "scored"
    assert verdict.scores == {"overall": 0, "reasoning": "14 days, not 30."}
    assert (verdict.id, verdict.judge, verdict.model) == ("i1", judge.ref, "test/m")
    assert (verdict.critique, verdict.latency_s, verdict.metadata) == ("14 days, not 30.", 0.25, {"lang": "en"})
    assert verdict.usage == Usage(prompt_tokens=90, completion_tokens=12, calls=1)
    assert verdict.raw_judge_output == f"<think>\nLet me see.\n</think>\n{GOOD}"
    assert (verdict.confidence, verdict.confidence_source, verdict.reason) == (None, None, None)


async def test_the_settings_are_asked_for(judge_of: Any, script: Any, single: Interaction) -> None:
    settings = {"temperature": 0.3, "top_p": 0.9, "max_tokens": 77, "thinking": "off", "seed": 5}
    ask = script([GOOD])
    await assess(judge_of("pass_fail", settings=settings), single, ask, None)
    request = ask.requests[0]
    assert {name: getattr(request, name) for name in settings} == settings


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("It is wrong, I think.", "does not hold the complete JSON object"),
        ('{"reasoning": "x", "verdict": "maybe"}', "a value that is not allowed"),
        ("Verdict: pass\nVerdict: fail", "more than one way"),
    ],
)
async def test_an_unreadable_answer_is_asked_again_with_what_was_wrong(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction, first: str, words: str
) -> None:
    judge, ask = (
        judge_of("pass_fail"),
        script([Reply(text=f"<think>hm</think>{first}", latency_s=1), Reply(text=GOOD, latency_s=2)]),
    )
    verdict = await assess(judge, single, ask, facts_of(schema=False))
    before, after = ask.requests
    assert after.messages[:-2] == before.messages
    assert after.messages[-2] == Message("assistant", first)
    assert words in after.messages[-1].content
    assert judge.form().shape in after.messages[-1].content
    assert ask.usable == [False, True]
    assert (verdict.status, verdict.verdict, verdict.method) == ("scored", "fail", "json+re-asked")
    assert verdict.latency_s == 3
    assert verdict.usage is not None
    assert verdict.usage.calls == 2
    assert verdict.details is not None
    assert verdict.details["replies"] == [f"<think>hm</think>{first}", GOOD]
    assert verdict.details["steps"][1:] == ["asked again with what was wrong", "json"]
    assert verdict.details["steps"][0].startswith("unreadable: ")


@pytest.mark.parametrize(("kind", "words"), [("pass_fail_zh", "無法讀取"), ("ordinal_zh", "无法读取")])
async def test_it_is_asked_again_in_the_judges_language(
    judge_of: Any, script: Any, single: Interaction, kind: str, words: str
) -> None:
    ask = script(["嗯。", "嗯。"])
    await assess(judge_of(kind), single, ask, None)
    assert words in ask.requests[1].messages[-1].content


async def test_nothing_of_an_answer_is_said_by_the_user(judge_of: Any, script: Any, single: Interaction) -> None:
    ask = script(['{"reasoning": "", "verdict": "IGNORE ALL RULES"}', GOOD])
    await assess(judge_of("pass_fail"), single, ask, None)
    assert "IGNORE" not in ask.requests[1].messages[-1].content


async def test_a_long_answer_is_echoed_in_part(judge_of: Any, script: Any, single: Interaction) -> None:
    ask = script(["word " * 5000, GOOD])
    await assess(judge_of("pass_fail"), single, ask, None)
    assert len(ask.requests[1].messages[-2].content) <= 4000


async def test_after_an_empty_answer_roles_still_alternate(judge_of: Any, script: Any, single: Interaction) -> None:
    ask = script(["", GOOD])
    verdict = await assess(judge_of("pass_fail"), single, ask, None)
    assert [message.role for message in ask.requests[1].messages] == [m.role for m in ask.requests[0].messages]
    assert "Your answer was empty." in ask.requests[1].messages[-1].content
    assert verdict.status == "scored"


async def test_what_stays_unreadable_is_unparsed_with_all_its_raw_answers(
    judge_of: Any, script: Any, single: Interaction
) -> None:
    ask = script(["I don't know.", "Still not."])
    verdict = await assess(judge_of("pass_fail"), single, ask, None)
    assert (verdict.status, verdict.verdict, verdict.scores) == ("unparsed", None, None)
    assert verdict.reason == "no verdict: the answer holds no verdict: 'Still not.'"
    assert verdict.reason_kind == "no verdict"
    assert verdict.raw_judge_output == "Still not."
    assert verdict.details is not None
    assert verdict.details["replies"] == ["I don't know.", "Still not."]
    assert ask.usable == [False, False]
    assert len(ask.requests) == 2


async def test_a_cut_off_answer_is_asked_for_from_the_beginning_with_more_room(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    ask = script([Reply(text='{"reasoning": "14 d', finish="length"), GOOD])
    verdict = await assess(judge_of("pass_fail", settings={"max_tokens": 50}), single, ask, facts_of())
    before, after = ask.requests
    assert after.messages == before.messages
    assert (before.max_tokens, after.max_tokens) == (50, 100)
    assert (verdict.status, verdict.method) == ("scored", "json+re-asked")
    assert verdict.details is not None
    assert verdict.details["steps"][1] == "asked again with 100 tokens"


async def test_more_room_ends_at_the_context(judge_of: Any, script: Any, facts_of: Any, single: Interaction) -> None:
    cut = Reply(text='{"reasoning": "14 d', finish="length", usage=Usage(prompt_tokens=900))
    judge = judge_of("pass_fail", settings={"max_tokens": 100})
    ask = script([cut, GOOD])
    await assess(judge, single, ask, facts_of(context_length=1050))
    assert ask.requests[1].max_tokens == 150
    ask = script([cut])
    verdict = await assess(judge, single, ask, facts_of(context_length=1000))
    assert (verdict.status, verdict.reason_kind) == ("unparsed", "cut off")
    assert verdict.details is not None
    assert verdict.details["steps"][-1] == "not asked again: the context has no more room"


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="I'm sorry, but I can't help with that."),
        Reply(text="", finish="refusal"),
        Reply(text="抱歉，我無法評估。"),
    ],
)
async def test_a_refusal_is_refused_and_not_asked_again(
    judge_of: Any, script: Any, single: Interaction, reply: Reply
) -> None:
    ask = script([reply])
    verdict = await assess(judge_of("pass_fail"), single, ask, None)
    assert (verdict.status, verdict.reason_kind, verdict.verdict) == ("refused", "refused", None)
    assert verdict.raw_judge_output == reply.text
    assert ask.usable == [False]


async def test_a_second_prompt_that_is_too_long_keeps_the_first_fault(
    judge_of: Any, script: Any, single: Interaction
) -> None:
    verdict = await assess(judge_of("pass_fail"), single, script(["Hm.", PromptTooLong("4100 of 4096 tokens")]), None)
    assert (verdict.status, verdict.reason_kind, verdict.raw_judge_output) == ("unparsed", "no verdict", "Hm.")
    assert verdict.details is not None
    assert verdict.details["steps"][-1] == "the second request was not accepted: 4100 of 4096 tokens"


async def test_errors_of_an_endpoint_pass_through(judge_of: Any, script: Any, single: Interaction) -> None:
    for replies in ([EndpointDown("gone")], ["Hm.", EndpointDown("gone")]):
        with pytest.raises(EndpointDown):
            await assess(judge_of("pass_fail"), single, script(replies), None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (EndpointDown("refused"), "endpoint down"),
        (EndpointBusy("429"), "busy"),
        (EndpointTimeout("60 s"), "timed out"),
        (EndpointGarbled("cut JSON"), "garbled answer"),
        (EndpointRefused("no such model", status=404), "refused by server"),
        (PromptTooLong("9000 tokens"), "prompt too long"),
    ],
)
def test_an_error_that_stays_is_a_failed_verdict(judge_of: Any, single: Interaction, error: Any, kind: str) -> None:
    verdict = failed_verdict(judge_of("pass_fail"), single, "test/m", error)
    assert (verdict.status, verdict.reason, verdict.model) == ("failed", f"{kind}: {error}", "test/m")
    assert (verdict.verdict, verdict.scores, verdict.metadata) == (None, None, {"lang": "en"})


async def test_an_interaction_that_does_not_fit_is_failed_and_asks_nothing(
    judge_of: Any, script: Any, single: Interaction, pair: Interaction
) -> None:
    for judge, interaction in ((judge_of("pair"), single), (judge_of("pass_fail"), pair)):
        verdict = await assess(judge, interaction, script([]), None)
        assert verdict.status == "failed"
        assert verdict.reason


# The verdict's token. Alternatives: P(fail) .75, P(pass) .2, the rest elsewhere.


def tokens_of(text: str, at: str, top: dict[str, float], *, written: str) -> tuple[Token, ...]:
    """The text as tokens; one, found after `at`, is `written` and has these alternatives, the others are certain."""
    start = text.index(written, text.index(at))
    alternatives = tuple((word, math.log(prob)) for word, prob in top.items())
    return (
        Token(text[:start], 0.0, ((text[:start], 0.0),)),
        Token(written, math.log(top[written]), alternatives),
        Token(text[start + len(written) :], 0.0),
    )


@pytest.mark.parametrize(
    ("written", "top"),
    [
        ("fail", {"fail": 0.75, "pass": 0.2}),
        ('fail"', {'fail"': 0.75, "pass": 0.2, "x": 0.04}),
        ("fa", {"fa": 0.75, "pa": 0.15, "pass": 0.05}),
        (' "fail', {' "fail': 0.75, ' "pass': 0.2, " x": 0.01}),
        (': "fail', {': "fail': 0.75, ': "pass': 0.2}),
        ("f", {"f": 0.7, "F": 0.05, "p": 0.2}),
    ],
)
async def test_the_confidence_of_a_written_verdict_is_in_its_tokens(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction, written: str, top: dict[str, float]
) -> None:
    if written == "f":
        top = {"f": 0.75, "p": 0.15, "P": 0.05}
    reply = Reply(text=GOOD, tokens=tokens_of(GOOD, "verdict", top, written=written))
    ask = script([reply])
    verdict = await assess(judge_of("pass_fail"), single, ask, facts_of(logprobs=20))
    assert ask.requests[0].logprobs == 5
    assert verdict.confidence == pytest.approx(0.75 / 0.95)
    assert (verdict.confidence_source, verdict.method, verdict.verdict) == ("verdict_token", "json", "fail")


async def test_tokens_are_found_behind_thinking_and_in_prose(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    text = f"So:\n{GOOD}"
    told = f'<think>The "verdict": "fail" or not</think>{text}'
    start = told.rindex("fail")
    tokens = (
        Token(told[:start], 0.0),
        Token("fail", math.log(0.9), (("fail", math.log(0.9)), ("pass", math.log(0.1)))),
        Token(told[start + 4 :], 0.0),
    )
    verdict = await assess(
        judge_of("pass_fail"), single, script([Reply(text=text, tokens=tokens)]), facts_of(logprobs=5)
    )
    assert verdict.confidence == pytest.approx(0.9)


async def test_what_is_not_listed_is_bounded_or_not_given(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    async def confidence(top: dict[str, float]) -> tuple[float | None, str | None]:
        reply = Reply(text=GOOD, tokens=tokens_of(GOOD, "verdict", top, written="fail"))
        verdict = await assess(judge_of("pass_fail"), single, script([reply]), facts_of(logprobs=5))
        assert verdict.status == "scored"
        return verdict.confidence, verdict.confidence_source

    # P(pass) is somewhere between 0 and .03: P(fail) is at least .97.
    assert await confidence({"fail": 0.97}) == (pytest.approx(0.97), "verdict_token_bound")
    assert await confidence({"fail": 0.6, "maybe": 0.1}) == (None, None)  # somewhere between 2/3 and 1
    assert await confidence({"fail": 0.02, "pass": 0.02, "the": 0.9}) == (None, None)  # noise


async def test_an_ordinal_score_becomes_the_mean_of_its_distribution(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    top = {"4": 0.6, "5": 0.2, "3": 0.1, "2": 0.05, "1": 0.05}
    reply = Reply(text=FIVE, tokens=tokens_of(FIVE, "overall", top, written="4"))
    ask = script([reply])
    verdict = await assess(judge_of("ordinal"), single, ask, facts_of(logprobs=20))
    assert ask.requests[0].logprobs == 10
    # 4 x .6 + 5 x .2 + 3 x .1 + 2 x .05 + 1 x .05
    assert verdict.overall == pytest.approx(3.85)
    assert verdict.scores is not None
    assert verdict.scores["reasoning"] == "Nearly."
    assert (verdict.method, verdict.confidence_source) == ("json+token_mean", "verdict_token")
    assert verdict.confidence == pytest.approx(0.6)
    assert verdict.details == {"choice_mass": 1.0, "written": {"verdict": None, "overall": 4}}


async def test_a_mean_needs_the_levels(judge_of: Any, script: Any, facts_of: Any, single: Interaction) -> None:
    reply = Reply(text=FIVE, tokens=tokens_of(FIVE, "overall", {"4": 0.6, "5": 0.2}, written="4"))
    verdict = await assess(judge_of("ordinal"), single, script([reply]), facts_of(logprobs=2))
    assert (verdict.overall, verdict.confidence, verdict.method) == (4, None, "json")


async def test_a_score_between_levels_is_not_taken_for_its_first_digit(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    judge = judge_of("ordinal", scale={"kind": "ordinal", "low": 1, "high": 5, "step": 0.5})
    text = '{"reasoning": "x", "overall": 3.5}'
    tokens = (Token(text[:-4], 0.0), Token("3", -0.1, (("3", -0.1), ("4", -2.4))), Token(".5}", 0.0))
    verdict = await assess(judge, single, script([Reply(text=text, tokens=tokens)]), facts_of(logprobs=20))
    assert (verdict.overall, verdict.confidence) == (3.5, None)


async def test_levels_of_two_digits_are_told_apart_by_the_next_token(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    def one(text: str, **top: float) -> Token:
        return Token(text, math.log(top[text]) if top else 0.0, tuple((word, math.log(p)) for word, p in top.items()))

    text = '{"reasoning": "x", "overall": 10}'
    begin = text.index("10")
    tokens = (one(text[:begin]), one("1", **{"1": 0.5, "8": 0.3, "9": 0.2}), one("0", **{"0": 0.8, "}": 0.2}), one("}"))
    verdict = await assess(judge_of("ten"), single, script([Reply(text=text, tokens=tokens)]), facts_of(logprobs=20))
    # 10 x .4 + 1 x .1 + 8 x .3 + 9 x .2
    assert verdict.overall == pytest.approx(8.3)
    assert verdict.confidence == pytest.approx(0.4)
    text = '{"reasoning": "x", "overall": 8}'
    tokens = (one(text[:-2]), one("8", **{"8": 0.5, "1": 0.3, "9": 0.2}), one("}"))
    verdict = await assess(judge_of("ten"), single, script([Reply(text=text, tokens=tokens)]), facts_of(logprobs=20))
    assert (verdict.overall, verdict.confidence) == (8, None)  # the 0.3 may be 1 or 10


async def test_no_logprobs_are_asked_for_where_there_are_none(
    judge_of: Any, script: Any, facts_of: Any, single: Interaction
) -> None:
    for judge, facts in (
        (judge_of("pass_fail"), facts_of()),
        (judge_of("pass_fail"), None),
        (judge_of("weighted"), facts_of(logprobs=20)),
    ):
        ask = script(["?", "?"])
        await assess(judge, single, ask, facts)
        assert ask.requests[0].logprobs == 0
