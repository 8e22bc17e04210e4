"""`dikast refine`: propose changes to a judge, test them on labels, keep only what is better."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from dikast.cli.judge_history import page_of, print_versions
from dikast.cli.labelled import labelled
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import tell
from dikast.errors import DataError, JudgeError, OutputError, SettingError
from dikast.journey.bench import open_bench
from dikast.journey.running import blocking
from dikast.judges.definition import Judge, find_judge
from dikast.judges.diff import changes
from dikast.judges.evidence import Evidence, Gathered
from dikast.judges.example_swaps import example_for
from dikast.judges.history import FILE, PAGE, Flip, History, Round, Tried, family_of, read_history
from dikast.judges.learned import LEARNED, REFINED, listed, write_listed
from dikast.judges.loading import SAMPLES
from dikast.judges.scaffold import write_judge
from dikast.refining import LEAST_ITEMS, Optimizer, Plan, Refined, Refining
from dikast.refining.gepa_search import check_installed
from dikast.report.figures import count
from dikast.report.text import one_line, visible
from dikast.report.writing import write_text
from dikast.settings import Settings
from dikast.workspace import Workspace

_SHOWN_FLIPS = 5

EXAMPLES = """
\b
Examples:
  dikast refine refunds --data answers.jsonl --labels labels.jsonl --model ollama/qwen3:8b
  dikast refine refunds --data labelled.jsonl --pool pool.jsonl --model embedded --rounds 1 --no-propose
