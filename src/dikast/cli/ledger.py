"""`dikast ledger`: what left this machine and its private network, when, to whom, and for which interaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from dikast.errors import DataError
from dikast.models.ledger import FILE_NAME
from dikast.models.policy import LedgerEntry
from dikast.report.text import one_line
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast ledger
  dikast ledger --run desk-1
  dikast ledger --interaction ticket-17 --json
"""


@click.command("ledger", epilog=EXAMPLES)
@click.option("--run", metavar="RUN", help="Only what was asked in this run.")
@click.option("--interaction", metavar="ID", help="Only what was asked for this interaction.")
@click.option("--since", metavar="TIME", help="Only from then on, such as 2026-11-20 or 2026-11-20T08:00.")
@click.option("--json", "as_json", is_flag=True, help="Print the entries as JSON, one a line.")
def command(run: str | None, interaction: str | None, since: str | None, as_json: bool) -> None:
    """What left this machine and its private network, when and to whom.

    One entry for each request, written before its first byte is sent: time, host and address, model, run and
    interaction, size and SHA-256 of what was sent. What it said is never in it.
    """
    file = Workspace.find().state_dir / FILE_NAME
    chosen = [
        entry
        for entry in read_ledger(file)
        if run in (None, entry.run)
        and interaction in (None, entry.interaction)
        and (since is None or entry.time >= since)
    ]
    if as_json:
        for entry in chosen:
            click.echo(msgspec.json.encode(entry))
        return
    if not chosen:
        click.echo("Nothing left this machine and its private network." if not file.is_file() else "No such entry.")
        return
    for line in _table(chosen):
        click.echo(line)
    click.echo("\n" + _summed_up(chosen))


def read_ledger(file: Path) -> Iterator[LedgerEntry]:
    """The entries of a ledger, oldest first; none where there is no file. Raises DataError for a line that is none."""
    if not file.is_file():
        return
    decoder = msgspec.json.Decoder(LedgerEntry)
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield decoder.decode(line)
                except msgspec.MsgspecError as error:
                    raise DataError(
                        f"{file}, line {number}: not an entry of the ledger: {error}",
                        hint="It was changed, or a disk was full when it was written: look at that line.",
                    ) from error


def _table(entries: list[LedgerEntry]) -> list[str]:
    rows = [("TIME", "TO", "MODEL", "RUN", "INTERACTION", "BYTES", "REDACTED")]
    for one in entries:
        replaced = sum(one.replaced.values())
        redacted = f"{replaced:,} replaced" if one.redacted else "no"
        rows.append(
            (
                one.time[:19].replace("T", " "),
                one_line(one.host, 40),
                one_line(one.model, 40),
                one_line(one.run or "-", 30),
                one_line(one.interaction or "-", 30),
                f"{one.bytes:,}",
                redacted,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _summed_up(entries: list[LedgerEntry]) -> str:
    hosts = ", ".join(f"{one_line(host, 60)} ({n:,})" for host, n in Counter(one.host for one in entries).most_common())
    items = len({(one.run, one.interaction) for one in entries if one.interaction is not None})
    size = sum(one.bytes for one in entries)
    requests = "1 request" if len(entries) == 1 else f"{len(entries):,} requests"
    of = f" for {items:,} interaction{'s' if items != 1 else ''}" if items else ""
    return f"{requests}{of}, {size:,} bytes, to {hosts}."
