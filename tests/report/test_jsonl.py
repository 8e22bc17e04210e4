import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dikast.errors import OutputError
from dikast.report.jsonl import check_writable, write_results


def test_lines_are_written_with_their_ends(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    assert write_results(out, (b'{"n":%d}' % n for n in range(100_000))) == 100_000
    assert out.read_bytes().splitlines()[99_999] == b'{"n":99999}'
    assert out.read_bytes().endswith(b"}\n")


def test_a_failure_leaves_the_old_file_and_no_half_of_a_new_one(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"old\n")

    def broken() -> Iterator[bytes]:
        yield b"new"
        raise RuntimeError("the store went away")

    with pytest.raises(RuntimeError):
        write_results(out, broken())
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]
    assert out.read_bytes() == b"old\n"


def test_the_mode_of_an_old_file_is_kept_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    old, new = tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    old.write_bytes(b"")
    old.chmod(0o640)
    mask = os.umask(0o027)
    try:
        write_results(old, [b"{}"])
        write_results(new, [b"{}"])
    finally:
        os.umask(mask)
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode & 0o777 == 0o640


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    write_results("-", [b"{}", b"{}"])
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == b"{}\n{}\n"


@pytest.mark.parametrize(("place", "message"), [("", "it is a folder"), ("none/out.jsonl", "there is no folder")])
def test_places_that_cannot_be_written(tmp_path: Path, place: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        check_writable(tmp_path / place)
