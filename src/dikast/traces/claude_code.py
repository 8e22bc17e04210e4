"""Transcripts of Claude Code: a file for each session of a project, and one for each agent that a session started.

One answer of the model stands in several lines, a block each; what a tool gave is written as if the user had said it.
A session that was resumed begins with a copy of the lines before; a user who goes back starts a branch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.branching import branch_traces
from dikast.traces.chat_messages import Message, messages_of
from dikast.traces.chat_tree import Node, Tree
from dikast.traces.decoding import first_text, plain_table, tables, text, utc
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.items import Item, files_in, objects_of, values_of
from dikast.traces.loose import own_id, without_empty
from dikast.traces.trace import Trace

_SPOKEN = frozenset({"user", "assistant"})
_OWN_WORDS = ("<command-name>", "<command-message>", "<local-command-", "<bash-input>", "<bash-stdout>",
              "[Request interrupted")  # fmt: skip
_USAGE = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class ClaudeCode:
    """Sessions of Claude Code, a project's folder or single files."""

    name = "claude-code"
    title = "Claude Code transcripts"

    def recognises(self, sample: Sample) -> bool:
        """By lines of a session: who spoke, the line before, and the session."""
        values = values_of(sample)
        return any("sessionId" in one and "parentUuid" in one and "message" in one for one in values)

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each session and each agent; the newest copy of what was resumed."""
        files = list(files_in(paths, (".jsonl",), tally))
        read: set[int] = set()
        for file in _newest_first(files):
            sessions: dict[str, _Session] = {}
            for item in objects_of([file], tally):
                tally.read += 1
                if isinstance(item, Dropped):
                    yield item
                else:
                    _take(item, sessions, tally)
            for session in sessions.values():
                new = session.answers - read
                if session.answers and not new:
                    tally.note("sessions that another file continues, left out")
                    continue
                if session.answers:
                    yield from session.traces(tally, read)
                    read |= session.answers
                else:
                    tally.note("sessions without an answer, left out")


class _Line(NamedTuple):
    """What orders a file among others."""

    last: str
    lines: int
    file: Path


def _newest_first(files: Iterable[Path]) -> list[Path]:
    """The files by their last line's time: one that resumes another comes before it. Main sessions before agents."""
    found: list[_Line] = []
    for file in files:
        last, lines = "", 0
        for item in objects_of([file], Tally()):
            if isinstance(item, Item):
                lines += 1
                last = max(last, utc(item.value.get("timestamp")) or "")
        found.append(_Line(last, lines, file))
    return [line.file for line in sorted(found, key=lambda line: (line.last, line.lines, str(line.file)), reverse=True)]


