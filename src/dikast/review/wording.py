"""The interface's texts, a table for each language, and which one a reader gets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

LANGUAGES = ("en", "zh-Hant")


@cache
def texts(language: str) -> Mapping[str, str]:
    """All texts in a language."""
    table = resources.files("dikast.review").joinpath("words", f"{language}.yaml").read_text(encoding="utf-8")
    return MappingProxyType({str(name): str(text) for name, text in yaml.safe_load(table).items()})


def preferred(accept: str) -> str:
    """The language that a browser's Accept-Language asks for first, of those that there are; else English.

    >>> preferred("zh-TW,zh;q=0.9,en;q=0.8"), preferred("de, en;q=0.5"), preferred("")
    ('zh-Hant', 'en', 'en')
    """
    wishes = []
    for at, wish in enumerate(accept[:500].split(",")):
        name, _, quality = wish.strip().partition(";q=")
        try:
            wishes.append((-float(quality or 1), at, name.lower()))
        except ValueError:
            continue
    for _, _, name in sorted(wishes):
        if name.startswith("zh"):
            return "zh-Hant"
        if name.startswith("en"):
            return "en"
    return "en"


def duration(seconds: float, t: Mapping[str, str]) -> str:
    """A time as one says it."""
    if seconds < 90:
        return t["seconds"].format(n=f"{seconds:.0f}")
    if seconds < 5400:
        return t["minutes"].format(n=f"{seconds / 60:.0f}")
    return t["hours"].format(n=f"{seconds / 3600:.1f}")
