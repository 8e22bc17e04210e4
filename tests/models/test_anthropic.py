from __future__ import annotations

import pytest

from dikast.errors import EndpointBusy, EndpointRefused
from dikast.models.endpoint import Message

SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["pass", "fail"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
KEY = "sk-ant-0123456789"


async def test_a_request_in_its_own_words(model_server, endpoint_at, ask) -> None:
    server = model_server("anthropic", answer="pass")
    endpoint = endpoint_at(server, "anthropic", "claude", api_key=KEY)
    reply = await endpoint.answer(ask(schema=SCHEMA, max_tokens=99, temperature=1.7))
    sent = server.chats[0]
    assert sent.path == "/v1/messages"
    assert sent.headers["x-api-key"] == KEY
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert "Authorization" not in sent.headers
    assert sent.body["system"] == "You judge."
    assert [message["role"] for message in sent.body["messages"]] == ["user"]
    assert sent.body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert (sent.body["max_tokens"], sent.body["temperature"]) == (99, 1.0)
    assert not {"seed", "top_p", "logprobs"} & set(sent.body)
    assert (reply.text, reply.finish, reply.constrained) == ("pass", "stop", None)


@pytest.mark.parametrize(
    ("finish", "expected"), [("length", "length"), ("refusal", "refusal"), ("pause_turn", "other")]
)
async def test_why_an_answer_ended(model_server, endpoint_at, ask, server_words, finish, expected) -> None:
    server = model_server("anthropic", answer=server_words.Answer("x", finish=finish))
    assert (await endpoint_at(server, "anthropic", "claude", api_key=KEY).answer(ask())).finish == expected


async def test_thinking_has_its_own_budget_and_block(model_server, endpoint_at, ask, server_words) -> None:
    server = model_server("anthropic", answer=server_words.Answer("pass", thinking="Hm."))
    reply = await endpoint_at(server, "anthropic", "claude", api_key=KEY).answer(ask(thinking="on", max_tokens=100))
    assert server.chats[0].body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert server.chats[0].body["max_tokens"] == 1124
    assert "temperature" not in server.chats[0].body
    assert (reply.text, reply.thinking) == ("pass", "Hm.")


async def test_cached_tokens_are_a_part_of_the_prompt(model_server, endpoint_at, ask, server_words) -> None:
    server = model_server("anthropic", answer=server_words.Answer("x", prompt_tokens=30, cached_tokens=70))
    usage = (await endpoint_at(server, "anthropic", "claude", api_key=KEY).answer(ask())).usage
    assert (usage.prompt_tokens, usage.cached_tokens) == (100, 70)


async def test_probing_finds_the_schema_and_nothing_else(model_server, endpoint_at) -> None:
    server = model_server("anthropic")
    facts = await endpoint_at(server, "anthropic", "claude", api_key=KEY, probe=True).facts()
    assert facts.capabilities.schema is True
    assert (facts.capabilities.choices, facts.capabilities.logprobs, facts.capabilities.seed) == (None, 0, False)
    assert len(server.chats) == 1


async def test_a_model_without_temperature_is_asked_without(model_server, endpoint_at, ask, server_words) -> None:
    body = '{"type":"error","error":{"message":"`temperature` is not supported on this model"}}'
    server = model_server("anthropic", faults=[server_words.Fault("400", body=body)])
    endpoint = endpoint_at(server, "anthropic", "claude", api_key=KEY)
    await endpoint.answer(ask())
    await endpoint.answer(ask())
    assert ["temperature" in chat.body for chat in server.chats] == [True, False, False]


async def test_overload_is_busy_and_a_wrong_key_is_refused_without_showing_it(
    model_server, endpoint_at, ask, server_words
) -> None:
    wrong = server_words.Fault("401", body=f'{{"error": {{"message": "invalid x-api-key {KEY}"}}}}')
    server = model_server("anthropic", faults=[server_words.Fault("529", retry_after="3"), wrong])
    endpoint = endpoint_at(server, "anthropic", "claude", api_key=KEY)
    with pytest.raises(EndpointBusy) as busy:
        await endpoint.answer(ask())
    assert busy.value.retry_after_s == 3
    with pytest.raises(EndpointRefused) as refused:
        await endpoint.answer(ask())
    assert KEY not in str(refused.value) + str(refused.value.body)


async def test_tokens_are_counted(model_server, endpoint_at) -> None:
    endpoint = endpoint_at(model_server("anthropic"), "anthropic", "claude", api_key=KEY)
    assert await endpoint.count_tokens((Message("user", "Hi"),)) == 11
