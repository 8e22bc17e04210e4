"""Open WebUI: exports of chats, and the history of feedback, which holds each rated chat as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.branching import branch_traces
from dikast.traces.chat_messages import REASONING_NOTE, Message, messages_of
from dikast.traces.chat_tree import Node, Tree
from dikast.traces.decoding import first_text, plain_table, tables, text, utc, words
from dikast.traces.formats import Read, Sample
from dikast.traces.items import Item, files_in, objects_of, traces_of, values_of
from dikast.traces.loose import as_list, own_id, thumb, without_empty
from dikast.traces.trace import Feedback, Span, Trace

# The text of a thought can't hold the closing tag: the program quotes every line of it.
_REASONING = re.compile(r'<details\b[^>]*\btype="reasoning"[^>]*>.*?</details>\s*', re.DOTALL)


class OpenWebUI:
    """Chats and feedback of Open WebUI."""

    name = "openwebui"
    title = "Open WebUI chats and feedback"

    def recognises(self, sample: Sample) -> bool:
        """By a chat with a history of messages by id, or a rating with such a chat as its snapshot."""
        return any(_is_chat(one) or _is_rating(one) for one in values_of(sample))

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each chat. Of one rated more than once the newest snapshot is read, with all its ratings."""
        files = tuple(files_in(paths, (".json", ".jsonl"), tally))
        ratings = _ratings(files)
        number = 0

        def made(item: Item) -> Iterator[Trace]:
            value = item.value
            if not _is_rating(value):
                yield from _chat(value, (), tally)
                return
            chat = _chat_of(value)
            if ratings[chat].newest != _stand(value, number):
                tally.note("earlier snapshots of a chat, left out for the newest")
                return
            yield from _chat({**plain_table(value["snapshot"]["chat"]), "id": chat}, ratings[chat].said, tally)

        for item in objects_of(files, tally):
            number += 1
            yield from traces_of([item], made, tally)


def _is_chat(value: dict[str, Json]) -> bool:
    chat = plain_table(value.get("chat"))
    return "history" in chat or ("messages" in chat and "models" in chat)


def _is_rating(value: dict[str, Json]) -> bool:
    return "data" in value and "snapshot" in value and _is_chat(plain_table(plain_table(value["snapshot"]).get("chat")))


class _Ratings:
    """What was said of one chat, and in which of its snapshots it is whole."""

    def __init__(self) -> None:
        self.newest: tuple[str, int] = ("", 0)
        self.said: list[Feedback] = []


def _ratings(files: tuple[Path, ...]) -> dict[str, _Ratings]:
    """The ratings of each chat, without its texts: a first pass over the files."""
    found: dict[str, _Ratings] = {}
    for number, item in enumerate(objects_of(files, Tally()), 1):
        if not isinstance(item, Item) or not _is_rating(item.value):
            continue
        value = item.value
        ratings = found.setdefault(_chat_of(value), _Ratings())
        ratings.newest = max(ratings.newest, _stand(value, number))
        ratings.said += _feedback(
            plain_table(value["data"]),
            text(plain_table(value.get("meta")).get("message_id")),
            id=text(value.get("id")),
            annotator=text(value.get("user_id")),
            at=utc(value.get("updated_at") or value.get("created_at")),
        )
    return found


def _stand(value: dict[str, Json], number: int) -> tuple[str, int]:
    return utc(value.get("updated_at") or value.get("created_at")) or "", number


def _chat_of(value: dict[str, Json]) -> str:
    record = plain_table(value["snapshot"]["chat"])
    return first_text(plain_table(value.get("meta")).get("chat_id"), record.get("id")) or own_id(record)


def _feedback(
    data: dict[str, Json], target: str | None, *, id: str | None, annotator: str | None, at: str | None
) -> list[Feedback]:
    """A thumb, and the grade that may have been given with it."""
    comment = ": ".join(wording for wording in (text(data.get("reason")), text(data.get("comment"))) if wording)
    siblings = words(data.get("sibling_model_ids"))
    if siblings:  # two models answered at once, and this one was preferred or not
        comment = f"{comment} (beside {', '.join(siblings)})".strip()
    value = thumb(data.get("rating"))
    grade = plain_table(data.get("details")).get("rating")
    found: list[Feedback] = []
    if value is not None or comment:
        found.append(
            Feedback(name="rating", value=value, comment=comment or None, source="user",
                     target=target, id=id, annotator=annotator, at=at)
        )  # fmt: skip
    if isinstance(grade, (int, float)) and not isinstance(grade, bool):
        found.append(
            Feedback(name="details.rating", value=grade, source="user", target=target, annotator=annotator, at=at)
        )
    return found


