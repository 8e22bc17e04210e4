import pytest

from dikast.errors import DataError
from dikast.judges.evidence import Evidence, choose_examples, gather
from dikast.records import Interaction, Label


def item(id: str, text: str = "a question", labels: tuple[Label, ...] = ()) -> Interaction:
    return Interaction(id=id, input=text, output="an answer", labels=labels)


def label(id: str, verdict: str = "fail", critique: str = "It gives the wrong date.", who: str | None = None) -> Label:
    return Label(id=id, verdict=verdict, critique=critique, annotator=who)  # type: ignore[arg-type]


def evidence(id: str, verdict: str, text: str, critique: str = "It gives the wrong date.") -> Evidence:
    return Evidence(item(id, text), verdict, critique)


def test_labels_come_from_a_file_or_with_the_interaction() -> None:
    beside = gather([item("a"), item("b")], [label("a", "pass")])
    assert [(one.interaction.id, one.verdict) for one in beside.evidence] == [("a", "pass")]
    assert beside.unlabelled == 1
    inside = gather([item("a", labels=(label("a"),))], [])
    assert inside.counts == {"fail": 1}


@pytest.mark.parametrize(
    ("given", "annotator", "verdict"),
    [
        ([label("a", "pass", who="ada"), label("a", "fail", who="ben")], None, None),  # nobody's word binds
        ([label("a", "pass", who="ada"), label("a", "fail", who="ben")], "ben", "fail"),
        ([label("a", "pass", who="ada"), label("a", "fail")], None, "fail"),  # settled
        ([label("a", "pass", who="ada"), label("a", "fail", who="ada")], None, "fail"),  # the later word
        ([label("a", "pass", who="ada")], "ben", None),
    ],
)
def test_one_persons_word_binds(given: list[Label], annotator: str | None, verdict: str | None) -> None:
    gathered = gather([item("a"), item("z")], [*given, label("z", who="ben"), label("z")], annotator=annotator)
    found = {one.interaction.id: one.verdict for one in gathered.evidence}
    assert found.get("a") == verdict
    assert gathered.several == (verdict is None and annotator is None)


def test_of_several_criteria_the_one_that_most_items_have_is_learned_from() -> None:
    """As a measurement does it: a later label on something else is no second thought on the first."""
    polite, right = (
        [Label(id=id, verdict=said, critique="It names the rule.", criterion=name, annotator="ada") for id in ids]
        for name, said, ids in (("polite", "fail", "ab"), ("right", "pass", "abc"))
    )
    found = gather([item(id) for id in "abc"], [*right, *polite])
    assert (found.criterion, found.other_criteria) == ("right", ("polite",))
    assert found.counts == {"pass": 3}
    assert gather([item("a"), item("b")], [right[0], polite[1]]).unlabelled == 1


def test_where_people_differ_on_all_the_way_out_is_named() -> None:
    with pytest.raises(DataError, match="1 disputed") as caught:
        gather([item("a")], [label("a", "pass", who="ada"), label("a", "fail", who="ben")])
    assert "--annotator" in str(caught.value.hint)


def test_labels_without_critiques_are_evidence_that_explains_nothing() -> None:
    gathered = gather([item("a")], [label("a", critique="bad")])
    assert len(gathered.evidence) == 1
    assert gathered.explained == ()


def test_without_labels_there_is_nothing_to_build_from() -> None:
    with pytest.raises(DataError, match="1 without a label") as caught:
        gather([item("a")], [])
    assert "why it passes or fails" in str(caught.value.hint)


def test_examples_are_balanced_and_the_rarer_verdict_goes_first() -> None:
    many = [evidence(f"f{n}", "fail", f"question number {n} about parcels") for n in range(20)]
    few = [evidence(f"p{n}", "pass", f"a thing {n} about refunds") for n in range(3)]
    chosen = choose_examples([*many, *few], 5, room=10**6, size=lambda one: 1)
    assert [one.verdict for one in chosen] == ["pass", "fail", "pass", "fail", "pass"]


def test_examples_are_unlike_each_other() -> None:
    topics = [
        "refund for broken headphones",
        "delivery to Taiwan by ship",
        "發票要怎麼開立",
        "password reset by e-mail",
    ]
    crowd = [evidence(f"{t}-{n}", "fail", f"{topic} please {n}") for t, topic in enumerate(topics) for n in range(5)]
    chosen = choose_examples(crowd, 4, room=10**6, size=lambda one: 1)
    assert {one.interaction.id.partition("-")[0] for one in chosen} == {"0", "1", "2", "3"}


def test_examples_fit_the_room_and_what_is_too_large_is_passed_over() -> None:
    items = [evidence(str(n), "fail", "long " * n) for n in range(1, 30)]
    chosen = choose_examples(items, 10, room=20, size=lambda one: int(one.interaction.id))
    assert sum(int(one.interaction.id) for one in chosen) <= 20
    assert chosen
    assert choose_examples(items, 10, room=0, size=lambda one: 1) == ()
    assert choose_examples(items, 0, room=99, size=lambda one: 1) == ()


def test_unexplained_passes_serve_where_no_pass_is_explained() -> None:
    items = [evidence("f", "fail", "one"), evidence("p", "pass", "two", critique="")]
    assert {one.verdict for one in choose_examples(items, 2, room=99, size=lambda one: 1)} == {"pass", "fail"}
    explained = [*items, evidence("q", "pass", "three", "It answers what was asked.")]
    ids = {one.interaction.id for one in choose_examples(explained, 3, room=99, size=lambda one: 1)}
    assert ids == {"f", "q"}


def test_the_choice_is_the_same_in_every_process() -> None:
    items = [evidence(str(n), "fail" if n % 2 else "pass", f"word{n} word{n % 5} thing") for n in range(40)]
    chosen = [one.interaction.id for one in choose_examples(items, 6, room=99, size=lambda one: 1)]
    assert chosen == [one.interaction.id for one in choose_examples(list(items), 6, room=99, size=lambda one: 1)]
    assert len(set(chosen)) == 6
