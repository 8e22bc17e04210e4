"""What is pushed: a judge's verdict on one trace or step, under an id that is the same however often it is pushed."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping

import msgspec

from dikast.records import Json, Verdict, canonical_json

_NAMESPACE = uuid.UUID("6f1d2b7e-52c4-5c0e-9d0a-6c1f0b1f7d11")
_NOT_CRITERIA = ("overall", "reasoning")
LONGEST_COMMENT = 8000
MARK = "dikast"
"""Under this key of its metadata a score says that it is ours, and its digest."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One score. value: 1 or 0 for pass and fail, a number, or a word (a, b, tie). label: the word for it.

    trace, span: what it is about; span None for the whole trace. environment: the trace's, where the platform says so.
    metadata: judge, model, confidence, trust.
    """

    id: str
    name: str
    item: str
    source: str
    trace: str
    span: str | None = None
    project: str | None = None
    environment: str | None = None
    value: float | None = None
    label: str | None = None
    comment: str | None = None
    metadata: dict[str, Json] = {}
    at: str | None = None

    @property
    def digest(self) -> bytes:
        """SHA-256 of what is sent; figures about the judge, which move with each label, are left out."""
        told = {key: value for key, value in self.metadata.items() if key not in ("corrected_pass_rate", "labels")}
        parts = (self.name, self.trace, self.span, self.value, self.label, self.comment, told)
        return hashlib.sha256(canonical_json(parts)).digest()

    @property
    def mark(self) -> str:
        """The digest as it is kept on the platform."""
        return self.digest.hex()[:16]

    @property
    def marked(self) -> dict[str, Json]:
        """The metadata as it is sent."""
        return {**self.metadata, MARK: self.mark}


def score_id(judge_version: str, item: str, criterion: str, trace: str, span: str | None) -> str:
    """The id of what a judge's version says of one item under one criterion.

    >>> score_id("v1", "a", "tone", "t", None) == score_id("v1", "a", "tone", "t", None)
    True
    """
    return str(uuid.uuid5(_NAMESPACE, canonical_json([judge_version, item, criterion, trace, span]).decode()))


def scores_of(verdict: Verdict, name: str, trust: Mapping[str, Json]) -> Iterator[Score]:
    """The scores that a verdict makes: itself, and one for each criterion ("NAME.CRITERION"). None without a trace."""
    said = verdict.metadata
    trace, source = said.get("trace_id"), said.get("source")
    if verdict.status != "scored" or not isinstance(trace, str) or not isinstance(source, str):
        return
    found = [("", *_whole(verdict))]
    found += [(key, *_one(value)) for key, value in (verdict.scores or {}).items() if key not in _NOT_CRITERIA]
    span, project = said.get("span_id"), said.get("project")
    for criterion, value, label in found:
        if value is None and label is None:
            continue
        yield Score(
            id=score_id(verdict.judge.version, verdict.id, criterion, trace, _text(span)),
            name=f"{name}.{criterion}" if criterion else name,
            item=verdict.id,
            source=source,
            trace=trace,
            span=_text(span),
            project=_text(project),
            environment=_text(said.get("environment")),
            value=value,
            label=label,
            comment=cut(verdict.critique) if verdict.critique else None,
            metadata=_metadata(verdict, trust),
            at=_text(said.get("time")),
        )


def cut(text: str, most: int = LONGEST_COMMENT) -> str:
    """A text of at most so many characters, which says that it was cut.

    >>> cut("x" * 9000).endswith("(cut: 9,000 characters in all)")
    True
    """
    if len(text) <= most:
        return text
    word = f" … (cut: {len(text):,} characters in all)"
    return text[: most - len(word)] + word


def _metadata(verdict: Verdict, trust: Mapping[str, Json]) -> dict[str, Json]:
    told: dict[str, Json] = {
        "judge": verdict.judge.name,
        "judge_version": verdict.judge.version,
        "model": verdict.model,
        "confidence": verdict.confidence,
        "confidence_source": verdict.confidence_source,
        "interaction": verdict.id,
        **trust,
    }
    return {key: value for key, value in told.items() if value is not None}


def _whole(verdict: Verdict) -> tuple[float | None, str | None]:
    if verdict.verdict in ("pass", "fail"):
        return float(verdict.verdict == "pass"), verdict.verdict
    if verdict.verdict is not None:
        return None, verdict.verdict
    return verdict.overall, None


def _one(value: Json) -> tuple[float | None, str | None]:
    """A criterion's score, however the judge's scale has it."""
    if isinstance(value, dict):
        value = value.get("verdict", value.get("score"))
    if isinstance(value, bool):
        return float(value), "pass" if value else "fail"
    if isinstance(value, (int, float)):
        return float(value), None
    if value in ("pass", "fail"):
        return float(value == "pass"), value
    return (None, value) if isinstance(value, str) and 0 < len(value) <= 100 else (None, None)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
