"""The fixed words of the prompts that Dikast writes, one file a language in prompts/."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
import yaml

Language = Literal["en", "zh-Hant", "zh-Hans"]


class Names(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the parts of an interaction are called in a prompt."""

    input: str
    output: str
    output_a: str
    output_b: str
    context: str
    reference: str


class Wording(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fixed words of a prompt; `{...}` in them is filled in by rendering. See prompts/en.yaml."""

    names: Names
    role: dict[Literal["single", "reference", "pairwise"], str]
    headings: dict[Literal["task", "criteria", "nothing", "data", "examples", "similar", "answer"], str]
    scale: dict[Literal["pass_fail", "levels", "any_number", "preference", "preference_tie"], str]
    overall: dict[Literal["own", "own_preference", "all", "weighted"], str]
    criterion: str
    level: str
    nothing: str
    pair_order: str
    data: str
    reference_use: str
    example: str
    example_answer: str
    example_why: str
    answer_critique_first: str
    answer_verdict_first: str
    answer_json: str
    answer_word: str
    critique: str
    one_of: str
    between: str
    or_: str
    comma: str
    opening: str
    replaced: str
    closing: str
    closing_word: str


@cache
def wording(language: Language) -> Wording:
    """The words of one language."""
    text = files("dikast.judges").joinpath("prompts", f"{language}.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.load(text, Loader=yaml.CSafeLoader), Wording)
