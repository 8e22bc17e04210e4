"""Results of promptfoo: a file with all of an evaluation, or a row a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import Message, chat_messages
from dikast.traces.decoding import first_text, plain_table, tables, text, unpacked, utc
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.items import Item, files_in, items_of, keys_of, traces_of, values_of
from dikast.traces.loose import own_id, without_empty
from dikast.traces.trace import Feedback, FeedbackSource, Trace

_SUFFIXES = (".json", ".jsonl")
_ROWS = ("results", "results")
_LISTS = (_ROWS, ("results",))
# What a model decides; everything else is decided by code, a person's thumb aside.
_BY_MODEL = frozenset(
    {"llm-rubric", "factuality", "model-graded-closedqa", "model-graded-factuality", "g-eval", "answer-relevance",
     "context-faithfulness", "context-recall", "context-relevance", "conversation-relevance", "select-best",
     "classifier", "moderation", "similar", "pi", "agent-rubric", "search-rubric", "trajectory:goal-success"}
)  # fmt: skip
_WORLD_FAILED = 2


class Promptfoo:
    """Results of promptfoo, version 2 and 3, and as lines."""

    name = "promptfoo"
    title = "promptfoo results"

    def recognises(self, sample: Sample) -> bool:
        """By results with their version inside of results, or a row with its grading."""
        if keys_of(sample) >= {"results", "config"}:
            return not sample.values or any(_is_whole(one) for one in values_of(sample))
        return any(_is_row(one) or _is_whole(one) for one in values_of(sample))

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each row: a test with one prompt and one provider."""
        for path in files_in(paths, _SUFFIXES, tally):
            yield from traces_of(_rows(path, tally), lambda item: [_row(item, tally)], tally)


def _is_whole(one: dict[str, Json]) -> bool:
    inner = plain_table(one.get("results"))
    return "version" in inner and ("results" in inner or "table" in inner)


def _is_row(one: dict[str, Json]) -> bool:
    return "vars" in one and "prompt" in one and bool({"gradingResult", "testIdx", "promptIdx", "success"} & one.keys())


def _rows(path: Path, tally: Tally) -> Iterator[Item | Dropped]:
    """The rows, each with the evaluation's id and time under its place."""
    evaluation: Json = None
    at: Json = None
    found = 0
    for item in items_of(path, tally, lists=_LISTS):
        if isinstance(item, Dropped):
            yield item
        elif item.place == ("evalId",):
            evaluation = item.value
        elif item.place == ("results", "timestamp"):
            at = item.value
        elif item.place in ((), *_LISTS):
            found += 1
            if isinstance(item.value, dict):
                yield item._replace(value={"evalId": evaluation, "timestamp": at, **item.value})
            else:
                yield item.dropped("not an object: a row of results was expected")
    if not found:
        yield Dropped(str(path), 1, "no results: a list of rows was expected under results.results", "")


def _row(item: Item, tally: Tally) -> Trace:
    row: dict[str, Json] = item.value
    prompt, response = plain_table(row.get("prompt")), plain_table(row.get("response"))
    raw = first_text(prompt.get("raw"), row.get("prompt"))
    output = response.get("output", row.get("output"))
    if raw is None and output is None:
        raise Unusable("no prompt and no response: this is no row of results")
    asked = _asked(raw, tally)
    said: list[Message] = [{"role": "assistant", "content": output}] if isinstance(output, str) else []
    test, provider = plain_table(row.get("testCase")), row.get("provider")
    model = first_text(plain_table(provider).get("label"), plain_table(provider).get("id"), provider)
    about = {
        "provider": model,
        "prompt": text(prompt.get("label")),
        "test": first_text(row.get("description"), test.get("description")),
        "vars": plain_table(row.get("vars")) or plain_table(test.get("vars")),
    }
    failed = row.get("failureReason") == _WORLD_FAILED or output is None
    place = (row.get("evalId"), row.get("testIdx"), row.get("promptIdx"))
    return Trace(
        id=text(row.get("id")) or own_id(*place, about, raw, output),
        format=Promptfoo.name,
        started=utc(row.get("timestamp")),
        input=raw if len(asked) == 1 and asked[0]["content"] == raw else asked or raw,
        output=output,
        messages=tuple((*asked, *said)) if said else (),
        feedback=tuple(_feedback(row)),
        project=text(row.get("evalId")),
        model=model,
        error=(first_text(row.get("error"), response.get("error")) or "no output") if failed else None,
        metadata=without_empty({**plain_table(test.get("metadata")), **about}),
    )


def _asked(raw: str | None, tally: Tally) -> list[Message]:
    """A prompt is a text, or chat messages in JSON."""
    decoded = unpacked(raw)
    if isinstance(decoded, list) and decoded and len(tables(decoded)) == len(decoded) and "role" in decoded[0]:
        return chat_messages(decoded, tally)
    return [{"role": "user", "content": raw}] if raw else []


def _feedback(row: dict[str, Json]) -> Iterator[Feedback]:
    """What each assertion said, and a person's thumb and comment."""
    grading = plain_table(row.get("gradingResult"))
    told: set[str] = set()
    for component in tables(grading.get("componentResults")):
        assertion = plain_table(component.get("assertion"))
        kind = (text(assertion.get("type")) or "assertion").removeprefix("not-")
        name = first_text(assertion.get("metric"), assertion.get("type")) or "assertion"
        told.add(name)
        source: FeedbackSource = "expert" if kind == "human" else "model" if kind in _BY_MODEL else "code"
        value = component.get("pass") if isinstance(component.get("pass"), bool) else component.get("score")
        comment = text(component.get("reason"))
        if isinstance(value, (bool, int, float)):
            yield Feedback(name=name, value=value, comment=comment, source=source)
    comment = text(grading.get("comment"))
    if comment:
        yield Feedback(name="comment", comment=comment, source="expert")
    for name, score in plain_table(row.get("namedScores")).items():
        if name not in told and isinstance(score, (bool, int, float)):
            yield Feedback(name=name, value=score)
    if not told and isinstance(grading.get("pass"), bool):
        yield Feedback(name="pass", value=grading["pass"], comment=text(grading.get("reason")), source="code")
