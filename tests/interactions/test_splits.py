"""Splits: nothing moves, nothing straddles, the order of a file says nothing."""

from __future__ import annotations

import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from dikast.interactions.splits import SHARES, Part, make_split
from dikast.interactions.units import normal_text, unit_of
from dikast.records import Interaction, Label

PARTS = {"pool", "dev", "test", "aside"}


def text(n: int, length: int = 64) -> str:
    return hashlib.sha512(str(n).encode()).hexdigest()[:length]


def item(n: int, input: str | None = None, **fields: object) -> Interaction:
    return Interaction(id=f"i{n}", input=text(n) if input is None else input, output=str(n), **fields)  # type: ignore[arg-type]


def split_sizes(items: list[Interaction], **given: object) -> Counter[Part | None]:
    split = make_split(items, **given)  # type: ignore[arg-type]
    return Counter(split.part_of(one) for one in items)


numbers = st.lists(st.integers(0, 60), min_size=1, max_size=40, unique=True)


@given(numbers, numbers, st.randoms(use_true_random=False))
def test_adding_items_in_any_order_never_moves_one(first: list[int], later: list[int], random: object) -> None:
    items = [item(n) for n in first]
    before = make_split(items)
    both = items + [item(n + 30) for n in later]
    random.shuffle(both)  # type: ignore[attr-defined]
    after = make_split(both, kept=before.parts)
    assert {unit: after.parts[unit] for unit in before.parts} == before.parts
    assert {after.part_of(one) for one in both} <= PARTS


@given(numbers, st.randoms(use_true_random=False))
def test_the_order_of_a_file_and_the_ids_say_nothing(given: list[int], random: object) -> None:
    items = [item(n) for n in given]
    parts = make_split(items).parts
    random.shuffle(items)  # type: ignore[attr-defined]
    assert make_split([Interaction(id=f"x{at}", input=one.input) for at, one in enumerate(items)]).parts == parts


variants = st.sampled_from(["{}", " {} ", "{}.", "{}!", "\n{}", "ok {}"])


@given(st.lists(st.tuples(st.integers(0, 15), variants, st.booleans()), min_size=2, max_size=40))
def test_near_duplicates_never_straddle(given: list[tuple[int, str, bool]]) -> None:
    """Whichever of them were there first, all spellings of one text end up on one side."""
    items = [item(at, variant.format(text(n, 100))) for at, (n, variant, _) in enumerate(given)]
    early = [one for one, (_, _, first) in zip(items, given, strict=True) if first]
    split = make_split(items, kept=make_split(early).parts)
    by_text: dict[int, set[Part | None]] = {}
    for one, (n, _, _) in zip(items, given, strict=True):
        by_text.setdefault(n, set()).add(split.part_of(one))
    assert all(len(parts) == 1 for parts in by_text.values())


@given(numbers, st.integers(2, 5))
def test_what_shares_a_context_never_straddles(given: list[int], shared: int) -> None:
    items = [item(n, context=f"Document {n // shared}\n\tof the handbook") for n in given]
    split = make_split(items)
    for one in items:
        same = {split.part_of(other) for other in items if other.context == one.context}
        assert len(same) == 1


def test_turns_of_one_conversation_never_straddle() -> None:
    items = [item(n, metadata={"conversation": f"chat {n // 4}"}) for n in range(120)]
    split = make_split(items)
    for chat in range(30):
        assert len({split.part_of(one) for one in items[4 * chat : 4 * chat + 4]}) == 1
    later = [item(500, metadata={"conversation": "chat 3"})]
    assert make_split(items + later, kept=split.parts).part_of(later[0]) == split.part_of(items[12])


def test_a_conversation_that_all_share_is_boilerplate() -> None:
    items = [item(n, metadata={"session": "production"}) for n in range(100)]
    split = make_split(items)
    assert len({split.part_of(one) for one in items}) == 3
    assert split.notes == ("100 interactions share one conversation, which was taken for boilerplate",)


