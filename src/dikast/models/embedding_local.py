"""The local embedder: multilingual-e5-small in this process, by llama.cpp, on the CPU.

It is made for short texts (512 tokens), so a long one is embedded in pieces and their mean is taken. Likeness is asked
for both ways round, so every text gets the prefix that the model's authors give for that, "query: ".
"""

from __future__ import annotations

import asyncio
import os
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dikast.errors import EndpointGarbled, InputError
from dikast.models.embedding import known_fingerprint, pieces, pooled, unit_rows
from dikast.models.embedding_weights import EMBEDDER, embedder_weights
from dikast.models.engine import import_xllamacpp, usable_cores
from dikast.models.weights import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TOKENS = 512
_PREFIX = "query: "
_TOO_LONG = "too large to process", "exceed"
_GAPS = dict.fromkeys((0x1680, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2581, 0xFEFF, 0xFFFD), " ")
_DROPPED = dict.fromkeys([*range(1, 9), 0x0B, *range(0x0E, 0x20), 0x7F, 0x8F, 0x9F, 0], "")


class LocalEmbedder:
    """The local embedder. Weights are fetched and loaded on the first use. cache: where they are kept."""

    name = "local"
    dimension = 384

    def __init__(
        self, *, progress: Progress | None = None, cache: Path | None = None, threads: int | None = None
    ) -> None:
        self.fingerprint = known_fingerprint("local") or ""
        self._progress, self._cache, self._threads = progress, cache, threads
        self._server: Any = None
        self._one_at_a_time = threading.Lock()

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each text. Raises WorldError where the weights can't be had."""
        return await asyncio.to_thread(self._embed, texts)

    async def close(self) -> None:
        """Free the weights."""
        with self._one_at_a_time:
            self._server = None

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        with self._one_at_a_time:
            if self._server is None:
                self._server = _loaded(embedder_weights(self._progress, self._cache), self._threads)
            rows = [self._vector(spelled(text)) for text in texts]
        return unit_rows(np.stack(rows)) if rows else np.zeros((0, self.dimension), dtype=np.float32)

    def _vector(self, text: str) -> NDArray[np.float32]:
        parts = pieces(text)
        return pooled([self._one(part) for part in parts], parts)

    def _one(self, text: str) -> Sequence[float]:
        """The model's vector; of two halves, where there are more tokens than it takes."""
        try:
            answer = self._server.handle_embeddings({"input": [_PREFIX + text]})
        except (RuntimeError, ValueError) as error:
            raise EndpointGarbled(f"the local embedder failed: {error}") from error
        if "data" in answer:
            values: list[float] = answer["data"][0]["embedding"]
            return values
        said = str(answer.get("error", answer))
        if len(text) > 1 and any(words in said for words in _TOO_LONG):
            halves = text[: len(text) // 2], text[len(text) // 2 :]
            return [float(value) for value in pooled([self._one(half) for half in halves], halves)]
        raise EndpointGarbled(f"the local embedder failed: {said}")


def spelled(text: str) -> str:
    """A text as the model's vocabulary spells it: compatibility forms and white space levelled, no control characters.

    >>> spelled("Ｗｈａｔ\\n is ５？")
    'What is 5?'
    """
    readable = text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate becomes a question mark
    plain = unicodedata.normalize("NFKC", readable).translate(_GAPS).translate(_DROPPED)
    return " ".join(plain.split())


def _loaded(path: Path, threads: int | None) -> Any:
    xllamacpp = import_xllamacpp()
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.embedding = True
    params.n_parallel = 1
    params.n_ctx = params.n_batch = params.n_ubatch = _TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads or usable_cores()
    params.cache_ram_mib = 0
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [os.urandom(24).hex()]  # nobody is to ask over HTTP
    params.ui = params.endpoint_slots = False
    params.verbosity = 3 if os.environ.get("DIKAST_DEBUG") else 0
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise InputError(
            f"llama.cpp can't load {EMBEDDER.name} from {str(path)!r}",
            hint="Remove that file, and it is fetched again; or memory is short.",
        ) from error
    # A server that is let go before its first answer can wait for ever for its own main loop to end.
    server.handle_embeddings({"input": ["a"]})
    return server
