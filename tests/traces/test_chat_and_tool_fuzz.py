"""Readers of chat programs, gateways and tools never crash, and never leave anything out without saying so."""

from __future__ import annotations

import json
import shutil
import sqlite3
from copy import deepcopy
from pathlib import Path
from typing import Any

import exported
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dikast.errors import DataError
from dikast.interactions.rows import Tally
from dikast.records import canonical_json
from dikast.traces.formats import Dropped, find_format, known_formats
from dikast.traces.recognising import sample_of
from dikast.traces.trace import Trace

TEXT_FORMATS = [name for name in exported.WRITERS if name not in ("cursor", "chatgpt_zip", "inspect_eval")]
CUTS = 9  # of each file, the same every time
ARCHIVES = ["cursor", "chatgpt_zip", "inspect_eval"]
HOSTILE = [None, True, -1, 1e308, 10**400, "", "\x00", "x" * 100_000, "\ud800", [], {}, [None], [[]], [{}], {"": None},
           {"id": {}}, ["a", 1, None, {"role": 7}], {"messages": "no"}, "[" * 2000, '{"a":' * 500]  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.sampled_from(HOSTILE) | st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


class Outcome:
    """What a read gave: how many traces, and whether it said that something was wrong."""

    def __init__(self, format: str, paths: list[Path]) -> None:
        self.tally = Tally()
        self.traces: list[Trace] = []
        self.dropped: list[Dropped] = []
        self.refused = False
        try:
            for one in find_format(format).read(tuple(paths), self.tally):
                (self.traces if isinstance(one, Trace) else self.dropped).append(one)  # type: ignore[arg-type]
        except DataError:
            self.refused = True
        for trace in self.traces:
            canonical_json((trace.messages, trace.input, trace.output, trace.metadata, trace.feedback))
            assert isinstance(trace.id, str)
            assert all(isinstance(one.get("role"), str) for one in trace.messages)
        assert all(isinstance(one.reason, str) and ":" in one.reason for one in self.dropped)

    @property
    def said(self) -> bool:
        return self.refused or bool(self.dropped)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    return {name: write(tmp_path_factory.mktemp(name)) for name, (_, write) in exported.WRITERS.items()}


