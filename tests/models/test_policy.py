from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Iterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import EndpointDown, EndpointRefused, PolicyError
from dikast.models import client as client_module
from dikast.models.client import Client, parse_base_url
from dikast.models.opening import open_endpoints
from dikast.models.options import EndpointOptions
from dikast.models.policy import LedgerEntry, Policy, is_private

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.10.20",
    "100.64.0.1",
    "100.127.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "::ffff:127.0.0.1",
    "::ffff:192.168.1.1",
    "::ffff:100.64.1.1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "198.18.0.1",
    "192.0.2.1",
    "203.0.113.9",
    "224.0.0.1",
    "255.255.255.255",
    "240.0.0.1",
    "0.0.0.1",
    "2606:4700::1111",
    "2001:db8::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "fec0::1",
    "ff02::1",
    "fbff::1",
    "fe00::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_stays_inside_is_private(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", [*PUBLIC, "", "localhost", "127.0.0.1.evil.example", "127.1", "2130706433"])
def test_what_leads_outside_or_is_no_address_is_not_private(address: str) -> None:
    assert not is_private(address)


@given(st.ip_addresses(v=4))
def test_mapped_addresses_are_what_they_map(address: object) -> None:
    assert is_private(str(address)) == is_private(f"::ffff:{address}")


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that would take a connection; `accept` on it raises BlockingIOError as long as nobody came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


