"""Near-duplicates: the ones that are there are found, and nothing else is called one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.interactions.near import NEAR, jaccard, near_pairs, shingles_of

texts = st.text(st.sampled_from("abc 退款費用"), max_size=30)


@given(st.lists(texts, max_size=12))
def test_every_pair_that_is_found_is_near(given: list[str]) -> None:
    for first, second in near_pairs(given):
        assert first < second
        assert jaccard(shingles_of(given[first]), shingles_of(given[second])) >= NEAR


@given(texts)
def test_equal_texts_are_near_unless_there_is_nothing_in_them(given: str) -> None:
    assert near_pairs([given, given]) == ([(0, 1)] if given else [])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            "Can I get a refund for a kettle that arrived damaged?",
            "Can I get a refund for a kettle that arrived damaged",
        ),
        ("請問退貨之後多久可以收到退款呢？我的訂單編號是", "請問退貨之後，多久可以收到退款呢？我的訂單編號是"),
    ],
)
def test_small_edits_are_found_in_any_script(first: str, second: str) -> None:
    assert near_pairs([first, "something else altogether, 完全不同的事", second]) == [(0, 2)]


def test_almost_all_near_pairs_among_many_are_found() -> None:
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(3, 9))) for _ in range(2000)]
    originals = [" ".join(chance.choices(words, k=40)) for _ in range(1000)]
    edited = []
    for text in originals:
        parts = text.split()
        parts[chance.randrange(40)] = chance.choice(words)
        edited.append(" ".join(parts))
    found = set(near_pairs(originals + edited))
    near = {(n, 1000 + n) for n in range(1000) if jaccard(shingles_of(originals[n]), shingles_of(edited[n])) >= NEAR}
    assert len(near) > 900
    assert len(near - found) <= 2
    assert found <= near


def test_what_does_not_count_is_left_out() -> None:
    same = "the same long beginning of every question "
    both = [same + "apples", same + "trains"]
    assert near_pairs(both, threshold=0.6) == [(0, 1)]
    assert near_pairs(both, threshold=0.6, without=shingles_of(same)) == []
