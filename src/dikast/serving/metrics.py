"""What the server counts, as Prometheus reads it. Labels have few values, all of our own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from dikast.serving.desk import Desk, Judged
from dikast.serving.limits import Gate, Limits

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """The counters of one server."""

    def __init__(self, gate: Gate, limits: Limits, desk: Desk) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "dikast_http_requests", "Requests answered.", ("path", "method", "status"), registry=registry
        )
        self._seconds = Histogram(
            "dikast_http_request_seconds", "How long they took.", ("path",), buckets=_SECONDS, registry=registry
        )
        self._refused = Counter("dikast_refused", "Requests refused, by reason.", ("code",), registry=registry)
        self._verdicts = Counter(
            "dikast_verdicts", "Verdicts given.", ("judge", "status", "verdict"), registry=registry
        )
        self._calls = Counter("dikast_model_calls", "Calls that models answered.", ("judge",), registry=registry)
        self._hits = Counter("dikast_cache_hits", "Answers known already.", ("judge",), registry=registry)
        self._store = Counter("dikast_store_errors", "Times that verdicts were not written.", registry=registry)
        self._gauge("dikast_places_taken", "Interactions judged or waiting now.", lambda: gate.taken)
        self._gauge("dikast_places", "The most there may be.", lambda: limits.queue)
        self._gauge("dikast_held_bytes", "Bytes of the requests under way.", lambda: gate.held_bytes)
        self._gauge("dikast_models_down", "Models that don't answer.", lambda: len(desk.down))

    def _gauge(self, name: str, what: str, value: object) -> None:
        Gauge(name, what, registry=self._registry).set_function(value)  # type: ignore[arg-type]

    def answered(self, path: str, method: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(path, method, status).inc()
        self._seconds.labels(path).observe(seconds)

    def refused(self, code: str) -> None:
        """A request was refused."""
        self._refused.labels(code).inc()

    def judged(self, judge: str, done: Judged) -> None:
        """A verdict was given."""
        self._verdicts.labels(judge, done.verdict.status, done.verdict.verdict or "none").inc()
        self._calls.labels(judge).inc(done.calls)
        self._hits.labels(judge).inc(done.cache_hits)

    def not_written(self) -> None:
        """Verdicts could not be written."""
        self._store.inc()

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