@pytest.mark.parametrize("name", exported.WRITERS)
def test_cut_anywhere(name: str, written: dict[str, list[Path]], tmp_path: Path) -> None:
    format = exported.WRITERS[name][0]
    before = Outcome(format, written[name])
    for at, path in enumerate(written[name]):
        raw = path.read_bytes()
        for end in {0, 1, len(raw) - 2, *range(7, len(raw), max(1, len(raw) // CUTS))}:
            cut = tmp_path / path.parent.name / path.name
            cut.parent.mkdir(exist_ok=True)
            cut.write_bytes(raw[:end])
            found = Outcome(format, [*written[name][:at], cut, *written[name][at + 1 :]])
            empty = not raw[:end].strip()
            whole_lines = path.suffix in (".jsonl", ".csv", ".md") and raw[end - 1 : end + 1].count(b"\n")
            lost = len(found.traces) < len(before.traces) and not empty and not whole_lines
            assert found.said or not lost or found.tally.notes != before.tally.notes, (path.name, end)


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_values_of_other_kinds(
    name: str, written: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    format, _ = exported.WRITERS[name]
    originals = [path for path in written[name] if path.suffix in (".json", ".jsonl")]
    folder = tmp_path_factory.mktemp("changed")

    before = Outcome(format, written[name])

    @settings(max_examples=25)
    @given(st.data())
    def changed(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(originals)) if originals else None
        if path is None:
            return
        lined = path.suffix == ".jsonl"
        text = path.read_text(encoding="utf-8")
        values = [json.loads(line) for line in text.splitlines()] if lined else json.loads(text)
        values = deepcopy(values)
        at: Any = values
        for _ in range(data.draw(st.integers(1, 9))):
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(at[key], (dict, list)) or not at[key]:
                break
            holder, at = at, at[key]
        else:
            at, key = holder, key
        gone = data.draw(st.booleans()) and isinstance(at, dict)
        if gone:
            del at[key]
        else:
            at[key] = data.draw(anything)
        target = folder / path.parent.name / path.name
        target.parent.mkdir(exist_ok=True)
        dumped = "\n".join(map(json.dumps, values)) if lined else json.dumps(values)
        target.write_text(dumped, encoding="utf-8")
        found = Outcome(format, [target if one == path else one for one in written[name]])
        gone = gone or dumped.strip() == "[]"
        fewer = len(found.traces) < len(before.traces) and not gone
        assert found.said or not fewer or found.tally.notes != before.tally.notes
        for known in known_formats().values():
            known.recognises(sample_of(target))

    changed()


@pytest.mark.parametrize("format", sorted({format for format, _ in exported.WRITERS.values()}))
def test_any_bytes_and_any_json(format: str, tmp_path: Path) -> None:
    texts = [b"", b"\n\n", b"\xef\xbb\xbf", b"{", b"[", b"[{]", b"{}{}", b"[[]]", b"[1,2,null]", b"\xff\xfe{\0}\0",
             b"[" * 100_000, b'{"a":' * 100_000, b'[{"a":"\\ud800"}]',
             b"SQLite format 3\0" + b"\0" * 200, b"PK\x03\x04" + b"\1" * 60,
             b'{"messages":[' + b'{"role":"user"},' * 20_000, "答".encode("utf-16"), b"\x1f\x8b\x08broken"]  # fmt: skip
    for number, text in enumerate(texts):
        for suffix in (".json", ".jsonl"):
            path = tmp_path / f"{number}{suffix}"
            path.write_bytes(text)
            found = Outcome(format, [path])
            assert not found.traces
            header_alone = format == "labelstudio" and b"\n" not in text
            if text.strip() and text != b"\xef\xbb\xbf" and not header_alone:
                assert found.said or found.tally.notes or not text.strip(b"[]{}\n"), (format, text[:20])


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_rows_of_cursor_that_hold_anything(value: Any, tmp_path: Path) -> None:
    path = exported.cursor_database(tmp_path / "state.vscdb")
    for beside in tmp_path.glob("state.vscdb-*"):
        beside.unlink()
    connection = sqlite3.connect(path)
    content = json.dumps(value) if not isinstance(value, (int, float)) or abs(value) > 2**60 else value
    for key in ("composerData:new", "composerData:chat-1", "bubbleId:chat-1:b2"):
        connection.execute("INSERT INTO cursorDiskKV VALUES (?, ?)", (key, content))
    connection.execute("INSERT INTO cursorDiskKV VALUES ('composerData:blob', ?)", (b"\xff\xfe\x00",))
    connection.commit()
    connection.close()
    found = Outcome("cursor", [path])
    assert {one.reason.partition(":")[0] for one in found.dropped} >= {"not UTF-8"}
    assert len(found.traces) + len(found.dropped) >= 3


def test_trees_that_go_in_circles(tmp_path: Path) -> None:
    def chat(messages: dict[str, Any], current: Any) -> list[Any]:
        return [{"id": "c", "chat": {"history": {"messages": messages, "currentId": current}}}]

    ring = {
        str(n): {"parentId": str((n + 1) % 5), "role": "user" if n % 2 else "assistant", "content": "x"}
        for n in range(5)
    }
    own = {"a": {"parentId": "a", "role": "assistant", "content": "x"}}
    for messages in (ring, own, {"a": {"parentId": {}, "role": [], "content": {}}}):
        for current in ("0", "a", "gone", None, 3):
            path = exported.whole(tmp_path / "chats.json", chat(messages, current))
            found = Outcome("openwebui", [path])
            assert found.traces or found.said or found.tally.notes
    mapping = {
        "a": {"parent": "b", "message": None},
        "b": {"parent": "a", "message": {"content": {"parts": [1, None]}}},
    }
    path = exported.whole(tmp_path / "conversations.json", [{"mapping": mapping, "current_node": "a"}])
    assert not Outcome("chatgpt", [path]).traces


def test_a_long_conversation_with_many_branches_stays_quick(tmp_path: Path) -> None:
    messages: dict[str, Any] = {}
    for n in range(4000):
        messages[f"u{n}"] = {"parentId": f"a{n - 1}" if n else None, "role": "user", "content": "q", "timestamp": n}
        messages[f"a{n}"] = {"parentId": f"u{n}", "role": "assistant", "content": "a", "timestamp": n}
        messages[f"x{n}"] = {"parentId": f"u{n}", "role": "assistant", "content": "b", "timestamp": n}
    path = exported.whole(tmp_path / "chats.json", [
        {"id": "c", "chat": {"history": {"messages": messages, "currentId": "a3999"}}}])  # fmt: skip
    (trace,) = Outcome("openwebui", [path]).traces
    assert len(trace.messages) == 8000
    assert len(trace.alternatives) == 4000


@pytest.mark.parametrize("name", ARCHIVES[1:])
def test_damaged_archives(name: str, written: dict[str, list[Path]], tmp_path: Path) -> None:
    (path,) = written[name]
    raw = bytearray(path.read_bytes())
    for at in range(0, len(raw), max(1, len(raw) // 120)):
        broken = tmp_path / path.name
        damaged = bytes(raw[:at]) + bytes([raw[at] ^ 0xFF]) + bytes(raw[at + 1 :])
        broken.write_bytes(damaged)
        Outcome(exported.WRITERS[name][0], [broken])
    shutil.rmtree(tmp_path)
