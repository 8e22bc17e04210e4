from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dikast.analysis.reasons import ALIKE, SAMPLE, SMELL_COUNT, Reasons, ReasonTally, _similarities, words_of

# The same reason in other words, as judges vary it; each line is one reason.
PARAPHRASES = (
    (
        "The answer doesn't name the document that the claim comes from.",
        "The answer does not name the document from which its claim comes.",
        "It doesn't name the document that this claim comes from.",
    ),
    (
        "Only the first of the two questions is answered.",
        "The customer asked two questions, and only the first is answered.",
        "Of the two questions only the first is answered here.",
    ),
    (
        "The refund period is given as 30 days, but the policy says 14.",
        "It gives a refund period of 60 days, but the policy says 14.",
        "The refund period given is 21 days, while the policy says 14.",
    ),
    (
        "回答沒有引用任何來源，無法確認說法是否正確。",
        "回答未引用任何來源，無法確認其說法。",
        "這個回答沒有引用來源，因此無法確認說法是否正確。",
    ),
    (
        "Der Ton ist unfreundlich und belehrt die Kundin.",
        "Unfreundlicher Ton; die Antwort belehrt die Kundin.",
        "Der Ton ist unfreundlich, und die Kundin wird belehrt.",
    ),
)


def reasons_of(critiques: list[tuple[str, str]]) -> Reasons:
    tally = ReasonTally()
    for at, (critique, outcome) in enumerate(critiques):
        tally.add(f"i{at}", critique, outcome)
    return tally.reasons()


def test_the_threshold_lies_between_other_words_and_other_reasons() -> None:
    texts = [text for reason in PARAPHRASES for text in reason]
    reason_of = [at for at, reason in enumerate(PARAPHRASES) for _ in reason]
    cosines = _similarities(texts)
    same, other = [], []
    for one, two in itertools.combinations(range(len(texts)), 2):
        (same if reason_of[one] == reason_of[two] else other).append(float(cosines[one, two]))
    assert max(other) < ALIKE / 2
    assert sum(cosine >= ALIKE for cosine in same) >= len(same) / 3


def test_paraphrases_gather_in_groups_with_their_outcomes() -> None:
    critiques = [(text, "fail") for reason in PARAPHRASES for text in reason] * 3
    found = reasons_of(critiques)
    assert 5 <= len(found.groups) <= 8
    assert sum(group.count for group in found.groups) >= 0.8 * len(critiques)
    assert all(group.outcomes == {"fail": group.count} for group in found.groups)
    assert all(group.text in dict(critiques) for group in found.groups)


def test_groups_that_argued_for_a_fail_stand_before_larger_ones() -> None:
    found = reasons_of([("All good, every claim holds.", "pass")] * 9 + [("No source is named.", "fail")] * 2)
    assert [(group.text, group.count) for group in found.groups] == [
        ("No source is named.", 2),
        ("All good, every claim holds.", 9),
    ]


def test_one_sentence_for_everything_smells() -> None:
    found = reasons_of([("The answer is  good.", "pass"), ("the answer is good.", "pass")] * 10)
    assert found.repeated[0].count == 20
    assert found.smell is not None
    assert "20 times (100 % of its critiques)" in found.smell


def test_a_few_repetitions_do_not_smell() -> None:
    varied = [(f"Reason number {i} concerns item {i * 7}", "fail") for i in range(200)]
    found = reasons_of([*varied, *[("The same.", "fail")] * SMELL_COUNT])
    assert found.repeated[0].count == SMELL_COUNT
    assert found.smell is None


def test_missing_critiques_are_counted() -> None:
    tally = ReasonTally()
    tally.add("a", None, "pass")
    found = tally.reasons()
    assert (found.n, found.without, found.groups, found.smell) == (0, 1, (), None)


def test_the_sample_does_not_depend_on_the_order() -> None:
    critiques = [(f"i{i}", f"Point {i % 7} is wrong in case {i}") for i in range(SAMPLE + 200)]
    forwards, backwards = ReasonTally(), ReasonTally()
    for id, text in critiques:
        forwards.add(id, text, "fail")
    for id, text in reversed(critiques):
        backwards.add(id, text, "fail")
    one, two = forwards.reasons(), backwards.reasons()
    assert one.sampled == two.sampled == SAMPLE
    assert sorted(group.count for group in one.groups) == sorted(group.count for group in two.groups)


def test_characters_are_words_where_a_script_has_no_spaces() -> None:
    assert words_of("沒有來源") == ["沒", "有", "來", "源", "沒 有", "有 來", "來 源"]
    assert words_of("") == []


@given(st.lists(st.text(max_size=30), max_size=25))
def test_any_text_can_be_grouped(texts: list[str]) -> None:
    found = reasons_of([(text, "fail") for text in texts])
    assert found.n == len(texts)
    assert sum(group.count for group in found.groups) <= len(texts)
