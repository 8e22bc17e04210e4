"""Orders of showing, links, critiques: the small decisions."""

from __future__ import annotations

import pytest

from dikast.errors import InputError, JudgeError, SettingError
from dikast.judges.scale import Scale
from dikast.records import Interaction
from dikast.review.asked import check_scale, choices, differ, label_of, levels, said_of
from dikast.review.coach import hint
from dikast.review.item_page import check_links, links_of
from dikast.review.queues import KINDS, Known, check_queue, draw
from dikast.review.wording import texts

T = texts("en")
KNOWN = Known(
    size=9,
    strata=["a"] * 6 + ["b"] * 2 + ["c"],
    confidence={0: 0.9, 1: 0.55, 2: -1.0, 3: 2.0},
    disagreeing=[4, 2],
    deferred=[7],
    labelled=[1, 2, 3],
)


def test_random_is_all_and_repeatable() -> None:
    first, second, other = (draw("random", KNOWN, seed) for seed in (1, 1, 2))
    assert first == second != other
    assert sorted(first.positions) == list(range(9))
    assert first.measuring


def test_stratified_takes_one_of_each_in_turn() -> None:
    queue = draw("stratified:kind", KNOWN, 1)
    assert [KNOWN.strata[position] for position in queue.positions] == list("abcabaaaa")
    assert queue.drawn == "stratified:kind"
    assert queue.measuring
    assert not draw("uncertain", KNOWN, 1).measuring


def test_learning_queues_go_by_what_is_known() -> None:
    assert draw("uncertain", KNOWN, 1).positions == (2, 1, 0, 3)
    assert draw("disagree", KNOWN, 1).positions == (4, 2)
    assert draw("deferred", KNOWN, 1).positions == (7,)
    assert sorted(draw("repeat", KNOWN, 1).positions) == [1, 2, 3]


@pytest.mark.parametrize("asked", ["randm", "stratified", "stratified:", "random:x", ""])
def test_a_queue_that_does_not_exist_is_an_error(asked: str) -> None:
    with pytest.raises(InputError, match="is not a queue") as caught:
        check_queue(asked, has_run=True)
    assert all(kind in str(caught.value.hint) for kind in KINDS)


def test_some_queues_need_a_run() -> None:
    check_queue("deferred", has_run=False)
    with pytest.raises(InputError, match="goes by a judge's verdicts"):
        check_queue("uncertain", has_run=False)


@pytest.mark.parametrize("key", ["verdict", "score", "topic,verdict"])
def test_strata_by_what_the_judge_says_need_a_run(key: str) -> None:
    with pytest.raises(InputError, match="goes by a judge's verdicts"):
        check_queue(f"stratified:{key}", has_run=False)
    check_queue(f"stratified:{key}", has_run=True)


def test_what_has_no_stratum_is_not_drawn() -> None:
    queue = draw("stratified:verdict", Known(5, ["pass", None, "fail", "fail", "fail"], {}, [], [], []), 1)
    assert sorted(queue.positions) == [0, 2, 3, 4]
    assert 0 in queue.positions[:2]
    assert queue.measuring


def test_stratifying_by_a_key_nobody_has_is_an_error() -> None:
    with pytest.raises(InputError, match="no interaction has 'x'"):
        draw("stratified:x", Known(2, ["", ""], {}, [], [], []), 1)


def test_scales_give_choices_and_keys() -> None:
    assert [(c.value, c.key) for c in choices(Scale(), "", T)] == [("pass", "1"), ("fail", "2")]
    pairs = choices(Scale(kind="preference"), "tie", T)
    assert [(c.value, c.key, c.chosen) for c in pairs] == [("a", "a", False), ("b", "b", False), ("tie", "t", True)]
    assert [c.key for c in choices(Scale.of("1-5"), "", T)] == list("12345")
    assert [c.key for c in choices(Scale.of("1-10"), "", T)] == [*"123456789", "0"]
    assert levels(Scale(kind="ordinal", low=0, high=1))[:3] == ("0", "0.1", "0.2")
    with pytest.raises(JudgeError, match="states no range"):
        check_scale(Scale(kind="ordinal"))


def test_a_form_becomes_a_label_and_back() -> None:
    label = label_of("4", "", Scale.of("1-5"), id="1")
    assert (label.score, label.scale, label.verdict, label.critique) == (4.0, (1.0, 5.0), None, None)
    assert said_of(label) == "4"
    assert said_of(label_of("fail", "why", Scale(), id="1")) == "fail"
    assert said_of(label_of("", "a draft", Scale(), id="1")) == ""
    with pytest.raises(InputError, match="'6' can't be given here: expected 1, 2, 3, 4, 5"):
        label_of("6", "", Scale.of("1-5"), id="1")


def test_scores_differ_by_more_than_one_and_words_by_being_others() -> None:
    assert [differ(*pair) for pair in (("1", "2"), ("1", "3"), ("pass", "fail"), ("pass", ""), ("a", "a"))] == [
        False, True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("critique", "found"),
    [
        ("", None),
        ("Bad answer.", "short"),
        ("不好", "short"),
        ("Overall quite fine answer for this customer today", "no_reason"),
        ("It is rude because of how the tone sounds", "no_quote"),
        ("It promises 30 days, but the policy says 14.", None),
        ("回答說有三十天，但是規定只有十四天，客戶會誤會。", None),
        ("It is rude because it says “whatever” to them", None),
    ],
)
def test_the_coach_names_one_thing(critique: str, found: str | None) -> None:
    assert hint(critique, "You have 30 days. 回答說有三十天，請放心。") == found


def test_links_are_filled_in_and_quoted() -> None:
    item = Interaction(id="a b", input="", output="", metadata={"user": "x/../<y>", "n": 7, "deep": {}})
    links = {"crm": "https://crm.local/{metadata.user}?i={id}&n={metadata.n}", "none": "https://x/{metadata.missing}"}
    check_links(links)
    assert [(link.name, link.url) for link in links_of(item, links)] == [
        ("crm", "https://crm.local/x%2F..%2F%3Cy%3E?i=a%20b&n=7")
    ]
    assert links_of(item, {"deep": "https://x/{metadata.deep}"}) == ()


@pytest.mark.parametrize("address", ["javascript:alert(1)", "/local", "https://x/{user}", "https://x/{}"])
def test_a_link_that_is_none_is_an_error(address: str) -> None:
    with pytest.raises(SettingError, match=r"review\.links\.crm"):
        check_links({"crm": address})
