"""A judge's task and criteria, drafted by a model from what the expert wrote.

Rules that are thought up without seeing verdicts are worse than none, so a drafted criterion must name the interactions
that it comes from; one that names none of those shown is set apart as unsupported, and it is the expert who keeps it or
not. Inputs and outputs are cut where they are long: the reasons are what is learnt from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from dikast.judges.criteria import RESERVED, Criterion
from dikast.judges.evidence import Evidence, cut
from dikast.judges.objects import find_objects
from dikast.judges.scale import Scale
from dikast.judges.thinking import strip_thinking
from dikast.judges.wording import Language
from dikast.models.endpoint import Message, Reply, Request
from dikast.records import text_of

MOST_CRITERIA = 5
_LONGEST_PART = 1500  # characters of an input or output that the drafting model sees
_SHAPE = (
    '{"task": "...", "criteria": [{"name": "...", "question": "...", "pass": "...", "fail": "...", "from": ["I1"]}], '
    '"earns_nothing": ["..."]}'
)


class DraftedCriterion(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion as drafted. supported_by: ids of the interactions whose critiques it comes from; may be empty."""

    criterion: Criterion
    supported_by: tuple[str, ...]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a model made of the critiques."""

    task: str
    criteria: tuple[DraftedCriterion, ...]
    earns_nothing: tuple[str, ...]


class NoDraft(ValueError):
    """The model's reply holds no draft; says why."""


class _Words(msgspec.Struct, frozen=True):
    role: str
    task: str
    item: str
    closing: str


def draft_request(evidence: Sequence[Evidence], language: Language, *, max_tokens: int = 2048) -> Request:
    """What a model is asked, so that it drafts from these critiques."""
    words = _words()[language]
    items = [
        words.item.format(
            code=_code(number),
            input=_asked(one),
            output=cut(one.output_text, _LONGEST_PART),
            verdict=one.verdict,
            critique=one.critique,
        )
        for number, one in enumerate(evidence)
    ]
    user = "\n\n".join([words.task.format(most=MOST_CRITERIA), *items, words.closing.format(shape=_SHAPE)])
    return Request(
        messages=(Message("system", words.role), Message("user", user)),
        max_tokens=max_tokens,
        schema=_schema(len(evidence)),
    )


def read_draft(reply: Reply, evidence: Sequence[Evidence]) -> Draft:
    """The draft in a reply. Raises NoDraft."""
    thought = strip_thinking(reply.text)
    found = [each.value for each in find_objects(thought.answer) if each.value and "criteria" in each.value]
    if not found:
        cut = "; it was cut off" if reply.finish == "length" else ""
        raise NoDraft(f"the reply holds no JSON object with criteria{cut}: {reply.text[:200]!r}")
    value = found[-1]
    ids = {_code(number): one.interaction.id for number, one in enumerate(evidence)}
    criteria: list[DraftedCriterion] = []
    for drafted in value["criteria"] if isinstance(value["criteria"], list) else []:
        criterion = _criterion(drafted, {each.criterion.name for each in criteria})
        if criterion:
            named = drafted.get("from")
            codes = named if isinstance(named, list) else [named]
            support = dict.fromkeys(ids[code] for code in map(str, codes) if code in ids)
            criteria.append(DraftedCriterion(criterion=criterion, supported_by=tuple(support)))
    if not criteria:
        raise NoDraft("the draft has no criterion with a name, a question, and what passes and fails")
    nothing = value.get("earns_nothing")
    return Draft(
        task=str(value.get("task") or "").strip(),
        criteria=tuple(criteria[:MOST_CRITERIA]),
        earns_nothing=tuple(str(entry) for entry in nothing if entry) if isinstance(nothing, list) else (),
    )


def on_scale(criterion: Criterion, scale: Scale) -> Criterion:
    """A drafted criterion, which says what passes and what fails, on the scale of the judge."""
    good, bad = criterion.levels["pass"], criterion.levels["fail"]
    if scale.kind == "pass_fail":
        return criterion
    if scale.kind == "ordinal" and scale.low is not None and scale.high is not None:
        levels = {f"{scale.high:g}": good, f"{scale.low:g}": bad}
        return msgspec.structs.replace(criterion, levels=levels)
    described = f"{criterion.description} + {good} - {bad}"
    return msgspec.structs.replace(criterion, description=described, levels={})


def _asked(one: Evidence) -> str:
    """The input, and what else the expert saw beside the output: the context and the reference."""
    shown = one.interaction
    parts = [cut(text_of(shown.input), _LONGEST_PART)]
    for name, value in (("Context", shown.context), ("Reference", shown.reference)):
        parts += [f"{name}: {cut(text_of(value), _LONGEST_PART)}"] if value is not None else []
    return "\n".join(parts)


def _criterion(drafted: Any, taken: set[str]) -> Criterion | None:
    """A criterion that says something, under a name that a key can be; None otherwise."""
    if not isinstance(drafted, dict):
        return None
    name = re.sub(r"[^\w]+", "_", str(drafted.get("name") or "").strip().lower()).strip("_")
    question, passes, fails = (str(drafted.get(key) or "").strip() for key in ("question", "pass", "fail"))
    if not (name and question and passes and fails) or name in taken or name in RESERVED:
        return None
    return Criterion(name=name, description=question, levels={"pass": passes, "fail": fails})


def _schema(items: int) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 400}
    codes = {"type": "string", "enum": [_code(number) for number in range(items)]}
    criterion = {
        "name": {"type": "string", "minLength": 1, "maxLength": 40},
        "question": text,
        "pass": text,
        "fail": text,
        "from": {"type": "array", "items": codes, "minItems": 1, "maxItems": 8},
    }
    properties = {
        "task": text,
        "criteria": {
            "type": "array",
            "items": _object(criterion),
            "minItems": 1,
            "maxItems": MOST_CRITERIA,
        },
        "earns_nothing": {"type": "array", "items": text, "maxItems": 6},
    }
    return _object(properties)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _code(number: int) -> str:
    return f"I{number + 1}"


@cache
def _words() -> dict[str, _Words]:
    text = (files("dikast.judges") / "prompts" / "drafting.yaml").read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, _Words])
