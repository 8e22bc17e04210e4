"""The server of the expert's page: a few addresses over one desk, each answered in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from aiohttp import web

from dikast.errors import DikastError, InputError, LabelConflict
from dikast.interactions.label_fields import tags_of
from dikast.report.text import one_line, readable, visible
from dikast.review.asked import Coding
from dikast.review.coach import hint
from dikast.review.desk import Desk
from dikast.review.figures import Needs, end_words, self_agreement_words
from dikast.review.guard import Guard
from dikast.review.item_page import Asked, Unsaved, item_key, item_page, more_like, output_text
from dikast.review.overview import Overview
from dikast.review.page import (
    DashboardPage,
    DisputePage,
    DisputesPage,
    ItemPage,
    IterationsPage,
    MessagePage,
    RunPage,
)
from dikast.review.showing import PARTS
from dikast.review.wording import preferred, texts
from dikast.store import LabelState

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES: dict[type, str] = {
    ItemPage: "item.html.j2",
    DashboardPage: "dashboard.html.j2",
    DisputesPage: "disputes.html.j2",
    DisputePage: "dispute.html.j2",
    IterationsPage: "iterations.html.j2",
    RunPage: "run.html.j2",
    MessagePage: "message.html.j2",
}
STATES: dict[str, LabelState] = {"save": "saved", "draft": "draft", "defer": "deferred", "withdraw": "withdrawn"}
_LONGEST_CRITIQUE = 200_000
_LONGEST_TAGS, _LONGEST_TAG = 2_000, 80
_MOST_BESIDE = 8  # queues beside the desk's own that are kept at hand
_MOST_BYTES = 2_000_000
_STATIC = {"review.css": "text/css", "review.js": "text/javascript", "dispute.js": "text/javascript"}


class Review:
    """The handlers. language: one of wording.LANGUAGES, or None for what each browser asks for."""

    def __init__(self, desk: Desk, guard: Guard, *, language: str | None = None) -> None:
        self._desk = desk
        self._guard = guard
        self._language = language
        self._needs = Needs(desk)
        self._overview = Overview(desk, self._needs, guard, self._t, self._page)
        self._beside: OrderedDict[int, Desk] = OrderedDict()
        self._looking = threading.Lock()

    def app(self) -> web.Application:
        """The application with its addresses."""
        app = web.Application(middlewares=[self._guard.middleware, self._said_plainly], client_max_size=_MOST_BYTES)
        app.add_routes(
            [
                *self._overview.routes(),
                web.get("/open", self._guard.enter),
                *self._queue_routes(""),
                *self._queue_routes(r"/like/{failure:\d{1,12}}"),
                web.get(r"/item/{position:\d{1,12}}/text/{part}", self._text),
                web.get("/static/{name}", _static),
                web.get("/favicon.ico", _no_icon),
            ]
        )
        return app

    def _queue_routes(self, base: str) -> list[web.RouteDef]:
        """The addresses of one queue: the desk's own, or one of what is like a failure."""
        return [
            web.get(f"{base}/go", self._go),
            web.get(f"{base}/done", self._done),
            web.get(base + r"/item/{position:\d{1,12}}", self._item),
            web.post(base + r"/item/{position:\d{1,12}}/label", self._label),
            web.post(f"{base}/undo", self._undo),
        ]

    async def _at(self, request: web.Request) -> tuple[Desk, str]:
        """The desk with the queue that the address names, and how the queue's addresses begin."""
        failure = request.match_info.get("failure")
        if failure is None:
            return self._desk, ""
        if int(failure) not in self._beside and not self._desk.has_failed(int(failure)):
            raise web.HTTPNotFound
        return await asyncio.to_thread(self._like, int(failure)), f"/like/{int(failure)}"

    def _like(self, failure: int) -> Desk:
        with self._looking:
            desk = self._beside.pop(failure, None) or self._desk.like(failure)
            self._beside[failure] = desk
            if len(self._beside) > _MOST_BESIDE:
                self._beside.popitem(last=False)
            return desk

    async def _go(self, request: web.Request) -> web.Response:
        desk, base = await self._at(request)
        following = await asyncio.to_thread(desk.open_after, None)
        raise web.HTTPSeeOther(f"{base}/done" if following is None else f"{base}/item/{following}")

    async def _item(self, request: web.Request) -> web.Response:
        position = self._position(request)
        desk, base = await self._at(request)
        return await self._shown(item_page, desk, self._needs, position, replace(self._asked(request), base=base))

    async def _done(self, request: web.Request) -> web.Response:
        t = self._t(request)
        desk, base = await self._at(request)
        notice = self._asked(request).notice
        own = await asyncio.to_thread(self_agreement_words, desk, t) if desk.is_second_look else ()
        still_open = await asyncio.to_thread(desk.still_open)
        title, end = end_words(desk, still_open, t)
        said = tuple(sentence for sentence in (notice, *end, *own) if sentence)
        away = ("/go", t["back"]) if base else ("/", t["dashboard"])
        return self._page(MessagePage(t, title, said, *((f"{base}/go", t["label_on"]) if still_open else away)))

    async def _text(self, request: web.Request) -> web.Response:
        part = request.match_info["part"]
        if part not in PARTS:
            raise web.HTTPNotFound
        item = await asyncio.to_thread(self._desk.dataset.item, self._position(request))
        return web.Response(text=visible(readable(getattr(item, part))))

    async def _label(self, request: web.Request) -> web.Response:
        position = self._position(request)
        desk, base = await self._at(request)
        form = await request.post()
        t = self._t(request)
        if not self._guard.has_csrf(str(form.get("csrf", ""))) or form.get("key") != item_key(desk, position):
            return self._refused(request, t["wrong_form"], 403)
        action, said = str(form.get("action", "")), str(form.get("said", ""))
        critique = str(form.get("critique", "")).replace("\r\n", "\n")
        coding = _coding(form)
        revision = str(form.get("revision", ""))
        longest = max(len(critique), len(coding.note))
        too_long = longest > _LONGEST_CRITIQUE or sum(map(len, coding.tags)) > _LONGEST_TAGS
        if action not in STATES or not revision.isdecimal() or too_long:
            return self._refused(request, t["too_long"] if too_long else t["wrong_form"], 400)
        if action == "save" and not said and not _by_script(request):
            unsaved = Unsaved("", critique, None, coding)
            return await self._item_again(request, position, unsaved, t["choose_first"], 400)
        try:
            given = (position, said, critique, STATES[action], int(revision), coding)
            kept = await asyncio.to_thread(desk.keep, *given)
        except LabelConflict as conflict:
            if _by_script(request):
                return web.json_response({"conflict": str(conflict)}, status=409)
            return await self._item_again(request, position, Unsaved(said, critique, conflict.theirs, coding), "", 409)
        after = base + await asyncio.to_thread(_after, desk, position, action)
        if not _by_script(request):
            raise web.HTTPSeeOther(after)
        advice = await asyncio.to_thread(self._hint, position, critique, t) if action == "draft" else ""
        return web.json_response({"revision": kept.revision, "state": kept.state, "next": after, "hint": advice})

    async def _undo(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not self._guard.has_csrf(str(form.get("csrf", ""))):
            return self._refused(request, self._t(request)["wrong_form"], 403)
        desk, base = await self._at(request)
        position = await asyncio.to_thread(desk.undo)
        if position is None:
            t = self._t(request)
            return self._page(MessagePage(t, t["nothing_to_undo"], (), f"{base}/go", t["label_on"]))
        raise web.HTTPSeeOther(f"{base}/item/{position}?undone={position}")

    def _hint(self, position: int, critique: str, t: Mapping[str, str]) -> str:
        found = hint(critique, output_text(self._desk.dataset.item(position)))
        return t[f"hint_{found}"] if found else ""

    async def _item_again(
        self, request: web.Request, position: int, unsaved: Unsaved, alarm: str, status: int
    ) -> web.Response:
        desk, base = await self._at(request)
        asked = Asked(self._t(request), self._guard.csrf, alarm=alarm, base=base, unsaved=unsaved)
        return await self._shown(item_page, desk, self._needs, position, asked, status=status)

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
        for word in ("saved", "undone", "deferred", "sealed"):
            given = request.query.get(word, "")
            if given.isdecimal() and len(given) < 13 and self._desk.has(int(given)):
                notice = t[f"{word}_notice"].format(id=self._desk.id_at(int(given))[:60])
                like = "" if word == "undone" else more_like(self._desk, int(given))
                return Asked(t, self._guard.csrf, notice=notice, notice_like=like)
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


def _after(desk: Desk, position: int, action: str) -> str:
    """Where one goes from here: on, or, with a run, first to see what the judge says, unless this one is sealed."""
    shown = bool(desk.setup.run) and not desk.is_sealed(position)
    if action in ("draft", "withdraw") or (action == "save" and shown):
        return f"/item/{position}?saved={position}"
    following = desk.open_after(position)
    word = "deferred" if action == "defer" else "sealed" if desk.setup.run else "saved"
    if following is None:
        return f"/done?sealed={position}" if word == "sealed" else "/done"
    return f"/item/{following}?{word}={position}"


def _coding(form: Mapping[str, Any]) -> Coding:
    """Note and tags of a form; tags come with commas between, each in one line."""
    tags = (one_line(tag, _LONGEST_TAG) for tag in tags_of(str(form.get("tags", ""))))
    return Coding(str(form.get("note", "")).replace("\r\n", "\n"), tuple(dict.fromkeys(tags)))


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
