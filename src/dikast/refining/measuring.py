"""How well a judge does on the interactions that changes are tried on: what it said, how near that is, what it took."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from dikast.agreement.balanced_accuracy import balanced_accuracy
from dikast.agreement.bounded_mean import bounded_mean
from dikast.agreement.choosing import Lead
from dikast.agreement.clusters import Floats
from dikast.agreement.estimate import Estimate, Figure
from dikast.agreement.proportion import share
from dikast.errors import DataError
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence
from dikast.judges.history import Cost, Tried
from dikast.judges.variants import Variant
from dikast.records import Verdict

_LEAST_SECONDS = 0.05  # below it a call's time says more of the machine than of the judge
_STEP = 1.25  # costs within a quarter of each other are taken for the same
_NOTABLY = 2 / 3
_OPPOSITE = {"pass": "fail", "fail": "pass"}


class Yardstick:
    """What "agrees with the expert" means for these labels, item by item and in all.

    Pass and fail: balanced accuracy. Preferences, or one class alone: the share that is right. Scores: closeness, 1 for
    the expert's score and 0 for one that is the whole scale away.
    """

    def __init__(self, judge: Judge, evidence: Sequence[Evidence]) -> None:
        self.evidence = _in_turns(evidence)
        said = {one.verdict for one in evidence}
        self.is_score = not all(isinstance(verdict, str) for verdict in said)
        self._balanced = said == {"pass", "fail"}
        values = [verdict for verdict in said if not isinstance(verdict, str)]
        low, high = judge.scale.low, judge.scale.high
        spread = (high - low) if low is not None and high is not None else (max(values) - min(values) if values else 1)
        self._spread = float(spread) or 1.0

    @property
    def measure(self) -> str:
        """What the figure is, in words."""
        if self.is_score:
            return "closeness: 1 for the expert's score, 0 for one the whole scale away"
        return "balanced accuracy: the mean of TPR and TNR" if self._balanced else "the share that is right"

    @property
    def strata(self) -> list[Hashable] | None:
        """What differences are averaged within; None for scores, which are no rights and wrongs."""
        if self.is_score:
            return None
        return [one.verdict if self._balanced else "all" for one in self.evidence]

    def worth(self, one: Evidence, verdict: Verdict) -> float:
        """1 for the expert's verdict, down to 0; not a number where no server answered, which is not the judge's doing.

        What the judge leaves without a verdict is wrong: 0.
        """
        if verdict.status == "failed":
            return math.nan
        if verdict.status != "scored":
            return 0.0
        if isinstance(one.verdict, str):
            return float(verdict.verdict == one.verdict)
        return 0.0 if verdict.overall is None else max(0.0, 1 - abs(verdict.overall - one.verdict) / self._spread)

    def is_right(self, one: Evidence, verdict: Verdict) -> bool:
        """Whether it is the expert's verdict, or rounds to the expert's score."""
        if isinstance(one.verdict, str) or verdict.overall is None:
            return self.worth(one, verdict) == 1.0
        return verdict.status == "scored" and abs(verdict.overall - one.verdict) < 0.5

    def agreement(self, evidence: Sequence[Evidence], worths: Floats) -> Figure:
        """The figure over these items; those without an answer are left out."""
        there = [at for at in range(worths.size) if not math.isnan(worths[at])]
        if self.is_score:
            return bounded_mean(worths[there], 0.0, 1.0)
        if self._balanced:
            wanted = [str(evidence[at].verdict) for at in there]
            judged = [w if worths[at] else _OPPOSITE[w] for at, w in zip(there, wanted, strict=True)]
            return balanced_accuracy(judged, wanted)
        return share(worths[there] > 0)


class Trial:
    """One variant on the interactions, as far as it was tried."""

    def __init__(self, variant: Variant, yardstick: Yardstick) -> None:
        self.variant = variant
        self.verdicts: list[Verdict] = []
        self.lead: Lead | None = None
        self.refused: str | None = None
        self._yardstick = yardstick
        self._worths: list[float] = []

    @property
    def worths(self) -> Floats:
        """How near each verdict is, in the order of the yardstick's evidence."""
        return np.array(self._worths, dtype=np.float64)

    @property
    def is_whole(self) -> bool:
        """Whether it was tried on all."""
        return len(self.verdicts) == len(self._yardstick.evidence)

    @property
    def unanswered(self) -> str | None:
        """Why no interaction at all got an answer; None where some did."""
        return self.verdicts[0].reason if self.verdicts and np.isnan(self.worths).all() else None

    @property
    def open(self) -> NDArray[np.bool_]:
        """Which of all interactions it can be tested on: those that whoever thought of it had not seen."""
        return np.array([one.interaction.id not in self.variant.shown for one in self._yardstick.evidence])

    def add(self, verdicts: Sequence[Verdict]) -> None:
        """Its verdicts on the next interactions."""
        evidence = self._yardstick.evidence[len(self.verdicts) :]
        self._worths += [self._yardstick.worth(one, verdict) for one, verdict in zip(evidence, verdicts, strict=False)]
        self.verdicts += verdicts

    def right(self, at: int) -> bool:
        """Whether it was right on that interaction."""
        return self._yardstick.is_right(self._yardstick.evidence[at], self.verdicts[at])

    @property
    def share_right(self) -> float:
        """How often it was right; for pass and fail the mean over both."""
        if self._yardstick.is_score:
            return float(np.mean([self.right(at) for at in range(len(self.verdicts))]))
        return self.tried().agreement

    @property
    def cost(self) -> Cost:
        """What one interaction took, on average; those without an answer are left out."""
        answered = [verdict for verdict in self.verdicts if verdict.usage and verdict.status != "failed"]
        n = max(len(answered), 1)
        used = [verdict.usage for verdict in answered if verdict.usage]
        return Cost(
            calls=round(sum(usage.calls for usage in used) / n, 4),
            seconds=round(sum(verdict.latency_s or 0.0 for verdict in answered) / n, 6),
            tokens=round(sum(usage.prompt_tokens + usage.completion_tokens for usage in used) / n, 4),
        )

    def tried(self) -> Tried:
        """The record of it. Raises DataError when its agreement is undefined."""
        evidence, worths, lead = self._yardstick.evidence[: len(self.verdicts)], self.worths, self.lead
        figure = self._yardstick.agreement(evidence, worths)
        if not isinstance(figure, Estimate) and not self.is_whole:  # a class is missing in the first part
            figure = share(worths[~np.isnan(worths)] > 0)
        if not isinstance(figure, Estimate):
            raise DataError(f"the agreement is undefined: {figure.reason}")
        return Tried(
            what=self.variant.what,
            kind=self.variant.kind,
            judge=self.variant.judge.ref,
            agreement=figure.value,
            agreement_low=figure.low,
            agreement_high=figure.high,
            cost=self.cost,
            lead=lead.value if lead else None,
            lead_low=lead.low if lead else None,
            lead_high=lead.high if lead else None,
            p=lead.p if lead else None,
            n=int((self.open[: worths.size] & ~np.isnan(worths)).sum()),
            left_out=int(np.isnan(worths).sum()),
            dropped_after=None if self.is_whole else len(self.verdicts),
        )


