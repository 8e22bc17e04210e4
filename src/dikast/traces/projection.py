"""Traces -> interactions, as a mapping says. No IO; the same trace and mapping give the same interactions and ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from msgspec import structs

from dikast.interactions.rows import Unusable
from dikast.records import Interaction, Json, Label
from dikast.traces import origin
from dikast.traces.decoding import text
from dikast.traces.mapping import Mapping
from dikast.traces.opinions import Rule
from dikast.traces.paths import value_at
from dikast.traces.trace import Feedback, Span, Trace

Message: TypeAlias = "dict[str, Json]"
Projected: TypeAlias = "Interaction | Unusable"

_NO_RULE = Rule()


def interactions_of(trace: Trace, mapping: Mapping) -> Iterator[Projected]:
    """The interactions of one trace; what makes none comes as Unusable with the reason."""
    if mapping.unit == "llm call":
        yield from _calls(trace, mapping)
    elif mapping.unit == "pair":
        yield from _pairs(trace, mapping)
    elif mapping.unit in ("turn", "conversation") and trace.messages:
        yield from _turns(trace, mapping, last=mapping.unit == "conversation" and mapping.judged == "last")
    else:
        yield _whole(trace, mapping, ())


def conversation_of(traces: Sequence[Trace], mapping: Mapping) -> Iterator[Projected]:
    """The interactions of traces that are the turns of one conversation, each with what was said before it."""
    before: list[Message] = []
    ordered = sorted(traces, key=lambda trace: trace.started or "")
    for number, trace in enumerate(ordered, 1):
        if trace.messages:
            yield from interactions_of(trace, mapping)
            continue
        if mapping.judged == "each" or number == len(ordered):
            yield _whole(trace, mapping, tuple(before))
        before += _exchanged(trace, mapping)


def feedback_names(trace: Trace) -> list[str]:
    """The names of what was said of a trace, in order."""
    return list(dict.fromkeys(one.name for one in trace.feedback))


class _Made(NamedTuple):
    """The parts of one interaction before it is put together."""

    id: str
    input: Json
    output: Json
    context: Json = None
    reference: Json = None
    feedback: Sequence[Feedback] = ()
    span: Span | None = None
    message: str | None = None


def _whole(trace: Trace, mapping: Mapping, before: tuple[Message, ...]) -> Projected:
    """A whole trace as one interaction."""
    given, came = asked(_first(trace, mapping.input)), said(_first(trace, mapping.output))
    if trace.messages and (given is None or came is None):
        turn = next(iter(reversed([turn for turn in _turns_in(trace.messages) if turn.answer is not None])), None)
        if turn is not None:
            given = asked(_cleaned(trace.messages[: turn.answer])) if given is None else given
            came = said([_clean(trace.messages[turn.answer or 0])]) if came is None else came
    if before and not _has_history(given):
        given = [*before, *_as_messages(given, "user")]
    context, reference = _first(trace, mapping.context), said(_first(trace, mapping.reference))
    return _made(trace, mapping, _Made(trace.id, given, came, _context(context), reference, trace.feedback))


def _calls(trace: Trace, mapping: Mapping) -> Iterator[Projected]:
    """Each call of a model; what was retrieved before it is its context."""
    calls = [span for span in trace.spans if span.kind == "llm"]
    if not calls:
        yield Unusable("no model call: the trace has no span of kind llm")
    for span in calls:
        found = [one.output for one in trace.spans if one.kind == "retrieval" and _before(one, span)]
        documents = [part for output in found for part in (output if isinstance(output, list) else [output])]
        texts = [part["content"] for part in documents if isinstance(part, dict) and part.get("content")]
        of_trace = [one for one in trace.feedback if one.target is None] if span is calls[-1] else []
        feedback = [one for one in trace.feedback if one.target == span.id] + of_trace
        parts = _Made(
            f"{trace.id}:{span.id}", asked(span.input), said(span.output), _context(texts), None, feedback, span
        )
        yield _made(trace, mapping, parts)


class _Turn(NamedTuple):
    """One user's message and what followed it: places in the list of messages. answer: None where there was none."""

    start: int
    end: int
    answer: int | None


def _turns(trace: Trace, mapping: Mapping, *, last: bool) -> Iterator[Projected]:
    """Each answer of a conversation, with all messages before it; or only the last one."""
    turns = _turns_in(trace.messages)
    if not turns:
        yield Unusable("no answer: a conversation in which nobody asked anything")
    known = {str(message["id"]) for message in trace.messages if message.get("id") is not None}
    new = _new_from(trace)
    turns = [turn for turn in turns if turn.answer is None or turn.answer >= new]
    answered = [turn for turn in turns if turn.answer is not None]
    if not last:
        unanswered = sum(turn.answer is None and turn.end > new for turn in turns)
        if unanswered:
            yield Unusable(f"no answer: {unanswered} messages of a user were not answered")
    elif turns and not answered:
        yield Unusable("no answer: the conversation holds only a user's messages")
    numbers = {turn.start: number for number, turn in enumerate(turns, 1)}
    for turn in answered[-1:] if last else answered:
        final = turn is answered[-1]
        ids = {str(message["id"]) for message in trace.messages[turn.start : turn.end] if message.get("id") is not None}
        feedback = [
            one
            for one in trace.feedback
            if one.target in ids or (final and (one.target is None or one.target not in known))
        ]
        yield _turn(trace, mapping, turn, _Heard(numbers[turn.start], ids, feedback, final))


