"""The rounds themselves: propose, race, decide, until nothing is better by more than noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from dikast.agreement.choosing import error_allowed
from dikast.agreement.estimate import Estimate
from dikast.errors import DataError, EndpointRefused, PromptTooLong
from dikast.harness.judging import Judging
from dikast.harness.progress import Progress
from dikast.journey.bench import Bench, Tell
from dikast.judges.definition import Judge
from dikast.judges.diff import changes
from dikast.judges.evidence import Evidence, cut
from dikast.judges.example_swaps import Disagreement, example_swaps, nearest_in_pool, usable_pool
from dikast.judges.history import End, Flip, Round, Said, Session, Tried
from dikast.judges.revising import read_revisions, revision_request
from dikast.judges.variants import Variant, variants
from dikast.models.endpoint import Request
from dikast.records import Interaction, Verdict, text_of
from dikast.refining import gepa_search
from dikast.refining.deciding import Deciding, Decision
from dikast.refining.measuring import Trial, Yardstick
from dikast.report.figures import count

LEAST_ITEMS = 10
_RACED_FROM = 24  # fewer interactions are tried at once
_LOOKS = (0.25, 0.5, 1.0)
_MOST_SHOWN = 8  # disagreements that the model sees: at most a third, since it can't be tested on them
_POOL_SHOWN = 4
_LONGEST_TEXT = 600


Optimizer = Literal["own", "gepa"]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a judge is refined.

    propose: whether the model is asked for changes too; optimizer: by whom, Dikast itself or GEPA. target: the
    agreement at which to stop. margin: how much worse a change may be and still be as good, where it takes notably
    less; 0 keeps nothing for that. pool: interactions that examples may be taken from. data: what the interactions are
    called. chosen_on: ids that the judge was chosen by before.
    """

    rounds: int = 3
    propose: bool = True
    optimizer: Optimizer = "own"
    target: float = 0.9
    margin: float = 0.05
    pool: tuple[Evidence, ...] = ()
    data: str = ""
    chosen_on: frozenset[str] = frozenset()


class Refined(msgspec.Struct, frozen=True, kw_only=True):
    """What refining came to: the judge, and the session as it goes into the history."""

    judge: Judge
    session: Session


