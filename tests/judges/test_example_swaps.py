"""Which examples may come in, and which are suspected of misleading."""

import msgspec

from dikast.judges.criteria import Criterion, Example
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence
from dikast.judges.example_swaps import Disagreement, example_swaps, usable_pool
from dikast.records import Interaction, JudgeRef, Verdict

JUDGE = Judge(
    name="j",
    task="Decide it.",
    examples=(
        Example(
            input="How do I pay by card?", output="At the till.", verdict="pass", critique="Names the place to pay."
        ),
        Example(input="May I return a game?", output="Of course!", verdict="pass", critique="It is friendly."),
        Example(input="Where is the shop?", output="On the moon.", verdict="fail", critique="There is no shop there."),
    ),
)


def one(
    id: str, input: str, verdict: str, output: str = "Of course!", critique: str = "The rules say another thing."
) -> Evidence:
    return Evidence(Interaction(id=id, input=input, output=output), verdict, critique)


def said(evidence: Evidence, verdict: str) -> Disagreement:
    made = Verdict(id=evidence.interaction.id, status="scored", verdict=verdict, judge=JudgeRef("j", "v"))  # type: ignore[arg-type]
    return Disagreement(evidence, made)


FOUND = [
    said(one("d1", "May I return an opened game?", "fail"), "pass"),
    said(one("d2", "May I return a game that I played?", "fail"), "pass"),
]
RIGHT = [said(one("d3", "How do I pay by cheque?", "pass", "At the till."), "pass")]
POOL = [
    one("p1", "Can a used game be returned?", "fail"),
    one("p2", "Can a used game come back?", "pass"),
    one("p3", "Is there a car park?", "fail", "No."),
]


def test_the_example_most_like_the_mistakes_goes_and_the_most_alike_of_the_pool_comes() -> None:
    found = example_swaps(JUDGE, FOUND, RIGHT, POOL)
    whats = [each.what for each in found]
    assert whats[0] == "without example 2"
    assert "p1 as one example more" in whats
    assert "p1 in place of example 2" in whats
    assert not [what for what in whats if "p2" in what]  # what the expert passed is no lesson for a fail
    assert {each.kind for each in found} == {"example"}
    swapped = next(each.judge for each in found if each.what == "p1 in place of example 2")
    assert [example.input for example in swapped.examples][1] == "Can a used game be returned?"


def test_without_a_pool_examples_only_go() -> None:
    assert example_swaps(JUDGE, FOUND, RIGHT, [])[0].what == "without example 2"
    assert all(each.what.startswith("without") for each in example_swaps(JUDGE, FOUND, RIGHT, []))
    own = Judge.from_dict({"name": "own", "prompt": "Judge {output} to {input}. Say pass or fail."})
    assert example_swaps(own, FOUND, RIGHT, POOL) == []


def test_a_verdict_alone_is_no_example_where_criteria_are_scored() -> None:
    scored = msgspec.structs.replace(
        JUDGE, criteria=(Criterion(name="x"), Criterion(name="y")), overall="all", examples=()
    )
    assert example_swaps(scored, FOUND, RIGHT, POOL) == []


def test_the_pool_is_what_is_explained_and_unlike_all_that_is_tried() -> None:
    dev = [one("d1", "May I return an opened game?", "fail")]
    pool = [
        one("d1", "Something else", "fail"),  # the same id
        one("same", "May I return an opened game?", "fail"),  # the same content
        one("near", "May I return an opened game??", "fail"),
        one("terse", "Can a used game be returned?", "fail", critique="No."),
        one("good", "Can a used game be returned?", "fail"),
    ]
    assert [each.interaction.id for each in usable_pool(pool, dev, JUDGE)] == ["good"]
    assert usable_pool([], dev, JUDGE) == []
    pairs = Judge(
        name="p", task="Choose.", mode="pairwise", scale=msgspec.convert({"kind": "preference"}, type(JUDGE.scale))
    )
    assert usable_pool(pool, dev, pairs) == []
