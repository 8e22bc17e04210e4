"""The interface's texts, a table for each language, and which one a reader gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

import yaml

from dikast.agreement.said import Said
from dikast.agreement.trust import Trust

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


def language_of(t: Mapping[str, str]) -> str:
    """The language of a table of texts."""
    return next(language for language in LANGUAGES if t["html_lang"].startswith(language))


def in_words(said: Said, language: str) -> str:
    """One thing said of a judge, in this language. What it is filled with stays English where no words are known."""
    if language == "en":
        return said.english
    table = said_in(language)
    values = {
        name: translated(value, language) if isinstance(value, str) else value for name, value in said.values.items()
    }
    return table["sentences"][said.code].format(**values)


def trust_in_words(trust: Trust, language: str) -> str:
    """How far a judge is to be trusted, in one sentence."""
    if language == "en":
        return trust.sentence
    sentences = said_in(language)["sentences"]
    return sentences[trust.level].format(reasons="；".join(in_words(one, language) for one in trust.reasons))


def needs_in_words(trust: Trust, language: str) -> tuple[str, ...]:
    """What would settle it."""
    return tuple(dict.fromkeys(in_words(one, language) for one in trust.wanted))


def translated(text: str, language: str) -> str:
    """A word or reason of the statistics in this language; as it is where it isn't known."""
    if language == "en":
        return text
    table = said_in(language)
    if text in table["words"]:
        return table["words"][text]
    for pattern, words in table["reasons"].items():
        if match := re.fullmatch(pattern, text):
            return words.format(**match.groupdict())
    return text


@cache
def said_in(language: str) -> Mapping[str, Mapping[str, str]]:
    """Sentences by code, words and reasons, in a language that is not English."""
    path = resources.files("dikast.review").joinpath("words", f"said.{language}.yaml")
    found: Mapping[str, Mapping[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found
