"""Labels from the exports of Argilla 2 and Label Studio, brought to the contract's fields.

Both let people choose the names of questions, and neither needs to know an interaction's id. So a question is found by
its name, or by being the only one whose answers fit; an id by being the field that holds ids of the dataset, else by
the texts that were shown. What two questions could each be is asked for (`--column verdict=NAME`), never guessed.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from dikast.errors import DataError
from dikast.interactions.columns import LABEL_FIELDS, normal_name
from dikast.interactions.formats import format_of
from dikast.interactions.label_fields import absent, label_of, outcome_of
from dikast.interactions.label_rows import LabelRow, LabelRows, Problem, opened_file, problem_of, read_label_rows
from dikast.interactions.label_tools import STUDIO_MARKS, Said, said_in
from dikast.interactions.rows import Tally, Unusable
from dikast.interactions.units import normal_text
from dikast.records import Interaction, Json

_FOUND = frozenset({"id", "verdict", "score", "critique", "tags", "note", "annotator", "at"})


def read_label_file(
    path: str | os.PathLike[str], dataset: Iterable[Interaction], *, columns: Mapping[str, str] | None = None
) -> LabelRows:
    """The labels of a sheet, of JSON Lines, or of an export of Argilla or Label Studio. Raises DataError.

    dataset: what was labelled; iterated only for an export of a tool. columns: which column or question a field is.
    """
    columns = columns or {}
    said = _tool_export(path)
    if said is None:
        return read_label_rows(path, columns=columns)
    notes: list[str] = []
    questions = _questions(said, columns, notes)
    ids = _ids(said, list(dataset), columns.get("id"), notes)
    rows: list[LabelRow] = []
    problems: list[Problem] = []
    for one, id in zip(said, ids, strict=True):
        if id is None:
            problems.append(
                Problem(row=one.row, column="id", reason="no interaction of the dataset has its id or texts")
            )
            continue
        fields = {field: one.answers.get(question) for field, question in questions.items()}
        if all(absent(value) for value in fields.values()):
            continue
        try:
            label = label_of({**fields, "annotator": one.annotator, "at": one.at}, id, Tally())
        except Unusable as unusable:
            problems.append(problem_of(one.row, unusable))
            continue
        seen = frozenset({*fields, "id", "annotator"})
        rows.append(LabelRow(row=one.row, id=id, label=label, annotator=label.annotator, columns=seen))
    return LabelRows(rows=rows, problems=problems, notes=tuple(notes))


def _tool_export(path: str | os.PathLike[str]) -> list[Said] | None:
    """The answers of an export; None for a file that is none."""
    with opened_file(path) as file:
        kind = format_of(file)
        if kind == "table":
            head = next(csv.reader(io.StringIO(file.head.decode("utf-8", "replace"), newline="")), [])
            if not set(head) >= STUDIO_MARKS:
                return None
            text = io.TextIOWrapper(file.stream, "utf-8", errors="replace", newline="")
            try:
                rows = [{name: _cell(cell) for name, cell in row.items()} for row in csv.DictReader(text)]
            finally:
                text.detach()
            return [said for number, row in enumerate(rows, 2) for said in said_in(number, row) or ()]
        if kind != "json":
            return None
        try:
            records = msgspec.json.decode(file.stream.read())
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # the ordinary reader says where it breaks
    if not isinstance(records, list) or not records or not all(isinstance(one, dict) for one in records):
        return None
    found = [said_in(number, one) for number, one in enumerate(records, 1)]
    if found[0] is None:
        return None
    return [said for one in found for said in one or ()]


def _cell(cell: Any) -> Json:
    if isinstance(cell, str) and cell[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(cell)
        except msgspec.DecodeError:
            return cell
    return cell


def _questions(said: Sequence[Said], columns: Mapping[str, str], notes: list[str]) -> dict[str, str]:
    """Which question each field is. Raises DataError where none or several could be the verdict."""
    values: dict[str, list[Json]] = {}
    for one in said:
        for question, answer in one.answers.items():
            if not absent(answer):
                values.setdefault(question, []).append(answer)
    for field, name in columns.items():
        if field in _FOUND - {"id", "annotator", "at"} and name not in values:
            raise DataError(f"there is no question {name!r}", hint=f"There are: {', '.join(values) or 'none'}.")
    chosen = {field: name for field, name in columns.items() if field in _FOUND - {"id", "annotator", "at"}}
    flat = any(one.flat for one in said)
    for field, fits in (("verdict", _is_verdict), ("score", _is_score), ("critique", _is_text), ("tags", _is_tags)):
        if field in chosen:
            continue
        free = [name for name in values if name not in chosen.values() and all(map(fits, values[name]))]
        named = [name for name in free if normal_name(name) in (field, *LABEL_FIELDS.synonyms[field])]
        found = named or ([] if flat and field != "verdict" else free)
        if len(found) > 1 and field == "verdict":
            both = " and ".join(repr(name) for name in found)
            raise DataError(f"the verdict could be {both}", hint=f"Say which: --column verdict={found[0]}.")
        if len(found) == 1:
            chosen[field] = found[0]
            if found[0] != field:
                notes.append(f"the question {found[0]!r} is read as {field!r}")
    if not {"verdict", "score"} & chosen.keys() and values:
        shown = ", ".join(repr(name) for name in values)
        raise DataError(
            f"no question says pass or fail, or a score; there are {shown}", hint="Say which: --column verdict=NAME."
        )
    return chosen


def _is_verdict(value: Json) -> bool:
    try:
        return isinstance(value, (str, bool)) and outcome_of(value) is not None
    except Unusable:
        return False


def _is_score(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value: Json) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and len(value) == 1 and isinstance(value[0], str))


def _is_tags(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _ids(said: Sequence[Said], items: Sequence[Interaction], chosen: str | None, notes: list[str]) -> list[str | None]:
    """The interaction of each answer: by the field that holds most ids, else by the texts."""
    known = {item.id for item in items}
    matches: dict[str, int] = {}
    for one in said:
        for name, value in one.shown.items():
            matches[name] = matches.get(name, 0) + (value in known)
    if chosen is not None and chosen not in matches:
        raise DataError(f"there is no field {chosen!r} for the id", hint=f"There are: {', '.join(matches)}.")
    field = chosen or max(matches, key=lambda name: (matches[name], name == "id"), default=None)
    if field is not None and (chosen or matches[field]):
        if field != "id":
            notes.append(f"the field {field!r} is read as the id")
        found = [one.shown.get(field) for one in said]
        return [id if id in known else None for id in found]
    by_text: dict[str, list[tuple[str, str]]] = {}
    for item in items:
        by_text.setdefault(normal_text(item.input), []).append((normal_text(item.output), item.id))
    notes.append("no field holds the dataset's ids; interactions were found by their texts")
    return [_by_text(one, by_text) for one in said]


def _by_text(one: Said, by_text: Mapping[str, Sequence[tuple[str, str]]]) -> str | None:
    texts = {normal_text(value) for value in one.shown.values()}
    found = {id for text in texts for output, id in by_text.get(text, ()) if output in texts}
    return found.pop() if len(found) == 1 else None
