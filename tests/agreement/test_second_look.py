"""A person who looks again is no other person: their own agreement is a figure of its own."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.metrics import cohen_kappa_score

from dikast.agreement.figures import agreement
from dikast.agreement.matching import match, settle
from dikast.agreement.second_look import both_looks, self_agreement
from dikast.errors import DataError
from dikast.judges.evidence import gather
from dikast.records import Interaction, JudgeRef, Label, Verdict

FIRST, AGAIN = "ppppffffpp", "pppfffffpf"  # 8 of 10 the same
WORDS: dict[str, Any] = {"p": "pass", "f": "fail"}


def looks() -> list[Label]:
    return [
        Label(id=str(at), verdict=WORDS[said], annotator=name, critique="because it says so there")
        for name, all_said in (("ada", FIRST), ("ada (again)", AGAIN))
        for at, said in enumerate(all_said)
    ]


def judged() -> list[Verdict]:
    return [
        Verdict(id=str(at), status="scored", verdict=WORDS[said], judge=JudgeRef("j", "1"))
        for at, said in enumerate(FIRST)
    ]


def test_a_second_look_settles_nothing_and_ties_nothing() -> None:
    matched = match(judged(), looks())
    assert [label.verdict for label in matched.labels] == [WORDS[said] for said in FIRST]
    assert not any(label.tied or len(label.raters) > 1 for label in matched.labels)
    assert settle(looks()[3:4]).verdict == "pass"
    with pytest.raises(DataError, match="no labels"):
        match(judged(), [label for label in looks() if label.is_second_look])


def test_the_figure_is_its_own_and_equals_the_library_s() -> None:
    found = agreement(judged(), looks())
    assert set(found.ceiling) == {"self_agree", "self_kappa"}  # and nothing of several people
    assert found.ceiling["self_agree"].value == pytest.approx(0.8)
    assert found.ceiling["self_kappa"].value == pytest.approx(cohen_kappa_score(list(FIRST), list(AGAIN)), abs=1e-9)
    assert found.figures["accuracy"].value == 1.0


def test_scores_and_several_people() -> None:
    given = [
        Label(id=str(at), score=float(score), scale=(1, 5), annotator=name)
        for name, scores in (("ada", "12345"), ("ada (again)", "12354"), ("bob", "55555"))
        for at, score in enumerate(scores)
    ]
    found = self_agreement(given)
    assert found["self_agree"].value == pytest.approx(0.6)
    assert found["self_spearman"].value == pytest.approx(0.9)
    assert len(both_looks(given)) == 5
    assert self_agreement(given[:5]) == {}


def test_a_judge_is_built_from_the_first_look() -> None:
    items = [Interaction(id=str(at), input="q", output="a") for at in range(10)]
    gathered = gather(items, looks())
    assert (len(gathered.evidence), gathered.several) == (10, 0)
    assert [one.verdict for one in gathered.evidence] == [WORDS[said] for said in FIRST]
