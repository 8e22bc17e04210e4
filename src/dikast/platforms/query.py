"""What of a platform is asked for: since when, which feedback, which name and tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dikast.errors import InputError
from dikast.records import Json
from dikast.traces.decoding import utc
from dikast.traces.opinions import Heard, Rule, proposed, value_text
from dikast.traces.trace import Feedback

_SPAN = re.compile(r"(\d+)\s*(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FIRST_SINCE = "7d"


@dataclass(frozen=True)
class Query:
    """Filters. feedback: "negative", "positive", "any" or NAME=VALUE, each; a trace must have one of them.

    since: as it was given ("24h", "2026-11-01"); None for the usual week. limit: traces, the newest first.
    """

    feedback: tuple[str, ...] = ()
    since: str | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    limit: int | None = None

    @property
    def filters(self) -> dict[str, Json]:
        """What makes two queries different sources; neither time nor number does."""
        said = {"feedback": sorted(self.feedback), "name": self.name, "tags": sorted(self.tags)}
        return {key: value for key, value in said.items() if value}

    def check(self) -> None:
        """Raise InputError for what can't be understood."""
        since_time(self.since or FIRST_SINCE, datetime.now(UTC))
        for one in self.feedback:
            if one not in ("negative", "positive", "any") and "=" not in one:
                raise InputError(
                    f"--feedback {one!r}: expected negative, positive, any, or NAME=VALUE such as thumbs=0"
                )


@dataclass(frozen=True)
class Window:
    """From (included) until (excluded), in UTC."""

    start: datetime
    end: datetime


def since_time(given: str, now: datetime) -> datetime:
    """The moment that "24h", "7d" or a date means. Raises InputError."""
    span = _SPAN.fullmatch(given.strip().lower())
    try:
        if span:
            return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
        if re.match(r"\d{4}-\d\d-\d\d", given.strip()) and (found := utc(given.strip())):
            return datetime.fromisoformat(found)
    except OverflowError:
        pass
    raise InputError(f"--since {given!r}: expected a span such as 24h or 7d, or a date such as 2026-11-01")


def chosen(said: list[tuple[str, Feedback]], wanted: tuple[str, ...]) -> list[str]:
    """The traces whose feedback is wanted, each once. What is negative is told from all values that were found."""
    heard: dict[str, Heard] = {}
    for _, feedback in said:
        heard.setdefault(feedback.name, Heard()).add(feedback)
    rules = {name: proposed(name, found) for name, found in heard.items()}
    traces = (trace for trace, feedback in said if any(_fits(feedback, one, rules[feedback.name]) for one in wanted))
    return list(dict.fromkeys(traces))


def _fits(feedback: Feedback, wanted: str, rule: Rule) -> bool:
    if wanted == "any":
        return True
    if wanted in ("negative", "positive"):
        return rule.verdict(feedback.value) == ("fail" if wanted == "negative" else "pass")
    name, _, value = wanted.partition("=")
    if feedback.name != name.strip() or feedback.value is None:
        return False
    said, asked = value_text(feedback.value).casefold(), value.strip().casefold()
    return said == asked or {"true": "1", "false": "0"}.get(said) == asked


def rfc3339(moment: datetime) -> str:
    """A moment as platforms read it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
