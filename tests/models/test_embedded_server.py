from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import InputError
from dikast.models.embedded_server import Serving, serve


@pytest.fixture(scope="module")
def serving(embedded_model: Path) -> Iterator[Serving]:
    with serve(embedded_model, context_length=512) as running:
        yield running


def post(serving: Serving, path: str, body: Any, key: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key or serving.api_key}", "Content-Type": "application/json"}
    request = urllib.request.Request(serving.base_url + path, json.dumps(body).encode(), headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


CHAT = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 3, "temperature": 0}


def test_it_answers_as_openai_does(serving: Serving) -> None:
    status, answer = post(serving, "/v1/chat/completions", CHAT)
    assert status == 200
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3
    assert answer["model"] == serving.model == "SmolLM2-135M-Instruct.F16"


def test_only_the_key_opens_it(serving: Serving) -> None:
    assert post(serving, "/v1/chat/completions", CHAT, key="wrong")[0] == 401
    assert post(serving, "/tokenize", {"content": "a"}, key="wrong")[0] == 401
    assert serving.api_key not in repr(serving)


def test_a_long_prompt_is_refused(serving: Serving) -> None:
    status, answer = post(
        serving, "/v1/chat/completions", CHAT | {"messages": [{"role": "user", "content": "a " * 900}]}
    )
    assert status == 400
    assert answer["error"]["type"] == "exceed_context_size_error"


def test_it_listens_on_this_machine_until_the_context_ends(embedded_model: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serve(embedded_model, port, api_key="sk-mine", context_length=256) as running:
        assert running.base_url == f"http://127.0.0.1:{port}"
        assert post(running, "/v1/chat/completions", CHAT, key="sk-mine")[0] == 200
        with pytest.raises(InputError, match=f"port {port}"), serve(embedded_model, port):
            pass
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", port)) != 0