"""


@click.command("refine", epilog=EXAMPLES)
@click.argument("judge")
@click.option("--data", required=True, metavar="FILE", help="A kept dataset with labels, or a file, to try changes on.")
@click.option("--labels", metavar="FILE", help="The labels. [default: those kept, or carried by the data]")
@click.option("--annotator", metavar="NAME", help="Whose labels bind. [default: the settled ones]")
@click.option("--pool", metavar="FILE", help="Labelled interactions for examples. [default: a kept dataset's pool]")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds at most.")
@click.option(
    "--until",
    type=click.FloatRange(0, 100),
    default=90,
    show_default=True,
    metavar="PERCENT",
    help="Agreement to stop at.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 50),
    default=5,
    show_default=True,
    metavar="POINTS",
    help="How much worse is still as good, where it costs notably less; 0: keep nothing for that.",
)
@click.option("--no-propose", is_flag=True, help="Plain search only; don't ask the model for changes.")
@click.option(
    "--optimizer",
    type=click.Choice(["own", "gepa"]),
    default="own",
    show_default=True,
    help="Who proposes; gepa needs dikast[gepa].",
)
@click.option("--dir", "folder", metavar="DIR", help="Where the better judge goes. [default: judges/NAME-2, -3, ...]")
@click.option("--json", "as_json", is_flag=True, help="Print the session as JSON.")
@model_options
def command(
    judge: str,
    data: str,
    labels: str | None,
    annotator: str | None,
    pool: str | None,
    rounds: int,
    until: float,
    margin: float,
    no_propose: bool,
    optimizer: Optimizer,
    folder: str | None,
    as_json: bool,
    **given: object,
) -> None:
    """Propose changes to a judge, test them on labels, and keep only what is better.

    Each round tries other settings of JUDGE, other examples, and changes that the model proposes from disagreements
    with the expert. A change is kept when it leads by more than chance explains, however many were tried; of those that
    lead alike, the cheapest. Interactions that the judge was built from are left out; of a kept dataset only the dev
    part is used, and examples come from its pool. What is reached here was chosen on these labels: measure it on
    others. Interrupted, the same command continues where it stopped.
    """
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    before = find_judge(judge, workspace.judges_dir)
    history = read_history(before.source)
    place = Path(folder) if folder else _next_place(workspace.judges_dir, before.name, history)
    if place.exists():
        raise JudgeError(f"there is something at {str(place)!r} already", hint="Choose another place with --dir.")
    _called(before, place)
    if optimizer == "gepa":
        check_installed()
    gathered = labelled(workspace, settings, data, labels, annotator, part="dev")
    _check_scale(before, gathered)
    dev = _unseen(before, gathered.evidence)
    plan = Plan(
        rounds=rounds,
        propose=not no_propose,
        optimizer=optimizer,
        target=until / 100,
        margin=margin / 100,
        pool=_pool(workspace, settings, data, labels, annotator, pool),
        data=Path(data).name,
        chosen_on=listed(before.source, REFINED),
    )
    refined = blocking(_refined(before, dev, settings, workspace, plan))
    grown = history.with_session(refined.session)
    better = refined.judge.version != before.version
    if better:
        refined = msgspec.structs.replace(refined, judge=_called(refined.judge, place))
        _write(refined, before, dev, plan.pool, grown, place)
    elif _is_own(before, workspace):
        assert before.source is not None
        _write_history(grown, before.source.name, before.source)
    if as_json:
        session = refined.session
        more = {"first": session.first, "last": session.last, "honest": session.honest}
        where = {"judge": refined.judge.ref, "folder": str(place) if better else None}
        click.echo(msgspec.json.encode({**where, **more, **msgspec.to_builtins(session)}))
    else:
        _print(refined, before, grown, place if better else None)


async def _refined(judge: Judge, dev: list[Evidence], settings: Settings, workspace: Workspace, plan: Plan) -> Refined:
    model = settings.model or judge.settings.model
    if model is None:
        raise SettingError("no model is named, neither here nor in the judge", hint="Add --model MODEL.")
    async with open_bench(model, settings, workspace, tell=tell) as bench:
        return await Refining(bench, model, dev, plan, tell=tell).refine(judge)


def _check_scale(judge: Judge, gathered: Gathered) -> None:
    """Raises DataError where labels say something else than the judge can."""
    kinds = {_kind(one.verdict) for one in gathered.evidence}
    if kinds - {judge.scale.kind}:
        said = ", ".join(sorted(kind.replace("_", "/") for kind in kinds))
        raise DataError(
            f"the judge's scale is {judge.scale.text()}, and the labels say {said}",
            hint="Refine it on labels of its own scale.",
        )
    ends = (judge.scale.low, judge.scale.high)
    others = [scale for scale in gathered.scales if None not in ends and scale != ends]
    if others:
        low, high = others[0]
        raise DataError(f"labels were given on {low:g}-{high:g}, and the judge's scale is {judge.scale.text()}")


def _kind(verdict: str | float) -> str:
    if not isinstance(verdict, str):
        return "ordinal"
    return "pass_fail" if verdict in ("pass", "fail") else "preference"


def _unseen(judge: Judge, evidence: tuple[Evidence, ...]) -> list[Evidence]:
    """The labelled interactions that did not go into the judge. Raises DataError when they are too few."""
    learned = listed(judge.source, LEARNED)
    dev = [one for one in evidence if one.interaction.id not in learned]
    if len(evidence) > len(dev):
        left = count(len(evidence) - len(dev), "interaction was", "interactions were")
        tell(f"{left} left out: the judge was built from them")
    if len(dev) < LEAST_ITEMS:
        have = count(len(dev), "labelled interaction is", "labelled interactions are")
        raise DataError(
            f"{have} left to try changes on, and {LEAST_ITEMS} are the least",
            hint="Label more; on so few no change can lead by more than chance.",
        )
    return dev


def _pool(
    workspace: Workspace, settings: Settings, data: str, labels: str | None, annotator: str | None, pool: str | None
) -> tuple[Evidence, ...]:
    """What examples may be taken from: a file that is named, or the pool of a dataset that is kept with labels."""
    try:
        return labelled(workspace, settings, pool or data, None if pool else labels, annotator, part="pool").evidence
    except DataError:
        if pool is not None:
            raise
        return ()  # nobody has explained anything in the pool yet


def _next_place(judges_dir: Path, name: str, history: History) -> Path:
    """The next number in its family: "refunds-3" after "refunds-2", if that was refined."""
    stem, number = family_of(name) if history.sessions else name, 2
    while (judges_dir / f"{stem}-{number}").exists():
        number += 1
    return judges_dir / f"{stem}-{number}"


def _called(judge: Judge, place: Path) -> Judge:
    """The judge under its folder's name, so that its runs tell it from the one before; its version is the same.

    Raises JudgeError where that can't be a judge's name.
    """
    return Judge.from_dict(judge.to_dict() | {"name": place.name})


def _is_own(judge: Judge, workspace: Workspace) -> bool:
    """Whether the judge is a folder of the user's own, in which its history may stand."""
    return judge.source is not None and judge.source.is_dir() and SAMPLES not in judge.source.parents


