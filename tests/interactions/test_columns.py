from __future__ import annotations

from typing import Any

import pytest

from dikast.errors import DataError
from dikast.interactions import open_dataset
from dikast.interactions.columns import normal_name


class TestSynonyms:
    @pytest.mark.parametrize(
        ("question", "answer", "truth"),
        [
            ("question", "answer", "ground_truth"),
            ("Prompt", "Response", "Expected Output"),
            ("QUERY", "completion", "target"),
            ("user_input", "actual-output", "expected"),
            ("問題", "回答", "參考答案"),
            (" Input ", "OUTPUT", "Reference"),
        ],
    )
    def test_are_read_and_told(self, read: Any, question: str, answer: str, truth: str) -> None:
        row = {question: "q", answer: "a", truth: "r", "other": 1}
        for name, content in (("a.jsonl", [row]), ("a.csv", f"{question},{answer},{truth},other\nq,a,r,1\n")):
            [one], dataset = read(name, content)
            assert (one.input, one.output, one.reference) == ("q", "a", "r")
            assert list(one.metadata) == ["other"]
            told = [note.split(": ", 1)[1] for note in dataset.tally.notes]
            assert f"{question!r} is read as 'input'" in told
            assert len(told) == 3

    def test_a_fields_own_name_wins(self, read: Any) -> None:
        [one], dataset = read("a.jsonl", [{"input": "q", "output": "a", "prompt": "p", "Output": "x"}])
        assert (one.input, one.output, one.metadata) == ("q", "a", {"prompt": "p", "Output": "x"})
        assert dataset.tally.notes == {}

    def test_another_spelling_wins_over_a_synonym(self, read: Any) -> None:
        [one], _ = read("a.jsonl", [{"Input": "q", "prompt": "p", "output": "a"}])
        assert (one.input, one.metadata) == ("q", {"prompt": "p"})

    @pytest.mark.parametrize(
        ("row", "both"),
        [
            ({"question": "q", "prompt": "p", "output": "a"}, "no 'input', and 'question' and 'prompt'"),
            ({"question": "q", "answer": "gold", "prediction": "p"}, "no 'output', and 'answer' and 'prediction'"),
            ({"input": "q", "Output": "a", "OUTPUT": "b"}, "no 'output', and 'Output' and 'OUTPUT'"),
            (
                {"input": "q", "output": "a", "expected": "r", "target": "t"},
                "no 'reference', and 'expected' and 'target'",
            ),
        ],
    )
    def test_two_candidates_are_an_error(self, write: Any, row: dict[str, str], both: str) -> None:
        header = ",".join(row) + "\n" + ",".join(row.values()) + "\n"
        for path in (write("a.jsonl", [row]), write("a.csv", header)):
            with pytest.raises(DataError, match=both):
                list(open_dataset(path))

    def test_a_file_that_has_the_field_takes_no_synonym_for_it(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", [{"input": "q", "output": "a"}, {"prompt": "p", "output": "b"}])
        assert [one.output for one in rows] == ["a"]
        assert dataset.tally.reasons == {"no input": 1}

    def test_a_field_may_show_first_in_a_later_row(self, read: Any) -> None:
        rows, _ = read("a.jsonl", [{"prompt": "q", "output": "a"}, {"prompt": "q", "output": "b", "expected": "r"}])
        assert [one.reference for one in rows] == [None, "r"]

    def test_once_settled_other_candidates_are_metadata(self, read: Any) -> None:
        rows, _ = read("a.jsonl", [{"prompt": "q", "output": "a"}, {"question": "x", "prompt": "q2", "output": "b"}])
        assert (rows[1].input, rows[1].metadata) == ("q2", {"question": "x"})

    def test_each_file_settles_for_itself(self, write: Any, tmp_path: Any) -> None:
        write("a.jsonl", [{"prompt": "q", "output": "a"}])
        write("b.jsonl", [{"question": "q", "output": "b"}])
        assert [one.input for one in open_dataset(str(tmp_path / "*.jsonl"))] == ["q", "q"]

    def test_pairs(self, read: Any) -> None:
        [one], _ = read("a.jsonl", [{"question": "q", "answer_a": "x", "answer_b": "y", "answer": "gold"}])
        assert (one.output, one.output_a, one.output_b, one.metadata) == (None, "x", "y", {"answer": "gold"})

    def test_many_different_rows(self, read: Any) -> None:
        rows, dataset = read("a.jsonl", [{"prompt": "q", "output": "a", f"k{n}": n} for n in range(12_000)])
        assert rows[-1].metadata == {"k11999": 11_999}
        assert dataset.tally.kept == 12_000


@pytest.mark.parametrize(
    ("name", "normal"),
    [("Output A", "output_a"), (" output-a ", "output_a"), ("ＩＮＰＵＴ", "input"), ("問題", "問題")],
)
def test_normal_name(name: str, normal: str) -> None:
    assert normal_name(name) == normal
