"""What is in an import, counted while it is read: by this the mapping is proposed and the preview made."""

from __future__ import annotations

import msgspec

from dikast.records import Json
from dikast.traces.mapping import Mapping
from dikast.traces.opinions import Heard, proposed
from dikast.traces.trace import Trace

_MOST_KEYS = 60
_MOST_NAMES = 500


class Census(msgspec.Struct, kw_only=True):
    """Counts over traces. chats: those that are conversations of messages and say no output of the whole.

    heard: feedback by name. metadata: the source's own metadata keys, with how often they are there.
    """

    traces: int = 0
    spans: int = 0
    chats: int = 0
    with_conversation: int = 0
    given_again: int = 0
    failed: int = 0
    heard: dict[str, Heard] = {}
    more_names: int = 0
    metadata: dict[str, int] = {}

    def add(self, trace: Trace) -> None:
        """Count one trace."""
        self.traces += 1
        self.spans += len(trace.spans)
        self.chats += bool(trace.messages) and trace.output is None
        self.with_conversation += trace.conversation is not None
        self.given_again += sum(map(len, trace.alternatives.values()))
        self.failed += trace.error is not None
        for one in trace.feedback:
            if one.name in self.heard or len(self.heard) < _MOST_NAMES:
                self.heard.setdefault(one.name, Heard()).add(one)
            else:
                self.more_names += 1
        for key, value in trace.metadata.items():
            if key in self.metadata or len(self.metadata) < _MOST_KEYS:
                self.metadata[key] = self.metadata.get(key, 0) + _says(value)

    def proposal(self, format: str) -> Mapping:
        """The mapping that fits what was found."""
        return Mapping(
            format=format,
            unit="turn" if self.chats * 2 > self.traces else "trace",
            feedback={name: proposed(name, heard) for name, heard in self.heard.items()},
        )

    def completed(self, mapping: Mapping) -> tuple[Mapping, list[str]]:
        """A mapping with proposals for feedback that it doesn't name, and the names of these."""
        new = [name for name in self.heard if name not in mapping.feedback]
        if not new:
            return mapping, []
        rules = mapping.feedback | {name: proposed(name, self.heard[name]) for name in new}
        return msgspec.structs.replace(mapping, feedback=rules), new


def _says(value: Json) -> bool:
    return value is not None and value not in ("", [], {})
