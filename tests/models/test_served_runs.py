"""The engine's own HTTP server as a real server: a run over HTTP says what the same weights say in this process."""

from pathlib import Path

import pytest

import dikast
from dikast.models.embedded_server import serve

ITEMS = [
    {"id": "right", "input": "What is the capital of France?", "output": "Paris."},
    {"id": "wrong", "input": "What is the capital of France?", "output": "A small green parrot."},
    {"id": "中文", "input": "法國的首都是哪裡？", "output": "巴黎。"},
]


def test_a_run_over_http_agrees_with_one_in_this_process(
    embedded_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    judge = dikast.Judge.from_dict({"name": "true", "task": "Decide whether the answer is true.", "fast": True})
    here = list(dikast.run(judge, ITEMS, model=str(embedded_model)))
    with serve(embedded_model, context_length=2048) as server:
        monkeypatch.setenv("DIKAST_API_KEY", server.api_key)
        there = dikast.run(judge, ITEMS, model=server.model, base_url=server.base_url, out="out.jsonl")
        verdicts = list(there)
    assert there.info is not None
    assert there.info.fingerprint["server"] == "llamacpp"
    assert [verdict.status for verdict in verdicts] == ["scored"] * 3
    assert [verdict.verdict for verdict in verdicts] == [verdict.verdict for verdict in here]
    for over_http, in_process in zip(verdicts, here, strict=True):
        assert over_http.confidence == pytest.approx(in_process.confidence, abs=0.02)
        assert over_http.confidence_source == in_process.confidence_source == "verdict_token_exact"
    assert server.api_key not in Path("out.jsonl").read_text()
