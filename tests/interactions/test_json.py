from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from dikast.errors import DataError
from dikast.interactions import open_dataset

ROWS = [{"id": str(number), "input": "q{[,", "output": f'a "{number}" \\ ]}}'} for number in range(3)]


class TestShapes:
    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize("name", ["a.json", "a.jsonl", "noname"])
    def test_an_array(self, read: Any, name: str, indent: int | None) -> None:
        rows, dataset = read(name, json.dumps(ROWS, indent=indent))
        assert [one.output for one in rows] == [row["output"] for row in ROWS]
        assert dataset.tally.rejected == 0

    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize("key", ["data", "interactions", "items", "任意"])
    def test_an_array_under_a_key(self, read: Any, key: str, indent: int | None) -> None:
        wrapped = {"version": 2, "tags": ["x"], key: ROWS, "more": {"n": [1]}}
        rows, dataset = read("a.json", json.dumps(wrapped, indent=indent))
        assert [one.id for one in rows] == ["0", "1", "2"]
        assert any("only the list under" in note and "version, tags, more" in note for note in dataset.tally.notes)

    @pytest.mark.parametrize("indent", [None, 2])
    def test_one_object_is_one_interaction(self, read: Any, indent: int | None) -> None:
        row = {
            "input": [{"role": "user", "content": "hi"}],
            "output": [{"role": "assistant", "content": "yo"}],
            "tags": [],
        }
        rows, _ = read("a.json", json.dumps(row, indent=indent))
        assert [one.output for one in rows] == [row["output"]]

    def test_objects_one_after_another(self, read: Any) -> None:
        rows, _ = read("a.json", "\n".join(json.dumps(row, indent=2) for row in ROWS))
        assert [one.id for one in rows] == ["0", "1", "2"]

    def test_a_chat_is_one_row_and_not_one_a_message(self, read: Any) -> None:
        for name in ("a.json", "a.jsonl"):
            _, dataset = read(name, json.dumps({"messages": [{"role": "user", "content": "hi"}]}))
            [reject] = dataset.tally.first_rejects
            assert reject.reason.startswith("no input: there are messages only")

    def test_two_lists_are_an_error(self, write: Any) -> None:
        path = write("a.json", json.dumps({"train": ROWS, "test": ROWS}))
        with pytest.raises(DataError, match='two lists of objects: "train" and "test"'):
            list(open_dataset(path))

    def test_no_list_is_a_row_without_an_input(self, read: Any) -> None:
        _, dataset = read("a.json", '{"version": 1, "items": []}')
        assert dataset.tally.reasons == {"no input": 1}

    def test_neither_array_nor_object(self, write: Any) -> None:
        with pytest.raises(DataError, match="can't be told: it begins with 'hello"):
            open_dataset(write("a.json", "hello world"))

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
    def test_encodings(self, read: Any, encoding: str) -> None:
        rows, _ = read("a.json", json.dumps([{"input": "問", "output": "答😀"}], ensure_ascii=False).encode(encoding))
        assert rows[0].output == "答😀"

    def test_an_empty_array_is_an_empty_file(self, write: Any) -> None:
        for content in ("[]", "[ ]\n"):
            with pytest.raises(DataError, match="holds no interactions"):
                list(open_dataset(write("a.json", content)))


