from __future__ import annotations

import doctest
import importlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.report.text import excerpt, one_line, readable, visible

any_text = st.text(st.characters(exclude_categories=[]), max_size=300)


@pytest.mark.parametrize("name", ["text", "figures", "table", "page_of_run"])
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"dikast.report.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


@given(any_text)
def test_what_is_visible_can_be_written_and_steers_nothing(text: str) -> None:
    shown = visible(text)
    shown.encode("utf-8")
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n"]
    assert not set(shown) & {"\u202d", "\u202e"}
    assert visible(shown) == shown


def test_scripts_and_emoji_stay_as_they_are() -> None:
    for text in ("繁體中文，全形標點！", "مرحبا", "👩‍👩‍👧 flag 🇹🇼", "tab\tand\nline", "ไทย"):
        assert visible(text) == text


@given(any_text, st.integers(1, 80))
def test_one_line_is_one_line_and_not_longer(text: str, longest: int) -> None:
    line = one_line(text, longest)
    assert len(line) <= longest
    assert "\n" not in line


@given(st.text(max_size=400), st.integers(0, 60), st.integers(0, 60))
def test_an_excerpt_is_the_two_ends_and_counts_the_rest(text: str, head: int, tail: int) -> None:
    shown = excerpt(text, head, tail)
    assert text.startswith(shown.head)
    assert text.endswith(shown.tail)
    assert len(shown.head) + shown.hidden + len(shown.tail) == shown.length == len(text)
    assert len(shown.head) + len(shown.tail) <= head + tail


def test_json_that_is_nested_too_deeply_says_so() -> None:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]
    assert readable(deep) == "(nested too deeply to be shown)"
