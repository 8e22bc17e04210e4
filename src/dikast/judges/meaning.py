"""What one value of a described answer can be: a number on a scale, a verdict, or something else.

Its key tells it, and what stands in the value's place: `<1-5>`, `"pass" | "fail"`, `true/false`, `"one sentence"`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

import msgspec

from dikast.judges import keys
from dikast.judges.described import Leaf
from dikast.judges.ranges import BETWEEN, Limits, names_range, range_in
from dikast.judges.scale import Misread, Scale

Kind = Literal["number", "verdict", "bool", "words", "text", "unknown"]

_NUMBER_WORD = re.compile(
    r"\b(?:number|integer|int|float|score|rating|numeric|decimal)\b|分數|分数|數字|数字|整數|整数|評分|评分|得分|小數|小数|浮點|浮点|數值|数值|分值",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"\b(?:integer|int|whole)\b|整數|整数", re.IGNORECASE)
_BOOL_WORD = re.compile(r"\bbool(?:ean)?\b|布林|布爾|布尔", re.IGNORECASE)
_DIGITS = re.compile(r"-?\d+(?:\.\d+)?")
_ONLY_NUMBER = re.compile(
    rf"[<\[(（]?\s*(?:an?\s+)?(?:{_NUMBER_WORD.pattern}|from|between|in|of|[,:：\s])*(?:{BETWEEN})\s*"
    r"(?:分|points?|[,，]?\s*(?:integer|number|整數|整数))?\s*[>\])）]?",
    re.IGNORECASE,
)
_SPLIT = re.compile(r"\s*(?:\||/|\bor\b|或者?|、)\s*", re.IGNORECASE)
_MARKS = " \t\r\n\"'`“”‘’「」<>()（）[]."

_GOOD = frozenset({
    "pass", "passed", "yes", "true", "correct", "good", "acceptable", "accept", "valid", "ok", "通過", "通过",
    "是", "對", "对", "合格", "正確", "正确", "達標", "达标",
})  # fmt: skip
_BAD = frozenset({
    "fail", "failed", "no", "false", "incorrect", "wrong", "bad", "unacceptable", "reject", "invalid", "不通過",
    "不通过", "未通過", "未通过", "否", "錯", "错", "不合格", "錯誤", "错误", "不正確", "不正确", "不達標",
    "不达标",
})  # fmt: skip


class Meaning(msgspec.Struct, frozen=True):
    """What a described value can be: a number on a scale, a verdict, or something else."""

    leaf: Leaf
    name: str
    kind: Kind
    scale: Scale | None = None
    words: tuple[str, ...] = ()
    is_whole: bool = False


def meaning_of(leaf: Leaf, is_pair: bool, stated: Limits | None) -> Meaning:
    """What a described value can be. stated: the range that the rest of the prompt states for scores."""
    name = keys.name_of(leaf.path)
    key = keys.plain_key(name)
    said = f"{leaf.text} {leaf.comment}"
    words = alternatives(leaf)
    if leaf.kind == "array":
        return Meaning(leaf, name, "unknown")
    if words and all(_DIGITS.fullmatch(word) for word in words):
        return Meaning(leaf, name, "number", _listed_scale([float(word) for word in words]))
    is_verdict = key in keys.VERDICT or (is_pair and key in keys.OVERALL)
    if is_verdict and (scale := _verdict_scale(leaf, words, is_pair)) is not None:
        return Meaning(leaf, name, "verdict", scale, words)
    if is_bool(leaf, words):
        return Meaning(leaf, name, "bool", None, words)
    if _is_number(leaf, key):
        return Meaning(leaf, name, "number", _number_scale(said, stated))
    if key in keys.CRITIQUE:
        return Meaning(leaf, name, "text")
    if len(words) > 1:
        return Meaning(leaf, name, "words", None, words)
    return Meaning(leaf, name, "text" if leaf.kind == "text" else "unknown")


def alternatives(leaf: Leaf) -> tuple[str, ...]:
    """The words between which a value chooses, as "pass" | "fail" states them."""
    text = leaf.text or leaf.comment
    if leaf.kind == "array" or not text or len(text) > 120:
        return ()
    words = [part.strip(_MARKS) for part in _SPLIT.split(text)]
    fits = len(words) > 1 and all(0 < len(word) <= 24 for word in words)
    return tuple(dict.fromkeys(words)) if fits else ()


def _verdict_scale(leaf: Leaf, words: tuple[str, ...], is_pair: bool) -> Scale | None:
    """The scale of a verdict's value; None when it is something else, such as a number or a category."""
    if is_pair:
        if not words:
            return None if _is_number(leaf, "") else Scale(kind="preference")
        scale = Scale(kind="preference")
        try:
            read = {scale.read(word) for word in words}
        except Misread:
            return None
        return Scale(kind="preference", tie="tie" in read)
    if words:
        return _worded_scale(words)
    if _is_number(leaf, ""):
        return None
    word = unicodedata.normalize("NFKC", leaf.text).lower().strip(_MARKS)
    if leaf.kind == "text" and word and word not in _GOOD | _BAD and not re.search(r"[<.\s]|…", leaf.text):
        return None
    return Scale(words=("yes", "no")) if word in ("yes", "no") else Scale()


