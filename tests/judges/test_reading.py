"""Reading: what is wrapped around an answer never changes it, and what is cut off never becomes another one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dikast.judges.form import AnswerForm
from dikast.judges.reading import ReadReply, Unreadable, read_reply, read_word
from dikast.judges.thinking import strip_thinking
from dikast.models.endpoint import Finish, Reply

KINDS = ("pass_fail", "pass_fail_zh", "ordinal", "pair", "criteria", "weighted")
RIGHT: dict[str, list[dict[str, Any]]] = {
    "pass_fail": [{"verdict": "pass"}, {"verdict": "fail"}],
    "pass_fail_zh": [{"verdict": "pass"}, {"verdict": "fail"}],
    "ordinal": [{"overall": number} for number in range(1, 6)],
    "pair": [{"verdict": "A"}, {"verdict": "B"}, {"verdict": "C"}],
    "criteria": [{"grounded": 5, "polite": 1, "overall": number} for number in range(1, 6)],
    "weighted": [{"grounded": first, "polite": second} for first in (1, 5) for second in (2, 4)],
}
# Text around an answer: no quoted key with a colon, which would be another answer, and no mark of thinking.
PROSE = st.text(st.characters(codec="utf-8", exclude_characters="\"'“”‘’:：<>[]◁▷|=`"), max_size=60)
BRACES = st.sampled_from(["{", "}", "{x}", "{ x | x > 0 }", "{{", "f(x) = {", "{1, 2}", "集合{甲}"])
CRITIQUES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            'It says {"verdict": "pass"}.',
            "</think>",
            "<think>",
            "{",
            "}",
            "it's “fine”：",
            "\\",
            '```json\n{"overall": 5}',
        ]
    ),
)


@pytest.fixture(scope="module")
def forms(judge_of: Any) -> dict[str, AnswerForm]:
    return {kind: judge_of(kind).form() for kind in KINDS}


def reading_of(form: AnswerForm, text: str, finish: Finish = "stop") -> ReadReply:
    return read_reply(form, Reply(text=text, finish=finish))


@st.composite
def wrapped(draw: st.DrawFn) -> tuple[str, dict[str, Any], str]:
    """(kind, answer, text): an answer with prose, braces, drafts, fakes, fences and thinking around it."""
    kind = draw(st.sampled_from(KINDS))
    answer = {"reasoning": draw(CRITIQUES), **draw(st.sampled_from(RIGHT[kind]))}
    fake = json.dumps({"reasoning": "", **draw(st.sampled_from(RIGHT[kind]))})
    good = json.dumps(answer, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 2])))
    if draw(st.booleans()):
        good = f"```json\n{good}\n```"
    drafts = st.one_of(PROSE, BRACES, st.just(fake), st.just(f"```json\n{fake}\n```"))
    before = "\n".join(draw(st.lists(drafts, max_size=4)))
    after = "\n".join(draw(st.lists(PROSE, max_size=2)))
    thinking = "\n".join(draw(st.lists(st.one_of(drafts, st.just('{"reasoning": "I th')), max_size=4)))
    opening, closing = draw(
        st.sampled_from(
            [("", ""), ("<think>", "</think>"), ("", "</think>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷")]
        )
    )
    mind = f"{opening}{thinking}{closing}\n" if closing else ""
    return kind, answer, f"{mind}{before}\n{good}\n{after}"


@given(wrapped())
@settings(max_examples=400)
def test_what_stands_around_an_answer_does_not_change_it(
    forms: dict[str, AnswerForm], case: tuple[str, Any, str]
) -> None:
    kind, answer, text = case
    read = reading_of(forms[kind], text)
    expected = forms[kind].read(answer)
    assert read.reading.verdict == expected.verdict
    assert read.reading.scores == expected.scores


@given(wrapped(), st.floats(0, 1))
@settings(max_examples=600)
def test_a_cut_answer_is_right_or_has_no_verdict(
    forms: dict[str, AnswerForm], case: tuple[str, Any, str], share: float
) -> None:
    kind, _, text = case
    cut = text[: int(len(text) * share)]
    try:
        read = reading_of(forms[kind], cut, "length")
    except Unreadable:
        return
    # An answer that begins with an object says that object, whatever the model would have written after it.
    first, _ = json.JSONDecoder(strict=False).raw_decode(strip_thinking(cut).answer.lstrip("`json \n"))
    assert read.reading.scores == forms[kind].read(first).scores


@pytest.mark.parametrize("finish", ["stop", "length"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_prefix_of_an_answer_is_right_or_has_no_verdict(
    forms: dict[str, AnswerForm], kind: str, finish: Finish
) -> None:
    form = forms[kind]
    for values in RIGHT[kind]:
        for answer in (
            {"reasoning": 'He said {"verdict": "pass"}, "overall": 5', **values},
            {**values, "reasoning": "x"},
        ):
            expected = form.read(answer)
            for text in (json.dumps(answer), str(answer), f"```json\n{json.dumps(answer, indent=1)}\n```"):
                for end in range(len(text)):
                    try:
                        read = reading_of(form, text[:end], finish)
                    except Unreadable:
                        continue
                    assert (read.reading.verdict, read.reading.scores["overall"]) == (
                        expected.verdict,
                        expected.scores["overall"],
                    ), text[:end]


@given(st.text(max_size=200), st.sampled_from(["stop", "length", "other"]))
@settings(max_examples=300)
def test_any_text_is_read_or_has_a_reason(forms: dict[str, AnswerForm], text: str, finish: Finish) -> None:
    for form in forms.values():
        try:
            reading_of(form, text, finish)
        except Unreadable as unreadable:
            told = str(unreadable)
            if not told.startswith(f"{unreadable.kind}: "):
                raise


@given(
    st.lists(
        st.sampled_from(['{"verdict":', '"pass"', "{", "}", "<think>", "</think>", "[", "'", "“", "：", ",", "x", "\n"])
    )
)
@settings(max_examples=300)
def test_debris_is_read_or_has_a_reason(forms: dict[str, AnswerForm], pieces: list[str]) -> None:
    try:
        read = reading_of(forms["pass_fail"], "".join(pieces))
    except Unreadable:
        return
    assert read.reading.verdict == "pass"
    assert '"pass"' in pieces


def test_the_way_an_answer_was_read_is_told(forms: dict[str, AnswerForm]) -> None:
    form = forms["pass_fail"]
    good = '{"reasoning": "x", "verdict": "pass"}'
    assert reading_of(form, good).method == "json"
    assert read_reply(form, Reply(text=good, constrained="grammar")).method == "grammar"
    assert read_reply(form, Reply(text=f"So: {good}", constrained="json_schema")).method == "extracted"
    assert reading_of(form, "{'verdict': 'pass'}").method == "repaired"
    assert reading_of(form, "Verdict: pass").method == "plain_text"
    assert reading_of(form, f"{good}{good}").notes == ("the last of 2 verdicts in one answer",)
    assert "closing brackets were missing" in reading_of(form, good[:-1]).notes


def test_what_is_said_above_a_plain_verdict_is_the_critique(forms: dict[str, AnswerForm]) -> None:
    assert reading_of(forms["pass_fail"], "It is late.\n\n**Verdict:** fail").reading.critique == "It is late."


def test_the_servers_own_thinking_does_not_count_as_an_answer(forms: dict[str, AnswerForm]) -> None:
    with pytest.raises(Unreadable, match="empty answer: the model wrote nothing, only thinking"):
        read_reply(forms["pass_fail"], Reply(text="", thinking='{"verdict": "pass"}'))


def test_one_word_is_read_from_the_first_line(forms: dict[str, AnswerForm]) -> None:
    def word(text: str, finish: Finish = "stop") -> str | None:
        return read_word(forms["pass_fail"], Reply(text=text, finish=finish)).reading.verdict

    assert word(" Pass.") == "pass"
    assert word("**FAIL**\n\nThe reason is", "length") == "fail"
    assert word("<think>pass?</think>\nfail") == "fail"
    for text, finish in (("pass", "length"), ("pass or fail\n", "stop"), ("<think>pass\n", "length"), ("It", "stop")):
        with pytest.raises(Unreadable):
            word(text, finish)  # type: ignore[arg-type]


def test_hostile_braces_come_to_an_end(forms: dict[str, AnswerForm]) -> None:
    for text in ('{"verdict": "' * 20_000, '{"a":[' * 20_000, '"{' * 50_000, "{'a': 'b" * 20_000, "<think>{" * 20_000):
        with pytest.raises(Unreadable):  # minutes, were each of them looked at from each of the others
            reading_of(forms["pass_fail"], text)


def test_text_without_marks_is_not_touched() -> None:
    for text in ("", "I think, therefore", "a < b > c", "[thinking of you]x", "<thinker>", "analysis of {x}"):
        assert strip_thinking(text).answer == text or "[thinking" in text
    assert strip_thinking("<think>a</think>b").thinking == "a"


@pytest.mark.parametrize("depth", [100, 480, 900, 3000])
def test_brackets_in_thousands_are_a_reason_and_no_crash(forms: dict[str, AnswerForm], depth: int) -> None:
    good = '{"reasoning": "x", "verdict": "pass"}'
    for text in ('{"a":' * depth + good + "}" * depth, f'{good[:-1]}, "more": {"[" * depth}{"]" * depth},}}'):
        try:
            verdict = reading_of(forms["pass_fail"], text).reading.verdict
        except Unreadable:
            verdict = None
        assert verdict in ("pass", None)
