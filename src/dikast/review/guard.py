"""Who may see the page, and what a page may do.

On loopback anyone at this machine may; a site in the same browser may not: every request's Host must be this server's
own name (DNS rebinding), every POST carries a secret and comes from here (CSRF). Beyond loopback a token is asked for
besides: the printed link turns it into a cookie; wrong ones are counted.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from dikast.errors import OutputError
from dikast.listening import WrongGuesses, is_loopback, is_our_name

COOKIE = "dikast_review"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer, a form's Origin would be "null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Server": "dikast",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def key_from(folder: Path) -> bytes:
    """The secret of this workspace's page, made at the first use: open pages survive a restart of the server."""
    path = folder / "review.key"
    try:
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
        except FileExistsError:
            pass
        key = path.read_bytes()
    except OSError as error:
        raise OutputError(f"can't keep the page's secret in {path}: {error.strerror}") from error
    if len(key) != 32:
        raise OutputError(f"{path} is not a secret of 32 bytes", hint="Delete it; a new one is made.")
    return key


@dataclass
class Guard:
    """The checks of one server. host: what it listens on; key: its secret."""

    host: str
    key: bytes
    _wrong: WrongGuesses = field(default_factory=WrongGuesses)

    @property
    def open(self) -> bool:
        """Whether no token is asked for."""
        return is_loopback(self.host)

    @property
    def token(self) -> str:
        """What the printed link carries."""
        return self._derived("token")

    @property
    def csrf(self) -> str:
        """What each form carries."""
        return self._derived("csrf")

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.key, f"dikast review {purpose}".encode(), hashlib.sha256).hexdigest()[:40]

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what must not be, and put the policy on every answer."""
        try:
            refusal = self._refusal(request)
            response = refusal if refusal is not None else await handler(request)
        except web.HTTPException as raised:
            raised.headers.update(HEADERS)
            raise
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        if not is_our_name(request.host, self.host):
            return web.Response(status=421, text=f"This server doesn't answer for {request.host!r}.\n")
        if request.path == "/open":
            return None
        if not self.open and not request.path.startswith("/static/"):
            given = request.cookies.get(COOKIE, "")
            if not hmac.compare_digest(given.encode(), self._derived("cookie").encode()):
                return self._no_entry(request, wrong=bool(given))
        origin = request.headers.get("Origin")
        if request.method == "POST" and origin not in (None, f"http://{request.host}", f"https://{request.host}"):
            return web.Response(status=403, text="This form was sent from another site.\n")
        return None

    def has_csrf(self, given: str) -> bool:
        """Whether a form's secret is ours."""
        return hmac.compare_digest(given.encode(), self.csrf.encode())

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """`/open?token=...`: turn the link's token into a cookie."""
        who = request.remote or ""
        if self._wrong.shut_out(who):
            return web.Response(status=429, text="Too many wrong tokens; wait five minutes.\n")
        if not hmac.compare_digest(request.query.get("token", "").encode(), self.token.encode()):
            return self._no_entry(request, wrong=True)
        response = web.HTTPSeeOther("/")
        response.set_cookie(COOKIE, self._derived("cookie"), httponly=True, samesite="Strict", max_age=30 * 86_400)
        raise response

    def _no_entry(self, request: web.Request, *, wrong: bool) -> web.Response:
        who = request.remote or ""
        if self._wrong.shut_out(who):
            return web.Response(status=429, text="Too many wrong tokens; wait five minutes.\n")
        if wrong:
            self._wrong.add(who)
        return web.Response(status=403, text="Open the link that `dikast review` printed: it carries the token.\n")