class _Resolver(AbstractResolver):
    """Names as a test wants them: each look-up takes the next list of addresses, the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


def _client(url: str, policy: Policy | None = None, resolver: _Resolver | None = None, **settings: object) -> Client:
    options = EndpointOptions(connect_timeout_s=0.3, timeout_s=2.0, **settings)  # type: ignore[arg-type]
    made = Client(parse_base_url(url), policy=policy or Policy(), options=options, model="m")
    if resolver is not None:
        session = made._open_session()
        session.connector._resolver = resolver  # type: ignore[union-attr]
        session.connector._use_dns_cache = False  # type: ignore[union-attr]
    return made


@pytest.mark.parametrize("url", ["http://8.8.8.8", "http://[2606:4700::1111]:80", "http://[::ffff:8.8.8.8]"])
async def test_public_literals_are_refused_with_what_to_do(url: str) -> None:
    client = _client(url)
    with pytest.raises(PolicyError) as refused:
        await client.get("/x", dict)
    assert parse_base_url(url).host in str(refused.value)
    assert "--allow-cloud" in (refused.value.hint or "")
    await client.close()


async def test_a_name_that_resolves_to_a_public_address_is_refused_and_both_are_named() -> None:
    client = _client("http://models.example", resolver=_Resolver(["93.184.216.34"]))
    with pytest.raises(PolicyError, match=r"'models\.example' \(93\.184\.216\.34\)"):
        await client.post("/v1/chat/completions", {"secret": "prompt"}, dict)
    await client.close()


async def test_several_public_addresses_are_refused_as_one_policy_error() -> None:
    client = _client("http://models.example", resolver=_Resolver(["93.184.216.34", "2606:2800::1", "93.184.216.35"]))
    with pytest.raises(PolicyError):
        await client.get("/", dict)
    await client.close()


async def test_of_mixed_addresses_only_the_private_one_is_used(model_server) -> None:
    server = model_server("openai")
    port = server.url.rsplit(":", 1)[1]
    client = _client(f"http://nas.example:{port}", resolver=_Resolver(["2606:2800::1", "127.0.0.1"]))
    assert (await client.get("/v1/models", dict))["object"] == "list"
    await client.close()


async def test_rebinding_between_two_calls_does_not_get_around_it(model_server) -> None:
    server = model_server("openai")
    port = server.url.rsplit(":", 1)[1]
    resolver = _Resolver(["127.0.0.1"], ["93.184.216.34"])
    client = _client(f"http://flip.example:{port}", resolver=resolver)
    assert await client.get("/v1/models", dict)
    server.close()  # the pooled connection is gone, so that the name is looked up again
    with pytest.raises((PolicyError, EndpointDown)) as first:
        await client.get("/v1/models", dict)
    if isinstance(first.value, EndpointDown):  # the end of the pooled connection was noticed in the call itself
        with pytest.raises(PolicyError):
            await client.get("/v1/models", dict)
    await client.close()


async def test_not_one_connection_is_made_to_what_is_refused(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dikast.models.policy._PRIVATE_NETWORKS", ())
    client = _client(f"http://127.0.0.1:{listener.getsockname()[1]}")
    with pytest.raises(PolicyError):
        await client.post("/v1/chat/completions", {"prompt": "private"}, dict)
    with pytest.raises(BlockingIOError):
        listener.accept()
    await client.close()


async def test_redirects_are_never_followed(model_server, server_words, listener: socket.socket) -> None:
    target = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/chat/completions"
    server = model_server("openai", faults=[server_words.Fault("redirect", location=target)])
    client = _client(server.url, Policy(allow_cloud=True))
    with pytest.raises(EndpointRefused, match="never followed") as refused:
        await client.post("/v1/chat/completions", {"messages": [], "model": "m"}, dict)
    assert target in str(refused.value)
    with pytest.raises(BlockingIOError):
        listener.accept()
    await client.close()


async def test_proxy_variables_do_not_route_a_request(
    model_server, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = model_server("openai")
    client = _client(server.url)
    assert await client.get("/v1/models", dict)
    with pytest.raises(BlockingIOError):
        listener.accept()
    await client.close()


async def test_a_proxy_on_this_machine_does_not_get_around_the_policy(listener: socket.socket) -> None:
    proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = Client(
        parse_base_url("https://api.openai.com"),
        policy=Policy(),
        options=EndpointOptions(proxy=proxy),
        through_proxy=True,
    )
    with pytest.raises(PolicyError, match=r"api\.openai\.com"):
        await client.post("/v1/chat/completions", {}, dict)
    with pytest.raises(BlockingIOError):
        listener.accept()
    await client.close()


@pytest.mark.parametrize("model", ["openai/gpt-5", "anthropic/claude"])
async def test_clouds_are_refused_before_their_name_is_looked_up(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234567890")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: pytest.fail("looked up"))
    with pytest.raises(PolicyError, match="policy lets nothing leave"):
        await open_endpoints(model, policy=Policy())


async def test_the_ledger_says_what_left_and_only_that(model_server, monkeypatch: pytest.MonkeyPatch) -> None:
    entries: list[LedgerEntry] = []
    server = model_server("openai")
    client = _client(server.url, Policy(allow_cloud=True, ledger=entries.append))
    body = {"model": "m", "messages": [{"role": "user", "content": "private words"}]}
    await client.post("/v1/chat/completions", body, dict)
    assert entries == []  # it stayed on this machine
    monkeypatch.setattr(client_module, "is_private", lambda _: False)  # from here on, loopback is far away
    await client.post("/v1/chat/completions", body, dict)
    await client.post("/v1/chat/completions", body, dict)  # over the pooled connection
    sent = client_module._encode(body)
    assert len(entries) == 2
    assert entries[0].address == "127.0.0.1"
    assert entries[0].host == "127.0.0.1"
    assert entries[0].model == "m"
    assert entries[0].bytes == len(sent)
    assert entries[0].sha256 == hashlib.sha256(sent).hexdigest()
    assert entries[0].time.endswith("Z")
    await client.close()


async def test_concurrent_calls_are_each_in_the_ledger(model_server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "is_private", lambda _: False)
    entries: list[LedgerEntry] = []
    client = _client(model_server("openai").url, Policy(allow_cloud=True, ledger=entries.append))
    bodies = [{"model": "m", "messages": [{"role": "user", "content": str(n)}]} for n in range(20)]
    await asyncio.gather(*(client.post("/v1/chat/completions", body, dict) for body in bodies))
    expected = {hashlib.sha256(client_module._encode(body)).hexdigest() for body in bodies}
    assert {entry.sha256 for entry in entries} == expected
    await client.close()