def _worded_scale(words: tuple[str, ...]) -> Scale | None:
    """Pass/fail in the prompt's own words, where it says one good and one bad one."""
    plain = {unicodedata.normalize("NFKC", word).lower(): word for word in words}
    good = [word for low, word in plain.items() if low in _GOOD]
    bad = [word for low, word in plain.items() if low in _BAD]
    if len(words) != 2 or not good or not bad:
        return None
    is_plain = (good[0], bad[0]) in (("pass", "fail"), ("true", "false"))
    return Scale() if is_plain else Scale(words=(good[0], bad[0]))


def is_bool(leaf: Leaf, words: tuple[str, ...]) -> bool:
    """Whether a value is to be true or false."""
    if {word.lower() for word in words} == {"true", "false"}:
        return True
    return leaf.kind == "bare" and (leaf.text.lower() in ("true", "false") or bool(_BOOL_WORD.search(leaf.text)))


def _is_number(leaf: Leaf, key: str) -> bool:
    said = f"{leaf.text} {leaf.comment}"
    if leaf.kind == "text":
        is_known = key in keys.OVERALL and not re.search(r"[^\W\d]{40,}", leaf.text)
        return bool(_ONLY_NUMBER.fullmatch(leaf.text)) or bool(_DIGITS.fullmatch(leaf.text)) or is_known
    if names_range(said) or _DIGITS.fullmatch(leaf.text.strip(_MARKS)):
        return True
    return bool(_NUMBER_WORD.search(leaf.text)) or key in keys.OVERALL


def _number_scale(said: str, stated: Limits | None) -> Scale:
    limits = range_in(said) or stated
    if limits is None:
        return Scale(kind="ordinal")
    is_whole = _WHOLE.search(said) and limits[1] - limits[0] <= 20
    return Scale(kind="ordinal", low=limits[0], high=limits[1], step=1 if is_whole else None)


def _listed_scale(numbers: list[float]) -> Scale:
    low, high = min(numbers), max(numbers)
    if low == high:
        return Scale(kind="ordinal")
    is_run = sorted(numbers) == [low + n for n in range(len(numbers))]
    return Scale(kind="ordinal", low=low, high=high, step=1 if is_run else None)


def in_wholes(scale: Scale | None, otherwise: bool) -> bool:
    """Whether a range is one of whole numbers, such as 1-5; from 0 to 1 there are decimals."""
    if scale is None or scale.low is None or scale.high is None:
        return False
    return scale.step == 1 or (
        otherwise and scale.low.is_integer() and scale.high.is_integer() and scale.high - scale.low > 1
    )
