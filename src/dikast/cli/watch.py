"""`dikast watch`: round after round, what is new is pulled, judged, sent back, and kept in one growing run."""

from __future__ import annotations

import asyncio
import glob
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click

from dikast.analysis.periods import Every
from dikast.cli.drift_alerts import post_alerts, print_alert
from dikast.cli.kept import open_store
from dikast.cli.live import Asked, live_name, opened_sources, target_of
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import tell
from dikast.errors import DataError, InputError, PolicyError, SettingError
from dikast.interactions.dataset import open_dataset
from dikast.interactions.labels import read_labels
from dikast.interactions.sampling import SampleRequest
from dikast.journey.drifting import Look, anchors_in, look, tell_once
from dikast.journey.finding import find_data
from dikast.journey.importing import ImportRequest
from dikast.journey.running import RunPlan
from dikast.journey.watching import Anchors, Health, Pulled, Watch, WatchPlan, only_watch
from dikast.judges.cascade import Cascade, find_judge_or_cascade
from dikast.judges.definition import Judge
from dikast.models.ledger import policy_of
from dikast.platforms.address import Address, address_of, is_address
from dikast.platforms.calls import Patience
from dikast.platforms.opening import open_target
from dikast.platforms.outgoing import is_public, outgoing
from dikast.platforms.pushing import PushOrder, PushReport, push
from dikast.records import Verdict
from dikast.settings import Settings
from dikast.store import Store
from dikast.workspace import Workspace

EXAMPLES = """
\b
Examples:
  dikast watch traces/ --judge refunds --every 1h --sample 200
  dikast watch phoenix://127.0.0.1:6006/support --judge refunds --push --anchors anchors.jsonl
  dikast watch answers.jsonl --judge judge.txt --model ollama/qwen3:8b --once
"""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SOME_WITHOUT_VERDICT = 3


@click.command("watch", epilog=EXAMPLES)
@click.argument("source", nargs=-1, required=True)
@click.option("--judge", required=True, metavar="JUDGE", help="A judge's or a cascade's name, folder or file.")
@click.option("--every", default="1h", show_default=True, metavar="TIME", help="How often: 15m, 1h, 1d.")
@click.option(
    "--sample", type=click.IntRange(min=1), metavar="N", help="Judge at most N of what is new. [default: all]"
)
@click.option("--stratified", "key", metavar="KEY", help="As many of each value of this metadata key; with --sample.")
@click.option("--push", "push_back", is_flag=True, help="Send the scores back to the platform that SOURCE is.")
@click.option("--push-to", metavar="URL|FILE", help="Send the scores there.")
@click.option("--yes", is_flag=True, help="Send scores to a public host, too; with --allow-cloud.")
@click.option("--once", is_flag=True, help="One round, then end: for cron and systemd.")
@click.option("--anchors", metavar="DATA", help="Labelled interactions, judged again to see whether the judge changed.")
@click.option("--anchors-every", default="7d", show_default=True, metavar="TIME", help="How often, at least.")
@click.option("--labels", metavar="FILE", help="The anchors' labels, where DATA carries none.")
@click.option("--drift", "drift_every", type=click.Choice(["hour", "day", "week", "month"]), default="week",
              show_default=True, help="The periods of the drift charts.")  # fmt: skip
@click.option("--webhook", metavar="URL", help="Where alerts of drift are posted.")
@click.option("--metrics", type=click.IntRange(0, 65535), metavar="PORT", help="Prometheus metrics on 127.0.0.1:PORT.")
@click.option("--name", metavar="NAME", help="The watch's and its run's name. [default: of source and judge]")
@click.option("--format", "format", metavar="NAME", help="Take the source for this format, whatever the content says.")
@click.option("--feedback", multiple=True, metavar="WHAT", help="Of a platform: negative, positive or NAME=VALUE.")
@click.option("--trace-name", metavar="NAME", help="Of a platform: only traces of this name.")
@click.option("--tag", multiple=True, metavar="TAG", help="Of a platform: only traces with this tag.")
@model_options
def command(source: tuple[str, ...], judge: str, every: str, once: bool, metrics: int | None, **given: Any) -> int:
    """Judge what is new at a source, again and again, and tell when it drifts.

    SOURCE is anything that `dikast import` reads: a platform's address, a file, a folder, a glob. Each round takes what
    is new, draws a sample, judges it, sends scores back if asked, and adds to one run. Ended or killed, the same
    command continues: nothing is judged or sent twice. One watch works on a workspace at a time.
    """
    own = ("sample", "key", "push_back", "push_to", "yes", "anchors", "anchors_every", "labels", "drift_every",
           "webhook", "name", "format", "feedback", "trace_name", "tag")  # fmt: skip
    asked = {name: given.pop(name) for name in own}
    pause = span(every, "--every")
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    with ExitStack() as closing:
        _, store = closing.enter_context(open_store(given.get("store")))
        plan = _plan(source, judge, asked, workspace, settings, store, given.get("store"))
        closing.enter_context(only_watch(store))
        watch = Watch(plan, store)
        counted = None
        if metrics is not None:
            from dikast.cli.watch_metrics import serve_metrics  # prometheus-client is only loaded where it is asked for

            counted = closing.enter_context(serve_metrics(metrics, plan.name))
        after = _After(watch, settings, workspace, asked["drift_every"], asked["webhook"], counted)
        return _one(watch, after) if once else _rounds(watch, pause, after)


