"""What people's labels say together: one rule, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.agreement.matching import match
from dikast.agreement.settling import bound, settle
from dikast.judges.evidence import gather
from dikast.records import Interaction, JudgeRef, Label, Verdict

NAMES = ("ada", "ben", "cy", None)
PEOPLE: dict[str, Any] = {"p": "pass", "f": "fail"}


def label(said: str | float, who: str | None = None, critique: str | None = None, **more: Any) -> Label:
    if isinstance(said, float):
        return Label(id="1", score=said, annotator=who, critique=critique, **more)
    return Label(id="1", verdict=PEOPLE[said], annotator=who, critique=critique, **more)


@pytest.mark.parametrize(
    ("labels", "verdict", "rule", "disputed"),
    [
        ([], None, "nobody", False),
        ([label("p", "ada")], "pass", "alone", False),
        ([label("p", "ada"), label("p", "ben")], "pass", "unanimous", False),
        ([label("p", "ada"), label("f", "ben")], None, "split", True),
        ([label("p", "ada"), label("f", "ben"), label("f", "cy")], "fail", "majority", True),
        ([label("p", "ada"), label("f", "ben"), label("p")], "pass", "settled", True),
        ([label("p"), label("f"), label("f")], "fail", "settled", True),
        ([label("p", "ada"), label("f", "ada")], "fail", "alone", False),
        ([label("p", "ada"), label("f", "ada (again)")], "pass", "alone", False),
        ([label("p", "ada"), label("f", origin="user")], "pass", "alone", False),
        ([label("f", origin="user")], "fail", "settled", False),
    ],
)
def test_each_rule(labels: list[Label], verdict: str | None, rule: str, disputed: bool) -> None:
    found = settle(labels)
    assert (found.verdict, found.rule, found.disputed) == (verdict, rule, disputed)
    assert found.tied == (rule == "split")
    assert (found.label is None) == (verdict is None)


def test_the_principal_binds_before_a_settled_label_and_the_majority() -> None:
    labels = [label("f", "ada"), label("p", "ben"), label("p", "cy"), label("p")]
    found = settle(labels, "ada")
    assert (found.verdict, found.rule, found.label) == ("fail", "principal", labels[0])
    assert len(found.raters) == 3
    assert settle(labels, "somebody who labelled nothing").rule == "settled"


def test_scores_that_differ_are_settled_by_their_mean_and_the_nearest_speaks() -> None:
    labels = [label(1.0, "ada", "bad"), label(4.0, "ben", "good"), label(5.0, "cy", "very good")]
    found = settle(labels)
    assert (found.score, found.rule, found.label) == (pytest.approx(10 / 3), "mean", labels[1])
    assert settle(labels, "cy").score == 5.0


def test_of_those_who_say_what_was_settled_the_longest_critique_is_kept() -> None:
    labels = [
        label("f", "ada", "no"),
        label("f", "ben", "It names 30 days; the policy says 14."),
        label("p", "cy", "fine" * 50),
    ]
    assert settle(labels).label == labels[1]


saying = st.builds(label, st.sampled_from("pf"), st.sampled_from(NAMES), st.sampled_from(["", "why", "why so"]))
several = st.lists(saying, max_size=8)


@given(several, st.sampled_from("pf"))
def test_the_principal_s_word_is_the_word_whatever_others_say(labels: list[Label], said: str) -> None:
    others = [one for one in labels if one.annotator != "ada"]
    assert settle([*others, label(said, "ada")], "ada").verdict == PEOPLE[said]
    assert settle([label(said, "ada"), *others], "ada").verdict == PEOPLE[said]


@given(several, several)
def test_second_looks_and_users_change_nothing(labels: list[Label], more: list[Label]) -> None:
    experts = [*labels, label("p", "dan")]
    looks = [label("f" if one.verdict == "pass" else "p", f"{one.annotator} (again)") for one in more]
    users = [label("f", one.annotator, origin="user") for one in more]
    assert settle([*experts, *looks, *users]) == settle(experts)


@given(several, st.randoms(use_true_random=False), st.sampled_from([None, "ada"]))
def test_the_order_of_different_people_says_nothing(labels: list[Label], rng: Any, principal: str | None) -> None:
    one_each = list({one.annotator or number: one for number, one in enumerate(labels)}.values())
    turned = list(one_each)
    rng.shuffle(turned)
    first, second = settle(one_each, principal), settle(turned, principal)
    assert (first.verdict, first.rule, first.disputed) == (second.verdict, second.rule, second.disputed)


@given(several, st.sampled_from([None, "ada"]))
def test_what_is_settled_is_what_most_of_those_who_bind_say(labels: list[Label], principal: str | None) -> None:
    found = settle(labels, principal)
    last = {one.annotator or number: one for number, one in enumerate(labels)}.values()
    binding = (
        [one for one in last if one.annotator == principal and principal]
        or [one for one in last if one.annotator is None]
        or list(last)
    )
    votes = [one.verdict for one in binding]
    if found.verdict is None:
        assert votes.count("pass") == votes.count("fail")
    else:
        assert votes.count(found.verdict) > len(votes) - votes.count(found.verdict)
        assert found.label is not None
        assert found.label.verdict == found.verdict


@given(several)
def test_bound_labels_settle_alike(labels: list[Label]) -> None:
    assert settle(bound(labels, "ada"), "ada").verdict == settle(labels, "ada").verdict


def test_measuring_and_building_go_by_the_same_rule() -> None:
    because = "It names the wrong number of days."
    labels = [
        Label(id=id, verdict=PEOPLE[said], annotator=who, critique=because)
        for id, all_said in (("1", "fp"), ("2", "pff"))
        for said, who in zip(all_said, ("ada", "ben", "cy"), strict=False)
    ]
    items = [Interaction(id=id, input="q", output="a") for id in "12"]
    verdicts = [Verdict(id=id, status="scored", verdict="fail", judge=JudgeRef("j", "1")) for id in "12"]
    for principal, said in (
        (None, {"2": "fail"}),
        ("ada", {"1": "fail", "2": "pass"}),
        ("ben", {"1": "pass", "2": "fail"}),
    ):
        matched = match(verdicts, labels, principal=principal)
        measured = {one.id: label.verdict for one, label in zip(matched.verdicts, matched.labels, strict=True)}
        built = {one.interaction.id: one.verdict for one in gather(items, labels, principal=principal).evidence}
        assert measured == built == said
        assert sum(matched.disputed.values()) == len(said)
    assert gather(items, labels).outvoted == 1
