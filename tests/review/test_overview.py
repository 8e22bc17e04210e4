"""The pages beside the queue over HTTP: differences between people, runs over time, one run, its card; all blind."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer

from dikast.judges.learned import Learned
from dikast.judges.scale import Scale
from dikast.records import Interaction, JudgeRef, Label, Verdict
from dikast.review.desk import Desk
from dikast.review.disputing import disputes
from dikast.review.guard import Guard
from dikast.review.server import Review

BECAUSE = "It names the wrong number of days."
RUN_JUDGE = JudgeRef("refunds", "3f9a1c77d2e84b10")


@asynccontextmanager
async def client_of(desk: Desk, language: str | None = None) -> AsyncIterator[Any]:
    async with TestClient(TestServer(Review(desk, Guard("127.0.0.1", bytes(32)), language=language).app())) as client:
        yield client


async def text_of(client: Any, path: str) -> str:
    """The page, once what is worked out beside is there."""
    for _ in range(1000):
        reply = await client.get(path)
        page: str = await reply.text()
        assert reply.status == 200, (path, page)
        if "Being worked out" not in page and "正在計算" not in page:
            return page
    raise AssertionError(f"{path} was never done")


def says(book: Any, who: str | None, said: str, ids: list[str] | None = None, **more: Any) -> None:
    """One letter an interaction: p(ass), f(ail), or nothing."""
    ids = ids or [f"ticket-{at:03d}" for at in range(len(said))]
    words: dict[str, Any] = {"p": "pass", "f": "fail"}
    for id, letter in zip(ids, said, strict=True):
        if letter in words:
            label = Label(
                id=id,
                verdict=words[letter],
                annotator=who,
                critique=f"{who} on {id}: {BECAUSE}",
                drawn="random",
                **more,
            )
            book.save(label, state="saved", expected_revision=None)


def fields(page: str) -> dict[str, str]:
    form = page[page.index('<form id="settle"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


async def settle(client: Any, position: int, **given: str) -> Any:
    page = await text_of(client, f"/disputes/{position}")
    body = {**fields(page), "action": "save", "critique": "", **given}
    return await client.post(f"/disputes/{position}", data=body, allow_redirects=False)


class TestDisputes:
    async def test_both_critiques_stand_side_by_side_and_one_is_settled(self, room: Any) -> None:
        setup = room.setup()
        says(setup.book, "ada", "pfp")
        says(setup.book, "ben", "pp ")
        says(setup.book, "cy", "  f")
        desk = Desk(setup)
        async with client_of(desk) as client:
            page = await text_of(client, "/disputes")
            assert "People differ on 2 interactions; 2 are open." in page
            assert "ada on ticket-001" in page
            assert "ben on ticket-001" in page
            assert "ticket-000" not in page
            assert '<a href="/disputes">People differ on 2: settle them</a>' in await text_of(client, "/")
            reply = await settle(client, 1, side="1")
            assert reply.headers["Location"] == "/disputes/2?settled=1"
            reply = await settle(client, 2, side="0", critique="Neither is quite right.")
            assert reply.headers["Location"] == "/disputes?settled=2"
            assert "ticket-002 is settled." in await text_of(client, "/disputes?settled=2")
            assert "Settled: Pass" in await text_of(client, "/disputes?what=settled")
        settled = [one.label for one in setup.book.current() if one.label.annotator is None]
        assert [(one.verdict, one.critique, one.drawn, one.blind) for one in settled] == [
            ("pass", f"ben on ticket-001: {BECAUSE}", "random", True),
            ("pass", "Neither is quite right.", "random", True),
        ]
        assert len(list(setup.book.current())) == 8  # what each person said stays

    async def test_it_can_be_opened_again(self, room: Any) -> None:
        setup = room.setup()
        says(setup.book, "ada", "p")
        says(setup.book, "ben", "f")
        async with client_of(Desk(setup)) as client:
            await settle(client, 0, side="0")
            reply = await settle(client, 0, action="withdraw")
            assert reply.headers["Location"] == "/disputes/0?withdrawn=0"
            assert "Open. People are evenly split." in await text_of(client, "/disputes/0")
            assert (await settle(client, 0, side="1")).status == 303
        (settled,) = [one for one in setup.book.current() if one.label.annotator is None]
        assert (settled.label.verdict, settled.revision) == ("fail", 3)

    async def test_the_principal_s_own_label_is_amended_and_binds(self, room: Any) -> None:
        setup = room.setup(principal="ada", annotator="ada")
        says(setup.book, "ada", "p")
        says(setup.book, "ben", "ff")
        says(setup.book, "cy", "fp")
        desk = Desk(setup)
        async with client_of(desk) as client:
            page = await text_of(client, "/disputes")
            assert "Settled by ada: Pass" in page
            assert "2 interactions; 1 are open" in page
            await settle(client, 0, side="1", critique="I see it now: it names 30 days.")
            await settle(client, 1, side="0")
        labels = {(one.label.id, one.label.annotator): one for one in setup.book.current()}
        mine = labels["ticket-000", "ada"]
        assert (mine.label.verdict, mine.label.critique, mine.revision) == (
            "fail",
            "I see it now: it names 30 days.",
            2,
        )
        assert labels["ticket-001", None].label.verdict == "fail"  # no opinion of ada's own: a label that names nobody
        assert desk.has_saved(0)

    async def test_others_may_look_at_what_they_labelled_and_settle_nothing(self, room: Any) -> None:
        setup = room.setup(principal="ada", annotator="ben")
        says(setup.book, "ben", "p ")
        says(setup.book, "cy", "fp")
        says(setup.book, "dan", "pf")
        async with client_of(Desk(setup)) as client:
            page = await text_of(client, "/disputes")
            assert "cy on ticket-000" in page
            assert "ticket-001" not in page
            assert "1 are not shown: you have not labelled them yet" in page
            assert (await client.get("/disputes/1")).status == 404
            assert "fieldset disabled" in await text_of(client, "/disputes/0")
            assert (await settle(client, 0, side="0")).status == 403
        assert all(one.label.annotator for one in setup.book.current())

    async def test_a_label_that_changed_meanwhile_is_shown_and_nothing_is_lost(self, room: Any) -> None:
        setup = room.setup()
        says(setup.book, "ada", "p")
        says(setup.book, "ben", "f")
        async with client_of(Desk(setup)) as client:
            old = fields(await text_of(client, "/disputes/0"))
            says(setup.book, "cy", "f")
            body = {**old, "action": "save", "side": "0", "critique": "what I wrote <b>"}
            reply = await client.post("/disputes/0", data=body)
            page = await reply.text()
            assert reply.status == 409
            assert "A label was changed meanwhile." in page
            assert "what I wrote &lt;b&gt;</textarea>" in page
            assert (await client.post("/disputes/0", data={**body, "csrf": "x"})).status == 403
            for wrong in (
                {"side": ""},
                {"side": "9"},
                {"side": "=maybe"},
                {"action": "x"},
                {"critique": "x" * 200_001},
            ):
                assert (await settle(client, 0, **{"side": "0", **wrong})).status == 400, wrong
        assert all(one.label.annotator for one in setup.book.current())

    async def test_scores_can_be_settled_on_a_value_nobody_gave(self, room: Any) -> None:
        setup = room.setup(scale=Scale.of("1-5"), principal="dan", annotator="dan")
        for who, score in (("ada", 2.0), ("ben", 5.0)):
            label = Label(id="ticket-003", score=score, scale=(1, 5), annotator=who, critique=BECAUSE)
            setup.book.save(label, state="saved", expected_revision=0)
        async with client_of(Desk(setup)) as client:
            page = await text_of(client, "/disputes/3")
            assert "The mean is 3.5" in page
            assert re.findall(r'name="side" value="([^"]+)"', page) == ["0", "1", "=1", "=3", "=4"]
            assert (await settle(client, 3, side="=4", critique="Between the two.")).status == 303
        (one,) = disputes(Desk(setup))
        assert (one.settled.score, one.settled.rule, one.is_open) == (4.0, "settled", False)

    async def test_a_second_look_is_no_dispute_and_stays_blind(self, room: Any) -> None:
        setup = room.setup()
        says(setup.book, "ada", "pf")
        says(setup.book, "ada (again)", "f ")
        assert disputes(Desk(setup)) == []
        says(setup.book, "ben", "fp")
        async with client_of(Desk(replace(setup, queue="repeat"))) as client:
            page = await text_of(client, "/disputes")
        assert "ben on ticket-000" in page  # looked at again already
        assert "ticket-001" not in page

    async def test_long_lists_come_in_pages(self, room: Any, sample_items: Any) -> None:
        setup = room.setup(sample_items(60))
        says(setup.book, "ada", "p" * 60)
        says(setup.book, "ben", "f" * 60)
        async with client_of(Desk(setup)) as client:
            first, second = [await text_of(client, f"/disputes?page={page}") for page in (1, 2)]
            assert (first.count("<article"), second.count("<article")) == (50, 10)
            assert "Page 1 of 2" in first
            for page in ("0", "-1", "99999999999999999999", "x"):
                assert (await client.get(f"/disputes?page={page}")).status == 200


def judge(items: list[Interaction], said: str, version: str = "v1") -> dict[str, Verdict]:
    words: dict[str, Any] = {"p": "pass", "f": "fail"}
    return {
        item.id: Verdict(
            id=item.id, status="scored", verdict=words[letter], critique=f"secret reason {item.id}",
            judge=JudgeRef("refunds", version),
        )
        for item, letter in zip(items, said, strict=True)
    }  # fmt: skip


class TestRuns:
    async def test_runs_over_time_leave_sealed_items_and_other_datasets_out(self, room: Any, sample_items: Any) -> None:
        items = sample_items(12)
        setup = room.setup(items, sealed=frozenset({0, 1}))
        says(setup.book, "ada", "pfpfpfpfpfpf")
        room.keep_run(judge(items, "pfffffffffff", "aaaa1111"), items, name="refunds-1", day=1)
        room.keep_run(judge(items, "fppfpfpfpfpf", "bbbb2222"), items, name="refunds-2", day=2)
        others = [msgspec.structs.replace(item, input="Something else.") for item in items]
        room.keep_run(judge(others, "p" * 12, "cccc3333"), others, name="other-1", day=3)
        async with client_of(Desk(setup)) as client:
            page = await text_of(client, "/iterations")
            rows = re.findall(r"<tr><td>(\d)</td><th scope=\"row\"><a href=\"([^\"]+)\">", page)
            assert rows == [("1", "/runs/refunds-1"), ("2", "/runs/refunds-2")]
            assert "50.0 %" in page  # all fails: TPR 0, TNR 100
            assert page.count("100 %") >= 4  # the second is right on all that is not sealed
            assert "2 labelled interactions of the sealed test are left out" in page
            assert page.count("new version") == 1
            assert re.search(r"<title id=\"plot-title-1\">balanced accuracy, TPR, TNR, run by run</title>", page)
            assert "run 1 50.0 %" in page, re.findall("<desc.*</desc>", page)
            assert page.count("<circle") == 3  # a point each, and the legend
            assert "judged other texts" in await text_of(client, "/runs/other-1")
            assert "judged other texts" in await (await client.get("/runs/other-1/card")).text()
            assert (await client.get("/runs/none")).status == 404

    async def test_one_run_side_by_side(self, room: Any, sample_items: Any) -> None:
        items = sample_items(12)
        setup = room.setup(items, sealed=frozenset({0}))
        says(setup.book, "ada", "pppffff     ")
        says(setup.book, "ben", "       pp   ")
        room.keep_run(judge(items, "ffffpfffffff"), items, name="refunds-1")
        async with client_of(Desk(setup)) as client:
            page = await text_of(client, "/runs/refunds-1")
            assert re.findall(r'<h3 dir="auto"><a href="[^"]+">([^<]+)', page) == [
                "ticket-001",
                "ticket-002",
                "ticket-004",
            ]
            assert "Judge and people differ on 5 of 8 labelled interactions" in page
            assert "1 labelled interactions are in the sealed test" in page
            assert "2 disagreements are not shown: you have not labelled them yet" in page
            assert "secret reason ticket-000" not in page
            assert "secret reason ticket-007" not in page
            assert "People: Fail, judge: Pass <span>1</span>" in page
            narrowed = await text_of(client, "/runs/refunds-1?what=fail-pass")
            assert re.findall(r'<h3 dir="auto"><a href="[^"]+">([^<]+)', narrowed) == ["ticket-004"]
            assert 'aria-current="true">People: Fail, judge: Pass' in narrowed
            card = await text_of(client, "/runs/refunds-1/card")
            assert "Does it keep to the policy?" in card
            assert "the sealed test was not opened for this version" in card
            assert "secret reason ticket-001" in card
            assert "secret reason ticket-000" not in card
            assert "secret reason ticket-007" not in card
            reply = await client.get("/runs/refunds-1/card")
            assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")

    async def test_an_opened_test_is_in_the_card_in_figures_only(self, room: Any, sample_items: Any) -> None:
        items = sample_items(12)
        setup = room.setup(items, sealed=frozenset(range(6)))
        says(setup.book, "ada", "pfpfpfpfpfpf")
        info = room.keep_run(judge(items, "ppppppffffff"), items, name="refunds-1")
        room.store.open_test("tickets", info.judge, n=6, why="It is ready.")
        async with client_of(Desk(setup)) as client:
            card = await text_of(client, "/runs/refunds-1/card")
        assert "The figures are of the sealed test" in card
        assert "Judge and people differ on 3 of 6 labelled items; shown are 0." in card
        assert "secret reason" not in card
        assert "It is ready." in card

    async def test_the_principal_s_word_is_what_a_run_is_held_against(self, room: Any, sample_items: Any) -> None:
        items = sample_items(6)
        setup = room.setup(items, principal="ada")
        says(setup.book, "ada", "pfpfpf")
        says(setup.book, "ben", "fpfpfp")
        says(setup.book, "cy", "fpfpfp")
        room.keep_run(judge(items, "pfpfpf"), items, name="refunds-1")
        async with client_of(Desk(setup)) as client:
            assert "<article" not in await text_of(client, "/runs/refunds-1")
        async with client_of(Desk(replace(setup, principal=None))) as client:
            assert (await text_of(client, "/runs/refunds-1")).count("<article") == 6

    async def test_names_are_escaped_and_addressed_whole(self, room: Any, sample_items: Any) -> None:
        items = sample_items(4)
        setup = room.setup(items)
        says(setup.book, "<b>ada</b>", "pfpf")
        name = "評審 <i>/?#%-1" + "x" * 80
        room.keep_run(judge(items, "ffff"), items, name=name)
        async with client_of(Desk(setup)) as client:
            page = await text_of(client, "/iterations")
            assert "<i>" not in page
            path = re.findall(r'<th scope="row"><a href="([^"]+)">', page)[0]
            assert "評審 &lt;i&gt;/?#%-1" in await text_of(client, path)
            assert "&lt;b&gt;ada&lt;/b&gt;" in await text_of(client, "/")


class TestEmpty:
    async def test_nothing_is_there_yet(self, room: Any) -> None:
        async with client_of(Desk(room.setup())) as client:
            assert "Nobody has labelled anything yet." in await text_of(client, "/")
            assert "One person has labelled so far" in await text_of(client, "/disputes")
            assert "No run over this dataset is in the store yet." in await text_of(client, "/iterations")

    async def test_a_run_without_labels_and_one_without_disagreements(self, room: Any, sample_items: Any) -> None:
        items = sample_items(4)
        setup = room.setup(items)
        room.keep_run(judge(items, "pfpf"), items, name="refunds-1", dataset_hash=setup.dataset.info.hash)
        async with client_of(Desk(setup)) as client:
            unlabelled = await text_of(client, "/runs/refunds-1")
            assert "None of what this run judged has a label yet, but for sealed ones." in unlabelled
            assert "there are no labels" in unlabelled
            assert "None of what this run judged" in await text_of(client, "/iterations")
            for _ in range(1000):
                reply = await client.get("/runs/refunds-1/card")
                if "Being worked out" not in await reply.text():
                    break
            assert (reply.status, "there are no labels" in await reply.text()) == (404, True)
            says(setup.book, "ada", "pfpf")
            says(setup.book, "ben", "pfpf")
            assert "<article" not in await text_of(client, "/runs/refunds-1")
            assert "agree on everything" in await text_of(client, "/disputes")

    @pytest.mark.parametrize("path", ["/", "/disputes", "/disputes/0", "/iterations", "/runs/refunds-1"])
    async def test_in_chinese(self, room: Any, sample_items: Any, path: str) -> None:
        items = sample_items(12)
        setup = room.setup(items, run="refunds-1", verdicts=judge(items, "pfpfpfpfpfff"))
        says(setup.book, "ada", "pfpfpfpfpfpf")
        says(setup.book, "ben", "ffpfpfpfpfpf")
        room.keep_run(setup.verdicts, items, name="refunds-1")
        async with client_of(Desk(setup), "zh-Hant") as client:
            page = await text_of(client, path)
        page = page.replace("Can I return headphone model 0? I opened the box.", "")
        for text in ("Yes: within 10 days of delivery, opened or not.", "Returns: 14 days from delivery."):
            page = page.replace(text, "")
        body = re.sub(
            r"<[^>]+>|(ada|ben)? ?on ticket-\d+: [^<]*|ticket-\d+|secret reason", " ", page[page.index("<body") :]
        )
        if path in ("/", "/runs/refunds-1"):
            assert "還不能下結論：" in body or "不可信任：" in body
        assert not re.findall(r"\b(the|of|and|is|are|labelled|with|from)\b", body)


async def test_what_the_judge_has_seen_does_not_measure_it(room: Any, sample_items: Any) -> None:
    items = sample_items(6)
    said = {item.id: Verdict(id=item.id, status="scored", verdict="pass", judge=RUN_JUDGE) for item in items}
    room.keep_run(said, items, name="first")
    setup = room.setup(items, learned=lambda info: Learned(ids=frozenset({items[0].id, items[1].id})))
    says(setup.book, "ada", "fppppf")
    async with client_of(Desk(setup)) as client:
        page = await text_of(client, "/runs/first")
        assert "2 labelled interactions went into the judge" in page
        assert "Judge and people differ on 1 of 4 labelled interactions" in page
        assert "went into the judge" not in await text_of(client, "/iterations")


async def test_people_agree_with_each_other_and_with_themselves(room: Any, sample_items: Any) -> None:
    setup = room.setup(sample_items(12))
    says(setup.book, "ada", "pfpfpfpfpfpf")
    says(setup.book, "ada (again)", "pfpfpfpf    ")
    says(setup.book, "ben", "pfpfpfpfpfpp")
    async with client_of(Desk(setup)) as client:
        page = await text_of(client, "/")
    figures = dict(re.findall(r'<th scope="row">([^<]+)</th><td>([^<]+)</td>', page))
    assert figures["pairs of people that agree"] == "91.7 %"
    assert {"Krippendorff&#39;s alpha", "Fleiss&#39; kappa"} <= figures.keys()
    assert figures["ada, at a second look"] == "100 %"
    assert "on 12 interactions that several labelled" in page
