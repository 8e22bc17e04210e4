"""Texts as vectors, kept by embedder and text, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from dikast.store.database import mapped_errors
from dikast.store.schema import embeddings

_KEEP = sa.text(
    "INSERT INTO embeddings (embedder, content, vector) VALUES (:embedder, :content, :vector) ON CONFLICT DO NOTHING"
)
_AT_ONCE = 500


class KeptVectors:
    """The vectors of one embedder, by the SHA-256 of the text that they are of."""

    def __init__(self, engine: sa.Engine, fingerprint: str) -> None:
        self._engine = engine
        self._where = engine.url.render_as_string(hide_password=True)
        self._embedder = hashlib.sha256(fingerprint.encode()).digest()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are there."""
        found: dict[bytes, bytes] = {}
        wanted = list(dict.fromkeys(keys))
        with mapped_errors(self._where), self._engine.execution_options(reading=True).connect() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                rows = sa.select(embeddings.c.content, embeddings.c.vector).where(
                    embeddings.c.embedder == self._embedder,
                    embeddings.c.content.in_(wanted[start : start + _AT_ONCE]),
                )
                found |= {bytes(row.content): bytes(row.vector) for row in connection.execute(rows)}
        return found

    def keep(self, vectors: Mapping[bytes, bytes]) -> None:
        """Keep these; one that is there already stays as it is."""
        rows = [{"embedder": self._embedder, "content": key, "vector": vector} for key, vector in vectors.items()]
        if rows:
            with mapped_errors(self._where), self._engine.begin() as connection:
                connection.execute(_KEEP, rows)
