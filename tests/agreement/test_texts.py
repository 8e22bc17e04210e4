"""Texts as words: the short way for plain ones gives the same as the long one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.texts import tokens


@given(st.text(st.characters(max_codepoint=127)))
def test_a_plain_text_has_the_words_that_it_has_beside_others(text: str) -> None:
    assert tokens(text) == [word for word in tokens(f"{text} é") if word != "é"]


def test_unspaced_writing_counts_as_pairs_of_characters() -> None:
    assert tokens("開發票 貓 a_b-C") == ["開發", "發票", "貓", "a_b", "c"]