class _Session:
    """What was said in one session, or by one agent of it, as turns: each begins where the user speaks."""

    def __init__(self, id: str, first: dict[str, Json]) -> None:
        self.id = id
        self.first = first
        self.name = ""
        self.answers: set[int] = set()
        self._turns: dict[str, Node] = {}
        self._said: dict[str, list[Message]] = {}
        self.turn_of: dict[str, str] = {}
        self._answers: dict[str, Message] = {}
        self._usage: dict[str, dict[str, Json]] = {}
        self._model: str | None = None
        self._error: str | None = None
        self._newest: str | None = None

    def place(self, line: dict[str, Json]) -> str | None:
        """The turn that a line belongs to: that of the line before it, else the newest."""
        before = first_text(line.get("parentUuid"), line.get("logicalParentUuid"))
        return self.turn_of.get(before or "", self._newest)

    def know(self, line: dict[str, Json], turn: str | None) -> None:
        """Remember where a line stands, so that those behind it find their turn."""
        uuid = text(line.get("uuid"))
        if uuid and turn:
            self.turn_of[uuid] = turn

    def asked(self, line: dict[str, Json], messages: list[Message]) -> None:
        """The user speaks: a turn of its own."""
        turn = text(line.get("uuid")) or f"line {len(self._turns)}"
        before = self.place(line)
        self._turns[turn] = Node(before, True, len(self._turns))
        self._said[turn] = [{**message, "id": turn} for message in messages]
        self._newest = turn
        self.know(line, turn)

    def answered(self, line: dict[str, Json], messages: list[Message], *, tool: bool) -> None:
        """A block of an answer, or what a tool gave."""
        turn = self.place(line)
        if turn is None:
            turn = text(line.get("uuid")) or "start"
            self._turns[turn] = Node(None, False, 0)
            self._said[turn] = []
        self._newest = self._newest or turn
        self.know(line, turn)
        if tool:
            self._said[turn] += messages
            return
        raw = plain_table(line.get("message"))
        id = first_text(raw.get("id"), line.get("uuid")) or own_id(raw)
        self.answers.add(hash(id))
        self._usage[id] = plain_table(raw.get("usage")) or self._usage.get(id, {})
        if line.get("isApiErrorMessage") is True:
            self._error = first_text(*(text(message.get("content")) for message in messages))
            return
        self._model, self._error = text(raw.get("model")) or self._model, None
        for message in messages:
            self._add(turn, id, message)

    def _add(self, turn: str, id: str, message: Message) -> None:
        """A block to the answer that it belongs to."""
        whole = self._answers.get(id)
        if whole is None:
            self._answers[id] = {**message, "id": id}
            self._said[turn].append(self._answers[id])
            return
        texts = [wording for wording in (whole.get("content"), message.get("content")) if wording]
        whole["content"] = "\n\n".join(texts) if all(isinstance(wording, str) for wording in texts) and texts else (
            texts[0] if texts else None)  # fmt: skip
        if message.get("tool_calls"):
            whole["tool_calls"] = [*whole.get("tool_calls", ()), *message["tool_calls"]]

    def traces(self, tally: Tally, read: set[int]) -> Iterator[Trace]:
        """The traces of all branches, new from the first answer that wasn't read in another file."""
        usage = {key: sum(_count(one.get(key)) for one in self._usage.values()) for key in _USAGE}
        about = {key: text(self.first.get(key)) for key in ("cwd", "gitBranch", "version", "agentId")}
        whole = Trace(
            id=self.id,
            format=ClaudeCode.name,
            name=self.name,
            started=utc(self.first.get("timestamp")),
            conversation=text(self.first.get("sessionId")),
            model=self._model,
            error=self._error,
            metadata=without_empty({**about, "usage": {key: count for key, count in usage.items() if count},
                                    "subagent": True if self.first.get("isSidechain") is True else None}),
        )  # fmt: skip
        for trace in branch_traces(whole, Tree(self._turns), self._newest, self._said, tally):
            answers = [one for one in trace.messages if one["role"] == "assistant"]
            if trace.since is None and answers and hash(answers[0].get("id")) in read:
                new = next((str(one["id"]) for one in answers if hash(one.get("id")) not in read), None)
                trace = msgspec.structs.replace(trace, since=new)
            yield trace


def _take(item: Item, sessions: dict[str, _Session], tally: Tally) -> None:
    line: dict[str, Json] = item.value
    kind = text(line.get("type"))
    if kind == "summary":
        for session in sessions.values():
            session.name = session.name or text(line.get("summary")) or ""
        return
    session_id = text(line.get("sessionId"))
    if kind not in _SPOKEN or session_id is None or not isinstance(line.get("message"), dict):
        tally.note(f"lines of type {str(kind)[:40]!r}, not read")
        if kind == "system" and session_id in sessions:
            sessions[session_id].know(line, sessions[session_id].place(line))
        return
    agent = first_text(line.get("agentId"), "sidechain" if line.get("isSidechain") is True else None)
    id = f"{session_id}/{agent}" if agent else session_id
    session = sessions.setdefault(id, _Session(id, line))
    uuid = text(line.get("uuid"))
    if uuid and uuid in session.turn_of:
        tally.note("lines that stand twice, read once")
        return
    raw = line["message"]
    blocks = tables(raw.get("content"))
    tool = kind == "user" and any(block.get("type") == "tool_result" for block in blocks)
    messages = messages_of({**raw, "role": kind, "id": None}, tally)
    if kind == "user" and not tool:
        if line.get("isMeta") is True or line.get("isCompactSummary") is True or _is_own(messages):
            tally.note("lines that the program wrote in the user's name, not read")
            session.know(line, session.place(line))
        else:
            session.asked(line, messages)
    else:
        said = [one for one in messages if not tool or one["role"] == "tool"]
        tally.note("words beside the result of a tool, not read", len(messages) - len(said))
        session.answered(line, said, tool=tool)


def _is_own(messages: list[Message]) -> bool:
    return bool(messages) and all(
        isinstance(one.get("content"), str) and one["content"].lstrip().startswith(_OWN_WORDS) for one in messages
    )


def _count(value: Json) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
