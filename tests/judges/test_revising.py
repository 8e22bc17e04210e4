import json

import msgspec
import pytest

from dikast.judges.criteria import Criterion, Example
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence
from dikast.judges.example_swaps import Disagreement
from dikast.judges.revising import MOST_CHANGES, NEW, places, read_revisions, revision_request
from dikast.judges.variants import variants
from dikast.models.endpoint import Reply
from dikast.records import Interaction, JudgeRef, Verdict

RULE = Criterion(name="right", description="Is it right?", levels={"pass": "It is.", "fail": "It is not."})
JUDGE = Judge(
    name="j",
    task="Decide it.",
    criteria=(RULE,),
    overall="only",
    examples=(
        Example(input="a", output="b", verdict="pass", critique="It says so in the rules."),
        Example(input="c", output="d", verdict="fail", critique="The rules say something else."),
    ),
)
FOUND = [
    Disagreement(
        Evidence(Interaction(id="t1", input="When?", output="Monday."), "fail", "The rules say Tuesday."),
        Verdict(id="t1", status="scored", verdict="pass", critique="It gives a day.", judge=JudgeRef("j", "v")),
    )
]


def reply(*changes: object) -> Reply:
    return Reply(text=json.dumps({"changes": changes}))


def change(place: str, text: str = "A new sentence.", *codes: str) -> dict[str, object]:
    return {"place": place, "text": text, "from": list(codes or ("D1",))}


def test_the_request_shows_rules_and_both_critiques() -> None:
    request = revision_request(JUDGE, FOUND)
    prompt = request.messages[-1].content
    for text in ("Is it right?", "The rules say Tuesday.", "It gives a day.", "When?", "Monday."):
        assert text in prompt
    assert request.schema is not None
    assert request.schema["properties"]["changes"]["items"]["properties"]["place"]["enum"] == places(JUDGE)


@pytest.mark.parametrize(
    ("place", "field"),
    [("task", "task"), ("right.question", "criteria"), ("right.fail", "criteria"), ("earns_nothing", "earns_nothing")],
)
def test_a_change_makes_a_judge_that_differs_there_alone(place: str, field: str) -> None:
    (made,) = read_revisions(reply(change(place)), JUDGE, FOUND)
    assert made.what == f"{place}: A new sentence."
    differing = [name for name in JUDGE.__struct_fields__ if getattr(JUDGE, name) != getattr(made.judge, name)]
    assert differing == [field]
    assert "A new sentence." in json.dumps(made.judge.to_dict())


@pytest.mark.parametrize(
    "given",
    [
        change("right.middle"),
        change("other.question"),
        change("task", ""),
        change("task", "A sentence.", "D9"),
        change("task", JUDGE.task),
        "text",
        {"place": "task"},
    ],
)
def test_what_cannot_be_made_or_is_unsupported_is_passed_over(given: object) -> None:
    assert read_revisions(reply(given), JUDGE, FOUND) == []


def test_no_more_changes_than_asked_for_and_none_twice() -> None:
    many = [change("task", f"Sentence {n % 5}.") for n in range(12)]
    assert len(read_revisions(reply(*many), JUDGE, FOUND)) == MOST_CHANGES
    assert read_revisions(Reply(text="none"), JUDGE, FOUND) == []


POOL = [
    Evidence(
        Interaction(id="p1", input="When is it?", output="Tuesday."), "pass", "The rules say Tuesday, and so it does."
    ),
    Evidence(Interaction(id="p2", input="Which day?", output="Friday."), "fail", "The rules know no Friday at all."),
]


@pytest.mark.parametrize(
    ("place", "inputs"),
    [
        ("P2", ["a", "c", "Which day?"]),
        ("P1 for E2", ["a", "When is it?"]),
        ("without E1", ["c"]),
    ],
)
def test_examples_are_added_swapped_and_taken_away(place: str, inputs: list[str]) -> None:
    (made,) = read_revisions(reply(change(place)), JUDGE, FOUND, POOL)
    assert [example.input for example in made.judge.examples] == inputs
    assert made.kind == "example"
    assert made.shown == {"t1"}
    prompt = revision_request(JUDGE, FOUND, POOL).messages[-1].content
    for text in ("### E2", "### P2", "The rules know no Friday at all."):
        assert text in prompt
    assert read_revisions(reply(change("P3")), JUDGE, FOUND, POOL) == []


