"""The page in a real browser: by keyboard alone, with the server killed, in two tabs, and with hostile text."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from dikast.judges.scale import Scale
from dikast.records import Interaction
from dikast.review.asked import Coding
from dikast.store import Store


def watch(page: Page) -> tuple[list[str], list[str]]:
    """What the page asks for, and what it complains of."""
    requests: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    return requests, said


def place(page: Page) -> int:
    found = re.search(r"/item/(\d+)", page.url)
    assert found is not None, page.url
    return int(found[1])


def label_by_keys(page: Page, key: str, why: str) -> None:
    """One label, without a pointer: the verdict's key, the critique by simply typing, Ctrl+Enter."""
    before = page.url
    page.keyboard.press(key)
    page.keyboard.type(why)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: url != before)


def test_a_hundred_labels_by_keyboard_with_the_server_killed_in_the_middle(
    page: Page, killable: Any, tmp_path: Path
) -> None:
    killable.start()
    page.goto(f"{killable.url}/go")
    expect(page.get_by_role("link", name="crm")).to_have_attribute("href", re.compile("https://crm.local/u%2F"))
    given: dict[str, tuple[str, str]] = {}
    for number in range(100):
        at = f"ticket-{place(page):03d}"
        key, why = "12"[number % 3 == 0], f"As it says {number}"
        given[at] = ("fail" if key == "2" else "pass", why)
        if number == 50:
            page.keyboard.press(key)
            page.keyboard.type(why[:5])
            expect(page.locator("#status")).to_have_text("Draft kept")
            killable.kill()
            page.keyboard.type(why[5:])
            expect(page.locator("#alarm")).to_contain_text("can't be reached")
            page.keyboard.press("Control+Enter")
            killable.start()
            page.wait_for_url(lambda url, here=page.url: url != here)
        else:
            label_by_keys(page, key, why)
    assert page.url.endswith("/done")
    assert killable.kill(signal.SIGINT) == 0
    with Store.open(tmp_path / ".dikast" / "store.db") as store:
        kept = {
            r.label.id: (r.label.verdict, r.label.critique) for r in store.labels("tickets").current(annotator="ada")
        }
    assert kept == given


def test_text_that_no_server_has_seen_survives_the_tab(page: Page, killable: Any) -> None:
    killable.start()
    page.goto(f"{killable.url}/item/7")
    killable.kill()
    page.keyboard.type("Written while nobody listened")
    expect(page.locator("#alarm")).to_contain_text("can't be reached")
    context = page.context
    page.close()
    killable.start()
    again = context.new_page()
    again.goto(f"{killable.url}/item/7")
    expect(again.locator("#critique")).to_have_value("Written while nobody listened")
    expect(again.locator("#status")).to_have_text("Draft kept")


def test_two_tabs_conflict_in_sight(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup())
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto(f"{serving.url}/item/3")
    label_by_keys(page, "1", "Theirs came first")
    other.bring_to_front()
    other.keyboard.press("2")
    other.keyboard.type("Mine came second")
    expect(other.locator("#alarm")).to_contain_text("changed elsewhere")
    other.get_by_role("button", name="Show both").click()
    expect(other.locator(".conflict blockquote")).to_have_text("Theirs came first")
    expect(other.locator("#critique")).to_have_value("Mine came second")
    expect(other.locator("input[value=fail]")).to_be_checked()
    assert serving.desk.standing(3).standing.label.critique == "Theirs came first"
    other.keyboard.press("Control+Enter")
    other.wait_for_url(lambda url: "/item/3" not in url)
    assert [r.label.critique for r in serving.desk.book.history("ticket-003") if r.state == "saved"] == [
        "Theirs came first", "Mine came second",
    ]  # fmt: skip


