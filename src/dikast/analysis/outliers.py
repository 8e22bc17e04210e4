"""The verdicts to read first: the lowest, the surest fails, the least certain, and examples of what has none."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any, Literal

from dikast.records import Verdict

Ranking = Literal["lowest", "surest_fails", "least_certain"]

_LONGEST_CRITIQUE = 20_000


@dataclass(frozen=True, slots=True)
class Outlier:
    """One verdict worth reading; `at` is its place among the results, counted from 1."""

    id: str
    at: int
    verdict: str | None
    overall: float | None
    confidence: float | None
    critique: str | None
    scores: dict[str, Any] | None
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OutlierList:
    """The first `items` of a ranking, out of `of` that could have been in it."""

    ranking: Ranking
    of: int
    items: tuple[Outlier, ...]


class TopOutliers:
    """Keeps the `limit` verdicts that rank first, each way, while a run is read.

    lowest: by overall score, then the surest first; not given where scores only repeat pass and fail. surest_fails:
    fails, the highest confidence first; those without a confidence come last. least_certain: the lowest confidence
    under 1 first. Ties keep the dataset's order.
    """

    def __init__(self, limit: int) -> None:
        self._lowest = _Top(limit)
        self._fails = _Top(limit)
        self._uncertain = _Top(limit)
        self._graded = False

    def add(self, verdict: Verdict, at: int) -> None:
        """Consider one scored verdict."""
        confidence = verdict.confidence
        if verdict.overall is not None and verdict.verdict not in ("a", "b", "tie"):
            self._graded = self._graded or verdict.verdict is None or verdict.overall not in (0.0, 1.0)
            self._lowest.add((verdict.overall, -(confidence or 0.0)), verdict, at)
        if verdict.verdict == "fail":
            self._fails.add((-(confidence if confidence is not None else -1.0),), verdict, at)
        if confidence is not None and confidence < 1.0:
            self._uncertain.add((confidence,), verdict, at)

    def lists(self) -> tuple[OutlierList, ...]:
        """The rankings that had anything to rank."""
        named: tuple[tuple[Ranking, _Top], ...] = (
            ("lowest", self._lowest),
            ("surest_fails", self._fails),
            ("least_certain", self._uncertain),
        )
        return tuple(
            OutlierList(name, top.of, top.items())
            for name, top in named
            if top.of and (name != "lowest" or self._graded)
        )


class _Top:
    """A heap of the `limit` smallest keys; its root is the largest of them, the first to go."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[tuple[float, ...], Outlier]] = []
        self.of = 0

    def add(self, key: tuple[float, ...], verdict: Verdict, at: int) -> None:
        self.of += 1
        backwards = tuple(-part for part in (*key, at))  # unique by its last part, so outliers are never compared
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, (backwards, _outlier(verdict, at)))
        elif self._heap and backwards > self._heap[0][0]:
            heapq.heapreplace(self._heap, (backwards, _outlier(verdict, at)))

    def items(self) -> tuple[Outlier, ...]:
        return tuple(outlier for _, outlier in sorted(self._heap, key=lambda entry: entry[0], reverse=True))


def _outlier(verdict: Verdict, at: int) -> Outlier:
    return Outlier(
        id=verdict.id,
        at=at,
        verdict=verdict.verdict,
        overall=verdict.overall,
        confidence=verdict.confidence,
        critique=critique_of(verdict, _LONGEST_CRITIQUE),
        scores=verdict.scores,
        metadata=verdict.metadata,
    )


def critique_of(verdict: Verdict, longest: int) -> str | None:
    """The judge's reason: its critique, else the reasoning among its scores, up to `longest` characters."""
    text = verdict.critique or (verdict.scores or {}).get("reasoning")
    return text[:longest] if isinstance(text, str) and text.strip() else None
