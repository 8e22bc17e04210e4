"""One raw label -> Label, and which words mean pass, fail, a, b and tie."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import get_args

from dikast.interactions.rows import Tally, Unusable
from dikast.interactions.values import describe
from dikast.records import Json, Label, Outcome

_WORDS: dict[Outcome, str] = {
    "pass": "pass passed p true t yes y 1 ok good correct right accept accepted acceptable ✓ ✔ ✅ 👍 "
    "通過 通过 合格 及格 是 對 对 正確 正确 好 接受",
    "fail": "fail failed f false no n 0 bad incorrect wrong reject rejected unacceptable ✗ ✘ ❌ 👎 "
    "不通過 不通过 未通過 未通过 不合格 不及格 否 不是 錯 错 不對 不对 錯誤 错误 不正確 不正确 不好 拒絕 拒绝",
    "a": "a output_a response_a answer_a model_a",
    "b": "b output_b response_b answer_b model_b",
    "tie": "tie tied equal same draw 平手 平局 一樣 一样 相同",
}
_OUTCOMES: dict[str, Outcome] = {word: outcome for outcome, words in _WORDS.items() for word in words.split()}
_OUTCOMES |= {word.replace("_", " "): outcome for word, outcome in _OUTCOMES.items()}
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:-|–|to|\.\.)\s*(-?\d+(?:\.\d+)?)\s*")
_KNOWN = frozenset(Label.__struct_fields__) | {"preference"}

NUMBER_REASON = "verdict is a number"


def outcome_of(value: Json) -> Outcome:
    """What a word, a number or a truth value means as a verdict. Raises Unusable for anything not listed.

    Case, spaces and a full stop behind don't matter: "FAIL ", "Pass." and "通過" are read. 1 and true pass, 0 and false
    fail.
    """
    if isinstance(value, bool):
        return "pass" if value else "fail"
    if isinstance(value, (int, float)):
        if value in (0, 1):
            return "pass" if value else "fail"
        raise Unusable(f"{NUMBER_REASON}: {value!r:.30}, and only 0 and 1 are verdicts; a grade goes under 'score'")
    if isinstance(value, str):
        word = unicodedata.normalize("NFKC", value).strip().rstrip(".。!").strip().casefold().replace("\ufe0f", "")
        if word in _OUTCOMES:
            return _OUTCOMES[word]
        if re.fullmatch(r"-?\d+(\.\d+)?", word):
            return outcome_of(float(word) if "." in word else int(word))
    raise Unusable(
        f"unknown verdict: {describe(value)}; expected {', '.join(get_args(Outcome))} (or 1/0, yes/no, 通過/不通過)"
    )


def label_of(raw: Json, id: str, tally: Tally) -> Label:
    """One label: an object in the contract's fields, or only its verdict. Raises Unusable when it says nothing."""
    if not isinstance(raw, Mapping):
        return Label(id=id, verdict=outcome_of(raw))
    for key in raw.keys() - _KNOWN:
        tally.note(f"labels: {key!r} is not kept")
    scale = _scale(raw.get("scale"))
    label = Label(
        id=id,
        verdict=_verdict(raw),
        critique=_text(raw, "critique"),
        score=_score(raw.get("score"), scale),
        scale=scale,
        criterion=_text(raw, "criterion"),
        annotator=_text(raw, "annotator"),
        drawn=_text(raw, "drawn"),
        at=_text(raw, "at"),
        blind=_truth(raw.get("blind")),
        tags=tags_of(raw.get("tags")),
        note=_text(raw, "note"),
        origin=_text(raw, "origin"),
        seed=_whole(raw.get("seed")),
    )
    if label.verdict is None and label.score is None:
        raise Unusable("no verdict: a label needs a verdict or a score")
    return label


def labels_of(label: Json, labels: Json, id: str, tally: Tally) -> tuple[Label, ...]:
    """What an interaction carries under `label` and `labels`, the settled one first. Raises Unusable.

    Where both are there, `label` is what was settled on (a majority, a mean) and `labels` are the people's own; these
    take the criterion and the scale of the settled one unless they name their own.
    """
    settled = () if absent(label) else (label_of(label, id, tally),)
    if absent(labels):
        return settled
    if not isinstance(labels, list):
        raise Unusable(f"unknown labels: {describe(labels)} where a list was expected")
    shared = {key: label[key] for key in ("criterion", "scale") if isinstance(label, Mapping) and key in label}
    own = [{**shared, **one} if isinstance(one, Mapping) else one for one in labels]
    return settled + tuple(label_of(one, id, tally) for one in own)


def _whole(value: Json) -> int | None:
    """A seed; anything else that is called so says nothing of how an item was drawn."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()) else None


def tags_of(value: Json) -> tuple[str, ...]:
    """Tags of a list, or of a text that parts them by commas, semicolons or lines; each once. Raises Unusable.

    >>> tags_of("tone; missing link, tone")
    ('tone', 'missing link')
    """
    if absent(value):
        return ()
    given = re.split(r"[,;，；、\n]", value) if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)) or not all(isinstance(tag, str) for tag in given):
        raise Unusable(f"unknown tags: {describe(value)} where a list of texts was expected")
    return tuple(dict.fromkeys(tag.strip() for tag in given if tag.strip()))


def absent(value: Json) -> bool:
    """Whether a field says nothing: null, or blank text."""
    return value is None or (isinstance(value, str) and not value.strip())


def _verdict(raw: Mapping[str, Json]) -> Outcome | None:
    given = [outcome_of(raw[key]) for key in ("verdict", "preference") if not absent(raw.get(key))]
    if len(set(given)) > 1:
        raise Unusable(f"two verdicts: verdict is {given[0]!r} and preference is {given[1]!r}")
    return given[0] if given else None


def _score(value: Json, scale: tuple[float, float] | None) -> float | None:
    if absent(value):
        return None
    score = _number(value)
    if score is None:
        raise Unusable(f"unknown score: {describe(value)} where a number was expected")
    if scale is not None and not scale[0] <= score <= scale[1]:
        raise Unusable(f"score outside its scale: {score:g} is not between {scale[0]:g} and {scale[1]:g}")
    return score


def _scale(value: Json) -> tuple[float, float] | None:
    if absent(value):
        return None
    match = _RANGE.fullmatch(value) if isinstance(value, str) else None
    ends = list(match.groups()) if match else value
    if isinstance(ends, (list, tuple)) and len(ends) == 2:
        low, high = _number(ends[0]), _number(ends[1])
        if low is not None and high is not None and low < high:
            return low, high
    raise Unusable(f"unknown scale: {value!r:.60} where [lowest, highest] was expected, such as [1, 5]")


def _truth(value: Json) -> bool | None:
    if absent(value):
        return None
    said = outcome_of(value)
    if said not in ("pass", "fail"):
        raise Unusable(f"blind is neither true nor false: {describe(value)}")
    return said == "pass"


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(raw: Mapping[str, Json], key: str) -> str | None:
    value = raw.get(key)
    if absent(value):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    raise Unusable(f"{key} is no text: {describe(value)}")
