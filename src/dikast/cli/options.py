"""Options that several commands share, and the settings that they resolve to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from dikast.settings import Settings
from dikast.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])

_SHARED = (
    click.option(
        "--model", metavar="MODEL", help="embedded, a GGUF file, SERVER/NAME, or a bare name with --base-url."
    ),
    click.option("--base-url", multiple=True, metavar="URL", help="Where the model is served; several share the load."),
    click.option(
        "--concurrency", type=click.IntRange(min=1), metavar="N", help="Calls at once. [default: found while running]"
    ),
    click.option("--timeout", "timeout_s", type=float, metavar="SECONDS", help="How long one call may take."),
    click.option(
        "--patience", "patience_s", type=float, metavar="SECONDS", help="How long to wait for a server that is down."
    ),
    click.option(
        "--allow-cloud", is_flag=True, default=None, help="Let requests leave this machine and its private network."
    ),
    click.option("--store", metavar="FILE|URL", help="Where answers and runs are kept."),
)


def model_options(command: Command) -> Command:
    """Add the options that say which model answers, where, and how."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def settings_from(workspace: Workspace, given: Mapping[str, Any]) -> Settings:
    """The settings of a command whose shared options are `given`. Raises SettingError."""
    return workspace.settings(**{name: value or None if name == "base_url" else value for name, value in given.items()})
