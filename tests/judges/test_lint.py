"""Lint: every finding is made where it should be, and not where it should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dikast.judges.cascade import Cascade, find_judge_or_cascade
from dikast.judges.cascade_lint import lint_cascade
from dikast.judges.definition import Judge, find_judge
from dikast.judges.findings import WHY
from dikast.judges.lint import lint
from dikast.judges.loading import SAMPLES, names_in
from dikast.judges.vague import is_vague, length_in_words
from dikast.records import Interaction

LEVELS = {"pass": "Each deadline is that of the context.", "fail": "One deadline differs from the context."}
CRITIQUE = "The context says 30 days and the reply says 14, so a customer would send it back too early."
GOOD: dict[str, Any] = {
    "name": "good",
    "task": "Decide whether the reply states our refund rules correctly.",
    "criteria": [{"name": "correct", "description": "Is each deadline right?", "levels": LEVELS}],
    "earns_nothing": ["Length", "Politeness"],
    "examples": [
        {"input": "a", "output": "b", "context": "c", "verdict": "pass", "critique": CRITIQUE},
        {"input": "d", "output": "e", "context": "f", "verdict": "fail", "critique": CRITIQUE},
    ],
}
PROMPT = 'Length earns nothing.\n1: names no source\n5: names every source\nJudge {output}. {"overall": <1-5>}'


def judge(**given: Any) -> Judge:
    return Judge.from_dict({**GOOD, **given})


def prompt(text: str, **given: Any) -> Judge:
    return Judge.from_dict({"name": "p", "prompt": text, **given})


def criteria(count: int, **given: Any) -> list[dict[str, Any]]:
    return [{"name": f"c{n}", "description": "Is it so?", "levels": LEVELS, **given} for n in range(count)]


def item(number: int = 1, **given: Any) -> Interaction:
    return Interaction(**{"id": f"i{number}", "input": "question", "output": "answer", **given})


BARE = {"examples": []}
TERSE = [{**GOOD["examples"][0], "critique": "Wrong."}, GOOD["examples"][1]]
CASES: dict[str, tuple[Judge, dict[str, Any]]] = {
    "short-task": (judge(task="Is it good?"), {}),
    "vague-level": (judge(criteria=[{**GOOD["criteria"][0],
    "levels": {"pass": "Quite good.", "fail": LEVELS["fail"]}}]), {}),
    "missing-levels": (judge(criteria=[{**GOOD["criteria"][0], "levels": {"pass": LEVELS["pass"]}}]), {}),
    "no-nothing-list": (judge(earns_nothing=[]), {}),
    "no-examples": (judge(**BARE), {}),
    "terse-critique": (judge(examples=TERSE), {}),
    "incomplete-example": (judge(criteria=criteria(2)), {}),
    "small-pool": (judge(retrieve={"k": 4}, pool=[{**e, "id": str(n)} for n, e in enumerate(GOOD["examples"])]), {}),
    "unbalanced-examples": (judge(examples=[GOOD["examples"][0]] * 2), {}),
    "many-criteria": (judge(criteria=criteria(8), **BARE), {}),
    "double-barrelled": (judge(criteria=[{**GOOD["criteria"][0], "description": "Is it clear and correct?"}]), {}),
    "bare-criterion": (judge(criteria=[{"name": "correct"}]), {}),
    "weights-sum": (judge(criteria=criteria(3, weight=0.4), overall="weighted", scale={"pass_from": 0.5}, **BARE), {}),
    "unused-weights": (judge(criteria=criteria(2, weight=2), **BARE), {}),
    "ordinal-scale": (judge(scale="1-5", criteria=[], **BARE), {}),
    "same-votes": (judge(votes=3), {}),
    "even-votes": (judge(votes=4, settings={"temperature": 0.7}), {}),
    "few-tokens": (judge(settings={"max_tokens": 50}), {}),
    "no-json": (prompt("Is {output} a pass or a fail?"), {}),
    "no-overall": (prompt('{"tone": 1-5, "style": 1-5} {output}'), {}),
    "interaction-first": (prompt("{output}\n" + "The rules are these. " * 40 + '{"overall": 1-5}'), {}),
    "no-fence": (prompt(PROMPT), {}),
    "doubled-braces": (prompt('{{"overall": <1-5>}} {output}'), {}),
    "unused-part": (prompt(PROMPT, task="Never seen."), {}),
    "unfit-data": (judge(mode="reference", **BARE), {"interactions": [item()]}),
    "hidden-context": (prompt(PROMPT), {"interactions": [item(context="c")]}),
    "example-context": (
        judge(examples=[{**e, "context": None} for e in GOOD["examples"]]), {"interactions": [item(context="c")]}
    ),
    "leaked-example": (judge(), {"interactions": [item(input="a", output="b")]}),
    "too-long": (judge(), {"context_length": 600}),
}  # fmt: skip


def codes(judge: Judge, **given: Any) -> set[str]:
    return {finding.code for finding in lint(judge, **given)}


CASCADES = {
    "stays-put": "[{judge: slow, model: fake/a}, {judge: quick, model: fake/b}]",
    "no-later-stage": "[{judge: quick, model: fake/a, below: 0.7}, {judge: slow, model: fake/b, below: 0.5}]",
    "same-stage": "[{judge: quick, model: fake/a, below: 0.7}, {judge: quick, model: fake/a}]",
    "unknown-confidence": "[{judge: slow, model: fake/a, below: 0.7}, {judge: quick, model: fake/b}]",
    "unknown-price": "[{judge: quick, model: fake/a, below: 0.7}, {judge: slow, model: openai/big}]",
    "cloud-first": "[{judge: quick, model: openai/big, price: [1, 2], below: 0.7}, {judge: slow, model: fake/b}]",
}


def cascade_of(folder: Path, stages: str) -> Cascade:
    (folder / "quick.yaml").write_text("task: Is this answer right for the customer?\nfast: true\n")
    (folder / "slow.yaml").write_text("task: Is this answer right for the customer?\n")
    (folder / "desk.yaml").write_text(f"kind: cascade\nstages: {stages}\n")
    made = find_judge_or_cascade("desk", folder)
    assert isinstance(made, Cascade)
    return made


def test_every_finding_has_a_case() -> None:
    assert set(CASES) | set(CASCADES) == set(WHY)


@pytest.mark.parametrize("code", CASCADES)
def test_it_is_found_in_a_cascade(code: str, tmp_path: Path) -> None:
    found = [one for one in lint_cascade(cascade_of(tmp_path, CASCADES[code])) if one.code == code]
    assert found
    assert all(one.why and one.message and one.where.startswith("stages[") for one in found)


def test_a_good_cascade_has_no_finding_of_its_own(tmp_path: Path) -> None:
    good = cascade_of(tmp_path, "[{judge: quick, model: fake/a, below: 0.7}, {judge: slow, model: fake/b}]")
    assert not {one.code for one in lint_cascade(good)} & set(CASCADES)


@pytest.mark.parametrize("code", CASES)
def test_it_is_found(code: str) -> None:
    made, given = CASES[code]
    found = [finding for finding in lint(made, **given) if finding.code == code]
    assert found
    assert all(finding.why and finding.message and finding.where for finding in found)


def test_a_good_judge_has_no_finding() -> None:
    assert lint(judge(), 8192, interactions=[item(context="c")]) == []


@pytest.mark.parametrize("name", names_in(SAMPLES))
def test_samples_are_good(name: str, tmp_path: Path) -> None:
    assert {finding.severity for finding in lint(find_judge(name, tmp_path))} <= {"info"}


@pytest.mark.parametrize(
    ("meaning", "expected"),
    [
        ("Good", True), ("Very good quality", True), ("Somewhat helpful", True), ("Excellent!", True),
        ("Average answer", True),
        ("很好", True), ("普通", True), ("還可以", True), ("输出质量较差", True), ("比較好", True), ("優", True),
        ("Names the source of every figure", False), ("Contradicts the context", False),
        ("Answers another question", False),
        ("每個數字都附上來源", False), ("答非所問，或拒絕回答", False), ("与背景资料矛盾", False),
    ],
)  # fmt: skip
def test_vague(meaning: str, expected: bool) -> None:
    assert is_vague(meaning) is expected


def test_length_in_words_counts_two_characters_as_a_word() -> None:
    assert length_in_words("three short words") == 3
    assert length_in_words("客戶問能不能換") == 3


def test_vague_and_missing_levels_in_a_plain_prompt() -> None:
    vague = prompt('1: bad\n2分：普通\n- **5** = excellent\nJudge {output}. {"overall": <1-5>}')
    assert [f.message for f in lint(vague) if f.code == "vague-level"] == [
        "1 means 'bad'",
        "2 means '普通'",
        "5 means 'excellent'",
    ]
    assert "missing-levels" in codes(prompt('{output} {"overall": 1-5}'))
    assert "missing-levels" not in codes(prompt(PROMPT))


def test_a_long_scale_needs_its_ends_and_one_between() -> None:
    assert "missing-levels" in codes(
        judge(scale={"low": 1, "high": 10, "levels": {1: "Nothing is done."}}, criteria=[], **BARE)
    )
    three = {1: "No part is done.", 5: "Half of it is done.", 10: "All parts are done."}
    assert "missing-levels" not in codes(judge(scale={"low": 1, "high": 10, "levels": three}, criteria=[], **BARE))


@pytest.mark.parametrize(
    "description",
    [
        "Is the tone kind?",
        "Are names and dates those of the context?",
        "Does it say what and when?",
        "是否與背景資料相符？",
    ],
)
def test_one_question_is_not_taken_for_two(description: str) -> None:
    assert "double-barrelled" not in codes(judge(criteria=[{**GOOD["criteria"][0], "description": description}]))


@pytest.mark.parametrize("name", ["clear and correct", "清楚與正確", "tone/style", "clear_and_kind"])
def test_two_names_are_taken_for_two(name: str) -> None:
    assert "double-barrelled" in codes(judge(criteria=[{**GOOD["criteria"][0], "name": name}]))


def test_the_size_is_that_of_the_longest_interaction() -> None:
    long = item(2, output="word " * 4000, context="c")
    assert "too-long" in codes(judge(), context_length=4096, interactions=[item(context="c"), long])
    assert "too-long" not in codes(judge(), context_length=4096, interactions=[item(context="c")])


def test_tokens_are_counted_where_they_can_be() -> None:
    found = lint(judge(), 2000, lambda messages: 977)
    assert [f.code for f in found] == ["too-long"]
    assert "977 tokens" in found[0].message
    assert "about" not in found[0].message
    assert lint(judge(), 2001, lambda messages: 977) == []


def test_errors_come_first() -> None:
    found = lint(judge(mode="reference", earns_nothing=[], **BARE), interactions=[item()])
    assert [f.severity for f in found] == sorted((f.severity for f in found), key=["error", "warning", "info"].index)
    assert found[0].code == "unfit-data"


def test_some_unfit_data_is_a_warning() -> None:
    found = lint(judge(mode="reference", **BARE), interactions=[item(), item(2, reference="r")])
    assert {f.severity for f in found if f.code == "unfit-data"} == {"warning"}
