from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import DataError
from dikast.interactions import open_dataset


def table(*rows: list[str], delimiter: str = ",", ending: str = "\r\n") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=ending).writerows(rows)
    return out.getvalue()


class TestCells:
    def test_ids_stay_texts(self, read: Any) -> None:
        rows, _ = read("a.csv", table(["id", "input", "output"], ["0012", "q", "a"], ["1e5", "q", "007"]))
        assert [one.id for one in rows] == ["0012", "1e5"]
        assert rows[1].output == "007"

    def test_cells_that_hold_json_are_decoded(self, read: Any) -> None:
        chat = [{"role": "user", "content": "hi"}]
        cells = [
            json.dumps(chat),
            json.dumps({"a": 1}),
            "[1, 2]",
            "[see note]",
            '{"model": "m"}',
            '{"verdict": "pass"}',
        ]
        header = ["input", "output", "context", "reference", "metadata", "label"]
        [one], _ = read("a.csv", table(header, cells))
        assert (one.input, one.output, one.context, one.reference) == (chat, {"a": 1}, [1, 2], "[see note]")
        assert one.metadata == {"model": "m"}
        assert one.labels[0].verdict == "pass"

    def test_surrogates_spelled_in_a_cell_are_counted(self, read: Any) -> None:
        [one], dataset = read("a.csv", table(["input", "output"], ["q", r'["\ud83d"]']))
        assert one.output == ["�"]
        assert dataset.tally.replaced_surrogates == 1

    def test_json_in_other_columns_stays_text(self, read: Any) -> None:
        [one], _ = read("a.csv", table(["input", "output", "tags"], ["q", "a", '["x"]']))
        assert one.metadata == {"tags": '["x"]'}

    def test_empty_cells(self, read: Any) -> None:
        header = ["id", "input", "output", "context", "reference", "metadata", "feature"]
        [one], dataset = read("a.csv", table(header, ["", "q", "", "", "", "", ""]))
        assert one.id.startswith("i-")
        assert (one.output, one.context, one.reference, one.metadata) == ("", None, None, {})
        assert dataset.tally.rejected == 0

    def test_rows_of_empty_cells_are_none(self, read: Any) -> None:
        rows, dataset = read("a.csv", "input,output\r\nq,a\r\n,\r\n\r\nq,b\r\n,\r\n")
        assert [one.output for one in rows] == ["a", "b"]
        assert dataset.tally.read == 2

    def test_pairs_and_single_outputs_in_one_table(self, read: Any) -> None:
        header = ["id", "input", "output", "output_a", "output_b"]
        rows, _ = read("a.csv", table(header, ["1", "q", "a", "", ""], ["2", "q", "", "x", ""]))
        assert rows[0].output == "a"
        assert not rows[0].is_pair
        assert (rows[1].output, rows[1].output_a, rows[1].output_b) == (None, "x", "")

    def test_newlines_quotes_nul_and_five_megabytes(self, read: Any) -> None:
        texts = ['a "b"\nc,\r\nd', "nul\0nul", "x" * 5_000_000, " 答案😀 ", "=1+1"]
        rows, _ = read("a.csv", table(["input", "output"], *([text, text] for text in texts)))
        assert [one.output for one in rows] == texts

    def test_line_numbers_are_where_a_row_begins(self, read: Any) -> None:
        _, dataset = read("a.csv", 'input,output\nq,"a\nb\nc"\nonly one\nq,a\n')
        [reject] = dataset.tally.first_rejects
        assert (reject.line, reject.raw) == (5, "only one")
        assert reject.reason.startswith("wrong number of cells: 1 where the header has 2")


