"""Two runs against each other: the differences by hand and by statsmodels, how items are matched, and what is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from dikast.agreement.comparison import (
    Difference,
    corrected_difference,
    directions,
    judges,
    judges_by_choice,
    judges_by_order,
    kappa_difference,
    systems_by_score,
    systems_by_word,
)
from dikast.agreement.confusion import Confusion
from dikast.agreement.corrected import Refused
from dikast.agreement.estimate import Estimate, Figure, Undefined
from dikast.agreement.paired import mcnemar_exact, paired_difference
from dikast.agreement.pairing import Pairing, Side, pair_runs
from dikast.agreement.two_runs import TwoRuns, compare_runs, points
from dikast.errors import DataError, InputError
from dikast.records import Interaction, JudgeRef, Label, Verdict

# Labels: 6 pass, 4 fail. The first is right on 5 of the passes and 3 of the fails, the second on 3 and 4.
LABELS = ["pass"] * 6 + ["fail"] * 4
FIRST = ["pass"] * 5 + ["fail"] + ["fail"] * 3 + ["pass"]
SECOND = ["pass"] * 3 + ["fail"] * 3 + ["fail"] * 4

words = st.lists(st.tuples(*[st.sampled_from(["pass", "fail"])] * 3), min_size=1, max_size=40)


def value(figure: Figure) -> float:
    assert isinstance(figure, Estimate), figure
    assert figure.low <= figure.value <= figure.high
    return figure.value


def by_name(found: Sequence[Difference]) -> dict[str, Difference]:
    return {one.name: one for one in found}


def test_two_judges_by_hand() -> None:
    found = by_name(judges(FIRST, SECOND, LABELS))
    # TPR 5/6 and 3/6; TNR 3/4 and 4/4; accuracy 8/10 and 7/10
    assert value(found["tpr"].difference) == pytest.approx(5 / 6 - 3 / 6)
    assert value(found["tnr"].difference) == pytest.approx(3 / 4 - 4 / 4)
    assert value(found["accuracy"].difference) == pytest.approx(0.1)
    # balanced: (5/6 + 3/4) / 2 − (3/6 + 4/4) / 2
    assert value(found["balanced_accuracy"].difference) == pytest.approx((5 / 6 + 3 / 4) / 2 - 0.75)
    # κ₁: p_o .8, p_e .6·.6 + .4·.4 = .52; κ₂: p_o .7, p_e .3·.6 + .7·.4 = .46
    assert value(found["cohen_kappa"].difference) == pytest.approx(0.28 / 0.48 - 0.24 / 0.54)
    for one in found.values():
        assert value(one.first) - value(one.second) == pytest.approx(value(one.difference))
    # passes: 2 on which just the first is right, none the other way: 2 · ½² = ½; fails: 1 and none: 2 · ½ = 1
    assert (found["tpr"].mcnemar_p, found["tnr"].mcnemar_p) == (0.5, 1.0)
    # all ten: 2 to 1: p = min(1, 2 · P(X ≤ 1 of 3)) = min(1, 2 · 4/8)
    assert found["accuracy"].mcnemar_p == 1.0
    assert found["balanced_accuracy"].mcnemar_p is None
    assert found["cohen_kappa"].mcnemar_p is None


@given(words)
def test_two_judges_as_statsmodels_and_the_paired_difference_have_it(rows: list[tuple[str, str, str]]) -> None:
    first, second, labels = (list(column) for column in zip(*rows, strict=True))
    accuracy = by_name(judges(first, second, labels))["accuracy"]
    rights = [[a == b for a, b in zip(judge, labels, strict=True)] for judge in (first, second)]
    table = [[0, 0], [0, 0]]
    for a, b in zip(*rights, strict=True):
        table[a][b] += 1
    assert accuracy.mcnemar_p == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert accuracy.mcnemar_p == mcnemar_exact(*rights)
    assert accuracy.difference == paired_difference(*rights)


@given(words)
def test_swapping_the_judges_turns_the_sign(rows: list[tuple[str, str, str]]) -> None:
    first, second, labels = (list(column) for column in zip(*rows, strict=True))
    for one, other in zip(judges(first, second, labels), judges(second, first, labels), strict=True):
        assert (one.first, one.second, one.mcnemar_p) == (other.second, other.first, other.mcnemar_p)
        if isinstance(one.difference, Undefined):
            assert isinstance(other.difference, Undefined)
        elif one.name != "cohen_kappa":  # whose interval is drawn
            assert value(other.difference) == pytest.approx(-one.difference.value)
            assert isinstance(other.difference, Estimate)
            assert (other.difference.low, other.difference.high) == pytest.approx(
                (-one.difference.high, -one.difference.low)
            )
        else:
            assert value(other.difference) == pytest.approx(-one.difference.value)


@given(words)
def test_a_judge_never_leads_itself(rows: list[tuple[str, str, str]]) -> None:
    first, _, labels = (list(column) for column in zip(*rows, strict=True))
    for one in judges(first, first, labels):
        assert one.tells == 0
        if isinstance(one.difference, Estimate):
            assert one.difference.value == pytest.approx(0)


def test_one_class_or_no_items_is_undefined_and_has_no_p() -> None:
    found = by_name(judges(["pass", "fail"], ["pass", "pass"], ["pass", "pass"]))
    assert isinstance(found["balanced_accuracy"].difference, Undefined)
    assert isinstance(found["tnr"].difference, Undefined)
    assert found["tnr"].mcnemar_p is None
    assert all(isinstance(one.difference, Undefined) and one.mcnemar_p is None for one in judges([], [], []))
    assert isinstance(systems_by_word([], []).difference, Undefined)
    assert isinstance(systems_by_score([], []).difference, Undefined)
    assert isinstance(judges_by_choice(["a"], ["b"], ["tie"])[0].difference, Undefined)
    # both only ever say pass, and so do people: κ is 0/0
    assert isinstance(kappa_difference(["pass"] * 3, ["pass"] * 3, ["pass"] * 3), Undefined)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: judges(["pass"], ["pass", "fail"], ["pass", "fail"]),
        lambda: judges(["pass"], ["pass"], ["pass"], groups=["x", "y"]),
        lambda: judges(["pass"], ["pass"], ["perhaps"]),
        lambda: judges_by_choice(["a"], ["a", "b"], ["a", "b"]),
        lambda: judges_by_order([1.0], [1.0, 2.0], [1.0, 2.0]),
        lambda: systems_by_word(["pass"], ["pass", "fail"]),
        lambda: systems_by_score([1.0], [1.0, 2.0]),
    ],
)
def test_lengths_and_words_that_do_not_fit_are_wrong_input(ask: Callable[[], object]) -> None:
    with pytest.raises(InputError):
        ask()


def test_pairs_leave_ties_of_people_out() -> None:
    # without the tie: the first is right on 3 of 3, the second on 1 of 3
    found = judges_by_choice(["a", "b", "a", "a"], ["b", "b", "tie", "tie"], ["a", "b", "a", "tie"])[0]
    assert (value(found.first), value(found.second)) == (1.0, pytest.approx(1 / 3))
    assert value(found.difference) == pytest.approx(2 / 3)
    assert found.mcnemar_p == 0.5  # 2 to none


def test_scores_are_compared_by_order() -> None:
    # the first has people's order (Spearman 1), the second its reverse (−1)
    people = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    found = judges_by_order(people, people[::-1], people)[0]
    assert found.name == "spearman"
    assert (value(found.first), value(found.second), value(found.difference)) == pytest.approx((1, -1, 2))
    # of 2 · 2 pairs of a good and a bad item the first has 3 in order, the second 4
    good = [False, False, True, True]
    found = judges_by_order([1, 3, 2, 4], [1, 2, 3, 4], good)[0]
    assert found.name == "auc"
    assert (value(found.first), value(found.second), value(found.difference)) == pytest.approx((0.75, 1, -0.25))


def test_two_systems_by_hand() -> None:
    # 3 of 4 and 1 of 4 passed; just the first on 2, just the second on none
    found = systems_by_word(["pass", "pass", "pass", "fail"], ["pass", "fail", "fail", "fail"])
    assert (value(found.first), value(found.second), value(found.difference)) == (0.75, 0.25, 0.5)
    assert found.mcnemar_p == 0.5
    # (5 + 3 + 4) / 3 − (2 + 3 + 1) / 3
    scored = systems_by_score([5, 3, 4], [2, 3, 1], span=(1, 5))
    assert value(scored.difference) == pytest.approx(2)
    assert value(systems_by_score([3, 3], [3, 3]).difference) == 0
    assert systems_by_score([3, 3], [3, 3]).tells == 0
    many = systems_by_word(["pass"] * 60, ["fail"] * 60)
    assert (many.tells, systems_by_word(["fail"] * 60, ["pass"] * 60).tells) == (1, -1)


def test_the_corrected_difference_by_hand() -> None:
    # TPR 45/50, TNR 40/50: (20 − 10)/100 / (0.9 + 0.8 − 1)
    found = corrected_difference(50, 20, 10, 20, Confusion(45, 5, 10, 40))
    assert isinstance(found, Estimate)
    assert found.value == pytest.approx(0.1 / 0.7)
    turned = corrected_difference(50, 10, 20, 20, Confusion(45, 5, 10, 40))
    assert isinstance(turned, Estimate)
    assert turned.value == -found.value
    # with a judge that never errs, beyond doubt, it is the difference itself
    sure = corrected_difference(50, 20, 10, 20, Confusion(100_000, 0, 0, 100_000))
    assert isinstance(sure, Estimate)
    assert sure.value == pytest.approx(0.1)
    assert isinstance(corrected_difference(5, 5, 5, 5, Confusion(5, 5, 5, 5)), Refused)
    assert isinstance(corrected_difference(0, 0, 0, 0, Confusion(45, 5, 10, 40)), Refused)


def test_directions_are_counted_the_commonest_first() -> None:
    counted = directions(["pass", "fail", "pass", "pass"], ["fail", "fail", "pass", "fail"])
    assert list(counted.items()) == [(("pass", "fail"), 2), (("fail", "fail"), 1), (("pass", "pass"), 1)]


# Runs, matched and compared.


def side(
    name: str,
    said: dict[str, Any],
    *,
    inputs: dict[str, Any] | None = None,
    output: str | None = None,
    judge: str = "j",
    **more: Any,
) -> Side:
    """A run: id to what was said (None: unparsed). inputs: id to input; output: in front of each."""
    ref = JudgeRef(judge, "v1")
    verdicts = []
    for id, word in said.items():
        if word is None:
            verdicts.append(Verdict(id=id, status="unparsed", reason="no JSON: the answer has none", judge=ref))
        elif isinstance(word, str):
            verdicts.append(Verdict(id=id, status="scored", verdict=word, judge=ref, **more))  # type: ignore[arg-type]
        elif isinstance(word, dict):
            verdicts.append(Verdict(id=id, status="scored", verdict="pass", scores=word, judge=ref, **more))
        else:
            verdicts.append(Verdict(id=id, status="scored", scores={"overall": word}, judge=ref, **more))
    items = {}
    if inputs is not None:
        items = {
            id: Interaction(id=id, input=text, output=f"{output or 'answer'} to {text}") for id, text in inputs.items()
        }
    return Side(name, tuple(verdicts), items.get)


def alternating(n: int, *, flip: Sequence[int] = (), prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}{i}": "pass" if (i % 2 == 0) != (i in flip) else "fail" for i in range(n)}


def labels(n: int, prefix: str = "") -> list[Label]:
    return [Label(id=f"{prefix}{i}", verdict="pass" if i % 2 == 0 else "fail") for i in range(n)]


def texts(n: int, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}{i}": f"question {i}" for i in range(n)}


def test_items_in_one_run_only_and_those_without_a_verdict_are_left_out_and_counted() -> None:
    first = side("old", {"a": "pass", "b": "pass", "c": None, "d": "pass", "e": "fail"}, judge="x")
    second = side("new", {"b": "fail", "c": "pass", "d": None, "z": "pass", "e": "fail"}, judge="y")
    found = pair_runs(first, second)
    assert [(pair.first.id, pair.second.id) for pair in found.pairs] == [("b", "b"), ("e", "e")]
    assert found.left_out == {"only in old": 1, "only in new": 1, "old: unparsed": 1, "new: unparsed": 1}
    assert found.by == "id"


def test_ids_that_do_not_meet_are_matched_by_input() -> None:
    first = side("old", alternating(4), inputs=texts(4))
    second = side("new", alternating(4, prefix="n-"), inputs=texts(4, "n-"))
    found = pair_runs(first, second)
    assert (found.by, found.kind) == ("input", "judges")
    assert [pair.second.id for pair in found.pairs] == ["n-0", "n-1", "n-2", "n-3"]


def test_an_input_that_stands_twice_matches_nothing() -> None:
    twice = {"0": "the same", "1": "the same", "2": "another"}
    first = side("old", alternating(3), inputs=twice)
    second = side("new", alternating(3, prefix="n-"), inputs={"n-0": "the same", "n-1": "x", "n-2": "another"})
    assert [pair.first.id for pair in pair_runs(first, second).pairs] == ["2"]


def of_context(name: str, prefix: str, contexts: Sequence[str], inputs: Sequence[str]) -> Side:
    """A system that was given these contexts."""
    items = {
        f"{prefix}{i}": Interaction(id=f"{prefix}{i}", input=text, output=f"{name} {i}", context=context)
        for i, (text, context) in enumerate(zip(inputs, contexts, strict=True))
    }
    return Side(name, side(name, dict.fromkeys(items, "pass")).verdicts, items.get)


@pytest.mark.parametrize(("prefix", "by"), [("", "id"), ("n-", "input")])
def test_systems_that_were_given_different_context_are_matched(prefix: str, by: str) -> None:
    first = of_context("old", "", ["p 1", "p 2"], ["question 1", "question 2"])
    second = of_context("new", prefix, ["p 7", "p 8"], ["question 1", "question 2"])
    found = pair_runs(first, second)
    assert (len(found.pairs), found.by, found.kind) == (2, by, "systems")


def test_context_tells_equal_inputs_apart() -> None:
    first = of_context("old", "", ["p 1", "p 2"], ["summarise", "summarise"])
    second = of_context("new", "n-", ["p 2", "p 1"], ["summarise", "summarise"])
    assert [(p.first.id, p.second.id) for p in pair_runs(first, second).pairs] == [("0", "n-1"), ("1", "n-0")]


def test_ids_that_stand_for_something_else_are_not_matched() -> None:
    first = side("old", alternating(3), inputs=texts(3))
    with pytest.raises(DataError, match="different datasets"):
        pair_runs(first, side("new", alternating(3), inputs={str(i): f"other {i}" for i in range(3)}))
    turned = side("new", alternating(3), inputs={"0": "question 2", "1": "question 1", "2": "question 0"})
    found = pair_runs(first, turned)
    assert (found.by, [pair.second.id for pair in found.pairs]) == ("input", ["2", "1", "0"])


def test_nothing_that_matches_is_a_clear_error() -> None:
    with pytest.raises(DataError, match="are like '0', '1'; those of 'new' like 'n-0', 'n-1'; their inputs are not"):
        pair_runs(side("old", alternating(2)), side("new", alternating(2, prefix="n-")))
    with pytest.raises(DataError, match="no input is the same either"):
        pair_runs(
            side("old", alternating(1), inputs=texts(1)), side("new", {"z": "pass"}, inputs={"z": "something else"})
        )
    with pytest.raises(DataError, match="'new' has no verdicts"):
        pair_runs(side("old", alternating(2)), side("new", {}))
    with pytest.raises(DataError, match="no item has a verdict in both 'old' and 'new': 1: new: unparsed"):
        pair_runs(side("old", {"0": "pass"}), side("new", {"0": None}))


@pytest.mark.parametrize(
    ("outputs", "judges_are", "kind"),
    [
        (("one", "one"), ("x", "y"), "judges"),
        (("one", "one"), ("x", "x"), "judges"),
        (("one", "two"), ("x", "x"), "systems"),
        (("one", "two"), ("x", "y"), "systems"),
        ((None, None), ("x", "y"), "judges"),
        ((None, None), ("x", "x"), "systems"),
    ],
)
def test_judges_or_systems_is_told_from_the_outputs_or_else_from_the_judges(
    outputs: tuple[str | None, str | None], judges_are: tuple[str, str], kind: str
) -> None:
    first, second = (
        side(name, alternating(4), inputs=texts(4) if output else None, output=output, judge=judge)
        for name, output, judge in zip(("old", "new"), outputs, judges_are, strict=True)
    )
    found = pair_runs(first, second)
    assert found.kind == kind
    assert found.same_judge == (judges_are[0] == judges_are[1])


def test_one_output_that_differs_makes_two_systems() -> None:
    first = side("old", alternating(4), inputs=texts(4), judge="x")
    changed = {id: Interaction(id=id, input=text, output=f"answer to {text}") for id, text in texts(4).items()}
    changed["2"] = Interaction(id="2", input="question 2", output="another answer")
    found = pair_runs(first, Side("new", first.verdicts, changed.get))
    assert (found.kind, found.why) == ("systems", "the outputs differ on 1 of 4 items with the same id")


def paired(first: dict[str, Any], second: dict[str, Any], kind: Literal["judges", "systems"] = "judges") -> Pairing:
    made = side("old", first, judge="x"), side("new", second, judge="y" if kind == "judges" else "x")
    return pair_runs(*made)


def compared(first: dict[str, Any], second: dict[str, Any], given: Sequence[Label] = (), **asked: Any) -> TwoRuns:
    return compare_runs(paired(first, second, asked.pop("kind", "judges")), (given, ()), **asked)


def test_the_better_of_two_judges_is_named_only_beyond_chance() -> None:
    wrong = range(0, 60, 3)  # 20 of 60, 10 of each class
    found = compared(alternating(60), alternating(60, flip=wrong), labels(60))
    assert found.better == "old"
    assert found.sentence.startswith("old is better than new: its balanced accuracy is higher by 33.3 points (")
    turned = compared(alternating(60, flip=wrong), alternating(60), labels(60))
    assert turned.better == "new"
    assert "higher by 33.3 points" in turned.sentence
    little = compared(alternating(60), alternating(60, flip=[0]), labels(60))
    assert little.better is None
    # one of 30 passes: 1/30 of TPR, half of that in the mean
    assert "is better by more than chance: the difference in balanced accuracy is 1.7 points" in little.sentence
    assert "more items to tell" in little.sentence
    assert [(one.id, one.first, one.second, one.label) for one in little.discordant] == [("0", "pass", "fail", "pass")]


@pytest.mark.parametrize("given", [(), labels(40)])
@pytest.mark.parametrize("kind", ["judges", "systems"])
def test_a_run_is_never_better_than_itself(given: Sequence[Label], kind: str) -> None:
    run = alternating(40, flip=[3, 4, 5])
    found = compared(run, run, given, kind=kind)
    assert found.better is None
    assert all(value(one.difference) == pytest.approx(0) for one in found.differences)
    assert found.discordant == ()
    if isinstance(found.corrected, Estimate):
        assert found.corrected.value == 0


def test_without_labels_it_is_not_said_which_judge_is_right() -> None:
    found = compared(alternating(20), alternating(20, flip=[0, 2, 4, 6, 8, 10]))
    assert found.better is None
    # 14 of 20 alike
    assert "the same verdict on 70.0 % of 20 items" in found.sentence
    assert found.sentence.endswith("Which is right can't be said without people's labels.")
    assert value(found.accord["same_verdict"]) == 0.7
    assert found.directions == {("fail", "fail"): 10, ("pass", "fail"): 6, ("pass", "pass"): 4}


def test_two_systems_are_compared_and_corrected_with_labels_of_either() -> None:
    said = {str(i): "pass" for i in range(60)}, {str(i): "pass" if i < 20 else "fail" for i in range(60)}
    found = compared(*said, kind="systems")
    assert found.better == "old"
    assert "old is better than new, as this judge sees it: its pass rate is higher by 66.7 points" in found.sentence
    given = [Label(id=str(i), verdict="pass" if i < 22 else "fail", drawn="random") for i in range(60)]
    corrected = compare_runs(paired(*said, "systems"), ((), given))
    assert isinstance(corrected.corrected, Estimate)
    # of the labels of the second's items the judge has 20 of 22 passes and 38 of 38 fails: 40/60 / (20/22 + 1 − 1)
    assert corrected.corrected.value == pytest.approx(40 / 60 / (20 / 22))
    assert "corrected for the judge's errors, is higher by 73.3 points" in corrected.sentence
    refused = compare_runs(paired(*said, "systems"), unusable="these labels are nobody's")
    assert refused.corrected == Refused("these labels are nobody's")


@pytest.mark.parametrize(
    ("given", "criterion", "why"),
    [
        ([Label(id="elsewhere", verdict="pass")], None, "no label belongs to an item"),
        ([Label(id="0", score=3)], None, "the label has a score and no verdict"),
        ([Label(id="0", verdict="pass", criterion="facts")], "tone", "'tone' fits 0"),
    ],
)
def test_labels_that_do_not_fit_two_systems_are_told(given: list[Label], criterion: str | None, why: str) -> None:
    said = {str(i): {"tone": "pass"} for i in range(10)}
    pairing = pair_runs(side("old", said), side("new", said), criterion=criterion)
    found = compare_runs(pairing, (given, ()), criterion=criterion)
    assert isinstance(found.corrected, Refused)
    assert why in found.corrected.why


def test_systems_under_two_judges_are_not_ranked() -> None:
    first = side("old", dict.fromkeys(texts(40), "pass"), inputs=texts(40), output="one", judge="x")
    second = side("new", dict.fromkeys(texts(40), "fail"), inputs=texts(40), output="two", judge="y")
    found = compare_runs(pair_runs(first, second))
    assert found.better is None
    assert "each was judged by another judge" in found.sentence
    assert any("mixes systems and judges" in note for note in found.notes)


def test_scores_are_compared_by_mean_and_by_correlation() -> None:
    low, high = {str(i): 1 + i % 3 for i in range(40)}, {str(i): 2 + i % 3 for i in range(40)}
    found = compared(low, high, kind="systems", judge_scale=(1, 5))
    assert found.differences[0].name == "mean_score"
    assert value(found.differences[0].difference) == pytest.approx(-1)
    assert found.better == "new"
    people = [Label(id=str(i), score=1 + i % 3) for i in range(40)]
    # higher by one throughout: the order is the same, so neither is better
    ordered = compared(low, high, people, judge_scale=(1, 5))
    assert ordered.differences[0].name == "spearman"
    assert value(ordered.differences[0].difference) == pytest.approx(0)
    assert ordered.better is None
    assert len(ordered.discordant) == 40
    assert value(ordered.accord["exact"]) == 0
    against = compared(low, {str(i): 4 - i % 3 for i in range(40)}, labels(40), judge_scale=(1, 5))
    assert against.differences[0].name == "auc"


def test_pairs_are_compared_by_the_share_of_a_and_by_agreement_with_people() -> None:
    first, second = {str(i): "a" for i in range(40)}, {str(i): "b" if i < 30 else "tie" for i in range(40)}
    found = compared(first, second)
    assert found.differences[0].name == "a_rate"
    assert found.better is None
    people = [Label(id=str(i), verdict="a" if i < 38 else "tie") for i in range(40)]
    labelled = compared(first, second, people)
    assert labelled.differences[0].name == "accuracy_without_ties"
    assert labelled.better == "old"
    assert labelled.n_labelled == 40


def test_runs_that_say_different_kinds_of_things_are_refused() -> None:
    with pytest.raises(DataError, match="don't say the same kind of thing"):
        compared({"0": "pass"}, {"0": 3})


def test_labels_go_by_the_ids_of_the_run_that_they_are_of() -> None:
    """The second run has the same ids in reverse, so a label that went by the wrong run's would be of another item."""
    n = 30
    backwards = {str(n - 1 - i): f"question {i}" for i in range(n)}
    first = side("old", alternating(n), inputs=texts(n), judge="x")
    second = side("new", alternating(n), inputs=backwards, judge="y")
    pairing = pair_runs(first, second)
    assert (pairing.by, pairing.kind) == ("input", "judges")
    # people agree with the first throughout; the second says the opposite of each, n being even
    of_second = [Label(id=str(n - 1 - i), verdict="fail" if i % 2 else "pass") for i in range(n)]
    for of_both in ((labels(n), ()), ((), of_second), (labels(n), of_second)):
        found = compare_runs(pairing, of_both)
        accuracy = by_name(found.differences)["accuracy"]
        assert (value(accuracy.first), value(accuracy.second), found.n_labelled) == (1.0, 0.0, n)