def _write(
    refined: Refined, before: Judge, dev: Sequence[Evidence], pool: Sequence[Evidence], history: History, place: Path
) -> None:
    """The better judge with its history, what it learned from, and what it was chosen on; all of it or nothing."""
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        write_judge(refined.judge, beside)
        taken = {one.interaction.id for one in pool if example_for(refined.judge, one) in refined.judge.examples}
        write_listed(beside, LEARNED, taken | listed(before.source, LEARNED))
        chosen_on = {one.interaction.id for one in dev}
        write_listed(beside, REFINED, chosen_on | listed(before.source, REFINED))
        _write_history(history, place.name, beside)
        beside.replace(place)
    except OSError as error:
        raise OutputError(f"can't write the judge to {str(place)!r}: {error.strerror}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _write_history(history: History, name: str, folder: Path) -> None:
    write_text(folder / FILE, history.as_json().decode())
    write_text(folder / PAGE, page_of(name, history))


def _print(refined: Refined, before: Judge, history: History, place: Path | None) -> None:
    session = refined.session
    for each in session.rounds:
        _print_round(each)
    click.echo(f"\n{session.end_words}")
    click.echo(f"Agreement on {count(session.items, 'interaction')} ({session.measure}): {_figure(session.first)}")
    if place is None:
        click.echo("The judge stays as it is.")
        return
    click.echo(f"Now: {_figure(session.last)}, on the labels that it was chosen on.")
    for change in changes(before, refined.judge):
        if change.key == "name":
            continue
        click.echo(f"  {change.key}: {_shown(change.before)} -> {_shown(change.after)}")
    click.echo("")
    print_versions(history)
    click.echo(f"\n{place}")
    click.echo(f"{place / PAGE}")


def _print_round(each: Round) -> None:
    dropped = sum(tried.dropped_after is not None for tried in each.tried)
    early = f", {dropped} given up early" if dropped else ""
    kept = one_line(each.kept, 300) if each.kept else "nothing was better by more than chance"
    click.echo(f"Round {each.number}, {count(len(each.tried), 'change')} tried{early}: {kept}")
    if each.word:
        click.echo(f"  {one_line(each.word, 400)}")
    if each.suggested:
        click.echo(f"  not taken: {one_line(each.suggested, 400)}")
    if each.kept:
        _print_flips("fixed", each.fixed)
        _print_flips("broken", each.broken)


def _print_flips(what: str, flips: Sequence[Flip]) -> None:
    click.echo(f"  {what}: {', '.join(one_line(flip.id, 80) for flip in flips) or 'none'}")
    for flip in flips[:_SHOWN_FLIPS]:
        click.echo(f"    {one_line(flip.id, 80)}")
        click.echo(f"      expert  {flip.expert.verdict}: {one_line(flip.expert.critique or '-', 160)}")
        click.echo(f"      before  {flip.before.verdict}: {one_line(flip.before.critique or '-', 160)}")
        click.echo(f"      now     {flip.after.verdict}: {one_line(flip.after.critique or '-', 160)}")
    if len(flips) > _SHOWN_FLIPS:
        click.echo(f"    and {len(flips) - _SHOWN_FLIPS} more, in the page")


def _figure(tried: Tried) -> str:
    return f"{tried.agreement:.0%} (95 % interval {tried.agreement_low:.0%} to {tried.agreement_high:.0%})"


def _shown(value: object) -> str:
    text = visible(msgspec.json.encode(value).decode())
    return text if len(text) <= 200 else f"{text[:200]} ..."