class TestDialects:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
    @pytest.mark.parametrize("ending", ["\n", "\r\n"])
    def test_delimiters(self, read: Any, delimiter: str, name: str, ending: str) -> None:
        content = table(["id", "input", "output"], ["1", "a,b;c|d\te", "x"], delimiter=delimiter, ending=ending)
        [one], _ = read(name, content)
        assert one.input == "a,b;c|d\te"

    def test_a_header_with_other_delimiters_in_it(self, read: Any) -> None:
        [one], _ = read("a.csv", "input;output;notes, more\nq;a;x\n")
        assert one.metadata == {"notes, more": "x"}

    @pytest.mark.parametrize("delimiter", [";", ",", "^", "\t"])
    def test_a_line_that_announces_the_delimiter(self, read: Any, delimiter: str) -> None:
        content = f"sep={delimiter}\r\n" + table(["input", "output"], ["q", "a"], ["q"], delimiter=delimiter)
        [one], dataset = read("a.csv", content)
        assert one.output == "a"
        assert dataset.tally.first_rejects[0].line == 4

    def test_a_quote_never_closed_does_not_swallow_the_rest_in_silence(self, read: Any) -> None:
        rows, dataset = read("a.csv", 'input,output\nq,a\nq,"b\nq,c\nq,d\n')
        assert [one.output for one in rows] == ["a"]
        [reject] = dataset.tally.first_rejects
        assert reject.reason.startswith("quote not closed: a quote opened in lines 3 to 5")

    def test_a_quote_not_doubled(self, read: Any) -> None:
        rows, dataset = read("a.csv", 'input,output\nq,"say "hi" now"\nq,b\n')
        assert [one.output for one in rows] == ["b"]
        assert dataset.tally.first_rejects[0].line == 2
        assert dataset.tally.first_rejects[0].reason.startswith("not CSV: ")

    def test_empty_cells_beyond_the_header(self, read: Any) -> None:
        rows, dataset = read("a.csv", "input,output\nq,a,,\nq,b,x\n")
        assert [one.output for one in rows] == ["a"]
        assert dataset.tally.reasons == {"wrong number of cells": 1}

    def test_columns_without_a_name_and_of_one_name(self, read: Any) -> None:
        [one], _ = read("a.csv", "input,output,,x,x\nq,a,1,2,3\n")
        assert one.metadata == {"column 3": "1", "x": "2", "x.2": "3"}

    def test_two_columns_of_one_field(self, write: Any) -> None:
        with pytest.raises(DataError, match="two columns are called 'output'"):
            list(open_dataset(write("a.csv", "input,output,output\nq,a,b\n")))

    @pytest.mark.parametrize("header", ["input,answered\n", "q,a,b\n", "output,x\n"])
    def test_a_header_without_the_columns(self, write: Any, header: str) -> None:
        with pytest.raises(DataError, match=r"a\.csv: no column for .*; the header has '") as raised:
            list(open_dataset(write("a.csv", header + "x,y\n")))
        assert '"input" and "output"' in str(raised.value.hint)

    def test_a_header_alone(self, write: Any) -> None:
        with pytest.raises(DataError, match="holds no interactions"):
            list(open_dataset(write("a.csv", "input,output\n")))

    def test_gzip(self, read: Any) -> None:
        assert len(read("a.csv.gz", gzip.compress(b"input,output\nq,a\n"))[0]) == 1


CHINESE = "請問退款政策是什麼呢？七天內可以全額退款，請攜帶發票與商品到門市辦理。"
SIMPLE = "请问退款政策是什么？七天内可以全额退款，请携带发票与商品到门店办理。"
JAPANESE = "返金ポリシーは何ですか？七日以内なら全額返金できます。"
KOREAN = "환불 정책은 무엇입니까? 칠일 이내에 전액 환불이 가능합니다."
RUSSIAN = "Какова политика возврата? Возврат возможен в течение семи дней."


class TestBrokenHeaders:
    def test_a_quote_that_is_never_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text('"input,output\nq,a\n')
        with pytest.raises(DataError, match=r"header of .*can't be read"):
            list(open_dataset(path))


class TestEncodings:
    @pytest.mark.parametrize(
        ("encoding", "text"),
        [
            ("cp1252", "Café refund – “how”? See policy…"),
            ("latin-1", "Straße, größer, schön"),
            ("cp1250", "Zażółć gęślą jaźń, Łódź źle"),
            ("cp1251", RUSSIAN),
            ("big5", CHINESE),
            ("gb18030", SIMPLE),
            ("cp932", JAPANESE),
            ("cp949", KOREAN),
        ],
    )
    def test_code_pages_are_guessed_and_told(self, read: Any, encoding: str, text: str) -> None:
        [one], dataset = read("a.csv", table(["input", "output"], [text, text]).encode(encoding))
        assert one.output == text
        [note] = dataset.tally.notes
        assert "which is a guess" in note

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_unicode_is_not_guessed(self, read: Any, encoding: str) -> None:
        [one], dataset = read("a.csv", table(["id", "input", "output"], ["1", CHINESE, "😀"]).encode(encoding))
        assert (one.id, one.input, one.output) == ("1", CHINESE, "😀")
        assert dataset.tally.notes == {}

    def test_the_other_encoding_shows_late(self, read: Any) -> None:
        early = [["q", "plain ascii " * 5] for _ in range(5000)]
        rows, _ = read("a.csv", table(["input", "output"], *early, ["q", "Café – olé"]).encode("cp1252"))
        assert rows[-1].output == "Café – olé"

    def test_a_broken_byte_does_not_turn_utf_8_into_something_else(self, read: Any) -> None:
        content = (
            table(["input", "output"], ["q", CHINESE], ["q", "x_y"], ["q", CHINESE]).encode().replace(b"_", b"\xe9")
        )
        rows, dataset = read("a.csv", content)
        assert [one.output for one in rows] == [CHINESE, CHINESE]
        [reject] = dataset.tally.first_rejects
        assert (reject.line, reject.reason) == (3, "not UTF-8: byte 0xE9 in 'x'")
