"""The way of all formats whose traces lie scattered: records are read from every file, grouped by trace, and built.

What is said of a span alone, without its trace being named, finds its trace by the span's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TypeAlias

from dikast.interactions.rows import Tally
from dikast.records import Json
from dikast.traces.formats import Dropped
from dikast.traces.grouping import Grouping, Record
from dikast.traces.trace import Trace

Build: TypeAlias = "Callable[[str, list[Record]], Trace | None]"


class Gathering:
    """Put records in, then `build` the traces; use it as a context manager."""

    def __init__(self, tally: Tally, *, feedback_alone: bool = False) -> None:
        """feedback_alone: whether some feedback names only its span, so that the spans' traces must be remembered."""
        self._tally = tally
        self._traces = Grouping()
        self._spans = Grouping()
        self._remember = feedback_alone

    def __enter__(self) -> Gathering:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._traces.__exit__(kind, error, trace)
        self._spans.__exit__(kind, error, trace)

    def span(self, trace: str, id: str, value: dict[str, Json], file: str, line: int) -> None:
        """One span, or whatever has an id of its own within a trace."""
        self._traces.add(trace, "span", value, file, line)
        if self._remember:
            self._spans.add(id, "at", trace)

    def put(self, trace: str, kind: str, value: dict[str, Json], file: str, line: int) -> None:
        """A record of a trace that is no span: the trace itself, feedback, an event."""
        self._traces.add(trace, kind, value, file, line)

    def feedback_on(self, span: str, value: dict[str, Json], file: str, line: int) -> None:
        """Feedback that names its span only."""
        self._spans.add(span, "feedback", value, file, line)

    def build(self, build: Build, *, what: str = "spans") -> Iterator[Trace | Dropped]:
        """Every trace, and what belongs to none."""
        yield from self._find_traces()
        for id, records in self._traces.groups():
            trace = build(id, records)
            if trace is not None:
                yield trace
                continue
            for record in records:
                yield record.dropped(f"no trace: {record.kind} of {id[:100]!r}, whose {what} are not in these files")
        for id, count in self._traces.cut.items():
            reason = f"too large: the trace {id[:100]!r} holds more than 256 MB; {count:,} of its records were not read"
            yield Dropped("", 0, reason, "")

    def _find_traces(self) -> Iterator[Dropped]:
        for span, records in self._spans.groups():
            trace = next((record.value for record in records if record.kind == "at"), None)
            for record in records:
                if record.kind != "feedback":
                    continue
                if trace is None:
                    what = record.value.get("what", "feedback")
                    yield record.dropped(f"no trace: {what} on {span[:100]!r}, which is not in these files")
                else:
                    self._traces.add(trace, record.kind, record.value, record.file, record.line)


def first_of(values: Iterable[Json]) -> Json:
    """The first value that says something."""
    return next((value for value in values if value is not None and value not in ("", [], {})), None)