def _chat(record: dict[str, Json], ratings: Iterable[Feedback], tally: Tally) -> Iterator[Trace]:
    chat = plain_table(record.get("chat"))
    messages, current = _history(chat)
    if not messages:
        raise Unusable("no messages: a chat needs history.messages or messages")
    nodes = {
        id: Node(text(one.get("parentId")), one.get("role") == "user", _order(one.get("timestamp"), number))
        for number, (id, one) in enumerate(messages.items())
    }
    said = {id: _said(id, one, tally) for id, one in messages.items()}
    whole = Trace(
        id=text(record.get("id")) or own_id(messages),
        format=OpenWebUI.name,
        name=first_text(record.get("title"), chat.get("title")) or "",
        started=utc(record.get("created_at")) or utc(chat.get("timestamp")),
        spans=tuple(span for id, one in messages.items() for span in _sources(id, one)),
        feedback=(*ratings, *_annotations(messages, list(ratings))),
        user=text(record.get("user_id")),
        tags=words(plain_table(record.get("meta")).get("tags") or chat.get("tags")),
        model=first_text(messages.get(current or "", {}).get("model"), *as_list(chat.get("models"))),
        error=_error(messages.get(current or "")),
        metadata=without_empty({"folder": text(record.get("folder_id"))}),
    )
    yield from branch_traces(whole, Tree(nodes), current, said, tally)


def _history(chat: dict[str, Json]) -> tuple[dict[str, dict[str, Json]], str | None]:
    """The messages by id, and the last of those that are shown."""
    history = plain_table(chat.get("history"))
    messages = {id: one for id, one in plain_table(history.get("messages")).items() if isinstance(one, dict)}
    if messages:
        return messages, text(history.get("currentId"))
    flat = tables(chat.get("messages"))  # a chat from before there was a history
    ids = [text(one.get("id")) or str(number) for number, one in enumerate(flat)]
    linked = {id: {"parentId": before, **one} for id, before, one in zip(ids, [None, *ids], flat, strict=False)}
    return linked, ids[-1] if ids else None


def _annotations(messages: dict[str, dict[str, Json]], ratings: list[Feedback]) -> list[Feedback]:
    """What stands with the messages themselves and was not among the ratings."""
    known = {one.id for one in ratings if one.id} | {one.target for one in ratings if one.target}
    found: list[Feedback] = []
    for id, one in messages.items():
        rating = text(one.get("feedbackId"))
        if isinstance(one.get("annotation"), dict) and id not in known and rating not in known:
            at = utc(one.get("timestamp"))
            found += _feedback(one["annotation"], id, id=rating, annotator=None, at=at)
    return found


def _said(id: str, one: dict[str, Json], tally: Tally) -> list[Message]:
    content = one.get("content")
    if isinstance(content, str) and one.get("role") != "user":
        content, thoughts = _REASONING.subn("", content)
        tally.note(REASONING_NOTE, thoughts)
    known = {key: one[key] for key in ("role", "tool_calls", "tool_call_id", "name") if key in one}
    return messages_of({**known, "content": content, "id": id}, tally)


def _sources(id: str, one: dict[str, Json]) -> list[Span]:
    """What was retrieved for an answer: documents, with what is known of each in lists beside them."""
    documents: list[Json] = []
    for source in tables(one.get("sources") or one.get("citations")):
        named = plain_table(source.get("source"))
        about, scores = as_list(source.get("metadata")), as_list(source.get("distances"))
        for number, document in enumerate(as_list(source.get("document"))):
            metadata = plain_table(about[number]) if number < len(about) else {}
            score = scores[number] if number < len(scores) else None
            found = {"id": text(named.get("id")), "score": score if isinstance(score, (int, float)) else None,
                     "metadata": without_empty({"name": text(named.get("name")), **metadata})}  # fmt: skip
            documents.append({"content": document if isinstance(document, str) else "", **without_empty(found)})
    if not documents:
        return []
    at = utc(one.get("timestamp"))
    return [
        Span(id=f"{id}:sources", name="sources", kind="retrieval", started=at, output=documents,
             attributes={"message": id})
    ]  # fmt: skip


def _error(last: dict[str, Json] | None) -> str | None:
    error = (last or {}).get("error")
    return first_text(plain_table(error).get("content"), error) if not isinstance(error, bool) else None


def _order(timestamp: Json, number: int) -> float:
    known = isinstance(timestamp, (int, float)) and not isinstance(timestamp, bool)
    return float(timestamp) + number * 1e-6 if known else number * 1e-6
