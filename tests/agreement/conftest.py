"""Records for the agreement room: verdicts and labels in few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dikast.records import JudgeRef, Label, Verdict

JUDGE = JudgeRef("judge", "v1")


@pytest.fixture
def verdict() -> Callable[..., Verdict]:
    def make(id: str, said: str | float | None = None, **more: Any) -> Verdict:
        if isinstance(said, (int, float)):
            return Verdict(id=id, status="scored", scores={"overall": said}, judge=JUDGE, **more)
        if said is None:
            more.setdefault("status", "unparsed")
            return Verdict(id=id, reason="no JSON: the answer has none", judge=JUDGE, **more)
        return Verdict(id=id, status="scored", verdict=said, judge=JUDGE, **more)  # type: ignore[arg-type]

    return make


@pytest.fixture
def label() -> Callable[..., Label]:
    def make(id: str, said: str | float, **more: Any) -> Label:
        if isinstance(said, (int, float)):
            return Label(id=id, score=said, **more)
        return Label(id=id, verdict=said, **more)  # type: ignore[arg-type]

    return make
