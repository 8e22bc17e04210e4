from __future__ import annotations

import json
import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dikast.interactions import open_dataset
from dikast.interactions.ids import Ids
from dikast.interactions.rows import Tally, Unusable
from dikast.records import Interaction, content_hash


class TestDerived:
    def test_is_made_of_the_content_alone(self, read: Any) -> None:
        row = {"input": "q", "output": {"b": 1, "a": [2]}, "context": "c"}
        [one], _ = read("a.jsonl", [row])
        assert one.id == "i-" + content_hash(one)[:16]
        [two], _ = read(
            "b.jsonl",
            [{"metadata": {"m": 1}, "context": "c", "output": {"a": [2], "b": 1}, "input": "q", "label": "pass"}],
        )
        assert two.id == one.id
        assert two.labels[0].id == one.id

    def test_is_what_it_always_was(self, read: Any) -> None:
        # SHA-256 of ["What is 2 + 2?","4",null,null,null,null]; labels are kept under such ids: it must not change.
        [one], _ = read("a.jsonl", [{"input": "What is 2 + 2?", "output": "4"}])
        assert one.id == "i-8c5fd58db729b690"

    def test_the_same_content_again_is_kept_and_counted(self, read: Any) -> None:
        row = {"input": "q", "output": "a"}
        rows, dataset = read("a.jsonl", [row, row, {"input": "q", "output": "b"}, {**row, "feature": "x"}])
        stem = rows[0].id
        assert [one.id for one in rows] == [stem, f"{stem}-2", rows[2].id, f"{stem}-3"]
        assert (dataset.tally.duplicates, dataset.tally.rejected) == (2, 0)
        assert list(dataset.tally.notes.values()) == [2]

    def test_a_given_id_that_looks_derived_is_not_taken_twice(self, read: Any) -> None:
        row = {"input": "q", "output": "a"}
        stem = read("a.jsonl", [row])[0][0].id
        rows, _ = read("b.jsonl", [row, {**row, "id": f"{stem}-2"}, row])
        assert [one.id for one in rows] == [stem, f"{stem}-2", f"{stem}-3"]


class TestGiven:
    def test_a_second_time_is_rejected_naming_the_first(self, read: Any) -> None:
        row = {"id": "x", "input": "q", "output": "a"}
        rows, dataset = read("a.jsonl", [row, {**row, "id": "y"}, row, {**row, "output": "b"}])
        assert [one.id for one in rows] == ["x", "y"]
        assert [reject.reason for reject in dataset.tally.first_rejects] == [
            "duplicate id: 'x' was first seen in line 1, with the same content",
            "duplicate id: 'x' was first seen in line 1, with other content",
        ]
        assert (dataset.tally.duplicates, dataset.tally.reasons) == (2, {"duplicate id": 2})

    def test_across_files(self, write: Any, tmp_path: Any) -> None:
        row = {"id": "x", "input": "q", "output": "a"}
        paths = [write("a.jsonl", [{**row, "id": "w"}, row]), write("b.jsonl", [row])]
        dataset = open_dataset(paths)
        assert len(list(dataset)) == 2
        [reject] = dataset.tally.first_rejects
        assert (reject.file, reject.line) == (str(paths[1]), 1)
        assert f"first seen in {paths[0]}, line 2, with the same content" in reject.reason

    def test_numbers_and_texts_are_one_id(self, read: Any) -> None:
        _, dataset = read("a.jsonl", [{"id": 1, "input": "q", "output": "a"}, {"id": "1", "input": "q", "output": "b"}])
        assert dataset.tally.duplicates == 1


def interaction(id: str) -> Interaction:
    return Interaction(id=id, input="q", output="a")


@given(st.lists(st.text(max_size=3), max_size=60))
def test_as_a_set_would(names: list[str]) -> None:
    names = [name for name in names if name]
    ids = Ids(Tally())
    ids.new_file("a")
    kept, reasons = [], []
    for line, name in enumerate(names, 1):
        try:
            kept.append(ids.settle(interaction(name), line).id)
        except Unusable as unusable:
            reasons.append(unusable.reason)
    assert kept == list(dict.fromkeys(names))
    again = [name for place, name in enumerate(names) if name in names[:place]]
    assert [reason.partition(", with")[0].rpartition(" ")[2] for reason in reasons] == [
        str(names.index(name) + 1) for name in again
    ]


def test_many_ids_take_little_memory() -> None:
    ids = Ids(Tally())
    ids.new_file("a")
    tracemalloc.start()
    for number in range(40_000):
        ids.settle(interaction(f"item-{number}"), number)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held / 40_000 < 45  # bytes; a dict of ids to places takes about 250


def test_rejects_of_a_duplicate_carry_the_row(read: Any) -> None:
    row = {"id": "x", "input": "q", "output": "a"}
    _, dataset = read("a.jsonl", [row, row])
    assert json.loads(dataset.tally.first_rejects[0].raw) == row