class _Heard(NamedTuple):
    """Of one turn: its number, the ids of its messages, what was said of it, and whether it is the last one."""

    number: int
    ids: set[str]
    feedback: Sequence[Feedback]
    final: bool


def _turn(trace: Trace, mapping: Mapping, turn: _Turn, heard: _Heard) -> Projected:
    at = turn.answer or 0
    message = text(trace.messages[at].get("id"))
    parts = _Made(
        f"{trace.id}:{message or heard.number}",
        asked(_cleaned(trace.messages[:at])),
        said([_clean(trace.messages[at])]),
        _context(_first(_within(trace, heard.ids), mapping.context)),
        said(_first(trace, mapping.reference)) if heard.final else None,
        heard.feedback,
        message=message,
    )
    return _made(trace, mapping, parts)


def _within(trace: Trace, ids: set[str]) -> Trace:
    """A trace without the steps that belong to other messages: what was retrieved for one answer is its own."""
    spans = [one for one in trace.spans if "message" not in one.attributes or one.attributes["message"] in ids]
    return trace if len(spans) == len(trace.spans) else structs.replace(trace, spans=tuple(spans))


def _new_from(trace: Trace) -> int:
    """The place of the first message that no other trace tells."""
    if trace.since is None:
        return 0
    return next((at for at, one in enumerate(trace.messages) if one.get("id") == trace.since), 0)


def _pairs(trace: Trace, mapping: Mapping) -> Iterator[Projected]:
    """Each answer beside those that were given in its place."""
    places = {str(message.get("id")): at for at, message in enumerate(trace.messages)}
    if not trace.alternatives:
        yield Unusable("no pair: no answer was given again")
    for id, others in trace.alternatives.items():
        at = places.get(id)
        if at is None:
            yield Unusable(f"no pair: the answer {id[:80]!r} that was given again is not in the conversation")
            continue
        end = next((turn.end for turn in _turns_in(trace.messages) if turn.start <= at < turn.end), at + 1)
        kept = said(_cleaned(trace.messages[at:end]))
        for number, other in enumerate(others, 1):
            metadata = _metadata(trace, mapping, _Made("", None, None, message=id))
            yield Interaction(
                id=f"{trace.id}:{id}:{number}",
                input=asked(_cleaned(trace.messages[:at])) or "",
                output_a="" if kept is None else kept,
                output_b=said(_cleaned(other)) or "",
                context=_context(_first(trace, mapping.context)),
                metadata=metadata,
            )


def _turns_in(messages: Sequence[Message]) -> list[_Turn]:
    """The turns of a conversation; what is said before the first user's message belongs to none."""
    starts = [at for at, one in enumerate(messages) if one.get("role") == "user"]
    starts = [at for number, at in enumerate(starts) if number == 0 or starts[number - 1] != at - 1]
    turns: list[_Turn] = []
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(messages)
        spoken = [at for at in range(start, end) if messages[at].get("role") == "assistant"]
        full = [at for at in spoken if messages[at].get("content") not in (None, "", [])]
        turns.append(_Turn(start, end, (full or spoken)[-1] if spoken else None))
    return turns


def _made(trace: Trace, mapping: Mapping, parts: _Made) -> Projected:
    if parts.input is None:
        return Unusable(
            f"no input: {'nothing was recorded' if trace.spans else 'nothing'} under {_paths(mapping.input)}"
        )
    if parts.output is None:
        error = parts.span.error if parts.span else trace.error
        why = f"the trace failed ({error[:200]})" if error else f"nothing under {_paths(mapping.output)}"
        return Unusable(f"no output: {why}")
    return Interaction(
        id=parts.id,
        input=parts.input,
        output=parts.output,
        context=parts.context,
        reference=parts.reference,
        metadata=_metadata(trace, mapping, parts),
        labels=_labels(trace, mapping, parts),
    )


def _paths(paths: tuple[str, ...]) -> str:
    return ", ".join(paths) or "no path"


def _metadata(trace: Trace, mapping: Mapping, parts: _Made) -> dict[str, Json]:
    found = origin.origin_of(trace, span=parts.span, message=parts.message)
    for key, value in trace.metadata.items():
        found[f"metadata.{key}" if key in origin.KEYS else key] = value
    for name, path in mapping.dimensions.items():
        value = value_at(trace, path)
        if value is not None:
            found[name] = value
    calls = _tool_calls(trace) if parts.message is None and parts.span is None else []
    if calls:
        found[origin.TOOL_CALLS] = calls
    kept: dict[str, list[Json]] = {}
    comments: dict[str, list[Json]] = {}
    for one in parts.feedback:
        if not _gives_label(one, mapping.feedback.get(one.name, _NO_RULE)):
            kept.setdefault(one.name, []).append(one.comment if one.value is None else one.value)
            if one.value is not None and one.comment is not None:
                comments.setdefault(one.name, []).append(one.comment)
    for key, said in ((origin.FEEDBACK, kept), (origin.COMMENTS, comments)):
        if said:
            found[key] = {name: values[0] if len(values) == 1 else values for name, values in said.items()}
    return {key: value for key, value in found.items() if key not in mapping.drop}


