"""A platform as the source of an import: pulled first, its pages then read like any other files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from dikast.cli.kept import open_store
from dikast.errors import InputError
from dikast.models.ledger import policy_of
from dikast.platforms.address import Address, address_of, is_address
from dikast.platforms.calls import Patience
from dikast.platforms.opening import open_platform
from dikast.platforms.outgoing import is_public
from dikast.platforms.pulling import Order, Pulled, pull
from dikast.platforms.query import Query
from dikast.store import PlatformMemory
from dikast.workspace import Workspace

Command = TypeVar("Command", bound=Callable[..., Any])

PULLED = "pulled"
_OPTIONS = (
    click.option("--since", metavar="WHEN", help="Of a platform: 24h, 7d or 2026-11-01. [default: the last import]"),
    click.option("--feedback", multiple=True, metavar="WHAT", help="Of a platform: negative, positive or NAME=VALUE."),
    click.option("--name", "trace_name", metavar="NAME", help="Of a platform: only traces of this name."),
    click.option("--tag", multiple=True, metavar="TAG", help="Of a platform: only traces with this tag."),
    click.option("--allow-cloud", is_flag=True, default=None, help="Let the query leave for a public host."),
)


@dataclass(frozen=True)
class Asked:
    """What of a platform is asked for on the command line."""

    since: str | None
    feedback: tuple[str, ...]
    trace_name: str | None
    tag: tuple[str, ...]
    allow_cloud: bool | None

    def query(self, limit: int | None) -> Query:
        """The same as a query. Raises InputError."""
        query = Query(self.feedback, self.since, self.trace_name, self.tag, limit)
        query.check()
        return query


@dataclass
class Sources:
    """Files to import, and the platform that they are of. keep: call it with whether what came of them is kept."""

    paths: tuple[str, ...]
    format: str | None = None
    pulled: Pulled | None = None

    @property
    def origin(self) -> str | None:
        """The platform's address; None for files."""
        return self.pulled.order.address.name if self.pulled else None

    @property
    def is_empty(self) -> bool:
        """Whether a platform had nothing new."""
        return self.pulled is not None and not self.paths

    def done(self, *, kept: bool) -> None:
        """What was pulled is dropped; where it is kept as a dataset, the next import asks for what comes after."""
        if self.pulled is not None:
            self.pulled.done(moved=kept)

    @contextmanager
    def finishing(self, *, whole: bool) -> Iterator[None]:
        """Around keeping: `done` when it went well or nothing came of it. whole: nothing was passed over."""
        try:
            yield
        except InputError:
            self.done(kept=False)
            raise
        self.done(kept=whole)


def live_options(command: Command) -> Command:
    """Add the options that say what of a platform is asked for."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def live_name(source: tuple[str, ...], format: str | None) -> str | None:
    """What a platform's dataset is called when nobody says; None for files."""
    if not any(map(is_address, source)):
        return None
    address = address_of(source[0], os.environ, platform=format)
    return f"{address.platform}-{address.project or address.host}"


@contextmanager
def opened_sources(
    source: tuple[str, ...], format: str | None, asked: Asked, name: str, limit: int | None, store: str | None
) -> Iterator[Sources]:
    """The files of a source; a platform's are pulled first, and stay locked until they are imported."""
    if not any(map(is_address, source)):
        given = {
            "--since": asked.since,
            "--feedback": asked.feedback,
            "--name": asked.trace_name,
            "--tag": asked.tag,
        }
        wrong = next((option for option, value in given.items() if value), None)
        if wrong is not None:
            hint = "--as NAME names the dataset." if wrong == "--name" else "Use --where KEY=VALUE."
            raise InputError(f"{wrong} asks a platform, and {source[0]!r} is a file", hint=hint)
        yield Sources(source, format)
        return
    if len(source) > 1:
        raise InputError("a platform is imported by itself", hint="Give one address.")
    address, query = address_of(source[0], os.environ, platform=format), asked.query(limit)
    with open_store(store) as (workspace, opened):
        order = Order(address, query, name, workspace.make_state_dir() / PULLED)
        memory = opened.platforms()
        with memory.lock(
            f"pull {address.name}", waiting=lambda: _say(f"Another import of {address.name} runs; waiting.")
        ):
            pulled = asyncio.run(_pull(order, memory, workspace, asked.allow_cloud))
            if not pulled.files:
                _say(f"Nothing new at {address.name} since {pulled.window.start:%Y-%m-%d %H:%M} UTC.")
            yield Sources(tuple(map(str, pulled.files)), address.platform, pulled)


async def _pull(order: Order, memory: PlatformMemory, workspace: Workspace, allow_cloud: bool | None) -> Pulled:
    settings = workspace.settings(allow_cloud=allow_cloud)
    policy = policy_of(settings, workspace.make_state_dir)
    if settings.allow_cloud and await is_public(order.address.host):
        _say(f"{order.address.host} is a public host: only the query is sent there (project, filters, times, ids).")
    platform = open_platform(order.address, os.environ, policy, Patience(total_s=settings.patience_s, tell=_say))
    try:
        return await pull(platform, order, memory, tell=lambda text: _say(f"{order.address.platform}: {text}"))
    finally:
        await platform.close()


def target_of(to: str, known: dict[str, Address]) -> Address | Path:
    """What --to names: a dataset that was imported live, an address, a file. Raises InputError."""
    if to in known:
        return known[to]
    if is_address(to):
        return address_of(to, os.environ)
    if to.endswith((".jsonl", ".json")) or os.sep in to:
        return Path(to)
    hint = "Such as phoenix://127.0.0.1:6006/default or scores.jsonl."
    if known:
        hint += f" Imported live were: {', '.join(sorted(known))}."
    raise InputError(
        f"--to {to!r} is no address, no file of JSON Lines, and no dataset that was imported live", hint=hint
    )


def _say(text: str) -> None:
    click.echo(text, err=True)
