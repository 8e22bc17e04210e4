"""Servers that speak as the platforms do, and the keys that they let in."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_OWNERS = ("LANGFUSE_", "LANGSMITH_", "LANGCHAIN_", "PHOENIX_", "MLFLOW_", "OTEL_")


def _servers() -> Any:
    """The module beside this file, which the importlib import mode can't reach by name."""
    spec = importlib.util.spec_from_file_location("dikast_platform_servers", Path(__file__).with_name("servers.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SERVERS = _servers()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The keys that the servers let in, in the owners' variables; none of the machine's own."""
    import os

    for name in list(os.environ):
        if name.startswith(_OWNERS):
            monkeypatch.delenv(name)
    given = {
        "LANGFUSE_PUBLIC_KEY": "pk-lf-test",
        "LANGFUSE_SECRET_KEY": "sk-lf-test",
        "LANGSMITH_API_KEY": "ls-test",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


@pytest.fixture(scope="session")
def words() -> Any:
    """The module servers.py itself."""
    return SERVERS


@pytest.fixture
def platform_server() -> Iterator[Callable[..., Any]]:
    """A factory: `platform_server("Langfuse", traces=30)`."""
    started: list[Any] = []

    def start(kind: str, **said: Any) -> Any:
        started.append(getattr(SERVERS, kind)(**said))
        return started[-1]

    yield start
    for server in started:
        server.close()
