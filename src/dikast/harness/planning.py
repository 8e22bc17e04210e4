"""What a run will take, from a few real calls: minutes, tokens, money; and what would make it shorter."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import msgspec

from dikast.agreement.proportion import wilson
from dikast.records import Interaction, Verdict, text_of

LONG_S = 4 * 3600  # from here on, what would shorten a run is worth saying
_LIKELY_RATE = 0.8  # the pass rate at which the interval of a sample is shown; at 0.5 it is a quarter wider
_SAMPLES = (100, 200, 400, 1000)


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset at a glance: how many, how long, and a few of them drawn at random."""

    interactions: int
    mean_chars: float
    drawn: tuple[Interaction, ...]


class Price(msgspec.Struct, frozen=True):
    """US dollars for a million tokens."""

    prompt: float
    completion: float


class SampleForecast(msgspec.Struct, frozen=True, kw_only=True):
    """What judging only n interactions, drawn at random, would take and tell."""

    n: int
    seconds: float
    interval_at_80_percent: tuple[float, float]


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the whole run will take.

    seconds: of wall time with `at_once` calls under way, if the server really works on that many at once;
    seconds_alone: with one. Tokens are extrapolated by the texts' lengths. cost_usd is None when the price isn't known.
    """

    interactions: int
    measured: int
    seconds_per_interaction: float
    at_once: int
    seconds: float
    seconds_alone: float
    prompt_tokens: int
    completion_tokens: int
    calls: int
    cost_usd: float | None
    unreadable: int
    samples: tuple[SampleForecast, ...] = ()


def survey(interactions: Iterable[Interaction], draw: int, *, seed: int = 0) -> Survey:
    """One pass over a dataset; `draw` interactions are kept, each with the same chance (Vitter 1985, algorithm R)."""
    drawn: list[Interaction] = []
    number, chars = 0, 0
    dice = random.Random(seed)
    for number, interaction in enumerate(interactions, start=1):
        chars += _length(interaction)
        if len(drawn) < draw:
            drawn.append(interaction)
        elif (place := dice.randrange(number)) < draw:
            drawn[place] = interaction
    return Survey(interactions=number, mean_chars=chars / max(number, 1), drawn=tuple(drawn))


def forecast(surveyed: Survey, verdicts: Sequence[Verdict], *, at_once: int, price: Price | None) -> Forecast:
    """Extrapolate the verdicts of the drawn interactions, in the order in which they were asked, to the whole dataset.

    The first is left out of the time when there are others: loading the model is in it.
    """
    timed = [verdict.latency_s or 0.0 for verdict in verdicts]
    timed = timed[1:] or timed
    each = sum(timed) / len(timed)
    usages = [verdict.usage for verdict in verdicts if verdict.usage]
    asked = max(len(usages), 1)
    drawn_chars = sum(map(_length, surveyed.drawn)) / max(len(surveyed.drawn), 1)
    longer = surveyed.mean_chars / drawn_chars if drawn_chars else 1.0
    prompt = sum(usage.prompt_tokens for usage in usages) / asked * longer * surveyed.interactions
    completion = sum(usage.completion_tokens for usage in usages) / asked * surveyed.interactions
    seconds = each * surveyed.interactions / at_once
    return Forecast(
        interactions=surveyed.interactions,
        measured=len(verdicts),
        seconds_per_interaction=each,
        at_once=at_once,
        seconds=seconds,
        seconds_alone=each * surveyed.interactions,
        prompt_tokens=round(prompt),
        completion_tokens=round(completion),
        calls=round(sum(usage.calls for usage in usages) / asked * surveyed.interactions),
        cost_usd=None if price is None else (prompt * price.prompt + completion * price.completion) / 1e6,
        unreadable=sum(verdict.status == "unparsed" for verdict in verdicts),
        samples=_samples(surveyed.interactions, each / at_once) if seconds > LONG_S else (),
    )


def _samples(interactions: int, seconds_each: float) -> tuple[SampleForecast, ...]:
    made = []
    for n in _SAMPLES:
        if n < interactions:
            rate = wilson(round(n * _LIKELY_RATE), n)
            made.append(SampleForecast(n=n, seconds=n * seconds_each, interval_at_80_percent=(rate.low, rate.high)))
    return tuple(made)


def _length(interaction: Interaction) -> int:
    parts = (interaction.input, interaction.output, interaction.output_a, interaction.output_b, interaction.context)
    return sum(len(text_of(part)) for part in (*parts, interaction.reference))
