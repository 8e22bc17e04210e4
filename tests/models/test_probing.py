from __future__ import annotations

import asyncio
import json

import pytest

from dikast.errors import EndpointBusy, EndpointDown
from dikast.models.endpoint import Capabilities
from dikast.models.probing import probe

ALL = frozenset({"thinking", "schema", "choices"})


async def test_an_honest_server_in_at_most_four_calls(model_server, endpoint_at) -> None:
    server = model_server("openai")
    memory: dict[str, bytes] = {}
    facts = await endpoint_at(server, "openai-compatible", probe=True, memory=memory).facts()
    honours = facts.capabilities
    assert (honours.schema, honours.choices, honours.thinks) == (True, "top_logprobs", False)
    assert honours.logprobs == 4  # as many as the server listed of the twenty asked for
    assert len(server.chats) == 3
    assert all(chat.body["max_tokens"] <= 48 for chat in server.chats)


async def test_what_was_found_is_remembered_by_server_version_and_model(model_server, endpoint_at) -> None:
    server = model_server("ollama")
    memory: dict[str, bytes] = {}
    first = await endpoint_at(server, "ollama", probe=True, memory=memory).facts()
    calls = len(server.chats)
    (key,) = memory
    assert "ollama" in key
    assert "0.33.0" in key
    assert f"{1:064x}" in key
    again = await endpoint_at(server, "ollama", probe=True, memory=memory).facts()
    assert again == first
    assert len(server.chats) == calls
    newer = model_server("ollama", version="0.34.0")
    await endpoint_at(newer, "ollama", probe=True, memory=memory).facts()
    assert len(newer.chats) == calls
    assert len(memory) == 2


async def test_facts_are_asked_for_once_by_many(model_server, endpoint_at) -> None:
    server = model_server("openai")
    endpoint = endpoint_at(server, "openai-compatible", probe=True)
    facts = await asyncio.gather(*(endpoint.facts() for _ in range(6)))
    assert len({id(found) for found in facts}) == 1
    assert len(server.chats) == 3


@pytest.mark.parametrize("kind", ["openai-compatible", "vllm", "llamacpp", "ollama", "lmstudio"])
async def test_a_server_that_takes_a_schema_and_ignores_it_is_found_out(model_server, endpoint_at, kind: str) -> None:
    server = model_server("openai" if kind == "openai-compatible" else kind, honours_schema=False)
    facts = await endpoint_at(server, kind, probe=True).facts()
    assert facts.capabilities.schema is False


async def test_a_model_that_follows_the_words_but_not_the_schema_is_not_believed(model_server, endpoint_at) -> None:
    server = model_server("openai", answer='{"answer": "blue"}')
    assert (await endpoint_at(server, "openai-compatible", probe=True).facts()).capabilities.schema is False


async def test_a_server_that_refuses_a_schema_is_not_asked_again(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", refused_parameters=("response_format",))
    endpoint = endpoint_at(server, "openai-compatible", probe=True)
    assert (await endpoint.facts()).capabilities.schema is False
    assert (await endpoint.answer(ask(schema={"type": "object"}))).text


async def test_thinking_and_its_switch(model_server, endpoint_at) -> None:
    obeys = await endpoint_at(model_server("openai", thinks=True), "openai-compatible", probe=True).facts()
    assert (obeys.capabilities.thinks, obeys.capabilities.thinking_switch) == (True, True)
    assert obeys.capabilities.choices == "top_logprobs"
    stubborn = model_server("openai", thinks=True, thinking_switch=False)
    facts = await endpoint_at(stubborn, "openai-compatible", probe=True).facts()
    assert (facts.capabilities.thinks, facts.capabilities.thinking_switch) == (True, False)
    assert facts.capabilities.choices is None  # its first token is a thought
    assert facts.capabilities.schema is True
    assert len(stubborn.chats) == 3


async def test_thinking_left_in_the_text_is_thinking(model_server, endpoint_at) -> None:
    server = model_server("openai", answer="<think>Four {of} them.</think>four")
    assert (await endpoint_at(server, "openai-compatible", probe=True).facts()).capabilities.thinks is True


async def test_without_logprobs_no_choices(model_server, endpoint_at) -> None:
    server = model_server("openai", gives_logprobs=False)
    honours = (await endpoint_at(server, "openai-compatible", probe=True).facts()).capabilities
    assert (honours.choices, honours.logprobs) == (None, 0)


@pytest.mark.parametrize("fault", ["500", "cut", "html", "429", "drop"])
async def test_a_probe_that_fails_is_not_known_and_not_remembered(model_server, endpoint_at, fault: str) -> None:
    server = model_server("openai", faults=[fault] * 20)
    memory: dict[str, bytes] = {}
    honours = (await endpoint_at(server, "openai-compatible", probe=True, memory=memory).facts()).capabilities
    assert (honours.schema, honours.choices, honours.thinks) == (None, None, None)
    assert memory == {}


async def test_a_server_that_is_down_is_an_error(model_server, endpoint_at) -> None:
    server = model_server("openai")
    endpoint = endpoint_at(server, "openai", probe=True)
    server.close()
    with pytest.raises(EndpointDown):
        await endpoint.facts()


async def test_a_loading_server_is_waited_for(model_server, endpoint_at, server_words) -> None:
    loading = server_words.Fault("503", retry_after="0")
    server = model_server("openai", faults=[loading, loading])
    honours = (await endpoint_at(server, "openai-compatible", probe=True).facts()).capabilities
    assert honours.schema is True
    assert len(server.chats) == 5


async def test_patience_has_an_end() -> None:
    asked = []

    async def busy(request):
        asked.append(request)
        raise EndpointBusy("loading", retry_after_s=0.001)

    found = await probe(busy, Capabilities(), ALL, {}, "key", patience_s=0.0025)
    assert found.schema is None
    assert len(asked) == 5  # the first question at 0, 1 and 2 ms, and then each of the others once


async def test_a_broken_memory_is_probed_again(model_server, endpoint_at) -> None:
    server = model_server("openai")
    memory: dict[str, bytes] = {}
    await endpoint_at(server, "openai-compatible", probe=True, memory=memory).facts()
    (key,) = memory
    memory[key] = b"{not json"
    await endpoint_at(server, "openai-compatible", probe=True, memory=memory).facts()
    assert json.loads(memory[key])["schema"] is True


async def test_without_probing_nothing_is_asked_of_the_model(model_server, endpoint_at) -> None:
    server = model_server("ollama", thinks=True)
    honours = (await endpoint_at(server, "ollama", probe=False).facts()).capabilities
    assert server.chats == []
    assert (honours.schema, honours.thinks, honours.context_length) == (None, True, 40960)
