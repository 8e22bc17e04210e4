"""The one HTTP client: pooled connections, the privacy policy, JSON both ways, and every failure mapped to errors.py.

Nothing here knows what a server's answers mean. No error, log line or repr carries an API key: what a server sends back
is cleaned of every secret before it is kept.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import msgspec
from yarl import URL

from dikast.errors import (
    DikastError,
    EndpointBusy,
    EndpointDown,
    EndpointDropped,
    EndpointError,
    EndpointGarbled,
    EndpointRefused,
    EndpointTimeout,
    PromptTooLong,
    SettingError,
)
from dikast.models.options import EndpointOptions
from dikast.models.policy import ForbiddenAddress, Policy, is_private

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from aiohttp import AddrInfoType, ClientRequest, ClientTimeout
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

T = TypeVar("T")

KEPT_BODY = 2048  # bytes of a server's answer that an error carries
# Servers drop idle connections after as little as 5 s; one that is reused at that moment looks like a dead server.
_IDLE_CONNECTION_S = 4.0
_GET_AGAIN_S = (0.1, 0.4)  # what a server tells of itself is asked for again after these waits
_AT_ONCE_S = 1.0
_LONGEST_WAIT_S = 2.0

_encode = msgspec.json.Encoder().encode
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


@dataclass(frozen=True)
class _Outgoing:
    """A request's body, whether it may leave the private network, and how many of which kinds were replaced in it."""

    data: bytes | None = None
    may_leave: bool = False
    replaced: dict[str, int] = field(default_factory=dict)


_NOTHING = _Outgoing()
_outgoing: ContextVar[_Outgoing] = ContextVar("_outgoing", default=_NOTHING)

