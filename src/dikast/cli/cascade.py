"""`dikast cascade`: a quick judge first, a better one where it is not sure; what the thresholds between them trade."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from dikast.cli.measured import existing_store, ground_of
from dikast.errors import InputError
from dikast.journey.runs import Run, open_run
from dikast.judges.cascade import Cascade, Stage, find_cascade
from dikast.report.text import one_line
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.agreement.escalation import Replay
    from dikast.journey.replaying import Together
    from dikast.records import Label
    from dikast.settings import Settings
    from dikast.store import Store

EXAMPLES = """
\b
Examples:
  dikast cascade replay desk
  dikast cascade replay desk --data tickets --labels labels.jsonl
  dikast cascade replay desk --runs quick-1,slow-1 --labels labels.jsonl --out trade.html
  dikast cascade replay desk --budget-minutes 60 --items 5000 --max-leaving 5% --write
"""


_ROWS = 16  # settings in the terminal; the page has more


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A share: 0.05 or 5%."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d*\.?\d+)\s*(%?)\s*", value)
    number = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if not 0 <= number <= 1:
        raise click.BadParameter(f"{value!r}: a share such as 5% or 0.05 is expected", ctx, param)
    return number


@click.group("cascade")
def command() -> None:
    """Cascades: a quick judge first, and better ones where it is not sure.

    A cascade is a YAML file with `kind: cascade` and its stages: judges on models of this machine, of a cloud, and a
    person at the end. It is run like a judge: dikast run CASCADE DATA.
    """


@command.command("show", epilog="\b\nExample:\n  dikast cascade show desk")
@click.argument("cascade", metavar="CASCADE")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def show(cascade: str, as_json: bool) -> None:
    """A cascade's stages: who is asked, and what makes an interaction go on."""
    workspace = Workspace.find()
    found = find_cascade(cascade, workspace.judges_dir)
    if as_json:
        click.echo(msgspec.json.encode({"name": found.name, "version": found.version, **found.to_dict()}))
        return
    click.echo(f"# {found.name}, version {found.version}" + (f", from {found.source}" if found.source else ""))
    for number, stage in enumerate(found.stages, start=1):
        click.echo(f"{number}  {_asked(stage)}")
        if number < len(found.stages):
            click.echo(f"   goes on {_when(stage)}")


