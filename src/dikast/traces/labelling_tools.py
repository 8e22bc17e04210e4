"""Records of Argilla and of Label Studio: what was shown to people, and what they said of it.

Both let a project name its fields and questions. Fields are known by the names that files of interactions use too; an
answer is feedback under its question's name, and what somebody wrote goes with what the same person decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dikast.errors import DataError
from dikast.interactions.columns import INTERACTION_FIELDS, LABEL_FIELDS, FieldNames, normal_name
from dikast.interactions.label_fields import outcome_of
from dikast.interactions.label_tools import STUDIO_MARKS, Said, said_in, studio_value
from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import chat_messages
from dikast.traces.decoding import first_text, plain_table, tables, text, unpacked, utc
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.grouping import Grouping
from dikast.traces.items import Item, files_in, objects_of, values_of
from dikast.traces.loose import as_list, own_id, shown_json, without_empty
from dikast.traces.rows import rows_in
from dikast.traces.trace import Feedback, Span, Trace

_SUFFIXES = (".json", ".jsonl", ".csv")
_FIELDS = ("input", "output", "context", "reference")
_ARGILLA_OWN = frozenset({"id", "status", "_server_id", "vectors"})
_STUDIO_OWN = STUDIO_MARKS | {"id", "annotator", "created_at", "updated_at"}
_WRITTEN = frozenset({"critique", "note"})


class Argilla:
    """Records of Argilla 2, whole or flattened."""

    name = "argilla"
    title = "Argilla records"

    def recognises(self, sample: Sample) -> bool:
        """By fields beside responses, or a record's id on the server."""
        return any(
            {"fields", "responses", "suggestions"} <= one.keys() or {"_server_id", "status"} <= one.keys()
            for one in values_of(sample)
        )

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each record."""
        items = objects_of(files_in(paths, _SUFFIXES, tally), tally)
        return _traces(items, _Record(self.name, tally), tally)


class LabelStudio:
    """Tasks of Label Studio: its JSON, and its flat JSON and CSV with a row for each annotation."""

    name = "labelstudio"
    title = "Label Studio tasks"

    def recognises(self, sample: Sample) -> bool:
        """By data beside annotations or predictions, or the columns of a flat export."""
        header = {name.strip(b'" \r') for name in sample.head.split(b"\n", 1)[0].split(b",")}
        return header >= {name.encode() for name in STUDIO_MARKS} or any(
            (isinstance(one.get("data"), dict) and bool({"annotations", "predictions"} & one.keys()))
            or one.keys() >= STUDIO_MARKS
            for one in values_of(sample)
        )

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each task, with all its annotations."""
        files = files_in(paths, _SUFFIXES, tally)
        items = (item for path in files for item in rows_in(path, tally))
        return _traces(items, _Record(self.name, tally), tally)


def _traces(items: Iterable[Item | Dropped], record: _Record, tally: Tally) -> Iterator[Read]:
    """The records by their id: a flat export has a row for each person's answers."""
    with Grouping() as grouping:
        for item in items:
            tally.read += 1
            if isinstance(item, Dropped):
                yield item
                continue
            id = first_text(item.value.get("id"), item.value.get("_server_id")) or own_id(item.value)
            grouping.add(id, "record", item.value, item.file, item.line)
        for id, records in grouping.groups():
            try:
                yield record.trace(id, [one.value for one in records])
            except Unusable as unusable:
                yield from (one.dropped(unusable.reason) for one in records)
        for id, count in grouping.cut.items():
            yield Dropped("", 0, f"too large: {id[:100]!r} holds more than 256 MB; {count:,} records not read", "")


class _Record:
    """What makes a trace of a record; the names of fields are settled by the first that shows them."""

    def __init__(self, format: str, tally: Tally) -> None:
        self._format = format
        self._names = FieldNames("the records", INTERACTION_FIELDS, tally)
        self._tally = tally

    def trace(self, id: str, rows: list[dict[str, Json]]) -> Trace:
        """The trace of one record; of several rows, where each holds one person's answers."""
        shown = _shown(rows[0], self._format)
        if not shown:
            raise Unusable("no fields: nothing was shown to the people who answered")
        fields = self._settled(shown)
        said = [one for number, row in enumerate(rows) for one in said_in(number, row) or ()]
        feedback = [*(one for each in said for one in _answers(each)), *(one for row in rows for one in _by_model(row))]
        self._count_left_out(rows)
        flat = any(one.flat for one in said)
        taken = {*_FIELDS, "id", "metadata", *(one.name for one in feedback)}
        more = {name: value for name, value in fields.items() if name not in taken}
        more = {name: value for name, value in more.items() if not (flat and _is_answer(name, studio_value(value)))}
        chat = fields.get("input")
        return Trace(
            id=id,
            format=self._format,
            input=chat_messages(chat, self._tally) if tables(chat) else chat,
            output=fields.get("output"),
            reference=fields.get("reference"),
            spans=_context(id, fields.get("context")),
            feedback=tuple(feedback),
            metadata=without_empty(
                {**more, **plain_table(rows[0].get("metadata")), "status": text(rows[0].get("status"))}
            ),
        )

    def _count_left_out(self, rows: list[dict[str, Json]]) -> None:
        annotations = [one for row in rows for one in tables(row.get("annotations"))]
        cancelled = sum(bool(one.get("was_cancelled")) for one in annotations)
        self._tally.note("annotations that were cancelled, not read", cancelled)
        responses = [
            one for row in rows for given in plain_table(row.get("responses")).values() for one in tables(given)
        ]
        status = [one.get("status") for one in responses]
        flat = (value for row in rows for name, value in row.items() if name.endswith(".responses.status"))
        status += [one for listed in flat for one in as_list(listed)]
        unsent = sum(one in ("draft", "discarded") for one in status)
        self._tally.note("responses that were drafts or discarded, not read", unsent)

    def _settled(self, shown: dict[str, Json]) -> dict[str, Json]:
        try:
            return self._names.rename(dict(shown))
        except DataError as error:
            self._tally.note(f"fields that could each be meant: {error}")
            return shown


