"""A run's progress on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

import click

from dikast.harness.progress import Progress
from dikast.models.endpoint import Facts

_LINE_EVERY_S = 10.0
_BAR_EVERY_S = 0.2


@contextlib.contextmanager
def shown(progress: Progress) -> Iterator[Callable[[str, Facts], None]]:
    """Show a run's progress while the block runs; the run calls what this yields when it begins."""
    ends = threading.Event()
    terminal = sys.stderr.isatty()
    # A thread, not a task: the line must stay alive while the event loop is busy, and is only read from here.
    shower = threading.Thread(target=_bar if terminal else _lines, args=(progress, ends), daemon=True)

    def on_start(name: str, facts: Facts) -> None:
        fingerprint = facts.fingerprint
        server = " ".join(filter(None, (fingerprint.server, fingerprint.server_version)))
        click.echo(f"Run {name}: {fingerprint.model} ({server}{_at(fingerprint.base_url)})", err=True)
        progress.started = time.monotonic()
        shower.start()

    try:
        yield on_start
    finally:
        ends.set()
        if shower.is_alive():
            shower.join()


def tell(what: str) -> None:
    """One line on standard error about what is being done."""
    click.echo(what, err=True)


def line(progress: Progress) -> str:
    """Where a run stands, in one line.

    >>> line(Progress(total=40, started=time.monotonic() + 5))
    '0 of 40'
    """
    parts = [f"{progress.done} of {progress.total}" if progress.total is not None else f"{progress.done} done"]
    parts += [f"{number} {status}" for status, number in sorted(progress.by_status.items())]
    if progress.done and progress.rate_per_min:
        parts.append(f"{progress.rate_per_min:.0f}/min")
    if progress.prompt_tokens:
        parts.append(f"{_short(progress.prompt_tokens + progress.completion_tokens)} tokens")
    if progress.retries:
        parts.append(f"{progress.retries} retries")
    eta = progress.eta_s
    if eta is not None and progress.done:
        parts.append(f"{duration(eta)} left")
    if progress.waiting_for:
        parts.append(progress.waiting_for)
    return ", ".join(parts)


def _lines(progress: Progress, ends: threading.Event) -> None:
    waiting = None
    last = time.monotonic()
    while not ends.wait(0.5):
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S or progress.waiting_for != waiting:
            last, waiting = now, progress.waiting_for
            click.echo(line(progress), err=True)
    click.echo(line(progress), err=True)


def _bar(progress: Progress, ends: threading.Event) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(BarColumn(bar_width=24), TextColumn("{task.description}"), console=console, transient=False) as bar:
        task = bar.add_task("", total=progress.total)
        while True:
            ended = ends.wait(_BAR_EVERY_S)
            bar.update(task, completed=progress.done, total=progress.total, description=line(progress))
            if ended:
                return


def _at(base_url: str | None) -> str:
    return f" at {base_url}" if base_url else ", in this process"


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(40), duration(600), duration(20000)
    ('40 s', '10 min', '5.6 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _short(number: int) -> str:
    return f"{number / 1e6:.1f}M" if number >= 1e6 else f"{number / 1e3:.0f}k" if number >= 1e3 else str(number)
