"""`dikast judge new`: a judge by question and answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from dikast.errors import InputError, JudgeError
from dikast.judges.definition import Judge, Mode, Order
from dikast.judges.form import Overall
from dikast.judges.lint import lint
from dikast.judges.scaffold import EARNS_NOTHING, write_judge
from dikast.judges.scale import Misread, Scale
from dikast.judges.wording import Language
from dikast.records import Json
from dikast.workspace import Workspace

_SIDES = {"pass_fail": "pass or fail", "preference": "a, b or tie"}


@click.command(
    "new",
    epilog="\b\nExamples:\n  dikast judge new\n"
    "  dikast judge new refunds --yes --task 'Decide whether the reply states our refund rules correctly.' \\\n"
    "      --criterion 'correct: Does every rule in the reply stand in the context?' \\\n"
    "      --level 'correct.pass=Each deadline, amount and condition is that of the context.' \\\n"
    "      --level 'correct.fail=One of them differs, or is not in the context.'",
)
@click.argument("name", required=False)
@click.option("--task", metavar="TEXT", help="What the judge decides, in a sentence.")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="[default: single]")
@click.option(
    "--scale", metavar="SCALE", help="pass_fail, or a range such as 1-5; preference, or a/b without ties, for pairs."
)
@click.option(
    "--criterion", "criteria", multiple=True, metavar="'NAME: QUESTION'", help="One thing to look at; may be repeated."
)
@click.option(
    "--level", "levels", multiple=True, metavar="'[NAME.]LEVEL=MEANING'", help="What a level means; may be repeated."
)
@click.option("--overall", type=click.Choice(get_args(Overall)), help="How the overall comes about.")
@click.option(
    "--earns-nothing", multiple=True, metavar="TEXT", help="What must not count. [default: a list to start with]"
)
@click.option(
    "--order",
    type=click.Choice(get_args(Order)),
    default="critique_first",
    show_default=True,
    help="What the model writes first.",
)
@click.option(
    "--language", type=click.Choice(get_args(Language)), default="en", show_default=True, help="Of the prompt."
)
@click.option("--votes", type=int, default=1, show_default=True, help="How many answers decide by majority.")
@click.option("--fast", is_flag=True, help="Read the verdict from one token's probabilities.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), metavar="DIR", help="The judge's folder. [default: judges/NAME]"
)
@click.option("--yes", is_flag=True, help="Ask nothing: take the defaults for what is not given.")
def new(name: str | None, folder: Path | None, yes: bool, **given: Any) -> None:
    """Write a new judge by asking; each answer can be given as an option instead.

    An existing judge is never overwritten. What could still be better is listed at the end.
    """
    if name is None:
        if yes:
            raise click.UsageError("with --yes, NAME has to be given")
        name = _prompt("Name of the judge", type=str).strip()
    place = folder or Workspace.find().judges_dir / name
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise JudgeError(f"{place} is there already, and is not overwritten", hint="Give another name, or --dir.")
    definition: dict[str, Json] = {"name": name}
    for key in ("language", "order", "votes", "fast"):
        definition[key] = given[key]
    (_from_options if yes else _by_asking)(definition, given)
    judge = Judge.from_dict(definition)
    click.echo(write_judge(judge, place))
    findings = lint(judge)
    if findings:
        click.echo("What could be better:", err=True)
        for finding in findings:
            click.echo(f"  {finding.where}: {finding.message}", err=True)
    click.echo(f"Next: dikast judge lint {name if folder is None else place}", err=True)


def _prompt(question: str, **options: Any) -> Any:
    return _answered(click.prompt, question, options)


def _confirm(question: str, *, default: bool) -> bool:
    return bool(_answered(click.confirm, question, {"default": default}))


def _answered(ask: Callable[..., Any], question: str, options: dict[str, Any]) -> Any:
    """The answer; where standard input has ended, the default. Raises InputError where there is none."""
    try:
        return ask(question, **options)
    except click.Abort as abort:
        if not isinstance(abort.__context__, EOFError):
            raise
        click.echo()
        if "default" in options:
            return options["default"]
        raise InputError(
            f"standard input ended before {question.strip()!r} was answered",
            hint="Give the answer as an option: dikast judge new --help",
        ) from None


def _from_options(definition: dict[str, Json], given: dict[str, Any]) -> None:
    if not (given["task"] or "").strip():
        raise click.UsageError("with --yes, --task has to be given")
    mode = given["mode"] or "single"
    scale = Scale.of(given["scale"] or ("preference" if mode == "pairwise" else "pass_fail"))
    definition |= {"task": given["task"], "mode": mode}
    _put_criteria(definition, scale, [_criterion(text) for text in given["criteria"]], given["levels"])
    definition["earns_nothing"] = list(given["earns_nothing"] or EARNS_NOTHING[definition["language"]])
    if given["overall"]:
        definition["overall"] = given["overall"]


def _by_asking(definition: dict[str, Json], given: dict[str, Any]) -> None:
    definition["task"] = given["task"] or _asked("What does it decide? One sentence, as to a new colleague")
    mode = given["mode"] or _prompt("What does it look at", type=click.Choice(get_args(Mode)), default="single")
    definition["mode"] = mode
    scale = _asked_scale(given["scale"], mode)
    criteria = [_criterion(text) for text in given["criteria"]] or _asked_criteria()
    _put_criteria(definition, scale, criteria, given["levels"])
    _ask_levels(definition, scale)
    if len(criteria) > 1:
        choices = get_args(Overall)[:3] if scale.kind != "preference" else get_args(Overall)[:2]
        definition["overall"] = given["overall"] or _prompt(
            "How does the overall come about (own: the judge's own)", type=click.Choice(choices), default="own"
        )
        if definition["overall"] == "weighted" and scale.kind == "pass_fail":
            definition["scale"]["pass_from"] = _prompt("From which share of criteria on is it a pass", default=0.8)
    definition["earns_nothing"] = _asked_nothing(given["earns_nothing"], definition["language"])
    definition["examples"] = _asked_examples(mode, scale, definition)


def _put_criteria(
    definition: dict[str, Json], scale: Scale, criteria: list[dict[str, Json]], levels: tuple[str, ...]
) -> None:
    """Scale and criteria, with the meanings that --level gives."""
    wire = msgspec.to_builtins(scale)
    by_name = {criterion["name"]: criterion for criterion in criteria}
    for text in levels:
        key, equals, meaning = text.partition("=")
        name, dot, level = key.strip().rpartition(".")
        if not equals or not meaning.strip():
            raise click.UsageError(f"--level {text!r}: expected LEVEL=MEANING, or NAME.LEVEL=MEANING")
        if dot and name not in by_name:
            raise click.UsageError(f"--level {text!r}: there is no criterion {name!r}")
        part = by_name[name] if dot else criteria[0] if len(criteria) == 1 else wire
        part.setdefault("levels", {})[level] = meaning.strip()
    definition |= {"scale": wire, "criteria": criteria}


def _criterion(text: str) -> dict[str, Json]:
    name, _, description = text.partition(":")
    return {"name": name.strip(), "description": description.strip()}


def _asked(question: str) -> str:
    return str(_prompt(question, type=str)).strip()


def _asked_scale(given: str | None, mode: str) -> Scale:
    if given is not None:
        return Scale.of(given)
    if mode == "pairwise":
        ties = _confirm("May two outputs be equally good", default=True)
        return Scale(kind="preference", tie=ties)
    while True:
        try:
            return Scale.of(_prompt("Scale (pass_fail, or a range such as 1-5)", default="pass_fail"))
        except InputError as error:
            click.echo(f"  {error}", err=True)


def _asked_criteria() -> list[dict[str, Json]]:
    criteria: list[dict[str, Json]] = []
    click.echo("What does it look at? A few criteria at most; an empty name ends.")
    while True:
        name = _prompt(f"Criterion {len(criteria) + 1}", default="", show_default=False).strip()
        if not name:
            return criteria
        criteria.append({"name": name, "description": _asked(f"  {name}, as a question")})


def _ask_levels(definition: dict[str, Json], scale: Scale) -> None:
    """Ask what each level means that no option explained."""
    if scale.kind == "preference":
        return
    words = scale.level_words if 0 < len(scale.level_words) <= 6 else tuple(scale.text().split("-"))
    for part in definition["criteria"] or [definition["scale"]]:
        meanings = part.setdefault("levels", {})
        for word in words:
            if word not in meanings:
                name = f"{part['name']}: " if "name" in part else ""
                said = _prompt(
                    f"  {name}what can be seen in an output that is {word!r}", default="", show_default=False
                )
                meanings.update({word: said.strip()} if said.strip() else {})


def _asked_nothing(given: tuple[str, ...], language: Language) -> list[str]:
    if given:
        return list(given)
    click.echo("What must not count:")
    for entry in EARNS_NOTHING[language]:
        click.echo(f"  - {entry}")
    entries = list(EARNS_NOTHING[language]) if _confirm("Keep these", default=True) else []
    while True:
        more = _prompt("What else (an empty line ends)", default="", show_default=False).strip()
        if not more:
            return entries
        entries.append(more)


def _asked_examples(mode: str, scale: Scale, definition: dict[str, Json]) -> list[dict[str, Json]]:
    examples: list[dict[str, Json]] = []
    question = "Add an example with its right verdict (a good and a bad one help most)"
    while _confirm(question if not examples else "Another one", default=False):
        example: dict[str, Json] = {"input": _asked("  Input")}
        context = _prompt("  Context, if there is one", default="", show_default=False)
        example.update({"context": context} if context.strip() else {})
        if mode == "reference":
            example["reference"] = _asked("  Reference answer")
        for key in ("output_a", "output_b") if mode == "pairwise" else ("output",):
            example[key] = _asked(f"  {key.replace('_', ' ').capitalize()}")
        example |= _asked_verdicts(scale, definition)
        example["critique"] = _asked("  Why, as you would tell a new colleague")
        examples.append(example)
    return examples


def _asked_verdicts(scale: Scale, definition: dict[str, Json]) -> dict[str, Json]:
    expected = _SIDES.get(scale.kind, scale.text())
    result: dict[str, Json] = {}
    if definition.get("overall", "own") in ("own", "only"):
        result["verdict"] = _asked_value(scale, f"  Verdict ({expected})")
    if len(definition["criteria"]) > 1:
        names = [criterion["name"] for criterion in definition["criteria"]]
        result["scores"] = {name: _asked_value(scale, f"  {name} ({expected})") for name in names}
    return result


def _asked_value(scale: Scale, question: str) -> Json:
    while True:
        try:
            return scale.read(_asked(question))
        except Misread as error:
            click.echo(f"  {error}", err=True)
