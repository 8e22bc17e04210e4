"""`dikast data`: what is in a dataset, and which part of it may be used for what."""

from __future__ import annotations

import re

import click
import msgspec

from dikast.agreement.openings import cost_in_words
from dikast.cli.kept import kept_dataset, open_store
from dikast.errors import InputError
from dikast.interactions.splits import UNLABELLED, Part

_TITLES: dict[Part, str] = {"pool": "pool", "dev": "dev", "test": "sealed test", "aside": "set aside"}
_EXAMPLES = """
\b
Examples:
  dikast data split support
  dikast data split answers.jsonl --shares 20/40/40
  dikast data split support --json
"""


@click.group("data")
def command() -> None:
    """Split datasets into example pool, dev and sealed test."""


@command.command("split", epilog=_EXAMPLES)
@click.argument("data", metavar="DATA")
@click.option(
    "--shares", metavar="P/D/T", help="Percent of pool, dev and test, the first time. [default: 15/42.5/42.5]"
)
@click.option("--store", metavar="FILE|URL", help="Where the split is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the sizes as JSON.")
def split_command(data: str, shares: str | None, store: str | None, as_json: bool) -> None:
    """Give every interaction its part, once, and show the parts by class.

    By content: equal and nearly equal inputs, and those of one context, stay together. What has a part keeps it when
    interactions and labels are added. DATA is a file, or the name of a dataset that is kept.
    """
    chosen = _shares(shares) if shares else None
    with open_store(store) as (workspace, opened):
        split = opened.split(kept_dataset(workspace, opened, data).name)
        made = split.settle(shares=chosen)
        sizes = split.sizes()
        openings = opened.openings(split.dataset.name)
    n = sum(sizes.get("test", {}).values())
    cost = cost_in_words([f"{one.judge.name}@{one.judge.version}" for one in openings], n)
    if as_json:
        shown = {part: {name or "unlabelled": count for name, count in by.items()} for part, by in sizes.items()}
        report = {"dataset": split.dataset.name, "parts": shown, "notes": made.notes}
        click.echo(msgspec.json.encode({**report, "openings": openings, "cost": cost}))
        return
    click.echo("\n".join(_table(sizes)))
    for note in made.notes:
        click.echo(f"Note: {note}.")
    click.echo(cost)


def _shares(given: str) -> dict[Part, float]:
    found = re.fullmatch(r"\s*(\d+\.?\d*)\s*/\s*(\d+\.?\d*)\s*/\s*(\d+\.?\d*)\s*", given)
    if found is None:
        raise InputError(f"--shares {given!r}: expected three percentages such as 15/42.5/42.5")
    pool, dev, test = (float(part) / 100 for part in found.groups())
    return {"pool": pool, "dev": dev, "test": test}


def _table(sizes: dict[Part, dict[str, int]]) -> list[str]:
    """Classes down, parts across."""
    parts: list[Part] = [part for part in _TITLES if part in sizes or part != "aside"]
    classes = sorted({name for by in sizes.values() for name in by}, key=lambda name: (name == UNLABELLED, name))
    width = max(12, *(len(name) + 2 for name in classes))
    lines = [" " * width + "".join(f"{_TITLES[part]:>13}" for part in parts)]
    for name in classes:
        counts = "".join(f"{sizes.get(part, {}).get(name, 0):>13,}" for part in parts)
        lines.append(f"{name or 'unlabelled':<{width}}{counts}")
    total = "".join(f"{sum(sizes.get(part, {}).values()):>13,}" for part in parts)
    return [*lines, f"{'in all':<{width}}{total}"]
