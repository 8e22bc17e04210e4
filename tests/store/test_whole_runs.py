"""Whole runs on each kind of store."""

from pathlib import Path

import pytest

import dikast
from dikast.store import Store

ITEMS = [{"id": f"i{n}", "input": f"Is {n} even? \0 嗨", "output": "yes" if n % 2 == 0 else "no"} for n in range(40)]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "judge.txt"
    path.write_text('Q: {input}\nA: {output}\nReply with {"reasoning": "...", "overall": 1-5}\n')
    return path


def test_a_run_is_kept_repeated_without_asking_and_opened_again(judge: Path, location: str) -> None:
    first = dikast.run(judge, ITEMS, model="fake", store=location, out="first.jsonl")
    again = dikast.run(judge, ITEMS, model="fake", store=location, out="again.jsonl")
    assert first.info is not None
    assert again.info is not None
    assert (first.info.calls, first.info.cache_hits) == (40, 0)
    assert (again.info.calls, again.info.cache_hits) == (0, 40)
    assert Path("first.jsonl").read_bytes() == Path("again.jsonl").read_bytes()
    opened = dikast.open_run(first.name, store=location)
    assert [verdict.id for verdict in opened] == [item["id"] for item in ITEMS]
    assert opened.interaction("i3") is not None
    assert [interaction.input for interaction in opened.interactions()] == [item["input"] for item in ITEMS]
    with Store.open(location) as store:
        assert store.verify().problems == []
        assert {info.name for info in store.runs()} == {first.name, again.name}
