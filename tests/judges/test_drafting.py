import json

import pytest

from dikast.judges.drafting import MOST_CRITERIA, NoDraft, draft_request, read_draft
from dikast.judges.evidence import Evidence
from dikast.models.endpoint import Reply
from dikast.records import Interaction

SEEN = [
    Evidence(Interaction(id="t1", input="When?", output="On Monday {soon}."), "fail", "The rules say Tuesday."),
    Evidence(Interaction(id="t2", input="發票？", output="可以。" * 2000), "pass", "說明了統一編號要填在哪裡。"),
]
RULE = {"name": "Right date", "question": "Is the date right?", "pass": "It is in the rules.", "fail": "Another date."}


def reply(text: object, finish: str = "stop") -> Reply:
    return Reply(text=text if isinstance(text, str) else json.dumps(text), finish=finish)  # type: ignore[arg-type]


def draft(*criteria: object) -> dict[str, object]:
    return {"task": "Decide it.", "criteria": list(criteria), "earns_nothing": ["length"]}


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_the_request_shows_every_critique_and_cuts_long_texts(language: str) -> None:
    request = draft_request(SEEN, language)  # type: ignore[arg-type]
    prompt = request.messages[-1].content
    for one in SEEN:
        assert one.critique in prompt
    assert "On Monday {soon}." in prompt
    assert "[...]" in prompt
    assert len(prompt) < 6000
    assert request.schema is not None
    assert request.schema["properties"]["criteria"]["items"]["properties"]["from"]["items"]["enum"] == ["I1", "I2"]


def test_a_draft_names_the_interactions_that_support_it() -> None:
    made = read_draft(reply(draft({**RULE, "from": ["I1", "I9", "I1"]}, {**RULE, "name": "other", "from": []})), SEEN)
    assert made.task == "Decide it."
    assert made.earns_nothing == ("length",)
    first, second = made.criteria
    assert first.criterion.name == "right_date"
    assert first.criterion.levels == {"pass": "It is in the rules.", "fail": "Another date."}
    assert first.supported_by == ("t1",)
    assert second.supported_by == ()


def test_thinking_and_prose_around_a_draft_do_not_matter() -> None:
    text = f"<think>{{maybe}}</think>Here you are:\n```json\n{json.dumps(draft({**RULE, 'from': 'I2'}))}\n```"
    assert read_draft(reply(text), SEEN).criteria[0].supported_by == ("t2",)


def test_criteria_that_say_nothing_or_come_twice_are_left_out() -> None:
    broken = [{**RULE, "fail": ""}, {**RULE, "name": "overall"}, "text", None, {**RULE, "question": None}]
    made = read_draft(reply(draft(*broken, {**RULE, "from": ["I1"]}, {**RULE, "from": ["I2"]})), SEEN)
    assert [each.criterion.name for each in made.criteria] == ["right_date"]
    many = [{**RULE, "name": f"rule {n}", "from": ["I1"]} for n in range(9)]
    assert len(read_draft(reply(draft(*many)), SEEN).criteria) == MOST_CRITERIA


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("I can't.", "no JSON object"),
        ('{"criteria": [', "no JSON object"),
        ({"criteria": []}, "no criterion"),
        ({"criteria": "none"}, "no criterion"),
        ({"task": "x"}, "no JSON object"),
    ],
)
def test_what_is_no_draft_says_why(text: object, says: str) -> None:
    with pytest.raises(NoDraft, match=says):
        read_draft(reply(text), SEEN)
    if text == '{"criteria": [':
        with pytest.raises(NoDraft, match="cut off"):
            read_draft(reply(text, "length"), SEEN)
