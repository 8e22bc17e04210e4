"""Changes to a judge that a model proposes after reading where it disagreed with the expert.

A proposal is only that: each becomes a judge of its own, to be measured. One that names none of the disagreements
shown, or a place that the judge has not, is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from dikast.judges.definition import Judge
from dikast.judges.evidence import Evidence, cut
from dikast.judges.loading import as_yaml
from dikast.judges.objects import find_objects
from dikast.judges.thinking import strip_thinking
from dikast.judges.variants import Variant
from dikast.judges.wording import Language
from dikast.models.endpoint import Message, Reply, Request
from dikast.records import Verdict, text_of

MOST_CHANGES = 3
_LONGEST_PART = 1200
_SHAPE = '{"changes": [{"place": "...", "text": "...", "from": ["D1"]}]}'


class Disagreement(msgspec.Struct, frozen=True):
    """An interaction on which the judge and the expert differ."""

    evidence: Evidence
    verdict: Verdict


class _Words(msgspec.Struct, frozen=True):
    role: str
    task: str
    item: str
    closing: str


def revision_request(judge: Judge, found: Sequence[Disagreement], *, max_tokens: int = 2048) -> Request:
    """What a model is asked, so that it proposes changes."""
    words = _words()[judge.language]
    items = [
        words.item.format(
            code=_code(number),
            input=cut(text_of(one.evidence.interaction.input), _LONGEST_PART),
            output=cut(one.evidence.output_text, _LONGEST_PART),
            judged=one.verdict.verdict if one.verdict.verdict is not None else one.verdict.overall,
            judge_critique=cut(one.verdict.critique or "-", _LONGEST_PART),
            verdict=one.evidence.verdict,
            critique=cut(one.evidence.critique or "-", _LONGEST_PART),
        )
        for number, one in enumerate(found)
    ]
    task = words.task.format(rules=_rules(judge), most=MOST_CHANGES)
    return Request(
        messages=(
            Message("system", words.role),
            Message("user", "\n\n".join([task, *items, words.closing.format(shape=_SHAPE)])),
        ),
        max_tokens=max_tokens,
        schema=_schema(judge, len(found)),
    )


def read_revisions(reply: Reply, judge: Judge, found: Sequence[Disagreement]) -> list[Variant]:
    """The changed judges that a reply amounts to; none where it proposes nothing that can be made."""
    thought = strip_thinking(reply.text)
    objects = [each.value for each in find_objects(thought.answer) if each.value and "changes" in each.value]
    proposed = objects[-1]["changes"] if objects else []
    codes = {_code(number) for number in range(len(found))}
    made: dict[str, Variant] = {}
    for change in proposed if isinstance(proposed, list) else []:
        if not isinstance(change, dict):
            continue
        place, text = str(change.get("place") or "").strip(), str(change.get("text") or "").strip()
        named = change.get("from")
        if not text or not codes.intersection(map(str, named if isinstance(named, list) else [named])):
            continue
        changed = _changed(judge, place, text)
        if changed is not None and changed.version != judge.version:
            made.setdefault(changed.version, Variant(f"{place}: {text}", changed))
    return list(made.values())[:MOST_CHANGES]


def places(judge: Judge) -> list[str]:
    """Where a change can be made."""
    own = ["task", "earns_nothing"]
    for criterion in judge.criteria:
        own += [f"{criterion.name}.question", *(f"{criterion.name}.{level}" for level in criterion.levels)]
    return own


def _changed(judge: Judge, place: str, text: str) -> Judge | None:
    if place not in places(judge):
        return None
    if place == "task":
        return msgspec.structs.replace(judge, task=text)
    if place == "earns_nothing":
        return msgspec.structs.replace(judge, earns_nothing=(*judge.earns_nothing, text))
    name, _, part = place.rpartition(".")
    criteria = []
    for criterion in judge.criteria:
        if criterion.name == name and part == "question":
            criterion = msgspec.structs.replace(criterion, description=text)
        elif criterion.name == name:
            criterion = msgspec.structs.replace(criterion, levels={**criterion.levels, part: text})
        criteria.append(criterion)
    return msgspec.structs.replace(judge, criteria=tuple(criteria))


def _rules(judge: Judge) -> str:
    wire = judge.to_yaml_dict()
    return as_yaml({key: wire[key] for key in ("task", "criteria", "earns_nothing") if key in wire}).strip()


def _schema(judge: Judge, items: int) -> dict[str, Any]:
    change = {
        "place": {"type": "string", "enum": places(judge)},
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