def test_keys_move_put_off_undo_and_show_the_sheet(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup())
    order = serving.desk.queue.positions
    page.goto(f"{serving.url}/item/{order[0]}")
    for key, at in (("j", 1), ("ArrowRight", 2), ("k", 1), ("ArrowLeft", 0)):
        page.keyboard.press(key)
        page.wait_for_url(f"**/item/{order[at]}*")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("2")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("input[value=fail]")).not_to_be_checked()
    page.keyboard.press("d")
    page.wait_for_url(f"**/item/{order[1]}*")
    assert serving.desk.done() == (0, 1)
    page.keyboard.press("u")
    page.wait_for_url(f"**/item/{order[0]}*")
    assert serving.desk.done() == (0, 0)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_have_text("Choose a verdict first")
    assert serving.desk.done() == (0, 0)


def test_the_critique_takes_digits_and_the_coach_hints_once(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup())
    page.goto(f"{serving.url}/item/0")
    page.keyboard.press("2")
    page.keyboard.press("c")
    page.keyboard.type("Bad 12")
    expect(page.locator("#hint")).to_contain_text("A hint, once.")
    expect(page.locator("input[value=fail]")).to_be_checked()
    expect(page.locator("#critique")).to_have_value("Bad 12")
    assert serving.desk.standing(0).state == "draft"


def test_the_judge_is_compared_after_saving(
    page: Page, room: Any, serve: Any, sample_items: Any, sample_verdicts: Any
) -> None:
    serving = serve(room.setup(run="refunds-1", verdicts=sample_verdicts(sample_items())))
    page.goto(f"{serving.url}/item/4")
    assert "secret reason" not in page.content()
    expect(page.get_by_text("The judge's verdict is hidden")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.type("It says 14 days, as the policy does")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".compared")).to_contain_text("The judge's secret reason number 4.")
    expect(page.locator(".compared")).to_contain_text("It says 14 days, as the policy does")
    page.keyboard.press("2")
    expect(page.locator("#status")).to_have_text("Draft kept")
    page.reload()
    expect(page.locator("input[value=fail]")).to_be_checked()
    page.keyboard.press("Control+Enter")  # an amendment that is only a draft is saved, not passed over
    expect(page.locator(".compared")).to_contain_text("The judge says the same.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: "/item/4" not in url)
    assert [r.label.blind for r in serving.desk.book.history("ticket-004") if r.state == "saved"] == [True, False]


def test_scores_and_pairs_have_their_keys(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup(scale=Scale.of("1-5")))
    page.goto(f"{serving.url}/item/0")
    label_by_keys(page, "4", "Good enough since it names days")
    assert [r.label.score for r in serving.desk.book.current()] == [4.0]
    pair = Interaction(id="p", input="q", output_a="one", output_b="two")
    pairs = serve(room.setup([pair], name="pairs", scale=Scale(kind="preference")))
    page.goto(f"{pairs.url}/item/0")
    label_by_keys(page, "t", "No difference, as both say it")
    assert [r.label.verdict for r in pairs.desk.book.current()] == ["tie"]


def test_search_finds_in_folded_text(page: Page, room: Any, serve: Any) -> None:
    chat = [{"role": "tool", "content": "needle one"}, {"role": "user", "content": "a Needle"}]
    serving = serve(room.setup([Interaction(id="1", input=chat, output="no hay")]))
    page.goto(f"{serving.url}/item/0")
    page.keyboard.press("/")
    page.keyboard.type("needle")
    expect(page.locator("#found")).to_have_text("3 found")  # the folded message's first words, itself, and the other
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_text("needle one").last).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    expect(page.locator("input[value=pass]")).to_be_checked()


HOSTILE = """<script>document.title='owned'</script><img src="https://evil.example/x" onerror="document.title='owned'">
# A title ![beacon](https://evil.example/b.png) [run](javascript:document.title='owned')
</textarea></details></main><style>body{display:none}</style><iframe src="https://evil.example"></iframe>
\u202egnihton <meta http-equiv=refresh content="0;url=https://evil.example"> <base href="https://evil.example/">
"""


