"""`dikast judge build`: a judge from what the expert said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from dikast.bench import open_bench
from dikast.cli.labelled import labelled
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import tell
from dikast.errors import EndpointGarbled, JudgeError
from dikast.harness.progress import Progress
from dikast.judges.criteria import Criterion
from dikast.judges.definition import Judge
from dikast.judges.drafting import Draft, DraftedCriterion, NoDraft, draft_request, read_draft
from dikast.judges.evidence import Evidence, Gathered, choose_examples
from dikast.judges.lint import lint
from dikast.judges.scaffold import EARNS_NOTHING, write_judge
from dikast.models.endpoint import Reply
from dikast.records import Json
from dikast.running import blocking
from dikast.settings import Settings
from dikast.workspace import Workspace

_CHARS_PER_TOKEN = 3.5  # of English; the room for examples is bounded with a margin, and `judge lint` counts
_SHARE_FOR_EXAMPLES = 0.5  # of the context; the rest is for rules, the interaction and the answer
_SEEN_BY_DRAFTING = 24  # critiques that the drafting model is shown

EXAMPLES = """
\b
Examples:
  dikast judge build refunds --data answers.jsonl --labels labels.jsonl --model ollama/qwen3:8b
  dikast judge build refunds --data labelled.jsonl --task 'Decide whether the reply states our rules right.' --yes
"""


@click.command("build", epilog=EXAMPLES)
@click.argument("name")
@click.option("--data", required=True, metavar="FILE", help="A kept dataset with labels, or a file.")
@click.option("--labels", metavar="FILE", help="The labels. [default: those kept, or carried by the data]")
@click.option("--annotator", metavar="NAME", help="Whose labels bind. [default: the settled ones]")
@click.option("--task", metavar="TEXT", help="What the judge decides. [default: as drafted]")
@click.option("--examples", "most", type=click.IntRange(min=0), default=6, show_default=True, help="Examples at most.")
@click.option("--context-length", type=int, default=8192, show_default=True, help="What the judging model can take.")
@click.option(
    "--language",
    type=click.Choice(["en", "zh-Hant", "zh-Hans"]),
    default="en",
    show_default=True,
    help="Of the prompt.",
)
@click.option("--dir", "folder", metavar="DIR", help="The judge's folder. [default: judges/NAME]")
@click.option("--yes", is_flag=True, help="Keep every drafted rule that critiques support; ask nothing.")
@model_options
def build(
    name: str,
    data: str,
    labels: str | None,
    annotator: str | None,
    task: str | None,
    most: int,
    context_length: int,
    language: str,
    folder: str | None,
    yes: bool,
    **given: object,
) -> None:
    """Build a judge from an expert's labels and critiques.

    With a model, task and criteria are drafted from the critiques, and each is yours to keep or drop. Examples are
    chosen so that verdicts are balanced and no two are alike. The interactions that went into the judge are listed in
    its folder (learned_from.txt): they can't measure it. Of a kept dataset only the pool is used.
    """
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    place = Path(folder) if folder else workspace.judges_dir / name
    if place.exists():
        raise JudgeError(f"there is something at {str(place)!r} already", hint="Choose another name, or --dir.")
    gathered = labelled(workspace, settings, data, labels, annotator, part="pool")
    _tell_evidence(gathered)
    seen = choose_examples(gathered.explained, _SEEN_BY_DRAFTING, room=60_000, size=_chars)
    draft = _drafted(settings, workspace, seen, language) if settings.model else None
    room = int(context_length * _CHARS_PER_TOKEN * _SHARE_FOR_EXAMPLES)
    chosen = choose_examples(gathered.evidence, most, room=room, size=_chars)
    judge = Judge.from_dict(_definition(name, task, draft, gathered, chosen, language, settings, yes=yes))
    path = write_judge(judge, place)
    learned = {one.interaction.id for one in chosen} | ({one.interaction.id for one in seen} if draft else set())
    (place / "learned_from.txt").write_text("".join(f"{id}\n" for id in sorted(learned)), encoding="utf-8")
    for finding in lint(judge, context_length):
        click.echo(f"{finding.severity}: {finding.message}", err=True)
    click.echo(str(path))


def _tell_evidence(gathered: Gathered) -> None:
    counts = ", ".join(f"{number} {verdict}" for verdict, number in sorted(gathered.counts.items(), key=str))
    tell(f"{len(gathered.evidence)} labelled interactions ({counts}); {len(gathered.explained)} have a critique")
    if gathered.several:
        tell(f"{gathered.several} interactions were passed over: several people, and none settled (see --annotator)")


def _drafted(settings: Settings, workspace: Workspace, seen: Sequence[Evidence], language: str) -> Draft:
    """Task and criteria, drafted by the model; asked a second time when the first reply holds none."""
    request = draft_request(seen, language)  # type: ignore[arg-type]

    def usable(reply: Reply) -> bool:
        try:
            return bool(read_draft(reply, seen))
        except NoDraft:
            return False

    async def ask() -> Draft:
        assert settings.model is not None
        async with open_bench(settings.model, settings, workspace, tell=tell) as bench:
            progress = Progress()
            asker = bench.asker(bench.lanes(progress), progress)
            tell(f"{settings.model} drafts rules from {len(seen)} critiques ...")
            reply, _ = await asker.ask(request, usable)
            if not usable(reply):
                again = msgspec.structs.replace(request, sample=1, seed=1, temperature=0.7)
                reply, _ = await asker.ask(again, usable)
            return read_draft(reply, seen)

    try:
        return blocking(ask())
    except NoDraft as error:
        raise EndpointGarbled(
            f"the model drafted nothing that can be used: {error}",
            hint="Try a larger model, or leave --model out and give --task.",
        ) from None


def _definition(
    name: str,
    task: str | None,
    draft: Draft | None,
    gathered: Gathered,
    chosen: Sequence[Evidence],
    language: str,
    settings: Settings,
    *,
    yes: bool,
) -> dict[str, Json]:
    criteria = _confirmed(draft.criteria if draft else (), yes=yes)
    wording = task or (
        draft.task if draft and (yes or click.confirm(f"Task: {draft.task}\nKeep it", default=True)) else ""
    )
    wording = wording or (click.prompt("What does it decide? One sentence") if not yes else "")
    if not wording:
        raise JudgeError("the judge has no task", hint="Say what it decides with --task, or let a --model draft it.")
    nothing = [*(draft.earns_nothing if draft else ()), *EARNS_NOTHING[language]]  # type: ignore[index]
    examples = [msgspec.to_builtins(one.as_example()) for one in chosen]
    verdicts = {one.verdict for one in gathered.evidence}
    return {
        "name": name,
        "task": wording,
        "mode": "pairwise" if verdicts & {"a", "b", "tie"} else "single",
        "scale": _scale(verdicts, gathered),
        "criteria": [msgspec.to_builtins(criterion) for criterion in criteria],
        "overall": "only" if len(criteria) == 1 else "own",
        "earns_nothing": list(dict.fromkeys(nothing)),
        "examples": examples,
        "language": language,
        "settings": {"model": settings.model} if settings.model else {},
    }


def _scale(verdicts: set[str | float], gathered: Gathered) -> Json:
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


def _chars(one: Evidence) -> int:
    return len(msgspec.json.encode(one.as_example()))
