"""The answer that a prompt of the user's own asks for: the JSON object that it describes, found in its text.

Rules, in this order; each that had to choose leaves a line in the form's notes.
1. Every `{` that opens an object with keys is a candidate. Taken is one with a key for an overall score or a verdict;
   of several the one with most keys that are known or say what may stand there; of equals the last, because examples
   of data stand before the answer's form.
2. A key's place tells its name: the last key, or the one above where the last only says "score".
3. The overall is the key that stands first in `keys.OVERALL`; of equals the least nested. A single number is the
   overall by whatever name. The verdict is found likewise by `keys.VERDICT`; all texts under `keys.CRITIQUE` are the
   critique.
4. A range is what the value or the comment behind it says ("<1-5>", "1 到 5 分"), else the one range that the rest of
   the prompt states for scores, else none: then any number is read.
5. A prompt without such an object, but with "JSON" and the quoted name of an overall or verdict, has the quoted names
   as keys.
6. Else the verdict is the last line of the answer: pass or fail, or a number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from dikast.errors import JudgeError
from dikast.judges import keys
from dikast.judges.described import Described, Leaf, objects_in
from dikast.judges.form import AnswerForm, Field
from dikast.judges.meaning import Meaning, alternatives, in_wholes, is_bool, meaning_of
from dikast.judges.ranges import names_range, stated_range, stated_until
from dikast.judges.scale import Scale

if TYPE_CHECKING:
    from dikast.judges.definition import Judge

_QUOTED_NAME = re.compile(r"[`\"'“「『]([A-Za-z_][\w ]{1,30}|[\u4e00-\u9fff]{2,8})[`\"'”」』]([^`\"'“「『\n]{0,40})")
_SAYS_PASS_FAIL = re.compile(r"\bpass\b|\bfail\b|不?通過|不?通过|不?合格", re.IGNORECASE)
_SAYS_YES_NO = re.compile(r"\byes\b\W{0,6}(?:or|/|\|)\W{0,6}no\b|是或否|「是」或「否」|“是”或“否”", re.IGNORECASE)
_THINKS_FIRST = re.compile(
    r"step[ -]by[ -]step|think (?:first|carefully|through)|scratchpad|<think"
    r"|before (?:giving|answering|you answer|the json|outputting|providing|your final)"
    r"|(?:end (?:your \w+ )?with|at the (?:very )?end|last line)|逐步|一步一步|一步步"
    r"|先[^。\n]{0,12}(?:思考|推理|分析)[^。\n]{0,30}(?:再|然後|然后|最後|最后)|最後一行|最后一行|最後輸出|最后输出",
    re.IGNORECASE,
)
_DECIMALS = re.compile(r"\bdecimals?\b|\bfloat\b|\bhalf\b|\d\.\d|小數|小数|浮點|浮点|半分", re.IGNORECASE)
_TEXT_CHARS = 1500
_LISTED_LEVELS = 11


def described(prompt: str, *, is_pair: bool) -> AnswerForm:
    """The form of the answer that a prompt describes; is_open where it describes none."""
    leaves, where, notes = _leaves(prompt)
    if not leaves:
        return AnswerForm(scale=_scale_of_text(prompt, is_pair), notes=("no JSON is described: the last line is read",))
    outside = _outside(prompt)
    stated = stated_range(outside)
    no_decimals = not _DECIMALS.search(prompt)
    meanings = [meaning_of(leaf, is_pair, stated) for leaf in leaves]
    meanings = [msgspec.structs.replace(m, is_whole=in_wholes(m.scale, no_decimals)) for m in meanings]
    verdict = _chosen([m for m in meanings if m.kind == "verdict"], "verdict", notes)
    overall = _overall(meanings, verdict, is_pair, notes)
    fields = _fields(meanings, verdict, overall)
    scale = _scale_of(verdict, overall, is_pair)
    schema = None if where is None or _THINKS_FIRST.search(outside) else _schema(meanings)
    decisive = verdict or overall
    choices = _choices(decisive, leaves)
    return AnswerForm(
        scale=scale,
        fields=fields,
        schema=schema,
        choices=choices,
        verdict_key=decisive.leaf.path[-1] if decisive is not None and choices else None,
        notes=tuple(notes),
    )


def _outside(prompt: str) -> str:
    """The prompt without the objects in it."""
    for found in reversed(objects_in(prompt)):
        prompt = f"{prompt[: found.start]}\n{prompt[found.end :]}"
    return prompt


def described_form(judge: Judge) -> AnswerForm:
    """The form that a judge's own prompt describes, with the scale, criteria and overall that the definition states."""
    form = described(judge.prompt or "", is_pair=judge.mode == "pairwise")
    if form.is_open or judge.scale == form.scale:
        form = msgspec.structs.replace(form, scale=judge.scale)
    else:
        form = _restated(form, judge.scale)
    if judge.overall == "own":
        return form
    names = {criterion.name for criterion in judge.criteria}
    if missing := names - {field.name for field in form.fields if field.role in ("criterion", "other")}:
        raise JudgeError(f"criteria: {sorted(missing)[0]!r} is not a key of the JSON that the prompt describes")
    fields = tuple(
        msgspec.structs.replace(field, role="criterion", scale=judge.scale, required=True)
        if field.name in names
        else field
        for field in form.fields
    )
    weights = {criterion.name: criterion.weight for criterion in judge.criteria}
    return msgspec.structs.replace(
        form, fields=fields, overall="all" if judge.overall == "only" else judge.overall, weights=weights
    )


