"""OpenTelemetry's JSON lines: spans on any line and in any order, and what was logged for them.

GenAI conventions of several years, OpenInference's names and third-party ones are all understood; see otel_spans.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, shown_raw
from dikast.records import Json
from dikast.traces.decoding import first_text, table, text
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.gathering import Gathering
from dikast.traces.items import Item, items_of
from dikast.traces.otel_trace import trace_of
from dikast.traces.otel_values import any_value, attributes, hex_id

_RESULT = "gen_ai.evaluation.result"
_RESOURCE_KEYS = ("service.name", "openinference.project.name", "deployment.environment.name")


class Otlp:
    """OTLP files: one TracesData or LogsData a line."""

    name = "otlp"
    title = "OpenTelemetry (OTLP JSON)"

    def recognises(self, sample: Sample) -> bool:
        """By the keys that wrap every batch."""
        keys = {"resourceSpans", "resourceLogs"}
        return bool(keys & sample.keys) or any(isinstance(one, dict) and keys & one.keys() for one in sample.values)

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """Every trace; log records become events of its spans, and evaluation results feedback."""
        with Gathering(tally) as gathering:
            for path in paths:
                for item in items_of(path, tally):
                    if isinstance(item, Dropped):
                        yield item
                    else:
                        yield from _batch(item, gathering, tally)

            yield from gathering.build(lambda id, records: trace_of(id, records, self.name, tally))


def _batch(item: Item, gathering: Gathering, tally: Tally) -> Iterator[Dropped]:
    value = item.value if isinstance(item.value, dict) else {}
    known = [key for key in ("resourceSpans", "resourceLogs") if isinstance(value.get(key), list)]
    if not known:
        yield item.dropped("not OTLP: neither resourceSpans nor resourceLogs with a list")
    for of_resource in value.get("resourceSpans") or () if "resourceSpans" in known else ():
        resource = _resource(of_resource)
        for span in _inner(of_resource, "scopeSpans", "spans"):
            tally.read += 1
            reason = _add_span(span, resource, item, gathering)
            if reason:
                yield Dropped(item.file, item.line, reason, shown_raw(span if isinstance(span, dict) else repr(span)))
    for of_resource in value.get("resourceLogs") or () if "resourceLogs" in known else ():
        for record in _inner(of_resource, "scopeLogs", "logRecords"):
            tally.read += 1
            reason = _add_record(record, item, gathering, tally)
            if reason:
                yield Dropped(
                    item.file, item.line, reason, shown_raw(record if isinstance(record, dict) else repr(record))
                )


def _inner(of_resource: Json, scopes: str, records: str) -> Iterator[Json]:
    """The records of all scopes; what has another type than it should comes as it is, and is dropped as such."""
    held = of_resource.get(scopes, []) if isinstance(of_resource, dict) else of_resource
    for scope in held if isinstance(held, list) else [held]:
        found = scope.get(records, []) if isinstance(scope, dict) else scope
        yield from found if isinstance(found, list) else [found]


def _resource(of_resource: Json) -> dict[str, Json]:
    found = attributes(table(table(of_resource).get("resource")).get("attributes"))
    return {key: found[key] for key in _RESOURCE_KEYS if key in found}


def _add_span(span: Json, resource: dict[str, Json], item: Item, gathering: Gathering) -> str | None:
    """Put a span to its trace; the reason when that can't be done."""
    if not isinstance(span, dict):
        return "not an object: where a span was expected"
    raw = plain_span(span)
    if raw is None:
        return "no ids: a span needs traceId and spanId"
    if resource:
        raw["resource"] = resource
    gathering.span(raw.pop("trace"), raw["id"], raw, item.file, item.line)
    return None


def plain_span(span: dict[str, Json]) -> dict[str, Json] | None:
    """An OTLP span, in JSON's or protobuf's spelling, as the plain parts of otel_spans; None without ids."""
    trace = hex_id(_either(span, "traceId", "trace_id"))
    id = hex_id(_either(span, "spanId", "span_id"))
    if trace is None or id is None:
        return None
    raw: dict[str, Json] = {"trace": trace, "id": id}
    parent = hex_id(_either(span, "parentSpanId", "parent_span_id"))
    status = span.get("status")
    events = (
        [_event(one) for one in span.get("events") or () if isinstance(one, dict)] if _is_list(span, "events") else []
    )
    parts = {
        "parent": parent,
        "name": text(span.get("name")),
        "started": _either(span, "startTimeUnixNano", "start_time_unix_nano"),
        "ended": _either(span, "endTimeUnixNano", "end_time_unix_nano"),
        "attributes": attributes(span.get("attributes")),
        "events": events,
        "status": status if isinstance(status, dict) and status.get("code") else None,
    }
    raw.update((key, value) for key, value in parts.items() if value)
    return raw


def _event(event: dict[str, Json]) -> dict[str, Json]:
    return {
        "name": text(event.get("name")),
        "time": _either(event, "timeUnixNano", "time_unix_nano"),
        "attributes": attributes(event.get("attributes")),
    }


def _add_record(record: Json, item: Item, gathering: Gathering, tally: Tally) -> str | None:
    if not isinstance(record, dict):
        return "not an object: where a log record was expected"
    flat = attributes(record.get("attributes"))
    name = first_text(record.get("eventName"), record.get("event_name"), flat.get("event.name"))
    if name is None or not name.startswith("gen_ai."):
        tally.note("log records that are no GenAI events: left out")
        return None
    trace = hex_id(_either(record, "traceId", "trace_id"))
    span = hex_id(_either(record, "spanId", "span_id"))
    if trace is None:
        return f"no trace id: a record {name!r} that belongs to no trace"
    at = record.get("timeUnixNano") or record.get("observedTimeUnixNano")
    if name == _RESULT:
        gathering.put(trace, "feedback", _result(flat, span, at), item.file, item.line)
    else:
        body = any_value(record.get("body"))
        event = {"span": span, "name": name, "time": at, "attributes": flat, "body": body}
        gathering.put(trace, "event", event, item.file, item.line)
    return None


def _result(flat: dict[str, Json], span: str | None, at: Json) -> dict[str, Json]:
    return {
        "name": flat.get("gen_ai.evaluation.name"),
        "label": flat.get("gen_ai.evaluation.score.label"),
        "score": flat.get("gen_ai.evaluation.score.value"),
        "comment": flat.get("gen_ai.evaluation.explanation"),
        "target": span,
        "at": at,
    }


def _either(value: dict[str, Json], *names: str) -> Json:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _is_list(value: dict[str, Json], name: str) -> bool:
    return isinstance(value.get(name), list)
