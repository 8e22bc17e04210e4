"""`dikast judge build`: a judge from what the expert said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from dikast.cli.labelled import labelled
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import tell
from dikast.errors import JudgeError
from dikast.journey.building import Material, Wanted, gather_material
from dikast.journey.running import blocking
from dikast.judges.checking import MOST_RETRIEVED
from dikast.judges.criteria import Criterion
from dikast.judges.definition import Judge
from dikast.judges.drafting import Draft, DraftedCriterion, on_scale
from dikast.judges.evidence import Gathered
from dikast.judges.learned import LEARNED, write_listed
from dikast.judges.lint import lint
from dikast.judges.scaffold import EARNS_NOTHING, write_judge
from dikast.judges.scale import Scale
from dikast.judges.wording import Language
from dikast.records import Json
from dikast.report.figures import count
from dikast.settings import Settings
from dikast.workspace import Workspace

_USUAL_EXAMPLES = 6
_LISTED_SCORES = 11  # distinct ones, beyond which only their range is said

EXAMPLES = """
\b
Examples:
  dikast judge build refunds --data answers.jsonl --labels labels.jsonl --model ollama/qwen3:8b
  dikast judge build refunds --data labelled.jsonl --task 'Decide whether the reply states our rules right.' --yes
  dikast judge build refunds --data labelled.jsonl --model ollama/qwen3:8b --retrieve 4
