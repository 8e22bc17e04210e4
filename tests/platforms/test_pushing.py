"""Scores back: once and again, over nobody's word, through faults, and what each platform is told."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dikast.errors import DataError, EndpointRefused
from dikast.models.policy import Policy
from dikast.platforms.address import Address
from dikast.platforms.calls import Patience
from dikast.platforms.opening import open_target
from dikast.platforms.pushing import PushOrder, PushReport, push
from dikast.platforms.score import LONGEST_COMMENT, scores_of
from dikast.records import JudgeRef, Verdict
from dikast.store import Store
from dikast.traces.formats import find_format
from dikast.traces.trace import Trace

Start = Callable[..., Any]
KINDS = {"Langfuse": None, "LangSmith": "support", "Phoenix": "default", "Mlflow": "support"}
QUICK = Patience(first_s=0.01)


def trace_of(kind: str, number: int) -> str:
    if kind == "LangSmith":
        return f"{number + 1:08x}-0000-4000-8000-00000000aaaa"
    return f"tr-{number + 1:032x}" if kind == "Mlflow" else f"{number + 1:032x}"


def verdicts(kind: str, count: int, **said: Any) -> Iterator[Verdict]:
    for number in range(count):
        metadata = {"source": kind.lower(), "trace_id": trace_of(kind, number)}
        failed = number % 2
        fields: dict[str, Any] = {
            "id": f"i{number}",
            "status": "scored",
            "verdict": "fail" if failed else "pass",
            "critique": f"Because of {number}.",
            "confidence": 0.75,
            "judge": JudgeRef("refunds", "v1"),
            "model": "m",
            "metadata": metadata,
        }
        yield Verdict(**{**fields, **said})


class Pusher:
    """Pushes to a server or a file, as often as one likes, from one store."""

    def __init__(self, server: Any, folder: Path, kind: str | None = None) -> None:
        self.server = server
        self.kind = kind or type(server).__name__
        self.to: Address | Path = server
        if not isinstance(server, Path):
            platform = "otlp" if self.kind == "Collector" else self.kind.lower()
            self.to = Address(platform, server.url, KINDS.get(self.kind))
        self.store = Store.open(folder / "store.db")

    async def __call__(
        self, given: list[Verdict] | None = None, *, write: bool = True, name: str = "refunds", **asked: Any
    ) -> PushReport:
        found = list(verdicts(self.kind, 4)) if given is None else given
        known = self.kind.lower() if self.kind in KINDS else None
        order = PushOrder("run-1", str(self.to), name, None if isinstance(self.to, Path) else known, **asked)
        target = open_target(self.to, os.environ, Policy(), QUICK)
        try:
            return await push(target, found, order, self.store.platforms(), write=write)
        finally:
            await target.close()


def told(report: PushReport) -> tuple[int, int, int]:
    return report.created, report.updated, report.unchanged


@pytest.mark.parametrize("kind", KINDS)
async def test_pushing_twice_changes_nothing(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=4)
    pusher = Pusher(server, tmp_path)
    assert told(await pusher(write=False)) == (4, 0, 0)
    assert server.writes == 0
    assert told(await pusher()) == (4, 0, 0)
    assert server.writes == 4
    assert told(await pusher()) == (0, 0, 4)
    elsewhere = Pusher(server, tmp_path / "other")  # without the log: what stands there is enough
    assert told(await elsewhere()) == (0, 0, 4)
    assert server.writes == 4


@pytest.mark.parametrize("kind", KINDS)
async def test_a_verdict_that_changed_is_updated_in_place(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=4)
    pusher = Pusher(server, tmp_path)
    await pusher()
    changed = list(verdicts(kind, 4, critique="Now for another reason."))
    assert told(await pusher(changed)) == (0, 4, 0)
    assert told(await pusher(changed)) == (0, 0, 4)
    again = {"Langfuse": "scores", "LangSmith": "feedback", "Phoenix": "annotations"}.get(kind)
    if again:
        assert len(getattr(server, again)) == 4
    else:
        assert [len(one["assessments"]) for one in server.items] == [1, 1, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
async def test_never_over_a_persons_word(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=4)
    if kind == "Langfuse":
        server.say(trace_of(kind, 1), "refunds", True, source="ANNOTATION")
        server.say(trace_of(kind, 2), "refunds", True, source="API")  # whose it is can't be told: left, too
        server.say(trace_of(kind, 3), "refunds", True, source="EVAL")
    elif kind == "LangSmith":
        server.say(trace_of(kind, 1), "refunds", 1, kind="app")
        server.say(trace_of(kind, 2), "refunds", 1, kind="api")
        server.say(trace_of(kind, 3), "refunds", 1, kind="model")
    elif kind == "Phoenix":
        server.say(f"{2:016x}", "refunds", "pass")
        server.say(f"{3:016x}", "refunds", "pass")
        server.say(f"{4:016x}", "refunds", "pass", kind="LLM")
    else:
        server.say(1, "refunds", True)
        server.say(2, "refunds", True)
        server.say(3, "something else", True)
    report = await Pusher(server, tmp_path)()
    assert (report.people, report.created) == (2, 2)
    assert server.writes == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_a_push_that_died_is_continued(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=60)
    server.faults = lambda request: "403" if request.method == "POST" and server.writes >= 20 else None
    pusher = Pusher(server, tmp_path)
    many = list(verdicts(kind, 60))
    with pytest.raises(EndpointRefused):
        await pusher(many)
    server.faults = {}
    report = await pusher(many)
    assert report.created + report.unchanged == 60
    assert report.unchanged >= 20
    assert server.writes == 60


async def test_what_a_platform_does_not_show_yet_is_not_sent_again(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Langfuse", traces=4, lag=True)
    pusher = Pusher(server, tmp_path)
    await pusher()
    assert told(await pusher()) == (0, 0, 4)
    assert server.writes == 4


@pytest.mark.parametrize("kind", KINDS)
async def test_rate_limits_and_drops_are_waited_out(kind: str, platform_server: Start, tmp_path: Path) -> None:
    server = platform_server(kind, traces=4, faults={2: "429", 3: "503", 5: "drop"})
    report = await Pusher(server, tmp_path)()
    assert told(report) == (4, 0, 0)
    assert server.writes == 4


async def test_one_refusal_does_not_stop_the_others(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("LangSmith", traces=3)
    report = await Pusher(server, tmp_path)()  # the fourth verdict's run is not there
    assert (report.created, report.refused) == (3, 1)
    assert "Run not found" in report.reasons[0]
    phoenix = platform_server("Phoenix", traces=3)
    report = await Pusher(phoenix, tmp_path / "p")()
    assert (report.created, report.missing) == (3, 1)


async def test_phoenix_refuses_a_batch_for_one_span(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Phoenix", traces=3)
    given = list(verdicts("Phoenix", 3))
    gone = {**given[1].metadata, "span_id": "f" * 16}
    given[1] = next(verdicts("Phoenix", 1, id="gone", metadata=gone))
    report = await Pusher(server, tmp_path)(given)
    assert (report.created, report.refused) == (2, 1)
    assert all(key[1] == "refunds" for key in server.annotations)


async def test_what_each_platform_is_told(platform_server: Start, tmp_path: Path) -> None:
    trust = {"trust": "not_yet", "corrected_pass_rate": {"value": 0.8, "low": 0.7, "high": 0.9}, "labels": 40}
    langfuse = platform_server("Langfuse", traces=1)
    live = {"source": "langfuse", "trace_id": trace_of("Langfuse", 0), "environment": "live"}
    given = list(
        verdicts("Langfuse", 1, metadata=live, scores={"overall": 4.5, "tone": 4, "safe": True, "reasoning": "..."})
    )
    await Pusher(langfuse, tmp_path / "1")(given, trust=trust)
    by_name = {one["name"]: one for one in langfuse.scores.values()}
    assert {one["environment"] for one in by_name.values()} == {"live"}
    assert by_name.keys() == {"refunds", "refunds.tone", "refunds.safe"}
    assert (by_name["refunds"]["value"], by_name["refunds"]["dataType"]) == (1, "BOOLEAN")
    assert (by_name["refunds.tone"]["value"], by_name["refunds.tone"]["dataType"]) == (4.0, "NUMERIC")
    said = by_name["refunds"]["metadata"]
    assert (said["judge"], said["judge_version"], said["confidence"], said["trust"]) == (
        "refunds",
        "v1",
        0.75,
        "not_yet",
    )
    assert said["corrected_pass_rate"]["low"] == 0.7
    langsmith = platform_server("LangSmith", traces=1)
    await Pusher(langsmith, tmp_path / "2")(list(verdicts("LangSmith", 1)))
    (feedback,) = langsmith.feedback.values()
    assert (feedback["session_id"], feedback["extend_trace_retention"]) == (langsmith.project, False)
    assert (feedback["score"], feedback["value"], feedback["feedback_source"]["type"]) == (1.0, "pass", "model")
    phoenix = platform_server("Phoenix", traces=1)
    await Pusher(phoenix, tmp_path / "3")(list(verdicts("Phoenix", 1)))
    (annotation,) = phoenix.annotations.values()
    assert (annotation["annotator_kind"], annotation["span_id"]) == ("LLM", f"{1:016x}")  # the trace's root
    assert annotation["result"] == {"label": "pass", "score": 1.0, "explanation": "Because of 0."}
    mlflow = platform_server("Mlflow", traces=1)
    await Pusher(mlflow, tmp_path / "4")(list(verdicts("Mlflow", 1)), trust=trust)
    (assessment,) = mlflow.items[0]["assessments"]
    assert assessment["source"] == {"source_type": "LLM_JUDGE", "source_id": "refunds"}
    assert (assessment["feedback"], assessment["rationale"]) == ({"value": True}, "Because of 0.")
    assert assessment["metadata"]["confidence"] == "0.75"


async def test_new_figures_of_trust_alone_are_no_news(platform_server: Start, tmp_path: Path) -> None:
    pusher = Pusher(platform_server("Phoenix", traces=4), tmp_path)
    await pusher(trust={"trust": "trusted", "labels": 50})
    assert told(await pusher(trust={"trust": "trusted", "labels": 51})) == (0, 0, 4)
    assert told(await pusher(trust={"trust": "no", "labels": 52})) == (0, 4, 0)


async def test_a_collector_gets_events_once(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Collector")
    pusher = Pusher(server, tmp_path, "Collector")
    given = list(verdicts("Phoenix", 3))
    assert told(await pusher(given)) == (3, 0, 0)
    assert told(await pusher(given)) == (0, 0, 3)
    assert server.writes == 1
    record = server.bodies[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert (record["eventName"], record["traceId"]) == ("gen_ai.evaluation.result", trace_of("Phoenix", 0))


async def test_files_hold_each_score_once_and_are_read_back(tmp_path: Path) -> None:
    events = tmp_path / "scores.otlp.jsonl"
    pusher = Pusher(events, tmp_path)
    given = list(verdicts("Phoenix", 3))
    assert told(await pusher(given)) == (3, 0, 0)
    before = events.read_bytes()
    assert told(await pusher(given)) == (0, 0, 3)
    assert events.read_bytes() == before
    assert told(await pusher(list(verdicts("Phoenix", 3, critique="New.")))) == (0, 3, 0)
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert len(lines) == 3
    assert "gen_ai.evaluation.result" in str(lines[0])
    plain = Pusher(tmp_path / "scores.jsonl", tmp_path)
    await plain(given)
    first = json.loads((tmp_path / "scores.jsonl").read_text().splitlines()[0])
    assert (first["name"], first["label"], first["item"]) == ("refunds", "pass", "i0")
    (tmp_path / "scores.jsonl").write_text("not json\n")
    with pytest.raises(DataError, match="line 1"):
        await plain(given)


async def test_what_makes_no_score_is_counted(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Phoenix", traces=4)
    given = list(verdicts("Phoenix", 4))
    given += verdicts("Phoenix", 1, status="unparsed", verdict=None, reason="cut off: x")
    given += verdicts("Phoenix", 1, metadata={"source": "langfuse", "trace_id": "t"})
    given += verdicts("Phoenix", 1, metadata={})
    report = await Pusher(server, tmp_path)(given, only="failed")
    assert report.left_out == {"not failed": 4, "without a verdict (unparsed)": 1}
    assert report.created == 2
    everything = await Pusher(server, tmp_path)(given)
    assert everything.left_out == {"without a verdict (unparsed)": 1, "from langfuse": 1, "not from a trace": 1}
    assert told(everything) == (2, 0, 2)


async def test_texts_are_cleaned_and_cut_on_the_way_out(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Phoenix", traces=1)
    long = list(verdicts("Phoenix", 1, critique="Ada said " + "x" * 20_000))
    await Pusher(server, tmp_path)(long, clean=lambda text: text.replace("Ada", "PERSON_1"))
    (annotation,) = server.annotations.values()
    said = annotation["result"]["explanation"]
    assert said.startswith("PERSON_1 said x")
    assert said.endswith("(cut: 20,009 characters in all)")
    assert len(said) <= LONGEST_COMMENT + 10


def test_ids_are_stable_and_tell_judges_items_and_criteria_apart() -> None:
    (one,) = verdicts("Phoenix", 1)
    (other,) = verdicts("Phoenix", 1, judge=JudgeRef("refunds", "v2"))
    ids = {score.id for verdict in (one, one, other) for score in scores_of(verdict, "refunds", {})}
    assert len(ids) == 2


async def test_what_was_pushed_is_read_back_as_a_models_word(platform_server: Start, tmp_path: Path) -> None:
    server = platform_server("Phoenix", traces=2)
    await Pusher(server, tmp_path)(list(verdicts("Phoenix", 2)))
    page = tmp_path / "page.jsonl"
    rows = [*server.rows(), *server.annotations.values()]
    page.write_text("".join(json.dumps(row) + "\n" for row in rows))
    from dikast.interactions.rows import Tally

    traces = [one for one in find_format("phoenix").read((page,), Tally()) if isinstance(one, Trace)]
    assert [feedback.source for one in traces for feedback in one.feedback] == ["model", "model"]