class _After:
    """What follows each round: the metrics, and drift told once."""

    def __init__(
        self, watch: Watch, settings: Settings, workspace: Workspace, every: Every, webhook: str | None,
        counted: Callable[[Health], None] | None,
    ) -> None:  # fmt: skip
        self.watch, self.every, self.webhook, self.counted = watch, every, webhook, counted
        self.policy = policy_of(settings, workspace.make_state_dir)

    def __call__(self, health: Health) -> None:
        if self.counted is not None:
            self.counted(health)
        if self.watch.log is None:
            return
        now = self.watch.clock()
        try:
            told = look(self.watch.series, self.watch.store, Look(every=self.every, now=now))
        except DataError:  # nothing says pass or fail yet
            return
        told = tell_once(told, self.watch.series, self.watch.store, self.every, now)
        for alert in told.new:
            print_alert(alert, err=True)
        if self.webhook is not None:
            post_alerts(self.webhook, told, self.policy, self.watch.store)


def _one(watch: Watch, after: Callable[[Health], None]) -> int:
    """One round, and the exit code that it ends with."""
    health = watch.round()
    _print(health)
    after(health)
    if any(isinstance(error, InputError) for error in health.failed):
        return 2
    if health.failed:
        return 1
    return SOME_WITHOUT_VERDICT if health.judged > health.statuses["scored"] else 0


def _rounds(watch: Watch, pause: timedelta, after: Callable[[Health], None]) -> int:
    """Rounds until somebody ends it: SIGTERM ends it well, at once, and what was answered is kept."""
    ended = threading.Event()

    def end(_number: int, _frame: object) -> None:
        ended.set()
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for what a shell script starts in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, end)
    try:
        while True:
            health = watch.round()
            wait_s = watch.wait_s(pause)
            health.next_at = watch.clock() + timedelta(seconds=wait_s)
            _print(health)
            after(health)
            threading.Event().wait(wait_s)
    except KeyboardInterrupt:
        click.echo("Ended; the same command continues from here.", err=True)
        return 0 if ended.is_set() else 130
    finally:
        signal.signal(signal.SIGTERM, before)


def _plan(
    source: tuple[str, ...], judge: str, asked: dict[str, Any], workspace: Workspace, settings: Settings, store: Store,
    location: str | None,
) -> WatchPlan:  # fmt: skip
    if asked["key"] and asked["sample"] is None:
        raise InputError("--stratified needs --sample N", hint="It says how the sample is drawn.")
    loaded = find_judge_or_cascade(judge, workspace.judges_dir)
    plain = [part for part in Path(source[0]).parts if not glob.has_magic(part)]  # of a pattern, the folder's name
    stem = live_name(source, asked["format"]) or re.sub(r"[^\w.-]+", "-", "".join(plain[-1:])).strip("-.") or "source"
    name = asked["name"] or f"watch-{stem.partition('.')[0]}-{loaded.name}"
    run = RunPlan(judge=loaded, dataset=open_dataset([]), workspace=workspace, settings=settings, name=name)
    _ = run.model  # says so now, where none is named
    sample = SampleRequest(n=asked["sample"], key=asked["key"]) if asked["sample"] else None
    wanted = Asked(None, asked["feedback"], asked["trace_name"], asked["tag"], settings.allow_cloud)

    def pull() -> AbstractContextManager[Pulled]:
        return opened_sources(source, asked["format"], wanted, name, None, location)

    return WatchPlan(
        name=name,
        run=run,
        pull=pull,
        request=ImportRequest(
            sources=_full(source),
            name=name,
            format=asked["format"],
            kept_mapping=workspace.root / "mappings" / f"{name}.toml",
        ),
        sample=sample,
        push=_pusher(source, asked, workspace, settings, store, loaded.name),
        anchors=_anchors(asked, loaded, workspace, settings, store),
        tell=tell,
    )


def _full(source: tuple[str, ...]) -> tuple[str, ...]:
    """The sources by which a watch is known: a file's whole path, since it may be started from anywhere."""
    return tuple(one if is_address(one) else str(Path(one).absolute()) for one in source)


