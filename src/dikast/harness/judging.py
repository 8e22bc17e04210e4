"""Judging a whole dataset: as many interactions at once as the endpoints bear, each ending in one verdict.

Interactions are drawn from the dataset only when there is room for them, so memory does not grow with its length.
Verdicts come in the order in which they are done, with their position in the dataset.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator

from dikast.errors import EndpointError, EndpointRefused
from dikast.harness.asker import Asker
from dikast.harness.lanes import Lanes, ServerGone
from dikast.harness.progress import Progress
from dikast.judges.asking import assess, failed_verdict
from dikast.judges.definition import Judge
from dikast.judges.verdicts import model_name
from dikast.models.endpoint import Facts, Reply, Request
from dikast.records import Interaction, Verdict

_HOPELESS = 10  # interactions that the server refused before it answered any, from which on more won't help
_PER_PLACE = 2  # interactions under way for each call that may be open: one is asked, one is got ready or read

OnVerdict = Callable[[int, Interaction, Verdict], None]


class Judging:
    """One pass of a judge over interactions.

    model: the name for the verdicts of calls that failed, where the facts have none. on_verdict: called with position,
    interaction and verdict, in the event loop.
    """

    def __init__(
        self,
        judge: Judge,
        asker: Asker,
        lanes: Lanes,
        *,
        model: str,
        facts: Facts,
        progress: Progress,
        on_verdict: OnVerdict,
    ) -> None:
        self._judge = judge
        self._asker = asker
        self._lanes = lanes
        self._model = model_name(facts) or model
        self._facts = facts
        self._progress = progress
        self._on_verdict = on_verdict
        self._workers = 0
        self._refused: float = 0  # interactions refused by the server; below 0 for ever once one was answered

    async def run(self, interactions: Iterable[Interaction]) -> None:
        """Judge them all. Raises what ends a run, once all work has stopped.

        That is ServerGone, StoreError, DataError, and EndpointRefused when the server refuses from the start.
        """
        numbered = enumerate(interactions)
        try:
            async with asyncio.TaskGroup() as group:
                self._work_for(group, numbered, self._lanes.limit)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None

    def _work_for(self, group: asyncio.TaskGroup, numbered: Iterator[tuple[int, Interaction]], workers: int) -> None:
        """Begin workers until there are so many."""
        while self._workers < workers:
            self._workers += 1
            group.create_task(self._work(group, numbered))

    async def _work(self, group: asyncio.TaskGroup, numbered: Iterator[tuple[int, Interaction]]) -> None:
        for position, interaction in numbered:
            ask = _Counting(self._asker)
            verdict = await self._verdict(interaction, ask)
            self._progress.count(verdict, asked=ask.asked)
            self._on_verdict(position, interaction, verdict)
            self._work_for(group, numbered, self._lanes.limit * _PER_PLACE)  # the limit moves
        self._workers = 1 << 30  # nothing is left to draw: begin no more

    async def _verdict(self, interaction: Interaction, ask: _Counting) -> Verdict:
        try:
            verdict = await assess(self._judge, interaction, ask, self._facts)
            self._refused = -math.inf
            return verdict
        except ServerGone:
            raise
        except EndpointError as error:
            self._refused += isinstance(error, EndpointRefused)
            if self._refused >= _HOPELESS:
                raise  # a wrong key or name: the rest would fare no better
            return failed_verdict(self._judge, interaction, self._model, error)


class _Counting:
    """An asker that remembers whether any model was called for one interaction."""

    __slots__ = ("_asker", "asked")

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self.asked = False

    async def __call__(self, request: Request, usable: Callable[[Reply], bool]) -> Reply:
        reply, new = await self._asker.ask(request, usable)
        self.asked = self.asked or new
        return reply
