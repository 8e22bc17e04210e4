"""Datasets kept: found at once, changed whole, never half."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dikast.errors import DataError
from dikast.records import Interaction, JudgeRef
from dikast.store import Store


def items(number: int, output: str = "o") -> Iterator[Interaction]:
    return (Interaction(id=f"{n:04}\0", input=f"嗨 {n} \0", output=output) for n in range(number))


def test_items_come_back_by_position_and_by_id(store: Store) -> None:
    kept = store.keep_dataset("d", items(2500), sources=("a.jsonl",))
    assert (len(kept), kept.info.sources) == (2500, ("a.jsonl",))
    assert kept.item(1234).id == "1234\0"
    assert [item.id for item in kept.items([7, 3, 7])] == ["0007\0", "0003\0", "0007\0"]
    assert kept.positions(["2400\0", "none", "0000\0"]) == {"2400\0": 2400, "0000\0": 0}
    assert kept.ids()[1999] == "1999\0"
    found = kept.find("0009\0")
    assert found is not None
    assert found.input == "嗨 9 \0"
    assert kept.find("none") is None
    assert [item.id for item in kept] == [item.id for item in items(2500)]
    assert store.verify().problems == []


def test_a_position_that_is_not_there(store: Store) -> None:
    kept = store.keep_dataset("d", items(3))
    for position in (3, -1):
        with pytest.raises(DataError, match=f"3 items, and none at position {position}"):
            kept.item(position)


def test_the_same_content_again_changes_nothing(store: Store) -> None:
    first = store.keep_dataset("d", items(3), sources=("a",))
    again = store.keep_dataset("d", items(3), sources=("b",))
    assert (again.info, again.row) == (first.info, first.row)


def test_other_content_takes_the_name_over(store: Store) -> None:
    first = store.keep_dataset("d", items(3), sources=("a",))
    again = store.keep_dataset("d", items(2, "new"), sources=("b",))
    assert again.row == first.row
    assert (again.info.n, again.info.sources) == (2, ("b",))
    assert again.info.hash != first.info.hash
    assert [item.output for item in store.dataset("d")] == ["new", "new"]
    assert [info.name for info in store.datasets()] == ["d"]
    assert store.verify().problems == []


def test_what_fails_leaves_nothing_behind(store: Store) -> None:
    store.keep_dataset("d", items(3))

    def broken() -> Iterator[Interaction]:
        yield from items(1500, "new")
        raise RuntimeError("the file broke off")

    with pytest.raises(RuntimeError):
        store.keep_dataset("d", broken())
    with pytest.raises(DataError, match="nothing to keep"):
        store.keep_dataset("e", [])
    assert [(info.name, info.n) for info in store.datasets()] == [("d", 3)]
    assert store.dataset("d").item(0).output == "o"


@pytest.mark.parametrize("between", [1, 1500])
def test_an_id_that_comes_twice_is_named(store: Store, between: int) -> None:
    given = [*items(between), Interaction(id="0000\0", input="again", output="")]
    with pytest.raises(DataError, match=r"the id '0000\\x00' comes twice"):
        store.keep_dataset("d", given)
    assert store.datasets() == []


@pytest.mark.parametrize("name", ["", " ", ".hidden", "a\nb", "x" * 201, "a/b", "..", "a..b", "a\\b", "../up", "/root"])
def test_names_that_cannot_be(store: Store, name: str) -> None:
    with pytest.raises(DataError, match="can't be a dataset's name"):
        store.keep_dataset(name, items(1))


def test_a_name_of_an_older_store_that_would_be_refused_now_still_opens_and_grows(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store:
        store.keep_dataset("later", items(1))
    with sqlite3.connect(tmp_path / "store.db") as connection:
        connection.execute("UPDATE datasets SET name = '../team/support'")
    connection.close()
    with Store.open(tmp_path / "store.db") as store:
        assert len(store.dataset("../team/support")) == 1
        assert len(store.keep_dataset("../team/support", items(2))) == 2


def test_an_unknown_name_is_told_with_those_there_are(store: Store) -> None:
    store.keep_dataset("refunds", items(1))
    with pytest.raises(DataError, match="no dataset is kept as 'refund'") as caught:
        store.labels("refund")
    assert "refunds" in str(caught.value.hint)


def test_openings_of_the_test_are_written_down(store: Store) -> None:
    store.keep_dataset("d", items(1))
    assert store.openings("d") == []
    for version in ("v1", "v2"):
        store.open_test("d", JudgeRef("refunds", version), n=40, why="先量一次")
    assert [(one.judge.version, one.n, one.why) for one in store.openings("d")] == [
        ("v1", 40, "先量一次"),
        ("v2", 40, "先量一次"),
    ]
    with pytest.raises(ValueError, match="without a reason"):
        store.open_test("d", JudgeRef("refunds", "v3"), n=40, why=" ")
    assert store.verify().checked["test openings"] == 2
