"""Texts as vectors: what an embedder is, every way in which one is named, and how nothing is embedded twice.

`local` is multilingual-e5-small in this process, fetched once and then offline; SERVER/NAME is an embedding model of a
server, reached by the same client and under the same policy as chat models; `words` counts character n-grams and needs
no model at all.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from dikast.errors import SettingError
from dikast.models.embedding_weights import EMBEDDER
from dikast.models.naming import SERVERS
from dikast.models.options import EndpointOptions
from dikast.models.policy import Policy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMS = "local, words, or SERVER/NAME such as ollama/nomic-embed-text"

_WORDS_WIDTH = 1 << 11
_LONGEST_PIECE = 1200  # characters; wide ones (Chinese, Japanese, Korean) count for three
_MOST_PIECES = 4


class Embedder(Protocol):
    """Something that turns texts into vectors.

    fingerprint: tells its weights from any others. dimension: of each vector.
    """

    @property
    def name(self) -> str:
        """As the user writes it."""
        ...

    @property
    def fingerprint(self) -> str:
        """What its weights are, so far as can be known."""
        ...

    @property
    def dimension(self) -> int:
        """How many numbers a text becomes."""
        ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row of length 1 for each text, shape (n_texts, dimension). Raises EndpointError."""
        ...

    async def close(self) -> None:
        """Let go of weights and connections."""
        ...


class Vectors(Protocol):
    """Where vectors are kept, by the SHA-256 of their texts: those of one embedder."""

    def find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are there."""
        ...

    def keep(self, vectors: Mapping[bytes, bytes]) -> None:
        """Keep these."""
        ...


def known_fingerprint(name: str) -> str | None:
    """The fingerprint of an embedder that Dikast brings along; None for one that a server has."""
    if name == "local":
        return f"{EMBEDDER.name}@{EMBEDDER.member_sha256[:16]}"
    return f"words@{_WORDS_WIDTH}" if name == "words" else None


def check_name(name: str) -> None:
    """Raise SettingError for a name that means no embedder."""
    server, _, model = name.partition("/")
    if name in ("local", "words") or (server in SERVERS and server != "anthropic" and model):
        return
    if server == "anthropic":
        raise SettingError("the Anthropic API has no embeddings", hint=f"Expected {FORMS}.")
    raise SettingError(f"{name!r} is not an embedder; expected {FORMS}")


def is_beside(name: str, model: str | None) -> bool:
    """Whether the base URL that is given for a model is where this embedder is, too.

    >>> is_beside("ollama/nomic-embed-text", "ollama/qwen3:8b"), is_beside("ollama/nomic-embed-text", "vllm/qwen3")
    (True, False)
    """
    server = name.partition("/")[0]
    of_model = None if model is None else model.partition("/")[0]
    return of_model in (None, server) or of_model not in SERVERS or server == "openai-compatible"


async def open_embedder(
    name: str, base_urls: Sequence[str] = (), *, policy: Policy, options: EndpointOptions | None = None
) -> Embedder:
    """The embedder that a name means; close it after use. Raises SettingError, PolicyError, EndpointError."""
    check_name(name)
    settings = options or EndpointOptions()
    if name == "words":
        return WordEmbedder()
    if name == "local":
        from dikast.models.embedding_local import LocalEmbedder

        return LocalEmbedder(progress=settings.progress, cache=settings.cache, threads=settings.threads)
    from dikast.models.embedding_served import open_served  # the HTTP client takes 0.2 s to load

    return await open_served(name, base_urls, policy=policy, options=settings)


class KeptEmbeddings:
    """An embedder that embeds no text twice, as far as `vectors` reaches."""

    def __init__(self, embedder: Embedder, vectors: Vectors) -> None:
        self._embedder = embedder
        self._vectors = vectors
        self.name, self.fingerprint = embedder.name, embedder.fingerprint

    @property
    def dimension(self) -> int:
        """How many numbers a text becomes."""
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text, from what is kept or else from the embedder, which is then kept."""
        import numpy as np

        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        known = self._vectors.find(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            rows = await self._embedder.embed(list(missing.values()))
            made = {key: row.astype("<f4").tobytes() for key, row in zip(missing, rows, strict=True)}
            self._vectors.keep(made)
            known |= made
        return np.stack([np.frombuffer(known[key], "<f4") for key in keys]) if keys else _none(self.dimension)

    async def close(self) -> None:
        """Let go of the embedder."""
        await self._embedder.close()


class WordEmbedder:
    """Counts of a text's words and of the character n-grams in them, hashed: likeness of spelling, in any script."""

    name = "words"
    fingerprint = f"words@{_WORDS_WIDTH}"
    dimension = _WORDS_WIDTH

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text."""
        import numpy as np

        counts = np.zeros((len(texts), _WORDS_WIDTH), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.casefold().split():
                padded = f" {word} "
                for size in (2, 3, 4):
                    for start in range(len(padded) - size + 1):
                        counts[row, _bucket(padded[start : start + size])] += 1
        return unit_rows(np.log1p(counts))

    async def close(self) -> None:
        """Nothing is held."""


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows, each of length 1; a row of zeros points along the first axis."""
    import numpy as np

    rows = np.array(rows, dtype=np.float32)
    rows[~rows.any(axis=1), 0] = 1.0
    result: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return result


def pieces(text: str) -> list[str]:
    """A text in pieces that an embedding model can take, cut at spaces; the first four, which tell what it is about."""
    ends = [0]
    size = last_space = 0
    for at, character in enumerate(text):
        if size >= _LONGEST_PIECE:
            ends.append(last_space if last_space > ends[-1] else at)
            if len(ends) > _MOST_PIECES:
                break
            size = sum(_width(each) for each in text[ends[-1] : at])
        size += _width(character)
        last_space = at if character == " " else last_space
    else:
        ends.append(len(text))
    return [text[start:end] for start, end in pairwise(ends)]


def pooled(rows: Sequence[Sequence[float]], texts: Sequence[str]) -> NDArray[np.float32]:
    """The vector of a text from those of its pieces: their mean, by length."""
    import numpy as np

    weights = np.array([max(len(text), 1) for text in texts], dtype=np.float32)
    mean: NDArray[np.float32] = np.average(np.array(rows, dtype=np.float32), axis=0, weights=weights)
    return mean


def _none(dimension: int) -> NDArray[np.float32]:
    import numpy as np

    return np.zeros((0, dimension), dtype=np.float32)


def _width(character: str) -> int:
    return 3 if character > "\u2e7f" else 1


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "surrogatepass")) % _WORDS_WIDTH
