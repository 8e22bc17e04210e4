from __future__ import annotations

import datetime
import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pytest

from dikast.errors import DataError, InputError, OutputError
from dikast.interactions import open_dataset
from dikast.records import Interaction, Label

ROW = {"id": "1", "input": "q", "output": "a"}


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[BinaryIO]:
    """The other end of standard input, which is a real pipe here and can't jump."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb", buffering=0) as writer, open(read_end, encoding="utf-8") as reader:
        monkeypatch.setattr(sys, "stdin", reader)
        yield writer


def feed(writer: BinaryIO, content: bytes) -> None:
    """Write all of standard input; it is small enough for a pipe to hold."""
    writer.write(content)
    writer.close()


class TestFiles:
    def test_the_name_is_that_of_the_file(self, write: Any) -> None:
        for name in ("chats.jsonl", "chats.csv.gz", "chats.JSON", "chats"):
            content = b"input,output\nq,a\n" if "csv" in name else json.dumps(ROW).encode()
            path = write(name, gzip.compress(content) if name.endswith(".gz") else content)
            assert open_dataset(path).name == "chats"

    def test_a_glob_is_sorted(self, write: Any, tmp_path: Path) -> None:
        for name in ("b", "c", "a"):
            write(f"{name}.jsonl", [{**ROW, "id": name}])
        dataset = open_dataset(str(tmp_path / "[a-c].jsonl"))
        assert [one.id for one in dataset] == ["a", "b", "c"]
        assert dataset.name == "a+2"

    def test_a_glob_reaches_folders_below(self, write: Any, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        write("deep/a.jsonl", [ROW])
        assert len(list(open_dataset(str(tmp_path / "**" / "*.jsonl")))) == 1

    def test_a_name_with_a_bracket_is_a_file_first(self, write: Any) -> None:
        assert len(list(open_dataset(str(write("a[1].jsonl", [ROW]))))) == 1

    def test_nothing_matches(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"no file matches '.*\*\.csv'"):
            open_dataset(str(tmp_path / "*.csv"))

    def test_a_list_keeps_its_order_and_each_file_once(self, write: Any, tmp_path: Path) -> None:
        one, two = write("a.jsonl", [ROW]), write("b.csv", "id,input,output\n2,q,a\n")
        dataset = open_dataset([str(two), one, str(tmp_path / "*.jsonl")])
        assert [row.id for row in dataset] == ["2", "1"]
        assert dataset.tally.rejected == 0

    def test_iterating_again_reads_again(self, write: Any) -> None:
        dataset = open_dataset(write("a.jsonl", [ROW, {}]))
        assert list(dataset) == list(dataset)
        assert (dataset.tally.read, dataset.tally.rejected) == (2, 1)

    def test_half_an_iteration_closes_its_file(self, write: Any) -> None:
        rows = iter(open_dataset(write("a.jsonl", [{**ROW, "id": str(n)} for n in range(100)])))
        assert next(rows).id == "0"
        rows.close()  # type: ignore[attr-defined]  # an open file would warn, and warnings are errors

    def test_sources_and_expected_length(self, write: Any) -> None:
        lines, table = write("a.jsonl", json.dumps(ROW) + "\n{}"), write("b.csv", "input,output\nq,a\n")
        assert open_dataset([lines, lines]).expected_length() == 2
        assert open_dataset([lines, table]).expected_length() is None
        assert open_dataset([lines, table]).sources == (str(lines), str(table))
        assert open_dataset([ROW, ROW]).expected_length() == 2
        assert open_dataset(iter([ROW])).expected_length() is None

    def test_an_empty_name(self) -> None:
        with pytest.raises(DataError, match="an empty name"):
            open_dataset("")

    def test_a_missing_file_names_those_near(self, write: Any, tmp_path: Path) -> None:
        write("interactions.jsonl", [ROW])
        with pytest.raises(DataError, match=r"there is no file '.*interaction\.jsonl'") as raised:
            open_dataset(tmp_path / "interaction.jsonl")
        assert "'interactions.jsonl'" in str(raised.value.hint)
        with pytest.raises(DataError, match=r"the folder .* does not exist either"):
            open_dataset(tmp_path / "nowhere" / "a.jsonl")

    def test_a_folder_says_what_is_in_it(self, write: Any, tmp_path: Path) -> None:
        write("a.jsonl", [ROW])
        write("b.jsonl", [ROW])
        write("c.csv", "input,output\n")
        with pytest.raises(DataError, match=r"is a folder with 2 \.jsonl, 1 \.csv") as raised:
            open_dataset(tmp_path)
        assert str(tmp_path / "*.jsonl") in str(raised.value.hint)
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="is a folder, and no data file is in it"):
            open_dataset(tmp_path / "empty")

    @pytest.mark.parametrize("content", [b"", b"\n\n  \r\n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
    def test_an_empty_file(self, write: Any, content: bytes) -> None:
        dataset = open_dataset(write("a.jsonl", content))
        with pytest.raises(DataError, match=r"a\.jsonl' holds no interactions: it is empty"):
            list(dataset)

    def test_an_empty_file_among_others_is_noted(self, write: Any) -> None:
        paths = [write("a.jsonl", b""), write("b.jsonl", [ROW])]
        dataset = open_dataset(paths)
        assert len(list(dataset)) == 1
        assert dataset.tally.notes == {f"{paths[0]}: empty": 1}

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"%PDF-1.7 ...", "is a PDF"),
            (b"SQLite format 3\0" + bytes(100), "is an SQLite database"),
            (b"GGUF\3\0\0\0", "is a GGUF model"),
            (bytes(range(256)) * 4, "is a binary file"),
            (b"\x28\xb5\x2f\xfd....", "decompress it first"),
            (b"You are a judge.\nSay pass or fail.", "can't be told: it begins with 'You are a judge"),
        ],
    )
    def test_what_is_no_data(self, write: Any, content: bytes, what: str) -> None:
        with pytest.raises(DataError, match=what):
            open_dataset(write("a.dat", content))

    def test_binary_under_a_data_name(self, write: Any) -> None:
        with pytest.raises(DataError, match="is a binary file"):
            open_dataset(write("a.jsonl", bytes(range(256))))

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
    def test_a_file_without_the_right_to_read(self, write: Any) -> None:
        path = write("a.jsonl", [ROW])
        path.chmod(0)
        with pytest.raises(DataError, match="can't be opened"):
            open_dataset(path)

    def test_a_named_pipe_is_read_once(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        threading.Thread(target=lambda: pipe.write_text(json.dumps(ROW)), daemon=True).start()
        dataset = open_dataset(pipe)
        assert [one.id for one in dataset] == ["1"]
        with pytest.raises(DataError, match="can be read only once"):
            list(dataset)


class TestStandardInput:
    @pytest.mark.parametrize(
        "content",
        [
            json.dumps(ROW),
            json.dumps(ROW) + "\r\n",
            json.dumps([ROW]),
            json.dumps([ROW], indent=1),
            json.dumps(ROW, indent=1),
            json.dumps({"data": [ROW]}),
            "id,input,output\n1,q,a\n",
            "id;input;output\r\n1;q;a",
            "\n\n" + json.dumps(ROW),
        ],
    )
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gzip"])
    def test_the_format_is_found_out(self, piped: BinaryIO, content: str, encoding: str) -> None:
        feed(piped, gzip.compress(content.encode()) if encoding == "gzip" else content.encode(encoding))
        dataset = open_dataset("-")
        assert [(one.id, one.output) for one in dataset] == [("1", "a")]
        assert dataset.name == "stdin"

    def test_only_once(self, piped: BinaryIO) -> None:
        feed(piped, json.dumps(ROW).encode())
        dataset = open_dataset("-")
        assert len(list(dataset)) == 1
        with pytest.raises(DataError, match="'stdin' can be read only once"):
            list(dataset)

    def test_nothing_comes(self, piped: BinaryIO) -> None:
        feed(piped, b"")
        with pytest.raises(DataError, match="'-' holds no interactions"):
            list(open_dataset("-"))

    def test_rows_come_as_they_are_written(self, piped: BinaryIO) -> None:
        piped.write(json.dumps(ROW).encode() + b"\n")
        rows = iter(open_dataset("-"))
        assert next(rows).id == "1"  # the writer has not closed yet
        piped.write(json.dumps({**ROW, "id": "2"}).encode() + b"\n")
        assert next(rows).id == "2"
        piped.close()
        assert list(rows) == []


class TestObjects:
    def test_interactions_and_dicts(self) -> None:
        label = Label(id="x", verdict="fail", critique="no", annotator="ana")
        one = Interaction(id="x", input=["q"], output="", metadata={"m": 1}, labels=(label,))
        dataset = open_dataset([one, {"question": "q", "answer": "b"}])
        first, second = dataset
        assert first == one
        assert (second.input, second.output, second.id[:2]) == ("q", "b", "i-")
        assert list(dataset) == [first, second]

    def test_a_generator_is_read_once(self) -> None:
        dataset = open_dataset(dict(ROW) for _ in range(1))
        assert len(list(dataset)) == 1
        with pytest.raises(DataError, match="can be read only once"):
            list(dataset)

    def test_a_generator_is_drawn_lazily(self) -> None:
        drawn = []

        def rows() -> Any:
            for number in range(10):
                drawn.append(number)
                yield {**ROW, "id": number}

        assert next(iter(open_dataset(rows()))).id == "0"
        assert drawn == [0]

    def test_the_callers_objects_are_left_alone(self) -> None:
        row = {**ROW, "metadata": {"a": 1}, "feature": "x", "label": "pass"}
        copy = json.loads(json.dumps(row))
        assert len(list(open_dataset([row]))) == 1
        assert row == copy

    def test_python_values(self) -> None:
        row = {
            "id": np.int64(7),
            "input": ("q", np.float64(1.5)),
            "output": np.array([1, 2]),
            "when": datetime.date(2026, 1, 2),
            "gone": float("nan"),
            "missing": pd.NaT,
            "na": pd.NA,
            "text": "x\ud83dy",
            3: "key",
        }
        dataset = open_dataset([row])
        [one] = dataset
        assert (one.id, one.input, one.output) == ("7", ["q", 1.5], [1, 2])
        assert one.metadata == {
            "when": "2026-01-02",
            "gone": None,
            "missing": None,
            "na": None,
            "text": "x�y",
            "3": "key",
        }
        assert dataset.tally.replaced_surrogates == 1

    @pytest.mark.parametrize(
        "bad", ["text", 3, None, {"input": object(), "output": "a"}, {"input": b"\xff", "output": "a"}]
    )
    def test_bad_ones_are_set_aside(self, bad: Any, tmp_path: Path) -> None:
        dataset = open_dataset([bad, ROW], rejects=tmp_path / "r.jsonl")
        assert [one.id for one in dataset] == ["1"]
        [reject] = dataset.tally.first_rejects
        assert (reject.file, reject.line) == ("in memory", 1)
        assert json.loads((tmp_path / "r.jsonl").read_text())["line"] == 1

    def test_a_list_that_holds_itself(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        dataset = open_dataset([{"input": loop, "output": "a"}])
        assert list(dataset) == []
        assert dataset.tally.reasons == {"nested too deep": 1}

    @pytest.mark.parametrize(
        "source", [ROW, Interaction(id="1", input="q", output="a"), 3, None, b"x", pd.DataFrame([ROW])]
    )
    def test_what_is_no_source(self, source: Any) -> None:
        with pytest.raises(InputError) as raised:
            open_dataset(source)
        assert raised.value.hint

    def test_nothing(self) -> None:
        with pytest.raises(DataError, match="holds no interactions"):
            list(open_dataset([]))


class TestRejects:
    def test_no_file_without_a_reject(self, read: Any, tmp_path: Path) -> None:
        read("a.jsonl", [ROW], rejects=tmp_path / "r.jsonl")
        assert not (tmp_path / "r.jsonl").exists()

    def test_a_mended_file_takes_its_rejects_away(self, read: Any, tmp_path: Path) -> None:
        rejects = tmp_path / "r.jsonl"
        read("a.jsonl", [ROW, {}], rejects=rejects)
        assert len(rejects.read_text().splitlines()) == 1
        read("a.jsonl", [ROW], rejects=rejects)
        assert not rejects.exists()

    def test_another_file_of_that_name_is_left_alone(self, read: Any, write: Any) -> None:
        other = write("r.txt", "my notes")
        read("a.jsonl", [ROW], rejects=other)
        assert other.read_text() == "my notes"

    def test_a_second_pass_writes_the_same(self, write: Any, tmp_path: Path) -> None:
        dataset = open_dataset(write("a.jsonl", [ROW, {}, {}]), rejects=tmp_path / "r.jsonl")
        list(dataset)
        first = (tmp_path / "r.jsonl").read_bytes()
        list(dataset)
        assert (tmp_path / "r.jsonl").read_bytes() == first
        assert len(first.splitlines()) == 2

    def test_a_glob_does_not_take_the_rejects_for_data(self, write: Any, tmp_path: Path) -> None:
        write("a.jsonl", [ROW, {}])
        for _ in range(2):
            dataset = open_dataset(str(tmp_path / "*.jsonl"), rejects=tmp_path / "rejects.jsonl")
            assert len(list(dataset)) == 1
            assert dataset.tally.read == 2

    def test_the_data_itself_is_not_overwritten(self, write: Any) -> None:
        path = write("a.jsonl", [ROW, {}])
        with pytest.raises(InputError, match="both read and the rejects file"):
            open_dataset(path, rejects=path)

    def test_a_folder_that_is_not_there(self, write: Any, tmp_path: Path) -> None:
        dataset = open_dataset(write("a.jsonl", [{}]), rejects=tmp_path / "nowhere" / "r.jsonl")
        with pytest.raises(OutputError, match=r"rejects file .* can't be written: No such file"):
            list(dataset)


def test_importing_is_light() -> None:
    heavy = "('pyarrow', 'python_calamine', 'charset_normalizer', 'numpy')"
    code = f"import sys, dikast.interactions; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    """Only the ids are remembered, in some thirty bytes each: 90,000 rows more take less than 8 MB more."""
    code = (
        "import resource, sys; from dikast.interactions import open_dataset;"
        "n = sum(1 for _ in open_dataset(sys.argv[1])); print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = []
    for count in (10_000, 100_000):
        path = tmp_path / f"{count}.jsonl"
        with path.open("w") as file:
            file.writelines(
                f'{{"id": "{n}", "input": "q", "output": "{n} answer {"x" * 200}"}}\n' for n in range(count)
            )
        # By way of a shell: a child's peak begins with the memory of whoever started it.
        command = ["sh", "-c", '"$0" -c "$1" "$2"; exit $?', sys.executable, code, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows, peak = map(int, done.stdout.split())
        assert rows == count
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 8 * 1024
