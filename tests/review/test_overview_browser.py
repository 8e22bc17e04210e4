"""The pages beside the queue in a real browser: settling by keyboard alone, and runs over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dikast.records import JudgeRef, Label, Verdict

LONG = "a-name-without-any-space-" * 6


def label(book: Any, who: str, at: int, said: str, critique: str) -> None:
    given = Label(id=f"ticket-{at:03d}", verdict=said, annotator=who, critique=critique)  # type: ignore[arg-type]
    book.save(given, state="saved", expected_revision=0)


def judged(items: Any, version: str, wrong: int) -> dict[str, Verdict]:
    """Verdicts that are wrong on the first few; every other item is good."""
    return {
        item.id: Verdict(
            id=item.id,
            status="scored",
            verdict="pass" if (at % 2 == 0) != (at < wrong) else "fail",
            critique=f"The judge's reason on {at}.",
            judge=JudgeRef("refunds", version),
        )
        for at, item in enumerate(items)
    }


def worked_out(page: Page) -> None:
    """Wait for the figures; a page waits a moment for them, and then shows what there is."""
    for _ in range(1000):
        if not page.get_by_text("Being worked out").count():
            return
        page.reload()
    raise AssertionError(f"{page.url} was never done")


def test_differences_are_settled_by_keyboard_alone(page: Page, room: Any, serve: Callable[..., Any]) -> None:
    setup = room.setup(annotator="cy", principal="cy")
    for at in (2, 5, 7):
        label(setup.book, "ada", at, "pass", f"Ada finds {at} fine.")
        label(setup.book, "ben", at, "fail", f"Ben misses the date in {at}.")
    page.goto(f"{serve(setup).url}/disputes")
    page.keyboard.press("Tab")
    for _ in range(10):
        if page.evaluate("document.activeElement.classList.contains('main')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/disputes/2")
    box = page.get_by_role("textbox")
    page.keyboard.press("1")
    expect(box).to_have_value("Ada finds 2 fine.")
    page.keyboard.press("2")
    expect(box).to_have_value("Ben misses the date in 2.")
    page.keyboard.press("c")
    page.keyboard.type(" So it fails.")
    page.keyboard.press("Escape")
    page.keyboard.press("1")  # what was written by hand stays
    expect(box).to_have_value("Ben misses the date in 2. So it fails.")
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/disputes/5?settled=2")
    expect(page.get_by_role("status").first).to_contain_text("ticket-002 is settled.")
    page.keyboard.press("j")
    page.wait_for_url("**/disputes/7")
    page.keyboard.press("k")
    page.wait_for_url("**/disputes/5")
    page.keyboard.press("1")
    page.reload()  # a closed tab loses nothing
    expect(box).to_have_value("Ada finds 5 fine.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/disputes/7?settled=5")
    page.keyboard.press("u")
    page.wait_for_url("**/disputes/5")
    expect(page.locator("input[value='0']")).to_be_checked()
    page.goto(page.url.replace("/5", "/7"))
    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/disputes?settled=7")
    settled = {one.label.id: one.label for one in setup.book.current() if one.label.annotator is None}
    assert {id: one.verdict for id, one in settled.items()} == {
        "ticket-002": "fail", "ticket-005": "pass", "ticket-007": "fail",
    }  # fmt: skip
    assert settled["ticket-002"].critique == "Ben misses the date in 2. So it fails."


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_runs_over_time_are_drawn_and_lead_to_their_disagreements(
    page: Page, room: Any, serve: Callable[..., Any], sample_items: Callable[[int], Any], scheme: Any
) -> None:
    items = sample_items(40)
    setup = room.setup(items)
    for at in range(40):
        label(setup.book, "ada", at, "pass" if at % 2 == 0 else "fail", f"Ada's reason on {at}.")
    for number, wrong in enumerate((20, 9, 2), start=1):
        room.keep_run(judged(items, f"v{number}", wrong), items, name=f"refunds-{number}", day=number)
    room.keep_run(judged(items, "v3", 1), items, name=LONG, day=9)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.emulate_media(color_scheme=scheme)
    url = serve(setup).url
    page.goto(f"{url}/iterations")
    worked_out(page)
    drawing = page.get_by_role("img", name="balanced accuracy, TPR, TNR, run by run")
    expect(drawing).to_be_visible()
    assert drawing.locator("circle").count() == 4
    heights = [float(one.get_attribute("cy") or 0) for one in drawing.locator("circle").all()]
    assert heights == sorted(heights, reverse=True)  # each better than the one before
    background = "getComputedStyle(document.body).backgroundColor"
    line = page.evaluate("getComputedStyle(document.querySelector('.first .line')).stroke")
    assert line != page.evaluate(background)
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name="refunds-3", exact=True).click()
    page.wait_for_url("**/runs/refunds-3")
    worked_out(page)
    assert page.locator("article").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name="Judge card").click()
    page.wait_for_url("**/card")
    worked_out(page)
    expect(page.get_by_role("heading", name="Where it fails")).to_be_visible()
    for path in ("/", "/disputes"):
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    assert said == []
