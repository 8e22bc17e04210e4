"""How an endpoint is to be reached and served: what a user may set and what is sensible when nothing is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MIB = 2**20


@dataclass(frozen=True)
class EndpointOptions:
    """Settings of an endpoint.

    connect_timeout_s: until a connection stands.
    timeout_s: until a whole answer is there; a reasoning model takes minutes.
    max_response_bytes: a longer answer is an error.
    api_key: sent to the server; when None, the environment's key for that cloud.
    keep_alive: how long Ollama keeps the model loaded after a call.
    context_length: tokens of context to ask for, where that can be asked for; None means what each prompt needs.
    proxy: an HTTP proxy, for clouds only.
    probe: whether the first use may make a few short calls to find out what the server honours; what is remembered is
    used in any case.
    probe_patience_s: how long a probe waits for a server that says it is busy or loading.
    threads, slots, progress, cache: of the embedded engine; progress is told in a line each what takes time, and cache
    is where the default model is kept.
    """

    connect_timeout_s: float = 5.0
    timeout_s: float = 600.0
    max_response_bytes: int = 16 * MIB
    api_key: str | None = field(default=None, repr=False)
    keep_alive: str = "30m"
    context_length: int | None = None
    proxy: str | None = field(default=None, repr=False)  # may carry a password
    probe: bool = True
    probe_patience_s: float = 60.0
    threads: int | None = None
    slots: int = 1
    progress: Callable[[str], None] | None = field(default=None, compare=False)
    cache: Path | None = None
