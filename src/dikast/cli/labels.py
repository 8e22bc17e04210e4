"""`dikast labels`: labels out as a spreadsheet and in again, with nothing overwritten in silence."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from dikast.cli.kept import kept_dataset, open_store
from dikast.errors import InputError
from dikast.journey.labelling import Change, ImportPlan, Keep, apply_import, export_labels, export_settled, plan_import
from dikast.records import Label
from dikast.report.figures import count

_MOST_SHOWN = 50
_EXPORT_EXAMPLES = """
\b
Examples:
  dikast labels export support --out support.xlsx
  dikast labels export support --out mine.csv --annotator ana
  dikast labels export support --out labels.jsonl
  dikast labels export support --out settled.jsonl --settled --principal ana
"""
_IMPORT_EXAMPLES = """
\b
Examples:
  dikast labels import support.xlsx --dataset support --annotator ana
  dikast labels import support.xlsx --dataset support --dry-run
  dikast labels import records.json --dataset support --column verdict=faithfulness --column id=trace_id
"""


@click.group("labels")
def command() -> None:
    """Labels out as spreadsheets, and in again."""


@command.command("export", epilog=_EXPORT_EXAMPLES)
@click.argument("data", metavar="DATA")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="A .xlsx, .csv or .jsonl to write."
)
@click.option("--annotator", metavar="NAME", help="Only this person's labels.")
@click.option("--settled", is_flag=True, help="Only the label of each interaction that binds, as .jsonl.")
@click.option("--principal", metavar="NAME", help="Whose word binds where people differ. [default: the workspace's]")
@click.option("--store", metavar="FILE|URL", help="Where the labels are kept. [default: the workspace's]")
def export_command(
    data: str, out: Path, annotator: str | None, settled: bool, principal: str | None, store: str | None
) -> None:
    """Write a sheet to fill in: one row an interaction, with the labels that there are.

    As JSON Lines, only the labels. With --settled, of each interaction only what binds: the principal expert's word, a
    settled label, or what most people say. DATA is a file, or the name of a dataset that is kept.
    """
    with open_store(store) as (workspace, opened):
        dataset, undecided = kept_dataset(workspace, opened, data), 0
        book = opened.labels(dataset.name)
        if settled:
            who = workspace.settings(store=store, review_principal=principal).review_principal
            rows, undecided = export_settled(book, dataset, out, principal=who)
        else:
            rows = export_labels(book, dataset, out, annotator=annotator)
    click.echo(out)
    click.echo(f"{out}: {count(rows, 'row')}", err=True)
    if undecided:
        left = count(undecided, "interaction was", "interactions were")
        click.echo(f"{left} left out: people are evenly split", err=True)


@command.command("import", epilog=_IMPORT_EXAMPLES)
@click.argument("file", metavar="FILE")
@click.option("--dataset", "data", required=True, metavar="DATA", help="What was labelled: a kept name, or a file.")
@click.option("--annotator", metavar="NAME", help="Whose labels they are, where the rows don't say.")
@click.option("--theirs", "keep", flag_value="theirs", help="Where both changed, take the sheet's.")
@click.option("--ours", "keep", flag_value="ours", help="Where both changed, keep the store's.")
@click.option("--column", "columns", multiple=True, metavar="FIELD=NAME", help="Which column or question a field is.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--store", metavar="FILE|URL", help="Where the labels are kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print what changed as JSON.")
def import_command(
    file: str,
    data: str,
    annotator: str | None,
    keep: Keep | None,
    columns: tuple[str, ...],
    dry_run: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Save the labels of a sheet, or of what Argilla or Label Studio exported.

    All of it or nothing: a row that can't be used is named with its row and column (exit 2), and so is a label that was
    saved here after the sheet was made (exit 1), until --theirs or --ours says whose word binds. Clearing a row's
    labels withdraws them. FILE is XLSX, CSV, JSON Lines or JSON.
    """
    from dikast.interactions.label_exports import read_label_file

    with open_store(store) as (workspace, opened):
        dataset = kept_dataset(workspace, opened, data)
        book = opened.labels(dataset.name)
        read = read_label_file(file, dataset, columns=_columns(columns))
        plan = plan_import(book, dataset, read.rows, annotator=annotator)
        plan.problems[:] = sorted([*read.problems, *plan.problems], key=lambda problem: problem.row)
        plan.notes[:0] = read.notes
        blocked = bool(plan.problems) or (bool(plan.conflicts) and keep is None)
        written = 0 if dry_run or blocked else apply_import(book, plan, keep=keep)
    if as_json:
        click.echo(msgspec.json.encode({"written": written, **msgspec.structs.asdict(plan)}))
    else:
        _print(plan, written, dry_run=dry_run, keep=keep)
    return 2 if plan.problems else 1 if blocked else 0


def _columns(given: tuple[str, ...]) -> dict[str, str]:
    known = ("id", *(name for name in Label.__struct_fields__ if name != "id"))
    found: dict[str, str] = {}
    for one in given:
        field, _, name = one.partition("=")
        if field not in known or not name:
            raise InputError(f"--column {one!r}: expected FIELD=NAME", hint=f"A FIELD is one of {', '.join(known)}.")
        found[field] = name
    return found


def _print(plan: ImportPlan, written: int, *, dry_run: bool, keep: Keep | None) -> None:
    for note in plan.notes:
        click.echo(f"Note: {note}", err=True)
    for problem in plan.problems[:_MOST_SHOWN]:
        click.echo(str(problem))
    if len(plan.problems) > _MOST_SHOWN:
        click.echo(f"and {len(plan.problems) - _MOST_SHOWN:,} more; --json has them all")
    for change in plan.conflicts[:_MOST_SHOWN]:
        click.echo(_conflict(change))
    if len(plan.conflicts) > _MOST_SHOWN:
        click.echo(f"and {len(plan.conflicts) - _MOST_SHOWN:,} more; --json has them all")
    counts = {"new": plan.new, "changed": plan.changed, "withdrawn": plan.withdrawn, "in conflict": plan.conflicts}
    said = [f"{len(changes):,} {name}" for name, changes in counts.items() if changes]
    said += [f"{plan.unchanged:,} unchanged"] if plan.unchanged else []
    said += [f"{plan.empty:,} not labelled"] if plan.empty else []
    click.echo(", ".join(said) or "no labels")
    if plan.problems:
        rows = count(len(plan.problems), "row")
        click.echo(f"Nothing was imported: {rows} can't be used. Mend them and import again.")
    elif plan.conflicts and keep is None:
        click.echo("Nothing was imported: --theirs takes the sheet's where both changed, --ours keeps the store's.")
    elif dry_run:
        click.echo("Nothing was imported: this was a dry run.")
    else:
        click.echo(f"{count(written, 'label was', 'labels were')} saved.")


def _conflict(change: Change) -> str:
    whose = f" by {change.annotator}" if change.annotator else ""
    mine = _said(change.mine.label) + f" (saved {change.mine.at})" if change.mine else "withdrawn"
    return f"row {change.row}: {change.id}{whose}: the store has {mine}; the sheet has {_said(change.label)}"


def _said(label: Label | None) -> str:
    if label is None:
        return "nothing"
    from dikast.report.text import one_line

    parts = [label.verdict, None if label.score is None else f"{label.score:g}"]
    parts.append(repr(one_line(label.critique, 60)) if label.critique else None)
    parts.append(f"tags {', '.join(label.tags)}" if label.tags else None)
    parts.append(f"note {one_line(label.note, 40)!r}" if label.note else None)
    return " ".join(part for part in parts if part)