def test_parts_have_their_shares_and_each_class_too() -> None:
    items = [item(n) for n in range(1000)]
    classes = {f"i{n}": "fail" if n < 40 else "pass" for n in range(400)}
    split = make_split(items, classes=classes)
    for name, ids in (("fail", range(40)), ("pass", range(40, 400)), ("", range(400, 1000))):
        counted = Counter(split.part_of(items[n]) for n in ids)
        for part, share in SHARES.items():
            assert abs(counted[part] - share * len(ids)) <= 1, (name, part)


def test_labels_that_interactions_carry_count_where_no_classes_are_given() -> None:
    items = [item(n, labels=(Label(id=f"i{n}", score=float(n % 2)),) if n < 200 else ()) for n in range(400)]
    split = make_split(items)
    ones = Counter(split.part_of(items[n]) for n in range(1, 200, 2))
    assert (ones["pool"], ones["dev"] + ones["test"]) == (15, 85)


def test_one_that_is_near_to_two_parts_is_set_aside() -> None:
    left, right = text(1, 100), text(2, 100)
    bridge = left[:90] + right[:90]
    near_left, near_right = left[:90] + right[:70], left[:70] + right[:90]
    kept = {unit_of(item(1, near_left)): "dev", unit_of(item(2, near_right)): "test"}
    items = [item(1, near_left), item(2, near_right), item(3, bridge)]
    split = make_split(items, kept=kept)  # type: ignore[arg-type]
    assert [split.part_of(one) for one in items] == ["dev", "test", "aside"]
    assert "set aside" in split.notes[0]


def test_a_template_does_not_hold_all_inputs_together() -> None:
    rules = " ".join(text(5000 + n, 100) for n in range(6))
    items = [item(n, f"{rules} Customer: {text(n, 40)}") for n in range(300)]
    items += [item(1000 + n, f"{rules} Customer: {text(n, 40)}!") for n in range(50)]
    split = make_split(items)
    sizes = Counter(split.part_of(one) for one in items)
    assert all(abs(sizes[part] - share * 350) < 10 for part, share in SHARES.items())
    assert "one template" in split.notes[0]
    assert all(split.part_of(items[n]) == split.part_of(items[300 + n]) for n in range(50))


def test_a_context_that_all_share_is_boilerplate() -> None:
    items = [item(n, context="You are a helpful assistant.") for n in range(200)]
    sizes = split_sizes(items)
    assert sizes["pool"] == 30
    assert "boilerplate" in make_split(items).notes[0]


def test_where_all_are_asked_the_same_the_contexts_count() -> None:
    items = [item(n, "Summarise the article.", context=text(n // 4, 100) + "." * (n % 2)) for n in range(400)]
    split = make_split(items)
    sizes = Counter(split.part_of(one) for one in items)
    assert all(abs(sizes[part] - share * 400) <= 6 for part, share in SHARES.items())
    for n in range(0, 400, 4):
        assert len({split.part_of(one) for one in items[n : n + 4]}) == 1
    assert "share one input" in split.notes[0]


def test_inputs_that_differ_in_nothing_but_digits_are_parted_at_last() -> None:
    items = [item(n, f"Where is parcel {n}?") for n in range(100)]
    assert split_sizes(items)["pool"] in range(10, 20)


def test_a_unit_is_what_shares_an_input() -> None:
    assert unit_of(item(1, "A  b")) == unit_of(item(2, "ａ B\n"))
    assert unit_of(item(1, "a")) != unit_of(item(1, "b"))
    assert unit_of(item(1, "")) != unit_of(item(2, ""))
    assert unit_of(item(1, "a", context="b")) != unit_of(item(1, "a", context="c"))
    assert unit_of(item(1, "", context="c")) == unit_of(item(2, " ", context="C"))
    assert normal_text([{"role": "user", "content": "Hi  THERE"}]) == "user: hi there"
