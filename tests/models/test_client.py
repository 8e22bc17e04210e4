from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from dikast.errors import (
    EndpointBusy,
    EndpointDown,
    EndpointDropped,
    EndpointError,
    EndpointGarbled,
    EndpointRefused,
    EndpointTimeout,
    PromptTooLong,
    SettingError,
)
from dikast.models.client import KEPT_BODY, Client, parse_base_url, retry_after_s
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy

KEY = "sk-very-secret-0123456789"
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi there"}]}
PATH = "/v1/chat/completions"


@pytest.fixture
async def client_to():
    opened: list[Client] = []

    def connect(url: str, **options: Any) -> Client:
        settings = EndpointOptions(api_key=KEY, **{"timeout_s": 5.0, **options})
        made = Client(
            parse_base_url(url),
            policy=Policy(),
            options=settings,
            secret_headers={"Authorization": f"Bearer {KEY}"},
        )
        opened.append(made)
        return made

    yield connect
    for client in opened:
        await client.close()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("429", EndpointBusy),
        ("503", EndpointBusy),
        ("529", EndpointBusy),
        ("500", EndpointGarbled),
        ("502", EndpointDown),
        ("504", EndpointTimeout),
        ("400", EndpointRefused),
        ("401", EndpointRefused),
        ("404", EndpointRefused),
        ("drop", EndpointDropped),
        ("drop-mid", EndpointDropped),
        ("cut", EndpointGarbled),
        ("html", EndpointGarbled),
        ("huge", EndpointGarbled),
        ("redirect", EndpointRefused),
    ],
)
async def test_every_failure_has_its_error(model_server, client_to, fault: str, expected: type[EndpointError]) -> None:
    server = model_server("openai", faults=[fault])
    client = client_to(server.url, max_response_bytes=2**20)
    with pytest.raises(EndpointError) as failure:
        await client.post(PATH, CHAT, dict)
    assert type(failure.value) is expected
    assert failure.value.retryable is (expected is not EndpointRefused)
    assert KEY not in str(failure.value) + repr(failure.value) + str(failure.value.hint) + str(failure.value.body)
    answer = await client.post(PATH, CHAT, dict)  # the client survives its server's faults
    assert answer["choices"]
    assert len(server.chats) == 2


async def test_right_json_under_a_wrong_content_type_is_read(model_server, client_to) -> None:
    client = client_to(model_server("openai", faults=["wrong-type"]).url)
    assert (await client.post(PATH, CHAT, dict))["choices"]


async def test_a_slow_answer_is_a_timeout_and_not_a_dead_server(model_server, client_to) -> None:
    client = client_to(model_server("openai", faults=["slow"]).url, timeout_s=0.2)
    with pytest.raises(EndpointTimeout, match=r"within 0\.2 s"):
        await client.post(PATH, CHAT, dict)


async def test_a_closed_port_is_a_dead_server_with_a_hint(client_to, unused_tcp_port: int) -> None:
    client = client_to(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(EndpointDown, match="nothing answers at") as failure:
        await client.get("/", dict)
    assert "--base-url" in (failure.value.hint or "")


async def test_the_servers_own_words_are_in_the_message(model_server, client_to, server_words) -> None:
    said = '{"error": {"message": "the model has gone fishing", "code": 500}}'
    client = client_to(model_server("openai", faults=[server_words.Fault("500", body=said)]).url)
    with pytest.raises(EndpointGarbled, match="the model has gone fishing") as failure:
        await client.post(PATH, CHAT, dict)
    assert failure.value.status == 500
    assert failure.value.body == said


TOO_LONG = [
    ("400", '{"error":{"code":400,"message":"request (7900 tokens) exceeds the available context size (4096 tokens), '
            'try increasing it","type":"exceed_context_size_error","n_prompt_tokens":7900,"n_ctx":4096}}'),
    ("400", '{"error": "the prompt is longer than the context length currently available to the model; shorten it"}'),
    ("400", '{"error":{"message":"This model\'s maximum context length is 8192 tokens. However, you requested 9000"}}'),
    ("400", '{"error":{"code":"context_length_exceeded","message":"Too long"}}'),
    ("400", '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens"}}'),
    ("500", '{"error":"input is too long for the context window"}'),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), TOO_LONG)
async def test_a_prompt_that_does_not_fit_is_told_apart(
    model_server, client_to, server_words, status: str, body: str
) -> None:
    client = client_to(model_server("openai", faults=[server_words.Fault(status, body=body)]).url)
    with pytest.raises(PromptTooLong) as failure:
        await client.post(PATH, CHAT, dict)
    assert not failure.value.retryable


async def test_no_credit_is_no_reason_to_wait(model_server, client_to, server_words) -> None:
    body = '{"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}'
    client = client_to(model_server("openai", faults=[server_words.Fault("429", body=body)]).url)
    with pytest.raises(EndpointRefused, match="quota"):
        await client.post(PATH, CHAT, dict)


async def test_a_loading_server_is_busy(model_server, client_to, server_words) -> None:
    body = '{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}'
    client = client_to(model_server("llamacpp", faults=[server_words.Fault("503", body=body)]).url)
    with pytest.raises(EndpointBusy, match="Loading model"):
        await client.post(PATH, CHAT, dict)


