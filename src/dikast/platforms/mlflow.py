"""MLflow: traces of one experiment in, assessments (LLM_JUDGE) out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence

from dikast.errors import DataError, EndpointRefused
from dikast.platforms.calls import Calls
from dikast.platforms.concurrent import each
from dikast.platforms.platform import Listed, Page, Standing
from dikast.platforms.query import Query, Window
from dikast.platforms.score import MARK, Score
from dikast.records import Json, canonical_json
from dikast.traces.decoding import table, tables, text
from dikast.traces.otel_values import attributes
from dikast.traces.trace import Feedback

_V3 = "/api/3.0/mlflow/traces"
_PAGE = 100
_SCORE_ID = "dikast_score"


class Mlflow:
    """One experiment of an MLflow server. It numbers assessments itself, so that ours are found by our id in them."""

    name = "mlflow"
    lag_s = 0.0
    late_feedback = False
    batch = 20

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._id: str | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def traces(self, window: Window, query: Query, cursor: str | None) -> Page:
        """See Source; a tag may be a key alone or KEY=VALUE, and is looked at in the list."""
        page, following = await self._search(window, query.name, cursor)
        return Page(tuple(Listed(str(info["trace_id"])) for info in page if _wanted(info, query)), following)

    async def feedback(self, window: Window, cursor: str | None) -> Page:
        """See Source: assessments come with the traces that they are of."""
        page, following = await self._search(window, None, cursor)
        return Page(tuple(said for info in page for said in _listed(info)), following)

    async def fetch(self, traces: Sequence[str], query: Query) -> list[dict[str, Json]]:
        """See Source."""
        page = await self._calls.find(f"{_V3}/batchGet", {"trace_ids": list(traces)})
        if page is None:
            found = await each(traces, self._one)
            rows = [row for row in found if row is not None]
        else:
            rows = [
                {
                    "info": table(one.get("trace_info")),
                    "data": {"spans": [_span(span) for span in tables(one.get("spans"))]},
                }
                for one in tables(table(page).get("traces"))
            ]
        return [row for row in rows if _wanted(row["info"], query)]

    async def standing(self, scores: Sequence[Score]) -> dict[str, Standing]:
        """See Target."""
        traces = list(dict.fromkeys(score.trace for score in scores))
        infos = dict(zip(traces, await each(traces, self._info), strict=True))
        return {score.id: _standing(score, infos[score.trace]) for score in scores}

    async def put(self, scores: Sequence[Score], standing: dict[str, Standing]) -> dict[str, str]:
        """See Target."""

        async def one(score: Score) -> str | None:
            place, remote = f"{_V3}/{score.trace}/assessments", standing[score.id].remote
            try:
                if remote is None:
                    await self._calls.post(place, {"assessment": _body(score)})
                else:
                    said = {key: value for key, value in _body(score).items() if key in _CHANGED}
                    body = {
                        "assessment": {"trace_id": score.trace, "assessment_id": remote, **said},
                        "update_mask": ",".join(said),
                    }
                    await self._calls.send("PATCH", f"{place}/{remote}", body)
            except EndpointRefused as error:
                if error.status in (401, 403):
                    raise
                return str(error)
            return None

        refused = await each(scores, one)
        return {score.id: why for score, why in zip(scores, refused, strict=True) if why}

    async def _experiment(self) -> str:
        if self._id is None:
            given = self._calls.address.project or "Default"
            if given.isdecimal():
                self._id = given
            else:
                place = "/api/2.0/mlflow/experiments/get-by-name"
                found = table(await self._calls.find(place, {"experiment_name": given}))
                self._id = text(table(found.get("experiment")).get("experiment_id"))
                if self._id is None:
                    raise DataError(f"MLflow has no experiment {given!r}", hint="Give its name or its number.")
        return self._id

    async def _search(
        self, window: Window, name: str | None, cursor: str | None
    ) -> tuple[list[dict[str, Json]], str | None]:
        conditions = [
            f"trace.timestamp_ms >= {int(window.start.timestamp() * 1000)}",
            f"trace.timestamp_ms < {int(window.end.timestamp() * 1000)}",
        ]
        if name is not None and "'" not in name:
            conditions.append(f"trace.name = '{name}'")
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": await self._experiment()}}
        body: dict[str, Json] = {
            "locations": [place], "filter": " AND ".join(conditions), "max_results": _PAGE,
            "order_by": ["timestamp_ms DESC"],
        }  # fmt: skip
        if cursor is not None:
            body["page_token"] = cursor
        page = table(await self._calls.post(f"{_V3}/search", body))
        return [info for info in tables(page.get("traces")) if info.get("trace_id")], text(page.get("next_page_token"))

    async def _info(self, trace: str) -> dict[str, Json] | None:
        """A trace's info with its assessments; None where there is no such trace."""
        found = await self._calls.find(f"{_V3}/{trace}")
        return None if found is None else table(table(table(found).get("trace")).get("trace_info"))

    async def _one(self, trace: str) -> dict[str, Json] | None:
        """A trace of a server that gives no batches: its info, and its spans as they were stored."""
        info = await self._info(trace)
        if info is None:
            return None
        data = await self._calls.find("/ajax-api/2.0/mlflow/get-trace-artifact", {"request_id": trace})
        return {"info": info, "data": {"spans": tables(table(data).get("spans"))}}


