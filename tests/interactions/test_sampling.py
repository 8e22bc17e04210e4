"""Samples: the same for the same seed, even over strata, uniform within one, and flat in memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from dikast.errors import InputError
from dikast.interactions import sampling
from dikast.interactions.sampling import SampleRequest, SamplingDesign, draw_sample, drawn_within, is_negative, next_of
from dikast.records import Interaction, Json, Label


def item(n: int, **metadata: Json) -> Interaction:
    return Interaction(id=f"i{n}", input=f"question number {n * 7919}", output="o", metadata=metadata)


def drawn(items: list[Interaction], **asked: object) -> tuple[list[str], SamplingDesign]:
    found, design = draw_sample(items, SampleRequest(**asked), source="src")  # type: ignore[arg-type]
    return [one.id for one in found], design


def test_the_seed_decides_and_the_order_of_the_file_does_not() -> None:
    items = [item(n) for n in range(500)]
    ids, design = drawn(items, n=50, seed=7)
    shuffled = random.Random(1).sample(items, len(items))
    assert set(drawn(shuffled, n=50, seed=7)[0]) == set(ids)
    assert ids == sorted(ids, key=lambda id: int(id[1:]))  # in the source's order
    assert set(drawn(items, n=20, seed=7)[0]) < set(ids)
    assert set(drawn(items, n=50, seed=8)[0]) != set(ids)
    assert (design.method, design.n, design.source_n, design.population, design.drawn) == (
        "random", 50, 500, 500, "random",
    )  # fmt: skip
    assert next_of((one.id for one in items), 3, seed=7)[0] in ids


def test_every_item_is_as_likely_as_any_other() -> None:
    items = [item(n) for n in range(40)]
    counted: Counter[str] = Counter()
    for seed in range(600):
        counted.update(drawn(items, n=10, seed=seed)[0])
    # 600 draws at 1/4: 150 each, and a standard deviation of 10.6
    assert min(counted.values()) > 150 - 4.5 * 10.6
    assert max(counted.values()) < 150 + 4.5 * 10.6


def test_strata_come_out_even_and_their_rates_are_known() -> None:
    sizes = {"rare": 5, "some": 60, "many": 2000}
    items = [item(n, topic=name) for name, size in sizes.items() for n in _numbers(name, size)]
    for order in (items, items[::-1], random.Random(3).sample(items, len(items))):
        ids, design = drawn(order, n=65, key="topic", seed=2)
        assert len(ids) == 65
        assert {name: one.size for name, one in design.strata.items()} == sizes
        assert design.strata["rare"].rate == 1.0
        assert sorted(one.drawn for one in design.strata.values()) == [5, 30, 30]
    assert design.drawn == "stratified:topic"
    assert design.shares == {name: size / 2065 for name, size in sizes.items()}


def test_within_a_stratum_every_item_is_as_likely() -> None:
    items = [item(n, k="a" if n < 6 else "b") for n in range(36)]
    counted: Counter[str] = Counter()
    for seed in range(800):
        counted.update(drawn(items, n=12, key="k", seed=seed)[0])
    assert all(counted[f"i{n}"] == 800 for n in range(6))
    # 800 draws of 6 of 30: 160 each, and a standard deviation of 11.3
    others = [counted[f"i{n}"] for n in range(6, 36)]
    assert min(others) > 160 - 4.5 * 11.3
    assert max(others) < 160 + 4.5 * 11.3


def test_no_more_is_held_than_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    held = 0

    class Watched(sampling._Drawing):
        def add(self, *entry: object) -> None:
            nonlocal held
            super().add(*entry)  # type: ignore[arg-type]
            held = max(held, sum(map(len, self._kept.values())))

    def stream() -> Iterator[Interaction]:
        for n in range(20_000):
            yield item(n, k=str(n % 7))

    monkeypatch.setattr(sampling, "_Drawing", Watched)
    found, design = draw_sample(stream(), SampleRequest(n=70, key="k"), source="s")
    assert (held, len(found), design.source_n) == (70, 70, 20_000)
    assert {one.drawn for one in design.strata.values()} <= {9, 10, 11}


def test_what_is_drawn_from_can_be_narrowed() -> None:
    items = [item(n, language="zh" if n % 4 == 0 else "en", feedback=["👍", "thumbs_down"][n % 2]) for n in range(100)]
    ids, design = drawn(items, n=100, where={"language": "zh"})
    assert (len(ids), design.population, design.asked, design.n) == (25, 25, 100, 25)
    assert "25 of 100" in design.words
    assert "language = 'zh'" in design.words
    disliked, design = drawn(items, n=10, negative=True)
    assert all(int(id[1:]) % 2 for id in disliked)
    assert (design.drawn, design.population) == ("negative", 50)


def test_near_duplicates_and_long_conversations_are_passed_over() -> None:
    same = [
        Interaction(id=f"d{n}", input="Where is my parcel? It was due on Tuesday." + "!" * (n % 3), output=str(n))
        for n in range(50)
    ]
    ids, design = drawn([*same, *(item(n) for n in range(50))], n=30, distinct=True)
    assert sum(id.startswith("d") for id in ids) == 1
    assert design.passed_over > 0
    assert design.shares is None
    talks = [item(n, session_id=f"s{n % 5}") for n in range(200)]
    ids, design = drawn(talks, n=10, per_conversation=2)
    assert len(ids) == 10
    assert set(Counter(int(id[1:]) % 5 for id in ids).values()) == {2}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n": 0}, "1 or more"),
        ({"n": 1, "per_conversation": 0}, "1 or more"),
        ({"n": 5, "key": "nope"}, "no interaction has the metadata key 'nope'"),
        ({"n": 5, "where": {"k": "9"}}, "no interaction with k=9"),
        ({"n": 5, "negative": True}, "negative feedback"),
        ({"n": 2, "key": "k"}, "more than 2 different values"),
    ],
)
def test_what_cannot_be_drawn_is_said(asked: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        drawn([item(n, k=str(n % 3)) for n in range(9)], **asked)


@pytest.mark.parametrize(
    ("metadata", "disliked"),
    [
        ({"feedback": "negative"}, True), ({"thumbs": "down"}, True), ({"feedback": {"score": -1}}, True),
        ({"vote": False}, True), ({"feedback": "Positive"}, False), ({"user_rating": 4}, False),
        ({"other": "bad"}, False),
    ],
)  # fmt: skip
def test_what_users_disliked(metadata: dict[str, Json], disliked: bool) -> None:
    assert is_negative(item(1, **metadata)) is disliked


def test_a_users_own_label_is_feedback() -> None:
    label = Label(id="i1", verdict="fail", origin="user")
    assert is_negative(msgspec.structs.replace(item(1), labels=(label,)))
    assert not is_negative(msgspec.structs.replace(item(1), labels=(msgspec.structs.replace(label, origin=None),)))


def test_a_draw_from_a_sample_is_what_the_sample_is() -> None:
    items = [item(n, k=str(n % 2), feedback="bad") for n in range(20)]
    strata, negative = drawn(items, n=4, key="k")[1], drawn(items, n=4, negative=True)[1]
    plain = drawn(items, n=4)[1]
    assert [drawn_within(plain, how) for how in (None, "random", "uncertain")] == ["random", "random", "uncertain"]
    assert [drawn_within(strata, how) for how in (None, "random", "uncertain", "stratified:k")] == [
        "stratified:k", "stratified:k", "uncertain", "stratified:k",
    ]  # fmt: skip
    assert [drawn_within(negative, how) for how in (None, "stratified:k", "like:i3")] == [
        "negative",
        "negative",
        "like:i3",
    ]
    assert msgspec.json.decode(msgspec.json.encode(strata), type=SamplingDesign) == strata


def _numbers(name: str, size: int) -> range:
    start = {"rare": 0, "some": 10_000, "many": 20_000}[name]
    return range(start, start + size)
