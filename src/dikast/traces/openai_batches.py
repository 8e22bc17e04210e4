"""What OpenAI's and Anthropic's interfaces keep or give back later: batches, and completions made with `store: true`.

The request and the answer stand in different files, in any order, so they are brought together by their id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import chat_messages
from dikast.traces.decoding import plain_table, tables, text, utc
from dikast.traces.exchanges import error_of, exchange
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.grouping import Grouping, Record
from dikast.traces.items import files_in, objects_of, values_of
from dikast.traces.loose import without_empty
from dikast.traces.trace import Trace

_SUFFIXES = (".jsonl", ".json")
_DATA = (("data",),)


class OpenAIBatch:
    """Requests and answers of batches: OpenAI's input, output and error files, Anthropic's requests and results."""

    name = "batch"
    title = "OpenAI and Anthropic batch files"

    def recognises(self, sample: Sample) -> bool:
        """By a custom_id beside a request, a response or a result."""
        return any(
            "custom_id" in one and bool({"body", "response", "result", "params"} & one.keys())
            for one in values_of(sample)
        )

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each custom_id, with its request where that is in one of the files."""
        with Grouping() as grouping:
            for item in objects_of(files_in(paths, _SUFFIXES, tally), tally):
                tally.read += 1
                if isinstance(item, Dropped):
                    yield item
                    continue
                id = text(item.value.get("custom_id"))
                if id is None:
                    yield item.dropped("no custom_id: a line of a batch file has one")
                else:
                    kind = "asked" if "body" in item.value or "params" in item.value else "answered"
                    grouping.add(id, kind, item.value, item.file, item.line)
            yield from _built(grouping, lambda id, records: _batched(id, records, tally))


class StoredCompletions:
    """Completions that OpenAI stored, as its interface lists them, and their messages."""

    name = "openai-stored"
    title = "OpenAI stored completions"

    def recognises(self, sample: Sample) -> bool:
        """By a list, or lines, of completions or of their messages."""
        values = values_of(sample)
        listed = [inner for one in values if one.get("object") == "list" for inner in tables(one.get("data"))]
        if not values and sample.keys:
            return sample.keys >= {"object", "data", "first_id"} and b'"chat.completion"' in sample.head
        return any(_is_completion(one) or _is_message(one) for one in (*values, *listed))

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each completion; one whose messages are in none of the files has no input."""
        with Grouping() as grouping:
            for item in objects_of(files_in(paths, _SUFFIXES, tally), tally, lists=_DATA):
                tally.read += 1
                if isinstance(item, Dropped):
                    yield item
                elif _is_message(item.value):
                    # A message's id is the completion's with its place behind it.
                    grouping.add(str(item.value["id"]).rpartition("-")[0], "asked", item.value, item.file, item.line)
                elif _is_completion(item.value):
                    grouping.add(str(item.value["id"]), "answered", item.value, item.file, item.line)
                else:
                    yield item.dropped("no completion: neither one nor a message of one")
            yield from _built(grouping, lambda id, records: _stored(id, records, tally))


def _built(grouping: Grouping, build: Callable[[str, list[Record]], Trace]) -> Iterator[Read]:
    """The trace of each group; the records of one that makes none."""
    for id, records in grouping.groups():
        try:
            yield build(id, records)
        except Unusable as unusable:
            yield from (record.dropped(unusable.reason) for record in records)
    for id, count in grouping.cut.items():
        yield Dropped("", 0, f"too large: {id[:100]!r} holds more than 256 MB; {count:,} records were not read", "")


def _batched(id: str, records: list[Record], tally: Tally) -> Trace:
    asked: dict[str, Json] = next((record.value for record in records if record.kind == "asked"), {})
    answers = [record.value for record in records if record.kind == "answered"]
    if not answers:
        raise Unusable("no answer: the request's result is in none of the files")
    tally.note("answers that stand twice under one custom_id; the last is read", len(answers) - 1)
    answer = answers[-1]
    result, response = plain_table(answer.get("result")), plain_table(answer.get("response"))
    body = result.get("message") if result else response.get("body")
    found = exchange(asked.get("body", asked.get("params")), body, tally)
    failed = None if result.get("type") in (None, "succeeded") else str(result["type"])
    error = error_of(result.get("error")) or error_of(answer.get("error")) or found.error or failed
    if not found.answered:
        raise Unusable(f"no answer: {error or 'the result holds no message'}")
    return Trace(
        id=id,
        format=OpenAIBatch.name,
        started=utc(plain_table(body).get("created")),
        **found.parts(id),
        model=found.model,
        error=error,
        metadata=without_empty({"usage": plain_table(body).get("usage")}),
    )


def _is_completion(one: dict[str, Json]) -> bool:
    return one.get("object") == "chat.completion" and "choices" in one and "id" in one


def _is_message(one: dict[str, Json]) -> bool:
    return "content_parts" in one and "role" in one and isinstance(one.get("id"), str)


def _stored(id: str, records: list[Record], tally: Tally) -> Trace:
    raw = [record.value for record in records if record.kind == "asked"]
    said = chat_messages([{**one, "content": one.get("content") or one.get("content_parts")} for one in raw], tally)
    completion = next((record.value for record in records if record.kind == "answered"), None)
    if completion is None:
        raise Unusable("no completion: these messages belong to one that is in none of the files")
    found = exchange({"messages": completion.get("messages")}, completion, tally)
    if not found.answered:
        raise Unusable("no answer: the completion holds no choice with a message")
    asked = said or found.asked
    if not asked:
        tally.note("completions whose messages are in none of the files: without an input")
    return Trace(
        id=id,
        format=StoredCompletions.name,
        started=utc(completion.get("created")),
        **found._replace(asked=asked).parts(id),
        user=text(completion.get("input_user")),
        model=found.model,
        metadata={**plain_table(completion.get("metadata")), **without_empty({"usage": completion.get("usage")})},
    )
