"""What of a trace becomes an interaction, under each unit, with stable ids and honest labels."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dikast.interactions.rows import Unusable
from dikast.records import Interaction, Label
from dikast.traces.mapping import Mapping
from dikast.traces.opinions import Rule
from dikast.traces.projection import conversation_of, interactions_of
from dikast.traces.trace import Feedback, Span, Trace

LIKED = Rule(labels="user", positive=("1", "true"), negative=("0", "false"))


def message(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


CALL = {"id": "c", "type": "function", "function": {"name": "find", "arguments": {"copy": 7}}}
TALK = (
    message("system", "Be brief."),
    message("user", "Open?", id="m1"),
    message("assistant", "Till eight.", id="m2"),
    message("user", "And maps?", id="m3"),
    message("assistant", None, id="m4", tool_calls=[CALL]),
    message("tool", "third floor", tool_call_id="c"),
    message("assistant", "Third floor.", id="m5"),
)
CHAT = Trace(id="chat", format="test", messages=TALK, user="reader", model="small")


def made(trace: Trace, mapping: Mapping) -> list[Interaction]:
    return [one for one in interactions_of(trace, mapping) if isinstance(one, Interaction)]


def reasons(trace: Trace, mapping: Mapping) -> list[str]:
    return [str(one) for one in interactions_of(trace, mapping) if isinstance(one, Unusable)]


def test_each_turn_with_all_that_was_said_before() -> None:
    first, second = made(CHAT, Mapping(unit="turn"))
    assert (first.id, first.output) == ("chat:m2", "Till eight.")
    assert first.input == [message("system", "Be brief."), message("user", "Open?")]
    assert (second.id, second.output) == ("chat:m5", "Third floor.")
    assert [one["role"] for one in second.input] == ["system", "user", "assistant", "user", "assistant", "tool"]
    assert second.input[4]["tool_calls"] == [CALL]
    assert second.metadata == {
        "source": "test", "trace_id": "chat", "message_id": "m5", "conversation": "chat", "user": "reader",
        "model": "small",
    }  # fmt: skip


def test_the_last_answer_of_a_conversation() -> None:
    (only,) = made(CHAT, Mapping(unit="conversation"))
    assert only.id == "chat:m5"
    assert [one.id for one in made(CHAT, Mapping(unit="conversation", judged="each"))] == ["chat:m2", "chat:m5"]


def test_ids_of_turns_stay_when_a_conversation_goes_on() -> None:
    bare = [{key: value for key, value in one.items() if key != "id"} for one in TALK]
    short, long = Trace(id="c", format="t", messages=tuple(bare[:3])), Trace(id="c", format="t", messages=tuple(bare))
    assert [one.id for one in made(short, Mapping(unit="turn"))] == ["c:1"]
    assert [one.id for one in made(long, Mapping(unit="turn"))] == ["c:1", "c:2"]


def test_feedback_goes_to_the_turn_it_was_given_on() -> None:
    given = (
        Feedback(name="thumbs", value=False, source="user", target="m2", comment="till nine!"),
        Feedback(name="thumbs", value=True, source="user", target="m4"),
        Feedback(name="stars", value=3.0, source="user"),
    )
    trace = Trace(id="chat", format="test", messages=TALK, feedback=given, user="reader")
    rules = {"thumbs": LIKED, "stars": Rule(labels="user", positive=(">= 4",), negative=("<= 2",))}
    first, second = made(trace, Mapping(unit="turn", feedback=rules))
    assert first.labels == (
        Label(
            id="chat:m2", verdict="fail", critique="till nine!", criterion="thumbs", annotator="reader", origin="user"
        ),
    )
    assert [(one.criterion, one.verdict, one.score) for one in second.labels] == [
        ("thumbs", "pass", None),
        ("stars", None, 3.0),
    ]


def test_what_becomes_no_label_stays_with_its_comment() -> None:
    feedback = (
        Feedback(name="thumbs", value="meh", source="user", comment="so so"),
        Feedback(name="thumbs", value=None, source="user", comment="no thumb, only words"),
        Feedback(name="tone", value="dry", source="model", comment="no greeting"),
    )
    trace = Trace(id="t", format="test", input="Open?", output="Till eight.", feedback=feedback)
    (one,) = made(trace, Mapping(feedback={"thumbs": Rule(labels="user", positive=("up",))}))
    assert one.labels == ()
    assert one.metadata["feedback"] == {"thumbs": ["meh", "no thumb, only words"], "tone": "dry"}
    assert one.metadata["feedback_comments"] == {"thumbs": "so so", "tone": "no greeting"}


def test_labels_are_of_whom_they_are() -> None:
    said = tuple(
        Feedback(name="good", value=1.0, source=source)  # type: ignore[arg-type]
        for source in ("user", "unknown", "expert", "model", "code")
    )
    trace = Trace(id="t", format="test", input="a", output="b", feedback=said)
    (of_users,) = made(trace, Mapping(feedback={"good": LIKED}))
    assert [one.origin for one in of_users.labels] == ["user"] * 3
    assert of_users.metadata["feedback"] == {"good": [1.0, 1.0]}  # the expert's and the model's
    (of_experts,) = made(trace, Mapping(feedback={"good": Rule(labels="expert", positive=("1",))}))
    assert [one.origin for one in of_experts.labels] == [None] * 4
    (nobody,) = made(trace, Mapping())
    assert nobody.labels == ()


def test_a_trace_of_spans() -> None:
    spans = (
        Span(id="a", kind="agent", started="1"),
        Span(id="r", kind="retrieval", started="2", output=[{"content": "shelf 12"}, {"content": "shelf 13"}]),
        Span(id="t", kind="tool", name="find", started="3", input={"copy": 7}, output="held", error="slow"),
        Span(id="l", kind="llm", started="4", model="small", input=[message("user", "Where?")],
             output=[message("assistant", "There.")]),
        Span(id="z", kind="retrieval", started="9", output=[{"content": "too late"}]),
    )  # fmt: skip
    feedback = (Feedback(name="f", value=1.0, target="l"), Feedback(name="f", value=0.0))
    trace = Trace(id="t", format="test", spans=spans, feedback=feedback, metadata={"user": "theirs", "floor": 3})
    (whole,) = made(trace, Mapping(dimensions={"tool": "spans[kind=tool][0].name"}, drop=("floor",)))
    assert (whole.input, whole.output) == ("Where?", "There.")
    assert whole.context == ["shelf 12", "shelf 13", "too late"]
    assert whole.metadata["tool_calls"] == [
        {"name": "find", "arguments": {"copy": 7}, "result": "held", "error": "slow"}
    ]
    assert (whole.metadata["tool"], whole.metadata["metadata.user"]) == ("find", "theirs")
    assert "floor" not in whole.metadata
    (call,) = made(trace, Mapping(unit="llm call", feedback={"f": LIKED}))
    assert (call.id, call.metadata["span_id"]) == ("t:l", "l")
    assert call.context == ["shelf 12", "shelf 13"]
    assert [one.verdict for one in call.labels] == ["pass", "fail"]


def test_traces_of_one_conversation_are_put_together() -> None:
    traces = [
        Trace(id="b", format="t", started="2", input={"question": "Maps?"}, output="Third floor.", conversation="c"),
        Trace(id="a", format="t", started="1", input="Open?", output={"answer": "Till eight."}, conversation="c"),
    ]
    (last,) = (one for one in conversation_of(traces, Mapping(unit="conversation")) if isinstance(one, Interaction))
    assert last.id == "b"
    assert last.input == [message("user", "Open?"), message("assistant", "Till eight."), message("user", "Maps?")]
    each = list(conversation_of(traces, Mapping(unit="conversation", judged="each")))
    assert [one.id for one in each if isinstance(one, Interaction)] == ["a", "b"]


def test_answers_that_were_given_again_become_pairs() -> None:
    again = {"m2": ((message("assistant", "Until 20:00."),), (message("assistant", "Eight."),)), "gone": ((),)}
    trace = Trace(id="chat", format="test", messages=TALK, alternatives=again)
    pairs = made(trace, Mapping(unit="pair"))
    assert [(one.output_a, one.output_b) for one in pairs] == [
        ("Till eight.", "Until 20:00."),
        ("Till eight.", "Eight."),
    ]
    assert [one.id for one in pairs] == ["chat:m2:1", "chat:m2:2"]
    assert reasons(trace, Mapping(unit="pair"))[0].startswith("no pair: the answer 'gone'")
    assert reasons(CHAT, Mapping(unit="pair")) == ["no pair: no answer was given again"]


def test_what_makes_none_says_why() -> None:
    nothing = Mapping()
    assert reasons(Trace(id="t", format="t", output="x"), nothing)[0].startswith("no input: nothing under input")
    assert reasons(Trace(id="t", format="t", input="x"), nothing)[0].startswith("no output: nothing under output")
    assert reasons(Trace(id="t", format="t", input="x", error="e"), nothing) == ["no output: the trace failed (e)"]
    assert made(Trace(id="t", format="t", input="x", output=""), nothing)[0].output == ""
    assert reasons(Trace(id="t", format="t", input="x"), Mapping(unit="llm call"))[0].startswith("no model call")
    unanswered = Trace(id="t", format="t", messages=(*TALK, message("user", "Hello?")))
    assert reasons(unanswered, Mapping(unit="turn")) == ["no answer: 1 messages of a user were not answered"]


KEYS = st.sampled_from(["role", "content", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
MESSAGES = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "tool", "system"]), "content": JSON}),
    max_size=6,
)


@given(MESSAGES, JSON, JSON, st.sampled_from(["trace", "turn", "conversation", "llm call", "pair"]))
def test_any_trace_becomes_something_or_says_why(messages: Any, given: Any, came: Any, unit: Any) -> None:
    span = Span(id="s", kind="llm", input=given, output=came)
    trace = Trace(id="t", format="f", messages=tuple(messages), input=given, output=came, spans=(span,))
    found = list(interactions_of(trace, Mapping(unit=unit)))
    assert found or not messages
    assert len({one.id for one in found if isinstance(one, Interaction)}) == sum(
        isinstance(one, Interaction) for one in found
    )
    assert all(": " in str(one) for one in found if isinstance(one, Unusable))
