"""Whole refinements, over a model that follows a rule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dikast.errors import EndpointRefused, PromptTooLong
from dikast.judges.criteria import Criterion, Example
from dikast.judges.definition import Judge, ModelSettings
from dikast.judges.history import Session
from dikast.judges.scale import Scale
from dikast.models.endpoint import Request
from dikast.refining import Plan, Refining

CRITERION = Criterion(name="day", description="Is the day right?", levels={"pass": "It is.", "fail": "It is not."})
JUDGE = Judge(name="dates", task="Decide it.", criteria=(CRITERION,), overall="only")


def chance(*parts: object) -> float:
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:8], 16) / 16**8


def verdict_first(rules: str) -> bool:
    """Whether the answer's form puts the verdict before the critique."""
    return -1 < rules.find('"verdict"') < rules.find('"reasoning"')


def answer(verdict: str) -> dict[str, str]:
    return {"reasoning": f"By the rules it is a {verdict}.", "verdict": verdict}


async def refined(
    bench: Any, rule: Any, evidence: Any, judge: Judge = JUDGE, **plan: Any
) -> tuple[Judge, Session, list[Request]]:
    made = await bench(rule)
    found = await Refining(made, "rule", evidence, Plan(**plan), tell=lambda line: None).refine(judge)
    return found.judge, found.session, made.endpoints[0].requests


def by_the_rules(rules: str, item: str, request: Request) -> object:
    """Passes everything unless the rules mention Tuesday."""
    if "The expert said" in item:
        return "none"
    return answer("fail" if "Tuesday" in rules and "On Monday" in item else "pass")


@pytest.mark.parametrize(
    ("place", "text", "kind"),
    [
        ("day.fail", "It names another day than Tuesday.", "level"),
        ("day.question", "Does it name Tuesday?", "criterion"),
        ("new criterion", "tuesday: Does it name Tuesday?", "criterion"),
        ("task", "Decide whether it names Tuesday.", "wording"),
    ],
)
async def test_what_the_model_proposes_is_kept_where_it_helps(
    bench: Any, evidence: Any, place: str, text: str, kind: str
) -> None:
    def rule(rules: str, item: str, request: Request) -> object:
        if "The expert said" in item:
            useless = {"place": "earns_nothing", "text": "A friendly tone.", "from": ["D1"]}
            return {"changes": [useless, {"place": place, "text": text, "from": ["D1"]}]}
        said = by_the_rules(rules, item, request)
        assert isinstance(said, dict)
        return said | {"day": said["verdict"], "tuesday": said["verdict"]}

    judge, session, _ = await refined(bench, rule, evidence(40))
    assert text.partition(": ")[2] or text in str(judge.to_dict())
    assert (session.end, session.first.agreement, session.last.agreement) == ("agreed", 0.5, 1.0)
    assert session.last.kind == kind
    (only,) = session.rounds
    assert [flip.id for flip in only.fixed] == [f"t{n}" for n in range(0, 40, 2)]
    assert only.fixed[0].before.critique == "By the rules it is a pass."
    assert only.fixed[0].after.critique == "By the rules it is a fail."
    assert only.broken == ()
    assert only.changes


async def test_a_proposal_is_not_tested_on_what_the_model_saw(bench: Any, evidence: Any) -> None:
    """A sentence that names the very items that were shown fixes them, and that counts for nothing."""

    def rule(rules: str, item: str, request: Request) -> object:
        if "The expert said" in item:
            named = [f"When {n}?" for n in range(0, 60, 2) if f"Input: When {n}?" in item]
            return {"changes": [{"place": "task", "text": " ".join(["Fail", *named]), "from": ["D1"]}]}
        wrong = any(f"When {n}?" in rules and f"When {n}?" in item for n in range(0, 60, 2))
        return answer("fail" if wrong else "pass")

    judge, session, _ = await refined(bench, rule, evidence(60))
    assert session.end == "converged"
    assert judge == JUDGE
    tried = next(each for each in session.rounds[0].tried if each.what.startswith("task: Fail"))
    assert tried.lead is not None
    assert tried.lead <= 0


