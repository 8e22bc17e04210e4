"""Langfuse's rows under one set of names: traces, observations and scores, of exports, APIs and object storage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dikast.records import Json
from dikast.traces.decoding import first_text, items, table, tables, text, unpacked

OBSERVATIONS: Final = frozenset(
    {"SPAN", "GENERATION", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "EMBEDDING", "GUARDRAIL"}
)
_SNAKE: Final = {
    "user_id": "userId", "session_id": "sessionId", "project_id": "projectId", "trace_id": "traceId",
    "observation_id": "observationId", "data_type": "dataType", "string_value": "stringValue",
    "created_at": "createdAt", "updated_at": "updatedAt", "start_time": "startTime", "end_time": "endTime",
    "parent_observation_id": "parentObservationId", "provided_model_name": "providedModelName",
    "model_parameters": "modelParameters", "status_message": "statusMessage", "dataset_run_id": "datasetRunId",
    "author_user_id": "authorUserId", "usage_details": "usageDetails", "cost_details": "costDetails",
    "is_root_observation": "isRootObservation", "trace_name": "traceName", "long_string_value": "longStringValue",
}  # fmt: skip
# Columns of the platform's own; in an export every other column that holds a list is a score.
_OWN: Final = frozenset(
    [
        "id", "timestamp", "name", "userId", "sessionId", "release", "version", "environment", "tags", "bookmarked",
        "public", "input", "output", "metadata", "comments", "traceId", "traceName", "type", "startTime", "endTime",
        "completionStartTime", "level", "statusMessage", "promptName", "promptId", "promptVersion", "modelId",
        "internalModelId", "model", "providedModelName", "modelParameters", "usage", "usageDetails", "costDetails",
        "usagePricingTierName", "totalCost", "inputCost", "outputCost", "inputPrice", "outputPrice", "totalPrice",
        "latency", "latencyMs", "timeToFirstToken", "timeToFirstTokenMs", "timeToFirstTokenSeconds",
        "parentObservationId", "isRootObservation", "observations", "scores", "htmlPath", "createdAt", "updatedAt",
        "projectId", "toolDefinitions", "toolCalls", "toolCallNames", "promptTokens", "completionTokens", "totalTokens",
        "calculatedInputCost", "calculatedOutputCost", "calculatedTotalCost", "unit", "externalId",
    ]
)  # fmt: skip


def camel(row: dict[str, Json]) -> dict[str, Json]:
    """A row under the API's names, whichever spelling it has."""
    return {_SNAKE.get(key, key): value for key, value in row.items()}


def kind_of(row: dict[str, Json]) -> str | None:
    """Whether a row (under the API's names) is a trace, an observation, a score or a download of one trace."""
    if isinstance(row.get("trace"), dict) and "observations" in row:
        return "download"
    if str(row.get("type")) in OBSERVATIONS and text(row.get("traceId")) and text(row.get("id")):
        return "observation"
    if text(row.get("name")) and ("value" in row or "stringValue" in row) and ("source" in row or "subject" in row):
        return "score"
    if text(row.get("id")) and "timestamp" in row and ("input" in row or "output" in row or "userId" in row):
        return "trace"
    return None


def score_of(row: dict[str, Json]) -> tuple[str | None, dict[str, Json]]:
    """The id of the trace that a score is about, and the score as plain parts of feedback; None when it names none."""
    subject = table(row.get("subject"))
    kind, about = text(subject.get("kind")), text(subject.get("id"))
    observation = about if kind == "observation" else text(row.get("observationId"))
    trace = about if kind == "trace" else first_text(subject.get("traceId"), row.get("traceId"))
    return trace, {
        "name": row.get("name"),
        "value": _value(row),
        "comment": row.get("comment"),
        "source": {"ANNOTATION": "expert", "EVAL": "model"}.get(str(row.get("source")), "unknown"),
        "annotator": row.get("authorUserId"),
        "at": row.get("timestamp") or row.get("createdAt"),
        "target": observation,
        "id": row.get("id"),
        "correction": row.get("dataType") == "CORRECTION",
        "project": row.get("projectId"),
    }


def scores_in(row: dict[str, Json], target: str | None) -> Iterator[dict[str, Json]]:
    """What an exported row carries of scores and comments: a column for each score's name, whole scores of the API."""
    for name, value in row.items():
        if name in _OWN:
            continue
        values = unpacked(value)
        several = isinstance(values, list) and len(values) > 1
        for number, one in enumerate(values if isinstance(values, list) else (), 1):
            if isinstance(one, (bool, int, float, str)):
                rater = f"rater {number}" if several else None
                yield {"name": name, "value": one, "target": target, "source": "unknown", "annotator": rater}
    for score in tables(row.get("scores")):
        yield score_of(camel(score))[1]
    for comment in tables(row.get("comments")):
        if text(comment.get("content")):
            yield {
                "name": "comment",
                "comment": comment["content"],
                "source": "expert",
                "annotator": first_text(comment.get("author_email"), comment.get("authorUserId")),
                "at": comment.get("created_at") or comment.get("createdAt"),
                "target": target,
                "id": comment.get("id"),
            }


def merged(rows: list[dict[str, Json]]) -> dict[str, Json]:
    """Several versions of one row: the newest wins, and what it leaves empty comes from the others."""
    found: dict[str, Json] = {}
    for row in sorted(rows, key=lambda row: text(row.get("updatedAt")) or ""):
        for key, value in row.items():
            if value is not None and value not in ("", [], {}):
                found[key] = value
            else:
                found.setdefault(key, value)
    return found


def has_rows(value: Json) -> bool:
    """Whether an object is a row of Langfuse, or a page of them."""
    if not isinstance(value, dict):
        return False
    pages = items(value.get("data"))
    row = camel(pages[0] if pages and isinstance(pages[0], dict) else value)
    kind = kind_of(row)
    if kind == "trace":
        return len(_OWN & row.keys()) > 6 and ("sessionId" in row or "bookmarked" in row or "environment" in row)
    if kind == "score":
        return row.get("source") in ("API", "ANNOTATION", "EVAL") and ("traceId" in row or "dataType" in row)
    return kind is not None


def _value(row: dict[str, Json]) -> Json:
    """A score's value as what it means: API version 2 says 1 and "True" for true, 0 and "friendly" for a category."""
    value, said = row.get("value"), row.get("stringValue")
    if row.get("dataType") == "BOOLEAN":
        if isinstance(value, (bool, int, float)):
            return bool(value)
        return str(said).casefold() == "true" if said is not None else value
    if row.get("dataType") in ("CATEGORICAL", "TEXT", "CORRECTION"):
        return first_text(row.get("longStringValue"), said, value)
    return value
