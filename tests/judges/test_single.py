"""`judge.judge(...)` and its twin: in a script, in a running loop, from threads, against a server that misbehaves."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dikast.errors import EndpointError, InputError, PolicyError, SettingError
from dikast.judges import single


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    single.close_endpoints()


class Handler(BaseHTTPRequestHandler):
    """A server in OpenAI's manner that gives these answers, and the last one for ever."""

    answers: ClassVar[list[tuple[int, str]]] = []
    asked = 0

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": [{"id": "m", "object": "model"}]})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked += 1
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        message = {"role": "assistant", "content": text}
        body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        self._send(status, body if status == 200 else {"error": {"message": text}})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, type[Handler]]]:
    handler = type("OwnHandler", (Handler,), {"answers": [], "asked": 0})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/v1", handler
    single.close_endpoints()
    http.shutdown()
    thread.join()
    http.server_close()


def test_in_a_script(judge_of: Any) -> None:
    verdict = judge_of("pass_fail").judge(input="When?", output="In 30 days.", model="fake", metadata={"a": 1})
    assert verdict.status == "scored"
    assert verdict.verdict in ("pass", "fail")
    assert verdict.id.startswith("i-")
    assert (verdict.model, verdict.metadata) == ("fake", {"a": 1})
    again = judge_of("pass_fail").judge(input="When?", output="In 30 days.", model="fake", id="x")
    assert (again.id, again.verdict) == ("x", verdict.verdict)


async def test_where_a_loop_is_running(judge_of: Any) -> None:
    judge = judge_of("pair", fast=True)
    blocking = judge.judge(input="When?", output_a="In 30 days.", output_b="In 14 days.", model="fake")
    several = await asyncio.gather(
        *(judge.ajudge(input="When?", output_a="In 30 days.", output_b="In 14 days.", model="fake") for _ in range(3))
    )
    assert {verdict.verdict for verdict in several} == {blocking.verdict}


def test_from_several_threads(judge_of: Any) -> None:
    judge = judge_of("ordinal")
    with ThreadPoolExecutor(4) as pool:
        verdicts = list(pool.map(lambda n: judge.judge(input=f"{n}?", output="Yes.", model="fake"), range(12)))
    assert {verdict.status for verdict in verdicts} == {"scored"}


def test_a_server_that_recovers_and_answers_with_thinking(judge_of: Any, server: tuple[str, type[Handler]]) -> None:
    url, handler = server
    answer = (
        '<think>{maybe} {"verdict": "pass"}</think>Here:\n```json\n{"reasoning": "30, not 14", "verdict": "fail"}\n```'
    )
    handler.answers = [(200, answer)]
    verdict = judge_of("pass_fail").judge(input="When?", output="In 30 days.", model="m", base_url=url)
    assert verdict.reason is None
    assert (verdict.status, verdict.verdict, verdict.critique) == ("scored", "fail", "30, not 14")
    probes = handler.asked - 1
    handler.answers = [(500, "oops"), (200, answer)]
    verdict = judge_of("pass_fail").judge(input="And now?", output="In 30 days.", model="m", base_url=url)
    assert verdict.verdict == "fail"
    assert handler.asked == probes + 3


def test_what_fails_for_good_is_in_the_verdict(judge_of: Any, server: tuple[str, type[Handler]]) -> None:
    url, handler = server
    handler.answers = [(200, '{"reasoning": "x", "verdict": "pass"}')]
    judge_of("pass_fail").judge(input="1", output="2", model="m", base_url=url)
    handler.answers = [(400, "no")]
    verdict = judge_of("pass_fail").judge(input="3", output="4", model="m", base_url=url)
    assert (verdict.status, verdict.reason_kind) == ("failed", "refused by server")


def test_a_server_that_is_not_there(judge_of: Any) -> None:
    with pytest.raises(EndpointError):
        judge_of("pass_fail").judge(input="1", output="2", model="m", base_url="http://127.0.0.1:9/v1")


def test_wrong_use(judge_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_of("pass_fail")
    with pytest.raises(SettingError, match="no model is named"):
        judge.judge(input="1", output="2")
    with pytest.raises(TypeError, match="outputs"):
        judge.judge(input="1", outputs="2", model="fake")
    with pytest.raises(InputError):
        judge.judge(input="1", output="2", model="nonsense/x")
    with pytest.raises(PolicyError):
        judge.judge(input="1", output="2", model="m", base_url="http://203.0.113.7/v1")
    monkeypatch.setenv("DIKAST_MODEL", "fake")
    assert judge.judge(input="1", output="2").status == "scored"
    assert judge.judge(input="1", output_a="2", output_b="3").reason_kind == "a pair"


def test_after_closing_it_opens_again(judge_of: Any) -> None:
    for _ in range(2):
        assert judge_of("pass_fail").judge(input="1", output="2", model="fake").status == "scored"
        single.close_endpoints()
