"""The metadata keys that say where an interaction came from, so that scores can be sent back to it.

    source        the format or platform: "langfuse", "langsmith", "phoenix", "otlp", "mlflow", ...
    trace_id      the trace or conversation, under the platform's own id
    span_id       the step that was judged, where the interaction is one model call
    message_id    the message that was judged, where the interaction is one turn of a conversation
    project       what the platform needs besides: project id (Langfuse, LangSmith, MLflow's experiment) or its name
    conversation  the conversation or session
    user, model, time, name, tags, error
                  who asked, which model answered, when (RFC 3339, UTC), what the step is called, tags, why it failed

Only those are there that the source says. What the source keeps as its own metadata lies beside them under its own
keys; one that is called like one of these is kept as "metadata.KEY".
"""

from __future__ import annotations

from typing import Final

from dikast.records import Interaction, Json
from dikast.traces.trace import Span, Trace

SOURCE: Final = "source"
TRACE_ID: Final = "trace_id"
SPAN_ID: Final = "span_id"
MESSAGE_ID: Final = "message_id"
PROJECT: Final = "project"
CONVERSATION: Final = "conversation"
USER: Final = "user"
MODEL: Final = "model"
TIME: Final = "time"
NAME: Final = "name"
TAGS: Final = "tags"
ERROR: Final = "error"
FEEDBACK: Final = "feedback"
COMMENTS: Final = "feedback_comments"
TOOL_CALLS: Final = "tool_calls"

KEYS: Final = frozenset(
    {SOURCE, TRACE_ID, SPAN_ID, MESSAGE_ID, PROJECT, CONVERSATION, USER, MODEL, TIME, NAME, TAGS, ERROR, FEEDBACK,
     COMMENTS, TOOL_CALLS}
)  # fmt: skip


def origin_of(trace: Trace, *, span: Span | None = None, message: str | None = None) -> dict[str, Json]:
    """Where an interaction came from, as metadata."""
    said: dict[str, Json] = {
        SOURCE: trace.format,
        TRACE_ID: trace.id,
        SPAN_ID: span.id if span else None,
        MESSAGE_ID: message,
        PROJECT: trace.project,
        # Answers of one chat, and calls of one trace, belong together, whatever the source calls that.
        CONVERSATION: trace.conversation or (trace.id if span or trace.messages else None),
        USER: trace.user,
        MODEL: (span.model if span else None) or trace.model,
        TIME: (span.started if span else None) or trace.started,
        NAME: (span.name if span else None) or trace.name,
        TAGS: list(trace.tags),
        ERROR: span.error if span else trace.error,
    }
    return {key: value for key, value in said.items() if value not in (None, "", [])}


def place_of(interaction: Interaction) -> tuple[str, str] | None:
    """The platform and the trace id of an imported interaction; None for one that was not imported from traces."""
    source, trace = interaction.metadata.get(SOURCE), interaction.metadata.get(TRACE_ID)
    return (source, trace) if isinstance(source, str) and isinstance(trace, str) else None