def _anchors(
    asked: dict[str, Any], judge: Judge | Cascade, workspace: Workspace, settings: Settings, store: Store
) -> Anchors | None:
    if asked["anchors"] is None:
        return None
    given = read_labels(asked["labels"]) if asked["labels"] else ()
    chosen = anchors_in(find_data(asked["anchors"], workspace, settings.store), given, judge, store)
    if chosen.held:
        tell(chosen.words)
    return Anchors(chosen, span(asked["anchors_every"], "--anchors-every"))


def _pusher(
    source: tuple[str, ...], asked: dict[str, Any], workspace: Workspace, settings: Settings, store: Store, judge: str
) -> Callable[[str, Iterable[Verdict]], int] | None:
    """What sends verdicts; None where nothing is to be sent."""
    if asked["push_to"] is not None:
        target = target_of(asked["push_to"], {})
    elif not asked["push_back"]:
        return None
    elif is_address(source[0]):
        target = address_of(source[0], os.environ, platform=asked["format"])
    else:
        raise InputError(
            f"--push sends scores to the platform that they came from, and {source[0]!r} is none",
            hint="Name a place with --push-to, such as --push-to scores.jsonl.",
        )
    to = target.name if isinstance(target, Address) else str(target.absolute())
    platform = target.platform if isinstance(target, Address) and target.platform != "otlp" else None

    async def agreed() -> bool:
        """Whether it is a public host, to which somebody has agreed to send."""
        public = isinstance(target, Address) and await is_public(target.host)
        if public and not asked["yes"]:
            raise PolicyError(
                f"{to} is a public host, and scores go there with every round",
                hint="`dikast push RUN --dry-run` shows what would be sent. To send it: --allow-cloud --yes",
            )
        return public

    async def send(order: PushOrder, verdicts: Iterable[Verdict]) -> PushReport:
        policy = policy_of(settings, workspace.make_state_dir)
        if await agreed():
            order = replace(order, clean=partial(outgoing, policy=policy))
        opened = open_target(target, os.environ, policy, Patience(total_s=settings.patience_s, tell=tell))
        try:
            return await push(opened, verdicts, order, store.platforms(), write=True)
        finally:
            await opened.close()

    asyncio.run(agreed())  # before anything is judged

    def pusher(run: str, verdicts: Iterable[Verdict]) -> int:
        order = PushOrder(run=run, to=to, name=judge, platform=platform)
        with store.platforms().lock(f"push {to}"):
            report = asyncio.run(send(order, verdicts))
        if report.refused:
            tell(f"{report.refused:,} scores were refused: {'; '.join(report.reasons)}")
        if report.verdicts and not report.scores:
            tell(f"nothing to send: {', '.join(f'{count:,} {why}' for why, count in report.left_out.items())}")
        return report.created + report.updated + report.unchanged

    return pusher


def span(given: str, option: str) -> timedelta:
    """The time that "15m", "1h" or "1d" means. Raises SettingError.

    >>> span("90m", "--every")
    datetime.timedelta(seconds=5400)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", given.lower())
    if not found or float(found[1]) <= 0:
        raise SettingError(f"{option} {given!r}: expected a time such as 15m, 1h or 1d")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _print(health: Health) -> None:
    for error in health.failed:
        click.echo(f"dikast: {error}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
    click.echo(health_line(health), err=True)


def health_line(health: Health) -> str:
    """A round in one line.

    >>> from datetime import datetime
    >>> health_line(Health(at=datetime(2026, 3, 2, 10, tzinfo=UTC)))
    '2026-03-02 10:00Z: nothing new, nothing judged'
    """
    new = f"{health.new:,} new" if health.new else "nothing new"
    new += f" ({health.drawn:,} drawn)" if health.drawn < health.new else ""
    said = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(health.verdicts.items()))
    rest = ", ".join(f"{count:,} {status}" for status, count in sorted(health.statuses.items()) if status != "scored")
    told = "; ".join(part for part in (said, rest) if part)
    parts = [new, f"{health.judged:,} judged ({told})" if health.judged else "nothing judged"]
    if health.changed:
        parts.append(f"{health.changed:,} changed since they were seen, not judged again")
    if health.dropped:
        parts.append(f"{health.dropped:,} not readable")
    if health.rate is not None:
        rate, how = health.rate, "corrected" if health.corrected else "as judged, not corrected"
        how += f"; of the sample in strata over {health.strata!r}, not of the traffic" if health.strata else ""
        parts.append(f"passes {rate.value:.0%} ({rate.low:.0%} to {rate.high:.0%}, {how})")
    if health.pushed is not None:
        parts.append(f"{health.pushed:,} scores sent")
    if health.anchors is not None:
        parts.append(health.anchors)
    if health.failed:
        parts.append("FAILED, and tried again")
    if health.next_at is not None:
        parts.append(f"next {health.next_at.astimezone(UTC):%H:%M}Z")
    return f"{health.at.astimezone(UTC):%Y-%m-%d %H:%M}Z: {', '.join(parts)}"
