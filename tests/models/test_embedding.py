"""Texts as vectors: the real local embedder, servers, and what is kept."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dikast.errors import EndpointDown, EndpointGarbled, PolicyError, SettingError, WorldError
from dikast.models.embedding import (
    Embedder,
    KeptEmbeddings,
    WordEmbedder,
    is_beside,
    known_fingerprint,
    open_embedder,
    pieces,
    unit_rows,
)
from dikast.models.embedding_local import LocalEmbedder, spelled
from dikast.models.embedding_weights import EMBEDDER, embedder_weights, write_gguf
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy
from dikast.store import Store

PAIRS = [
    ("How much protein should I eat a day?", "What is the recommended daily protein intake?"),
    ("Where is my parcel?", "My package has not arrived yet, can you track it?"),
    ("每天應該攝取多少蛋白質？", "成年人一日所需的蛋白質量是多少"),
    ("我的包裹到哪裡了？", "快遞還沒送到，能幫我查一下嗎"),
    ("How do I cancel the contract?", "怎麼解除合約"),
]
SMALL = EndpointOptions(timeout_s=5.0)


@pytest.fixture(scope="module")
def local(embedder_file: Path) -> Iterator[LocalEmbedder]:
    embedder = LocalEmbedder()
    yield embedder
    asyncio.run(embedder.close())


class Counting(WordEmbedder):
    """An embedder that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: Any) -> Any:
        self.asked += texts
        return await super().embed(texts)


async def test_a_paraphrase_is_the_nearest_in_english_in_chinese_and_between_them(local: LocalEmbedder) -> None:
    asked = await local.embed([one for one, _ in PAIRS])
    other = await local.embed([two for _, two in PAIRS])
    groups = [0, 1, 0, 1, 4]  # the third and fourth ask in Chinese what the first and second do
    assert [groups[at] for at in (asked @ other.T).argmax(axis=1)] == groups
    assert asked.shape == (5, local.dimension)
    assert asked.dtype == np.float32
    assert np.allclose(np.linalg.norm(asked, axis=1), 1, atol=1e-6)


async def test_any_text_has_a_vector_and_always_the_same(local: LocalEmbedder) -> None:
    texts = [
        "",
        "字" * 500,
        "word " * 300,
        "7" * 700,
        "\ud800 half a character",
        "a\x00b\n\t c",
        "Ｆｕｌｌ　ｗｉｄｔｈ？",
    ]
    first, second = await local.embed(texts), await local.embed(texts[::-1])
    assert np.array_equal(first, second[::-1])
    assert np.allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
    (plain,) = await local.embed(["Full width?"])
    assert float(first[-1] @ plain) == pytest.approx(1, abs=1e-6)  # spelling does not matter
    assert (await local.embed([])).shape == (0, local.dimension)


def test_once_fetched_nothing_is_fetched_again(embedder_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: Any, **_named: Any) -> Any:
        raise AssertionError("something was run")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert embedder_weights() == embedder_file
    assert LocalEmbedder().fingerprint == known_fingerprint("local") == f"{EMBEDDER.name}@{EMBEDDER.member_sha256[:16]}"


