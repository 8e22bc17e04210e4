"""MLflow: traces of schema 3 and of schema 2 (before MLflow 3), with their assessments."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json, canonical_json
from dikast.traces.decoding import first_text, plain_table, spelled, table, tables, text, unpacked, utc
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.llm_values import messages_in, whole
from dikast.traces.otel_spans import kind_of
from dikast.traces.rows import rows_in
from dikast.traces.trace import Feedback, FeedbackSource, Span, Trace
from dikast.traces.tracing import TWICE, documents, in_order, root_of, without_doubles

_SOURCES: Final[dict[str, FeedbackSource]] = {
    "HUMAN": "user", "LLM_JUDGE": "model", "AI_JUDGE": "model", "CODE": "code",
}  # fmt: skip


class Mlflow:
    """Traces as Trace.to_dict() and Trace.to_json() write them, and rows of search_traces."""

    name = "mlflow"
    title = "MLflow traces"

    def recognises(self, sample: Sample) -> bool:
        """By a trace's info."""
        return any(isinstance(value, dict) and _parts(value) is not None for value in sample.values)

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """Each trace is whole where it stands."""
        for path in paths:
            for item in rows_in(path, tally, lists=("traces",)):
                if isinstance(item, Dropped):
                    yield item
                    continue
                tally.read += 1
                try:
                    yield _trace(item.value, tally)
                except Unusable as unusable:
                    yield item.dropped(unusable.reason)


def _parts(row: dict[str, Json]) -> tuple[dict[str, Json], dict[str, Json]] | None:
    """The info and the data of a trace; a row of a data frame holds them in one column."""
    if "info" not in row and "trace" in row:
        row = table(row["trace"])
    info = table(row.get("info"))
    if not info and tables(row.get("traces")):
        return _parts(tables(row["traces"])[0])
    known = info.keys() & {"trace_id", "request_id"} and info.keys() & {
        "trace_metadata", "request_metadata", "trace_location", "tags", "state", "status", "experiment_id",
    }  # fmt: skip
    return (info, table(row.get("data"))) if known else None


def _trace(row: dict[str, Json], tally: Tally) -> Trace:
    found = _parts(row)
    if found is None:
        raise Unusable("not MLflow's: no info with trace_id or request_id")
    info, data = found
    id = first_text(info.get("trace_id"), info.get("request_id"))
    if id is None:
        raise Unusable("no id: a trace needs trace_id or request_id")
    raw = tables(data.get("spans"))
    spans = in_order(_span(one, tally) for one in raw)
    tally.note(TWICE, len(raw) - len(spans))
    root = root_of(spans)
    said = {**table(info.get("request_metadata")), **table(info.get("trace_metadata"))}
    tags = table(info.get("tags"))
    judged, expected = _assessments(info, tally)
    given, came = _ends(data, said, root, tally)
    location = plain_table(plain_table(info.get("trace_location")).get("mlflow_experiment"))
    failed = str(first_text(info.get("state"), info.get("status"))).upper() == "ERROR"
    return Trace(
        id=id,
        format="mlflow",
        name=first_text(tags.get("mlflow.traceName"), root.name if root else None) or "",
        started=utc(info.get("request_time") or info.get("timestamp_ms")),
        input=given,
        output=came,
        reference=expected,
        spans=spans,
        feedback=judged,
        conversation=text(said.get("mlflow.trace.session")),
        user=text(said.get("mlflow.trace.user")),
        project=first_text(location.get("experiment_id"), info.get("experiment_id")),
        model=next((span.model for span in reversed(spans) if span.kind == "llm" and span.model), None),
        error=(first_text(root.error if root else None, "failed") if failed else None),
        metadata={
            key: value for key, value in {**said, **tags}.items() if not key.startswith("mlflow.") and value is not None
        },
    )


