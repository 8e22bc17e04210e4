"""A store that is held open: its log is moved into the file at the end, not after every save."""

from __future__ import annotations

from pathlib import Path

from dikast.records import Interaction
from dikast.store import Store


def test_the_log_stays_while_the_store_is_held_open(tmp_path: Path) -> None:
    log = tmp_path / "store.db-wal"
    with Store.open(tmp_path / "store.db") as store:
        store.keep_dataset("one", [Interaction(id="1", input="q", output="a")])
        assert not log.exists()
        with store.held_open():
            store.keep_dataset("two", [Interaction(id="2", input="q", output="b")])
            assert log.stat().st_size > 0
        assert not log.exists()
        assert {info.name for info in store.datasets()} == {"one", "two"}
