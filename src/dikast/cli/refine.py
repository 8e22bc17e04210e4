"""`dikast refine`: propose changes to a judge, test them on labels, keep only what is better."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from dikast.bench import open_bench
from dikast.cli.labelled import labelled
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import tell
from dikast.errors import DataError, JudgeError, SettingError
from dikast.judges.definition import Judge, find_judge
from dikast.judges.diff import changes
from dikast.judges.evidence import Evidence
from dikast.judges.scaffold import write_judge
from dikast.refining import LEAST_ITEMS, Refined, Refining, Tried
from dikast.running import blocking
from dikast.settings import Settings
from dikast.workspace import Workspace

LEARNED, REFINED = "learned_from.txt", "refined_on.txt"

EXAMPLES = """
\b
Examples:
  dikast refine refunds --data answers.jsonl --labels labels.jsonl --model ollama/qwen3:8b
  dikast refine refunds --data labelled.jsonl --model embedded --rounds 1 --no-propose
"""


@click.command("refine", epilog=EXAMPLES)
@click.argument("judge")
@click.option("--data", required=True, metavar="FILE", help="A kept dataset with labels, or a file, to try changes on.")
@click.option("--labels", metavar="FILE", help="The labels. [default: those kept, or carried by the data]")
@click.option("--annotator", metavar="NAME", help="Whose labels bind. [default: the settled ones]")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds at most.")
@click.option("--no-propose", is_flag=True, help="Try other settings only; don't ask the model for changes.")
@click.option("--dir", "folder", metavar="DIR", help="Where the better judge goes. [default: judges/NAME-2, -3, ...]")
@click.option("--json", "as_json", is_flag=True, help="Print the rounds as JSON.")
@model_options
def command(
    judge: str,
    data: str,
    labels: str | None,
    annotator: str | None,
    rounds: int,
    no_propose: bool,
    folder: str | None,
    as_json: bool,
    **given: object,
) -> None:
    """Propose changes to a judge, test them on labels, and keep only what is better.

    Each round tries other settings of JUDGE, and sentences that the model proposes from its disagreements with the
    expert. A change is kept when it leads by more than chance explains, however many were tried. Interactions that the
    judge was built from are left out; of a kept dataset only the dev part is used. What is reached here was chosen on
    these labels: measure it on others.
    """
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    before = find_judge(judge, workspace.judges_dir)
    place = Path(folder) if folder else _next_place(workspace.judges_dir, before.name)
    if place.exists():
        raise JudgeError(f"there is something at {str(place)!r} already", hint="Choose another place with --dir.")
    gathered = labelled(workspace, settings, data, labels, annotator, part="dev")
    dev = _unseen(before, gathered.evidence)
    refined = blocking(_refined(before, dev, settings, workspace, rounds=rounds, propose=not no_propose))
    better = refined.judge.version != before.version
    if better:
        _write(refined, before, dev, place)
    if as_json:
        summary = {"judge": refined.judge.ref, "first": refined.first, "last": refined.last, "rounds": refined.rounds}
        where = {"converged": refined.converged, "items": refined.items, "folder": str(place) if better else None}
        click.echo(msgspec.json.encode({**summary, **where}))
    else:
        _print(refined, before, place if better else None)


async def _refined(
    judge: Judge, dev: list[Evidence], settings: Settings, workspace: Workspace, *, rounds: int, propose: bool
) -> Refined:
    model = settings.model or judge.settings.model
    if model is None:
        raise SettingError("no model is named, neither here nor in the judge", hint="Add --model MODEL.")
    async with open_bench(model, settings, workspace, tell=tell) as bench:
        return await Refining(bench, model, dev, propose=propose, tell=tell).refine(judge, rounds=rounds)


def _unseen(judge: Judge, evidence: tuple[Evidence, ...]) -> list[Evidence]:
    """The labelled interactions that did not go into the judge. Raises DataError when they are too few."""
    learned = _learned(judge)
    dev = [one for one in evidence if one.interaction.id not in learned]
    if len(evidence) > len(dev):
        tell(f"{len(evidence) - len(dev)} interactions were left out: the judge was built from them")
    if len(dev) < LEAST_ITEMS:
        raise DataError(
            f"{len(dev)} labelled interactions are left to try changes on, and {LEAST_ITEMS} are the least",
            hint="Label more; on so few no change can lead by more than chance.",
        )
    return dev


def _learned(judge: Judge) -> set[str]:
    listed = judge.source / LEARNED if judge.source and judge.source.is_dir() else None
    return set(listed.read_text("utf-8").splitlines()) if listed and listed.is_file() else set()


def _next_place(judges_dir: Path, name: str) -> Path:
    number = 2
    while (judges_dir / f"{name}-{number}").exists():
        number += 1
    return judges_dir / f"{name}-{number}"


def _write(refined: Refined, before: Judge, dev: list[Evidence], place: Path) -> None:
    """The better judge with its history; what it learned from, and what it was chosen on."""
    write_judge(refined.judge, place)
    (place / LEARNED).write_text("".join(f"{id}\n" for id in sorted(_learned(before))), encoding="utf-8")
    chosen_on = sorted(one.interaction.id for one in dev)
    (place / REFINED).write_text("".join(f"{id}\n" for id in chosen_on), encoding="utf-8")
    history = {"first": refined.first, "last": refined.last, "rounds": refined.rounds, "converged": refined.converged}
    (place / "history.json").write_bytes(msgspec.json.format(msgspec.json.encode(history)) + b"\n")


def _print(refined: Refined, before: Judge, place: Path | None) -> None:
    for each in refined.rounds:
        kept = each.kept or "nothing was better by more than chance"
        click.echo(f"Round {each.number}, {len(each.tried)} changes tried: {kept}")
        if each.kept:
            click.echo(f"  fixed: {', '.join(each.fixed) or 'none'}\n  broken: {', '.join(each.broken) or 'none'}")
    click.echo(f"\nAgreement on {refined.items} interactions: {_figure(refined.first)}")
    if place is None:
        click.echo("The judge stays as it is.")
        return
    click.echo(f"Now:                       {_figure(refined.last)}, on the labels that it was chosen on")
    for change in changes(before, refined.judge):
        click.echo(f"  {change.key}: {_shown(change.before)} -> {_shown(change.after)}")
    click.echo(str(place))


def _figure(tried: Tried) -> str:
    return f"{tried.agreement:.0%} (95 % interval {tried.agreement_low:.0%} to {tried.agreement_high:.0%})"


def _shown(value: object) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 200 else f"{text[:200]} ..."
