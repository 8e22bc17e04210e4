"""Verdict records, made of opinions and of errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dikast.errors import (
    EndpointBusy,
    EndpointDown,
    EndpointError,
    EndpointGarbled,
    EndpointRefused,
    EndpointTimeout,
    PromptTooLong,
)
from dikast.judges.opinion import Opinion
from dikast.models.endpoint import Facts, Reply
from dikast.records import Interaction, Json, Status, Usage, Verdict

if TYPE_CHECKING:
    from dikast.judges.definition import Judge

_KINDS: tuple[tuple[type[EndpointError], str], ...] = (
    (PromptTooLong, "prompt too long"),
    (EndpointBusy, "busy"),
    (EndpointTimeout, "timed out"),
    (EndpointGarbled, "garbled answer"),
    (EndpointRefused, "refused by server"),
    (EndpointDown, "endpoint down"),
)


def made_verdict(judge: Judge, interaction: Interaction, facts: Facts | None, opinion: Opinion) -> Verdict:
    """The record of an opinion: scored, or unparsed or refused with the reason.

    latency_s is the time spent waiting for the model, summed over all replies, also those that came from a cache
    (then what they took when they were asked); usage is summed likewise. raw_judge_output is the last reply, its
    thinking included; with several replies, details.replies holds all.
    """
    replies = opinion.replies
    common: dict[str, Any] = {
        "id": interaction.id,
        "judge": judge.ref,
        "model": model_name(facts),
        "latency_s": _latency(replies),
        "usage": _usage(replies),
        "raw_judge_output": raw_output(replies[-1]) if replies else None,
        "metadata": interaction.metadata,
        "method": _method(opinion),
        "details": _details(opinion),
    }
    reading = opinion.reading
    if reading is None:
        unreadable = opinion.unreadable
        if unreadable is None:
            raise TypeError("an opinion without a reading needs its reason")
        status: Status = "refused" if unreadable.kind == "refused" else "unparsed"
        return Verdict(status=status, reason=str(unreadable), **common)
    return Verdict(
        status="scored",
        verdict=reading.verdict,
        scores=reading.scores,
        critique=reading.critique,
        confidence=reading.confidence,
        confidence_source=opinion.origin if reading.confidence is not None else None,
        **common,
    )


def failed_verdict(judge: Judge, interaction: Interaction, model: str | None, error: EndpointError) -> Verdict:
    """The record of an interaction that no answer could be had for."""
    kind = next((kind for family, kind in _KINDS if isinstance(error, family)), "endpoint failed")
    return Verdict(
        id=interaction.id,
        status="failed",
        reason=f"{kind}: {error}",
        judge=judge.ref,
        model=model,
        metadata=interaction.metadata,
        details={"http_status": error.status} if error.status is not None else None,
    )


def unfit_verdict(judge: Judge, interaction: Interaction, facts: Facts | None, reason: str) -> Verdict:
    """The record of an interaction that this judge can't judge, such as one without the reference it needs."""
    return Verdict(
        id=interaction.id,
        status="failed",
        reason=reason,
        judge=judge.ref,
        model=model_name(facts),
        metadata=interaction.metadata,
    )


def model_name(facts: Facts | None) -> str | None:
    """Who answered, as the user would name it: "ollama/qwq:32b", or the bare name where nobody knows the server."""
    if facts is None:
        return None
    who = facts.fingerprint
    if who.server == "openai-compatible":
        return who.model
    named = who.model == who.server or who.model.startswith(f"{who.server}/")
    return who.model if named else f"{who.server}/{who.model}"


def raw_output(reply: Reply) -> str:
    """A reply as the model wrote it, with the thinking that its server kept apart put back in front."""
    return f"<think>\n{reply.thinking}\n</think>\n{reply.text}" if reply.thinking else reply.text


def _method(opinion: Opinion) -> str | None:
    """How the verdict was read, and which of the judge's settings the server did not take."""
    left_out = sorted({name for reply in opinion.replies for name in reply.left_out})
    return f"{opinion.method}+without:{','.join(left_out)}" if opinion.method and left_out else opinion.method


def _latency(replies: Iterable[Reply]) -> float:
    return round(sum(reply.latency_s for reply in replies), 6)


def _usage(replies: list[Reply]) -> Usage | None:
    if not replies:
        return None
    total = replies[0].usage
    for reply in replies[1:]:
        total = total + reply.usage
    return total


def _details(opinion: Opinion) -> dict[str, Json] | None:
    details = opinion.details
    if opinion.steps:
        details = {**details, "steps": opinion.steps}
    if len(opinion.replies) > 1:
        details = {**details, "replies": [raw_output(reply) for reply in opinion.replies]}
    return details or None
