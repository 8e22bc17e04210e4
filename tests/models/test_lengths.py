from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.models.endpoint import Message
from dikast.models.lengths import fewest_tokens, most_tokens, was_cut

# Counted with SmolLM2's tokenizer, which is made for English: 17 tokens, and 45 for the Chinese sentence of 22
# characters; tokenizers made for Chinese need about 13.
ENGLISH = "The delivery was late because the warehouse had closed early, and nobody told the customer. "
CHINESE = "包裹因為倉庫提早關門而延誤，沒有人通知客戶。"


@pytest.mark.parametrize(("text", "counted"), [(ENGLISH * 50, 851), (CHINESE * 50, 650)])
def test_real_counts_lie_between_the_bounds(text: str, counted: int) -> None:
    messages = (Message("user", text),)
    assert fewest_tokens(messages) <= counted <= most_tokens(messages)


@given(st.text(max_size=300))
def test_the_bounds_are_in_order_for_any_text(text: str) -> None:
    messages = (Message("user", text),)
    assert 0 <= fewest_tokens(messages) <= most_tokens(messages)


def test_half_a_prompt_is_noticed_in_english_and_chinese() -> None:
    assert was_cut((Message("user", ENGLISH * 400),), 3400)  # 6,800 tokens in truth
    assert not was_cut((Message("user", ENGLISH * 400),), 6800)
    assert was_cut((Message("user", CHINESE * 400),), 2600)  # at least 5,200 in truth
    assert not was_cut((Message("user", CHINESE * 400),), 5200)


def test_runs_of_one_character_are_no_evidence() -> None:
    assert not was_cut((Message("user", "=" * 100_000),), 2000)
    assert not was_cut((Message("user", "a" * 100_000),), 2000)


@pytest.mark.parametrize("counted", [0, 1, 120])
def test_a_server_that_can_not_count_is_no_evidence(counted: int) -> None:
    assert not was_cut((Message("user", ENGLISH * 100),), counted)
