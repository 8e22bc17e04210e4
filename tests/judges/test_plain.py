"""The JSON that a prompt of the user's own describes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dikast.errors import JudgeError
from dikast.judges.definition import Judge
from dikast.judges.form import AnswerForm, Reading
from dikast.judges.plain import described
from dikast.judges.scale import Misread
from dikast.judges.template import Template

ENGLISH = """You grade answers on a scale of 1-10.

Question: {input}
Answer: {output}

Return only this JSON:
```json
{
  "scores": {
    "accuracy": <1-10>,
    "clarity": <1-10>,  // how easy it is to read
    ...
  },
  "overall_score": <integer 1-10>,
  "explanation": "<one to 3 sentences, in English>"
}
```
"""
CHINESE = """你是一位嚴格的評審。請根據以下標準，以 1-5 分評分。

使用者輸入：{input}
系統輸出：{output}

請以 JSON 格式回答，例如 {"總分": 分數, "正確性": 分數, "語氣": 分數, "理由": "為什麼"}，不要有其他文字。
"""
SIMPLIFIED = """请给回答打分（1到5分）。
输入：{input}
输出：{output}
输出格式：{“准确性”：分数，“总分”：分数，“评语”：“字符串”}"""


def keys(form: AnswerForm) -> dict[str, str]:
    return {field.name: ".".join(field.path) for field in form.fields}


def read(prompt: str, answer: dict[str, Any], *, is_pair: bool = False) -> Reading:
    return described(prompt, is_pair=is_pair).read(answer)


def test_english() -> None:
    form = described(ENGLISH, is_pair=False)
    assert keys(form) == {
        "accuracy": "scores.accuracy", "clarity": "scores.clarity", "overall": "overall_score",
        "reasoning": "explanation",
    }  # fmt: skip
    assert form.scale.text() == "1-10"
    answer = {"scores": {"accuracy": 7, "clarity": "9/10"}, "overall_score": 8, "explanation": "Right but long."}
    reading = form.read(answer)
    assert reading.scores == {"accuracy": 7, "clarity": 9, "overall": 8, "reasoning": "Right but long."}
    assert reading.verdict is None
    assert reading.critique == "Right but long."
    assert form.schema is not None
    assert list(form.schema["properties"]) == ["scores", "overall_score", "explanation"]
    assert form.schema["properties"]["overall_score"] == {"type": "integer", "enum": list(range(1, 11))}


@pytest.mark.parametrize(
    ("prompt", "answer", "scores"),
    [
        (
            CHINESE,
            {"總分": 4, "正確性": "5分", "語氣": 3, "理由": "對"},
            {"正確性": 5, "語氣": 3, "overall": 4, "reasoning": "對"},
        ),
        (SIMPLIFIED, {"准确性": 5, "总分": "4", "评语": "对"}, {"准确性": 5, "overall": 4, "reasoning": "对"}),
    ],
)
def test_chinese(prompt: str, answer: dict[str, Any], scores: dict[str, Any]) -> None:
    form = described(prompt, is_pair=False)
    assert form.read(answer).scores == scores
    assert (form.scale.low, form.scale.high) == (1, 5)
    with pytest.raises(Misread, match=r"off scale: '[總总]分' is 6"):
        form.read({**answer, "總分": 6, "总分": 6})


@pytest.mark.parametrize(
    ("described_value", "text"),
    [
        ("<1-5>", "1-5"), ("1-5", "1-5"), ('"<1-5>"', "1-5"), ("1 to 5", "1-5"), ("(1–5)", "1-5"),
        ("1~10", "1-10"), ("0.0-1.0", "0-1"),
        ("1到5的整数", "1-5"), ("1|2|3|4|5", "1-5"), ("[1-5]", "1-5"), ("4, // 1-5", "1-5"), ("4", "any number"),
        ("number", "any number"),
        ("分数", "any number"), ("...", "any number"), ("<score>", "any number"), ("{score}", "any number"),
        ("5  # from 1 to 5", "1-5"),
        ("<number between 1 and 5>", "1-5"), ("integer (1-5)", "1-5"), ('"1-5 的整数"', "1-5"),
    ],
)  # fmt: skip
def test_ranges(described_value: str, text: str) -> None:
    form = described(f'{{\n"overall": {described_value}\n}} {{output}}', is_pair=False)
    assert keys(form) == {"overall": "overall"}
    assert form.scale.text() == text


@pytest.mark.parametrize(
    ("described_value", "answers"),
    [
        ('"verdict": "pass" | "fail"', {"pass": "pass", "FAIL": "fail"}),
        ('"verdict": "PASS or FAIL"', {"PASS": "pass", "fail": "fail"}),
        ('"result": "<PASS|FAIL>"', {"PASS": "pass", "FAIL": "fail"}),
        ('"pass": true/false', {True: "pass", False: "fail"}),
        ('"passed": true', {True: "pass", False: "fail"}),
        ('"verdict": "correct|incorrect"', {"correct": "pass", "Incorrect": "fail"}),
        ('"是否通過": "是/否"', {"是": "pass", "否": "fail"}),
        ('"结论": "通过或不通过"', {"通过": "pass", "不通过": "fail"}),
        ('"verdict": "yes" or "no"', {"yes": "pass", "No": "fail"}),
    ],
)
def test_verdicts(described_value: str, answers: dict[Any, str]) -> None:
    key = described_value.split('"')[1]
    form = described(f'{{{described_value}, "reason": "why"}} {{output}}', is_pair=False)
    assert {word: form.read({key: word}).verdict for word in answers} == answers


def test_a_verdict_beside_a_score() -> None:
    reading = read('{"overall": 1-5, "verdict": "pass|fail"} {output}', {"overall": 2, "verdict": "pass"})
    assert (reading.verdict, reading.scores["overall"]) == ("pass", 2)


@pytest.mark.parametrize(
    ("object_text", "path"),
    [
        ('{"score": 1-5, "overall": 1-5, "total": 1-5}', "overall"),
        ('{"rating": 1-5, "score": 1-5}', "score"),
        ('{"helpfulness": 1-5, "reason": "why"}', "helpfulness"),
        ('{"tone": {"score": 1-5}, "overall": {"score": 1-5, "reason": "x"}}', "overall.score"),
        ('{"details": {"overall": 1-5}, "overall": 1-5}', "overall"),
        ('{"evaluation": {"score": 1-5, "reason": "x"}}', "evaluation.score"),
    ],
)
def test_which_key_is_the_overall(object_text: str, path: str) -> None:
    form = described(f"{object_text} {{output}}", is_pair=False)
    assert keys(form)["overall"] == path


def test_a_choice_between_candidates_is_recorded() -> None:
    form = described('{"score": 1-5, "overall": 1-5} {output}', is_pair=False)
    assert form.notes == ("overall: 'overall' is taken, of 'score', 'overall'",)


def test_the_described_object_is_not_the_example_of_data() -> None:
    prompt = (
        'Data such as {"id": 3, "score": 7, "user": "x", "likes": 2}. Reply {"score": <1-5>, "reason": "why"} {output}'
    )
    assert keys(described(prompt, is_pair=False)) == {"overall": "score", "reasoning": "reason"}


def test_critiques_of_single_criteria_are_named() -> None:
    prompt = '{"tone": {"score": 1-5, "reason": "x"}, "overall": {"score": 1-5, "reason": "x"}} {output}'
    reading = read(prompt, {"tone": {"score": 2, "reason": "rude"}, "overall": {"score": 3, "reason": "ok"}})
    assert reading.critique == "tone: rude\n\noverall: ok"
    assert reading.scores == {"tone": 2, "overall": 3, "reasoning": reading.critique}


def test_a_score_that_is_missing_leaves_a_note() -> None:
    reading = read('{"tone": 1-5, "overall": 1-5} {output}', {"overall": 3})
    assert reading.scores == {"tone": None, "overall": 3, "reasoning": None}
    assert reading.notes == ("no 'tone' in the answer",)
    with pytest.raises(Misread, match="missing: no 'overall'"):
        read('{"tone": 1-5, "overall": 1-5} {output}', {"tone": 3})


def test_a_pair_by_winner_and_by_two_scores() -> None:
    winner = described('{"winner": "A" | "B" | "tie"} {output_a} {output_b}', is_pair=True)
    assert (winner.choices, winner.read({"winner": "B"}).verdict) == (("A", "B", "tie"), "b")
    scores = described('{"score_a": 1-10, "score_b": 1-10} {output_a} {output_b}', is_pair=True)
    reading = scores.read({"score_a": 8, "score_b": 3})
    assert (reading.verdict, reading.scores["overall"]) == ("a", 1)
    assert scores.read({"score_a": 8, "score_b": 8}).verdict == "tie"
    back = scores.unswap(reading)
    assert (back.verdict, back.scores["score_a"], back.scores["score_b"]) == ("b", 3, 8)


def test_keys_named_in_a_sentence() -> None:
    form = described("Return JSON with the keys `score` (1-5) and `reason`. {output}", is_pair=False)
    assert (keys(form), form.scale.text(), form.schema) == ({"overall": "score", "reasoning": "reason"}, "1-5", None)


@pytest.mark.parametrize(
    ("prompt", "answer", "verdict", "overall"),
    [
        ("Answer pass or fail in the last line. {output}", "It is right.\n\n**Verdict: PASS**", "pass", 1),
        ("最後一行寫通過或不通過。{output}", "理由如此。\n結論：不通過", "fail", 0),
        ("Score from 1 to 5. {output}", "Good.\nScore: 4/5", None, 4),
        ("Is it true? Answer yes or no. {output}", "No.", "fail", 0),
        ("Rate it. {output}", "7", None, 7),
    ],
)
def test_prompts_without_json_are_read_by_the_last_line(
    prompt: str, answer: str, verdict: str | None, overall: float
) -> None:
    form = described(prompt, is_pair=False)
    assert form.is_open
    reading = form.read_text(answer)
    assert (reading.verdict, reading.scores["overall"]) == (verdict, overall)


@pytest.mark.parametrize("answer", ["", "  \n", "I can't say.", "pass or fail", "Score: 9"])
def test_last_lines_that_say_nothing(answer: str) -> None:
    with pytest.raises(Misread):
        described("Score from 1 to 5. {output}", is_pair=False).read_text(answer)


def test_the_critique_is_what_stands_above_the_last_line() -> None:
    reading = described("pass or fail? {output}", is_pair=False).read_text("pass is likely\nbut no:\nfail")
    assert (reading.verdict, reading.critique) == ("fail", "pass is likely\nbut no:")


def test_an_object_that_no_prompt_described_is_read_by_its_names() -> None:
    form = described("Rate it and say why. {output}", is_pair=False)
    reading = form.read({"Rating": 4, "why": "because", "tone": 2, "verdict": "n/a"})
    assert reading.scores == {"tone": 2, "overall": 4, "reasoning": "because"}
    with pytest.raises(Misread):
        form.read({"why": "because"})


@pytest.mark.parametrize("text", ["Think step by step, then reply ", "先思考再回答：", "End your reply with "])
def test_no_schema_where_the_model_is_to_write_before_the_json(text: str) -> None:
    assert described(text + '{"overall": 1-5} {output}', is_pair=False).schema is None
    assert described('{"overall": 1-5} {output}', is_pair=False).schema is not None


def test_no_schema_where_a_type_is_not_clear() -> None:
    assert described('{"overall": 1-5, "issues": ["..."]} {output}', is_pair=False).schema is None


def test_decimals_are_allowed_where_the_prompt_allows_them() -> None:
    whole = described('{"overall": 1-5} {output}', is_pair=False)
    half = described('Half points such as 3.5 are fine. {"overall": 1-5} {output}', is_pair=False)
    assert whole.schema is not None
    assert half.schema is not None
    assert whole.schema["properties"]["overall"]["type"] == "integer"
    assert half.schema["properties"]["overall"]["type"] == "number"
    assert (whole.choices, half.choices) == (("1", "2", "3", "4", "5"), ())
    assert whole.read({"overall": 3.5}).scores["overall"] == 3.5


def test_a_definition_can_state_the_scale_of_its_prompt() -> None:
    prompt = 'Score it. {"overall": 4, "reasoning": "why"} {output}'
    judge = Judge.from_dict({"name": "j", "prompt": prompt, "scale": {"low": 1, "high": 5, "pass_from": 4}})
    assert judge.form().read({"overall": 4}).verdict == "pass"
    with pytest.raises(Misread):
        judge.form().read({"overall": 6})
    with pytest.raises(JudgeError, match="has no verdict for it"):
        Judge.from_dict({"name": "j", "prompt": '{"label": "spam|ham"} {output}', "scale": "pass_fail"})


def test_a_definition_can_weigh_the_scores_of_its_prompt() -> None:
    given = {
        "name": "j", "prompt": '{"scores": {"x": 1-5, "y": 1-5}} {output}', "scale": "1-5", "overall": "weighted",
        "criteria": [{"name": "x", "weight": 3}, {"name": "y"}],
    }  # fmt: skip
    assert Judge.from_dict(given).form().read({"scores": {"x": 5, "y": 1}}).scores["overall"] == 4
    with pytest.raises(JudgeError, match="'z' is not a key of the JSON"):
        Judge.from_dict({**given, "criteria": [{"name": "z"}]})


@pytest.mark.parametrize(
    "text",
    ["{", "}", "{{{{", '{"', '{"a"', '{"a":', '{"a": {"b": ', '{"a": "x', '{"a": [1, 2', "{a:", '{"a": 1',
    "{" * 3000, '{"a":' * 500, '{"overall": <1-5 }'],
)  # fmt: skip
def test_broken_descriptions_are_no_trouble(text: str) -> None:
    described(text + " {output}", is_pair=False)


@pytest.mark.parametrize(
    ("prompt", "answer", "overall"),
    [
        ('質問：{input}\n回答：{output}\n{"正確さ": 1〜5, "総合評価": 1〜5}', '{"正確さ": 3, "総合評価": 4}', 4),
        ('السؤال {input} {output}\n{"accuracy": <1 إلى 5>, "overall": <1 إلى 5>}', '{"accuracy": 2, "overall": 3}', 3),
        ('{input} {output}\n{"정확성": 1-5, "총점": 1-5, "이유": "..."}', '{"정확성": 1, "총점": 2}', 2),
        ('{input} {output}\n{"Gesamtbewertung": <1 bis 5>, "Begründung": "..."}', '{"Gesamtbewertung": 5}', 5),
        ('{input} {output}\n{"overall": {score}, "reasoning": "{why}"}', '{"overall": {"score": 4}}', 4),
    ],
)  # fmt: skip
def test_other_languages_and_placeholders(prompt: str, answer: str, overall: float) -> None:
    Template.of(prompt)  # its placeholders are no variables
    reading = described(prompt, is_pair=False).read(json.loads(answer))
    assert reading.scores["overall"] == overall
    assert reading.scores.get("accuracy", 2) in (2, 3)
