import sqlite3
from pathlib import Path

import pytest

from dikast.errors import StoreError
from dikast.store import Store


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("these are my notes, not a database\n" * 100)
    with pytest.raises(StoreError, match="not a database") as caught:
        Store.open(path)
    assert "move it away" in str(caught.value.hint)
    assert path.read_text().startswith("these are my notes")


def test_a_broken_database_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store.open(path).close()
    body = path.read_bytes()
    path.write_bytes(body[:4096] + b"\xff" * (len(body) - 4096))
    with pytest.raises(StoreError, match="malformed") as caught:
        Store.open(path)
    assert "move it away" in str(caught.value.hint)


@pytest.mark.parametrize("place", ["file/under/a/file.db", "."])
def test_a_place_where_no_store_can_be(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"no store can be made|unable to open") as caught:
        Store.open(tmp_path / place)
    assert "DIKAST_STORE" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/name", "can't live in 'mysql'"),
        ("://", "not a database URL"),
        ("postgresql://ada:secret@127.0.0.1:1/none", "127.0.0.1"),
    ],
)
def test_urls_that_cannot_be_used(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        Store.open(url)
    assert "secret" not in str(caught.value)


def test_a_store_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    Store.open(tmp_path / "new" / "store.db").close()
    assert (tmp_path / "new" / "store.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_probes_are_a_mapping_that_lasts(location: str) -> None:
    with Store.open(location) as store:
        memory = store.probes()
        memory["ollama 0.33 abc"] = b"\0facts"
        memory["ollama 0.33 abc"] = b"newer"
        memory["b"] = b""
    with Store.open(location) as store:
        memory = store.probes()
        assert dict(memory) == {"ollama 0.33 abc": b"newer", "b": b""}
        del memory["b"]
        assert "b" not in memory
        with pytest.raises(KeyError):
            del memory["b"]
        with pytest.raises(KeyError):
            memory["never"]


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as store:
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        assert store.runs() == []
        writer.execute("ROLLBACK")
        writer.close()
