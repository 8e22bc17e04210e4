import json

import msgspec
import pytest

from dikast.judges.criteria import Criterion, Example
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence
from dikast.judges.revising import Disagreement, places, read_revisions, revision_request
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
    assert len(read_revisions(reply(*many), JUDGE, FOUND)) == 3
    assert read_revisions(Reply(text="none"), JUDGE, FOUND) == []


def test_variants_differ_in_one_thing_each() -> None:
    found = variants(JUDGE)
    assert [each.what for each in found] == [
        "verdict first",
        "the verdict alone, from its token",
        "3 votes",
        "without thinking",
        "without example 1",
        "without example 2",
    ]
    assert len({each.judge.version for each in found} | {JUDGE.version}) == 7
    assert "without thinking" not in [each.what for each in variants(JUDGE, thinks=False)]


def test_variants_of_a_fast_judge_write_again() -> None:
    fast = msgspec.structs.replace(JUDGE, fast=True, examples=())
    assert [each.what for each in variants(fast, thinks=False)] == ["a written critique before the verdict"]
