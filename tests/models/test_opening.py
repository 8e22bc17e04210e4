from __future__ import annotations

import dataclasses

import pytest

from dikast.errors import EndpointDown, EndpointError, InputError, SettingError
from dikast.models.fake import FakeEndpoint
from dikast.models.llamacpp import LlamaCpp
from dikast.models.lmstudio import LMStudio
from dikast.models.ollama import Ollama
from dikast.models.openai import OpenAI
from dikast.models.openai_compatible import OpenAICompatible
from dikast.models.opening import USUAL_URLS, open_endpoints
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.models.sglang import SGLang
from dikast.models.vllm import VLLM

QUICK = EndpointOptions(connect_timeout_s=1.0, timeout_s=5.0)


@pytest.fixture
async def opened():
    every = []

    async def open_them(model, *urls, **settings):
        endpoints = await open_endpoints(model, urls, **{"policy": Policy(), "options": QUICK, **settings})
        every.extend(endpoints)
        return endpoints

    yield open_them
    for endpoint in every:
        await endpoint.close()


@pytest.mark.parametrize(
    ("kind", "dialect"),
    [
        ("ollama", Ollama),
        ("lmstudio", LMStudio),
        ("lmstudio-v0", LMStudio),
        ("llamacpp", LlamaCpp),
        ("vllm", VLLM),
        ("openai", OpenAICompatible),
    ],
)
@pytest.mark.parametrize("suffix", ["", "/v1", "/v1/"])
async def test_a_bare_name_asks_the_server_what_it_is(model_server, opened, kind, dialect, suffix) -> None:
    (endpoint,) = await opened("qwen3:8b", model_server(kind).url + suffix)
    assert type(endpoint) is dialect
    assert (await endpoint.facts()).fingerprint.model == "qwen3:8b"


async def test_sglang_is_told_by_the_owner_of_its_models(model_server, opened, monkeypatch) -> None:
    server = model_server("openai")
    routes = server._routes()
    routes["/v1/models"]["data"][0]["owned_by"] = "sglang"
    routes["/server_info"] = {"version": "0.5.4", "context_length": 32768, "max_running_requests": 48}
    monkeypatch.setattr(server, "_routes", lambda: routes)
    (endpoint,) = await opened("qwen3:8b", server.url)
    assert type(endpoint) is SGLang
    facts = await endpoint.facts()
    assert (facts.fingerprint.server_version, facts.capabilities.slots) == ("0.5.4", 48)


async def test_several_base_urls_are_several_endpoints(model_server, opened) -> None:
    first, second = model_server("ollama"), model_server("ollama")
    endpoints = await opened("ollama/qwen3:8b", first.url, second.url)
    assert [endpoint.base_url for endpoint in endpoints] == [first.url, second.url]


@pytest.mark.parametrize("kind", ["ollama", "lmstudio", "llamacpp", "vllm"])
async def test_a_model_that_is_not_there_lists_what_is(model_server, opened, kind: str) -> None:
    server = model_server(kind, models=("llama3:8b", "qwen3:8b"))
    with pytest.raises(InputError) as error:
        await opened("qwen3:14b", server.url)
    assert "'qwen3:14b'" in str(error.value)
    assert "it has qwen3:8b, llama3:8b" in str(error.value)
    assert error.value.hint
    assert server.chats == []


async def test_a_gateway_is_asked_for_a_model_that_it_does_not_list(model_server, opened) -> None:
    told: list[str] = []
    options = dataclasses.replace(QUICK, progress=told.append)
    (endpoint,) = await opened("alias", model_server("openai").url, options=options)
    assert (endpoint.name, type(endpoint)) == ("alias", OpenAICompatible)
    assert "lists qwen3:8b, but answers as 'alias' too" in told[0]
    server = model_server("openai", faults=["404"])
    with pytest.raises(InputError, match="has no model 'alias'; it has qwen3:8b"):
        await opened("alias", server.url)


@pytest.mark.parametrize("fault", [None, "drop", "429", "500", "504", "400"])
async def test_a_server_with_nothing_but_a_chat_path_is_one(model_server, opened, monkeypatch, fault) -> None:
    server = model_server("openai", faults=[fault])
    monkeypatch.setattr(server, "_routes", dict)
    memory: dict[str, bytes] = {}
    (endpoint,) = await opened("qwen3:8b", server.url, memory=memory)
    assert type(endpoint) is OpenAICompatible
    assert (await endpoint.facts()).capabilities.schema
    asked = len(server.chats)
    (again,) = await opened("qwen3:8b", server.url, memory=memory)
    await again.facts()
    assert len(server.chats) == asked  # what was found out is not asked again


async def test_ollamas_default_tag_is_known(model_server, opened) -> None:
    server = model_server("ollama", models=("qwq:latest",))
    (endpoint,) = await opened("ollama/qwq", server.url)
    assert endpoint.model == "ollama/qwq"
    assert (await endpoint.facts()).fingerprint.digest == f"{1:064x}"


async def test_ollama_host_says_where(model_server, opened, monkeypatch) -> None:
    server = model_server("ollama")
    monkeypatch.setenv("OLLAMA_HOST", server.url.removeprefix("http://"))
    (endpoint,) = await opened("ollama/qwen3:8b")
    assert endpoint.base_url == server.url


