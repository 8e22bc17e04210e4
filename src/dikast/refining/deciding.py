"""Which change of a round is kept, if any, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dikast.agreement.choosing import Lead, hoped, lead
from dikast.agreement.optimism import optimism
from dikast.agreement.wilson import normal_quantile
from dikast.judges.history import Why
from dikast.refining.measuring import Trial, Yardstick, cost_rank, is_notably_cheaper

_APART = 0.025  # one-sided, for telling two changes apart that both lead
_MOST_UNANSWERED = 0.1


@dataclass(frozen=True, slots=True)
class Decision:
    """The change that is kept, None for none, and why. suggested: what might be had besides, in words."""

    kept: Trial | None = None
    why: Why | None = None
    word: str = ""
    suggested: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A round as it can be decided again: what was tried against what, and what was kept, as places in a list."""

    tried: tuple[int, ...]
    kept: int | None
    why: Why | None
    alpha: float


@dataclass
class Deciding:
    """Decides by one yardstick. margin: how much worse a change may be and still count as good, when it costs less.

    anchor: the last version that was kept for being better; savings are held against it, so that they don't add up to
    a loss.
    """

    yardstick: Yardstick
    margin: float
    anchor: Trial
    steps: list[Step] = field(default_factory=list)
    whole: list[Trial] = field(default_factory=list)

    def compare(self, trial: Trial, against: Trial, alpha: float) -> Lead | None:
        """The lead of a trial over another, on what both were tried and can be tested on."""
        n = min(trial.worths.size, against.worths.size)
        first, second = trial.worths[:n], against.worths[:n]
        use = trial.open[:n] & ~np.isnan(first) & ~np.isnan(second)
        if (~np.isnan(first)).mean() < 1 - _MOST_UNANSWERED:
            return None
        strata = self.yardstick.strata
        return lead(
            first[use], second[use], None if strata is None else [strata[at] for at in np.flatnonzero(use)], alpha
        )

    def may_still_win(self, trial: Trial, against: Trial, alpha: float) -> bool:
        """Whether it would be kept if the rest went as well as may be hoped."""
        seen, n = trial.worths.size, against.worths.size
        use = trial.open & ~np.isnan(against.worths)
        use[:seen] &= ~np.isnan(trial.worths)
        against_worths = against.worths[use]
        hopeful = hoped(trial.worths[use[:seen]], against_worths)
        strata = self.yardstick.strata
        found = lead(
            hopeful, against_worths, None if strata is None else [strata[at] for at in np.flatnonzero(use)], alpha
        )
        cheap = self.margin > 0 and is_notably_cheaper(trial.cost, against.cost)
        return n > 0 and found is not None and (found.is_sure or (cheap and found.low > -self.margin))

    def decide(self, trials: Sequence[Trial], current: Trial, alpha: float) -> Decision:
        """What is kept of those tried on all. A trial's lead is over the current version."""
        whole = [trial for trial in trials if trial.is_whole and trial.lead is not None]
        sure = [trial for trial in whole if trial.lead and trial.lead.is_sure]
        decision = self._best(sure) if sure else self._cheapest(whole, current, alpha)
        self._remember(whole, current, decision, alpha)
        if decision.why == "better" and decision.kept is not None:
            self.anchor = decision.kept
        return decision

    def _best(self, sure: Sequence[Trial]) -> Decision:
        best = max(sure, key=_low)
        alike = [trial for trial in sure if trial is best or not self._apart(best, trial)]
        kept = min(alike, key=lambda trial: (*cost_rank(trial.cost), -_low(trial)))
        word = ""
        if kept is not best:
            word = f"{best.variant.what!r} leads by as much, as far as can be told, and costs more"
        elif len(alike) > 1:
            word = f"{len(alike) - 1} more lead by as much, as far as can be told, and cost no less"
        if kept.variant.judge.fast:
            word += ("; " if word else "") + "it writes no critiques"
        return Decision(kept, "better", word)

    def _apart(self, best: Trial, other: Trial) -> bool:
        """Whether the best is better than another that leads as well, on what both can be tested on."""
        use = best.open & other.open & ~np.isnan(best.worths) & ~np.isnan(other.worths)
        strata = self.yardstick.strata
        found = lead(
            best.worths[use],
            other.worths[use],
            None if strata is None else [strata[at] for at in np.flatnonzero(use)],
            _APART,
        )
        return found is not None and found.low > 0

    def _cheapest(self, whole: Sequence[Trial], current: Trial, alpha: float) -> Decision:
        """One that is as good, within the margin, and takes notably less."""
        good: list[tuple[Trial, Lead]] = []
        for trial in whole:
            against = self.compare(trial, self.anchor, alpha)
            if against is not None and against.low > -self.margin and is_notably_cheaper(trial.cost, current.cost):
                good.append((trial, against))
        silent = [pair for pair in good if pair[0].variant.judge.fast and not current.variant.judge.fast]
        writing = [pair for pair in good if pair not in silent]
        suggested = _saving(silent[0], current, self.margin) + ", but writes no critiques" if silent else ""
        if not writing:
            return Decision(suggested=suggested)
        kept, against = min(writing, key=lambda pair: (*cost_rank(pair[0].cost), -pair[1].low))
        return Decision(kept, "cheaper", _saving((kept, against), current, self.margin), suggested)

    def _remember(self, whole: Sequence[Trial], current: Trial, decision: Decision, alpha: float) -> None:
        if not self.whole:
            self.whole.append(current)
        places = tuple(range(len(self.whole), len(self.whole) + len(whole)))
        self.whole += whole
        kept = next((at for at in places if self.whole[at] is decision.kept), None)
        self.steps.append(Step(places, kept, decision.why, alpha))

    def optimism(self) -> float:
        """By how much the last version's agreement is too good for having been chosen on these interactions."""
        if all(step.kept is None for step in self.steps):
            return 0.0
        worths = np.array([trial.worths for trial in self.whole])
        use = ~np.isnan(worths).any(axis=0)
        strata = self.yardstick.strata
        groups = None if strata is None else [strata[at] for at in np.flatnonzero(use)]
        worths, opened = worths[:, use], np.array([trial.open[use] for trial in self.whole])
        codes = np.zeros(worths.shape[1], dtype=np.int64)
        if groups is not None:
            codes = np.unique([str(group) for group in groups], return_inverse=True)[1]

        def choose(drawn: NDArray[np.int64]) -> int:
            current = 0
            for step in self.steps:
                lows = {at: _quick_low(worths, opened, codes, drawn, at, current, step.alpha) for at in step.tried}
                best = max(lows, key=lambda at: lows[at], default=None)
                chosen = best if best is not None and lows[best] > 0 else None
                if chosen is None and step.why == "cheaper":
                    chosen = step.kept
                current = current if chosen is None else chosen
                if chosen != step.kept or chosen is None:
                    break
            return current

        return optimism(worths, choose, strata=groups)