def cost_rank(cost: Cost) -> tuple[int, int, int]:
    """What is compared when leads can't be told apart: seconds, then tokens, then calls, in steps of a quarter."""
    values = (max(cost.seconds, _LEAST_SECONDS), cost.tokens, cost.calls)
    seconds, tokens, calls = (math.floor(math.log(max(value, 1e-6), _STEP)) for value in values)
    return seconds, tokens, calls


def is_notably_cheaper(cost: Cost, than: Cost) -> bool:
    """Whether it takes at most two thirds of the time, and no more tokens; where time is nothing, of the tokens."""
    if than.seconds < _LEAST_SECONDS:
        return cost.tokens <= _NOTABLY * than.tokens
    return cost.seconds <= _NOTABLY * than.seconds and cost.tokens <= than.tokens


def _in_turns(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Shuffled by the hash of their ids, and the verdicts in turns: any first part of it is like the whole."""
    places: dict[str | float, list[Evidence]] = {}
    for one in sorted(evidence, key=lambda one: hashlib.sha256(one.interaction.id.encode()).digest()):
        places.setdefault(one.verdict, []).append(one)
    spaced = [
        ((number + 0.5) / len(group), str(verdict), number, one)
        for verdict, group in places.items()
        for number, one in enumerate(group)
    ]
    return [one for *_, one in sorted(spaced, key=lambda each: each[:3])]
