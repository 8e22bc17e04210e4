"""What counts as good and as bad in feedback: rules that are proposed from what was found, and then the user's.

No name of feedback is known beforehand. Which names there are, what values they take and who gave them is counted; a
rule is proposed only where the values can hardly mean anything else.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from dikast.errors import InputError
from dikast.records import Outcome
from dikast.traces.trace import Feedback

Whose = Literal["user", "expert", "none"]

_GOOD: Final = frozenset(
    [
        "up", "thumbs_up", "thumbsup", "thumbs-up", "thumb_up", "thumbup", "👍", "like", "liked", "good", "great",
        "positive", "pass", "passed", "correct", "helpful", "happy", "satisfied", "accepted", "accept", "approve",
        "approved", "upvote",
    ]
)  # fmt: skip
_BAD: Final = frozenset(
    [
        "down", "thumbs_down", "thumbsdown", "thumbs-down", "thumb_down", "thumbdown", "👎", "dislike", "disliked",
        "bad", "poor", "negative", "fail", "failed", "incorrect", "wrong", "unhelpful", "unhappy", "unsatisfied",
        "dissatisfied", "rejected", "reject", "downvote",
    ]
)  # fmt: skip
# Said by people of an answer that they got; "pass" and "correct" are words of graders.
_THUMBS: Final = frozenset(
    {word for word in _GOOD | _BAD if re.search("up|down|like|👍|👎|happy|satisfied|helpful", word)}
    | {"positive", "negative"}
)
_BY_USERS = re.compile(r"feedback|thumb|rating|\brate|user|csat|satisf|like|vote|helpful|emoji|star", re.IGNORECASE)
_SAYS_BAD = re.compile(r"down|dislike|bad|negativ|complain|report|flag|unhelpful|wrong|issue|problem", re.IGNORECASE)
_COMPARISON = re.compile(r"\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*")
_MOST_VALUES = 50


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How feedback of one name is taken.

    labels: as labels of "user" or "expert" provenance, or "none": it stays in metadata only. positive, negative: values
    ("1", "true", "thumbs_up"), compared without regard to case, or comparisons (">= 4"). A number that is neither gives
    a label with a score and no verdict.
    """

    labels: Whose = "none"
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    def check(self, name: str) -> None:
        """Raise InputError for a value that counts as both, or a rule that could give no label."""
        both = set(self.positive) & set(self.negative)
        if both:
            raise InputError(
                f"feedback {name!r}: {sorted(both)[0]!r} is both positive and negative", hint="Choose one."
            )

    def verdict(self, value: bool | float | str | None) -> Outcome | None:
        """Pass for what is positive, fail for what is negative."""
        if any(_matches(value, one) for one in self.negative):
            return "fail"
        return "pass" if any(_matches(value, one) for one in self.positive) else None


class Heard(msgspec.Struct, kw_only=True):
    """What was found of one name of feedback: how often, its values with their counts, and who gave it."""

    n: int = 0
    values: dict[str, int] = {}
    more_values: int = 0
    sources: dict[str, int] = {}
    comments: int = 0

    def add(self, feedback: Feedback) -> None:
        """Count one."""
        self.n += 1
        self.sources[feedback.source] = self.sources.get(feedback.source, 0) + 1
        self.comments += feedback.comment is not None
        if feedback.value is not None:
            said = value_text(feedback.value)
            if said in self.values or len(self.values) < _MOST_VALUES:
                self.values[said] = self.values.get(said, 0) + 1
            else:
                self.more_values += 1


def value_text(value: bool | float | str) -> str:
    """A value as it is listed and compared: true, 1, 0.25, thumbs_up."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, (int, float)) else " ".join(value.split())[:80]


def told(heard: Heard) -> str:
    """What was found of one name of feedback, in a line: "120 times: 1 (80), 0 (40); from users"."""
    values = sorted(heard.values.items(), key=lambda one: -one[1])
    said = ", ".join(f"{value} ({count:,})" for value, count in values[:8])
    more = len(values) - 8 + heard.more_values
    said += f", and {more:,} more" if more > 0 else ""
    names = {"unknown": "not said by whom", "user": "users", "expert": "experts", "model": "models", "code": "code"}
    sources = ", ".join(names.get(one, one) for one in heard.sources)
    times = "once" if heard.n == 1 else f"{heard.n:,} times"
    comments = f"; {heard.comments:,} with a comment" if heard.comments else ""
    return f"{times}: {said or 'no value'}; {sources}{comments}"


def proposed(name: str, heard: Heard) -> Rule:
    """The rule that a name is given first, which the user may change."""
    positive, negative = _sides(name, heard)
    source = max(heard.sources, key=lambda one: heard.sources[one], default="unknown")
    if source in ("model", "code") or not (positive or negative):
        return Rule(positive=positive, negative=negative)
    said = {word.casefold() for word in (*positive, *negative)}
    if source == "expert":
        # 1 may well be the bad one ("hallucination"), so that only words that say it themselves are taken.
        return Rule(labels="expert" if said <= _GOOD | _BAD else "none", positive=positive, negative=negative)
    if source == "user" or said <= _THUMBS or _BY_USERS.search(name):
        return Rule(labels="user", positive=positive, negative=negative)
    return Rule(positive=positive, negative=negative)


def _sides(name: str, heard: Heard) -> tuple[tuple[str, ...], tuple[str, ...]]:
    values = set(heard.values)
    numbers = [_number(one) for one in values]
    if not values or heard.more_values:
        return (), ()
    if values <= {"true", "false"}:
        sides: tuple[tuple[str, ...], tuple[str, ...]] = ("true",), ("false",)
    elif all(number in (-1, 0, 1) for number in numbers):
        sides = ("1",), ("-1", "0") if values <= {"0", "1"} or "-1" not in values else ("-1",)
    elif (
        None not in numbers
        and max(n for n in numbers if n is not None) == 5
        and all(n in (1, 2, 3, 4, 5) for n in numbers)
    ):
        return (">= 4",), ("<= 2",)
    else:
        good = tuple(sorted(one for one in values if one.casefold() in _GOOD))
        return good, tuple(sorted(one for one in values if one.casefold() in _BAD))
    return (sides[1], sides[0]) if _SAYS_BAD.search(name) else sides


def _matches(value: bool | float | str | None, rule: str) -> bool:
    if value is None:
        return False
    compared = _COMPARISON.fullmatch(rule)
    if compared is None:
        return value_text(value).casefold() == rule.strip().casefold()
    if isinstance(value, (bool, str)):
        return False
    bound = float(compared[2])
    return {">=": value >= bound, "<=": value <= bound, ">": value > bound, "<": value < bound}[compared[1]]


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
