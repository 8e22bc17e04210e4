"""LiteLLM's spend logs: a row a request, with its texts where the proxy was told to store them.

Rows carry a hash of the key that paid, and its name; neither is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.decoding import first_text, table, text, unpacked, utc, words
from dikast.traces.exchanges import error_of, exchange
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.items import Item, files_in, objects_of, traces_of, values_of
from dikast.traces.loose import own_id, shown_json, without_empty
from dikast.traces.trace import Trace

_SUFFIXES = (".json", ".jsonl")
_LISTS = (("data",), ("logs",))
_ABOUT = ("call_type", "custom_llm_provider", "model_group", "cache_hit", "spend", "prompt_tokens", "completion_tokens")
# Also inside of a text that spells JSON, where quotes are escaped.
_KEYS = re.compile(
    r"""(\\?["'][a-z_-]*(?:api[_-]key|authorization|cookie)[a-z_-]*\\?["']\s*:\s*)\\?["'][^"'\\]*(?:\\?["']|\Z)""",
    re.IGNORECASE,
)
_CUT = "litellm_truncated"
_NOT_STORED = (
    "no text: the proxy stores prompts and answers only with store_prompts_in_spend_logs: true in its general_settings"
)


class LiteLLM:
    """Spend logs of LiteLLM's proxy."""

    name = "litellm"
    title = "LiteLLM spend logs"

    def recognises(self, sample: Sample) -> bool:
        """By a request's id beside what it cost and how it was called."""
        return any({"request_id", "call_type", "spend"} <= one.keys() for one in values_of(sample)) or (
            b'"call_type"' in sample.head and b'"spend"' in sample.head and b'"request_id"' in sample.head
        )

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each request whose texts were stored."""
        items = objects_of(files_in(paths, _SUFFIXES, tally), tally, lists=_LISTS)
        for read in traces_of(items, lambda item: [_request(item, tally)], tally):
            yield _without_keys(read) if isinstance(read, Dropped) else read


def _without_keys(dropped: Dropped) -> Dropped:
    """A row that is shown among the rejects, without the hash of its key."""
    return msgspec.structs.replace(dropped, raw=_KEYS.sub(r'\1"…"', dropped.raw))


def _request(item: Item, tally: Tally) -> Trace:
    row: dict[str, Json] = item.value
    metadata = table(row.get("metadata"))
    asked = unpacked(row.get("messages"))
    request = {"messages": asked} if asked else table(row.get("proxy_server_request"))
    if isinstance(request.get("body"), dict):
        request = request["body"]
    found = exchange(request, row.get("response"), tally)
    error = error_of(metadata.get("error_information")) or found.error
    failed = first_text(row.get("status"), metadata.get("status")) == "failure"
    if not found.asked and not found.answered:
        raise Unusable(f"failed: {error or 'the request failed'}, and no text was stored" if failed else _NOT_STORED)
    if _CUT in shown_json(asked) or _CUT in shown_json(row.get("response")):
        tally.note("requests whose long texts the proxy cut before it stored them")
    id = first_text(row.get("request_id"), row.get("litellm_call_id")) or own_id(found.asked, found.answered)
    about = {key: row.get(key) for key in _ABOUT if isinstance(row.get(key), (str, int, float))}
    return Trace(
        id=id,
        format=LiteLLM.name,
        started=utc(row.get("startTime")),
        **found.parts(id),
        conversation=text(row.get("session_id")),
        user=first_text(row.get("end_user"), row.get("user")),
        project=text(row.get("team_id")),
        tags=words(unpacked(row.get("request_tags"))),
        model=first_text(row.get("model"), found.model),
        error=(error or "the request failed") if failed else None,
        metadata=without_empty(about),
    )
