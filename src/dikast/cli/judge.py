"""`dikast judge`: write, check, show and compare judges."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import click
import msgspec

from dikast.cli.judge_build import build
from dikast.cli.judge_card import card
from dikast.cli.judge_history import history
from dikast.cli.judge_new import new
from dikast.cli.progress import tell
from dikast.errors import DataError, JudgeError
from dikast.interactions.dataset import open_dataset
from dikast.journey.bench import Embedders, open_retriever
from dikast.journey.running import blocking
from dikast.judges.cascade import Cascade
from dikast.judges.cascade_lint import lint_cascade
from dikast.judges.criteria import PoolExample
from dikast.judges.definition import Judge, find_judge, locate_judge
from dikast.judges.diff import Change, changes, text_diff
from dikast.judges.findings import Finding
from dikast.judges.lint import LOOKED_AT, lint
from dikast.judges.loading import as_yaml, is_cascade
from dikast.judges.rendering import render
from dikast.models.endpoint import Message
from dikast.records import Interaction, Json
from dikast.workspace import Workspace

_JUDGE = "A JUDGE is a name in the workspace, a path to a judge, or a path to a plain text prompt."


@click.group("judge")
def command() -> None:
    """Write, check, show and compare judges.

    A judge is a folder with judge.yaml, and a prompt.md where the prompt is your own; or one YAML file; or a plain text
    prompt with {input} and {output} in it.
    """


command.add_command(new)
command.add_command(build)
command.add_command(card)
command.add_command(history)


@command.command("lint", epilog="\b\nExample:\n  dikast judge lint support --data answers.jsonl --context-length 8192")
@click.argument("judge", metavar="JUDGE")
@click.option("--data", metavar="FILE", help="Interactions that the judge is for: the first 1,000 are looked at.")
@click.option("--context-length", type=click.IntRange(min=1), metavar="TOKENS", help="What the model can take.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def lint_command(judge: str, data: str | None, context_length: int | None, as_json: bool) -> int:
    """Find what is known to make judges worse, and say why.

    Exits with 1 when there is an error; warnings and remarks don't count.
    """
    place = locate_judge(judge, Workspace.find().judges_dir)
    items = [] if data is None else list(islice(open_dataset(data), LOOKED_AT))
    try:
        if is_cascade(place):
            findings = lint_cascade(Cascade.load(place, Workspace.find().judges_dir), context_length, items)
        else:
            findings = lint(Judge.load(place), context_length, interactions=items)
    except JudgeError as error:
        findings = [_unusable(error)]
    if as_json:
        click.echo(msgspec.json.encode(findings))
    else:
        _print_findings(findings)
    return 1 if any(finding.severity == "error" for finding in findings) else 0


@command.command(
    "show",
    epilog="\b\nExamples:\n  dikast judge show support\n  dikast judge show support --data answers.jsonl --id 42",
)
@click.argument("judge", metavar="JUDGE")
@click.option("--data", metavar="FILE", help="Show the exact prompt for an interaction of this file.")
@click.option("--id", "wanted", metavar="ID", help="Which interaction. [default: the first]")
@click.option("--fast", is_flag=True, help="The prompt that asks for one word.")
@click.option("--swapped", is_flag=True, help="The prompt that shows B as A.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def show_command(judge: str, data: str | None, wanted: str | None, fast: bool, swapped: bool, as_json: bool) -> None:
    """Show a judge: its definition, its version, how its answer is read, and with --data the exact prompt.

    The prompt is what the model gets, byte for byte. Where examples are found for each interaction, a run may show
    fewer of them: it leaves room for the answer in what its model can take.
    """
    loaded = find_judge(judge, Workspace.find().judges_dir)
    if fast and not loaded.can_be_fast:
        raise click.UsageError(f"--fast: the verdict of {loaded.name!r} can't be asked for as one word")
    if swapped and loaded.mode != "pairwise":
        raise click.UsageError(f"--swapped: {loaded.name!r} does not compare two outputs")
    messages = None
    if data is not None:
        interaction = _interaction(data, wanted)
        found = _retrieved(loaded, interaction)
        messages = render(loaded, interaction, swapped=swapped, fast=fast, examples=found)
    if as_json:
        shown = {"name": loaded.name, "version": loaded.version, "definition": loaded.definition, "form": _form(loaded)}
        click.echo(msgspec.json.encode(shown if messages is None else {**shown, "messages": messages}))
    elif messages is not None:
        _print_messages(messages)
    else:
        _print_judge(loaded)


@command.command("diff", epilog="\b\nExample:\n  dikast judge diff judges/support judges/support-2")
@click.argument("before", metavar="JUDGE")
@click.argument("after", metavar="JUDGE")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
def diff_command(before: str, after: str, as_json: bool) -> None:
    """Show what changed from one judge to another.

    Judges of the same version give the same answers, whatever they are called.
    """
    judges_dir = Workspace.find().judges_dir
    first, second = find_judge(before, judges_dir), find_judge(after, judges_dir)
    found = changes(first, second)
    if as_json:
        click.echo(msgspec.json.encode({"before": first.ref, "after": second.ref, "changes": found}))
        return
    click.echo(f"{first.name} {first.version}  ->  {second.name} {second.version}")
    if first.version == second.version:
        click.echo("The same version: nothing that changes an answer is different.")
    for change in found:
        _print_change(change)


def _retrieved(judge: Judge, interaction: Interaction) -> tuple[PoolExample, ...]:
    """The examples that a judge finds for an interaction."""
    workspace = Workspace.find()

    async def find() -> tuple[PoolExample, ...]:
        embedders = Embedders(workspace.settings(), workspace, tell=tell)
        try:
            retriever = await open_retriever(judge, embedders)
            return await retriever.examples_for(interaction) if retriever else ()
        finally:
            await embedders.close()

    return () if judge.retrieve is None else blocking(find())


def _unusable(error: JudgeError) -> Finding:
    message = f"{error} ({error.hint})" if error.hint else str(error)
    return Finding(
        code="unusable", severity="error", where="definition", message=message, why="It can't be run as it is."
    )


def _print_findings(findings: list[Finding]) -> None:
    for finding in findings:
        click.echo(f"{finding.severity}: {finding.where}: {finding.message}  [{finding.code}]")
        click.echo(f"    {finding.why}")
    counts = {kind: sum(found.severity == kind for found in findings) for kind in ("error", "warning", "info")}
    names = {"error": "error", "warning": "warning", "info": "remark"}
    said = [f"{count} {names[kind]}{'s' if count > 1 else ''}" for kind, count in counts.items() if count]
    click.echo(", ".join(said) or "Nothing found.")


def _interaction(data: str, wanted: str | None) -> Interaction:
    count = 0
    for interaction in open_dataset(data):
        count += 1
        if wanted in (None, interaction.id):
            return interaction
    if wanted is None:
        raise DataError(f"{data}: there is no interaction in it")
    raise DataError(f"{data}: none of its {count} interactions has the id {wanted!r}")


def _form(judge: Judge) -> dict[str, Json]:
    form = judge.form()
    return {
        "schema": form.schema,
        "choices": form.choices,
        "keys": {field.name: ".".join(field.path) for field in form.fields},
        "notes": form.notes,
    }


def _print_messages(messages: tuple[Message, ...]) -> None:
    for message in messages:
        click.echo(click.style(f"[{message.role}]", bold=True))
        click.echo(message.content)
        click.echo()


def _print_judge(judge: Judge) -> None:
    click.echo(f"# {judge.name}, version {judge.version}" + (f", from {judge.source}" if judge.source else ""))
    click.echo(as_yaml(judge.to_yaml_dict()).rstrip())
    if judge.prompt is not None:
        click.echo(f"# the prompt\n{judge.prompt.rstrip()}")
    if judge.retrieve is not None:
        counts = Counter(str(one.verdict) for one in judge.pool)
        said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        click.echo(f"# the pool: {len(judge.pool)} examples ({said}), of which {judge.retrieve.k} are shown")
    form = judge.form()
    if form.is_open:
        click.echo("# read from the answer's last line")
    else:
        keys = ", ".join(f"{field.name} <- {'.'.join(field.path)}" for field in form.fields)
        click.echo(f"# read from the answer's JSON: {keys}")
    for note in form.notes:
        click.echo(f"# note: {note}")


def _print_change(change: Change) -> None:
    before, after = change.before, change.after
    if isinstance(before, str) and isinstance(after, str) and "\n" in before + after:
        click.echo(f"{change.key}:")
        for line in text_diff(before, after):
            click.echo(f"    {line}")
        return
    click.echo(f"{change.key}: {_said(before)}  ->  {_said(after)}")


def _said(value: Any) -> str:
    return "(none)" if value is None else msgspec.json.encode(value).decode()
