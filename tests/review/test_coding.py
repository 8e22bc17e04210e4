"""Notes and tags, queues of what is like a failure, the sealed test and second looks, over HTTP and at the desk."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner

from dikast.agreement.estimate import Estimate
from dikast.agreement.sampling import sampling_of
from dikast.cli.review import command
from dikast.errors import InputError
from dikast.interactions.label_rows import read_label_rows
from dikast.interactions.labels import read_labels
from dikast.journey.labelling import export_labels, plan_import
from dikast.records import Interaction, Label
from dikast.review.asked import Coding
from dikast.review.desk import Desk
from dikast.review.figures import Needs, self_agreement
from dikast.review.guard import Guard
from dikast.review.server import Review
from dikast.store import Store

JSON = {"Accept": "application/json"}


def client_of(desk: Desk, language: str | None = None) -> Any:
    return TestClient(TestServer(Review(desk, Guard("127.0.0.1", bytes(range(32))), language=language).app()))


async def send(client: Any, path: str, action: str, headers: Any = None, **said: str) -> Any:
    page = await (await client.get(path)).text()
    form = page[page.index('<form id="label"') :]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[: form.index("</form>")]))
    body = {**hidden, "action": action, **said}
    return await client.post(f"{path}/label", data=body, headers=headers, allow_redirects=False)


class TestNotesAndTags:
    async def test_they_are_kept_shown_and_taken_back_like_the_critique(self, room: Any) -> None:
        desk = Desk(room.setup())
        async with client_of(desk) as client:
            first = {"said": "fail", "critique": "why", "note": "wrong\r\nnumber", "tags": "tone, policy ，tone;x y"}
            await send(client, "/item/3", "save", **first)
            label = desk.standing(3).standing.label  # type: ignore[union-attr]
            assert (label.note, label.tags) == ("wrong\nnumber", ("tone", "policy", "x y"))
            page = await (await client.get("/item/3")).text()
            assert "wrong\nnumber</textarea>" in page
            assert 'value="tone, policy, x y"' in page
            assert '<details class="coding" id="coding" open>' in page
            await send(client, "/item/3", "draft", headers=JSON, said="fail", critique="why", note="half", tags="")
            assert desk.standing(3).newest.label.note == "half"  # type: ignore[union-attr]
            await send(client, "/item/3", "save", said="fail", critique="why", tags="new")
            page = await (await client.get("/item/3")).text()
            assert '<span class="tag">policy</span>' in page  # in the history
            desk.undo()
            assert desk.standing(3).standing.label.tags == ("tone", "policy", "x y")  # type: ignore[union-attr]
            page = await (await client.get("/item/4")).text()
            assert '<details class="coding" id="coding">' in page

    async def test_tags_of_everybody_are_offered_in_one_spelling(self, room: Any) -> None:
        Desk(room.setup(annotator="bob")).keep(0, "fail", "", "saved", 0, Coding("", ("Tone", "policy")))
        desk = Desk(room.setup())
        desk.keep(1, "fail", "", "saved", 0, Coding("", ("tone", "new", "TONE")))
        assert desk.standing(1).standing.label.tags == ("Tone", "new")  # type: ignore[union-attr]
        assert desk.known_tags() == ["Tone", "policy", "new"]
        async with client_of(desk) as client:
            page = await (await client.get("/item/2")).text()
        found = re.search(r'data-known="([^"]*)"', page)
        assert found is not None
        assert json.loads(found[1].replace("&#34;", '"')) == ["Tone", "policy", "new"]

    async def test_too_long_is_refused_and_saving_without_a_verdict_keeps_them(self, room: Any) -> None:
        async with client_of(Desk(room.setup())) as client:
            for more in ({"note": "x" * 200_001}, {"tags": ",".join(f"t{n}" * 9 for n in range(200))}):
                reply = await send(client, "/item/0", "save", said="pass", **more)
                assert reply.status == 400
            page = await (await send(client, "/item/0", "save", note="a <b> note", tags="one")).text()
            assert "a &lt;b&gt; note</textarea>" in page
            assert 'value="one"' in page

    def test_tagging_later_does_not_make_a_label_less_blind(self, room: Any, sample_items: Any) -> None:
        desk = Desk(room.setup(run="r"))
        desk.keep(0, "fail", "why", "saved", 0)
        desk.keep(0, "fail", "why", "saved", 1, Coding("note", ("tag",)))
        desk.keep(0, "fail", "another why", "saved", 2)
        blind = [revision.label.blind for revision in desk.book.history("ticket-000")]
        assert blind == [True, True, False]

    @pytest.mark.parametrize("suffix", [".xlsx", ".csv", ".jsonl"])
    def test_they_go_out_and_in_with_sheets(self, room: Any, tmp_path: Path, suffix: str) -> None:
        desk = Desk(room.setup())
        desk.keep(0, "fail", "=why", "saved", 0, Coding("=first\nsecond", ("tone", "x y")))
        sheet = tmp_path / f"labels{suffix}"
        export_labels(desk.book, desk.dataset, sheet)
        plan = plan_import(desk.book, desk.dataset, read_label_rows(sheet).rows)
        assert (plan.new, plan.changed, plan.conflicts, plan.unchanged) == ([], [], [], 1)
        (kept,) = [row.label for row in read_label_rows(sheet).rows if row.label is not None]
        assert (kept.note, kept.tags, kept.critique) == ("=first\nsecond", ("tone", "x y"), "=why")


class TestHowItWasDrawn:
    def test_the_seed_is_kept_and_gives_the_order_again(self, room: Any, tmp_path: Path) -> None:
        desk = Desk(room.setup(seed=7))
        for position in desk.queue.positions[:3]:
            desk.keep(position, "pass", "", "saved", 0)
        labels = [revision.label for revision in desk.book.current()]
        assert {(label.drawn, label.seed) for label in labels} == {("random", 7)}
        assert Desk(room.setup(seed=labels[0].seed)).queue.positions == desk.queue.positions
        assert sampling_of({label.drawn or "": 1 for label in labels}).kind == "random"
        file = tmp_path / "labels.jsonl"
        file.write_bytes(b"\n".join(msgspec.json.encode(label) for label in labels))
        assert sorted(read_labels(file), key=lambda one: one.id) == sorted(labels, key=lambda one: one.id)
        amended = Desk(room.setup(seed=8))
        amended.keep(desk.queue.positions[0], "fail", "", "saved", 1)
        assert {revision.label.seed for revision in amended.book.current()} == {7}

    def test_a_queue_without_chance_has_no_seed(self, room: Any, sample_items: Any, sample_verdicts: Any) -> None:
        desk = Desk(room.setup(queue="uncertain", run="r", verdicts=sample_verdicts(sample_items())))
        desk.keep(0, "pass", "", "saved", 0)
        (revision,) = desk.book.current()
        assert (revision.label.drawn, revision.label.seed) == ("uncertain", None)


class TestLikeAFailure:
    def test_what_is_labelled_or_sealed_does_not_come_but_its_own_do(self, room: Any) -> None:
        desk = Desk(room.setup())
        desk.keep(4, "fail", "It promises 14 days for headphone model 4", "saved", 0)
        desk.keep(5, "pass", "", "saved", 0)
        setup = replace(desk.setup, queue="like:ticket-004")
        queue = Desk(replace(setup, sealed=frozenset({6, 7}))).queue
        assert set(queue.positions) == set(range(12)) - {4, 5, 6, 7}
        assert (queue.drawn, queue.measuring, queue.seed) == ("like:ticket-004", False, None)
        first = Desk(setup)
        first.keep(first.queue.positions[0], "pass", "", "saved", 0)
        again = Desk(setup)
        assert again.queue == first.queue
        assert again.done() == (1, 0)
        assert sampling_of({"like:ticket-004": 1}).kind == "unusable"
        with pytest.raises(InputError, match="'nobody' is not in 'tickets'"):
            Desk(replace(setup, queue="like:nobody"))

    async def test_only_a_failure_has_a_queue_and_what_is_saved_there_is_saved(self, room: Any) -> None:
        desk = Desk(room.setup())
        async with client_of(desk) as client:
            assert (await client.get("/like/4/go")).status == 404
            desk.keep(4, "fail", "why", "saved", 0)
            page = await (await client.get("/item/4")).text()
            assert 'href="/like/4/go"' in page
            reply = await client.get("/like/4/go")
            place = str(reply.url.path)
            assert place.startswith("/like/4/item/")
            desk.keep(4, "pass", "amended", "saved", 1)  # meanwhile: the queue goes on
            reply = await send(client, place, "save", said="pass")
            assert reply.headers["Location"].startswith("/like/4/item/")
            assert desk.done() == (2, 0)
            csrf = re.findall('name="csrf" value="([^"]+)"', page)[0]
            reply = await client.post("/like/4/undo", data={"csrf": csrf}, allow_redirects=False)
            assert reply.headers["Location"] == f"{place}?undone={place.rpartition('/')[2]}"
            for position in range(12):
                if not desk.has_saved(position):
                    newest = desk.standing(position).newest
                    desk.keep(position, "pass", "", "saved", newest.revision if newest else 0)
            end = await client.get("/like/4/go")
            assert "Back to your queue" in await end.text()
            assert (await client.get("/like/5/go")).status == 404

    def test_on_the_command_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample_items: Any) -> None:
        monkeypatch.chdir(tmp_path)
        Path("tickets.jsonl").write_bytes(b"\n".join(msgspec.json.encode(item) for item in sample_items()))
        result = CliRunner().invoke(command, ["tickets.jsonl", "--queue", "like:nobody"])
        assert isinstance(result.exception, InputError)
        assert "like:ID takes an interaction's id" in str(result.exception.hint)


class TestSealed:
    async def test_the_judge_is_in_no_answer(self, room: Any, sample_items: Any, sample_verdicts: Any) -> None:
        setup = room.setup(run="r", verdicts=sample_verdicts(sample_items()), sealed=frozenset(range(12)))
        desk = Desk(setup)
        assert desk.is_sealed(0)
        async with client_of(desk, "zh-Hant") as client:
            for _ in range(12):
                path = str((await client.get("/go")).url.path)
                reply = await send(client, path, "save", said="fail", critique="why")
                assert "sealed=" in reply.headers["Location"]
                said = (
                    await (await client.get(reply.headers["Location"])).text() + await (await client.get(path)).text()
                )
                assert "secret reason" not in said
                assert "封存" in said
            assert reply.headers["Location"].startswith("/done?sealed=")
            assert "secret reason" not in await (await client.get("/")).text()
        for queue in ("disagree", "uncertain"):
            assert Desk(replace(setup, queue=queue)).queue.positions == ()
        assert {revision.label.blind for revision in desk.book.current()} == {True}

    def test_what_came_after_the_split_is_settled_when_the_page_opens(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        asked: list[frozenset[int]] = []

        async def seen(desk: Desk, *_: object) -> None:
            asked.append(desk.setup.sealed)

        monkeypatch.setattr("dikast.cli.review._serve", seen)
        texts = [f"A question of its own about subject {at * at} and {at + 7919}" for at in range(40)]
        for count in (30, 40):
            items = [Interaction(id=str(at), input=text, output="o") for at, text in enumerate(texts[:count])]
            Path("d.jsonl").write_bytes(b"\n".join(msgspec.json.encode(item) for item in items))
            assert CliRunner().invoke(command, ["d.jsonl"]).exit_code == 0
            with Store.open(tmp_path / ".dikast" / "store.db") as store:
                split = store.split("d")
                if count == 30:
                    assert split.positions("test") == []  # nobody asked for a split
                    split.settle()
                else:
                    assert len(split.parts([item.id for item in items])) == 40
        assert asked[0] == frozenset()
        assert max(asked[1]) >= 30


class TestSecondLooks:
    async def test_the_queue_ends_with_the_agreement_with_oneself(self, room: Any) -> None:
        desk = Desk(room.setup())
        for position in range(4):
            desk.keep(position, "pass" if position % 2 else "fail", "", "saved", 0)
        assert self_agreement(desk) == {}
        again = Desk(room.setup(queue="repeat"))
        async with client_of(again) as client:
            assert "agreement with yourself" not in await (await client.get("/done")).text()
            for position in range(4):
                await send(client, f"/item/{position}", "save", said="pass")
            page = await (await client.get("/done")).text()
            same = self_agreement(again)["self_agree"]
            assert isinstance(same, Estimate)
            ends = f"({same.low * 100:.0f} % to {same.high * 100:.0f} %)"
            assert f"Your agreement with yourself, on 4 that you labelled twice: 50 % the same {ends}." in page
            item = await (await client.get("/item/0")).text()
            assert "You, the other time" in item
            assert "More like this" not in item
        assert self_agreement(desk)["self_agree"].value == 0.5
        assert Needs(again).sentences({}) == ()

    def test_it_is_nobody_else(self) -> None:
        names = ("ada", "ada (again)", None)
        looks = [Label(id="1", verdict="pass", annotator=name).is_second_look for name in names]
        assert looks == [False, True, False]