def _labels(trace: Trace, mapping: Mapping, parts: _Made) -> tuple[Label, ...]:
    """What was said, as labels of whoever said it."""
    labels: list[Label] = []
    for whose in ("user", "expert"):
        names = [name for name, rule in mapping.feedback.items() if rule.labels == whose]
        for one in parts.feedback:
            if one.name not in names or not _gives_label(one, mapping.feedback[one.name]):
                continue
            verdict = mapping.feedback[one.name].verdict(one.value)
            labels.append(
                Label(
                    id=parts.id,
                    verdict=verdict,
                    score=float(one.value) if verdict is None and one.value is not None else None,
                    critique=one.comment,
                    criterion=one.name if len(names) > 1 else None,
                    annotator=one.annotator or (trace.user if whose == "user" else None) or whose,
                    at=one.at,
                    origin="user" if whose == "user" else None,
                )
            )
    return tuple(labels)


def _is_taken(feedback: Feedback, rule: Rule) -> bool:
    """Whether it becomes a label. What a model said is never a person's word, nor what an expert said a user's."""
    if rule.labels == "none" or feedback.source == "model":
        return False
    return rule.labels == "expert" or feedback.source != "expert"


def _gives_label(feedback: Feedback, rule: Rule) -> bool:
    """Whether a label comes of it: a verdict, or a number. What says neither stays in the metadata, comment and all."""
    if not _is_taken(feedback, rule):
        return False
    is_number = isinstance(feedback.value, (int, float)) and not isinstance(feedback.value, bool)
    return is_number or rule.verdict(feedback.value) is not None


def asked(value: Json) -> Json:
    """An input as a judge reads it best: the text, where one user's message or an object holds nothing else."""
    if _is_chat(value) and len(value) == 1 and value[0].get("role") == "user" and not value[0].get("tool_calls"):
        value = value[0].get("content")
    return _only_text(value)


def said(value: Json) -> Json:
    """An output as a judge reads it best: the text of the answer, where it is no more than that."""
    if isinstance(value, dict) and "role" in value and "content" in value:
        value = [value]
    if _is_chat(value) and len(value) == 1 and value[0].get("role") == "assistant" and not value[0].get("tool_calls"):
        value = value[0].get("content")
        return "" if value is None else value
    return _only_text(value)


def _only_text(value: Json) -> Json:
    if isinstance(value, dict) and len(value) == 1:
        inner = next(iter(value.values()))
        return inner if isinstance(inner, str) or _is_chat(inner) else value
    return None if value in ([], {}) else value


def _first(trace: Trace, paths: tuple[str, ...]) -> Json:
    for path in paths:
        value = value_at(trace, path)
        if value is not None and value != [] and value != {}:
            return value
    return None


def _context(value: Json) -> Json:
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value or None


def _is_chat(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) and "role" in one for one in value)


def _has_history(value: Json) -> bool:
    return _is_chat(value) and any(one.get("role") == "assistant" for one in value)


def _as_messages(value: Json, role: str) -> list[Message]:
    if _is_chat(value):
        return [_clean(one) for one in value]
    return [] if value is None else [{"role": role, "content": value}]


def _exchanged(trace: Trace, mapping: Mapping) -> list[Message]:
    """What a trace adds to its conversation: what was asked last, and what was answered."""
    given, came = asked(_first(trace, mapping.input)), said(_first(trace, mapping.output))
    asked_last = _as_messages(given, "user")
    if _has_history(given):
        asked_last = [one for one in asked_last if one.get("role") == "user"][-1:]
    return [*asked_last, *_as_messages(came, "assistant")]


def _cleaned(messages: Sequence[Message]) -> list[Message]:
    return [_clean(one) for one in messages]


def _clean(message: Message) -> Message:
    """A message without what only its source needs."""
    return {key: value for key, value in message.items() if key != "id"}


def _before(one: Span, other: Span) -> bool:
    return one.started is None or other.started is None or one.started <= other.started


def _tool_calls(trace: Trace) -> list[Json]:
    """The tools that were used: name, arguments, result; where no span tells, what the model asked for."""
    calls: list[Json] = []
    for span in trace.spans:
        if span.kind == "tool":
            named = span.attributes.get("gen_ai.tool.name") or span.attributes.get("tool.name") or span.name
            call = {"name": named, "arguments": span.input, "result": span.output, "error": span.error}
            calls.append({key: value for key, value in call.items() if value is not None})
    if calls or trace.messages:
        return calls
    for span in trace.spans:
        for message in span.output if span.kind == "llm" and _is_chat(span.output) else ():
            for one in message.get("tool_calls") or ():
                function = one.get("function") if isinstance(one, dict) else None
                if isinstance(function, dict):
                    calls.append({"name": function.get("name"), "arguments": function.get("arguments")})
    return calls
