"""Changes to a judge that a model proposes after reading where it disagreed with the expert.

A proposal is only that: each becomes a judge of its own, to be measured. One that names none of the disagreements
shown, or a place that the judge has not, is passed over. What the model was shown is noted, since a sentence written
for an interaction can't be tested on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from dikast.errors import JudgeError
from dikast.judges.criteria import RESERVED, Criterion
from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence, cut
from dikast.judges.example_swaps import Disagreement, swapped, with_example, without_example
from dikast.judges.loading import as_yaml
from dikast.judges.objects import find_objects
from dikast.judges.thinking import strip_thinking
from dikast.judges.variants import Kind, Variant, without_criterion
from dikast.judges.wording import Language
from dikast.models.endpoint import Message, Reply, Request
from dikast.records import text_of

MOST_CHANGES = 4
NEW = "new criterion"
_LONGEST_PART = 1200
_LONGEST_EXAMPLE = 400
_SHAPE = '{"changes": [{"place": "...", "text": "...", "from": ["D1"]}]}'


class _Words(msgspec.Struct, frozen=True):
    role: str
    task: str
    item: str
    example: str
    examples: str
    pool: str
    closing: str


def revision_request(
    judge: Judge, found: Sequence[Disagreement], pool: Sequence[Evidence] = (), *, max_tokens: int = 2048
) -> Request:
    """What a model is asked, so that it proposes changes. pool: items that it may take as examples."""
    words = _words()[judge.language]
    items = [
        words.item.format(
            code=_code(number),
            input=cut(text_of(one.evidence.interaction.input), _LONGEST_PART),
            output=cut(one.evidence.output_text, _LONGEST_PART),
            judged=one.said,
            judge_critique=cut(one.verdict.critique or "-", _LONGEST_PART),
            verdict=one.evidence.verdict,
            critique=cut(one.evidence.critique or "-", _LONGEST_PART),
        )
        for number, one in enumerate(found)
    ]
    task = words.task.format(rules=_rules(judge), most=MOST_CHANGES)
    parts = [task, *_examples(judge, pool, words), *items, words.closing.format(shape=_SHAPE)]
    return Request(
        messages=(Message("system", words.role), Message("user", "\n\n".join(parts))),
        max_tokens=max_tokens,
        schema=_schema(judge, len(found), len(pool)),
    )


def read_revisions(
    reply: Reply, judge: Judge, found: Sequence[Disagreement], pool: Sequence[Evidence] = ()
) -> list[Variant]:
    """The changed judges that a reply amounts to; none where it proposes nothing that can be made."""
    thought = strip_thinking(reply.text)
    objects = [each.value for each in find_objects(thought.answer) if each.value and "changes" in each.value]
    proposed = objects[-1]["changes"] if objects else []
    codes = {_code(number) for number in range(len(found))}
    shown = frozenset(one.evidence.interaction.id for one in found)
    made: dict[str, Variant] = {}
    for change in proposed if isinstance(proposed, list) else []:
        if not isinstance(change, dict):
            continue
        place, text = str(change.get("place") or "").strip(), str(change.get("text") or "").strip()
        named = change.get("from")
        if not text or not codes.intersection(map(str, named if isinstance(named, list) else [named])):
            continue
        try:
            changed = _changed(judge, place, text, pool)
        except JudgeError:
            continue  # a definition that contradicts itself
        if changed is not None and changed.judge.version != judge.version:
            made.setdefault(changed.judge.version, msgspec.structs.replace(changed, shown=shown))
    return list(made.values())[:MOST_CHANGES]


def places(judge: Judge, pool: int = 0) -> list[str]:
    """Where a change can be made, with so many items of the pool to choose examples from."""
    own = ["task", "earns_nothing", NEW]
    for criterion in judge.criteria:
        levels = judge.scale.level_words or tuple(criterion.levels)
        own += [f"{criterion.name}.question", *(f"{criterion.name}.{level}" for level in levels)]
        own += [f"without {criterion.name}"] if len(judge.criteria) > 1 else []
    examples = [f"E{number + 1}" for number in range(len(judge.examples))]
    own += [f"without {code}" for code in examples]
    own += [f"P{number + 1}" for number in range(pool)]
    own += [f"P{number + 1} for {code}" for number in range(pool) for code in examples]
    return own


def _changed(judge: Judge, place: str, text: str, pool: Sequence[Evidence]) -> Variant | None:
    if place not in places(judge, len(pool)):
        return None
    what = f"{place}: {text}"
    if place == "task":
        return Variant(what, msgspec.structs.replace(judge, task=text))
    if place == "earns_nothing":
        return Variant(what, msgspec.structs.replace(judge, earns_nothing=(*judge.earns_nothing, text)))
    if place == NEW:
        return Variant(what, with_criterion(judge, text), "criterion")
    if place.startswith("without ") and (fewer := without_criterion(judge, place.removeprefix("without "))):
        return Variant(f"without the criterion {place[8:]}", msgspec.structs.replace(judge, **fewer), "criterion")
    taken = re.fullmatch(r"(?:without E(\d+))|(?:P(\d+)(?: for E(\d+))?)", place)
    if taken:
        out, coming, instead = (int(number) - 1 if number else None for number in taken.groups())
        if coming is None:
            return without_example(judge, out or 0)
        one = pool[coming]
        return with_example(judge, one) if instead is None else swapped(judge, instead, one)
    name, _, part = place.rpartition(".")
    kind: Kind = "criterion" if part == "question" else "level"
    return Variant(what, msgspec.structs.replace(judge, criteria=_reworded(judge, name, part, text)), kind)


def _reworded(judge: Judge, name: str, part: str, text: str) -> tuple[Criterion, ...]:
    criteria = []
    for criterion in judge.criteria:
        if criterion.name == name and part == "question":
            criterion = msgspec.structs.replace(criterion, description=text)
        elif criterion.name == name:
            criterion = msgspec.structs.replace(criterion, levels={**criterion.levels, part: text})
        criteria.append(criterion)
    return tuple(criteria)


def with_criterion(judge: Judge, text: str) -> Judge:
    """The judge with one criterion more, whose question is `text`; named by it ("grounded: Is it ...?") or numbered.

    A judge with one criterion passes when all do from then on; with scores the overall is their mean. Where there are
    examples, which don't say how they do on the new criterion, the judge gives an overall of its own.
    """
    named = re.match(r"([^\W\d]\w{1,30}):\s+(?=\S)", text)
    taken = {criterion.name.lower() for criterion in judge.criteria}
    name = named[1].lower() if named else f"criterion_{len(judge.criteria) + 1}"
    while name in taken or name in RESERVED:
        name += "_2"
    criterion = Criterion(name=name, description=text[named.end() :] if named else text)
    overall = judge.overall
    if judge.examples:
        overall = "own"
    elif overall == "only":
        overall = {"pass_fail": "all", "ordinal": "weighted"}.get(judge.scale.kind, "own")  # type: ignore[assignment]
    # What a fast judge reads is its overall, which then has to be asked for.
    fast_kept = judge.fast and overall == judge.overall
    return msgspec.structs.replace(judge, criteria=(*judge.criteria, criterion), overall=overall, fast=fast_kept)


def _rules(judge: Judge) -> str:
    wire = judge.to_yaml_dict()
    return as_yaml({key: wire[key] for key in ("task", "criteria", "earns_nothing") if key in wire}).strip()


def _examples(judge: Judge, pool: Sequence[Evidence], words: _Words) -> list[str]:
    """The judge's examples under E1, E2 ..., and those of the pool that may come in under P1, P2 ..."""

    def listed(codes: str, examples: Sequence[Any]) -> list[str]:
        return [
            words.example.format(
                code=f"{codes}{number + 1}",
                input=cut(text_of(one.input), _LONGEST_EXAMPLE),
                output=cut(text_of(one.output if one.output is not None else [one.output_a, one.output_b]), 400),
                verdict=one.verdict if one.verdict is not None else one.scores,
                critique=cut(one.critique, _LONGEST_EXAMPLE),
            )
            for number, one in enumerate(examples)
        ]

    found = [words.examples, *listed("E", judge.examples)] if judge.examples else []
    return [*found, words.pool, *listed("P", [one.as_example() for one in pool])] if pool else found


def _schema(judge: Judge, items: int, pool: int) -> dict[str, Any]:
    change = {
        "place": {"type": "string", "enum": places(judge, pool)},
        "text": {"type": "string", "minLength": 1, "maxLength": 500},
        "from": {
            "type": "array",
            "items": {"type": "string", "enum": [_code(number) for number in range(items)]},
            "minItems": 1,
            "maxItems": 8,
        },
    }
    one = {"type": "object", "properties": change, "required": list(change), "additionalProperties": False}
    changes = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_CHANGES}
    return {
        "type": "object",
        "properties": {"changes": changes},
        "required": ["changes"],
        "additionalProperties": False,
    }


def _code(number: int) -> str:
    return f"D{number + 1}"


@cache
def _words() -> dict[Language, _Words]:
    text = (files("dikast.judges") / "prompts" / "revising.yaml").read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[Language, _Words])
