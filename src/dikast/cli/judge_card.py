"""`dikast judge card`: what a judge is, how far it can be trusted, where it fails, and what it costs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from dikast.agreement.calibrated import as_stated
from dikast.agreement.estimate import Estimate
from dikast.cli.agree import lookup_of
from dikast.cli.measured import existing_store, ground_of, measured_json, measured_options, opened_for
from dikast.errors import SettingError
from dikast.journey.measuring import Ground, Lookup, Opened, Portion
from dikast.journey.runs import Run, open_run
from dikast.judges.definition import Judge, find_judge
from dikast.judges.history import family_of
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.report.judge_card import JudgeCard, Opening
    from dikast.store import Store

EXAMPLES = """
\b
Examples:
  dikast judge card refunds --run refunds-3 --labels labels.jsonl
  dikast judge card judge.yaml --run results.jsonl --labels labelled.jsonl --out card.html
  dikast judge card refunds --run refunds-3 --json
  dikast judge card refunds --run refunds-3 --open-test 'before release 2'
"""


@click.command("card", epilog=EXAMPLES)
@click.argument("judge", metavar="JUDGE")
@click.option("--run", "run_ref", required=True, metavar="RUN", help="The run on which it is measured.")
@click.option(
    "--labels", "labels_file", metavar="FILE", help="People's labels. [default: those saved, or that the data carries]"
)
@click.option("--data", metavar="DATA", help="The interactions, when the run doesn't know them.")
@measured_options
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The page. [default: JUDGE.card.html]")
@click.option("--store", metavar="FILE|URL", help="Where the run is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON; the page is written only with --out.")
def card(
    judge: str,
    run_ref: str,
    labels_file: str | None,
    data: str | None,
    part: Portion | None,
    why: str | None,
    out: Path | None,
    store: str | None,
    as_json: bool,
) -> int:
    """A judge's card: trust, failures, cost, labels.

    One HTML file that needs nothing else, with the agreement of one run with people's labels, where the judge fails,
    the pass rate corrected for its errors, what it costs, and where the labels come from. It says whether its figures
    are from sealed data; of the sealed test it shows figures alone, and no item.
    """
    from dikast.report.judge_card import render_card
    from dikast.report.writing import write_text

    workspace = Workspace.find()
    known = find_judge(judge, workspace.judges_dir)
    opened = open_run(run_ref, workspace=workspace, store=store)
    page = out or (None if as_json else Path(f"{_file_name(known.name)}.card.html"))
    if page is not None:  # before the sealed test may be opened
        _check_place(page, opened, judge, labels_file, data)
    lookup = lookup_of(opened, workspace.find_dataset(data) if data else None, labels_file)
    with existing_store(workspace, store) as kept:
        ground = ground_of(opened, kept, workspace, lookup, labels_file=labels_file, part=part, why=why, judge=known)
        principal = workspace.settings(store=store).review_principal
        made = _measured(known, opened, kept, lookup, ground, principal, why)
    if page is not None:
        write_text(page, render_card(made))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(made.as_json()), indent=2))
    else:
        click.echo(page)
        for note in _other_judges(known, opened):
            click.echo(f"Note: {note}", err=True)
        click.echo(made.agreement.trust.sentence, err=True)
    return 0


def _measured(
    known: Judge,
    run: Run,
    store: Store | None,
    lookup: Lookup,
    ground: Ground,
    principal: str | None,
    why: str | None,
) -> JudgeCard:
    """The card, with what it was measured on; where that is the sealed test, the opening is logged by then."""
    from dikast.journey.carding import CardSources, make_card

    made = make_card(
        CardSources(
            judge=known.ref,
            definition=known.definition,
            run=run.name,
            info=run.info,
            verdicts=[as_stated(verdict) for verdict in run.verdicts()],
            labels=ground.labels,
            lookup=lookup,
            labels_from=ground.source,
            showable=frozenset() if ground.is_sealed else None,
            principal=principal,
        )
    )
    found = made.agreement
    rate = found.figures.get("accuracy")
    opened = opened_for(store, ground, [run], found.n, why, rate.value if isinstance(rate, Estimate) else None)
    mapped = None if ground.is_sealed else found.calibration
    notes = (_sealed_or_not(ground, opened), *(f"{note[0].upper()}{note[1:]}." for note in ground.notes))
    return replace(
        made,
        agreement=replace(found, left_out=ground.left_out(found.left_out), calibration=mapped),
        openings=None if store is None else _openings(store, known),
        notes=(*_other_judges(known, run), *notes, *made.notes),
        measured_on=measured_json(ground, opened),
    )


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


def _sealed_or_not(ground: Ground, opened: Opened | None) -> str:
    """Whether the figures are from sealed data: what a reader must know before any of them."""
    if opened is not None:
        return f"The figures are from the sealed test of {ground.dataset!r}. {opened.cost}"
    if ground.portion is None:
        return "The figures are not from sealed data: the labelled items were never split."
    what = {"unsealed": "all but the sealed test", "dev": "the dev part", "pool": "the example pool"}
    return (
        f"The figures are not from sealed data: they are from {what.get(ground.portion, ground.portion)} of "
        f"{ground.dataset!r}, which a judge may have been improved on."
    )


def _openings(store: Store, judge: Judge) -> list[Opening]:
    """When the sealed test was opened for a judge of this name, or for one that was refined from it or before it."""
    from dikast.report.judge_card import Opening

    return [
        Opening(one.at, dataset.name, one.judge.version, one.n, one.why)
        for dataset in store.datasets()
        for one in store.openings(dataset.name)
        if family_of(one.judge.name) == family_of(judge.name)
    ]


def _check_place(page: Path, run: Run, *given: str | None) -> None:
    """Raises SettingError where the page would overwrite what it is made of."""
    if run.out is not None and page.resolve() == run.out.resolve():
        raise SettingError(f"can't write to {str(page)!r}: it is the results file itself", hint="Name another file.")
    if any(name and Path(name).is_file() and page.resolve() == Path(name).resolve() for name in given):
        raise SettingError(f"can't write to {str(page)!r}: the card is made of this file", hint="Name another file.")


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.\- ]+", "-", name).strip(". ") or "judge"
