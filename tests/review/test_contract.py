"""Pages are asserted as data: what a template names is what its dataclass has; both languages say everything."""

from __future__ import annotations

import re
import string
from dataclasses import fields
from pathlib import Path

import pytest
from jinja2 import meta, nodes

import dikast.review
from dikast.review.server import TEMPLATES, environment
from dikast.review.wording import LANGUAGES, preferred, texts

ROOM = Path(dikast.review.__file__).parent
CSS = (ROOM / "static" / "review.css").read_text(encoding="utf-8")


def source(template: str) -> str:
    return (ROOM / "templates" / template).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", TEMPLATES, ids=lambda page: page.__name__)
def test_a_template_s_variables_are_its_page_s_fields(page: type) -> None:
    names = set()
    for template in (TEMPLATES[page], "base.html.j2"):
        names |= meta.find_undeclared_variables(environment().parse(source(template)))
    given = {field.name for field in fields(page)}
    assert names - {"parts_of"} == given  # parts_of is an import of macros


def test_templates_only_loop_and_branch() -> None:
    for path in (ROOM / "templates").glob("*.j2"):
        tree = environment().parse(source(path.name))
        calls = {node.node.name for node in tree.find_all(nodes.Call) if isinstance(node.node, nodes.Name)}
        assert calls <= {"passage", "body", "message", "figures", "pending"}, path.name
        assert {node.name for node in tree.find_all(nodes.Filter)} <= {"join", "length", "safe"}, path.name


def test_no_style_and_no_script_stands_in_a_page() -> None:
    for path in (ROOM / "templates").glob("*.j2"):
        assert not re.search(r"style=|<style|<script(?! src=)|\son\w+=", source(path.name)), path.name


def test_both_languages_say_the_same_things() -> None:
    tables = [texts(language) for language in LANGUAGES]
    assert tables[0].keys() == tables[1].keys()
    for name in tables[0]:
        holes = [{hole for _, hole, _, _ in string.Formatter().parse(table[name]) if hole} for table in tables]
        assert holes[0] == holes[1], name


def test_every_text_is_used_and_none_hides_behind_a_method() -> None:
    written = "".join(
        p.read_text(encoding="utf-8")
        for p in [*ROOM.glob("*.py"), *ROOM.glob("templates/*.j2"), *ROOM.glob("static/*.js")]
    )
    prefixes = ("state_", "queue_", "hint_", "key_", "role_", "need_", "status_", "figure_", "rule_", "who_", "filter_")
    composed = {"input", "output", "output_a", "output_b", "context", "reference", "pass", "fail", "a", "b", "tie"}
    composed |= {f"{word}_notice" for word in ("saved", "undone", "deferred", "sealed")} | {"tool_call", "tool_result"}
    composed |= {"settled_notice", "withdrawn_notice", "judge_higher", "judge_lower"}
    for name in texts("en"):
        assert not hasattr({}, name), name
        if not name.startswith(prefixes) and name not in composed:
            assert re.search(rf"[\"'.]{name}\b", written), name


@pytest.mark.parametrize("accept", ["", "zh", "en;q=x", ",,,", "zh-Hans-CN", "*", "fr;q=0.1,zh-TW;q=0.9,en"])
def test_any_wish_gives_a_language(accept: str) -> None:
    assert preferred(accept) in LANGUAGES


def palette(at: int) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[at]))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_texts_have_a_contrast_of_4_5_and_edges_of_3(mode: int) -> None:
    colours = palette(mode)
    grounds = ("page", "card", "wash")
    pairs = [(ink, ground, 4.5) for ink in ("ink", "muted", "accent") for ground in grounds]
    pairs += [("ink", f"{tone}-wash", 4.5) for tone in ("good", "bad", "warn")] + [
        ("ink", "asks", 4.5),
        ("ink", "found", 4.5),
    ]
    pairs += [(tone, f"{tone}-wash", 4.5) for tone in ("good", "bad", "warn")] + [("on-accent", "accent", 4.5)]
    pairs += [("muted", f"{tone}-wash", 4.5) for tone in ("good", "warn", "bad")] + [("muted", "asks", 4.5)]
    pairs += [(code, "wash", 4.5) for code in ("keyword", "string", "number")] + [
        ("edge", "card", 3.0),
        ("edge", "page", 3.0),
    ]
    poor = {}
    for ink, ground, least in pairs:
        lighter, darker = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        if (ratio := (lighter + 0.05) / (darker + 0.05)) < least:
            poor[ink, ground] = round(ratio, 2)
    assert poor == {}
