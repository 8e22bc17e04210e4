"""The server of the expert's page: a few addresses over one desk, each answered in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from aiohttp import web

from dikast.errors import DikastError, InputError, LabelConflict
from dikast.report.text import readable, visible
from dikast.review.coach import hint
from dikast.review.dashboard_page import dashboard_page
from dikast.review.desk import Desk
from dikast.review.figures import Needs
from dikast.review.guard import Guard
from dikast.review.item_page import Asked, Unsaved, item_key, item_page, output_text
from dikast.review.page import DashboardPage, ItemPage, MessagePage
from dikast.review.showing import PARTS
from dikast.review.wording import preferred, texts
from dikast.store import LabelState

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES: dict[type, str] = {
    ItemPage: "item.html.j2",
    DashboardPage: "dashboard.html.j2",
    MessagePage: "message.html.j2",
}
STATES: dict[str, LabelState] = {"save": "saved", "draft": "draft", "defer": "deferred", "withdraw": "withdrawn"}
_LONGEST_CRITIQUE = 200_000
_MOST_BYTES = 2_000_000
_STATIC = {"review.css": "text/css", "review.js": "text/javascript"}


class Review:
    """The handlers. language: one of wording.LANGUAGES, or None for what each browser asks for."""

    def __init__(self, desk: Desk, guard: Guard, *, language: str | None = None) -> None:
        self._desk = desk
        self._guard = guard
        self._language = language
        self._needs = Needs(desk)

    def app(self) -> web.Application:
        """The application with its addresses."""
        app = web.Application(middlewares=[self._guard.middleware, self._said_plainly], client_max_size=_MOST_BYTES)
        app.add_routes(
            [
                web.get("/", self._dashboard),
                web.get("/open", self._guard.enter),
                web.get("/go", self._go),
                web.get("/done", self._done),
                web.get(r"/item/{position:\d{1,12}}", self._item),
                web.get(r"/item/{position:\d{1,12}}/text/{part}", self._text),
                web.post(r"/item/{position:\d{1,12}}/label", self._label),
                web.post("/undo", self._undo),
                web.get("/static/{name}", _static),
                web.get("/favicon.ico", _no_icon),
            ]
        )
        return app

    async def _dashboard(self, request: web.Request) -> web.Response:
        return await self._shown(dashboard_page, self._desk, self._needs, self._asked(request))

    async def _go(self, request: web.Request) -> web.Response:
        following = await asyncio.to_thread(self._desk.open_after, None)
        raise web.HTTPSeeOther("/done" if following is None else f"/item/{following}")

    async def _item(self, request: web.Request) -> web.Response:
        position = self._position(request)
        return await self._shown(item_page, self._desk, self._needs, position, self._asked(request))

    async def _done(self, request: web.Request) -> web.Response:
        t = self._t(request)
        said = (t["item_done"],) if self._desk.queue.positions else (t["item_none"], t["item_none_help"])
        title = t["item_done_title"] if self._desk.queue.positions else t["item_none"]
        return self._page(MessagePage(t, title, said, "/", t["dashboard"]))

    async def _text(self, request: web.Request) -> web.Response:
        part = request.match_info["part"]
        if part not in PARTS:
            raise web.HTTPNotFound
        item = await asyncio.to_thread(self._desk.dataset.item, self._position(request))
        return web.Response(text=visible(readable(getattr(item, part))))

    async def _label(self, request: web.Request) -> web.Response:
        position = self._position(request)
        form = await request.post()
        t = self._t(request)
        if not self._guard.has_csrf(str(form.get("csrf", ""))) or form.get("key") != item_key(self._desk, position):
            return self._refused(request, t["wrong_form"], 403)
        action, said = str(form.get("action", "")), str(form.get("said", ""))
        critique = str(form.get("critique", "")).replace("\r\n", "\n")
        revision = str(form.get("revision", ""))
        if action not in STATES or not revision.isdecimal() or len(critique) > _LONGEST_CRITIQUE:
            return self._refused(request, t["too_long"] if len(critique) > _LONGEST_CRITIQUE else t["wrong_form"], 400)
        if action == "save" and not said and not _by_script(request):
            unsaved = Unsaved("", critique, None)
            return await self._item_again(request, position, unsaved, t["choose_first"], 400)
        try:
            kept = await asyncio.to_thread(self._desk.keep, position, said, critique, STATES[action], int(revision))
        except LabelConflict as conflict:
            if _by_script(request):
                return web.json_response({"conflict": str(conflict)}, status=409)
            return await self._item_again(request, position, Unsaved(said, critique, conflict.theirs), "", 409)
        after = await asyncio.to_thread(self._after, position, action)
        if not _by_script(request):
            raise web.HTTPSeeOther(after)
        advice = await asyncio.to_thread(self._hint, position, critique, t) if action == "draft" else ""
        return web.json_response({"revision": kept.revision, "state": kept.state, "next": after, "hint": advice})

    async def _undo(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not self._guard.has_csrf(str(form.get("csrf", ""))):
            return self._refused(request, self._t(request)["wrong_form"], 403)
        position = await asyncio.to_thread(self._desk.undo)
        if position is None:
            t = self._t(request)
            return self._page(MessagePage(t, t["nothing_to_undo"], (), "/go", t["label_on"]))
        raise web.HTTPSeeOther(f"/item/{position}?undone={position}")

    def _after(self, position: int, action: str) -> str:
        """Where one goes from here: on, or, with a run, first to see what the judge says of this one."""
        if action in ("draft", "withdraw") or (action == "save" and self._desk.setup.run):
            return f"/item/{position}?saved={position}"
        following = self._desk.open_after(position)
        word = {"save": "saved", "defer": "deferred"}[action]
        return "/done" if following is None else f"/item/{following}?{word}={position}"

    def _hint(self, position: int, critique: str, t: Mapping[str, str]) -> str:
        found = hint(critique, output_text(self._desk.dataset.item(position)))
        return t[f"hint_{found}"] if found else ""

    async def _item_again(
        self, request: web.Request, position: int, unsaved: Unsaved, alarm: str, status: int
    ) -> web.Response:
        asked = Asked(self._t(request), self._guard.csrf, alarm=alarm, unsaved=unsaved)
        return await self._shown(item_page, self._desk, self._needs, position, asked, status=status)

    async def _shown(self, make: Any, *given: Any, status: int = 200) -> web.Response:
        return await asyncio.to_thread(lambda: self._page(make(*given), status))

    def _page(self, page: Any, status: int = 200) -> web.Response:
        context = {field.name: getattr(page, field.name) for field in fields(page)}
        html = environment().get_template(TEMPLATES[type(page)]).render(context)
        return web.Response(text=html, content_type="text/html", status=status)

    def _refused(self, request: web.Request, why: str, status: int) -> web.Response:
        if _by_script(request):
            return web.Response(text=why, status=status)
        t = self._t(request)
        return self._page(MessagePage(t, t["refused"], (why,), "/", t["dashboard"]), status)

    def _position(self, request: web.Request) -> int:
        position = int(request.match_info["position"])
        if not self._desk.has(position):
            raise web.HTTPNotFound
        return position

    def _t(self, request: web.Request) -> Mapping[str, str]:
        return texts(self._language or preferred(request.headers.get("Accept-Language", "")))

    def _asked(self, request: web.Request) -> Asked:
        """The notice says only what this server knows: a word of ours, and the id at a position."""
        t = self._t(request)
        for word in ("saved", "undone", "deferred"):
            given = request.query.get(word, "")
            if given.isdecimal() and len(given) < 13 and self._desk.has(int(given)):
                return Asked(
                    t, self._guard.csrf, notice=t[f"{word}_notice"].format(id=self._desk.id_at(int(given))[:60])
                )
        return Asked(t, self._guard.csrf)

    @web.middleware
    async def _said_plainly(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Errors as a page in the reader's language."""
        try:
            response: web.StreamResponse = await handler(request)
            return response
        except web.HTTPNotFound:
            return self._refused_page(request, "not_found", 404)
        except web.HTTPRequestEntityTooLarge:
            return self._refused(request, self._t(request)["too_long"], 413)
        except DikastError as error:
            said = f"{error}. {error.hint or ''}".strip()
            return self._refused(request, said, 400 if isinstance(error, InputError) else 503)

    def _refused_page(self, request: web.Request, word: str, status: int) -> web.Response:
        t = self._t(request)
        return self._page(MessagePage(t, t[word], (), "/", t["dashboard"]), status)


@cache
def environment() -> Environment:
    """Where the templates are and how they print: escaped, and with nothing that steers or hides."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("dikast.review"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )


def _by_script(request: web.Request) -> bool:
    return "application/json" in request.headers.get("Accept", "")


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _STATIC:
        raise web.HTTPNotFound
    return web.Response(body=_asset(name), content_type=_STATIC[name], charset="utf-8")


async def _no_icon(request: web.Request) -> web.Response:
    return web.Response(status=204)


@cache
def _asset(name: str) -> bytes:
    return resources.files("dikast.review").joinpath("static", name).read_bytes()
