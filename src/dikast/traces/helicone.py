"""Helicone's requests, as its export writes them with bodies, or as its interface answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.decoding import first_text, plain_table, table, text, utc
from dikast.traces.exchanges import exchange
from dikast.traces.formats import Read, Sample
from dikast.traces.items import Item, files_in, objects_of, traces_of, values_of
from dikast.traces.loose import own_id, without_empty
from dikast.traces.trace import Feedback, Trace

_SUFFIXES = (".jsonl", ".json")
_LISTS = (("data",),)
_MARKS = frozenset({"response_body", "request_body", "signed_body_url", "feedback_rating"})
_ABOUT = ("provider", "delay_ms", "cost", "prompt_tokens", "completion_tokens", "prompt_id", "prompt_version",
          "response_status")  # fmt: skip
_SESSION = "Helicone-Session-Id"
_FAILED = 400


class Helicone:
    """Requests of Helicone."""

    name = "helicone"
    title = "Helicone requests"

    def recognises(self, sample: Sample) -> bool:
        """By a request's id beside its bodies, or the thumb that it has a place for."""
        values = values_of(sample)
        pages = [inner for one in values for inner in _page(one)]
        return any("request_id" in one and "response_id" in one and one.keys() & _MARKS for one in (*values, *pages))

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each request that came with its bodies, with the user's thumb."""
        items = objects_of(files_in(paths, _SUFFIXES, tally), tally, lists=_LISTS)
        return traces_of(items, lambda item: [_request(item, tally)], tally)


def _page(one: dict[str, Json]) -> list[dict[str, Json]]:
    data = one.get("data")
    return [inner for inner in data[:1] if isinstance(inner, dict)] if isinstance(data, list) else []


def _request(item: Item, tally: Tally) -> Trace:
    row: dict[str, Json] = item.value
    found = exchange(row.get("request_body"), row.get("response_body"), tally)
    if not found.asked and not found.answered:
        told = "its bodies are at signed_body_url, which expires" if row.get("signed_body_url") else "it has no bodies"
        raise Unusable(f"no text: {told}; export again with --include-body")
    properties = {
        **table(row.get("request_properties")),
        **table(row.get("properties")),
    }
    id = text(row.get("request_id")) or own_id(found.asked, found.answered)
    status = row.get("response_status")
    failed = isinstance(status, int) and status >= _FAILED
    about = {key: row.get(key) for key in _ABOUT if isinstance(row.get(key), (str, int, float))}
    return Trace(
        id=id,
        format=Helicone.name,
        started=utc(row.get("request_created_at")),
        **found.parts(id),
        feedback=tuple(_feedback(row)),
        conversation=text(properties.get(_SESSION)),
        user=first_text(row.get("request_user_id"), row.get("helicone_user")),
        model=first_text(row.get("response_model"), found.model, row.get("model")),
        error=(found.error or f"status {status}") if failed or found.error else None,
        metadata=without_empty({**about, **{key: one for key, one in properties.items() if key != _SESSION}}),
    )


def _feedback(row: dict[str, Json]) -> Iterator[Feedback]:
    if isinstance(row.get("feedback_rating"), bool):
        at, id = utc(row.get("feedback_created_at")), text(row.get("feedback_id"))
        yield Feedback(name="feedback", value=row["feedback_rating"], source="user", at=at, id=id)
    for name, value in table(row.get("scores")).items():
        value = plain_table(value).get("value", value) if isinstance(value, dict) else value
        if isinstance(value, (bool, int, float)):
            yield Feedback(name=name, value=value)
