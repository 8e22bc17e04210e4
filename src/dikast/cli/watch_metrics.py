"""A watch's figures for Prometheus, on this machine only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import click
from prometheus_client import CollectorRegistry, Counter, Gauge, make_wsgi_app

from dikast.errors import OutputError
from dikast.journey.watching import Health
from dikast.listening import is_our_name

_HOST = "127.0.0.1"


class WatchMetrics:
    """What is counted over rounds; call it with each one's health."""

    def __init__(self, watch: str) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, what: str, labels: tuple[str, ...] = ()) -> Counter:
            return Counter(f"dikast_watch_{name}", what, ("watch", *labels), registry=self.registry)

        def gauge(name: str, what: str, labels: tuple[str, ...] = ()) -> Gauge:
            return Gauge(f"dikast_watch_{name}", what, ("watch", *labels), registry=self.registry)

        self._watch = watch
        self._rounds = counter("rounds", "Rounds, by whether they failed.", ("failed",))
        self._new = counter("new", "Interactions that were new.")
        self._verdicts = counter("verdicts", "Verdicts given.", ("status", "verdict"))
        self._pushed = counter("pushed", "Scores that stand at the target.")
        self._rate = gauge("pass_rate", "Pass rate of the last round that judged.", ("bound", "corrected"))
        self._last = gauge("last_round_seconds", "When the last round began, in seconds since 1970.")

    def __call__(self, health: Health) -> None:
        """Count a round."""
        self._rounds.labels(self._watch, str(bool(health.failed)).lower()).inc()
        self._new.labels(self._watch).inc(health.new)
        self._pushed.labels(self._watch).inc(health.pushed or 0)
        for verdict, count in health.verdicts.items():
            self._verdicts.labels(self._watch, "scored", verdict).inc(count)
        for status, count in health.statuses.items():
            if status != "scored":
                self._verdicts.labels(self._watch, status, "none").inc(count)
        if health.rate is not None:
            self._rate.clear()
            for bound in ("value", "low", "high"):
                share = getattr(health.rate, bound)
                self._rate.labels(self._watch, bound, str(health.corrected).lower()).set(share)
        self._last.labels(self._watch).set(health.at.timestamp())


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: a scrape every few seconds is no news."""


@contextmanager
def serve_metrics(port: int, watch: str) -> Iterator[Callable[[Health], None]]:
    """Serve the metrics while the block runs; gives what takes each round. Raises OutputError for a port in use."""
    metrics = WatchMetrics(watch)
    shown = make_wsgi_app(metrics.registry)

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if not is_our_name(environ.get("HTTP_HOST", ""), _HOST):  # a site's own name that was made to mean 127.0.0.1
            start("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"not a name of this server\n"]
        found: Iterable[bytes] = shown(environ, start)
        return found

    try:
        server = WSGIServer((_HOST, port), _Quiet)
    except OSError as error:
        raise OutputError(
            f"can't serve metrics on {_HOST}:{port}: {error.strerror}", hint="Name another port."
        ) from error
    server.set_app(app)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    click.echo(f"Metrics: http://{_HOST}:{server.server_port}/metrics", err=True)
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
