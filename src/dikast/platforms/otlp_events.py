"""Scores as OpenTelemetry's log events `gen_ai.evaluation.result`: to a collector, or as OTLP JSON."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import datetime

from dikast.errors import EndpointRefused
from dikast.platforms.calls import Calls
from dikast.platforms.platform import Standing
from dikast.platforms.score import MARK, Score
from dikast.records import Json
from dikast.traces.decoding import utc

EVENT = "gen_ai.evaluation.result"
ID = "log.record.uid"
_INFO = 9


class OtlpEndpoint:
    """A collector that takes OTLP over HTTP in JSON. It can't be asked what it has: only the log of pushes knows."""

    name = "otlp"
    lag_s = math.inf
    batch = 200

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def standing(self, scores: Sequence[Score]) -> dict[str, Standing]:
        """See Target."""
        return {score.id: Standing("absent") for score in scores}

    async def put(self, scores: Sequence[Score], standing: dict[str, Standing]) -> dict[str, str]:
        """See Target."""
        place = f"/{self._calls.address.project}" if self._calls.address.project else "/v1/logs"
        try:
            await self._calls.post(place, logs_of(scores))
        except EndpointRefused as error:
            if error.status in (401, 403, 404):
                raise
            return {score.id: str(error) for score in scores}
        return {}


def logs_of(scores: Sequence[Score]) -> dict[str, Json]:
    """Scores as one message of OTLP logs in JSON."""
    now = str(time.time_ns())
    service = {"attributes": [_attribute("service.name", "dikast")]}
    records = [_record(score, now) for score in scores]
    return {
        "resourceLogs": [{"resource": service, "scopeLogs": [{"scope": {"name": "dikast"}, "logRecords": records}]}]
    }


def known_in(value: Json) -> dict[str, str]:
    """The marks of the scores in a message of OTLP logs, by their ids."""
    found: dict[str, str] = {}
    for resource in value.get("resourceLogs", ()) if isinstance(value, dict) else ():
        for scope in resource.get("scopeLogs", ()):
            for record in scope.get("logRecords", ()):
                said = {one["key"]: one["value"].get("stringValue") for one in record.get("attributes", ())}
                if said.get(ID):
                    found[said[ID]] = said.get(f"{MARK}.mark") or ""
    return found


def _record(score: Score, now: str) -> dict[str, Json]:
    said: dict[str, Json] = {
        "gen_ai.evaluation.name": score.name,
        "gen_ai.evaluation.score.value": score.value,
        "gen_ai.evaluation.score.label": score.label,
        "gen_ai.evaluation.explanation": score.comment,
        ID: score.id,
        **{f"{MARK}.{key}": value for key, value in score.metadata.items() if not isinstance(value, dict)},
        f"{MARK}.mark": score.mark,
    }
    record: dict[str, Json] = {
        "timeUnixNano": _nanoseconds(score.at) or now, "observedTimeUnixNano": now, "severityNumber": _INFO,
        "eventName": EVENT, "traceId": _hex(score.trace, 32), "spanId": _hex(score.span, 16),
        "attributes": [_attribute(key, value) for key, value in said.items() if value is not None],
    }  # fmt: skip
    if record["traceId"] is None:  # not one of OpenTelemetry's: LangSmith's, MLflow's
        record["attributes"].append(_attribute(f"{MARK}.trace_id", score.trace))
    return {key: value for key, value in record.items() if value is not None}


def _attribute(key: str, value: Json) -> dict[str, Json]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, (int, float)):
        return {"key": key, "value": {"doubleValue": float(value)}}
    return {"key": key, "value": {"stringValue": str(value)}}


def _hex(id: str | None, digits: int) -> str | None:
    if id is None:
        return None
    plain = id.removeprefix("tr-").replace("-", "").lower()
    return plain if len(plain) == digits and all(one in "0123456789abcdef" for one in plain) else None


def _nanoseconds(at: str | None) -> str | None:
    moment = utc(at)
    return None if moment is None else str(int(datetime.fromisoformat(moment).timestamp() * 1_000_000) * 1000)
