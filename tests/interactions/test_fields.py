from __future__ import annotations

from typing import Any

import pytest

from dikast.interactions.fields import interaction_of
from dikast.interactions.rows import Tally, Unusable

ROW: dict[str, Any] = {"input": "q", "output": "a"}


class TestMetadata:
    def test_other_keys_join_it(self) -> None:
        one = interaction_of({**ROW, "metadata": {"a": 1}, "b": None, "c": [1]}, Tally())
        assert one.metadata == {"a": 1, "b": None, "c": [1]}

    def test_a_key_of_both_loses_neither(self) -> None:
        one = interaction_of({**ROW, "metadata": {"model": "x", "same": 1}, "model": "y", "same": 1}, Tally())
        assert one.metadata == {"model": "x", "same": 1, "row.model": "y"}

    def test_null_and_empty_are_none(self) -> None:
        assert interaction_of({**ROW, "metadata": None}, Tally()).metadata == {}
        assert interaction_of({**ROW, "metadata": ""}, Tally()).metadata == {}


class TestPairs:
    def test_a_null_output_beside_two_is_fine(self) -> None:
        one = interaction_of({"input": "q", "output": None, "output_a": "", "output_b": "y"}, Tally())
        assert one.is_pair
        assert (one.output, one.output_a, one.output_b) == (None, "", "y")


class TestLabels:
    def test_a_label_and_several_peoples(self) -> None:
        row = {
            **ROW,
            "id": "7",
            "label": {"verdict": "fail", "score": 1, "scale": [1, 5], "criterion": "faithful", "critique": "no"},
            "labels": [
                {"annotator": "ana", "verdict": "fail", "score": 2},
                {"annotator": 3, "score": 1, "scale": [0, 1]},
            ],
        }
        settled, ana, three = interaction_of(row, Tally()).labels
        assert (settled.id, settled.verdict, settled.score, settled.scale) == ("7", "fail", 1.0, (1.0, 5.0))
        assert (settled.annotator, settled.critique) == (None, "no")
        assert (ana.annotator, ana.verdict, ana.criterion, ana.scale) == ("ana", "fail", "faithful", (1.0, 5.0))
        assert (three.annotator, three.scale) == ("3", (0.0, 1.0))

    @pytest.mark.parametrize(("preference", "verdict"), [("a", "a"), ("B", "b"), ("tie", "tie")])
    def test_preferences(self, preference: str, verdict: str) -> None:
        [label] = interaction_of({**ROW, "label": {"preference": preference}}, Tally()).labels
        assert label.verdict == verdict

    def test_a_bare_word(self) -> None:
        assert [one.verdict for one in interaction_of({**ROW, "label": "Pass"}, Tally()).labels] == ["pass"]
        assert [one.verdict for one in interaction_of({**ROW, "labels": ["pass", 0]}, Tally()).labels] == [
            "pass",
            "fail",
        ]

    @pytest.mark.parametrize("label", ["sports", 3, ["x"], {"verdict": "maybe"}, {"critique": "only"}])
    def test_what_is_no_label_of_ours_stays_in_metadata(self, label: Any) -> None:
        tally = Tally()
        one = interaction_of({**ROW, "label": label}, tally)
        assert (one.labels, one.metadata) == ((), {"label": label})
        [note] = tally.notes
        assert note.startswith("label kept as metadata only")

    def test_null_labels_are_none(self) -> None:
        one = interaction_of({**ROW, "label": None, "labels": None}, Tally())
        assert (one.labels, one.metadata) == ((), {})


@pytest.mark.parametrize(("given", "id"), [("x", "x"), (12, "12"), (-1, "-1"), (3.0, "3"), (None, ""), ("", "")])
def test_ids(given: Any, id: str) -> None:
    assert interaction_of({**ROW, "id": given}, Tally()).id == id


@pytest.mark.parametrize("given", [True, 1.5, ["x"], {"x": 1}])
def test_no_ids(given: Any) -> None:
    with pytest.raises(Unusable, match="id is no text"):
        interaction_of({**ROW, "id": given}, Tally())
