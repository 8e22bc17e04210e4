"""`dikast judge card`: what a judge is, how far it can be trusted, where it fails, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from dikast.agreement.figures import Comparison, agreement, group_of
from dikast.agreement.matching import match
from dikast.agreement.weak_slices import misses, weak_slices
from dikast.cli.agree import interactions_of, judge_scale, labels_of
from dikast.errors import SettingError
from dikast.judges.definition import Judge, find_judge
from dikast.runs import Run, open_run
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.report.judge_card import Opening

EXAMPLES = """
\b
Examples:
  dikast judge card refunds --run refunds-3 --labels labels.jsonl
  dikast judge card judge.yaml --run results.jsonl --labels labelled.jsonl --out card.html
  dikast judge card refunds --run refunds-3 --json
"""


@click.command("card", epilog=EXAMPLES)
@click.argument("judge", metavar="JUDGE")
@click.option("--run", "run_ref", required=True, metavar="RUN", help="The run on which it is measured.")
@click.option(
    "--labels", "labels_file", metavar="FILE", help="People's labels. [default: those that the run's data carries]"
)
@click.option("--data", metavar="DATA", help="The interactions, when the run doesn't know them.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The page. [default: JUDGE.card.html]")
@click.option("--store", metavar="FILE|URL", help="Where the run is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON; the page is written only with --out.")
def card(
    judge: str,
    run_ref: str,
    labels_file: str | None,
    data: str | None,
    out: Path | None,
    store: str | None,
    as_json: bool,
) -> int:
    """A judge's card: trust, failures, cost, labels.

    One HTML file that needs nothing else, with the agreement of one run with people's labels, where the judge fails,
    the pass rate corrected for its errors, what it costs, and where the labels come from.
    """
    from dikast.analysis.summary import recorded_scale, summarise
    from dikast.report.judge_card import JudgeCard, provenance_of, render_card
    from dikast.report.writing import write_text

    workspace = Workspace.find()
    known = find_judge(judge, workspace.judges_dir)
    opened = open_run(run_ref, workspace=workspace, store=store)
    labels = labels_of(opened, labels_file)
    given = interactions_of(opened, workspace.find_dataset(data) if data else None, labels_file)
    lookup = given.get if given else opened.interaction
    scale = judge_scale(opened.info)
    verdicts = list(opened.verdicts())
    found = agreement(verdicts, labels, lookup, Comparison(judge_scale=scale))
    matched = match(verdicts, labels)
    items = [lookup(verdict.id) for verdict in matched.verdicts]
    texts = [item for item in items if item is not None]
    groups = [group_of(item) for item in texts] if len(texts) == len(items) else None
    made = JudgeCard(
        judge=known.ref,
        definition=known.definition,
        info=opened.info,
        run=opened.name,
        agreement=found,
        summary=summarise(verdicts, scale=recorded_scale(known.definition)),
        provenance=provenance_of(Path(labels_file).name if labels_file else "the run's data", labels, matched),
        matched=matched,
        items=items,
        weak=weak_slices(matched, items, groups=groups, judge_scale=scale),
        missed=misses(matched, scale),
        openings=_openings(workspace, store, known),
        notes=(*_other_judges(known, opened), *(f"{note[0].upper()}{note[1:]}." for note in found.notes)),
    )
    page = out or (None if as_json else Path(f"{_file_name(known.name)}.card.html"))
    if page is not None:
        _check_place(page, opened, judge, labels_file, data)
        write_text(page, render_card(made))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made.as_json()), indent=2))
    else:
        click.echo(page)
        click.echo(found.trust.sentence, err=True)
    return 0


def _other_judges(known: Judge, run: Run) -> tuple[str, ...]:
    """A warning where the run's verdicts are not of this judge in this version."""
    spoke = {(verdict.judge.name, verdict.judge.version) for verdict in run.verdicts()}
    others = sorted(spoke - {(known.ref.name, known.ref.version)})
    if not others:
        return ()
    named = ", ".join(f"{name} {version[:12]}" for name, version in others[:3])
    return (
        f"The run was judged by {named}, and this judge is {known.ref.name} {known.ref.version[:12]}: the figures are "
        "not this version's. Run it again to measure it.",
    )


def _openings(workspace: Workspace, store: str | None, judge: Judge) -> Sequence[Opening] | None:
    """When the sealed test was opened for a judge of this name; None without a store."""
    from dikast.report.judge_card import Opening
    from dikast.store import Store

    location = workspace.settings(store=store).store
    if "://" not in location and not Path(location).is_file():
        return None
    with Store.open(location) as opened:
        return [
            Opening(one.at, dataset.name, one.judge.version, one.n, one.why)
            for dataset in opened.datasets()
            for one in opened.openings(dataset.name)
            if one.judge.name == judge.name
        ]


def _check_place(page: Path, run: Run, *given: str | None) -> None:
    """Raises SettingError where the page would overwrite what it is made of."""
    if run.out is not None and page.resolve() == run.out.resolve():
        raise SettingError(f"can't write to {str(page)!r}: it is the results file itself", hint="Name another file.")
    if any(name and Path(name).is_file() and page.resolve() == Path(name).resolve() for name in given):
        raise SettingError(f"can't write to {str(page)!r}: the card is made of this file", hint="Name another file.")


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.\- ]+", "-", name).strip(". ") or "judge"