_TOO_LONG = re.compile(
    r"exceed_context_size|context_length_exceeded|exceeds? the (available )?context|longer than the context|"
    r"maximum context length|context (length|window|size) (of|is|exceeded)|prompt is too long|input is too long|"
    r"greater than the (context|maximum model) length|max_model_len|too many (prompt|input) tokens",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class BaseUrl:
    """Where a server is: `root` for its own API, `api` for its OpenAI-compatible one (mostly root + "/v1").

    >>> parse_base_url("localhost:8080").api
    'http://localhost:8080/v1'
    """

    root: str
    api: str
    userinfo: str | None = None

    @property
    def host(self) -> str:
        """The host's name or address."""
        return URL(self.root).host or ""


def parse_base_url(text: str) -> BaseUrl:
    """A server's base URL, with or without a scheme and /v1. Raises SettingError if it is no HTTP URL."""
    given = text.strip()
    url = _parsed(given if "://" in given else f"http://{given}")
    if url is None or url.scheme not in ("http", "https") or not url.host or url.query_string or url.fragment:
        shown = re.sub(r"//[^/@]*@", "//***@", given)
        raise SettingError(
            f"base URL {shown!r} is not an address of a server", hint="Give it as http://127.0.0.1:8080 or .../v1"
        )
    userinfo = f"{url.user or ''}:{url.password or ''}" if url.user or url.password else None
    clean = str(url.with_user(None)).rstrip("/").removesuffix("/chat/completions")  # as an example call shows it
    last = clean.rsplit("/", 1)[-1]
    if last == "v1":
        return BaseUrl(clean.removesuffix("/v1"), clean, userinfo)
    if url.path.strip("/") and (last == "openai" or re.fullmatch(r"v\d+\w*", last)):
        return BaseUrl(clean, clean, userinfo)
    return BaseUrl(clean, f"{clean}/v1", userinfo)


def _parsed(text: str) -> URL | None:
    try:
        url = URL(text)
        _ = url.port
    except ValueError:
        return None
    return url


class Client:
    """Calls to one server. Safe for concurrent calls in one event loop; connections are made when first needed.

    headers: sent with each call. secrets: what must never be shown; every header of `secret_headers` is one.
    through_proxy: whether `options.proxy` applies, which only a cloud's does. forwards_to: the host outside to which
    this server passes prompts on, once that is known.
    """

    def __init__(
        self,
        base: BaseUrl,
        *,
        policy: Policy,
        options: EndpointOptions,
        model: str = "",
        secret_headers: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        through_proxy: bool = False,
    ) -> None:
        self.base = base
        self.policy = policy
        self.options = options
        self._model = model
        secret = dict(secret_headers or {})
        if base.userinfo is not None and "Authorization" not in secret:
            secret["Authorization"] = aiohttp.encode_basic_auth(*base.userinfo.split(":", 1))
        self._secrets = sorted(_secret_words(secret, base, options), key=len, reverse=True)
        self._headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # so that Content-Length is the size of what is read
            "User-Agent": "dikast",
            **(headers or {}),
            **secret,
        }
        self._proxy = options.proxy if through_proxy else None
        self.forwards_to: str | None = None
        self._outside: bool | None = None
        self._urls: dict[str, URL] = {}
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timeout = aiohttp.ClientTimeout(total=options.timeout_s, sock_connect=options.connect_timeout_s)

    def __repr__(self) -> str:
        return f"Client({self.base.root!r})"

    async def get(self, path: str, answer: type[T], *, timeout_s: float | None = None) -> T:
        """The JSON at a path (from the server's root with "/", or a whole URL), decoded and checked as `answer`.

        A fault that comes at once and may pass (a dropped connection, a 429) is waited out twice, unless `timeout_s`
        says that the caller is in a hurry.
        """
        loop = asyncio.get_running_loop()
        for wait_s in () if timeout_s is not None else _GET_AGAIN_S:
            started = loop.time()
            try:
                return await self._call("GET", path, _NOTHING, answer, timeout_s)
            except EndpointError as error:
                if not error.retryable or error.status in (200, 501) or loop.time() - started > _AT_ONCE_S:
                    raise
                await asyncio.sleep(max(wait_s, min(error.retry_after_s or 0.0, _LONGEST_WAIT_S)))
        return await self._call("GET", path, _NOTHING, answer, timeout_s)

    async def post(self, path: str, body: Any, answer: type[T], *, timeout_s: float | None = None) -> T:
        """The answer to a JSON body."""
        return await self._guarded("POST", path, body, answer, timeout_s)

    async def send(self, method: str, path: str, body: Any, answer: type[T]) -> T:
        """The answer to any request, asked once; body: None for none."""
        return await self._guarded(method, path, body, answer, None)

    async def leaves(self) -> bool:
        """Whether what is sent here leaves the private network; never, unless the policy allows it."""
        if not self.policy.allow_cloud:
            return False
        if self._outside is None:
            self._outside = self._proxy is not None or await _is_outside(self.base)
        return self._outside or self.forwards_to is not None

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _guarded(self, method: str, path: str, body: Any, answer: type[T], timeout_s: float | None) -> T:
        """A call whose body goes through the policy's edge, where it leaves the private network."""
        if body is None:
            return await self._call(method, path, _NOTHING, answer, timeout_s)
        if not await self.leaves():
            try:
                return await self._call(method, path, _Outgoing(_encode(body)), answer, timeout_s)
            except _MovedOutside:
                self._outside = True
        cleaned, replaced = self.policy.edge.cleaned(body)
        outgoing = _Outgoing(_encode(cleaned), may_leave=True, replaced=replaced)
        return await self._call(method, path, outgoing, answer, timeout_s)

    async def _call(self, method: str, path: str, outgoing: _Outgoing, answer: type[T], timeout_s: float | None) -> T:
        url = self._url(path)
        if self.policy.allow_cloud:
            _outgoing.set(outgoing)
            if self.forwards_to is not None and outgoing.data is not None:
                self.policy.record(
                    host=self.forwards_to, address=f"via {self.base.root}", model=self._model, data=outgoing.data,
                    replaced=outgoing.replaced,
                )  # fmt: skip
        elif self._proxy:
            raise self.policy.forbidden(self.base.host)
        status, headers, body = await self._exchange(method, url, outgoing.data, timeout_s)
        if not 200 <= status < 300:
            raise self._status_error(method, url, status, headers, body)
        decoder = _decoders.get(answer)
        if decoder is None:
            decoder = _decoders.setdefault(answer, msgspec.json.Decoder(answer))
        try:
            decoded: T = decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._garbled(url, body, str(error)) from None
        return decoded

    async def _exchange(
        self, method: str, url: URL, data: bytes | None, timeout_s: float | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request on the wire. The one place where the HTTP library's exceptions are mapped."""
        timeout = self._timeout
        if timeout_s is not None:
            timeout = aiohttp.ClientTimeout(
                total=timeout_s, sock_connect=min(timeout_s, self.options.connect_timeout_s)
            )
        try:
            async with self._open_session().request(
                method, url, data=data, headers=self._headers, allow_redirects=False, timeout=timeout, proxy=self._proxy
            ) as response:
                return response.status, response.headers, await self._read(response, url)
        except DikastError:
            raise
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise self._transport_error(url, error, timeout) from None

    async def _read(self, response: aiohttp.ClientResponse, url: URL) -> bytes:
        limit = self.options.max_response_bytes
        if response.content_length is not None and "Content-Encoding" not in response.headers:
            if response.content_length <= limit:
                return await response.read()
        else:
            parts = bytearray()
            async for part in response.content.iter_any():
                parts += part
                if len(parts) > limit:
                    break
            else:
                return bytes(parts)
        response.close()
        raise EndpointGarbled(f"{self._shown(url)} answered with more than {limit:,} bytes", status=response.status)

    def _open_session(self) -> aiohttp.ClientSession:
        session = self._session
        loop = asyncio.get_running_loop()
        if session is not None and self._loop is loop:
            return session
        # A session of a loop that has ended can't be closed any more; its sockets go with it.
        self._loop = loop
        self._session = aiohttp.ClientSession(
            connector=_PolicedConnector(self.policy, self._model),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # no proxy variable may lead a request elsewhere
            timeout=self._timeout,
        )
        return self._session

    def _url(self, path: str) -> URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(path if "://" in path else self.base.root + path)
        return url

    def _shown(self, url: URL) -> str:
        return str(url.with_query(None))

    # failures

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _kept(self, body: bytes) -> str:
        # cut after cleaning: a cut through a secret would hide it from the cleaner
        return self._clean(body[: KEPT_BODY * 4].decode("utf-8", "replace"))[:KEPT_BODY]

    def _garbled(self, url: URL, body: bytes, why: str) -> EndpointGarbled:
        start = self._kept(body)
        opening = " ".join(start[:80].split())
        return EndpointGarbled(
            f"{self._shown(url)} answered with something that is not the JSON it promised ({why}): {opening!r}",
            status=200,
            body=start,
        )

    def _transport_error(self, url: URL, error: Exception, timeout: aiohttp.ClientTimeout) -> DikastError:
        where = f"{url.scheme}://{url.host}:{url.port}"
        cause = getattr(error, "os_error", error)
        if isinstance(cause, ForbiddenAddress) or "is outside the private network" in str(cause):
            refused = cause.address if isinstance(cause, ForbiddenAddress) else None
            return self.policy.forbidden(url.host or "", refused)
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            return EndpointDown(f"{where} did not take the connection within {timeout.sock_connect:g} s")
        if isinstance(error, TimeoutError):
            return EndpointTimeout(f"{where} gave no whole answer within {timeout.total:g} s")
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            return EndpointRefused(f"{where} can't be reached over TLS: {self._clean(str(cause))}")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return EndpointDown(f"the name {url.host!r} is not known", hint="Check the base URL and the network.")
        if isinstance(error, aiohttp.ClientConnectorError):
            number = getattr(cause, "errno", None)
            reason = os.strerror(number) if number else self._clean(str(cause))
            return EndpointDown(
                f"nothing answers at {where} ({reason})", hint="Start the server, or give another --base-url."
            )
        if isinstance(error, aiohttp.InvalidURL):
            return SettingError(f"{self._clean(str(url))!r} is not a URL that can be called: {error}")
        if isinstance(error, aiohttp.ClientResponseError):
            return EndpointGarbled(f"{where} does not speak HTTP as it should: {self._clean(error.message)}")
        return EndpointDropped(f"{where} dropped the connection ({self._clean(str(error)) or type(error).__name__})")

    def _status_error(
        self, method: str, url: URL, status: int, headers: Mapping[str, str], body: bytes
    ) -> EndpointError:
        kept = self._kept(body)
        said = _said(kept)
        kind, hint = _kind_of(status, kept)
        message = f"{method} {self._shown(url)}: HTTP {status}"
        if 300 <= status < 400:
            target = self._clean(headers.get("Location", "nowhere"))
            message += f", a redirect to {target!r}; redirects are never followed"
        elif said:
            message += f": {said}"
        return kind(message, hint=hint, status=status, retry_after_s=retry_after_s(headers), body=kept)


async def if_there(call: Awaitable[T]) -> T | None:
    """What a call answers; None where the server has no such path, or something else on it."""
    try:
        return await call
    except (EndpointRefused, EndpointGarbled) as error:
        if error.status in (200, 404, 405, 501):
            return None
        raise


class _PolicedConnector(aiohttp.TCPConnector):
    """Makes no socket to a forbidden address, and writes each request that leaves into the ledger before it is sent."""

    def __init__(self, policy: Policy, model: str) -> None:
        self._policy = policy
        self._model = model
        # No limit of its own: the harness decides how many calls are under way.
        super().__init__(limit=0, keepalive_timeout=_IDLE_CONNECTION_S, socket_factory=self._make_socket)

    def _make_socket(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        self._policy.check_address(str(address[0]))
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: ClientTimeout) -> Connection:
        """See TCPConnector."""
        connection = await super().connect(req, traces, timeout)
        if self._policy.allow_cloud:
            peer = connection.transport.get_extra_info("peername") if connection.transport else None
            address = str(peer[0]) if peer else "unknown"
            if req.proxy or not is_private(address):
                outgoing = _outgoing.get()
                if outgoing.data is not None and not outgoing.may_leave:
                    connection.close()
                    raise _MovedOutside(f"{req.url.host} was inside the private network, and now is at {address}")
                self._policy.record(
                    host=req.url.host or "", address=address, model=self._model, data=outgoing.data or b"",
                    replaced=outgoing.replaced,
                )  # fmt: skip
        return connection


class _MovedOutside(EndpointDropped):
    """A name that stood for a private address stands for a public one when the connection is made: nothing was sent."""


async def _is_outside(base: BaseUrl) -> bool:
    """Whether a server may be outside the private network: one of its addresses is, or none is known."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(base.host, None, type=socket.SOCK_STREAM)
    except OSError:
        return True
    return not all(is_private(str(address[0])) for *_, address in found)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long a server asks to wait: Retry-After in seconds or as an HTTP date, or retry-after-ms; None if unsaid."""
    milliseconds = headers.get("retry-after-ms")
    value = headers.get("Retry-After")
    try:
        if milliseconds is not None:
            return max(0.0, float(milliseconds) / 1000)
        if value is None:
            return None
        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
            return float(value)
        from_now = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, from_now)


