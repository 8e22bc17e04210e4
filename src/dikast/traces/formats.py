"""The door through which formats come in: what one must be able to do, and the list of those that are there.

A package brings a format of its own through the entry point group "dikast.traces": each entry is an object, or a class
that takes nothing, with the members of `TraceFormat`. Those that ship are listed in BUILT_IN and use nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from dikast.interactions.rows import Tally
from dikast.traces.trace import Trace

GROUP = "dikast.traces"

# Name to "module:attribute"; a format's module is loaded when it is asked for the first time.
BUILT_IN: dict[str, str] = {
    "langfuse": "dikast.traces.langfuse:Langfuse",
    "langsmith": "dikast.traces.langsmith:LangSmith",
    "phoenix": "dikast.traces.phoenix:Phoenix",
    "otlp": "dikast.traces.otlp:Otlp",
    "mlflow": "dikast.traces.mlflow:Mlflow",
    "inspect": "dikast.traces.inspect_logs:InspectLogs",
    "promptfoo": "dikast.traces.promptfoo:Promptfoo",
    "openai-evals": "dikast.traces.openai_evals:OpenAIEvals",
    "openai-stored": "dikast.traces.openai_batches:StoredCompletions",
    "batch": "dikast.traces.openai_batches:OpenAIBatch",
    "litellm": "dikast.traces.litellm:LiteLLM",
    "helicone": "dikast.traces.helicone:Helicone",
    "argilla": "dikast.traces.labelling_tools:Argilla",
    "labelstudio": "dikast.traces.labelling_tools:LabelStudio",
    "continue": "dikast.traces.continue_dev:ContinueDev",
    "cursor": "dikast.traces.cursor:Cursor",
    "claude-code": "dikast.traces.claude_code:ClaudeCode",
    "openwebui": "dikast.traces.openwebui:OpenWebUI",
    "lmstudio": "dikast.traces.lmstudio:LMStudio",
    "chatgpt": "dikast.traces.chatgpt:ChatGPT",
    "openai-chat": "dikast.traces.openai_chat:OpenAIChat",
    "sharegpt": "dikast.traces.openai_chat:ShareGPT",
}


class Sample(msgspec.Struct, frozen=True):
    """What a format is recognised by: the path, the first bytes (decompressed), and the first JSON values in them.

    values: the first lines that are JSON objects, or the first elements of an array; the one object of a file that
    holds one, where it is small enough to have been read; else empty. keys: the keys of the first object, also of one
    that is too large to be read whole. members: what is in a folder or an archive, by relative name.
    """

    path: Path
    head: bytes
    values: tuple[object, ...] = ()
    keys: frozenset[str] = frozenset()
    members: tuple[str, ...] = ()


class Dropped(msgspec.Struct, frozen=True):
    """Something that is no trace: where it stands, why (a short kind, a colon, what exactly), and the raw text."""

    file: str
    line: int
    reason: str
    raw: str


Read: TypeAlias = "Trace | Dropped"


class TraceFormat(Protocol):
    """One format. `name` is what the user writes (`--format langfuse`), `title` what the user reads."""

    name: str
    title: str

    def recognises(self, sample: Sample) -> bool:
        """Whether this is the format; by content, and never by the name of the file alone."""
        ...

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """Every trace of these files, which may tell of one another (a page each, scores beside traces).

        Nothing is left out in silence: what can't be read is yielded as Dropped. tally.notes says what else was done.
        Memory stays flat in the number of traces. Raises DataError for a file that can't be read at all.
        """
        ...


def find_format(name: str) -> TraceFormat:
    """The format of that name. Raises KeyError."""
    return known_formats()[name]


def known_formats() -> dict[str, TraceFormat]:
    """All formats by name: those that ship, and those of installed packages."""
    found: dict[str, TraceFormat] = {}
    for name, place in BUILT_IN.items():
        module, _, attribute = place.partition(":")
        found[name] = _made(getattr(import_module(module), attribute))
    for entry in entry_points(group=GROUP):
        found[entry.name] = _made(entry.load())
    return found


def _made(given: object) -> TraceFormat:
    made: TraceFormat = given() if isinstance(given, type) else given  # type: ignore[assignment]
    return made