@command.command("replay", epilog=EXAMPLES)
@click.argument("cascade", metavar="CASCADE")
@click.option("--runs", metavar="RUN,RUN", help="A run of each stage, in order. [default: each stage's newest]")
@click.option("--data", metavar="DATA", help="Run every stage's judge on this first; what is known is not asked again.")
@click.option("--allow-cloud", is_flag=True, default=None, help="With --data: let requests leave this machine.")
@click.option("--labels", "labels_file", metavar="FILE", help="People's labels. [default: those saved, or in the data]")
@click.option(
    "--budget-minutes", "minutes", type=click.FloatRange(min=0), metavar="N", help="The most minutes of model time."
)
@click.option("--budget-usd", "usd", type=click.FloatRange(min=0), metavar="N", help="The most dollars.")
@click.option(
    "--max-leaving", "leaving", callback=_share, metavar="SHARE", help="The largest share that may leave, such as 5%."
)
@click.option(
    "--max-person", "person", callback=_share, metavar="SHARE", help="The largest share that a person is to decide."
)
@click.option(
    "--items", type=click.IntRange(min=1), default=1000, show_default=True, help="Interactions to reckon for."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Also write the trade as one HTML page.")
@click.option("--write", is_flag=True, help="Put the chosen thresholds into the cascade's file.")
@click.option("--principal", metavar="NAME", help="Whose word binds where people differ. [default: the workspace's]")
@click.option("--store", metavar="FILE|URL", help="Where the runs are kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def replay_command(
    cascade: str,
    runs: str | None,
    data: str | None,
    allow_cloud: bool | None,
    labels_file: str | None,
    items: int,
    out: Path | None,
    write: bool,
    principal: str | None,
    store: str | None,
    as_json: bool,
    **limits: float | None,
) -> None:
    """Replay a cascade's thresholds on labels, without asking a model.

    From a run of each stage's judge on the same labelled items: what every setting agrees, takes, costs and lets out,
    and which is best within a budget. Items of the sealed test have no say.
    """
    from dikast.agreement.escalation import Budget
    from dikast.agreement.escalation import replay as replayed

    workspace = Workspace.find()
    settings = workspace.settings(store=store, review_principal=principal, allow_cloud=allow_cloud)
    found = find_cascade(cascade, workspace.judges_dir)
    if data is not None and runs is not None:
        raise click.UsageError("--runs and --data exclude each other: --data makes the runs")
    names = _named(runs) if data is None else _run_stages(found, data, workspace, settings)
    brought = _brought(found, names, workspace, settings, store, labels_file, items)
    result = replayed(brought.player, Budget(items=items, **limits))
    if out is not None:
        _write_page(out, found, result, brought)
    if as_json:
        click.echo(msgspec.json.encode(_json(found, result, brought)))
    else:
        _print(found, result, brought)
    if out is not None:
        click.echo(f"The plot: {out}", err=as_json)
    if write:
        _write(found, result)


def _brought(
    cascade: Cascade,
    names: list[str],
    workspace: Workspace,
    settings: Settings,
    store: str | None,
    labels_file: str | None,
    items: int,
) -> Together:
    """The stages' runs (those named, else each one's newest) brought together with the labels that may be used."""
    from dikast.journey.replaying import newest_runs, together

    with existing_store(workspace, store) as opened:
        if not names and opened is None:
            raise InputError("no runs are kept here", hint="Name a run or results file for each stage: --runs A,B")
        known = [] if opened is None else opened.runs()
        each = [open_run(name, workspace=workspace, store=store) for name in names or newest_runs(cascade, known)]
        labels, notes = _labels(each, opened, workspace, labels_file)
        found = together(cascade, each, labels, principal=settings.review_principal, items=items)
    return replace(found, notes=(*notes, *found.notes))


def _write_page(out: Path, cascade: Cascade, found: Replay, brought: Together) -> None:
    from dikast.report.escalation_page import render_escalation
    from dikast.report.writing import write_text

    write_text(out, render_escalation(cascade.name, found, [stage.name for stage in cascade.asked], brought.notes))


def _run_stages(cascade: Cascade, data: str, workspace: Workspace, settings: Settings) -> list[str]:
    """A run of each stage's judge on the same interactions, and their names."""
    from dikast.cli.progress import shown, tell
    from dikast.harness.progress import Progress
    from dikast.journey.escalating import check_cloud
    from dikast.journey.finding import find_data
    from dikast.journey.running import RunPlan, blocking, carry_out

    named = cascade.with_models(settings.model, settings.base_url)
    check_cloud(named, settings)
    names = []
    for stage in named.asked:
        assert stage.judge is not None
        dataset = find_data(data, workspace, settings.store)
        own = replace(settings, model=stage.model, base_url=stage.base_urls)
        plan = RunPlan(judge=stage.judge, dataset=dataset, workspace=workspace, settings=own)
        progress = Progress(total=dataset.expected_length())
        with shown(progress) as on_start:
            names.append(blocking(carry_out(plan, progress, on_start=on_start, tell=tell)).name)
    return names


def _named(runs: str | None) -> list[str]:
    return [name.strip() for name in (runs or "").split(",") if name.strip()]


def _labels(
    runs: list[Run], store: Store | None, workspace: Workspace, labels_file: str | None
) -> tuple[list[Label], list[str]]:
    """The labels that every stage's judge may be measured on, and what to say of them."""
    grounds = [
        ground_of(run, store, workspace, run.interaction, labels_file=labels_file, part=None, why=None) for run in runs
    ]
    allowed = set.intersection(*({label.id for label in ground.labels} for ground in grounds))
    first = grounds[0]
    held = {reason: count for ground in grounds for reason, count in ground.held_back.items()}
    notes = [f"labels: {first.source}"] + [f"{count:,} labelled items held back: {why}" for why, count in held.items()]
    notes += list(dict.fromkeys(note for ground in grounds for note in ground.notes))
    return [label for label in first.labels if label.id in allowed], notes


def _print(cascade: Cascade, found: Replay, brought: Together) -> None:
    from dikast.report.escalation_page import chosen_words, honest_words, setting_rows

    stages = [stage.name for stage in cascade.asked]
    runs = ", ".join(brought.runs)
    click.echo(f"{cascade.name}: {found.n:,} labelled items, judged in {runs}; {len(found.settings):,} settings")
    if brought.left_out:
        click.echo("left out: " + "; ".join(f"{count:,}: {reason}" for reason, count in brought.left_out.items()))
    rows = setting_rows(found, _ROWS)
    title = "below: " + " / ".join(one_line(stage, 20) for stage in stages[: len(found.chosen.thresholds)])
    width = max(len(title), *(len(row.name) for row in rows))
    heads = ("agreement", "interval", "goes on", "minutes", "dollars", "leaves", "person")
    click.echo("\n" + f"  {title.ljust(width)}" + "".join(head.rjust(13) for head in heads))
    for row in rows:
        said = (row.worth, row.interval, row.further, row.minutes, row.usd, row.leaving, row.person)
        cells = [cell.replace(" %", "%").replace(", ", " ") for cell in said]
        mark = ">" if row.chosen else " "
        click.echo(f"{mark} {row.name.ljust(width)}" + "".join(f" {cell}".rjust(13) for cell in cells))
    click.echo(f"\n{chosen_words(found, stages)}\n{honest_words(found)}")
    for note in brought.notes:
        click.echo(f"Note: {note}.", err=True)


def _json(cascade: Cascade, found: Replay, brought: Together) -> dict[str, Any]:
    from dikast.agreement.estimate import as_json

    def told(one: Any) -> dict[str, Any]:
        values: dict[str, Any] = {
            name: getattr(one, name) for name in ("minutes", "usd", "leaving", "person", "thresholds")
        }
        figure = one.figure
        return values | {
            "agreement": getattr(one, "worth", None) if figure is None else as_json(figure),
            "reached": getattr(one, "reached", None),
        }

    return {
        "cascade": cascade.ref,
        "stages": [stage.name for stage in cascade.stages],
        "runs": list(brought.runs),
        "n": found.n,
        "left_out": brought.left_out,
        "measure": found.measure,
        "items": found.budget.items,
        "budget": {cost: getattr(found.budget, cost) for cost in ("minutes", "usd", "leaving", "person")},
        "chosen": told(found.chosen),
        "expected": told(found.expected),
        "alone": {name: told(one) for name, one in found.alone},
        "front": {cost: [told(one) for one in front] for cost, front in found.front.items()},
        "settings": [told(one) for one in found.settings],
        "notes": list(brought.notes),
    }


def _write(cascade: Cascade, found: Replay) -> None:
    """The chosen thresholds, into the cascade's file; the rest of it stays as it is."""
    from dikast.judges.cascade_file import definition_file, with_thresholds
    from dikast.report.writing import write_text

    assert cascade.source is not None
    file = definition_file(cascade.source)
    values = dict(enumerate(found.chosen.thresholds))
    write_text(file, with_thresholds(file.read_text(encoding="utf-8"), values))
    again = Cascade.load(cascade.source, Workspace.find().judges_dir)
    click.echo(f"{file}: thresholds written; version {cascade.version} is now {again.version}", err=True)


def _asked(stage: Stage) -> str:
    if stage.judge is None:
        return "a person: waits in the review queue `escalated`"
    away = ", leaves this machine" if stage.leaves else ""
    return f"{stage.name}: {stage.judge.name} {stage.judge.version} on {stage.model or 'the model of the run'}{away}"


def _when(stage: Stage) -> str:
    said = ["without a verdict"]
    if stage.below:
        said.append(f"when less sure than {stage.below:g}")
    if stage.when is not None:
        said.append(f"when {stage.when.text}")
    return ", ".join(said)
