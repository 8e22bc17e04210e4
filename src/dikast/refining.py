"""Refining a judge: rounds of changes, each measured on labelled interactions, kept when better by more than noise.

A round looks where the judge and the expert differ, takes the changes that plain search and a model propose, judges the
dev interactions with each, and keeps the one that leads most surely. When none leads by more than noise, it has
converged. Every candidate is tried on the same labels, so intervals are widened for their number (Bonferroni); what was
reached must still be measured on labels that nothing was chosen by.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.paired import paired_difference
from dikast.agreement.proportion import share
from dikast.bench import Bench, Tell
from dikast.errors import DataError
from dikast.harness.judging import Judging
from dikast.harness.progress import Progress
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence
from dikast.judges.revising import Disagreement, read_revisions, revision_request
from dikast.judges.variants import Variant, variants
from dikast.records import Interaction, JudgeRef, Verdict

LEAST_ITEMS = 10
_SHOWN_DISAGREEMENTS = 12


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was measured: how much more often the judge is right with it. lead is None for the judge itself."""

    what: str
    judge: JudgeRef
    agreement: float
    agreement_low: float
    agreement_high: float
    lead: float | None = None
    lead_low: float | None = None
    lead_high: float | None = None
    calls: int = 0
    seconds: float = 0.0


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One round. kept: the change that was taken over, or None when none was better by more than noise.

    fixed, broken: the interactions on which the judge is now right, and now wrong.
    """

    number: int
    tried: tuple[Tried, ...]
    kept: str | None
    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class Refined(msgspec.Struct, frozen=True, kw_only=True):
    """What refining came to. first and last: the judge before and after, on the same interactions."""

    judge: Judge
    first: Tried
    last: Tried
    rounds: tuple[Round, ...]
    converged: bool
    items: int


class _Measured(msgspec.Struct, frozen=True):
    variant: Variant
    verdicts: dict[str, Verdict]
    right: tuple[bool, ...]
    tried: Tried


class Refining:
    """Refines a judge on a bench. evidence: the dev interactions with the expert's verdicts.

    propose: whether the model is asked for changes too. tell: given a line for each thing that is tried.
    """

    def __init__(self, bench: Bench, model: str, evidence: Sequence[Evidence], *, propose: bool, tell: Tell) -> None:
        self._bench = bench
        self._model = model
        self._evidence = evidence
        self._propose = propose
        self._tell = tell
        self._progress = Progress()
        self._lanes = bench.lanes(self._progress)
        self._asker = bench.asker(self._lanes, self._progress)

    async def refine(self, judge: Judge, *, rounds: int) -> Refined:
        """Up to so many rounds, or until nothing is better by more than noise. Raises EndpointError, StoreError."""
        first = current = await self._measure(Variant("as it is", judge), None, 1)
        done: list[Round] = []
        converged = False
        while len(done) < rounds and not converged:
            candidates = await self._candidates(current)
            measured = [await self._measure(candidate, current, len(candidates)) for candidate in candidates]
            best = max(measured, key=_surely, default=None)
            converged = best is None or _surely(best) <= 0
            done.append(self._round(len(done) + 1, current, measured, None if converged else best))
            if best is not None and not converged:
                current = best
        return Refined(
            judge=current.variant.judge,
            first=first.tried,
            last=current.tried,
            rounds=tuple(done),
            converged=converged,
            items=len(self._evidence),
        )

    async def _candidates(self, current: _Measured) -> list[Variant]:
        found = [
            Disagreement(one, current.verdicts[one.interaction.id])
            for one, right in zip(self._evidence, current.right, strict=True)
            if not right and current.verdicts[one.interaction.id].status == "scored"
        ]
        judge = current.variant.judge
        proposed: list[Variant] = []
        if self._propose and found and judge.prompt is None:
            request = revision_request(judge, found[:_SHOWN_DISAGREEMENTS])
            reply, _ = await self._asker.ask(request, lambda reply: bool(read_revisions(reply, judge, found)))
            proposed = read_revisions(reply, judge, found)
            self._tell(f"the model proposes {len(proposed)} changes after {len(found)} disagreements")
        return [*proposed, *variants(judge, thinks=self._bench.facts[0].capabilities.thinks)]

    async def _measure(self, variant: Variant, against: _Measured | None, candidates: int) -> _Measured:
        """A judge's verdicts on the dev interactions, and how they compare."""
        verdicts: dict[str, Verdict] = {}

        def keep(_position: int, interaction: Interaction, verdict: Verdict) -> None:
            verdicts[interaction.id] = verdict

        judging = Judging(
            variant.judge,
            self._asker,
            self._lanes,
            model=self._model,
            facts=self._bench.facts[0],
            progress=self._progress,
            on_verdict=keep,
        )
        await judging.run(one.interaction for one in self._evidence)
        said = [verdicts[one.interaction.id] for one in self._evidence]
        right = tuple(_is_right(one, verdict) for one, verdict in zip(self._evidence, said, strict=True))
        agreement = self._agreement(said, right)
        lead = None
        if against is not None:
            strata = [one.verdict for one in self._evidence]
            level = 1 - 0.05 / max(candidates, 1)
            lead = paired_difference(right, against.right, strata=strata, level=level)
        tried = _tried(variant, agreement, lead, said)
        self._tell(_line(tried))
        return _Measured(variant, verdicts, right, tried)

    def _agreement(self, said: Sequence[Verdict], right: Sequence[bool]) -> Figure:
        """Balanced accuracy for pass and fail, else how often it is right; what has no verdict is not right."""
        wanted = [one.verdict for one in self._evidence]
        if set(wanted) == {"pass", "fail"}:
            opposite = {"pass": "fail", "fail": "pass"}
            judged = [v.verdict or opposite[str(w)] for v, w in zip(said, wanted, strict=True)]
            return balanced_accuracy(judged, [str(w) for w in wanted])
        return share(list(right))

    def _round(self, number: int, before: _Measured, measured: Sequence[_Measured], kept: _Measured | None) -> Round:
        changed = [
            (one.interaction.id, now)
            for one, was, now in zip(self._evidence, before.right, kept.right if kept else before.right, strict=True)
            if was != now
        ]
        return Round(
            number=number,
            tried=tuple(each.tried for each in measured),
            kept=kept.variant.what if kept else None,
            fixed=tuple(id for id, now in changed if now),
            broken=tuple(id for id, now in changed if not now),
        )


