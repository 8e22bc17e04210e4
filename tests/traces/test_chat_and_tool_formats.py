"""Every format of chat programs, gateways and evaluation tools, each fixture against a table of what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import exported
import pytest
from exported import DESK, HELD, HOURS, NOON, POSTED, RULES, UMBRELLA

from dikast.errors import DataError
from dikast.interactions.rows import Tally
from dikast.records import Interaction
from dikast.traces.formats import BUILT_IN, Dropped, find_format, known_formats
from dikast.traces.mapping import Mapping
from dikast.traces.projection import interactions_of
from dikast.traces.recognising import sample_of
from dikast.traces.trace import Trace


class Row(NamedTuple):
    """What a trace holds: its messages by role, what was asked first and answered last, and what was said of it."""

    id: str | None
    roles: str
    first_input: Any
    last_output: Any
    tools: tuple[str, ...] = ()
    feedback: tuple[tuple[str, Any, str, str | None], ...] = ()
    alternatives: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    reference: Any = None


def row_of(trace: Trace) -> Row:
    asked = [one["content"] for one in trace.messages if one["role"] == "user"]
    said = [one["content"] for one in trace.messages if one["role"] == "assistant"]
    calls = [call["function"]["name"] for one in trace.messages for call in one.get("tool_calls", ())]
    return Row(
        trace.id,
        "".join(one["role"][0] for one in trace.messages),
        asked[0] if asked else trace.input,
        said[-1] if said else trace.output,
        tuple(calls),
        tuple((one.name, one.value, one.source, one.target) for one in trace.feedback),
        tuple(other[-1]["content"] for others in trace.alternatives.values() for other in others),
        tuple(part["content"] for span in trace.spans if span.kind == "retrieval" for part in span.output),
        trace.reference,
    )


IMAGE = {"type": "image_asset_pointer", "name": "file-service://umbrella"}
TIMETABLE = "Added a timetable.\n\n```python\ntimetable = {}\n```"
EDIT = {"prompt": "Rename n to stops", "previousCode": "n = 3\n"}
TYPED = {"prefix": "def first(line):\n    return ", "suffix": "\n"}
SORT = "Sort the stops by <line>"
CHAT_1 = (("rating", True, "user", "a3"),)
CHATGPT = [
    Row("conv-1", "uataua", [IMAGE, {"type": "text", "text": UMBRELLA}], NOON, ("search",), CHAT_1, (POSTED,)),
    Row("conv-1/a0", "ua", "umbrella?", "What about it?", (), (("rating", False, "user", "a0"),)),
    Row("conv-2", "ua", HOURS, NOON),
]
INSPECT = [
    Row("uuid-s-1", "sua", UMBRELLA, HELD, (), (("match", "C", "code", None),), reference="Elm Street"),
    Row("uuid-s-2", "sua", HOURS, POSTED, (), (("match.fact", "I", "code", None), ("match.tone", 4, "code", None)),
        reference="noon"),
]  # fmt: skip
PROMPTFOO = [
    Row("pf-1", "ua", UMBRELLA, HELD, (), (("llm-rubric", True, "model", None), ("human", False, "expert", None),
                                           ("desk", True, "code", None), ("brevity", 0.5, "unknown", None))),
    Row("pf-2", "", [{"role": "system", "content": RULES}, {"role": "user", "content": HOURS}], {"opens": "eight"}, (),
        (("pass", True, "code", None),)),
    Row("pf-3", "", HOURS, None),
]  # fmt: skip
FAIL, PASS = ("verdict", "fail", "expert", None), ("verdict", "pass", "expert", None)
KIM, LEE = ("faithful", "fail", "expert", None), ("faithful", "pass", "expert", None)
SUGGESTED = ("faithful", "pass", "model", None)
STARS = ("stars", 2, "expert", None)
WEBUI_1 = Row("chat-1", "uaua", UMBRELLA, NOON, (), CHAT_1, (POSTED,), (DESK,))

EXPECTED: dict[str, list[Row]] = {
    "continue": [
        Row(None, "ua", "Hello", "Hi.", (), (("feedback", True, "user", None),)),
        Row(None, "sua", SORT, "sorted(stops)", (), (("feedback", False, "user", None),)),
        Row(None, "suaua", SORT, "sorted(stops, reverse=True)"),
        Row(None, "", EDIT, "stops = 3\n", (), (("accepted", True, "user", None),)),
        Row("c-1", "", TYPED, "line[0]", (), (("accepted", False, "user", None),)),
        Row("s-2", "ua", "Which stops?", "None yet.", context=("stops = []",)),
    ],
    "cursor": [
        Row("chat-0", "ua", HOURS, NOON),
        Row("chat-1", "uata", "Add a timetable to app.py", TIMETABLE, ("read_file",)),
        Row(None, "uau", HOURS, f"{NOON}\n\n---\n\nClosed on Sunday."),
    ],
    "openwebui": [
        WEBUI_1,
        Row("chat-1/a1", "ua", UMBRELLA, POSTED, (),
            (("rating", False, "user", "a1"), ("details.rating", 3, "user", "a1"))),
    ],
    "openwebui_feedback": [
        WEBUI_1,
        Row("chat-1/a1", "ua", UMBRELLA, POSTED, (), (("rating", False, "user", "a1"),)),
    ],
    "lmstudio": [Row("1772434800000", "suata", UMBRELLA, HELD, ("find",), (), (POSTED,))],
    "claude_code": [
        Row("session-1", "uattaua", UMBRELLA, NOON, ("Read", "Read")),
        Row("session-1/u2", "uattaua", UMBRELLA, "Yes.", ("Read", "Read")),
        Row("session-1/ag1", "ua", "Find the desk.", "Elm Street."),
    ],
    "chatgpt": CHATGPT,
    "chatgpt_zip": CHATGPT,
    "openai_chat": [
        Row(None, "suata", UMBRELLA, HELD, ("find",)),
        Row(None, "ua", [{"type": "text", "text": HOURS}, {"type": "image_url", "image_url": {
            "url": "data:image/png;base64,AAAAAAAAAAAAAAAAAA… [5,022 characters left out]"}}], NOON),
        Row(None, "ua", UMBRELLA, HELD, (), (), (POSTED,)),
    ],
    "sharegpt": [Row("sg-1", "suata", UMBRELLA, HELD, ("find",)), Row(None, "ua", HOURS, NOON)],
    "openai_stored": [
        Row("chatcmpl-7", "ua", UMBRELLA, HELD, (), (), (POSTED,)),
        Row("chatcmpl-8", "a", None, HELD),
    ],
    "batch": [Row("item-1", "ua", UMBRELLA, HELD), Row("an-1", "sua", HOURS, NOON)],
    "openai_evals": [
        Row("outputitem-1", "ua", UMBRELLA, POSTED, (), (("desk-1a2b", False, "code", None),), reference=HELD)
    ],
    "openai_evals_log": [
        Row("2603:desk.dev.0", "ua", HOURS, NOON, (), (("match", True, "code", None),), reference="noon")
    ],
    "litellm": [Row("rq-1", "ua", UMBRELLA, HELD), Row("rq-3", "ua", UMBRELLA, HELD)],
    "helicone": [
        Row("hq-1", "ua", UMBRELLA, HELD, (), (("feedback", False, "user", None), ("helpful", 40, "unknown", None))),
        Row("hq-2", "sua", HOURS, NOON),
    ],
    "inspect_json": INSPECT,
    "inspect_eval": INSPECT,
    "promptfoo": PROMPTFOO,
    "promptfoo_lines": PROMPTFOO,
    "argilla": [
        Row("r-1", "", UMBRELLA, POSTED, (), (KIM, LEE, SUGGESTED), (), (DESK,)),
        Row("r-2", "", HOURS, NOON),
    ],
    "argilla_flat": [
        Row("r-1", "", UMBRELLA, POSTED, (), (KIM, SUGGESTED))
    ],
    "labelstudio": [Row("5", "", UMBRELLA, POSTED, (), (FAIL, STARS, ("verdict", "pass", "model", None)))],
    "labelstudio_min": [Row("5", "", UMBRELLA, POSTED, (), (FAIL, STARS, PASS, STARS))],
    "labelstudio_csv": [Row("5", "", UMBRELLA, POSTED, (), (STARS, FAIL))],
}  # fmt: skip

DROPPED = {
    "cursor": ["deleted"],
    "batch": ["no answer", "no answer", "no answer"],
    "litellm": ["no text"],
    "helicone": ["no text"],
}

NOTED = {
    "continue": {"events that hold no answer: toolUsage, not read": 1,
                 "answers that stand in two files or twice, read once": 1},
    "cursor": {"messages without content, left out (deleted)": 2, "reasoning of the model left out": 1,
               "messages that a chat lists and the database doesn't hold": 1,
               "messages of chats that are not in the database, left out": 1},
    "openwebui_feedback": {"earlier snapshots of a chat, left out for the newest": 1},
    "chatgpt": {"thumbs for conversations that are not in the files": 1,
                "branches that a user left by asking again, read as traces of their own": 1},
    "claude_code": {"sessions that another file continues, left out": 1,
                    "lines that the program wrote in the user's name, not read": 2},
    "labelstudio": {"annotations that were cancelled, not read": 1},
    "argilla_flat": {"responses that were drafts or discarded, not read": 1},
    "openai_stored": {"completions whose messages are in none of the files: without an input": 1},
}  # fmt: skip


def read(name: str, folder: Path) -> tuple[list[Trace], list[Dropped], Tally]:
    format, write = exported.WRITERS[name]
    tally = Tally()
    found = list(find_format(format).read(tuple(write(folder)), tally))
    assert {one.format for one in found if isinstance(one, Trace)} <= {format}
    traces = [one for one in found if isinstance(one, Trace)]
    return traces, [one for one in found if isinstance(one, Dropped)], tally


@pytest.mark.parametrize("name", exported.WRITERS)
def test_what_is_in_it(name: str, tmp_path: Path) -> None:
    traces, dropped, tally = read(name, tmp_path)
    rows = [row_of(trace) for trace in traces]
    assert [row._replace(id=known.id and row.id) for row, known in zip(rows, EXPECTED[name], strict=True)] == EXPECTED[
        name
    ]
    assert len({trace.id for trace in traces}) == len(traces)
    assert [one.reason.partition(":")[0] for one in dropped] == DROPPED.get(name, [])
    assert all(one.file and one.line for one in dropped)
    assert tally.notes.items() >= NOTED.get(name, {}).items()
    assert tally.read


@pytest.mark.parametrize("name", exported.WRITERS)
def test_read_twice_is_the_same(name: str, tmp_path: Path) -> None:
    assert read(name, tmp_path / "one")[0] == read(name, tmp_path / "two")[0]


@pytest.mark.parametrize("name", exported.WRITERS)
def test_each_file_is_recognised_by_one_format(name: str, tmp_path: Path) -> None:
    format, write = exported.WRITERS[name]
    for path in write(tmp_path):
        sample = sample_of(path)
        assert [one for one, known in known_formats().items() if known.recognises(sample)] == [format], path.name


def test_plain_interactions_are_in_no_format(tmp_path: Path) -> None:
    chat = [{"role": "user", "content": HOURS}]
    plain = exported.lines(tmp_path / "a.jsonl", {"id": "1", "input": UMBRELLA, "output": HELD},
                           {"input": chat, "output": NOON, "label": "pass"})  # fmt: skip
    sample = sample_of(plain)
    assert [name for name, known in known_formats().items() if known.recognises(sample)] == []


def test_folders_are_read_whole(tmp_path: Path) -> None:
    for name, format in (("claude_code", "claude-code"), ("continue", "continue"), ("lmstudio", "lmstudio")):
        folder = tmp_path / name
        exported.WRITERS[name][1](folder)
        (folder / "notes.txt").write_text("x")
        tally = Tally()
        found = [one for one in find_format(format).read((folder,), tally) if isinstance(one, Trace)]
        assert len(found) == len(EXPECTED[name])
        assert any("other files in the folder" in note for note in tally.notes)


class TestBranches:
    def test_feedback_goes_with_the_answer_it_is_about(self, tmp_path: Path) -> None:
        kept, left = read("openwebui", tmp_path)[0]
        assert kept.since is None
        assert left.since == "a1"
        assert left.feedback[0].comment == "not_factually_correct: nothing is posted"
        assert left.conversation == "chat-1"

    def test_what_two_sessions_share_is_new_in_one(self, tmp_path: Path) -> None:
        shared = exported.claude_code(tmp_path)
        line = exported.json.loads(shared[1].read_text().splitlines()[1])
        told = [
            {**line, "uuid": "f1", "parentUuid": "a5", "sessionId": "session-0", "timestamp": "2026-03-01T00:00:00Z"},
            {**line, "uuid": "f2", "parentUuid": "f1", "type": "assistant", "sessionId": "session-0",
             "timestamp": "2026-03-01T00:00:01Z", "message": {"id": "m-7", "role": "assistant", "content": "Forked."}},
        ]  # fmt: skip
        shared[0].write_text(shared[0].read_text() + "".join(exported.json.dumps(one) + "\n" for one in told))
        traces = {
            one.id: one for one in find_format("claude-code").read(tuple(shared), Tally()) if isinstance(one, Trace)
        }
        assert traces["session-0"].since == "m-7"
        assert traces["session-0"].messages[0]["content"] == UMBRELLA


class TestOtherVersions:
    def test_promptfoo_2(self, tmp_path: Path) -> None:
        row = {
            "provider": {"id": "p"},
            "prompt": {"raw": HOURS},
            "vars": {},
            "response": {"output": NOON},
            "success": True,
        }
        whole = {
            "results": {"version": 2, "results": [row], "table": {"head": {}, "body": []}, "stats": {}},
            "config": {},
        }
        path = exported.whole(tmp_path / "v2.json", whole)
        assert find_format("promptfoo").recognises(sample_of(path))
        (trace,) = find_format("promptfoo").read((path,), Tally())
        assert isinstance(trace, Trace)
        assert (trace.input, trace.output) == (HOURS, NOON)

    def test_events_of_continue_that_were_posted(self, tmp_path: Path) -> None:
        data = {"prompt": f"<user>\n{HOURS}\n\n", "completion": NOON, "modelTitle": "m", "sessionId": "s"}
        posted = {"name": "chatInteraction", "data": data, "schema": "0.2.0", "level": "all", "profileId": "local"}
        without = {"eventName": "chatInteraction", "schema": "0.2.0", "modelTitle": "m", "sessionId": "s"}
        path = exported.lines(tmp_path / "posted.jsonl", posted, without)
        assert find_format("continue").recognises(sample_of(path))
        trace, dropped = find_format("continue").read((path,), Tally())
        assert isinstance(trace, Trace)
        assert [one["content"] for one in trace.messages] == [HOURS, NOON]
        assert isinstance(dropped, Dropped)
        assert dropped.reason.startswith("no text: written at the level noCode")

    def test_a_chat_of_open_webui_by_itself_and_flat(self, tmp_path: Path) -> None:
        flat = [{"role": "user", "content": HOURS}, {"role": "assistant", "content": NOON}]
        path = exported.whole(tmp_path / "chat.json", {"id": "c", "chat": {"models": ["m"], "messages": flat}})
        assert find_format("openwebui").recognises(sample_of(path))
        (trace,) = find_format("openwebui").read((path,), Tally())
        assert isinstance(trace, Trace)
        assert [one["content"] for one in trace.messages] == [HOURS, NOON]


def test_a_conversation_in_which_nothing_was_said_is_counted(tmp_path: Path) -> None:
    path = exported.whole(tmp_path / "conversations.json", [{"id": "c", "mapping": {"a": {"message": None}}}])
    tally = Tally()
    assert list(find_format("chatgpt").read((path,), tally)) == []
    assert tally.notes == {"conversations in which nothing was said, left out": 1}


class TestInteractions:
    def projected(self, name: str, folder: Path, **mapping: Any) -> list[Interaction]:
        traces = read(name, folder)[0]
        made = [one for trace in traces for one in interactions_of(trace, Mapping(unit="turn", **mapping))]
        return [one for one in made if isinstance(one, Interaction)]

    @pytest.mark.parametrize(
        ("name", "ids"),
        [("openwebui", ["chat-1:a2", "chat-1:a3", "chat-1/a1:a1"]),
         ("chatgpt", ["conv-1:a1", "conv-1:a3", "conv-1/a0:a0", "conv-2:n"]),
         ("claude_code", ["session-1:m-2", "session-1:m-4", "session-1/u2:m-3", "session-1/ag1:m-9"])],
    )  # fmt: skip
    def test_what_branches_share_is_one_interaction(self, name: str, ids: list[str], tmp_path: Path) -> None:
        assert [one.id for one in self.projected(name, tmp_path)] == ids

    def test_what_was_retrieved_for_one_answer_is_the_context_of_no_other(self, tmp_path: Path) -> None:
        assert [one.context for one in self.projected("openwebui", tmp_path)] == [DESK, None, None]

    @pytest.mark.parametrize("name", ["openwebui", "lmstudio", "chatgpt", "openai_chat", "openai_stored"])
    def test_regenerations_are_pairs(self, name: str, tmp_path: Path) -> None:
        traces = read(name, tmp_path)[0]
        made = [one for trace in traces for one in interactions_of(trace, Mapping(unit="pair"))]
        (pair,) = [one for one in made if isinstance(one, Interaction)]
        assert pair.output_b == POSTED
        kept = pair.output_a[-1]["content"] if isinstance(pair.output_a, list) else pair.output_a
        assert kept == HELD


class TestSecrets:
    def test_a_database_that_was_cut_is_not_taken_for_an_empty_one(self, tmp_path: Path) -> None:
        whole = exported.cursor_database(tmp_path / "whole.vscdb").read_bytes()
        (tmp_path / "state.vscdb").write_bytes(whole[:-480])
        with pytest.raises(DataError, match="cut off"):
            list(known_formats()["cursor"].read((tmp_path / "state.vscdb",), Tally()))

    def test_the_account_of_cursor_is_never_read(self, tmp_path: Path) -> None:
        traces, dropped, tally = read("cursor", tmp_path)
        assert exported.TOKEN not in repr((traces, dropped, tally))

    def test_the_copy_is_gone_and_the_database_as_it_was(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "tmp").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
        path = exported.cursor_database(tmp_path / "state.vscdb")
        before = {one.name: one.read_bytes() for one in tmp_path.glob("state*")}
        assert [one for one in find_format("cursor").read((path,), Tally()) if isinstance(one, Trace)]
        assert {one.name: one.read_bytes() for one in tmp_path.glob("state*")} == before
        assert list((tmp_path / "tmp").iterdir()) == []

    def test_no_key_of_litellm_even_among_the_rejects(self, tmp_path: Path) -> None:
        traces, dropped, _ = read("litellm", tmp_path)
        assert dropped[0].raw
        assert exported.KEY_HASH not in repr((traces, dropped))

    def test_nor_what_stands_in_the_headers_of_a_request(self, tmp_path: Path) -> None:
        headers = '{"headers":{"Authorization":"Bearer sk-not-real","x-api-key":"sk-nor-this"}}'
        row = {"request_id": "r", "call_type": "c", "spend": 0, "proxy_server_request": headers}
        path = exported.whole(tmp_path / "spend.json", [row])
        (dropped,) = find_format("litellm").read((path,), Tally())
        assert isinstance(dropped, Dropped)
        assert "headers" in dropped.raw
        assert "sk-no" not in dropped.raw

    def test_nor_of_a_line_that_is_cut(self, tmp_path: Path) -> None:
        path = exported.litellm(tmp_path)[0]
        text = path.read_bytes()
        for end in range(50, 400, 7):
            path.write_bytes(text[:end])
            assert exported.KEY_HASH[:20] not in repr(list(find_format("litellm").read((path,), Tally())))


class TestMarkdownOfCursor:
    def test_a_rule_inside_an_answer_parts_nothing(self, tmp_path: Path) -> None:
        traces, _, _ = read("cursor", tmp_path)
        assert traces[-1].messages[1]["content"].endswith("Closed on Sunday.")
        assert traces[-1].name == "Desk"


def test_an_archive_without_its_header_is_read(tmp_path: Path) -> None:
    path = exported.inspect_eval(tmp_path)[0]
    crashed = tmp_path / "crashed.eval"
    with exported.zstd_zipfile.ZipFile(path) as old, exported.zstd_zipfile.ZipFile(crashed, "w") as new:
        for name in old.namelist():
            if name != "header.json":
                new.writestr(name, old.read(name))
    tally = Tally()
    traces = [one for one in find_format("inspect").read((crashed,), tally) if isinstance(one, Trace)]
    assert [trace.model for trace in traces] == ["alder/mini", "alder/mini"]
    assert traces[0].project == "ev-1"
    assert any("not finished" in note for note in tally.notes)


def test_all_formats_have_a_fixture() -> None:
    others = {"langfuse", "langsmith", "phoenix", "otlp", "mlflow"}
    assert {format for format, _ in exported.WRITERS.values()} == set(BUILT_IN) - others
