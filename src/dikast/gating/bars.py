"""Bars, what is asked of a run, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.estimate import as_json as figure_json
from dikast.agreement.families import Span
from dikast.agreement.gate import Answer
from dikast.errors import InputError

What = Literal["pass_rate", "mean", "tpr", "tnr", "scored"]

TITLES: dict[What, str] = {
    "pass_rate": "pass rate",
    "mean": "mean score",
    "tpr": "TPR (good items passed)",
    "tnr": "TNR (bad items failed)",
    "scored": "items with a verdict",
}
SHARES: frozenset[What] = frozenset({"pass_rate", "tpr", "tnr", "scored"})
_BAR = re.compile(r"(?:(?P<key>[^=]+)=(?P<value>.*):)?\s*(?P<number>-?\d*\.?\d+)\s*(?P<percent>%?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure's low end must reach; where key is given, on the items with this metadata value."""

    what: What
    at_least: float
    key: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: the bars; `by` puts each value of a metadata key to the bars on the whole run's pass rate or mean.

    uncorrected: take the judge's own pass rate. judge_scale: the ends of its scores. principal, shares: as in
    `agreement.figures.Comparison`.
    """

    bars: tuple[Bar, ...]
    by: str | None = None
    criterion: str | None = None
    uncorrected: bool = False
    level: float = 0.95
    judge_scale: Span | None = None
    principal: str | None = None
    shares: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One figure against one bar.

    figure: of the items with a verdict. low, high: its ends for all items, when those without a verdict may be as bad
    or as good as can be; None where there is no figure. n: items with a verdict; unjudged: without one. why: of an
    answer that is not plain. needs: what would settle a check that can't be told, in sentences.
    """

    bar: Bar
    answer: Answer
    figure: Figure
    low: float | None
    high: float | None
    n: int
    unjudged: int
    why: str = ""
    needs: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What was weighed, and of which items."""
        name = TITLES[self.bar.what]
        if self.bar.key is None:
            return name
        return f"{name}, {self.bar.key} = {self.bar.value}" if self.bar.value else f"{name}, no {self.bar.key}"

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "what": self.bar.what,
            "slice": None if self.bar.key is None else {self.bar.key: self.bar.value},
            "bar": self.bar.at_least,
            "answer": self.answer,
            "low": self.low,
            "high": self.high,
            "figure": figure_json(self.figure),
            "level": self.figure.level if isinstance(self.figure, Estimate) else None,
            "n": self.n,
            "unjudged": self.unjudged,
            "why": self.why or None,
            "needs": list(self.needs),
        }


@dataclass(frozen=True, slots=True)
class Gate:
    """All checks, and what they come to.

    items: the run's. labelled: those with both a verdict and a label. unjudged: reason to count, of those without a
    verdict. left_out: of the comparison with labels. notes: what a reader must know.
    """

    checks: tuple[Check, ...]
    items: int
    labelled: int
    unjudged: dict[str, int]
    left_out: dict[str, int]
    notes: tuple[str, ...] = ()

    @property
    def answer(self) -> Answer:
        """Fail if one check fails, else can't tell if one can't be told, else pass."""
        said = {check.answer for check in self.checks}
        return "fail" if "fail" in said else "cant_tell" if "cant_tell" in said else "pass"

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "answer": self.answer,
            "checks": [check.as_json() for check in self.checks],
            "items": self.items,
            "labelled": self.labelled,
            "unjudged": self.unjudged,
            "left_out": self.left_out,
            "notes": list(self.notes),
        }


def read_bar(what: What, text: str) -> Bar:
    """A bar as it is written: 0.85, "85 %", or "tier=vip:0.95" for the items with this metadata. Raises InputError.

    >>> read_bar("pass_rate", "tier=vip:95%")
    Bar(what='pass_rate', at_least=0.95, key='tier', value='vip')
    """
    found = _BAR.fullmatch(text.strip())
    if found is None:
        raise InputError(
            f"the bar {text!r} can't be read", hint="Write it as 0.85, 85%, or KEY=VALUE:0.85 for a part of the run."
        )
    number = float(found["number"]) / (100 if found["percent"] else 1)
    if what in SHARES and not 0 < number <= 1:
        raise InputError(f"the bar {text!r} is {number:g}: a share above 0 and up to 1 is expected, such as 0.85")
    return Bar(what, number, found["key"] and found["key"].strip(), found["value"])
