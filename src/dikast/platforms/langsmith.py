"""LangSmith: runs by query, feedback in and out. A score never extends how long a trace is kept, which costs money."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlencode

from dikast.errors import DataError, EndpointRefused
from dikast.platforms.calls import Calls
from dikast.platforms.concurrent import each
from dikast.platforms.platform import Listed, Page, Standing
from dikast.platforms.query import Query, Window, rfc3339
from dikast.platforms.score import MARK, Score
from dikast.records import Json, canonical_json
from dikast.traces.decoding import table, tables, text, utc
from dikast.traces.trace import Feedback

_PAGE = 100
_DECIMALS = 4  # what the platform keeps of a score
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SELECT = [
    "id", "name", "run_type", "start_time", "end_time", "extra", "error", "inputs", "outputs", "parent_run_id", "tags",
    "session_id", "status", "trace_id", "dotted_order", "total_tokens", "total_cost", "feedback_stats",
    "inputs_s3_urls", "outputs_s3_urls",
]  # fmt: skip
_SELECT_V2 = [
    "ID", "NAME", "RUN_TYPE", "START_TIME", "END_TIME", "EXTRA", "METADATA", "ERROR", "INPUTS", "OUTPUTS",
    "PARENT_RUN_IDS", "TAGS", "PROJECT_ID", "STATUS", "TRACE_ID", "DOTTED_ORDER", "TOTAL_TOKENS", "TOTAL_COST",
]  # fmt: skip
_BY_MACHINES = ("model", "evaluator", "auto_eval")


class LangSmith:
    """One project of LangSmith."""

    name = "langsmith"
    lag_s = 60.0
    late_feedback = True
    batch = 50

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._session: str | None = None
        self._v2: bool | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def traces(self, window: Window, query: Query, cursor: str | None) -> Page:
        """See Source."""
        conditions = [f'lt(start_time, "{rfc3339(window.end)}")']
        conditions += [f"eq(name, {_quoted(query.name)})"] if query.name is not None else []
        conditions += [f"has(tags, {_quoted(tag)})" for tag in query.tags]
        wanted = conditions[0] if len(conditions) == 1 else f"and({', '.join(conditions)})"
        project = await self._project()
        body: dict[str, Json] = {
            "project_ids": [project], "is_root": True, "min_start_time": rfc3339(window.start),
            "max_start_time": rfc3339(window.end), "filter": wanted, "page_size": _PAGE, "selects": ["ID", "TRACE_ID"],
        }  # fmt: skip
        page = await self._newer("POST", "/api/v2/runs/query", {**body, **({"cursor": cursor} if cursor else {})})
        if page is not None:
            return Page(_ids(page.get("items")), text(page.get("next_cursor")))
        body = {
            "session": [project], "is_root": True, "start_time": rfc3339(window.start), "filter": wanted,
            "limit": _PAGE, "select": ["id", "trace_id", "start_time"],
        }  # fmt: skip
        page = table(await self._calls.post("/runs/query", {**body, **({"cursor": cursor} if cursor else {})}))
        return Page(_ids(page.get("runs")), text(table(page.get("cursors")).get("next")))

    async def feedback(self, window: Window, cursor: str | None) -> Page:
        """See Source."""
        offset = int(cursor or 0)
        given = {
            "session": await self._project(), "limit": _PAGE, "offset": offset,
            "min_created_at": rfc3339(window.start), "max_created_at": rfc3339(window.end),
        }  # fmt: skip
        rows = tables(await self._calls.get("/feedback", given))
        first, last = utc(rfc3339(window.start)) or "", utc(rfc3339(window.end)) or ""
        inside = [row for row in rows if first <= (utc(row.get("created_at")) or first) < last]
        return Page(tuple(_listed(inside)), str(offset + _PAGE) if len(rows) == _PAGE else None)

    async def fetch(self, traces: Sequence[str], query: Query) -> list[dict[str, Json]]:
        """See Source."""
        found = await each(traces, self._runs)
        kept = [rows for rows in found if rows and _wanted(rows, query)]
        runs = [row for rows in kept for row in rows]
        return runs + await self._feedback_on([str(row["id"]) for row in runs])

    async def standing(self, scores: Sequence[Score]) -> dict[str, Standing]:
        """See Target."""
        rows = await self._feedback_on(list(dict.fromkeys(score.span or score.trace for score in scores)))
        there: dict[tuple[str, str], list[dict[str, Json]]] = {}
        for row in rows:
            there.setdefault((str(row.get("run_id")), str(row.get("key"))), []).append(row)
        return {score.id: _standing(score, there.get((score.span or score.trace, score.name), [])) for score in scores}

    async def put(self, scores: Sequence[Score], standing: dict[str, Standing]) -> dict[str, str]:
        """See Target."""

        async def one(score: Score) -> str | None:
            try:
                if standing[score.id].state == "differs":
                    await self._calls.send("PATCH", f"/feedback/{score.id}", _said(score))
                else:
                    await self._calls.post("/feedback", _body(score, score.project or await self._project()))
            except EndpointRefused as error:
                if error.status in (401, 403):
                    raise
                return str(error)
            return None

        refused = await each(scores, one)
        return {score.id: why for score, why in zip(scores, refused, strict=True) if why}

    async def _project(self) -> str:
        """The project's id, which the platform calls a session."""
        if self._session is None:
            given = self._calls.address.project or ""
            if _UUID.fullmatch(given):
                self._session = given
            else:
                rows = tables(await self._calls.get("/sessions", {"name": given, "limit": 1}))
                id = next((text(row.get("id")) for row in rows if row.get("name") == given), None)
                if id is None:
                    raise DataError(f"LangSmith has no project {given!r} that this key may see")
                self._session = id
        return self._session

    async def _newer(self, method: str, path: str, body: Json = None) -> dict[str, Json] | None:
        """What version 2 of the API answers; None from a server that has only version 1 (self-hosted, before 0.16)."""
        if self._v2 is False:
            return None
        origin = self._calls.address.root
        for suffix in ("/api/v1", "/api"):  # under which a self-hosted server has version 1
            origin = origin.removesuffix(suffix)
        try:
            answer = table(await self._calls.send(method, origin + path, body))
        except EndpointRefused as error:
            if error.status not in (404, 405, 501):
                raise
            if self._v2:  # the trace is not there, and not the path
                return {}
            self._v2 = False
            return None
        self._v2 = True
        return answer

    async def _runs(self, trace: str) -> list[dict[str, Json]]:
        asked = urlencode({"project_id": await self._project(), "selects": _SELECT_V2}, doseq=True)
        found = await self._newer("GET", f"/api/v2/traces/{quote(trace, safe='')}/runs?{asked}")
        if found is not None:
            return [_as_before(row) for row in tables(found.get("items"))]
        rows: list[dict[str, Json]] = []
        body: dict[str, Json] = {
            "session": [await self._project()], "trace": trace, "limit": _PAGE, "select": _SELECT,
        }  # fmt: skip
        while True:
            page = table(await self._calls.post("/runs/query", body))
            rows += tables(page.get("runs"))
            following = text(table(page.get("cursors")).get("next"))
            if following is None:
                return rows
            body["cursor"] = following

    async def _feedback_on(self, runs: Sequence[str]) -> list[dict[str, Json]]:
        rows: list[dict[str, Json]] = []
        for start in range(0, len(runs), _PAGE):
            offset = 0
            while True:
                given = {"run": list(runs[start : start + _PAGE]), "limit": _PAGE, "offset": offset}
                more = tables(await self._calls.get("/feedback", given))
                rows += more
                if len(more) < _PAGE:
                    break
                offset += _PAGE
        return rows


