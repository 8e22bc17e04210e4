"""All records of one OpenTelemetry trace -> Trace: spans, events that were logged for them, what was said of them."""

from __future__ import annotations

from typing import Final

from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.decoding import first_text, table, text, utc, words
from dikast.traces.grouping import Record
from dikast.traces.otel_spans import span_of
from dikast.traces.otel_values import nested
from dikast.traces.trace import Feedback, FeedbackSource, Span, Trace
from dikast.traces.tracing import TWICE, in_order, root_of, without_doubles

CONVERSATION: Final = (
    "session.id", "gen_ai.conversation.id", "conversation.id", "traceloop.association.properties.session_id",
    "thread.id", "langfuse.session.id",
)  # fmt: skip
USER: Final = ("user.id", "enduser.id", "traceloop.association.properties.user_id", "langfuse.user.id")


def trace_of(id: str, records: list[Record], format: str, tally: Tally) -> Trace | None:
    """The trace of these records; None when there is no span among them."""
    events: dict[str | None, list[dict[str, Json]]] = {}
    for record in records:
        if record.kind == "event":
            events.setdefault(record.value.get("span"), []).append(record.value)
    raw = [record.value for record in records if record.kind == "span"]
    if not raw:
        return None
    for one in raw:
        logged = events.pop(one.get("id"), [])
        if logged:
            one["events"] = [*(one.get("events") or []), *sorted(logged, key=lambda e: utc(e.get("time")) or "")]
    if events:
        tally.note("events of spans that are not there: left out", sum(map(len, events.values())))
    spans = in_order(span_of(one, tally) for one in raw)
    tally.note(TWICE, len(raw) - len(spans))
    return _trace(id, spans, raw, records, format)


def _trace(id: str, spans: tuple[Span, ...], raw: list[dict[str, Json]], records: list[Record], format: str) -> Trace:
    root = root_of(spans)
    order = [root, *spans] if root else list(spans)
    flats = [span.attributes for span in order]
    resource: dict[str, Json] = {}
    for one in raw:
        resource |= one.get("resource") or {}
    metadata = _metadata(flats)
    if text(resource.get("service.name")):
        metadata.setdefault("service", resource["service.name"])
    if text(resource.get("deployment.environment.name")):
        metadata.setdefault("environment", resource["deployment.environment.name"])
    tagged = next((flat["tag.tags"] for flat in flats if flat.get("tag.tags")), None)
    return Trace(
        id=id,
        format=format,
        name=root.name if root else "",
        started=min((span.started for span in spans if span.started), default=None),
        input=root.input if root else None,
        output=root.output if root else None,
        spans=spans,
        feedback=without_doubles(feedback_of(record.value) for record in records if record.kind == "feedback"),
        conversation=_first(flats, CONVERSATION),
        user=_first(flats, USER),
        project=first_text(*(one.get("project") for one in raw[:1]), resource.get("openinference.project.name")),
        tags=words(tagged) if tagged is not None else (),
        model=next((span.model for span in reversed(spans) if span.kind == "llm" and span.model), None),
        error=root.error if root else None,
        metadata=metadata,
    )


def feedback_of(raw: dict[str, Json]) -> Feedback:
    """What was said, from plain parts: name, label, score, comment, source, annotator, at, target, id."""
    label, score = raw.get("label"), raw.get("score")
    value = label if isinstance(label, str) and label else score if isinstance(score, (bool, int, float)) else None
    source = raw.get("source")
    known: tuple[FeedbackSource, ...] = ("user", "expert", "model", "code")
    return Feedback(
        name=first_text(raw.get("name")) or "feedback",
        value=value if isinstance(value, (bool, str)) or value is None else float(value),
        comment=text(raw.get("comment")),
        source=next((one for one in known if one == source), "unknown"),
        annotator=text(raw.get("annotator")),
        at=utc(raw.get("at")),
        target=text(raw.get("target")),
        id=text(raw.get("id")),
    )


def _metadata(flats: list[dict[str, Json]]) -> dict[str, Json]:
    """The metadata of the first span that has some, be it one value or in dotted keys."""
    for flat in flats:
        found = table(nested(flat, "metadata"))
        if found:
            return dict(found)
    return {}


def _first(flats: list[dict[str, Json]], names: tuple[str, ...]) -> str | None:
    return next((found for flat in flats for name in names if (found := text(flat.get(name)))), None)