class TestBadElements:
    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            ('{"input": }', "not JSON: expecting value"),
            ('{"input":"q","output":NaN}', "output is null"),
            ('{"input":"q","output":"a"} {"input":"q"}', "not JSON: extra data"),
            ("12", "not an object: a number (12)"),
            ("", "not JSON: a comma with nothing before or behind it"),
            ('{"input":"q","output":[[[' + "[" * 250 + "]" * 253 + "}", "nested too deep"),
            ("{'input': 'q'}", "not JSON: expecting property name"),
        ],
    )
    def test_one_bad_element_ends_only_itself(self, read: Any, bad: str, reason: str) -> None:
        first, last = json.dumps(ROWS[0]), json.dumps(ROWS[1])
        rows, dataset = read("a.json", f"[\n{first},\n{bad},\n{last}\n]")
        assert [one.id for one in rows] == ["0", "1"]
        [reject] = dataset.tally.first_rejects
        assert reject.reason.startswith(reason)
        assert reject.line == 3

    def test_invalid_utf_8_in_one_element(self, read: Any) -> None:
        rows, dataset = read("a.json", b'[{"input":"q","output":"\xff"},{"input":"q","output":"a"}]')
        assert len(rows) == 1
        assert dataset.tally.first_rejects[0].reason.startswith("not UTF-8: byte 0xFF")

    def test_lone_surrogates_are_not_turned_into_question_marks(self, read: Any) -> None:
        rows, dataset = read("a.json", r'[{"input":"q","output":"x\ud83dy"}]')
        assert rows[0].output == "x�y"
        assert dataset.tally.replaced_surrogates == 1

    @pytest.mark.parametrize("cut", [1, 2, 5, 12, 30])
    def test_a_cut_off_array_gives_what_is_there(self, read: Any, cut: int) -> None:
        for wrapped in (ROWS, {"data": ROWS}):
            text = json.dumps(wrapped)
            text = text[: text.rindex("}", 0, len(text) - 2) + 1] if cut == 1 else text[:-cut]
            rows, dataset = read("a.json", text)
            assert [one.id for one in rows][:2] == ["0", "1"]
            if len(rows) == 2:
                assert dataset.tally.reasons == {"cut off": 1}

    def test_text_behind_the_array(self, read: Any) -> None:
        rows, dataset = read("a.json", json.dumps(ROWS) + ' {"input":"lost"}')
        assert len(rows) == 3
        assert dataset.tally.first_rejects[0].reason.startswith("not JSON: more text behind the end of the array")

    def test_brackets_that_do_not_match(self, read: Any) -> None:
        rows, dataset = read("a.json", json.dumps(ROWS)[:-1] + "}")
        assert len(rows) == 3
        assert dataset.tally.rejected == 1

    def test_a_bracket_never_closed(self, read: Any) -> None:
        rows, dataset = read(
            "a.json", '[{"input":"q","output":"a"},\n{"input":[1,"output":"b"},\n{"input":"q","output":"c"}]'
        )
        assert len(rows) == 1
        assert dataset.tally.first_rejects[0].line == 2


class TestPieces:
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
    def test_wherever_a_chunk_ends(self, read: Any, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
        monkeypatch.setattr("dikast.interactions.json_text._CHUNK", size)
        texts = ['"', "\\", '\\"', "{[,]}", "答案😀", "\n", ""]
        rows = [{"id": str(n), "input": text, "output": [text, {text: text}]} for n, text in enumerate(texts)]
        for shape in (rows, {"n": 1, "data": rows, "z": [[]]}):
            for indent in (None, 1):
                read_rows, dataset = read("a.json", json.dumps(shape, indent=indent, ensure_ascii=False))
                assert [one.output for one in read_rows] == [row["output"] for row in rows]
                assert dataset.tally.rejected == 0

    def test_five_megabytes_in_one_element(self, read: Any) -> None:
        big = 'x\\"答' * 1_000_000
        rows, _ = read("a.json", json.dumps([{"input": "q", "output": big}, ROWS[1]]))
        assert rows[0].output == big
        assert rows[1].id == "1"

    def test_an_object_from_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for text in (json.dumps({"data": ROWS}), json.dumps({"data": ROWS}, indent=1)):
            raw = io.BufferedReader(_Pipe(text.encode()))
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(raw))
            assert [one.id for one in open_dataset("-")] == ["0", "1", "2"]


class _Pipe(io.RawIOBase):
    def __init__(self, content: bytes) -> None:
        self._rest = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._rest.readinto(buffer)
