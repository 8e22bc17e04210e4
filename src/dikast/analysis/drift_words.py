"""Drift in words that a person understands: what changed, since when, whose change it is, and what to do."""

from __future__ import annotations

from dikast.agreement.estimate import Estimate
from dikast.analysis.anchors import AnchorCheck
from dikast.analysis.drift import PASS_RATE, Change, Drift

_LISTED = 4


def headline(change: Change) -> str:
    """What happened, in one sentence."""
    if change.cause == "judge" and not change.charts:
        if not change.differences:
            assert change.check is not None
            moved = _moved(change.check)
            return f"The judge changed between {change.since} and {change.rung}: judged again, {moved}."
        return f"The judge changed in {change.since}: {'; '.join(change.differences)}."
    what = change.charts[0]
    moved = "changed"
    if change.before is not None and change.after is not None:
        went = "fell" if change.after.value < change.before.value else "rose"
        moved = f"{went} from {_rate(change.before)} to {_rate(change.after)}"
    named = (
        f"The {what}" if what == PASS_RATE else f"The share of {what!r}" if " = " not in what else f"Pass rate, {what}:"
    )
    whose = {"judge": "the judge changed", "system": "the system changed", "traffic": "the traffic changed",
             "both": "system and traffic changed", "unsettled": "who changed is not settled"}[change.cause]  # fmt: skip
    joined = f"{named} it {moved}" if named.endswith(":") else f"{named} {moved}"
    return f"{joined} since {change.since}: {whose}."


def explained(change: Change) -> list[str]:
    """Why that is said, and what to do, in sentences."""
    if change.cause == "judge":
        return [line for line in _judge_words(change) if line]
    lines = [_parted(change), *(_system(change)), _anchored(change)]
    if len(change.charts) > 1:
        more = f" and {len(change.charts) - 1 - _LISTED} more" if len(change.charts) - 1 > _LISTED else ""
        lines.append(f"It shows in {', '.join(change.charts[1 : 1 + _LISTED])}{more} too.")
    if not change.corrected:
        lines.append("The rates are the judge's own, not corrected for its mistakes.")
    return [line for line in lines if line]


def _judge_words(change: Change) -> list[str]:
    lines = []
    if change.check is not None:
        check = change.check
        verb = "moved" if check.moved else "did not move"
        lines.append(
            f"The anchors {verb}: of {check.n:,}, {check.to_fail} went from pass to fail and {check.to_pass} from fail "
            f"to pass (McNemar p = {check.p:.3f}); agreement with the labels {_rate(check.agreement_then)} then, "
            f"{_rate(check.agreement_now)} now."
        )
    elif change.anchored:
        lines.append("The anchors have not been judged by both: `dikast drift anchor DATA` compares the two.")
    else:
        lines.append("No anchors are kept: with `dikast drift anchor DATA` the next change can be measured.")
    if change.difference is not None:
        apart = change.difference
        none = apart.low <= 0 <= apart.high
        lines.append(
            f"Corrected for each judge's own mistakes, the pass rate changed by {_points(apart)}"
            + (": no change is shown." if none else ": more than the judges account for.")
        )
    lines.append(
        "No change is put down to the system while the judge moved; the charts start anew from here."
        if change.check is None or change.check.moved or not change.differences
        else "The charts start anew from here."
    )
    return lines


def _parted(change: Change) -> str:
    parts = change.decomposition
    if parts is None or change.dimension is None:
        return ""
    said = (
        f"Of the change of {_points(parts.change)}, {_points(parts.composition)} comes from other traffic "
        f"(by {change.dimension}) and {_points(parts.within)} from the same traffic faring differently"
    )
    if change.cause in ("traffic", "both"):
        name, part = max(parts.parts.items(), key=lambda one: abs(one[1].share_after - one[1].share_before))
        said += f"; {name!r} went from {part.share_before:.0%} to {part.share_after:.0%} of the items"
    return f"{said}."


def _system(change: Change) -> list[str]:
    return [
        f"Its metadata changed too: {one.key} from {', '.join(one.before[:_LISTED]) or 'nothing'} to "
        f"{', '.join(one.after[:_LISTED])}."
        for one in change.system
    ]


def _anchored(change: Change) -> str:
    check = change.check
    if check is not None and check.now >= change.begin:
        return (
            f"The judge was checked: of {check.n:,} anchors judged again on {check.now:%Y-%m-%d}, "
            f"{check.to_fail + check.to_pass} changed (McNemar p = {check.p:.2f})."
        )
    if change.cause == "traffic":
        return ""
    if change.anchored:
        return "The anchors have not been judged since: `dikast drift anchor DATA` tells whether the judge changed."
    return (
        "The judge's version and fingerprint are the same; without anchors, a silent change of the judge can't be "
        "ruled out (`dikast drift anchor DATA`)."
    )


def _moved(check: AnchorCheck) -> str:
    changed = check.to_fail + check.to_pass
    return f"{changed} of {check.n:,} anchors changed ({check.to_fail} to fail, {check.to_pass} to pass)"


def false_alarm_words(drift: Drift) -> str:
    """What the alarms are worth, in words."""
    return (
        f"Charts looked at together: {len(drift.charts)} (Benjamini-Hochberg). Where nothing changes, any of them "
        f"rings in a {drift.every} with a chance of about {drift.false_alarms:.0%} at most. A {drift.every} rings only "
        "when it is over."
    )


def _rate(share: Estimate) -> str:
    return f"{share.value * 100:.0f} % ({share.low * 100:.0f} to {share.high * 100:.0f})"


def _points(share: Estimate) -> str:
    return f"{share.value * 100:+.1f} points ({share.low * 100:+.1f} to {share.high * 100:+.1f})"
