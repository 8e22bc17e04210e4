"""What goes wrong, said as JSON: problem details (RFC 9457), or OpenAI's shape where a tool expects that."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from aiohttp import web

from dikast.errors import (
    DikastError,
    EndpointBusy,
    EndpointDown,
    EndpointError,
    EndpointTimeout,
    InputError,
    PromptTooLong,
    StoreError,
)
from dikast.records import Verdict

PROBLEM_TYPE = "application/problem+json"
_AGAIN_S = 5  # until a dead model server is worth asking again

TITLES = {
    "bad_request": "The request can't be read",
    "not_usable": "The interaction can't be judged",
    "unknown_judge": "There is no such judge",
    "not_found": "There is nothing here",
    "method_not_allowed": "Not in this way",
    "no_token": "A token is needed",
    "wrong_host": "Another server was meant",
    "wrong_origin": "Not from another site",
    "wrong_type": "The body is not JSON",
    "too_large": "The body is too large",
    "too_slow": "The body did not arrive in time",
    "rate_limited": "Too many requests",
    "busy": "Too much is under way",
    "stopping": "The server stops",
    "model_down": "The model does not answer",
    "model_busy": "The model has too much to do",
    "model_timeout": "No verdict in time",
    "model_failed": "The model's server failed",
    "no_verdict": "No verdict could be read",
    "store": "The store failed",
    "bug": "This is a bug",
}


_ANSWERS: tuple[tuple[type[DikastError], tuple[int, str, float | None]], ...] = (
    (PromptTooLong, (422, "not_usable", None)),
    (EndpointBusy, (503, "model_busy", _AGAIN_S)),
    (EndpointTimeout, (504, "model_timeout", None)),
    (EndpointDown, (503, "model_down", _AGAIN_S)),
    (EndpointError, (502, "model_failed", None)),
    (StoreError, (503, "store", _AGAIN_S)),
    (InputError, (400, "bad_request", None)),
)


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong (RFC 9457). code: for programs. verdict: the record of an interaction that has no verdict."""

    title: str
    status: int
    code: str
    detail: str
    hint: str | None = None
    verdict: Verdict | None = None


class Refusal(Exception):
    """A request that is answered with an error. retry_after_s: when to come again."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        retry_after_s: float | None = None,
        verdict: Verdict | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(title=TITLES[code], status=status, code=code, detail=detail, hint=hint, verdict=verdict)
        self.retry_after_s = retry_after_s

    def response(self, *, as_openai: bool = False) -> web.Response:
        """The answer."""
        problem = self.problem
        headers = {"Retry-After": str(max(1, math.ceil(self.retry_after_s)))} if self.retry_after_s else {}
        if problem.status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="dikast"'
        if as_openai:
            body, kind = msgspec.json.encode(openai_error(problem)), "application/json"
        else:
            body, kind = msgspec.json.encode(problem), PROBLEM_TYPE
        return web.Response(status=problem.status, body=body, content_type=kind, headers=headers)


def openai_error(problem: Problem) -> dict[str, Any]:
    """The problem as OpenAI's clients read it."""
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(problem.status, "invalid_request_error" if problem.status < 500 else "server_error")
    message = f"{problem.title}: {problem.detail}" + (f". {problem.hint}" if problem.hint else "")
    return {"error": {"message": message, "type": kind, "code": problem.code, "param": None}}


def refusal_of(error: DikastError, verdict: Verdict | None = None) -> Refusal:
    """The answer to an error that stopped a verdict."""
    status, code, again_s = _answer_to(error)
    if isinstance(error, EndpointBusy) and error.retry_after_s:
        again_s = error.retry_after_s
    hint = None if isinstance(error, EndpointDown) else error.hint  # that is for who started a run, not for who asks
    return Refusal(status, code, str(error), hint=hint, retry_after_s=again_s, verdict=verdict)


def _answer_to(error: DikastError) -> tuple[int, str, float | None]:
    """Status, code, and after how many seconds to come again."""
    for family, answer in _ANSWERS:
        if isinstance(error, family):
            return answer
    return 500, "bug", None
