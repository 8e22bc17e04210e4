from __future__ import annotations

import datetime
import decimal
import gzip
import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dikast.errors import DataError
from dikast.interactions import open_dataset


def written(path: Path, rows: list[dict[str, Any]], **options: Any) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


class TestParquet:
    def test_columns_keep_their_types(self, tmp_path: Path) -> None:
        row = {
            "id": 7,
            "input": [{"role": "user", "content": "hi"}],
            "output": "[1, 2]",
            "context": "c",
            "metadata": json.dumps({"model": "m"}),
            "when": datetime.datetime(2026, 1, 2, 3, 4, 5),
            "day": datetime.date(2026, 1, 2),
            "cost": decimal.Decimal("1.50"),
            "whole": decimal.Decimal("3.00"),
            "raw": b"bytes",
            "gone": None,
            "n": math.nan,
        }
        dataset = open_dataset(written(tmp_path / "a.parquet", [row]))
        [one] = dataset
        assert (one.id, one.input, one.output) == ("7", row["input"], "[1, 2]")
        assert one.metadata == {
            "model": "m",
            "when": "2026-01-02T03:04:05",
            "day": "2026-01-02",
            "cost": 1.5,
            "whole": 3,
            "raw": "bytes",
        }
        assert dataset.tally.notes == {"NaN read as null": 1}

    def test_an_integer_column_with_gaps_gives_whole_ids(self, tmp_path: Path) -> None:
        rows = [{"id": 1.0, "input": "q", "output": "a"}, {"id": None, "input": "q", "output": "b"}]
        first, second = open_dataset(written(tmp_path / "a.parquet", rows))
        assert first.id == "1"
        assert second.id.startswith("i-")

    def test_null_outputs_are_rejected_by_row(self, tmp_path: Path) -> None:
        rows = [{"input": "q", "output": "a"}, {"input": "q", "output": None}, {"input": "q", "output": ""}]
        dataset = open_dataset(written(tmp_path / "a.parquet", rows))
        assert [one.output for one in dataset] == ["a", ""]
        assert (dataset.tally.first_rejects[0].line, dataset.tally.reasons) == (2, {"output is null": 1})

    def test_infinity_and_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        rows = [{"input": "q", "output": b"a", "x": math.inf}, {"input": "q", "output": b"\xff", "x": 1.0}]
        dataset = open_dataset(written(tmp_path / "a.parquet", rows))
        assert list(dataset) == []
        assert dataset.tally.reasons == {"number out of range": 1, "not text": 1}

    def test_a_text_column_with_invalid_utf_8(self, tmp_path: Path) -> None:
        bad = pa.Array.from_buffers(
            pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffc")]
        )
        pq.write_table(pa.table({"input": ["q", "q", "q"], "output": bad}), tmp_path / "a.parquet")
        dataset = open_dataset(tmp_path / "a.parquet")
        assert [one.output for one in dataset] == ["a", "c"]
        assert dataset.tally.first_rejects[0].reason.startswith("not UTF-8: a text with byte 0xFF")

    def test_many_row_groups_keep_their_order(self, tmp_path: Path) -> None:
        rows = [{"id": str(n), "input": "q", "output": str(n)} for n in range(5000)]
        path = written(tmp_path / "a.parquet", rows, row_group_size=700)
        assert [one.id for one in open_dataset(path)] == [row["id"] for row in rows]

    def test_is_recognised_by_content_and_packed(self, tmp_path: Path) -> None:
        path = written(tmp_path / "data.bin", [{"input": "q", "output": "a"}])
        assert len(list(open_dataset(path))) == 1
        packed = tmp_path / "a.parquet.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert len(list(open_dataset(packed))) == 1

    def test_a_missing_column(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.parquet", [{"text": "q", "output": "a"}])
        with pytest.raises(DataError, match="no column for 'input'; the header has 'text', 'output'"):
            list(open_dataset(path))

    def test_a_damaged_file(self, tmp_path: Path) -> None:
        path = written(tmp_path / "a.parquet", [{"input": "q", "output": "a"}])
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(DataError, match="no readable Parquet file"):
            list(open_dataset(path))

    def test_the_name_without_the_content(self, write: Any) -> None:
        with pytest.raises(DataError, match=r"is called \.parquet, and its content is not"):
            open_dataset(write("a.parquet", "hello"))
