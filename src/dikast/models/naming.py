"""Every way in which a model is named: `embedded`, a GGUF file, SERVER/NAME, or a bare name with a base URL."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dikast.errors import InputError, SettingError

Server = Literal[
    "embedded", "fake", "ollama", "lmstudio", "llamacpp", "vllm", "sglang", "openai", "anthropic", "openai-compatible"
]

SERVERS: dict[str, str] = {
    "ollama": "Ollama",
    "lmstudio": "LM Studio",
    "llamacpp": "llama.cpp's llama-server",
    "vllm": "vLLM",
    "sglang": "SGLang",
    "openai": "the OpenAI API (cloud)",
    "anthropic": "the Anthropic API (cloud)",
    "openai-compatible": "any other server with an OpenAI-compatible API",
}

CLOUDS = frozenset({"openai", "anthropic"})

FORMS = "embedded, a .gguf file, SERVER/NAME such as ollama/qwq:32b, fake, or a bare name with --base-url"


@dataclass(frozen=True)
class ModelRef:
    """A model as it was named. `server` is None for a bare name: then the server at the base URL is asked what it is.

    name: the server's own name of the model; "" where a server has just one (`llamacpp`) or the engine its default.
    path: the GGUF file, for `embedded`.
    """

    server: Server | None
    name: str
    path: Path | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return str(self.path)
        if self.server is None:
            return self.name
        return f"{self.server}/{self.name}" if self.name else self.server


def parse_model(text: str, *, has_base_url: bool = False) -> ModelRef:
    """What a model's name means. Raises InputError, with what comes near, when it means nothing.

    >>> parse_model("ollama/qwq:32b")
    ModelRef(server='ollama', name='qwq:32b', path=None)
    """
    given = text.strip()
    if not given:
        raise SettingError(f"the model's name {text!r} is empty; expected {FORMS}")
    if given.lower().endswith(".gguf") and not has_base_url and given.split("/")[0] not in SERVERS:
        return _gguf(given)
    server, slash, name = given.partition("/")
    if server in ("embedded", "fake"):
        if server == "embedded" and slash:
            raise SettingError(f"{given!r}: the embedded model has no other name; expected `embedded` or a .gguf file")
        return ModelRef(server, name)  # type: ignore[arg-type]
    if server in SERVERS and (slash or server == "llamacpp"):
        if not name and server != "llamacpp":
            raise SettingError(f"{given!r} names no model; expected {server}/NAME")
        return ModelRef(server, name)  # type: ignore[arg-type]
    if has_base_url:
        return ModelRef(None, given)
    raise InputError(f"{given!r} is not a model; expected {FORMS}", hint=_suggestion(given, server, name))


def _gguf(given: str) -> ModelRef:
    path = Path(given).expanduser()
    if not path.is_file():
        there = sorted(entry.name for entry in path.parent.glob("*.gguf")) if path.parent.is_dir() else []
        near = near_first(path.name, there)[:5]
        hint = f"In {path.parent} there is: {', '.join(near)}" if near else None
        raise InputError(f"there is no file {given!r}", hint=hint)
    return ModelRef("embedded", path.stem, path)


def _suggestion(given: str, server: str, name: str) -> str:
    close = difflib.get_close_matches(server.lower(), [*SERVERS, "embedded", "fake"], n=1)
    if close and name:
        return f"Did you mean {close[0]}/{name}? `dikast models` lists what is here."
    if close:
        word = close[0]
        return f"Did you mean {word if word in ('embedded', 'fake', 'llamacpp') else word + '/NAME'}?"
    if not name:
        return f"If a server here has it: ollama/{given}, or --base-url URL. `dikast models` lists what is here."
    return f"Servers are: {', '.join(SERVERS)}. `dikast models` lists what is here."


def near_first(wanted: str, names: Iterable[str]) -> list[str]:
    """The names, those that look like `wanted` first.

    >>> near_first("qwen3", ["llama3:8b", "qwen3:8b"])
    ['qwen3:8b', 'llama3:8b']
    """
    low = wanted.lower()

    def distance(name: str) -> tuple[bool, float]:
        other = name.lower()
        return low not in other, -difflib.SequenceMatcher(None, low, other).ratio()

    return sorted(names, key=distance)


def not_installed(wanted: str, there: Iterable[str], *, where: str, how: str) -> InputError:
    """The error for a model that a server does not have: what it has, the nearest first, and how to get it."""
    names = near_first(wanted, there)
    listed = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return InputError(f"{where} has no model {wanted!r}; it has {listed or 'none'}", hint=how)
