from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from dikast.errors import EndpointRefused


def _refuse_vaguely(server, taken):
    """Make the server answer 400 to any other parameter, naming none."""
    chat = server._chat

    async def guarded(request, body):
        if body.keys() - {"model", "messages", *taken}:
            return web.json_response({"error": "Bad request"}, status=400)
        return await chat(request, body)

    server._chat = guarded
    return server


@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (("temperature", "max_tokens"), ("seed", "top_p")),
        (("max_tokens",), ("seed", "temperature", "top_p")),
        ((), ("max_tokens", "seed", "temperature", "top_p")),
    ],
)
async def test_a_server_that_refuses_without_a_reason_is_asked_with_ever_less(
    model_server, endpoint_at, ask, taken, told
) -> None:
    server = _refuse_vaguely(model_server("openai"), taken)
    endpoint = endpoint_at(server, "openai-compatible")
    reply = await endpoint.answer(ask())
    assert (reply.text, reply.left_out) == ("It is fine.", told)
    asked = len(server.chats)
    assert (await endpoint.answer(ask())).left_out == told
    assert len(server.chats) == asked + 1


async def test_what_a_server_does_not_take_is_remembered(model_server, endpoint_at, ask) -> None:
    server = _refuse_vaguely(model_server("openai"), ("temperature", "max_tokens"))
    memory: dict[str, bytes] = {}
    await endpoint_at(server, "openai-compatible", probe=True, memory=memory).facts()
    asked = len(server.chats)
    later = endpoint_at(server, "openai-compatible", probe=True, memory=memory)
    await later.facts()
    assert (await later.answer(ask())).left_out == ("seed", "top_p")
    assert len(server.chats) == asked + 1


async def test_a_server_that_took_a_call_is_believed_when_it_refuses_another(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", faults=[None, "400"])
    endpoint = endpoint_at(server, "openai-compatible")
    assert (await endpoint.answer(ask())).left_out == ()
    with pytest.raises(EndpointRefused):
        await endpoint.answer(ask())
    assert len(server.chats) == 2


async def test_a_refused_name_for_the_length_is_exchanged_for_the_other(model_server, endpoint_at, ask) -> None:
    server = model_server("openai", refused_parameters=("max_tokens",))
    reply = await endpoint_at(server, "openai-compatible").answer(ask(max_tokens=50))
    assert server.chats[-1].body["max_completion_tokens"] == 50
    assert reply.left_out == ()


async def test_ollamas_lookalikes_need_not_know_its_newer_fields(model_server, endpoint_at, ask) -> None:
    for taken in (("stream", "options"), ("stream", "options", "keep_alive", "format")):
        server = _refuse_vaguely(model_server("ollama"), taken)
        reply = await endpoint_at(server, "ollama").answer(ask())
        assert reply.text == "It is fine."
        assert set(reply.left_out) == {"shift", "truncate"}
    server = model_server("ollama", refused_parameters=("truncate",))
    assert (await endpoint_at(server, "ollama").answer(ask())).left_out == ("truncate",)


@pytest.mark.parametrize("vaguely", [True, False])
async def test_calls_that_were_under_way_profit_too(model_server, endpoint_at, ask, vaguely) -> None:
    server = model_server("openai", refused_parameters=() if vaguely else ("seed", "temperature"))
    if vaguely:
        _refuse_vaguely(server, ("max_tokens",))
    endpoint = endpoint_at(server, "openai-compatible")
    replies = await asyncio.gather(*(endpoint.answer(ask(str(number))) for number in range(20)))
    assert {reply.text for reply in replies} == {"It is fine."}
