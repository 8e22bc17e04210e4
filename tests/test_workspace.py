"""The workspace: found from below, made once, and what a bare name stands for."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest

from dikast.errors import DataError, OutputError, SettingError
from dikast.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Workspace.init(tmp_path / "bot").root


def test_is_found_from_a_folder_below(root: Path) -> None:
    below = root / "a" / "b"
    below.mkdir(parents=True)
    found = Workspace.find(below)
    assert (found.root, found.explicit) == (root, True)


def test_without_a_file_the_folder_itself_is_an_implicit_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = Workspace.find()
    assert (found.root, found.explicit) == (tmp_path, False)
    found.settings()
    assert list(tmp_path.iterdir()) == []  # nothing is written by looking


def test_a_new_one_has_defaults_only(root: Path) -> None:
    assert tomllib.loads((root / "dikast.toml").read_text()) == {}
    assert set(Workspace.find(root).settings(environ={}).origin.values()) == {"default"}


def test_every_commented_line_of_a_new_file_is_valid_when_uncommented(root: Path) -> None:
    lines = (root / "dikast.toml").read_text().splitlines()
    values = [line.removeprefix("# ") for line in lines if " = " in line]
    (root / "dikast.toml").write_text("\n".join(values))
    settings = Workspace.find(root).settings(environ={})
    assert set(settings.origin.values()) == {str(root / "dikast.toml")}
    assert settings.model == "ollama/qwq:32b"


def test_is_never_overwritten(root: Path) -> None:
    (root / "dikast.toml").write_text("concurrency = 3\n")
    with pytest.raises(SettingError, match="is there already"):
        Workspace.init(root)
    assert (root / "dikast.toml").read_text() == "concurrency = 3\n"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("")
    with pytest.raises(SettingError, match="notes is a file"):
        Workspace.init(tmp_path / "notes")
    with pytest.raises(OutputError, match="Not a directory"):
        Workspace.init(tmp_path / "notes" / "bot")


def test_the_state_folder_is_private_and_ignored_by_git(root: Path) -> None:
    workspace = Workspace.find(root)
    assert not workspace.state_dir.exists()
    assert workspace.make_state_dir() == workspace.make_state_dir() == root / ".dikast"
    assert stat.S_IMODE(os.stat(workspace.state_dir).st_mode) == 0o700
    assert (workspace.state_dir / ".gitignore").read_text() == "*\n"


def test_a_state_folder_that_cannot_be_made_says_what_to_do(root: Path) -> None:
    (root / ".dikast").write_text("a file")
    with pytest.raises(OutputError, match=r"can't write to .*\.dikast") as caught:
        Workspace.find(root).make_state_dir()
    assert "--store" in str(caught.value.hint)


def test_datasets_by_name_by_path_by_glob_and_from_standard_input(root: Path, tmp_path: Path) -> None:
    workspace = Workspace.find(root)
    (root / "datasets").mkdir()
    (root / "datasets" / "june.jsonl").write_text("")
    (tmp_path / "july.csv").write_text("")
    assert workspace.find_dataset("june") == str(root / "datasets" / "june.jsonl")
    assert workspace.find_dataset(str(tmp_path / "july.csv")) == str(tmp_path / "july.csv")
    assert workspace.find_dataset("logs/*.jsonl") == "logs/*.jsonl"
    assert workspace.find_dataset("-") == "-"
    for missing in ("june.jsonl.gz", "x" * 5000, "nul\0", ""):
        with pytest.raises(DataError, match="there is no dataset"):
            workspace.find_dataset(missing)
