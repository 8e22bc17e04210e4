"""Cascades as files, the conditions in them, and one interaction's way through their stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import JudgeError
from dikast.judges.cascade import Cascade, find_judge_or_cascade
from dikast.judges.cascade_file import with_thresholds
from dikast.judges.conditions import read_condition
from dikast.judges.escalating import escalate, is_short, trail_of, waits_for_person
from dikast.records import Interaction, JudgeRef, Usage, Verdict

FACTS: dict[str, Any] = {
    "verdict": "fail",
    "status": "scored",
    "confidence": 0.62,
    "score": 3,
    "scores": {"tone": "pass"},
    "metadata": {"tier": "vip", "order value": 1200, "flag": True, "one": 1, "tags": ["a", "b"], "deep": {"x": "y"}},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('metadata.tier == "vip"', True),
        ("metadata.tier == 'gold'", False),
        ('metadata.tier != "gold"', True),
        ('metadata["order value"] >= 1000', True),
        ("metadata.deep.x == 'y'", True),
        ("metadata.missing == null", True),
        ("metadata.missing < 3 or metadata.missing > 3", False),
        ('metadata.tier in ["vip", "trial"]', True),
        ('metadata.tier not in ["vip"]', False),
        ('"a" in metadata.tags', True),
        ('"i" in metadata.tier', True),
        ("metadata.flag", True),
        ("metadata.one", False),  # a name alone holds when it is true, and 1 is a number
        ("metadata.flag == 1", False),
        ("metadata.one == 1", True),
        ("confidence < .7 and verdict == 'fail'", True),
        ("not (confidence < 0.7 and verdict == 'fail')", False),
        ("verdict == 'pass' or confidence < 0.7 and status == 'scored'", True),
        ("(verdict == 'pass' or confidence < 0.7) and status == 'failed'", False),
        ("scores.tone == 'pass' and score <= 3", True),
        ("confidence < 'high'", False),
        ("metadata.tier == 'it\\'s'", False),
    ],
)
def test_a_condition_is_true_or_false(text: str, expected: bool) -> None:
    assert (read_condition(text).part(FACTS) is True) is expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the condition is empty"),
        ("metadata.tier = 'vip'", "at character 15: '=' has no meaning"),
        ("tier == 'vip'", "'tier' is no name (a text goes in quotes)"),
        ("verdit == 'pass'", "did you mean verdict?"),
        ("metadata.tier == vip", "'vip' is no name"),
        ("metadata == 3", "metadata needs a key"),
        ("verdict.x == 3", "verdict has no keys"),
        ("verdict == 'pass' 3", "here the condition should end"),
        ("(verdict == 'pass'", "')' is expected"),
        ("verdict not 'pass'", "`not` is followed by `in`"),
        ("__import__('os')", "is no name"),
        ("metadata.__class__.__mro__(3)", "here the condition should end"),
        ("not " * 40 + "metadata.flag", "nested more than 30 deep"),
        ("metadata.x == 1 or " * 200 + "metadata.x == 1", "up to 2,000 are read"),
    ],
)
def test_what_can_not_be_read_is_said_with_its_place(text: str, why: str) -> None:
    with pytest.raises(JudgeError) as refused:
        read_condition(text)
    assert why in str(refused.value)


@given(st.text(alphabet="metadata.vip '\"()[]<>=!andornt0123456789_,", max_size=60))
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    try:
        condition = read_condition(text)
    except JudgeError:
        return
    condition.part(FACTS)
    condition.part({})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "quick.yaml").write_text("task: Is this answer right for the customer?\nfast: true\n")
    (tmp_path / "slow.yaml").write_text("task: Is this answer right for the customer?\n")
    (tmp_path / "stars.yaml").write_text("task: How good is it?\nscale: 1-5\n")
    (tmp_path / "pair.yaml").write_text("task: Which is better for the customer?\nmode: pairwise\n")
    return tmp_path


def cascade_of(folder: Path, text: str) -> Cascade:
    (folder / "desk.yaml").write_text(text)
    found = find_judge_or_cascade("desk", folder)
    assert isinstance(found, Cascade)
    return found


FULL = """\
kind: cascade
stages:
  - judge: quick
    model: fake/a
    below: 0.8   # tried
    when: metadata.tier == "vip"
  - {judge: slow, model: openai/big, price: [2, 8], below: 0.5}
  - person
