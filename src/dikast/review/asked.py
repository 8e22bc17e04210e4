"""What is asked of the expert: the verdicts or scores that there are, their keys, and how they become a Label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from dikast.errors import InputError, JudgeError
from dikast.judges.scale import Scale
from dikast.records import Label, Outcome, Verdict
from dikast.review.page import Choice, Row

_MOST_KEYS = 10


@dataclass(frozen=True, slots=True)
class Coding:
    """Open coding, for error analysis: the first thing that went wrong, in free words, and short codes."""

    note: str = ""
    tags: tuple[str, ...] = ()


NO_CODING = Coding()


def check_scale(scale: Scale) -> Scale:
    """The scale, if a person can be asked on it: an open one has no levels to choose from. Raises JudgeError."""
    if scale.is_open:
        raise JudgeError(
            "the judge's scale states no range, so there is nothing to choose from",
            hint="State it in the judge: scale: 1-5. Or leave --judge out to label pass and fail.",
        )
    return scale


def levels(scale: Scale) -> tuple[str, ...]:
    """The values that can be given, as they stand in the form."""
    if scale.kind == "pass_fail":
        return ("pass", "fail")
    if scale.kind == "preference":
        return ("a", "b", "tie") if scale.tie else ("a", "b")
    return tuple(f"{number:g}" for number in scale.numbers or _tenths(scale))


def choices(scale: Scale, said: str, t: Mapping[str, str]) -> tuple[Choice, ...]:
    """The buttons, `said` chosen."""
    found = []
    for at, value in enumerate(levels(scale)):
        word = {"a": "A", "b": "B", "tie": "C"}.get(value, value)
        found.append(
            Choice(
                value=value,
                key=_key(scale, at, value),
                name=t.get(value, value),
                tone=tone_of(value),
                meaning=scale.levels.get(word, scale.levels.get(value, "")),
                chosen=value == said,
            )
        )
    return tuple(found)


def key_rows(scale: Scale, t: Mapping[str, str]) -> tuple[Row, ...]:
    """The sheet of keys."""
    if scale.kind == "ordinal":
        keys = [choice.key for choice in choices(scale, "", t) if choice.key]
        rows = [Row(f"{keys[0]} – {keys[-1]}", t["key_score"])] if keys else []
    else:
        rows = [Row(choice.key, choice.name) for choice in choices(scale, "", t)]
    others = (
        ("c", "critique"), ("*", "note"), ("#", "tags"), ("Ctrl/⌘ + Enter", "save"), ("d", "defer"), ("u", "undo"),
        ("j  →", "next"), ("k  ←", "previous"), ("Esc", "leave"), ("/", "search"), ("?", "sheet"),
    )  # fmt: skip
    return (*rows, *(Row(key, t[f"key_{name}"]) for key, name in others))


def question(scale: Scale, t: Mapping[str, str]) -> str:
    """What the expert answers."""
    return t[{"pass_fail": "question", "ordinal": "question_ordinal", "preference": "question_pairwise"}[scale.kind]]


def critique_help(scale: Scale, t: Mapping[str, str]) -> str:
    """What a critique should say."""
    return t[{"pass_fail": "why_pass_fail", "ordinal": "why_ordinal", "preference": "why_pairwise"}[scale.kind]]


def label_of(said: str, critique: str, scale: Scale, coding: Coding = NO_CODING, **rest: object) -> Label:
    """The label that a form says. Raises InputError for a value that is not on the scale; "" says nothing."""
    if said and said not in levels(scale):
        raise InputError(f"{said[:40]!r} can't be given here: expected {', '.join(levels(scale))}")
    verdict: Outcome | None = None
    if said in get_args(Outcome):
        verdict = said  # type: ignore[assignment]
    number = float(said) if said and verdict is None else None
    ends = (scale.low, scale.high) if number is not None and scale.low is not None and scale.high is not None else None
    return Label(
        verdict=verdict,
        score=number,
        scale=ends,
        critique=critique or None,
        note=coding.note or None,
        tags=coding.tags,
        **rest,  # type: ignore[arg-type]
    )


def said_of(label: Label | None) -> str:
    """What a label says, as it stands in the form."""
    if label is None:
        return ""
    return label.verdict or (f"{label.score:g}" if label.score is not None else "")


def judged_as(verdict: Verdict | None) -> str:
    """What a judge says, likewise."""
    if verdict is None or verdict.status != "scored":
        return ""
    return verdict.verdict or (f"{verdict.overall:g}" if verdict.overall is not None else "")


def is_failure(label: Label, scale: Scale) -> bool:
    """Whether a label says that it went wrong: fail, or a score in the lower half."""
    if label.score is not None and scale.low is not None and scale.high is not None:
        return label.score < (scale.low + scale.high) / 2
    return label.verdict == "fail"


def differ(mine: str, judge: str) -> bool:
    """Whether two values disagree: other words, or scores more than one apart."""
    if not mine or not judge:
        return False
    try:
        return abs(float(mine) - float(judge)) > 1
    except ValueError:
        return mine != judge


def tone_of(value: str) -> str:
    """How a value is coloured."""
    return {"pass": "good", "fail": "bad"}.get(value, "")


def _key(scale: Scale, at: int, value: str) -> str:
    if scale.kind == "pass_fail":
        return str(at + 1)
    if scale.kind == "preference":
        return value[0]
    if value.isdigit() and int(value) < _MOST_KEYS:
        return value
    return "0" if value == "10" and "0" not in levels(scale) else ""


def _tenths(scale: Scale) -> tuple[float, ...]:
    """Levels of a scale on which any number will do: whole ones where that makes a choice, else tenths of it."""
    assert scale.low is not None
    assert scale.high is not None
    span = scale.high - scale.low
    if 2 <= span <= 20 and float(scale.low).is_integer():
        return tuple(scale.low + n for n in range(int(span) + 1))
    return tuple(round(scale.low + span * n / 10, 6) for n in range(11))