def _restated(form: AnswerForm, scale: Scale) -> AnswerForm:
    """The form with the scale that the definition states in place of the one that was found."""
    role = "overall" if scale.kind == "ordinal" else "verdict"
    named = next((field for field in form.fields if field.role == role), None)
    if named is None and scale.kind != "preference":
        if not any(field.role == "criterion" for field in form.fields):
            raise JudgeError(f"scale: is {scale.text()}, and the JSON that the prompt describes has no {role} for it")
        return msgspec.structs.replace(form, scale=scale)
    fields = tuple(msgspec.structs.replace(f, scale=scale) if f is named else f for f in form.fields)
    return msgspec.structs.replace(form, scale=scale, fields=fields)


def _leaves(prompt: str) -> tuple[tuple[Leaf, ...], Described | None, list[str]]:
    """The values of the object that the answer is to be, and where it stands; rules 1 and 5."""
    objects = objects_in(prompt)
    decisive = [found for found in objects if any(_rank(leaf) is not None for leaf in found.leaves)]
    if decisive:
        most = max(map(_clarity, decisive))
        taken = [found for found in decisive if _clarity(found) == most][-1]
        notes = (
            [f"{len(decisive)} objects are described: the one with keys {_keys(taken)} is taken"]
            if len(decisive) > 1
            else []
        )
        return taken.leaves, taken, notes
    if objects and not decisive:
        taken = objects[-1]
        return taken.leaves, taken, [f"no key for an overall or a verdict among {_keys(taken)}"]
    if not re.search("json", prompt, re.IGNORECASE):
        return (), None, []
    named = {
        m[1].strip(): Leaf(path=(m[1].strip(),), kind="bare", text="", comment=m[2])
        for m in _QUOTED_NAME.finditer(prompt)
    }
    known = [leaf for leaf in named.values() if keys.rank(leaf.path[0]) < keys.UNKNOWN or names_range(leaf.comment)]
    if any(_rank(leaf) is not None for leaf in known):
        return tuple(known), None, ["the JSON's keys are taken from the quoted names in the text"]
    return (), None, []


def _clarity(found: Described) -> int:
    """How many values of an object are known by their key, or say what may stand there."""
    return sum(keys.rank(keys.name_of(leaf.path)) < keys.UNKNOWN for leaf in found.leaves) + sum(
        bool(alternatives(leaf) or names_range(f"{leaf.text} {leaf.comment}")) for leaf in found.leaves
    )


def _rank(leaf: Leaf) -> int | None:
    """How early the leaf's name stands among those of an overall or a verdict; None when it does not."""
    name = keys.plain_key(keys.name_of(leaf.path))
    return keys.rank(name) if name in keys.OVERALL or name in keys.VERDICT else None


def _keys(found: Described) -> str:
    return ", ".join(repr(".".join(leaf.path)) for leaf in found.leaves[:6])


def _chosen(candidates: list[Meaning], what: str, notes: list[str]) -> Meaning | None:
    """The candidate whose name stands first in its list; of equals the least nested, then the last."""
    if not candidates:
        return None
    ranked = sorted(reversed(candidates), key=lambda m: (keys.rank(m.name), len(m.leaf.path)))
    if len(candidates) > 1:
        names = ", ".join(repr(".".join(m.leaf.path)) for m in candidates)
        notes.append(f"{what}: {'.'.join(ranked[0].leaf.path)!r} is taken, of {names}")
    return ranked[0]


def _overall(meanings: list[Meaning], verdict: Meaning | None, is_pair: bool, notes: list[str]) -> Meaning | None:
    """The overall score; rule 3."""
    numbers = [m for m in meanings if m.kind == "number"]
    if is_pair:
        return None
    named = [m for m in numbers if keys.plain_key(m.name) in keys.OVERALL] or [
        m for m in numbers if keys.plain_key(m.name) in keys.VERDICT
    ]
    if named:
        return _chosen(named, "overall", notes)
    if len(numbers) == 1 and verdict is None:
        notes.append(f"overall: {'.'.join(numbers[0].leaf.path)!r} is taken, the only number")
        return numbers[0]
    if verdict is None:
        notes.append("overall: none is described, so there are only the single scores")
    return None


