from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import InputError
from dikast.models.naming import SERVERS, ModelRef, near_first, not_installed, parse_model


@pytest.mark.parametrize(
    ("text", "server", "name"),
    [
        ("embedded", "embedded", ""),
        ("fake", "fake", ""),
        ("fake/strict", "fake", "strict"),
        ("ollama/qwq:32b", "ollama", "qwq:32b"),
        ("ollama/hf.co/bartowski/Qwen3-GGUF:Q4_K_M", "ollama", "hf.co/bartowski/Qwen3-GGUF:Q4_K_M"),
        ("lmstudio/qwen/qwen3-8b", "lmstudio", "qwen/qwen3-8b"),
        ("llamacpp", "llamacpp", ""),
        ("llamacpp/Qwen3-8B.gguf", "llamacpp", "Qwen3-8B.gguf"),
        ("vllm/Qwen/Qwen3-8B", "vllm", "Qwen/Qwen3-8B"),
        ("sglang/m", "sglang", "m"),
        ("openai/gpt-5", "openai", "gpt-5"),
        ("anthropic/claude", "anthropic", "claude"),
        ("openai-compatible/m", "openai-compatible", "m"),
        ("  ollama/x ", "ollama", "x"),
    ],
)
def test_every_way_to_name_a_model(text: str, server: str, name: str) -> None:
    assert parse_model(text) == ModelRef(server, name)  # type: ignore[arg-type]


@given(st.sampled_from(sorted(SERVERS)), st.text("abcXYZ0123456789:._-/", min_size=1).filter(str.strip))
def test_a_name_survives_the_round_trip(server: str, name: str) -> None:
    ref = parse_model(f"{server}/{name}")
    assert parse_model(str(ref)) == ref


def test_a_bare_name_needs_a_base_url() -> None:
    assert parse_model("Qwen/Qwen3-8B", has_base_url=True) == ModelRef(None, "Qwen/Qwen3-8B")
    assert parse_model("model.gguf", has_base_url=True) == ModelRef(None, "model.gguf")
    with pytest.raises(InputError, match="--base-url"):
        parse_model("qwq")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("olama/qwq", "ollama/qwq"),
        ("Ollama/qwq", "ollama/qwq"),
        ("embeded", "embedded"),
        ("lm-studio/x", "lmstudio/x"),
        ("ollama", "ollama/NAME"),
        ("Qwen/Qwen3-8B", "dikast models"),
    ],
)
def test_a_name_that_means_nothing_says_what_comes_near(text: str, hint: str) -> None:
    with pytest.raises(InputError) as error:
        parse_model(text)
    assert repr(text) in str(error.value)
    assert hint in (error.value.hint or "")


@pytest.mark.parametrize("text", ["", "  ", "ollama/", "embedded/x"])
def test_half_a_name_is_an_error(text: str) -> None:
    with pytest.raises(InputError):
        parse_model(text)


def test_a_gguf_file_must_be_there(tmp_path: Path) -> None:
    there = tmp_path / "Qwen3-8B-Q4_K_M.gguf"
    there.write_bytes(b"GGUF")
    ref = parse_model(str(there))
    assert (ref.server, ref.path) == ("embedded", there)
    with pytest.raises(InputError) as error:
        parse_model(str(tmp_path / "Qwen3-8B.gguf"))
    assert there.name in (error.value.hint or "")


def test_near_names_come_first() -> None:
    assert near_first("qwen3", ["llama3:8b", "mistral", "qwen2.5:7b", "qwen3:8b"])[:2] == ["qwen3:8b", "qwen2.5:7b"]
    error = not_installed("qwen3", [f"m{n}" for n in range(12)] + ["qwen3:8b"], where="Ollama", how="pull it")
    assert "it has qwen3:8b, " in str(error)
    assert "5 more" in str(error)
