from __future__ import annotations

import asyncio

import pytest

from dikast.errors import PolicyError, PromptTooLong
from dikast.models.endpoint import Message, Request
from dikast.models.ollama import base_url_from
from dikast.models.opening import open_endpoints
from dikast.models.policy import LedgerEntry, Policy


async def test_what_is_sent(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama")
    await endpoint_at(server, "ollama").answer(ask(max_tokens=200, temperature=0.0, top_p=0.8, seed=9))
    sent = server.chats[0].body
    assert (sent["truncate"], sent["shift"], sent["stream"]) == (False, False, False)
    assert sent["options"] == {"num_ctx": 4096, "num_predict": 200, "temperature": 0.0, "top_p": 0.8, "seed": 9}
    assert sent["keep_alive"] == "30m"
    assert "think" not in sent


async def test_the_context_grows_in_steps_and_never_shrinks(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama")
    endpoint = endpoint_at(server, "ollama")
    for size in (10, 5_000, 10, 12_000, 10):
        await endpoint.answer(ask("word " * size, max_tokens=100))
    sizes = [chat.body["options"]["num_ctx"] for chat in server.chats]
    assert sizes == [4096, 16384, 16384, 32768, 32768]


async def test_a_context_that_is_loaded_already_is_not_made_smaller(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama", context_length=24_576)
    await endpoint_at(server, "ollama").answer(ask())
    assert server.chats[0].body["options"]["num_ctx"] == 24_576


async def test_a_context_set_by_the_user_is_held(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama")
    await endpoint_at(server, "ollama", context_length=2048).answer(ask())
    assert server.chats[0].body["options"]["num_ctx"] == 2048


async def test_a_refused_prompt_gets_a_larger_context_once_more_and_then_the_error(
    model_server, endpoint_at, ask, server_words
) -> None:
    body = '{"error": "the prompt is longer than the context length currently available to the model; shorten it"}'
    faults = [server_words.Fault("400", body=body)] * 2
    server = model_server("ollama", faults=faults, trained_context=8192)
    endpoint = endpoint_at(server, "ollama")
    with pytest.raises(PromptTooLong):
        await endpoint.answer(ask())
    assert [chat.body["options"]["num_ctx"] for chat in server.chats] == [4096, 8192]


async def test_a_prompt_that_no_context_holds_is_not_even_sent(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama", trained_context=8192)
    with pytest.raises(PromptTooLong, match="8192"):
        await endpoint_at(server, "ollama").answer(ask("word " * 9000))
    assert server.chats == []


@pytest.mark.parametrize("prompt_tokens", [2050, 900])
async def test_older_versions_that_cut_in_silence_are_caught(
    model_server, endpoint_at, ask, server_words, prompt_tokens: int
) -> None:
    cut = server_words.Answer('{"verdict":"pass"}', prompt_tokens=prompt_tokens)
    server = model_server("ollama", version="0.9.6", answer=cut, trained_context=4096)
    with pytest.raises(PromptTooLong, match=str(prompt_tokens)):
        await endpoint_at(server, "ollama").answer(ask("word " * 3000))


async def test_a_server_that_should_refuse_and_cuts_is_caught_too(model_server, endpoint_at, ask, server_words) -> None:
    server = model_server("ollama", answer=server_words.Answer('{"verdict":"pass"}', prompt_tokens=2000))
    with pytest.raises(PromptTooLong, match="read only 2000 tokens"):
        await endpoint_at(server, "ollama").answer(ask("word " * 9000))


async def test_older_versions_are_believed_when_the_count_is_right(
    model_server, endpoint_at, ask, server_words
) -> None:
    server = model_server("ollama", version="0.9.6", answer=server_words.Answer("pass", prompt_tokens=3600))
    endpoint = endpoint_at(server, "ollama", probe=True)
    assert (await endpoint.answer(ask("word " * 3000))).text == "pass"
    assert (await endpoint.facts()).capabilities.refuses_long_prompts is False


async def test_thinking_that_used_up_the_answer_is_a_length_and_no_verdict(
    model_server, endpoint_at, ask, server_words
) -> None:
    answer = server_words.Answer("", thinking="First I should consider", finish="length")
    reply = await endpoint_at(model_server("ollama", answer=answer, thinks=True), "ollama").answer(ask())
    assert (reply.text, reply.finish, reply.thinking) == ("", "length", "First I should consider")


@pytest.mark.parametrize(("thinking", "sent"), [("on", True), ("off", False), ("default", None)])
async def test_the_thinking_switch_of_a_model_that_thinks(model_server, endpoint_at, ask, thinking, sent) -> None:
    server = model_server("ollama", thinks=True)
    await endpoint_at(server, "ollama").answer(ask(thinking=thinking))
    assert server.chats[0].body.get("think") is sent


async def test_a_model_that_can_not_think_is_never_told_to(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama")
    await endpoint_at(server, "ollama").answer(ask(thinking="on"))
    assert "think" not in server.chats[0].body


async def test_a_schema_goes_as_format(model_server, endpoint_at, ask) -> None:
    schema = {"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}}}
    server = model_server("ollama")
    endpoint = endpoint_at(server, "ollama", probe=True)
    assert (await endpoint.facts()).capabilities.schema is True
    reply = await endpoint.answer(ask(schema=schema))
    assert server.chats[-1].body["format"] == schema
    assert (reply.text, reply.constrained) == ('{"verdict": "pass"}', "json_schema")


async def test_choices_by_logprobs_where_the_version_has_them(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama", thinks=True)
    reply = await endpoint_at(server, "ollama").answer(ask(choices=("pass", "fail")))
    sent = server.chats[0].body
    assert (sent["logprobs"], sent["top_logprobs"], sent["options"]["num_predict"], sent["think"]) == (
        True,
        20,
        1,
        False,
    )
    assert reply.choice_reading == "top_logprobs"
    assert reply.choice_probs == pytest.approx({"pass": 0.65 / 0.95, "fail": 0.3 / 0.95})
    older = model_server("ollama", version="0.12.10", gives_logprobs=False)
    nothing = await endpoint_at(older, "ollama").answer(ask(choices=("pass", "fail")))
    assert "logprobs" not in older.chats[0].body
    assert nothing.choice_probs is None


async def test_the_fingerprint_has_the_digest_and_the_template(model_server, endpoint_at) -> None:
    facts = await endpoint_at(model_server("ollama"), "ollama").facts()
    assert facts.fingerprint.digest == f"{1:064x}"
    assert facts.fingerprint.server_version == "0.33.0"
    assert (facts.fingerprint.quantization, facts.fingerprint.parameters) == ("Q4_K_M", "8.2B")
    assert facts.fingerprint.chat_template is not None
    assert facts.capabilities.context_length == 40960


async def test_a_model_that_runs_in_a_cloud_is_held_to_the_policy(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama", remote_models=("gpt-oss:120b-cloud",))
    with pytest.raises(PolicyError, match=r"ollama\.com"):
        await open_endpoints("ollama/gpt-oss:120b-cloud", [server.url], policy=Policy())
    with pytest.raises(PolicyError, match=r"where ollama/gpt-oss:120b-cloud runs"):
        await endpoint_at(server, "ollama", "gpt-oss:120b-cloud").answer(ask())
    assert server.chats == []
    entries: list[LedgerEntry] = []
    allowed = endpoint_at(server, "ollama", "gpt-oss:120b-cloud", policy=Policy(True, entries.append))
    await allowed.answer(ask())
    assert [entry.host for entry in entries] == ["ollama.com"]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("gpu", "http://gpu:11434"),
        ("10.0.0.5:8080", "http://10.0.0.5:8080"),
        (":9999", "http://127.0.0.1:9999"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("http://gpu.lan", "http://gpu.lan:80"),
        ("https://gpu.lan/ollama/", "https://gpu.lan:443/ollama"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:7000", "http://[::1]:7000"),
        ("gpu:notaport", "http://gpu:11434"),
        (' "127.0.0.1" ', "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
    ],
)
def test_ollama_host_as_its_owner_defines_it(given: str, url: str) -> None:
    assert base_url_from(given) == url


async def test_answers_to_concurrent_calls_learn_the_model_without_harm(model_server, endpoint_at, ask) -> None:
    server = model_server("ollama")
    endpoint = endpoint_at(server, "ollama")
    requests = [Request(messages=(Message("user", str(number)),)) for number in range(8)]
    replies = await asyncio.gather(*map(endpoint.answer, requests))
    assert len(replies) == len(server.chats) == 8
