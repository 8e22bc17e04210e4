"""Local servers that speak as the platforms do: they store, page, count requests, refuse, are slow, and die midway.

    server = Langfuse(traces=30, faults={3: "429"})      # the third request is answered with 429
    server.url, server.requests, server.scores

Each runs in a thread of its own. What the real ones refuse (a limit that is too high, a boolean score that is true
instead of 1, feedback that would cost money, annotations without a span) is refused here too.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

BEGIN = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Platform:
    """A server with faults. faults: by the number of the request (from 1), or a function of the request."""

    key_header: tuple[str, str] | None = None

    def __init__(self, *, traces: int = 0, faults: Any = None, retry_after: str = "0", start: datetime = BEGIN) -> None:
        self.items: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.writes = 0
        self.faults = faults or {}
        self.retry_after = retry_after
        self.start = start
        for _ in range(traces):
            self.add()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def add(self, **said: Any) -> dict[str, Any]:
        """One more trace."""
        number = len(self.items)
        item = {"n": number, "id": f"{number + 1:032x}", "at": self.start + timedelta(minutes=number),
                "name": "desk", "tags": [], **said}  # fmt: skip
        self.items.append(item)
        return item

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def counted(self, path: str) -> int:
        return sum(path in asked for _, asked in self.requests)

    def routes(self) -> list[web.RouteDef]:
        raise AssertionError

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(middlewares=[self._watched], client_max_size=5 * 2**20)
        app.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)  # one that is slow is not waited for
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    @web.middleware
    async def _watched(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append((request.method, request.path_qs))
        fault = self.faults(request) if callable(self.faults) else self.faults.get(len(self.requests))
        if fault == "drop":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        if fault == "slow":
            await asyncio.sleep(30)
        if fault == "page":
            return web.Response(text="<!doctype html><title>Sign in</title>", content_type="text/html")
        if fault == "moved":
            return web.Response(status=302, headers={"Location": "https://login.example/"})
        if fault is not None:
            headers = {"Retry-After": self.retry_after} if fault == "429" else {}
            return web.json_response({"message": f"no: {fault}"}, status=int(fault), headers=headers)
        if self.key_header is not None and request.headers.get(self.key_header[0]) != self.key_header[1]:
            return web.json_response({"message": "Invalid credentials"}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer


def page(rows: list[Any], offset: int, limit: int) -> tuple[list[Any], int | None]:
    return rows[offset : offset + limit], offset + limit if offset + limit < len(rows) else None


# Which types of a filter the columns take, of those that are asked for here
FILTERS = {
    "traceId": ("string", "stringOptions"), "traceName": ("string", "stringOptions"), "startTime": ("datetime",),
    "traceTags": ("arrayOptions", "stringOptions"), "isRootObservation": ("boolean",),
}  # fmt: skip


class Langfuse(Platform):
    """lag: whether scores that were written are shown at once. old: a server of version 3. lists: whether `any of`."""

    key_header = ("Authorization", "Basic " + base64.b64encode(b"pk-lf-test:sk-lf-test").decode())

    def __init__(self, *, lag: bool = False, old: bool = False, lists: bool = True, most: int = 1000, **said: Any):
        self.lag, self.old, self.lists, self.most = lag, old, lists, most
        self.scores: dict[str, dict[str, Any]] = {}
        self.hidden: set[str] = set()
        super().__init__(**said)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/public/v2/observations", self.observations),
            web.get("/api/public/v3/scores", self.get_scores),
            web.get("/api/public/v2/scores", self.get_old_scores),
            web.get("/api/public/traces", self.traces),
            web.get("/api/public/traces/{id}", self.trace),
            web.post("/api/public/scores", self.post_score),
        ]

    def say(self, trace: str, name: str, value: Any, *, source: str = "API", at: datetime | None = None) -> None:
        """A score that is not ours."""
        id = f"theirs-{len(self.scores)}"
        kind = "BOOLEAN" if isinstance(value, bool) else "NUMERIC" if isinstance(value, (int, float)) else "CATEGORICAL"
        self.scores[id] = {"id": id, "name": name, "value": value, "dataType": kind, "source": source, "metadata": {},
                           "comment": None, "timestamp": stamp(at or self.start), "traceId": trace,
                           "authorUserId": "ana" if source == "ANNOTATION" else None}  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        found = []
        for item in self.items:
            common = {"traceId": item["id"], "projectId": "p1", "traceName": item["name"], "tags": item["tags"],
                      "level": "DEFAULT", "environment": "live", "userId": "u", "sessionId": None}  # fmt: skip
            number = item["n"]
            root = {"id": f"r{number:015x}", "type": "SPAN", "isRootObservation": True, "parentObservationId": None,
                    "name": item["name"], "startTime": stamp(item["at"]), "endTime": stamp(item["at"]),
                    "input": f"Question {number}?", "output": item.get("output", f"Answer {number}."),
                    "metadata": item.get("metadata", {})}  # fmt: skip
            step = {"id": f"c{number:015x}", "type": "RETRIEVER", "isRootObservation": False,
                    "parentObservationId": root["id"], "name": "search", "startTime": stamp(item["at"]),
                    "endTime": stamp(item["at"]), "input": "q", "output": f"page {number}", "metadata": {}}  # fmt: skip
            found += [{**common, **root}, {**common, **step}]
        return sorted(found, key=lambda row: row["startTime"], reverse=True)

    async def observations(self, request: web.Request) -> web.Response:
        if self.old:
            return web.json_response({"message": "Not found"}, status=404)
        asked = request.query
        limit = int(asked.get("limit", 50))
        conditions = json.loads(asked.get("filter", "[]"))
        if any(one["type"] not in FILTERS.get(one["column"], ()) or not one["value"] for one in conditions):
            return web.json_response({"message": "Invalid filter type for column"}, status=400)
        if limit > 1000 or any(one["type"] == "stringOptions" for one in conditions) > self.lists:
            return web.json_response({"message": "Invalid request"}, status=400)
        if limit > self.most:
            return web.json_response({"message": "Response too large, exceeds 5 MB"}, status=422)
        if "traceId" in asked:
            conditions.append({"column": "traceId", "operator": "=", "value": asked["traceId"]})
        fits = {"=": lambda a, b: a == b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
                "any of": lambda a, b: a in b, "all of": lambda a, b: set(b) <= set(a)}  # fmt: skip
        names = {"traceTags": "tags"}
        rows = [
            dict(row) for row in self.rows()
            if all(fits[c["operator"]](row[names.get(c["column"], c["column"])], c["value"]) for c in conditions)
        ]  # fmt: skip
        groups = asked.get("fields", "core,basic").split(",")
        whole = asked.get("expandMetadata", "").split(",")
        for row in rows:
            row["metadata"] = {k: v if k in whole else v[:200] for k, v in row["metadata"].items()}
            for group, keys in (("io", ("input", "output")), ("metadata", ("metadata",))):
                if group not in groups:
                    for key in keys:
                        row.pop(key)
        offset = int(base64.b64decode(asked["cursor"])) if "cursor" in asked else 0
        some, following = page(rows, offset, limit)
        meta = {} if following is None else {"cursor": base64.b64encode(str(following).encode()).decode()}
        return web.json_response({"data": some, "meta": meta})

    def _chosen(self, asked: Any) -> list[dict[str, Any]]:
        rows = [score for id, score in self.scores.items() if id not in self.hidden]
        traces = asked["traceId"].split(",") if "traceId" in asked else None
        since, until = asked.get("fromTimestamp", ""), asked.get("toTimestamp", "9")
        return [
            row for row in rows
            if (traces is None or row["traceId"] in traces) and since <= row["timestamp"] < until
        ]  # fmt: skip

    async def get_scores(self, request: web.Request) -> web.Response:
        if self.old:
            return web.json_response({"message": "Not found"}, status=404)
        limit, fields = int(request.query.get("limit", 50)), request.query.get("fields", "").split(",")
        known = {"limit", "cursor", "fields", "traceId", "fromTimestamp", "toTimestamp"}
        if limit > 100 or request.query.keys() - known or set(fields) - {"details", "subject", "annotation", ""}:
            return web.json_response({"message": "Invalid request data"}, status=400)
        some, following = page(self._chosen(request.query), int(request.query.get("cursor", 0)), limit)
        shown = []
        for score in some:
            row = {key: value for key, value in score.items() if key not in ("traceId", "observationId")}
            if "subject" in fields:
                kind = "observation" if score.get("observationId") else "trace"
                row["subject"] = {"kind": kind, "id": score.get("observationId") or score["traceId"]}
                if kind == "observation":
                    row["subject"]["traceId"] = score["traceId"]
            if score["dataType"] == "BOOLEAN":
                row["value"] = bool(score["value"])
            if "details" not in fields:
                row = {key: value for key, value in row.items() if key not in ("comment", "metadata")}
            shown.append(row)
        return web.json_response({"data": shown, "meta": {} if following is None else {"cursor": str(following)}})

    async def get_old_scores(self, request: web.Request) -> web.Response:
        number = int(request.query.get("page", 1))
        rows = [
            {**row, "value": int(row["value"]), "stringValue": str(row["value"])}
            if row["dataType"] == "BOOLEAN"
            else row
            for row in self._chosen(request.query)
        ]
        some, _ = page(rows, (number - 1) * 100, 100)
        return web.json_response({"data": some, "meta": {"page": number, "totalPages": -(-len(rows) // 100)}})

    async def traces(self, request: web.Request) -> web.Response:
        number, limit = int(request.query["page"]), 10
        since, until = request.query["fromTimestamp"], request.query["toTimestamp"]
        rows = [{"id": one["id"], "timestamp": stamp(one["at"])} for one in self.items]
        rows = [row for row in rows if since <= row["timestamp"] < until]
        some, _ = page(rows, (number - 1) * limit, limit)
        return web.json_response({"data": some, "meta": {"page": number, "totalPages": -(-len(rows) // limit)}})

    async def trace(self, request: web.Request) -> web.Response:
        item = next((one for one in self.items if one["id"] == request.match_info["id"]), None)
        if item is None:
            return web.json_response({"message": "Not found"}, status=404)
        rows = [row for row in self.rows() if row["traceId"] == item["id"]]
        scores = [row for row in self.scores.values() if row["traceId"] == item["id"]]
        root = rows[0]
        return web.json_response(
            {"id": item["id"], "timestamp": stamp(item["at"]), "name": item["name"], "input": root["input"],
             "output": root["output"], "metadata": {}, "tags": item["tags"], "userId": "u", "sessionId": None,
             "environment": "live", "observations": rows, "scores": scores}
        )  # fmt: skip

    async def post_score(self, request: web.Request) -> web.Response:
        body = await request.json()
        value, kind = body.get("value"), body.get("dataType")
        fine = {"BOOLEAN": value in (0, 1) and not isinstance(value, bool), "NUMERIC": isinstance(value, (int, float)),
                "CATEGORICAL": isinstance(value, str)}  # fmt: skip
        if not body.get("name") or not body.get("traceId") or not fine.get(kind, False):
            return web.json_response({"message": f"Invalid request data: {value!r} as {kind}"}, status=400)
        self.writes += 1
        self.scores[body["id"]] = {**body, "source": "API", "timestamp": stamp(self.start)}
        if self.lag:
            self.hidden.add(body["id"])
        return web.json_response({"id": body["id"]})


class LangSmith(Platform):
    key_header = ("X-Api-Key", "ls-test")
    project = "11111111-2222-4333-8444-555555555555"

    def __init__(self, *, old: bool = False, **said: Any) -> None:
        self.old = old  # self-hosted, with version 1 of the API only
        self.feedback: dict[str, dict[str, Any]] = {}
        super().__init__(**said)

    def routes(self) -> list[web.RouteDef]:
        newer = [web.post("/api/v2/runs/query", self.runs_v2), web.get("/api/v2/traces/{trace}/runs", self.trace_v2)]
        return [
            *([web.post("/runs/query", self.runs)] if self.old else newer),
            web.get("/sessions", self.sessions),
            web.get("/feedback", self.get_feedback),
            web.post("/feedback", self.post_feedback),
            web.patch("/feedback/{id}", self.patch_feedback),
        ]

    def say(self, trace: str, key: str, score: Any, *, kind: str = "app", at: datetime | None = None) -> None:
        id = f"theirs-{len(self.feedback)}"
        self.feedback[id] = {"id": id, "run_id": trace, "trace_id": trace, "key": key, "score": score, "value": None,
                             "comment": None, "created_at": stamp(at or self.start),
                             "feedback_source": {"type": kind, "metadata": {}}}  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        found = []
        for item in self.items:
            id = trace_uuid(item["n"])
            common = {"trace_id": id, "session_id": self.project, "start_time": stamp(item["at"]), "error": None,
                      "end_time": stamp(item["at"]), "extra": {}, "status": "success"}  # fmt: skip
            order = f"20261101T090000000000Z{id}"
            found.append({**common, "id": id, "name": item["name"], "run_type": "chain", "parent_run_id": None,
                          "inputs": {"question": f"Question {item['n']}?"},
                          "outputs": {"output": f"Answer {item['n']}."}, "tags": item["tags"],
                          "dotted_order": order})  # fmt: skip
            child = f"{item['n'] + 1:08x}-0000-4000-8000-00000000cccc"
            found.append({**common, "id": child, "name": "search", "run_type": "retriever", "parent_run_id": id,
                          "inputs": {"query": "q"}, "outputs": {"documents": [{"page_content": f"page {item['n']}"}]},
                          "tags": [], "dotted_order": f"{order}.20261101T090000000001Z{child}"})  # fmt: skip
        return found

    async def sessions(self, request: web.Request) -> web.Response:
        known = request.query.get("name") == "support"
        return web.json_response([{"id": self.project, "name": "support"}] if known else [])

    async def runs(self, request: web.Request) -> web.Response:
        body = await request.json()
        known = {"session", "is_root", "start_time", "filter", "limit", "select", "cursor", "trace"}
        if body.keys() - known or body.get("limit", 100) > 100 or body.get("session") != [self.project]:
            return web.json_response({"detail": "a key, limit or session"}, status=422)
        rows = self._asked(body, body.get("start_time", ""))
        if "trace" in body:
            rows = [row for row in rows if row["trace_id"] == body["trace"]]
        offset = int(body.get("cursor", 0))
        some, following = page(rows, offset, min(body["limit"], 10))
        kept = [{key: value for key, value in row.items() if key in body["select"]} for row in some]
        return web.json_response({"runs": kept, "cursors": {"next": None if following is None else str(following)}})

    def _asked(self, body: dict[str, Any], since: str) -> list[dict[str, Any]]:
        rows = sorted(self.rows(), key=lambda row: row["start_time"], reverse=True)
        rows = [row for row in rows if row["start_time"] >= since]
        if body.get("is_root"):
            rows = [row for row in rows if row["parent_run_id"] is None]
        asked = body.get("filter", "")
        until = asked.partition('lt(start_time, "')[2].partition('"')[0] or "9"
        rows = [row for row in rows if row["start_time"] < until]
        if "eq(name, " in asked:
            rows = [row for row in rows if row["name"] == asked.partition('eq(name, "')[2].partition('"')[0]]
        for part in asked.split('has(tags, "')[1:]:
            rows = [row for row in rows if part.partition('"')[0] in row["tags"]]
        return rows

    async def runs_v2(self, request: web.Request) -> web.Response:
        """What does not say since when is asked for the last day."""
        body = await request.json()
        known = {"project_ids", "is_root", "min_start_time", "max_start_time", "filter", "page_size", "selects"}
        wrong = body.keys() - known - {"cursor"} or body["project_ids"] != [self.project]
        if wrong or not 1 <= body["page_size"] <= 1000:
            return web.json_response({"detail": "a key, project_ids or page_size"}, status=422)
        rows = self._asked(body, body.get("min_start_time", stamp(datetime.now(UTC) - timedelta(days=1))))
        some, following = page(rows, int(body.get("cursor", 0)), min(body["page_size"], 10))
        return web.json_response({"items": [_selected(row, body.get("selects", ["ID"])) for row in some],
                                  "next_cursor": None if following is None else str(following)})  # fmt: skip

    async def trace_v2(self, request: web.Request) -> web.Response:
        if request.query.keys() - {"project_id", "selects"} or request.query["project_id"] != self.project:
            return web.json_response({"detail": "a key or project_id"}, status=422)
        rows = [row for row in self.rows() if row["trace_id"] == request.match_info["trace"]]
        if not rows:
            return web.json_response({"detail": "Trace not found"}, status=404)
        return web.json_response({"items": [_selected(row, request.query.getall("selects", ["ID"])) for row in rows]})

    async def get_feedback(self, request: web.Request) -> web.Response:
        runs = request.query.getall("run", [])
        known = {"run", "session", "limit", "offset", "min_created_at", "max_created_at"}
        if request.query.keys() - known or not 1 <= int(request.query["limit"]) <= 100:
            return web.json_response({"detail": "a parameter that is not known, or limit"}, status=422)
        rows = [row for row in self.feedback.values() if not runs or row["run_id"] in runs]
        some, _ = page(rows, int(request.query.get("offset", 0)), int(request.query["limit"]))
        return web.json_response(some)

    async def post_feedback(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body.get("extend_trace_retention") is not False or not body.get("session_id"):
            return web.json_response({"detail": "would cost money, or no session_id"}, status=422)
        if body["id"] in self.feedback:
            return web.json_response({"detail": "Feedback already exists"}, status=409)
        if body["run_id"] not in {row["id"] for row in self.rows()}:
            return web.json_response({"detail": "Run not found"}, status=404)
        if body["score"] is not None and round(body["score"], 4) != body["score"]:
            return web.json_response({"detail": "too many decimals"}, status=422)
        self.writes += 1
        self.feedback[body["id"]] = {**body, "created_at": stamp(self.start)}
        return web.json_response({"id": body["id"]})

    async def patch_feedback(self, request: web.Request) -> web.Response:
        self.writes += 1
        self.feedback[request.match_info["id"]] |= await request.json()
        return web.json_response({"message": "Feedback updated"})


def _selected(row: dict[str, Any], selects: list[str]) -> dict[str, Any]:
    """A run as version 2 shows it: only what was asked for, with words in capitals and all its parents."""
    parents = [] if row["parent_run_id"] is None else [row["parent_run_id"]]
    shown = {**row, "run_type": row["run_type"].upper(), "status": row["status"].upper(), "metadata": {},
             "parent_run_ids": parents, "project_id": row["session_id"]}  # fmt: skip
    shown = {key.upper(): value for key, value in shown.items() if key not in ("parent_run_id", "session_id")}
    assert set(selects) <= shown.keys() | {"TOTAL_TOKENS", "TOTAL_COST"}, selects
    return {key.lower(): shown[key] for key in selects if key in shown}


def trace_uuid(number: int) -> str:
    return f"{number + 1:08x}-0000-4000-8000-00000000aaaa"


class Phoenix(Platform):
    def __init__(self, **said: Any) -> None:
        self.annotations: dict[tuple[str, str, str], dict[str, Any]] = {}
        super().__init__(**said)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/projects/{project}/spans", self.spans),
            web.get("/v1/projects/{project}/span_annotations", self.get_annotations),
            web.post("/v1/span_annotations", self.post_annotations),
        ]

    def say(self, span: str, name: str, label: str, *, score: float | None = None, kind: str = "HUMAN") -> None:
        self.annotations[span, name, "ana"] = {"span_id": span, "name": name, "annotator_kind": kind, "metadata": {},
                                               "identifier": "ana", "source": "APP",
                                               "result": {"label": label, "score": score}}  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        found = []
        for item in self.items:
            root = f"{item['n'] + 1:016x}"
            times = {"start_time": stamp(item["at"]), "end_time": stamp(item["at"]), "status_code": "OK", "events": []}
            found.append({**times, "id": "x", "name": item["name"], "span_kind": "CHAIN", "parent_id": None,
                          "context": {"trace_id": item["id"], "span_id": root},
                          "attributes": {"input.value": f"Question {item['n']}?", "tag.tags": item["tags"],
                                         "output.value": f"Answer {item['n']}."}})  # fmt: skip
            found.append({**times, "id": "y", "name": "search", "span_kind": "RETRIEVER", "parent_id": root,
                          "context": {"trace_id": item["id"], "span_id": f"c{item['n'] + 1:015x}"},
                          "attributes": {"retrieval.documents.0.document.content": f"page {item['n']}"}})  # fmt: skip
        return found

    async def spans(self, request: web.Request) -> web.Response:
        asked = request.query
        if request.match_info["project"] != "default":
            return web.json_response({"detail": "Project not found"}, status=404)
        if int(asked["limit"]) > 1000:
            return web.json_response({"detail": "limit"}, status=422)
        traces = asked.getall("trace_id", [])
        rows = [
            row for row in self.rows()
            if (not traces or row["context"]["trace_id"] in traces)
            and ("start_time" not in asked or moment(asked["start_time"]) <= moment(row["start_time"]))
            and ("end_time" not in asked or moment(row["start_time"]) < moment(asked["end_time"]))
            and (asked.get("parent_id") != "null" or row["parent_id"] is None)
            and ("name" not in asked or row["name"] == asked["name"])
        ]  # fmt: skip
        some, following = page(rows, int(asked.get("cursor", 0)), min(int(asked["limit"]), 20))
        return web.json_response({"data": some, "next_cursor": None if following is None else str(following)})

    async def get_annotations(self, request: web.Request) -> web.Response:
        ids = request.query.getall("span_ids", [])
        if not ids:
            return web.json_response({"detail": "span_ids or identifier"}, status=422)
        rows = [row for row in self.annotations.values() if row["span_id"] in ids]
        some, following = page(rows, int(request.query.get("cursor", 0)), 10)
        return web.json_response({"data": some, "next_cursor": None if following is None else str(following)})

    async def post_annotations(self, request: web.Request) -> web.Response:
        rows = (await request.json())["data"]
        if request.query.get("sync") != "true":
            return web.json_response({"data": []})  # queued: whether it ever lands is not said
        known = {row["context"]["span_id"] for row in self.rows()}
        missing = [row["span_id"] for row in rows if row["span_id"] not in known]
        if missing:
            return web.json_response({"detail": f"Spans with IDs {missing} do not exist."}, status=404)
        for row in rows:
            self.writes += 1
            self.annotations[row["span_id"], row["name"], row["identifier"]] = {**row, "source": "API"}
        return web.json_response({"data": [{"id": "z"} for _ in rows]})


class Mlflow(Platform):
    def __init__(self, *, batches: bool = True, **said: Any) -> None:
        self.batches = batches
        super().__init__(**said)

    def routes(self) -> list[web.RouteDef]:
        base = "/api/3.0/mlflow/traces"
        return [
            web.get("/api/2.0/mlflow/experiments/get-by-name", self.experiment),
            web.post(f"{base}/search", self.search),
            web.get(f"{base}/batchGet", self.batch),
            web.get(base + "/{id}", self.info),
            web.get("/ajax-api/2.0/mlflow/get-trace-artifact", self.artifact),
            web.post(base + "/{id}/assessments", self.assess),
            web.patch(base + "/{id}/assessments/{own}", self.reassess),
        ]

    def add(self, **said: Any) -> dict[str, Any]:
        item = super().add(**said)
        item["id"] = f"tr-{item['id']}"
        item["assessments"] = []
        return item

    def say(self, number: int, name: str, value: Any) -> None:
        self.items[number]["assessments"].append(
            {"assessment_id": f"a-{number}", "assessment_name": name,
             "source": {"source_type": "HUMAN", "source_id": "ana"}, "feedback": {"value": value}, "valid": True}
        )  # fmt: skip

    def _info(self, item: dict[str, Any]) -> dict[str, Any]:
        return {"trace_id": item["id"], "request_time": stamp(item["at"]), "state": "OK", "trace_metadata": {},
                "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}},
                "tags": {"mlflow.traceName": item["name"], **dict.fromkeys(item["tags"], "yes")},
                "assessments": item["assessments"]}  # fmt: skip

    def _find(self, id: str) -> dict[str, Any] | None:
        return next((one for one in self.items if one["id"] == id), None)

    async def experiment(self, request: web.Request) -> web.Response:
        if request.query["experiment_name"] != "support":
            return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)
        return web.json_response({"experiment": {"experiment_id": "1"}})

    async def search(self, request: web.Request) -> web.Response:
        body = await request.json()
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}}
        known = {"locations", "filter", "max_results", "order_by", "page_token"}
        if body.keys() - known or body["locations"] != [place] or not 1 <= body["max_results"] <= 500:
            return web.json_response({"error_code": "INVALID_PARAMETER_VALUE"}, status=400)
        parts = body["filter"].split(" AND ")
        start, end = int(parts[0].split()[-1]), int(parts[1].split()[-1])
        rows = [
            self._info(one) for one in reversed(self.items) if start <= one["at"].timestamp() * 1000 < end
        ]  # fmt: skip
        if len(parts) > 2:
            rows = [row for row in rows if row["tags"]["mlflow.traceName"] == parts[2].split("'")[1]]
        some, following = page(rows, int(body.get("page_token", 0)), 20)
        return web.json_response({"traces": some, **({} if following is None else {"next_page_token": str(following)})})

    def _spans(self, item: dict[str, Any], *, plain: bool) -> list[dict[str, Any]]:
        said = {"mlflow.spanInputs": json.dumps({"question": f"Question {item['n']}?"}),
                "mlflow.spanOutputs": json.dumps(f"Answer {item['n']}."), "mlflow.spanType": '"AGENT"'}  # fmt: skip
        listed = [{"key": key, "value": {"string_value": value}} for key, value in said.items()]
        id = base64.b64encode((item["n"] + 1).to_bytes(8)).decode()
        return [{"trace_id": item["id"], "span_id": id, "name": item["name"], "parent_span_id": "",
                 "start_time_unix_nano": int(item["at"].timestamp() * 1e9), "end_time_unix_nano": 0,
                 "status": {"code": "STATUS_CODE_OK"}, "attributes": said if plain else listed}]  # fmt: skip

    async def batch(self, request: web.Request) -> web.Response:
        if not self.batches:
            return web.json_response({"error_code": "ENDPOINT_NOT_FOUND"}, status=404)
        found = [one for id in request.query.getall("trace_ids") if (one := self._find(id))]
        traces = [{"trace_info": self._info(one), "spans": self._spans(one, plain=False)} for one in found]
        return web.json_response({"traces": traces})

    async def info(self, request: web.Request) -> web.Response:
        item = self._find(request.match_info["id"])
        if item is None:
            return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)
        return web.json_response({"trace": {"trace_info": self._info(item)}})

    async def artifact(self, request: web.Request) -> web.Response:
        item = self._find(request.query["request_id"])
        assert item is not None
        return web.json_response({"spans": self._spans(item, plain=True)})

    async def assess(self, request: web.Request) -> web.Response:
        item = self._find(request.match_info["id"])
        body = (await request.json())["assessment"]
        if item is None or any(not isinstance(value, str) for value in body.get("metadata", {}).values()):
            return web.json_response({"error_code": "INVALID_PARAMETER_VALUE"}, status=400)
        self.writes += 1
        item["assessments"].append({**body, "assessment_id": f"a-{self.writes}-{item['n']}"})
        return web.json_response({"assessment": item["assessments"][-1]})

    async def reassess(self, request: web.Request) -> web.Response:
        item = self._find(request.match_info["id"])
        body = await request.json()
        assert item is not None
        own = next(one for one in item["assessments"] if one["assessment_id"] == request.match_info["own"])
        for key in body["update_mask"].split(","):
            own[key] = body["assessment"][key]
        self.writes += 1
        return web.json_response({"assessment": own})


class Collector(Platform):
    """An OpenTelemetry collector: takes, and shows nothing."""

    def routes(self) -> list[web.RouteDef]:
        self.bodies: list[Any] = []
        return [web.post("/v1/logs", self.take)]

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.writes += 1
        return web.json_response({"partialSuccess": {}})