def _context(id: str, context: Json) -> tuple[Span, ...]:
    """The context that people saw, as what was retrieved."""
    if context is None:
        return ()
    texts = context if isinstance(context, list) else [context]
    found: list[Json] = [{"content": one if isinstance(one, str) else shown_json(one)} for one in texts]
    return (Span(id=f"{id}:context", name="context", kind="retrieval", output=found),)


def _shown(row: dict[str, Json], format: str) -> dict[str, Json]:
    """What people saw, by the names of the project."""
    whole = row.get("fields") if format == Argilla.name else row.get("data")
    if isinstance(whole, dict):
        return without_empty({name: unpacked(value) for name, value in whole.items()})
    own = _ARGILLA_OWN if format == Argilla.name else _STUDIO_OWN
    if not (row.keys() & {"_server_id", "status"} if format == Argilla.name else row.keys() >= STUDIO_MARKS):
        raise Unusable("no record: it has neither fields nor what a flat export has in every row")
    return without_empty(
        {name: unpacked(value) for name, value in row.items()
         if name not in own and ".responses" not in name and ".suggestion" not in name}
    )  # fmt: skip


def _answers(said: Said) -> Iterator[Feedback]:
    """What one person decided, with what they wrote."""
    decided: dict[str, bool | float | str] = {}
    written: dict[str, str] = {}
    for question, answer in said.answers.items():
        answer = studio_value(unpacked(answer))
        if said.flat and not _is_answer(question, answer):
            continue
        name = normal_name(question)
        if isinstance(answer, str) and (
            any(name == field or name in LABEL_FIELDS.synonyms[field] for field in _WRITTEN)
            or (" " in answer and not _is_verdict(answer))
        ):
            written[question] = answer
        elif isinstance(answer, (bool, int, float, str)) and answer != "":
            decided[question] = answer
        elif isinstance(answer, list) and answer:
            decided[question] = ", ".join(str(plain_table(one).get("value", one)) for one in answer)
    comment = "\n".join(written.values()) or None
    who, at = said.annotator, utc(said.at)
    for question, value in decided.items():
        yield Feedback(name=question, value=value, comment=comment, source="expert", annotator=who, at=at)
    for question, wording in written.items() if not decided else ():
        yield Feedback(name=question, comment=wording, source="expert", annotator=who, at=at)


def _is_answer(column: str, value: Json) -> bool:
    """Whether a column of a flat export holds answers; data and answers stand side by side there."""
    name = normal_name(column)
    known = any(name == field or name in synonyms for field, synonyms in LABEL_FIELDS.synonyms.items() if field != "id")
    return known or (_is_verdict(value) and isinstance(value, str)) or name in ("stars", "choice", "choices")


def _is_verdict(value: Json) -> bool:
    try:
        return outcome_of(value) is not None
    except Unusable:
        return False


def _by_model(row: dict[str, Json]) -> Iterator[Feedback]:
    """What models suggested before people answered."""
    for question, one in plain_table(row.get("suggestions")).items():
        if isinstance(one, dict):
            yield from _suggested(question, one.get("value"), one.get("agent"))
    for name, value in row.items():
        if name.endswith(".suggestion"):
            yield from _suggested(name.removesuffix(".suggestion"), value, row.get(f"{name}.agent"))
    for prediction in tables(row.get("predictions")):
        for part in tables(prediction.get("result")):
            value = studio_value(part.get("value") or {})
            yield from _suggested(text(part.get("from_name")) or "prediction", value, prediction.get("model_version"))


def _suggested(question: str, value: Json, agent: Json) -> Iterator[Feedback]:
    if isinstance(value, (bool, int, float, str)) and value != "":
        yield Feedback(name=question, value=value, source="model", annotator=text(agent))
