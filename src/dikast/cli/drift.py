"""`dikast drift`: what changed since, and who changed: the system, the traffic or the judge."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from dikast.analysis.drift_words import explained, headline
from dikast.analysis.periods import EVERY, Every
from dikast.cli.drift_alerts import post_alerts, print_alert
from dikast.cli.kept import open_store
from dikast.cli.options import model_options, settings_from
from dikast.cli.progress import tell
from dikast.errors import DataError, DikastError
from dikast.interactions.dataset import open_dataset
from dikast.interactions.labels import read_labels
from dikast.journey.drifting import Look, Series, Told, acknowledge, anchors_in, judge_anchors, look, tell_once
from dikast.journey.finding import find_data
from dikast.journey.running import RunPlan, blocking
from dikast.journey.runs import open_run
from dikast.judges.cascade import find_judge_or_cascade
from dikast.models.ledger import policy_of
from dikast.records import Json
from dikast.store import Store
from dikast.workspace import Workspace

SHOW_EXAMPLES = """
\b
Examples:
  dikast drift show
  dikast drift show watch-traces-refunds --by feature --every day --html drift.html
  dikast drift show support-1 support-2 support-3 --labels labels.jsonl --json
"""
ANCHOR_EXAMPLES = """
\b
Examples:
  dikast drift anchor anchors.jsonl --judge refunds --watch watch-traces-refunds
  dikast drift anchor anchors.jsonl --judge judge.txt --model ollama/qwen3:8b --watch support
"""
OPEN_ALERTS = 1


class _Drift(click.Group):
    """A group whose first command, `show`, need not be named: `dikast drift RUN`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group("drift", cls=_Drift)
def command() -> None:
    """What changed since, and who: the system, the traffic or the judge.

    `dikast drift [WATCH|RUN...]` is `dikast drift show`.
    """


@command.command("show", epilog=SHOW_EXAMPLES)
@click.argument("series", nargs=-1, metavar="[WATCH|RUN]...")
@click.option("--by", multiple=True, metavar="KEY", help="Chart this metadata key's values. [default: all with few]")
@click.option("--every", type=click.Choice(EVERY), default="week", show_default=True, help="What one point stands for.")
@click.option("--labels", metavar="FILE", help="People's labels of what was judged, to correct the rates by.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the charts as one HTML file.")
@click.option("--webhook", metavar="URL", help="Post alerts that were not posted yet.")
@click.option("--allow-cloud", is_flag=True, default=None, help="Let the webhook leave the private network.")
@click.option("--store", metavar="FILE|URL", help="The store. [default: the workspace's]")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
def show(
    series: tuple[str, ...],
    by: tuple[str, ...],
    every: Every,
    labels: str | None,
    html: Path | None,
    webhook: str | None,
    allow_cloud: bool | None,
    store: str | None,
    as_json: bool,
) -> int:
    """Control charts, the changes that they tell of, and the alerts.

    Without a name, the newest watch. A change of the judge is named before any change of the system. Each change is
    told once; the command exits with 1 while an alert is open, and `dikast drift ack` closes it.
    """
    now = datetime.now(UTC)
    with open_store(store) as (workspace, opened):
        found = _series(series, opened, workspace, store)
        given = tuple(read_labels(labels)) if labels else ()
        told = look(found, opened, Look(every=every, by=by, labels=given, now=now))
        told = tell_once(told, found, opened, every, now)
        delivered = True
        if webhook is not None:
            settings = workspace.settings(allow_cloud=allow_cloud, store=store)
            policy = policy_of(settings, workspace.make_state_dir)
            delivered = post_alerts(webhook, told, policy, opened)
    if html is not None:
        from dikast.report.drift_page import render_drift
        from dikast.report.writing import write_text

        write_text(html, render_drift(told.drift, name=found.name, corrected_by=told.labels, alerts=_open(told)))
    if as_json:
        click.echo(msgspec.json.encode(_as_json(found, told)))
    else:
        _print(found, told, html)
    return OPEN_ALERTS if any(one.acknowledged_at is None for one in told.alerts) or not delivered else 0


