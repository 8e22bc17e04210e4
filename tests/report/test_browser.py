"""The page in a real browser: Debian's chromium, driven by Playwright, which never downloads one of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from dikast.analysis.summary import recorded_scale, summarise
from dikast.report.html import render_html
from dikast.report.writing import write_text

QUIET = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("these tests need chromium: apt-get install chromium (or name it with CHROMIUM=/path/to/chromium)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield launched
        launched.close()


@pytest.fixture(params=["pass_fail", "ordinal"])
def document(request: pytest.FixtureRequest, sample: Callable[..., Any], tmp_path: Path) -> Path:
    run = sample(150, request.param)
    scale = recorded_scale(run.info.judge_definition)
    path = tmp_path / "report.html"
    write_text(path, render_html(summarise(run.verdicts, scale=scale), run.info, run.lookup))
    return path


def opened(
    browser: Browser, document: Path, width: int = 1280, scheme: Any = "light"
) -> tuple[Page, list[str], list[str]]:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    requests: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(document.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    return page, requests, said


def test_nothing_is_requested_and_nothing_goes_wrong(browser: Browser, document: Path) -> None:
    page, requests, said = opened(browser, document)
    assert requests == [document.as_uri()]
    assert said == []
    assert page.title().endswith("Dikast report")
    assert page.evaluate("document.scripts.length") == 0
    page.context.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_not_wider_than_its_window(browser: Browser, document: Path, width: int) -> None:
    page, _, _ = opened(browser, document, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    outside = page.evaluate(
        "width => [...document.querySelectorAll('main *')]"
        ".filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest('.heard, thead'))"
        ".map(e => e.tagName + '.' + e.className).slice(0, 5)",
        width,
    )
    assert outside == []
    page.context.close()


def test_dark_mode_has_colours_of_its_own(browser: Browser, document: Path) -> None:
    colours = {}
    for scheme in ("light", "dark"):
        page, _, _ = opened(browser, document, scheme=scheme)
        style = "getComputedStyle(document.body)"
        colours[scheme] = page.evaluate(f"[{style}.backgroundColor, {style}.color]")
        page.context.close()
    assert colours["light"][0] != colours["dark"][0]
    assert colours["light"][1] != colours["dark"][1]


def test_it_prints_on_white_without_the_navigation(browser: Browser, document: Path) -> None:
    page, _, _ = opened(browser, document, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    page.context.close()


def test_hostile_outputs_do_nothing(browser: Browser, document: Path) -> None:
    page, _, _ = opened(browser, document)
    assert "owned" not in page.title()
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
    assert page.evaluate("document.images.length") == 0
    page.context.close()


def test_the_keyboard_reaches_the_figures_first(browser: Browser, document: Path) -> None:
    page, _, _ = opened(browser, document)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the figures"
    page.context.close()
