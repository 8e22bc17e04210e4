"""What is most alike to a failure: by the words that few others have, its own and those said of it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dikast.interactions.likeness import most_alike
from dikast.records import Interaction


def item(id: str, asked: str, told: str = "") -> Interaction:
    return Interaction(id=id, input=asked, output=told)


ITEMS = [
    item("0", "Hello, please help. My parcel is broken.", "Hello. We replace it."),
    item("1", "Hello, please help. My password is gone.", "Hello. Choose a new one."),
    item("2", "Hello, please help. The parcel came broken!", "Hello. Sorry to hear that."),
    item("3", "Hello, please help. Where is my invoice?", "Hello. Within 30 days."),
    item("4", "", ""),
]


def alike(failure: Interaction, *remarks: str, most: int = 9) -> list[int]:
    return most_alike(failure, remarks, enumerate(ITEMS), most)


def test_rare_words_decide_and_a_template_does_not() -> None:
    assert alike(item("x", "Hello, please help. A broken parcel again"))[:2] in ([0, 2], [2, 0])
    assert alike(item("x", "Hello, please help. The invoice!"))[0] == 3
    assert 4 not in alike(ITEMS[0])  # it shares no word
    assert alike(item("x", "zzz")) == []
    assert len(alike(ITEMS[0], most=2)) == 2


def test_what_was_said_of_it_counts_like_its_own_words() -> None:
    failure = item("x", "Hello, please help.", "Hello.")
    assert alike(failure, "it promises 30 days on an invoice")[0] == 3
    assert alike(failure, "says nothing of the password")[0] == 1


def test_chinese_chats_and_pairs_are_compared_as_well() -> None:
    items = [
        Interaction(id="0", input=[{"role": "user", "content": "包裹破損，可以退貨嗎？"}], output="可以。"),
        Interaction(id="1", input="忘記密碼怎麼辦", output="請重設。"),
        Interaction(id="2", input="密碼", output_a="請重設密碼", output_b="不知道"),
    ]
    found = most_alike(item("x", "密碼忘記了"), (), enumerate(items), 3)
    assert found == [1, 2]
    assert most_alike(item("x", "收到破損的包裹"), ("沒有說可以退貨",), enumerate(items), 1) == [0]


def test_itself_comes_first_among_many() -> None:
    rng = random.Random(3)
    words = [f"word{at}" for at in range(300)]
    many = [item(str(at), " ".join(rng.choices(words, k=30)), " ".join(rng.choices(words, k=60))) for at in range(200)]
    assert all(most_alike(many[at], (), enumerate(many), 1) == [at] for at in range(0, 200, 40))


@given(st.lists(st.text(alphabet="ab 密碼", max_size=12), max_size=8), st.text(alphabet="ab 密碼", max_size=12))
def test_any_text_gives_some_of_the_numbers_once(texts: list[str], asked: str) -> None:
    found = most_alike(item("x", asked), (asked,), enumerate(item(str(at), text) for at, text in enumerate(texts)), 5)
    assert len(found) == len(set(found)) <= 5
    assert set(found) <= set(range(len(texts)))
