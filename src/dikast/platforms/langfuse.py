"""Langfuse: observations and scores of its present API, or of the older one where a server has only that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from dikast.errors import EndpointError, EndpointRefused
from dikast.platforms.calls import Calls, too_large
from dikast.platforms.concurrent import each
from dikast.platforms.platform import Listed, Page, Standing
from dikast.platforms.query import Query, Window, rfc3339
from dikast.platforms.score import MARK, Score
from dikast.records import Json
from dikast.traces.decoding import table, tables, text
from dikast.traces.langfuse_records import camel, score_of
from dikast.traces.trace import Feedback

_FIELDS = "core,basic,time,io,metadata,model,usage,trace_context"
_SCORE_FIELDS = "details,subject,annotation"
_PAGE = 1000
_SCORES = 100
_CUT_METADATA = 200
_OLD = "old:"


class Langfuse:
    """One project of Langfuse, the one that the keys are of."""

    name = "langfuse"
    lag_s = 900.0
    late_feedback = True
    batch = 50

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._old: bool | None = None
        self._page = _PAGE
        self._by_list = True

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def traces(self, window: Window, query: Query, cursor: str | None) -> Page:
        """See Source."""
        if await self._is_old():
            return await self._old_traces(window, query, cursor)
        conditions: list[dict[str, Json]] = [
            {"type": "boolean", "column": "isRootObservation", "operator": "=", "value": True},
            {"type": "datetime", "column": "startTime", "operator": ">=", "value": rfc3339(window.start)},
            {"type": "datetime", "column": "startTime", "operator": "<", "value": rfc3339(window.end)},
        ]
        if query.name is not None:
            conditions.append({"type": "string", "column": "traceName", "operator": "=", "value": query.name})
        if query.tags:
            conditions.append(
                {"type": "arrayOptions", "column": "traceTags", "operator": "all of", "value": list(query.tags)}
            )
        rows, following = await self._observations({"fields": "core,basic", "filter": _json(conditions)}, cursor)
        return Page(tuple(Listed(str(row["traceId"])) for row in rows if text(row.get("traceId"))), following)

    async def feedback(self, window: Window, cursor: str | None) -> Page:
        """See Source; those of models and those that were pushed from here are none."""
        times = {"fromTimestamp": rfc3339(window.start), "toTimestamp": rfc3339(window.end)}
        rows, following = await self._scores(times, cursor)
        return Page(tuple(_listed(rows)), following)

    async def fetch(self, traces: Sequence[str], query: Query) -> list[dict[str, Json]]:
        """See Source."""
        if await self._is_old():
            found = await each(traces, lambda id: self._calls.find(f"/api/public/traces/{id}"))
            rows = [row for row in found if isinstance(row, dict)]
            return [row for row in rows if _wanted(row.get("name"), row.get("tags"), query)]
        rows = await self._observations_of(traces, None)
        cut = {
            key for row in rows for key, value in table(row.get("metadata")).items()
            if isinstance(value, str) and len(value) >= _CUT_METADATA and "," not in key
        }  # fmt: skip
        if cut:
            rows = await self._observations_of(traces, ",".join(sorted(cut)))
        known: dict[str, tuple[Json, Json]] = {}
        for row in rows:
            known.setdefault(str(row.get("traceId")), (row.get("traceName"), row.get("tags")))
        kept = [id for id in traces if id in known and _wanted(*known[id], query)]
        rows = [row for row in rows if row.get("traceId") in set(kept)]
        return rows + (await self._scores_of(kept) if kept else [])

    async def standing(self, scores: Sequence[Score]) -> dict[str, Standing]:
        """See Target."""
        rows = await self._scores_of(list(dict.fromkeys(score.trace for score in scores)))
        there: dict[tuple[str, str | None, str], list[dict[str, Json]]] = {}
        for row in rows:
            trace, said = score_of(camel(row))
            there.setdefault((str(trace), text(said["target"]), str(row.get("name"))), []).append(row)
        return {score.id: _standing(score, there.get((score.trace, score.span, score.name), [])) for score in scores}

    async def put(self, scores: Sequence[Score], standing: dict[str, Standing]) -> dict[str, str]:
        """See Target; the same id again replaces what it said before."""

        async def one(score: Score) -> str | None:
            try:
                await self._calls.post("/api/public/scores", _body(score))
            except EndpointRefused as error:
                if error.status in (401, 403):
                    raise
                return str(error)
            return None

        refused = await each(scores, one)
        return {score.id: why for score, why in zip(scores, refused, strict=True) if why}

    async def _is_old(self) -> bool:
        if self._old is None:
            found = await self._calls.find("/api/public/v2/observations", {"limit": 1, "fields": "core"})
            self._old = found is None
        return self._old

    async def _observations(
        self, given: dict[str, Json], cursor: str | None
    ) -> tuple[list[dict[str, Json]], str | None]:
        """A page; smaller ones from then on where the platform says that an answer would be too large."""
        while True:
            try:
                page = table(
                    await self._calls.get(
                        "/api/public/v2/observations", {**given, "limit": self._page, "cursor": cursor}
                    )
                )
                return tables(page.get("data")), text(table(page.get("meta")).get("cursor"))
            except EndpointError as error:
                if not too_large(error) or self._page == 1:
                    raise
                self._page = max(1, self._page // 10)

    async def _observations_of(self, traces: Sequence[str], expand: str | None) -> list[dict[str, Json]]:
        given: dict[str, Json] = {"fields": _FIELDS, "expandMetadata": expand}
        if self._by_list:
            wanted = {"type": "stringOptions", "column": "traceId", "operator": "any of", "value": list(traces)}
            try:
                return await self._all({**given, "filter": _json([wanted])})
            except EndpointRefused as error:
                if error.status != 400:
                    raise
                self._by_list = False  # a server that takes one trace at a time
        found = await each(traces, lambda id: self._all({**given, "traceId": id}))
        return [row for rows in found for row in rows]

    async def _all(self, given: dict[str, Json]) -> list[dict[str, Json]]:
        rows, cursor = await self._observations(given, None)
        while cursor is not None:
            more, cursor = await self._observations(given, cursor)
            rows += more
        return rows

    async def _scores(self, given: dict[str, Json], cursor: str | None) -> tuple[list[dict[str, Json]], str | None]:
        if cursor is None or not cursor.startswith(_OLD):
            asked = {**given, "fields": _SCORE_FIELDS, "limit": _SCORES, "cursor": cursor}
            page = await self._calls.find("/api/public/v3/scores", asked)
            if page is not None:
                return tables(table(page).get("data")), text(table(table(page).get("meta")).get("cursor"))
        number = int((cursor or f"{_OLD}1").removeprefix(_OLD))
        page = table(await self._calls.get("/api/public/v2/scores", {**given, "limit": _SCORES, "page": number}))
        last = table(page.get("meta")).get("totalPages") or 1
        return tables(page.get("data")), f"{_OLD}{number + 1}" if number < last else None

    async def _scores_of(self, traces: Sequence[str]) -> list[dict[str, Json]]:
        async def some(ids: str) -> list[dict[str, Json]]:
            rows, cursor = await self._scores({"traceId": ids}, None)
            while cursor is not None:
                more, cursor = await self._scores({"traceId": ids}, cursor)
                rows += more
            return rows

        lists = list(traces) if await self._is_old() else [",".join(traces)]
        found = await each(lists, some)
        return [row for rows in found for row in rows]

    async def _old_traces(self, window: Window, query: Query, cursor: str | None) -> Page:
        number = int(cursor or 1)
        given = {
            "page": number, "limit": _SCORES, "fromTimestamp": rfc3339(window.start),
            "toTimestamp": rfc3339(window.end), "name": query.name, "tags": list(query.tags) or None,
        }  # fmt: skip
        page = table(await self._calls.get("/api/public/traces", given))
        last = table(page.get("meta")).get("totalPages") or 1
        ids = tuple(Listed(str(row["id"])) for row in tables(page.get("data")) if text(row.get("id")))
        return Page(ids, str(number + 1) if number < last else None)


def _listed(rows: Sequence[dict[str, Json]]) -> Iterator[Listed]:
    for row in rows:
        trace, said = score_of(camel(row))
        if trace is not None and said["source"] != "model" and MARK not in table(row.get("metadata")):
            value = said["value"] if isinstance(said["value"], (bool, int, float, str)) else None
            yield Listed(trace, Feedback(name=str(said["name"]), value=value, comment=text(said["comment"])))


def _standing(score: Score, rows: Sequence[dict[str, Json]]) -> Standing:
    own = next((row for row in rows if row.get("id") == score.id), None)
    person = any(row is not own and _by_person(row) for row in rows)
    if own is None:
        return Standing(person=person)
    same = table(own.get("metadata")).get(MARK) == score.mark
    return Standing("same" if same else "differs", person=person or own.get("source") == "ANNOTATION")


def _by_person(row: dict[str, Json]) -> bool:
    """Whether a person said it, or may have: what comes over the API without our mark is a user's or a program's."""
    return row.get("source") != "EVAL" and MARK not in table(row.get("metadata"))


def _body(score: Score) -> dict[str, Json]:
    kind = "CATEGORICAL" if score.value is None else "BOOLEAN" if score.label in ("pass", "fail") else "NUMERIC"
    value: Json = score.label if score.value is None else score.value
    body = {
        "id": score.id, "traceId": score.trace, "observationId": score.span, "name": score.name,
        "value": int(value) if kind == "BOOLEAN" else value, "dataType": kind, "comment": score.comment,
        # else it lies in the environment "default", where nobody looks at this trace
        "environment": score.environment if score.source == "langfuse" else None,
        "metadata": score.marked,
    }  # fmt: skip
    return {key: part for key, part in body.items() if part is not None}


def _wanted(name: Json, tags: Json, query: Query) -> bool:
    said = tags if isinstance(tags, list) else []
    return (query.name is None or name == query.name) and all(tag in said for tag in query.tags)


def _json(value: Json) -> str:
    return msgspec.json.encode(value).decode()
