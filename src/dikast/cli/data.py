"""`dikast data`: what is in a dataset, which part of it may be used for what, and samples of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import msgspec

from dikast.agreement.openings import cost_in_words
from dikast.cli.kept import kept_dataset, open_store
from dikast.errors import DataError, InputError
from dikast.interactions.sampling import SampleRequest, SamplingDesign, draw_sample
from dikast.interactions.splits import UNLABELLED, Part
from dikast.journey.finding import find_data
from dikast.journey.importing import contract_line
from dikast.journey.measuring import dataset_of
from dikast.records import Interaction
from dikast.report.figures import count
from dikast.report.jsonl import write_results
from dikast.report.text import one_line
from dikast.store import DatasetInfo, Store

_TITLES: dict[Part, str] = {"pool": "pool", "dev": "dev", "test": "sealed test", "aside": "set aside"}
_EXAMPLES = """
\b
Examples:
  dikast data split support
  dikast data split answers.jsonl --shares 20/40/40
  dikast data split support --json
"""


_LIST_EXAMPLES = """
\b
Examples:
  dikast data list
  dikast data list --json
"""
_SHOW_EXAMPLES = """
\b
Examples:
  dikast data show support
  dikast data show support --json
"""
_SAMPLE_EXAMPLES = """
\b
Examples:
  dikast data sample traces.jsonl --n 200
  dikast data sample traces.jsonl --n 200 --stratified feature --drop-near-duplicates
  dikast data sample support --n 50 --where language=zh --out sample.jsonl
"""


@click.group("data")
def command() -> None:
    """Datasets: what is kept, their parts, and samples of them."""


@command.command("split", epilog=_EXAMPLES)
@click.argument("data", metavar="DATA")
@click.option(
    "--shares", metavar="P/D/T", help="Percent of pool, dev and test, the first time. [default: 15/42.5/42.5]"
)
@click.option("--store", metavar="FILE|URL", help="Where the split is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the sizes as JSON.")
def split_command(data: str, shares: str | None, store: str | None, as_json: bool) -> None:
    """Give every interaction its part, once, and show the parts by class.

    By content: equal and nearly equal inputs, and those of one context, stay together. What has a part keeps it when
    interactions and labels are added. DATA is a file, or the name of a dataset that is kept.
    """
    chosen = _shares(shares) if shares else None
    with open_store(store) as (workspace, opened):
        principal = workspace.settings(store=store).review_principal
        split = opened.split(kept_dataset(workspace, opened, data).name, principal=principal)
        made = split.settle(shares=chosen)
        sizes = split.sizes()
        openings = opened.openings(split.dataset.name)
    n = sum(sizes.get("test", {}).values())
    cost = cost_in_words([f"{one.judge.name}@{one.judge.version}" for one in openings], n)
    if as_json:
        shown = {part: {name or "unlabelled": count for name, count in by.items()} for part, by in sizes.items()}
        report = {"dataset": split.dataset.name, "parts": shown, "notes": made.notes}
        click.echo(msgspec.json.encode({**report, "openings": openings, "cost": cost}))
        return
    click.echo("\n".join(_table(sizes)))
    for note in made.notes:
        click.echo(f"Note: {note}.")
    click.echo(cost)


@command.command("list", epilog=_LIST_EXAMPLES)
@click.option("--store", metavar="FILE|URL", help="Where datasets are kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_command(store: str | None, as_json: bool) -> None:
    """Every dataset that is kept, newest first."""
    with open_store(store) as (_, opened):
        kept = [(info, opened.labels(info.name).counts().labelled) for info in opened.datasets()]
    if as_json:
        rows = [msgspec.to_builtins(info) | {"labelled": labelled} for info, labelled in kept]
        click.echo(msgspec.json.encode(rows))
        return
    if not kept:
        click.echo("No dataset is kept here yet: `dikast review DATA` or `dikast data split DATA` keeps one.", err=True)
    for info, labelled in kept:
        drawn = f"  sample: {one_line(info.design.words, 120)}" if info.design else ""
        click.echo(f"{one_line(info.name, 40):<30}{info.n:>10,} interactions{labelled:>9,} labelled{drawn}")


@command.command("show", epilog=_SHOW_EXAMPLES)
@click.argument("name", metavar="NAME")
@click.option("--store", metavar="FILE|URL", help="Where it is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show_command(name: str, store: str | None, as_json: bool) -> None:
    """A kept dataset: its labels, its parts, how it was drawn, its runs."""
    with open_store(store) as (workspace, opened):
        principal = workspace.settings(store=store).review_principal
        shown = _described(opened, opened.dataset(name).info, principal)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2))
    else:
        click.echo("\n".join(_described_lines(shown)))


@command.command("sample", epilog=_SAMPLE_EXAMPLES)
@click.argument("data", metavar="DATA")
@click.option("--n", "n", type=click.IntRange(min=1), required=True, metavar="N", help="How many to draw.")
@click.option("--stratified", "key", metavar="KEY", help="As many of each value of this metadata key as there are.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed draws the same sample.")
@click.option("--where", "where", multiple=True, metavar="KEY=VALUE", help="Only of these; may be repeated.")
@click.option("--negative", is_flag=True, help="Only what the system's users disliked: to learn from, not to measure.")
@click.option("--drop-near-duplicates", "distinct", is_flag=True, help="Of nearly the same inputs, only one.")
@click.option("--per-conversation", type=click.IntRange(min=1), metavar="N", help="At most N of each conversation.")
@click.option("--name", "name", metavar="NAME", help="Keep it under this name. [default: DATA-sample]")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write JSON Lines and keep nothing.")
@click.option("--store", metavar="FILE|URL", help="Where it is kept. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print the design as JSON.")
def sample_command(
    data: str,
    n: int,
    key: str | None,
    seed: int,
    where: tuple[str, ...],
    negative: bool,
    distinct: bool,
    per_conversation: int | None,
    name: str | None,
    out: Path | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Draw a sample into a dataset of its own, and keep how it was drawn.

    DATA is read once, in memory for the sample alone: a file of any length, - for standard input, or a kept dataset.
    The design (method, seed, sizes of the strata) stays with the sample, and its labels say how they were drawn.
    """
    if out is not None and name is not None:
        raise InputError("--out writes a file and --name keeps a dataset: give one of them")
    asked = SampleRequest(
        n=n,
        seed=seed,
        key=key,
        where=dict(_pair(one) for one in where),
        negative=negative,
        distinct=distinct,
        per_conversation=per_conversation,
    )
    with open_store(store) as (workspace, opened):
        dataset = find_data(data, workspace, str(opened.location))
        drawn, design = draw_sample(dataset, asked, source=dataset.name)
        if dataset.tally.rejected:
            rows = count(dataset.tally.rejected, f"row of {data} was", f"rows of {data} were")
            click.echo(f"{rows} not used", err=True)
        place = _write_sample(out, drawn) if out else _keep_sample(opened, name, drawn, design)
    if as_json:
        click.echo(msgspec.json.encode({"kept_as" if out is None else "out": place, "design": design}))
        return
    click.echo("\n".join(_design_lines(design)))
    click.echo(place)


