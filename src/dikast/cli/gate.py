"""`dikast gate`: a run against bars, for continuous integration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import click
import msgspec

from dikast.agreement.gate import Answer
from dikast.cli.agree import lookup_of
from dikast.cli.measured import existing_store, ground_of, measured_json, measured_lines, measured_options, opened_for
from dikast.errors import DataError, OutputError
from dikast.gating.bars import Asked, Bar, Gate, What, read_bar
from dikast.gating.deciding import gate
from dikast.journey.measuring import Ground, Lookup, Opened, Portion, judges_of
from dikast.journey.runs import Run, open_run
from dikast.judges.scale import recorded_ends
from dikast.report.gate_lines import gate_lines
from dikast.report.gate_markdown import gate_markdown
from dikast.report.github import add_to_summary, annotated
from dikast.report.junit import gate_junit
from dikast.report.writing import write_text
from dikast.store import Store
from dikast.workspace import Workspace

CANT_TELL = 4
_UNFINISHED = "the run was not finished, and what comes first need not stand for the rest; run it to its end"
_CODES: dict[Answer, int] = {"pass": 0, "fail": 1, "cant_tell": CANT_TELL}

EXAMPLES = """
\b
Examples:
  dikast gate refunds-3 --min-pass 0.85
  dikast gate results.jsonl --min-pass 85% --labels labels.jsonl --unsure fail
  dikast gate refunds-3 --min-pass 0.85 --min-pass tier=vip:0.95 --min-scored 0.99
  dikast gate refunds-3 --min-pass 0.8 --by feature --junit gate.xml --markdown gate.md
  dikast gate refunds-3 --min-pass 0.85 --min-tnr 0.8 --open-test 'release 2' --json

