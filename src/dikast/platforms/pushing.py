"""Pushing: a run's verdicts as scores, compared with what stands there before anything is written.

What a platform took is logged at once. A push that was cut off is continued by the same push again: it finds what
stands there already, under the same ids.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from dikast.platforms.platform import Standing, Target
from dikast.platforms.score import Score, scores_of
from dikast.records import Json, Verdict
from dikast.store import PlatformMemory, Pushed

Only = Literal["failed", "passed"]
Fate = Literal["created", "updated", "unchanged", "left to a person", "not there", "refused"]

_TAKEN = ("created", "updated", "unchanged")
_REFUSALS_SHOWN = 3


class PushReport(msgspec.Struct, kw_only=True):
    """What became of a run's verdicts. left_out: verdicts without a score to push, by reason.

    created, updated, unchanged: scores. people: left, since a person judged the same under that name. missing: on
    traces that the platform doesn't have. refused: what it did not take, with the first reasons. sent: whether anything
    was written at all. first: the first score that is, or would be, written.
    """

    target: str
    run: str
    verdicts: int = 0
    scores: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    people: int = 0
    missing: int = 0
    refused: int = 0
    reasons: list[str] = []
    left_out: dict[str, int] = {}
    sent: bool = False
    compared: bool = True
    first: Score | None = None


@dataclass(frozen=True)
class PushOrder:
    """What is pushed where. platform: only interactions that came from there; None for files and collectors.

    to: the target's address, under which the log has it. clean: what each text goes through on its way out.
    """

    run: str
    to: str
    name: str
    platform: str | None = None
    only: Only | None = None
    trust: Mapping[str, Json] = field(default_factory=dict)
    clean: Callable[[str], str] | None = None


def scores_in(verdicts: Iterable[Verdict], order: PushOrder, report: PushReport) -> Iterator[Score]:
    """The scores of a run's verdicts; what makes none is counted."""
    for verdict in verdicts:
        report.verdicts += 1
        why = _why_not(verdict, order)
        if why is not None:
            report.left_out[why] = report.left_out.get(why, 0) + 1
            continue
        for score in scores_of(verdict, order.name, order.trust):
            report.scores += 1
            if order.clean is not None and score.comment:
                score = msgspec.structs.replace(score, comment=order.clean(score.comment))
            report.first = report.first or score
            yield score


async def push(
    target: Target | None,
    verdicts: Iterable[Verdict],
    order: PushOrder,
    memory: PlatformMemory,
    *,
    write: bool,
    tell: Callable[[str], None] | None = None,
) -> PushReport:
    """Push a run's scores. write: else only say what would be done. target: None where not even that may be asked.

    Hold `memory.lock(order.to)` around it.
    """
    report = PushReport(target=order.to, run=order.run, sent=write, compared=target is not None)
    for some in _batches(scores_in(verdicts, order, report), target.batch if target is not None else 200):
        log = memory.pushed(order.to, [score.id for score in some])
        standing = {} if target is None else await target.standing(some)
        lag_s = math.inf if target is None else target.lag_s
        fates = {one.id: _fate(one, standing.get(one.id, Standing()), log.get(one.id), lag_s) for one in some}
        due = [score for score in some if fates[score.id] in ("created", "updated")]
        refused = await target.put(due, standing) if write and due and target is not None else {}
        if write:
            taken = [one for one in some if fates[one.id] in _TAKEN and one.id not in refused]
            memory.log_pushed(order.to, order.run, {one.id: one.digest for one in taken if _is_news(one, due, log)})
        _count(report, fates, refused)
        if tell is not None and target is not None and len(some) == target.batch:  # not the last
            tell(f"{report.scores:,} scores so far")
    return report


def _fate(score: Score, there: Standing, logged: Pushed | None, lag_s: float) -> Fate:
    if there.person:
        return "left to a person"
    if there.state == "unknown":
        return "not there"
    if there.state == "same":
        return "unchanged"
    if there.state == "differs":
        return "updated"
    if logged is None or time.time() - logged.at >= lag_s:
        return "created"  # also where somebody has deleted it there
    return "unchanged" if logged.digest == score.digest else "updated"


def _why_not(verdict: Verdict, order: PushOrder) -> str | None:
    if verdict.status != "scored":
        return f"without a verdict ({verdict.status})"
    if order.only is not None and verdict.verdict != {"failed": "fail", "passed": "pass"}[order.only]:
        return f"not {order.only}"
    source, trace = verdict.metadata.get("source"), verdict.metadata.get("trace_id")
    if not isinstance(source, str) or not isinstance(trace, str):
        return "not from a trace"
    if order.platform is not None and source != order.platform and source != "otlp":
        return f"from {source}"
    return None


def _is_news(score: Score, due: Sequence[Score], log: Mapping[str, Pushed]) -> bool:
    return score in due or score.id not in log or log[score.id].digest != score.digest


def _count(report: PushReport, fates: Mapping[str, Fate], refused: Mapping[str, str]) -> None:
    for id, fate in fates.items():
        if id in refused:
            report.refused += 1
            if len(report.reasons) < _REFUSALS_SHOWN and refused[id] not in report.reasons:
                report.reasons.append(refused[id])
        elif fate == "left to a person":
            report.people += 1
        elif fate == "not there":
            report.missing += 1
        else:
            setattr(report, fate, getattr(report, fate) + 1)


def _batches(scores: Iterator[Score], size: int) -> Iterator[Sequence[Score]]:
    some: list[Score] = []
    for score in scores:
        some.append(score)
        if len(some) >= size:
            yield some
            some = []
    if some:
        yield some
