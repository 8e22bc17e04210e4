"""`dikast verify`: prove that the store is whole."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from dikast.errors import DataError
from dikast.workspace import Workspace


@click.command("verify", epilog="\b\nExample:\n  dikast verify --json")
@click.option("--store", metavar="FILE|URL", help="The store to check. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as JSON.")
def command(store: str | None, as_json: bool) -> int:
    """Prove that the store is whole.

    The database's own check, every checksum and hash, every reference. Exits with 1 when something is wrong, and says
    what.
    """
    from dikast.store import Store

    location = Workspace.find().settings(store=store).store
    if "://" not in location and not Path(location).is_file():
        raise DataError(f"there is no store at {location!r}", hint="`dikast run` makes one; --store names another.")
    with Store.open(location) as opened:
        found = opened.verify()
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        click.echo(
            ", ".join(
                f"{number} {name}" for name, number in found.checked.items() if name not in ("database", "schema")
            )
        )
        for problem in found.problems:
            click.echo(f"wrong: {problem}")
        click.echo("The store is whole." if not found.problems else f"{len(found.problems)} problems found.")
    return 1 if found.problems else 0