@pytest.mark.parametrize(
    ("scale", "overall", "examples", "becomes"),
    [
        ("pass_fail", "only", False, "all"),
        ("pass_fail", "only", True, "own"),
        ("pass_fail", "own", True, "own"),
        ("1-5", "only", False, "weighted"),
    ],
)
def test_a_criterion_comes_and_goes(scale: str, overall: str, examples: bool, becomes: str) -> None:
    levels = RULE.levels if scale == "pass_fail" else {}
    judge = Judge.from_dict(
        {
            "name": "j",
            "task": "Decide it.",
            "scale": scale,
            "overall": overall,
            "criteria": [{"name": "right", "description": "Is it right?", "levels": levels}],
            "examples": [{"input": "a", "output": "b", "verdict": "pass", "critique": "So."}] if examples else [],
        }
    )
    (made,) = read_revisions(reply(change(NEW, "Polite_one: Is it polite?")), judge, FOUND)
    assert [(one.name, one.description) for one in made.judge.criteria][1] == ("polite_one", "Is it polite?")
    assert made.judge.overall == becomes
    assert made.kind == "criterion"
    (back,) = read_revisions(reply(change("without polite_one")), made.judge, FOUND)
    assert back.judge.criteria == judge.criteria
    (unnamed,) = read_revisions(reply(change(NEW, "Is it polite?")), judge, FOUND)
    assert unnamed.judge.criteria[1].name == "criterion_2"
    (twice,) = read_revisions(reply(change(NEW, "right: Is it polite?")), judge, FOUND)
    assert twice.judge.criteria[1].name == "right_2"


def test_the_last_criterion_stays_and_levels_of_a_scale_can_be_given_a_meaning() -> None:
    assert "without right" not in places(JUDGE)
    scores = Judge.from_dict(
        {"name": "s", "task": "Rate.", "scale": "1-3", "overall": "only", "criteria": [{"name": "right"}]}
    )
    assert {"right.1", "right.2", "right.3"} <= set(places(scores))
    (made,) = read_revisions(reply(change("right.2", "Half of it.")), scores, FOUND)
    assert made.judge.criteria[0].levels == {"2": "Half of it."}
    assert made.kind == "level"


def test_variants_differ_in_one_thing_each() -> None:
    found = variants(JUDGE)
    assert [each.what for each in found] == [
        "verdict first",
        "the verdict alone, from its token",
        "3 votes",
        "without thinking",
    ]
    assert len({each.judge.version for each in found} | {JUDGE.version}) == 5


@pytest.mark.parametrize(("votes", "others"), [(1, [3]), (3, [1, 5]), (5, [1, 3]), (7, [1, 5])])
def test_votes_go_up_and_down(votes: int, others: list[int]) -> None:
    found = variants(msgspec.structs.replace(JUDGE, votes=votes))
    assert [each.judge.votes for each in found if each.kind == "votes"] == others


@pytest.mark.parametrize(
    ("now", "thinks", "switch", "tried"),
    [
        ("default", True, True, ["off"]),
        ("default", None, None, ["off"]),
        ("default", False, None, []),
        ("default", False, True, ["on"]),
        ("off", None, None, ["on"]),
        ("off", False, None, []),
        ("on", True, True, ["off"]),
    ],
)
def test_thinking_is_tried_where_the_model_can(
    now: str, thinks: bool | None, switch: bool | None, tried: list[str]
) -> None:
    settings = msgspec.structs.replace(JUDGE.settings, thinking=now)
    found = variants(msgspec.structs.replace(JUDGE, settings=settings), thinks=thinks, switch=switch)
    assert [each.judge.settings.thinking for each in found if each.kind == "thinking"] == tried


def test_variants_of_a_fast_judge_write_again() -> None:
    fast = msgspec.structs.replace(JUDGE, fast=True, examples=())
    assert [each.what for each in variants(fast, thinks=False)] == ["a written critique before the verdict"]


def test_one_criterion_of_several_is_left_out() -> None:
    two = msgspec.structs.replace(JUDGE, criteria=(RULE, Criterion(name="kind")), overall="all", examples=())
    left = [each.judge.criteria for each in variants(two) if each.kind == "criterion"]
    assert [[one.name for one in criteria] for criteria in left] == [["kind"], ["right"]]
