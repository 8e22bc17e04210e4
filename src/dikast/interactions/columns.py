"""Whose name is what: the contract's fields, and the other names under which files carry them.

A field's own name always wins. Only when a file has no field of that name is another spelling (`Input`, `OUTPUT A`) or
a common synonym (`question`, `response`) taken for it, and the tally says so. Two candidates for a field are an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import msgspec

from dikast.errors import DataError
from dikast.interactions.rows import Tally, Unusable
from dikast.records import Json

_KEPT_PLANS = 10_000


class Vocabulary(msgspec.Struct, frozen=True):
    """Fields and their synonyms. `jsonish`: fields whose table cells may spell a JSON list or object."""

    synonyms: dict[str, tuple[str, ...]]
    jsonish: frozenset[str]


_OUTPUTS = ("answer", "response", "completion", "prediction", "actual_output", "model_output", "generation", "reply",
            "輸出", "输出", "回答", "回覆", "回复")  # fmt: skip

INTERACTION_FIELDS = Vocabulary(
    synonyms={
        "id": ("interaction_id", "item_id", "example_id", "編號", "编号"),
        "input": ("question", "prompt", "query", "user_input", "instruction", "request",
                  "輸入", "输入", "問題", "问题", "提問", "提问"),
        "output_a": tuple(f"{name}_a" for name in _OUTPUTS),
        "output_b": tuple(f"{name}_b" for name in _OUTPUTS),
        "output": _OUTPUTS,
        "context": ("contexts", "retrieved_context", "retrieved_contexts", "retrieval_context", "documents", "passages",
                    "脈絡", "上下文", "參考資料", "参考资料"),
        "reference": ("ground_truth", "groundtruth", "expected", "expected_output", "expected_answer",
                      "reference_answer", "target", "gold", "ideal", "correct_answer",
                      "參考答案", "参考答案", "標準答案", "标准答案"),
        "metadata": ("meta",),
        "label": (),
        "labels": (),
    },
    jsonish=frozenset({"input", "output", "output_a", "output_b", "context", "reference", "metadata", "label",
                       "labels"}),
)  # fmt: skip

LABEL_FIELDS = Vocabulary(
    synonyms={
        "id": INTERACTION_FIELDS.synonyms["id"],
        "label": (),
        "labels": (),
        "verdict": ("human_label", "human_verdict", "judgement", "judgment", "passed", "is_correct", "pass_fail",
                    "判定", "結果", "结果", "標籤", "标签"),
        "score": ("rating", "human_score", "human_rating", "評分", "评分", "分數", "分数"),
        "preference": ("preferred", "winner", "偏好"),
        "critique": ("comment", "comments", "feedback", "explanation", "rationale", "reason", "評語", "评语", "理由",
                     "備註", "备注"),
        "annotator": ("rater", "reviewer", "annotator_id", "rater_id", "labeler", "labeller",
                      "標註者", "标注者", "評審", "评审"),
        "scale": (),
        "criterion": ("標準", "标准"),
        "drawn": (),
        "at": ("labelled_at", "labeled_at"),
        "blind": (),
        "tags": ("codes", "標記", "标记"),
        "note": ("notes", "筆記", "笔记"),
        "origin": (),
        "seed": (),
    },
    jsonish=frozenset({"label", "labels", "scale", "tags"}),
)  # fmt: skip


def normal_name(name: str) -> str:
    """A column's name without the accidents of spelling: "Output A" and "output-a" are "output_a"."""
    return re.sub(r"[\s\-]+", "_", unicodedata.normalize("NFKC", name).strip().casefold())


# A key that makes an object a row, whatever lists it holds beside; a chat is one row, not one a message.
_ROW_FIELDS = ("input", "output", "output_a", "output_b", "verdict", "score", "preference")
_CHATS = ("messages", "conversation", "conversations", "turns")


def is_row_field(name: str, vocabulary: Vocabulary) -> bool:
    """Whether an object with this key is an interaction or a label itself, and no wrapper around a list of them."""
    normal = normal_name(name)
    return normal in _CHATS or any(
        normal == field or normal in vocabulary.synonyms.get(field, ()) for field in _ROW_FIELDS
    )


class FieldNames:
    """The names that one file uses for the contract's fields; settled by the first row that shows a field."""

    def __init__(self, file: str, vocabulary: Vocabulary, tally: Tally) -> None:
        self.vocabulary = vocabulary
        self._file = file
        self._tally = tally
        self._chosen: dict[str, str] = {}
        self._plans: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}

    def fresh(self) -> FieldNames:
        """The same vocabulary for a trial: nothing settled, and nothing told."""
        return FieldNames(self._file, self.vocabulary, Tally())

    def rename(self, row: dict[str, Json]) -> dict[str, Json]:
        """The row under the contract's names, changed in place. Raises DataError when two names compete."""
        keys = tuple(row)
        plan = self._plans.get(keys)
        if plan is None:
            plan = self._plan(keys)
            if len(self._plans) < _KEPT_PLANS:
                self._plans[keys] = plan
        for name, field in plan:
            row[field] = row.pop(name)
        return row

    def header(self, names: Iterable[str]) -> list[str]:
        """A table's header under the contract's names. Raises DataError when two columns compete, or have one name."""
        names = list(names)
        known = self.vocabulary.synonyms
        twice = sorted({name for name in names if name in known and names.count(name) > 1})
        if twice:
            raise DataError(f"{self._file}: two columns are called {twice[0]!r}", hint="Rename or remove one of them.")
        renamed = dict(self._plan(tuple(names)))
        return _numbered([renamed.get(name, name) for name in names])

    def settle(self, row: dict[str, Json] | Unusable) -> dict[str, Json] | Unusable:
        """`rename`, for readers: what is no object passes."""
        return row if isinstance(row, Unusable) else self.rename(row)

    def _plan(self, keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        normal = {key: normal_name(key) for key in keys}
        plan: dict[str, str] = {}
        for field, synonyms in self.vocabulary.synonyms.items():
            if field in keys:
                self._chosen.setdefault(field, field)
                continue
            if field == "output" and ("output_a" in keys or "output_a" in plan.values()):
                continue
            name = self._chosen.get(field) or self._choose(field, synonyms, normal)
            if name is not None and name != field and name in keys and name not in plan:
                plan[name] = field
        return tuple(plan.items())

    def _choose(self, field: str, synonyms: tuple[str, ...], normal: dict[str, str]) -> str | None:
        """The one name in this row that stands for a field that the file has not shown yet."""
        free = {key: name for key, name in normal.items() if key not in self.vocabulary.synonyms}
        candidates = [key for key, name in free.items() if name == field]
        candidates = candidates or [key for key, name in free.items() if name in synonyms]
        if len(candidates) > 1:
            both = " and ".join(repr(name) for name in candidates)
            raise DataError(
                f"{self._file}: there is no {field!r}, and {both} could each be it",
                hint=f"Rename the right one to {field!r}; the others then stay as metadata.",
            )
        if not candidates:
            return None
        self._chosen[field] = candidates[0]
        self._tally.note(f"{self._file}: {candidates[0]!r} is read as {field!r}")
        return candidates[0]


def _numbered(names: list[str]) -> list[str]:
    """Names that are all different: the second `x` is `x.2`, a column without a name `column 3`."""
    seen: dict[str, int] = {}
    out = []
    for position, given in enumerate(names, 1):
        name = given or f"column {position}"
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return out
