"""The judge behind an HTTP API: who is let in, what is asked, and how it is answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager, suppress
from typing import Any

import msgspec
from aiohttp import web

from dikast.errors import DikastError
from dikast.interactions.rows import Unusable
from dikast.listening import WrongGuesses, is_our_name
from dikast.records import Interaction, Json, Verdict
from dikast.serving.chat import ChatRequest, chunks, completion, judged_row, reply_text
from dikast.serving.desk import Desk, Judged, Seat
from dikast.serving.limits import BATCH_AT_ONCE, Gate, Limits, Rates
from dikast.serving.metrics import CONTENT_TYPE, Metrics
from dikast.serving.openapi import described
from dikast.serving.problems import Refusal, refusal_of
from dikast.serving.requests import NDJSON, json_in, read_interaction, rows_in, unusable_verdict
from dikast.serving.tokens import Tokens

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Server": "dikast"}
_OPEN_TO_ALL = ("/health", "/ready")
_OF_OPENAI = ("/v1/chat/completions", "/v1/models")
_TRUST_FOR_S = 60.0
_LINGER_S = 1.0  # how long the rest of a refused body is read, so that the refusal arrives

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TrustOf = Callable[[Seat], Mapping[str, Any] | None]

_log = logging.getLogger("dikast.serving")
_encode = msgspec.json.Encoder().encode
_chat_request = msgspec.json.Decoder(ChatRequest)


class Serving:
    """The handlers of one server. For one event loop.

    host: what it listens on. trust_of: what is known of a judge's agreement with people; may take its time, and is
    asked in a thread.
    """

    def __init__(
        self, desk: Desk, tokens: Tokens, limits: Limits, *, host: str, trust_of: TrustOf = lambda _: None
    ) -> None:
        self._desk, self._tokens, self._limits, self._host = desk, tokens, limits, host
        self._trust_of = trust_of
        self._trust: tuple[float, dict[str, Mapping[str, Any] | None]] | None = None
        self._looking = asyncio.Lock()
        self._gate = Gate(limits)
        self._rates = Rates(limits.rate_per_min)
        self._wrong = WrongGuesses()
        self.metrics = Metrics(self._gate, limits, desk)
        self._stopping = False

    def app(self) -> web.Application:
        """The application with its addresses."""
        app = web.Application(middlewares=[self._answered], client_max_size=self._limits.body_bytes)
        app.add_routes(
            [
                web.post("/v1/judge", self._judge),
                web.post("/v1/judge/batch", self._batch),
                web.get("/v1/judges", self._judges),
                web.post("/v1/chat/completions", self._chat),
                web.get("/v1/models", self._models),
                web.get("/openapi.json", self._described),
                web.get("/health", self._health),
                web.get("/ready", self._ready),
                web.get("/metrics", self._metrics),
            ]
        )
        return app

    def runner(self) -> web.AppRunner:
        """What runs the application: who hangs up is not judged to the end, and bodies of the refused are dropped."""
        return web.AppRunner(
            self.app(), access_log=None, shutdown_timeout=1, handler_cancellation=True, lingering_time=_LINGER_S
        )

    async def stop(self) -> None:
        """Let nobody in any more, and wait for those who are in, as long as the limits say."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.drain_s):
                await self._gate.emptied()

    # who is let in

    @web.middleware
    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check, handle, and turn what goes wrong into an answer; count all of it."""
        began = time.monotonic()
        try:
            self._let_in(request)
            response = await handler(request)
        except Refusal as refusal:
            response = self._refused(request, refusal)
        except web.HTTPException as raised:
            response = self._refused(request, _of_http(raised))
        except DikastError as error:
            response = self._refused(request, refusal_of(error))
        except asyncio.CancelledError:
            self.metrics.refused("hung_up")
            raise
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            response = self._refused(request, Refusal(500, "bug", "it is written to the server's standard error"))
        resource = request.match_info.route.resource
        path = resource.canonical if resource else "other"
        self.metrics.answered(path, _method(request), response.status, time.monotonic() - began)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def _refused(self, request: web.Request, refusal: Refusal) -> web.Response:
        self.metrics.refused(refusal.problem.code)
        response = refusal.response(as_openai=request.path in _OF_OPENAI)
        if request.can_read_body and not request.content.is_eof():
            response.force_close()  # the rest of the body is not waited for
        return response

    def _let_in(self, request: web.Request) -> None:
        """Raise Refusal for what must not be."""
        if not is_our_name(request.host, self._host):
            raise Refusal(421, "wrong_host", f"this server doesn't answer for {request.host[:100]!r}")
        origin = request.headers.get("Origin")
        if origin not in (None, f"http://{request.host}", f"https://{request.host}"):
            raise Refusal(403, "wrong_origin", "pages of other sites may not ask")
        if request.path in _OPEN_TO_ALL:
            return
        if self._caller(request) is None:
            raise self._no_entry(request)
        if self._stopping:
            raise Refusal(503, "stopping", "ask again in a moment", retry_after_s=2)

    def _caller(self, request: web.Request) -> str | None:
        """Who asks: the token's name, or the address where no token is needed; None for who may not."""
        if not self._tokens.names:
            return request.remote or ""
        return self._tokens.whose(request.headers.get("Authorization"))

    def _no_entry(self, request: web.Request) -> Refusal:
        who = request.remote or ""
        if self._wrong.shut_out(who):
            return Refusal(429, "rate_limited", "too many wrong tokens; wait five minutes", retry_after_s=300)
        if "Authorization" in request.headers:
            self._wrong.add(who)
            return Refusal(401, "no_token", "this token is not known here")
        return Refusal(401, "no_token", "give one: Authorization: Bearer TOKEN")

    # bodies

    @contextmanager
    def _entered(self, request: web.Request) -> Iterator[None]:
        """A place, room for the body, and one of the caller's rate; for as long as the block runs."""
        if request.content_type not in ("application/json", NDJSON):
            raise Refusal(
                415, "wrong_type", f"the Content-Type is {request.content_type[:100]!r}, not application/json"
            )
        most, length = self._limits.body_bytes, request.content_length
        if length is not None and length > most:
            raise Refusal(413, "too_large", f"the body has {length:,} bytes, and at most {most:,} are taken")
        known = length is not None and "Content-Encoding" not in request.headers
        with self._gate.entered(1, length if known and length is not None else most):
            self._rates.spend(self._caller(request) or "")
            yield

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._limits.body_s):
                return await request.read()
        except TimeoutError:
            raise Refusal(408, "too_slow", f"the body was not there within {self._limits.body_s:g} s") from None

    def _seat(self, name: str | None) -> Seat:
        seats = self._desk.seats
        if name is None and len(seats) == 1:
            return next(iter(seats.values()))
        if name in seats:
            return seats[name]
        given = "no judge is named" if name is None else f"there is no judge {name[:100]!r}"
        raise Refusal(404, "unknown_judge", given, hint=f"There are: {', '.join(seats)}.")

    async def _judged(self, seat: Seat, interaction: Interaction) -> Judged:
        done = await seat.judged(interaction, within_s=self._limits.request_s)
        self._gate.judged()
        self.metrics.judged(seat.judge.name, done)
        return done

    async def _verdict(self, seat: Seat, row: Json) -> Verdict:
        """The verdict on one row. Raises Refusal where there is none."""
        try:
            interaction = read_interaction(row)
        except Unusable as unusable:
            raise Refusal(422, "not_usable", unusable.reason) from None
        done = await self._judged(seat, interaction)
        if done.error is not None:
            raise refusal_of(done.error, done.verdict)
        if done.verdict.status == "failed":
            raise Refusal(422, "not_usable", done.verdict.reason or "", verdict=done.verdict)
        return done.verdict

    # judging

    async def _judge(self, request: web.Request) -> web.StreamResponse:
        seat = self._seat(request.query.get("judge"))
        with self._entered(request):
            return _json(await self._verdict(seat, json_in(await self._body(request))))

    async def _batch(self, request: web.Request) -> web.StreamResponse:
        seat = self._seat(request.query.get("judge"))
        with self._entered(request):
            rows = rows_in(await self._body(request), request.content_type, self._limits.batch)
            with self._gate.entered(min(len(rows), BATCH_AT_ONCE) - 1):
                self._rates.overdraw(self._caller(request) or "", len(rows) - 1)
                async with aclosing(self._in_order(seat, rows)) as verdicts:
                    if NDJSON in request.headers.get("Accept", ""):
                        lines = (_encode(verdict) + b"\n" async for verdict in verdicts)
                        return await self._streamed(request, lines, NDJSON)
                    return _json([verdict async for verdict in verdicts])

    async def _in_order(self, seat: Seat, rows: list[Json]) -> AsyncGenerator[Verdict]:
        """The verdicts in the rows' order; a few are under way at once, and no more."""
        under_way: deque[asyncio.Task[Verdict]] = deque()
        try:
            for at, row in enumerate(rows, start=1):
                if len(under_way) >= BATCH_AT_ONCE:
                    yield await under_way[0]
                    under_way.popleft()
                under_way.append(asyncio.create_task(self._one_of_many(seat, row, at)))
            while under_way:
                yield await under_way[0]
                under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _one_of_many(self, seat: Seat, row: Json, at: int) -> Verdict:
        try:
            interaction = read_interaction(row)
        except Unusable as unusable:
            return unusable_verdict(seat.judge.ref, row, at, unusable)
        return (await self._judged(seat, interaction)).verdict

    async def _streamed(
        self, request: web.Request, parts: AsyncGenerator[bytes], content_type: str
    ) -> web.StreamResponse:
        """Parts as they come. Who doesn't take them in time, and what fails in the middle, ends the connection."""
        first = await anext(parts)  # so that what fails at once still has a status of its own
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": content_type})
        await response.prepare(request)
        try:
            await self._write(response, first)
            async for part in parts:
                await self._write(response, part)
            await response.write_eof()
        except (TimeoutError, DikastError, ConnectionError) as error:
            self.metrics.refused("cut_short")
            _log.warning("%s: cut short: %s", request.path, error or "the answer was not taken")
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _write(self, response: web.StreamResponse, part: bytes) -> None:
        async with asyncio.timeout(self._limits.body_s):
            await response.write(part)

    # as OpenAI's clients ask

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        with self._entered(request):
            try:
                asked = _chat_request.decode(await self._body(request))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise Refusal(400, "bad_request", f"not a chat completion request: {error}") from None
            seat = self._seat(asked.model)
            verdict = await self._verdict(seat, judged_row(asked.messages))
            text = reply_text(verdict, as_json=asked.wants_json)
            if not asked.stream:
                return _json(completion(seat.judge.name, verdict, text))
            with_usage = asked.stream_options is not None and asked.stream_options.include_usage
            parts = chunks(seat.judge.name, verdict, text, with_usage=with_usage)
            return await self._streamed(request, _each(parts), "text/event-stream")

    async def _models(self, _: web.Request) -> web.Response:
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": f"dikast ({seat.model})"}
            for name, seat in self._desk.seats.items()
        ]
        return _json({"object": "list", "data": listed})

    # what there is

    async def _judges(self, _: web.Request) -> web.Response:
        trust = await self._known_trust()
        return _json(
            [
                {
                    "name": name,
                    "version": seat.judge.version,
                    "mode": seat.stages[0].judge.mode,
                    "scale": seat.stages[0].judge.scale.text(),
                    "criteria": [one.name for one in seat.stages[0].judge.criteria],
                    "model": seat.model,
                    "run": seat.run.name,
                    "trust": trust.get(name),
                }
                for name, seat in self._desk.seats.items()
            ]
        )

    async def _known_trust(self) -> dict[str, Mapping[str, Any] | None]:
        """What is known of each judge's agreement with people, as of a minute ago at most."""
        async with self._looking:
            if self._trust is None or time.monotonic() - self._trust[0] > _TRUST_FOR_S:
                found = {name: await asyncio.to_thread(self._trust_of, seat) for name, seat in self._desk.seats.items()}
                self._trust = (time.monotonic(), found)
            return self._trust[1]

    async def _described(self, _: web.Request) -> web.Response:
        return _json(described(list(self._desk.seats), needs_token=bool(self._tokens.names)))

    async def _health(self, _: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _ready(self, _: web.Request) -> web.Response:
        if self._stopping:
            raise Refusal(503, "stopping", "ask again in a moment", retry_after_s=2)
        if not self._desk.can_judge:
            raise Refusal(503, "model_down", "a model does not answer", retry_after_s=5)
        return _json({"status": "ready"})

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _json(value: object) -> web.Response:
    return web.Response(body=_encode(value), content_type="application/json")


async def _each(parts: list[bytes]) -> AsyncGenerator[bytes]:
    for part in parts:
        yield part


def _method(request: web.Request) -> str:
    return request.method if request.method in ("GET", "HEAD", "POST") else "other"


def _of_http(raised: web.HTTPException) -> Refusal:
    """What aiohttp itself refuses, in our words."""
    if isinstance(raised, web.HTTPRequestEntityTooLarge):
        return Refusal(413, "too_large", "the body has more bytes than are taken")
    if isinstance(raised, web.HTTPMethodNotAllowed):
        return Refusal(405, "method_not_allowed", f"only {', '.join(sorted(raised.allowed_methods))} here")
    if raised.status == 404:
        return Refusal(404, "not_found", "the addresses are described at /openapi.json")
    return Refusal(raised.status if raised.status >= 400 else 500, "bad_request", raised.reason)
