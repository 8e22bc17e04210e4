"""Judging a whole dataset: as many interactions at once as the endpoints bear, each ending in one verdict.

Interactions are drawn from the dataset only when there is room for them, so memory does not grow with its length.
Verdicts come in the order in which they are done, with their position in the dataset.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dikast.errors import EndpointError, EndpointRefused
from dikast.harness.asker import Asker
from dikast.harness.lanes import Lanes, ServerGone
from dikast.harness.progress import Progress
from dikast.harness.workers import OnVerdict, Workers
from dikast.judges.asking import assess, failed_verdict
from dikast.judges.definition import Judge
from dikast.judges.verdicts import model_name
from dikast.models.endpoint import Facts, Reply, Request
from dikast.records import Interaction, Verdict

_HOPELESS = 10  # interactions that the server refused before it answered any, from which on more won't help

if TYPE_CHECKING:
    from dikast.judges.retrieval import Retriever


class Judging:
    """One pass of a judge over interactions.

    model: the name for the verdicts of calls that failed, where the facts have none. on_verdict: called with position,
    interaction and verdict, in the event loop. retriever: for a judge that finds its examples. run: the run's name, for
    the ledger.
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
        retriever: Retriever | None = None,
        run: str | None = None,
    ) -> None:
        self._judge = judge
        self._asker = asker
        self._model = model_name(facts) or model
        self._facts = facts
        self._retriever = retriever
        self._workers = Workers(self.judge_one, lambda: lanes.limit, progress=progress, on_verdict=on_verdict, run=run)
        self._refused: float = 0  # interactions refused by the server; below 0 for ever once one was answered

    async def run(self, interactions: Iterable[Interaction]) -> None:
        """Judge them all. Raises what ends a run, once all work has stopped.

        That is ServerGone, StoreError, DataError, and EndpointRefused when the server refuses from the start.
        """
        await self._workers.go_over(interactions)

    async def judge_one(self, interaction: Interaction) -> tuple[Verdict, bool]:
        """One interaction's verdict, and whether the model was called for it now. Raises what ends a run."""
        ask = _Counting(self._asker)
        return await self._verdict(interaction, ask), ask.asked

    async def _verdict(self, interaction: Interaction, ask: _Counting) -> Verdict:
        try:
            verdict = await assess(self._judge, interaction, ask, self._facts, self._retriever)
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
