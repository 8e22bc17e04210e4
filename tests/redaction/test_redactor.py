"""Texts, JSON and interactions, redacted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import InputError
from dikast.records import Interaction, Label
from dikast.redaction.finding import Finder
from dikast.redaction.pseudonyms import Pseudonyms
from dikast.redaction.redactor import InteractionRedactor, Redactor
from dikast.redaction.rules import Rules

PIECES = st.sampled_from(
    [
        "ada@example.com",
        "0912-345-678",
        "請寄到台北市信義區忠孝東路五段100號",
        "password=hunter2",
        "身分證字號A123456789",
        "and",
        "，",
        "\n",
    ]
)
REDACTOR = Redactor(Finder(language_models=[]), Pseudonyms(b"k" * 32))


@given(st.lists(PIECES, max_size=8).map(" ".join))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once
    assert "example.com" not in once
    assert "345-678" not in once


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | PIECES | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_keeps_its_shape_and_plain_keys(value: Any) -> None:
    def shape(one: Any) -> Any:
        if isinstance(one, dict):
            return {key: shape(inner) for key, inner in one.items()}
        return [shape(inner) for inner in one] if isinstance(one, list) else None

    redacted = REDACTOR.value(value)
    assert shape(redacted) == shape(value)
    assert "ada@example.com" not in json.dumps([inner for inner in _leaves(redacted)])


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    return [leaf for inner in value for leaf in _leaves(inner)] if isinstance(value, list) else [value]


def test_tool_arguments_and_numbers_are_looked_into(redactor: Redactor) -> None:
    call = {"role": "assistant", "tool_calls": [{"function": {"arguments": '{"phone": 13812345678, "n": 12}'}}]}
    arguments = json.loads(redactor.value([call])[0]["tool_calls"][0]["function"]["arguments"])
    assert arguments == {"phone": redactor.text("13812345678"), "n": 12}
    assert redactor.value({"total": 1732270000123, "count": 7}) == {"total": 1732270000123, "count": 7}


def test_the_name_of_a_value_says_what_it_is(redactor: Redactor) -> None:
    redacted = redactor.value({"password": "correct horse", "note": "correct horse", "統編": "04595257"})
    assert redacted["password"].startswith("[SECRET-")
    assert redacted["note"] == "correct horse"
    assert redacted["統編"].startswith("[TW_BUSINESS-")


def test_addresses_that_are_keys_are_replaced_and_stay_apart(redactor: Redactor) -> None:
    given = {"ada@example.com": {"n": 1}, "ADA@example.com": 2, "turn_2": "x", "password": "y"}
    heard: list[str] = []
    redacted = redactor.value(given, lambda kind, path: heard.append(path))
    who = redactor.text("ada@example.com")
    assert redacted == {who: {"n": 1}, f"{who} (2)": 2, "turn_2": "x", "password": redactor.value(given)["password"]}
    assert "example" not in str(heard)


def item(**parts: Any) -> Interaction:
    return Interaction(**{"id": "t1", "input": "I am ada@example.com", "output": "Hello ada@example.com", **parts})


def test_an_interaction_keeps_its_id_and_who_is_who(redactor: Redactor) -> None:
    given = item(metadata={"user_email": "ADA@example.com", "lang": "en"})
    redacted = InteractionRedactor(redactor).interaction(given)
    who = redacted.metadata["user_email"]
    assert redacted == item(input=f"I am {who}", output=f"Hello {who}", metadata={"user_email": who, "lang": "en"})


def test_rules_are_by_the_longest_path(redactor: Redactor) -> None:
    rules = Rules(
        {"metadata.user": "keep", "metadata.user.email": "drop", "metadata.tenant": "pseudonym", "context": "keep"}
    )
    given = item(
        context="mail bob@example.com",
        metadata={
            "user": {"email": "ada@example.com", "backup": "eve@example.com"},
            "tenant": "Acme",
            "x": "0912345678",
        },
    )
    made = InteractionRedactor(redactor, rules)
    redacted = made.interaction(given)
    assert redacted.context == "mail bob@example.com"
    assert redacted.metadata["user"] == {"backup": "eve@example.com"}
    assert redacted.metadata["tenant"].startswith("[VALUE-")
    assert redacted.metadata["x"].startswith("[PHONE-")
    assert made.report.dropped == {"metadata.user.email": 1}


def test_keys_and_ids_under_rules(redactor: Redactor) -> None:
    made = InteractionRedactor(redactor, Rules({"metadata.lang": "keep"}))
    mail = "ada@example.com"
    given = item(id=mail, metadata={"source": "langfuse", "trace_id": mail, mail: "0912345678", "user": mail})
    redacted = made.interaction(given)
    assert (redacted.id, redacted.metadata["trace_id"]) == (mail, mail)  # by these, scores find their way back
    assert redacted.metadata["user"] == redactor.text(mail)
    assert mail not in redacted.metadata
    assert mail not in str(made.report)


def test_a_row_that_was_rejected_is_kept_only_where_no_rule_hides_fields(redactor: Redactor) -> None:
    raw = '{"input": "ada@example.com", "metadata": {"name": "Ada"}'
    assert InteractionRedactor(redactor).row(raw) == raw.replace("ada@example.com", redactor.text("ada@example.com"))
    hidden = InteractionRedactor(redactor, Rules({"metadata.name": "drop"})).row(raw)
    assert "Ada" not in hidden
    assert "left out" in hidden


def test_a_dropped_field_is_gone(redactor: Redactor) -> None:
    made = InteractionRedactor(redactor, Rules({"metadata": "drop", "labels": "drop", "reference": "drop"}))
    given = item(metadata={"a": "b"}, reference="x", labels=(Label(id="t1", verdict="pass"),))
    assert made.interaction(given).metadata == {}
    assert made.interaction(given).labels == ()
    assert made.interaction(given).reference is None


def test_what_people_said_is_redacted_too(redactor: Redactor) -> None:
    label = Label(id="t1", verdict="fail", critique="gave out 0912345678", annotator="ada@example.com")
    (redacted,) = InteractionRedactor(redactor).interaction(item(labels=(label,))).labels
    assert redacted.critique == f"gave out {redactor.text('0912345678')}"
    assert redacted.annotator == redactor.text("ada@example.com")
    assert redacted.verdict == "fail"


def test_the_report_tells_where_and_never_what(redactor: Redactor) -> None:
    made = InteractionRedactor(redactor)
    for number in range(7):
        made.interaction(item(id=f"t{number}", metadata={"who": "ada@example.com"}))
    made.interaction(item(id="ada@example.com"))
    report = made.report
    assert report.counts == {"EMAIL": 23}
    assert report.found["EMAIL"]["metadata.who"].count == 7
    assert report.found["EMAIL"]["metadata.who"].first == ["t0", "t1", "t2", "t3", "t4"]
    assert report.ids == 1
    told = "\n".join(report.lines())
    assert "Replaced:      23 EMAIL" in told
    assert "EMAIL in metadata.who: 7 (first: t0, t1, t2)" in told
    assert "1 ids hold something personal and were not changed" in told
    assert "PERSON: no language model" in told
    assert "example.com" not in told


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"metadata.x": "hide"}, "the rule for 'metadata.x' is 'hide'"),
        ({"user": "drop"}, "no field 'user'"),
        ({"input": "drop"}, "can't be dropped"),
    ],
)
def test_rules_that_say_nothing_known_are_refused(rules: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Rules(rules)