class Refining:
    """Refines a judge on a bench. evidence: the dev interactions with the expert's verdicts.

    tell: given a line for each thing that is tried.
    """

    def __init__(self, bench: Bench, model: str, evidence: Sequence[Evidence], plan: Plan, *, tell: Tell) -> None:
        self._bench = bench
        self._model = model
        self._plan = plan
        self._tell = tell
        self._given = evidence
        self._progress = Progress()
        self._lanes = bench.lanes(self._progress)
        self._asker = bench.asker(self._lanes, self._progress)

    async def refine(self, judge: Judge) -> Refined:
        """Rounds until it agrees, or nothing is better by more than noise.

        Raises EndpointError, StoreError, DataError.
        """
        self._yardstick = Yardstick(judge, self._given)
        self._pool = usable_pool(self._plan.pool, self._given, judge)
        self._explored: set[str] = set()
        current = Trial(Variant("as it is", judge), self._yardstick)
        await self._extend(current, len(self._given))
        if current.unanswered:
            raise DataError(f"no interaction got an answer: {current.unanswered}", hint="Is the model up and able to?")
        self._tell(_line(current.tried()))
        deciding = Deciding(self._yardstick, self._plan.margin, current)
        versions, done = [current.tried()], list[Round]()
        while (end := self._end(current, done)) is None:
            current, found = await self._round(len(done) + 1, current, deciding)
            done.append(found)
            if found.kept:
                versions.append(current.tried())
                self._explored |= current.variant.shown if current.variant.explored else set()
        session = self._session(current, versions, done, end, max(deciding.optimism(), self._exploring(current)))
        return Refined(judge=current.variant.judge, session=session)

    def _exploring(self, current: Trial) -> float:
        """How much better the last version is on all than on those that no search has seen."""
        hidden = gepa_search.unexplored(current.worths, self._yardstick.evidence, frozenset(self._explored))
        apart = self._yardstick.agreement(self._yardstick.evidence, hidden)
        return current.tried().agreement - apart.value if isinstance(apart, Estimate) and self._explored else 0.0

    def _end(self, current: Trial, done: Sequence[Round]) -> End | None:
        if current.share_right >= self._plan.target:
            return "agreed"
        if done and done[-1].kept is None:
            return "converged"
        return "rounds" if len(done) >= self._plan.rounds else None

    async def _round(self, number: int, current: Trial, deciding: Deciding) -> tuple[Trial, Round]:
        candidates = await self._candidates(current, number)
        alpha = error_allowed(number, len(candidates))
        trials = [Trial(candidate, self._yardstick) for candidate in candidates]
        await self._race(trials, current, deciding, alpha)
        decision = deciding.decide(trials, current, alpha)
        return decision.kept or current, self._recorded(number, current, trials, decision, alpha)

    async def _candidates(self, current: Trial, number: int) -> list[Variant]:
        judge, known = current.variant.judge, self._bench.facts[0].capabilities
        each = [Disagreement(*pair) for pair in zip(self._yardstick.evidence, current.verdicts, strict=True)]
        scored = [(at, one) for at, one in enumerate(each) if one.verdict.status == "scored"]
        found = [one for at, one in scored if not current.right(at)]
        right = [one for at, one in scored if current.right(at)]
        if self._plan.propose and judge.prompt is not None and number == 1:
            self._tell("the judge's prompt is your own and stays as it is: settings and examples are tried")
        proposed: list[Variant] = []
        if self._plan.propose and found and judge.prompt is None:
            searched = self._plan.optimizer == "gepa"
            proposed = await (self._searched(judge, number) if searched else self._proposed(judge, found))
        tried = [
            *proposed,
            *example_swaps(judge, found, right, self._pool),
            *variants(judge, thinks=known.thinks, switch=known.thinking_switch),
        ]
        unlike = {one.judge.version: one for one in reversed(tried)}  # the first of each version stays
        return [one for one in tried if unlike[one.judge.version] is one and one.judge.version != judge.version]

    async def _searched(self, judge: Judge, number: int) -> list[Variant]:
        """What GEPA makes of the judge on the second half; the race begins with the first."""
        seen = self._yardstick.evidence[len(self._given) // 2 :]

        async def verdicts(judge: Judge, evidence: Sequence[Evidence]) -> list[Verdict]:
            return await self._verdicts(judge, evidence)

        async def answer(request: Request) -> str:
            reply, _ = await self._asker.ask(request, lambda reply: bool(reply.text.strip()))
            return reply.text

        means = gepa_search.Means(verdicts, self._yardstick.worth, answer)
        self._tell(f"GEPA searches on {len(seen)} of {len(self._given)} interactions ...")
        found = await gepa_search.search(judge, seen, means, seed=number)
        self._tell(f"GEPA proposes {found.what}" if found else "GEPA finds nothing better")
        return [found] if found else []

    async def _proposed(self, judge: Judge, found: Sequence[Disagreement]) -> list[Variant]:
        """What the model proposes after it saw some of the disagreements: the last ones, which come last in a race."""
        shown = found[-min(_MOST_SHOWN, max(2, math.ceil(len(found) / 3))) :]
        pool = nearest_in_pool(shown, judge, self._pool, _POOL_SHOWN)
        while shown:
            try:
                proposed = await self._asked(judge, shown, pool)
            except PromptTooLong:
                shown, pool = shown[: len(shown) // 2], []
                continue
            looked_at = f"{len(shown)} of {count(len(found), 'disagreement')}"
            self._tell(f"the model proposes {count(len(proposed), 'change')} after {looked_at}")
            return proposed
        self._tell("the disagreements don't fit into the model's context: it proposes nothing")
        return []

    async def _asked(self, judge: Judge, shown: Sequence[Disagreement], pool: Sequence[Evidence]) -> list[Variant]:
        """The model's proposals; asked a second time when the first reply holds none."""
        request = revision_request(judge, shown, pool)
        for asked in (request, msgspec.structs.replace(request, sample=1, seed=1, temperature=0.7)):
            reply, _ = await self._asker.ask(asked, lambda reply: bool(read_revisions(reply, judge, shown, pool)))
            if proposed := read_revisions(reply, judge, shown, pool):
                return proposed
        return []

    async def _race(self, trials: Sequence[Trial], current: Trial, deciding: Deciding, alpha: float) -> None:
        """Try all on a growing part of the interactions; one that can't be kept any more is given up.

        Nothing is kept before all were tried, so giving up early makes no false find likelier.
        """
        n = len(self._given)
        alive = list(trials)
        for look in _LOOKS if n >= _RACED_FROM else (1.0,):
            upto = math.ceil(look * n)
            for trial in alive:
                await self._try(trial, upto)
                trial.lead = deciding.compare(trial, current, alpha)
                if upto == n or trial.refused:
                    self._tell(_line(trial.tried()) if not trial.refused else f"{trial.variant.what}: {trial.refused}")
            alive = [trial for trial in alive if not trial.refused]
            if upto < n:
                going_on = [trial for trial in alive if deciding.may_still_win(trial, current, alpha)]
                for trial in alive:
                    if trial not in going_on:
                        self._tell(f"{_line(trial.tried())}; given up after {upto} of {n}")
                alive = going_on

    async def _try(self, trial: Trial, upto: int) -> None:
        try:
            await self._extend(trial, upto)
            trial.refused = trial.unanswered
        except EndpointRefused as error:
            trial.refused = f"the server refuses it: {error}"

    async def _extend(self, trial: Trial, upto: int) -> None:
        """The verdicts of a trial's judge on the next interactions, up to so many."""
        some = self._yardstick.evidence[len(trial.verdicts) : upto]
        trial.add(await self._verdicts(trial.variant.judge, some))

    async def _verdicts(self, judge: Judge, evidence: Sequence[Evidence]) -> list[Verdict]:
        verdicts: dict[int, Verdict] = {}

        def keep(position: int, _interaction: Interaction, verdict: Verdict) -> None:
            verdicts[position] = verdict

        judging = Judging(
            judge,
            self._asker,
            self._lanes,
            model=self._model,
            facts=self._bench.facts[0],
            progress=self._progress,
            on_verdict=keep,
            retriever=await self._bench.retriever(judge),
        )
        await judging.run(one.interaction for one in evidence)
        return [verdicts[position] for position in range(len(evidence))]

    def _recorded(self, number: int, before: Trial, trials: Sequence[Trial], decision: Decision, alpha: float) -> Round:
        kept = decision.kept
        flips: dict[bool, list[Flip]] = {True: [], False: []}
        order = {one.interaction.id: at for at, one in enumerate(self._given)}
        if kept is not None:
            for at, one in enumerate(self._yardstick.evidence):
                answered = "failed" not in (before.verdicts[at].status, kept.verdicts[at].status)
                if answered and before.right(at) != kept.right(at):
                    flips[kept.right(at)].append(_flip(one, before.verdicts[at], kept.verdicts[at]))
        fixed, broken = (tuple(sorted(flips[now], key=lambda flip: order[flip.id])) for now in (True, False))
        return Round(
            number=number,
            tried=tuple(trial.tried() for trial in trials if not trial.refused),
            kept=kept.variant.what if kept else None,
            why=decision.why,
            word=decision.word,
            error=alpha,
            changes=tuple(changes(before.variant.judge, kept.variant.judge)) if kept else (),
            fixed=fixed,
            broken=broken,
            suggested=decision.suggested,
        )

    def _session(
        self, current: Trial, versions: Sequence[Tried], done: Sequence[Round], end: End, optimism: float
    ) -> Session:
        plan = self._plan
        return Session(
            at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            data=plan.data,
            model=self._model,
            items=len(self._given),
            target=plan.target,
            margin=plan.margin,
            measure=self._yardstick.measure,
            versions=tuple(versions),
            rounds=tuple(done),
            end=end,
            end_words=_end_words(end, current, plan, self._yardstick),
            optimism=round(optimism, 6),
            chosen_on_before=sum(one.interaction.id in plan.chosen_on for one in self._given),
            calls=self._progress.calls,
        )


def _end_words(end: End, current: Trial, plan: Plan, yardstick: Yardstick) -> str:
    if end == "agreed":
        which = "gives the expert's score on" if yardstick.is_score else "agrees on"
        return f"Done: it {which} {current.share_right:.0%}, and {plan.target:.0%} was asked for."
    if end == "converged":
        return "Converged: nothing that was tried is better by more than noise."
    return f"The rounds ({plan.rounds}) are used up: there may be more to find."


def _flip(one: Evidence, before: Verdict, after: Verdict) -> Flip:
    return Flip(
        id=one.interaction.id,
        input=cut(text_of(one.interaction.input), _LONGEST_TEXT),
        output=cut(one.output_text, _LONGEST_TEXT),
        expert=Said(verdict=one.verdict, critique=cut(one.critique, _LONGEST_TEXT)),
        before=_said(before),
        after=_said(after),
    )


def _said(verdict: Verdict) -> Said:
    if verdict.status != "scored":
        return Said(verdict=verdict.status, critique=cut(verdict.reason or "", _LONGEST_TEXT))
    value = verdict.verdict if verdict.verdict is not None else verdict.overall
    return Said(verdict=value, critique=cut(verdict.critique or "", _LONGEST_TEXT))


def _line(tried: Tried) -> str:
    figure = f"{tried.agreement:.2f} ({tried.agreement_low:.2f} to {tried.agreement_high:.2f})"
    if tried.lead is None or tried.lead_low is None or tried.lead_high is None:
        return f"{tried.what}: {figure}"
    return f"{tried.what}: {figure}, leads by {tried.lead:+.2f} ({tried.lead_low:+.2f} to {tried.lead_high:+.2f})"
