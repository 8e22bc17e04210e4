"""The page of a judge's history: what it says, and how it stands in a browser."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jinja2 import meta, nodes

from dikast.errors import JudgeError
from dikast.judges.diff import Change
from dikast.judges.history import (
    FILE,
    Cost,
    Flip,
    History,
    Round,
    Said,
    Session,
    Tried,
    read_history,
    versions_of,
)
from dikast.records import JudgeRef
from dikast.report.html import environment
from dikast.report.judge_history import TEMPLATE, HistoryView, history_view, honest_words, render_history
from dikast.report.writing import write_text

HOSTILE = "<script>alert(1)</script> \u202eevil\u2028 {{ 7 * 7 }} 退貨 \x1b[31m"


def tried(what: str, value: float, version: str = "ab" * 8, **more: Any) -> Tried:
    cost = Cost(calls=1, seconds=2.5, tokens=900)
    ends = {"agreement_low": max(0.0, value - 0.1), "agreement_high": min(1.0, value + 0.1)}
    return Tried(
        what=what, kind="level", judge=JudgeRef("refunds", version), agreement=value, cost=cost, **ends, **more
    )


def session(end: Any = "agreed", **more: Any) -> Session:
    flips = tuple(
        Flip(
            id=f"t{n}",
            input=f"When {n}? {HOSTILE}",
            output="On Monday.",
            expert=Said(verdict="fail", critique=f"The rules say Tuesday. {HOSTILE}"),
            before=Said(verdict="pass", critique="It names a day."),
            after=Said(verdict="fail", critique="It names another day."),
        )
        for n in range(40)
    )
    kept = tried(f"day.fail: {HOSTILE}", 0.92, "cd" * 8, lead=0.2, lead_low=0.08, lead_high=0.31, p=0.001, n=50)
    dropped = tried("3 votes", 0.7, lead=0.0, lead_low=-0.2, lead_high=0.2, n=15, dropped_after=15)
    given = {
        "at": "2026-11-20T08:14:03Z",
        "data": "dev.jsonl",
        "model": "ollama/qwen3:8b",
        "items": 60,
        "target": 0.9,
        "margin": 0.05,
        "measure": "balanced accuracy: the mean of TPR and TNR",
        "versions": (tried("as it is", 0.72), kept),
        "rounds": (
            Round(
                number=1,
                tried=(kept, dropped),
                kept=kept.what,
                why="better",
                error=0.0025,
                changes=(Change(key="criteria[day].levels.fail", before="It names none.", after=f"Not.\n{HOSTILE}"),),
                fixed=flips,
                broken=flips[:1],
                suggested="'the verdict alone, from its token' is as good, but writes no critiques",
            ),
        ),
        "end": end,
        "end_words": "Done: it agrees on 92%, and 90% was asked for.",
        "optimism": 0.031,
        "calls": 540,
    }
    return Session(**(given | more))


def history() -> History:
    again = session(
        "converged", versions=(tried("as it is", 0.9, "cd" * 8),), rounds=(), optimism=0.0, chosen_on_before=60
    )
    return History().with_session(session()).with_session(again)


def test_every_version_has_its_place_and_its_figures() -> None:
    view = history_view("refunds-2", history())
    assert [row.number for row in view.versions] == [1, 2, 3]
    assert [row.again for row in view.versions] == [False, False, True]
    assert [row.value for row in view.versions] == ["72.0 %", "92.0 %", "90.0 %"]
    assert [row.x for row in view.versions] == sorted(row.x for row in view.versions)
    for row in view.versions:
        assert row.high < row.y < row.low  # a picture's y grows downwards
    assert [row.honest is None for row in view.versions] == [True, False, True]
    assert [len(line.split()) for line in view.lines] == [2, 1]
    assert [one.title for one in view.sessions] == ["Session 2", "Session 1"]
    first = view.sessions[1].rounds[0]
    assert (len(first.fixed), len(first.broken)) == (30, 1)
    assert first.fixed_words == "40 disagreements fixed; shown are 30"
    assert first.broken_words == "1 interaction broken"
    assert first.diff[0].text.startswith("-It names none.\n+Not.")
    assert [row.kept for row in first.tried] == [True, False]
    assert "given up after 15" in first.tried[1].note
    assert len(versions_of(history())) == 3


def test_the_same_session_over_again_is_no_other_one() -> None:
    once = History().with_session(session(rounds=()))
    again = once.with_session(session(rounds=(), at="2026-11-21T08:14:03Z", calls=0))
    assert [one.at for one in again.sessions] == ["2026-11-21T08:14:03Z"]
    assert len(once.with_session(session("rounds", rounds=())).sessions) == 2


def test_what_was_chosen_on_is_said_to_be_flattered() -> None:
    assert "flatters it by about 3.1 points: expect 88.9 % on new" in honest_words(session())
    assert "60 of these 60 interactions served to choose" in honest_words(history().sessions[1])
    assert honest_words(session(versions=(tried("as it is", 0.9),), rounds=())) == ""


def test_the_page_shows_hostile_text_as_text_and_loads_nothing() -> None:
    document = render_history(HOSTILE, history())
    assert "<script" not in document
    assert "{{ 7 * 7 }}" in document
    assert "\u202e" not in document
    assert not re.search(r"(src|href)=\"(?!#)", document)
    assert not re.search(r"url\(|@import|https?:", document)
    assert "default-src 'none'" in document


def test_the_page_says_all_that_the_view_holds() -> None:
    source = environment().loader.get_source(environment(), TEMPLATE)[0]  # type: ignore[union-attr]
    tree = environment().parse(source)
    assert meta.find_undeclared_variables(tree) == {"page"}
    used = {
        node.attr
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name == "page"
    }
    assert used == set(HistoryView.__dataclass_fields__)


def test_a_judge_without_history_has_a_page_that_says_so() -> None:
    assert "This judge was never refined." in render_history("refunds", History())


def test_it_is_read_back_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    assert read_history(None) == read_history(tmp_path) == read_history(tmp_path / "none") == History()
    (tmp_path / FILE).write_bytes(history().as_json())
    assert read_history(tmp_path) == msgspec.json.decode(history().as_json(), type=History)
    assert read_history(tmp_path).sessions[0].last.agreement == 0.92
    (tmp_path / FILE).write_text('{"sessions": 3}')
    with pytest.raises(JudgeError, match=r"history\.json: is no history"):
        read_history(tmp_path)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_it_fits_a_desk_and_a_phone(tmp_path: Path, width: int, scheme: Any) -> None:
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "this test needs chromium, or CHROMIUM=/path/to/chromium"
    page_file = tmp_path / "history.html"
    write_text(page_file, render_history("refunds-2", history()))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
        requests: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(page_file.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("circle.point").count() == 3
        assert page.locator("svg text").first.evaluate("one => one.getBoundingClientRect().height") >= 7
        assert (requests, said) == ([page_file.as_uri()], [])
        browser.close()