\b
Exit codes: 0 pass, 1 fail, 4 can't tell (see --unsure), 2 wrong usage or data.
"""


@click.command("gate", epilog=EXAMPLES)
@click.argument("run")
@click.option(
    "--min-pass",
    "pass_rate",
    multiple=True,
    metavar="BAR",
    help="What the low end of the corrected pass rate must reach: 0.85, 85%, or KEY=VALUE:0.95 for a part; may repeat.",
)
@click.option("--min-mean", "mean", multiple=True, metavar="BAR", help="The same for the corrected mean score.")
@click.option("--min-tpr", "tpr", multiple=True, metavar="BAR", help="The same for the share of good items passed.")
@click.option("--min-tnr", "tnr", multiple=True, metavar="BAR", help="The same for the share of bad items failed.")
@click.option(
    "--min-scored", "scored", multiple=True, metavar="BAR", help="What the share of items with a verdict must reach."
)
@click.option(
    "--labels", "labels_file", metavar="FILE", help="People's labels. [default: those saved, or that the data carries]"
)
@click.option("--data", metavar="DATA", help="The interactions, when the run doesn't know them.")
@click.option("--by", metavar="KEY", help="Put each value of this metadata key to the bars, too.")
@click.option("--criterion", metavar="NAME", help="Weigh this criterion (its name or how it begins).")
@click.option("--uncorrected", is_flag=True, help="Take the judge's own pass rate, errors and all.")
@click.option(
    "--level",
    type=click.FloatRange(0.5, 1, max_open=True),
    default=0.95,
    show_default=True,
    help="How sure the intervals are.",
)
@click.option("--unsure", type=click.Choice(["pass", "fail"]), help="What can't tell counts as. [default: exit code 4]")
@click.option("--junit", "junit_file", metavar="FILE", type=Path, help="Write the checks as JUnit XML.")
@click.option("--markdown", "markdown_file", metavar="FILE", type=Path, help="Write them as Markdown.")
@measured_options
@click.option("--principal", metavar="NAME", help="Whose word binds where people differ. [default: the workspace's]")
@click.option("--store", metavar="FILE|URL", help="Where the run is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def command(
    run: str,
    labels_file: str | None,
    data: str | None,
    by: str | None,
    criterion: str | None,
    uncorrected: bool,
    level: float,
    unsure: Literal["pass", "fail"] | None,
    junit_file: Path | None,
    markdown_file: Path | None,
    part: Portion | None,
    why: str | None,
    principal: str | None,
    store: str | None,
    as_json: bool,
    **bars: tuple[str, ...],
) -> int:
    """Put a run to a bar: pass, fail, or can't tell.

    The low end of the interval must reach the bar, not the estimate; it is a fail only when the high end lies under it.
    In between nothing can be told, and what would tell is said. The pass rate is corrected for the judge's errors by
    people's labels. Items without a verdict count as fails at the low end, as passes at the high end.
    """
    workspace = Workspace.find()
    opened = open_run(run, workspace=workspace, store=store)
    lookup = lookup_of(opened, workspace.find_dataset(data) if data else None, labels_file)
    asked = Asked(
        bars=_bars(bars),
        by=by,
        criterion=criterion,
        uncorrected=uncorrected,
        level=level,
        judge_scale=recorded_ends(opened.info.judge_definition.get("scale")) if opened.info else None,
        principal=workspace.settings(review_principal=principal).review_principal,
    )
    with existing_store(workspace, store) as kept:
        measured = _Measured(opened, kept, workspace, lookup, labels_file, part, why)
        found = measured.gate(asked)
        entry = measured.log(found, why)
    remarks = measured_lines(measured.ground, entry) if measured.ground else []
    _write(found, opened, remarks, unsure, junit_file, markdown_file)
    if as_json:
        on = {"measured_on": measured_json(measured.ground, entry) if measured.ground else None}
        click.echo(msgspec.json.format(msgspec.json.encode({"run": opened.name} | found.as_json() | on), indent=2))
    else:
        click.echo("\n".join(gate_lines(found, opened.name, remarks, unsure or "cant_tell")))
    return _CODES[unsure or "cant_tell"] if found.answer == "cant_tell" else _CODES[found.answer]


def _bars(given: Mapping[str, tuple[str, ...]]) -> tuple[Bar, ...]:
    order: tuple[What, ...] = ("pass_rate", "mean", "tpr", "tnr", "scored")
    return tuple(read_bar(what, text) for what in order for text in given[what])


class _Measured:
    """A run with the labels that its judge may be measured on; none, and why, where there are none."""

    def __init__(
        self,
        run: Run,
        store: Store | None,
        workspace: Workspace,
        lookup: Lookup,
        labels_file: str | None,
        part: Portion | None,
        why: str | None,
    ) -> None:
        self._run, self._store, self._lookup, self.unlabelled = run, store, lookup, ""
        self.ground: Ground | None = None
        try:
            self.ground = ground_of(run, store, workspace, lookup, labels_file=labels_file, part=part, why=why)
        except DataError as error:
            if labels_file is not None or why is not None:
                raise
            self.unlabelled = f"{error}. {error.hint or ''}".strip()

    def gate(self, asked: Asked) -> Gate:
        """The run, put to the bars."""
        info, ground = self._run.info, self.ground
        found = gate(
            self._run.verdicts(),
            ground.labels if ground else [],
            self._lookup,
            replace(asked, shares=ground.shares if ground else None),
            unlabelled=self.unlabelled,
            unfinished=_UNFINISHED if info is not None and info.finished_at is None else "",
        )
        notes = list(found.notes)
        if info is not None and info.rejected:
            notes.append(f"{info.rejected:,} lines of the data could not be read, and are no items of the run")
        return replace(found, left_out=ground.left_out(found.left_out) if ground else {}, notes=tuple(notes))

    def log(self, found: Gate, why: str | None) -> Opened | None:
        """Write down that the sealed test was opened, where it was."""
        if self.ground is None:
            return None
        return opened_for(self._store, self.ground, [self._run], found.labelled, why)


def _write(
    found: Gate,
    run: Run,
    measured: Sequence[str],
    unsure: Literal["pass", "fail"] | None,
    junit_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """The files asked for; and in GitHub Actions, the step's summary and annotations."""
    judge = ", ".join(f"{ref.name}@{ref.version}" for ref in judges_of(run))
    if run.info is not None:
        judge += f" on {run.info.model}"
    if junit_file is not None:
        properties = {"run": run.name, "judge": judge, "items": str(found.items), "labelled": str(found.labelled)}
        write_text(junit_file, gate_junit(found, run.name, unsure or "cant_tell", properties))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if markdown_file is not None or summary:
        counts_as = unsure or "cant_tell"
        text = gate_markdown(found, run.name, judge=judge, measured=measured, failed=run.verdicts(), unsure=counts_as)
        if markdown_file is not None:
            write_text(markdown_file, text)
        if summary:
            _summarise(Path(summary), text)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotated(found, run.name):
            click.echo(line, err=True)  # the runner reads both; standard output may be JSON


def _summarise(path: Path, text: str) -> None:
    try:
        add_to_summary(path, text)
    except OutputError as error:  # it is a courtesy, and no reason to fail the step
        click.echo(f"dikast: {error}", err=True)