def _fields(meanings: list[Meaning], verdict: Meaning | None, overall: Meaning | None) -> tuple[Field, ...]:
    names = [m.name for m in meanings]
    fields = []
    for m in meanings:
        path = m.leaf.path
        name = (
            m.name
            if names.count(m.name) == 1 and keys.plain_key(m.name) not in ("overall", "reasoning")
            else ".".join(path)
        )
        if m is verdict:
            fields.append(Field(name="verdict", path=path, role="verdict", scale=m.scale))
        elif m is overall:
            fields.append(Field(name="overall", path=path, role="overall", scale=m.scale))
        elif keys.plain_key(m.name) in keys.CRITIQUE and m.kind in ("text", "unknown"):
            fields.append(Field(name="reasoning", path=path, role="critique", required=False))
        elif m.kind == "number":
            fields.append(Field(name=name, path=path, role="criterion", scale=m.scale, required=False))
        else:
            fields.append(Field(name=name, path=path, role="other", required=False))
    return tuple(fields)


def _scale_of(verdict: Meaning | None, overall: Meaning | None, is_pair: bool) -> Scale:
    for found in (overall, verdict):
        if found is not None and found.scale is not None:
            return found.scale
    return Scale(kind="preference") if is_pair else Scale(kind="ordinal")


def _choices(decisive: Meaning | None, leaves: tuple[Leaf, ...]) -> tuple[str, ...]:
    """The words that the verdict's token decides between, where they are stated and one key tells where it is."""
    if decisive is None or decisive.scale is None:
        return ()
    if sum(leaf.path[-1] == decisive.leaf.path[-1] for leaf in leaves) > 1:
        return ()
    if decisive.kind == "verdict":
        return decisive.words
    scale = decisive.scale
    if not decisive.is_whole or scale.low is None or scale.high is None or scale.low < 0 or scale.high > 9:
        return ()
    return tuple(str(n) for n in range(int(scale.low), int(scale.high) + 1))


def _schema(meanings: list[Meaning]) -> dict[str, Any] | None:
    """A JSON schema of the described object, keys in its order; None where a value's type is not clear."""
    root: dict[str, Any] = {"type": "object", "properties": {}}
    for m in meanings:
        if (piece := _piece(m)) is None:
            return None
        node = root
        for key in m.leaf.path[:-1]:
            node = node["properties"].setdefault(key, {"type": "object", "properties": {}})
            if "properties" not in node:
                return None
        node["properties"][m.leaf.path[-1]] = piece
    _close(root)
    return root


def _close(node: dict[str, Any]) -> None:
    node["required"] = list(node["properties"])
    node["additionalProperties"] = False
    for child in node["properties"].values():
        if "properties" in child:
            _close(child)


def _piece(m: Meaning) -> dict[str, Any] | None:
    if m.kind == "number" and m.scale is not None:
        if not m.is_whole or m.scale.low is None or m.scale.high is None:
            return m.scale.schema
        low, high = int(m.scale.low), int(m.scale.high)
        listed = high - low < _LISTED_LEVELS
        return {"type": "integer"} | (
            {"enum": [*range(low, high + 1)]} if listed else {"minimum": low, "maximum": high}
        )
    if m.kind == "bool" or (m.kind == "verdict" and is_bool(m.leaf, m.words)):
        return {"type": "boolean"}
    if m.kind in ("verdict", "words"):
        return {"type": "string", "enum": list(m.words)} if m.words else None
    if m.kind == "text" or keys.plain_key(m.name) in keys.CRITIQUE:
        return {"type": "string", "maxLength": _TEXT_CHARS}
    return None


def _scale_of_text(prompt: str, is_pair: bool) -> Scale:
    """The scale of an answer without JSON: what the prompt speaks of last, be it pass and fail or a number; rule 6."""
    if is_pair:
        return Scale(kind="preference")
    spoken = {match[0].lower() for match in _SAYS_PASS_FAIL.finditer(prompt)}
    last: list[tuple[int, Scale]] = []
    if len(spoken) > 1:
        last.append((max(match.end() for match in _SAYS_PASS_FAIL.finditer(prompt)), Scale()))
    if yes := [match.end() for match in _SAYS_YES_NO.finditer(prompt)]:
        last.append((yes[-1], Scale(words=("yes", "no") if "yes" in prompt.lower() else ("是", "否"))))
    stated = stated_range(prompt)
    if stated is not None:
        last.append((stated_until(prompt), Scale(kind="ordinal", low=stated[0], high=stated[1])))
    return max(last, key=lambda found: found[0])[1] if last else Scale(kind="ordinal")
