"""Alerts of drift on the command line: printed, and posted to a webhook."""

from __future__ import annotations

import asyncio

import click

from dikast.errors import WorldError
from dikast.journey.drifting import Told, send
from dikast.models.policy import Policy
from dikast.report.text import one_line
from dikast.store import DriftAlert, Store

_LONGEST = 400


def print_alert(alert: DriftAlert, *, err: bool = False) -> None:
    """One alert: what happened, why that is said, and how to say that it was seen."""
    click.echo(f"ALERT {alert.id}: {one_line(alert.text, _LONGEST)}", err=err)
    for line in alert.details:
        click.echo(f"  {one_line(line, _LONGEST)}", err=err)
    click.echo(f"  Seen it? dikast drift ack {alert.id}", err=err)


def post_alerts(url: str, told: Told, policy: Policy, store: Store) -> bool:
    """Post what was not posted yet, and remember that; whether it could be. A webhook that is down is tried again."""
    try:
        sent = asyncio.run(send(url, told, policy, store.watches().keep_alert))
    except WorldError as error:
        click.echo(f"dikast: the webhook: {error}; it is tried again at the next look", err=True)
        return False
    if sent:
        click.echo(f"{sent} alerts posted" if sent > 1 else "1 alert posted", err=True)
    return True
