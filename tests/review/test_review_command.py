"""`dikast review` on the command line: what is wrong is said before anything is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from dikast.cli.review import _greeting, command
from dikast.errors import DataError, DikastError, InputError, OutputError, SettingError
from dikast.listening import is_loopback
from dikast.records import Interaction
from dikast.review.desk import Desk
from dikast.review.guard import Guard, key_from


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_items: Callable[[], list[Interaction]]) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.jsonl").write_bytes(b"\n".join(msgspec.json.encode(item) for item in sample_items()))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (["nothing.jsonl"], DataError, "no dataset 'nothing.jsonl'"),
        (["tickets.jsonl", "--queue", "best"], InputError, "'best' is not a queue"),
        (["tickets.jsonl", "--queue", "uncertain"], InputError, "goes by a judge's verdicts"),
        (["tickets.jsonl", "--run", "none"], DataError, "no run and no results file 'none'"),
        (["tickets.jsonl", "--queue", "stratified:colour"], InputError, "no interaction has 'colour'"),
        (["tickets.jsonl", "--host", "192.0.2.1"], OutputError, "can't listen on 192.0.2.1"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: list[str], error: type[DikastError], says: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert isinstance(result.exception, error), result.output
    assert says in str(result.exception)


def test_a_link_that_is_none_is_said_before_anything_is_kept(folder: Path) -> None:
    (folder / "dikast.toml").write_text('[review.links]\ncrm = "javascript:alert(1)"\n')
    result = CliRunner().invoke(command, ["tickets.jsonl"])
    assert isinstance(result.exception, SettingError)
    assert not (folder / ".dikast" / "store.db").exists()


def test_beyond_loopback_the_link_carries_the_token_and_the_lack_of_tls_is_told(room: object) -> None:
    guard = Guard("192.0.2.7", bytes(32))
    lines = _greeting(Desk(room.setup()), guard, "192.0.2.7", 80)  # type: ignore[attr-defined]
    assert f"Open http://192.0.2.7:80/open?token={guard.token}" in lines
    assert any("no TLS" in line for line in lines)


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    assert key_from(tmp_path) == key_from(tmp_path)
    assert (tmp_path / "review.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "review.key").write_bytes(b"short")
    with pytest.raises(OutputError, match="not a secret of 32 bytes"):
        key_from(tmp_path)


def test_what_is_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "example.org")] == [
        True, True, True, False, False,
    ]  # fmt: skip
