"""Langfuse: exports of its pages, downloads of single traces, pages of its APIs, exports to object storage.

The files of one import complete one another: a trace may come from a table's export, its steps from pages of
observations and what was said of it from pages of scores. The same row may be in several files; the newest counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.decoding import first_text, table, tables, text, unpacked, utc, words
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.gathering import Gathering
from dikast.traces.grouping import Record
from dikast.traces.items import Item
from dikast.traces.langfuse_records import camel, has_rows, kind_of, merged, score_of, scores_in
from dikast.traces.llm_values import messages_in, whole
from dikast.traces.otel_trace import feedback_of
from dikast.traces.rows import rows_in
from dikast.traces.trace import Feedback, Span, SpanKind, Trace
from dikast.traces.tracing import documents, in_order, root_of, without_doubles

_KINDS: Final[dict[str, SpanKind]] = {
    "GENERATION": "llm", "TOOL": "tool", "RETRIEVER": "retrieval", "AGENT": "agent", "CHAIN": "chain",
    "EMBEDDING": "embedding", "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator", "EVENT": "event",
}  # fmt: skip
_SAID = ("metadata", "environment", "release", "version")
_CORRECTED = "corrections by people: read as reference answers"


class Langfuse:
    """Everything that Langfuse writes."""

    name = "langfuse"
    title = "Langfuse"

    def recognises(self, sample: Sample) -> bool:
        """By a row's keys; those of an export as CSV are in its header."""
        header = sample.head.split(b"\n", 1)[0].replace(b'"', b"").strip().split(b",")
        if {b"id", b"timestamp", b"sessionId", b"bookmarked"} <= set(header) or {
            b"traceId",
            b"parentObservationId",
        } <= set(header):
            return True
        return any(has_rows(value) for value in sample.values)

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """Every trace, with its observations, and the scores that any of the files has of it."""
        with Gathering(tally, feedback_alone=True) as gathering:
            for path in paths:
                for item in rows_in(path, tally, lists=("data",)):
                    if isinstance(item, Dropped):
                        yield item
                        continue
                    tally.read += 1
                    try:
                        _take(item, camel(item.value), gathering)
                    except Unusable as unusable:
                        yield item.dropped(unusable.reason)
            yield from gathering.build(partial(_trace, tally), what="rows")


def _take(item: Item, row: dict[str, Json], gathering: Gathering) -> None:
    """Put one row where it belongs. Raises Unusable for what is none."""
    kind = kind_of(row)
    if kind == "download":
        trace = camel(table(row["trace"]))
        id = text(trace.get("id"))
        if id is None:
            raise Unusable("no id: a trace needs one")
        _take_trace(item, {"timestamp": None, **trace}, gathering)
        for one in tables(row.get("observations")):
            _take_observation(item, camel({"traceId": id, **one}), gathering)
    elif kind == "observation":
        _take_observation(item, row, gathering)
    elif kind == "score":
        trace_id, said = score_of(row)
        if trace_id is not None:
            gathering.put(trace_id, "score", said, item.file, item.line)
        elif text(said["target"]):
            gathering.feedback_on(str(said["target"]), said, item.file, item.line)
        else:
            raise Unusable("no trace: a score of no trace or observation (of a session or a run of an experiment)")
    elif kind == "trace":
        _take_trace(item, row, gathering)
    else:
        raise Unusable("not Langfuse's: neither a trace nor an observation nor a score")


def _take_trace(item: Item, row: dict[str, Json], gathering: Gathering) -> None:
    id = str(text(row["id"]))
    for said in scores_in(row, None):
        gathering.put(id, "score", said, item.file, item.line)
    for one in tables(row.get("observations")):
        _take_observation(item, camel({"traceId": id, **one}), gathering)
    gathering.put(id, "trace", {**row, "scores": None, "observations": None, "comments": None}, item.file, item.line)


def _take_observation(item: Item, row: dict[str, Json], gathering: Gathering) -> None:
    id, trace = text(row.get("id")), text(row.get("traceId"))
    if id is None or trace is None:
        raise Unusable("no ids: an observation needs its own id and that of its trace")
    for said in scores_in(row, id):
        gathering.put(trace, "score", said, item.file, item.line)
    gathering.span(trace, id, {**row, "scores": None, "comments": None}, item.file, item.line)


