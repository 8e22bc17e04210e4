"""`dikast serve`: judges behind an HTTP API."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import tell
from dikast.journey.running import blocking
from dikast.judges.cascade import Cascade, find_judge_or_cascade
from dikast.judges.definition import Judge
from dikast.listening import address_of, bound_socket, is_loopback
from dikast.settings import Settings
from dikast.workspace import Workspace

if TYPE_CHECKING:
    from dikast.serving.desk import Desk, Seat
    from dikast.serving.limits import Limits
    from dikast.serving.server import TrustOf
    from dikast.serving.tokens import Tokens

EXAMPLES = """
\b
Examples:
  dikast serve refunds --model ollama/qwen3:8b
  dikast serve refunds tone --model embedded --port 8377
  dikast serve judge.yaml --model embedded --host 0.0.0.0 --tokens tokens.txt --rate 600
"""


@dataclass(frozen=True)
class _Plan:
    """What is served, where, to whom."""

    judges: tuple[Judge | Cascade, ...]
    workspace: Workspace
    settings: Settings
    host: str
    port: int
    tokens: Tokens
    limits: Limits


@click.command("serve", epilog=EXAMPLES)
@click.argument("judge", nargs=-1, required=True)
@model_options
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; elsewhere a token is needed.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port. [default: a free one]")
@click.option("--token", "given", multiple=True, metavar="TOKEN", help="Who may ask: TOKEN or NAME=TOKEN; several.")
@click.option(
    "--tokens", type=click.Path(path_type=Path), metavar="FILE", help="The same, one a line, out of others' sight."
)
@click.option(
    "--queue", type=click.IntRange(min=1), default=256, show_default=True, help="Interactions under way or waiting."
)
@click.option(
    "--request-timeout", type=click.FloatRange(0.01), default=120.0, show_default=True, help="Seconds for a verdict."
)
@click.option(
    "--max-body",
    type=click.FloatRange(0.001),
    default=4.0,
    show_default=True,
    help="Megabytes that a request may have.",
)
@click.option(
    "--max-batch", type=click.IntRange(min=1), default=1000, show_default=True, help="Interactions in one batch."
)
@click.option(
    "--rate",
    type=click.IntRange(min=1),
    metavar="N",
    help="Interactions a minute for each token. [default: any number]",
)
@click.option(
    "--drain", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds to finish what is under way."
)
def command(
    judge: tuple[str, ...],
    host: str,
    port: int,
    given: tuple[str, ...],
    tokens: Path | None,
    queue: int,
    request_timeout: float,
    max_body: float,
    max_batch: int,
    rate: int | None,
    drain: float,
    **model: object,
) -> int:
    """Judges behind an HTTP API, for guardrails and other languages.

    Serves every JUDGE, or cascade of several, until Ctrl+C or SIGTERM; then finishes what is under way. Verdicts are
    kept as runs, and what was answered is never asked for again. /openapi.json describes the addresses;
    /v1/chat/completions takes the judge for a model. Tokens may stand in DIKAST_SERVE_TOKENS too.
    """
    from dikast.serving.limits import Limits
    from dikast.serving.tokens import VARIABLE, read_tokens

    workspace = Workspace.find()
    size = int(max_body * 1_000_000)
    plan = _Plan(
        judges=tuple(find_judge_or_cascade(name, workspace.judges_dir) for name in judge),
        workspace=workspace,
        settings=settings_from(workspace, model),
        host=host,
        port=port,
        tokens=read_tokens(given, tokens, os.environ.get(VARIABLE), host=host),
        limits=Limits(
            queue=queue,
            body_bytes=size,
            held_bytes=max(16 * size, Limits.held_bytes),
            request_s=request_timeout,
            batch=max_batch,
            rate_per_min=rate,
            drain_s=drain,
        ),
    )
    blocking(_serve(plan))
    return 0


async def _serve(plan: _Plan) -> None:
    from aiohttp import web

    from dikast.serving.desk import open_desk
    from dikast.serving.server import Serving

    listening = bound_socket(plan.host, plan.port)
    stop = _stopped()
    serving: Serving | None = None

    def failed(error: Exception) -> None:
        click.echo(f"verdicts were not written: {error}", err=True)
        if serving is not None:
            serving.metrics.not_written()

    with listening:
        async with open_desk(plan.judges, plan.settings, plan.workspace, tell=tell, failed=failed) as desk:
            serving = Serving(desk, plan.tokens, plan.limits, host=plan.host, trust_of=_trust_of(plan.workspace))
            runner = serving.runner()
            await runner.setup()
            try:
                await web.SockSite(runner, listening, backlog=1024).start()
                for line in _greeting(desk, plan, listening.getsockname()[1]):
                    click.echo(line)
                await stop.wait()
                stop.clear()  # a second signal cuts the waiting short
                waiting = asyncio.create_task(serving.stop())
                await asyncio.wait({waiting, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await runner.cleanup()
            kept = desk.runs
    shown = ", ".join(f"dikast show {name}" for name in kept)
    click.echo(f"Stopped; what was served is kept: {shown}" if kept else "Stopped; nothing was asked.", err=True)


def _stopped() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _trust_of(workspace: Workspace) -> TrustOf:
    def known(seat: Seat) -> Mapping[str, Any] | None:
        from dikast.serving.measured import newest_trust

        return newest_trust(seat.judge.version, workspace, seat.store)

    return known


def _greeting(desk: Desk, plan: _Plan, port: int) -> list[str]:
    """What is served, to whom, and where."""
    lines = [
        f"{name} {seat.judge.version[:12]} ({seat.stages[0].judge.scale.text()}) on {seat.model}"
        for name, seat in desk.seats.items()
    ]
    lines.append(f"Listening on {address_of(plan.host, port)} (described at /openapi.json)")
    names = plan.tokens.names
    lines.append(f"With a token: {', '.join(names)}" if names else "Without a token: anyone at this machine may ask.")
    if not is_loopback(plan.host):
        lines.append("There is no TLS: whoever can read this network's traffic can read the texts and the tokens.")
    return [*lines, "Ctrl+C stops it."]
