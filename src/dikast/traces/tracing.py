"""Spans as one trace: in order, with what their root says of the whole."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dikast.records import Json
from dikast.traces.decoding import plain_table
from dikast.traces.trace import Feedback, Span

_CONTEXT_KEYS = ("page_content", "content", "text", "document", "chunk", "body", "passage", "snippet")


TWICE = "spans with the id of another one in their trace: the last one counts"


def in_order(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Parents before their children, and otherwise by time; the last of those with one id counts, circles are cut."""
    by_id: dict[str, Span] = {}
    for span in spans:
        by_id[span.id] = span
    children: dict[str | None, list[Span]] = {}
    for span in sorted(by_id.values(), key=lambda span: (span.started or "", span.ended or "")):
        parent = span.parent if span.parent in by_id and span.parent != span.id else None
        children.setdefault(parent, []).append(span)
    ordered: list[Span] = []
    seen: set[str] = set()
    for first in (*children.get(None, ()), *by_id.values()):  # what is no root's hangs in a circle
        waiting = [first]
        while waiting:
            span = waiting.pop()
            if span.id not in seen:
                seen.add(span.id)
                ordered.append(span)
                waiting += reversed(children.get(span.id, []))
    return tuple(ordered)


def root_of(spans: tuple[Span, ...]) -> Span | None:
    """The first span whose parent is not there; of several, the one that says most: input and output, then output."""
    here = {span.id for span in spans}
    roots = [span for span in spans if span.parent not in here]
    said = [span for span in roots if span.kind not in ("tool", "retrieval", "embedding", "event", "evaluator")]
    candidates = said or roots
    return max(candidates, key=lambda s: (s.output is not None) + (s.input is not None), default=None)


def documents(value: Json) -> list[Json]:
    """What a retriever gave back, as a list of {"content", "id"?, "score"?, "metadata"?}; [] where it is no such thing.

    A list, or an object that holds one; documents may be texts, or objects under one of the usual names.
    """
    if isinstance(value, dict):
        held = [part for part in value.values() if isinstance(part, list)]
        value = held[0] if len(held) == 1 else [value] if any(key in value for key in _CONTEXT_KEYS) else []
    found = [_document(one) for one in value] if isinstance(value, list) else []
    return [one for one in found if one is not None]


def _document(value: Json) -> Json:
    if isinstance(value, str):
        return {"content": value}
    if not isinstance(value, dict):
        return None
    inner: dict[str, Json] = plain_table(value.get("document")) or value
    key = next((key for key in _CONTEXT_KEYS if isinstance(inner.get(key), str)), None)
    if key is None:
        return value
    metadata = plain_table(inner.get("metadata"))
    named = {
        "id": next(
            (x for x in (inner.get("id"), metadata.get("id"), value.get("id")) if isinstance(x, (str, int))), None
        ),
        "score": next((x for x in (value.get("score"), inner.get("score")) if isinstance(x, (int, float))), None),
        "metadata": metadata or None,
    }
    return {"content": inner[key], **{name: part for name, part in named.items() if part is not None}}


def without_doubles(feedback: Iterable[Feedback]) -> tuple[Feedback, ...]:
    """Each said thing once: the last of those with one id, completed by the earlier ones, and none without an id that
    one with an id says, too.
    """
    by_id: dict[str, Feedback] = {}
    others: dict[tuple[object, ...], Feedback] = {}
    for one in feedback:
        if one.id is not None:
            before = by_id.get(one.id, one)
            left = {name: getattr(before, name) for name in ("value", "comment", "at") if getattr(one, name) is None}
            by_id[one.id] = msgspec.structs.replace(one, **left)
        else:
            others.setdefault((one.name, one.target, _number(one.value), one.annotator, one.comment), one)
    known = {(one.name, _number(one.value)) for one in by_id.values()}
    return (*by_id.values(), *(one for one in others.values() if (one.name, _number(one.value)) not in known))


def _number(value: Json) -> Json:
    return float(value) if isinstance(value, (bool, int, float)) else value
