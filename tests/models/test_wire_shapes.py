"""Answers as the servers write them, whole: fields that are not read must do no harm."""

from __future__ import annotations

import json

import pytest

from dikast.errors import PromptTooLong

_TOKEN = {"token": "pass", "logprob": -0.04, "bytes": [112, 97, 115, 115]}
_TOP = [{"token": "pass", "logprob": -0.04}, {"token": "fail", "logprob": -3.3}]
OLLAMA = {
    "model": "qwen3:8b",
    "created_at": "2026-09-14T08:21:09.5Z",
    "message": {"role": "assistant", "content": '{"verdict":"pass"}', "thinking": "Compare the answer with kb-77."},
    "done": True,
    "done_reason": "stop",
    "total_duration": 2100000000,
    "load_duration": 41000000,
    "prompt_eval_count": 412,
    "prompt_eval_duration": 310000000,
    "eval_count": 58,
    "eval_duration": 1600000000,
    "logprobs": [{**_TOKEN, "top_logprobs": _TOP}],
}
LLAMACPP = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1789374069,
    "model": "qwen3",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": '{"verdict":"pass"}', "reasoning_content": "Compare."},
            "logprobs": {"content": [{"id": 6385, **_TOKEN, "top_logprobs": [{"id": 6385, **_TOKEN}]}]},
        }
    ],
    "usage": {
        "completion_tokens": 8,
        "prompt_tokens": 412,
        "total_tokens": 420,
        "prompt_tokens_details": {"cached_tokens": 380},
    },
    "timings": {"cache_n": 380, "prompt_n": 32, "prompt_ms": 30.9, "predicted_n": 8},
}
LMSTUDIO = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "qwen3-8b",
    "choices": [
        {
            "index": 0,
            "logprobs": None,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": '{"verdict":"pass"}', "reasoning_content": ""},
        }
    ],
    "usage": {"prompt_tokens": 412, "completion_tokens": 8, "total_tokens": 420},
    "stats": {"tokens_per_second": 41.2, "stop_reason": "eosFound"},
    "model_info": {"arch": "qwen3", "quant": "Q4_K_M", "format": "gguf", "context_length": 4096},
    "runtime": {"name": "llama.cpp-linux", "version": "1.3.0", "supported_formats": ["gguf"]},
}
VLLM = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "Qwen/Qwen3-8B",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": '{"verdict":"pass"}',
                "reasoning": "Compare.",
                "tool_calls": [],
                "refusal": None,
            },
            "logprobs": None,
            "finish_reason": "stop",
            "stop_reason": None,
        }
    ],
    "usage": {"prompt_tokens": 412, "total_tokens": 420, "completion_tokens": 8, "prompt_tokens_details": None},
    "prompt_logprobs": None,
}


@pytest.mark.parametrize(
    ("kind", "body", "thinking", "cached"),
    [
        ("ollama", OLLAMA, "Compare the answer with kb-77.", 0),
        ("llamacpp", LLAMACPP, "Compare.", 380),
        ("lmstudio", LMSTUDIO, None, 0),
        ("vllm", VLLM, "Compare.", 0),
        ("openai", VLLM, "Compare.", 0),
        ("sglang", LLAMACPP, "Compare.", 380),
    ],
)
async def test_a_whole_answer_is_read(
    model_server, endpoint_at, ask, server_words, kind, body, thinking, cached
) -> None:
    server = model_server("openai" if kind == "sglang" else kind, answer=server_words.Raw(json.dumps(body)))
    reply = await endpoint_at(server, kind, api_key="sk-1234567890").answer(ask())
    assert (reply.text, reply.thinking, reply.finish) == ('{"verdict":"pass"}', thinking, "stop")
    assert (reply.usage.prompt_tokens, reply.usage.cached_tokens, reply.usage.calls) == (412, cached, 1)


async def test_ollamas_answer_cut_in_silence(model_server, endpoint_at, ask, server_words) -> None:
    cut = OLLAMA | {"prompt_eval_count": 2050, "message": {"role": "assistant", "content": '{"verdict":"pass"}'}}
    server = model_server("ollama", answer=server_words.Raw(json.dumps(cut)), version="0.11.0", trained_context=4096)
    with pytest.raises(PromptTooLong, match="2050"):
        await endpoint_at(server, "ollama").answer(ask("kb-77 says that it comes tomorrow. " * 500))


async def test_ollamas_answer_without_content(model_server, endpoint_at, ask, server_words) -> None:
    message = {"role": "assistant", "content": "", "thinking": "First I should consider"}
    cut = OLLAMA | {"message": message, "done_reason": "length", "eval_count": 256}
    reply = await endpoint_at(model_server("ollama", answer=server_words.Raw(json.dumps(cut))), "ollama").answer(ask())
    assert (reply.text, reply.finish, reply.usage.completion_tokens) == ("", "length", 256)
