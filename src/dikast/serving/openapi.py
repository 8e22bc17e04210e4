"""The API, described (OpenAPI 3.1) from the same types that are read and written."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

import dikast
from dikast.records import Json, Verdict
from dikast.serving.chat import ChatRequest
from dikast.serving.problems import Problem
from dikast.serving.requests import NDJSON

Schema: TypeAlias = dict[str, Any]


class GivenInteraction(msgspec.Struct, frozen=True, kw_only=True):
    """One input and one output of the system under test, or output_a and output_b for a pair.

    Without an id, one follows from the content. Other keys are kept in metadata.
    """

    input: Json
    id: str | int | None = None
    output: Json = None
    output_a: Json = None
    output_b: Json = None
    context: Json = None
    reference: Json = None
    metadata: dict[str, Json] | None = None


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """How far the judge agrees with people: the level, in a sentence, and on which run's labels it was measured."""

    trust: str
    sentence: str
    run: str
    n: int


class ServedJudge(msgspec.Struct, frozen=True, kw_only=True):
    """One judge of this server. run: where its verdicts are kept today, once there are any."""

    name: str
    version: str
    mode: str
    scale: str
    criteria: list[str]
    model: str
    run: str | None = None
    trust: Trust | None = None


def described(judges: list[str], *, needs_token: bool) -> Schema:
    """The description of a server with these judges."""
    types = (GivenInteraction, Verdict, ServedJudge, Problem, ChatRequest)
    references, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    interaction, verdict, judge, problem, chat = references
    schemas: Schema = dict(components)
    schemes = {"token": {"type": "http", "scheme": "bearer"}}
    which = {
        "name": "judge",
        "in": "query",
        "required": len(judges) > 1,
        "description": "The judge's name; not needed where there is one.",
        "schema": {"type": "string", "enum": judges},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dikast",
            "version": dikast.__version__,
            "description": "A judge of AI systems' answers. Verdicts are kept as runs.",
        },
        "paths": {
            "/v1/judge": {"post": _judging(which, interaction, verdict, problem)},
            "/v1/judge/batch": {"post": _batch(which, interaction, verdict, problem)},
            "/v1/judges": {"get": _reading("The judges", {"type": "array", "items": judge}, problem)},
            "/v1/chat/completions": {"post": _chat(chat)},
            "/v1/models": {"get": _reading("The judges, as OpenAI lists models", {"type": "object"}, problem)},
            "/openapi.json": {"get": _reading("This description", {"type": "object"}, problem)},
            "/health": {"get": _reading("Whether the server lives", {"type": "object"}, problem) | {"security": []}},
            "/ready": {"get": _reading("Whether it can judge now", {"type": "object"}, problem) | {"security": []}},
            "/metrics": {"get": _metrics()},
        },
        "components": {"schemas": schemas} | ({"securitySchemes": schemes} if needs_token else {}),
    } | ({"security": [{"token": []}]} if needs_token else {})


def _judging(which: Schema, interaction: Schema, verdict: Schema, problem: Schema) -> Schema:
    return {
        "summary": "Judge one interaction",
        "parameters": [which],
        "requestBody": _body({"application/json": {"schema": interaction}}),
        "responses": {
            "200": _answer("The verdict: scored, unparsed or refused", {"application/json": {"schema": verdict}}),
            **_problems(problem, "400", "401", "404", "408", "413", "415", "422", "429", "502", "503", "504"),
        },
    }


def _batch(which: Schema, interaction: Schema, verdict: Schema, problem: Schema) -> Schema:
    both = "Verdicts in the order of the interactions; what failed has its reason in its place"
    return {
        "summary": "Judge several interactions",
        "parameters": [which],
        "requestBody": _body(
            {
                "application/json": {"schema": {"type": "array", "items": interaction}},
                NDJSON: {"schema": interaction},
            }
        ),
        "responses": {
            "200": _answer(
                f"{both}. With Accept: {NDJSON}, a line each, as they come.",
                {"application/json": {"schema": {"type": "array", "items": verdict}}, NDJSON: {"schema": verdict}},
            ),
            **_problems(problem, "400", "401", "404", "408", "413", "415", "429", "503"),
        },
    }


def _chat(request: Schema) -> Schema:
    said = (
        "The model is a judge's name. What is judged is the last user message, as JSON with input and output; or the "
        "conversation, when it ends with the assistant's answer. The reply is the verdict and its critique, or the "
        "verdict's JSON with response_format."
    )
    whole = {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {"schema": {"type": "string"}}}
    wrong = {
        "description": "An error in OpenAI's shape",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return {
        "summary": "The judge as a chat model (OpenAI-compatible)",
        "description": said,
        "requestBody": _body({"application/json": {"schema": request}}),
        "responses": {"200": _answer("A chat completion; with stream, its chunks", whole), "default": wrong},
    }


def _metrics() -> Schema:
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {"summary": "Counters, as Prometheus reads them", "responses": {"200": _answer("Metrics", text)}}


def _reading(summary: str, schema: Schema, problem: Schema) -> Schema:
    good = _answer(summary, {"application/json": {"schema": schema}})
    return {"summary": summary, "responses": {"200": good, "default": _problem("What went wrong", problem)}}


def _body(content: Schema) -> Schema:
    return {"required": True, "content": content}


def _answer(description: str, content: Schema) -> Schema:
    return {"description": description, "content": content}


_WRONG = {
    "400": "The body can't be read",
    "401": "A token is needed",
    "404": "There is no such judge",
    "408": "The body did not arrive in time",
    "413": "The body or the batch is too large",
    "415": "The body is not JSON",
    "422": "The interaction can't be judged",
    "429": "Too many requests; see Retry-After",
    "502": "The model's server failed",
    "503": "Too much is under way, or the model does not answer; see Retry-After",
    "504": "No verdict in time",
}


def _problems(problem: Schema, *statuses: str) -> Schema:
    return {status: _problem(_WRONG[status], problem) for status in statuses}


def _problem(description: str, problem: Schema) -> Schema:
    return _answer(description, {"application/problem+json": {"schema": problem}})
