"""The door that every platform stands behind: what it must be able to do to be pulled from and pushed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from dikast.platforms.query import Query, Window
from dikast.platforms.score import Score
from dikast.records import Json
from dikast.traces.trace import Feedback

State = Literal["absent", "same", "differs", "unknown"]


class Listed(msgspec.Struct, frozen=True):
    """A trace that is there, or one that somebody spoke of."""

    trace: str
    said: Feedback | None = None


class Page(msgspec.Struct, frozen=True):
    """One page of a list. next: what the following page is asked for with; None after the last."""

    items: tuple[Listed, ...]
    next: str | None = None


@dataclass(frozen=True)
class Standing:
    """What a platform has where a score would go. person: somebody judged the same under the same name."""

    state: State = "absent"
    person: bool = False
    remote: str | None = None


class Source(Protocol):
    """A platform to pull from. late_feedback: whether feedback can be listed by when it was given."""

    late_feedback: bool

    async def traces(self, window: Window, query: Query, cursor: str | None) -> Page:
        """A page of the traces that began in the window, as far as the platform can filter them."""
        ...

    async def feedback(self, window: Window, cursor: str | None) -> Page:
        """A page of feedback: given in the window, or (without late_feedback) on traces that began in it."""
        ...

    async def fetch(self, traces: Sequence[str], query: Query) -> list[dict[str, Json]]:
        """All that there is of these traces, as rows that the platform's reader takes, narrowed by name and tags."""
        ...


class Target(Protocol):
    """A platform to push to. batch: how many scores are compared and sent together.

    lag_s: for so many seconds it may not show yet what it took; infinity for one that shows nothing.
    """

    name: str
    batch: int
    lag_s: float

    async def standing(self, scores: Sequence[Score]) -> dict[str, Standing]:
        """What stands where each score would go, by the score's id."""
        ...

    async def put(self, scores: Sequence[Score], standing: dict[str, Standing]) -> dict[str, str]:
        """Write scores; why not, by the id of each that the platform refused."""
        ...

    async def close(self) -> None:
        """Write what is open, and let go."""
        ...
