"""What every format is read into before it becomes interactions: spans, messages, tool calls, feedback. No IO.

A reader says what is there and decides nothing. Which turn is judged, and what of it is input, output and context, is
decided afterwards by a projection (projection.py), which the user can see and change.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from dikast.records import Json

SpanKind = Literal[
    "llm", "tool", "retrieval", "agent", "chain", "embedding", "guardrail", "evaluator", "event", "other"
]
FeedbackSource = Literal["user", "expert", "model", "code", "unknown"]


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody or something said of a trace, under the name that its project gave it.

    value: true, false, a number or a word, as it was stored. source: who spoke; "unknown" where the format doesn't
    tell. target: the span or message that was meant; None for the whole trace.
    """

    name: str
    value: bool | float | str | None = None
    comment: str | None = None
    source: FeedbackSource = "unknown"
    annotator: str | None = None
    at: str | None = None
    target: str | None = None
    id: str | None = None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a trace. started, ended: RFC 3339 in UTC, so that they sort as text.

    input, output: what went in and out, decoded where it was JSON in a string; for an "llm" span chat messages where
    the format has them ({"role", "content", "tool_calls"?, "tool_call_id"?, "name"?}), for a "retrieval" span the
    output is a list of {"content", "id"?, "score"?, "metadata"?}. error: why it failed. attributes: what else was said.
    """

    id: str
    parent: str | None = None
    name: str = ""
    kind: SpanKind = "other"
    started: str | None = None
    ended: str | None = None
    input: Json = None
    output: Json = None
    model: str | None = None
    error: str | None = None
    attributes: dict[str, Json] = {}


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a system, or one conversation with it.

    id: the source's own, by which scores are sent back. messages: the conversation as chat messages in OpenAI's shape
    (role, content, tool_calls with arguments decoded, tool_call_id; "id" where the source has one), for formats that
    have one; spans: the steps, parents before children and in order of time, for formats that have those. input,
    output: of the whole, where the source says them. alternatives: by the id of a message, other answers that were
    given in its place and not kept (regenerations), each a list of messages. since: the id of the first message that is
    new here; answers before it are told by another trace, of which this one is a branch. project: what scores must name
    besides.
    """

    id: str
    format: str
    name: str = ""
    started: str | None = None
    input: Json = None
    output: Json = None
    reference: Json = None
    messages: tuple[dict[str, Json], ...] = ()
    spans: tuple[Span, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    alternatives: dict[str, tuple[tuple[dict[str, Json], ...], ...]] = {}
    since: str | None = None
    conversation: str | None = None
    user: str | None = None
    project: str | None = None
    tags: tuple[str, ...] = ()
    model: str | None = None
    error: str | None = None
    metadata: dict[str, Json] = {}
