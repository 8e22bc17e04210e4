"""llama.cpp in this process, through xllamacpp: how a model is loaded, asked and let go. Everything here blocks.

The engine always listens on a port of 127.0.0.1 too: that is how this build of llama.cpp tells token counts and
templates. It is closed to others by a key that only this process knows.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from dikast.errors import (
    EndpointDown,
    EndpointGarbled,
    EndpointRefused,
    InputError,
    MissingExtra,
    PromptTooLong,
)
from dikast.models.gguf_file import GgufFacts, describe_gguf

MOST_CONTEXT = 8192  # tokens a slot, when nothing else is asked for: far more than a judge's prompt needs
LEAST_CONTEXT = 2048
_CACHE_SHARE = 4  # the key-value cache may take one part in so many of the free memory
_QUIET, _TALKATIVE = 0, 3

Body = dict[str, Any]


@dataclass(frozen=True)
class Load:
    """How a model is loaded. None means: chosen for this machine and model."""

    threads: int | None = None
    context_length: int | None = None
    slots: int = 1
    port: int = 0
    api_key: str | None = None
    alias: str | None = None

    def __post_init__(self) -> None:
        for name, least in (("threads", 1), ("context_length", 64), ("slots", 1), ("port", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} is {value!r}; expected a whole number from {least} up")


class Engine:
    """One loaded model."""

    def __init__(self, path: Path, load: Load) -> None:
        self.gguf: GgufFacts = describe_gguf(path)
        if not self.gguf.chat_template:
            # llama.cpp would take the ChatML template without a word, which a base model just echoes
            raise InputError(
                f"the model {str(path)!r} has no chat template: it is a base model, not one that follows instructions",
                hint='take the instruction-tuned ("it", "Instruct", "Chat") variant of it',
            )
        self.context_length = load.context_length or fitting_context(self.gguf, load.slots)
        self.api_key = load.api_key or secrets.token_urlsafe(24)
        xllamacpp = import_xllamacpp()
        self.version = str(xllamacpp.__version__)
        try:
            self._server = xllamacpp.Server(self._params(xllamacpp, path, load))
        except RuntimeError as error:
            raise _not_loaded(path, load, self.gguf, self.version) from error
        self.address = str(self._server.listening_address)
        # A server that is let go before its first answer can wait for ever for its own main loop to end.
        self._server.handle_completions({"prompt": "a", "n_predict": 1, "cache_prompt": False})

    def _params(self, xllamacpp: Any, path: Path, load: Load) -> Any:
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.model_alias = {load.alias or path.stem}
        params.n_parallel = load.slots
        params.n_ctx = self.context_length * load.slots  # llama.cpp splits it between the slots
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = load.threads or usable_cores()
        params.cache_ram_mib = 0  # a second prompt cache, 8 GiB by default; each slot keeps its prefix without it
        params.ctx_shift = False
        # Flash attention on a CPU sums in 16 bits: it moved logits by up to five times as much as all else together.
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.hostnames = ["127.0.0.1"]
        params.port = load.port
        params.api_keys = [self.api_key]
        params.ui = False
        params.endpoint_slots = False
        params.verbosity = _TALKATIVE if os.environ.get("DIKAST_DEBUG") else _QUIET
        return params

    def chat(self, body: Body, stopped: Callable[[], bool]) -> list[Body]:
        """The chunks of one streamed chat completion; it ends early once `stopped` says so."""
        chunks: list[Body] = []

        def take(chunk: Body) -> bool:
            chunks.append(chunk)
            return stopped()

        body = body | {"stream": True, "stream_options": {"include_usage": True}}
        _called(lambda: self._server.handle_chat_completions(body, take))
        for chunk in chunks:
            _raise_error(chunk)
        return chunks

    def chat_once(self, body: Body) -> Body:
        """One chat completion in one piece, for answers of a token."""
        answer: Body = _called(lambda: self._server.handle_chat_completions(body))
        _raise_error(answer)
        return answer

    def complete_once(self, body: Body) -> Body:
        """One completion of a prompt given as text or token ids."""
        answer: Body = _called(lambda: self._server.handle_completions(body))
        _raise_error(answer)
        return answer

    def post(self, path: str, body: Body) -> Body:
        """What the engine's own HTTP interface answers."""
        host = self.address.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=60)  # no proxy setting gets in between
        try:
            headers = {"Authorization": f"Bearer {self.api_key}", "Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body).encode(), headers)
            answer: Body = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EndpointGarbled(f"the embedded engine did not answer {path}: {error}") from error
        finally:
            connection.close()
        _raise_error(answer)
        return answer

    def close(self) -> None:
        """Free the weights and the port."""
        if hasattr(self, "_server"):
            del self._server


def import_xllamacpp() -> Any:
    """The xllamacpp module, or MissingExtra."""
    # OpenMP's threads otherwise spin while they wait, and on a busy machine take the time of those they wait for:
    # ten times slower during a build. It is read when the library is loaded, so it has to be set before.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra("the embedded engine", "embedded") from error
    return xllamacpp


def usable_cores() -> int:
    """Physical cores that this process may use; more threads than that only get in each other's way."""
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else physical
    return max(1, min(physical, allowed))


def fitting_context(gguf: GgufFacts, slots: int) -> int:
    """Tokens of context a slot: what the model was trained for, within a cap and a share of the free memory."""
    context = min(gguf.context_length or MOST_CONTEXT, MOST_CONTEXT)
    allowed = psutil.virtual_memory().available // _CACHE_SHARE
    while context > LEAST_CONTEXT and context * slots * gguf.cache_bytes_per_token > allowed:
        context //= 2
    return context


_loading = threading.Lock()


def open_engine(path: Path, load: Load) -> Engine:
    """A loaded model; one loads at a time in a process."""
    with _loading:
        return Engine(path, load)


def _called(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (RuntimeError, ValueError) as error:
        raise EndpointGarbled(f"the embedded engine failed: {error}") from error


def _raise_error(answer: Body) -> None:
    error = answer.get("error")
    if error is None:
        return
    message, status = str(error.get("message", error)), error.get("code")
    if error.get("type") == "exceed_context_size_error":
        raise PromptTooLong(
            f"the prompt has {error.get('n_prompt_tokens')} tokens; the context holds {error.get('n_ctx')}",
            hint="shorten the interaction or the judge's prompt, or set a larger context length if the model allows it",
            status=status,
        )
    if isinstance(status, int) and status >= 500:
        if status == 503:
            raise EndpointDown(f"the embedded engine is not ready: {message}", status=status)
        raise EndpointGarbled(f"the embedded engine failed: {message}", status=status)
    raise EndpointRefused(f"the embedded engine does not accept this request: {message}", status=status)


def _not_loaded(path: Path, load: Load, gguf: GgufFacts, version: str) -> InputError:
    if load.port:
        what = f"llama.cpp can't load {str(path)!r} or use port {load.port}"
    else:
        what = f"llama.cpp can't load {str(path)!r}"
    return InputError(
        f"{what} (architecture {gguf.architecture!r}, {gguf.file_bytes / 1e9:.1f} GB, xllamacpp {version})",
        hint="it may need a newer xllamacpp, or memory is short; DIKAST_DEBUG=1 shows what llama.cpp says",
    )
