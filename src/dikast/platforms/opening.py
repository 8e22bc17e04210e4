"""Platforms and files, opened by their addresses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dikast.errors import InputError
from dikast.models.policy import Policy
from dikast.platforms.address import Address, keys_of
from dikast.platforms.calls import Calls, Patience
from dikast.platforms.files import ScoreFile
from dikast.platforms.langfuse import Langfuse
from dikast.platforms.langsmith import LangSmith
from dikast.platforms.mlflow import Mlflow
from dikast.platforms.otlp_events import OtlpEndpoint
from dikast.platforms.phoenix import Phoenix
from dikast.platforms.platform import Target

Platform = Langfuse | LangSmith | Phoenix | Mlflow

_PLATFORMS: dict[str, type[Platform]] = {
    "langfuse": Langfuse, "langsmith": LangSmith, "phoenix": Phoenix, "mlflow": Mlflow,
}  # fmt: skip


def open_platform(
    address: Address, environ: Mapping[str, str], policy: Policy, patience: Patience | None = None
) -> Platform:
    """A platform to pull from or to push to; close it when done. Raises SettingError without its keys."""
    kind = _PLATFORMS.get(address.platform)
    if kind is None:
        raise InputError(f"nothing can be pulled from {address.name!r}: a collector only takes")
    return kind(Calls(address, keys_of(address, environ), policy, patience))


def open_target(
    to: Address | Path, environ: Mapping[str, str], policy: Policy, patience: Patience | None = None
) -> Target:
    """What takes scores: a platform, a collector, a file."""
    if isinstance(to, Path):
        return ScoreFile(to)
    if to.platform == "otlp":
        return OtlpEndpoint(Calls(to, keys_of(to, environ), policy, patience))
    return open_platform(to, environ, policy, patience)