def _trace(tally: Tally, id: str, records: list[Record]) -> Trace | None:
    rows: dict[str, list[dict[str, Json]]] = {}
    for record in records:
        if record.kind == "span":
            rows.setdefault(str(record.value["id"]), []).append(record.value)
    traces = [record.value for record in records if record.kind == "trace"]
    if not rows and not traces:
        return None
    doubles = len(traces) - 1 + sum(len(versions) - 1 for versions in rows.values())
    tally.note("rows that were in several files or exports: taken once", max(doubles, 0))
    observations = [merged(versions) for versions in rows.values()]
    spans = in_order(_span(row, tally) for row in observations)
    by_id = {str(row["id"]): row for row in observations}
    marked = next((str(row["id"]) for row in observations if row.get("isRootObservation") is True), None)
    root = next((span for span in spans if span.id == marked), None) or root_of(spans)
    row = merged(traces) or _from_root(by_id[root.id] if root else {})
    scores = [record.value for record in records if record.kind in ("score", "feedback")]
    return _whole(id, row, root, spans, scores, tally)


def _whole(
    id: str, row: dict[str, Json], root: Span | None, spans: tuple[Span, ...], scores: list[dict[str, Json]],
    tally: Tally,
) -> Trace:  # fmt: skip
    corrections = [score for score in scores if score.get("correction") and text(score.get("value"))]
    tally.note(_CORRECTED, len(corrections))
    metadata = dict(table(row.get("metadata")))
    metadata |= {key: row[key] for key in _SAID[1:] if text(row.get(key)) and key not in metadata}
    given, came = whole(row.get("input"), tally), whole(row.get("output"), tally, answer=True)
    return Trace(
        id=id,
        format="langfuse",
        name=first_text(row.get("name"), root.name if root else None) or "",
        started=utc(row.get("timestamp")) or min((s.started for s in spans if s.started), default=None),
        input=given if given is not None else root and root.input,
        output=came if came is not None else root and root.output,
        reference=corrections[-1]["value"] if corrections else None,
        spans=spans,
        feedback=without_doubles(_feedback(score) for score in scores if not score.get("correction")),
        conversation=text(row.get("sessionId")),
        user=text(row.get("userId")),
        project=first_text(row.get("projectId"), *(score.get("project") for score in scores)),
        tags=words(row.get("tags")),
        model=next((span.model for span in reversed(spans) if span.kind == "llm" and span.model), None),
        error=root.error if root else None,
        metadata=metadata,
    )


def _from_root(root: dict[str, Json]) -> dict[str, Json]:
    """What a trace is where only its observations are there."""
    keys = ("userId", "sessionId", "tags", "release", "version", "environment", "metadata", "projectId")
    return {
        **{key: root[key] for key in keys if key in root},
        "name": first_text(root.get("traceName"), root.get("name")),
        "timestamp": root.get("startTime"),
    }


def _span(row: dict[str, Json], tally: Tally) -> Span:
    kind = _KINDS.get(str(row.get("type")), "other")
    given, came = unpacked(row.get("input")), unpacked(row.get("output"))
    if kind == "llm":
        given, came = messages_in(given, tally), messages_in(came, tally, answer=True)
    elif kind == "retrieval":
        came = documents(came) or came
    extra = {key: row[key] for key in ("metadata", "modelParameters", "usageDetails", "level") if row.get(key)}
    return Span(
        id=str(text(row["id"])),
        parent=text(row.get("parentObservationId")),
        name=text(row.get("name")) or "",
        kind=kind,
        started=utc(row.get("startTime")),
        ended=utc(row.get("endTime")),
        input=given,
        output=came,
        model=first_text(row.get("providedModelName"), row.get("model")),
        error=first_text(row.get("statusMessage"), "failed") if row.get("level") == "ERROR" else None,
        attributes={key: unpacked(value) for key, value in extra.items()},
    )


def _feedback(said: dict[str, Json]) -> Feedback:
    value = said.get("value")
    parts = {**said, "label": value} if isinstance(value, str) else {**said, "score": value}
    return feedback_of(parts)
