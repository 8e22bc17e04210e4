"""Formats found by content: files, folders, globs, archives, and what is none."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from dikast.errors import DataError, InputError
from dikast.interactions.rows import Tally
from dikast.traces import formats, recognising
from dikast.traces.formats import Read, Sample
from dikast.traces.recognising import recognised, sample_of
from dikast.traces.trace import Trace

FIXTURES = Path(__file__).parent / "fixtures"


def format_of(*sources: Path | str, format: str | None = None) -> tuple[str | None, int, list[str]]:
    with recognised([str(one) for one in sources], format=format) as found:
        return found.format and found.format.name, len(found.paths), [path.name for path in found.left]


def test_a_folder_is_read_as_a_whole_and_says_what_it_left(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").write_text("{}")
    (tmp_path / "readme.txt").write_text("Exports of August")
    for name in ("runs.jsonl", "feedback.jsonl"):
        (tmp_path / "deep" / name).write_bytes((FIXTURES / "langsmith" / name).read_bytes())
    assert format_of(tmp_path) == ("langsmith", 2, ["readme.txt"])
    assert format_of(tmp_path / "deep" / "*.jsonl") == ("langsmith", 2, [])


def test_an_archive_is_unpacked_and_its_paths_stay_inside(tmp_path: Path) -> None:
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(FIXTURES / "otlp/traces_genai.jsonl", "../../outside.jsonl")
        file.write(FIXTURES / "otlp/traces_openinference.jsonl", "in/traces.jsonl")
    with recognised([str(archive)]) as found:
        assert found.format is not None
        assert found.format.name == "otlp"
        folder = found.paths[0].parents[1] if found.paths[0].parent.name == "in" else found.paths[0].parent
        traces = [one for one in found.format.read(found.paths, Tally()) if isinstance(one, Trace)]
        assert len(traces) == 2
        assert all(folder in path.parents for path in found.paths)
    assert not folder.exists()
    assert not (tmp_path.parent / "outside.jsonl").exists()


def test_an_archive_that_is_broken_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04" + b"x" * 100)
    with pytest.raises(DataError, match="no readable archive"):
        format_of(broken)
    large = tmp_path / "large.zip"
    with zipfile.ZipFile(large, "w") as file:
        file.writestr("a.txt", "x" * 100)
    monkeypatch.setattr(recognising, "_LARGEST_ARCHIVE", 50)
    with pytest.raises(DataError, match="are unpacked"):
        format_of(large)


def test_several_formats_at_once_are_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"several formats: .*LangSmith \(1\)") as caught:
        format_of(FIXTURES / "langsmith/runs.jsonl", FIXTURES / "otlp/traces_genai.jsonl")
    assert "--format" in str(caught.value.hint)
    plain = FIXTURES.parent / "test_recognising.py"
    with pytest.raises(DataError, match="is not LangSmith, as the other files are"):
        format_of(FIXTURES / "langsmith/runs.jsonl", plain)


def test_a_format_can_be_forced_and_must_be_known(tmp_path: Path) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text('{"question": 1}\n')
    assert format_of(odd) == (None, 1, [])
    assert format_of(odd, format="langsmith") == ("langsmith", 1, [])
    with pytest.raises(InputError, match="no format 'langsmth'") as caught:
        format_of(odd, format="langsmth")
    assert "langsmith" in str(caught.value.hint)


def test_what_is_not_there() -> None:
    for source in ("/nowhere/at/all", "/nowhere/*.jsonl"):
        with pytest.raises(DataError, match="nowhere"):
            format_of(source)


def test_the_sample_of_a_file_too_large_to_be_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognising, "_READ_WHOLE", 1000)
    file = tmp_path / "one.json"
    file.write_text('{"first": "' + "x" * 500 + '", "second": [1, 2, 3], "third": "' + "y" * 5000 + '", "fourth": 1}')
    sample = sample_of(file)
    assert sample.values == ()
    assert sample.keys == {"first", "second", "third"}


class Ledger:
    """A format that some other package brings."""

    name = "ledger"
    title = "Ledger"

    def recognises(self, sample: Sample) -> bool:
        return sample.head.startswith(b"LEDGER")

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        for path in paths:
            for number, line in enumerate(path.read_text().splitlines()[1:], 1):
                given, came = line.split("|")
                yield Trace(id=str(number), format=self.name, input=given, output=came)


def test_another_package_brings_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("ledger", f"{__name__}:Ledger", "dikast.traces")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Ledger)
    monkeypatch.setattr(formats, "entry_points", lambda group: [entry] if group == "dikast.traces" else [])
    file = tmp_path / "ledger.txt"
    file.write_text("LEDGER\nWhen?|At noon.\n")
    assert format_of(file) == ("ledger", 1, [])
