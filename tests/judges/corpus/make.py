"""Model answers of every broken kind, made from hand-written pieces: `python make.py` writes corpus.jsonl beside it.

Each line: kind, form (a judge of tests/judges/conftest.py), text, finish, constrained, and what must come of it:
either `verdict` and `overall`, or `fault`. The expectation is written here, with the way the answer is broken, and is
never read off the reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent


class Answer(NamedTuple):
    """A good answer, the contrary one that must never be taken for it, and words in its language."""

    form: str
    right: dict[str, Any]
    wrong: dict[str, Any]
    verdict: str | None
    overall: float
    key: str
    before: str
    after: str
    musing: str


def _en(right: str, reasoning: str) -> dict[str, Any]:
    return {"reasoning": reasoning, "verdict": right}


ANSWERS = [
    Answer(
        "pass_fail", _en("fail", "The refund takes 14 days, and the answer says 30."), _en("pass", "All good."),
        "fail", 0, "verdict", "Here is my assessment:", "Let me know if you need anything else.",
        "The user asks about {refunds}. If days > 14 { it is late }. Maybe",
    ),
    Answer(
        "pass_fail", _en("pass", "Correct, and it cites section 3(b): \"no later than May\"."), _en("fail", "Nope."),
        "pass", 1, "verdict", "Sure! I've evaluated the response.", "Hope this helps :)",
        "Let me check f(x) = {x: x > 0}; the set {1, 2} is fine. My draft:",
    ),
    Answer(
        "pass_fail_zh", _en("fail", "回答把退款期限說成三十天，資料是十四天。"), _en("pass", "很好。"),
        "fail", 0, "verdict", "以下是我的評估：", "希望對您有幫助。",
        "使用者問的是退款{期限}，資料裡是十四天。草稿：",
    ),
    Answer(
        "ordinal", {"reasoning": "Mostly right; one date is missing.", "overall": 4}, {"reasoning": "x", "overall": 1},
        None, 4, "overall", "**Evaluation**", "---\nEnd of evaluation.",
        "Score between {1} and {5}? A draft would be",
    ),
    Answer(
        "ordinal_zh", {"reasoning": "内容准确，但语气生硬。", "overall": 3}, {"reasoning": "好", "overall": 5},
        None, 3, "overall", "好的，我的评估如下：", "以上。",
        "先想想{语气}和{内容}，可能是",
    ),
    Answer(
        "pair", {"reasoning": "B answers the question; A does not.", "verdict": "B"}, {"reasoning": "", "verdict": "A"},
        "b", 0, "verdict", "After comparing both answers:", "I prefer that one because it is clearer.",
        "A says {x}, B says {y}. If A were right",
    ),
]  # fmt: skip

Row = dict[str, Any]
THINKING = [
    ("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷"), ("<seed:think>", "</seed:think>"), ("<THINK>", "</THINK>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"), ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought\n", "<channel|>"),
]  # fmt: skip


def _dump(value: Any, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=False, **options)


def _single_quoted(value: dict[str, Any]) -> str:
    return str({key: held.replace('"', "") if isinstance(held, str) else held for key, held in value.items()})


def _readable(answer: Answer) -> Iterator[tuple[str, str]]:
    """(kind, text): ways in which an answer may come that all say the same."""
    good, bad = _dump(answer.right), _dump(answer.wrong)
    key, value = answer.key, answer.right[answer.key]
    text = answer.right["reasoning"].replace('"', "")
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    yield "clean", good
    yield "pretty", _dump(answer.right, indent=2)
    yield "ascii", json.dumps(answer.right)
    yield "space around", f"\n\n  {good}\n \t"
    yield "byte order mark", f"\ufeff{good}"
    yield "fence", f"```json\n{good}\n```"
    yield "fence without language", f"```\n{_dump(answer.right, indent=4)}\n```"
    yield "fence of tildes", f"~~~json\n{good}\n~~~"
    yield "fence, never closed", f"```json\n{good}\n"
    yield "one-line fence", f"`{good}`"
    yield "text before", f"{answer.before}\n\n{good}"
    yield "text after", f"{good}\n\n{answer.after}"
    yield "text and braces after", f"{good}\n\n{answer.after} {{x}} {{y | y > 0}}"
    yield "text around a fence", f"{answer.before}\n```json\n{good}\n```\n{answer.after}"
    yield "bold", f"**{good}**"
    yield "braces in prose before", f"{answer.musing} {{never closed. {answer.before}\n{good}"
    yield "code before", f"```python\nd = {{}}\nfor k in d: print(f'{{k}}')\n```\n{good}"
    yield "other object before", f'{{"note": "I will now answer"}}\n{good}'
    yield "other object after", f'{good}\n{{"note": "that was the answer"}}'
    yield "draft before", f"{bad}\n{answer.before}\n{good}"
    yield "quoted fake before", f"The text tries to tell me: {bad}. I will not follow that.\n{good}"
    yield "fenced fake before", f"```json\n{bad}\n```\nis what the text wants me to say.\n```json\n{good}\n```"
    yield "three verdicts", f"{bad}\n{good}\n{bad}\n{good}"
    yield "fake inside the critique", _dump({"reasoning": f"It says {bad}", key: value})
    yield "fake in the critique, text around", f"So: {_dump({'reasoning': f'It says {bad} at the end', key: value})} ok"
    yield "wrapped", _dump({"result": answer.right})
    yield "in a list", f"[{good}]"
    yield "JSON in a string", _dump(good)
    yield "double braces", f"{{{good}}}"
    yield "keys in capitals", _dump({name.upper(): held for name, held in answer.right.items()})
    yield "keys with a capital", _dump({name.title(): held for name, held in answer.right.items()})
    yield "more keys", _dump({**answer.right, "extra": {"a": [1, 2]}, "certain": True})
    yield "verdict first", _dump({key: value, "reasoning": answer.right["reasoning"]})
    yield "single quotes", _single_quoted(answer.right)
    yield "single quotes in prose", f"{answer.before} {_single_quoted(answer.right)} {answer.after}"
    yield "trailing comma", f'{{"reasoning": {_dump(text)}, "{key}": {shown},}}'
    yield "line comment", f'{{"reasoning": {_dump(text)}, // why\n "{key}": {shown} // the result\n}}'
    yield "block comment", f'{{"reasoning": {_dump(text)}, /* what follows counts */ "{key}": {shown}}}'
    yield "raw newline", f'{{"reasoning": "{text}\nAnd a second line.\n\tAnd a third.", "{key}": {shown}}}'
    yield "quotes inside", f'{{"reasoning": "It says "thirty days" and no more.", "{key}": {shown}}}'
    yield "no comma", f'{{"reasoning": {_dump(text)}\n "{key}": {shown}}}'
    yield "bare keys", f"{{reasoning: {_dump(text)}, {key}: {shown}}}"
    yield "bold keys", f'{{**"reasoning"**: {_dump(text)}, **"{key}"**: {shown}}}'
    yield "full-width", f"{{“reasoning”：“{text}”，“{key}”：{shown.replace(chr(34), '“', 1).replace(chr(34), '”')}}}"
    yield "full-width colons", f'{{"reasoning"：{_dump(text)}，"{key}"：{shown}}}'
    yield "bad escape", f'{{"reasoning": "uses \\d and \\% here", "{key}": {shown}}}'
    yield "number or word as text", f'{{"reasoning": {_dump(text)}, "{key}": " {value} "}}'
    yield (
        "last bracket missing",
        good.removesuffix("}") if isinstance(value, str) else f"{_dump({'x': answer.right})[:-1]}",
    )
    for opening, closing in THINKING:
        yield f"thinking {opening.strip()}", f"{opening}{answer.musing} {bad} ... no.{closing}\n{good}"
    yield "thinking, opened in the prompt", f"{answer.musing} {bad} no, wait.\n</think>\n\n{good}"
    yield "thinking twice", f"<think>{bad}</think>\nHm.\n<think>{answer.musing}</think>{good}"
    yield "thinking after", f"{good}\n<think>{bad}</think>"
    yield "thinking that quotes its end", f"<think>It has </think>{bad} in it. Bad.</think>{good}"
    yield "thinking that quotes its start", f"<think>It opens <think> twice.</think>{good}"
    yield "thinking and a fence", f"<think>\n{{\n}}\n</think>\n\n```json\n{good}\n```"
    yield "tag in the critique", f"Here: {_dump({'reasoning': f'It leaks a <think> tag. </think> {bad}', key: value})}"
    yield "tag in a whole answer", _dump({"reasoning": "It leaks <think> and {", key: value})
    yield (
        "gpt-oss channels",
        (
            f"<|channel|>analysis<|message|>{answer.musing} {bad}<|end|>"
            f"<|start|>assistant<|channel|>final <|constrain|>json<|message|>{good}<|return|>"
        ),
    )
    yield (
        "gpt-oss, first mark in the prompt",
        (f"analysis<|message|>{bad}<|end|><|start|>assistant<|channel|>final<|message|>{good}"),
    )
    yield "gpt-oss without marks", f"analysis{answer.musing} {bad}assistantfinal{good}"


def _plain(answer: Answer) -> Iterator[tuple[str, str]]:
    """The same in words, without JSON."""
    value, name = answer.right[answer.key], "Verdict" if answer.key == "verdict" else "Overall score"
    yield "only the value", f"{value}"
    yield "only the value, bold", f"**{value}**\n"
    yield "a line", f"{name}: {value}"
    yield "a bold line", f"{answer.right['reasoning']}\n\n**{name}:** {value}"
    yield "a line in the middle", f"## Review\n{name}: {value}\n\n{answer.after}"
    yield "bold value", f"- **{name}**: **{value}**"
    yield "full-width colon", f"{name}：{value}。"
    yield "the same twice", f"{name}: {value}\n{answer.right['reasoning']}\nFinal {name.lower()}: {value}"
    yield "element", f"<reason>{answer.right['reasoning']}</reason>\n<{answer.key}>{value}</{answer.key}>"
    yield "in brackets", f"{answer.right['reasoning']}\n{name}: [[{value}]]"
    yield "YAML", f"reasoning: {answer.right['reasoning']}\n{answer.key}: {value}"


def _unreadable(answer: Answer) -> Iterator[tuple[str, str, str, str]]:
    """(kind, text, finish, fault): answers that hold no verdict, or none that may be taken."""
    good, bad = _dump(answer.right), _dump(answer.wrong)
    key, value = answer.key, answer.right[answer.key]
    name = "Verdict" if key == "verdict" else "Overall score"
    other = answer.wrong[key]
    yield "thinking, never closed", f"<think>{answer.musing} {bad} and so", "length", "cut off"
    yield "thinking, never closed, stop", f"<think>{answer.musing} {bad}", "stop", "cut off"
    yield "thinking again, never closed", f"{bad}<think>{answer.musing}", "length", "cut off"
    yield "gpt-oss, no final", f"<|channel|>analysis<|message|>{answer.musing} {bad}", "length", "cut off"
    yield "only thinking", f"<think>{answer.musing} {good}</think>\n", "stop", "empty answer"
    yield "cut in the critique", good[: len(good) // 3], "length", "cut off"
    yield "cut in the critique, stop", good[: len(good) // 3], "stop", "cut off"
    yield "cut before the value", good[: good.rindex(":") + 1], "length", "cut off"
    yield "cut before the value, stop", good[: good.rindex(":") + 1], "stop", "cut off"
    yield "cut after the value", good.removesuffix("}"), "length", "cut off"
    verdict_first = _dump({key: value, "reasoning": answer.right["reasoning"]})
    yield "verdict first, cut in the critique", verdict_first[:-9], "length", "cut off"
    yield "verdict first, cut, stop", verdict_first[:-9], "stop", "cut off"
    yield "cut after a quoted fake", f"The text says {bad} and", "length", "cut off"
    yield "cut after a fake, in JSON", f"The text says {bad}.\n{good[:-8]}", "length", "cut off"
    yield "cut in a fence", f"```json\n{good[:-4]}", "length", "cut off"
    yield "cut in prose", f"{answer.before} {answer.musing}", "length", "cut off"
    yield "a line, cut", f"{name}: {value}", "length", "cut off"
    yield "broken after a fake", f'{bad}\nBut really: {{"reasoning": "x", "{key}": }}', "stop", "no verdict"
    yield "no verdict key", _dump({"reasoning": answer.right["reasoning"]}), "stop", "no verdict"
    yield "null", _dump({**answer.right, key: None}), "stop", "no verdict"
    yield "wrong word", _dump({**answer.right, key: "maybe"}), "stop", "wrong value"
    yield "the schema's words", f'{{"reasoning": "<why>", "{key}": "<{value} or {other}>"}}', "stop", "wrong value"
    yield "alternatives", f'{{"reasoning": "x", "{key}": "{value}" | "{other}"}}', "stop", "ambiguous"
    yield "a good one, then a wrong word", f"{bad} {_dump({**answer.right, key: 'unsure'})}", "stop", "wrong value"
    yield "two lines that differ", f"{name}: {value}\n\n{name}: {other}", "stop", "ambiguous"
    yield "a line with a question", f"{name}: {value} or {other}?", "stop", "ambiguous"
    yield "a fake in a broken critique", (
        f"{{'reasoning': 'the text says \"{key}\": \"{other}\" here', '{key}': '{value}'}}"
    ), "stop", "ambiguous"  # fmt: skip
    yield "prose", f"{answer.before} {answer.right['reasoning']} {answer.after}", "stop", "no verdict"
    yield "an empty object", "{}", "stop", "no verdict"
    yield "an empty list", "[]", "stop", "no verdict"


REFUSALS = [
    "I'm sorry, but I can't assist with that request.",
    "I'm sorry, but I cannot help with evaluating this content.",
    "I cannot evaluate this response as it contains harmful material.",
    "I can’t comply with that.",
    "Sorry, I am unable to judge content of this kind.",
    "I apologize, but I cannot provide a rating for this conversation.",
    "As an AI language model, I cannot assess this.",
    "I must decline to engage with this.",
    "**I'm unable to assist with this.**",
    "Unfortunately, I won't continue with this conversation.",
    "抱歉，我無法對此進行評估。",
    "对不起，我不能回答这个问题。",
    "很抱歉，我无法提供评分。",
    "作为一个人工智能，我无法对此内容进行评价。",
    "我無法協助處理這類內容。",
    "申し訳ありませんが、その評価はできません。",
    "죄송하지만 해당 내용은 평가할 수 없습니다.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Desculpe, mas não posso avaliar isso.",
    "Désolé, mais je ne peux pas évaluer ce contenu.",
    "Es tut mir leid, aber das kann ich leider nicht bewerten.",
    "Mi dispiace, ma non posso valutare questo contenuto.",
    "Извините, но я не могу это оценить.",
    "<think>Is this allowed? {no}</think>I'm sorry, but I can't help with that.",
]
NOT_REFUSALS = [
    "The output says \"I'm sorry, I can't help with that\", which is the right thing to do here.",
    "The assistant refuses: 'I cannot assist with that'.",
    "回答寫道：「抱歉，我無法協助」，這是恰當的。",
    "I can't tell which of the two dates the customer meant.",
    "I'm sorry to see that the answer is so short.",
]
REFUSED_BUT_JUDGED = [
    ('{"reasoning": "I\'m sorry, but I can\'t help with that is all it says.", "verdict": "fail"}', "fail", 0),
    ("I'm sorry, but I can't help but notice the error.\nVerdict: fail", "fail", 0),
    ("I cannot provide a pass here.\n```json\n{\"reasoning\": \"wrong\", \"verdict\": \"fail\"}\n```", "fail", 0),
    ('抱歉，我無法給予通過。{"reasoning": "錯誤", "verdict": "fail"}', "fail", 0),
]  # fmt: skip
# form, text, finish, constrained, (verdict, overall) or fault
ONES: list[tuple[str, str, str, str | None, Any]] = [
    ("pass_fail", "", "stop", None, "empty answer"),
    ("pass_fail", " \n\t ", "stop", None, "empty answer"),
    ("pass_fail", "", "length", None, "cut off"),
    ("pass_fail", "\n" * 50, "length", "json_schema", "cut off"),
    ("pass_fail", "null", "stop", None, "no verdict"),
    ("pass_fail", "42", "stop", None, "no verdict"),
    ("pass_fail", '"pass"', "stop", None, ("pass", 1)),
    ("pass_fail", "不通過。", "stop", None, ("fail", 0)),
    ("pass_fail", "結論：通過", "stop", None, ("pass", 1)),
    ("pass_fail", "最终结论：不合格", "stop", None, ("fail", 0)),
    ("pass_fail", '{"reasoning": "ok", "verdict": true}', "stop", None, ("pass", 1)),
    ("pass_fail", '{"reasoning": "ok", "verdict": True}', "stop", None, ("pass", 1)),
    ("pass_fail", '{"reasoning": "ok", "verdict": "**FAIL**"}', "stop", None, ("fail", 0)),
    ("pass_fail", '{"reasoning": "ok", "verdict": "PASS."}', "stop", None, ("pass", 1)),
    ("pass_fail", '{"reasoning": "ok", "verdict": "不通過"}', "stop", None, ("fail", 0)),
    ("pass_fail", '{"reasoning": "ok", "verdict": ""}', "stop", None, "wrong value"),
    ("pass_fail", '{"reasoning": "ok", "verdict": 0.5}', "stop", None, "wrong value"),
    ("pass_fail", '{"reasoning": "ok", "verdict": ["pass"]}', "stop", None, "wrong value"),
    ("pass_fail", '{"reasoning": "ok", "verdict": NaN}', "stop", None, "wrong value"),
    ("pass_fail", '{"reasoning": "ok", "verdict": "pass"} {"verd', "length", None, "cut off"),
    ("pass_fail", '{"reasoning": "ok", "verdict": "pass"}\n\n\n\n', "length", "json_schema", ("pass", 1)),
    ("pass_fail", '{"reasoning": "ok", "verdict": "pass"}\n\nExplanation: it is', "length", None, ("pass", 1)),
    ("pass_fail", '```json\n{"reasoning": "ok", "verdict": "pass"}\n```\nExplanation', "length", None, ("pass", 1)),
    ("pass_fail", 'So {"reasoning": "ok", "verdict": "pass"} is what it', "length", None, "cut off"),
    ("pass_fail", '{"reasoning": "ok", "verdict": "pass"}', "refusal", None, "refused"),
    ("pass_fail", "", "refusal", None, "refused"),
    ("pass_fail", '{"reasoning": "ok", "verdict": "pass", "verdict": "fail"}', "stop", None, ("fail", 0)),
    ("pass_fail", "{'reasoning': 'it's the user's own', 'verdict': 'fail'}", "stop", None, ("fail", 0)),
    ("pass_fail", "{" * 3000, "stop", None, "no verdict"),
    ("pass_fail", '{"a":' * 3000, "stop", None, "no verdict"),
    ("pass_fail", "[" * 5000 + '{"verdict": "pass"}', "stop", None, ("pass", 1)),
    (
        "pass_fail",
        '{"verdict": "pa\nLet me start again.\n{"reasoning": "x", "verdict": "fail"}',
        "stop", None, "ambiguous",
    ),
    (
        "pass_fail",
        '{"reasoning": "The output: {"verdict": "pass"} is wrong", "verdict": "fail"}',
        "stop", None, "ambiguous",
    ),
    (
        "pass_fail",
        '{"verdict": "fail", "reasoning": "The output: {"verdict": "pass"} is wrong"}',
        "stop", None, "ambiguous",
    ),
    ("pass_fail", '{"reasoning": "Says:\n{"verdict":"pass"}\nis wrong", "verdict": "fail"}', "stop", None, "ambiguous"),
    (
        "pass_fail",
        "{'reasoning': 'Says </think>{\"verdict\": \"pass\"}', 'verdict': 'fail'}",
        "stop", None, "ambiguous",
    ),
    ("pass_fail", "{'reasoning': 'Says {\"verdict\": \"pass\"} and", "stop", None, "ambiguous"),
    ("pass_fail", "{'reasoning': 'Says {\"verdict\": \"pass\"", "stop", None, "ambiguous"),
    ("pass_fail", '{"reasoning": "cut\n```json\n{"reasoning": "x", "verdict": "fail"}\n```', "stop", None, "ambiguous"),
    ("pass_fail", "The verdict is clear from the text.", "stop", None, "no verdict"),
    ("pass_fail", "I would pass it. Or fail it.", "stop", None, "no verdict"),
    ("pass_fail", '\ud800{"reasoning": "lone", "verdict": "fail"}', "stop", None, ("fail", 0)),
    ("pass_fail", '{"reasoning": "a\x00b", "verdict": "fail"}', "stop", None, ("fail", 0)),
    ("pass_fail", '{"reasoning": "👍🏽 …", "verdict": "pass"} 👍🏽', "stop", None, ("pass", 1)),
    ("ordinal", '{"reasoning": "x", "overall": "4/5"}', "stop", None, (None, 4)),
    ("ordinal", '{"reasoning": "x", "overall": 4.0}', "stop", None, (None, 4)),
    ("ordinal", '{"reasoning": "x", "overall": "４"}', "stop", None, (None, 4)),
    ("ordinal", '{"reasoning": "x", "overall": "4分"}', "stop", None, (None, 4)),
    ("ordinal", '{"reasoning": "x", "overall": 6}', "stop", None, "wrong value"),
    ("ordinal", '{"reasoning": "x", "overall": 0}', "stop", None, "wrong value"),
    ("ordinal", '{"reasoning": "x", "overall": -1}', "stop", None, "wrong value"),
    ("ordinal", '{"reasoning": "x", "overall": 3.5}', "stop", None, "wrong value"),
    ("ordinal", '{"reasoning": "x", "overall": "8/10"}', "stop", None, "wrong value"),
    ("ordinal", '{"reasoning": "x", "overall": true}', "stop", None, "wrong value"),
    ("ordinal", '{"reasoning": "x", "overall": 1', "stop", None, "cut off"),
    ("ordinal", "總分：4", "stop", None, (None, 4)),
    ("ordinal", "评分：4/5", "stop", None, (None, 4)),
    ("ordinal", "Score: 4 out of 5", "stop", None, (None, 4)),
    ("ordinal", "Rating: [[4]]", "stop", None, (None, 4)),
    ("ordinal", "Overall: 9", "stop", None, "ambiguous"),
    ("ordinal", "I count 4 errors.", "stop", None, "no verdict"),
    ("pair", '{"reasoning": "x", "verdict": "Answer B"}', "stop", None, ("b", 0)),
    ("pair", '{"reasoning": "x", "verdict": "C"}', "stop", None, ("tie", 0.5)),
    ("pair", '{"reasoning": "x", "verdict": "tie"}', "stop", None, ("tie", 0.5)),
    ("pair", '{"reasoning": "x", "verdict": "平手"}', "stop", None, ("tie", 0.5)),
    ("pair", "[[A]]", "stop", None, ("a", 1)),
    ("pair", '{"reasoning": "x", "verdict": "D"}', "stop", None, "wrong value"),
    ("criteria", '{"reasoning": "x", "grounded": 4, "polite": 2, "overall": 3}', "stop", None, (None, 3)),
    ("criteria", "{'reasoning': 'x', 'grounded': 4, 'polite': 2, 'overall': 3,}", "stop", None, (None, 3)),
    ("criteria", '{"reasoning": "x", "grounded": 4, "polite": 2}', "stop", None, "no verdict"),
    ("weighted", '{"reasoning": "x", "grounded": 4, "polite": 2}', "stop", None, (None, 3.5)),
    ("weighted", '{"reasoning": "x", "Grounded": "4/5", "POLITE": 2}', "stop", None, (None, 3.5)),
    ("weighted", '{"reasoning": "x", "grounded": 4}', "stop", None, "no verdict"),
    ("weighted", '{"reasoning": "x", "grounded": 4, "polite": 2', "stop", None, "cut off"),
    ("weighted", "grounded: 4\npolite: 2", "stop", None, (None, 3.5)),
    ("weighted", "grounded: 4\n", "stop", None, "no verdict"),
    ("weighted", "grounded: 4\ngrounded: 1\npolite: 2", "stop", None, "ambiguous"),
    ("weighted", "Overall: 4", "stop", None, "no verdict"),
]  # fmt: skip


def rows() -> Iterator[Row]:
    """All answers."""
    for answer in ANSWERS:
        right = {"verdict": answer.verdict, "overall": answer.overall}
        for source in (_readable, _plain):
            for kind, text in source(answer):
                yield _row(kind, answer.form, text, "stop", None, right)
        for kind, text, finish, fault in _unreadable(answer):
            yield _row(kind, answer.form, text, finish, None, {"fault": fault})
    for text in REFUSALS:
        yield _row("refusal", "pass_fail", text, "stop", None, {"fault": "refused"})
    for text in NOT_REFUSALS:
        yield _row("no refusal", "pass_fail", text, "stop", None, {"fault": "no verdict"})
    for text, verdict, overall in REFUSED_BUT_JUDGED:
        yield _row("refusal with a verdict", "pass_fail", text, "stop", None, {"verdict": verdict, "overall": overall})
    for form, text, finish, constrained, expected in ONES:
        outcome = (
            {"fault": expected}
            if isinstance(expected, str)
            else dict(zip(("verdict", "overall"), expected, strict=True))
        )
        yield _row("by hand", form, text, finish, constrained, outcome)


def _row(kind: str, form: str, text: str, finish: str, constrained: str | None, expected: Row) -> Row:
    return {"kind": kind, "form": form, "text": text, "finish": finish, "constrained": constrained, **expected}


def write(path: Path, dump: Callable[[Row], str] = json.dumps) -> int:
    """Write the corpus and give the number of answers; ASCII, so that a lone surrogate can be kept."""
    lines = [dump(row) for row in rows()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return len(lines)


if __name__ == "__main__":
    print(write(HERE / "corpus.jsonl"), "answers")
