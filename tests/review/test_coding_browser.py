"""Notes, tags, the queue of what is like a failure, and the sealed test, in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dikast.judges.scale import Scale
from dikast.records import Interaction
from dikast.review.asked import Coding
from dikast.store import Store


def code_by_keys(page: Page, note: str, *tags: str) -> None:
    """A note and tags, without a pointer."""
    page.keyboard.press("*")
    page.keyboard.type(note)
    page.keyboard.press("Escape")
    page.keyboard.press("#")
    for tag in tags:
        page.keyboard.type(tag)
        page.keyboard.press("Enter")


def test_notes_and_tags_by_keyboard_with_the_server_killed_in_the_middle(
    page: Page, killable: Any, tmp_path: Path
) -> None:
    killable.start()
    page.goto(f"{killable.url}/item/5")
    expect(page.locator("#note")).to_be_hidden()  # folded away while unused
    page.keyboard.press("2")
    page.keyboard.type("It says 15 days, the policy 14")
    page.keyboard.press("Escape")
    code_by_keys(page, "wrong number", "policy", "tone")
    expect(page.locator("#status")).to_have_text("Draft kept")
    killable.kill()
    page.keyboard.type("num")
    expect(page.locator("#alarm")).to_contain_text("can't be reached")
    context = page.context
    page.close()
    killable.start()
    again = context.new_page()
    again.goto(f"{killable.url}/item/5")
    expect(again.locator("#tags")).to_have_value("policy, tone, num")
    expect(again.locator("#note")).to_have_value("wrong number")
    expect(again.locator("#note")).to_be_visible()
    again.keyboard.press("Control+Enter")
    again.wait_for_url("**/item/*?saved=5")
    expect(again.locator("#note")).to_be_hidden()
    again.keyboard.press("#")
    again.keyboard.type("PO")
    expect(again.get_by_role("option")).to_have_text(["policy"])
    again.keyboard.press("ArrowDown")
    again.keyboard.press("Enter")
    expect(again.locator("#tags")).to_have_value("policy, ")
    expect(again.get_by_role("option")).to_have_count(2)  # what is given isn't offered again
    again.keyboard.press("Escape")
    expect(again.get_by_role("listbox")).to_be_hidden()
    again.keyboard.press("Escape")
    again.keyboard.press("1")
    again.keyboard.press("Control+Enter")
    again.wait_for_url(lambda url: not url.endswith("?saved=5"))
    killable.kill()
    with Store.open(tmp_path / ".dikast" / "store.db") as store:
        kept = {r.label.id: (r.label.note, r.label.tags) for r in store.labels("tickets").current()}
    assert kept.pop("ticket-005") == ("wrong number", ("policy", "tone", "num"))
    assert list(kept.values()) == [(None, ("policy",))]


def test_two_tabs_with_other_tags_conflict_in_sight(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup())
    page.goto(f"{serving.url}/item/3")
    serving.desk.keep(3, "fail", "theirs", "saved", 0, Coding("their note", ("theirs",)))
    code_by_keys(page, "my note", "mine")
    page.get_by_role("button", name="Show both").click()
    expect(page.locator(".conflict")).to_contain_text("their note")
    expect(page.locator(".conflict .tag")).to_have_text(["theirs"])
    expect(page.locator("#note")).to_have_value("my note")
    expect(page.locator("#tags")).to_have_value("mine")


def failures() -> list[Interaction]:
    """Every fourth is about a parcel that came broken, the others about passwords."""
    broken = ("The parcel arrived broken, what now?", "We send a new parcel, broken goods are replaced.")
    password = ("I forgot my password again.", "Choose a new password in the settings.")
    said = [broken if at % 4 == 0 else password for at in range(24)]
    return [Interaction(id=f"t{at}", input=f"{asked} {at}", output=told) for at, (asked, told) in enumerate(said)]


def test_more_like_a_failure_is_a_link_and_a_queue_of_its_own(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup(failures()))
    page.goto(f"{serving.url}/item/8")
    expect(page.get_by_role("link", name="More like this")).to_have_count(0)
    page.keyboard.press("2")
    page.keyboard.type("It promises a new parcel, but broken goods need a photo first")
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="More like this").click()  # stands beside "t8 is saved."
    for number in range(5):
        assert re.search(r"/like/8/item/(\d+)", page.url), page.url
        position = int(page.url.rpartition("/item/")[2].partition("?")[0])
        assert position % 4 == 0
        assert position != 8
        expect(page.locator(".queue")).to_have_text(re.compile("Learning: picked \\(most alike to t8\\)"))
        before = page.url
        page.keyboard.press("12"[number % 2])
        page.keyboard.press("Control+Enter")
        page.wait_for_url(lambda url, here=before: url != here)
    page.get_by_role("link", name="Back to your queue").click()
    page.wait_for_url(re.compile(r"[^e]/item/\d+$"))
    drawn = {r.label.id: r.label.drawn for r in serving.desk.book.current()}
    assert drawn.pop("t8") == "random"
    assert set(drawn.values()) == {"like:t8"}
    assert len(drawn) == 5


def test_a_sealed_item_says_so_and_goes_on(
    page: Page, room: Any, serve: Any, sample_items: Any, sample_verdicts: Any
) -> None:
    setup = room.setup(run="refunds-1", verdicts=sample_verdicts(sample_items()))
    order = serve(setup).desk.queue.positions
    serving = serve(replace(setup, sealed=frozenset(order[:2])))
    page.goto(f"{serving.url}/go")
    for place in (0, 1):
        expect(page.locator("#sealed")).to_contain_text("sealed for the test")
        page.keyboard.press("1")
        page.keyboard.press("Control+Enter")
        page.wait_for_url(f"**/item/{order[place + 1]}?sealed={order[place]}")
        expect(page.locator("#status")).to_contain_text("It is sealed for the test, so the judge is not shown.")
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".compared")).to_contain_text("secret reason")
    page.goto(f"{serving.url}/item/{order[0]}")
    assert "secret reason" not in page.content()
    assert all(r.label.blind for r in serving.desk.book.current())


@pytest.mark.parametrize("width", [360, 1280])
def test_the_fold_opens_within_the_window(page: Page, room: Any, serve: Any, width: int) -> None:
    serving = serve(room.setup())
    serving.desk.keep(0, "fail", "w" * 300, "saved", 0, Coding("n" * 300, ("T" * 80, "a, b")))
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"{serving.url}/item/0")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#tags").is_visible()


def test_what_is_shown_in_two_ways_is_found_once(page: Page, room: Any, serve: Any) -> None:
    told = "# Return\n\n**Fourteen** days, see [here](https://shop.example/returns)"
    serving = serve(room.setup([Interaction(id="1", input="Return?", output=told)]))
    page.goto(f"{serving.url}/item/0")
    for text, count in (("fourteen", 1), ("shop.example", 1), ("return", 2)):
        page.keyboard.press("/")
        page.keyboard.type(text)
        expect(page.locator("#found")).to_have_text(f"{count} found")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
    assert page.evaluate("CSS.highlights.get('found').size") == 2
    expect(page.locator(".raw")).to_have_attribute("open", "")  # the link's address stands only there


def test_pairs_stand_side_by_side_where_there_is_room(page: Page, room: Any, serve: Any) -> None:
    pair = Interaction(id="p", input="q", output_a="one", output_b="two " * 100, context="c")
    serving = serve(room.setup([pair], scale=Scale(kind="preference")))
    page.goto(f"{serving.url}/item/0")
    boxes = [page.locator(name).bounding_box() for name in ("#output_a", "#output_b", "#context")]
    assert boxes[0]["y"] == boxes[1]["y"] < boxes[2]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert boxes[2]["width"] > 1.5 * boxes[0]["width"]
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.locator("#output_a").bounding_box()["y"] < page.locator("#output_b").bounding_box()["y"]


def test_a_hint_goes_when_what_it_asked_for_is_there(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup(), language="zh-Hant")
    page.goto(f"{serving.url}/item/4")
    page.keyboard.press("2")
    page.keyboard.press("c")
    page.keyboard.insert_text("不好")
    expect(page.locator("#hint")).to_contain_text("只提醒一次：新同事看得懂嗎？")
    page.keyboard.insert_text("，因為它說「14 days」，但規定是十天")
    expect(page.locator("#hint")).to_be_hidden()