def _pair(given: str) -> tuple[str, str]:
    key, separator, value = given.partition("=")
    if not separator or not key.strip():
        raise InputError(f"--where {given!r}: expected KEY=VALUE, such as language=zh")
    return key.strip(), value.strip()


def _write_sample(out: Path, drawn: Iterable[Interaction]) -> str:
    write_results(out, map(contract_line, drawn))
    return str(out)


def _keep_sample(store: Store, name: str | None, drawn: list[Interaction], design: SamplingDesign) -> str:
    """Keep it under the name, or the next free one; what is there under a name that is given is not replaced."""
    chosen = name or f"{design.source}-sample"
    number = 1
    while (before := store.find_dataset(chosen)) is not None and before.info.design != design:
        if name is not None:
            raise DataError(
                f"there is a dataset {name!r} already, and it is not this sample",
                hint="Give another --name, or --out FILE.",
            )
        number += 1
        chosen = f"{design.source}-sample-{number}"
    return store.keep_dataset(chosen, drawn, sources=(design.source,), design=design).name


def _design_lines(design: SamplingDesign) -> list[str]:
    lines = [f"{design.words}."]
    if design.n < design.asked:
        lines.append(f"Asked for were {design.asked:,}: there are no more that fit.")
    if design.strata:
        width = max(len(one_line(value, 40)) for value in design.strata) + 2
        lines.append(f"{'':<{width}}{'source':>10}{'drawn':>8}{'rate':>8}")
        for value, one in design.strata.items():
            lines.append(f"{one_line(value, 40) or '-':<{width}}{one.size:>10,}{one.drawn:>8,}{100 * one.rate:>7.1f}%")
    return lines


