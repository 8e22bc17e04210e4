"""What a gate found, as plain lines for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dikast.agreement.estimate import Estimate
from dikast.agreement.gate import Answer
from dikast.gating.bars import SHARES, Check, Gate
from dikast.report.figures import count, decimal, percent
from dikast.report.text import one_line

SAID: dict[Answer, str] = {"pass": "pass", "fail": "fail", "cant_tell": "can't tell"}
_MOST_CHECKS = 40
_LONGEST = 400


def gate_lines(found: Gate, name: str, measured: Sequence[str] = (), unsure: Answer = "cant_tell") -> list[str]:
    """The gate's checks and its answer, which the last line gives.

    measured: lines on what was measured on. unsure: what can't tell counts as.
    """
    lines = [f"{one_line(name, 80)}: {count(found.items, 'item')}, {found.labelled:,} of them labelled", *measured, ""]
    worst = sorted(found.checks, key=lambda check: ("fail", "cant_tell", "pass").index(check.answer))
    shown = [check for check in found.checks if check in worst[:_MOST_CHECKS]]
    width = max(len(title_of(check)) for check in shown)
    for check in shown:
        lines.append(f"{SAID[check.answer]:<12}{title_of(check):<{width}}  {said_of(check)}".rstrip())
        lines += [f"{'':<12}{one_line(remark, _LONGEST)}" for remark in remarks_on(check)]
    if len(shown) < len(found.checks):
        lines.append(
            f"and {count(len(found.checks) - len(shown), 'more check')}, none of them worse; --json has them all"
        )
    lines.append("")
    lines += [
        f"Left out of the labels: {n:,} {reason}." for reason, n in found.left_out.items() if reason != "no label"
    ]
    lines += [f"Note: {one_line(note, _LONGEST)}." for note in found.notes]
    return [*lines, sentence(found, unsure)]


def title_of(check: Check) -> str:
    """What was weighed, on one line."""
    return one_line(check.title, 60)


def said_of(check: Check) -> str:
    """A check's value, its interval over all items, and the bar.

    For a share "82.3 % (95 % interval 76.0 to 87.1 %), bar 85 %".
    """
    bar = bar_of(check)
    if not isinstance(check.figure, Estimate) or check.low is None or check.high is None:
        return f"no figure, bar {bar}"
    value = as_said(check, check.figure.value)
    if check.low == check.high:
        return f"{value}, bar {bar}"
    return f"{value} ({interval_of(check)}), bar {bar}"


def interval_of(check: Check) -> str:
    """A check's interval over all items: "95 % interval 76.0 to 87.1 %"; "" where there is none."""
    if not isinstance(check.figure, Estimate) or check.low is None or check.high is None:
        return ""
    if check.bar.what in SHARES:
        return f"{100 * check.figure.level:.4g} % interval {100 * check.low:.1f} to {100 * check.high:.1f} %"
    return f"{100 * check.figure.level:.4g} % interval {decimal(check.low)} to {decimal(check.high)}"


def as_said(check: Check, value: float) -> str:
    """A value of this check's kind: a share as a percentage, a score as a number."""
    return percent(value) if check.bar.what in SHARES else decimal(value)


def bar_of(check: Check) -> str:
    """A check's bar as it was set: "85 %", "99.95 %"."""
    bar = check.bar.at_least
    return f"{100 * bar:.10g} %" if check.bar.what in SHARES else f"{bar:.10g}"


def remarks_on(check: Check) -> Iterable[str]:
    """Why a check's answer is not plain, and what would settle it."""
    if check.why:
        yield check.why
    for number, need in enumerate(check.needs):
        yield f"{'what would tell' if number == 0 else 'or'}: {need}"


def sentence(found: Gate, unsure: Answer = "cant_tell") -> str:
    """The gate's answer in one line. unsure: what can't tell counts as."""
    n = len(found.checks)
    by = {answer: sum(check.answer == answer for check in found.checks) for answer in SAID}
    if found.answer == "pass":
        return "PASS: the low end reaches the bar." if n == 1 else f"PASS: all {n} low ends reach their bars."
    if found.answer == "fail":
        one = "FAIL: the high end lies under the bar."
        return one if n == 1 else f"FAIL: {by['fail']} of {n} checks lie under their bars with their high ends."
    said = "CAN'T TELL" if n == 1 else f"CAN'T TELL: {by['cant_tell']} of {n} checks can't be told, and none fails"
    return f"{said}." if unsure == "cant_tell" else f"{said}; it counts as a {unsure} here (--unsure {unsure})."
