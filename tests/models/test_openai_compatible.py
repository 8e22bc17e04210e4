from __future__ import annotations

import json
import math

import pytest

from dikast.errors import EndpointGarbled, EndpointRefused, PromptTooLong
from dikast.models.endpoint import Message

LOGPROBS = {
    "content": [
        {
            "token": "pass",
            "logprob": -0.04,
            "bytes": [112, 97, 115, 115],
            "top_logprobs": [{"token": "pass", "logprob": -0.04}, {"token": "fail", "logprob": -3.3}],
        }
    ]
}


def _raw(server_words, **message):
    """A 200 with this message, as the server wrote it."""
    logprobs, finish = message.pop("logprobs", None), message.pop("finish_reason", "stop")
    usage = message.pop("usage", {"prompt_tokens": 412, "completion_tokens": 8, "total_tokens": 420})
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish, "logprobs": logprobs}
    body = {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
    return server_words.Raw(json.dumps(body))


async def test_a_plain_answer(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", answer="It is right.", slots=1)
    endpoint = endpoint_at(server, "openai-compatible")
    reply = await endpoint.answer(ask(max_tokens=77, temperature=0.5, top_p=0.9, seed=3))
    assert reply.text == "It is right."
    assert (reply.finish, reply.thinking, reply.tokens, reply.constrained) == ("stop", None, (), None)
    assert reply.usage.completion_tokens == 3
    assert reply.latency_s > 0
    assert reply.served_by == server.url
    sent = server.chats[0].body
    assert sent["messages"][0] == {"role": "system", "content": "You judge."}
    assert (sent["max_tokens"], sent["temperature"], sent["top_p"], sent["seed"]) == (77, 0.5, 0.9, 3)
    assert "chat_template_kwargs" not in sent
    assert endpoint.model == "openai-compatible/qwen3:8b"


async def test_samples_of_one_prompt_differ_by_their_seed(model_server, endpoint_at, ask) -> None:
    server = model_server("openai")
    endpoint = endpoint_at(server, "openai-compatible")
    for sample in (0, 1, 2):
        await endpoint.answer(ask(sample=sample, temperature=1.0))
    assert [chat.body["seed"] for chat in server.chats] == [0, 1, 2]


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_thinking_is_kept_apart(model_server, endpoint_at, ask, server_words, field: str) -> None:
    raw = _raw(server_words, content='{"verdict":"pass"}', **{field: "Compare {a} and {b}."})
    reply = await endpoint_at(model_server("openai", answer=raw), "openai-compatible").answer(ask())
    assert reply.text == '{"verdict":"pass"}'
    assert reply.thinking == "Compare {a} and {b}."


@pytest.mark.parametrize(
    ("finish", "expected"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "refusal"), ("tool_calls", "other"), (None, "other")],
)
async def test_why_an_answer_ended(model_server, endpoint_at, ask, server_words, finish, expected) -> None:
    raw = _raw(server_words, content="x", finish_reason=finish)
    reply = await endpoint_at(model_server("openai", answer=raw), "openai-compatible").answer(ask())
    assert reply.finish == expected


async def test_a_refusal_is_one_whatever_the_finish_says(model_server, endpoint_at, ask, server_words) -> None:
    raw = _raw(server_words, content=None, refusal="I can't help with that.")
    reply = await endpoint_at(model_server("openai", answer=raw), "openai-compatible").answer(ask())
    assert (reply.finish, reply.text) == ("refusal", "I can't help with that.")


async def test_cached_tokens_are_counted(model_server, endpoint_at, ask, server_words) -> None:
    usage = {"prompt_tokens": 412, "completion_tokens": 8, "prompt_tokens_details": {"cached_tokens": 380}}
    raw = _raw(server_words, content="x", usage=usage)
    reply = await endpoint_at(model_server("openai", answer=raw), "openai-compatible").answer(ask())
    assert (reply.usage.prompt_tokens, reply.usage.cached_tokens) == (412, 380)


async def test_missing_usage_and_content_parts_are_no_failure(model_server, endpoint_at, ask, server_words) -> None:
    raw = _raw(server_words, content=[{"type": "text", "text": "pa"}, {"type": "text", "text": "ss"}], usage=None)
    reply = await endpoint_at(model_server("openai", answer=raw), "openai-compatible").answer(ask())
    assert reply.text == "pass"
    assert reply.usage.prompt_tokens == 0


async def test_logprobs_become_tokens_only_when_asked_for(model_server, endpoint_at, ask, server_words) -> None:
    raw = _raw(server_words, content="pass", logprobs=LOGPROBS)
    endpoint = endpoint_at(model_server("openai", answer=raw), "openai-compatible")
    assert (await endpoint.answer(ask())).tokens == ()
    (token,) = (await endpoint.answer(ask(logprobs=2))).tokens
    assert (token.text, token.logprob, token.top) == ("pass", -0.04, (("pass", -0.04), ("fail", -3.3)))


async def test_a_schema_is_sent_but_only_called_enforced_once_that_is_known(model_server, endpoint_at, ask) -> None:
    schema = {"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}}}
    server = model_server("openai")
    endpoint = endpoint_at(server, "openai-compatible", probe=True)
    unknown = await endpoint.answer(ask(schema=schema))
    assert server.chats[0].body["response_format"]["json_schema"]["schema"] == schema
    assert unknown.constrained is None
    assert (await endpoint.facts()).capabilities.schema is True
    assert (await endpoint.answer(ask(schema=schema))).constrained == "json_schema"


async def test_a_schema_that_the_server_ignores_is_not_called_enforced(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", honours_schema=False)
    endpoint = endpoint_at(server, "openai-compatible", probe=True)
    assert (await endpoint.facts()).capabilities.schema is False
    reply = await endpoint.answer(ask(schema={"type": "object"}))
    assert reply.constrained is None
    assert "response_format" not in server.chats[-1].body


async def test_choices_are_read_from_the_listed_alternatives(model_server, endpoint_at, ask) -> None:
    server = model_server("openai")
    reply = await endpoint_at(server, "openai-compatible").answer(ask(choices=("pass", "fail")))
    sent = server.chats[0].body
    assert (sent["max_tokens"], sent["top_logprobs"]) == (1, 20)
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert reply.choice_reading == "top_logprobs"
    assert reply.choice_probs == pytest.approx({"pass": 0.65 / 0.95, "fail": 0.3 / 0.95})
    assert reply.choice_mass == pytest.approx(0.95)
    assert math.fsum(reply.choice_probs.values()) == pytest.approx(1)


async def test_choices_without_logprobs_have_no_distribution(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", gives_logprobs=False)
    reply = await endpoint_at(server, "openai-compatible").answer(ask(choices=("pass", "fail")))
    assert (reply.choice_probs, reply.choice_reading, reply.choice_mass) == (None, None, None)


async def test_a_thought_is_not_taken_for_a_verdict_token(model_server, endpoint_at, ask, server_words) -> None:
    raw = _raw(server_words, content="", reasoning="pass", logprobs=LOGPROBS, finish_reason="length")
    reply = await endpoint_at(model_server("openai", answer=raw), "openai-compatible").answer(
        ask(choices=("pass", "fail"))
    )
    assert reply.choice_probs is None


async def test_a_parameter_that_is_refused_by_name_is_left_out_from_then_on(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", refused_parameters=("temperature", "chat_template_kwargs"))
    endpoint = endpoint_at(server, "openai-compatible")
    assert (await endpoint.answer(ask(thinking="off"))).text
    assert len(server.chats) == 3
    await endpoint.answer(ask(thinking="off"))
    assert len(server.chats) == 4
    assert "top_p" in server.chats[-1].body
    assert "temperature" not in server.chats[-1].body


async def test_a_refused_schema_is_an_error_and_not_dropped(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", refused_parameters=("response_format",))
    with pytest.raises(EndpointRefused, match="response_format"):
        await endpoint_at(server, "openai-compatible").answer(ask(schema={"type": "object"}))


async def test_an_error_under_200_is_an_error(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", faults=["error-200"])
    with pytest.raises(EndpointGarbled, match="Unexpected endpoint"):
        await endpoint_at(server, "openai-compatible").answer(ask())


async def test_a_prompt_cut_in_silence_is_found_by_its_token_count(
    model_server, endpoint_at, ask, server_words
) -> None:
    words = " ".join(f"word{n}" for n in range(5000))
    cut = model_server("lmstudio", answer=server_words.Answer("pass", prompt_tokens=2050))
    with pytest.raises(PromptTooLong, match="2050 tokens"):
        await endpoint_at(cut, "lmstudio").answer(ask(words))
    whole = model_server("lmstudio", answer=server_words.Answer("pass", prompt_tokens=11_000))
    assert (await endpoint_at(whole, "lmstudio").answer(ask(words))).text == "pass"


async def test_vllm_enforces_choices_and_never_guides(model_server, endpoint_at, ask) -> None:
    server = model_server("vllm", version="0.15.0", context_length=8192)
    endpoint = endpoint_at(server, "vllm", probe=True)
    facts = await endpoint.facts()
    assert facts.fingerprint.server_version == "0.15.0"
    assert facts.capabilities.context_length == 8192
    assert facts.capabilities.choices == "top_logprobs"
    reply = await endpoint.answer(ask(choices=("pass", "fail")))
    assert server.chats[-1].body["structured_outputs"] == {"choice": ["pass", "fail"]}
    assert not any("guided" in key for chat in server.chats for key in chat.body)
    assert (reply.constrained, reply.text) == ("choices", "pass")
    assert reply.choice_mass == pytest.approx(0.95)
    assert await endpoint.count_tokens((Message("user", "one two three"),)) == 5  # the fake's tokenizer counts spaces


async def test_openai_uses_the_newer_names(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", refused_parameters=("temperature", "max_tokens"))
    endpoint = endpoint_at(server, "openai", api_key="sk-1234567890")
    await endpoint.answer(ask(max_tokens=50))
    sent = server.chats[-1].body
    assert sent["max_completion_tokens"] == 50
    assert "temperature" not in sent
    assert "seed" not in sent
    assert server.chats[-1].headers["Authorization"] == "Bearer sk-1234567890"


async def test_lmstudio_tells_its_facts_by_either_api(model_server, endpoint_at) -> None:
    newer = await endpoint_at(model_server("lmstudio", models=("qwen/qwen3-8b",)), "lmstudio", "qwen3-8b").facts()
    assert newer.fingerprint.quantization == "Q4_K_M"
    assert newer.fingerprint.parameters == "8B"
    assert newer.capabilities.context_length == 4096
    older = await endpoint_at(model_server("lmstudio-v0", models=("qwen3-8b",)), "lmstudio", "qwen3-8b").facts()
    assert older.fingerprint.quantization == "Q4_K_M"
    assert older.fingerprint.context_length == 4096


async def test_a_tool_call_is_no_answer_and_is_kept(model_server, server_words, endpoint_at, ask) -> None:
    calls = [{"function": {"name": "f", "arguments": "{}"}}]
    server = model_server("openai", answer=_raw(server_words, content=None, tool_calls=calls))
    reply = await endpoint_at(server, "openai-compatible").answer(ask())
    assert json.loads(reply.text) == {"tool_calls": calls}
