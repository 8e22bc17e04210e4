"""What has to hold in a judge's definition, beyond the type of each value."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dikast.errors import JudgeError, SettingError
from dikast.judges.asked import example_answer, read_given
from dikast.judges.criteria import RESERVED, Example
from dikast.judges.template import OF_INTERACTION
from dikast.models.embedding import check_name

if TYPE_CHECKING:
    from dikast.judges.definition import Judge

MOST_VOTES = 64
MOST_RETRIEVED = 32
_NAME = re.compile(r"[^\s/\\:*?\"<>|][^/\\:*?\"<>|\r\n\t\0]{0,99}")


def check(judge: Judge) -> None:
    """Raise JudgeError, with the key that it is about in front, where a definition contradicts itself."""
    if not _NAME.fullmatch(judge.name):
        raise JudgeError(f"name: is {judge.name!r}; expected up to 100 characters that can name a folder")
    if not 1 <= judge.votes <= MOST_VOTES:
        raise JudgeError(f"votes: is {judge.votes}; expected 1 to {MOST_VOTES}")
    if (judge.mode == "pairwise") != (judge.scale.kind == "preference"):
        raise JudgeError(
            f"scale: is {judge.scale.text()} and the mode is {judge.mode}; "
            + ("comparing two outputs needs" if judge.mode == "pairwise" else "only comparing two outputs goes with")
            + " the scale 'preference'"
        )
    if judge.prompt is None and not judge.task.strip():
        raise JudgeError("task: is missing; say in a sentence what the judge decides")
    _check_criteria(judge)
    _check_overall(judge)
    _check_prompt(judge)
    _check_examples(judge, judge.examples, "examples")
    _check_retrieval(judge)
    if judge.fast and not judge.can_be_fast:
        raise JudgeError(
            f"fast: reads one token, and this judge's verdict ({judge.scale.text()}, overall: {judge.overall}) is none",
            hint="It takes pass_fail, preference, or a scale of single digits such as 1-5, with an overall of its own.",
        )


def _check_criteria(judge: Judge) -> None:
    seen: set[str] = set()
    for index, criterion in enumerate(judge.criteria):
        at = f"criteria[{index}]"
        name = criterion.name.strip()
        if not name or name != criterion.name or "\n" in name:
            raise JudgeError(f"{at}.name: is {criterion.name!r}; expected a word or a few, on one line")
        if name.lower() in RESERVED:
            raise JudgeError(f"{at}.name: {name!r} is a key of every answer; choose another name")
        if name.lower() in seen:
            raise JudgeError(f"{at}.name: {name!r} is there twice")
        seen.add(name.lower())
        if not math.isfinite(criterion.weight) or criterion.weight < 0:
            raise JudgeError(f"{at}.weight: is {criterion.weight!r}; expected 0 or more")
        words = judge.scale.level_words
        for word in criterion.levels:
            fits = word in words if words else _is_within(judge, word)
            if not fits:
                raise JudgeError(f"{at}.levels: explains {word!r}, which is not on the scale {judge.scale.text()}")


def _is_within(judge: Judge, word: str) -> bool:
    try:
        number = float(word)
    except ValueError:
        return False
    low, high = judge.scale.low, judge.scale.high
    return (low is None or number >= low) and (high is None or number <= high)


def _check_overall(judge: Judge) -> None:
    overall, scale, count = judge.overall, judge.scale, len(judge.criteria)
    if overall == "only" and count != 1:
        raise JudgeError(f"overall: 'only' takes one criterion, and there are {count}")
    if overall in ("weighted", "all"):
        if not count:
            raise JudgeError(f"overall: {overall!r} is computed from criteria, and there are none")
        if overall == "all" and scale.kind == "preference":
            raise JudgeError("overall: 'all' does not go with a preference; expected own, weighted or only")
        if overall == "weighted" and not sum(criterion.weight for criterion in judge.criteria) > 0:
            raise JudgeError("overall: 'weighted' needs a weight above 0")
    needs_share = overall == "weighted" and scale.kind == "pass_fail"
    if needs_share and scale.pass_from is None:
        raise JudgeError(
            "scale: needs pass_from, the weighted share of criteria from which on it is a pass",
            hint="Such as: scale: {kind: pass_fail, pass_from: 0.8}",
        )
    if scale.kind == "pass_fail" and scale.pass_from is not None and not needs_share:
        raise JudgeError("scale.pass_from: goes with pass_fail only where the overall is weighted")


def _check_prompt(judge: Judge) -> None:
    template = judge.template
    if template is None:
        return
    names = [name for name in template.names if name in OF_INTERACTION]
    needed: tuple[str, ...]
    wrong: tuple[str, ...]
    if judge.mode == "pairwise":
        needed, wrong = ("output_a", "output_b"), ("output",)
    else:
        needed, wrong = ("output",), ("output_a", "output_b")
    for name in needed:
        if name not in names:
            raise JudgeError(
                f"prompt: there is no {{{name}}} in it, so the judge would not see what it judges",
                hint="Put it where the text to judge belongs; {input}, {context} and {reference} are there too.",
            )
    for name in wrong:
        if name in names:
            raise JudgeError(f"prompt: {{{name}}} does not go with the mode {judge.mode!r}")
    if judge.mode == "reference" and "reference" not in names:
        raise JudgeError("prompt: there is no {reference} in it, and the mode is 'reference'")
    if "examples" in template.names and "answer_form" not in template.names:
        raise JudgeError("prompt: {examples} shows answers in Dikast's own form, so it needs {answer_form} too")
    judge.form()


def _check_retrieval(judge: Judge) -> None:
    retrieve = judge.retrieve
    if retrieve is None:
        if judge.pool:
            raise JudgeError("pool: there is a pool of examples, and no retrieve that would use it")
        return
    if not judge.pool:
        raise JudgeError("retrieve: there is no pool to find examples in", hint="It stands in pool.jsonl beside it.")
    if not 2 <= retrieve.k <= MOST_RETRIEVED:
        raise JudgeError(f"retrieve.k: is {retrieve.k}; expected 2 (one of each side) to {MOST_RETRIEVED}")
    if retrieve.room is not None and retrieve.room < 1:
        raise JudgeError(f"retrieve.room: is {retrieve.room}; expected the tokens that examples may take")
    try:
        check_name(retrieve.by)
    except SettingError as error:
        raise JudgeError(f"retrieve.by: {error}", hint=error.hint) from None
    if judge.template is not None and "examples" not in judge.template.names:
        raise JudgeError("retrieve: the prompt has no {examples}, where they would stand")
    if twice := [id for id, count in Counter(one.id for one in judge.pool).items() if count > 1]:
        raise JudgeError(f"pool: the id {twice[0]!r} is there twice")
    _check_examples(judge, judge.pool, "pool")


def _check_examples(judge: Judge, examples: Sequence[Example], part: str) -> None:
    names = {criterion.name for criterion in judge.criteria}
    for index, example in enumerate(examples):
        at = f"{part}[{index}]"
        needed: tuple[str, ...] = ("output_a", "output_b") if judge.mode == "pairwise" else ("output",)
        needed += ("reference",) if judge.mode == "reference" else ()
        for key in needed:
            if getattr(example, key) is None:
                raise JudgeError(f"{at}.{key}: is missing, and the mode is {judge.mode!r}")
        for name, given in example.scores.items():
            if name not in names:
                raise JudgeError(f"{at}.scores.{name}: there is no such criterion")
            read_given(judge.scale, given, f"{at}.scores.{name}")
        if example.verdict is not None:
            read_given(judge.scale, example.verdict, f"{at}.verdict")
        if judge.template is None or "examples" in judge.template.names:
            example_answer(judge, example, at)
