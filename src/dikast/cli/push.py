"""`dikast push`: a run's verdicts back to where the traces came from, as scores."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import click
import msgspec

from dikast.cli.kept import open_store
from dikast.cli.live import target_of
from dikast.errors import DataError, InputError, PolicyError
from dikast.journey.runs import Run, open_run
from dikast.models.ledger import policy_of
from dikast.platforms.address import Address, address_of
from dikast.platforms.calls import Patience
from dikast.platforms.opening import open_target
from dikast.platforms.outgoing import is_public, outgoing
from dikast.platforms.pushing import Only, PushOrder, PushReport, push
from dikast.records import Json
from dikast.report.text import one_line
from dikast.settings import Settings
from dikast.store import PlatformMemory, Store
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast push support-answers-3 --to support --dry-run
  dikast push support-answers-3 --to phoenix://127.0.0.1:6006/support
  dikast push support-answers-3 --to langfuse:// --name refunds --only failed --allow-cloud --yes
  dikast push results.jsonl --to scores.otlp.jsonl
"""
SOME_REFUSED = 1
_CONSENT = (
    "If it may: --allow-cloud, or DIKAST_ALLOW_CLOUD=1. What would be sent there: the scores with their comments; "
    "without --yes they are shown."
)


@click.command("push", epilog=EXAMPLES)
@click.argument("run")
@click.option("--to", required=True, metavar="SOURCE|URL|FILE", help="A dataset imported live, an address, or a file.")
@click.option("--name", metavar="NAME", help="What the scores are called there. [default: the judge's name]")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--only", type=click.Choice(["failed", "passed"]), help="Only these verdicts.")
@click.option("--labels", metavar="FILE", help="People's labels, for the trust that is told. [default: those kept]")
@click.option("--yes", is_flag=True, help="Write to a public host; without it, what would be sent is shown.")
@click.option(
    "--allow-cloud", is_flag=True, default=None, help="Let scores leave this machine and its private network."
)
@click.option("--store", metavar="FILE|URL", help="The store that knows the run. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def command(
    run: str,
    to: str,
    name: str | None,
    dry_run: bool,
    only: Only | None,
    labels: str | None,
    yes: bool,
    allow_cloud: bool | None,
    store: str | None,
    as_json: bool,
) -> int:
    """A run's verdicts back to where the traces came from.

    Verdict, critique (as comment), confidence, the judge's name and version and how far it is trusted become scores:
    of Langfuse, LangSmith, Phoenix or MLflow, events for an OpenTelemetry collector (otlp://HOST), or lines of a FILE
    (.otlp.jsonl: those events). Pushing again changes nothing; what a person judged under that name is left alone.
    """
    workspace = Workspace.find()
    settings = workspace.settings(allow_cloud=allow_cloud, store=store)
    opened = open_run(run, workspace=workspace, store=store)
    with open_store(store) as (_, kept):
        target = target_of(to, _live(kept))
        order = _order(opened, target, name, only, _trust(opened, kept, workspace, labels))
        memory = kept.platforms()
        with memory.lock(f"push {order.to}", waiting=lambda: _say(f"Another push to {order.to} runs; waiting.")):
            report = asyncio.run(_push(target, opened, order, memory, workspace, settings, dry_run=dry_run, yes=yes))
    click.echo(msgspec.json.encode(report).decode() if as_json else "\n".join(_lines(report, dry_run=dry_run)))
    return SOME_REFUSED if report.refused else 0


def _order(run: Run, to: Address | Path, name: str | None, only: Only | None, trust: dict[str, Json]) -> PushOrder:
    platform = isinstance(to, Address) and to.platform != "otlp"
    return PushOrder(
        run=run.name,
        to=to.name if isinstance(to, Address) else str(to.absolute()),
        name=name or _judge_of(run),
        platform=to.platform if isinstance(to, Address) and platform else None,
        only=only,
        trust=trust,
    )