_CHANGED = ("feedback", "rationale", "metadata")


def _listed(info: dict[str, Json]) -> Iterator[Listed]:
    for row in tables(info.get("assessments")):
        if table(row.get("source")).get("source_type") != "HUMAN" or not isinstance(row.get("feedback"), dict):
            continue
        value = row["feedback"].get("value")
        said = value if isinstance(value, (bool, int, float, str)) else None
        yield Listed(
            str(info["trace_id"]),
            Feedback(name=str(row.get("assessment_name")), value=said, comment=text(row.get("rationale"))),
        )


def _standing(score: Score, info: dict[str, Json] | None) -> Standing:
    if info is None:
        return Standing("unknown")
    rows = [row for row in tables(info.get("assessments")) if _is_of(row, score)]
    own = next((row for row in rows if table(row.get("metadata")).get(_SCORE_ID) == score.id), None)
    person = any(table(row.get("source")).get("source_type") == "HUMAN" for row in rows)
    if own is None:
        return Standing(person=person)
    same = table(own.get("metadata")).get(MARK) == score.mark
    return Standing("same" if same else "differs", person=person, remote=text(own.get("assessment_id")))


def _is_of(row: dict[str, Json], score: Score) -> bool:
    return row.get("assessment_name") == score.name and _hex(text(row.get("span_id"))) == score.span


def _body(score: Score) -> dict[str, Json]:
    value: Json = score.label == "pass" if score.label in ("pass", "fail") else score.value
    body = {
        "trace_id": score.trace, "span_id": score.span, "assessment_name": score.name,
        "source": {"source_type": "LLM_JUDGE", "source_id": str(score.metadata.get("judge"))},
        "feedback": {"value": score.label if value is None else value},
        "rationale": score.comment,
        # Here metadata takes texts only.
        "metadata": {key: _as_text(part) for key, part in {**score.marked, _SCORE_ID: score.id}.items()},
    }  # fmt: skip
    return {key: part for key, part in body.items() if part is not None}


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _span(span: dict[str, Json]) -> dict[str, Json]:
    """An OTLP span under the names that the reader knows from MLflow's own files."""
    return {
        **span,
        "span_id": _hex(text(span.get("span_id"))),
        "parent_span_id": _hex(text(span.get("parent_span_id"))),
        "attributes": attributes(span.get("attributes")),
    }


def _hex(id: str | None) -> str | None:
    if id is None or len(id) != 12:
        return id
    try:
        return base64.b64decode(id, validate=True).hex()
    except (binascii.Error, ValueError):
        return id


def _wanted(info: dict[str, Json], query: Query) -> bool:
    tags = table(info.get("tags"))
    named = query.name is None or tags.get("mlflow.traceName") == query.name
    return named and all(tag in tags or tag in {f"{key}={value}" for key, value in tags.items()} for tag in query.tags)
