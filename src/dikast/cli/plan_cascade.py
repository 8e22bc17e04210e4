"""`dikast plan` for a cascade: each stage tried on the same few interactions, and how many would come to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from dikast.agreement.estimate import Estimate, as_json
from dikast.agreement.wilson import wilson
from dikast.cli.progress import duration, tell
from dikast.harness.planning import Forecast, Price, Survey, forecast
from dikast.journey.escalating import check_cloud
from dikast.journey.running import RunPlan, blocking, try_out
from dikast.judges.cascade import Cascade, Stage
from dikast.models.endpoint import Facts
from dikast.records import Verdict


@dataclass(frozen=True)
class StageForecast:
    """A stage, what judging every interaction with it would take, and the share that comes to it."""

    stage: Stage
    whole: Forecast
    share: Estimate

    @property
    def seconds(self) -> tuple[float, float, float]:
        """Of wall time for what comes to it: likely, at the least, at the most."""
        seconds, share = self.whole.seconds, self.share
        return seconds * share.value, seconds * share.low, seconds * share.high

    def cost_usd(self, share: float) -> float | None:
        """What it costs when this share comes to it; None where its price isn't known."""
        cost = self.stage.cost_usd(self.whole.prompt_tokens, self.whole.completion_tokens)
        return None if cost is None else cost * share


def plan_cascade(plan: RunPlan, cascade: Cascade, surveyed: Survey) -> tuple[list[StageForecast], Estimate | None]:
    """Each stage's forecast, and the share that a person would get; None without one.

    Every stage is asked of all that was drawn; their answers are kept. Raises PolicyError for a stage that leaves.
    """
    named = cascade.with_models(plan.settings.model, plan.settings.base_url)
    check_cloud(named, plan.settings)
    found: list[StageForecast] = []
    here = list(range(len(surveyed.drawn)))
    for stage in named.asked:
        assert stage.judge is not None
        settings = dataclasses.replace(plan.settings, model=stage.model, base_url=stage.base_urls)
        tell(f"{stage.name} ({stage.model}): trying {len(surveyed.drawn)} of {surveyed.interactions} interactions ...")
        own = dataclasses.replace(plan, judge=stage.judge, settings=settings)
        verdicts, facts = blocking(try_out(own, surveyed.drawn, tell=tell))
        found.append(_forecast(stage, surveyed, verdicts, facts, len(here) if found else None, settings.concurrency))
        here = [place for place in here if stage.why_on(verdicts[place]) is not None]
    return found, wilson(len(here), len(surveyed.drawn)) if named.has_person else None


def _forecast(
    stage: Stage, surveyed: Survey, verdicts: Sequence[Verdict], facts: Facts, came: int | None, concurrency: int | None
) -> StageForecast:
    at_once = concurrency or facts.capabilities.slots or 1
    price = Price(stage.price.prompt, stage.price.completion) if stage.price else None
    whole = forecast(surveyed, verdicts, at_once=at_once, price=price)
    n = len(surveyed.drawn)
    return StageForecast(stage, whole, Estimate(1.0, 1.0, 1.0, n, "all") if came is None else wilson(came, n))


def cascade_lines(found: Sequence[StageForecast], person: Estimate | None) -> list[str]:
    """The forecast in plain lines."""
    lines = []
    for one in found:
        likely, least, most = one.seconds
        money = one.cost_usd(one.share.value)
        lines.append(f"{one.stage.name}: {one.stage.model}, {one.whole.seconds_per_interaction:.1f} s each")
        lines.append(f"  comes to it  {_share(one.share)} of {one.whole.interactions:,} interactions")
        span = "" if one.share.low == one.share.high else f" ({duration(least)} to {duration(most)})"
        lines.append(f"  time         {duration(likely)}{span}, {one.whole.at_once} at a time")
        lines.append(f"  money        {_money(money, one)}")
        if one.whole.unreadable:
            lines.append(f"  note         {one.whole.unreadable} of {one.whole.measured} answers could not be read")
    if person is not None:
        lines.append(f"a person\n  comes to one {_share(person)}")
    total = sum(one.seconds[0] for one in found)
    lines.append(f"in all: up to {duration(total)}, less where stages on different servers work side by side")
    return lines


def cascade_json(found: Sequence[StageForecast], person: Estimate | None, cascade: Cascade) -> dict[str, Any]:
    """The forecast as JSON values."""
    stages = [
        {
            "stage": one.stage.name,
            "model": one.stage.model,
            "leaves": one.stage.leaves,
            "share": as_json(one.share),
            "seconds": dict(zip(("likely", "low", "high"), one.seconds, strict=True)),
            "cost_usd": one.cost_usd(one.share.value),
            "whole": msgspec.to_builtins(one.whole),
        }
        for one in found
    ]
    return {"judge": cascade.ref, "stages": stages, "person": as_json(person) if person else None}


def _share(share: Estimate) -> str:
    if share.low == share.high:
        return "all"
    return f"{share.value:.0%} (95 % interval {share.low:.0%} to {share.high:.0%}, from {share.n} tried)"


def _money(money: float | None, one: StageForecast) -> str:
    if money is None:
        return "not known: add price: [IN, OUT] to the stage, in dollars for a million tokens"
    if not one.stage.leaves and one.stage.price is None:
        return "none: it runs on your own machines"
    low, high = one.cost_usd(one.share.low) or 0.0, one.cost_usd(one.share.high) or 0.0
    return f"${money:,.2f} (${low:,.2f} to ${high:,.2f})"
