"""The form of an answer: schema, reading, the verdict token's distribution, swapping back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.judges.definition import Judge
from dikast.judges.scale import Misread

TASK = "Decide whether the reply answers the question."


def judge(**given: Any) -> Judge:
    return Judge.from_dict({"name": "j", "task": TASK, **given})


CRITERIA = [{"name": "correct", "weight": 3}, {"name": "clear"}]
FORMS = {
    "plain pass/fail": judge(),
    "one criterion": judge(criteria=[{"name": "correct"}]),
    "own": judge(criteria=CRITERIA),
    "own, verdict first": judge(criteria=CRITERIA, order="verdict_first"),
    "all": judge(criteria=CRITERIA, overall="all"),
    "weighted share": judge(criteria=CRITERIA, overall="weighted", scale={"kind": "pass_fail", "pass_from": 0.7}),
    "weighted 1-5": judge(criteria=CRITERIA, overall="weighted", scale={"low": 1, "high": 5, "pass_from": 4}),
    "own 1-10": judge(criteria=CRITERIA, scale="1-10"),
    "share": judge(scale="0-1"),
    "pair": judge(mode="pairwise", criteria=CRITERIA),
    "pair weighted": judge(mode="pairwise", criteria=CRITERIA, overall="weighted"),
    "pair without ties": judge(mode="pairwise", scale="a/b"),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_example_is_readable_and_follows_the_schema(name: str) -> None:
    form = FORMS[name].form()
    assert form.schema is not None
    assert list(form.example) == list(form.schema["properties"]) == form.schema["required"]
    assert form.schema["additionalProperties"] is False
    reading = form.read(form.example)
    assert reading.scores["reasoning"] == reading.critique
    assert set(reading.scores) == {*(c.name for c in FORMS[name].criteria), "overall", "reasoning"}
    for key in form.example:
        assert f'"{key}": ' in form.shape


def test_order_of_keys() -> None:
    assert list(FORMS["own"].form().example) == ["reasoning", "correct", "clear", "verdict"]
    assert list(FORMS["own, verdict first"].form().example) == ["verdict", "correct", "clear", "reasoning"]
    assert list(FORMS["all"].form().example) == ["reasoning", "correct", "clear"]


def test_critiques_are_bounded() -> None:
    schema = FORMS["own"].form().schema
    assert schema is not None
    assert schema["properties"]["reasoning"] == {"type": "string", "minLength": 1, "maxLength": 800}


def test_pass_fail_scores_are_one_or_zero() -> None:
    reading = FORMS["own"].form().read({"reasoning": "r", "correct": "PASS", "clear": "fail", "verdict": "Fail."})
    assert reading.verdict == "fail"
    assert reading.scores == {"correct": 1, "clear": 0, "overall": 0, "reasoning": "r"}


def test_the_only_criterion_is_the_overall() -> None:
    reading = FORMS["one criterion"].form().read({"reasoning": "r", "verdict": "pass"})
    assert reading.scores == {"correct": 1, "overall": 1, "reasoning": "r"}


def test_all_is_the_weakest() -> None:
    form = FORMS["all"].form()
    assert form.read({"correct": "pass", "clear": "pass"}).verdict == "pass"
    assert form.read({"correct": "pass", "clear": "fail"}).verdict == "fail"


def test_weighted_by_hand() -> None:
    # (3 * 5 + 1 * 2) / 4 = 4.25
    reading = FORMS["weighted 1-5"].form().read({"correct": 5, "clear": 2})
    assert (reading.scores["overall"], reading.verdict) == (4.25, "pass")
    # (3 * 1 + 1 * 0) / 4 = 0.75 of the weight passed, and 0.7 is enough
    share = FORMS["weighted share"].form().read({"correct": "pass", "clear": "fail"})
    assert (share.scores["overall"], share.verdict) == (0.75, "pass")
    assert FORMS["weighted share"].form().read({"correct": "fail", "clear": "pass"}).verdict == "fail"


def test_weighted_preference_that_balances_out() -> None:
    even = judge(mode="pairwise", criteria=[{"name": "x"}, {"name": "y"}], overall="weighted")
    assert even.form().read({"x": "A", "y": "B"}).verdict == "tie"
    strict = judge(mode="pairwise", criteria=[{"name": "x"}, {"name": "y"}], overall="weighted", scale="a/b")
    with pytest.raises(Misread, match="balance out"):
        strict.form().read({"x": "A", "y": "B"})


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "missing: no 'correct' in the answer"),
        ({"correct": "pass", "clear": "pass"}, "missing: no 'verdict'"),
        ({"correct": "pass", "clear": "pass", "verdict": "perhaps"}, "not a verdict: 'verdict' is 'perhaps'"),
        ({"correct": None, "clear": "pass", "verdict": "pass"}, "no value: 'correct' is null"),
        ([], "not an object"),
        ("pass", "not an object"),
        (None, "not an object"),
    ],
)
def test_misread_answers_say_why(answer: Any, reason: str) -> None:
    with pytest.raises(Misread) as caught:
        FORMS["own"].form().read(answer)
    assert caught.value.reason.startswith(reason)


def test_keys_are_compared_without_case() -> None:
    assert FORMS["plain pass/fail"].form().read({"Reasoning": "r", " Verdict ": "pass"}).verdict == "pass"


def test_critiques_that_are_no_text_are_made_text() -> None:
    assert (
        FORMS["plain pass/fail"].form().read({"reasoning": ["a", "b"], "verdict": "pass"}).critique
        == '[\n  "a",\n  "b"\n]'
    )
    assert FORMS["plain pass/fail"].form().read({"verdict": "pass"}).critique is None


def test_choice_of_pass_or_fail() -> None:
    reading = FORMS["one criterion"].form().read_choice({"pass": 0.2, "fail": 0.6})
    assert (reading.verdict, reading.scores["overall"], reading.scores["correct"]) == ("fail", 0, 0)
    assert reading.confidence == pytest.approx(0.75)
    assert reading.probabilities == pytest.approx({"pass": 0.25, "fail": 0.75})


def test_choice_on_a_scale_is_the_mean() -> None:
    form = judge(scale={"low": 1, "high": 5, "pass_from": 4}).form()
    reading = form.read_choice({"1": 0.0, "2": 0.0, "3": 0.3, "4": 0.2, "5": 0.5})
    assert reading.scores["overall"] == pytest.approx(4.2)
    assert (reading.verdict, reading.confidence) == ("pass", pytest.approx(0.7))
    assert judge(scale="1-5").form().read_choice({"3": 0.3, "4": 0.7}).confidence == pytest.approx(0.7)


def test_choice_of_a_pair() -> None:
    reading = FORMS["pair"].form().read_choice({"A": 0.5, "B": 0.3, "C": 0.2})
    assert (reading.verdict, reading.scores["overall"]) == ("a", pytest.approx(0.6))
    assert reading.probabilities == pytest.approx({"a": 0.5, "b": 0.3, "tie": 0.2})


@pytest.mark.parametrize(
    ("name", "probs", "reason"),
    [
        ("plain pass/fail", {}, "no verdict"),
        ("plain pass/fail", {"pass": 0.5, "fail": 0.5}, "undecided"),
        ("own 1-10", {"1": 1.0}, "not one token"),
        ("weighted share", {"pass": 1.0}, "not one token"),
    ],
)
def test_choices_that_say_nothing(name: str, probs: dict[str, float], reason: str) -> None:
    with pytest.raises(Misread, match=reason):
        FORMS[name].form().read_choice(probs)


def test_unswap_turns_everything_back() -> None:
    form = FORMS["pair"].form()
    reading = form.read({"reasoning": "r", "correct": "A", "clear": "C", "verdict": "A"})
    back = form.unswap(reading)
    assert (back.verdict, back.scores) == ("b", {"correct": 0, "clear": 0.5, "overall": 0, "reasoning": "r"})
    assert form.unswap(back) == reading
    chosen = form.unswap(form.read_choice({"A": 0.5, "B": 0.3, "C": 0.2}))
    assert chosen.probabilities == pytest.approx({"b": 0.5, "a": 0.3, "tie": 0.2})


@given(st.dictionaries(st.sampled_from(["pass", "fail"]), st.floats(0, 1), min_size=2))
def test_confidence_is_a_probability_of_at_least_half(probs: dict[str, float]) -> None:
    try:
        reading = FORMS["plain pass/fail"].form().read_choice(probs)
    except Misread:
        assert probs["pass"] == probs["fail"]
        return
    assert reading.confidence is not None
    assert 0.5 <= reading.confidence <= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.dictionaries(st.sampled_from(["verdict", "correct", "clear", "reasoning", "x"]), inner, max_size=5)
            | st.lists(inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_any_json_is_read_or_misread(value: Any) -> None:
    for form in (FORMS["own"].form(), FORMS["pair"].form(), FORMS["weighted 1-5"].form()):
        try:
            reading = form.read(value)
        except Misread:
            continue
        assert reading.verdict in ("pass", "fail", "a", "b", "tie")


@pytest.mark.parametrize("key", ["critique", "Reason", "explanation"])
def test_a_critique_under_another_name_is_kept(key: str) -> None:
    reading = judge().form().read({key: "It answers another question.", "verdict": "fail"})
    assert (reading.verdict, reading.critique) == ("fail", "It answers another question.")
    both = judge().form().read({"reasoning": "Asked for.", key: "Beside it.", "verdict": "fail"})
    assert both.critique == "Asked for."
