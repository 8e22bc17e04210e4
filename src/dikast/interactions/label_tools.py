"""What people answered in one record of an export of Argilla 2 or of Label Studio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from dikast.interactions.label_fields import absent
from dikast.records import Json

# Columns of Label Studio's flat exports that are its own, and neither data nor answers.
_STUDIO_OWN = frozenset({"annotation_id", "annotator", "created_at", "updated_at", "lead_time"})
STUDIO_MARKS = frozenset({"annotation_id", "lead_time"})
_LEFT_OUT = frozenset({"discarded", "draft"})


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one person answered to one record. shown: its data, by name. flat: `answers` holds data as well."""

    row: int
    shown: dict[str, str]
    answers: dict[str, Json]
    annotator: str | None = None
    at: str | None = None
    flat: bool = False


def said_in(number: int, record: Mapping[str, Any]) -> list[Said] | None:
    """The answers in a record, one for each person; None where it comes from neither tool."""
    if "fields" in record and "responses" in record:
        return list(_argilla(number, record))
    if "data" in record and "annotations" in record:
        return list(_studio(number, record))
    if record.keys() >= STUDIO_MARKS:
        return [_studio_flat(number, record)]
    if "_server_id" in record:
        return list(_argilla_flat(number, record))
    return None


def _argilla(number: int, record: Mapping[str, Any]) -> Iterator[Said]:
    by_user: dict[str, dict[str, Json]] = {}
    for question, responses in _table(record.get("responses")).items():
        for response in _tables(responses):
            if str(response.get("status")) not in _LEFT_OUT:
                by_user.setdefault(str(response.get("user_id")), {})[question] = response.get("value")
    shown = {**_table(record.get("metadata")), **_table(record.get("fields")), "id": record.get("id")}
    for user, answers in by_user.items():
        yield Said(row=number, shown=_texts(shown), answers=answers, annotator=user)


def _argilla_flat(number: int, record: Mapping[str, Any]) -> Iterator[Said]:
    by_user: dict[str, dict[str, Json]] = {}
    for name, values in record.items():
        if not name.endswith(".responses"):
            continue
        users, status = _list(record.get(f"{name}.users")), _list(record.get(f"{name}.status"))
        for at, value in enumerate(_list(values)):
            if at >= len(status) or str(status[at]) not in _LEFT_OUT:
                user = str(users[at]) if at < len(users) else str(at)
                by_user.setdefault(user, {})[name.removesuffix(".responses")] = value
    for user, answers in by_user.items():
        yield Said(row=number, shown=_texts(record), answers=answers, annotator=user)


def _studio(number: int, task: Mapping[str, Any]) -> Iterator[Said]:
    shown = {"id": task.get("id"), **_table(task.get("meta")), **_table(task.get("data"))}
    for annotation in _tables(task.get("annotations")):
        if annotation.get("was_cancelled"):
            continue
        answers: dict[str, Json] = {}
        for part in _tables(annotation.get("result")):
            if isinstance(part.get("from_name"), str):
                answers[part["from_name"]] = studio_value(part.get("value") or {})
        by = annotation.get("completed_by")
        who = (by.get("email") or by.get("username") or by.get("id")) if isinstance(by, Mapping) else by
        at = annotation.get("updated_at") or annotation.get("created_at")
        yield Said(row=number, shown=_texts(shown), answers=answers, annotator=None if who is None else str(who), at=at)


def _studio_flat(number: int, row: Mapping[str, Any]) -> Said:
    """One annotation as a row, in which data and answers stand side by side."""
    answers = {name: studio_value(value) for name, value in row.items() if name not in _STUDIO_OWN and name != "id"}
    who = row.get("annotator")
    return Said(
        row=number,
        shown=_texts(row),
        answers=answers,
        annotator=None if absent(who) else str(who),
        at=row.get("updated_at") or row.get("created_at"),
        flat=True,
    )


def studio_value(value: Json) -> Json:
    """One answer, out of the object or list that it is wrapped in."""
    if isinstance(value, Mapping):
        if isinstance(value.get("text"), list):  # a text area's paragraphs
            return "\n".join(str(part) for part in value["text"])
        inner = next((value[key] for key in ("choices", "rating", "number", "text") if key in value), None)
        return studio_value(inner) if isinstance(inner, list) else inner
    if isinstance(value, list) and len(value) == 1:
        return studio_value(value[0])
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return None  # drawn boxes and the like: nothing that a label says
    return value


def _texts(shown: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: value for name, value in shown.items() if isinstance(value, (str, int)) and value != ""}
    return {name: str(value) for name, value in kept.items()}


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in _list(value) if isinstance(one, Mapping)]
