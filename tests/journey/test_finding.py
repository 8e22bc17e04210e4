"""What DATA names: a file first, else a dataset that is kept, else an error that says what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from dikast.errors import DataError
from dikast.journey.finding import find_data
from dikast.records import Interaction
from dikast.store import Store
from dikast.workspace import Workspace

KEPT = [Interaction(id=str(number), input=f"question {number}", output="yes") for number in range(3)]


@pytest.fixture
def store(tmp_path: Path) -> str:
    location = str(tmp_path / "store.db")
    with Store.open(location) as opened:
        opened.keep_dataset("support", KEPT, sources=("export.jsonl",))
    return location


def test_a_kept_dataset_is_found_by_name_and_read_again_and_again(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = find_data("support", Workspace.find(), store)
    assert [item.id for item in found] == ["0", "1", "2"]
    assert list(found) == KEPT
    assert (found.name, found.expected_length(), found.sources) == ("support", 3, ("support (kept)",))


def test_a_file_of_that_name_comes_first(tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "support").write_text('{"id": "f", "input": "a", "output": "b"}\n')
    assert [item.id for item in find_data("support", Workspace.find(), store)] == ["f"]


def test_what_is_neither_is_said(tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for location in (store, str(tmp_path / "none.db")):
        with pytest.raises(DataError, match="no dataset 'suport'"):
            find_data("suport", Workspace.find(), location)
    assert not (tmp_path / "none.db").exists()


def test_a_kept_dataset_can_be_judged_by_name(tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import dikast

    monkeypatch.chdir(tmp_path)
    (tmp_path / "judge.txt").write_text("Is it polite? Answer pass or fail.\n{input}\n{output}\n")
    run = dikast.run("judge.txt", "support", model="fake", store=store)
    assert [verdict.id for verdict in run] == ["0", "1", "2"]
    assert run.info is not None
    assert run.info.dataset == "support (kept)"
