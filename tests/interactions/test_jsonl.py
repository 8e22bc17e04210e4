from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import DataError
from dikast.interactions import open_dataset
from dikast.records import content_hash

GOOD = {"id": "1", "input": "q", "output": "a"}


def line(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode() + b"\n"


class TestGoodLines:
    def test_every_field_of_the_contract_arrives(self, read: Any) -> None:
        row = {
            "id": "x",
            "input": [{"role": "user", "content": "hi"}],
            "output": {"answer": [1, 2.5, None, True]},
            "context": "c",
            "reference": "r",
            "metadata": {"model": "m"},
            "feature": "search",
        }
        [one], dataset = read("a.jsonl", [row])
        assert (one.id, one.input, one.output) == ("x", row["input"], row["output"])
        assert (one.context, one.reference) == ("c", "r")
        assert one.metadata == {"model": "m", "feature": "search"}
        assert (dataset.tally.read, dataset.tally.kept, dataset.tally.rejected) == (1, 1, 0)

    @pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "a.data", "noname"])
    def test_lines_are_recognised_under_any_name(self, read: Any, name: str) -> None:
        rows, _ = read(name, line() + line(id="2"))
        assert [one.id for one in rows] == ["1", "2"]

    @pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\n\n", b"\n \t\r\n"])
    def test_line_endings_and_blank_lines(self, read: Any, ending: bytes) -> None:
        rows, dataset = read("a.jsonl", line().rstrip() + ending + line(id="2").rstrip() + ending)
        assert [one.id for one in rows] == ["1", "2"]
        assert dataset.tally.read == 2

    def test_no_newline_at_the_end(self, read: Any) -> None:
        assert [one.id for one in read("a.jsonl", line() + line(id="2").rstrip())[0]] == ["1", "2"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_byte_order_marks_and_wide_encodings(self, read: Any, encoding: str) -> None:
        text = json.dumps({**GOOD, "output": "答案 😀 é"}, ensure_ascii=False) + "\r\n"
        rows, _ = read("a.jsonl", text.encode(encoding))
        assert rows[0].output == "答案 😀 é"

    def test_a_byte_order_mark_in_the_middle_of_joined_files(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", line() + b"\xef\xbb\xbf" + line(id="2"))
        assert [one.id for one in rows] == ["1", "2"]
        assert dataset.tally.rejected == 0

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " \n",
            "שלום עולם",
            "繁體中文與简体",
            "👩‍👩‍👧 🏳️‍🌈",
            "a\0b",
            "line\u2028sep",
            "tab\t and \x1b[0m",
            "\ufeffx",
        ],
    )
    def test_any_text_is_kept_as_it_is(self, read: Any, text: str) -> None:
        for ascii_only in (True, False):
            content = json.dumps({**GOOD, "output": text}, ensure_ascii=ascii_only) + "\n"
            assert read("a.jsonl", content)[0][0].output == text

    def test_raw_control_characters_inside_a_text(self, read: Any) -> None:
        rows, _ = read("a.jsonl", b'{"input":"a\tb","output":"c\x00d"}\n')
        assert (rows[0].input, rows[0].output) == ("a\tb", "c\0d")

    def test_five_megabytes_of_output(self, read: Any) -> None:
        big = '答案\n"x" ' * 500_000
        rows, _ = read("a.jsonl", line(output=big) + line(id="2"))
        assert rows[0].output == big
        assert rows[1].id == "2"

    def test_numbers_beyond_64_bits_are_exact(self, read: Any) -> None:
        rows, _ = read(
            "a.jsonl", b'{"id":123456789012345678901234567890,"input":"q","output":{"n":-99999999999999999999}}\n'
        )
        assert rows[0].id == "123456789012345678901234567890"
        assert rows[0].output == {"n": -99999999999999999999}
        assert len(content_hash(rows[0])) == 64


