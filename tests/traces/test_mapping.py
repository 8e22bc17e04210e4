"""Paths, rules for feedback, and the file in which a mapping is kept and edited."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import InputError
from dikast.traces.mapping import Mapping, as_toml, read_mapping, write
from dikast.traces.opinions import Heard, Rule, proposed, told
from dikast.traces.paths import value_at
from dikast.traces.trace import Feedback, Span, Trace

TRACE = Trace(
    id="t",
    format="test",
    input={"question": "When?", "app.version": "2"},
    messages=({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}),
    spans=(
        Span(id="1", kind="retrieval", name="shelf", output=[{"content": "a"}, {"content": "b"}]),
        Span(id="2", kind="retrieval", name="map room", output=[{"content": "c"}, {"title": "no content"}]),
        Span(id="3", kind="llm", output="said"),
    ),
    metadata={"deep": {"er": [1, 2, 3]}},
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("input.question", "When?"),
        ('input."app.version"', "2"),
        ("messages[-1].content", "Hello"),
        ("messages[0].role", "user"),
        ("messages[9].role", None),
        ("spans[kind=retrieval].output[*].content", ["a", "b", "c"]),
        ("spans[kind=RETRIEVAL][-1].output[0].content", "c"),
        ('spans[name="map room"].name', ["map room"]),
        ("spans[kind=tool].output", None),
        ("spans[kind=llm][-1].output", "said"),
        ("metadata.deep.er[1]", 2),
        ("metadata.deep.er[*]", [1, 2, 3]),
        ("nothing.at.all", None),
        ("id.x", None),
        ("input[0]", None),
    ],
)
def test_what_a_path_leads_to(path: str, value: object) -> None:
    assert value_at(TRACE, path) == value


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[b", "a]", ".a", "a[=b]", 'a."b'])
def test_what_is_no_path_is_refused_with_an_example(path: str) -> None:
    with pytest.raises(InputError) as caught:
        value_at(TRACE, path)
    assert "input.question" in str(caught.value.hint)


@given(st.text(max_size=20))
def test_any_path_leads_somewhere_nowhere_or_is_refused(path: str) -> None:
    with contextlib.suppress(InputError):
        value_at(TRACE, path)


def heard(name: str, *values: bool | float | str | None, source: str = "unknown") -> Heard:
    found = Heard()
    for value in values:
        found.add(Feedback(name=name, value=value, source=source))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("name", "values", "source", "rule"),
    [
        ("user_feedback", (True, False), "unknown", Rule(labels="user", positive=("true",), negative=("false",))),
        ("user_feedback", (1.0, 0.0), "unknown", Rule(labels="user", positive=("1",), negative=("-1", "0"))),
        ("thumbs", (1.0, -1.0), "user", Rule(labels="user", positive=("1",), negative=("-1",))),
        ("reported_as_wrong", (True,), "user", Rule(labels="user", positive=("false",), negative=("true",))),
        ("anything", ("thumbs_up", "👎"), "unknown", Rule(labels="user", positive=("thumbs_up",), negative=("👎",))),
        ("stars", (5.0, 1.0, 4.0), "user", Rule(labels="user", positive=(">= 4",), negative=("<= 2",))),
        # 1 may be the bad one, and nobody says that a user said it.
        ("hallucination", (1.0, 0.0), "unknown", Rule(positive=("1",), negative=("-1", "0"))),
        ("hallucination", (1.0, 0.0), "expert", Rule(positive=("1",), negative=("-1", "0"))),
        ("quality", ("pass", "fail"), "expert", Rule(labels="expert", positive=("pass",), negative=("fail",))),
        ("faithfulness", ("pass", "fail"), "model", Rule(positive=("pass",), negative=("fail",))),
        ("tone", ("friendly",), "expert", Rule()),
        ("rating", (0.25, 0.7), "user", Rule()),
        ("comment", (None,), "user", Rule()),
    ],
)
def test_the_rule_that_is_proposed(name: str, values: tuple[float, ...], source: str, rule: Rule) -> None:
    assert proposed(name, heard(name, *values, source=source)) == rule


def test_values_and_comparisons() -> None:
    rule = Rule(labels="user", positive=(">= 4", "Great"), negative=("<= 2", "0.5"))
    assert [rule.verdict(value) for value in (5, 4.0, 3, 2, "great", "no", True, None)] == [
        "pass", "pass", None, "fail", "pass", None, None, None
    ]  # fmt: skip


def test_a_mapping_comes_back_from_its_file(tmp_path: Path) -> None:
    mapping = Mapping(
        format="langfuse",
        unit="llm call",
        input=("input.question", 'metadata."a \\"b\\" c"'.replace('\\"', "")),
        drop=("user",),
        dimensions={"tenant of\nten": "metadata.tenant"},
        feedback={'odd "name"\n[x]': Rule(labels="user", positive=("👍",), negative=(">= 3",)), "plain": Rule()},
    )
    file = tmp_path / "mappings" / "m.toml"
    write(mapping, file, heard={"plain": heard("plain", "a\n[feedback.x]", 1.0)}, metadata={"channel\n= 1": 3})
    assert read_mapping(file) == mapping


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_name_or_value_breaks_the_file(name: str, value: str) -> None:
    import tomllib

    mapping = Mapping(feedback={name: Rule(positive=(value,))}, drop=(value,), dimensions={name: "input"})
    text = as_toml(mapping, heard={name: heard(name, value)}, metadata={name: 1, value: 2})
    assert tomllib.loads(text)["feedback"][name]["positive"] == [value]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unit = 'word'", "unit"),
        ("unti = 'trace'", "unti"),
        ("input = ['a..b']", "no path"),
        ("= 1", "no TOML"),
        ("[feedback.x]\npositive = ['1']\nnegative = ['1']", "both positive and negative"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=said):
        read_mapping(file)


def test_what_was_heard_in_a_line() -> None:
    found = heard("f", *[1.0] * 3, 0.0, *(str(number) for number in range(60)))
    assert told(found).startswith("64 times: 1 (4), 0 (2)")
    assert "more" in told(found)
    assert told(heard("f", True, source="user")) == "once: true (1); users"
