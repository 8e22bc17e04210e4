"""Verdicts and labels, brought together: what is compared, and what is left out and why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dikast.agreement.matching import match, settle
from dikast.errors import DataError, InputError
from dikast.records import Label, Verdict

MakeVerdict = Callable[..., Verdict]
MakeLabel = Callable[..., Label]


def test_what_is_left_out_is_counted_by_reason(verdict: MakeVerdict, label: MakeLabel) -> None:
    verdicts = [
        verdict("1", "pass"),
        verdict("2", "fail"),
        verdict("3"),
        verdict("4", status="refused"),
        verdict("5", "pass"),
        verdict("6", "pass"),
        verdict("7", "pass"),
    ]
    labels = [label("1", "pass"), label("2", "pass"), label("3", "pass"), label("4", "fail"), label("9", "fail")]
    labels += [label("6", "pass", annotator="x"), label("6", "fail", annotator="y"), label("7", 3.0)]
    found = match(verdicts, labels)
    assert found.family == "pass_fail"
    assert [v.id for v in found.verdicts] == ["1", "2"]
    assert found.left_out == {
        "unparsed": 1,
        "refused": 1,
        "no label": 1,
        "the annotators are evenly split": 1,
        "the label has a score and no verdict": 1,
        "labelled, but not in this run": 1,
    }


def test_a_settled_label_binds_and_people_vote_otherwise(label: MakeLabel) -> None:
    people = [label("1", "fail", annotator=name) for name in "xyz"]
    assert settle([label("1", "pass"), *people]).verdict == "pass"
    assert len(settle([label("1", "pass"), *people]).raters) == 3
    assert settle([*people[:2], label("1", "pass", annotator="z")]).verdict == "fail"
    scores = settle([label("1", 2.0, annotator="x"), label("1", 5.0, annotator="y")])
    assert (scores.score, scores.verdict) == (3.5, None)


def test_the_last_word_of_one_person_binds(verdict: MakeVerdict, label: MakeLabel) -> None:
    labels = [label("1", "pass", annotator="x"), label("1", "fail", annotator="x")]
    found = match([verdict("1", "fail")], labels)
    assert found.labels[0].verdict == "fail"
    assert found.superseded == 1


def test_labels_without_a_name_may_be_several_peoples(verdict: MakeVerdict, label: MakeLabel) -> None:
    found = match([verdict("1", "fail")], [label("1", "pass"), label("1", "fail"), label("1", "pass")])
    assert found.labels[0].verdict == "pass"
    assert len(found.labels[0].raters) == 3


@pytest.mark.parametrize(
    ("said", "labelled", "family"),
    [("pass", "fail", "pass_fail"), ("a", "tie", "pairwise"), (4, 3.0, "ordinal"), (4, "pass", "ranking")],
)
def test_family(verdict: MakeVerdict, label: MakeLabel, said: str | float, labelled: str | float, family: str) -> None:
    assert match([verdict("1", said)], [label("1", labelled)]).family == family


def test_the_commonest_criterion_is_compared_and_others_are_named(verdict: MakeVerdict, label: MakeLabel) -> None:
    verdicts = [verdict(id, 3) for id in "12"]
    labels = [label(id, 3.0, criterion="Fluency: it reads well") for id in "12"]
    labels += [label("1", 5.0, criterion="Relevance"), label("2", 4.0, annotator="x")]
    found = match(verdicts, labels)
    assert (found.criterion, found.other_criteria) == ("Fluency: it reads well", ("Relevance",))
    assert found.labels[1].raters[0].annotator == "x"  # an unnamed criterion is the main one
    asked = match(verdicts, labels, criterion="relev")
    assert [settled.score for settled in asked.labels] == [5.0]
    assert asked.left_out == {"labelled on another criterion": 1}
    with pytest.raises(
        InputError, match="'Depth' fits 0 of the labels' criteria: 'Fluency: it reads well', 'Relevance'"
    ):
        match(verdicts, labels, criterion="Depth")


def test_the_judges_own_score_on_a_criterion_is_compared(verdict: MakeVerdict, label: MakeLabel) -> None:
    judged = Verdict(
        id="1", status="scored", scores={"fluency": 5, "overall": 2}, judge=verdict("1", "pass").judge, confidence=0.9
    )
    found = match([judged], [label("1", 4.0, criterion="Fluency")], criterion="Fluency")
    assert found.verdicts[0].overall == 5
    assert found.verdicts[0].confidence is None  # that was of the overall verdict


def test_nothing_in_common_shows_ids_of_both_sides(verdict: MakeVerdict, label: MakeLabel) -> None:
    verdicts = [verdict(f"qa-{i}", "pass") for i in range(5)]
    with pytest.raises(DataError, match=r"ids are like 'qa-0', 'qa-1', 'qa-2'; the labels' are like '0', '1', '2'"):
        match(verdicts, [label(str(i), "pass") for i in range(5)])
    with pytest.raises(DataError, match="no item can be compared \\(1: unparsed\\)"):
        match([verdict("1")], [label("1", "pass")])
    with pytest.raises(DataError, match="there are no labels"):
        match(verdicts, [])
    with pytest.raises(DataError, match="no verdicts"):
        match([], [label("1", "pass")])
