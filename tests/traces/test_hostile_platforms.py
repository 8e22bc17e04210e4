"""Readers of platforms on what they should not get: cut, of wrong types, huge, deep, hostile. They never crash, and
nothing is lost in silence.
"""

from __future__ import annotations

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dikast.errors import DataError
from dikast.interactions.rows import Tally
from dikast.journey.importing import Import, ImportRequest, contract_line
from dikast.records import Interaction
from dikast.traces.census import Census
from dikast.traces.formats import Dropped, find_format
from dikast.traces.projection import interactions_of
from dikast.traces.recognising import sample_of
from dikast.traces.trace import Trace

FIXTURES = Path(__file__).parent / "fixtures"
LINES = {  # files with one record a line, each of which ends in a trace, a span or among what was dropped
    "langfuse": "langfuse/ui_export_traces.jsonl",
    "langfuse events": "langfuse/ui_export_events.jsonl",
    "langsmith": "langsmith/runs.jsonl",
    "phoenix": "phoenix/spans_dataframe.jsonl",
    "otlp": "otlp/traces_genai.jsonl",
    "mlflow": "mlflow/schema2_and_failed.jsonl",
}
OTHERS = {
    "langfuse scores": "langfuse/api_v3_scores.json",
    "langfuse download": "langfuse/trace_download_legacy.json",
    "langfuse table": "langfuse/ui_export_traces.csv",
    "langsmith feedback": "langsmith/feedback.jsonl",
    "phoenix spans": "phoenix/rest_spans.json",
    "phoenix otlp": "phoenix/rest_spans_otlpv1.json",
    "phoenix annotations": "phoenix/rest_span_annotations.json",
    "otlp logs": "otlp/logs_content.jsonl",
    "otlp elsewhere": "otlp/traces_content_elsewhere.jsonl",
    "mlflow trace": "mlflow/trace.json",
}
EVERY = LINES | OTHERS

DEEP: Any = "x"
for _ in range(150):
    DEEP = [DEEP]
ODD = st.sampled_from(
    [None, True, 0, -1, 2**70, 1e308, "", " ", "\u0000", "\ud800", "NaN", "[1", "{}", "[]", '"', "9" * 400, [], {},
     [[]], [None], {"": {"": None}}, [{"role": []}], {"role": "user", "parts": 7}, "\u202e" * 9, DEEP, "x" * 5000]
) | st.text(max_size=9) | st.floats(allow_nan=False)  # fmt: skip


def read(case: str, data: bytes) -> tuple[list[Trace], list[Dropped], Tally]:
    """What a reader makes of some bytes, projected under every unit, with the sample that it is recognised by."""
    reader, tally = find_format(case.split()[0]), Tally()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        try:
            reader.recognises(sample_of(path))
            found = list(reader.read((path,), tally))
        except DataError:
            return [], [Dropped("file", 0, "refused: as a whole", "")], tally
    traces = [one for one in found if isinstance(one, Trace)]
    census = Census()
    for trace in traces:
        census.add(trace)
        for one in interactions_of(trace, census.proposal(trace.format)):
            assert isinstance(one, Interaction) or ": " in str(one)
    return traces, [one for one in found if isinstance(one, Dropped)], tally


