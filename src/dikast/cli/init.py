"""`dikast init`: make a workspace."""

from __future__ import annotations

from pathlib import Path

import click

from dikast.workspace import Workspace


@click.command("init", epilog="Example:  dikast init support-bot")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Make a workspace: a folder that remembers.

    DIR is made if need be; without it, the current folder becomes the workspace. Everything also works without one, on
    plain files: a workspace adds names for judges and datasets, settings of its own, and a memory of runs.
    """
    workspace = Workspace.init(folder)
    click.echo(f"{workspace.root} is a workspace now.")
    click.echo(f"  {workspace.file.name}  its settings, each explained")
    click.echo("  judges/      judges put here are known by their names")
    click.echo("Next: dikast judge new")
