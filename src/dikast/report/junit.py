"""JUnit XML for continuous integration: counts that agree with the cases, and no character that XML forbids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from dikast.agreement.estimate import Estimate
from dikast.agreement.gate import Answer
from dikast.gating.bars import Check, Gate
from dikast.report.gate_lines import bar_of, interval_of, remarks_on, said_of

Outcome = Literal["passed", "failure", "error", "skipped"]

# https://www.w3.org/TR/xml/#charsets
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. message, text: of a failure, an error or a skip."""

    name: str
    outcome: Outcome = "passed"
    message: str = ""
    text: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


def junit(
    suite: str, cases: Sequence[Case], properties: Mapping[str, str], at: datetime | None = None, seconds: float = 0.0
) -> str:
    """One test suite as a document. at: when it began; now, where that isn't said."""
    counts = {kind: sum(case.outcome == kind for case in cases) for kind in ("failure", "error", "skipped")}
    numbers = f'tests="{len(cases)}" failures="{counts["failure"]}" errors="{counts["error"]}" '
    numbers += f'skipped="{counts["skipped"]}" time="{seconds:.3f}"'
    when = (at or datetime.now(UTC)).isoformat(timespec="seconds")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="dikast" {numbers}>',
        f'  <testsuite name={_attribute(suite)} {numbers} timestamp="{when}">',
        *_properties(properties, "    "),
    ]
    for case in cases:
        lines.append(f'    <testcase classname={_attribute(suite)} name={_attribute(case.name)} time="0.000">')
        lines += _properties(case.properties, "      ")
        if case.outcome != "passed":
            kind = case.outcome
            lines.append(f"      <{kind} message={_attribute(case.message)}>{escape(_clean(case.text))}</{kind}>")
        lines.append("    </testcase>")
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def gate_junit(found: Gate, name: str, unsure: Answer, properties: Mapping[str, str]) -> str:
    """A gate as a test suite, a check as a case; unsure: what a check that can't be told counts as.

    Such a check is an error, a failure where it counts as a fail, and skipped where it counts as a pass.
    """
    outcomes: dict[Answer, Outcome] = {
        "pass": "passed",
        "fail": "failure",
        "cant_tell": {"pass": "skipped", "fail": "failure", "cant_tell": "error"}[unsure],  # type: ignore[dict-item]
    }
    titles = Counter(check.title for check in found.checks)
    cases = [
        Case(
            name=check.title if titles[check.title] == 1 else f"{check.title}, bar {bar_of(check)}",
            outcome=outcomes[check.answer],
            message=said_of(check) + ("" if check.answer == "fail" else f"; can't tell: {check.why}"),
            text="\n".join([said_of(check), *remarks_on(check)]),
            properties=_figures(check),
        )
        for check in found.checks
    ]
    return junit(f"dikast.gate.{name}", cases, {"answer": found.answer, **properties})


def _figures(check: Check) -> dict[str, str]:
    shown = {"answer": check.answer, "bar": f"{check.bar.at_least:g}", "n": str(check.n)}
    shown["unjudged"] = str(check.unjudged)
    if isinstance(check.figure, Estimate) and check.low is not None and check.high is not None:
        shown |= {"value": f"{check.figure.value:.6g}", "low": f"{check.low:.6g}", "high": f"{check.high:.6g}"}
        shown |= {"interval": interval_of(check), "method": check.figure.method}
    return shown


def _properties(values: Mapping[str, str], indent: str) -> list[str]:
    if not values:
        return []
    rows = [
        f"{indent}  <property name={_attribute(name)} value={_attribute(value)}/>" for name, value in values.items()
    ]
    return [f"{indent}<properties>", *rows, f"{indent}</properties>"]


def _attribute(text: str) -> str:
    return quoteattr(_clean(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _clean(text: str) -> str:
    """Without what no XML document may hold: control characters, lone surrogates."""
    return _FORBIDDEN.sub("", text)