def _described(store: Store, info: DatasetInfo, principal: str | None) -> dict[str, Any]:
    """What there is to say of a kept dataset, as JSON values."""
    book, split = store.labels(info.name), store.split(info.name, principal=principal)
    counts = book.counts()
    openings = store.openings(info.name)
    runs = []
    for one in store.runs():
        found = dataset_of(one, store)
        if found is not None and found.name == info.name:
            runs.append({"name": one.name, "judge": one.judge.name, "model": one.model, "started_at": one.started_at})
    sizes = split.sizes()
    parts = {part: {name or "unlabelled": count for name, count in by.items()} for part, by in sizes.items()}
    classes: dict[str, int] = {}
    for said in split.classes().values():
        classes[said] = classes.get(said, 0) + 1
    users: dict[str, int] = {}
    for label in (label for item in store.dataset(info.name) for label in item.labels if label.whose == "user"):
        users[label.verdict or "score only"] = users.get(label.verdict or "score only", 0) + 1
    versions = [f"{one.judge.name}@{one.judge.version}" for one in openings]
    return {
        **msgspec.to_builtins(info),
        "labels": {
            "labelled": counts.labelled,
            "classes": dict(sorted(classes.items())),
            "people": {name or "not named": number for name, number in book.annotators().items()},
            "drafts": counts.drafts,
            "users": dict(sorted(users.items())),
        },
        "parts": parts,
        "openings": msgspec.to_builtins(openings),
        "cost": cost_in_words(versions, sum(sizes.get("test", {}).values())),
        "runs": runs,
        "design_in_words": info.design.words if info.design else None,
    }


def _described_lines(shown: dict[str, Any]) -> list[str]:
    labels = shown["labels"]
    lines = [f"{shown['name']}: {count(shown['n'], 'interaction')}, kept {shown['kept_at'][:16].replace('T', ' ')} UTC"]
    lines += [f"From      {one_line(source, 120)}" for source in shown["sources"]]
    if shown["design_in_words"]:
        lines.append(f"Sample    {shown['design_in_words']}")
    said = ", ".join(f"{count:,} {name}" for name, count in labels["classes"].items()) or "none"
    lines.append(f"Labels    {said}" + (f"; {count(labels['drafts'], 'draft')}" if labels["drafts"] else ""))
    if labels["users"]:
        thumbs = ", ".join(f"{count:,} {one_line(name, 40)}" for name, count in labels["users"].items())
        lines.append(f"Users     {thumbs}: what they said stays apart (`dikast agree RUN --labels-of user`)")
    if labels["people"]:
        lines.append("By        " + ", ".join(f"{one_line(who, 40)} ({n:,})" for who, n in labels["people"].items()))
    parts = [f"{_TITLES[part]} {sum(by.values()):,}" for part, by in shown["parts"].items()]
    lines.append("Parts     " + (", ".join(parts) or "not split: nothing is sealed"))
    if parts:
        lines.append(f"Openings  {shown['cost']}")
    for run in shown["runs"][:10]:
        lines.append(
            f"Run       {one_line(run['name'], 40)} ({one_line(run['judge'], 40)} on {one_line(run['model'], 60)})"
        )
    return lines


def _shares(given: str) -> dict[Part, float]:
    found = re.fullmatch(r"\s*(\d+\.?\d*)\s*/\s*(\d+\.?\d*)\s*/\s*(\d+\.?\d*)\s*", given)
    if found is None:
        raise InputError(f"--shares {given!r}: expected three percentages such as 15/42.5/42.5")
    pool, dev, test = (float(part) / 100 for part in found.groups())
    return {"pool": pool, "dev": dev, "test": test}


def _table(sizes: dict[Part, dict[str, int]]) -> list[str]:
    """Classes down, parts across."""
    parts: list[Part] = [part for part in _TITLES if part in sizes or part != "aside"]
    classes = sorted({name for by in sizes.values() for name in by}, key=lambda name: (name == UNLABELLED, name))
    width = max(12, *(len(name) + 2 for name in classes))
    lines = [" " * width + "".join(f"{_TITLES[part]:>13}" for part in parts)]
    for name in classes:
        counts = "".join(f"{sizes.get(part, {}).get(name, 0):>13,}" for part in parts)
        lines.append(f"{name or 'unlabelled':<{width}}{counts}")
    total = "".join(f"{sum(sizes.get(part, {}).values()):>13,}" for part in parts)
    return [*lines, f"{'in all':<{width}}{total}"]
