"""The tracing platforms, each fixture against a table of what is in it: items, ends, contexts, tools, feedback."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dikast.interactions.rows import Tally
from dikast.records import Interaction
from dikast.traces.census import Census
from dikast.traces.formats import Dropped, find_format
from dikast.traces.projection import interactions_of
from dikast.traces.recognising import recognised, sample_of
from dikast.traces.trace import Trace

FIXTURES = Path(__file__).parent / "fixtures"

ATLAS = "When may I collect the atlas LN-77? I reserved it last week."
FRIDAY = "Atlas LN-77 came back to the Leith branch today; collect it from Friday at 10:00."
HELD = "LN-77: returned to Leith at 16:40; held for its reader from Friday 10:00 for nine days."
GLOBE = "Must I pay when a borrowed globe is scratched?"
FREE = "No, every scratch is free of charge, and nobody will look at it."
CORRECTED = "Yes: show it at the desk, and small scratches cost two pounds."
RENEW, TWICE = "¿Puedo renovar un préstamo por teléfono?", "Sí, hasta dos veces, con el número de carné."
SYSTEM = {"role": "system", "content": "You answer for the Lantern Libraries."}
TOOL = ({"name": "find_copy", "arguments": {"copy_id": "LN-77"}, "result": {"status": "on_the_hold_shelf"}},)
T1, T2, T3 = "4e2b7a90c1d34f5586a7b8c9d0e1f203", "91f2e3d4c5b64a7788990a1b2c3d4e5f", "60718293a4b54c6d7e8f90a1b2c3d4e5"
ROOT, CALL = "10aa20bb30cc40dd", "13aa23bb33cc43dd"

Said = tuple[str, Any, str, str | None]  # name, value, source, target


class Row(NamedTuple):
    """What is expected of one trace, once it is an interaction."""

    id: str
    input: Any
    output: Any
    context: Any = None
    tools: tuple[Any, ...] = ()
    feedback: frozenset[Said] = frozenset()
    reference: Any = None


def said(*given: Said) -> frozenset[Said]:
    return frozenset(given)


CHAT = [SYSTEM, {"role": "user", "content": ATLAS}]
COMMENT: Said = ("comment", None, "expert", None)
UI = [
    Row(
        T1,
        CHAT,
        FRIDAY,
        feedback=said(
            ("user_feedback", 1.0, "unknown", None),
            ("hallucination", 0.0, "unknown", None),
            ("tone", "friendly", "unknown", None),
        ),
    ),
    Row(
        T2,
        GLOBE,
        FREE,
        feedback=said(
            ("user_feedback", 0.0, "unknown", None),
            ("hallucination", 1.0, "unknown", None),
            ("tone", "friendly", "unknown", None),
            COMMENT,
        ),
    ),
    Row(T3, RENEW, TWICE),
]
SCORES = (
    said(("user_feedback", True, "unknown", None), ("tone", "friendly", "expert", CALL)),
    said(("user_feedback", False, "unknown", None), ("faithfulness", 0.25, "model", "14aa24bb34cc44dd")),
)
LEGACY = [Row(T2, GLOBE, FREE)]
RUN_1, RUN_2 = "2f6c1d0a-7b33-4e21-8c44-5d6e7f809101", "5c9f403d-ae66-4154-bf77-809102132434"
ASKED_FOR = ({"name": "find_copy", "arguments": {"copy_id": "LN-77"}},)
PHOENIX = Row(T1, ATLAS, FRIDAY, HELD, TOOL)

TABLE: dict[str, tuple[str, list[str], list[Row]]] = {
    "langfuse jsonl": ("langfuse", ["langfuse/ui_export_traces.jsonl"], UI),
    "langfuse json": ("langfuse", ["langfuse/ui_export_traces.json"], UI),
    "langfuse csv": ("langfuse", ["langfuse/ui_export_traces.csv"], UI),
    "langfuse events": (
        "langfuse",
        ["langfuse/ui_export_events.jsonl"],
        [
            Row(
                T1,
                ATLAS,
                FRIDAY,
                HELD,
                TOOL,
                said(("user_feedback", 1.0, "unknown", ROOT), ("hallucination", 0.0, "unknown", ROOT)),
            )
        ],
    ),
    "langfuse download": (
        "langfuse",
        ["langfuse/trace_download_legacy.json"],
        [Row(T2, GLOBE, FREE, feedback=said(("user_feedback", False, "unknown", None)))],
    ),
    "langfuse API v2 and v3": (
        "langfuse",
        ["langfuse/api_v3_scores.json", "langfuse/api_v2_observations_page2.json",
         "langfuse/api_v2_observations_page1.json"],
        [
            Row(T1, ATLAS, FRIDAY, HELD, feedback=SCORES[0]),
            Row(T2, GLOBE, FREE, feedback=SCORES[1], reference=CORRECTED),
        ],
    ),
    "langfuse API v1": ("langfuse", ["langfuse/api_v1_traces_legacy.json"], LEGACY),
    "langfuse scores v2 beside an export": (
        "langfuse",
        ["langfuse/ui_export_events.jsonl", "langfuse/api_v2_scores_legacy.json"],
        [
            Row(
                T1,
                ATLAS,
                FRIDAY,
                HELD,
                TOOL,
                said(
                    ("user_feedback", True, "unknown", None),
                    ("hallucination", 0.0, "unknown", ROOT),
                    ("tone", "friendly", "expert", CALL),
                ),
            )
        ],
    ),
    "langfuse object storage": (
        "langfuse",
        ["langfuse/blob_traces.jsonl", "langfuse/blob_scores.jsonl"],
        [Row(T2, GLOBE, "Small ones cost two pounds.", feedback=said(("user_feedback", False, "unknown", None)))],
    ),
    "langsmith": (
        "langsmith",
        ["langsmith/runs.jsonl", "langsmith/feedback.jsonl", "langsmith/dataset_examples.jsonl"],
        [
            Row(RUN_1, ATLAS, FRIDAY, HELD, feedback=said(("user_score", 1.0, "unknown", None))),
            Row(
                RUN_2,
                GLOBE,
                FREE,
                feedback=said(("user_score", 0.0, "expert", None)),
                reference="Show it at the desk; small scratches cost two pounds.",
            ),
        ],
    ),
    "phoenix REST": (
        "phoenix",
        ["phoenix/rest_span_annotations.json", "phoenix/rest_spans.json"],
        [
            PHOENIX._replace(
                feedback=said(("user_feedback", "thumbs_up", "user", ROOT), ("faithfulness", "pass", "model", CALL))
            )
        ],
    ),
    "phoenix data frame": ("phoenix", ["phoenix/spans_dataframe.jsonl"], [PHOENIX]),
    "otlp GenAI": (
        "otlp",
        ["otlp/traces_genai.jsonl", "otlp/logs_genai_evaluation.jsonl"],
        [
            Row(
                T1,
                [
                    SYSTEM,
                    {"role": "user", "content": ATLAS},
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "call_a",
                                "type": "function",
                                "function": {"name": "find_copy", "arguments": {"copy_id": "LN-77"}},
                            }
                        ],
                    },
                    {
                        "role": "tool",
                        "content": '{"status":"on_the_hold_shelf"}',
                        "tool_call_id": "call_a",
                    },
                ],
                FRIDAY,
                tools=TOOL,
                feedback=said(("faithfulness", "pass", "unknown", CALL)),
            ),
            Row(T2, GLOBE, FREE),
        ],
    ),
    "otlp OpenInference": ("otlp", ["otlp/traces_openinference.jsonl"], [PHOENIX._replace(tools=ASKED_FOR)]),
    "otlp content in events": (
        "otlp",
        ["otlp/traces_content_elsewhere.jsonl", "otlp/logs_content.jsonl"],
        [
            Row("abcdefabcdefabcdefabcdefabcdef03", "Do you have a piano?", "Two, on the third floor."),
            Row(
                "abcdefabcdefabcdefabcdefabcdef01",
                [
                    {"role": "system", "content": "Answer briefly."},
                    {"role": "user", "content": "How late are you open?"},
                ],
                "Until eight, on weekdays.",
            ),
            Row("abcdefabcdefabcdefabcdefabcdef02", "Is there a lift?", "Yes, beside the stairs."),
        ],
    ),
    "mlflow": (
        "mlflow",
        ["mlflow/trace.json"],
        [
            Row(
                "tr-3d5e7f90a1b2c3d4e5f60718293a4b5c",
                "When may I collect the atlas LN-77?",
                "It is back in Leith; collect it from Friday at 10:00.",
                "LN-77: returned to Leith at 16:40.",
                TOOL,
                said(("user_feedback", True, "user", None), ("faithfulness", "yes", "model", None)),
                "From Friday at 10:00.",
            )
        ],
    ),
    "mlflow schema 2, and a failed one": (
        "mlflow",
        ["mlflow/schema2_and_failed.jsonl"],
        [Row("tr-old-0001", "Is the map room heated?", "Yes, from October to April.")],
    ),
}  # fmt: skip


def read(format: str, *files: Path) -> tuple[list[Trace], list[Dropped], Tally]:
    tally = Tally()
    found = list(find_format(format).read(files, tally))
    return (
        [one for one in found if isinstance(one, Trace)],
        [one for one in found if isinstance(one, Dropped)],
        tally,
    )


def row_of(trace: Trace) -> Row | None:
    census = Census()
    census.add(trace)
    made = [one for one in interactions_of(trace, census.proposal(trace.format)) if isinstance(one, Interaction)]
    if not made:
        return None
    (item,) = made
    heard = frozenset((one.name, one.value, one.source, one.target) for one in trace.feedback)
    tools = tuple(item.metadata.get("tool_calls", ()))
    return Row(item.id, item.input, item.output, item.context, tools, heard, item.reference)


@pytest.mark.parametrize("case", TABLE)
def test_what_a_fixture_holds(case: str) -> None:
    format, names, expected = TABLE[case]
    files = [FIXTURES / name for name in names]
    assert all(find_format(format).recognises(sample_of(file)) for file in files)
    traces, dropped, _ = read(format, *files)
    assert dropped == []
    assert [row for trace in traces if (row := row_of(trace)) is not None] == expected


@pytest.mark.parametrize("case", TABLE)
def test_it_is_recognised_by_its_content(case: str, tmp_path: Path) -> None:
    format, names, _ = TABLE[case]
    for name in names:
        (tmp_path / "x").write_bytes((FIXTURES / name).read_bytes())
        (tmp_path / "x.gz").write_bytes(gzip.compress((FIXTURES / name).read_bytes()))
        for file in ("x", "x.gz"):
            with recognised([str(tmp_path / file)]) as found:
                assert found.format is not None
                assert found.format.name == format


def test_the_ids_that_scores_are_sent_back_by() -> None:
    (trace, *_), _, _ = read("langfuse", FIXTURES / "langfuse/api_v2_observations_page1.json")
    assert (trace.project, trace.conversation, trace.user) == ("proj-lantern", "visit-41-a", "reader-41")
    assert trace.tags == ("loans", "holds")
    (run, _), _, _ = read("langsmith", FIXTURES / "langsmith/runs.jsonl")
    assert (run.project, run.conversation) == ("99990000-aaaa-4bbb-8ccc-ddddeeeeffff", "visit-41-a")
    (flow,), _, _ = read("mlflow", FIXTURES / "mlflow/trace.json")
    assert [span.id for span in flow.spans] == [
        "10aa20bbcc0c9306",
        "10aa21bbcc0c9306",
        "10aa22bbcc0c9306",
        "10aa23bbcc0c9306",
    ]
    assert flow.project == "1"


def test_files_of_one_platform_complete_one_another() -> None:
    files = sorted((FIXTURES / "langfuse").iterdir())
    traces, dropped, tally = read("langfuse", *files)
    assert dropped == []
    assert {trace.id: len(trace.spans) for trace in traces} == {T1: 4, T2: 1, T3: 0}
    globe = next(trace for trace in traces if trace.id == T2)
    # The export's column knows no id; the score that the API has of the same name and value is the same.
    (thumb,) = [one for one in globe.feedback if one.name == "user_feedback"]
    assert (thumb.comment, thumb.value) == ("The desk wanted to see it after all", False)
    assert any("taken once" in note for note in tally.notes)


def test_two_raters_in_one_column_are_two() -> None:
    traces, _, _ = read("langfuse", FIXTURES / "langfuse/ui_export_traces.jsonl")
    raters = [one.annotator for one in traces[1].feedback if one.name == "hallucination"]
    assert raters == ["rater 1", "rater 2"]


def test_feedback_of_traces_that_are_not_there_is_dropped_and_said() -> None:
    for format, name, count in (
        ("langfuse", "langfuse/api_v3_scores.json", 5),
        ("langsmith", "langsmith/feedback.jsonl", 2),
        ("phoenix", "phoenix/rest_span_annotations.json", 2),
        ("otlp", "otlp/logs_genai_evaluation.jsonl", 1),
    ):
        traces, dropped, _ = read(format, FIXTURES / name)
        assert traces == []
        assert len(dropped) == count
        assert all(one.reason.startswith("no trace: ") and one.line for one in dropped)


def test_a_failed_trace_says_why_and_gives_no_interaction() -> None:
    traces, _, tally = read("mlflow", FIXTURES / "mlflow/schema2_and_failed.jsonl")
    assert traces[1].error == "the catalogue is down"
    assert [(one.value, one.comment) for one in traces[1].feedback] == [(False, "no answer at all")]
    assert tally.notes == {"assessments that were overridden: left out": 1}
    (reason,) = interactions_of(traces[1], Census().proposal("mlflow"))
    assert str(reason) == "no output: the trace failed (the catalogue is down)"


def test_spans_on_any_line_and_in_any_order(tmp_path: Path) -> None:
    lines = (FIXTURES / "otlp/traces_genai.jsonl").read_text().splitlines()
    shuffled = tmp_path / "shuffled.jsonl"
    shuffled.write_text("\n".join(reversed(lines)))
    straight, _, _ = read("otlp", FIXTURES / "otlp/traces_genai.jsonl")
    turned, _, _ = read("otlp", shuffled)
    assert sorted(turned, key=lambda t: t.id) == sorted(straight, key=lambda t: t.id)


def test_a_bad_line_costs_only_itself(tmp_path: Path) -> None:
    good = (FIXTURES / "otlp/traces_genai.jsonl").read_text().splitlines()
    bad = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "no ids"}, 7]}]}]})
    file = tmp_path / "spans.jsonl"
    file.write_text("\n".join([good[0], "{broken", *good[1:], "[]", bad, '{"other": 1}']))
    traces, dropped, _ = read("otlp", file)
    assert len(traces) == 2
    assert [(one.line, one.reason.partition(":")[0]) for one in dropped] == [
        (2, "not JSON"),
        (5, "not OTLP"),
        (6, "no ids"),
        (6, "not an object"),
        (7, "not OTLP"),
    ]