@command.command("anchor", epilog=ANCHOR_EXAMPLES)
@click.argument("data")
@click.option("--judge", required=True, metavar="JUDGE", help="The judge whose change is to be seen.")
@click.option("--watch", "series", required=True, metavar="WATCH|RUN", help="The watch or run that they stand beside.")
@click.option("--labels", metavar="FILE", help="The labels, where DATA carries none.")
@click.option("--json", "as_json", is_flag=True, help="Print what changed as JSON.")
@model_options
def anchor(data: str, judge: str, series: str, labels: str | None, as_json: bool, **given: object) -> int:
    """Judge labelled interactions again, to see whether the judge is still the same.

    The first time keeps the set; from then on it stays as it was. No kept answer is used. Exits with 1 when the judge
    moved.
    """
    workspace = Workspace.find()
    settings = settings_from(workspace, given)
    loaded = find_judge_or_cascade(judge, workspace.judges_dir)
    read = tuple(read_labels(labels)) if labels else ()
    plan = RunPlan(judge=loaded, dataset=open_dataset([]), workspace=workspace, settings=settings, name=series)
    store = given.get("store")
    with open_store(store if isinstance(store, str) else None) as (_, opened):
        now = datetime.now(UTC)
        anchors = anchors_in(find_data(data, workspace, settings.store), read, loaded, opened)
        if anchors.held:
            click.echo(anchors.words, err=True)
        round, check = blocking(judge_anchors(plan, anchors, series=series, store=opened, now=now, tell=tell))
    if as_json:
        held = Counter(anchors.held.values())
        told = {"judge": round.judge, "n": len(round.verdicts), "left_out": held, "check": check}
        click.echo(msgspec.json.encode(told))
    elif check is None:
        right = sum(round.labels[id] == verdict for id, verdict in round.verdicts.items())
        click.echo(
            f"{len(round.verdicts):,} of {len(anchors.items):,} anchors judged; {right:,} agree with their labels."
        )
        click.echo("This is how the judge is now: the next time shows whether it moved.")
    else:
        moved = "The judge moved" if check.moved else "The judge did not move"
        click.echo(
            f"{moved} since {check.then:%Y-%m-%d}: of {check.n:,} anchors, {check.to_fail} went from pass to fail and "
            f"{check.to_pass} from fail to pass (McNemar p = {check.p:.3f})."
        )
        then, is_now = check.agreement_then, check.agreement_now
        click.echo(
            f"Agreement with the labels: {then.value:.0%} ({then.low:.0%} to {then.high:.0%}) then, "
            f"{is_now.value:.0%} ({is_now.low:.0%} to {is_now.high:.0%}) now."
        )
    return OPEN_ALERTS if check is not None and check.moved else 0


@command.command("ack", epilog="\b\nExample:\n  dikast drift ack 3 --why 'release 2.1, rolled back'")
@click.argument("number", type=int, metavar="ALERT")
@click.option("--why", metavar="TEXT", help="What it was, or what is done about it; kept with the alert.")
@click.option("--store", metavar="FILE|URL", help="The store. [default: the workspace's]")
def ack(number: int, why: str | None, store: str | None) -> None:
    """Say that an alert was seen: it is told and counted no more."""
    with open_store(store) as (_, opened):
        alert = acknowledge(opened, number, why, datetime.now(UTC))
    click.echo(f"Alert {alert.id} is closed: {alert.text}")


def _series(names: tuple[str, ...], store: Store, workspace: Workspace, location: str | None) -> Series:
    """What is named: a watch, else runs; the newest watch where nothing is."""
    book = store.watches()
    watches = book.all()
    if not names:
        if not watches:
            raise DataError("nothing is watched here yet", hint="Name runs: `dikast drift RUN...`; or `dikast watch`.")
        names = (watches[0].info.name,)
    watch = book.find(names[0]) if len(names) == 1 else None
    if watch is not None:
        return Series(watch.info.name, watch=watch, log=store.run(watch.info.run))
    try:
        runs = tuple(open_run(name, workspace=workspace, store=location) for name in names)
    except DikastError as error:
        known = ", ".join(one.info.name for one in watches[:10])
        raise DataError(f"there is no watch of that name, and {error}", hint=known and f"Watches: {known}.") from error
    return Series(" ".join(run.name for run in runs), runs=runs)


def _open(told: Told) -> int:
    return sum(one.acknowledged_at is None for one in told.alerts)


def _as_json(series: Series, told: Told) -> dict[str, Json]:
    drift = msgspec.to_builtins(told.drift)
    for change, shown in zip(told.drift.changes, drift["changes"], strict=True):
        shown["text"], shown["details"] = headline(change), explained(change)
    return {
        "series": series.name,
        **drift,
        "corrected_by": told.labels or None,
        "sampled": series.sampled,
        "alerts": msgspec.to_builtins(told.alerts),
        "new_alerts": [one.id for one in told.new],
    }


def _print(series: Series, told: Told, html: Path | None) -> None:
    from dikast.report.drift_text import drift_lines

    for line in drift_lines(told.drift, name=series.name, corrected_by=told.labels):
        click.echo(line)
    if (sampled := series.sampled) is not None:
        click.echo(sampled)
    for alert in told.alerts:
        if alert.acknowledged_at is None:
            click.echo()
            print_alert(alert)
    if not _open(told):
        seen = len(told.alerts)
        click.echo(f"No alert is open{f' ({seen} seen)' if seen else ''}.")
    if html is not None:
        click.echo(f"Charts: {html}")