def imported(case: str, data: bytes) -> None:
    """The whole way: read, put aside, projected, counted and written, with every byte that can't be read rejected."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.jsonl"
        path.write_bytes(data)
        request = ImportRequest(
            sources=(str(path),), name="x", format=case.split()[0], rejects=Path(folder) / "rejects.jsonl"
        )
        with Import(request) as found:
            lines = [contract_line(item) for item in found]
            assert all(json.loads(line)["id"] for line in lines)
            report = found.report
            assert report.interactions == len(lines)
            assert len((Path(folder) / "rejects.jsonl").read_text().splitlines() if report.dropped else []) == sum(
                report.dropped.values()
            )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, part in below for place in places(part, (*path, key)))]


def changed(value: Any, place: tuple[Any, ...], by: Any) -> Any:
    """A copy with something else in one place."""
    if not place:
        return by
    whole = copy.deepcopy(value)
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = by
    return whole


@pytest.mark.parametrize("case", LINES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_wrong_values_anywhere(case: str, data: st.DataObject) -> None:
    lines = [json.loads(line) for line in (FIXTURES / LINES[case]).read_text().splitlines()]
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = changed(lines[at], data.draw(st.sampled_from(places(lines[at]))), data.draw(ODD))
    text = "\n".join(json.dumps(line) for line in lines)
    imported(case, text.encode())
    traces, dropped, _ = read(case, text.encode())
    accounted = sum(max(1, len(trace.spans)) for trace in traces) + len(dropped)
    # What has nothing left in it, not even a wrong value, may well give nothing.
    emptied = lines[at] in ({}, []) or '"scopeSpans": []' in text or '"spans": []' in text or "{}]" in text
    assert accounted >= len(lines) - emptied


@pytest.mark.parametrize("case", OTHERS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_wrong_values_in_the_other_files(case: str, data: st.DataObject) -> None:
    raw = (FIXTURES / EVERY[case]).read_text()
    if EVERY[case].endswith(".csv"):
        at = data.draw(st.integers(0, len(raw)))
        read(case, (raw[:at] + data.draw(st.text(max_size=9)) + raw[at:]).encode("utf-8", "surrogatepass"))
        return
    first = json.loads(raw if EVERY[case].endswith(".json") else raw.splitlines()[0])
    read(case, json.dumps(changed(first, data.draw(st.sampled_from(places(first))), data.draw(ODD))).encode())


@pytest.mark.parametrize("case", EVERY)
def test_cut_anywhere_the_rest_is_read_and_the_cut_is_said(case: str) -> None:
    raw = (FIXTURES / EVERY[case]).read_bytes()
    for at in range(1, len(raw), max(1, len(raw) // 12)):
        traces, dropped, _ = read(case, raw[:at])
        only_a_header = EVERY[case].endswith(".csv") and b"\n" not in raw[:at]
        assert traces or dropped or only_a_header, raw[:at][-80:]
        if EVERY[case].endswith("l") and raw[at - 1 : at + 1].strip(b"\n") and not raw[:at].endswith(b"}\n"):
            whole = raw[:at].rstrip().endswith(b"}") and raw[at:].startswith(b"\n")
            assert dropped or whole


@pytest.mark.parametrize("case", EVERY)
def test_noise_and_foreign_files_are_refused_or_dropped(case: str) -> None:
    for data in (b"\x00\xff" * 500, b"{" * 5000, b"[" * 5000, b"\xef\xbb\xbf{}", b"null\n1\n[]\n",
                 b'[{"a": 1}, 7, null]',
                 b'{"data": 7}', b'{"data": [7, {"x": []}]}', "{\"é\": \"".encode("latin-1")):  # fmt: skip
        traces, dropped, _ = read(case, data)
        assert traces == []
        assert dropped or data == b"\x00\xff" * 500


@pytest.mark.parametrize("case", ["langfuse", "langsmith", "phoenix", "otlp", "mlflow"])
def test_a_megabyte_in_a_value_and_ten_thousand_keys(case: str) -> None:
    line = json.loads((FIXTURES / LINES[case]).read_text().splitlines()[0])
    line["huge"] = "x" * 3_000_000
    line |= {f"key {number}": [number] for number in range(10_000)}
    traces, dropped, _ = read(case, json.dumps(line).encode())
    assert len(traces) + len(dropped) == 1


def test_numbered_keys_make_no_list_of_their_size() -> None:
    span = {
        "context": {"trace_id": "t", "span_id": "s"},
        "span_kind": "LLM",
        "attributes": {
            "llm.input_messages.999999999.message.role": "user",
            "llm.input_messages.999999999.message.content": "far away",
            "llm.input_messages.-1.message.role": "user",
            "llm.output_messages" + ".0" * 5000: "deep",
            "retrieval.documents.0": "text",
            "retrieval.documents.0.document.content": "both",
        },
    }
    traces, dropped, _ = read("phoenix", json.dumps(span).encode())
    assert (len(traces), dropped) == (1, [])


def test_parents_in_a_circle_and_spans_of_one_id(tmp_path: Path) -> None:
    def span(id: str, parent: str | None) -> str:
        context = {"trace_id": "t", "span_id": id}
        return json.dumps({"context": context, "span_kind": "LLM", "parent_id": parent, "attributes": {}})

    data = "\n".join([span("a", "b"), span("b", "a"), span("c", "c"), span("d", None), span("d", "c")])
    (trace,), dropped, tally = read("phoenix", data.encode())
    assert {one.id for one in trace.spans} == {"a", "b", "c", "d"}
    assert dropped == []
    assert tally.notes == {"spans with the id of another one in their trace: the last one counts": 1}


def test_ten_thousand_spans_in_a_chain() -> None:
    spans = (
        {"context": {"trace_id": "t", "span_id": str(n)}, "span_kind": "CHAIN", "parent_id": str(n - 1)}
        for n in range(10_000)
    )
    (trace,), _, _ = read("phoenix", "\n".join(map(json.dumps, spans)).encode())
    assert [one.id for one in trace.spans[:3]] == ["0", "1", "2"]
