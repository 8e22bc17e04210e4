"""Prompts of the user's own: which braces are variables, and what a substitution can do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import JudgeError
from dikast.judges.definition import Judge
from dikast.judges.rendering import render
from dikast.judges.template import Template
from dikast.records import Interaction

JSON_BRACES = """{input} and {output}
Answer: {"a": 1, "b": {}, "c": {"d": [{"e": 2}]}} or {} or { } or {{"x": 1}} or {"overall": {score}}
LaTeX \\boxed{verdict}, sets {1, 2}, {a, b}, {A}, CSS a{color:red}, 中文 {分數}"""


def test_only_bare_names_are_variables() -> None:
    template = Template.of(JSON_BRACES)
    assert template.names == ("input", "output")
    assert template.filled({"input": "I", "output": "O"}) == JSON_BRACES.replace("{input}", "I").replace(
        "{output}", "O"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [("answer", "output"), ("question", "input"), ("ouput", "output"), ("ground_truth", "reference"),
    ("contxt", "context"),
     ("response_b", "output_b"), ("Input", "input")],
)  # fmt: skip
def test_unknown_variables_are_errors_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(JudgeError, match=rf"no variable {{{name}}} \(line 2\).*did you mean '{meant}'"):
        Template.of(f"first line\nsecond {{{name}}} {{output}}")


def test_unknown_variable_without_a_near_one() -> None:
    with pytest.raises(JudgeError, match=r"no variable \{xyzzy\}") as caught:
        Template.of("{xyzzy} {output}")
    assert "did you mean" not in str(caught.value)
    assert "{metadata.KEY}" in (caught.value.hint or "")


def test_two_braces_around_a_variable_are_an_error() -> None:
    with pytest.raises(JudgeError, match="two braces"):
        Template.of("{{output}}")


def prompt(text: str) -> Judge:
    return Judge.from_dict({"name": "p", "prompt": text})


def rendered(text: str, **given: object) -> str:
    interaction = Interaction(id="1", **{"input": "I", "output": "O", **given})  # type: ignore[arg-type]
    (message,) = render(prompt(text), interaction)
    assert message.role == "user"
    return message.content


def test_nothing_is_added_to_the_prompt() -> None:
    text = '  Judge {output} to {input}.\n\nReply {"overall": <1-5>}\n\n'
    assert rendered(text) == '  Judge O to I.\n\nReply {"overall": <1-5>}\n\n'


def test_what_is_put_in_is_not_looked_at_again() -> None:
    assert rendered("{input}|{output}", input="{output}{reference}", output="{input}") == "{output}{reference}|{input}"
    assert rendered("{output}", output="{nothing} {0} {} %s \\1 $x") == "{nothing} {0} {} %s \\1 $x"


def test_variables_may_stand_several_times_and_side_by_side() -> None:
    assert rendered("{output}{output} {input}") == "OO I"


def test_values_that_are_no_text() -> None:
    messages = [{"role": "user", "content": "Hi"}]
    assert rendered("{input}\n{output}", input=messages, output={"a": 1}) == 'user: Hi\n{\n  "a": 1\n}'


def test_context_may_be_missing_and_metadata_may_not() -> None:
    assert rendered("[{context}] {output}") == "[] O"
    text = "{metadata.tenant.name} {metadata.語言} {output}"
    assert rendered(text, metadata={"tenant": {"name": "acme"}, "語言": "zh"}) == "acme zh O"
    with pytest.raises(JudgeError, match=r"no metadata\.tenant\.name"):
        rendered(text, metadata={"tenant": {}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Judge this: {input}", "no {output} in it"),
        ("No variables", "no {output} in it"),
        ("{output} {output_a} {output_b}", "does not go with the mode"),
        ("{output_a}", "no {output_b} in it"),
        ("{output} {examples}", "needs {answer_form} too"),
    ],
)
def test_prompts_that_show_the_wrong_thing(text: str, message: str) -> None:
    with pytest.raises(JudgeError) as caught:
        prompt(text)
    assert message in str(caught.value)


@given(st.text(), st.text(), st.text(alphabet="{}inputo\"': \n", max_size=40))
def test_substitution_is_exact(given_input: str, output: str, middle: str) -> None:
    text = f"{{input}}\x00{middle}\x00{{output}}"
    try:
        template = Template.of(text)
    except JudgeError:
        return
    if template.names != ("input", "output"):
        return
    assert template.filled({"input": given_input, "output": output}) == f"{given_input}\x00{middle}\x00{output}"


@given(
    st.dictionaries(
        st.text(alphabet="abcxyz_ 中文", min_size=1, max_size=8), st.integers() | st.text(max_size=5), min_size=1
    )
)
def test_json_is_text(value: dict[str, object]) -> None:
    import json

    text = json.dumps(value, ensure_ascii=False)
    assert Template.of(f"{text} {{output}}").filled({"output": "O"}) == f"{text} O"
