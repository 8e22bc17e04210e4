"""The colours of the page, by the formulas of WCAG 2.2 (relative luminance, contrast ratio)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dikast.report

CSS = (Path(dikast.report.__file__).parent / "templates" / "report.css").read_text(encoding="utf-8")
TEXT_ON = [
    *((ink, ground) for ink in ("ink", "muted", "accent") for ground in ("page", "card")),
    ("ink", "wash"), ("muted", "wash"), ("warn", "page"), ("warn", "warn-wash"), ("ink", "warn-wash"), ("warn", "card"),
    ("good", "good-wash"), ("bad", "bad-wash"), ("ink", "good-wash"), ("ink", "bad-wash"),
]  # fmt: skip
DRAWN_ON = [(fill, ground) for fill in ("plain", "good", "bad", "muted") for ground in ("page", "card", "wash")]


def palettes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, two: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_texts_have_a_contrast_of_4_5(mode: str) -> None:
    palette = palettes()[mode]
    poor = {pair: ratio for pair in TEXT_ON if (ratio := contrast(palette[pair[0]], palette[pair[1]])) < 4.5}
    assert poor == {}


@pytest.mark.parametrize("mode", ["light", "dark", "print"])
def test_bars_have_a_contrast_of_3(mode: str) -> None:
    palette = palettes()[mode]
    poor = {pair: ratio for pair in DRAWN_ON if (ratio := contrast(palette[pair[0]], palette[pair[1]])) < 3}
    assert poor == {}


def test_each_mode_defines_the_same_colours() -> None:
    light, dark, printed = palettes().values()
    assert light.keys() == dark.keys() == printed.keys()
    assert all(light[name] != dark[name] for name in light)