def _ids(rows: Json) -> tuple[Listed, ...]:
    return tuple(Listed(str(row.get("trace_id") or row["id"])) for row in tables(rows) if row.get("id"))


def _as_before(row: dict[str, Json]) -> dict[str, Json]:
    """A run of version 2 under the names of version 1, which exports have and the reader knows."""
    extra, parents = table(row.get("extra")), row.get("parent_run_ids") or [None]
    return {
        **row,
        "run_type": str(row.get("run_type")).lower(),
        "status": str(row.get("status")).lower(),
        "parent_run_id": parents[-1],
        "session_id": row.get("project_id"),
        "extra": {**extra, "metadata": {**table(row.get("metadata")), **table(extra.get("metadata"))}},
    }


def _listed(rows: Sequence[dict[str, Json]]) -> Iterator[Listed]:
    for row in rows:
        source, trace = table(row.get("feedback_source")), text(row.get("trace_id")) or text(row.get("run_id"))
        if trace is None or source.get("type") in _BY_MACHINES or MARK in table(source.get("metadata")):
            continue
        value = row.get("score") if row.get("score") is not None else row.get("value")
        said = value if isinstance(value, (bool, int, float, str)) else None
        yield Listed(trace, Feedback(name=str(row.get("key")), value=said, comment=text(row.get("comment"))))


def _standing(score: Score, rows: Sequence[dict[str, Json]]) -> Standing:
    own = next((row for row in rows if row.get("id") == score.id), None)
    person = any(row is not own and _by_person(row) for row in rows)
    if own is None:
        return Standing(person=person)
    same = all(own.get(key) == value for key, value in _said(score).items())
    return Standing("same" if same else "differs", person=person)


def _by_person(row: dict[str, Json]) -> bool:
    source = table(row.get("feedback_source"))
    return source.get("type") not in _BY_MACHINES and MARK not in table(source.get("metadata"))


def _said(score: Score) -> dict[str, Json]:
    value = None if score.value is None else round(score.value, _DECIMALS)
    return {"score": value, "value": score.label, "comment": score.comment}


def _body(score: Score, project: str) -> dict[str, Json]:
    return {
        "id": score.id, "run_id": score.span or score.trace, "trace_id": score.trace, "session_id": project,
        "start_time": None if score.span else score.at,  # of the run itself, and only the trace's is known
        "key": score.name, **_said(score), "feedback_source": {"type": "model", "metadata": score.marked},
        "extend_trace_retention": False,
    }  # fmt: skip


def _wanted(rows: Sequence[dict[str, Json]], query: Query) -> bool:
    root = next((row for row in rows if not row.get("parent_run_id")), rows[0])
    tags = root.get("tags") or []
    return (query.name is None or root.get("name") == query.name) and all(tag in tags for tag in query.tags)


def _quoted(value: str) -> str:
    return canonical_json(value).decode()
