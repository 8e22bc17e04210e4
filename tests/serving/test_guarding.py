"""Who is let in, and what happens when there is too much, too large, too slow, or nobody at the other end."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import SettingError
from dikast.serving.limits import Limits
from dikast.serving.tokens import Tokens, read_tokens

ROW = {"id": "t-1", "input": "Can I return it?", "output": "Within 14 days."}
TOKEN = "a-token-of-some-length"
JSON = {"Content-Type": "application/json"}


async def post(server: Any, **more: Any) -> tuple[int, Any, Any]:
    given = {"json": ROW} | more if "data" not in more else more
    async with server.client.post(server.url + "/v1/judge", **given) as reply:
        return reply.status, await reply.json(content_type=None), reply.headers


async def emptied(server: Any) -> None:
    async with asyncio.timeout(5):
        await server.serving._gate.emptied()


class TestTokens:
    async def test_only_a_known_token_is_let_in(self, served: Any) -> None:
        async with served(tokens=Tokens([("ci", TOKEN), ("app", TOKEN + "-2")])) as server:
            status, body, headers = await post(server)
            assert (status, body["code"], headers["WWW-Authenticate"]) == (401, "no_token", 'Bearer realm="dikast"')
            for given in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN[:-1]}"):
                assert (await post(server, headers={"Authorization": given}))[0] == 401
            for given in (f"Bearer {TOKEN}", f"bearer {TOKEN}-2"):
                assert (await post(server, headers={"Authorization": given}))[0] == 200
            for path, status in (("/health", 200), ("/ready", 200), ("/metrics", 401), ("/openapi.json", 401)):
                async with server.client.get(server.url + path) as reply:
                    assert reply.status == status

    async def test_guesses_are_counted_and_a_right_token_still_works(self, served: Any) -> None:
        async with served(tokens=Tokens([("ci", TOKEN)])) as server:
            guesses = [(await post(server, headers={"Authorization": f"Bearer {at}"}))[0] for at in range(12)]
            assert guesses == [401] * 10 + [429] * 2
            assert (await post(server, headers={"Authorization": f"Bearer {TOKEN}"}))[0] == 200

    def test_they_come_from_a_file_the_environment_and_the_command_line(self, tmp_path: Path) -> None:
        file = tmp_path / "tokens"
        file.write_text(f"# who may ask\nci={TOKEN}\n\napp: {TOKEN}-2\n")
        tokens = read_tokens([f"{TOKEN}-3"], file, f"x={TOKEN}-4, {TOKEN}-5", host="0.0.0.0")
        assert [tokens.whose(f"Bearer {TOKEN}{end}") for end in ("", "-2", "-3", "-4", "-5", "-6")] == [
            "ci", "app", "token-1", "x", "token-3", None,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("given", "text", "says"),
        [
            ([], None, "no token is given"),
            (["short"], None, "can be guessed"),
            (["with blanks in it, really"], None, "not a token"),
            ([], "", "holds no token"),
            ([], "ci=short", "line 1"),
        ],
    )
    def test_what_is_wrong_is_said(self, tmp_path: Path, given: list[str], text: str | None, says: str) -> None:
        file = None if text is None else tmp_path / "tokens"
        if file is not None:
            file.write_text(str(text))
        with pytest.raises(SettingError, match=says):
            read_tokens(given, file, None, host="0.0.0.0")


class TestWhoAsks:
    async def test_other_names_and_other_sites_are_refused(self, served: Any) -> None:
        async with served() as server:
            assert (await post(server, headers={"Host": "evil.example"}))[0] == 421
            assert (await post(server, headers={"Origin": "https://evil.example"}))[0] == 403
            assert (await post(server, headers={"Origin": server.url}))[0] == 200
            async with server.client.options(server.url + "/v1/judge", headers={"Origin": server.url}) as reply:
                assert reply.status == 405
                assert not [name for name in reply.headers if name.startswith("Access-Control")]

    async def test_every_refusal_is_a_problem(self, served: Any) -> None:
        async with served() as server:
            for method, path, status in (("GET", "/", 404), ("GET", "/v1/judge", 405), ("POST", "/health", 405)):
                async with server.client.request(method, server.url + path) as reply:
                    problem = await reply.json(content_type="application/problem+json")
                    assert (reply.status, problem["status"], bool(problem["detail"])) == (status, status, True)
                    assert reply.headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b'{"input": ', 400),
            (b"\xff\xfe", 400),
            (b"[" * 100_000, 400),
            (b'{"input": "\\ud800", "output": ""}', 400),
            (b'"text"', 422),
            (b'{"input": "?"}', 422),
            (b'{"input": "?", "output": "x", "metadata": 7}', 422),
            (b'{"input": "?", "output": "x", "id": "' + b"x" * 600 + b'"}', 422),
            (b'{"input": null, "output": "x"}', 422),
        ],
    )
    async def test_malformed_bodies(self, served: Any, body: bytes, status: int) -> None:
        async with served() as server:
            assert (await post(server, data=body, headers=JSON))[0] == status
            assert server.asked == []

    async def test_forms_are_not_taken(self, served: Any) -> None:
        async with served() as server:
            status, body, _ = await post(server, data=json.dumps(ROW).encode(), headers={"Content-Type": "text/plain"})
        assert (status, body["code"]) == (415, "wrong_type")


class TestTooMuch:
    async def test_large_bodies_are_refused_whatever_they_say(self, served: Any) -> None:
        large = json.dumps(ROW | {"output": "x" * 200_000}).encode()

        async def pieces() -> Any:
            for at in range(0, len(large), 50_000):
                yield large[at : at + 50_000]

        async with served(limits=Limits(body_bytes=100_000)) as server:
            bomb = {"data": gzip.compress(large), "headers": JSON | {"Content-Encoding": "gzip"}}
            for given in ({"data": large, "headers": JSON}, {"data": pieces(), "headers": JSON}, bomb):
                status, body, _ = await post(server, **given)
                assert (status, body["code"]) == (413, "too_large")
            assert (await post(server))[0] == 200
            assert server.asked[0].body is not None
            assert len(server.asked) == 1

    async def test_over_the_places_and_over_the_room_one_comes_later(self, served: Any) -> None:
        limits = Limits(queue=2, request_s=0.8, held_bytes=500_000, body_bytes=400_000)
        async with served(model={"faults": ["slow", "slow"]}, limits=limits, concurrency=4) as server:
            waiting = [asyncio.create_task(server.judge(**ROW | {"id": f"{at}", "output": f"{at}"})) for at in range(2)]
            while len(server.asked) < 2:
                await asyncio.sleep(0.005)
            began = asyncio.get_running_loop().time()
            status, body, headers = await post(server)
            assert (status, body["code"]) == (503, "busy")
            assert int(headers["Retry-After"]) >= 1
            assert asyncio.get_running_loop().time() - began < 0.5
            assert [status for status, _ in await asyncio.gather(*waiting)] == [504, 504]
            with server.serving._gate.entered(1, 499_000):
                status, body, _ = await post(server, json=ROW | {"context": "x" * 2_000})
                assert (status, body["code"]) == (503, "busy")
            assert (await post(server))[0] == 200

    async def test_a_rate_is_kept_for_each_token(self, served: Any) -> None:
        tokens = Tokens([("ci", TOKEN), ("app", TOKEN + "-2")])
        async with served(tokens=tokens, limits=Limits(rate_per_min=3)) as server:
            ci, app = ({"Authorization": f"Bearer {TOKEN}{end}"} for end in ("", "-2"))
            assert [(await post(server, headers=ci))[0] for _ in range(4)] == [200, 200, 200, 429]
            assert int((await post(server, headers=ci))[2]["Retry-After"]) in range(15, 21)
            rows = [ROW | {"id": f"{at}"} for at in range(5)]
            async with server.client.post(server.url + "/v1/judge/batch", json=rows, headers=app) as reply:
                assert reply.status == 200
            status, body, headers = await post(server, headers=app)
            assert (status, body["code"]) == (429, "rate_limited")
            assert int(headers["Retry-After"]) in range(55, 61)  # the batch is paid for

    async def test_a_slow_client_loses_its_place(self, served: Any) -> None:
        async with served(limits=Limits(body_s=0.2)) as server:
            host, port = server.url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            head = (
                f"POST /v1/judge HTTP/1.1\r\nHost: {host}\r\n"
                + "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n"
            )
            writer.write(head.encode() + b'{"input"')
            answer = await asyncio.wait_for(reader.read(), 5)  # to its end: the connection is closed
            writer.close()
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b'"too_slow"' in answer
            await emptied(server)

    async def test_who_hangs_up_is_not_judged_to_the_end(self, served: Any) -> None:
        async with served(model={"faults": ["slow"]}) as server:
            asking = asyncio.create_task(server.judge(**ROW))
            while not server.asked:
                await asyncio.sleep(0.005)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            await emptied(server)
            assert (await server.judge(**ROW))[0] == 200  # what was being asked is free to be asked again
            assert len(server.run()) == 1


class TestTheModel:
    async def test_a_late_verdict_is_a_time_out_and_is_kept(self, served: Any) -> None:
        async with served(model={"faults": ["slow"]}, limits=Limits(request_s=0.2)) as server:
            status, body = await server.judge(**ROW)
            assert (status, body["code"]) == (504, "model_timeout")
            assert body["verdict"]["reason"].startswith("timed out: ")
            assert [one.status for one in server.run()] == ["failed"]
            assert (await server.judge(**ROW))[0] == 200

    async def test_passing_failures_pass(self, served: Any) -> None:
        async with served(model={"faults": ["500", "429", "cut", "drop"]}) as server:
            status, body = await server.judge(**ROW)
            assert (status, body["verdict"]) == (200, "pass")

    async def test_a_request_that_its_server_refuses_is_told(self, served: Any) -> None:
        async with served(model={"faults": ["401"]}) as server:
            status, body = await server.judge(**ROW)
        assert (status, body["code"], body["verdict"]["status"]) == (502, "model_failed", "failed")

    async def test_a_dead_one_is_said_and_what_is_known_is_still_given(self, served: Any) -> None:
        async with served(patience_s=0.3) as server:
            assert (await server.judge(**ROW))[0] == 200
            server.model.close()
            others = [server.judge(**ROW | {"id": f"{at}", "output": f"{at}"}) for at in range(5)]
            replies = await asyncio.gather(*others)
            assert {(status, body["code"]) for status, body in replies} == {(503, "model_down")}
            status, body, headers = await post(server)
            assert (status, body["verdict"]) == (200, "pass")
            assert "Retry-After" not in headers
            async with server.client.get(server.url + "/ready") as reply:
                assert (reply.status, (await reply.json(content_type=None))["code"]) == (503, "model_down")
            status, _, headers = await post(server, json=ROW | {"output": "new"})
            assert (status, headers["Retry-After"]) == (503, "5")

    async def test_one_that_comes_back_is_asked_again(self, served: Any) -> None:
        async with served(model={"faults": ["drop"] * 12}, patience_s=0.3) as server:
            async with asyncio.timeout(10):
                statuses = [(await server.judge(**ROW))[0]]
                while statuses[-1] != 200:
                    statuses.append((await server.judge(**ROW))[0])
            assert statuses[0] == 503
            async with server.client.get(server.url + "/ready") as reply:
                assert reply.status == 200
