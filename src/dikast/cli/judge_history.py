"""`dikast judge history`: how a judge's agreement came about, version by version."""

from __future__ import annotations

import click

from dikast.errors import JudgeError
from dikast.judges.definition import locate_judge
from dikast.judges.history import FILE, PAGE, History, read_history
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast judge history refunds-2
  dikast judge history refunds-2 --json
"""


@click.command("history", epilog=EXAMPLES)
@click.argument("judge", metavar="JUDGE")
@click.option("--json", "as_json", is_flag=True, help="Print all sessions as JSON.")
def history(judge: str, as_json: bool) -> None:
    """A judge's agreement by version, as `dikast refine` found it.

    The page with the plot, the changes, and what each fixed and broke lies in the judge's folder (history.html).
    """
    place = locate_judge(judge, Workspace.find().judges_dir)
    found = read_history(place)
    if not found.sessions:
        raise JudgeError(
            f"{place} has no {FILE}: this judge was never refined",
            hint="Refine it with: dikast refine JUDGE --data FILE",
        )
    if as_json:
        click.echo(found.as_json().decode().rstrip())
        return
    print_versions(found)
    click.echo(f"\n{found.sessions[-1].end_words}")
    if (place / PAGE).is_file():
        click.echo(place / PAGE)


def print_versions(found: History) -> None:
    """The table of versions; where labels may differ from one session to the next, a line parts them."""
    from dikast.report.judge_history import honest_words, version_rows

    rows = version_rows(found)
    click.echo(f"{'':>2}  {'version':8}  {'agreement':>9}  {'95 % interval':>13}  {'n':>5}  what changed")
    for row in rows:
        if row.again:
            click.echo("    " + "-" * 60)
        what = row.what if len(row.what) <= 60 else row.what[:59] + "…"
        click.echo(f"{row.number:>2}  {row.name:8}  {row.value:>9}  {row.interval:>13}  {row.n:>5}  {what}")
    words = honest_words(found.sessions[-1])
    if words:
        click.echo(words)


def page_of(name: str, found: History) -> str:
    """The page of a history."""
    from dikast.report.judge_history import render_history

    return render_history(name, found)
