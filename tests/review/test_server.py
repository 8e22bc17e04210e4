"""The server over HTTP, without a browser: plain forms, blindness, conflicts, and who is let in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from dikast.judges.scale import Scale
from dikast.records import Interaction
from dikast.review.desk import Desk
from dikast.review.guard import Guard
from dikast.review.server import Review

KEY = bytes(range(32))
JSON = {"Accept": "application/json"}


@asynccontextmanager
async def client_of(desk: Desk, host: str = "127.0.0.1", language: str | None = None) -> AsyncIterator[Any]:
    guard = Guard(host, KEY)
    async with TestClient(TestServer(Review(desk, guard, language=language).app())) as client:
        yield client


def fields(page: str) -> dict[str, str]:
    """The hidden fields of the label form."""
    form = page[page.index('<form id="label"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[: form.index("</form>")]))


async def send(
    client: Any, position: int, action: str, said: str = "", critique: str = "", **more: str
) -> ClientResponse:
    page = await (await client.get(f"/item/{position}")).text()
    headers = more.pop("headers", None)
    body = {**fields(page), "action": action, "said": said, "critique": critique, **more}
    return await client.post(f"/item/{position}/label", data=body, headers=headers, allow_redirects=False)


async def worked_out(client: Any, path: str) -> str:
    """The page, once what is worked out beside is there; each answer waits a moment for it."""
    for _ in range(1000):
        page: str = await (await client.get(path)).text()
        if "Being worked out" not in page:
            return page
    raise AssertionError(f"{path} was never done")


class TestForms:
    async def test_a_label_is_saved_and_the_next_one_comes(self, room: Any) -> None:
        desk = Desk(room.setup())
        first, second = desk.queue.positions[:2]
        async with client_of(desk) as client:
            assert str((await client.get("/go")).url.path) == f"/item/{first}"
            reply = await send(client, first, "save", "fail", "It promises 30 days.\r\nThe policy says 14.")
            assert reply.status == 303
            assert reply.headers["Location"] == f"/item/{second}?saved={first}"
            page = await (await client.get(reply.headers["Location"])).text()
        assert f"{desk.id_at(first)} is saved." in page
        (revision,) = room.store.labels("tickets").current()
        label = revision.label
        assert (label.verdict, label.annotator, label.drawn, label.blind) == ("fail", "ada", "random", True)
        assert label.critique == "It promises 30 days.\nThe policy says 14."

    async def test_a_restarted_server_goes_on_where_it_stopped(self, room: Any) -> None:
        desk = Desk(room.setup())
        for position in desk.queue.positions[:3]:
            desk.keep(position, "pass", "", "saved", 0)
        desk.keep(desk.queue.positions[3], "", "half a", "draft", 0)
        again = Desk(room.setup())
        assert again.queue == desk.queue
        assert again.open_after(None) == desk.queue.positions[3]
        async with client_of(again) as client:
            page = await (await client.get("/go")).text()
        assert "half a</textarea>" in page
        assert "Draft, kept" in page

    async def test_put_off_withdrawn_undone(self, room: Any) -> None:
        desk = Desk(room.setup())
        first, second = desk.queue.positions[:2]
        async with client_of(desk) as client:
            await send(client, first, "defer")
            await send(client, second, "save", "pass", "fine")
            assert desk.done() == (1, 1)
            assert (await send(client, second, "withdraw", "pass", "fine")).status == 303
            assert desk.done() == (0, 1)
            csrf = fields(await (await client.get(f"/item/{first}")).text())["csrf"]
            for undone in (second, second, first):
                reply = await client.post("/undo", data={"csrf": csrf}, allow_redirects=False)
                assert reply.headers["Location"] == f"/item/{undone}?undone={undone}"
            assert desk.done() == (0, 0)
            assert "There is nothing to undo." in await (await client.post("/undo", data={"csrf": csrf})).text()
        assert Desk(room.setup(queue="deferred")).queue.positions == ()

    async def test_saving_without_a_verdict_keeps_the_words(self, room: Any) -> None:
        async with client_of(Desk(room.setup())) as client:
            reply = await send(client, 0, "save", critique="only words <b>")
            page = await reply.text()
        assert reply.status == 400
        assert "Choose a verdict first" in page
        assert "only words &lt;b&gt;</textarea>" in page

    async def test_the_queue_ends(self, room: Any, sample_items: Any) -> None:
        desk = Desk(room.setup(sample_items(1)))
        async with client_of(desk) as client:
            reply = await send(client, 0, "save", "pass")
            assert reply.headers["Location"] == "/done"
            assert "The queue is done" in await (await client.get("/done")).text()

    async def test_the_end_of_the_queue_says_what_is_left(self, room: Any, sample_items: Any) -> None:
        desk = Desk(room.setup(sample_items(3)))
        async with client_of(desk) as client:
            await send(client, 0, "save", "pass")
            page = await (await client.get("/done")).text()
            assert "2 of 3 are still open." in page
            assert 'href="/go"' in page
            await send(client, 1, "save", "pass")
            await send(client, 2, "defer")
            assert "but for 1 that you put off" in await (await client.get("/done")).text()

    @pytest.mark.parametrize("path", ["/item/99", "/item/0/text/labels", "/static/server.py", "/x", "/item/0/text/id"])
    async def test_what_is_not_there(self, room: Any, path: str) -> None:
        async with client_of(Desk(room.setup())) as client:
            reply = await client.get(path)
            assert reply.status == 404
            assert "Content-Security-Policy" in reply.headers

    @pytest.mark.parametrize(
        "wrong", [{"action": "delete"}, {"revision": "x"}, {"said": "maybe"}, {"critique": "x" * 200_001}]
    )
    async def test_a_wrong_form_is_refused(self, room: Any, wrong: dict[str, str]) -> None:
        async with client_of(Desk(room.setup())) as client:
            page = await (await client.get("/item/0")).text()
            body = {**fields(page), "action": "save", "said": "pass", **wrong}
            reply = await client.post("/item/0/label", data=body)
            assert reply.status == 400
        assert list(room.store.labels("tickets").current()) == []

    async def test_a_form_of_another_dataset_is_refused(self, room: Any, sample_items: Any) -> None:
        async with client_of(Desk(room.setup())) as client:
            body = fields(await (await client.get("/item/0")).text())
        async with client_of(Desk(room.setup(sample_items(2), name="others"))) as client:
            reply = await client.post("/item/0/label", data={**body, "action": "save", "said": "pass"})
            assert reply.status == 403
        assert list(room.store.labels("others").current()) == []


class TestConflicts:
    async def test_both_sides_are_shown_and_nothing_is_overwritten(self, room: Any) -> None:
        desk = Desk(room.setup())
        async with client_of(desk) as client:
            old = fields(await (await client.get("/item/3")).text())
            await send(client, 3, "save", "pass", "theirs")
            mine = {**old, "action": "save", "said": "fail", "critique": "mine"}
            by_script = await client.post("/item/3/label", data=mine, headers=JSON)
            reply = await client.post("/item/3/label", data=mine, allow_redirects=False)
            page = await reply.text()
            assert (by_script.status, reply.status) == (409, 409)
            assert desk.standing(3).standing.label.critique == "theirs"  # type: ignore[union-attr]
            assert "mine</textarea>" in page
            assert ">theirs</blockquote>" in page
            knowing = {**mine, **fields(page)}
            assert (await client.post("/item/3/label", data=knowing, allow_redirects=False)).status == 303
        standing = desk.standing(3)
        assert [revision.label.critique for revision in (*standing.earlier, standing.standing)] == ["theirs", "mine"]  # type: ignore[union-attr]

    async def test_two_people_have_labels_of_their_own_and_see_them_after(self, room: Any) -> None:
        ada, bob = Desk(room.setup()), Desk(room.setup(annotator="bob"))
        ada.keep(2, "fail", "what ada said", "saved", 0)
        async with client_of(bob) as client:
            assert "what ada said" not in await (await client.get("/item/2")).text()
            assert (await send(client, 2, "save", "pass", "what bob said")).status == 303
            assert "what ada said" in await (await client.get("/item/2")).text()


class TestBlindness:
    async def test_the_judge_is_shown_only_after_the_label(
        self, room: Any, sample_items: Any, sample_verdicts: Any
    ) -> None:
        desk = Desk(room.setup(run="refunds-1", verdicts=sample_verdicts(sample_items())))
        async with client_of(desk) as client:
            await send(client, 4, "draft", "pass", "thinking")
            await send(client, 5, "defer", "pass", "later")
            for path in ("/item/4", "/item/5", "/", "/runs/refunds-1"):
                assert "secret reason" not in await (await client.get(path)).text()
            reply = await send(client, 4, "save", "pass", "It is fine.")
            assert reply.headers["Location"] == "/item/4?saved=4"
            page = await (await client.get("/item/4")).text()
            assert "secret reason number 4" in page
            assert "The judge says otherwise." in page
            assert "secret reason number 4" in await worked_out(client, "/runs/refunds-1")
            await send(client, 4, "save", "fail", "The judge convinced me.")
            page = await (await client.get("/item/4")).text()
            assert "The judge says the same." in page
            assert "Earlier versions (1)" in page
            assert "changed after seeing the judge: 1" in await (await client.get("/")).text()
        assert [revision.label.blind for revision in desk.book.history("ticket-004") if revision.state == "saved"] == [
            True, False,
        ]  # fmt: skip

    async def test_what_is_needed_follows_the_labels(self, room: Any, sample_items: Any, sample_verdicts: Any) -> None:
        items = sample_items(40)
        desk = Desk(room.setup(items, run="refunds-1", verdicts=sample_verdicts(items)))
        for position in range(24):
            desk.keep(position, "pass" if position % 2 else "fail", "", "saved", 0)
        async with client_of(desk) as client:
            page = await worked_out(client, "/")
        assert re.search(r"\d+ more (passes|fails) labelled", page)
        assert "Gwet&#39;s AC1" in page

    async def test_a_second_look_is_a_label_of_its_own(self, room: Any) -> None:
        first = Desk(room.setup())
        first.keep(2, "pass", "first look", "saved", 0)
        second = Desk(room.setup(queue="repeat"))
        assert second.queue.positions == (2,)
        async with client_of(second) as client:
            assert "first look" not in await (await client.get("/item/2")).text()
            await send(client, 2, "save", "fail", "second look")
        labels = {r.label.annotator: (r.label.verdict, r.label.drawn) for r in first.book.current()}
        assert labels == {"ada": ("pass", "random"), "ada (again)": ("fail", "repeat")}

    async def test_disagreements_make_a_queue(self, room: Any, sample_items: Any, sample_verdicts: Any) -> None:
        with_run = {"run": "r", "verdicts": sample_verdicts(sample_items())}
        desk = Desk(room.setup(**with_run))
        for position in range(6):
            desk.keep(position, "pass", "", "saved", 0)
        again = Desk(room.setup(queue="disagree", **with_run))
        assert again.queue.positions == (0, 2, 4)
        async with client_of(again) as client:  # all of it is labelled, and shown to be looked at once more
            assert (await client.get("/go", allow_redirects=False)).headers["Location"] == "/item/0"
            await send(client, 0, "save", "fail", "the judge is right")
            assert (await client.get("/go", allow_redirects=False)).headers["Location"] == "/item/2"
            assert "Your label stands as it was on 2 of 3." in await (await client.get("/done")).text()


class TestScales:
    async def test_scores(self, room: Any) -> None:
        desk = Desk(room.setup(scale=Scale.of("1-5")))
        async with client_of(desk) as client:
            assert (await send(client, 0, "save", "4", "good")).status == 303
        (revision,) = desk.book.current()
        assert (revision.label.score, revision.label.scale) == (4.0, (1.0, 5.0))

    async def test_pairs(self, room: Any) -> None:
        pair = Interaction(id="p", input="q", output_a="one answer", output_b="another")
        desk = Desk(room.setup([pair], scale=Scale(kind="preference")))
        async with client_of(desk) as client:
            page = await (await client.get("/item/0")).text()
            assert page.index("Output A") < page.index("one answer") < page.index("Output B") < page.index("another")
            await send(client, 0, "save", "tie")
        (revision,) = desk.book.current()
        assert revision.label.verdict == "tie"


class TestDoors:
    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "10.0.0.9"])
    async def test_another_host_name_is_not_answered(self, room: Any, host: str) -> None:
        async with client_of(Desk(room.setup())) as client:
            assert (await client.get("/", headers={"Host": host})).status in (400, 421)

    @pytest.mark.parametrize("path", ["/item/0/label", "/undo"])
    async def test_a_post_needs_the_secret_and_our_origin(self, room: Any, path: str) -> None:
        async with client_of(Desk(room.setup())) as client:
            body = {**fields(await (await client.get("/item/0")).text()), "action": "save", "said": "pass"}
            assert (await client.post(path, data={**body, "csrf": ""})).status == 403
            assert (await client.post(path, data={**body, "csrf": "x"})).status == 403
            foreign = await client.post(path, data=body, headers={"Origin": "https://evil.example"})
            assert foreign.status == 403
        assert list(room.store.labels("tickets").current()) == []

    async def test_beyond_loopback_the_link_s_token_makes_a_cookie(self, room: Any) -> None:
        desk = Desk(room.setup())
        token = Guard("0.0.0.0", KEY).token
        async with client_of(desk, "0.0.0.0") as client:
            assert (await client.get("/")).status == 403
            assert (await client.get("/open?token=wrong")).status == 403
            reply = await client.get(f"/open?token={token}", allow_redirects=False)
            assert reply.status == 303
            cookie = reply.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert token not in cookie
            # the test's cookie jar doesn't send cookies to bare addresses
            mine = {"Cookie": cookie.partition(";")[0]}
            assert (await client.get("/", headers=mine)).status == 200
            assert (await client.get("/", headers={**mine, "Host": "evil.example"})).status == 421

    async def test_wrong_tokens_are_counted(self, room: Any) -> None:
        token = Guard("0.0.0.0", KEY).token
        async with client_of(Desk(room.setup()), "0.0.0.0") as client:
            seen = [(await client.get(f"/open?token={n}")).status for n in range(11)]
            assert seen == [403] * 10 + [429]
            assert (await client.get(f"/open?token={token}")).status == 429

    async def test_every_answer_carries_the_policy(self, room: Any) -> None:
        async with client_of(Desk(room.setup())) as client:
            for path in ("/", "/item/0", "/static/review.js", "/static/review.css", "/item/0/text/output", "/nothing"):
                reply = await client.get(path)
                assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
                assert reply.headers["X-Content-Type-Options"] == "nosniff"


class TestLanguages:
    @pytest.mark.parametrize(
        ("asked", "said"), [("zh-TW,en;q=0.5", "您的判定"), ("en-GB", "Your verdict"), ("de", "Your verdict")]
    )
    async def test_the_browser_s_language(self, room: Any, asked: str, said: str) -> None:
        async with client_of(Desk(room.setup())) as client:
            assert said in await (await client.get("/item/0", headers={"Accept-Language": asked})).text()

    async def test_a_given_language_wins(self, room: Any) -> None:
        async with client_of(Desk(room.setup()), language="zh-Hant") as client:
            for path in ("/", "/item/0", "/done"):
                page = await (await client.get(path, headers={"Accept-Language": "en"})).text()
                assert '<html lang="zh-Hant-TW">' in page


async def test_hints_come_with_drafts(room: Any) -> None:
    async with client_of(Desk(room.setup())) as client:
        said = [
            (await (await send(client, 0, "draft", "fail", text, headers=JSON)).json())["hint"]  # type: ignore[arg-type]
            for text in ("Bad.", "It promises 10 days, but the policy says 14.")
        ]
    assert said[0].startswith("A hint, once.")
    assert said[1] == ""


def test_the_desk_is_shared_by_threads(room: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    desk = Desk(room.setup())
    keep: Callable[[int], Any] = lambda position: desk.keep(position, "pass", "x", "saved", 0)  # noqa: E731
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(12)))
    assert desk.done() == (12, 0)
