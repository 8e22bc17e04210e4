from __future__ import annotations

import json
from pathlib import Path

import pytest

from dikast.cli import main
from dikast.models.discovery import LOCAL_SERVERS
from dikast.models.opening import USUAL_URLS
from dikast.store import Store


@pytest.fixture
def dikast(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the command line in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_nothing_up_says_what_to_do(dikast, monkeypatch, unused_tcp_port: int) -> None:
    for server in LOCAL_SERVERS:
        monkeypatch.setitem(USUAL_URLS, server, (f"http://127.0.0.1:{unused_tcp_port}",))
    code, out, _ = dikast("models")
    assert code == 0
    assert "No model server is up" in out
    assert "ollama pull" in out
    assert "embedded" in out
    code, out, _ = dikast("models", "--json")
    assert json.loads(out)["servers"] == []


def test_a_table_and_the_same_as_json(dikast, model_server) -> None:
    server = model_server("ollama", models=("qwen3:8b", "llama3:70b"), remote_models=("gpt-oss:120b-cloud",))
    code, out, _ = dikast("models", "--base-url", server.url)
    assert code == 0
    assert "Ollama 0.33.0 at " in out
    row = next(line for line in out.splitlines() if line.strip().startswith("ollama/qwen3:8b"))
    assert row.split()[1:6] == ["4.9", "GiB", "Q4_K_M", "8.2B", "yes"]
    assert "gpt-oss:120b-cloud: runs at https://ollama.com:443, not on this machine" in out
    code, out, _ = dikast("models", "--base-url", server.url, "--json")
    listing = json.loads(out)
    assert listing["servers"][0]["models"][0]["model"] == "ollama/qwen3:8b"
    assert listing["servers"][0]["models"][0]["advice"]["fit"] in ("fits", "tight", "swaps")
    assert listing["machine"]["cores"] >= 1


def test_probing_tells_what_is_honoured(dikast, model_server) -> None:
    liar = model_server("openai", honours_schema=False, gives_logprobs=False)
    code, out, _ = dikast("models", "--probe", "qwen3:8b", "--base-url", liar.url)
    assert code == 0
    assert "ignored or refused" in out
    assert "only sampling remains" in out
    code, out, _ = dikast("models", "--probe", "fake", "--json")
    assert json.loads(out)[0]["capabilities"]["choices"] == "exact"


def test_a_loaded_model_is_asked_and_what_it_honours_is_remembered(dikast, model_server, tmp_path: Path) -> None:
    Store.open(tmp_path / "store.db").close()
    options = ("--base-url", model_server("ollama", models=("qwen3:8b", "llama3:70b")).url)
    server = model_server("vllm", models=("judge",))
    options += ("--base-url", server.url)
    (tmp_path / "dikast.toml").write_text('store = "store.db"\n')
    _, out, _ = dikast("models", *options)
    rows = [line.strip() for line in out.splitlines()]
    assert "ollama/qwen3:8b: JSON schema honoured; verdict token among the alternatives it lists; thinks no" in rows
    assert any(row.startswith("vllm/judge: JSON schema honoured") for row in rows)
    assert "What it honours is not known yet: dikast models --probe ollama/llama3:70b" in rows
    asked = len(server.chats)
    _, out, _ = dikast("models", *options, "--json")
    listed = {model["model"]: model["honours"] for found in json.loads(out)["servers"] for model in found["models"]}
    assert listed["ollama/qwen3:8b"]["schema"] is listed["vllm/judge"]["schema"] is True
    assert listed["ollama/llama3:70b"] is None
    assert len(server.chats) == asked


def test_errors_are_one_line_and_a_hint(dikast, unused_tcp_port: int) -> None:
    assert dikast("models", "--probe", "olama/x")[0] == 2
    code, out, err = dikast("models", "--probe", "x", "--base-url", f"http://127.0.0.1:{unused_tcp_port}")
    assert (code, out) == (1, "")
    assert "nothing answers" in err
    assert "Traceback" not in err
    assert dikast("models", "--base-url", "http://8.8.8.8")[0] == 2


def test_help_shows_an_example(dikast) -> None:
    code, out, _ = dikast("models", "--help")
    assert code == 0
    assert "dikast models --probe ollama/" in out