def test_a_criterion_is_compared_with_labels_of_it_alone() -> None:
    n = 40
    first = {str(i): {"tone": "pass", "facts": "pass"} for i in range(n)}
    second = {str(i): {"tone": "fail", "facts": "pass"} for i in range(n)}
    people = [Label(id=str(i), verdict="pass", criterion="facts") for i in range(n)]
    people += [Label(id=str(i), verdict="fail", criterion="tone") for i in range(n - 10)]
    pairing = pair_runs(side("old", first, judge="x"), side("new", second, judge="y"), criterion="tone")
    found = compare_runs(pairing, (people, ()), criterion="tone")
    accuracy = by_name(found.differences)["accuracy"]
    assert (value(accuracy.first), value(accuracy.second), found.n_labelled) == (0.0, 1.0, 30)


def test_an_unknown_criterion_is_wrong_input_and_a_missing_one_is_counted() -> None:
    first = side("old", {"0": {"tone": "pass"}, "1": {"tone": "pass"}}, judge="x")
    with pytest.raises(InputError, match="'tune'; the criteria here are: 'tone'"):
        pair_runs(first, first, criterion="tune")
    second = side("new", {"0": {"tone": "fail"}, "1": {"facts": "fail"}}, judge="y")
    found = pair_runs(first, second, criterion="tone")
    assert [(pair.first.verdict, pair.second.verdict) for pair in found.pairs] == [("pass", "fail")]
    assert found.left_out == {"new: no verdict on 'tone'": 1}


