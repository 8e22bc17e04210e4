"""Groups by a key: complete, in order, the same whether memory or disk holds them, and nothing left behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.interactions.rows import Tally
from dikast.traces import grouping
from dikast.traces.formats import Dropped, find_format
from dikast.traces.gathering import Gathering
from dikast.traces.grouping import Grouping, Record
from dikast.traces.trace import Trace

KEYS = st.text(max_size=6)


@given(st.lists(st.tuples(KEYS, st.integers(), st.text(max_size=20)), max_size=60), st.sampled_from([0, 500, 1 << 20]))
def test_every_record_comes_back_in_its_group(records: list[tuple[str, int, str]], in_memory: int) -> None:
    with Grouping(in_memory=in_memory) as groups:
        for number, (key, value, name) in enumerate(records):
            groups.add(key, name, value, "file", number)
        found = list(groups.groups())
    expected: dict[str, list[Record]] = {}
    for number, (key, value, name) in enumerate(records):
        expected.setdefault(key, []).append(Record(name, value, "file", number))
    assert dict(found) == expected
    assert len(found) == len(expected)
    if in_memory == 1 << 20:
        assert [key for key, _ in found] == list(expected)


def test_the_files_are_gone_afterwards(tmp_path: Path) -> None:
    with Grouping(in_memory=0, folder=tmp_path) as groups:
        for number in range(500):
            groups.add(str(number), "span", "x" * 1000)
        next(groups.groups())
        assert groups.spilled
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_is_too_large_is_divided_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "_LARGEST_PART", 2000)
    with Grouping(in_memory=0) as groups:
        for number in range(3000):
            groups.add(str(number % 1000), "span", number)
        found = dict(groups.groups())
    assert len(found) == 1000
    assert [record.value for record in found["7"]] == [7, 1007, 2007]


def test_a_group_that_is_too_large_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "_LARGEST_PART", 2000)
    monkeypatch.setattr(grouping, "_LARGEST_GROUP", 5000)
    monkeypatch.setattr(grouping, "_IN_MEMORY", 0)

    def build(id: str, records: list[Record]) -> Trace:
        return Trace(id=f"{id} {len(records)}", format="test")

    with Gathering(Tally()) as gathering:
        for number in range(100):
            gathering.span("huge", str(number), {"text": "x" * 100}, "file", number)
        gathering.span("small", "1", {}, "file", 101)
        found = list(gathering.build(build))
    traces = sorted(one.id for one in found if isinstance(one, Trace))
    (cut,) = [one for one in found if isinstance(one, Dropped)]
    kept = int(traces[0].split()[1])
    assert traces[1] == "small 1"
    assert 0 < kept < 100
    assert f"{100 - kept} of its records were not read" in cut.reason


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dikast.errors import OutputError

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with Grouping(in_memory=0) as groups, pytest.raises(OutputError, match="temporary files"):
        groups.add("a", "span", 1)


def test_traces_are_the_same_on_disk_as_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    files = tuple(sorted((Path(__file__).parent / "fixtures" / "otlp").glob("*.jsonl")))
    near = list(find_format("otlp").read(files, Tally()))
    monkeypatch.setattr(grouping, "_IN_MEMORY", 0)
    monkeypatch.setattr(grouping, "_LARGEST_PART", 100)
    far = list(find_format("otlp").read(files, Tally()))
    assert sorted(far, key=str) == sorted(near, key=str)
    assert sum(isinstance(one, Trace) for one in far) > 3
