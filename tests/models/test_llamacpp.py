from __future__ import annotations

import pytest

from dikast.errors import EndpointBusy, PromptTooLong
from dikast.models.endpoint import Message, Request
from dikast.models.gbnf import grammar_of

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["pass", "fail"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


async def test_facts_come_from_props(model_server, endpoint_at) -> None:
    server = model_server("llamacpp", models=("Qwen3-8B-Q4_K_M.gguf",), context_length=8192, slots=4)
    facts = await endpoint_at(server, "llamacpp", "Qwen3-8B-Q4_K_M.gguf").facts()
    assert facts.fingerprint.server_version == "b9000-abcdef"
    assert facts.fingerprint.quantization == "Q4_K_M"
    assert facts.fingerprint.chat_template is not None
    assert len(facts.fingerprint.chat_template) == 16
    assert (facts.capabilities.context_length, facts.capabilities.slots) == (8192, 4)
    assert facts.capabilities.refuses_long_prompts is True


async def test_the_verdict_token_is_read_exactly(model_server, endpoint_at, ask, server_words) -> None:
    answer = server_words.Answer("fail", first_token={"The": 0.6, "pass": 0.3, "fail": 0.1})
    server = model_server("llamacpp", answer=answer)
    endpoint = endpoint_at(server, "llamacpp")
    reply = await endpoint.answer(ask(choices=("pass", "fail")))
    assert reply.choice_reading == "exact"
    assert reply.choice_probs == pytest.approx({"pass": 0.75, "fail": 0.25})
    assert reply.choice_mass is None
    assert reply.text == "pass"  # the likeliest word; the server sampled the other
    assert reply.constrained == "choices"
    sent = server.chats[0].body
    assert len(set(sent["logit_bias"].values())) == 1
    assert len(sent["logit_bias"]) == 2
    settings = {name: sent[name] for name in ("max_tokens", "temperature", "top_k", "top_p", "min_p", "top_logprobs")}
    assert settings == {"max_tokens": 1, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "top_logprobs": 2}
    assert sent["post_sampling_probs"] is True
    assert "grammar" not in sent
    before = len(server.requests)
    await endpoint.answer(ask(choices=("pass", "fail")))
    assert len(server.requests) == before + 1  # the words' tokens are asked for once


async def test_words_of_several_tokens_are_read_among_the_alternatives(
    model_server, endpoint_at, ask, server_words
) -> None:
    answer = server_words.Answer("very", first_token={"very good": 0.5, "bad": 0.25})
    server = model_server("llamacpp", answer=answer)
    reply = await endpoint_at(server, "llamacpp").answer(ask(choices=("very good", "bad")))
    assert "logit_bias" not in server.chats[0].body
    assert server.chats[0].body["top_logprobs"] == 1000
    assert reply.choice_reading == "top_logprobs"
    assert reply.choice_mass == pytest.approx(0.75)


async def test_a_schema_goes_as_a_compact_grammar(model_server, endpoint_at, ask, server_words) -> None:
    server = model_server("llamacpp")
    endpoint = endpoint_at(server, "llamacpp", probe=True)
    assert (await endpoint.facts()).capabilities.schema is True
    reply = await endpoint.answer(ask(schema=SCHEMA, thinking="off"))
    assert server.chats[-1].body["grammar"] == grammar_of(SCHEMA)
    assert "response_format" not in server.chats[-1].body
    assert reply.constrained == "grammar"


async def test_a_model_that_is_to_think_first_gets_the_schema_itself(model_server, endpoint_at, ask) -> None:
    server = model_server("llamacpp")
    reply = await endpoint_at(server, "llamacpp").answer(ask(schema=SCHEMA, thinking="on"))
    assert "grammar" not in server.chats[-1].body
    assert server.chats[-1].body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert reply.constrained is None


async def test_a_schema_beyond_grammars_goes_as_it_is(model_server, endpoint_at, ask) -> None:
    server = model_server("llamacpp")
    schema = {"type": "object", "patternProperties": {"^x": {"type": "string"}}}
    await endpoint_at(server, "llamacpp").answer(ask(schema=schema))
    assert server.chats[-1].body["response_format"]["json_schema"]["schema"] == schema


async def test_a_server_that_can_not_parse_the_grammar_gets_the_schema(
    model_server, endpoint_at, ask, server_words
) -> None:
    refusal = server_words.Fault("400", body='{"error": {"message": "Failed to parse grammar"}}')
    server = model_server("llamacpp", faults=[refusal])
    endpoint = endpoint_at(server, "llamacpp")
    assert (await endpoint.answer(ask(schema=SCHEMA))).text
    assert "response_format" in server.chats[-1].body
    await endpoint.answer(ask(schema=SCHEMA))
    assert len(server.chats) == 3


async def test_too_long_and_loading(model_server, endpoint_at, ask, server_words) -> None:
    long = (
        '{"error": {"code": 400, "message": "request (7900 tokens) exceeds the available context size (4096 tokens), '
        'try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 7900, "n_ctx": 4096}}'
    )
    loading = '{"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}'
    server = model_server(
        "llamacpp", faults=[server_words.Fault("400", body=long), server_words.Fault("503", body=loading)]
    )
    endpoint = endpoint_at(server, "llamacpp")
    with pytest.raises(PromptTooLong, match="7900"):
        await endpoint.answer(ask())
    with pytest.raises(EndpointBusy, match="Loading model"):
        await endpoint.answer(ask())


async def test_tokens_are_counted_with_the_template(model_server, endpoint_at) -> None:
    endpoint = endpoint_at(model_server("llamacpp"), "llamacpp")
    # "<|user|>" "one" " " "two" "\n" "<|assistant|>"
    assert await endpoint.count_tokens((Message("user", "one two"),)) == 6


async def test_words_that_go_on_an_answer_are_looked_up_in_that_place(model_server, endpoint_at) -> None:
    server = model_server("llamacpp")
    messages = (Message("user", "Is it?"), Message("assistant", "Verdict:"))
    await endpoint_at(server, "llamacpp").answer(Request(messages=messages, choices=("pass", "fail")))
    rendered = [request.body["messages"] for request in server.requests if request.path == "/apply-template"]
    assert all(turns[-1] == {"role": "assistant", "content": "Verdict:"} for turns in rendered)
