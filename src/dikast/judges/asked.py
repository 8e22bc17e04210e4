"""The answer that Dikast's own prompts ask for: its form, its shape in words, and the answers of examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dikast.errors import JudgeError
from dikast.judges.criteria import Example
from dikast.judges.form import CRITIQUE_CHARS, AnswerForm, Field
from dikast.judges.scale import Misread, Scale
from dikast.judges.wording import Wording, wording
from dikast.records import Json

if TYPE_CHECKING:
    from dikast.judges.definition import Judge

CRITIQUE_KEY = "reasoning"


def asked_form(judge: Judge) -> AnswerForm:
    """The form that follows from a judge's scale, criteria, overall and order."""
    fields = _fields(judge)
    properties: dict[str, Any] = {field.path[0]: _schema(field) for field in fields}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    by_token = judge.overall in ("own", "only") or (judge.overall == "all" and judge.scale.kind == "pass_fail")
    words = wording(judge.language)
    return AnswerForm(
        scale=judge.scale,
        fields=fields,
        overall=judge.overall,
        weights={criterion.name: criterion.weight for criterion in judge.criteria},
        schema=schema,
        choices=judge.scale.choices if by_token else (),
        verdict_key=_overall_key(judge.scale) if judge.overall in ("own", "only") else None,
        shape=_shape(fields, words),
        example={field.path[0]: words.critique if field.scale is None else _middle(field.scale) for field in fields},
    )


def example_answer(judge: Judge, example: Example, where: str) -> dict[str, Json]:
    """The answer that an example's labels amount to, in the form's order. Raises JudgeError where one is missing."""
    answer: dict[str, Json] = {}
    for field in judge.form().fields:
        if field.role == "critique":
            answer.update({CRITIQUE_KEY: example.critique} if example.critique else {})
            continue
        is_overall = field.role != "criterion"
        given = example.verdict if is_overall else example.scores.get(field.name)
        at = f"{where}.{'verdict' if is_overall else f'scores.{field.name}'}"
        if given is None:
            if is_overall or judge.overall in ("weighted", "all"):
                raise JudgeError(f"{at}: is missing; expected {judge.scale.text()}")
            continue
        answer[field.path[0]] = judge.scale.written(read_given(judge.scale, given, at))
    return answer


def read_given(scale: Scale, given: Json, at: str) -> Any:
    """What a person wrote as a value of the scale. Raises JudgeError that names the place."""
    try:
        return scale.read(given)
    except Misread as misread:
        raise JudgeError(f"{at}: {misread.reason.partition(': ')[2]}") from None


def placeholder(scale: Scale, words: Wording) -> str:
    """What may stand in the place of a value, in words: "pass or fail", "1 to 5"."""
    if scale.kind == "ordinal":
        low, _, high = scale.text().rpartition("-")
        return words.between.format(low=low, high=high)
    return either(scale.choices, words)


def either(options: tuple[str, ...], words: Wording) -> str:
    """ "A, B or C", in the language."""
    return words.or_.join(part for part in (words.comma.join(options[:-1]), options[-1]) if part)


def _fields(judge: Judge) -> tuple[Field, ...]:
    critique = Field(name=CRITIQUE_KEY, path=(CRITIQUE_KEY,), role="critique", required=False)
    criteria = [
        Field(name=criterion.name, path=(criterion.name,), role="criterion", scale=judge.scale)
        for criterion in judge.criteria
    ]
    key = _overall_key(judge.scale)
    overall = Field(name=key, path=(key,), role="verdict" if key == "verdict" else "overall", scale=judge.scale)
    if judge.overall == "only":
        values = [overall]
    elif judge.overall == "own":
        values = [*criteria, overall] if judge.order == "critique_first" else [overall, *criteria]
    else:
        values = criteria
    return (critique, *values) if judge.order == "critique_first" else (*values, critique)


def _overall_key(scale: Scale) -> str:
    return "overall" if scale.kind == "ordinal" else "verdict"


def _schema(field: Field) -> dict[str, Any]:
    if field.scale is None:
        return {"type": "string", "minLength": 1, "maxLength": CRITIQUE_CHARS}
    return field.scale.schema


def _shape(fields: tuple[Field, ...], words: Wording) -> str:
    parts = []
    for field in fields:
        text = f"<{words.critique if field.scale is None else placeholder(field.scale, words)}>"
        if field.scale is None or field.scale.kind != "ordinal":
            text = f'"{text}"'
        parts.append(f"{msgspec.json.encode(field.path[0]).decode()}: {text}")
    return "{" + ", ".join(parts) + "}"


def _middle(scale: Scale) -> Json:
    """A value for a filled-in answer that leans to no side where there is a middle."""
    if scale.kind != "ordinal":
        return scale.choices[0]
    numbers = scale.numbers
    if numbers:
        return numbers[len(numbers) // 2]
    return 0 if scale.low is None or scale.high is None else (scale.low + scale.high) / 2
