from __future__ import annotations

import asyncio
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.errors import PromptTooLong
from dikast.models.endpoint import Message, Request
from dikast.models.fake import FakeEndpoint


def _request(content: str = "Is it right?", **settings) -> Request:
    return Request(messages=(Message("user", content),), **settings)


async def test_the_same_prompt_has_the_same_answer_and_another_name_sample_or_seed_another(monkeypatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a network was used"))
    schema = {
        "type": "object",
        "properties": {str(n): {"type": "integer", "minimum": 1, "maximum": 1000} for n in range(3)},
    }
    plain = await FakeEndpoint().answer(_request(schema=schema))
    assert plain == await FakeEndpoint().answer(_request(schema=schema))
    others = [
        await FakeEndpoint("b").answer(_request(schema=schema)),
        await FakeEndpoint().answer(_request(schema=schema, sample=1)),
        await FakeEndpoint().answer(_request(schema=schema, seed=7)),
        await FakeEndpoint().answer(_request("Is it wrong?", schema=schema)),
    ]
    assert len({plain.text, *(other.text for other in others)}) == 5


async def test_choices_get_a_distribution_that_settings_do_not_change() -> None:
    reply = await FakeEndpoint().answer(_request(choices=("pass", "fail")))
    again = await FakeEndpoint().answer(_request(choices=("pass", "fail"), thinking="off", max_tokens=1))
    assert reply.choice_probs == again.choice_probs
    assert sum(reply.choice_probs.values()) == pytest.approx(1)
    assert (reply.choice_reading, reply.constrained) == ("exact", "choices")
    assert reply.text == max(reply.choice_probs, key=reply.choice_probs.get)


_LEAVES = st.sampled_from(
    [
        {"enum": ["pass", "fail"]},
        {"const": 3},
        {"type": "integer", "minimum": 2, "maximum": 4},
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "minLength": 3, "maxLength": 12},
        {"type": "boolean"},
        {"type": "null"},
        {"type": ["string", "null"]},
    ]
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3).map(
            lambda parts: {"type": "object", "properties": parts, "required": list(parts)}
        ),
        inner.map(lambda items: {"type": "array", "items": items, "minItems": 1, "maxItems": 3}),
        st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options}),
    ),
    max_leaves=6,
)


def _follows(value, schema) -> bool:
    if "anyOf" in schema:
        return any(_follows(value, option) for option in schema["anyOf"])
    if "const" in schema:
        return value == schema["const"]
    if "enum" in schema:
        return value in schema["enum"]
    match schema["type"]:
        case "object":
            parts = schema["properties"]
            return (
                isinstance(value, dict)
                and set(value) == set(parts)
                and all(_follows(value[key], parts[key]) for key in parts)
            )
        case "array":
            return (
                isinstance(value, list)
                and 1 <= len(value) <= 3
                and all(_follows(item, schema["items"]) for item in value)
            )
        case "integer" | "number":
            kinds = int if schema["type"] == "integer" else (int, float)
            return isinstance(value, kinds) and schema["minimum"] <= value <= schema["maximum"]
        case "string":
            return isinstance(value, str) and 3 <= len(value) <= 12
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
    return value is None or isinstance(value, str)


@given(_SCHEMAS, st.text())
def test_every_schema_is_followed(schema, content) -> None:
    reply = asyncio.run(FakeEndpoint().answer(_request(content, schema=schema)))
    assert reply.constrained == "json_schema"
    assert _follows(json.loads(reply.text), schema)


async def test_without_a_schema_the_keys_that_the_prompt_shows_are_answered() -> None:
    reply = await FakeEndpoint().answer(_request('Judge. Answer {"理由": "...", "accuracy": 1-5, "overall": 1-5}'))
    answer = json.loads(reply.text)
    assert list(answer) == ["理由", "accuracy", "overall"]
    assert isinstance(answer["理由"], str)
    assert answer["overall"] in range(1, 6)
    usual = json.loads((await FakeEndpoint().answer(_request("Judge."))).text)
    assert usual["verdict"] in ("pass", "fail")


async def test_the_usual_limits_hold() -> None:
    cut = await FakeEndpoint().answer(_request("Judge.", max_tokens=2))
    assert cut.finish == "length"
    assert cut.usage.completion_tokens == 2
    with pytest.raises(PromptTooLong):
        await FakeEndpoint().answer(_request("x" * 600_000))
    tokens = (await FakeEndpoint().answer(_request("Judge.", logprobs=2))).tokens
    assert all(token.logprob < 0 for token in tokens)
    facts = await FakeEndpoint("x").facts()
    assert facts.capabilities.choices == "exact"
    assert FakeEndpoint("x").model == "fake/x"
    assert FakeEndpoint().model == "fake"