def test_another_file_is_not_taken_for_the_model(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(WorldError, match="begins with b'PK"):
        write_gguf(tmp_path / "packed", tmp_path / "model.gguf")


def test_spelling_is_levelled() -> None:
    assert spelled("ａ\u200bb\n c\x07d ㎏") == "a b cd kg"


async def test_words_find_what_is_spelt_alike() -> None:
    rows = await WordEmbedder().embed(["退款需要多久", "退款要多久", "天氣很好", "refund", "Refunds!", ""])
    assert rows[0] @ rows[1] > 0.4 > rows[0] @ rows[2]
    assert rows[3] @ rows[4] > 0.5
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("text", ["", "short", "word " * 2000, "字" * 3000, "x" * 10_000, " " * 5000])
def test_a_long_text_is_cut_into_pieces_that_make_its_beginning(text: str) -> None:
    parts = pieces(text)
    assert 1 <= len(parts) <= 4
    assert text.startswith("".join(parts))
    assert len(parts) == 4 or "".join(parts) == text
    assert all(sum(3 if c > "\u2e7f" else 1 for c in part) <= 1202 for part in parts)


def test_a_row_of_zeros_has_a_length_too() -> None:
    assert unit_rows(np.array([[0.0, 0.0], [3.0, 4.0]], dtype=np.float32)).tolist() == [
        [1.0, 0.0],
        [pytest.approx(0.6), pytest.approx(0.8)],
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing", "is not an embedder"),
        ("ollama/", "is not an embedder"),
        ("anthropic/claude", "no embeddings"),
        ("embedded", "is not an embedder"),
        ("openai-compatible/x", "needs to know where"),
    ],
)
async def test_a_name_that_means_nothing_is_told(name: str, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        await open_embedder(name, policy=Policy())


@pytest.mark.parametrize(
    ("name", "model", "beside"),
    [
        ("ollama/nomic", None, True),
        ("ollama/nomic", "ollama/qwen3:8b", True),
        ("ollama/nomic", "vllm/qwen3", False),
        ("lmstudio/nomic", "qwen3:8b", True),  # a bare name: what is at the base URL is asked what it is
        ("openai-compatible/nomic", "vllm/qwen3", True),  # it has no other place to be
    ],
)
def test_one_base_url_may_mean_both(name: str, model: str | None, beside: bool) -> None:
    assert is_beside(name, model) is beside


async def test_nothing_is_embedded_twice(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store:
        counting = Counting()
        kept = KeptEmbeddings(counting, store.vectors(counting.fingerprint))
        first = await kept.embed(["a", "b", "a"])
        assert sorted(counting.asked) == ["a", "b"]
        second = await KeptEmbeddings(counting, store.vectors(counting.fingerprint)).embed(["b", "c", "a"])
        assert sorted(counting.asked) == ["a", "b", "c"]
        assert np.array_equal(first[0], second[2])
        assert store.vectors("another").find([b"a" * 32]) == {}
        await KeptEmbeddings(counting, store.vectors("another")).embed(["a"])
        assert counting.asked.count("a") == 2  # other weights, other vectors
        assert (await kept.embed([])).shape == (0, kept.dimension)
        assert store.verify().problems == []


class TestServed:
    """An embedding model behind a real local server."""

    @pytest.fixture
    async def opened(self) -> AsyncIterator[Callable[..., Any]]:
        held: list[Embedder] = []

        async def open_it(name: str, *urls: str, policy: Policy | None = None) -> Embedder:
            held.append(await open_embedder(name, urls, policy=policy or Policy(), options=SMALL))
            return held[-1]

        yield open_it
        for one in held:
            await one.close()

    async def test_it_is_asked_and_put_in_order(
        self, model_server: Callable[..., Any], opened: Callable[..., Any]
    ) -> None:
        server = model_server("ollama", models=("nomic-embed-text:latest",))
        embedder = await opened("ollama/nomic-embed-text:latest", server.url)
        rows = await embedder.embed([f"{'a' * n}bbb" for n in range(20)])
        assert rows.shape == (20, 8) == (20, embedder.dimension)
        assert (rows[:, 0].argsort() == np.arange(20)).all()
        assert embedder.fingerprint.startswith("ollama/nomic-embed-text:latest@")
        calls = [request.body for request in server.requests if request.path == "/v1/embeddings"]
        assert [len(call["input"]) for call in calls] == [1, 16, 4]
        assert calls[0]["model"] == "nomic-embed-text:latest"

    async def test_what_is_no_embedding_model_is_told(
        self, model_server: Callable[..., Any], opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = model_server("openai")
        monkeypatch.setattr(type(server), "_embeddings", lambda *_given: {"error": {"message": "no embedding model"}})
        with pytest.raises(EndpointGarbled, match="no embedding model"):
            await opened("openai-compatible/qwen3:8b", server.url)

    async def test_a_server_that_is_down_is_told(self, opened: Callable[..., Any]) -> None:
        with pytest.raises(EndpointDown):
            await opened("openai-compatible/x", "http://127.0.0.1:1")

    async def test_the_policy_holds(self, opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        with pytest.raises(PolicyError):
            await opened("openai/text-embedding-3-small")
        with pytest.raises(PolicyError):
            await opened("openai-compatible/x", "http://93.184.215.14/v1")