def _kind_of(status: int, body: str) -> tuple[type[EndpointError], str | None]:
    """Which error an HTTP status is, and what to do about it."""
    if status >= 400 and status not in (401, 403, 429) and _TOO_LONG.search(body):
        return PromptTooLong, "Use a model or a server setting with a longer context, or a shorter prompt."
    if status == 429 and "insufficient_quota" in body:
        return EndpointRefused, "The account has no credit left."
    if status in (429, 503, 529):
        return EndpointBusy, None
    if status in (408, 504):
        return EndpointTimeout, None
    if status == 502:
        return EndpointDown, "A gateway answers, but the server behind it does not."
    if status >= 500:
        return EndpointGarbled, None
    if status in (401, 403):
        return EndpointRefused, "Check the key: OPENAI_API_KEY, ANTHROPIC_API_KEY; DIKAST_API_KEY for other servers."
    if status == 404:
        return EndpointRefused, "Check the base URL and the model's name: dikast models"
    return (EndpointRefused if 300 <= status < 500 else EndpointGarbled), None


def _said(body: str) -> str:
    """The message in an error body, whichever of the usual shapes it has; else the body's start."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return " ".join(body[:200].split())
    inner = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(inner, dict):
        inner = inner.get("message") or inner.get("detail") or ""
    return " ".join(str(inner)[:500].split())


def _secret_words(secret_headers: Mapping[str, str], base: BaseUrl, options: EndpointOptions) -> set[str]:
    """Every form in which a secret could come back."""
    words = set(secret_headers.values())
    words |= {value.split(" ", 1)[1] for value in secret_headers.values() if " " in value}
    if base.userinfo is not None:
        words.add(base.userinfo.split(":", 1)[1])
    if options.proxy and "@" in options.proxy:
        words.add(options.proxy.split("@")[0].rsplit(":", 1)[-1])
    if options.api_key:
        words.add(options.api_key)
    words |= {_encode(word).decode()[1:-1] for word in words}
    return {word for word in words if len(word) >= 4}