"""


def test_a_cascade_is_read_from_its_file(folder: Path) -> None:
    found = cascade_of(folder, FULL)
    assert [stage.name for stage in found.stages] == ["quick", "slow", "person"]
    assert [stage.leaves for stage in found.stages] == [False, True, False]
    assert found.model == "fake/a > openai/big"
    assert found.asked[1].cost_usd(1_000_000, 500_000) == pytest.approx(2 + 4)
    assert [stage.name for stage in found.without_cloud().stages] == ["quick", "person"]
    assert found.without_cloud().version != found.version


def test_its_version_covers_what_changes_an_answer_and_nothing_else(folder: Path) -> None:
    version = cascade_of(folder, FULL).version
    for change, same in (
        (("0.8", "0.81"), False),
        (("fake/a", "fake/b"), False),
        (("vip", "trial"), False),
        (("  - person\n", ""), False),
        (("[2, 8]", "[3, 8]"), True),
        (("# tried", "# kept"), True),
    ):
        assert (cascade_of(folder, FULL.replace(*change)).version == version) is same
    (folder / "slow.yaml").write_text("task: Is this answer right for another customer?\n")
    assert cascade_of(folder, FULL).version != version


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        ("[]", "at least two stages"),
        ("[{judge: quick}]", "at least two stages"),
        ("[person, {judge: quick}]", "a person is the last stage, and 1 come after"),
        ("[{judge: quick}, {judge: nosuch}]", "stages[1].judge: there is no judge 'nosuch'"),
        ("[{judge: quick}, {judge: slow, belw: 0.5}]", "stages[1].belw: there is no such key; did you mean 'below'?"),
        ("[{judge: quick, below: 8}, {judge: slow}]", "stages[0].below: is 8; a confidence is expected"),
        ("[{judge: quick, below: high}, {judge: slow}]", "stages[0].below: expected a number"),
        ("[{judge: quick, when: 'tier == 1'}, {judge: slow}]", "stages[0].when: 'tier == 1', at character 1"),
        ("[{model: fake}, {judge: slow}]", "stages[0].judge: is missing"),
        ("[{judge: quick}, {judge: pair}]", "'pair' compares two outputs"),
        ("[{judge: quick}, {judge: stars}]", "'stars' judges on the scale 1-5"),
        ("[{judge: quick}, {judge: slow, price: [2, -1]}]", "none of them below 0"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(folder: Path, stages: str, why: str) -> None:
    with pytest.raises(JudgeError) as refused:
        cascade_of(folder, f"kind: cascade\nstages: {stages}\n")
    assert why in str(refused.value)
    assert str(folder / "desk.yaml") in str(refused.value)


def test_thresholds_are_written_and_the_rest_stays(folder: Path) -> None:
    text = with_thresholds(FULL, {0: 0.9, 1: 0.25})
    assert text == FULL.replace("0.8   # tried", "0.9   # tried").replace("0.5}", "0.25}")
    without = FULL.replace("    below: 0.8   # tried\n", "").replace(", below: 0.5", "")
    written = with_thresholds(without, {0: 0.9, 1: 0.25})
    found = cascade_of(folder, written)
    assert [stage.below for stage in found.asked] == [0.9, 0.25]
    assert found.stages[0].when is not None
    with pytest.raises(JudgeError, match="stage 3 is no stage"):
        with_thresholds(FULL, {2: 0.5})


def said(verdict: str | None, sure: float | None = None, **more: Any) -> Verdict:
    given: dict[str, Any] = {"status": "scored" if verdict else "failed", "reason": None if verdict else "busy: 429"}
    return Verdict(
        id="1",
        verdict=verdict,  # type: ignore[arg-type]
        confidence=sure,
        judge=JudgeRef("x", "1"),
        latency_s=1.0,
        usage=Usage(prompt_tokens=10, completion_tokens=2),
        **(given | more),
    )


async def through(cascade: Cascade, *verdicts: Verdict) -> Verdict:
    async def ask(number: int, interaction: Interaction) -> Verdict:
        return verdicts[number]

    return await escalate(cascade, Interaction(id="1", input="?", output="!"), ask)


async def test_a_way_through_the_stages(folder: Path) -> None:
    cascade = cascade_of(folder, FULL)
    first = await through(cascade, said("pass", 0.9))
    assert (first.verdict, waits_for_person(first), is_short(first)) == ("pass", False, False)
    vip = await through(cascade, said("pass", 0.9, metadata={"tier": "vip"}), said("fail", 0.7))
    assert vip.verdict == "fail"
    assert (vip.latency_s, vip.usage) == (
        2.0,
        Usage(prompt_tokens=20, completion_tokens=4, calls=2),
    )
    unsaid = await through(cascade, said("pass"), said("fail", 0.7))
    trail = trail_of(unsaid)
    assert trail is not None
    assert trail["stages"][0]["went_on"] == "it doesn't say how sure it is"
    person = await through(cascade, said("pass", 0.7), said("fail", 0.4))
    assert (person.verdict, waits_for_person(person)) == ("fail", True)
    short = await through(cascade_of(folder, FULL.replace("  - person\n", "")), said("pass", 0.7), said(None))
    assert (short.status, short.verdict, is_short(short)) == ("scored", "pass", True)
    none = await through(cascade, said(None), said(None))
    assert (none.status, waits_for_person(none), is_short(none)) == ("failed", True, False)
