"""What a gate found, in Markdown, for a step's summary or a comment. Texts of models and data stay texts there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dikast.agreement.estimate import Estimate
from dikast.agreement.gate import Answer
from dikast.gating.bars import Check, Gate
from dikast.records import Verdict
from dikast.report.figures import count, decimal
from dikast.report.gate_lines import SAID, as_said, bar_of, interval_of, remarks_on, sentence
from dikast.report.text import one_line

_SIGNS = {"pass": "✅", "fail": "❌", "cant_tell": "❔"}
_PUNCTUATION = re.compile(r"[!#$&()*+\-.:<=>@\[\\\]^_`{|}~]")
_MENTION = re.compile(r"(?<=[@#])(?=\w)")
_MOST_FAILED = 10
_LONGEST = 240


def plain(text: str, longest: int = _LONGEST) -> str:
    r"""A text of others on one line of Markdown, as itself: no markup, no link, no picture, no mention, no table cell.

    >>> plain("<b>**hi** | @ada")
    '&lt;b&gt;\\*\\*hi\\*\\* &#124; \\@\u200bada'
    """
    line = _MENTION.sub("\u200b", one_line(text, longest))
    return _PUNCTUATION.sub(_escaped, line)


def _escaped(match: re.Match[str]) -> str:
    entity = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}.get(match[0])
    return entity or f"\\{match[0]}"


def gate_markdown(
    found: Gate,
    name: str,
    *,
    judge: str = "",
    measured: Sequence[str] = (),
    failed: Iterable[Verdict] = (),
    unsure: Answer = "cant_tell",
) -> str:
    """The gate as a small document.

    judge: who judged. failed: verdicts of fail, of which the first ten are shown. unsure: what can't tell counts as.
    """
    judged = f"; judged by {plain(judge)}." if judge else "."
    every = [(plain(check.title, 80), remark) for check in found.checks for remark in remarks_on(check)]
    lines = [
        f"## {_SIGNS[found.answer]} dikast gate: {plain(name, 80)}",
        "",
        f"**{plain(sentence(found, unsure))}**",
        "",
        f"{count(found.items, 'item')}, {found.labelled:,} of them labelled{judged}",
        "",
        "| | figure | value | interval | bar | answer |",
        "|---|---|---:|---|---:|---|",
        *map(_row, found.checks),
        "",
        *(f"- {title}: {plain(remark, 400)}" for title, remark in every),
        "",
        *(f"- {plain(line, 400)}" for line in measured),
        *(f"- Note: {plain(note, 400)}" for note in found.notes),
    ]  # fmt: skip
    return "\n".join([*lines, *_failed(failed), ""])


def _row(check: Check) -> str:
    value = as_said(check, check.figure.value) if isinstance(check.figure, Estimate) else "–"
    interval = interval_of(check) if check.low != check.high else "counted"
    cells = (
        _SIGNS[check.answer],
        plain(check.title, 80),
        value,
        interval or "–",
        bar_of(check),
        SAID[check.answer],
    )
    return f"| {' | '.join(cells)} |"


def _failed(verdicts: Iterable[Verdict]) -> list[str]:
    shown = [verdict for verdict in verdicts if verdict.verdict == "fail"]
    if not shown:
        return []
    shown.sort(key=lambda verdict: -(verdict.confidence or 0.0))
    lines = [
        "",
        f"<details><summary>Failed by the judge ({len(shown):,})</summary>",
        "",
        "| id | critique | confidence |",
    ]
    lines.append("|---|---|---:|")
    for verdict in shown[:_MOST_FAILED]:
        sure = "–" if verdict.confidence is None else decimal(verdict.confidence)
        lines.append(f"| {plain(verdict.id, 60)} | {plain(verdict.critique or '–')} | {sure} |")
    if len(shown) > _MOST_FAILED:
        lines += ["", f"and {len(shown) - _MOST_FAILED:,} more."]
    return [*lines, "", "</details>"]
