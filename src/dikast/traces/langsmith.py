"""LangSmith: runs with their trees, feedback beside them, and the examples of datasets as reference answers."""

from __future__ import annotations

import re
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
from dikast.traces.llm_values import messages_in, whole
from dikast.traces.otel_trace import feedback_of
from dikast.traces.rows import rows_in
from dikast.traces.trace import Feedback, Span, SpanKind, Trace
from dikast.traces.tracing import TWICE, documents, in_order, root_of, without_doubles

_KINDS: Final[dict[str, SpanKind]] = {
    "llm": "llm", "tool": "tool", "retriever": "retrieval", "embedding": "embedding", "chain": "chain",
}  # fmt: skip
_SOURCES: Final = {"app": "expert", "model": "model", "evaluator": "model", "auto_eval": "model"}
_THREADS = ("thread_id", "session_id", "conversation_id")
_USERS = ("user_id", "ls_user_id", "user")
_FIRST_OF_ORDER = re.compile(r"^\d{8}T\d{6,}Z([^.]+)")
_MOST_NESTED = 100_000


class LangSmith:
    """What LangSmith's client, its API and its bulk export write."""

    name = "langsmith"
    title = "LangSmith"

    def recognises(self, sample: Sample) -> bool:
        """By the keys of runs, feedback or examples."""
        return any(_kind(value) is not None for value in sample.values)

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """Every trace; feedback and examples find theirs by the ids of runs."""
        with Gathering(tally, feedback_alone=True) as gathering:
            for path in paths:
                for item in rows_in(path, tally, lists=("runs", "data", "examples")):
                    if isinstance(item, Dropped):
                        yield item
                        continue
                    tally.read += 1
                    try:
                        _take(item, gathering)
                    except Unusable as unusable:
                        yield item.dropped(unusable.reason)
            yield from gathering.build(partial(_trace, tally), what="runs")


def _kind(row: Json) -> str | None:
    if not isinstance(row, dict):
        return None
    keys = row.keys()
    if "run_type" in keys and keys & {"dotted_order", "parent_run_id", "trace_id"}:
        return "run"
    if "key" in keys and "run_id" in keys and keys & {"score", "value", "comment", "feedback_source"}:
        return "feedback"
    if {"dataset_id", "inputs", "outputs"} <= keys:
        return "example"
    held = tables(row.get("runs"))[:1]
    return _kind(held[0]) if held else None


def _take(item: Item, gathering: Gathering) -> None:
    row, kind = item.value, _kind(item.value)
    if kind == "run":
        waiting, seen = [row], 0
        while waiting:
            run = waiting.pop()
            waiting += [{"trace_id": run.get("trace_id"), **child} for child in tables(run.get("child_runs"))]
            seen += 1
            if seen > _MOST_NESTED:
                raise Unusable("too large: more than 100,000 runs inside of one")
            _take_run(item, {**run, "child_runs": None}, gathering)
    elif kind == "feedback":
        said = _said(row)
        trace, run = text(row.get("trace_id")), text(row.get("run_id"))
        if trace is not None:
            gathering.put(trace, "feedback", said, item.file, item.line)
        elif run is not None:
            gathering.feedback_on(run, said, item.file, item.line)
        else:
            raise Unusable("no run: feedback that names no run (of a session or an experiment)")
    elif kind == "example":
        run = text(row.get("source_run_id"))
        if run is None:
            raise Unusable("no run: an example of a dataset that was made of no run; it holds no answer to judge")
        said = {"what": "an example of a dataset", "reference": row.get("outputs")}
        gathering.feedback_on(run, said, item.file, item.line)
    else:
        raise Unusable("not LangSmith's: neither a run nor feedback nor an example")