class TestMendedLines:
    @pytest.mark.parametrize(
        ("spelled", "text", "count"),
        [
            (r"\ud83d", "�", 1),
            (r"x\udcffy", "x�y", 1),
            (r"\ud83d\ud83d\ude00", "�😀", 1),
            (r"\ude00\ud83d", "��", 2),
            (r"\ud83dx\ude00 �", "�x� �", 2),
        ],
    )
    def test_lone_surrogates_are_replaced_and_counted(self, read: Any, spelled: str, text: str, count: int) -> None:
        rows, dataset = read("a.jsonl", '{"input":"q","output":"' + spelled + '"}\n')
        assert rows[0].output == text
        assert dataset.tally.replaced_surrogates == count

    def test_surrogates_in_keys_ids_and_deep_inside(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", r'{"id":"\ud800","input":[{"k\udfff":["\ud800"]}],"output":"a"}' + "\n")
        assert rows[0].id == "�"
        assert rows[0].input == [{"k�": ["�"]}]
        assert dataset.tally.replaced_surrogates == 3

    def test_surrogates_as_raw_bytes(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", b'{"input":"q","output":"x\xed\xa0\xbdy"}\n')
        assert rows[0].output == "x�y"
        assert dataset.tally.replaced_surrogates == 1

    def test_surrogates_in_utf_16(self, read: Any) -> None:
        content = b"\xff\xfe" + '{"input":"q","output":"x\ud83dy"}\n'.encode("utf-16-le", "surrogatepass")
        rows, dataset = read("a.jsonl", content)
        assert rows[0].output == "x�y"
        assert dataset.tally.replaced_surrogates == 1

    def test_nan_is_null_and_noted(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", b'{"input":"q","output":"a","context":NaN,"metadata":{"p":NaN}}\n')
        assert (rows[0].context, rows[0].metadata) == (None, {"p": None})
        assert dataset.tally.notes == {"NaN read as null": 2}


class TestBadLines:
    @pytest.mark.parametrize("bad", [b"hello\n", b"one, two\n", b"null\n", b'"a"\n'])
    def test_a_broken_first_line_does_not_hide_the_format(self, read: Any, bad: bytes) -> None:
        interactions, dataset = read("no-suffix", bad + line() + line(id="2"))
        assert [interaction.id for interaction in interactions] == ["1", "2"]
        assert dataset.tally.rejected == 1

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (b'{"input":"q"', "cut off"),
            (b'{"input":"q","output":"a', "cut off"),
            (b'{"input":"q","output":', "cut off"),
            (b'{"input" "q"}', "not JSON: expecting ':' delimiter at column 10"),
            (b'{"input":"q","output":"a"} {"x":1}', "not JSON: extra data at column 28"),
            (b"hello", "not JSON: expecting value at column 1"),
            (b'["a"]', "not an object: a list"),
            (b'"a"', "not an object: a text ('a')"),
            (b"null", "not an object: null"),
            (b"12", "not an object: a number (12)"),
            (b'{"input":"caf\xe9","output":"a"}', "not UTF-8: byte 0xE9 at offset 13"),
            (b'{"input":"q","output":Infinity}', "not JSON: Infinity"),
            (b'{"input":"q","output":-Infinity}', "not JSON: -Infinity"),
            (b'{"input":"q","output":1e400}', "number out of range: 1e400"),
            (b'{"input":"q","output":' + b"9" * 5000 + b"}", "number out of range"),
            (b'{"input":"q","output":' + b"[" * 300 + b"]" * 300 + b"}", "nested too deep: more than 200 levels"),
            (b'{"input":"q","output":' + b'{"a":' * 99_999 + b"1" + b"}" * 99_999 + b"}", "nested too deep"),
            (b'{"output":"a"}', "no input"),
            (b'{"input":null,"output":"a"}', "no input"),
            (b'{"input":"q"}', "no output"),
            (b'{"input":"q","output":null}', "output is null"),
            (b'{"input":"q","output":NaN}', "output is null"),
            (b'{"input":"q","output":"a","metadata":[1]}', "metadata is no object: a list"),
            (b'{"input":"q","output":"a","id":true}', "id is no text: true"),
            (b'{"input":"q","output":"a","id":1.5}', "id is no text: a number (1.5)"),
            (b'{"input":"q","output_a":"a"}', "half a pair: output_b"),
            (b'{"input":"q","output_b":"a","output_a":null}', "half a pair: output_a"),
            (b'{"input":"q","output":"x","output_a":"a","output_b":"b"}', "output and output_a"),
            (b"{}", "no input"),
        ],
    )
    def test_a_bad_line_is_set_aside_and_the_rest_is_read(
        self, read: Any, tmp_path: Path, bad: bytes, reason: str
    ) -> None:
        rejects = tmp_path / "rejects.jsonl"
        rows, dataset = read("a.jsonl", line() + bad + b"\n" + line(id="2"), rejects=rejects)
        assert [one.id for one in rows] == ["1", "2"]
        [reject] = [json.loads(one) for one in rejects.read_text().splitlines()]
        assert list(reject) == ["file", "line", "reason", "raw"]
        assert (reject["file"], reject["line"]) == (str(tmp_path / "a.jsonl"), 2)
        assert reject["reason"].startswith(reason)
        assert reject["raw"].startswith(bad[:10].decode())
        assert len(reject["raw"]) < 2100
        tally = dataset.tally
        assert (tally.read, tally.rejected) == (3, 1)
        assert tally.reasons == {reject["reason"].partition(":")[0]: 1}
        assert tally.first_rejects[0].reason == reject["reason"]

    def test_strict_stops_at_the_first(self, write: Any) -> None:
        path = write("a.jsonl", line() + b"{bad\n" + line(id="2"))
        rows = iter(open_dataset(path, strict=True))
        assert next(rows).id == "1"
        with pytest.raises(DataError, match=r"a\.jsonl, line 2: not JSON: "):
            next(rows)

    def test_a_last_line_that_is_cut_off(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", line() + line(id="2")[:-8])
        assert [one.id for one in rows] == ["1"]
        assert "may have been cut off here" in dataset.tally.first_rejects[0].reason

    def test_depth_has_the_same_limit_for_any_spelling(self, read: Any) -> None:
        deep: Any = "x"
        for _ in range(199):
            deep = [deep]
        fits = {"input": "q", "output": deep}
        assert read("a.jsonl", [fits])[1].tally.rejected == 0
        assert read("a.jsonl", [{"input": "q", "output": [[deep]]}])[1].tally.rejected == 1

    def test_brackets_inside_a_text_are_not_depth(self, read: Any) -> None:
        assert read("a.jsonl", line(output="[{" * 5000))[1].tally.rejected == 0

    def test_raw_is_bounded_and_says_so(self, read: Any) -> None:
        _, dataset = read("a.jsonl", b'{"input":"' + b"x" * 1_000_000)
        raw = dataset.tally.first_rejects[0].raw
        assert raw.startswith('{"input":"xxx')
        assert raw.endswith("… [cut: 1,000,010 bytes in all]")
        assert len(raw) < 2100

    def test_bytes_that_are_no_text_are_shown_as_escapes(self, read: Any) -> None:
        _, dataset = read("a.jsonl", line() + b'{"a":"\xff\xfe"}\n')
        assert dataset.tally.first_rejects[0].raw == '{"a":"\\xff\\xfe"}'

    def test_only_the_first_ten_are_remembered(self, read: Any) -> None:
        _, dataset = read("a.jsonl", line() + b"bad\n" * 25)
        assert dataset.tally.rejected == 25
        assert [reject.line for reject in dataset.tally.first_rejects] == list(range(2, 12))

    def test_an_empty_output_is_an_answer(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", line(output="") + line(id="2", output=" \n"))
        assert [one.output for one in rows] == ["", " \n"]
        assert dataset.tally.rejected == 0

    def test_false_and_zero_are_answers_too(self, read: Any) -> None:
        rows, _ = read("a.jsonl", line(output=False) + line(id="2", output=0))
        assert [one.output for one in rows] == [False, 0]


class TestGzip:
    def test_is_read_under_any_name(self, read: Any) -> None:
        packed = gzip.compress(line() + line(id="2"))
        for name in ("a.jsonl.gz", "a.jsonl", "a"):
            assert [one.id for one in read(name, packed)[0]] == ["1", "2"]

    def test_several_members_are_one_file(self, read: Any) -> None:
        assert len(read("a.jsonl.gz", gzip.compress(line()) + gzip.compress(line(id="2")))[0]) == 2

    def test_a_cut_off_file_gives_what_is_there(self, read: Any) -> None:
        lines = b"".join(line(id=str(n), output=str(n * 7919 % 1000)) for n in range(20_000))
        packed = gzip.compress(lines)
        rows, dataset = read("a.jsonl.gz", packed[: len(packed) // 2])
        assert 1000 < len(rows) < 20_000
        [reject] = dataset.tally.first_rejects
        assert reject.reason.startswith("broken off: the file can't be read further")
        assert reject.line == len(rows) + 1

    def test_a_damaged_file(self, read: Any) -> None:
        packed = bytearray(gzip.compress(b"".join(line(id=str(n)) for n in range(50_000))))
        packed[len(packed) // 2 :] = b"\0" * (len(packed) - len(packed) // 2)
        _, dataset = read("a.jsonl.gz", bytes(packed))
        assert dataset.tally.reasons["broken off"] == 1

    def test_strict_raises(self, write: Any) -> None:
        packed = gzip.compress(b"".join(line(id=str(n)) for n in range(2000)))
        with pytest.raises(DataError, match="broken off"):
            list(open_dataset(write("a.jsonl.gz", packed[:-100]), strict=True))

    def test_nothing_but_a_beginning(self, write: Any) -> None:
        with pytest.raises(DataError, match=r"no readable \.gz"):
            open_dataset(write("a.jsonl.gz", b"\x1f\x8b\x08"))
