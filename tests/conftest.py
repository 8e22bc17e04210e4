"""Fixtures for every room: a clean environment, and deterministic Hypothesis."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("dikast", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("dikast")

# A shell script starts what it puts in the background deaf to Ctrl+C, and commands that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_OURS = ("DIKAST_", "OLLAMA_", "OPENAI_", "ANTHROPIC_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the machine reaches a test, and no test reaches the user's folders."""
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


def _load_servers() -> ModuleType:
    """tests/servers.py, which the importlib import mode can't reach by name."""
    spec = importlib.util.spec_from_file_location("dikast_test_servers", Path(__file__).with_name("servers.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


servers = _load_servers()


@pytest.fixture
def model_server() -> Iterator[Callable[..., Any]]:
    """A factory of real local model servers: `model_server("ollama", faults=["429"])`; see tests/servers.py."""
    started: list[Any] = []

    def start(kind: str = "openai", **settings: Any) -> Any:
        started.append(servers.ModelServer(kind=kind, **settings))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def server_words() -> Any:
    """The module tests/servers.py itself: `server_words.Answer`, `.Fault`, `.instance_of`."""
    return servers


@pytest.fixture(scope="session")
def embedded_model() -> Path:
    """The default model's file; fetched into the user's own cache, so that a machine pays for it once."""
    from dikast.models.weights import default_model

    return default_model()


@pytest.fixture(scope="session")
def embedder_file() -> Path:
    """The local embedder's file; fetched likewise."""
    from dikast.models.embedding_weights import embedder_weights

    return embedder_weights()
