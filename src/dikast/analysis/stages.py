"""How far a cascade's interactions went: how many came to each stage, how many ended there, and what it took."""

from __future__ import annotations

from dataclasses import dataclass, field

from dikast.judges.cascade import PERSON
from dikast.judges.escalating import is_short, trail_of
from dikast.records import Verdict

_MOST = 20  # stages that are told apart


@dataclass(frozen=True, slots=True)
class StageCount:
    """One stage. asked: interactions that came to it; ended: those that went no further; unanswered: no verdict.

    cost_usd: None where a price isn't known. leaves: whether asking it left this machine and its network.
    """

    name: str
    model: str
    asked: int
    ended: int
    unanswered: int
    seconds: float
    tokens: int
    cost_usd: float | None
    leaves: bool


@dataclass(frozen=True, slots=True)
class Stages:
    """A cascade's run. n: its interactions. person: how many wait for a person. short: how many should have been judged
    by a later stage that gave no verdict.
    """

    n: int
    stages: tuple[StageCount, ...]
    person: int
    short: int


@dataclass
class _Count:
    model: str = ""
    asked: int = 0
    ended: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    tokens: int = 0
    cost_usd: float | None = 0.0
    leaves: bool = False


@dataclass
class StageTally:
    """Counts verdicts as they come; those of no cascade are passed over."""

    n: int = 0
    person: int = 0
    short: int = 0
    counts: dict[str, _Count] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        trail = trail_of(verdict)
        if trail is None:
            return
        self.n += 1
        self.person += trail.get("ended") == PERSON
        self.short += is_short(verdict)
        for told in trail["stages"]:
            name = str(told.get("stage"))
            if name not in self.counts and len(self.counts) >= _MOST:
                continue
            one = self.counts.setdefault(name, _Count())
            one.model = told.get("model") or one.model
            one.asked += 1
            one.ended += trail.get("ended") == name
            one.unanswered += told.get("status") != "scored"
            one.seconds += told.get("latency_s") or 0.0
            one.tokens += (told.get("prompt_tokens") or 0) + (told.get("completion_tokens") or 0)
            cost = told.get("cost_usd")
            one.cost_usd = None if cost is None or one.cost_usd is None else one.cost_usd + cost
            one.leaves = one.leaves or told.get("leaves") is True

    def stages(self) -> Stages | None:
        """What was counted; None where no verdict is a cascade's."""
        if not self.n:
            return None
        made = tuple(
            StageCount(
                name=name,
                model=one.model or "not named",
                asked=one.asked,
                ended=one.ended,
                unanswered=one.unanswered,
                seconds=one.seconds,
                tokens=one.tokens,
                cost_usd=one.cost_usd,
                leaves=one.leaves,
            )
            for name, one in self.counts.items()
        )
        return Stages(self.n, tuple(sorted(made, key=lambda one: -one.asked)), self.person, self.short)
