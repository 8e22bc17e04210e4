"""`dikast show`: a run's summary, distribution and outliers in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import msgspec

from dikast.errors import DataError
from dikast.journey.runs import Run, open_run
from dikast.records import Interaction, Status, Verdict

EXAMPLES = """
\b
Examples:
  dikast show support-answers-12
  dikast show results.jsonl --outliers 20
  dikast show results.jsonl --status unparsed
  dikast show results.jsonl --id ticket-00113
  dikast show results.jsonl --json | jq .headline
"""


@click.command("show", epilog=EXAMPLES)
@click.argument("run")
@click.option("--outliers", type=click.IntRange(0, 1000), default=10, show_default=True, help="How many of each kind.")
@click.option(
    "--status",
    type=click.Choice(["scored", "unparsed", "refused", "failed"]),
    help="Only list the verdicts of this status, with their reasons.",
)
@click.option("--id", "id_", metavar="ID", help="Show this interaction's verdict in full, with the judge's raw answer.")
@click.option("--store", metavar="FILE|URL", help="The store that knows the run. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the summary, or the verdicts, one a line.")
def command(run: str, outliers: int, status: Status | None, id_: str | None, store: str | None, as_json: bool) -> None:
    """A run's summary, distribution and outliers.

    What RUN's verdicts look like together: counts, distribution and its shape, outliers, reasons, dimensions. RUN is a
    run's name or a results file (JSON Lines).
    """
    if status and id_ is not None:
        raise click.UsageError("--status and --id exclude each other: --id shows one verdict, whatever its status")
    opened = open_run(run, store=store)
    if id_ is not None:
        _show_one(opened, id_, as_json)
    elif status:
        _list(opened, status, as_json)
    else:
        _summarise(opened, outliers, as_json)


def _summarise(run: Run, outliers: int, as_json: bool) -> None:
    from dikast.analysis.summary import recorded_scale, summarise
    from dikast.report.figures_json import summary_json
    from dikast.report.terminal import open_console, print_summary

    scale = recorded_scale(run.info.judge_definition) if run.info else None
    summary = summarise(run.verdicts(), outliers=outliers, scale=scale)
    if as_json:
        click.echo(msgspec.json.encode(summary_json(summary, run.info)))
    else:
        print_summary(open_console(sys.stdout), summary, run.info, name=run.name)


def _list(run: Run, status: Status, as_json: bool) -> None:
    from dikast.report.terminal import open_console, print_verdicts

    chosen = (verdict for verdict in run.verdicts() if verdict.status == status)
    if as_json:
        for verdict in chosen:
            click.echo(msgspec.json.encode(verdict))
        return
    shown = print_verdicts(open_console(sys.stdout), chosen)
    click.echo(f"{shown:,} {status}.", err=True)


def _show_one(run: Run, id_: str, as_json: bool) -> None:
    verdict = next((verdict for verdict in run.verdicts() if verdict.id == id_), None)
    if verdict is None:
        raise DataError(
            f"no verdict of {run.name!r} has the id {id_!r}", hint="`dikast show RUN --status scored` lists ids."
        )
    interaction = run.interaction(id_)
    if as_json:
        click.echo(msgspec.json.encode({"verdict": verdict, "interaction": interaction}))
        return
    from dikast.report.terminal import open_console, print_verdict

    print_verdict(open_console(sys.stdout), verdict, _parts(verdict, interaction))


def _parts(verdict: Verdict, interaction: Interaction | None) -> Iterator[tuple[str, str]]:
    """Everything that is known of one verdict, in the order in which one wants to read it."""
    from dikast.report.text import readable

    asked = ("critique", "reason", "scores", "confidence", "confidence_source", "method", "judge", "model")
    measured = ("latency_s", "usage", "metadata", "details", "raw_judge_output")
    judged = ("input", "output", "output_a", "output_b", "context", "reference")
    for record, fields in ((verdict, asked), (interaction, judged), (verdict, measured)):
        for field in fields:
            value = getattr(record, field, None)
            if value is not None and value != {}:
                yield field, readable(msgspec.to_builtins(value))
