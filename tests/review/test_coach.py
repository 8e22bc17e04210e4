"""The coach: too short, no reason, no reference to what broke; in English and Chinese, and silent when it is fine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.review.coach import hint
from dikast.review.wording import LANGUAGES, texts

OUTPUT = "You have 30 days to return it, opened or not. I have already refunded your order."
AUSGABE = "您好，收到商品後三十天內都可以退貨，已經為您辦理退款。"


@pytest.mark.parametrize(
    "critique",
    [
        "Bad.",
        "Not good at all",
        "fail",
        "wrong number of days",
        "Nope, 30.",
        "不好",
        "答錯了",
        "語氣很差",
        "退貨期限錯",
    ],
)
def test_too_short(critique: str) -> None:
    assert hint(critique, OUTPUT + AUSGABE) == "short"


@pytest.mark.parametrize(
    "critique",
    [
        "Overall quite fine answer for this customer today",
        "A poor reply that leaves a bad impression on me and others",
        "The refunded order and the days sound strange to me",
        "I really like how the reply about the order sounds here",
        "這個回答整體來說不太好，看起來也不太有用",
        "退貨的部分寫得很差，看了令人生氣，客戶會很失望",
        "整體還不錯，語氣很親切，客戶會喜歡這樣的回答",
    ],
)
def test_no_reason(critique: str) -> None:
    assert hint(critique, OUTPUT + AUSGABE) == "no_reason"


@pytest.mark.parametrize(
    "critique",
    [
        "It is rude because of how the tone sounds",
        "It should not do this, since that is against our policy",
        "That would be wrong with some other people, but they need more",
        "因為語氣過於生硬，讓客人覺得被冒犯",
        "這樣回覆違反公司規定，主管看到會要求重寫",
    ],
)
def test_no_reference_to_what_broke(critique: str) -> None:
    assert hint(critique, OUTPUT + AUSGABE) == "no_quote"


@pytest.mark.parametrize(
    "critique",
    [
        "",
        "It promises 30 days, but the policy says 14.",
        "Claims to have refunded the order, which the bot can't do.",
        "It is rude because it says “whatever” to them",
        "Correctly cites the window; could mention that opened goods need a photo.",
        "It invents a refund that was never made, see `refunded`",
        "Gives 30 days, where the rule of the shop is 14",
        "回答說有三十天，但是規定只有十四天，客戶會誤會。",
        "沒有先確認訂單，就說「已經為您辦理退款」",
        "助理無法辦理退款，卻說已經為您辦理，這是捏造的。",
        "回答符合規定，也有說明收到商品後的期限",
        "It says 三十天內都可以退貨, but the policy is 14",
    ],
)
def test_fine(critique: str) -> None:
    assert hint(critique, OUTPUT + AUSGABE) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_hint_has_its_words(language: str) -> None:
    said = {texts(language)[f"hint_{name}"] for name in ("short", "no_reason", "no_quote")}
    assert len(said) == 3


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_gets_at_most_one_hint(critique: str, output: str) -> None:
    assert hint(critique, output) in (None, "short", "no_reason", "no_quote")