async def _push(
    to: Address | Path,
    run: Run,
    order: PushOrder,
    memory: PlatformMemory,
    workspace: Workspace,
    settings: Settings,
    *,
    dry_run: bool,
    yes: bool,
) -> PushReport:
    public = isinstance(to, Address) and await is_public(to.host)
    write = not dry_run and (yes or not public)
    policy = policy_of(settings, workspace.make_state_dir, _say)
    if public and write and not settings.allow_cloud and isinstance(to, Address):
        raise PolicyError(str(policy.forbidden(to.host)), hint=_CONSENT)
    if public:
        order = replace(order, clean=partial(outgoing, policy=policy))
    if public and not write and not settings.allow_cloud:
        return await push(None, run.verdicts(), order, memory, write=False)
    target = open_target(to, os.environ, policy, Patience(total_s=settings.patience_s, tell=_say))
    try:
        return await push(target, run.verdicts(), order, memory, write=write, tell=_say)
    finally:
        await target.close()


def _live(store: Store) -> dict[str, Address]:
    """The datasets that were imported live, and the address of each."""
    found: dict[str, Address] = {}
    for mark in store.platforms().marks():
        found.setdefault(mark.dataset, address_of(mark.source, os.environ))
    return found


def _judge_of(run: Run) -> str:
    if run.info is not None:
        return run.info.judge.name
    first = next(iter(run), None)
    if first is None:
        raise DataError(f"{run.name!r} has no verdict")
    return first.judge.name


def _trust(run: Run, store: Store, workspace: Workspace, labels: str | None) -> dict[str, Json]:
    """How far the judge is trusted and what passes after correction; nothing where there are no labels to tell."""
    from dikast.agreement.figures import agreement
    from dikast.cli.measured import ground_of

    lookup = cache(run.interaction)
    try:
        ground = ground_of(run, store, workspace, lookup, labels_file=labels, part=None, why=None)
        found = agreement(run.verdicts(), ground.labels, lookup).as_json()
    except InputError:
        if labels is not None:
            raise
        return {}
    told = {"trust": found["trust"], "labels": found["n"], "corrected_pass_rate": found["corrected_pass_rate"]}
    return {key: value for key, value in told.items() if value is not None}


def _lines(report: PushReport, *, dry_run: bool) -> list[str]:
    lines = [f"To:         {report.target}"]
    left = ", ".join(f"{count:,} {why}" for why, count in report.left_out.items())
    lines.append(f"Verdicts:   {report.verdicts:,}" + (f" (left out: {left})" if left else ""))
    done = "Written" if report.sent else "Would be"
    lines.append(
        f"{done + ':':11} {report.created:,} created, {report.updated:,} updated, {report.unchanged:,} unchanged"
    )
    if report.people:
        lines.append(f"Left alone: {report.people:,} that a person judged under the same name")
    if report.missing:
        lines.append(f"Not there:  {report.missing:,} on traces that the platform does not have")
    if report.refused:
        lines.append(f"Refused:    {report.refused:,}: {one_line('; '.join(report.reasons), 400)}")
    if report.first is not None and not report.sent:
        lines += ["First:", *_first(report)]
    if dry_run:
        lines.append("Nothing was written: this is a dry run.")
    if not report.sent and not dry_run:
        compared = "" if report.compared else " It was not asked what stands there."
        lines.append(f"Nothing was sent: this is a public host.{compared} To send it: --allow-cloud --yes")
    if not report.scores:
        lines.append("Nothing to push: a score needs the trace that it is about, which imported interactions have.")
    return lines


def _first(report: PushReport) -> list[str]:
    score = report.first
    assert score is not None
    about = f"trace {score.trace}" + (f", span {score.span}" if score.span else "")
    said = [f"  {score.name}: {score.label or score.value} on {about}"]
    if score.comment:
        said.append(f"  comment: {one_line(score.comment, 300)}")
    return [*said, f"  metadata: {one_line(msgspec.json.encode(score.metadata).decode(), 400)}"]


def _say(text: str) -> None:
    click.echo(text, err=True)