def _take_run(item: Item, row: dict[str, Json], gathering: Gathering) -> None:
    id = text(row.get("id"))
    if id is None:
        raise Unusable("no id: a run needs one")
    of_order = _FIRST_OF_ORDER.match(str(row.get("dotted_order")))
    trace = first_text(row.get("trace_id"), of_order and of_order[1])
    if trace is None:
        trace = id if row.get("parent_run_id") is None else None
    if trace is None:
        raise Unusable("no trace id: a run with a parent needs trace_id or dotted_order")
    gathering.span(trace, id, row, item.file, item.line)


def _said(row: dict[str, Json]) -> dict[str, Json]:
    source = table(row.get("feedback_source"))
    label = row.get("value")
    return {
        "name": row.get("key"),
        "label": label if isinstance(label, str) else None,
        "score": row.get("score"),
        "comment": row.get("comment"),
        "source": _SOURCES.get(str(source.get("type")), "unknown"),
        "annotator": first_text(source.get("user_name"), source.get("user_id")),
        "at": row.get("created_at"),
        "target": row.get("run_id"),
        "id": row.get("id"),
        "reference": row.get("correction"),
    }


def _trace(tally: Tally, id: str, records: list[Record]) -> Trace | None:
    rows = {str(text(record.value["id"])): record.value for record in records if record.kind == "span"}
    if not rows:
        return None
    spans = in_order(_span(row, tally) for row in rows.values())
    tally.note(TWICE, sum(record.kind == "span" for record in records) - len(rows))
    root = next((span for span in spans if span.id == id), None) or root_of(spans)
    row = rows[root.id] if root else {}
    said = [record.value for record in records if record.kind == "feedback"]
    references = [value for one in said if (value := one.get("reference"))]
    extra = table(row.get("extra"))
    metadata = dict(table(extra.get("metadata")))
    conversation = first_text(*(metadata.get(key) for key in _THREADS))
    user = first_text(*(metadata.get(key) for key in _USERS))
    for key in (*_THREADS, *_USERS):
        metadata.pop(key, None)
    if row.get("inputs_s3_urls") and not row.get("inputs"):
        tally.note("runs whose inputs lie elsewhere (inputs_s3_urls): without them")
    return Trace(
        id=id,
        format="langsmith",
        name=text(row.get("name")) or "",
        started=min((span.started for span in spans if span.started), default=None),
        input=root and root.input,
        output=root and root.output,
        reference=whole(references[-1], tally, answer=True) if references else None,
        spans=spans,
        feedback=without_doubles(_feedback(one, id) for one in said if one.get("name")),
        conversation=conversation,
        user=user,
        project=text(row.get("session_id")),
        tags=words(row.get("tags")),
        model=next((span.model for span in reversed(spans) if span.kind == "llm" and span.model), None),
        error=root.error if root else None,
        metadata={key: value for key, value in metadata.items() if not key.startswith("ls_")},
    )


def _feedback(said: dict[str, Json], trace: str) -> Feedback:
    return feedback_of({**said, "target": None if said.get("target") == trace else said.get("target")})


def _span(row: dict[str, Json], tally: Tally) -> Span:
    kind = _KINDS.get(str(row.get("run_type")), "other")
    given, came = unpacked(row.get("inputs")) or None, unpacked(row.get("outputs")) or None
    if kind == "llm":
        given, came = messages_in(given, tally), messages_in(came, tally, answer=True)
    elif kind == "retrieval":
        came = documents(came) or came
    else:
        given, came = whole(given, tally), whole(came, tally, answer=True)
    extra = table(row.get("extra"))
    metadata, call = table(extra.get("metadata")), table(extra.get("invocation_params"))
    return Span(
        id=str(text(row.get("id"))),
        parent=text(row.get("parent_run_id")),
        name=text(row.get("name")) or "",
        kind=kind,
        started=utc(row.get("start_time")),
        ended=utc(row.get("end_time")),
        input=given,
        output=came,
        model=first_text(metadata.get("ls_model_name"), call.get("model"), call.get("model_name")),
        error=text(row.get("error")),
        attributes={key: row[key] for key in ("total_tokens", "total_cost", "tags") if row.get(key)},
    )
