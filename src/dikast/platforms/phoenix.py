"""Arize Phoenix: spans with their annotations in, span annotations out, written at once (sync) so that they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from dikast.errors import EndpointRefused
from dikast.platforms.calls import Calls
from dikast.platforms.platform import Listed, Page, Standing
from dikast.platforms.query import Query, Window, rfc3339
from dikast.platforms.score import MARK, Score
from dikast.records import Json
from dikast.traces.decoding import table, tables, text, words
from dikast.traces.trace import Feedback

_PAGE = 1000
_IDS = 100  # in a query, so that no address grows too long for a server


class Phoenix:
    """One project of a Phoenix server."""

    name = "phoenix"
    lag_s = 0.0
    late_feedback = False
    batch = 50

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._place = f"/v1/projects/{quote(calls.address.project or 'default', safe='')}"
        self._roots: dict[str, str] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def traces(self, window: Window, query: Query, cursor: str | None) -> Page:
        """See Source; it has no filter for tags, but shows them in the list."""
        rows, following = await self._spans({**_times(window), "parent_id": "null", "name": query.name}, cursor)
        return Page(tuple(Listed(_trace(row)) for row in rows if _wanted(row, query)), following)

    async def feedback(self, window: Window, cursor: str | None) -> Page:
        """See Source: annotations can only be asked for by the spans that they are on."""
        rows, following = await self._spans(_times(window), cursor)
        traces = {_span(row): _trace(row) for row in rows}
        return Page(tuple(_listed(await self._annotations(list(traces)), traces)), following)

    async def fetch(self, traces: Sequence[str], query: Query) -> list[dict[str, Json]]:
        """See Source."""
        rows: list[dict[str, Json]] = []
        for start in range(0, len(traces), _IDS):
            rows += await self._all_spans({"trace_id": list(traces[start : start + _IDS])})
        kept = {_trace(row) for row in rows if row.get("parent_id") is None and _wanted(row, query)}
        if not query.name and not query.tags:
            kept = set(traces)
        rows = [row for row in rows if _trace(row) in kept]
        return rows + await self._annotations([_span(row) for row in rows])

    async def standing(self, scores: Sequence[Score]) -> dict[str, Standing]:
        """See Target. A whole trace is judged on its root span; a trace that is not there stands for nothing."""
        spans = await self._places(scores)
        rows = await self._annotations(list(dict.fromkeys(spans.values())))
        there: dict[tuple[str, str], list[dict[str, Json]]] = {}
        for row in rows:
            there.setdefault((str(row.get("span_id")), str(row.get("name"))), []).append(row)
        return {
            score.id: _standing(score, spans[score.id], there.get((spans[score.id], score.name), []))
            if score.id in spans
            else Standing("unknown")
            for score in scores
        }

    async def put(self, scores: Sequence[Score], standing: dict[str, Standing]) -> dict[str, str]:
        """See Target; the same name, span and identifier again replace what they said before."""
        try:
            await self._post(scores, standing)
        except EndpointRefused as error:
            if error.status not in (404, 422):
                raise
            if len(scores) == 1:
                return {scores[0].id: str(error)}
            refused: dict[str, str] = {}
            for score in scores:  # one of them is refused, and all with it
                refused |= await self.put([score], standing)
            return refused
        return {}

    async def _post(self, scores: Sequence[Score], standing: dict[str, Standing]) -> None:
        body = {"data": [_body(score, standing[score.id].remote or "") for score in scores]}
        await self._calls.post("/v1/span_annotations?sync=true", body)

    async def _places(self, scores: Sequence[Score]) -> dict[str, str]:
        """The span that each score goes to, by the score's id."""
        wanted = {score.trace for score in scores if score.span is None} - self._roots.keys()
        if wanted:
            for row in await self._all_spans({"trace_id": sorted(wanted), "parent_id": "null"}):
                self._roots.setdefault(_trace(row), _span(row))
        found = {score.id: score.span or self._roots.get(score.trace) for score in scores}
        return {id: span for id, span in found.items() if span is not None}

    async def _spans(self, given: dict[str, Json], cursor: str | None) -> tuple[list[dict[str, Json]], str | None]:
        page = table(await self._calls.get(f"{self._place}/spans", {**given, "limit": _PAGE, "cursor": cursor}))
        rows = [row for row in tables(page.get("data")) if _trace(row) and _span(row)]
        return rows, text(page.get("next_cursor"))

    async def _all_spans(self, given: dict[str, Json]) -> list[dict[str, Json]]:
        rows, cursor = await self._spans(given, None)
        while cursor is not None:
            more, cursor = await self._spans(given, cursor)
            rows += more
        return rows

    async def _annotations(self, spans: Sequence[str]) -> list[dict[str, Json]]:
        rows: list[dict[str, Json]] = []
        for start in range(0, len(spans), _IDS):
            cursor: str | None = None
            while True:
                given = {"span_ids": list(spans[start : start + _IDS]), "limit": _PAGE, "cursor": cursor}
                page = table(await self._calls.get(f"{self._place}/span_annotations", given))
                rows += tables(page.get("data"))
                cursor = text(page.get("next_cursor"))
                if cursor is None:
                    break
        return rows


def _listed(rows: Sequence[dict[str, Json]], traces: dict[str, str]) -> Iterator[Listed]:
    for row in rows:
        trace, result = traces.get(str(row.get("span_id"))), table(row.get("result"))
        if trace is None or row.get("annotator_kind") != "HUMAN":
            continue
        value = result.get("label") if result.get("score") is None else result.get("score")
        said = value if isinstance(value, (int, float, str)) else None
        yield Listed(trace, Feedback(name=str(row.get("name")), value=said, comment=text(result.get("explanation"))))


def _standing(score: Score, span: str, rows: Sequence[dict[str, Json]]) -> Standing:
    own = next((row for row in rows if row.get("identifier") == _identifier(score)), None)
    person = any(row.get("annotator_kind") == "HUMAN" for row in rows)
    if own is None:
        return Standing(person=person, remote=span)
    same = table(own.get("metadata")).get(MARK) == score.mark
    return Standing("same" if same else "differs", person=person, remote=span)


def _identifier(score: Score) -> str:
    return f"dikast:{score.id}"


def _body(score: Score, span: str) -> dict[str, Json]:
    result = {"label": score.label, "score": score.value, "explanation": score.comment}
    return {
        "span_id": span, "name": score.name, "annotator_kind": "LLM", "identifier": _identifier(score),
        "result": {key: value for key, value in result.items() if value is not None}, "metadata": score.marked,
    }  # fmt: skip


def _wanted(root: dict[str, Json], query: Query) -> bool:
    tags = words(table(root.get("attributes")).get("tag.tags"))
    return (query.name is None or root.get("name") == query.name) and all(tag in tags for tag in query.tags)


def _times(window: Window) -> dict[str, Json]:
    return {"start_time": rfc3339(window.start), "end_time": rfc3339(window.end), "sort": "start_time", "order": "desc"}


def _trace(row: dict[str, Json]) -> str:
    return text(table(row.get("context")).get("trace_id")) or ""


def _span(row: dict[str, Json]) -> str:
    return text(table(row.get("context")).get("span_id")) or ""