def test_hostile_text_does_nothing_anywhere(page: Page, room: Any, serve: Any, sample_verdicts: Any) -> None:
    item = Interaction(
        id=HOSTILE[:200],
        input=[{"role": HOSTILE, "content": HOSTILE, "name": HOSTILE}, {"role": "tool", "content": HOSTILE}],
        output=HOSTILE,
        context={HOSTILE: [HOSTILE]},
        reference="From: x\nTo: " + HOSTILE.replace("\n", " ") + "\n\n" + HOSTILE,
        metadata={HOSTILE: HOSTILE, "user": HOSTILE},
    )
    spoken = {id: msgspec.structs.replace(v, critique=HOSTILE) for id, v in sample_verdicts([item]).items()}
    links = {HOSTILE: "https://crm.local/{metadata.user}"}
    serving = serve(room.setup([item], name="x", annotator=HOSTILE, run="r", verdicts=spoken, links=links))
    requests, said = watch(page)
    coding = Coding(HOSTILE, (HOSTILE, "'\">"))
    serving.desk.keep(0, "pass", HOSTILE, "saved", 0, coding)
    serving.desk.keep(0, "fail", HOSTILE + "!", "saved", 1, coding)
    for path in ("/item/0?saved=0", "/like/0/go", "/", "/item/0/text/output"):
        page.goto(serving.url + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert "owned" not in page.title() or page.title().startswith("<script>")
        assert page.evaluate("document.images.length") == 0
        assert page.evaluate("getComputedStyle(document.body).display") != "none"
        assert page.evaluate("[...document.links].every(a => /^https?:/.test(a.href))")
    assert page.evaluate("document.scripts.length") == 0
    assert [url for url in requests if not url.startswith((serving.url, "data:,"))] == []
    assert said == []


def test_the_policy_holds_and_nothing_comes_from_outside(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup())
    requests, said = watch(page)
    page.goto(f"{serving.url}/item/0")
    label_by_keys(page, "1", "It is fine because it says days")
    page.goto(serving.url)
    assert said == []
    assert all(url.startswith((serving.url, "data:,")) for url in requests)
    page.goto(f"{serving.url}/item/1")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=https://evil.example/x onerror=alert(1)>')")
    expect(page.locator("img")).to_have_count(1)
    assert any("Content Security Policy" in message for message in said)


def test_without_javascript_it_is_a_form(browser: Browser, room: Any, serve: Any) -> None:
    serving = serve(room.setup())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{serving.url}/go")
    first = place(page)
    page.get_by_label("Fail").check()
    page.get_by_label("Why?").fill("It says 10 days, the policy 14")
    page.get_by_role("button", name="Save and go on").click()
    assert place(page) != first
    page.get_by_role("button", name="Undo").click()
    assert place(page) == first
    page.get_by_role("button", name="Defer").click()
    assert serving.desk.done() == (0, 1)
    context.close()


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", ["/", "/item/0", "/done", "/x"])
def test_no_page_is_wider_than_its_window(page: Page, room: Any, serve: Any, width: int, path: str) -> None:
    wide = Interaction(
        id="W" * 200, input="W" * 500, output="```\n" + "x" * 500 + "\n```\n\n| " + "a | " * 40 + "\n|" + "-|" * 40
    )
    serving = serve(room.setup([wide], scale=Scale.of("1-10")))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(serving.url + path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_landmarks_labels_and_focus(page: Page, room: Any, serve: Any) -> None:
    serving = serve(room.setup(), language="zh-Hant")
    page.goto(f"{serving.url}/item/0")
    assert page.evaluate("document.documentElement.lang") == "zh-Hant-TW"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "跳到判定"
    for role in ("main", "complementary", "banner", "navigation", "search", "progressbar"):
        assert page.get_by_role(role).count() >= 1, role
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input:not([type=hidden]), textarea, button, a, progress')]"
        ".filter(e => !(e.labels?.length || e.textContent.trim() || e.ariaLabel)).map(e => e.outerHTML)"
    )
    assert unnamed == []
    assert page.locator("[aria-live], [role=alert], output").count() >= 4
    for key in ("Tab",) * 30:
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.id") == "critique":
            break
    else:
        pytest.fail("the critique can't be reached by Tab")
