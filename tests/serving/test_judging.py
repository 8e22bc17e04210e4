"""What is asked over HTTP is judged, answered in order, kept, and never asked for twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dikast.interactions.rows import Unusable
from dikast.records import Interaction, Verdict
from dikast.serving.chat import ChatMessage, judged_row
from dikast.serving.limits import Limits
from dikast.serving.problems import Refusal
from dikast.serving.requests import read_interaction

ROW = {"id": "t-1", "input": "Can I return it?", "output": "Within 14 days."}
NDJSON = "application/x-ndjson"


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


class TestOne:
    async def test_the_answer_is_the_results_contract_and_is_kept(self, served: Any) -> None:
        async with served() as server:
            status, body = await server.judge(**ROW, context="Returns: 14 days.", tier="vip")
            verdict = msgspec.convert(body, Verdict)
            assert (status, verdict.id, verdict.status, verdict.verdict) == (200, "t-1", "scored", "pass")
            assert verdict.metadata == {"tier": "vip"}
            run = server.run()
            assert [one.id for one in run] == ["t-1"]
            assert run.interaction("t-1") == Interaction(
                id="t-1",
                input="Can I return it?",
                output="Within 14 days.",
                context="Returns: 14 days.",
                metadata={"tier": "vip"},
            )
            assert run.info is not None
            assert run.name.startswith("refunds-served-20")
            assert (run.info.counts, run.info.calls, run.info.judge) == ({"scored": 1}, 1, verdict.judge)

    async def test_what_was_answered_is_not_asked_again_and_each_request_is_kept(self, served: Any) -> None:
        async with served() as server:
            first = await server.judge(**ROW)
            again = await server.judge(**ROW)
            other = await server.judge(**ROW | {"output": "Never."})
            assert first == again
            assert other[1]["id"] == "t-1"
            assert len(server.asked) == 2
            run = server.run()
            assert [one.id for one in run] == ["t-1", "t-1-2", "t-1-3"]
            assert run.info.cache_hits == 1
            assert run.interaction("t-1-3").output == "Never."

    async def test_without_an_id_it_follows_from_the_content(self, served: Any) -> None:
        async with served() as server:
            ids = [(await server.judge(input="2 + 2?", output="4"))[1]["id"] for _ in range(2)]
        assert ids[0] == ids[1]
        assert ids[0].startswith("i-")

    async def test_many_at_once_each_get_their_own(self, served: Any) -> None:
        async with served(model={"latency_s": 0.01}) as server:
            asked = [server.judge(id=f"t-{at}", input=f"Question {at}", output="Yes.") for at in range(100)]
            replies = await asyncio.gather(*asked)
            assert [(status, body["id"]) for status, body in replies] == [(200, f"t-{at}") for at in range(100)]
            assert len(server.asked) == 100
            assert sorted(one.id for one in server.run()) == sorted(f"t-{at}" for at in range(100))

    async def test_an_answer_that_says_nothing_is_unparsed_and_not_a_fail(self, served: Any) -> None:
        async with served(model={"answer": "Hm."}) as server:
            status, body = await server.judge(**ROW)
        assert (status, body["status"], body["verdict"]) == (200, "unparsed", None)

    async def test_what_a_judge_lacks_is_said(self, served: Any) -> None:
        judge = {"name": "facts", "task": "Is it right?", "mode": "reference"}
        async with served(judges=(judge,)) as server:
            status, body = await server.judge(**ROW)
            assert (status, body["code"]) == (422, "not_usable")
            assert "reference" in body["detail"]
            assert body["verdict"]["status"] == "failed"
            assert server.asked == []

    async def test_several_judges_are_named(self, served: Any) -> None:
        tone = {"name": "tone", "task": "Is it friendly?", "scale": "1-5"}
        async with served(judges=({"name": "refunds", "task": "Right?"}, tone)) as server:
            status, body = await server.judge(**ROW)
            assert (status, body["code"], body["hint"]) == (404, "unknown_judge", "There are: refunds, tone.")
            async with server.client.post(server.url + "/v1/judge?judge=tone", json=ROW) as reply:
                assert (await reply.json())["judge"]["name"] == "tone"
            async with server.client.get(server.url + "/v1/judges") as reply:
                listed = await reply.json()
            assert [(one["name"], one["scale"]) for one in listed] == [("refunds", "pass/fail"), ("tone", "1-5")]
            assert listed[0]["run"] is None
            assert listed[1]["run"].startswith("tone-served-")


class TestBatches:
    async def test_the_answers_come_in_order_and_a_bad_row_has_its_place(self, served: Any) -> None:
        rows = [{"id": f"t-{at}", "input": "?", "output": f"{at}"} for at in range(40)]
        rows[7] = {"id": "half", "input": "?"}
        rows[8] = 8  # type: ignore[call-overload]
        async with served(model={"latency_s": 0.005}) as server:
            async with server.client.post(server.url + "/v1/judge/batch", json=rows) as reply:
                found = await reply.json()
            assert [one["id"] for one in found] == [
                *(f"t-{at}" for at in range(7)), "half", "row-9", *(f"t-{at}" for at in range(9, 40))
            ]  # fmt: skip
            assert found[7]["status"] == found[8]["status"] == "failed"
            assert found[7]["reason"].startswith("not usable: no output")
            assert len(server.run()) == 38

    async def test_lines_in_and_lines_out(self, served: Any) -> None:
        body = b'{"id": "a", "input": "?", "output": "1"}\n\nnot json\n{"id": "b", "input": "?", "output": "2"}\n'
        headers = {"Content-Type": NDJSON, "Accept": NDJSON}
        async with (
            served() as server,
            server.client.post(server.url + "/v1/judge/batch", data=body, headers=headers) as reply,
        ):
            assert reply.content_type == NDJSON
            found = lines_of(await reply.text())
        assert [(one["id"], one["status"]) for one in found] == [("a", "scored"), ("row-2", "failed"), ("b", "scored")]

    async def test_a_line_comes_as_soon_as_it_is_there(self, served: Any) -> None:
        rows = [{"id": f"{at}", "input": "?", "output": f"{at}"} for at in range(2)]
        async with served(model={"faults": [None, "slow"]}, limits=Limits(request_s=1.0), concurrency=1) as server:
            headers = {"Accept": NDJSON}
            async with server.client.post(server.url + "/v1/judge/batch", json=rows, headers=headers) as reply:
                first = json.loads(await reply.content.readline())
                assert (first["id"], first["status"]) == ("0", "scored")
                assert server.serving._gate.taken == 2
                second = json.loads(await reply.content.readline())
        assert (second["status"], second["reason"].partition(":")[0]) == ("failed", "timed out")

    @pytest.mark.parametrize(
        ("body", "status"), [(b"[]", 400), (b'{"input": 1}', 400), (b"[" + b"1," * 1000 + b"1]", 413)]
    )
    async def test_what_is_no_batch(self, served: Any, body: bytes, status: int) -> None:
        headers = {"Content-Type": "application/json"}
        async with (
            served() as server,
            server.client.post(server.url + "/v1/judge/batch", data=body, headers=headers) as reply,
        ):
            assert reply.status == status


class TestAsAChatModel:
    CHAT = (
        {"role": "user", "content": "Can I return it?"},
        {"role": "assistant", "content": "Within 14 days."},
    )

    async def ask(self, server: Any, messages: Any, **more: Any) -> tuple[int, Any]:
        body = {"model": "refunds", "messages": list(messages), **more}
        async with server.client.post(server.url + "/v1/chat/completions", json=body) as reply:
            return reply.status, await (reply.json() if reply.content_type == "application/json" else reply.text())

    async def test_a_conversation_is_judged_and_the_reply_is_words(self, served: Any) -> None:
        async with served() as server:
            status, body = await self.ask(server, self.CHAT, temperature=0.2, seed=7, unknown=1)
            (item,) = server.run().interactions()
        assert status == 200
        assert body["choices"][0]["message"]["content"] == "pass\n\nBecause it answers."
        assert body["choices"][0]["finish_reason"] == "stop"
        assert body["model"] == "refunds"
        assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"] > 0
        assert (item.input, item.output) == ("Can I return it?", "Within 14 days.")

    async def test_json_in_the_last_message_and_json_out(self, served: Any) -> None:
        asked = [{"role": "system", "content": "You grade."}, {"role": "user", "content": json.dumps(ROW)}]
        async with served() as server:
            _, body = await self.ask(server, asked, response_format={"type": "json_object"})
        verdict = msgspec.json.decode(body["choices"][0]["message"]["content"], type=Verdict)
        assert (verdict.id, verdict.verdict, verdict.raw_judge_output) == ("t-1", "pass", None)

    async def test_a_stream_adds_up_to_the_reply(self, served: Any) -> None:
        async with served() as server:
            status, text = await self.ask(server, self.CHAT, stream=True, stream_options={"include_usage": True})
        events = [part.removeprefix("data: ") for part in text.split("\n\n") if part]
        assert (status, events[-1]) == (200, "[DONE]")
        parts = [json.loads(event) for event in events[:-1]]
        deltas = [part["choices"][0]["delta"] for part in parts if part["choices"]]
        assert "".join(delta.get("content", "") for delta in deltas) == "pass\n\nBecause it answers."
        assert parts[-2]["choices"][0]["finish_reason"] == "stop"
        assert parts[-1]["usage"]["completion_tokens"] > 0
        assert len({part["id"] for part in parts}) == 1

    async def test_models_are_the_judges(self, served: Any) -> None:
        async with served() as server, server.client.get(server.url + "/v1/models") as reply:
            assert [one["id"] for one in (await reply.json())["data"]] == ["refunds"]

    @pytest.mark.parametrize(
        ("messages", "code"),
        [
            ([], "bad_request"),
            ([{"role": "user", "content": "Rate this from 1 to 5: hello"}], "not_usable"),
            ([{"role": "assistant", "content": "Hello"}], "not_usable"),
            (
                [{"role": "user", "content": [{"type": "image_url"}]}, {"role": "assistant", "content": "x"}],
                "not_usable",
            ),
            ([{"role": "user", "content": '{"input": "?"}'}], "not_usable"),
        ],
    )
    async def test_nothing_is_guessed(self, served: Any, messages: Any, code: str) -> None:
        async with served() as server:
            status, body = await self.ask(server, messages)
            assert server.asked == []
        assert status in (400, 422)
        assert body["error"]["code"] == code
        assert body["error"]["type"] == "invalid_request_error"

    async def test_another_model_is_not_there_and_no_verdict_is_an_error(self, served: Any) -> None:
        async with served(model={"answer": "Hm."}) as server:
            status, body = await self.ask(server, self.CHAT, model="gpt-4o")
            assert (status, body["error"]["code"]) == (404, "unknown_judge")
            status, body = await self.ask(server, self.CHAT)
            assert (status, body["error"]["code"]) == (502, "no_verdict")
            status, body = await self.ask(server, self.CHAT, response_format={"type": "json_object"})
            assert status == 200
            assert json.loads(body["choices"][0]["message"]["content"])["status"] == "unparsed"


class TestDescription:
    async def test_it_names_every_address_and_describes_what_is_sent(self, served: Any) -> None:
        async with served() as server:
            async with server.client.get(server.url + "/openapi.json") as reply:
                described = await reply.json()
            addresses = {route.resource.canonical for route in server.serving.app().router.routes() if route.resource}
            assert set(described["paths"]) == addresses
            _, verdict = await server.judge(**ROW)
            _, problem = await server.judge(input="no output")
            async with server.client.get(server.url + "/v1/judges") as reply:
                (judge,) = await reply.json()
        resolved = json.loads(json.dumps(described).replace("#/components/schemas/", "#/$defs/"))
        schemas = resolved["components"]["schemas"]
        for name, value in (("Verdict", verdict), ("Problem", problem), ("ServedJudge", judge)):
            jsonschema.validate(value, {"$ref": f"#/$defs/{name}", "$defs": schemas})
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(problem, {"$ref": "#/$defs/Verdict", "$defs": schemas})

    async def test_what_is_counted(self, served: Any) -> None:
        async with served() as server:
            await server.judge(**ROW)
            await server.judge(**ROW)
            await server.judge(input="?")
            async with server.client.get(server.url + "/metrics") as reply:
                lines = (await reply.text()).splitlines()
        assert 'dikast_verdicts_total{judge="refunds",status="scored",verdict="pass"} 2.0' in lines
        assert 'dikast_model_calls_total{judge="refunds"} 1.0' in lines
        assert 'dikast_cache_hits_total{judge="refunds"} 1.0' in lines
        assert 'dikast_refused_total{code="not_usable"} 1.0' in lines
        assert 'dikast_http_requests_total{method="POST",path="/v1/judge",status="200"} 2.0' in lines
        assert "dikast_places_taken 0.0" in lines


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "input", "output", "output_a", "output_b", "metadata", "label", "x"]), inner
        )
    ),
    max_leaves=8,
)


@given(anything)
def test_any_json_is_an_interaction_or_has_its_reason(row: Any) -> None:
    try:
        found = read_interaction(row)
    except Unusable as unusable:
        said = unusable.reason
    else:
        assert found.input is not None
        said = f"id: {found.id}"
    assert ":" in said


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system", "tool", ""]), anything), max_size=4))
def test_any_chat_is_an_interaction_or_is_refused(messages: list[tuple[str, Any]]) -> None:
    try:
        row = judged_row([ChatMessage(role, content) for role, content in messages])
    except Refusal as refusal:
        row = {"input": None} if refusal.problem.status == 400 else {}
    assert "input" in row
