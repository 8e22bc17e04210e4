"""The embedded engine behind HTTP: llama.cpp's own OpenAI-compatible server, on this machine only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dikast.models.engine import Load, open_engine
from dikast.models.weights import default_model


@dataclass(frozen=True)
class Serving:
    """A running server: `/v1/chat/completions` and the rest are under `base_url`, for holders of the key."""

    base_url: str
    api_key: str = field(repr=False)
    model: str


@contextmanager
def serve(
    path: Path | None = None,
    port: int = 0,
    *,
    api_key: str | None = None,
    threads: int | None = None,
    context_length: int | None = None,
    slots: int = 1,
) -> Iterator[Serving]:
    """A server of a GGUF file (None: the default model) on 127.0.0.1, for as long as the context lasts.

    port: 0 takes a free one. api_key: None makes one up.
    """
    path = path or default_model()
    load = Load(
        threads=threads, context_length=context_length, slots=slots, port=port, api_key=api_key, alias=path.stem
    )
    engine = open_engine(path, load)
    try:
        yield Serving(base_url=engine.address, api_key=engine.api_key, model=path.stem)
    finally:
        engine.close()