def _ends(data: dict[str, Json], said: dict[str, Json], root: Span | None, tally: Tally) -> tuple[Json, Json]:
    """Input and output: the root's own, since what info says of them is cut."""
    given = root.input if root else None
    came = root.output if root else None
    if given is None:
        given = whole(spelled(data.get("request", said.get("mlflow.traceInputs"))), tally)
    if came is None:
        came = whole(spelled(data.get("response", said.get("mlflow.traceOutputs"))), tally, answer=True)
    return given, came


def _span(row: dict[str, Json], tally: Tally) -> Span:
    context = plain_table(row.get("context"))
    said = {key: spelled(value) for key, value in plain_table(row.get("attributes")).items()}
    kind = kind_of(first_text(said.get("mlflow.spanType"), row.get("span_type")))
    given, came = unpacked(said.get("mlflow.spanInputs")), unpacked(said.get("mlflow.spanOutputs"))
    if kind == "llm":
        given, came = messages_in(given, tally), messages_in(came, tally, answer=True)
    elif kind == "retrieval":
        came = documents(came) or came
    else:
        given, came = whole(given, tally), whole(came, tally, answer=True)
    status = row.get("status")
    code = first_text(plain_table(status).get("code"), row.get("status_code"), status)
    message = first_text(plain_table(status).get("message"), row.get("status_message"), "failed")
    return Span(
        id=_hex(first_text(row.get("span_id"), context.get("span_id"))) or "",
        parent=_hex(first_text(row.get("parent_span_id"), row.get("parent_id"))),
        name=text(row.get("name")) or "",
        kind=kind,
        started=utc(row.get("start_time_unix_nano") or row.get("start_time")),
        ended=utc(row.get("end_time_unix_nano") or row.get("end_time")),
        input=given,
        output=came,
        model=first_text(
            said.get("mlflow.llm.model"), plain_table(unpacked(said.get("mlflow.spanInputs"))).get("model")
        ),
        error=message if "ERROR" in str(code).upper() else None,
        attributes={key: value for key, value in said.items() if not key.startswith("mlflow.span")},
    )


def _assessments(info: dict[str, Json], tally: Tally) -> tuple[tuple[Feedback, ...], Json]:
    """What was said of a trace, and the answer that was expected: by name where there are several."""
    judged: list[Feedback] = []
    expected: dict[str, Json] = {}
    for one in tables(info.get("assessments")):
        if one.get("valid") is False:
            tally.note("assessments that were overridden: left out")
            continue
        name = first_text(one.get("assessment_name"), one.get("name")) or "assessment"
        if isinstance(one.get("expectation"), dict):
            wanted = one["expectation"]
            expected[name] = wanted.get("value", plain_table(wanted.get("serialized_value")).get("value"))
        if not isinstance(one.get("feedback"), dict):
            continue
        source = table(one.get("source"))
        judged.append(
            Feedback(
                name=name,
                value=_value(one["feedback"].get("value")),
                comment=text(one.get("rationale")),
                source=_SOURCES.get(str(source.get("source_type")).upper(), "unknown"),
                annotator=text(source.get("source_id")),
                at=utc(one.get("last_update_time") or one.get("create_time")),
                target=_hex(text(one.get("span_id"))),
                id=text(one.get("assessment_id")),
            )
        )
    values = list(expected.values())
    return without_doubles(judged), values[0] if len(values) == 1 else expected or None


def _value(value: Json) -> bool | float | str | None:
    if value is None or isinstance(value, (bool, str)):
        return value
    return float(value) if isinstance(value, (int, float)) else canonical_json(value).decode()


def _hex(id: str | None) -> str | None:
    """A span's id in hex: schema 3 has it in base64, as 12 characters; what is no such thing stays as it is."""
    if id is None or len(id) != 12 or not id.endswith("="):
        return id.removeprefix("0x") if id else None
    try:
        return base64.b64decode(id, validate=True).hex()
    except (binascii.Error, ValueError):
        return id
