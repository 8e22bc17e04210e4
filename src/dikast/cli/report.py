"""`dikast report`: a run as one self-contained HTML file, and as a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from dikast.errors import SettingError
from dikast.journey.runs import Run, open_run
from dikast.records import Interaction

if TYPE_CHECKING:
    from dikast.analysis.summary import RunSummary

EXAMPLES = """
\b
Examples:
  dikast report support-answers-12
  dikast report results.jsonl --data interactions.jsonl --out report.html
  dikast report results.jsonl --xlsx results.xlsx --csv results.csv
"""

Interactions = Callable[[], Iterable[Interaction]]


@click.command("report", epilog=EXAMPLES)
@click.argument("run")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The page. [default: RUN.report.html]")
@click.option("--xlsx", type=click.Path(path_type=Path), metavar="FILE", help="Also write a spreadsheet.")
@click.option("--csv", type=click.Path(path_type=Path), metavar="FILE", help="Also write CSV, with formulas guarded.")
@click.option("--data", metavar="DATA", help="The dataset, to show input and output where the run doesn't know them.")
@click.option("--outliers", type=click.IntRange(0, 200), default=10, show_default=True, help="How many of each kind.")
@click.option("--store", metavar="FILE|URL", help="The store that knows the run. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print where the files are, and the figures, as JSON.")
def command(
    run: str,
    out: Path | None,
    xlsx: Path | None,
    csv: Path | None,
    data: str | None,
    outliers: int,
    store: str | None,
    as_json: bool,
) -> None:
    """A run as one self-contained HTML file.

    It needs nothing else, no network and no script, so it can be mailed and printed. RUN is a run's name or a results
    file (JSON Lines).
    """
    from dikast.analysis.summary import recorded_scale, summarise
    from dikast.report.figures_json import summary_json
    from dikast.report.html import render_html
    from dikast.report.writing import write_text

    opened = open_run(run, store=store)
    page = out or Path(f"{_file_name(opened.name)}.report.html")
    _check_places(opened, page, xlsx, csv)
    interactions = _interactions(opened, data)
    scale = recorded_scale(opened.info.judge_definition) if opened.info else None
    summary = summarise(opened.verdicts(), outliers=outliers, scale=scale)
    write_text(page, render_html(summary, opened.info, _lookup(opened, summary, data, interactions), name=opened.name))
    _export(opened, xlsx, csv, interactions)
    written = {"html": page, "xlsx": xlsx, "csv": csv}
    if as_json:
        paths = {kind: str(path) for kind, path in written.items() if path}
        click.echo(msgspec.json.encode({"files": paths, **summary_json(summary, opened.info)}))
    else:
        for path in filter(None, written.values()):
            click.echo(path)


def _file_name(name: str) -> str:
    """A run's name as a file's: what no file system likes is replaced."""
    return re.sub(r"[^\w.\- ]+", "-", name).strip(". ") or "run"


def _check_places(run: Run, *places: Path | None) -> None:
    """No output replaces the results, or another output."""
    seen = {run.out.resolve(): "the results file itself"} if run.out else {}
    for place in filter(None, places):
        if place.resolve() in seen:
            raise SettingError(
                f"can't write to {str(place)!r}: it is {seen[place.resolve()]}", hint="Name another file."
            )
        seen[place.resolve()] = "asked for twice"


def _interactions(run: Run, data: str | None) -> Interactions:
    """The interactions in the dataset's order, each time it is called: the run's own, or those of DATA."""
    if data is None:
        return run.interactions
    from dikast.journey.finding import find_data
    from dikast.workspace import Workspace

    workspace = Workspace.find()
    dataset = find_data(data, workspace, workspace.settings().store)
    return lambda: dataset


def _lookup(
    run: Run, summary: RunSummary, data: str | None, interactions: Interactions
) -> Callable[[str], Interaction | None] | None:
    """Finds the outliers' interactions; None when neither the run nor DATA has any."""
    from dikast.report.lookup import interactions_by_id

    if data is None:
        return run.interaction if next(iter(interactions()), None) is not None else None
    ids = {outlier.id for ranked in summary.outliers for outlier in ranked.items}
    found = interactions_by_id(interactions(), ids)
    missing = len(ids) - len(found)
    if missing:
        click.echo(f"{missing:,} of {len(ids):,} outliers are not in {data}: is it the dataset of this run?", err=True)
    return found.get


def _export(run: Run, xlsx: Path | None, csv: Path | None, interactions: Interactions) -> None:
    from dikast.report.lookup import in_step
    from dikast.report.spreadsheet import export_csv, export_xlsx

    for path, export in ((xlsx, export_xlsx), (csv, export_csv)):
        if path:
            rows = export(path, run.verdicts, in_step(interactions()))
            click.echo(f"{path}: {rows:,} rows", err=True)
