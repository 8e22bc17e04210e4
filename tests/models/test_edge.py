"""The edge to a cloud: whatever leaves is redacted where the request is made, told, and kept apart in the cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dikast.models.client as client_module
from dikast.errors import MissingExtra
from dikast.harness.journal import answer_key
from dikast.models.client import Client, parse_base_url
from dikast.models.edge import Edge
from dikast.models.embedding import open_embedder
from dikast.models.endpoint import Message, Request
from dikast.models.opening import open_endpoints
from dikast.models.options import EndpointOptions
from dikast.models.policy import LedgerEntry, Policy
from dikast.redaction import finding

PROMPT = Request(messages=(Message("system", "Judge."), Message("user", "電話0912-345-678，信箱 ada@example.com")))


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback counts as a public address."""
    monkeypatch.setattr(client_module, "is_private", lambda _: False)


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "redaction.key"


def sent(server: Any) -> str:
    return json.dumps([request.body for request in server.requests], ensure_ascii=False)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
async def test_a_prompt_leaves_redacted_and_the_ledger_counts_it(
    kind: str, model_server: Callable[..., Any], far_away: None, key_file: Path
) -> None:
    entries: list[LedgerEntry] = []
    told: list[str] = []
    server = model_server(kind)
    policy = Policy(allow_cloud=True, ledger=entries.append, edge=Edge(key_file=key_file, tell=told.append))
    options = EndpointOptions(probe=False, api_key="sk-test-key-0001")
    (endpoint,) = await open_endpoints(f"{kind}/qwen3:8b", [server.url], policy=policy, options=options)
    await endpoint.answer(PROMPT)
    await endpoint.close()
    assert "[PHONE-" in sent(server)
    assert "[EMAIL-" in sent(server)
    assert "0912" not in sent(server)
    assert "ada@" not in sent(server)
    assert "qwen3:8b" in sent(server)
    assert entries[-1].replaced == {"PHONE": 1, "EMAIL": 1}
    assert entries[-1].redacted
    assert len(told) == 1
    assert told[0].startswith("personal data and secrets are replaced")
    assert "not looked for: PERSON" in told[0]


async def test_what_stays_inside_is_sent_as_it_is(model_server: Callable[..., Any], key_file: Path) -> None:
    server = model_server("openai")
    policy = Policy(allow_cloud=True, edge=Edge(key_file=key_file))
    (endpoint,) = await open_endpoints("openai-compatible/qwen3:8b", [server.url], policy=policy)
    await endpoint.answer(PROMPT)
    assert (await endpoint.facts()).fingerprint.redaction is None
    await endpoint.close()
    assert "0912-345-678" in sent(server)
    assert not key_file.exists()


async def test_a_local_server_that_passes_prompts_on_gets_redacted_ones(
    model_server: Callable[..., Any], key_file: Path
) -> None:
    entries: list[LedgerEntry] = []
    server = model_server("ollama", models=("glm:cloud",), remote_models=("glm:cloud",))
    policy = Policy(allow_cloud=True, ledger=entries.append, edge=Edge(key_file=key_file))
    (endpoint,) = await open_endpoints(
        "ollama/glm:cloud", [server.url], policy=policy, options=EndpointOptions(probe=False)
    )
    await endpoint.answer(PROMPT)
    identity = (await endpoint.facts()).fingerprint.identity
    await endpoint.close()
    assert "0912" not in sent(server)
    assert entries[-1].replaced == {"PHONE": 1, "EMAIL": 1}
    assert entries[-1].address == f"via {server.url}"
    assert ":redacted:" in identity


async def test_a_name_that_moves_outside_between_look_and_connect_gets_nothing_unredacted(
    model_server: Callable[..., Any], key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = model_server("openai")
    client = Client(
        parse_base_url(server.url),
        policy=Policy(allow_cloud=True, edge=Edge(key_file=key_file)),
        options=EndpointOptions(),
    )
    assert not await client.leaves()
    monkeypatch.setattr(client_module, "is_private", lambda _: False)
    await client.post("/v1/chat/completions", {"model": "m", "messages": [{"content": "0912-345-678"}]}, dict)
    await client.close()
    assert "0912" not in sent(server)
    assert await client.leaves()


async def test_answers_to_redacted_prompts_have_keys_of_their_own_that_stay(
    model_server: Callable[..., Any], far_away: None, key_file: Path
) -> None:
    async def key(edge: Edge) -> str:
        policy = Policy(allow_cloud=True, edge=edge)
        options = EndpointOptions(probe=False, api_key="sk-test-key-0001")
        (endpoint,) = await open_endpoints("openai/qwen3:8b", [server.url], policy=policy, options=options)
        facts = await endpoint.facts()
        await endpoint.close()
        return answer_key(facts.fingerprint.identity, PROMPT)

    server = model_server("openai")
    first, again, other = await key(Edge(key_file=key_file)), await key(Edge(key_file=key_file)), await key(Edge())
    assert first == again
    assert len({first, other, await key(Edge(redact=False))}) == 3


async def test_switching_it_off_is_said_on_stderr_and_in_the_ledger(
    model_server: Callable[..., Any], far_away: None, capsys: pytest.CaptureFixture[str]
) -> None:
    entries: list[LedgerEntry] = []
    server = model_server("openai")
    client = Client(
        parse_base_url(server.url),
        policy=Policy(allow_cloud=True, ledger=entries.append, edge=Edge(redact=False)),
        options=EndpointOptions(),
    )
    for _ in range(2):
        await client.post("/v1/chat/completions", {"messages": [{"content": "0912-345-678"}]}, dict)
    await client.close()
    assert "0912-345-678" in sent(server)
    assert [entry.redacted for entry in entries] == [False, False]
    said = capsys.readouterr().err
    assert said == "dikast: redaction is off (redact = false): what leaves for a cloud leaves as it is\n"


async def test_texts_to_be_embedded_are_redacted(
    model_server: Callable[..., Any], far_away: None, key_file: Path
) -> None:
    server = model_server("openai")
    policy = Policy(allow_cloud=True, edge=Edge(key_file=key_file))
    options = EndpointOptions(api_key="sk-test-key-0001")
    embedder = await open_embedder("openai/embed", [server.url], policy=policy, options=options)
    await embedder.embed(["電話0912-345-678"])
    await embedder.close()
    assert "redacted:" in embedder.fingerprint
    assert server.requests[-1].body["model"] == "embed"
    assert server.requests[-1].body["input"][0].startswith("電話[PHONE-")


def test_without_the_packages_nothing_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="replacing personal data"):
        Edge().cleaned({"messages": [{"content": "hello"}]})


def test_what_servers_read_by_their_exact_words_stays(key_file: Path) -> None:
    schema = {"type": "object", "properties": {"contact": {"type": "string", "description": "such as ada@example.com",
              "enum": ["ada@example.com"]}}}  # fmt: skip
    body = {"model": "team@example.com", "messages": [{"role": "user", "content": "x"}], "trace_id": "4111111111111111",
            "response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}  # fmt: skip
    cleaned, counts = Edge(key_file=key_file).cleaned(body)
    assert cleaned["model"] == "team@example.com"
    assert cleaned["trace_id"] == "4111111111111111"
    contact = cleaned["response_format"]["json_schema"]["schema"]["properties"]["contact"]
    assert contact["enum"] == ["ada@example.com"]
    assert contact["description"].startswith("such as [EMAIL-")
    assert counts == {"EMAIL": 1}
