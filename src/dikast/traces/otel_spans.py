"""One span as instrumentations write it (GenAI conventions, OpenInference, older and third-party names) -> Span."""

from __future__ import annotations

from typing import Final

from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.decoding import first_text, table, text, unpacked, utc
from dikast.traces.otel_messages import answered, asked
from dikast.traces.otel_values import nested
from dikast.traces.trace import Span, SpanKind

_KINDS: Final[dict[str, SpanKind]] = {
    # OpenInference, and MLflow's and traceloop's names beside
    "llm": "llm", "chat_model": "llm", "chain": "chain", "workflow": "chain", "task": "chain", "tool": "tool",
    "retriever": "retrieval", "reranker": "retrieval", "embedding": "embedding", "agent": "agent",
    "guardrail": "guardrail", "evaluator": "evaluator",
    # gen_ai.operation.name
    "chat": "llm", "generate_content": "llm", "text_completion": "llm", "embeddings": "embedding",
    "retrieval": "retrieval", "create_agent": "agent", "invoke_agent": "agent", "execute_tool": "tool",
    "invoke_workflow": "chain",
}  # fmt: skip
_CONTENT = (
    "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.prompt",
    "gen_ai.completion", "llm.input_messages", "llm.output_messages", "input.value", "output.value",
    "retrieval.documents", "gen_ai.retrieval.documents", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
    "traceloop.entity.input", "traceloop.entity.output", "llm.tools", "llm.prompts",
)  # fmt: skip
_FAILED = frozenset({"2", "error", "status_code_error"})


def kind_of(name: Json) -> SpanKind:
    """The kind that a platform's own word means."""
    return _KINDS.get(str(name).casefold(), "other")


def span_of(raw: dict[str, Json], tally: Tally) -> Span:
    """A span from plain parts: id, parent, name, started, ended, attributes (flat), events, status, kind."""
    flat: dict[str, Json] = raw.get("attributes") or {}
    events: list[dict[str, Json]] = raw.get("events") or []
    for event in events:
        if event.get("name") == "gen_ai.client.inference.operation.details":
            flat = {**table(event.get("attributes")), **flat}
    kind = _kind(raw, flat)
    given, came = _ends(kind, flat, events, tally)
    return Span(
        id=str(raw.get("id") or ""),
        parent=text(raw.get("parent")),
        name=first_text(raw.get("name")) or "",
        kind=kind,
        started=utc(raw.get("started")),
        ended=utc(raw.get("ended")),
        input=given,
        output=came,
        model=first_text(
            flat.get("gen_ai.response.model"), flat.get("gen_ai.request.model"), flat.get("llm.model_name"),
            flat.get("embedding.model_name"),
        ),
        error=_error(raw.get("status"), events),
        attributes={key: value for key, value in flat.items() if not key.startswith(_CONTENT)},
    )  # fmt: skip


def _kind(raw: dict[str, Json], flat: dict[str, Json]) -> SpanKind:
    for said in (
        flat.get("openinference.span.kind"),
        raw.get("kind"),
        flat.get("gen_ai.operation.name"),
        flat.get("traceloop.span.kind"),
        flat.get("llm.request.type"),
    ):
        kind = kind_of(said)
        if kind != "other":
            return kind
    signs = ("gen_ai.prompt.", "gen_ai.input.messages", "llm.input_messages", "gen_ai.request.model")
    return "llm" if any(key.startswith(signs) for key in flat) else "other"


def _ends(kind: SpanKind, flat: dict[str, Json], events: list[dict[str, Json]], tally: Tally) -> tuple[Json, Json]:
    """What went in and what came out."""
    given = unpacked(_first(flat, "input.value", "traceloop.entity.input"))
    came = unpacked(_first(flat, "output.value", "traceloop.entity.output"))
    if kind == "tool":
        named = unpacked(_first(flat, "gen_ai.tool.call.arguments"))
        named = nested(flat, "tool.parameters") if named is None else named
        result = unpacked(_first(flat, "gen_ai.tool.call.result"))
        return unpacked(given if named is None else named), came if result is None else result
    if kind == "retrieval":
        query = _first(flat, "gen_ai.retrieval.query.text", "reranker.query")
        documents = _documents(flat)
        return given if query is None else query, documents or came
    messages, answers = asked(flat, events, tally), answered(flat, events, tally)
    if kind == "llm":
        return messages or given, answers or came
    return given if given is not None else messages or None, came if came is not None else answers or None


def _documents(flat: dict[str, Json]) -> list[Json]:
    for prefix in ("retrieval.documents", "gen_ai.retrieval.documents", "reranker.output_documents"):
        found = unpacked(nested(flat, prefix))
        if isinstance(found, list):
            documents = [_document(one) for one in found]
            if any(documents):
                return [one for one in documents if one]
    return []


def _document(value: Json) -> dict[str, Json]:
    """A document as {"content", "id", "score", "metadata"}, from nested and dotted keys."""
    if isinstance(value, str):
        return {"content": value}
    raw = table(value)
    inner = table(raw.get("document")) or {
        key.removeprefix("document."): part for key, part in raw.items() if part is not None
    }
    found = {key: inner[key] for key in ("content", "id", "score") if inner.get(key) is not None}
    if "content" not in found and first_text(inner.get("page_content"), inner.get("text")):
        found["content"] = first_text(inner.get("page_content"), inner.get("text"))
    metadata = table(inner.get("metadata"))
    return {**found, **({"metadata": metadata} if metadata else {})}


def _error(status: Json, events: list[dict[str, Json]]) -> str | None:
    said = table(status)
    failed = str(said.get("code")).casefold() in _FAILED
    for event in events:
        if event.get("name") == "exception" and (failed or not said.get("code")):
            details = table(event.get("attributes"))
            return first_text(details.get("exception.message"), details.get("exception.type"), "exception")
    return first_text(said.get("message"), "failed") if failed else None


def _first(flat: dict[str, Json], *names: str) -> Json:
    return next((flat[name] for name in names if flat.get(name) is not None), None)
