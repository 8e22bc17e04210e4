"""Splits kept: made once, filled up later, never moved."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from dikast.errors import InputError
from dikast.records import Interaction, Label
from dikast.store import Store


def item(n: int, **fields: object) -> Interaction:
    return Interaction(id=f"i{n}", input=hashlib.sha256(str(n).encode()).hexdigest(), output="o", **fields)  # type: ignore[arg-type]


def test_parts_stay_as_they_are_when_items_and_labels_come(store: Store) -> None:
    store.keep_dataset("d", [item(n) for n in range(200)])
    split = store.split("d")
    assert not split.is_behind()  # nobody made a split
    split.settle()
    assert not split.is_behind()
    before = split.parts([f"i{n}" for n in range(200)])
    assert Counter(before.values()) == {"pool": 30, "dev": 85, "test": 85}
    book = store.labels("d")
    book.save_all([(Label(id=f"i{n}", verdict="fail" if n % 2 else "pass"), "saved", 0) for n in range(0, 200, 3)])
    store.keep_dataset("d", [item(n) for n in range(400, -1, -1)])
    split = store.split("d")
    assert split.is_behind()
    added = split.settle()
    assert not split.is_behind()
    assert len(added.added) == 201
    assert {id: split.part_of(id) for id in before} == before
    sizes = {part: sum(by.values()) for part, by in split.sizes().items()}
    assert sum(sizes.values()) == 401
    assert abs(sizes["pool"] - 0.15 * 401) <= 5  # what labels came for later can't be evened out
    assert split.settle().added == {}


def test_each_class_is_spread_evenly(store: Store) -> None:
    kept = store.keep_dataset("d", [item(n) for n in range(300)])
    book = store.labels("d")
    book.save_all([(Label(id=f"i{n}", verdict="fail" if n < 20 else "pass"), "saved", 0) for n in range(120)])
    split = store.split("d")
    split.settle()
    for (part, by), share in zip(split.sizes().items(), (0.15, 0.425, 0.425), strict=True):
        for name, number in (("fail", 20), ("pass", 100), ("", 180)):
            assert abs(by[name] - share * number) <= 1, (part, name)
    dev = {kept.item(position).id for position in split.positions("dev")}
    assert {one.label.id for one in book.current(part="dev")} == {id for id in dev if int(id[1:]) < 120}
    assert [one.id for one in split.items("pool")] == [kept.item(at).id for at in split.positions("pool")]


def test_labels_that_came_with_the_interactions_count(store: Store) -> None:
    labels = {n: (Label(id=f"i{n}", verdict="fail"),) for n in range(20)}
    store.keep_dataset("d", [item(n, labels=labels.get(n, ())) for n in range(100)])
    split = store.split("d")
    split.settle()
    assert [by["fail"] for by in split.sizes().values()] in ([3, 8, 9], [3, 9, 8])


def test_shares_are_set_once(store: Store) -> None:
    store.keep_dataset("d", [item(n) for n in range(100)])
    split = store.split("d")
    split.settle(shares={"pool": 0.2, "dev": 0.4, "test": 0.4})
    assert len(split.positions("pool")) == 20
    with pytest.raises(InputError, match="made with other shares: pool 20 %"):
        split.settle(shares={"pool": 0.1, "dev": 0.4, "test": 0.5})
    store.keep_dataset("d", [item(n) for n in range(200)])
    split = store.split("d")
    split.settle()
    assert len(split.positions("pool")) == 40
    with pytest.raises(InputError, match="can't be used"):
        split.settle(shares={"pool": 0.5, "dev": 0.4, "test": 0.4})


def test_people_who_differ_are_settled_by_the_one_rule(store: Store) -> None:
    store.keep_dataset("d", [item(n) for n in range(40)])
    said = {0: {"ana": "pass", "ben": "fail"}, 1: {"ana": "fail", "ben": "pass", "cy": "pass"}, 2: {"ben": "fail"}}
    labels = [Label(id=f"i{n}", verdict=v, annotator=who) for n, by in said.items() for who, v in by.items()]  # type: ignore[arg-type]
    store.labels("d").save_all([(label, "saved", 0) for label in labels])
    assert store.split("d").classes() == {"i0": "undecided", "i1": "pass", "i2": "fail"}
    assert store.split("d", principal="ana").classes() == {"i0": "pass", "i1": "fail", "i2": "fail"}


def test_filling_makes_a_split_once_and_looks_at_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep_dataset("d", [item(n) for n in range(40)])
    split = store.split("d")
    split.fill()
    assert len(split.positions("test")) == 17
    monkeypatch.setattr(type(split), "settle", lambda self: pytest.fail("it was made anew"))
    split.fill()