@pytest.mark.parametrize("given", ["7", "0", "2.5"])
async def test_retry_after_in_seconds_reaches_the_error(model_server, client_to, server_words, given: str) -> None:
    client = client_to(model_server("openai", faults=[server_words.Fault("429", retry_after=given)]).url)
    with pytest.raises(EndpointBusy) as failure:
        await client.post(PATH, CHAT, dict)
    assert failure.value.retry_after_s == float(given)


def test_retry_after_as_a_date_is_the_time_until_then() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after_s({"Retry-After": later}) == pytest.approx(90, abs=2)
    assert retry_after_s({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


@pytest.mark.parametrize("given", ["soon", "", "-5", "nan", "Wed, 99 Foo 2015"])
def test_a_retry_after_that_says_nothing_is_none(given: str) -> None:
    assert retry_after_s({"Retry-After": given}) is None


def test_milliseconds_are_preferred_where_given() -> None:
    assert retry_after_s({"retry-after-ms": "1500", "Retry-After": "2"}) == 1.5
    assert retry_after_s({}) is None


async def test_a_key_that_the_server_echoes_is_not_in_the_error(model_server, client_to, server_words) -> None:
    echo = msgspec.json.encode({"error": {"message": f"Incorrect API key provided: {KEY}", "headers": f"Bearer {KEY}"}})
    client = client_to(model_server("openai", faults=[server_words.Fault("401", body=echo.decode())]).url)
    with pytest.raises(EndpointRefused) as failure:
        await client.post(PATH, CHAT, dict)
    everything = (
        f"{failure.value} {failure.value!r} {failure.value.body} {failure.value.__dict__} {failure.value.__cause__}"
    )
    assert KEY not in everything
    assert "***" in str(failure.value)


async def test_a_key_is_not_cut_so_that_its_start_survives(model_server, client_to, server_words) -> None:
    body = "x" * (KEPT_BODY - 10) + KEY + "y" * 5000
    client = client_to(model_server("openai", faults=[server_words.Fault("500", body=body)]).url)
    with pytest.raises(EndpointGarbled) as failure:
        await client.post(PATH, CHAT, dict)
    assert failure.value.body is not None
    assert KEY[:8] not in failure.value.body
    assert len(failure.value.body) <= KEPT_BODY


async def test_no_log_line_and_no_repr_carries_the_key(model_server, client_to, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    server = model_server("openai", faults=["500", "drop", "cut", None])
    client = client_to(server.url)
    for _ in range(4):
        try:
            await client.post(PATH, CHAT, dict)
        except EndpointError as error:
            logging.getLogger("test").warning("failed: %r", error, exc_info=error)
    assert server.chats[-1].headers["Authorization"] == f"Bearer {KEY}"  # it was sent, and only that
    assert KEY not in caplog.text
    assert KEY not in repr(client) + repr(client.options)


async def test_a_password_in_the_base_url_is_sent_but_not_shown(model_server, unused_tcp_port: int) -> None:
    server = model_server("openai")
    host = server.url.removeprefix("http://")
    client = Client(parse_base_url(f"http://me:hunter2!@{host}"), policy=Policy(), options=EndpointOptions())
    await client.post(PATH, CHAT, dict)
    assert server.chats[-1].headers["Authorization"].startswith("Basic ")
    assert "hunter2" not in repr(client) + client.base.root
    await client.close()
    lost = Client(
        parse_base_url(f"http://me:hunter2!@127.0.0.1:{unused_tcp_port}"), policy=Policy(), options=EndpointOptions()
    )
    with pytest.raises(EndpointDown) as failure:
        await lost.get("/", dict)
    assert "hunter2" not in str(failure.value)
    await lost.close()


async def test_connections_are_kept_and_shared(model_server, client_to) -> None:
    server = model_server("openai")
    client = client_to(server.url)
    for _ in range(5):
        await client.post(PATH, CHAT, dict)
    connector = client._session.connector  # type: ignore[union-attr]
    assert sum(len(pooled) for pooled in connector._conns.values()) == 1


def test_a_closed_client_can_be_used_again_in_another_event_loop(model_server) -> None:
    server = model_server("openai")
    client = Client(parse_base_url(server.url), policy=Policy(), options=EndpointOptions())

    async def once() -> dict[str, Any]:
        try:
            return await client.post(PATH, CHAT, dict)
        finally:
            await client.close()

    assert asyncio.run(once())["choices"]
    assert asyncio.run(once())["choices"]


@pytest.mark.parametrize(
    ("given", "root", "api"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("localhost:1234", "http://localhost:1234", "http://localhost:1234/v1"),
        ("http://h:1/v1/chat/completions", "http://h:1", "http://h:1/v1"),
        ("https://gw.lan/llm/v1", "https://gw.lan/llm", "https://gw.lan/llm/v1"),
        ("https://g.example/v1beta/openai/", "https://g.example/v1beta/openai", "https://g.example/v1beta/openai"),
        ("http://[::1]:8080", "http://[::1]:8080", "http://[::1]:8080/v1"),
    ],
)
def test_base_urls_with_and_without_v1(given: str, root: str, api: str) -> None:
    base = parse_base_url(given)
    assert (base.root, base.api) == (root, api)


@pytest.mark.parametrize(
    "given", ["", "ftp://x", "http://", "http://h:99999", "http://h/?key=1", "file:///etc", "http://u:secretpw@h:x"]
)
def test_what_is_no_base_url_is_said_so_without_its_password(given: str) -> None:
    with pytest.raises(SettingError) as refused:
        parse_base_url(given)
    assert "secretpw" not in str(refused.value)