def _quick_low(
    worths: NDArray[np.float64],
    opened: NDArray[np.bool_],
    codes: NDArray[np.int64],
    drawn: NDArray[np.int64],
    first: int,
    second: int,
    alpha: float,
) -> float:
    """The low end of a lead by the normal distribution: for choosing again, many times over."""
    items = drawn[opened[first][drawn]]
    means, variance = [], 0.0
    for code in np.unique(codes):
        part = items[codes[items] == code]
        if not part.size:
            return -1.0
        found = worths[first, part] - worths[second, part]
        means.append(float(found.mean()))
        variance += float(found.var() + 2 / (part.size + 2)) / (part.size + 2)
    return float(np.mean(means)) - normal_quantile(1 - 2 * alpha) * float(np.sqrt(variance)) / len(means)


def _low(trial: Trial) -> float:
    return trial.lead.low if trial.lead else -1.0


def _saving(pair: tuple[Trial, Lead], current: Trial, margin: float) -> str:
    trial, against = pair
    seconds, before = trial.cost.seconds, current.cost.seconds
    share = seconds / before if before > 0 else 0.0
    took = (
        f"{share:.0%} of the time"
        if before >= 0.05
        else f"{trial.cost.tokens / max(current.cost.tokens, 1):.0%} of the tokens"
    )
    return (
        f"{trial.variant.what!r} is as good within {margin:.0%} (difference {against.value:+.1%}, "
        f"{against.low:+.1%} to {against.high:+.1%}) and takes {took}"
    )
