"""Arize Phoenix: spans of its API and of its data frames, and annotations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.decoding import first_text, plain_table, table, tables, text
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.gathering import Gathering
from dikast.traces.items import Item
from dikast.traces.otel_trace import trace_of
from dikast.traces.otel_values import attributes
from dikast.traces.otlp import plain_span
from dikast.traces.rows import rows_in

_SOURCES: Final = {"LLM": "model", "CODE": "code"}
_DEEPEST = 12
# What stays one value in a data frame's column, where other objects are keys taken together.
_WHOLE = ("metadata", "tool.parameters", "llm.invocation_parameters")


class Phoenix:
    """What Phoenix's REST API and its Python client give out."""

    name = "phoenix"
    title = "Arize Phoenix"

    def recognises(self, sample: Sample) -> bool:
        """By the keys of a span or of an annotation."""
        return any(_kind(value) is not None for value in sample.values)

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """Every trace; annotations find theirs by their span's id."""
        with Gathering(tally, feedback_alone=True) as gathering:
            for path in paths:
                for item in rows_in(path, tally, lists=("data",)):
                    if isinstance(item, Dropped):
                        yield item
                        continue
                    tally.read += 1
                    try:
                        _take(item, gathering)
                    except Unusable as unusable:
                        yield item.dropped(unusable.reason)
            yield from gathering.build(lambda id, records: trace_of(id, records, self.name, tally))


def _kind(row: Json) -> str | None:
    if not isinstance(row, dict):
        return None
    context = plain_table(row.get("context"))
    if "trace_id" in context and "span_id" in context and ("span_kind" in row or "attributes" in row):
        return "span"
    if "context.trace_id" in row and "context.span_id" in row:
        return "frame"
    if "trace_id" in row and "span_id" in row and "start_time_unix_nano" in row:
        return "otlp"
    if "annotator_kind" in row and "name" in row:
        return "annotation"
    held = tables(row.get("data"))[:1]
    return _kind(held[0]) if held else None


def _take(item: Item, gathering: Gathering) -> None:
    row, kind = item.value, _kind(item.value)
    if kind == "annotation":
        _take_annotation(item, row, gathering)
        return
    if kind == "otlp":
        raw = plain_span(row)
    elif kind in ("span", "frame"):
        raw = _rest(row) if kind == "span" else _frame(row)
    else:
        raise Unusable("not Phoenix's: neither a span nor an annotation")
    if raw is None or not text(raw.get("trace")) or not text(raw.get("id")):
        raise Unusable("no ids: a span needs a trace_id and a span_id")
    gathering.span(str(raw.pop("trace")), str(raw["id"]), raw, item.file, item.line)


def _rest(row: dict[str, Json]) -> dict[str, Json]:
    context = plain_table(row.get("context"))
    return {
        "trace": text(context.get("trace_id")),
        "id": text(context.get("span_id")),
        "attributes": _flat(plain_table(row.get("attributes"))),
        **_common(row),
    }


def _frame(row: dict[str, Json]) -> dict[str, Json]:
    prefix = "attributes."
    named = {key.removeprefix(prefix): value for key, value in row.items() if key.startswith(prefix)}
    return {
        "trace": text(row.get("context.trace_id")),
        "id": text(row.get("context.span_id")),
        "attributes": _flat({key: value for key, value in named.items() if value is not None}),
        **_common(row),
    }


def _common(row: dict[str, Json]) -> dict[str, Json]:
    code = text(row.get("status_code"))
    failed = code is not None and code.upper() == "ERROR"
    return {
        "parent": text(row.get("parent_id")),
        "name": text(row.get("name")),
        "kind": text(row.get("span_kind")),
        "started": row.get("start_time"),
        "ended": row.get("end_time"),
        "status": {"code": code, "message": row.get("status_message")} if failed else None,
        "events": [
            {"name": event.get("name"), "attributes": attributes(event.get("attributes"))}
            for event in tables(row.get("events"))
        ],
    }


def _flat(value: dict[str, Json], prefix: str = "", depth: int = 0) -> dict[str, Json]:
    """Attributes under dotted keys; lists stay as they are."""
    found: dict[str, Json] = {}
    for key, part in value.items():
        name = f"{prefix}{key}"
        if isinstance(part, dict) and name not in _WHOLE and depth < _DEEPEST:
            found |= _flat(part, f"{name}.", depth + 1)
        elif part is not None:
            found[name] = part
    return found


def _take_annotation(item: Item, row: dict[str, Json], gathering: Gathering) -> None:
    result = table(row.get("result"))
    kind = text(row.get("annotator_kind"))
    by_person = "expert" if row.get("source") == "APP" else "user"
    span, trace = text(row.get("span_id")), text(row.get("trace_id"))
    said = {
        "what": "an annotation",
        "name": row.get("name"),
        "label": result.get("label"),
        "score": result.get("score"),
        "comment": result.get("explanation"),
        "source": by_person if kind == "HUMAN" else _SOURCES.get(str(kind), "unknown"),
        "annotator": first_text(row.get("user_id"), row.get("identifier")),
        "at": row.get("updated_at") or row.get("created_at"),
        "target": span,
        "id": row.get("id"),
    }
    if trace is not None:
        gathering.put(trace, "feedback", said, item.file, item.line)
    elif span is not None:
        gathering.feedback_on(span, said, item.file, item.line)
    else:
        raise Unusable("no span: an annotation of neither a span nor a trace")
