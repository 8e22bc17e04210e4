"""When something was: the time that an interaction carries, and the period that a time lies in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from dikast.records import Json

Every = Literal["hour", "day", "week", "month"]

EVERY: tuple[Every, ...] = get_args(Every)

TIME_KEYS = ("timestamp", "time", "created_at", "started_at", "started", "start_time", "created", "date", "at")
"""Metadata keys that say when an interaction was."""

_MILLISECONDS = 1e11  # a number of seconds above this lies after the year 5000


def time_of(metadata: Mapping[str, Json]) -> datetime | None:
    """When an interaction was, by its metadata: RFC 3339 or seconds (milliseconds) since 1970; UTC; None if not said.

    >>> time_of({"timestamp": "2026-03-02T10:00:00Z"})
    datetime.datetime(2026, 3, 2, 10, 0, tzinfo=datetime.timezone.utc)
    """
    return next((found for key in TIME_KEYS if (found := as_time(metadata.get(key))) is not None), None)


def as_time(value: Json) -> datetime | None:
    """A value as a time in UTC, or None when it is none."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 1e8:
            return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def begin_of(at: datetime, every: Every) -> datetime:
    """When the period began that a time lies in; a week begins on Monday, all in UTC."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if every == "hour":
        return hour
    day = hour.replace(hour=0)
    if every == "day":
        return day
    return day - timedelta(days=day.weekday()) if every == "week" else day.replace(day=1)


def end_of(begin: datetime, every: Every) -> datetime:
    """When a period ends that begins then."""
    if every == "month":
        return (begin + timedelta(days=32)).replace(day=1)
    return begin + {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}[every]


def label_of(begin: datetime, every: Every) -> str:
    """A period's name, which sorts as it comes.

    >>> label_of(datetime(2026, 3, 2, tzinfo=UTC), "week")
    '2026-W10'
    """
    if every == "week":
        year, week, _ = begin.isocalendar()
        return f"{year}-W{week:02}"
    return begin.strftime({"hour": "%Y-%m-%dT%Hh", "day": "%Y-%m-%d", "month": "%Y-%m"}[every])
