"""`dikast review`: the page on which an expert labels."""

from __future__ import annotations

import asyncio
import getpass
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import msgspec

from dikast.cli.kept import kept_dataset
from dikast.errors import DataError
from dikast.journey.measuring import learned_by_judge_of
from dikast.journey.runs import Run, open_run
from dikast.judges.definition import find_judge
from dikast.judges.scale import Scale
from dikast.listening import address_of, bound_socket, is_loopback
from dikast.records import RunInfo, Verdict
from dikast.review.asked import check_scale
from dikast.review.desk import Desk, Setup
from dikast.review.guard import Guard, key_from
from dikast.review.item_page import check_links
from dikast.review.queues import check_queue
from dikast.review.server import Review
from dikast.review.wording import LANGUAGES
from dikast.settings import Settings
from dikast.store import KeptDataset, Store
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast review tickets.jsonl
  dikast review tickets --queue stratified:feature --annotator ada
  dikast review tickets --run refunds-3 --queue disagree
  dikast review tickets --run desk-1 --queue escalated
  dikast review tickets --queue like:ticket-17
  dikast review pairs.jsonl --judge better-reply-zh --port 8765 --language zh-Hant
"""


@dataclass(frozen=True)
class _Asked:
    """What the command line says."""

    data: str
    annotator: str | None
    principal: str | None
    queue: str
    seed: int
    run_name: str | None
    judge: str | None
    host: str
    port: int
    language: str | None
    store: str | None


@click.command("review", epilog=EXAMPLES)
@click.argument("data")
@click.option("--annotator", metavar="NAME", help="Whose labels these are. [default: the system's user]")
@click.option("--principal", metavar="NAME", help="Whose word binds where people differ. [default: the workspace's]")
@click.option(
    "--queue",
    default="random",
    show_default=True,
    metavar="QUEUE",
    help="random, stratified:KEY, uncertain, disagree, escalated, like:ID, deferred or repeat.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Makes the queue's order repeatable.")
@click.option("--run", "run_name", metavar="RUN", help="A run to compare with, once a label is saved.")
@click.option("--judge", metavar="JUDGE", help="Label on this judge's scale. [default: the run's, else pass/fail]")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; elsewhere a token is needed.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port. [default: a free one]")
@click.option("--language", type=click.Choice(LANGUAGES), help="The page's language. [default: the browser's]")
@click.option("--store", metavar="FILE|URL", help="Where labels are kept. [default: the workspace's]")
def command(**options: Any) -> int:
    """The page on which an expert labels: pass or fail, and why.

    Serves it on this machine until Ctrl+C. DATA is a dataset's name, or a file that is kept under its name first.
    Labels are kept at every pause in typing; the same command goes on where it stopped.
    """
    asked = _Asked(**options)
    workspace = Workspace.find()
    settings = workspace.settings(store=asked.store, review_principal=asked.principal)
    check_queue(asked.queue, has_run=asked.run_name is not None)
    check_links(settings.review_links)
    if "://" not in settings.store:
        workspace.make_state_dir()
    with Store.open(settings.store) as opened, opened.held_open():
        desk = Desk(_setup(asked, workspace, settings, opened))
        asyncio.run(_serve(desk, Guard(asked.host, key_from(workspace.make_state_dir())), asked))
    return 0


def _setup(asked: _Asked, workspace: Workspace, settings: Settings, opened: Store) -> Setup:
    """What is labelled, and all that the pages need of the store."""
    dataset = kept_dataset(workspace, opened, asked.data)
    run = open_run(asked.run_name, workspace=workspace, store=asked.store) if asked.run_name else None
    split = opened.split(dataset.name, principal=settings.review_principal)
    if split.is_behind():
        click.echo("Interactions came after the split was made; they are given their part.", err=True)
        split.settle()
    return Setup(
        dataset=dataset,
        book=opened.labels(dataset.name),
        annotator=asked.annotator or getpass.getuser(),
        scale=check_scale(_scale(asked.judge, run, dataset, workspace)),
        queue=asked.queue,
        seed=asked.seed,
        run=run.name if run else "",
        verdicts=_verdicts(run),
        links=settings.review_links,
        runs=opened.runs,
        datasets=opened.datasets,
        sealed=frozenset(split.positions("test")),
        principal=settings.review_principal,
        open_run=opened.run,
        openings=partial(opened.openings, dataset.name),
        learned=partial(learned_by_judge_of, judges_dir=workspace.judges_dir),
    )


def _scale(judge: str | None, run: Run | None, dataset: KeptDataset, workspace: Workspace) -> Scale:
    """The judge's, the run's, or what the data ask for."""
    if judge is not None:
        return find_judge(judge, workspace.judges_dir).scale
    if run is not None and run.info is not None:
        return _recorded(run.info)
    return Scale(kind="preference") if dataset.item(0).is_pair else Scale()


def _recorded(info: RunInfo) -> Scale:
    scale = info.judge_definition.get("scale")
    return Scale.of(scale) if isinstance(scale, str) else msgspec.convert(scale or {}, Scale)


def _verdicts(run: Run | None) -> Mapping[str, Verdict]:
    """The run's verdicts by id, without the raw answers, which the page doesn't show."""
    if run is None:
        return {}
    found = {one.id: msgspec.structs.replace(one, raw_judge_output=None) for one in run.verdicts()}
    if not found:
        raise DataError(f"the run {run.name!r} has no verdicts")
    return found


async def _serve(desk: Desk, guard: Guard, asked: _Asked) -> None:
    from aiohttp import web

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(Review(desk, guard, language=asked.language).app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        listening = bound_socket(asked.host, asked.port)
        await web.SockSite(runner, listening).start()
        for line in _greeting(desk, guard, asked.host, listening.getsockname()[1]):
            click.echo(line)
        await stop.wait()
    finally:
        await runner.cleanup()
    click.echo("Stopped; every label is kept.", err=True)


def _greeting(desk: Desk, guard: Guard, host: str, port: int) -> list[str]:
    """What is labelled, and the address to open."""
    address = address_of(host, port)
    done, _ = desk.done()
    number = len(desk.queue.positions)
    queue = "" if number == len(desk.dataset) else f", queue {desk.queue.drawn}"
    lines = [
        f"{desk.dataset.name}{queue}: {number:,} interactions, {done:,} labelled by {desk.annotator}",
        f"Open {address if guard.open else f'{address}open?token={guard.token}'}",
    ]
    if not is_loopback(host):
        lines.append("There is no TLS: whoever can read this network's traffic can read the page and its token.")
    return [*lines, "Ctrl+C stops it."]