@pytest.mark.parametrize(
    ("judge", "helps", "kind"),
    [
        (JUDGE, lambda rules, request: verdict_first(rules), "order"),
        (
            msgspec.structs.replace(JUDGE, settings=ModelSettings(thinking="off")),
            lambda rules, request: request.thinking == "on",
            "thinking",
        ),
        (JUDGE, lambda rules, request: request.sample > 0 or request.temperature > 0, "votes"),
        (
            msgspec.structs.replace(JUDGE, criteria=(CRITERION, Criterion(name="polite")), overall="all"),
            lambda rules, request: "polite" not in rules,
            "criterion",
        ),
    ],
)
async def test_plain_search_finds_the_setting_that_helps(
    bench: Any, evidence: Any, judge: Judge, helps: Callable[..., bool], kind: str
) -> None:
    def rule(rules: str, item: str, request: Request) -> object:
        assert "The expert said" not in item  # the model is asked for nothing
        verdict = "fail" if "On Monday" in item and helps(rules, request) else "pass"
        return answer(verdict) | {"day": verdict, "polite": verdict}

    made = await bench(rule)
    known = made.facts[0].capabilities
    facts = msgspec.structs.replace(made.facts[0], capabilities=msgspec.structs.replace(known, thinks=None))
    object.__setattr__(made, "facts", [facts])
    found = await Refining(made, "rule", evidence(60), Plan(propose=False), tell=lambda line: None).refine(judge)
    assert found.session.last.agreement == 1.0
    assert found.session.last.kind == kind


async def test_examples_come_from_the_pool_and_never_from_what_it_is_tried_on(bench: Any, evidence: Any) -> None:
    """One that misleads is put out for one of the pool; dev items in the pool, and their likes, are passed over."""

    def rule(rules: str, item: str, request: Request) -> object:
        helped = "The rules exclude Monday" in rules and "Any day will do" not in rules
        return answer("fail" if helped and "On Monday" in item else "pass")

    dev = evidence(40)
    misled = Example(input="When 2?", output="On Monday", verdict="pass", critique="Any day will do here.")
    good = msgspec.structs.replace(
        dev[0],
        interaction=msgspec.structs.replace(dev[0].interaction, id="pool", input="Which weekday is my delivery?"),
        critique="The rules exclude Monday for every delivery.",
    )
    seen = msgspec.structs.replace(good, interaction=dev[2].interaction)
    near = msgspec.structs.replace(good, interaction=msgspec.structs.replace(dev[4].interaction, id="near"))
    judge = msgspec.structs.replace(JUDGE, examples=(misled,))
    found, session, requests = await refined(bench, rule, dev, judge, pool=(seen, near, good), propose=False, rounds=1)
    assert session.last.kind == "example"
    assert session.last.what == "pool in place of example 1"
    assert [example.critique for example in found.examples] == ["The rules exclude Monday for every delivery."]
    rules = "\n".join({request.messages[0].content for request in requests})
    assert dev[2].interaction.input not in rules.replace(str(misled.input), "")
    assert dev[4].interaction.input not in rules


async def test_scores_are_refined_by_closeness(bench: Any, evidence: Any) -> None:
    judge = Judge(name="scores", task="Rate it.", scale=Scale.of("1-5"))

    def rule(rules: str, item: str, request: Request) -> object:
        if "The expert said" in item:
            return {"changes": [{"place": "task", "text": "Rate it; Monday is a 2.", "from": ["D1"]}]}
        return {"reasoning": "So.", "overall": 2 if "Monday is" in rules and "Monday" in item else 5}

    found, session, _ = await refined(bench, rule, evidence(40, verdicts=(1.0, 5.0)), judge)
    assert found.task == "Rate it; Monday is a 2."
    assert session.first.agreement == pytest.approx(0.5)
    assert session.last.agreement == pytest.approx(0.875)
    assert session.measure.startswith("closeness")
    assert session.rounds[0].fixed == ()  # nearer, and still not the expert's score
    assert session.end == "converged"


async def test_pairs_are_refined(bench: Any, evidence: Any) -> None:
    judge = Judge(name="pairs", task="Choose.", mode="pairwise", scale=Scale.of("preference"))
    dev = [
        msgspec.structs.replace(
            one,
            interaction=msgspec.structs.replace(
                one.interaction,
                output=None,
                output_a=("good" if n % 2 else "bad"),
                output_b=("bad" if n % 2 else "good"),
            ),
            verdict="a" if n % 2 else "b",
        )
        for n, one in enumerate(evidence(40))
    ]

    def rule(rules: str, item: str, request: Request) -> object:
        if "The expert said" in item:
            return {"changes": [{"place": "task", "text": "Choose the good one.", "from": ["D1"]}]}
        first = item.index("good") < item.index("bad")
        return {"reasoning": "So.", "verdict": ("a" if first else "b") if "the good one" in rules else "tie"}

    found, session, _ = await refined(bench, rule, dev, judge)
    assert found.task == "Choose the good one."
    assert (session.first.agreement, session.last.agreement) == (0.0, 1.0)
    assert session.measure == "the share that is right"


