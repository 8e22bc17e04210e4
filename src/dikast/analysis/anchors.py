"""The judge against itself: the same labelled interactions, judged then and judged again now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from dikast.agreement.confusion import Confusion, cells
from dikast.agreement.estimate import Estimate
from dikast.agreement.paired import mcnemar_exact, paired_difference
from dikast.agreement.rates import accuracy
from dikast.analysis.observed import JudgeState

MOVED = 0.05
"""The judge has moved when chance alone would do as much less often than this."""


class AnchorRound(msgspec.Struct, frozen=True, kw_only=True):
    """The anchors, judged once. verdicts and labels: "pass" or "fail" by id; labels hold every anchor."""

    at: datetime
    judge: JudgeState
    verdicts: dict[str, str]
    labels: dict[str, str]

    @property
    def confusion(self) -> Confusion:
        """How this judge errs, on the anchors that it judged."""
        ids = [id for id in self.labels if id in self.verdicts]
        return cells([self.verdicts[id] for id in ids], [self.labels[id] for id in ids]).confusion


@dataclass(frozen=True, slots=True)
class AnchorCheck:
    """Two rounds, item by item.

    since: when the round before `now` was, from which on the judge may have moved. n: anchors in both. to_fail,
    to_pass: verdicts that changed. p: McNemar's exact test on those. agreement: with the labels, then and now;
    agreement_change: now minus then, paired. moved: whether more than chance changed.
    """

    then: datetime
    since: datetime
    now: datetime
    n: int
    to_fail: int
    to_pass: int
    p: float
    agreement_then: Estimate
    agreement_now: Estimate
    agreement_change: Estimate
    moved: bool
    judge_then: JudgeState
    judge_now: JudgeState

    @property
    def differences(self) -> list[str]:
        """What is another about the judge, as far as it is known."""
        return self.judge_then.differences(self.judge_now)


def compare_rounds(then: AnchorRound, now: AnchorRound) -> AnchorCheck | None:
    """Two rounds on the anchors that both judged; None where there are none.

    The judge has moved when McNemar's exact test says so of its verdicts (they went one way) or of its agreement with
    the labels, each at half of MOVED. So seven verdicts that all changed one way are the fewest that count.
    """
    ids = [id for id in then.labels if id in then.verdicts and id in now.verdicts]
    if not ids:
        return None
    before, after = [then.verdicts[id] for id in ids], [now.verdicts[id] for id in ids]
    labels = [then.labels[id] for id in ids]
    passed_then, passed_now = [one == "pass" for one in before], [one == "pass" for one in after]
    right_then = [one == label for one, label in zip(before, labels, strict=True)]
    right_now = [one == label for one, label in zip(after, labels, strict=True)]
    change = paired_difference(right_now, right_then)
    agreed_then, agreed_now = accuracy(before, labels), accuracy(after, labels)
    assert isinstance(change, Estimate)
    assert isinstance(agreed_then, Estimate)
    assert isinstance(agreed_now, Estimate)
    p = mcnemar_exact(passed_then, passed_now)
    return AnchorCheck(
        then=then.at,
        since=then.at,
        now=now.at,
        n=len(ids),
        to_fail=sum(was and not is_ for was, is_ in zip(passed_then, passed_now, strict=True)),
        to_pass=sum(is_ and not was for was, is_ in zip(passed_then, passed_now, strict=True)),
        p=p,
        agreement_then=agreed_then,
        agreement_now=agreed_now,
        agreement_change=change,
        moved=min(p, mcnemar_exact(right_now, right_then)) < MOVED / 2,
        judge_then=then.judge,
        judge_now=now.judge,
    )


def checks(rounds: Sequence[AnchorRound]) -> list[AnchorCheck]:
    """Each round against the first one since the judge last moved, in order."""
    found: list[AnchorCheck] = []
    reference: AnchorRound | None = None
    last: AnchorRound | None = None
    for one in sorted(rounds, key=lambda round: round.at):
        check = compare_rounds(reference, one) if reference is not None else None
        if check is not None and last is not None:
            found.append(replace(check, since=last.at))
        if check is None or check.moved:
            reference = one
        last = one
    return found
