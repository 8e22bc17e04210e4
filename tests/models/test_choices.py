from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.models.choices import answer_token, read_choices
from dikast.models.endpoint import Token


def _logs(**probs: float) -> list[tuple[str, float]]:
    return [(text, math.log(p)) for text, p in probs.items()]


def test_variants_of_a_word_are_summed() -> None:
    # pass .5 + " pass" .1 + "Pass" .1 = .7; fail .2; mass .9; the least listed does not matter as both are there
    listed = [*_logs(fail=0.2), ("pass", math.log(0.5)), (" pass", math.log(0.1)), ("Pass", math.log(0.1))]
    found = read_choices(("pass", "fail"), listed)
    assert found is not None
    assert found.probs == pytest.approx({"pass": 0.7 / 0.9, "fail": 0.2 / 0.9})
    assert found.mass == pytest.approx(0.9)


def test_beginnings_and_longer_words_count_for_nothing() -> None:
    assert read_choices(("pass", "fail"), _logs(p=0.5, passed=0.3, pas=0.1, f=0.05)) is None


def test_an_article_is_no_verdict() -> None:
    assert read_choices(("A", "B"), _logs(a=0.9, b=0.05)) is None
    found = read_choices(("A", "B"), _logs(a=0.5, A=0.3, B=0.1))
    assert found is not None
    assert found.probs == pytest.approx({"A": 0.75, "B": 0.25})
    assert found.mass == pytest.approx(0.4)


def test_a_word_that_is_not_listed_gets_the_most_it_can_have() -> None:
    # listed .6 + .3 = .9; the rest is .1, the least listed .3: fail can hold .1 at most
    found = read_choices(("pass", "fail"), _logs(**{"pass": 0.6, "The": 0.3}))
    assert found is not None
    assert found.probs == pytest.approx({"pass": 0.6 / 0.7, "fail": 0.1 / 0.7})
    assert found.mass == pytest.approx(0.6)


def test_nothing_listed_is_nothing_read() -> None:
    assert read_choices(("pass", "fail"), []) is None
    assert read_choices(("pass", "fail"), [("The", -0.1)]) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["pass", " fail", "Pass", "The", "p", "fail\n"]), st.floats(-9999, 0)), max_size=20
    )
)
def test_it_is_a_distribution_whatever_is_listed(listed: list[tuple[str, float]]) -> None:
    found = read_choices(("pass", "fail"), listed)
    if found is not None:
        assert math.fsum(found.probs.values()) == pytest.approx(1)
        assert all(0 <= value <= 1 for value in found.probs.values())
        assert 0 < found.mass <= 1


def test_the_answers_first_token_comes_after_the_thinking() -> None:
    texts = ["<think>", "pass", "?", "</think>", "\n\n", "fail", "."]
    tokens = [Token(text, -0.1) for text in texts]
    assert answer_token(tokens, "fail.") is tokens[5]
    assert answer_token(tokens[4:], "fail.") is tokens[5]
    assert answer_token([], "fail") is None