"""


@click.command("build", epilog=EXAMPLES)
@click.argument("name")
@click.option("--data", required=True, metavar="FILE", help="A kept dataset with labels, or a file.")
@click.option("--labels", metavar="FILE", help="The labels. [default: those kept, or carried by the data]")
@click.option("--annotator", metavar="NAME", help="Whose labels bind. [default: the settled ones]")
@click.option("--task", metavar="TEXT", help="What the judge decides. [default: as drafted]")
@click.option(
    "--examples",
    "most",
    type=click.IntRange(min=0),
    metavar="N",
    help="Fixed ones at most. [default: 6, or 0 beside K]",
)
@click.option(
    "--retrieve", type=click.IntRange(min=2, max=MOST_RETRIEVED), metavar="K", help="Find K for each interaction."
)
@click.option("--embedder", metavar="NAME", help="What finds them: local, words or SERVER/NAME. [default: local]")
@click.option(
    "--context-length",
    type=click.IntRange(min=256),
    metavar="TOKENS",
    help="What the judging model can take. [default: what it says, else 8192]",
)
@click.option(
    "--language",
    type=click.Choice(["en", "zh-Hant", "zh-Hans"]),
    default="en",
    show_default=True,
    help="Of the prompt.",
)
@click.option("--fast", is_flag=True, help="Read the verdict from one token's probabilities; no critique.")
@click.option("--dir", "folder", metavar="DIR", help="The judge's folder. [default: judges/NAME]")
@click.option("--yes", is_flag=True, help="Keep every drafted rule that critiques support; ask nothing.")
@model_options
def build(
    name: str,
    data: str,
    labels: str | None,
    annotator: str | None,
    task: str | None,
    most: int | None,
    retrieve: int | None,
    embedder: str | None,
    context_length: int | None,
    language: Language,
    fast: bool,
    folder: str | None,
    yes: bool,
    **given: object,
) -> None:
    """Build a judge from an expert's labels and critiques.

    With a model, task and criteria are drafted from the critiques, and each is yours to keep or drop. Examples are
    chosen so that verdicts are balanced and no two are alike. With --retrieve, all that have a critique become a pool
    (pool.jsonl), in which examples like it are found for each interaction, some of each verdict. The interactions that
    went into the judge are listed in its folder (learned_from.txt): they can't measure it. Of a kept dataset only the
    pool is used.
    """
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    place = Path(folder) if folder else workspace.judges_dir / name
    if place.exists():
        raise JudgeError(f"there is something at {str(place)!r} already", hint="Choose another name, or --dir.")
    gathered = labelled(workspace, settings, data, labels, annotator, part="pool")
    _tell_evidence(gathered)
    wanted = Wanted(
        examples=(0 if retrieve else _USUAL_EXAMPLES) if most is None else most,
        retrieve=retrieve or 0,
        embedder=embedder or ("local" if retrieve else None),
        context=context_length,
        language=language,
    )
    material = blocking(gather_material(gathered, wanted, settings, workspace, tell=tell))
    definition = _definition(name, task, material, gathered, wanted, settings, yes=yes)
    judge = Judge.from_dict({**definition, "fast": True} if fast else definition)
    path = write_judge(judge, place)
    write_listed(place, LEARNED, material.learned)
    for finding in lint(judge, material.context):
        click.echo(f"{finding.severity}: {finding.where}: {finding.message}", err=True)
    click.echo(str(path))


def _tell_evidence(gathered: Gathered) -> None:
    counts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(gathered.counts.items(), key=str))
    scores = [verdict for verdict in gathered.counts if not isinstance(verdict, str)]
    if len(scores) > _LISTED_SCORES or not all(float(score).is_integer() for score in scores):
        counts = f"scores from {min(scores):g} to {max(scores):g}"
    explained = count(len(gathered.explained), "has a critique", "have a critique")
    tell(f"{count(len(gathered.evidence), 'labelled interaction')} ({counts}); {explained}")
    if gathered.several:
        tell(f"passed over, as people differ and nobody settled it (see --annotator): {gathered.several} of them")
    if gathered.outvoted:
        tell(f"settled by the majority's word, as people differ: {gathered.outvoted} of them")


def _definition(
    name: str,
    task: str | None,
    material: Material,
    gathered: Gathered,
    wanted: Wanted,
    settings: Settings,
    *,
    yes: bool,
) -> dict[str, Json]:
    draft = material.draft
    verdicts = {one.verdict for one in gathered.evidence}
    scale = _scale(verdicts, gathered)
    confirmed = _confirmed(draft.criteria if draft else (), yes=yes)
    criteria = [on_scale(criterion, Scale.of(scale)) for criterion in confirmed]
    nothing = [*(draft.earns_nothing if draft else ()), *EARNS_NOTHING[wanted.language]]
    definition: dict[str, Json] = {
        "name": name,
        "task": _task(task, draft, yes=yes),
        "mode": _mode(gathered, scale),
        "scale": _with_decimals(scale, verdicts),
        "criteria": [msgspec.to_builtins(criterion) for criterion in criteria],
        "overall": "only" if len(criteria) == 1 else "own",
        "earns_nothing": list(dict.fromkeys(nothing)),
        "examples": [msgspec.to_builtins(one.as_example()) for one in material.examples],
        "language": wanted.language,
        "settings": {"model": settings.model} if settings.model else {},
    }
    if wanted.retrieve:
        found = {"k": wanted.retrieve, "by": wanted.embedder, "fingerprint": material.fingerprint}
        pool = [msgspec.to_builtins(one.as_pool_example()) for one in material.pool]
        definition |= {"retrieve": found, "pool": pool}
    return definition


def _task(task: str | None, draft: Draft | None, *, yes: bool) -> str:
    """The task as given, or as drafted and confirmed, or as answered. Raises JudgeError when there is none."""
    wording = task or (
        draft.task if draft and (yes or click.confirm(f"Task: {draft.task}\nKeep it", default=True)) else ""
    )
    wording = wording or (click.prompt("What does it decide? One sentence") if not yes else "")
    if not wording:
        raise JudgeError("the judge has no task", hint="Say what it decides with --task, or let a --model draft it.")
    return wording


def _mode(gathered: Gathered, scale: str) -> str:
    """How the judge sees an interaction: as the expert did, so with the reference where each one has it."""
    if scale == "preference":
        return "pairwise"
    if all(one.interaction.reference is not None for one in gathered.evidence):
        tell("every interaction has a reference answer, so the judge compares with it (mode: reference)")
        return "reference"
    return "single"


def _scale(verdicts: set[str | float], gathered: Gathered) -> str:
    """The scale that the expert used. Raises JudgeError for scores whose scale the labels don't say."""
    if any(not isinstance(verdict, str) for verdict in verdicts):
        if len(gathered.scales) != 1:
            known = ", ".join(f"{low:g}-{high:g}" for low, high in sorted(gathered.scales)) or "none"
            raise JudgeError(
                f"the labels are scores, and their scale is not clear (named: {known})",
                hint='Give each label its scale, such as "scale": [1, 5].',
            )
        ((low, high),) = gathered.scales
        return f"{low:g}-{high:g}"
    return "preference" if verdicts & {"a", "b", "tie"} else "pass_fail"


def _with_decimals(spelt: str, verdicts: set[str | float]) -> Json:
    """The scale; any number between its ends where scores lie between its levels, as means of several people do."""
    scale = Scale.of(spelt)
    between = [one for one in verdicts if not isinstance(one, str) and not float(one).is_integer()]
    if scale.kind != "ordinal" or scale.step is None or not between:
        return spelt
    tell(f"scores such as {min(between):g} lie between whole ones, so the judge may give decimals")
    return {"kind": "ordinal", "low": scale.low, "high": scale.high, "step": None}


def _confirmed(drafted: Sequence[DraftedCriterion], *, yes: bool) -> list[Criterion]:
    """The criteria that the expert keeps; without asking, those that critiques support."""
    kept = []
    for each in drafted:
        rule = each.criterion
        support = f"from {', '.join(each.supported_by)}" if each.supported_by else "no critique supports it"
        if yes:
            if each.supported_by:
                kept.append(rule)
            else:
                tell(f"dropped {rule.name!r}: {support}")
            continue
        click.echo(f"\n{rule.name} ({support})\n  {rule.description}", err=True)
        for level, meaning in rule.levels.items():
            click.echo(f"  {level}: {meaning}", err=True)
        if click.confirm("Keep it", default=bool(each.supported_by), err=True):
            kept.append(rule)
    return kept
