"""The last resort: a verdict in an answer that holds no JSON.

It is read only where nobody could take it for something else:

- the whole answer is the verdict: "PASS", "**4/5**", "[[B]]", "不通過。";
- a line, or an XML element, names it and says nothing but its value: "**Verdict:** fail", "總分：4",
  "<verdict>pass</verdict>". Where several lines do, all must say the same; a line such as "Verdict: pass or fail?"
  makes the answer ambiguous;
- where the prompt describes no JSON at all, the last line may be the verdict alone.

Where the overall is computed from criteria, every criterion needs its line.
"""

from __future__ import annotations

import re
from typing import Any

from dikast.judges import keys
from dikast.judges.form import AnswerForm, Reading
from dikast.judges.scale import Misread

_ELEMENT = re.compile(r"<([A-Za-z_][\w-]{0,40})>\s*([^<>\n]{1,60}?)\s*</\1>")
_LINE = re.compile(
    r"""^ [\s>\#*_`•·\-–|"“\[【]* (?P<name> [^\W\d_][\w /.-]{0,40}? ) [\s*_`"”\]】]* [:：] (?P<value> [^\n]* ) $""",
    re.VERBOSE | re.MULTILINE,
)
_FINAL = ("最終", "最终", "整體", "整体", "my_", "the_", "final_", "overall_")
_VERDICTS = frozenset(keys.plain_key(key) for key in keys.VERDICT)
_OVERALLS = frozenset(keys.plain_key(key) for key in keys.OVERALL)
# names under which any value that can't be read makes the answer ambiguous; others may start ordinary sentences
_SURE = frozenset(("verdict", "final_verdict", "overall_verdict", "overall", "overall_score")) | frozenset(
    ("判定", "裁定", "裁決", "裁决", "總分", "总分")
)


class Ambiguous(ValueError):
    """The text names its verdict more than once, or unclearly."""


def read_prose(form: AnswerForm, answer: str) -> Reading | None:
    """The verdict of an answer without JSON; None if it has none. Raises Ambiguous."""
    text = _ELEMENT.sub(r"\n\1: \2\n", answer)
    if form.overall in ("weighted", "all"):
        return _criteria(form, text)
    named = _named_verdict(form, text)
    if named is not None:
        return named
    alone = text.strip()
    if form.is_open or "\n" not in alone:
        last = alone.rpartition("\n")[2]
        try:
            form.scale.read(last)
            return form.read_text(alone)
        except Misread:
            return None
    return None


def _named_verdict(form: AnswerForm, text: str) -> Reading | None:
    """The value that all lines give which name the verdict or the overall score."""
    own = {keys.plain_key(field.path[-1]) for field in form.fields if field.role in ("verdict", "overall")}
    names = own | (_OVERALLS if form.scale.kind == "ordinal" else _VERDICTS)
    values: dict[object, tuple[int, str]] = {}
    unclear = None
    for match in _LINE.finditer(text):
        name = _short_name(match["name"])
        if name not in names:
            continue
        try:
            values[form.scale.read(match["value"])] = (match.start(), match["value"])
        except Misread:
            sure = name in own or keys.plain_key(match["name"]) in _SURE
            unclear = match.group().strip() if sure else unclear
    if len(values) > 1 or (values and unclear):
        shown = unclear or " and ".join(repr(value.strip()) for _, value in values.values())
        raise Ambiguous(f"the answer names its verdict more than once: {shown[:120]}")
    for start, value in values.values():
        return form.read_text(f"{text[:start].strip()}\n{value.strip()}")
    if unclear:
        raise Ambiguous(f"the answer's verdict is unclear: {unclear[:120]}")
    return None


def _criteria(form: AnswerForm, text: str) -> Reading | None:
    """A reading where every criterion has a line of its own."""
    lines: dict[str, set[str]] = {}
    for match in _LINE.finditer(text):
        lines.setdefault(keys.plain_key(match["name"]), set()).add(match["value"].strip())
    obj: dict[str, Any] = {}
    for field in form.fields:
        values = lines.get(keys.plain_key(field.name)) or lines.get(keys.plain_key(field.path[-1]))
        if field.role != "criterion" or not values:
            continue
        if len(values) > 1:
            raise Ambiguous(f"the answer scores {field.name!r} more than once")
        inner = obj
        for key in field.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[field.path[-1]] = values.pop()
    try:
        return form.read(obj) if obj else None
    except Misread:
        return None


def _short_name(name: str) -> str:
    plain = keys.plain_key(name)
    for word in _FINAL:
        if plain.startswith(word) and (plain.removeprefix(word) in _VERDICTS or plain.removeprefix(word) in _OVERALLS):
            return plain.removeprefix(word)
    return plain