def _is_right(one: Evidence, verdict: Verdict) -> bool:
    if verdict.status != "scored":
        return False
    if isinstance(one.verdict, str):
        return verdict.verdict == one.verdict
    return verdict.overall is not None and abs(verdict.overall - one.verdict) < 0.5  # the level it rounds to


def _surely(measured: _Measured) -> float:
    """The lead that is left when chance is taken off."""
    return measured.tried.lead_low if measured.tried.lead_low is not None else 0.0


def _tried(variant: Variant, agreement: Figure, lead: Figure | None, said: Sequence[Verdict]) -> Tried:
    if not isinstance(agreement, Estimate):
        raise DataError(f"the agreement is undefined: {agreement.reason}")
    lead_value, lead_low, lead_high = (lead.value, lead.low, lead.high) if isinstance(lead, Estimate) else (None,) * 3
    return Tried(
        what=variant.what,
        judge=variant.judge.ref,
        agreement=agreement.value,
        agreement_low=agreement.low,
        agreement_high=agreement.high,
        lead=lead_value,
        lead_low=lead_low,
        lead_high=lead_high,
        calls=sum(verdict.usage.calls for verdict in said if verdict.usage),
        seconds=round(sum(verdict.latency_s or 0.0 for verdict in said), 3),
    )


def _line(tried: Tried) -> str:
    figure = f"{tried.agreement:.2f} ({tried.agreement_low:.2f} to {tried.agreement_high:.2f})"
    if tried.lead is None:
        return f"{tried.what}: {figure}"
    return f"{tried.what}: {figure}, leads by {tried.lead:+.2f} ({tried.lead_low:+.2f} to {tried.lead_high:+.2f})"


__all__ = ["LEAST_ITEMS", "Refined", "Refining", "Round", "Tried"]