async def test_nothing_is_kept_where_nothing_helps(bench: Any, evidence: Any) -> None:
    """Each change makes the model answer anew, as well as before: chance alone decides who leads."""
    for seed in range(6):

        def rule(rules: str, item: str, request: Request, seed: int = seed) -> object:
            if "The expert said" in item:
                return {"changes": [{"place": "task", "text": f"Decide {n}.", "from": ["D1"]} for n in range(4)]}
            right = "fail" if "On Monday" in item else "pass"
            wrong = {"pass": "fail", "fail": "pass"}[right]
            return answer(right if chance(seed, rules, item, request.thinking) < 0.75 else wrong)

        judge, session, requests = await refined(bench, rule, evidence(48), margin=0.0)
        assert session.end == "converged"
        assert judge == JUDGE
        whole = 48 * (1 + len(session.rounds[0].tried) + 2 * sum("votes" in t.what for t in session.rounds[0].tried))
        assert len(requests) < 0.8 * whole  # most are given up early


async def test_of_changes_that_lead_alike_the_cheapest_is_kept(bench: Any, evidence: Any) -> None:
    def rule(rules: str, item: str, request: Request) -> object:
        if "The expert said" in item:
            texts = ("Fail what names Monday. " + "Look again with great care. " * 60, "Fail what names Monday.")
            return {"changes": [{"place": "task", "text": text, "from": ["D1"]} for text in texts]}
        return answer("fail" if "names Monday" in rules and "On Monday" in item else "pass")

    judge, session, _ = await refined(bench, rule, evidence(40))
    assert judge.task == "Fail what names Monday."
    assert "costs more" in session.rounds[0].word or "cost no less" in session.rounds[0].word


async def test_as_good_and_notably_cheaper_is_kept_with_a_word(bench: Any, evidence: Any) -> None:
    """Votes that change nothing go; the verdict without a critique is only named. Without a margin nothing is kept."""
    judge = msgspec.structs.replace(JUDGE, votes=3)

    def rule(rules: str, item: str, request: Request) -> object:
        right = "fail" if "On Monday" in item else "pass"
        return answer("pass" if chance(item) < 0.25 else right)

    dev = evidence(240)
    found, session, _ = await refined(bench, rule, dev, judge, propose=False)
    assert found.votes == 1
    first = session.rounds[0]
    assert first.why == "cheaper"
    assert "as good within 5%" in first.word
    assert first.tried[0].cost.calls >= 1
    kept, again, _ = await refined(bench, rule, dev, judge, propose=False, margin=0.0)
    assert kept == judge
    assert again.end == "converged"


async def test_it_stops_where_it_agrees_and_when_rounds_are_used_up(bench: Any, evidence: Any) -> None:
    def right(rules: str, item: str, request: Request) -> object:
        return answer("fail" if "On Monday" in item else "pass")

    _, session, requests = await refined(bench, right, evidence(40))
    assert (session.end, session.rounds, len(requests)) == ("agreed", (), 40)

    def step_by_step(rules: str, item: str, request: Request) -> object:
        if "The expert said" in item:
            return {"changes": [{"place": "earns_nothing", "text": f"Rule {item.count('Rule')}.", "from": ["D1"]}]}
        number = int(item.partition("When ")[2].partition("?")[0])
        return answer("fail" if number % 2 == 0 and number < 50 * rules.count("Rule") else "pass")

    _, session, _ = await refined(bench, step_by_step, evidence(200), rounds=1)
    assert session.end == "rounds"
    assert "used up" in session.end_words
    _, session, _ = await refined(bench, step_by_step, evidence(200), rounds=9)
    assert session.end == "agreed"
    assert [each.number for each in session.rounds] == [1, 2, 3, 4][: len(session.rounds)]
    assert len(session.versions) >= 4


async def test_what_no_server_answers_is_left_out_and_a_refused_change_given_up(bench: Any, evidence: Any) -> None:
    def rule(rules: str, item: str, request: Request) -> object:
        if "When 7?" in item:
            raise PromptTooLong("too long")
        if verdict_first(rules):
            raise EndpointRefused("not this way")
        return answer("pass")

    _, session, _ = await refined(bench, rule, evidence(40), propose=False)
    assert session.end == "converged"
    assert session.first.left_out == 1
    assert session.first.agreement == 0.5
    assert "verdict first" not in [each.what for each in session.rounds[0].tried]


async def test_a_model_that_proposes_nonsense_is_asked_once_more(bench: Any, evidence: Any) -> None:
    asked = []

    def rule(rules: str, item: str, request: Request) -> object:
        if "The expert said" in item:
            asked.append(request.sample)
            return "I would not change a thing." if request.sample == 0 else json.dumps({"changes": []})
        return answer("pass")

    _, session, _ = await refined(bench, rule, evidence(40))
    assert asked == [0, 1]
    assert session.end == "converged"
