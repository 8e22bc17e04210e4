"""Evaluations of OpenAI: the output items of a run on its platform, and the log of its open-source evals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import chat_messages
from dikast.traces.decoding import first_text, plain_table, tables, text, utc
from dikast.traces.exchanges import error_of, without_ids
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.grouping import Grouping, Record
from dikast.traces.items import files_in, objects_of, values_of
from dikast.traces.loose import as_list, own_id, without_empty
from dikast.traces.trace import Feedback, FeedbackSource, Trace

_SUFFIXES = (".jsonl", ".json")
_ITEM = "eval.run.output_item"
_REFERENCES = ("ground_truth", "expected", "reference", "ideal", "correct_answer", "target", "answer", "label")
_BY_MODEL = ("score_model", "label_model", "score-model", "label-model", "model")
_EVENTS = frozenset({"sampling", "raw_sample", "match", "metrics", "error", "cond_logp", "function_call", "extra"})


class OpenAIEvals:
    """Runs of OpenAI's evaluations."""

    name = "openai-evals"
    title = "OpenAI evals"

    def recognises(self, sample: Sample) -> bool:
        """By items of a run, or events of a log with the sample they belong to."""
        values = values_of(sample)
        pages = [inner for one in values for inner in tables(one.get("data"))]
        return any(_is_item(one) or _is_event(one) for one in (*values, *pages)) or (
            f'"{_ITEM}"'.encode() in sample.head and not values
        )

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each output item; of a log, one for each sample."""
        spec: dict[str, Json] = {}
        with Grouping() as grouping:
            for item in objects_of(files_in(paths, _SUFFIXES, tally), tally, lists=(("data",),)):
                tally.read += 1
                if isinstance(item, Dropped):
                    yield item
                elif _is_item(item.value):
                    try:
                        yield _output_item(item.value, tally)
                    except Unusable as unusable:
                        yield item.dropped(unusable.reason)
                elif _is_event(item.value):
                    key = f"{item.value.get('run_id')}:{item.value['sample_id']}"
                    grouping.add(key, str(item.value.get("type")), item.value, item.file, item.line)
                elif "spec" in item.value:
                    spec = plain_table(item.value["spec"])
                elif "final_report" in item.value:
                    tally.note("the final report of a run, not read")
                else:
                    yield item.dropped("no item: neither an output item of a run nor an event of a log")
            for id, records in grouping.groups():
                yield from _sample(id, records, spec, tally)
            for id, count in grouping.cut.items():
                yield Dropped("", 0, f"too large: {id[:100]!r} holds more than 256 MB; {count:,} events not read", "")


def _is_item(one: dict[str, Json]) -> bool:
    return one.get("object") == _ITEM or {"datasource_item", "sample", "results"} <= one.keys()


def _is_event(one: dict[str, Json]) -> bool:
    return {"sample_id", "event_id", "data"} <= one.keys() and str(one.get("type")) in _EVENTS


def _output_item(row: dict[str, Json], tally: Tally) -> Trace:
    sample, given = plain_table(row.get("sample")), plain_table(row.get("datasource_item"))
    asked, answered = chat_messages(sample.get("input"), tally), chat_messages(sample.get("output"), tally)
    given = plain_table(given.get("item")) or given
    if not asked and not answered and not given:
        raise Unusable("no sample: the item holds neither what was asked nor what was answered")
    reference = next((given[name] for name in _REFERENCES if given.get(name) not in (None, "")), None)
    return Trace(
        id=text(row.get("id")) or own_id(row),
        format=OpenAIEvals.name,
        started=utc(row.get("created_at")),
        input=without_ids(asked) or given.get("input", given),
        output=without_ids(answered) or None,
        reference=reference,
        messages=(*asked, *answered),
        feedback=tuple(_grades(row)),
        project=first_text(row.get("run_id"), row.get("eval_id")),
        model=text(sample.get("model")),
        error=error_of(sample.get("error")) if sample.get("error") else None,
        metadata=without_empty({"item": given, "datasource_item_id": row.get("datasource_item_id")}),
    )


def _grades(row: dict[str, Json]) -> Iterator[Feedback]:
    for result in tables(row.get("results")):
        source: FeedbackSource = "model" if str(result.get("type")).startswith(_BY_MODEL) else "code"
        value = result.get("passed") if isinstance(result.get("passed"), bool) else result.get("score")
        if isinstance(value, (bool, int, float)):
            # A grader's name carries its id behind it, which is new with every evaluation.
            yield Feedback(name=text(result.get("name")) or "grader", value=value, source=source)


def _sample(id: str, records: list[Record], spec: dict[str, Json], tally: Tally) -> Iterator[Read]:
    """The trace of one sample of a log: what was sampled last, and what was made of it."""
    sampled = [plain_table(one.value.get("data")) for one in records if one.kind == "sampling"]
    if not sampled:
        yield from (one.dropped("no sampling: nothing was asked of a model for this sample") for one in records)
        return
    tally.note("further calls of a model for one sample, not read", len(sampled) - 1)
    last = sampled[-1]
    answers = as_list(last.get("sampled")) or [last.get("sampled")]
    matches = [plain_table(one.value.get("data")) for one in records if one.kind == "match"]
    failed = [plain_table(one.value.get("data")) for one in records if one.kind == "error"]
    asked = chat_messages(last.get("prompt"), tally)
    wording = text(answers[0])
    said = [{"role": "assistant", "content": wording}] if wording else chat_messages(answers, tally)
    yield Trace(
        id=id,
        format=OpenAIEvals.name,
        name=first_text(spec.get("eval_name")) or "",
        started=utc(records[0].value.get("created_at")),
        input=without_ids(asked) or None,
        output=without_ids(said) or None,
        reference=next((match["expected"] for match in matches if match.get("expected") is not None), None),
        messages=(*asked, *said),
        feedback=tuple(
            Feedback(name="match", value=match["correct"], source="code")
            for match in matches
            if isinstance(match.get("correct"), bool)
        ),
        project=first_text(spec.get("run_id"), records[0].value.get("run_id")),
        model=first_text(last.get("model"), *as_list(spec.get("completion_fns"))),
        error=text(failed[0].get("message")) or "an error" if failed else None,
        metadata={"sample_id": records[0].value.get("sample_id")},
    )
