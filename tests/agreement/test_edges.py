"""Runs and labels at the edge of what can be said: no error, no NaN, never trusted for lack of evidence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from dikast.agreement.figures import Comparison, agreement
from dikast.agreement.slices import Slice
from dikast.errors import DataError
from dikast.records import JudgeRef, Label, Verdict

JUDGE = JudgeRef("j", "v1")
P, F = "pass", "fail"


def verdict(i: int, said: object, **more: Any) -> Verdict:
    if said is None:
        return Verdict(id=str(i), status="unparsed", reason="no JSON: none", judge=JUDGE, **more)
    word = {"verdict": said} if isinstance(said, str) else {"scores": {"overall": said}}
    return Verdict(id=str(i), status="scored", judge=JUDGE, **word, **more)  # type: ignore[arg-type]


def label(i: int, said: object) -> Label:
    given = {"verdict": said} if isinstance(said, str) else {"score": said, "scale": (1.0, 5.0)}
    return Label(id=str(i), **given)  # type: ignore[arg-type]


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for part in value.values():
            yield from numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from numbers(part)
    elif isinstance(value, float):
        yield value


@pytest.mark.parametrize(
    ("said", "people", "level", "need"),
    [
        ([P] * 8 + [F] * 2, [P] * 10, "not_yet", "16 fails labelled if the judge gets all of them right; 62 if 90 %"),
        ([F] * 40, [F] * 40, "not_yet", "16 passes labelled if the judge gets all of them right; 62 if 90 %"),
        ([P, P, P, F, F], [P, P, P, F, F], "not_yet", "14 more fails labelled, to show it reaches 80 %"),
        ([P], [P], "not_yet", "15 more passes labelled"),
        ([P] * 40, [P] * 30 + [F] * 10, "no", None),
        ([P, F] * 30, [F, P] * 30, "no", None),
        (["tie"] * 10, ["tie"] * 10, "not_yet", "12 pairs labelled if the judge gets all of them right"),
        (["a", "b"] * 5, ["tie"] * 10, "not_yet", "12 pairs labelled if the judge gets all of them right"),
        (["a", "b"] * 3, ["a", "b"] * 3, "not_yet", "6 more pairs labelled, to show it reaches 75 %"),
        (["tie"] * 20, ["a", "b"] * 10, "no", None),
        ([3.0] * 10, [3.0] * 10, "not_yet", "labels and verdicts that differ from item to item"),
        ([3.0] * 10, [1.0, 2.0, 3.0, 4.0, 5.0] * 2, "not_yet", "labels and verdicts that differ from item to item"),
        ([1.0, 2.0], [1.0, 2.0], "not_yet", "1 more items labelled"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0], "not_yet", "18 more items labelled"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 1.0], [F, F, P, P, P, F], "not_yet", "26 more items labelled"),
        ([1.0, 2.0, 3.0], [P, P, P], "not_yet", "labels of both kinds: no item is labelled fail"),
        ([3.0] * 30, [P, F] * 15, "no", None),
    ],
)
def test_what_is_said_and_what_would_settle_it(
    said: list[object], people: list[object], level: str, need: str | None
) -> None:
    verdicts = [verdict(i, one) for i, one in enumerate(said)]
    found = agreement(verdicts, [label(i, one) for i, one in enumerate(people)])
    assert found.trust.level == level, found.trust.sentence
    if need is not None:
        assert any(one.startswith(need) for one in found.trust.needs), found.trust.needs
    values = msgspec.json.decode(msgspec.json.encode(found.as_json()))
    assert all(math.isfinite(one) for one in numbers(values))
    for name, figure in values["metrics"].items():
        assert figure["value"] is None or figure["low"] <= figure["value"] <= figure["high"], (name, figure)


def test_nothing_to_compare_is_an_error_that_says_why() -> None:
    with pytest.raises(DataError, match="5: unparsed"):
        agreement([verdict(i, None) for i in range(5)], [label(i, P) for i in range(5)])


def test_a_perfect_order_reaches_the_bar_when_it_is_said_to() -> None:
    """5 items in perfect order: 18 more are needed, so 23; then the low end is at the bar, or a little under."""
    scores = [float(1 + i % 5) for i in range(23)]
    figure = agreement(
        [verdict(i, one) for i, one in enumerate(scores)], [label(i, one) for i, one in enumerate(scores)]
    ).figures["spearman"]
    assert getattr(figure, "low", 0.0) > 0.6


def test_slices_say_what_they_left_out_and_why() -> None:
    topics = ["tea"] * 6 + ["coffee"] * 5 + ["milk"] * 2 + [None] * 2
    said = [P, F, P, P, None, F, P, P, F, None, F, None, None, P, F]
    people = [P, F, P, F, P, None, P, P, F, F, "a", P, F, P, F]
    verdicts = [
        verdict(i, one, metadata={} if topic is None else {"topic": topic})
        for i, (one, topic) in enumerate(zip(said, topics, strict=True))
    ]
    labels = [label(i, one) for i, one in enumerate(people) if one is not None]
    found = agreement(verdicts, labels, None, Comparison(by="topic"))
    assert {value: (one.n, one.left_out) for value, one in found.slices.items()} == {
        "tea": (4, {"unparsed": 1, "no label": 1}),
        "coffee": (3, {"unparsed": 1, "the label is not one of pass, fail": 1}),
        "": (2, {}),
        "milk": (0, {"unparsed": 2}),
    }
    counted = sum(n for one in found.slices.values() for n in one.left_out.values())
    assert counted == sum(found.left_out.values())
    assert isinstance(found.slices["milk"], Slice)
    shown = found.as_json()["slices"]["topic"]
    assert shown["tea"]["left_out"] == {"unparsed": 1, "no label": 1}
    assert shown["milk"]["metrics"]["tpr"]["undefined"] == "no item here has both a verdict and a label"
