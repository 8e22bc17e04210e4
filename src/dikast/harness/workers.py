"""Many interactions at once, drawn only when there is room for them, each ending in one verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

from dikast.harness.progress import Progress
from dikast.models.behind import Behind, behind
from dikast.records import Interaction, Verdict

_PER_PLACE = 2  # interactions under way for each call that may be open: one is asked, one is got ready or read

OnVerdict = Callable[[int, Interaction, Verdict], None]
JudgeOne = Callable[[Interaction], Awaitable[tuple[Verdict, bool]]]
"""An interaction's verdict, and whether any model was called for it now."""


class Workers:
    """What goes over interactions. limit: how many calls may be open now; it moves. run: named in the ledger."""

    def __init__(
        self,
        judge_one: JudgeOne,
        limit: Callable[[], int],
        *,
        progress: Progress,
        on_verdict: OnVerdict,
        run: str | None = None,
    ) -> None:
        self._judge_one = judge_one
        self._limit = limit
        self._progress = progress
        self._on_verdict = on_verdict
        self._run = run
        self._workers = 0

    async def go_over(self, interactions: Iterable[Interaction]) -> None:
        """Judge them all. What ends a run is raised once all work has stopped."""
        numbered = enumerate(interactions)
        try:
            async with asyncio.TaskGroup() as group:
                self._work_for(group, numbered, self._limit())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    def _work_for(self, group: asyncio.TaskGroup, numbered: Iterator[tuple[int, Interaction]], workers: int) -> None:
        """Begin workers until there are so many."""
        while self._workers < workers:
            self._workers += 1
            group.create_task(self._work(group, numbered))

    async def _work(self, group: asyncio.TaskGroup, numbered: Iterator[tuple[int, Interaction]]) -> None:
        for position, interaction in numbered:
            behind.set(Behind(run=self._run, interaction=interaction.id))
            verdict, asked = await self._judge_one(interaction)
            self._progress.count(verdict, asked=asked)
            self._on_verdict(position, interaction, verdict)
            self._work_for(group, numbered, self._limit() * _PER_PLACE)  # the limit moves
        self._workers = 1 << 30  # nothing is left to draw: begin no more