def test_slices_are_each_values_difference() -> None:
    first = side("old", alternating(20), judge="x", metadata={"feature": "tea"})
    second = side("new", alternating(20, flip=[0, 1]), judge="y")
    found = compare_runs(pair_runs(first, second), (labels(20), ()), by="feature")
    assert list(found.slices) == ["tea"]
    assert found.slices["tea"].difference == found.differences[0].difference
    with pytest.raises(InputError, match="'topic'; the keys here are: feature"):
        compare_runs(pair_runs(first, second), by="topic")


def test_labels_that_are_of_no_item_or_of_another_kind() -> None:
    some = compared(alternating(10), alternating(10), [*labels(6), Label(id="elsewhere", verdict="pass")])
    assert (some.n, some.n_labelled) == (10, 6)
    assert some.left_out == {"not labelled, or the label is of another kind": 4}
    with pytest.raises(DataError, match="no label belongs to an item"):
        compared(alternating(4), alternating(4), [Label(id="elsewhere", verdict="pass")])
    assert compared(alternating(4), alternating(4), unusable="they are torn").notes[-1].endswith("they are torn")


def test_points() -> None:
    figure = Estimate(-0.05, -0.09, 0.01, 80, "x")
    assert points(figure, "tpr") == "-5.0 points (-9.0 to 1.0)"
    assert points(figure, "spearman") == "-0.05 (-0.09 to 0.01)"
