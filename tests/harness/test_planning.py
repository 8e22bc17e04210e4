import pytest

from dikast.harness.planning import Price, forecast, survey
from dikast.records import Interaction, JudgeRef, Usage, Verdict

JUDGE = JudgeRef("j", "v")


def interactions(number: int, text: str = "four") -> list[Interaction]:
    return [Interaction(id=str(n), input=text, output=text) for n in range(number)]


def verdict(latency_s: float, prompt: int = 100, completion: int = 20, status: str = "scored") -> Verdict:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, calls=2)
    return Verdict(id="0", status=status, judge=JUDGE, latency_s=latency_s, usage=usage)


def test_a_survey_counts_measures_and_draws_without_favour() -> None:
    surveyed = survey(interactions(1000), 5)
    assert surveyed.interactions == 1000
    assert surveyed.mean_chars == 8  # "four" twice
    assert len({interaction.id for interaction in surveyed.drawn}) == 5
    hits = [0] * 20
    for seed in range(4000):
        for interaction in survey(interactions(20), 5, seed=seed).drawn:
            hits[int(interaction.id)] += 1
    # Each of 20 is drawn with chance 1/4: 1000 of 4000 times, standard deviation sqrt(4000 * 1/4 * 3/4) = 27.4.
    assert all(abs(hit - 1000) < 4 * 27.4 for hit in hits)


def test_fewer_than_asked_for_are_all_drawn() -> None:
    assert len(survey(interactions(2), 5).drawn) == 2
    assert survey([], 5).interactions == 0


def test_time_tokens_and_money_are_extrapolated() -> None:
    surveyed = survey(interactions(300), 3)
    made = forecast(surveyed, [verdict(60.0), verdict(2.0), verdict(4.0)], at_once=2, price=Price(2.5, 10.0))
    # The first has the loading of the model in it: (2 + 4) / 2 = 3 s each; 300 x 3 / 2 at once = 450 s.
    assert made.seconds_per_interaction == 3.0
    assert made.seconds == 450.0
    assert made.seconds_alone == 900.0
    assert (made.prompt_tokens, made.completion_tokens, made.calls) == (30_000, 6_000, 600)
    assert made.cost_usd == pytest.approx(30_000 * 2.5e-6 + 6_000 * 10e-6)
    assert made.samples == ()


def test_longer_interactions_than_those_tried_cost_more_tokens() -> None:
    surveyed = survey(interactions(10), 10)
    longer = survey([*interactions(10), *interactions(10, "four" * 3)], 20)
    short = forecast(surveyed, [verdict(1.0)], at_once=1, price=None)
    mixed = forecast(
        type(longer)(interactions=20, mean_chars=longer.mean_chars, drawn=surveyed.drawn),
        [verdict(1.0)],
        at_once=1,
        price=None,
    )
    assert short.prompt_tokens == 1000
    assert mixed.prompt_tokens == 2 * 2 * 1000  # twice as many, and twice as long on average
    assert mixed.cost_usd is None


def test_past_four_hours_samples_are_offered_with_the_interval_they_would_give() -> None:
    made = forecast(survey(interactions(500), 1), [verdict(120.0)], at_once=1, price=None)
    assert made.seconds == 60_000
    assert [sample.n for sample in made.samples] == [100, 200, 400]
    first = made.samples[0]
    assert first.seconds == 12_000
    # Wilson, 80 of 100: centre (0.8 + 1.92/100) / (1 + 3.84/100) = 0.7889, half-width 0.0778.
    assert first.interval_at_80_percent == pytest.approx((0.7112, 0.8666), abs=1e-4)


def test_what_could_not_be_read_is_counted() -> None:
    made = forecast(survey(interactions(2), 2), [verdict(1), verdict(1, status="unparsed")], at_once=1, price=None)
    assert made.unreadable == 1
