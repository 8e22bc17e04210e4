"""Scales: what they accept, what they refuse, and what follows from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import JudgeError
from dikast.judges.scale import Misread, Scale

PASS_FAIL = Scale()
ONE_TO_FIVE = Scale.of("1-5")
SHARE = Scale.of("0-1")
PAIR = Scale.of("preference")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("pass", "pass"), ("PASS", "pass"), ("Pass.", "pass"), ("**Pass**", "pass"), ('"pass"', "pass"), (True, "pass"),
        (1, "pass"), ("通過", "pass"), ("通过", "pass"), ("合格", "pass"), ("「通過」。", "pass"), ("ｐａｓｓ", "pass"),
        ("fail", "fail"), ("Failed", "fail"), ("FAIL!", "fail"), (False, "fail"), (0, "fail"), ("不通過", "fail"),
        ("不通过", "fail"), ("不合格", "fail"), ("未通过", "fail"), ("[fail]", "fail"),
    ],
)  # fmt: skip
def test_pass_fail_reads(value: object, expected: str) -> None:
    assert PASS_FAIL.read(value) == expected


@pytest.mark.parametrize(
    "value",
    ["pass or fail", "PASS/FAIL", "partially", "", "  ", None, 2, 0.5, 4, [], {}, ["pass"],
    "not pass", "yes", "good", "passable", "<pass or fail>"],
)  # fmt: skip
def test_pass_fail_refuses(value: object) -> None:
    with pytest.raises(Misread, match='expected "pass" or "fail"'):
        PASS_FAIL.read(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4, 4), (4.0, 4), ("4", 4), ("4.0", 4), ("4/5", 4), ("4 / 5", 4), ("4 out of 5", 4), ("4分", 4), ("4 分。", 4),
        ("４", 4), ("**4**", 4), ("Score: 4", 4), ("評分：4", 4), ("总分: 4分", 4), ("4 points", 4), (1, 1), (5, 5),
    ],
)  # fmt: skip
def test_ordinal_reads(value: object, expected: float) -> None:
    read = ONE_TO_FIVE.read(value)
    assert read == expected
    assert isinstance(read, int)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (0, "off scale"), (6, "off scale"), (-4, "off scale"), ("4/10", "off scale"), (4.5, "off scale"),
        ("4.5", "off scale"),
        (True, "not a score"), (False, "not a score"), ("four", "not a score"), ("4 or 5", "not a score"),
        ("1-5", "not a score"),
        (float("nan"), "not a score"), (float("inf"), "not a score"), (None, "no value"), ("", "not a score"),
        ([4], "not a score"),
        ({"score": 4}, "not a score"), ("80%", "not a score"), ("N/A", "not a score"),
    ],
)  # fmt: skip
def test_ordinal_refuses(value: object, kind: str) -> None:
    with pytest.raises(Misread) as caught:
        ONE_TO_FIVE.read(value)
    assert caught.value.reason.startswith(f"{kind}: ")
    assert "a whole number from 1 to 5" in caught.value.reason


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A", "a"), ("a", "a"), ("Answer A", "a"), ("[[A]]", "a"), ("Response_B", "b"), ("B.", "b"),
        ("回答B", "b"), ("輸出 A", "a"),
        ("C", "tie"), ("tie", "tie"), ("Tie.", "tie"), ("平手", "tie"), ("平局", "tie"),
    ],
)  # fmt: skip
def test_preference_reads(value: object, expected: str) -> None:
    assert PAIR.read(value) == expected


@pytest.mark.parametrize("value", ["D", "A or B", "AB", 1, True, None, "", "neither A nor B is good", "both A"])
def test_preference_refuses(value: object) -> None:
    with pytest.raises(Misread):
        PAIR.read(value)


def test_preference_without_ties_refuses_a_tie() -> None:
    scale = Scale.of("a/b")
    assert scale.choices == ("A", "B")
    with pytest.raises(Misread, match="decide for A or B"):
        scale.read("tie")


def test_any_number_between() -> None:
    assert SHARE.read("0.65") == 0.65
    assert SHARE.choices == ()
    assert SHARE.schema == {"type": "number", "minimum": 0.0, "maximum": 1.0}
    with pytest.raises(Misread, match="a number from 0 to 1"):
        SHARE.read(1.2)


def test_choices_are_single_characters_or_none() -> None:
    assert ONE_TO_FIVE.choices == ("1", "2", "3", "4", "5")
    assert Scale.of("1-10").choices == ()  # "1" could be the start of "10"
    assert Scale.of("0-9").choices == tuple("0123456789")


def test_schema_lists_the_levels() -> None:
    assert ONE_TO_FIVE.schema == {"type": "integer", "enum": [1, 2, 3, 4, 5]}
    assert Scale.of("1-15").schema == {"type": "integer", "minimum": 1, "maximum": 15}
    assert Scale(kind="ordinal", low=0, high=1, step=0.5).schema == {"type": "number", "enum": [0, 0.5, 1]}


def test_half_steps_have_no_dust() -> None:
    scale = Scale(kind="ordinal", low=0, high=1, step=0.1)
    assert scale.level_words == ("0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1")
    assert scale.read(0.3) == 0.3


def test_outcome_follows_pass_from() -> None:
    scale = Scale(kind="ordinal", low=1, high=5, step=1, pass_from=4)
    assert [scale.outcome(n) for n in (3, 3.99, 4, 5)] == ["fail", "fail", "pass", "pass"]
    assert ONE_TO_FIVE.outcome(5) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "ordinal", "low": 5, "high": 1}, "low below high"),
        ({"kind": "ordinal", "low": 1}, "both low and high"),
        ({"kind": "ordinal", "low": 1, "high": 5, "step": 3}, "whole steps"),
        ({"kind": "ordinal", "low": 1, "high": 5, "step": 0}, "whole steps"),
        ({"kind": "ordinal", "low": 0, "high": 100, "step": 1}, "101 levels"),
        ({"kind": "ordinal", "low": 1, "high": 5, "pass_from": 1}, "above 1"),
        ({"kind": "pass_fail", "low": 1, "high": 2}, "belong to an ordinal"),
        ({"kind": "preference", "pass_from": 1}, "does not go with a preference"),
        ({"kind": "pass_fail", "levels": {"maybe": "x"}}, "'maybe', which is not on the scale"),
        ({"kind": "ordinal", "low": 0, "high": 1, "levels": {"2": "x"}}, "'2', which is not on the scale"),
    ],
)
def test_impossible_scales(given: dict[str, object], message: str) -> None:
    with pytest.raises(JudgeError, match=message):
        Scale(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "stars", "5-1", "1-", "a-e", "1-1"])
def test_unknown_short_spellings(text: str) -> None:
    with pytest.raises(JudgeError):
        Scale.of(text)


@given(st.integers(-50, 50), st.integers(1, 20))
def test_every_level_reads_back_as_itself(low: int, span: int) -> None:
    scale = Scale(kind="ordinal", low=low, high=low + span, step=1)
    assert [scale.read(word) for word in scale.level_words] == list(scale.numbers)
    assert [scale.read(scale.written(number)) for number in scale.numbers] == list(scale.numbers)


@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.lists(st.integers(), max_size=3)
    )
)
def test_a_value_is_read_on_the_scale_or_not_at_all(value: object) -> None:
    for scale in (PASS_FAIL, ONE_TO_FIVE, SHARE, PAIR):
        try:
            read = scale.read(value)
        except Misread:
            continue
        assert read in scale.level_words or (
            scale.low is not None and scale.low <= scale.number(read) <= (scale.high or 0)
        )
