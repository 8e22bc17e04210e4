"""One interaction's way through a cascade, and the verdict that it ends with.

The verdict is that of the last stage that gave one, under the cascade's name; `details.cascade` holds every stage that
was asked, what it said, why the interaction went on, and what that took.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from dikast.judges.cascade import PERSON, Cascade, Stage
from dikast.records import Interaction, Json, Usage, Verdict

DETAILS = "cascade"
"""Where `Verdict.details` says how a cascade came to it."""

AskStage = Callable[[int, Interaction], Awaitable[Verdict]]
"""A stage's verdict, by the stage's place from 0. What can't be had is a verdict with another status than scored."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One stage's answer. why: it went on from there; None where it ended."""

    number: int
    stage: Stage
    verdict: Verdict
    why: str | None


async def escalate(cascade: Cascade, interaction: Interaction, ask: AskStage) -> Verdict:
    """A cascade's verdict on one interaction, as `assess` gives a judge's."""
    asked: list[Asked] = []
    for number, stage in enumerate(cascade.asked):
        verdict = await ask(number, interaction)
        asked.append(Asked(number, stage, verdict, stage.why_on(verdict)))
        if asked[-1].why is None:
            break
    return concluded(cascade, asked)


def concluded(cascade: Cascade, asked: Sequence[Asked]) -> Verdict:
    """What the stages that were asked amount to.

    Where a later stage gave no verdict, that of the last stage that gave one stands, and the details say so. Time and
    tokens are those of all stages.
    """
    answered = [one for one in asked if one.verdict.status == "scored"]
    spoken = answered[-1] if answered else asked[-1]
    last = asked[-1]
    to_person = last.why is not None and cascade.has_person and last.number + 1 == len(cascade.asked)
    said: dict[str, Json] = {
        "ended": PERSON if to_person else spoken.stage.name,
        "spoke": spoken.stage.name,
        "person": to_person,
        "unanswered": [one.stage.name for one in asked if one.verdict.status != "scored"],
        "stages": [_told(one) for one in asked],
    }
    if note := _note(spoken, last, to_person=to_person):
        said["note"] = note
    own = spoken.verdict
    return msgspec.structs.replace(
        own,
        judge=cascade.ref,
        latency_s=_latency(asked),
        usage=_usage(asked),
        details={**(own.details or {}), DETAILS: said},
    )


def trail_of(verdict: Verdict) -> dict[str, Json] | None:
    """What a verdict's details say of the cascade that it comes from; None for any other verdict."""
    found = (verdict.details or {}).get(DETAILS)
    return found if isinstance(found, dict) and isinstance(found.get("stages"), list) else None


def waits_for_person(verdict: Verdict) -> bool:
    """Whether a cascade left it to a person."""
    trail = trail_of(verdict)
    return trail is not None and trail.get("person") is True


def is_short(verdict: Verdict) -> bool:
    """Whether a later stage that should have spoken could not, so that an earlier one's verdict stands."""
    trail = trail_of(verdict)
    return trail is not None and verdict.status == "scored" and trail["stages"][-1].get("status") != "scored"


def _note(spoken: Asked, last: Asked, *, to_person: bool) -> str | None:
    if spoken is not last:
        lacks = f"stage {last.stage.name!r} gave no verdict ({last.why})"
        return f"{lacks}; that of stage {spoken.stage.name!r} stands" + (", until a person decides" * to_person)
    if to_person:
        return f"a person is to decide: {last.why}"
    if last.why is not None and last.verdict.status == "scored":
        return f"it would go on ({last.why}), and there is no later stage"
    return None


def _told(one: Asked) -> dict[str, Json]:
    verdict, usage = one.verdict, one.verdict.usage
    told: dict[str, Json] = {
        "stage": one.stage.name,
        "judge": {"name": verdict.judge.name, "version": verdict.judge.version},
        "model": verdict.model,
        "status": verdict.status,
        "verdict": verdict.verdict,
        "score": verdict.overall,
        "confidence": verdict.confidence,
        "confidence_source": verdict.confidence_source,
        "latency_s": verdict.latency_s,
        "prompt_tokens": usage.prompt_tokens if usage else 0,
        "completion_tokens": usage.completion_tokens if usage else 0,
        "calls": usage.calls if usage else 0,
        "cost_usd": one.stage.cost_usd(usage.prompt_tokens, usage.completion_tokens) if usage else 0.0,
        "leaves": one.stage.leaves,
        "went_on": one.why,
    }
    return told


def _latency(asked: Sequence[Asked]) -> float | None:
    taken = [one.verdict.latency_s for one in asked if one.verdict.latency_s is not None]
    return round(sum(taken), 6) if taken else None


def _usage(asked: Sequence[Asked]) -> Usage | None:
    used = [one.verdict.usage for one in asked if one.verdict.usage is not None]
    if not used:
        return None
    total = used[0]
    for usage in used[1:]:
        total = total + usage
    return total