async def test_llamacpp_is_looked_for_at_both_its_ports(model_server, opened, monkeypatch, unused_tcp_port) -> None:
    other, server = model_server("openai"), model_server("llamacpp", models=("qwen.gguf",))
    monkeypatch.setitem(USUAL_URLS, "llamacpp", (other.url, server.url))
    (endpoint,) = await opened("llamacpp")
    assert endpoint.model == "llamacpp/qwen.gguf"
    (named,) = await opened("llamacpp/qwen")
    assert named.base_url == server.url
    monkeypatch.setitem(USUAL_URLS, "llamacpp", (f"http://127.0.0.1:{unused_tcp_port}",))
    with pytest.raises(EndpointDown, match="no llama-server answers"):
        await opened("llamacpp")


async def test_a_dead_server_is_said_to_be_dead(opened, unused_tcp_port: int) -> None:
    for model in ("qwen3:8b", "ollama/qwen3:8b"):
        with pytest.raises(EndpointDown, match="nothing answers"):
            await opened(model, f"http://127.0.0.1:{unused_tcp_port}")


@pytest.mark.parametrize("fault", ["404", "html", "error-200"])
async def test_what_is_no_model_server_is_said_so(model_server, opened, monkeypatch, server_words, fault) -> None:
    server = model_server("openai", faults=lambda number: server_words.Fault(fault))
    monkeypatch.setattr(server, "_routes", dict)
    with pytest.raises(SettingError, match="no model server"):
        await opened("qwen3:8b", server.url)


async def test_a_missing_or_wrong_key_is_said_with_the_variables(model_server, opened, monkeypatch) -> None:
    server = model_server("vllm", api_key="vllm-secret-1")
    with pytest.raises(EndpointError) as refused:
        await opened("vllm/qwen3:8b", server.url)
    assert "DIKAST_API_KEY" in (refused.value.hint or "")
    monkeypatch.setenv("VLLM_API_KEY", "vllm-secret-1")
    assert await opened("vllm/qwen3:8b", server.url)


async def test_keys_go_only_to_the_server_they_belong_to(model_server, opened, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-000000")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-000000")
    for kind in ("ollama", "vllm", "openai"):
        server = model_server(kind)
        (endpoint,) = await opened("qwen3:8b", server.url)
        await endpoint.facts()
        sent = str([request.headers for request in server.requests])
        assert "sk-openai" not in sent
        assert "sk-ant" not in sent


async def test_clouds_need_a_key(opened) -> None:
    for model, variable in (("openai/gpt-5", "OPENAI_API_KEY"), ("anthropic/claude", "ANTHROPIC_API_KEY")):
        with pytest.raises(SettingError) as missing:
            await opened(model, policy=Policy(allow_cloud=True))
        assert variable in (missing.value.hint or "")


async def test_openai_base_url_as_its_owner_defines_it(model_server, opened, monkeypatch) -> None:
    server = model_server("openai")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-000000")
    (endpoint,) = await opened("openai/gpt-5")
    assert type(endpoint) is OpenAI
    await endpoint.facts()
    assert server.chats[0].headers["Authorization"] == "Bearer sk-openai-000000"


@pytest.mark.parametrize("key", ["sk 1234", "sk-1234\r\nX-Evil: 1", "sk-…"])
async def test_a_key_that_can_be_none_is_refused_without_showing_it(model_server, opened, key: str) -> None:
    with pytest.raises(SettingError) as error:
        await opened("m", model_server("openai").url, options=EndpointOptions(api_key=key))
    assert key not in str(error.value)


async def test_fake_needs_nothing_and_takes_no_base_url(opened) -> None:
    (endpoint,) = await opened("fake/demo")
    assert isinstance(endpoint, FakeEndpoint)
    with pytest.raises(SettingError, match="base URL"):
        await opened("fake", "http://127.0.0.1:1")


async def test_openai_compatible_needs_a_base_url(opened) -> None:
    with pytest.raises(SettingError, match="openai-compatible/m"):
        await opened("openai-compatible/m")


async def test_what_was_opened_is_closed_when_a_later_one_fails(model_server, opened, unused_tcp_port: int) -> None:
    with pytest.raises(EndpointDown):
        await opened("ollama/qwen3:8b", model_server("ollama").url, f"http://127.0.0.1:{unused_tcp_port}")


async def test_the_embedded_engine_is_opened_but_not_loaded(opened) -> None:
    (endpoint,) = await opened("embedded")
    assert endpoint.model == "embedded"
    with pytest.raises(SettingError, match="base URL"):
        await opened("embedded", "http://127.0.0.1:1")


@pytest.mark.parametrize("model", ["ollama/m", "vllm/m", "lmstudio/m"])
async def test_a_server_that_is_named_needs_no_more_than_its_chat_path(
    model_server, opened, monkeypatch, model
) -> None:
    server = model_server("openai")
    monkeypatch.setattr(server, "_routes", dict)
    (endpoint,) = await opened(model, server.url)
    facts = await endpoint.facts()
    assert facts.fingerprint.server_version is None
    assert facts.capabilities.schema
