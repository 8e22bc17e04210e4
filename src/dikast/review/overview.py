"""The addresses beside the queue: the overview, where people differ, runs over time, one run, its card."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from dikast.errors import InputError, LabelConflict
from dikast.records import RunInfo
from dikast.report.text import one_line
from dikast.review.agreement_view import run_url
from dikast.review.card import POLICY, card_document
from dikast.review.dashboard_page import dashboard_page
from dikast.review.desk import Desk
from dikast.review.disputes_page import dispute_page, disputes_page, next_open
from dikast.review.disputing import Dispute, check_key, disputes, may_see, may_settle, resolve
from dikast.review.figures import Needs
from dikast.review.guard import Guard
from dikast.review.item_page import Asked, Unsaved
from dikast.review.iterations_page import iterations_page
from dikast.review.measured import Measures, run_info
from dikast.review.page import MessagePage
from dikast.review.run_page import run_page
from dikast.review.wording import language_of, translated
from dikast.store import LabelState

_LONGEST_CRITIQUE = 200_000
_LAST_PAGE = 100_000

Handler = Callable[..., Any]


@dataclass
class Overview:
    """The handlers. texts: the reader's language; page: a page as an answer."""

    desk: Desk
    needs: Needs
    guard: Guard
    texts: Callable[[web.Request], Mapping[str, str]]
    page: Callable[[Any, int], web.Response]

    def __post_init__(self) -> None:
        self._measures = Measures(self.desk)

    def routes(self) -> list[web.RouteDef]:
        """The addresses."""
        return [
            web.get("/", self._dashboard),
            web.get("/disputes", self._disputes),
            web.get(r"/disputes/{position:\d{1,12}}", self._dispute),
            web.post(r"/disputes/{position:\d{1,12}}", self._settle),
            web.get("/iterations", self._iterations),
            web.get("/runs/{run}", self._run),
            web.get("/runs/{run}/card", self._card),
        ]

    async def _dashboard(self, request: web.Request) -> web.Response:
        return await self._shown(dashboard_page, self.desk, self.needs, self._measures, self._asked(request))

    async def _iterations(self, request: web.Request) -> web.Response:
        return await self._shown(iterations_page, self.desk, self._measures, self._asked(request))

    async def _run(self, request: web.Request) -> web.Response:
        info = await self._info(request)
        what, page = request.query.get("what", ""), _page_asked(request)
        return await self._shown(run_page, self.desk, self._measures, info, what, page, self._asked(request))

    async def _card(self, request: web.Request) -> web.Response:
        info = await self._info(request)
        t = self.texts(request)
        of = await asyncio.to_thread(self._measures.run, info.name)
        if of.fresh and of.value is None:
            return self.page(MessagePage(t, t["judge_card"], (t["run_foreign"],), "/iterations", t["iterations"]), 404)
        write = partial(card_document, self.desk, info)
        card = await asyncio.to_thread(self._measures.card, info.name, write)
        if card.fresh and card.value is not None:
            return web.Response(text=card.value, content_type="text/html", headers={"Content-Security-Policy": POLICY})
        if not card.fresh:
            return self.page(
                MessagePage(t, t["judge_card"], (t["pending"],), f"{run_url(info.name)}/card", t["look_again"]), 200
            )
        said = f"{t['no_agreement']}: {translated(card.refused, language_of(t))}"
        return self.page(MessagePage(t, t["judge_card"], (said,), run_url(info.name), t["disagreements"]), 404)

    async def _disputes(self, request: web.Request) -> web.Response:
        notice, back = self._notice(request)
        what, page = request.query.get("what", ""), _page_asked(request)
        return await self._shown(disputes_page, self.desk, what, page, notice, back, self._asked(request))

    async def _dispute(self, request: web.Request) -> web.Response:
        found = await asyncio.to_thread(self._found, request)
        notice, back = self._notice(request)
        return await self._shown(dispute_page, self.desk, found, notice, back, self._asked(request))

    async def _settle(self, request: web.Request) -> web.Response:
        form = await request.post()
        t = self.texts(request)
        if not self.guard.has_csrf(str(form.get("csrf", ""))):
            return self.page(MessagePage(t, t["refused"], (t["wrong_form"],), "/disputes", t["disputes"]), 403)
        found = await asyncio.to_thread(self._found, request)
        side, critique = str(form.get("side", "")), str(form.get("critique", "")).replace("\r\n", "\n")
        state, unsaved = form.get("action"), Unsaved(side, critique, None)
        if not may_settle(self.desk):
            return await self._again(request, found, unsaved, t["not_yours"], 403)
        if state not in ("save", "withdraw") or len(critique) > _LONGEST_CRITIQUE:
            return await self._again(request, found, unsaved, t["too_long" if state == "save" else "wrong_form"], 400)
        if state == "save" and not side:
            return await self._again(request, found, unsaved, t["choose_side"], 400)
        try:
            check_key(found, str(form.get("key", "")))
            written: LabelState = "saved" if state == "save" else "withdrawn"
            await asyncio.to_thread(resolve, self.desk, found, side, critique, written)
        except LabelConflict:
            found = await asyncio.to_thread(self._found, request)
            return await self._again(request, found, unsaved, t["dispute_changed"], 409)
        except InputError as error:
            return await self._again(request, found, unsaved, str(error), 400)
        if state == "withdraw":
            raise web.HTTPSeeOther(f"/disputes/{found.position}?withdrawn={found.position}")
        after = await asyncio.to_thread(next_open, self.desk, found.position)
        raise web.HTTPSeeOther(f"{after}?settled={found.position}")

    async def _again(
        self, request: web.Request, dispute: Dispute, unsaved: Unsaved, alarm: str, status: int
    ) -> web.Response:
        asked = Asked(self.texts(request), self.guard.csrf, alarm=alarm, unsaved=unsaved)
        return await self._shown(dispute_page, self.desk, dispute, "", "", asked, status=status)

    def _found(self, request: web.Request) -> Dispute:
        """The dispute at the address; one of several criteria, the first that is open."""
        position = int(request.match_info["position"])
        if not self.desk.has(position):
            raise web.HTTPNotFound
        there = [one for one in disputes(self.desk, self.desk.id_at(position)) if may_see(self.desk, one)]
        if not there:
            raise web.HTTPNotFound
        return next((one for one in there if one.is_open), there[0])

    async def _info(self, request: web.Request) -> RunInfo:
        info = await asyncio.to_thread(run_info, self.desk, request.match_info["run"])
        if info is None:
            raise web.HTTPNotFound
        return info

    def _notice(self, request: web.Request) -> tuple[str, str]:
        """What was just done, in words of ours, and where that can be seen."""
        for word in ("settled", "withdrawn"):
            given = request.query.get(word, "")
            if given.isdecimal() and len(given) < 13 and self.desk.has(int(given)):
                id = one_line(self.desk.id_at(int(given)), 60)
                return self.texts(request)[f"{word}_notice"].format(id=id), f"/disputes/{int(given)}"
        return "", ""

    def _asked(self, request: web.Request) -> Asked:
        return Asked(self.texts(request), self.guard.csrf)

    async def _shown(self, make: Handler, *given: Any, status: int = 200) -> web.Response:
        return await asyncio.to_thread(lambda: self.page(make(*given), status))


def _page_asked(request: web.Request) -> int:
    given = request.query.get("page", "")
    return min(_LAST_PAGE, max(1, int(given))) if given.isdecimal() and len(given) < 9 else 1
