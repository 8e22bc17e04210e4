"""Logs of Inspect: one JSON, or an archive (.eval) with a file for each sample."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from dikast.interactions.opening import opened
from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json
from dikast.traces.chat_messages import chat_messages
from dikast.traces.decoding import first_text, plain_table, text, utc, words
from dikast.traces.formats import Dropped, Read, Sample
from dikast.traces.items import Item, files_in, items_in, items_of, keys_of, traces_of
from dikast.traces.loose import as_list, own_id, shown_json, without_empty
from dikast.traces.trace import Feedback, FeedbackSource, Trace

if sys.version_info >= (3, 14):
    import zipfile

    from compression.zstd import ZstdError
else:  # an archive's entries are compressed with zstd, which zipfile knows from then on
    from backports.zstd import ZstdError, zipfile

_SUFFIXES = (".eval", ".json")
_SAMPLES = ("samples",)
_HEADERS = ("header.json", "_journal/start.json")
_ATTACHED = "attachment://"
_DEEPEST = 60
_BROKEN = (zipfile.BadZipFile, RuntimeError, EOFError, zlib.error, ZstdError, OSError)


class InspectLogs:
    """Logs of Inspect AI."""

    name = "inspect"
    title = "Inspect logs"

    def recognises(self, sample: Sample) -> bool:
        """By the members of the archive, or the keys of the JSON."""
        if sample.head.startswith(b"PK"):
            return any(name in _HEADERS for name in sample.members)
        return keys_of(sample) >= {"eval", "version", "status"}

    def read(self, paths: tuple[Path, ...], tally: Tally) -> Iterator[Read]:
        """A trace for each sample and epoch, with its scores."""
        for path in files_in(paths, _SUFFIXES, tally):
            with opened(str(path), path) as file:
                archive = file.head.startswith(b"PK")
            items = _of_archive(path, tally) if archive else _of_json(path, tally)
            yield from traces_of(items, lambda item: [_sample(item, tally)], tally)


def _of_json(path: Path, tally: Tally) -> Iterator[Item | Dropped]:
    """The samples, each with what the log says of them all."""
    log: Json = {}
    found = False
    for item in items_of(path, tally, lists=(_SAMPLES,)):
        if isinstance(item, Dropped):
            yield item
        elif item.place == ("eval",):
            log = plain_table(item.value)
        elif item.place == _SAMPLES or (not item.place and "epoch" in plain_table(item.value)):
            found = True
            yield item._replace(value={"log": log, "sample": item.value})
    if not found:
        yield Dropped(str(path), 1, "no samples: the log was written without them", "")


def _of_archive(path: Path, tally: Tally) -> Iterator[Item | Dropped]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            log: Json = {}
            for name in _HEADERS:
                if name in names and not log:
                    for item in _member(archive, path, name, tally):
                        log = plain_table(plain_table(item.value).get("eval")) if isinstance(item, Item) else log
            if "header.json" not in names:
                tally.note(f"{path.name}: the run was not finished; the samples that it had are read")
            samples = sorted(name for name in names if name.startswith("samples/") and name.endswith(".json"))
            if not samples:
                yield Dropped(str(path), 1, "no samples: the log was written without them", "")
            for name in samples:
                for item in _member(archive, path, name, tally):
                    yield item._replace(value={"log": log, "sample": item.value}) if isinstance(item, Item) else item
    except _BROKEN as error:
        yield Dropped(str(path), 1, f"broken off: the archive can't be read further ({error})", "")


def _member(archive: zipfile.ZipFile, path: Path, name: str, tally: Tally) -> Iterator[Item | Dropped]:
    place = f"{path}:{name}"
    try:
        with archive.open(name) as member:
            yield from items_in(place, cast(BinaryIO, member), tally)
    except _BROKEN as error:
        yield Dropped(place, 1, f"broken off: this part of the archive can't be read ({error})", "")


def _sample(item: Item, tally: Tally) -> Trace:
    log, sample = item.value["log"], plain_table(item.value["sample"])
    if not {"input", "messages", "output"} & sample.keys():
        raise Unusable("no sample: input, messages and output are missing")
    attached = plain_table(sample.get("attachments"))
    messages = chat_messages(_resolved(sample.get("messages"), attached), tally)
    output = plain_table(_resolved(sample.get("output"), attached))
    given = _resolved(sample.get("input"), attached)
    place = {"sample_id": sample.get("id"), "epoch": sample.get("epoch"), "task": text(log.get("task"))}
    return Trace(
        id=text(sample.get("uuid")) or own_id(log.get("eval_id"), place, given, output),
        format=InspectLogs.name,
        name=text(log.get("task")) or "",
        started=utc(sample.get("started_at")) or utc(log.get("created")),
        input=chat_messages(given, tally) if isinstance(given, list) else text(given),
        output=text(output.get("completion")),
        reference=_reference(_resolved(sample.get("target"), attached)),
        messages=tuple(messages),
        feedback=tuple(_feedback(plain_table(_resolved(sample.get("scores"), attached)))),
        project=text(log.get("eval_id")),
        tags=words(log.get("tags")) if log.get("tags") else (),
        model=first_text(output.get("model"), log.get("model")),
        error=first_text(plain_table(sample.get("error")).get("message"), output.get("error")),
        metadata={**plain_table(sample.get("metadata")), **without_empty(place)},
    )


def _resolved(value: Json, attached: dict[str, Json], depth: int = 0) -> Json:
    """A value with the long texts that the log keeps apart put back in."""
    if not attached or depth > _DEEPEST:
        return value
    if isinstance(value, str) and value.startswith(_ATTACHED):
        return attached.get(value.removeprefix(_ATTACHED), value)
    if isinstance(value, list):
        return [_resolved(one, attached, depth + 1) for one in value]
    if isinstance(value, dict):
        return {key: _resolved(one, attached, depth + 1) for key, one in value.items()}
    return value


def _reference(target: Json) -> Json:
    texts = as_list(target)
    return texts[0] if len(texts) == 1 else target or None


def _feedback(scores: dict[str, Json]) -> Iterator[Feedback]:
    """What each scorer said; a scorer that gave several values is as many."""
    for name, raw in scores.items():
        score = raw if isinstance(raw, dict) and "value" in raw else {"value": raw}
        source: FeedbackSource = "model" if "model" in name or "judge" in name else "code"
        comment = text(score.get("explanation"))
        value = score["value"]
        values = {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
        for part, one in values.items():
            said = one if isinstance(one, (bool, int, float, str)) or one is None else shown_json(one)
            yield Feedback(name=part, value=said, comment=comment, source=source)
